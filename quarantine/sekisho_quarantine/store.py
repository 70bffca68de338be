"""The store: makes a passage durable before the MTA hears of it, once however often the MTA tries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sekisho_core.database import error_line, reader
from sekisho_core.errors import SekishoError, StoreError
from sekisho_core.ids import is_id
from sekisho_core.vocabulary import UNRECORDED, Action, Mode, Passage, RecipientVerdict
from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from sekisho_quarantine import audit, waits
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.packing import packed
from sekisho_quarantine.tables import ReleaseState, State, WaitState, passages, recipients, releases, storable

_WHO = "filter"
_PUT_OFF = "put-off"
# What is released so will be with its recipient, whatever the MTA is told of a retry.
_SURE = (ReleaseState.PENDING, ReleaseState.SENDING, ReleaseState.SENT)
# What the MTA can do with a whole mail only.
_FOR_ALL = {Action.HOLD: State.HELD, Action.REJECT: State.REFUSED}


class Store:
    """Records passages. Safe to share between threads; open its engine after a fork, never before. Of locked mails at
    most `wait_limit` copies wait at once."""

    def __init__(self, engine: Engine, bodies: Path, wait_limit: int = 1000) -> None:
        self._engine = engine
        self._bodies = Bodies(bodies)
        self._wait_limit = wait_limit

    def record(self, passage: Passage) -> int:
        """Keep body and verdict of a mail that is not simply accepted or put off (implements core.scan.Record).

        A key that is known counts a retry and takes over the new verdict, also one that lets the mail pass, but not one
        that puts it off. Raises StoreError when the record is not certainly on disk; the mail must stay with the MTA
        then.
        """
        try:
            return self._record(passage)
        except (OSError, SQLAlchemyError, SekishoError, UnicodeError) as error:
            raise StoreError(f"{passage.id}: cannot be recorded: {error_line(error)}") from error

    def mark(self, reference: str, state: State, why: str) -> None:
        """Note what the filter learnt after recording, by passage id or key. Copies that were released stay so; a
        record is not effective only when none of the tries that it joins was.

        Raises StoreError when there is no such record or the database fails.
        """
        column = passages.c.id if is_id(reference) else passages.c.key
        try:
            with self._engine.begin() as connection:
                row = connection.execute(select(passages).where(column == reference).with_for_update()).first()
                if row is None:
                    raise StoreError(f"{reference}: no such record")
                audit.append(connection, _WHO, state, row.id, why)
                if state is not State.NOT_EFFECTIVE or _none_effective(connection, row):
                    _set_states(connection, row, state)
        except SQLAlchemyError as error:
            raise StoreError(f"{reference}: cannot be marked {state}: {error_line(error)}") from error

    def mark_not_effective(self, key: str) -> None:
        """Our answer came after the MTA had given up: the mail is still its, or the sender's. Raises StoreError."""
        self.mark(key, State.NOT_EFFECTIVE, "the MTA did not take the answer")

    def is_released(self, key: str) -> bool:
        """Whether a person released this mail to everybody whom it was kept from. Raises StoreError."""
        query = select(recipients.c.state).join(passages).where(passages.c.key == key)
        try:
            with reader(self._engine).connect() as connection:
                states = set(connection.scalars(query))
                return State.RELEASED in states and states <= {State.RELEASED, State.DELIVERED}
        except SQLAlchemyError as error:
            raise StoreError(f"{key}: cannot be looked up: {error_line(error)}") from error

    def given_back(self, key: str) -> frozenset[str]:
        """The recipients of this mail who have got it from us, or certainly will. Raises StoreError."""
        query = select(releases.c.address).join(passages).where(passages.c.key == key, releases.c.state.in_(_SURE))
        try:
            with reader(self._engine).connect() as connection:
                return frozenset(connection.scalars(query))
        except SQLAlchemyError as error:
            raise StoreError(f"{key}: cannot be looked up: {error_line(error)}") from error

    def _record(self, passage: Passage) -> int:
        content = passage.mail.content
        stopped = passage.verdict.action not in UNRECORDED
        # Every known key has its body here (or had it aged out): one look at the directory spares the usual mail,
        # which is accepted and new, the database.
        if not stopped and not self._bodies.has(content.sha256, content.size):
            return 0
        if stopped:
            self._bodies.put(content)
        with self._engine.begin() as connection:
            lock_body(connection, content.sha256)
            known = connection.execute(select(passages).where(passages.c.key == passage.key).with_for_update()).first()
            if stopped and not self._bodies.has(content.sha256, content.size):
                # Retention took it away between `put` and the lock; nobody can while the lock is ours.
                self._bodies.put(content)
            if known is not None:
                return _join(connection, known, passage, self._wait_limit)
            if stopped:
                _insert(connection, passage, self._wait_limit)
        return 0


def lock_body(connection: Connection, sha256: str) -> None:
    """Until the transaction ends nobody else records or removes this body."""
    if connection.dialect.name == "postgresql":
        # SQLite's transactions have the whole database's write lock already.
        key = int(sha256[:15], 16)
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({key})")


def effective_states(actions: Sequence[Action], mode: Mode) -> list[State]:
    """What becomes of the copies that these actions are for when the MTA acts on them all (the milter's `replies`)."""
    if mode is Mode.OBSERVE:
        return [State.DELIVERED] * len(actions)
    if Action.TEMPFAIL in actions:
        return [State.NOT_EFFECTIVE] * len(actions)
    stopped = _FOR_ALL.get(actions[0], State.KEPT) if len(set(actions)) == 1 else State.KEPT
    return [State.DELIVERED if action in (Action.ACCEPT, Action.TAG) else stopped for action in actions]


def _whole_state(passage: Passage) -> State:
    """The state of the mail: kept where any copy of it is."""
    actions = [verdict.at_mta for verdict in _verdicts(passage)] or [passage.verdict.action]
    states = effective_states(actions, passage.verdict.mode)
    return State.KEPT if State.KEPT in states else states[0]


def _judged(passage: Passage) -> dict[str, Any]:
    """The columns that a verdict sets anew at each try."""
    verdict, envelope = passage.verdict, passage.mail.envelope
    return {
        "last_at": datetime.now(UTC),
        "action": verdict.action,
        "mode": verdict.mode,
        "state": _whole_state(passage),
        "queue_id": storable(envelope.queue_id),
        "client_ip": storable(envelope.client_ip),
        "envelope": packed(envelope),
        "reading": packed(passage.reading),
        "verdict": packed(verdict),
        "serial": passage.serial,
    }


def _insert(connection: Connection, passage: Passage, wait_limit: int) -> None:
    judged = _judged(passage)
    subject = passage.reading.subject
    connection.execute(
        insert(passages).values(
            id=passage.id,
            key=passage.key,
            received_at=judged["last_at"],
            mail_from=storable(passage.mail.envelope.mail_from),
            header_from=storable(_header_from(passage)),
            direction=passage.mail.envelope.direction,
            subject_raw=storable(subject.raw),
            subject_decoded=storable(subject.decoded),
            subject_normalised=storable(subject.normalised),
            sha256=passage.mail.content.sha256,
            size=passage.mail.content.size,
            retries=0,
            **judged,
        )
    )
    for row in _recipient_rows(passage, passage.id):
        connection.execute(insert(recipients).values(**row))
    _begin_waits(connection, passage, passage.id, wait_limit)
    audit.append(connection, _WHO, "recorded", passage.id, _summary(passage), passage.mail.envelope.queue_id)


def _begin_waits(connection: Connection, passage: Passage, record: str, limit: int) -> None:
    if passage.verdict.mode is Mode.ENFORCE:
        waits.begin(connection, record, passage.verdict.recipients, limit)


def _join(connection: Connection, known: Row[Any], passage: Passage, wait_limit: int) -> int:
    """Count a retry and take its verdict over; returns the number of retries."""
    values = {"retries": known.retries + 1, "last_at": datetime.now(UTC)}
    what = _PUT_OFF
    # An earlier try may have been answered: what it left here is not undone by an answer that the MTA will ask again.
    if _whole_state(passage) is not State.NOT_EFFECTIVE:
        values |= _overtake(connection, known, passage)
        _begin_waits(connection, passage, known.id, wait_limit)
        passed = [row["address"] for row in _recipient_rows(passage, known.id) if row["state"] is State.DELIVERED]
        waits.end(connection, known.id, passed, WaitState.DELIVERED)
        changed = known.action != passage.verdict.action or known.mode != passage.verdict.mode
        what = "retried-verdict-changed" if changed else "retried"
    connection.execute(update(passages).where(passages.c.id == known.id).values(**values))
    audit.append(connection, _WHO, what, known.id, _summary(passage), f"{passage.mail.envelope.queue_id} {passage.id}")
    return int(values["retries"])


def _overtake(connection: Connection, known: Row[Any], passage: Passage) -> dict[str, Any]:
    """Set the recipients as the new verdict says and return what it makes of the record."""
    values = _judged(passage)
    given = select(releases.c.address).where(releases.c.passage_id == known.id, releases.c.state.in_(_SURE))
    ours = set(connection.scalars(given))
    if ours or known.state == State.RELEASED:
        del values["state"]
    if passage.verdict.action not in UNRECORDED:
        values["body_gone_at"] = None
    for row in (row for row in _recipient_rows(passage, known.id) if row["address"] not in ours):
        this = (recipients.c.passage_id == known.id) & (recipients.c.address == row["address"])
        fresh = {name: row[name] for name in ("action", "policy", "state")}
        connection.execute(update(recipients).where(this, recipients.c.state != State.RELEASED).values(**fresh))
    return values


def _none_effective(connection: Connection, row: Row[Any]) -> bool:
    """Whether every try that this record joins was put off or not heard."""
    return audit.count(connection, row.id, (State.NOT_EFFECTIVE, _PUT_OFF)) > int(row.retries)


def _set_states(connection: Connection, row: Row[Any], state: State) -> None:
    if row.state != State.RELEASED:
        connection.execute(update(passages).where(passages.c.id == row.id).values(state=state))
    ours = recipients.c.passage_id == row.id
    fixed = (State.RELEASED,) if state is State.NOT_EFFECTIVE else (State.RELEASED, State.DELIVERED)
    connection.execute(update(recipients).where(ours, recipients.c.state.not_in(fixed)).values(state=state))


def _verdicts(passage: Passage) -> list[RecipientVerdict]:
    given = {verdict.recipient: verdict for verdict in passage.verdict.recipients}
    whole = passage.verdict.action
    addresses = dict.fromkeys(passage.mail.envelope.rcpt_to)
    return [given.get(address, RecipientVerdict(address, whole, "")) for address in addresses]


def _recipient_rows(passage: Passage, record: str) -> list[dict[str, Any]]:
    verdicts = _verdicts(passage)
    states = effective_states([verdict.at_mta for verdict in verdicts], passage.verdict.mode)
    return [
        {
            "passage_id": record,
            "position": position,
            "address": storable(verdict.recipient),
            "action": verdict.action,
            "policy": storable(verdict.policy),
            "state": state,
        }
        for position, (verdict, state) in enumerate(zip(verdicts, states, strict=True))
    ]


def _header_from(passage: Passage) -> str:
    found = (seen.value for seen in passage.reading.observables if seen.path == "email-message:from_ref.value")
    return ", ".join(dict.fromkeys(found))


def _summary(passage: Passage) -> str:
    verdict = passage.verdict
    causes = [match.rule for match in verdict.reasons] + [f"incomplete:{gap.reason}" for gap in verdict.incomplete]
    return f"{verdict.mode} {verdict.action}: {', '.join(dict.fromkeys(causes)) or 'no reason given'}"[:1000]
