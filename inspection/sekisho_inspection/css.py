"""Style sheets: which declarations hold for an element, by simple and descendant selectors (CSS 2.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

Declarations = dict[str, str]
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.S)
_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))", re.I | re.S)
_BRACE = re.compile(r"([{}])")
_DECLARATION = re.compile(r"(?:[^;\"'(]++|\"[^\"]*+\"?|'[^']*+'?|\((?:[^()\"']++|\"[^\"]*+\"?|'[^']*+'?)*+\)?)++")
_COMPOUND = re.compile(r"(\*|[\w-]+)?((?:[.#][\w-]+|\[[^\]]*\])*)")
_SIMPLE = re.compile(r"([.#])([\w-]+)|\[\s*([\w:-]+)\s*(?:([~^$*|]?)=\s*[\"']?([^\"'\]]*)[\"']?\s*)?\]")
_PSEUDO = re.compile(r"::?(before|after)$")
_COMBINATORS = re.compile(r"\s*[>+~]\s*|\s+")
# Of the media of a screen; narrow ones are telephones, where newsletters hide half of their text.
_OTHER_MEDIA = re.compile(r"print|max-(?:device-)?width|max-height|dark|speech|portrait", re.I)
_MAX_RULES = 4000
# Longer blocks are seldom met twice, and would fill the memory of a worker.
_CACHED = 1000
# Comparisons of one page's elements with selectors: beyond, no rules hold any more.
_MAX_COMPARED = 200_000


@dataclass(frozen=True)
class _Compound:
    tag: str
    tests: tuple[tuple[str, str, str], ...]

    def fits(self, element: etree._Element) -> bool:
        return self.tag in ("", "*", element.tag) and all(_fits(element, *test) for test in self.tests)


@dataclass(frozen=True)
class _Rule:
    weight: tuple[int, int, int]
    chain: tuple[_Compound, ...]
    part: str
    declarations: Declarations

    def holds(self, element: etree._Element) -> bool:
        """Whether the last compound fits the element, and those before it ancestors in this order."""
        if not self.chain[-1].fits(element):
            return False
        rest = list(self.chain[:-1])
        ancestor = element.getparent()
        while rest and ancestor is not None:
            if rest[-1].fits(ancestor):
                rest.pop()
            ancestor = ancestor.getparent()
        return not rest


class Sheet:
    """The rules of a page's style sheets, found by what the last part of their selectors asks for."""

    def __init__(self, texts: list[str]) -> None:
        self._rules: dict[str, list[_Rule]] = {}
        self.generates = False
        self._left = _MAX_COMPARED
        count = 0
        for text in texts:
            for rule in _rules(text):
                count += 1
                if count > _MAX_RULES:
                    return
                self.generates = self.generates or bool(rule.part)
                self._rules.setdefault(_key(rule.chain[-1]), []).append(rule)

    @property
    def rules(self) -> bool:
        """Whether there are any."""
        return bool(self._rules)

    def of(self, element: etree._Element, inline: str) -> dict[str, Declarations]:
        """The declarations that hold for an element under "", and for what is generated "before" and "after" it."""
        found = [rule for rule in self._candidates(element) if rule.holds(element)] if self._rules else []
        out: dict[str, Declarations] = {"": {}}
        for rule in sorted(found, key=lambda rule: rule.weight):
            _merge(out.setdefault(rule.part, {}), rule.declarations)
        _merge(out[""], declarations(inline))
        return out

    def _candidates(self, element: etree._Element) -> list[_Rule]:
        keys = [str(element.tag), "*", *(f".{name}" for name in (element.get("class") or "").split()[:50])]
        if name := element.get("id"):
            keys.append(f"#{name}")
        found = [rule for key in keys for rule in self._rules.get(key, ())]
        self._left -= len(found)
        return found if self._left > 0 else []


def declarations(text: str) -> Declarations:
    """Names and values of a block, in lower case but for `content`; important ones end with "!"."""
    return _cached(text) if len(text) <= _CACHED else _declared(text)


@lru_cache(maxsize=512)
def _cached(text: str) -> Declarations:
    return _declared(text)


def _declared(text: str) -> Declarations:
    found: Declarations = {}
    for match in _DECLARATION.finditer(_COMMENT.sub("", text)) if text else ():
        name, colon, value = match[0].partition(":")
        if colon:
            name = _unescaped(name).strip().lower()
            plain, important, _ = value.partition("!")
            plain = plain.strip() if name == "content" else _unescaped(plain).strip().lower()
            _merge(found, {name: plain + ("!" if important else "")})
    return found


def generated(value: str, element: etree._Element) -> str:
    """The text of a `content` declaration: its strings and attributes (section 12.2)."""
    pieces = re.findall(r"\"((?:[^\"\\]|\\.)*+)\"|'((?:[^'\\]|\\.)*+)'|attr\(\s*([\w-]+)\s*\)", value, re.S)
    return "".join(_unescaped(double or single) or element.get(name) or "" for double, single, name in pieces)


def _merge(into: Declarations, new: Declarations) -> None:
    for name, value in new.items():
        if not into.get(name, "").endswith("!") or value.endswith("!"):
            into[name] = value


def _rules(text: str) -> Iterator[_Rule]:
    groups: list[bool] = []
    selectors: str | None = None
    pieces = _BRACE.split(_COMMENT.sub("", text))
    for order, (head, brace) in enumerate(zip(pieces[::2], pieces[1::2], strict=False)):
        if brace == "{":
            selectors = None
            opened = head.rpartition(";")[2].strip()
            if opened.startswith("@"):
                groups.append(not _OTHER_MEDIA.search(opened) and opened[:6].lower() in ("@media", "@suppo", "@layer"))
            else:
                selectors = opened
        elif selectors is not None:
            if all(groups):
                yield from _of_block(selectors, head, order)
            selectors = None
        elif groups:
            groups.pop()


def _of_block(selectors: str, block: str, order: int) -> Iterator[_Rule]:
    held = declarations(block)
    for selector in selectors.split(",")[:100] if held else ():
        text = _unescaped(selector).strip()
        pseudo = _PSEUDO.search(text)
        text = text[: pseudo.start()] if pseudo else text
        chain = [compound for piece in _COMBINATORS.split(text)[-8:] if (compound := _compound(piece))]
        if chain and ":" not in text:
            names = sum(len(compound.tests) for compound in chain)
            ids = sum(test[0] == "#" for compound in chain for test in compound.tests)
            yield _Rule((ids, names, order), tuple(chain), pseudo[1] if pseudo else "", held)


def _compound(text: str) -> _Compound | None:
    found = _COMPOUND.fullmatch(text)
    if found is None or not text:
        return None
    tests = [
        (sign, name, "") if sign else (f"[{operator}", attribute.lower(), value)
        for sign, name, attribute, operator, value in _SIMPLE.findall(found[2])
    ]
    return _Compound((found[1] or "").lower(), tuple(tests))


def _key(compound: _Compound) -> str:
    named = next((f"{sign}{name}" for sign, name, _ in compound.tests if sign in "#."), "")
    return named or compound.tag or "*"


def _fits(element: etree._Element, sign: str, name: str, value: str) -> bool:
    if sign == ".":
        return name in (element.get("class") or "").split()
    if sign == "#":
        return element.get("id") == name
    held = element.get(name)
    if held is None:
        return False
    tests = {
        "[": not value or held == value, "[~": value in held.split(), "[^": held.startswith(value),
        "[$": held.endswith(value), "[*": value in held, "[|": held == value or held.startswith(f"{value}-"),
    }  # fmt: skip
    return tests[sign]


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    if match[1] is None:
        return "" if match[2] == "\n" else str(match[2])
    code = int(match[1], 16)
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else "\ufffd"
