"""The journal of recent mail: a bounded record of every inbound passage, accepted ones too, beside the quarantine.

What is accepted leaves no other trace, and only by it can an indicator be tried on the mail of the last weeks, or a
rule be seen to stop too much. It holds what indicators ask for and no text of a mail. A filter process appends to a
file of its own without database or fsync: after a crash the last records may be missing, and nothing depends on them.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
from sekisho_core.events import Events
from sekisho_core.files import adopt
from sekisho_core.vocabulary import Action, Direction, Mode, Passage
from sekisho_rules.evaluate import Fact
from sekisho_rules.match import mail_facts

from sekisho_quarantine.journal_files import MOST_RECORD, Damage, contents, day_of, file_name, frame, listed, trim
from sekisho_quarantine.packing import packed
from sekisho_quarantine.settings import QuarantineSettings

# Bytes of one value and of all values of a mail; recipients and rules that are named. What is beyond is counted.
MOST_VALUE, MOST_VALUES, MOST_NAMED = 4096, 65_536, 100
# A file gives way to the next at this size, so that the oldest can go while the newest grow.
_MOST_FILE = 1 << 26
# Keys that a reader remembers, to tell a retry: an MTA comes again within hours, mostly.
_MOST_KEYS = 200_000
BODY = "email-message:body"


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """A reason of the verdict: its kind, the rule and its source, and whether it had effect."""

    kind: str
    rule: str
    source: str
    state: str


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One inbound passage. `received` is in seconds since 1970; of `recipients` at most MOST_NAMED stand in `rcpt_to`.

    `facts` are what indicators ask for, without texts; `cut` counts those that were left out for their length.
    """

    id: str
    key: str
    received: float
    client_ip: str
    client_name: str
    helo: str
    mail_from: str
    rcpt_to: tuple[str, ...]
    recipients: int
    header_from: str
    subject: str
    facts: tuple[Fact, ...]
    cut: int
    action: Action
    mode: Mode
    serial: int
    rules: tuple[Rule, ...]

    @property
    def sender_domain(self) -> str:
        """The domain of the envelope's sender, in small letters; "" for the null sender."""
        return domain_of(self.mail_from)

    @property
    def put_off(self) -> bool:
        """Whether the MTA was told to try again: the mail comes once more, or was none."""
        return self.action is Action.TEMPFAIL and self.mode is Mode.ENFORCE


@dataclass(frozen=True)
class JournalBounds:
    """Where the journal is (None: none is kept), and how many days and bytes of it are kept (0 bytes: no limit)."""

    directory: Path | None
    days: int
    most_bytes: int

    @classmethod
    def of(cls, settings: QuarantineSettings) -> JournalBounds:
        """What the settings say."""
        directory = Path(settings.journal) if settings.journal else None
        return cls(directory, settings.journal_days, settings.journal_bytes)


def domain_of(address: str) -> str:
    """The domain of an address in small letters, "" where it has none."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


def entry_of(passage: Passage, received: float) -> Entry:
    """What the journal keeps of a passage."""
    envelope, verdict = passage.mail.envelope, passage.verdict
    facts, cut = _bounded(mail_facts(envelope, passage.reading))
    senders = (fact.value for fact in facts if fact.path == "email-message:from_ref.value")
    rules = dict.fromkeys(Rule(one.kind, one.rule, one.source, one.state) for one in verdict.reasons)
    return Entry(
        id=passage.id,
        key=passage.key,
        received=received,
        client_ip=envelope.client_ip,
        client_name=envelope.client_name[:MOST_VALUE],
        helo=envelope.helo[:MOST_VALUE],
        mail_from=envelope.mail_from[:MOST_VALUE],
        rcpt_to=tuple(address[:MOST_VALUE] for address in envelope.rcpt_to[:MOST_NAMED]),
        recipients=len(envelope.rcpt_to),
        header_from=", ".join(dict.fromkeys(senders))[:MOST_VALUE],
        subject=passage.reading.subject.decoded[:MOST_VALUE],
        facts=facts,
        cut=cut,
        action=verdict.action,
        mode=verdict.mode,
        serial=passage.serial,
        rules=tuple(rules)[:MOST_NAMED],
    )


class Journal:
    """Appends passages to this process's file. Safe to share between threads; make it after a fork."""

    def __init__(self, bounds: JournalBounds, events: Events) -> None:
        self._bounds = bounds
        self._events = events
        self._lock = threading.Lock()
        self._descriptor = -1
        self._path = Path()
        self._day = date.min
        self._room = 0
        self._failing = False

    def append(self, passage: Passage) -> bool:
        """Note a passage; outbound mail is not noted. Returns False when it could not be: mail goes before its
        journal, so nothing is raised, and the first failure of a row is told."""
        if self._bounds.directory is None or passage.mail.envelope.direction is not Direction.INBOUND:
            return True
        try:
            now = time.time()
            content = packed(entry_of(passage, now))
            if len(content) > MOST_RECORD:
                raise ValueError(f"a record of {len(content)} bytes")
            self._write(self._bounds.directory, content, datetime.fromtimestamp(now, UTC).date())
        # Whatever it was: the mail was judged, and that stands.
        except Exception as error:
            if not self._failing:
                self._events.error("journal-failed", passage=passage.id, reason=f"{type(error).__name__}: {error}")
            self._failing = True
            return False
        self._failing = False
        return True

    def close(self) -> None:
        """Give the file up. May be called twice."""
        with self._lock:
            self._close()

    def _write(self, directory: Path, content: bytes, day: date) -> None:
        with self._lock:
            if self._day != day or self._room <= 0 or os.fstat(self._descriptor).st_nlink == 0:
                self._begin(directory, day)
            record = frame(self._path, content)
            self._room -= len(record)
            if os.write(self._descriptor, record) < len(record):
                # What follows begins a file of its own: a full disk tears no more than one record.
                self._room = 0
                raise OSError(28, "No space left on device", str(self._path))

    def _begin(self, directory: Path, day: date) -> None:
        self._close()
        if not directory.is_dir():
            directory.mkdir(mode=0o750, exist_ok=True)
            adopt(directory)
        # The retention runs once a day; a flood of mail must not fill the disk until then.
        trim(directory, self._bounds.days, self._bounds.most_bytes, day)
        self._path = directory / file_name(day, os.getpid())
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o640)
        os.fchmod(self._descriptor, 0o640)
        adopt(self._path)
        self._day, self._room = day, min(_MOST_FILE, self._bounds.most_bytes // 8 or _MOST_FILE)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._day = -1, date.min


def entries(
    directory: Path, since: datetime | None = None, until: datetime | None = None, damage: Damage | None = None
) -> Iterator[Entry]:
    """The mails received at or after `since` and before `until` (aware times), file after file, the newest last.

    A delivery that was tried several times is one entry, its first that was not put off. What is damaged is passed over
    and counted in `damage`. Memory does not grow with the journal. Raises OSError where the directory cannot be listed.
    """
    found, seen = damage or Damage(), _Keys()
    first, last = _seconds(since, 0.0), _seconds(until, float("inf"))
    for path in _files(directory, since, until):
        for entry, _ in _entries_of(path, 0, found, damage_ends=False):
            if first <= entry.received < last and not entry.put_off and seen.is_new(entry.key):
                yield entry


class Tail:
    """Follows a journal that is being written, from `since` (aware) on."""

    def __init__(self, directory: Path, since: datetime) -> None:
        self._directory = directory
        self._since = since
        self._offsets: dict[str, int] = {}
        self._seen = _Keys()

    def fresh(self) -> Iterator[Entry]:
        """The mails that came since the last call. Raises OSError where the directory cannot be listed."""
        files = _files(self._directory, max(self._since, datetime.now(UTC) - timedelta(days=2)), None)
        names = {path.name for path in files}
        self._offsets = {name: offset for name, offset in self._offsets.items() if name in names}
        for path in files:
            start = self._offsets.get(path.name, 0)
            for entry, offset in _entries_of(path, start, Damage(), damage_ends=True):
                self._offsets[path.name] = offset
                if entry.received >= self._since.timestamp() and not entry.put_off and self._seen.is_new(entry.key):
                    yield entry


class _Keys:
    """The newest keys, each as its hash."""

    def __init__(self) -> None:
        self._known: dict[int, None] = {}

    def is_new(self, key: str) -> bool:
        """Note a key; whether it was not there."""
        number = hash(key)
        if number in self._known:
            return False
        self._known[number] = None
        if len(self._known) > _MOST_KEYS:
            del self._known[next(iter(self._known))]
        return True


_DECODER = msgspec.msgpack.Decoder(Entry)


def _entries_of(path: Path, start: int, damage: Damage, damage_ends: bool) -> Iterator[tuple[Entry, int]]:
    """The entries of one file from an offset on, each with the offset behind it."""
    try:
        with path.open("rb") as file:
            for content, offset in contents(path, file, start, None if damage_ends else damage):
                try:
                    yield _DECODER.decode(content), offset
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    damage.places += 1
    except FileNotFoundError:
        # The retention was faster.
        return
    except OSError:
        damage.files += 1


def _files(directory: Path, since: datetime | None, until: datetime | None) -> list[Path]:
    first = since.astimezone(UTC).date() if since else date.min
    last = until.astimezone(UTC).date() if until else date.max
    return [path for path in listed(directory) if first <= day_of(path) <= last]


def _seconds(moment: datetime | None, otherwise: float) -> float:
    return otherwise if moment is None else moment.timestamp()


def _bounded(facts: Iterable[Fact]) -> tuple[tuple[Fact, ...], int]:
    """The facts that are kept, and how many were too long. The envelope comes first and recipients last: what a
    sender fills the room with must not push out who it was."""
    kept, cut, room = [], 0, MOST_VALUES
    for fact in sorted((fact for fact in facts if fact.path != BODY), key=_rank):
        size = len(fact.value) + len(fact.where) + len(fact.path)
        if size > min(room, MOST_VALUE):
            cut += 1
            continue
        room -= size
        kept.append(fact)
    return tuple(kept), cut


def _rank(fact: Fact) -> int:
    if fact.where.startswith("envelope:"):
        return 2 if fact.where == "envelope:rcpt_to" else 0
    return 1
