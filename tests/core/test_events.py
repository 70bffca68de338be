import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core import events as module
from sekisho_core.events import Events, Level, line, operator_events, stream_sink


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A datagram socket where the journal's would be; what the sink opens is closed after the test."""
    path, opened, plain = str(tmp_path / "journal"), ExitStack(), socket.socket
    monkeypatch.setattr(module, "_JOURNAL", path)
    monkeypatch.setattr(socket, "socket", lambda *kind: opened.enter_context(plain(*kind)))
    with opened, plain(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.settimeout(5)
        yield server


def test_line_of_fields() -> None:
    """An event is its name and its fields; values that are not plain are quoted."""
    text = line("mail.judged", {"id": "abc", "subject": "件名 a=b", "count": 3, "empty": ""})
    assert text == 'mail.judged id=abc subject="件名 a=b" count=3 empty=""'


@given(st.text())
def test_no_value_can_forge_a_line(value: str) -> None:
    """C4: whatever a mail holds, its value stays inside its own field of one printable line."""
    text = line("event", {"value": value, "end": "x"})
    assert text.isprintable() or all(char.isprintable() or char == " " or ord(char) > 127 for char in text)
    assert not {"\n", "\r", "\x1b", "\u2028", "\u202e"} & set(text)
    assert text.endswith(" end=x")
    assert text.count('"') - text.count('\\"') in (0, 2) or "\\\\" in text


def test_levels_and_absent_fields(pipe: tuple[int, int]) -> None:
    """Events graver than the level are written, others not; a field that is None is left out."""
    log = Events(stream_sink(pipe[1]), Level.WARNING)
    log.debug("a")
    log.info("b")
    log.warning("c", id=None, queue="q1")
    log.error("d")
    lines = os.read(pipe[0], 4096).decode().splitlines()
    assert [text.split(" ", 1)[1] for text in lines] == ["warning c queue=q1", "error d"]


def test_blocked_pipe_drops(pipe: tuple[int, int]) -> None:
    """A36: a reader that does not read costs log lines and no time; when it reads again, lines come again."""
    log = Events(stream_sink(pipe[1]))
    size = fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, 4096)
    for number in range(100):
        log.info("filler", number=number, text="x" * 200)
    assert 0 < len(os.read(pipe[0], size)) <= size
    log.info("after")
    assert b" info after\n" in os.read(pipe[0], size)


def test_closed_sink_does_not_raise(pipe: tuple[int, int]) -> None:
    """A36: a closed descriptor, or a pipe whose reader went away, raises nothing; other sinks get their lines."""
    read, write = os.pipe()
    log = Events(stream_sink(write))
    os.close(read)
    log.info("nobody reads")
    os.close(write)
    log.info("nothing there")
    Events(stream_sink(pipe[1])).info("heard")
    assert b" info heard\n" in os.read(pipe[0], 1000)


def test_long_line_is_one_write(pipe: tuple[int, int]) -> None:
    """A line is cut at what a pipe takes whole, and still ends."""
    Events(stream_sink(pipe[1])).info("long", **{f"f{number}": "x" * 500 for number in range(20)})
    text = os.read(pipe[0], 10000)
    assert len(text) == 4096
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1


def test_journal_entry(journal: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard error is a stream of the journal, an event is one datagram with a field for each value."""
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    operator_events("info").warning("mail.kept", queue_id="4ABC", subject="a\nSEKISHO_EVENT=forged\x1b[2J")
    entry = journal.recv(65536).decode().splitlines()
    assert "PRIORITY=4" in entry
    assert "SEKISHO_EVENT=mail.kept" in entry
    assert "SEKISHO_QUEUE_ID=4ABC" in entry
    assert "SEKISHO_EVENT=forged" not in entry
    assert all("=" in text and "\x1b" not in text for text in entry)


def test_journal_that_is_gone(
    journal: socket.socket, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A36: while the journal restarts, events go to standard error."""
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    log = operator_events("info")
    journal.close()
    log.info("mail.kept", id="1")
    assert capfd.readouterr().err == "mail.kept id=1\n"


@pytest.mark.usefixtures("capfd")
def test_journal_that_takes_nothing(
    journal: socket.socket, pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A36: with a journal that reads neither its socket nor the stream behind standard error, no event waits."""
    os.dup2(pipe[1], 2)
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    log = operator_events("info")
    os.write(2, b"x" * fcntl.fcntl(2, fcntl.F_SETPIPE_SZ, 4096))
    journal.close()
    log.info("mail.kept", id="1")
    assert os.read(pipe[0], 10000) == b"x" * 4096


def test_no_journal(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Elsewhere events go to standard error, with time and level."""
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    operator_events("debug").debug("started")
    assert capfd.readouterr().err.endswith(" debug started\n")
