"""`sekisho feeds`: a feed from the first look to enforcing, and the way back."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner
from member import Member
from sekisho_core.cli import root

LURE = "対北朝鮮措置の延長について"


@pytest.fixture
def member(tmp_path: Path) -> Member:
    """A member without feeds."""
    return Member(tmp_path / "member")


def bundle(path: Path, *patterns: str, **properties: object) -> Path:
    """A STIX file with an indicator for each pattern."""
    objects = [
        {
            "type": "indicator", "spec_version": "2.1", "id": f"indicator--{uuid.uuid5(uuid.NAMESPACE_URL, pattern)}",
            "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z", "pattern": pattern,
            "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z", **properties,
        }
        for pattern in patterns
    ]  # fmt: skip
    document = {"type": "bundle", "id": "bundle--00000000-0000-4000-8000-000000000000", "objects": objects}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def subject(text: str) -> str:
    """The pattern of a subject."""
    return f"[email-message:subject = '{text}']"


def test_look_before_adding(member: Member, tmp_path: Path) -> None:
    """`test` counts by type, names what the guard refuses and observes, and stores nothing."""
    patterns = (subject(LURE), "[domain-name:value = 'gmail.com']", "[file:name = 'unknown']", "[process:pid = 1]")
    feed = bundle(tmp_path / "a.json", *patterns)
    found = member.json("test", str(feed), status=1)
    assert found["types"]["email-message:subject"] == 1
    assert ["gmail.com" in one["reason"] for one in found["refusals"]] == [True]
    assert [one["pattern"] for one in found["observed"]] == ["[file:name = 'unknown']"]
    assert ["process:pid" in one["reason"] for one in found["idle"]] == [True]
    assert member.json("list") == []
    assert "gmail.com" in member.run("test", str(feed), status=1).output


def test_pull_stops_the_lure(member: Member, tmp_path: Path) -> None:
    """What a feed says is in force with the pull; a second pull of the same has nothing new; `status` counts."""
    feed = bundle(tmp_path / "a.json", subject(LURE))
    member.run("add", "npa", str(feed))
    done = member.json("pull")
    assert (done["index"], done["feeds"][0]["merged"]["added"]) == (1, 1)
    assert member.verdict("Re: 【重要】" + LURE)["verdict"] == "quarantine"
    assert member.json("pull")["index"] is None
    assert member.json("status")[0]["counts"]["added"] == 1
    assert "sekisho_feed_stale" in (member.home / "feeds" / "feeds.prom").read_text()


def test_new_feed_is_observed(member: Member, tmp_path: Path) -> None:
    """A new feed stops nothing until its time is over or a person says so; its hit is told with the mail."""
    member.run("add", "npa", str(bundle(tmp_path / "a.json", subject(LURE))), "--observe-days", "7")
    member.run("pull")
    found = member.verdict(LURE)
    assert (found["verdict"], len(found["reasons"])) == ("accept", 1)
    member.run("enforce", "npa")
    assert member.verdict(LURE)["verdict"] == "quarantine"


def test_failing_feed_leaves_what_it_said(member: Member, tmp_path: Path) -> None:
    """A28: a feed that is gone or broken fails with its name, and the last good set stays in force."""
    feed = bundle(tmp_path / "a.json", subject(LURE))
    member.run("add", "npa", str(feed))
    member.run("pull")
    for content in (b"{", b'{"type": "bundle", "objects": [', b"\x00" * 100):
        feed.write_bytes(content)
        assert "npa: " in member.run("pull", status=1).output
    feed.unlink()
    member.run("pull", status=1)
    standing = member.json("status")[0]
    assert (standing["failures"], str(feed) in standing["error"]) == (4, True)
    assert member.verdict(LURE)["verdict"] == "quarantine"


def test_withdrawn_by_the_feed(member: Member, tmp_path: Path) -> None:
    """What a feed leaves out is out of force with the next pull, and not where another feed says it too."""
    one, other = bundle(tmp_path / "a.json", subject(LURE), subject("その他")), tmp_path / "b.json"
    member.run("add", "one", str(one))
    member.run("add", "other", str(bundle(other, subject("別件のご連絡"), subject("その他"))))
    member.run("pull")
    bundle(one, subject(LURE))
    member.run("pull")
    assert len(member.verdict("その他")["reasons"]) == 1
    bundle(other, subject("別件のご連絡"))
    member.run("pull")
    assert member.verdict("その他")["verdict"] == "accept"


def test_rollback(member: Member, tmp_path: Path) -> None:
    """C24: one command makes an earlier serial's indicators those in force; the feed is paused until resumed."""
    feed = bundle(tmp_path / "a.json", subject(LURE))
    member.run("add", "npa", str(feed))
    member.run("pull")
    bundle(feed, subject("全職員のメールを止める件名"))
    member.run("pull")
    assert len(member.json("diff", "1")["added"]) == 1
    done = member.json("rollback", "1")
    assert (done["index"], done["paused"]) == (3, ["npa"])
    assert member.verdict(LURE)["verdict"] == "quarantine"
    assert member.verdict("全職員のメールを止める件名")["verdict"] == "accept"
    assert member.json("pull")["feeds"] == []
    member.run("resume", "npa")
    assert [one["feed"] for one in member.json("pull")["feeds"]] == ["npa"]


def test_one_row_for_each_meaning(member: Member, tmp_path: Path) -> None:
    """What two feeds write in two ways is one row of both: the surest counts, and the strictest mark."""
    one = bundle(tmp_path / "a.json", "[domain-name:value = 'Evil[.]C2.EXAMPLE.']", subject(LURE), confidence=40)
    other = bundle(tmp_path / "b.json", "[ domain-name:value='evil.c2.example' ]", confidence=90)
    member.run("add", "one", str(one), "--tlp", "amber")
    member.run("add", "other", str(other), "--tlp", "green", "--observe-days", "7")
    member.run("pull")
    rows = member.json("merged", "--text", "evil")
    assert len(rows) == 1
    assert [said["source"] for said in rows[0]["statements"]] == ["one", "other"]
    assert (rows[0]["value"], rows[0]["state"], rows[0]["tlp"]) == ("evil.c2.example", "enforce", "amber")
    assert (rows[0]["confidence"], rows[0]["statements"][1]["state"]) == (90, "observe")
    assert len(member.json("merged")) == 2
    assert "evil[.]c2[.]example" in member.run("merged").output


def test_remove(member: Member, tmp_path: Path) -> None:
    """A feed that is removed takes what it said with it."""
    member.run("add", "npa", str(bundle(tmp_path / "a.json", subject(LURE))))
    member.run("pull")
    assert "1 indicators withdrawn" in member.run("remove", "npa").output
    assert member.verdict(LURE)["verdict"] == "accept"


def test_paused_feed(member: Member, tmp_path: Path) -> None:
    """A paused feed is pulled only by name."""
    member.run("add", "npa", str(bundle(tmp_path / "a.json", subject(LURE))))
    member.run("pause", "npa", "--reason", "audit")
    assert member.json("pull")["feeds"] == []
    assert "audit" in member.run("status").output
    assert member.json("pull", "npa")["index"] == 1


def test_export_of_what_is_in_force(member: Member, tmp_path: Path) -> None:
    """Addresses in force leave for those who block connections, and others do not; a loss is doubted."""
    names = [f"[domain-name:value = 'c2-{number}.evil.example']" for number in range(9)]
    feed = bundle(tmp_path / "a.json", *names, subject(LURE))
    member.run("add", "npa", str(feed), "--tlp", "green")
    member.run("pull")
    place = tmp_path / "out"
    member.run("export", "--format", "plain", str(place))
    lines = {line for file in place.iterdir() for line in file.read_text().splitlines()}
    assert "c2-3.evil.example" in lines
    assert LURE not in str(lines)
    bundle(feed, *names[:2])
    member.run("pull", "--confirm-removal")
    assert "not published" in member.run("export", "--format", "plain", str(place), status=1).output
    member.run("export", "--format", "plain", "--accept-loss", str(place))
    assert member.json("export", "--format", "rpz", str(tmp_path / "rpz"))["entries"] > 0


def test_removals_wait_until_they_are_confirmed(member: Member, tmp_path: Path) -> None:
    """C31: what was kept back is had once more when a person confirms it, though the feed has nothing new."""
    feed = bundle(tmp_path / "a.json", *(subject(f"件名{number}について") for number in range(20)))
    member.run("add", "npa", str(feed))
    member.run("pull")
    bundle(feed, subject("件名1について"))
    assert "--confirm-removal" in member.run("pull", status=1).output
    assert len(member.json("merged")) == 20
    assert member.json("pull", "--confirm-removal")["feeds"][0]["merged"]["withdrawn"] == 19


def test_resumed_after_a_rollback(member: Member, tmp_path: Path) -> None:
    """A feed that is resumed says all that it says, not only what is new; the end of observation is rolled back too."""
    feed = bundle(tmp_path / "a.json", subject(LURE))
    member.run("add", "npa", str(feed), "--observe-days", "7")
    member.run("pull")
    bundle(feed, subject(LURE), subject("別件のご連絡"))
    member.run("pull")
    member.run("enforce", "npa")
    member.run("rollback", "2")
    assert member.verdict(LURE)["verdict"] == "accept"
    member.run("rollback", "1")
    assert len(member.json("merged")) == 1
    member.run("resume", "npa")
    member.run("pull")
    assert len(member.json("merged")) == 2


def test_one_broken_feed_does_not_keep_the_others(member: Member, tmp_path: Path) -> None:
    """C27: a text that no database holds is refused with its reason, and feeds after a broken one are pulled."""
    member.run("add", "a", str(bundle(tmp_path / "a.json", subject(LURE), name="x\x00y")))
    broken = tmp_path / "b.json"
    bundle(broken, subject("x"))
    member.run("add", "b", str(broken))
    broken.write_text("[")
    member.run("add", "c", str(bundle(tmp_path / "c.json", subject("別件のご連絡"))))
    pulled = {one["feed"]: one for one in member.json("pull", status=1)["feeds"]}
    assert "NUL" in pulled["a"]["refused"][0]["reason"]
    assert pulled["b"]["error"]
    assert pulled["c"]["merged"]["added"] == 1


def test_secrets_are_not_listed(member: Member, tmp_path: Path) -> None:
    """Keys in URLs are masked wherever a feed is shown."""
    member.run("add", "a", "https://user:hunter2@feeds.example/x.json?auth-key=0123456789abcdef01", "--format", "stix")
    shown = member.run("list").output + member.run("list", "--json").output
    assert "hunter2" not in shown and "0123456789abcdef01" not in shown and "feeds.example" in shown


def test_name_of_another_source(member: Member, tmp_path: Path) -> None:
    """A feed cannot take over what another source stated."""
    path = bundle(tmp_path / "a.json", subject(LURE))
    arguments = ["rules", "import", "--config", str(member.config), "--source", "analyst", str(path)]
    assert CliRunner().invoke(root, arguments).exit_code == 0
    done = CliRunner().invoke(root, ["feeds", "add", "--config", str(member.config), "analyst", str(path)])
    assert "are there already" in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("add", "npa", "https://feeds.example/x.bin"), "--format"),
        (("add", "npa", "https://feeds.example/x", "--format", "sitx"), "stix"),
        (("add", "../npa", "https://feeds.example/x.json"), "name"),
        (("add", "npa", "https://feeds.example/x.json", "--option", "nonsense"), "NAME=VALUE"),
        (("add", "npa", "https://feeds.example/x.json", "--option", "nonsense=1"), "nonsense"),
        (("add", "npa", "/nowhere/x.json"), "no such file"),
        (("add", "npa", "https://feeds.example/", "--format", "misp", "--public-key", "x"), "signatures"),
        (("pull", "nobody"), "nobody"),
        (("rollback", "7"), "index"),
    ],
)
def test_clear_errors(member: Member, arguments: tuple[str, ...], named: str) -> None:
    """What cannot be is named."""
    done = CliRunner().invoke(root, ["feeds", arguments[0], "--config", str(member.config), *arguments[1:]])
    assert done.exit_code != 0
    assert named in str(done.exception)
