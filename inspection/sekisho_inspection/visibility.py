"""Visibility: whether a person sees the text of an element, by its style and its attributes and those around it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from PIL import ImageColor

Colour = tuple[int, int, int]
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))\s*(px|pt|pc|cm|mm|in|r?em|ex|ch|%|v[wh])?")
_FONT_SIZE = re.compile(r"(?:^|\s)((?:\d+\.?\d*|\.\d+)(?:px|pt|r?em|ex|%)?)(?=\s*/|\s)")
_COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|(?:rgb|hsl)a?\([^)]*\)|[a-z]+", re.I)
_ALPHA = re.compile(r"(?:rgb|hsl)a?\(.*[,/]\s*(0?\.?\d+)(%?)\s*\)")
_PIXELS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "cm": 37.8, "mm": 3.78, "in": 96.0}
_WORDS = {"xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0}
_SMALLEST = 2.5
_FAINT = 0.05
_FAR = 500
# The sum of the differences of red, green and blue below which nobody tells two colours apart.
_ALIKE = 30
# Longer styles are seldom met twice, and would fill the memory of a worker.
_CACHED = 1000
_INLINE = ("inline", "inline-block", "inline-flex", "contents")
# Attributes and declarations that may change what is seen; most elements have none.
TELLING = frozenset(["hidden", "bgcolor", "background", "color", "text", "size"])
_HIDING = frozenset([
    "display", "content-visibility", "opacity", "transform", "clip-path", "filter", "text-indent", "margin-left",
    "margin-top", "position", "overflow", "overflow-x", "overflow-y", "clip",
])  # fmt: skip
_VISIBILITIES = ("visible", "hidden", "collapse")
_NEVER = re.compile(
    r"scale[xy]?\(\s*0(?:\.0+)?\s*[,)]|inset\(\s*(?:[5-9]\d|100)%|circle\(\s*0|opacity\(\s*0(?:\.0+)?%?\s*\)"
)
_CLIPPED = re.compile(r"rect\(\s*(?:[01](?:px)?|auto)(?:[\s,]+[01](?:px)?){3}\s*\)")


@dataclass(frozen=True)
class State:
    """What an element inherits and what is its own: `inline` is None where its tag decides."""

    gone: bool = False
    invisible: bool = False
    size: float = 16.0
    colour: Colour | None = (0, 0, 0)
    background: Colour | None = (255, 255, 255)
    inline: bool | None = None
    reversed: bool = False

    @cached_property
    def seen(self) -> bool:
        """Whether a person sees text here."""
        return not (self.gone or self.invisible or self.size < _SMALLEST or self._alike)

    @property
    def _alike(self) -> bool:
        if self.colour is None or self.background is None:
            return False
        return sum(abs(one - other) for one, other in zip(self.colour, self.background, strict=True)) < _ALIKE

    def without(self) -> State:
        """The state of what is not shown at all."""
        return replace(self, gone=True)

    def child(self, style: Mapping[str, str], attributes: Mapping[str, str], tag: str) -> State:
        """The state of an element in this one, by its declarations (names and values in lower case) and attributes."""
        told = tuple((name, attributes[name]) for name in attributes if name in TELLING)
        short = sum(map(len, style.values())) + sum(len(value) for _, value in told) <= _CACHED
        return (_cached_child if short else _child)(self, tuple(style.items()), told, tag)


# The elements of a newsletter have some dozens of styles.
@lru_cache(maxsize=512)
def _cached_child(
    around: State, declared: tuple[tuple[str, str], ...], told: tuple[tuple[str, str], ...], tag: str
) -> State:
    return _child(around, declared, told, tag)


def _child(around: State, declared: tuple[tuple[str, str], ...], told: tuple[tuple[str, str], ...], tag: str) -> State:
    style, attributes = {name: value.rstrip("!") for name, value in declared}, dict(told)
    gone = around.gone or _is_gone(style) or ("hidden" in attributes and "display" not in style)
    visibility = style.get("visibility", "")
    invisible = visibility != "visible" if visibility in _VISIBILITIES else around.invisible
    colour, clear = _colour_of(style, attributes, tag, around.colour)
    return replace(
        around,
        gone=gone or clear,
        invisible=invisible,
        size=_size(style, attributes, tag, around.size),
        colour=colour,
        background=_background(style, attributes, around.background),
        inline=_inline(style),
        reversed=style.get("direction") == "rtl" and style.get("unicode-bidi", "").endswith("override"),
    )


def _inline(style: Mapping[str, str]) -> bool | None:
    """Whether the style puts an element on the line of its text; None where its tag decides."""
    display = style.get("display", "")
    if display not in ("", "none"):
        return display in _INLINE
    return True if style.get("float", "none") != "none" else None


def _is_gone(style: Mapping[str, str]) -> bool:
    if _HIDING.isdisjoint(style):
        return False
    if style.get("display") == "none" or style.get("content-visibility") == "hidden":
        return True
    if (opacity := _length(style.get("opacity", ""))) is not None and opacity < _FAINT:
        return True
    if _NEVER.search(" ".join(style.get(name, "") for name in ("transform", "clip-path", "filter"))):
        return True
    return _is_away(style) or _is_cut(style) or _CLIPPED.search(style.get("clip", "")) is not None


def _is_away(style: Mapping[str, str]) -> bool:
    names = ["text-indent", "margin-left", "margin-top"]
    if style.get("position") in ("absolute", "fixed", "relative"):
        names += ["left", "top", "right", "bottom"]
    away = any((length := _length(style.get(name, ""))) is not None and length < -_FAR for name in names)
    far = style.get("position") in ("absolute", "fixed") and (_length(style.get("left", "")) or 0) > 10 * _FAR
    return away or far or re.search(r"translate[xy]?\([^)]*-\d{4}", style.get("transform", "")) is not None


def _is_cut(style: Mapping[str, str]) -> bool:
    cut = any(style.get(name) in ("hidden", "clip") for name in ("overflow", "overflow-x", "overflow-y"))
    names = ("height", "max-height", "width", "max-width")
    return cut and any((length := _length(style.get(name, ""))) is not None and length <= 1 for name in names)


def _length(text: str, whole: float = 16.0) -> float | None:
    """Pixels, of which `whole` are one em."""
    found = _NUMBER.match(text)
    if found is None:
        return None
    unit = found[2] or ""
    if unit == "%" or unit.startswith("v"):
        return float(found[1]) * 16
    return float(found[1]) * _PIXELS.get(unit, whole)


def _size(style: Mapping[str, str], attributes: Mapping[str, str], tag: str, around: float) -> float:
    text = style.get("font-size", "")
    if not text and (short := _FONT_SIZE.search(style.get("font", ""))):
        text = short[1]
    if not text:
        return 0.0 if tag == "font" and attributes.get("size", "").strip() in ("0", "0px", "0pt", "1px") else around
    found = _NUMBER.match(text)
    if found is None:
        return _WORDS.get(text, around)
    if found[2] == "%":
        return float(found[1]) * around / 100
    return _length(text, 16.0 if found[2] == "rem" else around) or 0.0


def _colour_of(
    style: Mapping[str, str], attributes: Mapping[str, str], tag: str, around: Colour | None
) -> tuple[Colour | None, bool]:
    """The colour of text, and whether it is transparent."""
    attribute = attributes.get("color" if tag == "font" else "text" if tag == "body" else "", "")
    text = style.get("-webkit-text-fill-color") or style.get("color") or attribute
    if not text or text in ("inherit", "initial", "unset", "currentcolor"):
        return around, False
    if text == "transparent" or _is_clear(text):
        return around, True
    return colour(text[:_CACHED]), False


def _background(style: Mapping[str, str], attributes: Mapping[str, str], around: Colour | None) -> Colour | None:
    """The colour behind text; None where a picture or what is not known is there."""
    text = style.get("background-color") or style.get("background") or attributes.get("bgcolor", "")
    pictures = style.get("background", "") + style.get("background-image", "") + attributes.get("background", "")
    if "url(" in pictures or "gradient" in pictures or attributes.get("background"):
        return None
    if not text or text.startswith(("transparent", "none", "inherit", "initial", "unset")) or _is_clear(text):
        return around
    return colour(text[:_CACHED])


def _is_clear(text: str) -> bool:
    found = _ALPHA.match(text) if "a(" in text or "/" in text else None
    return found is not None and float(found[1]) < (100 * _FAINT if found[2] else _FAINT)


@lru_cache(maxsize=512)
def colour(text: str) -> Colour | None:
    """Red, green and blue of a colour's first mention in a CSS value or an attribute; None for what is none."""
    plain = text.strip().lower()
    if re.fullmatch(r"[0-9a-f]{6}", plain):
        plain = f"#{plain}"
    found = _COLOUR.match(plain)
    if found is None:
        return None
    try:
        red, green, blue = ImageColor.getrgb(_without_alpha(found[0]))[:3]
    except ValueError:
        return None
    return red, green, blue


def _without_alpha(text: str) -> str:
    if "(" not in text:
        return text
    numbers = re.split(r"[\s,/]+", text.partition("(")[2].strip(" )"))[:3]
    return f"{text[:3]}({','.join(numbers)})"
