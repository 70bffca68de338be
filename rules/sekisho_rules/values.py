"""Values as they are compared: object paths in one spelling, and for each path the forms that count as equal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import re2
from sekisho_core.normalise import lure_pattern, normalise_name, normalise_subject, spelt_text

from sekisho_rules.hosts import Network, domain_form, host_form, network_of
from sekisho_rules.tree import UnsupportedError, regex
from sekisho_rules.urls import refanged, url_form

SUBJECT = "email-message:subject"
_BODY = "email-message:body"
_STEP = re.compile(r"'((?:[^'\\]|\\.)*)'|\[[^\]]*\]|([^.\[\]']+)")
_HEADER_FIELDS = {"x_mailer": "x-mailer", "reply_to": "reply-to"}
_DOMAINS = frozenset({"domain-name:value"})
_HOSTS = frozenset({"network-traffic:dst_ref.value", "network-traffic:src_ref.value"})
_IPS = frozenset({"ipv4-addr:value", "ipv6-addr:value"})
_NAMES = frozenset({
    "file:name",
    "email-message:body_multipart.body_raw_ref.name",
    "email-message:from_ref.display_name",
    "email-addr:display_name",
})  # fmt: skip
_TEXTS = _NAMES | {SUBJECT, _BODY}
# In a regular expression they must stay as they are: a run of characters from one that folding changes to another.
_FOLDED_RUN = re.compile(r"[^\x00-\x7f]-[^\x00-\x7f]")
_UNICODE = re.compile(r"[^\x00-\x7f]")
_ROUTE = re.compile(r"^@[^:\"]*:")
_QUOTED_PAIR = re.compile(r"\\(.)")
_REPLY_TO = "email-message:additional_header_fields.reply-to"
_ADDRESSES = frozenset({"email-addr:value", _REPLY_TO}) | {
    f"email-message:{role}.value" for role in ("from_ref", "sender_ref", "to_refs", "cc_refs", "bcc_refs")
}
# Longer hosts do not exist (RFC 1035 section 2.3.4); the parents of one are at most 127.
_LONGEST_HOST = 253


@lru_cache(maxsize=4096)
def object_path(text: str) -> str:
    """A STIX object path (part 9.6) in the spelling that we compare by; see `path_of`."""
    kind, _, rest = text.partition(":")
    return path_of(kind, [key or word for key, word in _STEP.findall(rest) if key or word])


def path_of(kind: str, steps: list[str]) -> str:
    """The path of an object type and its property names without list indices: any member of a list counts.

    Hash names lose case and punctuation, header names are lower-case with hyphens, and header fields that exporters
    write as properties stand with the others.
    """
    kind = "email-message" if kind == "email" else kind
    if "hashes" in steps[:-1]:
        steps = [*steps[:-1], re.sub("[-_]", "", steps[-1]).lower()]
    elif kind == "email-message" and steps[0] in _HEADER_FIELDS:
        steps = ["additional_header_fields", _HEADER_FIELDS[steps[0]]]
    elif kind == "email-message" and steps[0] == "additional_header_fields":
        steps = [steps[0], *(step.lower().replace("_", "-") for step in steps[1:])]
    return f"{kind}:{'.'.join(steps)}"


def is_domain(path: str) -> bool:
    """Whether values of `path` are names of hosts, so that a listed one stands for those below it."""
    return path in _DOMAINS or path in _HOSTS


def is_address(path: str) -> bool:
    """Whether values of `path` are mail addresses."""
    return path in _ADDRESSES


def is_network(path: str) -> bool:
    """Whether values of `path` may be IP addresses, so that ranges apply."""
    return path in _IPS or path in _HOSTS


def stated_form(path: str, text: str) -> str:
    """The one form by which a rule's value is looked up; "" when there is nothing to compare. Authors write addresses
    and URLs so that nobody opens them: `evil[.]example` is read as meant."""
    if path == "url:value" or is_address(path) or is_domain(path) or is_network(path):
        text = refanged(text)
    if is_network(path) and "/" in text:
        network = network_of(text)
        return "" if network is None else _shown(network)
    return _form(path, text)


def seen_forms(path: str, text: str, lengths: Iterable[int] | None = None) -> list[str]:
    """The forms of a mail's value that rules may state: itself, a domain's parents, a URL without scheme, and the
    networks around an IP address (of the prefix `lengths` given, else of all)."""
    form = _form(path, text)
    if path == "url:value":
        return [form, form[form.find("//") :]]
    if is_network(path) and (network := network_of(form)) is not None:
        return [form, *_around(network, lengths)]
    if is_domain(path):
        return [form, *_parents(form)]
    return [form]


def folded(path: str, text: str) -> str:
    """The text that LIKE looks at: without regard to case, width and what cannot be seen where the value has none."""
    if path in _TEXTS:
        return respelt(path, text).casefold()
    if path in _ADDRESSES or path == "url:value" or is_domain(path) or ":hashes." in path:
        return text.lower()
    return text


def respelt(path: str, text: str) -> str:
    """The text of a subject, a name or a body in one spelling of characters and without what cannot be seen: what
    MATCHES looks at besides the value as seen."""
    return (_respelt_body if path == _BODY else spelt_text)(text)


# Every set of expressions over bodies asks for the same text: it is spelt once a mail.
_respelt_body = lru_cache(maxsize=4)(spelt_text)


def respelt_expression(path: str, expression: str) -> str | None:
    """A regular expression as it is held against respelt text; None where the path has none, or where its characters
    cannot be spelt anew one by one."""
    if path not in _TEXTS or _FOLDED_RUN.search(expression):
        return None
    other = _UNICODE.sub(lambda found: re2.escape(spelt_text(found[0])), expression)
    try:
        regex(other)
    except UnsupportedError:
        return None
    return other


def is_masked(path: str, text: str) -> bool:
    """Whether a stated subject has ● masks in the place of names, with something around them."""
    return path == SUBJECT and "●" in text and lure_pattern(text) is not None


def _form(path: str, text: str) -> str:
    if path == SUBJECT:
        return normalise_subject(text)
    if path == "url:value":
        return url_form(text)
    if path in _DOMAINS:
        return domain_form(text)
    if path in _HOSTS or path in _IPS:
        return host_form(text)
    if path in _ADDRESSES:
        return _address(text)
    if ":hashes." in path:
        return text.strip().lower()
    return _text(path, text)


def _text(path: str, text: str) -> str:
    if path in _NAMES:
        return normalise_name(text)
    return text.strip().strip("<>") if path == "email-message:message_id" else text.strip()


def _address(text: str) -> str:
    """RFC 5321 section 4.1.2 without a name, a source route and quotes that are not needed."""
    inner = text[text.rfind("<") + 1 :].partition(">")[0] if "<" in text else text
    local, at, domain = _ROUTE.sub("", unicodedata.normalize("NFKC", inner).strip()).rpartition("@")
    if local[:1] == local[-1:] == '"':
        local = _QUOTED_PAIR.sub(r"\1", local[1:-1])
    return f"{local.strip().casefold()}{at}{domain_form(domain)}"


def _parents(host: str) -> list[str]:
    labels = host[-_LONGEST_HOST:].split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels) - 1)]


def _around(network: Network, lengths: Iterable[int] | None) -> list[str]:
    wanted = range(network.max_prefixlen + 1) if lengths is None else lengths
    usable = (length for length in wanted if length <= network.prefixlen)
    return [f"{around.network_address}/{length}" for length in usable for around in [_supernet(network, length)]]


def _supernet(network: Network, length: int) -> Network:
    return network if length == network.prefixlen else network.supernet(new_prefix=length)


def _shown(network: Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
