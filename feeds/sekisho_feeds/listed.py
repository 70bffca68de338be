"""Lists in text: how documents become lines, and an entry an indicator, whatever the layout of the list."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sekisho_core.display import visible
from sekisho_rules.indicator import UNDATED, Indicator, Refusal, newest, utc
from sekisho_rules.indicator_files import Provenance
from sekisho_rules.tree import UnsupportedError, regex

from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.observable_pattern import TYPES, indicator_id, observable
from sekisho_feeds.options import one_of, whole

ENCODINGS = ("auto", "utf-8", "cp932", "euc-jp", "utf-16")
MOST_ENTRIES = 5_000_000
_HTML = re.compile(r"\s*+<(?:!doctype\s|html\b|head\b|script\b|body\b)", re.IGNORECASE)
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_ZONED = re.compile(r"(.*?)\s*\(?(UTC|GMT|JST)\)?", re.IGNORECASE)
_JST = timezone(timedelta(hours=9))
_SECONDS = re.compile(r"\d{9,10}(?:\.\d{1,6})?")
_MILLISECONDS = re.compile(r"\d{12,13}")
_BLANK = ("", "-", "none", "null", "n/a", "never")


class Entry:
    """What an entry of a list says beside its value, and where it stands."""

    def __init__(self, place: str, file: str, text: str, **fields: Any) -> None:
        self.place, self.file, self.text, self.fields = place, file, text, fields


def text_of(document: Document, encoding: str, source: str) -> str:
    """A document as text, its encoding told by its byte order mark, else UTF-8 where it is, else CP932. Raises
    FeedError for what is no text and for an HTML page, which servers send in the place of what went away."""
    content = document.content
    place = f"{source}: {document.name}"
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "")
    names = [marked] if marked else ["utf-8", "cp932"] if encoding == "auto" else [encoding]
    text = next((text for name in names if (text := _decoded(content, name)) is not None), None)
    if text is None or "\0" in text:
        raise FeedError(f"{place}: not text in {' or '.join(names)}")
    if _HTML.match(text):
        raise FeedError(f"{place}: an HTML page, not a list")
    return text


def _decoded(content: bytes, name: str) -> str | None:
    try:
        return content.decode(name)
    except UnicodeDecodeError:
        return None


def lines_of(text: str) -> Iterator[str]:
    """Lines as files have them: some characters that Python also splits at stand within values."""
    return iter(io.StringIO(text, newline=None))


def type_option(options: Mapping[str, str]) -> str:
    """The option `type`. Raises FeedError for a type that does not exist."""
    return one_of(options, "type", ("auto", *TYPES))


def excluder(options: Mapping[str, str]) -> Callable[[str], bool]:
    """Whether a value is left out by the option `exclude`, an RE2 expression sought anywhere in it. Raises FeedError
    for one that cannot be used."""
    if not options["exclude"]:
        return lambda value: False
    try:
        expression = regex(options["exclude"])
    except UnsupportedError as error:
        raise FeedError(f"option exclude: {error}") from error
    return lambda value: expression.search(value) is not None


def harvested(
    entries: Iterable[tuple[str, str, Entry]],
    provenance: Provenance,
    refused: list[Refusal],
    options: Mapping[str, str],
) -> Harvest:
    """The harvest of entries: type, value, what is said beside it. Raises FeedError beyond `most_entries` of them."""
    most = whole(options, "most_entries", MOST_ENTRIES)
    found: list[Indicator] = []
    for number, (type, value, entry) in enumerate(entries):
        if number >= most:
            raise FeedError(f"{provenance.source}: {entry.file}: more than {most} entries")
        try:
            found.append(_indicator(type, value, entry, provenance))
        except ValueError as error:
            refused.append(Refusal(entry.place, provenance.source, visible(str(error)), entry.file, visible(value, 80)))
    return Harvest(newest(found), refused)


def _indicator(type: str, value: str, entry: Entry, provenance: Provenance) -> Indicator:
    seen = observable(type, value)
    fields: dict[str, Any] = {
        "name": seen.value,
        "tlp": provenance.tlp,
        "confidence": provenance.confidence,
    } | entry.fields
    if seen.note:
        fields["description"] = "; ".join(filter(None, (fields.get("description"), seen.note)))
    first, last = fields.get("first_seen"), fields.get("last_seen")
    return Indicator(
        id=indicator_id(provenance.source, seen.pattern),
        source=provenance.source,
        pattern=seen.pattern,
        created=first,
        # So that a row whose times changed is a newer version of its indicator.
        modified=last or first or UNDATED,
        file=entry.file,
        document=entry.text,
        **fields,
    )


def zone_of(name: str) -> tzinfo:
    """The zone that an option names: UTC, JST, an offset such as +09:00, or a name of the zone database. Raises
    FeedError."""
    if name.upper() in ("UTC", "GMT", "JST"):
        return _JST if name.upper() == "JST" else UTC
    if (offset := _OFFSET.fullmatch(name)) and int(offset[2]) < 24:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise FeedError(f"option timezone: {name} is no zone") from error


def time_of(text: str, zone: tzinfo) -> datetime | None:
    """The time that a cell states, in UTC: ISO 8601, days with slashes, a zone's name at the end, or Unix time in
    seconds or milliseconds; `zone` is of what names none. None for a blank cell. Raises ValueError."""
    bare = text.strip()
    if bare.lower() in _BLANK or bare.startswith("0000-00-00"):
        return None
    try:
        if _SECONDS.fullmatch(bare):
            return datetime.fromtimestamp(float(bare), UTC)
        if _MILLISECONDS.fullmatch(bare):
            return datetime.fromtimestamp(int(bare) / 1000, UTC)
        named = _ZONED.fullmatch(bare)
        moment = datetime.fromisoformat(_padded((named[1] if named else bare).replace("/", "-")))
        zone = zone if named is None else zone_of(named[2])
        return utc(moment.replace(tzinfo=zone) if moment.tzinfo is None else moment)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"no time: {bare[:40]}") from None


_LOOSE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T\s]+(\d{1,2}):(\d{2})(.*))?")


def _padded(text: str) -> str:
    """ISO 8601 with two digits throughout: spreadsheets write 2026/1/5 9:05."""
    found = _LOOSE.fullmatch(text)
    if not found:
        return text
    day = f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}"
    return f"{day}T{int(found[4]):02}:{found[5]}{found[6].strip()}" if found[4] else day
