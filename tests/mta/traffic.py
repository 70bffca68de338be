"""Mails in numbers over a real Postfix, what disturbs them meanwhile, and what became of them."""

from __future__ import annotations

import os
import signal
import smtplib
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import invariants
from harness import Observed, until
from sekisho_milter.postfix import PrivatePostfix

WORDS = ("ok", "quarantine", "tag", "ok")
PER_SESSION = 10


def ordering(token: str) -> bytes:
    """A mail for the stand-in stages, which read how long to take."""
    return b"X-Test-Seconds: 0.01\r\n\r\n%s\r\n" % token.encode()


class Load:
    """Sends mails over some connections, ten a session, each with a token; a mail that is put off is sent again."""

    def __init__(
        self, postfix: PrivatePostfix, count: int, workers: int = 4, content: Callable[[str], bytes] = ordering
    ) -> None:
        self._content = content
        self.answers: dict[str, int] = {}
        self._postfix = postfix
        self._left = [f"{WORDS[number % 4]}-{number}" for number in range(count)]
        self._threads = [threading.Thread(target=self._work) for _ in range(workers)]
        self._seen: dict[str, int] = {}

    def start(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(200)
        assert not self.running

    def _work(self) -> None:
        while self._left:
            # A server that closes the connection has answered nothing: those mails are the client's to send again.
            with suppress(OSError, smtplib.SMTPException), self._postfix.smtp() as client:
                client.ehlo()
                for _ in range(PER_SESSION):
                    if self._left:
                        self._send(client, self._left.pop())

    def _send(self, client: smtplib.SMTP, token: str) -> None:
        code = 0
        try:
            code = self._dialogue(client, token)
        finally:
            self.answers[token] = code
            if code != 250 and self._again(token):
                self._left.insert(0, token)
                # As a sender would wait, but not as long.
                time.sleep(0.1)

    def _again(self, token: str) -> bool:
        self._seen[token] = self._seen.get(token, 0) + 1
        return self._seen[token] < 300

    def _dialogue(self, client: smtplib.SMTP, token: str) -> int:
        client.rset()
        code = client.mail(f"{token}@example.net")[0]
        if code == 250:
            code = client.rcpt(f"{token.replace('-', '.')}@example.jp")[0]
        if code == 250:
            code = client.data(b"X-Token: %s\r\n%s" % (token.encode(), self._content(token)))[0]
        assert code == 250 or 400 <= code < 500, code
        return code


def settle(postfix: PrivatePostfix, milter: Observed, load: Load) -> invariants.Fates:
    """The fates of all mails when everything came to rest, checked."""
    load.join()
    until(lambda: not postfix.queue_ids(), "the queue is empty", 60)
    bodies = [milter.body(row) for row in milter.records() if row["action"] == "quarantine"]
    found = invariants.fates(load.answers, postfix.delivered(), bodies)
    invariants.check(found)
    return found


def disturb(load: Load, act: Callable[[], None], every: float) -> int:
    """Do something again and again while the load runs; returns how often."""
    times = 0
    while load.running:
        act()
        times += 1
        limit = time.monotonic() + every
        while load.running and time.monotonic() < limit:
            time.sleep(0.02)
    return times


def kill_one(milter: Observed, turn: list[int]) -> None:
    """SIGKILL to one filter process, another one each time."""
    filters = milter.filters()
    if filters:
        turn.append(filters[len(turn) % len(filters)])
        with suppress(ProcessLookupError):
            os.kill(turn[-1], signal.SIGKILL)
