"""Observable values: what a list states in plain text, checked by its type and written as a STIX pattern."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
import uuid
from collections.abc import Callable
from functools import partial

import msgspec
from sekisho_rules.hosts import domain_form
from sekisho_rules.urls import host_of, refanged

_NAMESPACE = uuid.UUID("0b7e4c53-8a3f-5e6c-9d1b-3c1f6f0f2a77")
_PATHS = {
    "domain": "domain-name:value",
    "url": "url:value",
    "ip": "",
    "email": "email-addr:value",
    "sender": "email-message:from_ref.value",
    "subject": "email-message:subject",
    "filename": "file:name",
    "md5": "file:hashes.MD5",
    "sha1": "file:hashes.'SHA-1'",
    "sha256": "file:hashes.'SHA-256'",
    "sha512": "file:hashes.'SHA-512'",
}
TYPES = tuple(_PATHS)
"""The types that a value may have."""
_HASH_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
_OF_DIGITS = {digits: type for type, digits in _HASH_DIGITS.items()}
# The names that public feeds, MISP and OTX give these types.
_ALIASES = {
    "hostname": "domain", "host": "domain", "fqdn": "domain", "domain-name": "domain", "domain_name": "domain",
    "uri": "url", "link": "url", "ip:port": "ip", "ip-dst": "ip", "ip-src": "ip", "ip-dst|port": "ip", "ipv4": "ip",
    "ipv6": "ip", "ipv4-addr": "ip", "ipv6-addr": "ip", "ip-address": "ip", "ip_address": "ip", "cidr": "ip",
    "email-addr": "email", "e-mail": "email", "email-address": "email", "email_address": "email", "mail": "email",
    "email-src": "sender", "from": "sender", "email-subject": "subject", "email_subject": "subject",
    "email-attachment": "filename", "file": "filename", "file_name": "filename", "file-name": "filename",
    "attachment": "filename", "md5_hash": "md5", "sha1_hash": "sha1", "sha-1": "sha1", "sha256_hash": "sha256",
    "sha-256": "sha256", "sha512_hash": "sha512", "sha-512": "sha512", "filehash-md5": "md5", "filehash-sha1": "sha1",
    "filehash-sha256": "sha256", "filehash-sha512": "sha512",
}  # fmt: skip
_LONGEST = 4096
_LONGEST_NAME = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_TOP = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]")
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}")
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)
_ADDRESS_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,20}+)\s?(:{1,2}|;)/{1,3}|([A-Za-z]{3,6})//")
_SCHEMES = frozenset(
    ["http", "https", "ftp", "ftps", "sftp", "ws", "wss", "ldap", "ldaps", "smb", "file", "tcp", "udp"]
)
_MISSPELT = re.compile(r"h{0,3}t{0,4}p{1,2}(s{0,2})|h{1,2}t{1,3}(s?)p{0,2}", re.IGNORECASE)
_WIDE_DOTS = re.compile(r"[\s　]*+[\[({](?:\.|dot|。)[\])}][\s　]*+|[。｡．]|\\\.|\[\.(?!\])|(?<!\[)\.\]", re.IGNORECASE)
FILE_SUFFIXES = frozenset([
    "exe", "dll", "doc", "docx", "docm", "dot", "dotm", "xls", "xlsx", "xlsm", "xlsb", "xlam", "ppt", "pptx", "pptm",
    "pdf", "rtf", "zip", "rar", "7z", "lzh", "lha", "iso", "img", "vhd", "vhdx", "js", "jse", "vbs", "vbe", "wsf",
    "hta", "lnk", "bat", "cmd", "ps1", "scr", "pif", "jar", "apk", "cpl", "msi", "html", "htm", "shtml", "svg", "one",
    "txt", "csv", "eml", "msg", "gz", "tgz", "tar", "cab", "ace", "arj", "bz2", "xz", "z", "chm", "url", "jtd", "xps",
    "png", "jpg", "jpeg", "gif", "dat", "bin", "tmp", "wll", "xll", "slk", "iqy", "library-ms", "ps", "sh", "py", "msc",
])  # fmt: skip
_NOT_ON_THE_INTERNET = [
    ipaddress.ip_network(text)
    for text in ("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
                 "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8")
]  # fmt: skip


class Observable(msgspec.Struct, frozen=True):
    """A value of one of TYPES as it is meant, its STIX pattern, and what had to be mended ("" where nothing)."""

    type: str
    value: str
    pattern: str
    note: str = ""


def observable(type: str, text: str) -> Observable:
    """The observable that a list's text states; `type` is one of TYPES, or "auto" to tell it by the value.

    Hosts, addresses and URLs are read as meant where they are written so that nobody opens them. Raises ValueError
    with the reason for a text that is no value of its type.
    """
    text = text.strip().strip("\ufeff\u200b")
    _require_text(text)
    if type == "auto" and not (type := type_of(text)):
        raise ValueError(f"its type cannot be told: {text[:80]}")
    value, note = _READERS[type](text)
    return Observable(type, value, pattern_of(type, value), note)


def pattern_of(type: str, value: str) -> str:
    """The STIX pattern that a value of a type equals; the value is escaped (STIX 2.1 section 9.6.2), not checked."""
    path = _PATHS[type] or ("ipv6-addr:value" if ":" in value else "ipv4-addr:value")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"[{path} = '{escaped}']"


def indicator_id(source: str, pattern: str) -> str:
    """The id of what a source states without one: the same at each reading."""
    return f"indicator--{uuid.uuid5(_NAMESPACE, chr(10).join((source, pattern)))}"


def type_named(name: str) -> str:
    """The type that a feed calls so, "" where we have none of it."""
    word = name.strip().lower()
    return word if word in _PATHS else _ALIASES.get(word, "")


def type_of(text: str) -> str:
    """The type of a value by its look alone, "" where it cannot be told. `name.zip` is a file, `name.com` a domain."""
    bare = meant(text)
    if _HEX.fullmatch(bare) and len(bare) in _OF_DIGITS:
        return _OF_DIGITS[len(bare)]
    if _scheme_of(bare) is not None:
        return "url"
    if _is_value(_ip, bare):
        return "ip"
    if "@" in bare and _is_value(_email, bare):
        return "email"
    host, slash, _ = bare.partition("/")
    if slash and (_is_value(_domain, host.partition(":")[0]) or _is_value(_ip, host)):
        return "url"
    suffix = text.rpartition(".")[2].lower()
    if suffix in FILE_SUFFIXES and _is_value(_filename, text):
        return "filename"
    return "domain" if _is_value(_domain, bare) else ""


def meant(text: str) -> str:
    """A host, an address or a URL as it is meant: in plain width, with its dots and its scheme."""
    return refanged(unicodedata.normalize("NFKC", _WIDE_DOTS.sub(".", text)).strip().strip("\u200b\u2060\ufeff"))


def checked_domain(text: str) -> str:
    """A host name as it is compared (A-labels, no dot at the end). Raises ValueError with the reason."""
    _require_unmasked(text)
    name = domain_form(text.lstrip("."))
    if not name:
        raise ValueError("the domain is empty")
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"the domain has {len(name)} characters, more than {_LONGEST_NAME}")
    labels = name.split(".")
    if wrong := next((label for label in labels if not _LABEL.fullmatch(label)), None):
        raise ValueError(f"no domain: {wrong[:80]!r} is no label of a host name")
    if "" in labels or len(labels) < 2 or not _TOP.fullmatch(labels[-1]):
        raise ValueError(f"no domain: {name[:80]}")
    return name


def _require_unmasked(host: str) -> None:
    if masked := next((char for char in host if char in "●○■*"), ""):
        raise ValueError(f"part of the host is masked ({masked})")


def _require_text(text: str) -> None:
    if not text:
        raise ValueError("empty")
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text)} characters, more than {_LONGEST}")
    if found := next((char for char in text if unicodedata.category(char) in ("Cc", "Cs") and char != "\t"), ""):
        raise ValueError(f"has the control character U+{ord(found):04X}")


def _is_value(reader: Callable[[str], tuple[str, str]], text: str) -> bool:
    try:
        return bool(reader(text))
    except ValueError:
        return False


def _domain(text: str) -> tuple[str, str]:
    return checked_domain(meant(text).removeprefix("*.")), ""


def _ip(text: str) -> tuple[str, str]:
    bare = meant(text)
    port = _ADDRESS_PORT.fullmatch(bare)
    bare = port[1] if port else bare
    try:
        network = ipaddress.ip_network(bare.strip("[]"), strict=False)
    except ValueError:
        raise ValueError(f"no IP address: {bare[:80]}") from None
    if any(network.version == other.version and network.subnet_of(other) for other in _NOT_ON_THE_INTERNET):  # type: ignore[arg-type]
        raise ValueError(f"{bare} is no address on the Internet")
    value = str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
    return value, f"port {port[2]} left out" if port else ""


def _url(text: str) -> tuple[str, str]:
    bare = meant(text)
    if re.search(r"\s", bare):
        raise ValueError(f"the URL has blanks: {bare[:80]}")
    note = ""
    if found := _scheme_of(bare):
        scheme, rest = found
        mended = _mended(scheme)
        note = (
            ""
            if bare.startswith(f"{scheme}://{rest}") and mended == scheme.lower()
            else f"scheme of {bare[:40]} read as {mended}"
        )
        bare = f"{mended}://{rest}"
    _require_host(bare)
    return bare, note


def _scheme_of(url: str) -> tuple[str, str] | None:
    """The scheme as written and what follows its slashes; None for a text without."""
    found = _SCHEME.match(url)
    if not found or (found[3] and not _MISSPELT.fullmatch(found[3])):
        return None
    return found[1] or found[3], url[found.end() :]


def _mended(scheme: str) -> str:
    if scheme.lower() in _SCHEMES:
        return scheme.lower()
    if found := _MISSPELT.fullmatch(scheme):
        return "https" if found[1] or found[2] else "http"
    raise ValueError(f"the scheme {scheme} is none that links of mail have")


def _require_host(url: str) -> None:
    host = host_of(url)
    _require_unmasked(url.partition("//")[2].partition("/")[0])
    if not host:
        raise ValueError(f"the URL has no host: {url[:80]}")
    if ":" in host or host.replace(".", "").isdigit():
        _ip(host)
    else:
        checked_domain(host)


def _email(text: str) -> tuple[str, str]:
    bare = meant(text)
    if bare.endswith(">") and "<" in bare:
        bare = bare[bare.rindex("<") + 1 : -1]
    if bare[:7].lower() == "mailto:":
        bare = bare[7:]
    local, at, domain = bare.rpartition("@")
    if not at or not _LOCAL.fullmatch(local):
        raise ValueError(f"no mail address: {bare[:80]}")
    return f"{local}@{checked_domain(domain)}", ""


def _subject(text: str) -> tuple[str, str]:
    if sum(char.isalnum() for char in text) < 2:
        raise ValueError(f"too short for a subject: {text}")
    return text, ""


def _filename(text: str) -> tuple[str, str]:
    name = text.strip('"“”')
    if "/" in name or "\\" in name:
        raise ValueError(f"a path, not a file name: {name[:80]}")
    if not any(char.isalnum() for char in name.rpartition(".")[0] or name):
        raise ValueError(f"no file name: {name[:80]}")
    return name, ""


def _hash(type: str, text: str) -> tuple[str, str]:
    digits = _HASH_DIGITS[type]
    if not _HEX.fullmatch(text) or len(text) != digits:
        raise ValueError(f"no {type}: {text[:140]} is not {digits} hexadecimal digits")
    return text.lower(), ""


_READERS: dict[str, Callable[[str], tuple[str, str]]] = {
    "domain": _domain,
    "url": _url,
    "ip": _ip,
    "email": _email,
    "sender": _email,
    "subject": _subject,
    "filename": _filename,
    **{type: partial(_hash, type) for type in _HASH_DIGITS},
}
