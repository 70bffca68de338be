"""The format "csv": tables in text, whose columns the options name."""

from __future__ import annotations

import csv as tables
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sekisho_core.display import visible
from sekisho_rules.indicator import Refusal, checked_confidence
from sekisho_rules.indicator_files import Provenance
from sekisho_rules.tlp import tlp_of_name

from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_feeds.listed import ENCODINGS, Entry, excluder, harvested, lines_of, text_of, time_of, type_option, zone_of
from sekisho_feeds.observable_pattern import TYPES, type_named
from sekisho_feeds.options import chosen, nearest, one_of

OPTIONS = {
    "column": "1",
    "type": "auto",
    "type_column": "",
    "type_map": "",
    "delimiter": ",",
    "quote": '"',
    "comment": "#",
    "header": "yes",
    "exclude": "",
    "encoding": "auto",
    "timezone": "UTC",
    "name_column": "",
    "description_column": "",
    "confidence_column": "",
    "first_seen_column": "",
    "last_seen_column": "",
    "threat_column": "",
    "reference_column": "",
    "tlp_column": "",
    "most_entries": "1000000",
}
_DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_TEXTS = {"name_column": "name", "description_column": "description", "threat_column": "threat_name",
          "reference_column": "reference"}  # fmt: skip
_TIMES = {"first_seen_column": "first_seen", "last_seen_column": "last_seen"}
# The middle of the ranges that STIX 2.1 appendix A gives these words.
_WORDS = {"none": 0, "low": 15, "medium": 50, "med": 50, "high": 85}
_LONGEST_TEXT = 2000
_LONGEST_HEADER, _MOST_COMMENTS = 10_000, 1000


def csv(documents: Iterable[Document], provenance: Provenance, options: Mapping[str, str]) -> Harvest:
    """An indicator for each row. Columns are named by the header, or by their number from 1. Raises FeedError as
    `Format` says, and for a document without a column that the options name."""
    given = chosen(OPTIONS, options)
    mapping = _Mapping(given)
    encoding = one_of(given, "encoding", ENCODINGS)
    refused: list[Refusal] = []
    texts = ((document, text_of(document, encoding, provenance.source)) for document in documents)
    entries = (
        entry for document, text in texts for entry in mapping.entries(text, document.name, provenance.source, refused)
    )
    return harvested(entries, provenance, refused, given)


class _Mapping:
    """The options as they are used: how a table is read, and which column says what."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = options
        self._type = type_option(options)
        self._types = _type_map(options["type_map"])
        self._delimiter = _DELIMITERS.get(options["delimiter"].lower(), options["delimiter"])
        if len(self._delimiter) != 1 or self._delimiter in "\r\n" or len(options["quote"]) > 1:
            raise FeedError("options delimiter and quote: one character each, or tab")
        self._header = one_of(options, "header", ("yes", "no", "comment"))
        self._zone = zone_of(options["timezone"])
        self._excluded: Callable[[str], bool] = excluder(options)
        if options["header"] == "no":
            _Columns([], options, "options")

    def entries(self, text: str, file: str, source: str, refused: list[Refusal]) -> Iterator[tuple[str, str, Entry]]:
        """Type, value and the rest of each row. What a row states wrongly is appended to `refused`."""
        lines = _Lines(text, self._options["comment"])
        columns: _Columns | None = None
        for number, row in self._rows(lines, file, source, refused):
            if columns is None:
                columns = self._columns(row, lines.comments, f"{source}: {file}")
                if self._header == "yes":
                    continue
            try:
                yield from self._entry(row, columns, f"line {number}", file)
            except ValueError as error:
                reason = visible(str(error))
                refused.append(
                    Refusal(f"line {number}", source, reason, file, visible(columns.cell(row, "column") or "", 80))
                )

    def _reader(self, lines: Iterable[str]) -> Any:
        quote = self._options["quote"]
        return tables.reader(
            lines,
            delimiter=self._delimiter,
            quotechar=quote or None,
            quoting=tables.QUOTE_MINIMAL if quote else tables.QUOTE_NONE,
            skipinitialspace=True,
        )

    def _rows(self, lines: _Lines, file: str, source: str, refused: list[Refusal]) -> Iterator[tuple[int, list[str]]]:
        reader = self._reader(lines)
        while True:
            try:
                row = [cell.strip() for cell in next(reader)]
            except StopIteration:
                return
            except tables.Error as error:
                # Of an open quotation mark the reader goes on after the largest field that it takes, 128 KiB.
                refused.append(Refusal(f"line {lines.number}", source, f"not a row: {error}", file))
                continue
            if any(row):
                yield lines.number, row

    def _columns(self, first: list[str], comments: Sequence[str], place: str) -> _Columns:
        if self._header == "yes":
            return _Columns(first, self._options, place)
        if self._header == "no":
            return _Columns([], self._options, place)
        near = [comment for comment in reversed(comments) if len(comment) < _LONGEST_HEADER][:_MOST_COMMENTS]
        headers: list[list[str]] = [next(self._reader([comment]), []) for comment in near]
        # A table's header is the comment that splits as the rows do; else the last with more than one name.
        header = next((names for names in headers if len(names) == len(first)), None)
        header = header or next((names for names in headers if len(names) > 1), [])
        return _Columns([name.strip() for name in header], self._options, place)

    def _entry(self, row: list[str], columns: _Columns, place: str, file: str) -> Iterator[tuple[str, str, Entry]]:
        value = columns.cell(row, "column")
        if value is None:
            raise ValueError(f"has no column {self._options['column']}")
        if self._excluded(value):
            return
        fields, notes = self._fields(row, columns)
        if notes:
            fields["description"] = "; ".join(filter(None, [fields.get("description", ""), *notes]))
        yield self._type_of(row, columns), value, Entry(place, file, self._delimiter.join(row), **fields)

    def _type_of(self, row: list[str], columns: _Columns) -> str:
        stated = columns.cell(row, "type_column")
        if stated is None:
            return self._type
        type = self._types.get(stated.lower()) or type_named(stated)
        if not type:
            raise ValueError(f"of the type {stated[:40]}, which no mail shows")
        return type

    def _fields(self, row: list[str], columns: _Columns) -> tuple[dict[str, Any], list[str]]:
        """What a row says beside its value; a time that is none is noted, since lists leave such out at random."""
        cells = {option: columns.cell(row, option) for option in (*_TEXTS, *_TIMES)}
        fields: dict[str, Any] = {
            field: text[:_LONGEST_TEXT] for option, field in _TEXTS.items() if (text := cells[option])
        }
        notes = []
        for option, field in _TIMES.items():
            try:
                fields[field] = time_of(cells[option] or "", self._zone)
            except ValueError as error:
                notes.append(f"{field}: {error}")
        if stated := columns.cell(row, "confidence_column"):
            fields["confidence"] = _confidence(stated)
        if stated := columns.cell(row, "tlp_column"):
            fields["tlp"] = _tlp(stated)
        return fields, notes


class _Columns:
    """Where in a row each of the options' columns lies."""

    def __init__(self, header: Sequence[str], options: Mapping[str, str], place: str) -> None:
        names = [name.casefold() for name in header]
        wanted = {key: name for key, name in options.items() if name and (key == "column" or key.endswith("_column"))}
        self._at = {key: _position(key, name, names, place) for key, name in wanted.items()}

    def cell(self, row: Sequence[str], option: str) -> str | None:
        """The text of the column that an option names; None where it names none, or the row has none."""
        at = self._at.get(option)
        return row[at] if at is not None and at < len(row) else None


class _Lines:
    """Lines without comments; the comments before the first of them, and the number of the last one given."""

    def __init__(self, text: str, mark: str) -> None:
        self._lines: Iterator[str] = lines_of(text)
        self._mark = mark
        self._begun = False
        self.comments: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        for line in self._lines:
            self.number += 1
            bare = line.strip()
            if self._mark and bare.startswith(self._mark):
                if not self._begun:
                    self.comments.append(bare.lstrip(self._mark).strip())
            elif bare:
                self._begun = True
                return line
        raise StopIteration


def _position(option: str, name: str, names: Sequence[str], place: str) -> int:
    if name.casefold() in names:
        return names.index(name.casefold())
    if name.isascii() and name.isdigit() and 0 < int(name[:6]) <= 10_000:
        return int(name[:6]) - 1
    raise FeedError(f"{place}: option {option}: no column {name}{nearest(name.casefold(), names)}")


def _type_map(text: str) -> dict[str, str]:
    """Of "their name=ours, …"."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for _, _, type in pairs:
        if type.strip() not in ("auto", *TYPES):
            raise FeedError(f"option type_map: {type.strip()} is no type{nearest(type.strip(), TYPES)}")
    return {name.strip().lower(): type.strip() for name, _, type in pairs}


def _confidence(text: str) -> int:
    word = text.rstrip("% ").lower()
    if word in _WORDS:
        return _WORDS[word]
    if not (word.isascii() and word.isdigit() and len(word) <= 3):
        raise ValueError(f"confidence {text[:40]} is not between 0 and 100")
    return checked_confidence(int(word))


def _tlp(text: str) -> str:
    if not (tlp := tlp_of_name(text)):
        raise ValueError(f"tlp {text[:40]} is no marking")
    return tlp
