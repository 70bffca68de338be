"""URLs and hosts in texts: as written, and as a client would resolve them; defanged forms count as what they mean."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from urllib.parse import unquote

from sekisho_inspection.notes import Notes

# At most so many URLs of one part are noted; more than this is a list, and the gap says so.
MAX_URLS = 4000
_URL = re.compile(r"(?:https?|ftp)://[^\s<>\"'`{}|\\^\u3000-\u3003\u300c-\u3011\uff08\uff09\x00-\x1f]{1,2048}", re.I)
_HOST = re.compile(r"(?<![\w@.%/=-])[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,20}\.[a-z]{2,24}(?![\w@-])", re.I)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")
_FANGS = re.compile(
    r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\[:\]|\[://\]|\[/\]|\bh(?:xx|\*\*|XX)p(?=s?(?::|\[))|\bfxp(?=s?:)", re.I
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_LINK = re.compile(r"(?:(https?|ftp):[/\\]*|[/\\]{2,})", re.I)
_QUERY = re.compile(r"[?#]")
_TRAILING = ".,;:!?*_~'\""
_ASCII = re.compile(r"[!-~]*")
_NUMERIC = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}", re.I)


def note_urls(text: str, where: str, notes: Notes) -> None:
    """Note every URL of a text and its host, and bare hosts and addresses."""
    plain = _refanged(text)
    for count, match in enumerate(_URL.finditer(plain)):
        if count >= MAX_URLS:
            notes.gap(where, "limit", f"more than {MAX_URLS} URLs")
            break
        for url in _readings(match[0]):
            note_url(url, where, notes)
    for pattern in (_HOST, _IPV4):
        for count, match in enumerate(pattern.finditer(plain)):
            if count >= MAX_URLS:
                notes.gap(where, "limit", f"more than {MAX_URLS} hosts")
                break
            note_host(match[0], where, notes)


def note_url(url: str, where: str, notes: Notes) -> None:
    """Note one URL as written and with scheme and host in lower case, and its host."""
    notes.observe("url:value", url, where)
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    folded = f"{scheme.lower()}://{authority.lower()}{rest[len(authority) :]}"
    notes.observe("url:value", folded, where)
    note_host(_host_of(authority), where, notes)


def link_targets(link: str) -> list[str]:
    """The URLs with a host to which a link leads: as written, and as browsers read it (WHATWG URL section 4.4), who
    care for no control characters and for no kind or number of slashes. A link without scheme leads to both."""
    written = [link] if "://" in link[:12] else []
    plain = _CONTROLS.sub("", link).strip()
    found = _LINK.match(plain)
    if found is None:
        return written
    rest = plain[found.end() :]
    path = _QUERY.search(rest)
    end = path.start() if path else len(rest)
    read = rest[:end].replace("\\", "/") + rest[end:]
    schemes = [found[1].lower()] if found[1] else ["http", "https"]
    return list(dict.fromkeys([*written, *(f"{scheme}://{read}" for scheme in schemes)])) if read else written


def note_host(host: str, where: str, notes: Notes) -> None:
    """Note a host as domain name (lower case, A-labels) or IP address."""
    path, value = classify(host)
    notes.observe(path, value, where)


@lru_cache(maxsize=1024)
def classify(host: str) -> tuple[str, str]:
    """The STIX path and canonical value of a host; the value is "" for none. Numeric forms are read as clients do."""
    name = unquote(host).strip().rstrip(".").lower()
    for dot in "\u3002\uff0e\uff61":
        name = name.replace(dot, ".")
    if _NUMERIC.fullmatch(name):
        return _ipv4(name)
    if ":" in name:
        return _ipv6(name)
    if not name.isascii():
        name = _a_label(name)
    return "domain-name:value", name if "." in name and len(name) <= 253 else ""


def _ipv4(name: str) -> tuple[str, str]:
    try:
        return "ipv4-addr:value", socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return "ipv4-addr:value", ""


def _ipv6(name: str) -> tuple[str, str]:
    try:
        return "ipv6-addr:value", str(ipaddress.IPv6Address(name.strip("[]")))
    except ValueError:
        return "ipv6-addr:value", ""


def _a_label(name: str) -> str:
    # The codec's time grows with the square of a label, so only lawful lengths are encoded (RFC 1035 section 2.3.4).
    if len(name) > 253 or any(len(label) > 63 for label in name.split(".")):
        return ""
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _host_of(authority: str) -> str:
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _readings(match: str) -> list[str]:
    """The URL as cut by a program that ends it at white space, and by one that ends it at the last ASCII character."""
    trimmed = [_trimmed(match), _trimmed(_ASCII.match(match)[0])]  # type: ignore[index]
    return [url for url in dict.fromkeys(trimmed) if len(url.partition("://")[2]) > 1]


def _trimmed(url: str) -> str:
    """Without the punctuation that belongs to the sentence around; closing brackets stay as far as they were opened."""
    surplus = {close: url.count(close) - url.count(opening) for close, opening in (")(", "][")}
    end = len(url)
    while end and (url[end - 1] in _TRAILING or surplus.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in surplus:
            surplus[url[end]] -= 1
    return url[:end]


def _refanged(text: str) -> str:
    return (
        _FANGS.sub(_refang, text) if "[" in text or "(" in text or "{" in text or "xp" in text or "XP" in text else text
    )


def _refang(match: re.Match[str]) -> str:
    found = match[0].lower()
    if found.startswith(("h", "f")):
        return "http" if found.startswith("h") else "ftp"
    return {"[:]": ":", "[://]": "://", "[/]": "/"}.get(found, ".")
