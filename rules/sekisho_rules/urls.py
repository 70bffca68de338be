"""URLs as they are compared: one form for all spellings that lead a browser to the same place."""

from __future__ import annotations

import re
from urllib.parse import quote

from sekisho_rules.hosts import host_form

_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.\-]*):)?//([^/?#]*)([^#]*)")
# What browsers read through (WHATWG URL section 4.4): control characters, and any slashes after these schemes.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_SCHEME = re.compile(r"(https?|ftp):/*", re.IGNORECASE)
_QUERY = re.compile(r"[?#]")
_PORTS = {"http": ("80",), "https": ("443",), "ftp": ("21",), "": ("80", "443")}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_FANGS = re.compile(r"[\[({](\.|dot|:|://|/|@|at)[\])}]", re.IGNORECASE)
_FANGED_SCHEME = re.compile(r"^(?:h(?:xx|\*\*)p|(f)xp)(?=s?:)", re.IGNORECASE)
_MEANT = {"dot": ".", "at": "@"}


def url_form(text: str) -> str:
    """Scheme and host in lower case, no user name, default port, trailing dot, fragment or dot segments, escapes only
    where they are needed (RFC 3986 section 6.2). A text without scheme has none in its form."""
    found = _URL.match(_read_through(text)) or _URL.match("//" + _read_through(text))
    assert found is not None
    scheme = (found[1] or "").lower()
    host, port = _split_port(found[2].rpartition("@")[2])
    if port and port not in _PORTS.get(scheme, ()):
        host = f"{host}:{port}"
    path = found[3] if found[3].startswith("/") else "/" + found[3]
    return f"{scheme}{':' if scheme else ''}//{host}{_without_dots(_escaped(path))}"


def host_of(url: str) -> str:
    """The host of a URL in its compared form, "" where there is none."""
    found = _URL.match(url_form(url))
    return _split_port(found[2])[0].strip("[]") if found else ""


def refanged(text: str) -> str:
    """An address, host or URL as it is meant where an author wrote `hxxp://evil[.]example`."""
    text = _FANGS.sub(lambda found: _MEANT.get(found[1].lower(), found[1]), text)
    return _FANGED_SCHEME.sub(lambda found: "ftp" if found[1] else "http", text)


def _read_through(text: str) -> str:
    text = _CONTROLS.sub("", text).strip()
    query = _QUERY.search(text)
    end = query.start() if query else len(text)
    head = text[:end].replace("\\", "/")
    scheme = _SCHEME.match(head)
    return (f"{scheme[1]}://{head[scheme.end() :]}" if scheme else head) + text[end:]


def _split_port(authority: str) -> tuple[str, str]:
    if authority.startswith("["):
        host, _, port = authority.partition("]")
        form = host_form(host)
        return f"[{form}]" if ":" in form else form, port.lstrip(":0")
    host, _, port = authority.partition(":")
    return host_form(host), port.lstrip("0")


def _escaped(path: str) -> str:
    if not path.isascii() or " " in path:
        path = quote(path, safe=_PRINTABLE, errors="replace")
    return _ESCAPE.sub(_unescape, path) if "%" in path else path


def _unescape(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char in _PLAIN else found[0].upper()


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4."""
    path, mark, query = path.partition("?")
    if "/." not in path:
        return path + mark + query
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept) + mark + query
