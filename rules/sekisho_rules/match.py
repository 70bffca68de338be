"""From facts to matches: what of a mail the rules may ask for, and what a person is told of a hit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from sekisho_core.comparison import Span, compare
from sekisho_core.display import visible
from sekisho_core.rule_hit import RuleString
from sekisho_core.vocabulary import Envelope, Finding, Match, Reading

from sekisho_rules.evaluate import Evidence, Fact, is_exact, objects, ways
from sekisho_rules.hosts import network_of
from sekisho_rules.layout import Entry
from sekisho_rules.urls import host_of
from sekisho_rules.values import SUBJECT, is_address, object_path

# Differences of two subjects, entries of a YARA rule's meta and places of its strings that are told of.
_MOST_TOLD, _MOST_META, _MOST_PLACES = 6, 5, 3

_NOUNS = {
    "email-message:subject": "the subject",
    "url:value": "a link",
    "domain-name:value": "a host name",
    "ipv4-addr:value": "an IP address",
    "ipv6-addr:value": "an IP address",
    "email-addr:value": "an address",
    "file:name": "a file name",
    "network-traffic:dst_ref.value": "the host of a link",
    "email-message:from_ref.value": "the sender's address",
    "email-message:body": "the text",
}


def mail_facts(envelope: Envelope, reading: Reading) -> list[Fact]:
    """The observables of the reading, its header fields, what the envelope says, and the hosts of addresses and URLs,
    each once."""
    facts = [Fact(object_path(one.path), one.value, one.where) for one in reading.observables]
    facts += [
        Fact(
            f"email-message:additional_header_fields.{header.name.lower().replace('_', '-')}",
            header.value,
            f"header:{header.name.lower()}",
        )
        for header in reading.headers
    ]
    facts.append(Fact("email-message:is_multipart", str(_is_multipart(reading)).lower(), "mail"))
    facts += _of_envelope(envelope)
    facts += [host for fact in facts for host in _hosts(fact)]
    return [fact for fact in dict.fromkeys(facts) if fact.value]


def judged(entries: Iterable[Entry], facts: Iterable[Fact], now: datetime) -> list[Match]:
    """For each entry in force whose pattern the facts fulfil, a match for each place where they do: an exclusion of
    one part must not excuse another."""
    mail, moment = objects(facts), now.timestamp()
    found = []
    for entry in entries:
        if entry.tree is not None and in_force(entry, moment):
            places: dict[str, list[Evidence]] = {}
            for evidence in ways(entry.tree, mail, moment):
                places.setdefault(evidence[0].fact.where, evidence)
            found += [_match(entry, evidence) for evidence in places.values()]
    return found


def yara_matches(hits: Iterable[tuple[Finding, list[Entry]]], now: datetime) -> list[Match]:
    """A match for each YARA hit whose indicator is in force."""
    moment = now.timestamp()
    return [_yara_match(finding, entry) for finding, entries in hits for entry in entries if in_force(entry, moment)]


def in_force(entry: Entry, moment: float) -> bool:
    """Whether an indicator holds at `moment`: valid_from ≤ moment < valid_until (STIX 2.1 section 4.7)."""
    begun = entry.valid_from is None or entry.valid_from <= moment
    return begun and (entry.valid_until is None or moment < entry.valid_until)


def _is_multipart(reading: Reading) -> bool:
    types = (header.value for header in reading.headers if header.name.lower() == "content-type")
    return any(value.strip().lower().startswith("multipart/") for value in types)


def _of_envelope(envelope: Envelope) -> list[Fact]:
    facts = [Fact("email-addr:value", envelope.mail_from, "envelope:mail_from")]
    facts += [Fact("email-addr:value", recipient, "envelope:rcpt_to") for recipient in envelope.rcpt_to]
    facts.append(Fact("domain-name:value", envelope.client_name, "envelope:client_name"))
    facts += _host(envelope.helo, "envelope:helo")
    client = network_of(envelope.client_ip)
    if client is not None:
        facts.append(Fact(f"ipv{client.version}-addr:value", envelope.client_ip, "envelope:client_ip"))
        facts.append(Fact("network-traffic:src_ref.value", envelope.client_ip, "envelope:client_ip"))
    return facts


def _hosts(fact: Fact) -> list[Fact]:
    """The hosts that a fact implies; not those of recipients, who are the victims."""
    if fact.path == "url:value":
        host = host_of(fact.value)
        return [*_host(host, fact.where), Fact("network-traffic:dst_ref.value", host, fact.where)]
    if is_address(fact.path) and "@" in fact.value and not _is_recipient(fact):
        return _host(fact.value.rpartition("@")[2].strip("> "), fact.where)
    return []


def _is_recipient(fact: Fact) -> bool:
    return fact.where in ("envelope:rcpt_to", "header:to", "header:cc", "header:bcc") or fact.path.startswith(
        ("email-message:to_refs", "email-message:cc_refs", "email-message:bcc_refs")
    )


def _host(host: str, where: str) -> list[Fact]:
    network = network_of(host)
    path = "domain-name:value" if network is None else f"ipv{network.version}-addr:value"
    return [Fact(path, host.strip("[]"), where)]


def _match(entry: Entry, evidence: list[Evidence]) -> Match:
    first = evidence[0]
    stated, seen = first.stated, first.fact.value
    exact = all(map(is_exact, evidence))
    return Match(
        kind="indicator",
        rule=entry.id,
        source=entry.source,
        tlp=entry.tlp,
        confidence=entry.confidence,
        severity=entry.severity,
        match="exact" if exact else "normalised",
        where=first.fact.where,
        explain=_explained(entry, evidence, exact),
        stated=stated,
        seen=seen,
        state=entry.state,
        cap=entry.cap,
    )


def _explained(entry: Entry, evidence: list[Evidence], exact: bool) -> str:
    fact = evidence[0].fact
    named = f' "{visible(entry.name, 80)}"' if entry.name else ""
    more = f", with {len(evidence) - 1} more conditions" if len(evidence) > 1 else ""
    said = f'{_noun(fact.path)} ({fact.where}) is "{visible(fact.value, 120)}"'
    return f"{said}, {_relation(evidence[0], exact)} the indicator{named} of {entry.source}{more}."


def _noun(path: str) -> str:
    known = _NOUNS.get(path, "the hash of a file" if ":hashes." in path else path.partition(":")[2])
    return known[:1].upper() + known[1:]


def _relation(evidence: Evidence, exact: bool) -> str:
    comparison, fact, stated = evidence
    if comparison.negated or not stated:
        return "which meets"
    if comparison.operator not in ("=", "IN"):
        way = "meets" if exact else "in one spelling meets"
        return f'which {way} {comparison.operator} "{visible(stated, 120)}" in'
    if exact:
        return "as stated by"
    below = fact.path == "domain-name:value" and fact.value.lower().endswith(f".{stated.lower()}")
    how = _differences(stated, fact.value) if fact.path == SUBJECT else ""
    return f'{"below" if below else "another form of"} "{visible(stated, 120)}"{how}, stated by'


# The same subject may meet many indicators that state it alike.
@lru_cache(maxsize=64)
def _differences(stated: str, seen: str) -> str:
    """In what a subject differs from the lure that it is, in words and in brackets; of many differences the first."""
    spans = [span for span in compare(stated, seen).spans if span.kinds != ("identical",)]
    told = [_told(span) for span in spans if span.kinds != ("space",)]
    more = [f"{len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
    return f" ({', '.join([*told[:_MOST_TOLD], *more]) or 'with other spaces'})" if spans else ""


def _told(span: Span) -> str:
    canonical, variant, kinds = visible(span.canonical, 40), visible(span.variant, 40), " and ".join(span.kinds)
    if not span.canonical:
        return f'without the {kinds} "{variant}"'
    return f'"{variant}" for "{canonical}": {kinds}' if variant else f'"{canonical}" left out: {kinds}'


def _yara_match(finding: Finding, entry: Entry) -> Match:
    rule = finding.rule.rpartition(":")[2]
    content = _searched(finding)
    return Match(
        kind="yara",
        rule=entry.id,
        source=entry.source,
        tlp=entry.tlp,
        confidence=entry.confidence,
        severity=entry.severity,
        match="exact",
        where=finding.where,
        explain=f"{content} meets the YARA rule {visible(rule, 80)} of {entry.source}{_told_by_rule(finding)}.",
        stated=rule,
        seen=visible(finding.detail),
        state=entry.state,
        cap=entry.cap,
    )


def _searched(finding: Finding) -> str:
    """What of a part met a rule: the file itself, its encoded bytes, or another form of it."""
    view = finding.hit.view if finding.hit else ""
    return f"The content at {finding.where}" + (f" ({visible(view, 80)})" if view else "")


def _told_by_rule(finding: Finding) -> str:
    """What a rule says of itself, and where its first strings stand, with the bytes around them."""
    if finding.hit is None:
        return ""
    tags = [f"tags {visible(', '.join(finding.hit.tags), 120)}"] if finding.hit.tags else []
    meta = [f'{visible(key, 40)} "{visible(value, 120)}"' for key, value in finding.hit.meta[:_MOST_META]]
    said = f" ({'; '.join(tags + meta)})" if tags or meta else ""
    places = ", ".join(map(_at, finding.hit.strings[:_MOST_PLACES]))
    return said + (f", by {places}" if places else "")


def _at(place: RuleString) -> str:
    around = f"{visible(place.before)}[{visible(place.matched)}]{visible(place.after)}"
    return f'{visible(place.identifier, 40)} at {place.offset}: "{around}"'
