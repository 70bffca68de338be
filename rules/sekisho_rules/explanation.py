"""The explanation: how one mail was read and judged, as one value. What shows it (terminal, JSON, page) adds nothing.

Fields that the vocabulary has keep its names and types, and those of the scan's JSON theirs, so the explanation as JSON
is that object and more. docs/explanation.md has the table of keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from sekisho_core.comparison import traced
from sekisho_core.vocabulary import (
    Action,
    Authentication,
    Decoding,
    Envelope,
    Finding,
    Header,
    Incomplete,
    Link,
    Match,
    Mode,
    Observable,
    Part,
    Passage,
    Reading,
    RecipientVerdict,
    Subject,
)

from sekisho_rules.policy import Policy

_LINE_ENDS = re.compile(r"[\r\n][ \t\r\n]*+")
BODY = "email-message:body"
SUBJECT_PLACE = "header:subject"
# Ids come from the worker. The settings bound real mails far below this.
MOST_LEVELS = 32
_SENDERS = ("from", "sender", "reply-to", "return-path")


class JudgedMatch(Match, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A reason, and what it leads to by itself."""

    action: Action


class JudgedFinding(Finding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fact about the content, and what it leads to by itself; `accept` is nothing."""

    action: Action


class JudgedGap(Incomplete, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that could not be read, and what that leads to by itself."""

    action: Action


JudgedT = TypeVar("JudgedT", JudgedFinding, JudgedGap)


class TriedDecoding(Decoding, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A decoding, and whether it is the one that is shown of its place; all are searched."""

    shown: bool


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of a subject, what stands for it in the comparison form ("" for nothing), and what was done to it: no
    kinds for a piece that stays as it is."""

    piece: str
    form: str
    kinds: tuple[str, ...]


class MarkedSubject(Subject, frozen=True, forbid_unknown_fields=True):
    """The subject, and what normalisation does to its pieces."""

    marks: tuple[Mark, ...] = ()


class Sender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field that names a sender: its values as decoded, one for each such field, and the addresses and display names
    in them."""

    field: str
    values: tuple[str, ...]
    addresses: tuple[str, ...]
    display_names: tuple[str, ...]


class Branch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in the tree of parts: its level from 0 on, the index of its part in `parts` (None for a container that is
    no part itself), and the id of the first part with the same content ("" where it is the first)."""

    id: str
    level: int
    part: int | None
    same: str = ""


class ReadText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A readable text: where it stands, the charset that was used, its length in characters."""

    where: str
    charset: str
    length: int


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value, and all places where it stands."""

    value: str
    where: tuple[str, ...]


class ObservedPath(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A STIX object path with its values in the order found."""

    path: str
    values: tuple[Seen, ...]


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a person may ask of how one mail was read. `tree` is in the order of ids, each container before what it
    holds; `timings` are milliseconds by stage."""

    path: str
    verdict: Action
    mode: Mode
    reasons: tuple[JudgedMatch, ...]
    incomplete: tuple[JudgedGap, ...]
    findings: tuple[JudgedFinding, ...]
    recipients: tuple[RecipientVerdict, ...]
    subject: MarkedSubject
    senders: tuple[Sender, ...]
    envelope: Envelope
    headers: tuple[Header, ...]
    tree: tuple[Branch, ...]
    parts: tuple[Part, ...]
    texts: tuple[ReadText, ...]
    decodings: tuple[TriedDecoding, ...]
    links: tuple[Link, ...]
    observables: tuple[ObservedPath, ...]
    size: int
    sha256: str
    serial: int
    timings: dict[str, float]
    elapsed_ms: float


def explain(path: str, passage: Passage, policy: Policy) -> Explanation:
    """The explanation of a passage; `path` is what the mail is called, `policy` the one that judged it.

    Of what was excluded the action is `accept`. Raises nothing for any reading.
    """
    reading, verdict, content = passage.reading, passage.verdict, passage.mail.content
    reasons, findings, gaps = _judged(passage, policy)
    subject = reading.subject
    return Explanation(
        path=path,
        verdict=verdict.action,
        mode=verdict.mode,
        reasons=reasons,
        incomplete=gaps,
        findings=findings,
        recipients=verdict.recipients,
        subject=MarkedSubject(subject.raw, subject.decoded, subject.normalised, _marks(subject.decoded)),
        senders=tuple(_senders(reading)),
        envelope=passage.mail.envelope,
        headers=reading.headers,
        tree=tuple(_tree(reading.parts, _places(reading, verdict.incomplete))),
        parts=reading.parts,
        texts=tuple(ReadText(text.where, text.charset, len(text.text)) for text in reading.texts),
        decodings=tuple(_tried(reading.decodings)),
        links=reading.links,
        observables=_by_path(reading.observables),
        size=content.size,
        sha256=content.sha256,
        serial=passage.serial,
        timings={stage: round(spent, 1) for stage, spent in passage.timings.items()},
        elapsed_ms=round(sum(passage.timings.values()), 1),
    )


def _marks(decoded: str) -> tuple[Mark, ...]:
    return tuple(Mark(piece.text, piece.normal, tuple(piece.kinds)) for piece in traced(decoded))


def part_of(where: str) -> str | None:
    """The id of the part that a place is in (`part:2.1/report.zip` and `part:2.1:subject` are in 2.1); None where it is
    in none."""
    return _within(where)[0]


def field_of(where: str) -> str:
    """The field of a mail within the mail that a place is (`part:2.1:subject`); "" where it is none."""
    return _within(where)[1]


def _within(where: str) -> tuple[str | None, str]:
    kind, colon, place = where.partition(":")
    id, _, field = place.partition("/")[0].partition(":")
    return (id, field) if kind == "part" and colon else (None, "")


def changes(marks: Iterable[Mark]) -> dict[tuple[str, ...], list[tuple[str, str]]]:
    """What normalising did to a subject: by kinds of change the pieces and what they became, each once."""
    done: dict[tuple[str, ...], dict[tuple[str, str], None]] = {}
    for mark in marks:
        if mark.kinds:
            done.setdefault(mark.kinds, {})[mark.piece, mark.form] = None
    return {kinds: list(pairs) for kinds, pairs in done.items()}


def flowing(text: str) -> str:
    """A text of lines as one: ↵ for line ends, however many, and the white space behind them."""
    return _LINE_ENDS.sub(" ↵ ", text).strip(" ")


def is_linked(path: str) -> bool:
    """Whether values at a STIX object path are URLs, hosts or addresses, which are shown so that nobody opens them."""
    return path.endswith(("value", "reply_to", "'Reply-To'"))


def gravest(facts: Sequence[JudgedT]) -> list[JudgedT]:
    """Facts by what they lead to, the gravest first, else in their order."""
    return sorted(facts, key=lambda one: -one.action.gravity)


def measured(auth: Authentication) -> str:
    """The authentication results on one line, in the words of RFC 8601."""
    dkim = [f"dkim={one.result} ({one.d})" for one in auth.dkim]
    others = [f"{name}={result}" for name in ("spf", "dmarc", "arc") if (result := getattr(auth, name))]
    return "; ".join([*others, *dkim])


def _judged(
    passage: Passage, policy: Policy
) -> tuple[tuple[JudgedMatch, ...], tuple[JudgedFinding, ...], tuple[JudgedGap, ...]]:
    reasons, found, gaps = passage.verdict.reasons, passage.reading.findings, passage.verdict.incomplete
    effects = iter(policy.effects(passage.mail, passage.reading, reasons, gaps))
    by_reason = [next(effects) for _ in reasons]
    findings = tuple(JudgedFinding(**_fields(one), action=next(effects)) for one in found)
    incomplete = tuple(JudgedGap(**_fields(one), action=next(effects)) for one in gaps)
    stated: dict[tuple[str, str], Action] = {(one.kind, one.where): one.action for one in findings}
    judged = (_reason(one, stated, action) for one, action in zip(reasons, by_reason, strict=True))
    return tuple(judged), findings, incomplete


def _reason(match: Match, stated: dict[tuple[str, str], Action], action: Action) -> JudgedMatch:
    """A reason that a finding gave leads to what the finding leads to."""
    if match.kind == "attachment":
        action = stated.get((match.rule, match.where), action)
    return JudgedMatch(**_fields(match), action=action)


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(struct)


def _tried(decodings: Iterable[Decoding]) -> Iterator[TriedDecoding]:
    places: set[str] = set()
    for one in decodings:
        yield TriedDecoding(**_fields(one), shown=one.where not in places)
        places.add(one.where)


def _senders(reading: Reading) -> Iterator[Sender]:
    for field in _SENDERS:
        values = tuple(one.value for one in reading.headers if one.name.strip(" \t\r\0").lower() == field)
        here = [one for one in reading.observables if one.where == f"header:{field}"]
        addresses = tuple(one.value for one in here if one.path == "email-addr:value")
        names = tuple(one.value for one in here if one.path == "email-addr:display_name")
        if values or addresses or names:
            yield Sender(field, values, addresses, names)


def _places(reading: Reading, gaps: Sequence[Incomplete]) -> set[str]:
    lists = (reading.findings, gaps, reading.decodings, reading.links, reading.texts)
    return {id for facts in lists for one in facts if (id := part_of(one.where))}


def _tree(parts: Sequence[Part], places: Iterable[str]) -> Iterator[Branch]:
    """Parts and containers in order. A part whose content came before says where; one id may have several parts."""
    listed: dict[str, list[int]] = {}
    first: dict[str, str] = {}
    for index, part in enumerate(parts):
        listed.setdefault(part.id, []).append(index)
        if part.size and part.sha256:
            first.setdefault(part.sha256, part.id)
    ids = {around for id in (*listed, *places) for around in _lineage(id)}
    for id in sorted(ids, key=_order):
        level = min(id.count("."), MOST_LEVELS)
        if id not in listed:
            yield Branch(id, level, None)
        for index in listed.get(id, []):
            same = first.get(parts[index].sha256, id)
            yield Branch(id, level, index, "" if same == id else same)


def _lineage(id: str) -> list[str]:
    steps = id.split(".", MOST_LEVELS)
    return [*(".".join(steps[:count]) for count in range(1, len(steps))), id]


def _order(id: str) -> list[tuple[bool, int, str]]:
    """2 before 10, and numbers before what is none."""
    return [(not step.isdecimal(), len(step), step) for step in id.split(".")]


def _by_path(observables: Iterable[Observable]) -> tuple[ObservedPath, ...]:
    paths: dict[str, dict[str, dict[str, None]]] = {}
    for one in observables:
        paths.setdefault(one.path, {}).setdefault(one.value, {})[one.where] = None
    return tuple(
        ObservedPath(path, tuple(Seen(value, tuple(where)) for value, where in values.items()))
        for path, values in sorted(paths.items())
    )
