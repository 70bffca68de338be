"""Spellings of URLs in texts: defanged, wide, broken over lines or escaped ones as they are meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from urllib.parse import unquote

from sekisho_inspection.hosts import UNSEEN, UNSEEN_CHARACTERS
from sekisho_inspection.notes import MAX_URL

_FANGS = re.compile(
    r"[ \t]?(?:\[(?:\.|dot)\]|\((?:\.|dot)\)|\{(?:\.|dot)\}|<dot>)[ \t]?|\[\.(?=[a-z0-9])|(?<=[a-z0-9])\.\]|"
    r"\[:\]|\[://\]|:\[//\]|\[/\]|\bh(?:xx|\*\*|__)p(?=s?[:\[])|\bfxp(?=s?[:\[])",
    re.I,
)
# Literals without which nothing above is there, the cheapest first: a hundredth of the cost of searching that.
_FANG_SIGNS = (b"[", b"]", b"{", b"(.", b"dot", b"xp", b"*p", b"_p")
_FANG_MARKS = (
    b"[.", b".]", b"(.)", b"{.", b"[dot", b"(dot", b"{dot", b"<dot", b"[:", b"[/", b":[", b"xxp", b"fxp", b"**p",
    b"__p",
)  # fmt: skip
_SPACED = re.compile(r"(?<=[a-z0-9]) \. (?=[a-z])", re.I)
_LETTER = "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u2460-\u2473\u24b6-\u24ea\U0001d400-\U0001d7ff"
# Where another form of the text could be a URL: letters of other widths with a stop or slash of any, stops between
# ASCII letters, and characters that nobody sees. The signs say cheaply that a text has nothing of it: what is outside
# of the basic plane stands in them as one range, because `re` tries each range there in turn.
_BASIC = re.sub("[\U00010000-\U0010ffff](?:-[\U00010000-\U0010ffff])?", "", _LETTER + UNSEEN_CHARACTERS)
_WIDE_SIGNS = (
    re.compile("\u3002(?=[A-Za-z0-9])"),
    re.compile(f"[{_BASIC}\uff0e\uff61\uff0f\uff1a\U00010000-\U0010ffff]"),
)
_WIDE = re.compile(
    f"[{_LETTER}a-z0-9-][\u3002\uff0e\uff61\uff0f\uff1a](?=[{_LETTER}a-z0-9\uff0f/])|"
    f"[\uff54\U0001d42d\u24e3][\uff50\U0001d429\u24df]|"
    f"[./:@-][{_LETTER}]|[{_LETTER}][./]|{UNSEEN.pattern}",
    re.I,
)
_STOP = re.compile(r"(?<=[\w-])[\u3002\uff0e\uff61](?=[a-z0-9-]|[\w-]{1,63}[/:?#])", re.I)
_BEGIN = re.compile(r"://[^\s<>\"']*")
_SCHEME = re.compile(r"(?:https?|ftps?)\Z", re.I)
_NEXT = re.compile(r"[ \t]{0,8}\r?\n[>| \t]{0,16}([!#-;=?-~]{1,2000})([^\r\n]?)")
_FOLD = re.compile(r"\s+(?:(?<=\n)[>|][>| \t]*)?")
_JOINTS = "/?&=-_%.+#"
_LONG_LINE = 60
_MOST_LINES = 6
# URLs of one text that line ends break; no letter has so many.
_MOST_BROKEN = 500
_LAYERS = 4


def spellings(text: str) -> list[str]:
    """The text as it stands, with defanged forms refanged, and, where it has some, its wide forms as clients fold them
    and the URLs that its line ends break. Linear in the length."""
    plain = _refanged(text)
    wide = not plain.isascii() and any(sign.search(plain) for sign in _WIDE_SIGNS) and _WIDE.search(plain)
    folded = [plain, _folded(plain)] if wide else [plain]
    return [
        *folded,
        *(joined for one in folded if "://" in one and "\n" in one for joined in islice(_unbroken(one), _MOST_BROKEN)),
    ]


def layers(text: str) -> Iterator[str]:
    """What percent escapes stand for, layer by layer."""
    for _ in range(_LAYERS):
        if "%" not in text or (plain := unquote(text)) == text:
            return
        text = plain
        yield text


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", _STOP.sub(".", UNSEEN.sub("", text)))


def _refanged(text: str) -> str:
    # A literal that stands in the text stands in its ASCII characters; these alone are lowered in a third of the time.
    low = text.encode("ascii", "ignore").lower()
    if any(sign in low for sign in _FANG_SIGNS) and any(mark in low for mark in _FANG_MARKS):
        text = _FANGS.sub(_refang, text)
    return _SPACED.sub(".", text) if " . " in text else text


def _refang(match: re.Match[str]) -> str:
    found = match[0].lower()
    if found.startswith(("h", "f")):
        return "http" if found.startswith("h") else "ftp"
    return {"[:]": ":", "[://]": "://", ":[//]": "://", "[/]": "/"}.get(found, ".")


def _unbroken(text: str) -> Iterator[str]:
    """URLs that a line end breaks: inside of angle brackets (RFC 3986 appendix C), behind "=", behind a long line, and
    where what follows stands alone on its line and continues a path."""
    for match in _BEGIN.finditer(text):
        scheme = _SCHEME.search(text, max(0, match.start() - 5), match.start())
        if scheme is None:
            continue
        start, end = scheme.start(), match.end()
        bracketed = text[max(0, start - 5) : start].lower().endswith(("<", "<url:"))
        if bracketed and text[end : end + 1].isspace():
            yield _FOLD.sub("", text[start : end + MAX_URL]).partition(">")[0]
        elif text[end : end + 1].isspace():
            yield from _continued(text, start, end)


def _continued(text: str, start: int, end: int) -> Iterator[str]:
    url = text[start:end]
    for _ in range(_MOST_LINES):
        following = _NEXT.match(text, end)
        if following is None or "://" in following[1]:
            return
        long = end - start + _indent(text, start) > _LONG_LINE
        alone = not following[2].strip() and (url[-1] in _JOINTS or any(mark in following[1] for mark in "./?&=%"))
        if not (long or alone or url.endswith("=")):
            return
        if url.endswith("="):
            yield url[:-1] + following[1]
        url, start, end = url + following[1], following.start(1), following.end(1)
        yield url


def _indent(text: str, start: int) -> int:
    """How far from the beginning of its line a URL begins, at most as far as a long line goes."""
    return start - max(text.rfind("\n", max(0, start - _LONG_LINE), start) + 1, start - _LONG_LINE)
