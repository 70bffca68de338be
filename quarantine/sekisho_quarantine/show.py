"""Records for people and programs: every text of a mail made harmless before it reaches a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from sekisho_core.display import column, defanged, local_time, visible
from sqlalchemy import Row

from sekisho_quarantine.audit import Entry
from sekisho_quarantine.records import Record

_LINKS = ("url:value", "domain-name:value", "ipv4-addr:value", "ipv6-addr:value")
_SHORTEST_ID = 14
_WIDE_LINE = 500


def as_json(value: object) -> str:
    """JSON in ASCII: no character of a mail reaches a terminal as itself."""
    return json.dumps(value, default=_plain, indent=2)


def table(records: list[dict[str, Any]], width: int) -> Iterator[str]:
    """Lines for a list, none wider than `width` columns: id, time, state, sender, subject."""
    ids = _id_width([record["id"] for record in records])
    rest = max(width - ids - 11 - 17 - 4, 20)
    sender = rest * 2 // 5
    widths = (ids, 11, 17, sender, rest - sender)
    yield _line(("ID", "RECEIVED", "STATE", "SENDER", "SUBJECT"), widths)
    for record in records:
        shown = record["header_from"] or record["mail_from"] or "<>"
        when = _short(record["received_at"])
        subject, until = record["subject_decoded"], record["held_until"]
        state = f"waits {_short(until)}" if until else record["state"]
        yield _line((record["id"][:ids], when, state, shown, subject), widths)


def document(record: Record) -> dict[str, Any]:
    """Everything about one mail as plain data; the keys of the scan's JSON keep their names."""
    row, reading, verdict = record.row, record.reading, record.verdict
    plain = {name: row._mapping[name] for name in _COLUMNS}
    return plain | {
        "verdict": verdict.action,
        "reasons": msgspec.to_builtins(verdict.reasons),
        "incomplete": msgspec.to_builtins(verdict.incomplete),
        "subject": msgspec.to_builtins(reading.subject),
        "parts": msgspec.to_builtins(reading.parts),
        "findings": msgspec.to_builtins(reading.findings),
        "links": _links(record),
        "envelope": msgspec.to_builtins(record.envelope),
        "recipients": [dict(one._mapping) for one in record.recipients],
        "waits": [_without_id(one) for one in record.waits],
        "judgement": _without_id(record.judgement) if record.judgement else None,
        "releases": [dict(one._mapping) for one in record.releases],
        "audit": [asdict(entry) for entry in record.audit],
    }


def page(record: Record) -> Iterator[str]:
    """One mail for a terminal, line by line."""
    for name, value in _facts(record):
        yield f"{name:<12} {visible(value, _WIDE_LINE)}"
    for title, lines in _sections(record):
        if lines:
            yield f"{title}:"
            yield from (f"  {line}" for line in lines)


def entry_line(entry: Entry) -> str:
    """One audit entry for a terminal."""
    said = " | ".join(text for text in (entry.why, entry.detail) if text)
    what = f"{entry.who} {entry.what} {entry.subject}".rstrip()
    return visible(f"{entry.number} {local_time(entry.at)} {what}{': ' if said else ''}{said}", _WIDE_LINE)


_COLUMNS = ("id", "key", "received_at", "last_at", "queue_id", "direction", "action", "mode", "state", "sha256", "size",
            "serial", "retries", "body_gone_at")  # fmt: skip


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    row, subject = record.row, record.reading.subject
    again = f", tried {row.retries + 1} times" if row.retries else ""
    yield "id", row.id
    yield "received", f"{local_time(row.received_at)}{again}"
    yield "state", row.state + (" (body gone)" if row.body_gone_at else "")
    yield "verdict", f"{row.action} ({row.mode}, {row.direction}, index {row.serial})"
    yield "queue id", row.queue_id
    yield "client", f"{row.client_ip} {record.envelope.client_name} helo {record.envelope.helo}"
    yield "sender", f"<{row.mail_from}> header {row.header_from}"
    yield "subject", subject.decoded
    yield "  normalised", subject.normalised
    yield "  raw", subject.raw
    yield "body", f"{row.size} bytes, sha256 {row.sha256}"
    if said := record.judgement:
        yield "judged", f"{said.verdict} {local_time(said.at)} by {said.who}: {said.why}"


def _sections(record: Record) -> Iterator[tuple[str, list[str]]]:
    verdict, reading = record.verdict, record.reading
    yield "recipients", [_visible(f"<{one.address}> {one.state} ({one.action})") for one in record.recipients]
    yield "reasons", [_visible(f"{m.severity} {m.kind} {m.rule} at {m.where}: {m.explain}") for m in verdict.reasons]
    yield "incomplete", [_visible(str(gap)) for gap in verdict.incomplete]
    yield "findings", [_visible(f"{one.where}: {one.kind} {one.detail}") for one in reading.findings]
    yield (
        "parts",
        [
            _visible(
                f"{part.id} {part.type} {part.size} bytes {part.state} {' | '.join(part.names)} sha256 {part.sha256}"
            )
            for part in reading.parts
        ],
    )
    yield "waits", [_visible(_wait_line(one)) for one in record.waits]
    yield "links", [_visible(link) for link in _links(record)]
    yield "releases", [_visible(_release_line(one)) for one in record.releases]
    yield "audit", [entry_line(entry) for entry in record.audit]


def _without_id(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != "passage_id"}


def _release_line(one: Row[Any]) -> str:
    return f"<{one.address}> {one.state} {local_time(one.at)} by {one.who}: {one.why} ({one.attempts}×) {one.reply}"


def _wait_line(wait: Row[Any]) -> str:
    if wait.ended_at:
        return f"<{wait.address}> {wait.state} {local_time(wait.ended_at)}"
    return f"<{wait.address}> {wait.state} for its password until {local_time(wait.until)}, then {wait.otherwise}"


def _links(record: Record) -> list[str]:
    found = [seen.value for seen in record.reading.observables if seen.path in _LINKS]
    return [defanged(value) for value in dict.fromkeys(found)]


def _id_width(ids: list[str]) -> int:
    """The fewest characters that tell the listed ids apart."""
    for width in range(_SHORTEST_ID, 26):
        if len({one[:width] for one in ids}) == len(ids):
            return width
    return 26


def _line(cells: tuple[str, ...], widths: tuple[int, ...]) -> str:
    return " ".join(column(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _visible(text: str) -> str:
    return visible(text, _WIDE_LINE)


def _short(at: datetime) -> str:
    return f"{at.astimezone():%m-%d %H:%M}"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
