"""The waits: locked mails that are held until their password comes or their time is over, and how they end.

A wait begins in the transaction that records its mail and ends in one with all that follows from it: the new verdict
and the order to release. Whoever ends it first has ended it; a process that dies in between has changed nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sekisho_core.vocabulary import Action, Mode, Passage, RecipientVerdict, Verdict, Wait, graver
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, insert, select, update

from sekisho_quarantine import audit
from sekisho_quarantine.packing import packed
from sekisho_quarantine.tables import ReleaseState, State, WaitState, passages, recipients, releases, storable, waits

WHO = "keeper"
RELEASING = (WaitState.RELEASED, WaitState.RELEASED_LOCKED)
_PASSING = (Action.ACCEPT, Action.TAG)
_WHY = {
    WaitState.RELEASED: "opened with a password that came separately, nothing against it",
    WaitState.RELEASED_LOCKED: "still locked, and policy lets it go",
    WaitState.QUARANTINED: "opened or judged anew, and not to be delivered",
    WaitState.EXPIRED: "no password came in time",
}


@dataclass(frozen=True)
class Waiting:
    """A mail of which copies wait, and until when the first of them does."""

    passage_id: str
    until: datetime


def begin(connection: Connection, record: str, verdicts: Sequence[RecipientVerdict], limit: int) -> None:
    """Let those copies wait whose verdict says so and which did not before: a retry changes nothing. Where `limit`
    copies wait already, the time of these is over now."""
    known = set(connection.scalars(select(waits.c.address).where(waits.c.passage_id == record)))
    due = [(storable(one.recipient), one.wait) for one in verdicts if one.wait]
    new = [(address, wait) for address, wait in dict(due).items() if wait and address not in known]
    if not new:
        return
    crowd = select(func.count()).select_from(waits.join(recipients, _of_same_copy())).where(_live())
    waiting = connection.scalar(crowd) or 0
    connection.execute(insert(waits), [_row(record, address, wait, waiting < limit) for address, wait in new])


def _row(record: str, address: str, wait: Wait, room: bool) -> dict[str, Any]:
    until = datetime.now(UTC) + timedelta(seconds=wait.seconds if room else 0)
    values = {"state": WaitState.WAITING, "until": until, "otherwise": wait.otherwise}
    return {"passage_id": record, "address": address, **values}


def end(connection: Connection, record: str, addresses: Sequence[str], state: WaitState) -> int:
    """End what still waits of these copies; returns how many that were."""
    these = (waits.c.passage_id == record) & waits.c.address.in_(addresses)
    values = {"state": state, "ended_at": datetime.now(UTC)}
    return connection.execute(update(waits).where(these, waits.c.state == WaitState.WAITING).values(**values)).rowcount


def waiting(connection: Connection) -> list[Waiting]:
    """The mails that wait with us, those whose time ends first in front. A copy that a person released or deleted, or
    that the MTA still has, waits no more."""
    query = select(waits.c.passage_id, func.min(waits.c.until, type_=waits.c.until.type).label("until"))
    query = query.join(recipients, _of_same_copy()).where(_live()).group_by(waits.c.passage_id)
    return [Waiting(row.passage_id, row.until) for row in connection.execute(query.order_by("until"))]


def settle(engine: Engine, passage: Passage, now: datetime) -> dict[str, WaitState]:
    """Take over what a mail that waits was judged anew; copies over their time get what their verdict says for then.

    Returns how the wait ended for each recipient for whom it did. What is released is pending when this returns.
    """
    with engine.begin() as connection:
        connection.execute(select(passages.c.id).where(passages.c.id == passage.id).with_for_update())
        rows = _waiting_rows(connection, passage.id)
        verdict = _at(passage.verdict, {row.address for row in rows if row.until <= now})
        ends = {row.address: _end_of(row, verdict, now) for row in rows}
        ended = {address: state for address, state in ends.items() if state is not None}
        if ended:
            take_over(connection, passage, verdict, list(ended))
        for state in sorted(set(ended.values())):
            _conclude(connection, passage, state, [address for address, one in ended.items() if one is state])
    return ended


def take_over(connection: Connection, passage: Passage, verdict: Verdict, addresses: Sequence[str]) -> None:
    """Let the record say what was read and judged anew, for these copies."""
    values = {
        "action": verdict.action, "reading": packed(passage.reading), "verdict": packed(verdict),
        "serial": passage.serial,
    }  # fmt: skip
    connection.execute(update(passages).where(passages.c.id == passage.id).values(**values))
    for one in (one for one in verdict.recipients if storable(one.recipient) in addresses):
        this = (recipients.c.passage_id == passage.id) & (recipients.c.address == storable(one.recipient))
        fresh = {"action": one.action, "policy": storable(one.policy)}
        connection.execute(update(recipients).where(this).values(**fresh))


def kept(connection: Connection, passage_id: str) -> list[str]:
    """The recipients whose copies are with us and nowhere else."""
    ours = (recipients.c.passage_id == passage_id) & (recipients.c.state == State.KEPT)
    return list(connection.scalars(select(recipients.c.address).where(ours)))


def _conclude(connection: Connection, passage: Passage, state: WaitState, addresses: list[str]) -> None:
    end(connection, passage.id, addresses, state)
    if state in RELEASING:
        _order_release(connection, passage.id, addresses, _WHY[state])
    audit.append(connection, WHO, f"wait-{state}", passage.id, _WHY[state], ", ".join(addresses))


def _order_release(connection: Connection, passage_id: str, addresses: Sequence[str], why: str) -> None:
    """Make the release pending, but where a person has ordered one."""
    known = set(connection.scalars(select(releases.c.address).where(releases.c.passage_id == passage_id)))
    now = datetime.now(UTC)
    values = {"state": ReleaseState.PENDING, "claim": "", "attempts": 0, "who": WHO, "why": why, "reply": ""}
    for address in (address for address in addresses if address not in known):
        row = {"passage_id": passage_id, "address": address, "requested_at": now, "at": now}
        connection.execute(insert(releases).values(**row, **values))


def _at(verdict: Verdict, expired: set[str]) -> Verdict:
    """The verdict as it is once the time of these recipients is over."""
    if not expired:
        return verdict
    fresh = tuple(
        msgspec.structs.replace(one, action=one.wait.otherwise, wait=None)
        if one.wait and storable(one.recipient) in expired
        else one
        for one in verdict.recipients
    )
    return msgspec.structs.replace(verdict, action=graver(*(one.action for one in fresh)), recipients=fresh)


def _end_of(row: Row[Any], verdict: Verdict, now: datetime) -> WaitState | None:
    """How the wait of one copy ends under a new verdict; None where it goes on."""
    locked = any(gap.reason == "locked" for gap in verdict.incomplete)
    released = WaitState.RELEASED_LOCKED if locked else WaitState.RELEASED
    if verdict.mode is Mode.OBSERVE:
        return released
    given = {storable(one.recipient): one for one in verdict.recipients}
    found = given.get(row.address)
    action = found.action if found else verdict.action
    # Put off by what will pass, such as an inspection that is not there.
    if action is Action.TEMPFAIL or (found and found.wait):
        return None
    if action in _PASSING:
        return released
    return WaitState.EXPIRED if locked and row.until <= now else WaitState.QUARANTINED


def _waiting_rows(connection: Connection, passage_id: str) -> list[Row[Any]]:
    query = select(waits).join(recipients, _of_same_copy()).where(_live(), waits.c.passage_id == passage_id)
    return list(connection.execute(query))


def live_ids() -> Select[tuple[str]]:
    """A query for the ids of the mails that wait."""
    return select(waits.c.passage_id).join(recipients, _of_same_copy()).where(_live())


def _of_same_copy() -> ColumnElement[bool]:
    return (recipients.c.passage_id == waits.c.passage_id) & (recipients.c.address == waits.c.address)


def _live() -> ColumnElement[bool]:
    return (waits.c.state == WaitState.WAITING) & (recipients.c.state == State.KEPT)
