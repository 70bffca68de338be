"""The items of an export: which values of which indicators may leave, and under which marking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import msgspec
from sekisho_core.errors import SekishoError
from sekisho_rules.guard import Protected, refusal
from sekisho_rules.hosts import network_of
from sekisho_rules.indicator import Indicator, Refusal, refusal_of
from sekisho_rules.pattern import parse
from sekisho_rules.registries import is_registry
from sekisho_rules.tlp import PAPS, TLPS, strictest
from sekisho_rules.tree import Comparison, Expression, Observation, PatternError, Tree, Window
from sekisho_rules.values import stated_form

from sekisho_feeds.export_values import Kind, fault, is_nobodys, url_host

Audience = Literal["public", "community", "clients"]
CONNECTIONS: frozenset[Kind] = frozenset({"domain", "url", "ip", "network"})
"""What those who block connections can use."""
# FIRST TLP 2.0: AMBER goes to the organisation and its clients; AMBER+STRICT and RED to nobody further.
_STRICTEST_FOR: Mapping[Audience, str] = {"public": "clear", "community": "green", "clients": "amber"}
_IPS = frozenset({"ipv4-addr:value", "ipv6-addr:value"})
_HOSTS = _IPS | {"domain-name:value", "network-traffic:dst_ref.value"}
_SENDERS = frozenset({"network-traffic:src_ref.value"})
_OTHERS: Mapping[str, Kind] = {
    "url:value": "url",
    "file:hashes.md5": "md5",
    "file:hashes.sha1": "sha1",
    "file:hashes.sha256": "sha256",
    "email-addr:value": "email",
    "email-message:from_ref.value": "email",
    "email-message:sender_ref.value": "email",
}
IsWarned = Callable[[str, str], bool]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What an export is made of. `now` is an aware time: what does not hold then stays out.

    `audience` bounds the TLP: CLEAR alone for the public, GREEN for a community, AMBER for the organisation and its
    clients. `passive` says that readers only look and never touch what is listed, which PAP:AMBER asks for. `senders`
    adds hosts that mail came from. `protected` are the domains that no item may stop.
    """

    now: datetime
    kinds: frozenset[Kind] = CONNECTIONS
    audience: Audience = "community"
    passive: bool = False
    min_confidence: int = 0
    senders: bool = False
    protected: Protected = Protected()


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One value that leaves, with what the indicators that it rests on say of it together.

    `value` is in normal form and lawful (`export_values.fault`): a URL whose author gave no scheme has none.
    `tlp` and `pap` are the strictest, `confidence` the highest, `valid_until` the latest (None: until withdrawn).
    `rests_on` holds (source, indicator id). Raises ValueError for an unlawful value.
    """

    kind: Kind
    value: str
    rests_on: tuple[tuple[str, str], ...]
    tlp: str
    pap: str = ""
    confidence: int = 0
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    name: str = ""
    threat: str = ""

    def __post_init__(self) -> None:
        if why := fault(self.kind, self.value):
            raise ValueError(f"{self.kind}: {why}")

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources, sorted, each once."""
        return tuple(sorted({source for source, _ in self.rests_on}))


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What exporters have to know besides the items; each says which it reads.

    `producer` is the organisation's name; `directory` the absolute path at which the consumer will find the files;
    `previous` the files published last, by name: serials and timestamps rise from there. `policy` is what an RPZ
    answers: "nxdomain", "nodata", "passthru", "drop", or a sinkhole's name or IP address.
    """

    now: datetime
    producer: str = "sekisho"
    origin: str = "rpz.invalid"
    policy: str = "nxdomain"
    directory: str = "/var/lib/sekisho/exports"
    previous: Mapping[str, bytes] = MappingProxyType({})


class Export(msgspec.Struct, frozen=True):
    """The files of an export by name, in the order in which they are to be written; how many entries they have, and
    why items were left out."""

    files: Mapping[str, bytes]
    entries: int
    left_out: tuple[str, ...] = ()


class OptionError(SekishoError):
    """An option that an exporter cannot use; names it and the fault."""


def items(
    indicators: Iterable[Indicator], choice: Choice, is_warned: IsWarned, left_out: list[Refusal] | None = None
) -> Iterator[Item]:
    """The values that may leave, by kind and value, each once.

    An indicator counts while it is in force and enforced, neither revoked nor unfit for detection, and as sure as the
    choice asks. Only what suffices by itself is a value: one equality, or an operand of an OR; never a part of an AND.
    Nothing is widened: no URL to its host, no host to its domain. `is_warned(kind, value)` tells values that a
    warninglist names. What two sources state leaves under the stricter marking, or not at all. Reasons are appended
    to `left_out`.
    """
    gathered: dict[tuple[Kind, str], list[Indicator]] = {}
    refused: list[Refusal] = [] if left_out is None else left_out
    for indicator in indicators:
        if _counts(indicator, choice):
            for key in _values(indicator, choice, refused):
                gathered.setdefault(key, []).append(indicator)
    for (kind, value), stated in sorted(gathered.items(), key=lambda found: found[0]):
        reason = _withheld(stated, choice) or _warned(kind, value, is_warned)
        if reason:
            refused.extend(refusal_of(one, f"{kind} {value}: {reason}") for one in stated)
        else:
            yield _item(kind, value, stated)


def _counts(indicator: Indicator, choice: Choice) -> bool:
    begun = indicator.valid_from is None or indicator.valid_from <= choice.now
    lasts = indicator.valid_until is None or choice.now < indicator.valid_until
    fit = indicator.to_ids and indicator.state == "enforce" and indicator.severity != "info"
    sure = indicator.confidence >= choice.min_confidence
    return begun and lasts and fit and sure and not indicator.revoked and indicator.pattern_type == "stix"


def _values(indicator: Indicator, choice: Choice, refused: list[Refusal]) -> Iterator[tuple[Kind, str]]:
    try:
        pattern = parse(indicator.pattern)
    except PatternError as error:
        refused.append(refusal_of(indicator, str(error)))
        return
    if pattern.inert:
        refused.append(refusal_of(indicator, pattern.inert))
        return
    for path, stated in dict.fromkeys(_sufficient(pattern.tree)):
        kind, value = _kind_and_form(path, stated, choice)
        if kind is None or kind not in choice.kinds:
            continue
        if why := _unwritable(stated) or fault(kind, value) or _unfit(kind, path, value, choice):
            refused.append(refusal_of(indicator, f"{path}: {stated[:80]!r}: {why}"))
        else:
            yield kind, value


def _unwritable(stated: str) -> str:
    # Browsers read through line ends in a URL; of two hosts on two lines that makes a third.
    return "" if stated.strip().isprintable() else "control or invisible characters"


def _sufficient(tree: Tree | Expression) -> Iterator[tuple[str, str]]:
    """The paths and values of which each fulfils the pattern by itself; bounded as patterns are."""
    if isinstance(tree, Observation):
        yield from _sufficient(tree.expression)
    elif isinstance(tree, Comparison):
        if not tree.negated and tree.operator in ("=", "IN", "ISSUBSET"):
            yield from ((tree.path, value) for value in tree.values)
    elif not isinstance(tree, Window) and tree.operator == "or":
        for operand in tree.operands:
            yield from _sufficient(operand)


def _kind_and_form(path: str, stated: str, choice: Choice) -> tuple[Kind | None, str]:
    if path in _HOSTS or (choice.senders and path in _SENDERS):
        form = stated_form(path, stated)
        return _kind_of_host(path, form), form
    if kind := _OTHERS.get(path):
        form = stated_form(path, stated)
        return kind, form.removeprefix("//") if kind == "url" else form
    return None, ""


def _kind_of_host(path: str, form: str) -> Kind:
    if "/" in form:
        return "network"
    return "ip" if path in _IPS or network_of(form) is not None else "domain"


def _unfit(kind: Kind, path: str, value: str, choice: Choice) -> str:
    if kind == "domain" and is_registry(value):
        return "a registry, not a host"
    if is_nobodys(kind, value):
        return "of no host on the Internet"
    return refusal(Comparison(path, "=", (value,)), choice.protected)


def _withheld(stated: list[Indicator], choice: Choice) -> str:
    tlp = strictest((one.tlp for one in stated), "red")
    if TLPS.index(tlp) > TLPS.index(_STRICTEST_FOR[choice.audience]):
        return f"TLP:{tlp.upper()} does not leave for {choice.audience}"
    pap = _strictest_pap(stated)
    allowed = "amber" if choice.passive else "green"
    return f"PAP:{pap.upper()} forbids this use" if pap and _rank_of_pap(pap) > PAPS.index(allowed) else ""


def _strictest_pap(stated: list[Indicator]) -> str:
    return max((one.pap for one in stated if one.pap), key=_rank_of_pap, default="")


def _rank_of_pap(pap: str) -> int:
    # What is not of the protocol is taken for the strictest.
    return PAPS.index(pap) if pap in PAPS else len(PAPS)


def _warned(kind: Kind, value: str, is_warned: IsWarned) -> str:
    if is_warned(kind, value):
        return "on a warninglist"
    # A host's front page says no more than the host.
    front = kind == "url" and value.rpartition("://")[2].find("/") == len(value.rpartition("://")[2]) - 1
    return "the front page of a host on a warninglist" if front and is_warned("domain", url_host(value)) else ""


def _item(kind: Kind, value: str, stated: list[Indicator]) -> Item:
    ends = [one.valid_until for one in stated]
    begins = [one.valid_from for one in stated if one.valid_from]
    return Item(
        kind=kind,
        value=value,
        rests_on=tuple(sorted((one.source, one.id) for one in stated)),
        tlp=strictest((one.tlp for one in stated), "red"),
        pap=_strictest_pap(stated),
        confidence=max(one.confidence for one in stated),
        valid_from=min(begins, default=None),
        valid_until=None if None in ends else max(end for end in ends if end),
        name=next((one.name for one in stated if one.name), ""),
        threat=next((one.threat_name for one in stated if one.threat_name), ""),
    )
