"""An explanation for a terminal. Every line goes through `_lines`, so nothing of a mail acts, hides or makes a link."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import click
from sekisho_core.display import defanged, unlinked, visible, wrapped
from sekisho_core.vocabulary import Action, Envelope, Link, Part

from sekisho_rules.explanation import (
    BODY,
    SUBJECT_PLACE,
    Branch,
    Explanation,
    JudgedFinding,
    JudgedGap,
    JudgedMatch,
    ObservedPath,
    Sender,
    TriedDecoding,
    changes,
    field_of,
    flowing,
    gravest,
    is_linked,
    measured,
    part_of,
)

# Characters of one text, entries of one list, and values of one object path; the JSON has all.
_LONGEST, _MOST, _MOST_VALUES = 1000, 200, 8
_INDENT, _LABEL = "  ", 12
# Levels that are indented; deeper ones stand below the last.
_DEEPEST = 12
# Observables of these objects stand in the tree of parts.
_OF_PARTS = ("file:",)
_STYLES: dict[str, dict[str, Any]] = {
    "": {},
    "heading": {"bold": True},
    "faint": {"dim": True},
    Action.ACCEPT: {"fg": "green"},
    Action.TAG: {"fg": "yellow"},
    Action.TEMPFAIL: {"fg": "cyan"},
    Action.HOLD: {"fg": "magenta"},
    Action.QUARANTINE: {"fg": "red", "bold": True},
    Action.REJECT: {"fg": "red", "bold": True},
}


@dataclass(frozen=True)
class Look:
    """What the terminal can show: its columns, colours, lines for a tree; and whether everything is wanted."""

    width: int = 100
    colour: bool = False
    tree_lines: bool = True
    every: bool = False

    def paint(self, text: str, style: str) -> str:
        """`text` in a style, where there are colours."""
        return click.style(text, **_STYLES[style]) if self.colour and text and style else text


_T = TypeVar("_T")


def as_text(explanation: Explanation, look: Look) -> str:
    """Sections in the order in which one asks: verdict, why, what the mail is, what is in it."""
    sections: list[tuple[str, Iterator[str]]] = [
        ("Verdict", _verdict(explanation, look)),
        ("Reasons", _list(explanation.reasons, _reason, look)),
        ("Not read", _list(gravest(explanation.incomplete), _gap, look)),
        ("Findings", _list(gravest(explanation.findings), _finding, look)),
        ("Subject", _subject(explanation, look)),
        ("Sender", chain(_senders(explanation, look), _envelope(explanation.envelope, look))),
        ("Parts", _tree(explanation, look)),
        ("Links", _list(explanation.links, _link, look)),
        ("Other decodings", _decodings(_elsewhere(explanation), look, placed=True)),
        ("Observables", _observables(explanation, look)),
        ("Header fields", _headers(explanation, look)),
    ]
    blocks = [(title, list(rows)) for title, rows in sections]
    return "\n\n".join("\n".join([look.paint(title, "heading"), *rows]) for title, rows in blocks if rows)


def _lines(first: str, following: str, text: str, look: Look, style: str = "", head: str = "faint") -> Iterator[str]:
    """`text` made harmless, behind `first` and, where it goes on, `following`: our own words of one width."""
    start = first
    room = look.width - max(len(first), len(following))
    for line in wrapped(visible(unlinked(text), _LONGEST), room):
        yield (look.paint(start, head) + look.paint(line, style)).rstrip()
        start = following


def _row(label: str, text: str, look: Look, style: str = "", head: str = "faint") -> Iterator[str]:
    if text:
        first = f"{_INDENT}{label:<{_LABEL}}"
        yield from _lines(first, " " * len(first), text, look, style, head)


def _list(items: Sequence[_T], rows: Callable[[_T, Look], Iterator[str]], look: Look) -> Iterator[str]:
    for item in items if look.every else items[:_MOST]:
        yield from rows(item, look)
    yield from _more(len(items) - _MOST, look)


def _more(rest: int, look: Look) -> Iterator[str]:
    if rest > 0 and not look.every:
        yield from _row("", f"and {rest} more; --all shows them", look, "faint")


def _verdict(explanation: Explanation, look: Look) -> Iterator[str]:
    action = explanation.verdict
    stages = ", ".join(f"{stage} {spent}" for stage, spent in explanation.timings.items())
    yield from _row("verdict", f"{action} (mode {explanation.mode})", look, action)
    yield from _row("mail", explanation.path, look)
    yield from _row("content", f"{explanation.size} bytes, sha256 {explanation.sha256}", look)
    yield from _row("index", f"serial {explanation.serial}", look)
    yield from _row("time", f"{explanation.elapsed_ms} ms ({stages})", look)
    for one in explanation.recipients if look.every else explanation.recipients[:_MOST_VALUES]:
        waits = f" ({one.wait})" if one.wait else ""
        yield from _row("recipient", f"{defanged(one.recipient)}: {one.action}{waits} by policy {one.policy}", look)
    yield from _more(len(explanation.recipients) - _MOST_VALUES, look)
    if not explanation.reasons and not explanation.incomplete:
        yield from _row("reasons", "nothing against it", look)


def _reason(one: JudgedMatch, look: Look) -> Iterator[str]:
    without = ", without effect" if one.state == "observe" else ""
    yield from _judged(one.action, f"{one.kind} at {one.where} ({one.severity}, {one.match}{without})", look)
    yield from _row("", one.explain, look)
    origin = f"{one.rule}, {one.source}, TLP:{one.tlp.upper()}, confidence {one.confidence}"
    yield from _row("", origin, look, "faint")


def _gap(one: JudgedGap, look: Look) -> Iterator[str]:
    yield from _judged(one.action, _stated(f"{one.reason} at {one.where}", one.detail), look)


def _finding(one: JudgedFinding, look: Look) -> Iterator[str]:
    kind = f"{one.kind} {one.rule}" if one.rule else one.kind
    yield from _judged(one.action, _stated(f"{kind} at {one.where}", one.detail), look)


def _judged(action: Action, text: str, look: Look) -> Iterator[str]:
    yield from _row(action, text, look, head=action)


def _stated(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def _subject(explanation: Explanation, look: Look) -> Iterator[str]:
    subject = explanation.subject
    yield from _row("raw", subject.raw, look)
    yield from _row("decoded", subject.decoded, look, "heading")
    yield from _row("normalised", subject.normalised, look)
    for kinds, pairs in changes(subject.marks).items():
        said = ", ".join(f'"{piece}" to "{form}"' if form else f'"{piece}"' for piece, form in pairs[:_MOST])
        yield from _row("", f"{' '.join(kinds)}: {said}", look, "faint")
    yield from _decodings([one for one in explanation.decodings if one.where == SUBJECT_PLACE], look)


def _senders(explanation: Explanation, look: Look) -> Iterator[str]:
    for sender in explanation.senders:
        yield from _sender(sender, look)
        where = f"header:{sender.field}"
        yield from _decodings([one for one in explanation.decodings if one.where == where], look)


def _sender(sender: Sender, look: Look) -> Iterator[str]:
    most = None if look.every else _MOST_VALUES
    for value in sender.values[:most]:
        yield from _row(sender.field, value, look)
    for address in sender.addresses[:most]:
        yield from _row("", f"address {defanged(address)}", look, "faint")
    for name in sender.display_names[:most]:
        yield from _row("", f"display name {name}", look, "faint")
    yield from _more(max(map(len, (sender.values, sender.addresses, sender.display_names))) - _MOST_VALUES, look)


def _envelope(envelope: Envelope, look: Look) -> Iterator[str]:
    client = " ".join(filter(None, (envelope.client_ip, envelope.client_name)))
    yield from _row("mail from", defanged(envelope.mail_from), look)
    yield from _row("client", defanged(client), look)
    yield from _row("helo", defanged(envelope.helo), look)
    if auth := envelope.auth:
        yield from _row("measured", measured(auth), look)


def _decodings(decodings: Sequence[TriedDecoding], look: Look, placed: bool = False) -> Iterator[str]:
    for one in decodings if look.every else decodings[:_MOST]:
        yield from _row("decoding", f"{one.where} {_tried(one)}" if placed else _tried(one), look, "faint")
    yield from _more(len(decodings) - _MOST, look)


def _tried(one: TriedDecoding) -> str:
    label = f"labelled {one.label}" if one.label else "without label"
    field = f"{field} " if (field := field_of(one.where)) else ""
    return f"{field}as {one.charset} ({label}, {'shown' if one.shown else 'searched'}): {flowing(one.text)}"


def _elsewhere(explanation: Explanation) -> list[TriedDecoding]:
    """Decodings at places that no other section has."""
    had = {SUBJECT_PLACE, *(f"header:{sender.field}" for sender in explanation.senders)}
    return [one for one in explanation.decodings if one.where not in had and part_of(one.where) is None]


def _tree(explanation: Explanation, look: Look) -> Iterator[str]:
    """A line of the id and a name, then our words first in each: no name can pass for another line of the tree. What
    goes on stands a column off those of the tree."""
    notes = _notes(explanation)
    tree = explanation.tree if look.every else explanation.tree[:_MOST]
    for branch, (first, below) in zip(tree, _stems(tree, look), strict=True):
        part = None if branch.part is None else explanation.parts[branch.part]
        title = "(container)" if part is None else next(iter(part.names), "")
        yield from _lines(first, f"{below} ", f"{branch.id} {title}", look)
        for text in chain(_about(branch, part), notes.get(branch.id, ())):
            yield from _lines(below, f"{below} ", text, look, "faint")
    yield from _more(len(explanation.tree) - _MOST, look)


def _about(branch: Branch, part: Part | None) -> Iterator[str]:
    if part is None:
        return
    yield f"{part.state}, {part.size} bytes, {part.type or 'type unknown'}"
    if part.declared.lower() not in ("", part.type.lower()):
        yield f"declared as {part.declared}"
    yield from (f"also named {name}" for name in part.names[1:])
    around = f"part {part.origin.parent}" if part.origin.parent else "the mail"
    yield f"found at byte {part.origin.offset}, {part.origin.length} long, in {around} by {part.origin.reading}"
    if part.sha256:
        yield f"sha256 {part.sha256}"
    if branch.same:
        yield f"the same content as {branch.same}"


def _notes(explanation: Explanation) -> dict[str, list[str]]:
    """What else is known of parts, by their id."""
    said = [(one.where, f"text of {one.length} characters, {one.charset}") for one in explanation.texts]
    said += [(one.where, _tried(one)) for one in explanation.decodings]
    said += [(gap.where, f"not read: {gap.reason} ({gap.action})") for gap in explanation.incomplete]
    said += [(found.where, f"finding: {found.kind} ({found.action})") for found in explanation.findings]
    notes: dict[str, dict[str, None]] = {}
    for where, text in said:
        if (id := part_of(where)) is not None:
            notes.setdefault(id, {})[text] = None
    return {id: list(texts) for id, texts in notes.items()}


def _stems(tree: Sequence[Branch], look: Look) -> list[tuple[str, str]]:
    """What stands before the first line of each branch, and before its further lines."""
    fork, last, line = ("├─ ", "└─ ", "│  ") if look.tree_lines else ("|- ", "`- ", "|  ")
    stems: list[tuple[str, str]] = []
    follows: set[int] = set()
    for branch in reversed(tree):
        level = min(branch.level, _DEEPEST)
        below = line if level + 1 in follows else "   "
        follows = {one for one in follows if one <= level}
        around = _INDENT + "".join(line if one in follows else "   " for one in range(level))
        own = line if level in follows else "   "
        stems.append((around + (fork if level in follows else last), around + own + below))
        follows.add(level)
    return stems[::-1]


def _link(link: Link, look: Look) -> Iterator[str]:
    yield from _row("shown", link.shown, look)
    yield from _row("written", defanged(link.written), look)
    for meant in link.meant:
        yield from _row("meant", defanged(meant), look, "heading")
    yield from _row("", f"at {link.where}", look, "faint")


def _observables(explanation: Explanation, look: Look) -> Iterator[str]:
    above = [one for one in explanation.observables if one.path.startswith(_OF_PARTS) and not look.every]
    for observed in explanation.observables:
        if observed not in above:
            yield from _lines(_INDENT, _INDENT, _counted(observed), look)
            yield from _values(observed, look)
    if above:
        counts = ", ".join(map(_counted, above))
        yield from _lines(_INDENT, _INDENT, f"{counts}: in the tree of parts, --all shows them here", look)


def _counted(observed: ObservedPath) -> str:
    return f"{observed.path} ({len(observed.values)})"


def _values(observed: ObservedPath, look: Look) -> Iterator[str]:
    for seen in observed.values if look.every else observed.values[:_MOST_VALUES]:
        value = defanged(seen.value) if is_linked(observed.path) else seen.value
        value = flowing(value) if observed.path == BODY else value
        text = f"{visible(value)} at {visible(', '.join(seen.where), 100)}"
        yield from _lines(_INDENT * 2, _INDENT * 3, text, look, "faint")
    yield from _more(len(observed.values) - _MOST_VALUES, look)


def _headers(explanation: Explanation, look: Look) -> Iterator[str]:
    for header in explanation.headers if look.every else ():
        yield from _lines(_INDENT, _INDENT * 2, f"{header.name}: {header.value}", look)
