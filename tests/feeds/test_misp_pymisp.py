"""What PyMISP writes as a feed is read: events, manifest and hashes."""

import json

import pytest
from sekisho_feeds.harvest import Document
from sekisho_feeds.misp_event import misp
from sekisho_feeds.misp_feed import event_file, read_hashes, read_manifest
from sekisho_rules.indicator_files import Provenance

pymisp = pytest.importorskip("pymisp")


def test_a_feed_of_pymisp() -> None:
    """An event made with PyMISP and given out as it does comes back with its markings, its objects and its times."""
    event = pymisp.MISPEvent()
    event.info, event.distribution, event.published = "標的型メールの件", 3, True
    event.orgc = pymisp.MISPOrganisation()
    event.orgc.name, event.orgc.uuid = "ISAC", "5c6983c8-3af8-4304-869c-4800d6c1883c"
    event.add_tag("tlp:green")
    subject = event.add_attribute("email-subject", "資料送付の件", to_ids=False)
    pair = event.add_attribute(
        "domain|ip", "evil.example|192.0.2.1", to_ids=True, first_seen="2026-01-02T00:00:00+00:00"
    )
    mail = event.add_object(name="email", strict=False)
    sender = mail.add_attribute("from", type="email-src", value="a@evil.example", to_ids=True)
    mail.add_attribute("to", type="email-dst", value="victim@ours.example", to_ids=True)
    feed = event.to_feed(with_meta=True)
    hashes, manifest = feed["Event"].pop("_hashes"), feed["Event"].pop("_manifest")

    read = read_manifest(json.dumps(manifest).encode(), "isac")
    assert (list(read.events), read.refused) == ([event.uuid], [])
    lines = "\n".join(f"{value},{event.uuid}" for value in hashes)
    assert read_hashes(lines.encode(), "isac").keys() == set(hashes)

    document = Document(event_file(event.uuid), json.dumps(feed).encode())
    found = misp([document], Provenance("isac"), {"to_ids": "per-type"})
    assert {one.id: (one.pattern, one.tlp, one.name) for one in found.indicators} == {
        f"indicator--{one.uuid}": (pattern, "green", "標的型メールの件")
        for one, pattern in (
            (subject, "[email-message:subject = '資料送付の件']"),
            (pair, "[domain-name:value = 'evil.example'] OR [network-traffic:dst_ref.value = '192.0.2.1']"),
            (sender, "[email-message:from_ref.value = 'a@evil.example']"),
        )
    }
    assert [one.reason for one in found.refused] == ["1 not taken: names a victim"]
