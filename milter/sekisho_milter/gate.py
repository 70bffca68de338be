"""The end of a message: the scan, what the MTA is told, and one line in the operator's log whatever happens."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace

import Milter
from sekisho_core.events import Events
from sekisho_core.ids import new_id
from sekisho_core.scan import Stages, discard, passage_key, scan
from sekisho_core.vocabulary import UNRECORDED, Action, Envelope, Mail, Passage

from sekisho_milter import replies
from sekisho_milter.letter import Letter
from sekisho_milter.metrics import Metrics
from sekisho_milter.replies import Answer, Mta, Plan
from sekisho_milter.settings import MilterSettings

# As many mails are looked at side by side in one process; more wait, and their MTA hears progress.
_THREADS = 64


@dataclass(frozen=True)
class Tools:
    """What a filter process works with: the four stages, what it asks and tells the store besides, and the journal,
    which says whether it could take a passage."""

    stages: Stages
    is_released: Callable[[str], bool]
    given_back: Callable[[str], frozenset[str]]
    mark_not_effective: Callable[[str], None]
    journal: Callable[[Passage], bool]


class ContentLimit(Exception):
    """The scan took longer than `milter.content_limit`."""


class Patience:
    """Keeps the MTA waiting while a mail is looked at: a progress packet each `progress` seconds, up to the limit."""

    def __init__(self, tell: Callable[[], None], settings: MilterSettings) -> None:
        self._tell = tell
        self._every = settings.progress
        self._limit = settings.content_limit
        self._start = time.monotonic()

    def await_end(self, task: Future[Outcome]) -> Outcome:
        """The task's result. Raises ContentLimit when time is up, pymilter's error when the MTA is gone, and what the
        task raised."""
        while not wait((task,), max(0.0, min(self._every, self._limit - self.elapsed()))).done:
            if self.elapsed() >= self._limit:
                raise ContentLimit(f"not done after {self._limit:g} s")
            self._tell()
        return task.result()

    def elapsed(self) -> float:
        """Seconds since the end of the message."""
        return time.monotonic() - self._start

    def insist(self) -> None:
        """A packet that only shows whether the MTA is still there to hear the answer."""
        self._tell()


@dataclass(frozen=True)
class Outcome:
    """A passage; how often its delivery was recorded before (None if it is not recorded), whether it passes because it
    was released before, and who has got it from us: a retry may find open what was locked at first."""

    passage: Passage
    retries: int | None
    released: bool
    served: frozenset[str]


class Gate:
    """Examines mails of one filter process; safe to share between libmilter's threads.

    Mails are looked at in threads of Python's own. libmilter as Debian builds it moves a session from thread to thread,
    while pymilter 1.0.5 binds a thread to the first session that it served: where a C module asks Python for the state
    of such a thread (sqlite3 does), it gets one that may be gone, and the process dies.
    """

    def __init__(self, settings: MilterSettings, tools: Tools, events: Events, metrics: Metrics, probe: str) -> None:
        self._settings = settings
        self._tools = tools
        self._events = events
        self._metrics = metrics
        self._probe = probe
        self._threads = ThreadPoolExecutor(_THREADS, "scan")

    def examine(self, mta: Mta, letter: Letter, envelope: Envelope) -> int:
        """The final reply; a temporary failure for everything that goes wrong. Closes the letter when it is read."""
        patience = Patience(mta.progress, self._settings)
        mail_id = new_id()
        task = self._threads.submit(self._pass, mail_id, letter, envelope)
        try:
            return self._answer(mta, letter, patience.await_end(task), patience)
        # Whatever it was: the MTA keeps the mail and comes again.
        except Exception as error:
            self._give_up(task, letter)
            self._failed(mail_id, envelope, error, patience)
            with suppress(Exception):
                mta.setreply("451", "4.7.1", self._settings.tempfail_text.replace("%", "%%"))
            return int(Milter.TEMPFAIL)

    def _pass(self, mail_id: str, letter: Letter, envelope: Envelope) -> Outcome:
        retries: list[int] = []

        def record(passage: Passage) -> int:
            if not self._is_re_entry(passage, letter):
                retries.append(self._tools.stages.record(passage))
            return sum(retries)

        try:
            is_probe = envelope.helo == self._probe
            stages = replace(self._tools.stages, record=discard if is_probe else record)
            passage = scan(Mail(mail_id, envelope, letter.content()), stages)
            served = self._tools.given_back(passage.key) if any(retries) else frozenset[str]()
            outcome = Outcome(passage, retries[0] if retries else None, not is_probe and not retries, served)
            if not is_probe and not outcome.released and not self._tools.journal(passage):
                self._metrics.not_journalled()
            return outcome
        finally:
            letter.close()

    def _answer(self, mta: Mta, letter: Letter, outcome: Outcome, patience: Patience) -> int:
        passage = outcome.passage
        chosen = replies.plan(passage.verdict, passage.mail.envelope.rcpt_to, outcome.released, outcome.served)
        if passage.verdict.action is not Action.ACCEPT:
            patience.insist()
        reply = replies.carry_out(mta, letter, passage, chosen, self._settings)
        if passage.mail.envelope.helo != self._probe:
            self._log(outcome, chosen, patience)
        return reply

    def _is_re_entry(self, passage: Passage, letter: Letter) -> bool:
        if passage.verdict.action in UNRECORDED or not _is_loopback(passage.mail.envelope.client_ip):
            return False
        mail = passage.mail
        return any(
            self._tools.is_released(passage_key(replace(mail, content=replace(mail.content, sha256=sha256))))
            for sha256 in letter.earlier_hashes()
        )

    def _give_up(self, task: Future[Outcome], letter: Letter) -> None:
        """The MTA does not wait for this task's answer any more: a mail that nobody looks at yet is dropped."""
        if task.cancel():
            letter.close()
        else:
            task.add_done_callback(lambda done: self._threads.submit(self._not_effective, done) and None)

    def _not_effective(self, task: Future[Outcome]) -> None:
        if task.exception() is not None or task.result().retries is None:
            return
        passage = task.result().passage
        chosen = replies.plan(passage.verdict, passage.mail.envelope.rcpt_to)
        if passage.verdict.action not in UNRECORDED and chosen.answer is not Answer.TEMPFAIL:
            try:
                self._tools.mark_not_effective(passage.key)
            except Exception as error:
                self._events.error("not-marked", passage=passage.id, reason=error)

    def _log(self, outcome: Outcome, chosen: Plan, patience: Patience) -> None:
        passage = outcome.passage
        verdict, envelope = passage.verdict, passage.mail.envelope
        self._metrics.judged(passage, chosen.action, patience.elapsed(), bool(outcome.retries))
        self._events.info(
            "mail",
            queue=envelope.queue_id or "-",
            passage=passage.id,
            action=chosen.action,
            answer=chosen.answer,
            verdict=verdict.action,
            mode=verdict.mode,
            direction=envelope.direction,
            rules=",".join(dict.fromkeys(match.rule for match in verdict.reasons)) or None,
            incomplete=",".join(dict.fromkeys(gap.reason for gap in verdict.incomplete)) or None,
            recipients=len(envelope.rcpt_to),
            removed=len(chosen.removed) or None,
            served=len(outcome.served) or None,
            waiting=sum(one.wait is not None for one in verdict.recipients) or None,
            released="re-entry" if outcome.released else None,
            retry=outcome.retries or None,
            size=passage.mail.content.size,
            index=passage.serial,
            elapsed_ms=f"{patience.elapsed() * 1000:.1f}",
        )

    def _failed(self, mail_id: str, envelope: Envelope, error: Exception, patience: Patience) -> None:
        self._metrics.failed(type(error).__name__)
        self._events.error(
            "mail",
            queue=envelope.queue_id or "-",
            passage=mail_id,
            action=Action.TEMPFAIL,
            reason=f"{type(error).__name__}: {error}",
            recipients=len(envelope.rcpt_to),
            elapsed_ms=f"{patience.elapsed() * 1000:.1f}",
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
