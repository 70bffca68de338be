"""The release: gives kept mail back to its recipients, each exactly once, and notes who let it go and why.

Every recipient of a release is a row. A sender claims rows by a conditional update in a transaction of its own before
it says a word to the MTA, so of two releases that race one finds nothing left to claim. A row is given back only where
the mail was certainly not delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sekisho_core.database import reader
from sekisho_core.display import local_time
from sekisho_core.errors import StoreError
from sekisho_core.events import Events
from sekisho_core.ids import new_id
from sekisho_core.stamp import header_fields, stamped
from sekisho_core.vocabulary import Action, Mode, graver
from sqlalchemy import Connection, Engine, Row, insert, select, update

from sekisho_quarantine import audit, waits
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.hold import release_held
from sekisho_quarantine.records import load
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.smtp import Reply, deliver
from sekisho_quarantine.tables import ReleaseState, State, WaitState, passages, recipients, releases, storable

_RELEASABLE = (State.KEPT, State.HELD, State.REFUSED)
# Longer than any dialogue that still moves: a sender that has not settled its claim by then was killed.
_ABANDONED = timedelta(hours=1)


@dataclass(frozen=True)
class Order:
    """Who wants which mail released to whom (None: all that wait for it), and why.

    `again` also sends where an earlier delivery is uncertain, and sends the kept copy of a held mail that the MTA did
    not let go; the caller has looked that it did not arrive.
    """

    passage_id: str
    who: str
    why: str
    to: tuple[str, ...] | None = None
    again: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of the release to one recipient."""

    passage_id: str
    address: str
    state: ReleaseState
    reply: str


class Releaser:
    """Carries out releases, now or from those that wait. A person's order sends the original bytes; what is let go
    by itself bears our headers under `prefix`, and no forged ones, as if it had never been held."""

    def __init__(
        self, engine: Engine, bodies: Bodies, settings: QuarantineSettings, events: Events, prefix: str
    ) -> None:
        self._engine = engine
        self._bodies = bodies
        self._settings = settings
        self._events = events
        self._prefix = prefix

    def release(self, order: Order) -> list[Outcome]:
        """Note the order, send, and return the outcome for each recipient that was asked for.

        Raises StoreError when the order cannot be carried out at all (unknown or unreleasable recipient, released
        before, body gone) and SQLAlchemyError when the database fails.
        """
        self._give_up_abandoned()
        with self._engine.begin() as connection:
            chosen = _request(connection, order)
            taken = waits.end(connection, order.passage_id, chosen, WaitState.TAKEN_OVER)
        if taken:
            self._events.info("wait", passage=order.passage_id, outcome=WaitState.TAKEN_OVER, recipients=taken)
        self._attempt(order.passage_id)
        return self._outcomes(order.passage_id, chosen)

    def retry_pending(self, who: str | None = None) -> list[Outcome]:
        """Try every release that waits once more, or those that `who` ordered. Before, those whose sender was killed
        are marked uncertain."""
        self._give_up_abandoned()
        waiting = select(releases.c.passage_id, releases.c.address).where(releases.c.state == ReleaseState.PENDING)
        if who is not None:
            waiting = waiting.where(releases.c.who == who)
        with reader(self._engine).connect() as connection:
            rows = connection.execute(waiting.order_by(releases.c.requested_at)).all()
        outcomes = []
        for passage_id in dict.fromkeys(row.passage_id for row in rows):
            try:
                self._attempt(passage_id)
            except StoreError as error:
                # One body that is lost must not keep the others, nor retention, waiting.
                self._events.error("release-impossible", passage=passage_id, reason=str(error))
            outcomes += self._outcomes(passage_id, [row.address for row in rows if row.passage_id == passage_id])
        return outcomes

    def _attempt(self, passage_id: str) -> None:
        """Claim whatever of this mail waits, send it, settle the claim."""
        with reader(self._engine).connect() as connection:
            mail = connection.execute(select(passages).where(passages.c.id == passage_id)).one()
            held = {address for address, state in _states(connection, passage_id).items() if state is State.HELD}
            pending = _pending(connection, passage_id)
            let_go = [address for address, who in pending.items() if who == waits.WHO]
            fields = _our_fields(connection, passage_id, let_go) if let_go else {}
        sent_by_us = set(pending) - held
        content = self._bodies.read(mail.sha256) if sent_by_us else b""
        claim = new_id()
        with self._engine.begin() as connection:
            claimed = _claim(connection, passage_id, claim, held | sent_by_us)
        if claimed:
            here = [address for address in claimed if address not in held]
            replies = self._let_go(mail, [address for address in claimed if address in held])
            replies |= self._deliver(mail, [one for one in here if claimed[one] != waits.WHO], content)
            own = stamped(content, self._prefix, fields)
            replies |= self._deliver(mail, [one for one in here if claimed[one] == waits.WHO], own)
            with self._engine.begin() as connection:
                _settle(connection, passage_id, claim, replies, datetime.now(UTC))
            self._tell(mail, replies)

    def _let_go(self, mail: Row[Any], at_mta: list[str]) -> dict[str, Reply]:
        if not at_mta:
            return {}
        return dict.fromkeys(at_mta, release_held(mail.queue_id, self._settings.postfix_config))

    def _deliver(self, mail: Row[Any], to: list[str], content: bytes) -> dict[str, Reply]:
        if not to:
            return {}
        server = (self._settings.release_host, self._settings.release_port)
        return deliver(server, self._settings.release_timeout, mail.mail_from, to, content)

    def _tell(self, mail: Row[Any], replies: dict[str, Reply]) -> None:
        for address, reply in replies.items():
            emit = self._events.info if reply.state is ReleaseState.SENT else self._events.warning
            emit("release", passage=mail.id, queue=mail.queue_id, to=address, state=reply.state, reply=reply.text)

    def _outcomes(self, passage_id: str, addresses: Sequence[str]) -> list[Outcome]:
        query = select(releases).where(releases.c.passage_id == passage_id, releases.c.address.in_(addresses))
        with reader(self._engine).connect() as connection:
            rows = connection.execute(query).all()
        return [Outcome(passage_id, row.address, ReleaseState(row.state), row.reply) for row in rows]

    def _give_up_abandoned(self) -> None:
        stale = (releases.c.state == ReleaseState.SENDING) & (releases.c.at < datetime.now(UTC) - _ABANDONED)
        with reader(self._engine).connect() as connection:
            rows = connection.execute(select(releases).where(stale)).all()
        reply = Reply(ReleaseState.UNCERTAIN, "the sending process ended before it noted the MTA's answer")
        for row in rows:
            with self._engine.begin() as connection:
                _settle(connection, row.passage_id, row.claim, {row.address: reply}, row.at)
            self._events.warning("release", passage=row.passage_id, to=row.address, state=reply.state, reply=reply.text)


def _request(connection: Connection, order: Order) -> list[str]:
    """Make the rows of an order pending; returns the addresses asked for."""
    mail = connection.execute(select(passages).where(passages.c.id == order.passage_id).with_for_update()).first()
    if mail is None:
        raise StoreError(f"{order.passage_id}: no such record")
    states = _states(connection, mail.id)
    found = connection.execute(select(releases).where(releases.c.passage_id == mail.id)).all()
    earlier = {row.address: row for row in found}
    chosen = _chosen(order, states)
    for address in chosen:
        _refuse_unless_open(order, address, states[address], earlier.get(address))
    for address in chosen:
        if address in earlier and states[address] is State.HELD and order.again:
            # The MTA does not have it any more: what is kept here is sent instead.
            _set_state(connection, mail.id, address, State.KEPT)
        _make_pending(connection, order, address, address in earlier)
    audit.append(connection, order.who, "release-requested", mail.id, order.why, ", ".join(chosen))
    return chosen


def _make_pending(connection: Connection, order: Order, address: str, known: bool) -> None:
    now = datetime.now(UTC)
    values = {"state": ReleaseState.PENDING, "who": storable(order.who), "why": storable(order.why), "at": now}
    values |= {"requested_at": now, "claim": "", "reply": ""}
    if known:
        this = (releases.c.passage_id == order.passage_id) & (releases.c.address == address)
        connection.execute(update(releases).where(this).values(**values))
    else:
        row = {"passage_id": order.passage_id, "address": address, "attempts": 0}
        connection.execute(insert(releases).values(**row, **values))


def _chosen(order: Order, states: dict[str, State]) -> list[str]:
    open_for_all = [address for address, state in states.items() if state in _RELEASABLE]
    chosen = list(dict.fromkeys(order.to)) if order.to else open_for_all
    for address in chosen:
        if address not in states:
            raise StoreError(f"{order.passage_id}: {address} is no recipient of this mail")
    if not chosen:
        found = ", ".join(sorted(set(states.values()))) or "no recipients"
        raise StoreError(f"{order.passage_id}: nothing to release ({found})")
    held = {address for address, state in states.items() if state is State.HELD}
    if held & set(chosen) and not held <= set(chosen):
        raise StoreError(f"{order.passage_id}: held at the MTA, which can only let it go on to all of its recipients")
    return chosen


def _refuse_unless_open(order: Order, address: str, state: State, earlier: Row[Any] | None) -> None:
    where = f"{order.passage_id} to {address}"
    if earlier is not None and earlier.state == ReleaseState.SENT:
        raise StoreError(f"{where}: was released at {local_time(earlier.at)} by {earlier.who}")
    if earlier is not None and earlier.state == ReleaseState.SENDING:
        raise StoreError(
            f"{where}: is being sent since {local_time(earlier.at)}; "
            "look again later: if its sender was killed, it counts as uncertain an hour after that"
        )
    if earlier is not None and earlier.state == ReleaseState.UNCERTAIN and not order.again:
        raise StoreError(
            f"{where}: its release at {local_time(earlier.at)} ended without the MTA's answer "
            "and may have arrived; look for it in the MTA's log and the mailbox, and give --again only if it did not"
        )
    # A mail that the MTA did not let go may still be tried by its sender: only a named recipient gets a copy here.
    allowed = (*_RELEASABLE, State.NOT_EFFECTIVE) if order.to else _RELEASABLE
    if state not in allowed:
        raise StoreError(f"{where}: cannot be released, it is {state}")


def _claim(connection: Connection, passage_id: str, claim: str, addresses: set[str]) -> dict[str, str]:
    """Take the pending rows of a mail to these addresses; what another sender took is not among them. Returns who
    ordered each."""
    # Orders lock the mail's row too: none may make a row pending again that is being claimed.
    connection.execute(select(passages.c.id).where(passages.c.id == passage_id).with_for_update())
    pending = (releases.c.passage_id == passage_id) & (releases.c.state == ReleaseState.PENDING)
    values = {"state": ReleaseState.SENDING, "claim": claim, "attempts": releases.c.attempts + 1}
    wanted = pending & releases.c.address.in_(addresses)
    connection.execute(update(releases).where(wanted).values(**values, at=datetime.now(UTC)))
    ours = select(releases).where(releases.c.passage_id == passage_id, releases.c.claim == claim)
    rows = connection.execute(ours.order_by(releases.c.address)).all()
    if rows:
        audit.append(connection, rows[0].who, "release-begun", passage_id, rows[0].why, _addresses(rows))
    return {row.address: row.who for row in rows}


def _settle(connection: Connection, passage_id: str, claim: str, replies: dict[str, Reply], at: datetime) -> None:
    """Note the MTA's answers, which came `at` that time; only rows that this claim still has are touched."""
    ours = (releases.c.passage_id == passage_id) & (releases.c.claim == claim)
    rows = connection.execute(select(releases).where(ours, releases.c.state == ReleaseState.SENDING)).all()
    for row in (row for row in rows if row.address in replies):
        reply = replies[row.address]
        values = {"state": reply.state, "reply": storable(reply.text), "at": at}
        connection.execute(update(releases).where(ours, releases.c.address == row.address).values(**values))
        if reply.state is ReleaseState.SENT:
            _set_state(connection, passage_id, row.address, State.RELEASED)
    if State.RELEASED in (states := set(_states(connection, passage_id).values())) and not states & {*_RELEASABLE}:
        connection.execute(update(passages).where(passages.c.id == passage_id).values(state=State.RELEASED))
    for row in (row for row in rows if row.address in replies):
        reply = replies[row.address]
        audit.append(connection, row.who, f"release-{reply.state}", passage_id, row.why, f"{row.address}: {reply.text}")


def _set_state(connection: Connection, passage_id: str, address: str, state: State) -> None:
    this = (recipients.c.passage_id == passage_id) & (recipients.c.address == address)
    connection.execute(update(recipients).where(this).values(state=state))


def _states(connection: Connection, passage_id: str) -> dict[str, State]:
    rows = connection.execute(
        select(recipients).where(recipients.c.passage_id == passage_id).order_by(recipients.c.position)
    )
    return {row.address: State(row.state) for row in rows}


def _pending(connection: Connection, passage_id: str) -> dict[str, str]:
    """To whom this mail waits to be released, and who ordered it."""
    pending = (releases.c.passage_id == passage_id) & (releases.c.state == ReleaseState.PENDING)
    rows = connection.execute(select(releases.c.address, releases.c.who).where(pending))
    return {row.address: row.who for row in rows}


def _our_fields(connection: Connection, passage_id: str, to: Sequence[str]) -> dict[str, str]:
    """Our headers for what these recipients get, as they would be had the mail passed at once."""
    record = load(connection, passage_id)
    given = [Action(one.action) for one in record.recipients if one.address in to]
    action = Action.ACCEPT if record.verdict.mode is Mode.OBSERVE else graver(*given)
    return header_fields(passage_id, record.verdict, action)


def _addresses(rows: Sequence[Row[Any]]) -> str:
    return ", ".join(row.address for row in rows)
