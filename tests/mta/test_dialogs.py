"""Dialogues that no Postfix leads, packet by packet, with the whole milter."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import pytest
from harness import Milter, until
from sekisho_core.vocabulary import Direction, Envelope
from sekisho_milter.probe import Dialogue, ProbeError, Script
from sekisho_quarantine.journal import entries

STOPPED = (b"<quarantine@example.jp>",)
DIALOGS = Path(__file__).parents[1] / "dialogs"


@pytest.fixture
def milter(tmp_path: Path) -> Iterator[Milter]:
    """A started milter."""
    one = Milter(tmp_path, tmp_path / "milter.sock")
    try:
        yield one.start()
    finally:
        one.stop()


def envelope(milter: Milter) -> Envelope:
    """The envelope of the newest record."""
    packed = milter.records()[-1]["envelope"]
    assert isinstance(packed, bytes)
    return msgspec.msgpack.decode(packed, type=Envelope)


def test_undecodable_bytes_everywhere(milter: Milter) -> None:
    """A35: client name, HELO, addresses, header names and values that are not UTF-8: the mail is scanned and kept."""
    with milter.dialogue() as mta:
        mta.connect(b"cl\xffent", "192.0.2.1")
        mta.helo(b"he\xfeo")
        headers = ((b"Sub\xffject", b" \xe9"), (b"X", b""), (b"Y", b"no space\n\tfolded"))
        reply = mta.play(Script(b"<a\xff@example.net>", STOPPED, headers, (b"\0\r\n", b"lone\rcr\nlf")))
        assert reply.name == "discard"
    seen = envelope(milter)
    assert (seen.client_name, seen.helo, seen.mail_from) == ("cl\\xffent", "he\\xfeo", "a\\xff@example.net")
    expected = b"Sub\xffject: \xe9\r\nX:\r\nY:no space\r\n\tfolded\r\n\r\n\0\r\nlone\rcr\nlf"
    assert milter.body(milter.records()[0]) == expected


def test_ten_thousand_headers_and_a_megabyte_line(milter: Milter) -> None:
    """A31, A35: ten thousand headers and a line of a megabyte are scanned and stored whole."""
    headers = tuple((b"H%d" % number, b" v") for number in range(10_000))
    with milter.dialogue() as mta:
        line = [b"x" * 65535] * 16
        assert mta.play(Script(b"<>", STOPPED, headers, line)).name == "discard"
    assert milter.body(milter.records()[0]).endswith(b"H9999: v\r\n\r\n" + b"x" * (65535 * 16))


def test_an_empty_header_name_is_never_let_through(milter: Milter) -> None:
    """A35: libmilter itself ends the connection at an empty header name, which the MTA takes for a failed filter."""
    with milter.dialogue() as mta, pytest.raises(ProbeError, match=r"reset|closed|Broken pipe"):
        mta.play(Script(b"<>", (b"<ok@example.jp>",), ((b"", b" v"),), (b"x",)))
    with milter.dialogue() as mta:
        assert mta.play(Script(headers=((b"A", b" b"),))).name == "accept"


def test_a_mail_that_is_broken_off(milter: Milter) -> None:
    """A mail whose end never comes leaves no record, and one line in the log with its queue id."""
    with milter.dialogue() as mta:
        mta.macros(b"M", ((b"i", b"Q7"),))
        mta.command(b"M", b"<>\0")
        mta.command(b"R", b"<quarantine@example.jp>\0")
        mta.command(b"L", b"A\0 b\0")
        mta.send(b"A")
        assert mta.play(Script()).name == "accept"
    (line,) = milter.events("mail-abandoned")
    assert "queue=Q7 recipients=1 size=6" in line and milter.records() == []


def test_children_that_are_stopped_or_orphaned(tmp_path: Path) -> None:
    """A stopped filter process stalls no new session and is killed when it should leave; after the parent's death the
    others take no connection and end with their sessions."""
    one = Milter(tmp_path, tmp_path / "milter.sock", {"milter": {"drain": 1.0}})
    try:
        one.start()
        stuck, *_ = one.filters()
        os.kill(stuck, signal.SIGSTOP)
        for _ in range(10):
            with one.dialogue() as mta:
                assert mta.play(Script()).name == "accept"
        one.signal(signal.SIGHUP)
        until(lambda: f"pid={stuck} " in "".join(one.events("filter-killed")), "the stuck one is killed")
        orphans = one.filters()
        with one.dialogue() as mta:
            one.signal(signal.SIGKILL)
            one.exit_status(5)
            with pytest.raises(ProbeError), one.dialogue() as late:
                while True:
                    late.play(Script())
            assert mta.actions
        until(lambda: not any(map(_alive, orphans)), "its children left")
    finally:
        one.stop()


@pytest.mark.parametrize("endpoint", ["inet:{}@127.0.0.1", "inet6:{}@[::1]"])
def test_listening_on_the_network(tmp_path: Path, endpoint: str) -> None:
    """A21, A22: over TCP, IPv6 too, mail flows through recycling, and a new milter takes over at once after kill -9."""
    family, host = (socket.AF_INET6, "::1") if "6" in endpoint else (socket.AF_INET, "127.0.0.1")
    with closing(socket.socket(family)) as free:
        free.bind((host, 0))
        place = endpoint.format(free.getsockname()[1])
    one = Milter(tmp_path, tmp_path / "unused", {"milter": {"socket": place, "recycle": 4}})
    try:
        one.start()
        for _ in range(12):
            with Dialogue(place, 20.0) as mta:
                assert mta.play(Script(b"<>", STOPPED)).name == "discard"
        until(lambda: len(one.events("filter-left")) >= 2, "worn processes left")
        one.signal(signal.SIGKILL)
        one.exit_status(5)
        one.start()
        with Dialogue(place, 20.0) as mta:
            assert mta.play(Script(b"<>", STOPPED)).name == "discard"
        assert not one.events("filter-died") and one.records()[0]["retries"] == 12
    finally:
        one.stop()


def test_two_hundred_idle_connections(milter: Milter) -> None:
    """A17: connections that say nothing keep nobody else from being served."""
    with ExitStack() as opened:
        for _ in range(200):
            opened.enter_context(milter.dialogue())
        with milter.dialogue() as mta:
            assert mta.play(Script(b"<>", STOPPED)).name == "discard"


def test_an_mta_that_goes_away_during_the_scan(tmp_path: Path) -> None:
    """A4, A11: the MTA closes the connection before it hears our answer: the record says so, in one line of the log."""
    one = Milter(tmp_path, tmp_path / "milter.sock", {"milter": {"progress": 0.1}})
    try:
        one.start()
        mta = one.dialogue()
        mta.send(b"M", b"<>\0")
        mta.send(b"R", STOPPED[0] + b"\0")
        mta.send(b"L", b"X-Test-Seconds\0 1\0")
        mta.send(b"N")
        mta.send(b"E")
        assert mta.receive()[0] == b"p"
        mta.close()
        until(lambda: [row["state"] for row in one.records()] == ["not-effective"], "the record is marked")
        (line,) = one.events("mail")
        assert "action=tempfail" in line
    finally:
        one.stop()


def test_a_thousand_mails_in_one_session(milter: Milter) -> None:
    """A6: one final reply for each mail over a thousand mails of one session; accepted ones and kept ones alternate."""
    with milter.dialogue() as mta:
        for number in range(1000):
            recipients = STOPPED if number % 20 == 0 else (b"<ok@example.jp>",)
            reply = mta.play(Script(b"<>", recipients, ((b"N", b" %d" % number),)))
            assert reply.name == ("discard" if number % 20 == 0 else "accept")
    assert len(milter.records()) == 50


def test_steps_that_the_mta_does_not_offer(milter: Milter) -> None:
    """An MTA that wants a reply for every phase and swallows the space after the colon gets both."""
    with milter.dialogue(steps=0) as mta:
        assert mta.play(Script(b"<>", STOPPED, ((b"Subject", b"x"),), (b"y",))).name == "discard"
    assert milter.body(milter.records()[0]) == b"Subject: x\r\n\r\ny"


def test_an_authenticated_user(milter: Milter) -> None:
    """Macros: queue id, user and TLS are in the envelope; a user who logged in makes the mail outbound, which is
    observed by default."""
    macros = ((b"i", b"Q1"), (b"{auth_authen}", b"u\xffser"), (b"{tls_version}", b"TLSv1.3"), (b"{cipher}", b"AES"))
    with milter.dialogue() as mta:
        assert mta.play(Script(b"<>", STOPPED, macros=macros)).name == "accept"
    seen = envelope(milter)
    assert (seen.queue_id, seen.auth_user, seen.tls) == ("Q1", "u\\xffser", "TLSv1.3 AES")
    assert seen.direction is Direction.OUTBOUND


def test_a_retry_joins_its_record(milter: Milter) -> None:
    """A3: whoever did not hear the answer sends again: one record, with the retries counted."""
    for _ in range(3):
        with milter.dialogue() as mta:
            assert mta.play(Script(b"<a@b>", STOPPED, ((b"A", b" b"),))).name == "discard"
    assert [record["retries"] for record in milter.records()] == [2]


def test_the_journal_has_accepted_mail(milter: Milter) -> None:
    """What passes leaves a trace too, once however often it comes; a probe of health leaves none."""
    for _ in range(2):
        with milter.dialogue() as mta:
            assert mta.play(Script(b"<a@example.com>", (b"<accept@example.jp>",), ((b"A", b" b"),))).name == "accept"
    with milter.dialogue() as mta:
        assert mta.play(Script(b"<b@example.com>", STOPPED)).name == "discard"
    assert _command(milter, "health").returncode == 0
    found = [(one.mail_from, one.action) for one in entries(milter.root / "journal")]
    assert sorted(found) == [("a@example.com", "accept"), ("b@example.com", "quarantine")]


def test_a_journal_that_cannot_be_written(milter: Milter) -> None:
    """No mail is refused for it; the log tells."""
    (milter.root / "journal").write_text("in the way")
    with milter.dialogue() as mta:
        assert mta.play(Script(b"<a@example.com>", (b"<accept@example.jp>",))).name == "accept"
        assert mta.play(Script(b"<b@example.com>", STOPPED)).name == "discard"
    assert milter.events("journal-failed")


def test_no_snapshot_later(milter: Milter) -> None:
    """An index that disappears puts mail off until it is back; an event names it."""
    link = milter.root / "index" / "current"
    link.unlink()
    with milter.dialogue() as mta:
        assert mta.play(Script()).name == "tempfail"
        link.write_text("8")
        assert mta.play(Script()).name == "accept"
    assert "rules.index" in milter.log()


def test_no_snapshot_at_the_start(tmp_path: Path) -> None:
    """Without an index the milter does not start: one line, exit status 2, no socket left."""
    one = Milter(tmp_path, tmp_path / "milter.sock")
    (tmp_path / "index" / "current").unlink()
    one.launch()
    assert one.exit_status(20) == 2
    assert one.log().splitlines()[-1].startswith("sekisho: rules.index: ") and not one.socket.exists()


def test_stale_and_live_sockets(milter: Milter, tmp_path: Path) -> None:
    """A22: after kill -9 a new milter takes the stale socket over with the right mode; a live one is respected."""
    second = Milter(tmp_path / "second", milter.socket)
    second.launch()
    assert second.exit_status(20) == 2 and "another process listens there" in second.log()
    old = milter.filters()
    milter.signal(signal.SIGKILL)
    milter.exit_status(5)
    until(lambda: not any(map(_alive, old)), "its children left")
    assert milter.socket.exists()
    milter.start()
    assert stat.S_IMODE(milter.socket.stat().st_mode) == 0o666
    with milter.dialogue() as mta:
        assert mta.play(Script()).name == "accept"


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_session_outlives_a_reload(milter: Milter) -> None:
    """A21: a session that is open at a reload goes on with the process that began it."""
    with milter.dialogue() as mta:
        assert mta.play(Script()).name == "accept"
        milter.signal(signal.SIGHUP)
        until(lambda: milter.log().count(" filter-ready ") == 4, "the new processes")
        assert mta.play(Script(b"<>", STOPPED)).name == "discard"
    until(lambda: len(milter.events("filter-left")) == 2, "the old ones left")


@pytest.mark.parametrize("room", ["spool", "bodies", "database"])
def test_a_full_disk(tmp_path: Path, room: str) -> None:
    """A12: with a full disk under the spool, the bodies or the database mail is put off; with room it goes on."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    try:
        keys = {"spool": ("milter", "spool"), "bodies": ("quarantine", "bodies"), "database": ("database", "url")}
        table, key = keys[room]
        value = f"sqlite:///{disk}/s.sqlite" if room == "database" else str(disk)
        one = Milter(tmp_path / "m", tmp_path / "milter.sock", {table: {key: value}, "milter": {"processes": 1}})
        if room == "spool":
            one.write_settings({"milter": {"spool": str(disk), "spool_memory": 1000, "processes": 1}})
        one.start()
        try:
            assert _fill_and_try(one, disk) == ["tempfail", "discard"]
        finally:
            one.stop()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _fill_and_try(milter: Milter, disk: Path) -> list[str]:
    """The milter's answers to one mail while the disk is full, and when it has room again."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"\0" * 4096)
    script = Script(b"<>", STOPPED, ((b"A", b" b"),), (b"x" * 30_000 + b"\r\n",) * 4)
    with milter.dialogue() as mta:
        full = mta.play(script).name
    filler.unlink()
    with milter.dialogue() as mta:
        return [full, mta.play(script).name]


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    """A12: with a full disk under the log, mail flows on."""
    one = Milter(tmp_path, tmp_path / "milter.sock")
    one.launch(Path("/dev/full"))
    try:
        until(lambda: one.socket.exists(), "the socket")
        with one.dialogue() as mta:
            assert mta.play(Script(b"<>", STOPPED)).name == "discard"
        assert one.exit_status() is None and len(one.records()) == 1
    finally:
        one.stop()


def test_health_and_metrics(tmp_path: Path) -> None:
    """The health command's mail is scanned and leaves no record; metrics add up over processes and recycling."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one = Milter(tmp_path, tmp_path / "milter.sock", {"milter": {"metrics": f"127.0.0.1:{port}", "recycle": 3}})
    try:
        one.start()
        for number in range(12):
            with one.dialogue() as mta:
                mta.play(Script(b"<>", STOPPED, ((b"N", b" %d" % number),)))
        assert json.loads(_command(one, "health", "--json").stdout)["reply"] == "accept"
        with one.dialogue() as mta:
            mta.play(Script(b"<>", STOPPED, ((b"N", b" 0"),)))
        until(lambda: b'sekisho_mails_total{action="quarantine"} 13.0' in _scraped(port), "all mails are counted")
        assert b"sekisho_retries_total 1.0" in _scraped(port) and "retry=1" in one.events("mail")[-1]
        assert len(one.records()) == 12
        (one.root / "index" / "current").unlink()
        assert _command(one, "health").returncode == 1
    finally:
        one.stop()
    assert _command(one, "health").returncode == 2


def _scraped(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        data: bytes = answer.read()
        return data


def _command(milter: Milter, *words: str) -> subprocess.CompletedProcess[str]:
    program = "from sekisho_core.cli import main; main()"
    line = [sys.executable, "-c", program, "milter", *words, "--config", str(milter.config)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("script", sorted(DIALOGS.glob("*.lua")), ids=lambda path: path.stem)
def test_dialogue_scripts(milter: Milter, script: Path) -> None:
    """Each script of tests/dialogs, played by miltertest."""
    if not shutil.which("miltertest"):
        pytest.skip("miltertest is not installed (apt: miltertest)")
    command = ["miltertest", "-D", f"socket={milter.endpoint}", "-s", str(script)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
