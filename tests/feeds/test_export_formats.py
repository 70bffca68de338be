"""What stands in the exported files, format by format; MISP's and STIX's as other libraries read them."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymisp import MISPEvent
from sekisho_feeds.export_directory import published_files, write_exports
from sekisho_feeds.export_items import Export, Item, OptionError, Options
from sekisho_feeds.export_rpz import next_serial, serial_of, trigger_of
from sekisho_feeds.export_stix import FILE, identity_of
from sekisho_feeds.export_values import Kind
from sekisho_feeds.exporters import exporters
from sekisho_rules.indicator_files import read_indicator_file
from sekisho_rules.pattern import parse
from sekisho_rules.tree import comparisons
from stix2patterns.validator import run_validator

NOW = datetime(2026, 4, 1, tzinfo=UTC)
OPTIONS = Options(now=NOW, producer="関所 CERT", origin="rpz.example")
MIXED: list[tuple[Kind, str]] = [
    ("domain", "evil.example"),
    ("domain", "www.evil.example"),
    ("domain", "other.example"),
    ("url", "http://files.example/a?b='c'"),
    ("url", "files.example/no-scheme"),
    ("ip", "198.51.100.7"),
    ("ip", "2001:db8::57"),
    ("network", "203.0.113.0/24"),
    ("network", "2001:db8:1::/48"),
    ("md5", "a" * 32),
    ("sha1", "b" * 40),
    ("sha256", "c" * 64),
    ("email", "=evil'@mail.example"),
]


def item(kind: Kind, value: str, **other: Any) -> Item:
    """An item that one source stated."""
    return Item(**{"kind": kind, "value": value, "rests_on": (("npa", "indicator--1"),), "tlp": "green"} | other)


ITEMS = [item(kind, value, confidence=80, name='=HYPERLINK("x")\n,y', threat="APT \x1b[2J") for kind, value in MIXED]


def written(name: str, items: Sequence[Item] = ITEMS, options: Options = OPTIONS) -> Export:
    """The export of this name."""
    return exporters[name].write(items, options)


def again(name: str, items: Sequence[Item], previous: Export, days: int = 1) -> Export:
    """The export some days later."""
    options = msgspec.structs.replace(OPTIONS, now=NOW + timedelta(days=days), previous=previous.files)
    return written(name, items, options)


@pytest.mark.parametrize("name", sorted(exporters))
def test_an_unchanged_export_is_byte_for_byte_the_last(name: str) -> None:
    """The same items on another day, in another order, make the same files, so that nobody has to load them anew."""
    assert again(name, ITEMS[::-1], written(name)).files == written(name).files


@pytest.mark.parametrize("name", sorted(exporters))
def test_nothing_is_an_export_too(name: str) -> None:
    """An export without items has its files, without entries."""
    export = written(name, [])
    assert export.entries == 0 and export.files


@pytest.mark.parametrize("text", ["evil.example\nx", "EVIL.example", "a b", "", "evil.example."])
def test_unlawful_values_are_no_items(text: str) -> None:
    """No exporter can be given a value that is not in normal form (C30)."""
    with pytest.raises(ValueError, match="not a host name"):
        item("domain", text)


def test_zone_records() -> None:
    """Names with their wildcards, none below another, then address triggers; and none of what is no connection."""
    lines = written("rpz").files["sekisho.rpz"].decode().splitlines()
    assert lines[:4] == [
        "$TTL 300",
        "$ORIGIN rpz.example.",
        f"@ SOA localhost. hostmaster.localhost. {int(NOW.timestamp())} 3600 600 604800 300",
        "@ NS localhost.",
    ]
    assert lines[4:] == [
        "evil.example CNAME .",
        "*.evil.example CNAME .",
        "other.example CNAME .",
        "*.other.example CNAME .",
        "128.57.zz.db8.2001.rpz-ip CNAME .",
        "24.0.113.0.203.rpz-ip CNAME .",
        "32.7.100.51.198.rpz-ip CNAME .",
        "48.zz.1.db8.2001.rpz-ip CNAME .",
    ]


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        ("nodata", "CNAME *."),
        ("passthru", "CNAME rpz-passthru."),
        ("drop", "CNAME rpz-drop."),
        ("sinkhole.example", "CNAME sinkhole.example."),
        ("192.0.2.1", "A 192.0.2.1"),
        ("2001:db8::1", "AAAA 2001:db8::1"),
    ],
)
def test_zone_policies(policy: str, answer: str) -> None:
    """Each policy has its record."""
    zone = written("rpz", options=msgspec.structs.replace(OPTIONS, policy=policy)).files["sekisho.rpz"].decode()
    assert f"evil.example {answer}\n*.evil.example {answer}\n" in zone


@pytest.mark.parametrize(
    "change", [{"policy": "no such"}, {"policy": "192.0.2.0/24"}, {"origin": "a b"}, {"origin": "x."}]
)
def test_zone_options_that_cannot_be(change: dict[str, str]) -> None:
    """An origin or policy that would break the zone is a clear error."""
    with pytest.raises(OptionError, match=r"policy|origin"):
        written("rpz", options=msgspec.structs.replace(OPTIONS, **change))


def test_a_zone_of_one_label() -> None:
    """The origin may have one label, as policies' often have."""
    zone = written("rpz", options=msgspec.structs.replace(OPTIONS, origin="rpz")).files["sekisho.rpz"]
    assert b"$ORIGIN rpz.\n" in zone


def test_names_too_long_for_the_zone_are_left_out() -> None:
    """A name that with wildcard and origin is longer than 255 octets would cost the zone; it is left out."""
    fits = ".".join(["a" * 59] * 4)
    room = 255 - len(fits) - 1 - 2 - 1 - 1
    origin = "o" * (room - len(".example")) + ".example"
    options = msgspec.structs.replace(OPTIONS, origin=origin)
    export = written("rpz", [item("domain", fits), item("domain", f"b{fits}")], options)
    assert export.entries == 1 and len(export.left_out) == 1 and "too long" in export.left_out[0]


def test_serials_rise() -> None:
    """The serial rises with the records, by RFC 1982: also when the clock went back, and past 32 bits."""
    first = written("rpz")
    second = again("rpz", ITEMS[1:], first, days=-30)
    serials = [serial_of(export.files["sekisho.rpz"]) for export in (first, second, again("rpz", ITEMS, second))]
    start = int(NOW.timestamp())
    assert serials == [start, start + 1, start + 86400]
    assert next_serial(None, NOW) == start and next_serial((1 << 32) - 1, NOW) == start
    assert next_serial(start + 5, NOW) == start + 6 and serial_of(b"no zone") is None


@given(st.integers(0, (1 << 32) - 1), st.datetimes(datetime(1990, 1, 1), datetime(2150, 1, 1)))
def test_serials_always_rise(previous: int, now: datetime) -> None:
    """Whatever the clock says, the next serial is above the last (RFC 1982 section 3.2) and has 32 bits."""
    serial = next_serial(previous, now.replace(tzinfo=UTC))
    assert 0 <= serial < 1 << 32 and 0 < (serial - previous) % (1 << 32) < 1 << 31


@given(st.ip_addresses(v=6), st.integers(1, 128))
def test_triggers_say_the_network(address: ipaddress.IPv6Address, length: int) -> None:
    """A trigger read backwards is the network again."""
    network = ipaddress.IPv6Network((address, length), strict=False)
    prefix, *parts = trigger_of(str(network)).removesuffix(".rpz-ip").split(".")
    if length >= 96 and network.network_address.ipv4_mapped:
        return
    text = re.sub("(^|:)zz(:|$)", "::", ":".join(reversed(parts)))
    assert ipaddress.IPv6Network(f"{text}/{prefix}") == network


def test_csv_runs_nowhere() -> None:
    """RFC 4180 with a header; no cell starts a formula or holds a control character (C30)."""
    content = written("csv").files["indicators.csv"].decode()
    assert content.startswith("kind,value,confidence,tlp,valid_until,name,threat,sources\r\n")
    rows = list(csv.reader(io.StringIO(content, newline=""), strict=True))
    assert len(rows) == 1 + len(ITEMS) and {len(row) for row in rows} == {8}
    assert all(not cell.startswith(("=", "+", "-", "@")) and cell.isprintable() for row in rows for cell in row)
    assert rows[1] == [
        "domain",
        "evil.example",
        "80",
        "green",
        "",
        '\'=HYPERLINK("x")⟨U+000A⟩,y',
        "APT ⟨U+001B⟩[2J",
        "npa",
    ]


def test_plain_and_hosts() -> None:
    """One value a line, a file a kind; every listed name leads nowhere."""
    files = written("plain").files
    assert files["domains.txt"] == b"evil.example\nother.example\nwww.evil.example\n"
    assert files["networks.txt"] == b"2001:db8:1::/48\n203.0.113.0/24\n" and files["md5.txt"] == b"a" * 32 + b"\n"
    hosts = written("hosts").files["hosts"].decode()
    assert hosts == "0.0.0.0 evil.example\n0.0.0.0 other.example\n0.0.0.0 www.evil.example\n"


def test_suricata_sets() -> None:
    """Names in base64, addresses as they are, networks left out with a note, and three rules that load the sets."""
    export = written("suricata")
    names = [base64.b64decode(line, validate=True) for line in export.files["sekisho-domains.lst"].splitlines()]
    assert names == [b"evil.example", b"other.example", b"www.evil.example"]
    assert export.files["sekisho-addresses.lst"] == b"198.51.100.7\n2001:db8::57\n"
    assert [note.partition(":")[0] for note in export.left_out] == ["network 203.0.113.0/24", "network 2001"]
    rules = export.files["sekisho.rules"].decode().splitlines()
    loads = re.compile(
        r'alert (dns|tls|ip) \$HOME_NET any -> any any \(msg:"[^"]+"; (dns\.query|tls\.sni|ip\.dst); '
        r"dataset:isset,(sekisho-\w+),type (string|ip),load \3\.lst; sid:\d+; rev:1;\)"
    )
    assert len(rules) == 3 and all(loads.fullmatch(rule) for rule in rules)


@pytest.mark.parametrize("name", ["squid", "dnsdist"])
@pytest.mark.parametrize("directory", ["relative", '/a"b', "/a\nb", "/a b", "/a/../b"])
def test_directories_that_cannot_be_quoted(name: str, directory: str) -> None:
    """A path that would break out of a configuration line is a clear error."""
    with pytest.raises(OptionError, match="directory"):
        written(name, options=msgspec.structs.replace(OPTIONS, directory=directory))


def misp_events(export: Export) -> dict[str, MISPEvent]:
    """The events that the manifest names, as PyMISP reads them."""
    events = {}
    for id in msgspec.json.decode(export.files["manifest.json"]):
        events[id] = MISPEvent()
        events[id].load(export.files[f"{id}.json"].decode())
    return events


def test_misp_feed_is_what_pymisp_writes() -> None:
    """PyMISP reads each event and would write the same event, manifest entry and hashes."""
    export = written("misp", [*ITEMS, item("domain", "shared.example", tlp="amber", pap="amber")])
    manifest = msgspec.json.decode(export.files["manifest.json"])
    hashes = export.files["hashes.csv"].decode().splitlines()
    assert len(manifest) == 2 and list(export.files)[-2:] == ["manifest.json", "hashes.csv"]
    for id, event in misp_events(export).items():
        theirs = event.to_feed(with_meta=True)["Event"]
        assert {f"{digest},{id}" for digest in theirs.pop("_hashes")} == {row for row in hashes if row.endswith(id)}
        assert theirs.pop("_manifest") == {id: manifest[id]}
        assert theirs == msgspec.json.decode(export.files[f"{id}.json"])["Event"]
    assert f"{hashlib.md5(b'evil.example').hexdigest()}," in "\n".join(hashes)


def test_misp_timestamps_rise_with_the_content() -> None:
    """An event's timestamp rises when an attribute goes; those that stay keep theirs."""
    first = written("misp")
    second = again("misp", ITEMS[1:], first)
    (before,), (after,) = (list(misp_events(export).values()) for export in (first, second))
    assert (before.timestamp, after.timestamp) == (NOW, NOW + timedelta(days=1))
    assert {attribute.timestamp for attribute in after.attributes} == {NOW} and len(after.attributes) == 12


def test_misp_parts_hold_all() -> None:
    """Many attributes are spread over several events, none lost."""
    many = [item("domain", f"h{number}.example") for number in range(6000)]
    events = misp_events(written("misp", many))
    found = sorted(attribute.value for event in events.values() for attribute in event.attributes)
    assert len(events) == 16 and found == sorted(one.value for one in many)


def test_stix_bundle_is_read_back(tmp_path: Path) -> None:
    """Our own reader finds every value, marking and confidence again; the patterns are by the book (part 9)."""
    path = tmp_path / FILE
    until = NOW + timedelta(days=30)
    items = [*ITEMS, item("domain", "until.example", tlp="amber", valid_from=NOW, valid_until=until)]
    path.write_bytes(written("stix", items).files[FILE])
    found = read_indicator_file(path)
    read = {comparisons(parse(one.pattern).tree)[0].values[0] for one in found}
    assert read == {one.value for one in items}
    assert [run_validator(one.pattern, "2.1") for one in found] == [[]] * len(items)
    assert {one.confidence for one in found if one.tlp == "green"} == {80} and len(found) == len(items)
    (dated,) = (one for one in found if one.tlp == "amber")
    assert (dated.valid_from, dated.valid_until, "until.example" in dated.pattern) == (NOW, until, True)


def test_stix_objects_are_whole() -> None:
    """The bundle holds the producer's identity and every marking that it refers to (sections 3.2, 7.2.1)."""
    bundle = msgspec.json.decode(written("stix").files[FILE])
    objects = {one["id"]: one for one in bundle["objects"]}
    assert objects[identity_of("関所 CERT")]["name"] == "関所 CERT"
    for one in bundle["objects"]:
        assert re.fullmatch(r"[a-z-]+--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one["id"])
        assert one["spec_version"] == "2.1" and set(one.get("object_marking_refs", [])) <= set(objects)
        if one["type"] == "indicator":
            assert one["created_by_ref"] in objects and one["valid_from"] and one["created"] <= one["modified"]


def test_stix_versions_rise_with_the_content() -> None:
    """A changed indicator keeps id and `created` and gets a later `modified`, also when the clock went back."""
    first = written("stix", ITEMS[:2])
    changed = again("stix", [msgspec.structs.replace(ITEMS[0], confidence=10), ITEMS[1]], first, days=-1)
    versions = [
        {one["id"]: one for one in msgspec.json.decode(export.files[FILE])["objects"]} for export in (first, changed)
    ]
    differing = [id for id in versions[0] if versions[0][id] != versions[1][id]]
    assert versions[0].keys() == versions[1].keys() and len(differing) == 1
    old, new = (version[differing[0]] for version in versions)
    assert new["confidence"] == 10 and new["created"] == old["created"] and new["modified"] > old["modified"]


@pytest.mark.parametrize("name", sorted(exporters))
def test_what_was_published_is_read_back(name: str, tmp_path: Path) -> None:
    """The files on disk serve as the previous ones."""
    write_exports(tmp_path, written(name))
    options = msgspec.structs.replace(OPTIONS, now=NOW + timedelta(days=9), previous=published_files(tmp_path))
    assert write_exports(tmp_path, written(name, options=options)).written == ()


@pytest.mark.parametrize("garbage", [b"", b"{", b"[1]", b'{"Event":[1],"objects":{"id":1}}', b"\xff"])
def test_garbage_in_place_of_the_last_export(garbage: bytes) -> None:
    """What somebody put in the place of the last files is no obstacle."""
    for name in exporters:
        previous = Export(dict.fromkeys(written(name).files, garbage), 1)
        assert again(name, ITEMS, previous).entries == written(name).entries
