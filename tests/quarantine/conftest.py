"""Fixtures of the quarantine's tests: both databases, passages made to measure, a scripted SMTP server."""

from __future__ import annotations

import hashlib
import os
import socketserver
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sekisho_core import cli as root
from sekisho_core.database import open_database
from sekisho_core.ids import new_id
from sekisho_core.scan import passage_key
from sekisho_core.settings import Database
from sekisho_core.vocabulary import (
    Action,
    Content,
    Envelope,
    Mail,
    Mode,
    Passage,
    Reading,
    RecipientVerdict,
    Subject,
    Verdict,
)
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.store import Store
from sqlalchemy import Engine

LURE = b"From: a@example.com\r\nSubject: lure\r\n\r\n.dot\r\n..two\r\n\xe3\x81\x82\r\n"


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database for one test."""
    return f"sqlite:///{tmp_path}/store.sqlite"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, sqlite_url: str) -> str:
    """Each kind of database in turn."""
    return sqlite_url if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine on an empty store, closed at the end."""
    opened = open_database(Database(url, 5.0))
    yield opened
    opened.dispose()


@pytest.fixture
def bodies(tmp_path: Path) -> Bodies:
    """An empty directory of bodies."""
    (tmp_path / "bodies").mkdir()
    return Bodies(tmp_path / "bodies")


@pytest.fixture
def store(engine: Engine, bodies: Bodies, tmp_path: Path) -> Store:
    """The store on engine and bodies."""
    return Store(engine, tmp_path / "bodies")


PassageFactory = Callable[..., Passage]


@pytest.fixture
def make_passage() -> Iterator[PassageFactory]:
    """Makes passages; what is not given is usual. Their contents are closed at the end of the test."""
    opened: list[int] = []

    def make(
        content: bytes = LURE,
        action: Action = Action.QUARANTINE,
        to: tuple[str, ...] = ("b@example.jp", "c@example.jp"),
        actions: dict[str, Action] | None = None,
        mode: Mode = Mode.ENFORCE,
        sender: str = "a@example.com",
        queue_id: str = "4Xabcdefgh",
        reading: Reading | None = None,
    ) -> Passage:
        descriptor = os.memfd_create("test")
        opened.append(descriptor)
        os.write(descriptor, content)
        body = Content(descriptor, len(content), hashlib.sha256(content).hexdigest())
        mail = Mail(new_id(), Envelope("192.0.2.1", "mx.example.com", "helo", sender, to, queue_id=queue_id), body)
        each = tuple(RecipientVerdict(one, (actions or {}).get(one, action), "default") for one in to)
        found = reading or Reading(subject=Subject("raw", "対北朝鮮措置の延長について", "normal"))
        return Passage(mail.id, passage_key(mail), mail, found, Verdict(action, each, mode=mode), 7, {})

    yield make
    for descriptor in opened:
        os.close(descriptor)


class SmtpSink:
    """An SMTP server that answers by a script: a command line's beginning, or "." for a content's end, to its reply.

    The reply None closes the connection without a word. `mails` holds what was taken:
    MAIL line, RCPT lines, content, command.
    """

    def __init__(self, script: dict[str, str | None], extensions: tuple[str, ...]) -> None:
        self.script = script
        self.extensions = extensions
        self.mails: list[tuple[str, list[str], bytes, str]] = []
        self.barrier: threading.Barrier | None = None
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    _dialogue(sink, self)
                except (ConnectionError, EOFError):
                    return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _dialogue(sink: SmtpSink, handler: Any) -> None:
    def answer(key: str, usual: str) -> bool:
        reply = sink.script.get(key, usual)
        if reply is not None:
            handler.wfile.write(reply.encode() + b"\r\n")
        if reply is None or not reply.startswith(("2", "3")):
            if reply is None:
                raise EOFError
            return False
        return True

    mail, to, chunks = "", list[str](), b""
    answer("", "220 sink")
    while line := handler.rfile.readline().decode("utf-8").rstrip("\r\n"):
        word = line.split()[0].upper()
        key = next((known for known in sink.script if known and line.startswith(known)), word)
        if word == "EHLO":
            lines = ["sink", *sink.extensions]
            joined = "\r\n".join(f"250{'-' if n + 1 < len(lines) else ' '}{text}" for n, text in enumerate(lines))
            answer(key, joined)
        elif word == "DATA" and answer(key, "354 go on"):
            content = _unstuffed(handler.rfile)
            if answer(".", "250 queued"):
                sink.mails.append((mail, to, content, "DATA"))
        elif word == "BDAT":
            chunks += handler.rfile.read(int(line.split()[1]))
            last = line.endswith("LAST")
            if answer("." if last else key, "250 queued") and last:
                sink.mails.append((mail, to, chunks, "BDAT"))
        elif word == "QUIT":
            answer(key, "221 bye")
            return
        elif word != "DATA":
            accepted = answer(key, "250 ok")
            if word == "MAIL":
                mail, to = line, []
            if word == "RCPT" and accepted:
                to.append(line)


def _unstuffed(stream: Any) -> bytes:
    """A content by RFC 5321 section 4.5.2: it ends at CRLF.CRLF, and only a line after CRLF loses a dot."""
    content, after_crlf = b"", True
    while line := stream.readline():
        if after_crlf and line == b".\r\n":
            return content
        content += line[1:] if after_crlf and line.startswith(b".") else line
        after_crlf = line.endswith(b"\r\n")
    raise EOFError


@pytest.fixture
def smtp_sink() -> Iterator[Callable[..., SmtpSink]]:
    """Starts scripted SMTP servers on free loopback ports."""
    started: list[SmtpSink] = []

    def start(
        script: dict[str, str | None] | None = None,
        extensions: tuple[str, ...] = ("8BITMIME", "SMTPUTF8", "CHUNKING"),
    ) -> SmtpSink:
        started.append(SmtpSink(script or {}, extensions))
        return started[-1]

    yield start
    for sink in started:
        sink.close()


@pytest.fixture
def refused_port() -> int:
    """A loopback port on which nothing listens."""
    server = socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)
    port = int(server.server_address[1])
    server.server_close()
    return port


@pytest.fixture
def config(tmp_path: Path, sqlite_url: str) -> Path:
    """A settings file for the store of the test, released mail to port 1; `rewrite` it for others."""
    path = tmp_path / "sekisho.toml"
    path.write_text(
        f'[database]\nurl = "{sqlite_url}"\n'
        f'[quarantine]\nbodies = "{tmp_path}/bodies"\njournal = "{tmp_path}/journal"\nrelease_port = 1\n'
    )
    return path


@pytest.fixture
def sekisho(config: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., tuple[int, str, str]]:
    """Runs `sekisho quarantine …` on the test's settings; returns exit status, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            root.main(["quarantine", *arguments, "--config", str(config)])
        out, err = capsysbinary.readouterr()
        return int(ended.value.code or 0), out.decode("utf-8", "surrogateescape"), err.decode()

    return run


@pytest.fixture
def in_children() -> Callable[..., list[int]]:
    """Runs functions side by side, each in a forked process, and returns their exit statuses: 0, 3 for an exception, -9
    when killed."""

    def run(*functions: Callable[[], object]) -> list[int]:
        children = [_forked(function) for function in functions]
        return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

    return run


@pytest.fixture
def in_child(in_children: Callable[..., list[int]]) -> Callable[[Callable[[], object]], int]:
    """Runs one function in a forked process and returns its exit status."""
    return lambda function: in_children(function)[0]


def _forked(function: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        status = 3
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    return child


@pytest.fixture
def record_in_children(url: str, tmp_path: Path, in_children: Callable[..., list[int]]) -> Callable[..., list[int]]:
    """Records lists of passages side by side, each in a process with a store of its own; returns exit statuses."""

    def record(made: Sequence[Passage]) -> None:
        own = Store(open_database(Database(url, 10.0)), tmp_path / "bodies")
        for passage in made:
            own.record(passage)

    return lambda lists: in_children(*(partial(record, made) for made in lists))
