"""The memory of passwords that mails state: sealed, bounded, and gone when their time is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sekisho_core.database import error_line, reader
from sekisho_core.errors import StoreError
from sekisho_core.passwords import Passwords
from sekisho_core.scan import passage_key
from sekisho_core.vocabulary import Envelope, Mail, Reading
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from sekisho_quarantine.kinship import Tie, kinship, ties
from sekisho_quarantine.seal import Seal
from sekisho_quarantine.settings import QuarantineSettings
from sekisho_quarantine.tables import password_links, passwords

# Of one sender's client so many mails are remembered, and so many words of theirs tried on one locked mail: who sends
# more pushes out only their own.
_MOST_OF_ORIGIN, _MOST_TRIED_OF_ORIGIN = 20, 12
_MOST_TRIED = 32
_MOST_LOOKED_AT = 200
# Whatever is akin shares one of these.
_SEARCHED = (Tie.SENDER, Tie.RECIPIENT)

Marks = Mapping[str, Tie]
"""The marks of a mail's ties, each with its kind."""


class PasswordMemory:
    """Remembers what mails state and finds what may open another. Safe to share between threads and processes."""

    def __init__(
        self,
        engine: Engine,
        seal: Seal,
        settings: QuarantineSettings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._seal = seal
        self._settings = settings
        self._now = now

    @property
    def remembers(self) -> bool:
        """Whether anything is remembered at all."""
        return self._settings.password_minutes > 0 and self._settings.password_mails > 0

    def remember(self, mail: Mail, reading: Reading, stated: Passwords) -> None:
        """Keep what a mail states, once however often the MTA brings it. Raises StoreError."""
        if not self.remembers:
            return
        row = self._row(mail, stated)
        marks = self.marks(mail.envelope, reading)
        try:
            with self._engine.begin() as connection:
                _replace(connection, row, marks)
                self._forget(connection, row["origin"])
        except SQLAlchemyError as error:
            raise StoreError(f"passwords cannot be remembered: {error_line(error)}") from error

    def akin(self, mail: Mail, reading: Reading) -> list[str]:
        """What other mails state that may open this one, of the nearest first. Raises StoreError."""
        marks = self.marks(mail.envelope, reading)
        own = self._id(mail)
        try:
            with reader(self._engine).connect() as connection:
                shared = _shared(connection, marks, self._now())
                rows = [row for row in _rows(connection, list(shared)) if row.id != own]
        except SQLAlchemyError as error:
            raise StoreError(f"passwords cannot be looked up: {error_line(error)}") from error
        nearest = sorted(rows, key=lambda row: (kinship(shared[row.id]), row.at), reverse=True)
        return self._words(row for row in nearest if kinship(shared[row.id]))

    def marks(self, envelope: Envelope, reading: Reading) -> dict[str, Tie]:
        """The marks by which a mail is found akin to what is remembered. Raises StoreError."""
        return {self._seal.mark(f"{tie}:{value}"): tie for tie, value in ties(envelope, reading)}

    def ids(self) -> set[str]:
        """The names of all that is remembered."""
        with reader(self._engine).connect() as connection:
            return set(connection.scalars(select(passwords.c.id).where(passwords.c.expires_at > self._now())))

    def marks_of(self, ids: Set[str]) -> list[set[str]]:
        """The marks of each of these mails."""
        found: dict[str, set[str]] = {}
        with reader(self._engine).connect() as connection:
            for some in _slices(list(ids)):
                wanted = select(password_links).where(password_links.c.password_id.in_(some))
                for row in connection.execute(wanted):
                    found.setdefault(row.password_id, set()).add(row.mark)
        return list(found.values())

    def forget_old(self) -> int:
        """Delete what is over its time; returns of how many mails."""
        with self._engine.begin() as connection:
            return connection.execute(delete(passwords).where(passwords.c.expires_at <= self._now())).rowcount

    def _row(self, mail: Mail, stated: Passwords) -> dict[str, Any]:
        now, one = self._now(), self._id(mail)
        envelope = mail.envelope
        return {
            "id": one,
            "origin": self._seal.mark(f"origin:{envelope.client_ip} {envelope.mail_from.casefold()}"),
            "at": now,
            "expires_at": now + timedelta(minutes=self._settings.password_minutes),
            "sealed": self._seal.close(msgspec.msgpack.encode(stated), one),
        }

    def _id(self, mail: Mail) -> str:
        return self._seal.mark(f"mail:{passage_key(mail)}")

    def _forget(self, connection: Connection, origin: str) -> None:
        connection.execute(delete(passwords).where(passwords.c.expires_at <= self._now()))
        newest = select(passwords.c.id).order_by(passwords.c.at.desc(), passwords.c.id)
        surplus = list(connection.scalars(newest.where(passwords.c.origin == origin).offset(_MOST_OF_ORIGIN)))
        count = connection.scalar(select(func.count()).select_from(passwords)) or 0
        if count > self._settings.password_mails:
            surplus += connection.scalars(newest.offset(self._settings.password_mails))
        for some in _slices(surplus):
            connection.execute(delete(passwords).where(passwords.c.id.in_(some)))

    def _words(self, rows: Iterator[Row[Any]]) -> list[str]:
        found: dict[str, None] = {}
        tried: Counter[str] = Counter()
        for row in rows:
            for word in self._opened(row):
                if word not in found and tried[row.origin] < _MOST_TRIED_OF_ORIGIN:
                    tried[row.origin] += 1
                    found[word] = None
            if len(found) >= _MOST_TRIED:
                break
        return list(found)[:_MOST_TRIED]

    def _opened(self, row: Row[Any]) -> tuple[str, ...]:
        data = self._seal.open(row.sealed, row.id)
        # Under a key that is gone: it will be forgotten like any other.
        return () if data is None else msgspec.msgpack.decode(data, type=Passwords).words


def _replace(connection: Connection, row: dict[str, Any], marks: Marks) -> None:
    known = connection.execute(update(passwords).where(passwords.c.id == row["id"]).values(**row)).rowcount
    if not known:
        connection.execute(insert(passwords).values(**row))
        connection.execute(insert(password_links), [{"password_id": row["id"], "mark": mark} for mark in marks])


def _shared(connection: Connection, marks: Marks, now: datetime) -> dict[str, set[Tie]]:
    """What the mail shares with each that is remembered and akin to it."""
    ids: dict[str, None] = {}
    # Each tie has room of its own: many mails to a recipient do not hide the one of the sender.
    for tie in _SEARCHED:
        wanted = [mark for mark, kind in marks.items() if kind is tie]
        query = select(passwords.c.id).join(password_links).where(passwords.c.expires_at > now)
        query = query.where(password_links.c.mark.in_(wanted)).order_by(passwords.c.at.desc())
        ids |= dict.fromkeys(connection.scalars(query.limit(_MOST_LOOKED_AT)))
    shared: dict[str, set[Tie]] = {one: set() for one in ids}
    for some in _slices(list(ids)):
        links = select(password_links).where(password_links.c.password_id.in_(some))
        for row in connection.execute(links.where(password_links.c.mark.in_(list(marks)))):
            shared[row.password_id].add(marks[row.mark])
    return shared


def _rows(connection: Connection, ids: Sequence[str]) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    for some in _slices(ids):
        found += connection.execute(select(passwords).where(passwords.c.id.in_(some)))
    return found


def _slices(items: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """Pieces that a statement has room for."""
    return (items[start : start + size] for start in range(0, len(items), size))
