"""Field codes of Word, in all its formats: DDE, and what a field fetches. Nested fields are put together first."""

from __future__ import annotations

import re

from sekisho_inspection.notes import Item, Notes
from sekisho_inspection.objects import is_remote
from sekisho_inspection.urls import note_urls

# Word's own characters for a field's beginning, the end of its instruction, and its end (MS-DOC 2.8.25).
BEGIN, SEPARATOR, END = "\x13", "\x14", "\x15"
_MARK = re.compile("[\x13\x14\x15]")
_DDE = re.compile(r"\s*+\"?DDE(?:AUTO)?\b", re.I)
_FETCHING = re.compile(r"\s*+(INCLUDEPICTURE|INCLUDETEXT|INCLUDE|IMPORT|LINK|RD)\b\s*+(.*)", re.I | re.S)
_QUOTE = re.compile(r"\s*+QUOTE\b(.*)", re.I | re.S)
_SET = re.compile(r"\s*+(?:SET|ASK)\s+\"?([\w.]{1,100})\"?\s*+(.*)", re.I | re.S)
_REFERENCE = re.compile(r"\s*+(?:REF\s+)?\"?([\w.]{1,100})\"?\s*+(?:\\\*?\s*+\w+\s*+)*+", re.I)
_WORDS = re.compile(r"\"([^\"]*+)\"|(\S++)")
_NUMBERS = re.compile(r"[\s\d]+")
# Fields of one document, fields within fields, and characters of one instruction.
_MAX_FIELDS, _MAX_DEPTH, _MAX_CODE = 50_000, 60, 20_000
# Characters that all results together may have for each of the text's.
_MAX_TIMES = 4


def note_fields(text: str, item: Item, notes: Notes, place: str = "") -> None:
    """Note what the fields of a text start and fetch; `text` has Word's characters around each field."""
    for instruction in instructions(text):
        note_instruction(instruction, item, notes, place)


def note_instruction(instruction: str, item: Item, notes: Notes, place: str = "") -> None:
    """Note one instruction."""
    note_urls(instruction, item.at(place), notes)
    if _DDE.match(instruction):
        notes.find("office-dde", item.at(place), instruction.strip())
    elif found := _FETCHING.match(instruction):
        targets = [(first or second).replace("\\\\", "\\") for first, second in _WORDS.findall(found[2][:_MAX_CODE])]
        for target in targets:
            shown = target if not target.startswith("\\") or target.startswith("\\\\") else f"\\{target}"
            if is_remote(shown):
                picture = found[1].lower() == "includepicture"
                detail = f"{found[1].upper()}: {shown}"
                notes.find("office-remote-image" if picture else "office-remote-template", item.at(place), detail)


def instructions(text: str) -> list[str]:
    """The instruction of every field, those inside of others replaced by what they come to (ISO 29500-1 17.16.5)."""
    found: list[str] = []
    held: dict[str, str] = {}
    stack: list[list[str]] = []
    shown: list[bool] = []
    at, left = 0, _MAX_TIMES * len(text) + 1000
    for mark in _MARK.finditer(text):
        if stack and not shown[-1]:
            stack[-1].append(text[at : mark.start()])
        at = mark.end()
        if mark[0] == BEGIN and len(stack) < _MAX_DEPTH:
            stack.append([])
            shown.append(False)
        elif mark[0] == SEPARATOR and shown:
            shown[-1] = True
        elif mark[0] == END and stack:
            code = "".join(stack.pop())[:_MAX_CODE]
            shown.pop()
            result = _result(code, held)
            left -= len(code) + len(result)
            if left < 0 or len(found) >= _MAX_FIELDS:
                break
            found.append(code)
            if stack and not shown[-1]:
                stack[-1].append(result)
    # Fields that the text ends in.
    found += ["".join(pieces)[:_MAX_CODE] for pieces in stack if pieces]
    if stack and not shown[-1]:
        found.append(text[at : at + _MAX_CODE])
    return found


def _result(code: str, held: dict[str, str]) -> str:
    """What a field puts in its place: a quotation, or the value that another field set; its instruction otherwise."""
    if found := _SET.fullmatch(code):
        held[found[1].lower()] = found[2].strip().strip('"')
        return ""
    if found := _QUOTE.fullmatch(code):
        return _quoted(found[1])
    if found := _REFERENCE.fullmatch(code):
        return held.get(found[1].lower(), "")
    return ""


def _quoted(text: str) -> str:
    """Text of a QUOTE field; numbers are characters."""
    if _NUMBERS.fullmatch(text):
        return "".join(chr(int(number)) for number in text.split() if len(number) < 6 and 0 < int(number) < 0xD800)
    return "".join(first or second for first, second in _WORDS.findall(text))
