"""The end of a message: the scan, what the MTA is told, and one line in the operator's log whatever happens."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import Milter
from sekisho_core.events import Events
from sekisho_core.ids import new_id
from sekisho_core.scan import Stages, discard, passage_key, scan
from sekisho_core.vocabulary import Action, Envelope, Mail, Passage

from sekisho_milter import replies
from sekisho_milter.letter import Letter
from sekisho_milter.metrics import Metrics
from sekisho_milter.replies import Mta, Plan
from sekisho_milter.settings import MilterSettings

_UNRECORDED = (Action.ACCEPT, Action.TEMPFAIL)


@dataclass(frozen=True)
class Room:
    """What a filter process works with: the four stages, and what it asks and tells the store besides."""

    stages: Stages
    is_released: Callable[[str], bool]
    mark_not_effective: Callable[[str], None]


class ContentLimit(Exception):
    """The scan took longer than `milter.content_limit`."""


class Patience:
    """Keeps the MTA waiting while a mail is looked at: a progress packet each `progress` seconds, up to the limit."""

    def __init__(self, tell: Callable[[], None], settings: MilterSettings) -> None:
        self._tell = tell
        self._every = settings.progress
        self._start = self._last = time.monotonic()
        self._limit = settings.content_limit

    def __call__(self) -> None:
        """Raises ContentLimit when time is up, and pymilter's error when the MTA is gone."""
        now = time.monotonic()
        if now - self._start > self._limit:
            raise ContentLimit(f"not done after {self._limit:g} s")
        if now - self._last >= self._every:
            self._last = now
            self._tell()

    def elapsed(self) -> float:
        """Seconds since the end of the message."""
        return time.monotonic() - self._start

    def insist(self) -> None:
        """Like a call, but always with a packet: whether the MTA is still there to hear the answer."""
        self._last = float("-inf")
        self()


class Gate:
    """Examines mails of one filter process; safe to share between libmilter's threads."""

    def __init__(self, settings: MilterSettings, room: Room, events: Events, metrics: Metrics, probe: str) -> None:
        self._settings = settings
        self._room = room
        self._events = events
        self._metrics = metrics
        self._probe = probe

    def examine(self, mta: Mta, letter: Letter, envelope: Envelope) -> int:
        """The final reply; a temporary failure for everything that goes wrong."""
        patience = Patience(mta.progress, self._settings)
        mail_id = new_id()
        made: list[Passage] = []
        try:
            mail = Mail(mail_id, envelope, letter.content())
            return self._judged(mta, letter, mail, patience, made)
        # Whatever it was: the MTA keeps the mail and comes again.
        except Exception as error:
            self._not_effective(made)
            self._failed(mail_id, envelope, error, patience)
            with suppress(Exception):
                mta.setreply("451", "4.7.1", self._settings.tempfail_text.replace("%", "%%"))
            return int(Milter.TEMPFAIL)

    def _judged(self, mta: Mta, letter: Letter, mail: Mail, patience: Patience, made: list[Passage]) -> int:
        released: list[str] = []

        def record(passage: Passage) -> None:
            if self._is_re_entry(passage, letter):
                released.append(passage.key)
                return
            self._room.stages.record(passage)
            made.append(passage)

        is_probe = mail.envelope.helo == self._probe
        stages = replace(self._room.stages, record=discard if is_probe else record)
        passage = scan(mail, stages, patience)
        chosen = replies.plan(passage.verdict, mail.envelope.rcpt_to, released=bool(released))
        if passage.verdict.action is not Action.ACCEPT:
            patience.insist()
        reply = replies.carry_out(mta, letter, passage, chosen, self._settings)
        if not is_probe:
            self._log(passage, chosen, patience, bool(released))
        return reply

    def _is_re_entry(self, passage: Passage, letter: Letter) -> bool:
        if passage.verdict.action in _UNRECORDED or not _is_loopback(passage.mail.envelope.client_ip):
            return False
        mail = passage.mail
        return any(
            self._room.is_released(passage_key(replace(mail, content=replace(mail.content, sha256=sha256))))
            for sha256 in letter.earlier_hashes()
        )

    def _not_effective(self, made: list[Passage]) -> None:
        for passage in made:
            if passage.verdict.action not in _UNRECORDED:
                try:
                    self._room.mark_not_effective(passage.key)
                except Exception as error:
                    self._events.error("not-marked", passage=passage.id, reason=error)

    def _log(self, passage: Passage, chosen: Plan, patience: Patience, released: bool) -> None:
        verdict, envelope = passage.verdict, passage.mail.envelope
        self._metrics.judged(passage, chosen.action, patience.elapsed())
        self._events.info(
            "mail",
            queue=envelope.queue_id or "-",
            passage=passage.id,
            action=chosen.action,
            verdict=verdict.action,
            mode=verdict.mode,
            direction=envelope.direction,
            rules=",".join(dict.fromkeys(match.rule for match in verdict.reasons)) or None,
            incomplete=",".join(dict.fromkeys(gap.reason for gap in verdict.incomplete)) or None,
            recipients=len(envelope.rcpt_to),
            removed=len(chosen.removed) or None,
            released="re-entry" if released else None,
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
