"""The gateway while its database is away: mail is put off with 4xx, none is lost or doubled, and it recovers alone."""

from __future__ import annotations

import os
import smtplib
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import gate, until
from sekisho_milter.gateway import Gateway
from sekisho_milter.samples import LISTED_URL

pytestmark = pytest.mark.mta
HEAD = b"From: a@example.net\r\nMessage-ID: <1@example.net>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0900\r\n\r\n"


def server(home: Path, *words: str) -> None:
    """pg_ctl on the tests' own server."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
    command = [str(programs / "pg_ctl"), "-D", f"{home}/data", "-w", "-l", f"{home}/log", "-o", options, *words]
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*as_owner, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")


def send(gateway: Gateway, number: int) -> None:
    """A listed mail, by its number."""
    with gateway.postfix.smtp() as client:
        client.sendmail("a@example.net", ["kept@example.jp"], HEAD + f"{LISTED_URL} {number}\r\n".encode())


@pytest.mark.postgresql
def test_postgresql_that_is_stopped_and_restarted(
    postgresql_server: Path, postgresql_url: str, gateway_factory: Callable[..., Gateway]
) -> None:
    """A13: with PostgreSQL stopped mail gets 4xx; started again, and restarted between mails, each is recorded once."""
    gateway = gateway_factory({"database": {"url": postgresql_url, "timeout": 2.0}})
    gateway.start()
    send(gateway, 0)
    server(postgresql_server, "-m", "immediate", "stop")
    try:
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            send(gateway, 1)
    finally:
        server(postgresql_server, "start")
    send(gateway, 1)
    server(postgresql_server, "-m", "fast", "restart")
    send(gateway, 2)
    records = gateway.quarantined("kept@example.jp")
    assert [record["retries"] for record in records] == [0, 0, 0]
    assert gateway.postfix.delivered() == []
    assert gateway.command("quarantine", "audit", "--verify").startswith("0 faults")


def test_locked_sqlite(gateway_factory: Callable[..., Gateway]) -> None:
    """A13: while another process holds SQLite's lock mail gets 4xx and harmless mail flows; then all is as before."""
    gateway = gateway_factory({"database": {"timeout": 0.5}})
    gateway.start()
    holder = sqlite3.connect(gateway.root / "sekisho.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(smtplib.SMTPDataError, match="451"):
        send(gateway, 1)
    with gateway.postfix.smtp() as client:
        client.sendmail("a@example.net", ["free@example.jp"], HEAD + b"harmless\r\n")
    holder.execute("ROLLBACK")
    holder.close()
    send(gateway, 1)
    until(lambda: gateway.postfix.delivered("free@example.jp"), "the harmless mail")
    assert [record["retries"] for record in gateway.quarantined()] == [0]


def test_many_records_at_once(needs_postfix: None) -> None:
    """A13: forty sessions at once that all must be recorded wait for one another; none is put off."""
    with gate() as (postfix, milter):
        refused: list[Exception] = []

        def work(number: int) -> None:
            try:
                with postfix.smtp() as client:
                    for turn in range(5):
                        content = HEAD + f"{number} {turn}\r\n".encode()
                        client.sendmail("a@example.net", ["quarantine@example.jp"], content)
            except (OSError, smtplib.SMTPException) as error:
                refused.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert refused == [] and len(milter.records()) == 200
