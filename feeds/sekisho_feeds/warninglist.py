"""The warninglist: values that are no sign of an attack, in MISP's format, and a matcher over many such lists."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import islice, zip_longest
from typing import Any, Literal, NamedTuple, get_args

import msgspec
from sekisho_rules.hosts import Network, domain_form, host_form, network_of
from sekisho_rules.tree import UnsupportedError, regex
from sekisho_rules.urls import host_of, refanged, url_form
from sekisho_rules.values import SUBJECT, is_address, is_domain, is_network, stated_form

from sekisho_feeds.harvest import FeedError

Kind = Literal["domain", "url", "ip", "email", "filename", "hash", "subject"]
"""What a value is; a host name is a domain."""
KINDS: tuple[Kind, ...] = get_args(Kind)
FILE_NAMES = frozenset({"file:name", "email-message:body_multipart.body_raw_ref.name"})
LARGEST_LIST = 1 << 26
MOST_ENTRIES = 1_000_000
# One DNS name has at most 253 octets; URLs on lists have been seen with 200. Longer ones are named and not used.
LONGEST_ENTRY = 1000
# They are tried one after the other.
MOST_EXPRESSIONS = 200
# Of what is longer, this much is searched for texts: at most 50 ms.
_SEARCHED = 1000
_LONGEST_PIECE = 255
_HEAD = 3
_MOST_EXAMPLES = 500
_ANYBODY = "qzv7x"
_ATTRIBUTES: dict[str, Kind] = {
    "domain": "domain", "hostname": "domain", "url": "url", "uri": "url", "link": "url",
    "ip": "ip", "ip-src": "ip", "ip-dst": "ip", "filename": "filename", "email-attachment": "filename",
    "attachment": "filename", "malware-sample": "filename", "email": "email", "email-src": "email",
    "email-dst": "email", "target-email": "email", "email-reply-to": "email", "whois-registrant-email": "email",
    "dns-soa-email": "email", "email-subject": "subject", "ssdeep": "hash", "tlsh": "hash", "imphash": "hash",
    "authentihash": "hash", "vhash": "hash", "impfuzzy": "hash", "pehash": "hash", "cdhash": "hash",
}  # fmt: skip
_DIGEST = re.compile(r"md5|sha\d|sha-\d", re.IGNORECASE)
_PATHS: dict[Kind, str] = {"filename": "file:name", "email": "email-addr:value", "subject": SUBJECT}
# A PHP expression as MISP has it: between slashes, with letters for its options.
_DELIMITED = re.compile(r"/(.*)/([a-zA-Z]*)", re.DOTALL)
_OPTIONS = "ims"


class _Stated(msgspec.Struct):
    """A list as published; what else it holds is not read."""

    name: str
    entries: list[str] = msgspec.field(name="list")
    type: Literal["string", "substring", "hostname", "cidr", "regex"] = "string"
    matching_attributes: tuple[str, ...] = ()
    description: str = ""
    version: int | str = 0


class Warninglist(msgspec.Struct, frozen=True):
    """One list: its entries as stated, how they are compared, and the kinds of values that they concern."""

    name: str
    type: str
    kinds: frozenset[Kind]
    entries: tuple[str, ...]
    description: str = ""
    version: str = "0"


def read_warninglist(content: bytes, place: str) -> Warninglist:
    """A list in MISP's format (schema.json of misp-warninglists); `place` is where it is from, for errors.

    Without `matching_attributes` it concerns every kind. Raises FeedError for what is no such list or is too large.
    """
    if len(content) > LARGEST_LIST:
        raise FeedError(f"{place}: larger than {LARGEST_LIST} bytes")
    try:
        stated = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"), type=_Stated)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise FeedError(f"{place}: not a MISP warninglist: {error}") from error
    if not stated.name.strip():
        raise FeedError(f"{place}: a warninglist without a name")
    if len(stated.entries) > MOST_ENTRIES:
        raise FeedError(f"{place}: {stated.name}: more than {MOST_ENTRIES} entries")
    kinds = _kinds(stated.matching_attributes)
    entries = tuple(dict.fromkeys(stated.entries))
    return Warninglist(stated.name, stated.type, kinds, entries, stated.description, str(stated.version))


def shipped_warninglists() -> list[Warninglist]:
    """The lists that come with sekisho, by file name."""
    home = files("sekisho_feeds").joinpath("warninglists")
    found = sorted((one for one in home.iterdir() if one.name.endswith(".json")), key=lambda one: one.name)
    return [read_warninglist(one.read_bytes(), one.name) for one in found]


def kind_of(path: str, value: str) -> Kind | None:
    """What a value at an object path (in the spelling of `values.path_of`) is; None for what no list knows."""
    if path == "url:value":
        return "url"
    if path in FILE_NAMES:
        return "filename"
    if path == SUBJECT:
        return "subject"
    if is_address(path):
        return "email"
    if is_network(path) and network_of(refanged(value)) is not None:
        return "ip"
    if is_domain(path):
        return "domain"
    return "hash" if ":hashes." in path or path.endswith(".imphash") else None


def _kinds(attributes: Iterable[str]) -> frozenset[Kind]:
    """The kinds that MISP attribute types stand for; of a composite type such as `filename|md5`, those of its parts."""
    parts = [part.strip().lower() for attribute in attributes for part in attribute.split("|")]
    if not parts or "all" in parts:
        return frozenset(KINDS)
    return frozenset(kind for part in parts if (kind := _ATTRIBUTES.get(part) or _digest(part)))


def _digest(part: str) -> Kind | None:
    return "hash" if _DIGEST.match(part) else None


class _Spans(NamedTuple):
    """Ranges of addresses of one IP version as integers, ascending and apart from each other."""

    starts: list[int] | array[int]
    ends: list[int] | array[int]

    def overlap(self, first: int, last: int) -> bool:
        place = bisect_right(self.starts, last)
        return place > 0 and self.ends[place - 1] >= first


class _Pieces:
    """Texts that are looked for anywhere in a value, each with the numbers of its lists.

    Every place of a value is looked up by its first characters, then by the lengths of what begins so: 10 µs a host or
    URL against the 8,342 texts of two published lists, without the nodes of an automaton.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, tuple[int, ...]] = {}
        self._lengths: dict[int, dict[str, tuple[int, ...]]] = {}

    def add(self, text: str, number: int) -> None:
        self._numbers[text] = (*self._numbers.get(text, ()), number)
        head = text[:_HEAD]
        heads = self._lengths.setdefault(len(head), {})
        lengths = heads.get(head, ())
        if len(text) not in lengths:
            heads[head] = (*lengths, len(text))

    def within(self, value: str) -> Iterator[int]:
        for size, heads in self._lengths.items():
            for start in range(len(value) - size + 1):
                for length in heads.get(value[start : start + size], ()):
                    yield from self._numbers.get(value[start : start + length], ())


class Warninglists:
    """A matcher over many lists, built once; `unused` names the entries that cannot be compared, each with its list
    and the reason.

    Memory is about 150 bytes an entry.
    """

    def __init__(self, lists: Iterable[Warninglist]) -> None:
        self.lists = tuple(lists)
        self.unused: list[str] = []
        self._texts: dict[str, tuple[int, ...]] = {}
        self._suffixes: dict[str, tuple[int, ...]] = {}
        self._pieces: dict[Kind, _Pieces] = {}
        self._spans: list[tuple[int, dict[int, _Spans]]] = []
        self._expressions: list[tuple[int, Any]] = []
        self._examples: dict[Kind, tuple[str, ...]] = {}
        # Lists that name the same entry share the tuple of their numbers.
        self._numbers: dict[tuple[int, ...], tuple[int, ...]] = {}
        readers = {
            "string": self._add_texts,
            "hostname": self._add_suffixes,
            "cidr": self._add_ranges,
            "substring": self._add_pieces,
            "regex": self._add_expressions,
        }
        for number, one in enumerate(self.lists):
            readers[one.type](number, one)

    def hits(self, kind: Kind, value: str) -> list[str]:
        """The names of the lists that know a value, in the order in which they were given; [] for what none knows.

        A host is known with the listed domain above it, a range of addresses where it overlaps a listed one. A URL is
        known as a host where it has no path and no query; with them only as itself. An address at a listed domain is
        known only to lists of addresses; without a local part it is that domain.
        """
        value = refanged(value) if kind in ("domain", "url", "ip", "email") else value
        found = set(self._known(kind, value))
        return [self.lists[number].name for number in sorted(found)]

    def examples(self, kind: Kind) -> tuple[str, ...]:
        """Some entries of each list of this kind as values of mails, in the form that is compared: what a pattern with
        wildcards should not fit. Of a host that is the host, a URL of it, an address at it."""
        if kind not in self._examples:
            kinds: set[Kind] = {kind, "domain"} if kind in ("url", "email") else {kind}
            exact = (
                one for one in self.lists if one.type in ("string", "hostname") and not kinds.isdisjoint(one.kinds)
            )
            turns = zip_longest(*(one.entries[:_MOST_EXAMPLES] for one in exact))
            entries = islice((entry.lstrip(".") for turn in turns for entry in turn if entry), _MOST_EXAMPLES)
            self._examples[kind] = tuple(dict.fromkeys(_form(kind, _seen(kind, entry)) for entry in entries))
        return self._examples[kind]

    def _known(self, kind: Kind, value: str) -> Iterator[int]:
        form = _form(kind, value)
        if not form:
            return
        yield from self._of_kind({kind}, self._texts.get(form, ()))
        yield from self._searched(kind, value, form)
        if kind in ("domain", "ip"):
            yield from self._host({kind}, form)
        elif kind == "url" and _is_bare(form):
            yield from self._host({"domain", "url"}, host_of(form))
        elif kind == "email":
            local, _, domain = form.rpartition("@")
            yield from self._host({"email"} if local else {"domain", "email"}, domain)

    def _of_kind(self, kinds: set[Kind], numbers: Iterable[int]) -> Iterator[int]:
        return (number for number in numbers if not kinds.isdisjoint(self.lists[number].kinds))

    def _host(self, kinds: set[Kind], host: str) -> Iterator[int]:
        network = network_of(host)
        if network is not None:
            kinds = (kinds - {"domain"}) | {"ip"}
            yield from self._of_kind(kinds, self._ranges_over(network))
        if numbers := self._texts.get(host):
            yield from self._of_kind(kinds, numbers)
        # A name has at most 127 labels (RFC 1035 section 2.3.4).
        labels = host.split(".")[-127:]
        for start in range(len(labels)):
            if numbers := self._suffixes.get(".".join(labels[start:])):
                yield from self._of_kind(kinds, numbers)

    def _ranges_over(self, network: Network) -> Iterator[int]:
        first, last = int(network.network_address), int(network.broadcast_address)
        for number, spans in self._spans:
            if network.version in spans and spans[network.version].overlap(first, last):
                yield number

    def _searched(self, kind: Kind, value: str, form: str) -> Iterator[int]:
        if kind in self._pieces:
            yield from self._pieces[kind].within(form[:_SEARCHED])
        for number, expression in self._expressions:
            if kind in self.lists[number].kinds and (expression.search(value) or expression.search(form)):
                yield number

    def _note(self, table: dict[str, tuple[int, ...]], text: str, number: int) -> None:
        known = table.get(text, ())
        if number not in known:
            numbers = (*known, number)
            table[text] = self._numbers.setdefault(numbers, numbers)

    def _refuse(self, one: Warninglist, entry: str, reason: str) -> None:
        self.unused.append(f"{one.name}: '{entry[:80]}' {reason}")

    def _entries(self, one: Warninglist) -> Iterator[str]:
        for entry in map(str.strip, one.entries):
            if not 0 < len(entry) <= LONGEST_ENTRY:
                self._refuse(one, entry, f"has not 1 to {LONGEST_ENTRY} characters")
            else:
                yield entry

    def _add_texts(self, number: int, one: Warninglist) -> None:
        hosts = not one.kinds.isdisjoint({"domain", "url", "email"})
        kinds: set[Kind] = {*one.kinds, "domain"} if hosts else {*one.kinds}
        for entry in self._entries(one):
            # Lists of Google's domains write `.google.co.jp`, which stands for all below it.
            if hosts and entry.startswith("."):
                self._note(self._suffixes, domain_form(entry.lstrip(".")), number)
                continue
            for form in {_form(kind, entry) for kind in kinds if kind != "url" or "/" in entry}:
                if form:
                    self._note(self._texts, form, number)

    def _add_suffixes(self, number: int, one: Warninglist) -> None:
        for entry in self._entries(one):
            host = host_of(entry) if "/" in entry else domain_form(entry.lstrip("."))
            if host:
                self._note(self._suffixes, host, number)
            else:
                self._refuse(one, entry, "is no host name")

    def _add_ranges(self, number: int, one: Warninglist) -> None:
        networks: dict[int, list[Network]] = {4: [], 6: []}
        for entry in self._entries(one):
            network = network_of(entry)
            if network is None:
                self._refuse(one, entry, "is no IP address or range")
            elif not network.prefixlen:
                # Among them ::ffff:0:0/96, which is every address of IPv4.
                self._refuse(one, entry, "is every address")
            else:
                networks[network.version].append(network)
        self._spans.append((number, {version: _spans(found) for version, found in networks.items() if found}))

    def _add_pieces(self, number: int, one: Warninglist) -> None:
        for entry in self._entries(one):
            if not 1 < len(entry) <= _LONGEST_PIECE:
                self._refuse(one, entry, f"has not 2 to {_LONGEST_PIECE} characters")
            else:
                for kind in one.kinds:
                    self._pieces.setdefault(kind, _Pieces()).add(entry.lower(), number)

    def _add_expressions(self, number: int, one: Warninglist) -> None:
        for count, entry in enumerate(self._entries(one)):
            if count >= MOST_EXPRESSIONS:
                self._refuse(one, entry, f"is one of more than {MOST_EXPRESSIONS} expressions")
                continue
            try:
                expression = _expression(entry)
            except UnsupportedError as error:
                self._refuse(one, entry, str(error))
                continue
            if expression.search("") is None:
                self._expressions.append((number, expression))
            else:
                self._refuse(one, entry, "fits every value")


def _form(kind: Kind, value: str) -> str:
    if kind == "domain":
        return host_form(value)
    if kind == "ip":
        network = network_of(value)
        return host_form(value) if network is None or "/" not in value else str(network)
    if kind == "url":
        return url_form(value)
    return stated_form(_PATHS[kind], value) if kind in _PATHS else value.strip().lower()


def _seen(kind: Kind, entry: str) -> str:
    if kind == "url" and "/" not in entry:
        return f"https://{entry}/"
    return f"{_ANYBODY}@{entry}" if kind == "email" and "@" not in entry else entry


def _is_bare(url: str) -> bool:
    """Whether a URL in its compared form names a host alone."""
    return url.partition("//")[2].partition("/")[2].strip("/?") == ""


def _spans(networks: list[Network]) -> _Spans:
    starts: list[int] = []
    ends: list[int] = []
    for first, last in sorted((int(one.network_address), int(one.broadcast_address)) for one in networks):
        if ends and first <= ends[-1] + 1:
            ends[-1] = max(ends[-1], last)
        else:
            starts.append(first)
            ends.append(last)
    # Numbers of IPv4 fit an array of 64 bits, a tenth of a list's memory.
    return _Spans(array("Q", starts), array("Q", ends)) if networks[0].version == 4 else _Spans(starts, ends)


def _expression(entry: str) -> Any:
    found = _DELIMITED.fullmatch(entry)
    if not found:
        return regex(entry)
    options = "".join(letter for letter in _OPTIONS if letter in found[2])
    return regex(f"(?{options}){found[1]}" if options else found[1])
