"""Redirectors: the URLs that trackers, translators and link rewriters carry inside their own, without a network."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote

_PARTS = re.compile(r"[a-z][a-z0-9+.-]*:[/\\]*([^/\\?#]*)(.*)", re.I | re.S)
_INNER = re.compile(r"(?:https?|ftps?):[/\\]+[^/\\\s]", re.I)
_ENDS = re.compile(r"[\s<>\"`\x00-\x1f]")
_HOST = r"(?:[a-z0-9-]{1,63}\.){1,20}[a-z][a-z0-9-]{1,62}(?::\d{1,5})?"
# Short words between slashes carry nothing.
_MAY_WRAP = re.compile(r"[=%:]|[A-Za-z0-9+_-]{11}")
# A target without scheme, in a parameter that is named as one; also after two slashes.
_TARGET = re.compile(
    r"(?:url|uri|u|q|to|dest|destination|domain|d|goto|go|href|link|location|next|out|r|redir|redirect|redirect_ur[il]|"
    r"return|return_?ur[il]|site|target|targeturl)=(?:[/\\]{2,8})?(" + _HOST + r"(?:[/?#]\S{0,2000})?)",
    re.I,
)
_RELATIVE = re.compile(r"[^=]{0,64}=[/\\]{2,8}(" + _HOST + r"(?:[/?#]\S{0,2000})?)", re.I)
_AMP = re.compile(r"/(?:amp|[cv])/(s/)?(" + _HOST + r"(?:[/?#].*)?)", re.I | re.S)
_AMP_HOSTS = (".ampproject.org", "google.com", "google.co.jp")
_TRANSLATED = ".translate.goog"
_TRANSLATIONS = re.compile(r"&?_x_tr_[a-z]+=[^&#]*", re.I)
_V2 = re.compile(r"/v2/url\?(?:[^#]*&)?u=([^&#]+)", re.I)
_V3 = re.compile(r"/v3/__(.+?)__;([\w-]*=*)", re.S)
_STARS = re.compile(r"\*(?:\*(.))?", re.S)
# Proofpoint's alphabet of run lengths: A is two.
_RUNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{11,4000}")
# "http" and "ftp" in Base64, in either case, at each of the three places that they may have in it.
_LIKELY = re.compile("aHR0|h0dH|dHRw|SFRU|hUVF|UVFA|UVFR|IVFR|SHR0|ZnRw|Z0cD|dHA6|dHBz|RlRQ|ZUUD|VFA6")
_HEX = re.compile(r"(?:68747470|48545450)(?:[0-9a-f]{2}){6,2000}", re.I)
_LAYERS = 4
_MOST = 16
# No server takes longer ones.
_LONGEST = 16_384


def unwrapped(url: str) -> list[str]:
    """The URLs directly inside of `url`, at most 16: in its path and parameters under up to four layers of percent
    escapes, in Base64 or hexadecimal, and in the ways of their own of Proofpoint, AMP and Google's translator."""
    found = _PARTS.match(url[:_LONGEST])
    if found is None or not found[2]:
        return []
    host, rest = found[1].lower(), found[2]
    inner = [*_special(host, rest)]
    if not _MAY_WRAP.search(rest):
        return inner
    for piece in dict.fromkeys(_pieces(rest)):
        if len(inner) >= _MOST:
            break
        inner += _of_piece(piece)
    return [one for one in dict.fromkeys(inner) if one != url][:_MOST]


def _pieces(rest: str) -> Iterator[str]:
    """The parameters and path segments, and the whole, which is the piece where an inner URL was not escaped."""
    path, _, query = rest.partition("?")
    yield from re.split("[&;#]", query)[:50]
    if "%" in path:
        yield from path.split("/")[:50]
    yield rest[1:]


def _of_piece(piece: str) -> Iterator[str]:
    text = piece
    for _ in range(_LAYERS):
        if match := _INNER.search(text):
            yield _ENDS.split(text[match.start() :], maxsplit=1)[0]
            return
        if "%" not in text or (plain := unquote(text)) == text:
            break
        text = plain
    if match := _TARGET.fullmatch(text) or _RELATIVE.fullmatch(text):
        yield from (f"http://{match[1]}", f"https://{match[1]}")
    elif len(text) > 10:
        yield from _encoded(text)


def _encoded(text: str) -> Iterator[str]:
    if match := _HEX.search(text):
        yield from _inside(bytes.fromhex(match[0]))
    for match in list(_BASE64.finditer(text))[:8] if _LIKELY.search(text) else ():
        # Bing puts a kind of two characters before the Base64.
        for start in (0, 2):
            yield from _inside(_base64(match[0][start:]))


def _base64(text: str) -> bytes:
    plain = text.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "==")
    except binascii.Error:
        return b""


def _inside(data: bytes) -> Iterator[str]:
    if b":" in data and (match := _INNER.search(text := data.decode("utf-8", "replace"))):
        yield re.split('[\\s<>"`\\x00-\\x1f\ufffd]', text[match.start() :], maxsplit=1)[0]


def _special(host: str, rest: str) -> Iterator[str]:
    if "urldefense" in host:
        if match := _V2.match(rest):
            yield unquote(match[1].replace("-", "%").replace("_", "/"))
        if match := _V3.match(rest):
            yield _starred(match[1], _base64(match[2]).decode("utf-8", "replace"))
    elif host.endswith(_TRANSLATED):
        name = host.removesuffix(_TRANSLATED).replace("--", "\0").replace("-", ".").replace("\0", "-")
        yield from (f"{scheme}://{name}{_TRANSLATIONS.sub('', rest).removesuffix('?')}" for scheme in ("http", "https"))
    elif host.endswith(_AMP_HOSTS) and (match := _AMP.match(rest)):
        yield f"http{'s' if match[1] else ''}://{match[2]}"


def _starred(text: str, characters: str) -> str:
    """Proofpoint's version 3: each star stands for the next character, two stars and a letter for a run of them."""
    at = 0

    def one(match: re.Match[str]) -> str:
        nonlocal at
        start, at = at, at + (_RUNS.find(match[1]) + 2 if match[1] else 1)
        return characters[start:at]

    return _STARS.sub(one, text)
