"""What a TAXII request asks for: its media types and its parameters, and the errors that answer what is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl

from sekisho_feeds.published_table import Wanted

TAXII = "application/taxii+json;version=2.1"
STIX = "application/stix+json;version=2.1"
MOST_IN_PAGE = 1000
_MOST_PARAMETERS, _MOST_VALUES, _LONGEST_QUERY, _LONGEST_ACCEPT = 20, 100, 8000, 1000
_FILTERS = ("match[id]", "match[type]", "match[version]", "match[spec_version]")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")
_NEXT = re.compile(r"\d{1,18}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_WEIGHT = re.compile(r"0(?:\.0{0,3})?")
_EPOCH = datetime.fromtimestamp(0, UTC)


class TaxiiError(Exception):
    """A request that is answered by an error: its HTTP status, and in words for the client what is wrong."""

    def __init__(self, status: int, title: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(title)
        self.status, self.title, self.headers = status, title, headers


def require_accept(accept: str | None) -> None:
    """Whether the client takes what we answer. One that names no version gets the newest (TAXII 2.1 section 1.6.8).

    Raises TaxiiError 406.
    """
    offers = (accept or "*/*")[:_LONGEST_ACCEPT].split(",")
    if not any(_takes(*_media_type(offer)) for offer in offers):
        raise TaxiiError(406, f"only {TAXII} is spoken here")


def require_content_type(given: str | None) -> None:
    """Whether what the client sends is an envelope of TAXII 2.1. Raises TaxiiError 415."""
    kind, parameters = _media_type((given or "")[:_LONGEST_ACCEPT])
    if kind != "application/taxii+json" or parameters.get("version", "2.1") != "2.1":
        raise TaxiiError(415, f"only {TAXII} is read here")


def _takes(kind: str, parameters: dict[str, str]) -> bool:
    if _WEIGHT.fullmatch(parameters.get("q", "1")):
        return False
    if kind in ("*/*", "application/*"):
        return True
    return kind == "application/taxii+json" and parameters.get("version", "2.1") == "2.1"


def _media_type(text: str) -> tuple[str, dict[str, str]]:
    kind, *rest = text.lower().split(";")
    pairs = (one.partition("=") for one in rest)
    return kind.strip(), {name.strip(): value.strip().strip('"') for name, _, value in pairs}


def wanted_of(query: str) -> tuple[Wanted, int]:
    """What the parameters of TAXII 2.1 section 3.4 and 3.5 ask for, and how many objects a page may have.

    Other parameters are passed over, other filters not, since their reader would get what he did not ask for.
    Raises TaxiiError 400 naming the parameter.
    """
    given = _parameters(query)
    for name in given:
        if name.startswith("match[") and name not in _FILTERS:
            raise TaxiiError(400, "a match filter that does not exist")
    marks = [_moment("added_after", given["added_after"])] if "added_after" in given else []
    marks += [_position(given["next"])] if "next" in given else []
    versions = tuple(map(_version, _values(given, "match[version]") or ("last",)))
    # All that is published is of 2.1.
    specs = _values(given, "match[spec_version]")
    ids = () if specs and "2.1" not in specs else _values(given, "match[id]")
    wanted = Wanted(max(marks, default=None), ids, _values(given, "match[type]"), versions)
    return wanted, _limit(given.get("limit"))


def next_of(position: datetime) -> str:
    """The parameter `next` that goes on behind this position; it stays right whatever is added meanwhile."""
    return str((position - _EPOCH) // timedelta(microseconds=1))


def _parameters(query: str) -> dict[str, str]:
    if len(query) > _LONGEST_QUERY:
        raise TaxiiError(414, f"parameters of more than {_LONGEST_QUERY} characters")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
    except ValueError:
        raise TaxiiError(400, f"not URL parameters in UTF-8, or more than {_MOST_PARAMETERS}") from None
    if len({name for name, _ in pairs}) < len(pairs):
        raise TaxiiError(400, "a parameter that is given twice")
    return dict(pairs)


def _values(given: dict[str, str], name: str) -> tuple[str, ...] | None:
    if name not in given:
        return None
    values = tuple(value.strip() for value in given[name].split(","))
    if len(values) > _MOST_VALUES or not all(values) or "\0" in given[name]:
        raise TaxiiError(400, f"{name}: 1 to {_MOST_VALUES} values with commas between are wanted")
    return values


def _version(text: str) -> datetime | Literal["first", "last", "all"]:
    match text:
        case "first" | "last" | "all":
            return text
    return _moment("match[version]", text)


def _moment(name: str, text: str) -> datetime:
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise TaxiiError(400, f"{name}: not a time such as 2026-01-31T12:00:00.000000Z")


def _position(text: str) -> datetime:
    try:
        if _NEXT.fullmatch(text) and text.isascii():
            return _EPOCH + timedelta(microseconds=int(text))
    except OverflowError:
        pass
    raise TaxiiError(400, "next: not one that was given here")


def _limit(text: str | None) -> int:
    if text is None:
        return MOST_IN_PAGE
    if _NUMBER.fullmatch(text) is None or int(text) == 0:
        raise TaxiiError(400, "limit: a whole number above 0 is wanted")
    return min(int(text), MOST_IN_PAGE)


def rows_wanted(wanted: Wanted, object_id: str, versions: Sequence[Literal["all"]] = ()) -> Wanted:
    """The same for one object, and with `versions` for these of it."""
    ids = () if wanted.ids == () else (object_id,)
    return Wanted(wanted.after, ids, None, tuple(versions) or wanted.versions)
