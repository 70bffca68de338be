"""MISP attribute types: for each that a mail can show its pattern and default `to_ids`, and those that name victims.

Types and defaults are those of MISP's describeTypes; the patterns are those that misp-stix writes. Where these ask for
what no mail has (a port, the address that a domain had) ours ask for the rest alone. Of a file's name and its
cryptographic hash the hash decides: the same file is sent under many names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec
from sekisho_rules.hosts import host_form, network_of
from sekisho_rules.pattern import LONGEST
from sekisho_rules.urls import host_of, refanged

_HEX_DIGITS = {
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
    "sha512/224": 56,
    "sha512/256": 64,
    "sha3-224": 56,
    "sha3-256": 64,
    "sha3-384": 96,
    "sha3-512": 128,
}
# The vocabulary of STIX 2.1 section 10.7, and the names that misp-stix gives to what is not in it.
_HASH_NAMES = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    # Truncated SHA-512 is another function than SHA-224 and SHA-256.
    "sha512/224": "SHA-512-224",
    "sha512/256": "SHA-512-256",
    "sha3-224": "SHA3-224",
    "sha3-256": "SHA3-256",
    "sha3-384": "SHA3-384",
    "sha3-512": "SHA3-512",
    "ssdeep": "SSDEEP",
    "tlsh": "TLSH",
    "authentihash": "AUTHENTIHASH",
    "pehash": "PEHASH",
    "vhash": "VHASH",
    "impfuzzy": "IMPFUZZY",
    "telfhash": "TELFHASH",
    "cdhash": "CDHASH",
}
_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_HOST_ENDS = re.compile(r"[:|\s/\\?#@'\"<>]")
_HEADER = re.compile(r"([A-Za-z0-9][A-Za-z0-9\-]{0,75}):[ \t]*+(\S.*+)", re.ASCII | re.DOTALL)
_COIN = re.compile(r"[A-Za-z0-9]{20,120}", re.ASCII)
_LONGEST_HOST = 253

VICTIMS = frozenset({
    "email-dst", "email-dst-display-name", "target-email", "target-external", "target-location", "target-machine",
    "target-org", "target-user",
})  # fmt: skip
"""Types that name who was attacked: never an indicator, whatever its `to_ids`."""
MAIL_TYPES = frozenset({
    "email-body", "email-message-id", "email-mime-boundary", "email-reply-to", "email-src-display-name",
    "email-subject", "email-thread-index", "email-x-mailer",
})  # fmt: skip
"""Types that only a mail has and whose default `to_ids` is 0, so that nobody sets it: what `per-type` takes."""


class AttributeType(msgspec.Struct, frozen=True):
    """What becomes of an attribute's value: `pattern` makes a pattern of it or raises ValueError with the fault.

    `to_ids` is the default where an attribute states none. `language` is the pattern type. `reference` says that such
    a value leads to a report as a rule, so that only its author's own `to_ids` makes it an indicator.
    """

    pattern: Callable[[str], str]
    to_ids: bool = True
    language: str = "stix"
    reference: bool = False


def quoted(text: str) -> str:
    """A string constant of a STIX pattern (part 9.2)."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def equality(path: str) -> Callable[[str], str]:
    """What makes of a value the pattern that a property at `path` has it."""
    return lambda value: f"[{path} = {quoted(value)}]"


def _host(value: str) -> str:
    """Pattern of a host name; of an IP address in its place that of a destination."""
    host = refanged(value)
    if network_of(host) is not None:
        return equality("network-traffic:dst_ref.value")(host)
    if not host or len(host_form(host)) > _LONGEST_HOST or _HOST_ENDS.search(host):
        raise ValueError("not a host name")
    return equality("domain-name:value")(host)


def _address(path: str) -> Callable[[str], str]:
    def pattern(value: str) -> str:
        address = refanged(value)
        if network_of(address) is None:
            raise ValueError("not an IP address")
        return equality(path)(address)

    return pattern


_DESTINATION = _address("network-traffic:dst_ref.value")
_SOURCE = _address("network-traffic:src_ref.value")


def _url(value: str) -> str:
    url = refanged(value)
    if not host_of(url):
        raise ValueError("a URL without host")
    return equality("url:value")(url)


def _mail_address(path: str) -> Callable[[str], str]:
    def pattern(value: str) -> str:
        address = refanged(value)
        local, at, domain = address.rpartition("@")
        if not (local and at and domain):
            raise ValueError("not a mail address")
        return equality(path)(address)

    return pattern


def _hash_test(kind: str, value: str) -> str:
    digits = _HEX_DIGITS.get(kind)
    if digits and not (len(value) == digits and _HEX.fullmatch(value)):
        raise ValueError(f"not {digits} hexadecimal digits")
    if kind == "imphash":
        return f"file:extensions.'windows-pebinary-ext'.imphash = {quoted(value)}"
    name = _HASH_NAMES[kind]
    return f"file:hashes.{name if name.isalnum() else quoted(name)} = {quoted(value)}"


def _hash(kind: str) -> Callable[[str], str]:
    return lambda value: f"[{_hash_test(kind, value)}]"


def _named_hash(kind: str) -> Callable[[str], str]:
    """Of `filename|hash`; hashes that many files share are asked for together with the name."""

    def pattern(value: str) -> str:
        # A hash has no bar, a name may have.
        name, hash = _halves(value, value.rpartition("|"))
        test = _hash_test(kind, hash)
        return f"[{test}]" if kind in _HEX_DIGITS else f"[file:name = {quoted(name)} AND {test}]"

    return pattern


def _halves(value: str, parts: tuple[str, str, str]) -> tuple[str, str]:
    first, second = parts[0].strip(), parts[2].strip()
    if not (first and second):
        raise ValueError("not two values with | between them")
    return first, second


def _domain_and_address(value: str) -> str:
    domain, address = _halves(value, value.partition("|"))
    return f"{_host(domain)} OR {_DESTINATION(address)}"


def _without_port(pattern: Callable[[str], str]) -> Callable[[str], str]:
    """Of `host|port`; MISP also takes a colon between them."""

    def of_host(value: str) -> str:
        host, port = _halves(value, value.partition("|") if "|" in value else value.rpartition(":"))
        if not (port.isascii() and port.isdigit() and int(port[:6]) <= 65535):
            raise ValueError("not a host and a port")
        return pattern(host)

    return of_host


def _registry_value(value: str) -> str:
    key, data = _halves(value, value.partition("|"))
    return f"[windows-registry-key:key = {quoted(key)} AND windows-registry-key:values.data = {quoted(data)}]"


def _header(value: str) -> str:
    """Of one header field with its name; without one it is the text of a Received field, as misp-stix has it."""
    if "\n" in value.strip():
        raise ValueError("several header fields, of which none is named as the indicator")
    field = _HEADER.fullmatch(value)
    if field is None or field[1].lower() == "received":
        return equality("email-message:received_lines")(field[2] if field else value)
    return equality(f"email-message:additional_header_fields.'{field[1]}'")(field[2])


def _boundary(value: str) -> str:
    # It stands as a parameter of a longer field; `_` of LIKE is any character, hence also itself.
    return f"[email-message:additional_header_fields.'Content-Type' LIKE {quoted(f'%{_bare(value)}%')}]"


def _bare(value: str) -> str:
    bare = value.strip().strip('"')
    if len(bare) < 8 or "%" in bare:
        raise ValueError("not a boundary that tells one mail from others")
    return bare


def _coin(value: str) -> str:
    if not _COIN.fullmatch(value):
        raise ValueError("not an address of a currency")
    return f"[email-message:body LIKE {quoted(f'%{value}%')}]"


def _as_stated(value: str) -> str:
    return value


def _body(value: str) -> str:
    # Texts of mails are compared with the line ends that they were sent with.
    return equality("email-message:body")(value.replace("\r\n", "\n"))


def _rules(language: str, to_ids: bool = True) -> AttributeType:
    return AttributeType(_as_stated, to_ids, language)


TYPES: Mapping[str, AttributeType] = {
    "email": AttributeType(_mail_address("email-addr:value")),
    "email-attachment": AttributeType(equality("email-message:body_multipart[*].body_raw_ref.name")),
    "email-body": AttributeType(_body, to_ids=False),
    "email-header": AttributeType(_header, to_ids=False),
    "email-message-id": AttributeType(equality("email-message:message_id"), to_ids=False),
    "email-mime-boundary": AttributeType(_boundary, to_ids=False),
    "email-reply-to": AttributeType(_mail_address("email-message:reply_to"), to_ids=False),
    "email-src": AttributeType(_mail_address("email-message:from_ref.value")),
    "email-src-display-name": AttributeType(equality("email-message:from_ref.display_name"), to_ids=False),
    "email-subject": AttributeType(equality("email-message:subject"), to_ids=False),
    "email-thread-index": AttributeType(
        equality("email-message:additional_header_fields.'Thread-Index'"), to_ids=False
    ),
    "email-x-mailer": AttributeType(equality("email-message:additional_header_fields.'X-Mailer'"), to_ids=False),
    "filename": AttributeType(equality("file:name")),
    "attachment": AttributeType(equality("file:name"), to_ids=False, reference=True),
    "malware-sample": AttributeType(_named_hash("md5")),
    **{kind: AttributeType(_hash(kind)) for kind in (*_HASH_NAMES, "imphash")},
    **{f"filename|{kind}": AttributeType(_named_hash(kind)) for kind in (*_HASH_NAMES, "imphash")},
    "domain": AttributeType(_host),
    "hostname": AttributeType(_host),
    "onion-address": AttributeType(_host),
    "domain|ip": AttributeType(_domain_and_address),
    "hostname|port": AttributeType(_without_port(_host)),
    "url": AttributeType(_url),
    "uri": AttributeType(_url),
    "link": AttributeType(_url, to_ids=False, reference=True),
    "ip-dst": AttributeType(_DESTINATION),
    "ip-dst|port": AttributeType(_without_port(_DESTINATION)),
    "ip-src": AttributeType(_SOURCE),
    "ip-src|port": AttributeType(_without_port(_SOURCE)),
    "regkey": AttributeType(equality("windows-registry-key:key")),
    "regkey|value": AttributeType(_registry_value),
    "btc": AttributeType(_coin),
    "dash": AttributeType(_coin),
    "xmr": AttributeType(_coin),
    "stix2-pattern": AttributeType(_as_stated),
    "yara": _rules("yara"),
    "sigma": _rules("sigma"),
    "snort": _rules("snort"),
    "suricata": _rules("suricata"),
    "bro": _rules("zeek"),
    "zeek": _rules("zeek"),
    "kusto-query": _rules("kusto", to_ids=False),
}
"""By type. Others (mutex, comment, port …) say nothing that a mail shows."""
_RETURN_PATH = AttributeType(_mail_address("email-addr:value"))


def type_of(kind: str, relation: str) -> AttributeType | None:
    """The type of an attribute, by its relation within an object where that says more: the `return-path` of a mail is
    of its envelope, not of its From. None where a mail shows no such thing."""
    return _RETURN_PATH if kind == "email-src" and relation == "return-path" else TYPES.get(kind)


def pattern_of(kind: AttributeType, value: str, most: int) -> str:
    """The pattern of a value; `most` bounds rules of other languages, `pattern.LONGEST` those of STIX.

    Raises ValueError with the fault, which never quotes the value.
    """
    if "\0" in value:
        raise ValueError("a NUL character in the value")
    bound = LONGEST if kind.language == "stix" else most
    if len(value) > bound:
        raise ValueError(f"a value of {len(value)} characters, more than {bound}")
    if not (value := value.strip()):
        raise ValueError("an empty value")
    pattern = kind.pattern(value)
    if len(pattern) > bound:
        raise ValueError(f"a pattern of {len(pattern)} characters, more than {bound}")
    return pattern
