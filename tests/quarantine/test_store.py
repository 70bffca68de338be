from __future__ import annotations

import os
import resource
import signal
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sekisho_core.database import METADATA, connect, open_database, reader
from sekisho_core.errors import DatabaseError, StoreError
from sekisho_core.settings import Database
from sekisho_core.vocabulary import Action, Mode, Passage, Reading, Subject
from sekisho_quarantine import audit
from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.packing import packed
from sekisho_quarantine.records import load
from sekisho_quarantine.store import Store
from sekisho_quarantine.tables import State, passages, recipients
from sqlalchemy import Engine, event, func, select

Make = Callable[..., Passage]
InChild = Callable[[Callable[[], object]], int]


def _rows(engine: Engine) -> list[Any]:
    with reader(engine).connect() as connection:
        return list(connection.execute(select(passages).order_by(passages.c.received_at)))


def _states(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(recipients.c.state).order_by(recipients.c.position)))


def test_migration_makes_the_tables_that_are_used(engine: Engine) -> None:
    """The migrated schema has no difference from the tables of this room."""
    ours = {"passages", "recipients", "releases", "audit"}
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": lambda o, name, kind, *_: kind != "table" or name in ours}
        )
        assert compare_metadata(context, METADATA) == []


def test_everything_about_a_mail_is_read_back(engine: Engine, store: Store, bodies: Bodies, make_passage: Make) -> None:
    """Envelope, reading, verdict and bytes come back as they were recorded."""
    passage = make_passage()
    store.record(passage)
    with engine.connect() as connection:
        record = load(connection, passage.id)
    assert (record.envelope, record.reading, record.verdict) == (
        passage.mail.envelope,
        passage.reading,
        passage.verdict,
    )
    assert bodies.read(record.row.sha256) == passage.mail.content.read()
    assert record.row.received_at.tzinfo is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(st.binary(max_size=200), st.text(st.characters(exclude_categories=()), max_size=20))
def test_no_text_or_content_keeps_a_mail_from_the_store(
    engine: Engine, store: Store, bodies: Bodies, make_passage: Make, content: bytes, text: str
) -> None:
    """A31, A35: NUL, lone surrogates and any bytes are recorded; neither database refuses a mail for them."""
    passage = make_passage(content + os.urandom(8), reading=Reading(subject=Subject(text, text, text)))
    store.record(passage)
    assert bodies.read(passage.mail.content.sha256) == passage.mail.content.read()


@pytest.mark.parametrize(
    ("action", "mode", "state"),
    [
        (Action.QUARANTINE, Mode.ENFORCE, State.KEPT),
        (Action.HOLD, Mode.ENFORCE, State.HELD),
        (Action.REJECT, Mode.ENFORCE, State.REFUSED),
        (Action.TAG, Mode.ENFORCE, State.DELIVERED),
        (Action.QUARANTINE, Mode.OBSERVE, State.DELIVERED),
    ],
)
def test_state_says_what_really_became_of_the_mail(
    engine: Engine, store: Store, make_passage: Make, action: Action, mode: Mode, state: State
) -> None:
    """Observed mail is recorded with its body as delivered, whatever would have been done."""
    store.record(make_passage(action=action, mode=mode))
    assert (_rows(engine)[0].state, _states(engine)) == (state, [state, state])


def test_recipients_have_their_own_states(engine: Engine, store: Store, make_passage: Make) -> None:
    """A30: two recipients with different policies are recorded each by its own."""
    store.record(make_passage(actions={"b@example.jp": Action.ACCEPT}))
    assert _states(engine) == ["delivered", "kept"]


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.TEMPFAIL])
def test_passing_mail_leaves_nothing(
    engine: Engine, store: Store, bodies: Bodies, make_passage: Make, action: Action
) -> None:
    """Accepted mail and mail that was put off has neither row nor body."""
    passage = make_passage(action=action)
    store.record(passage)
    assert _rows(engine) == []
    assert not bodies.path(passage.mail.content.sha256).exists()


def test_a_retry_joins_its_record(engine: Engine, store: Store, make_passage: Make) -> None:
    """The same delivery again, recipients in another order: one record, a retry counted, the changed verdict noted."""
    store.record(make_passage())
    store.record(make_passage(action=Action.REJECT, to=("c@example.jp", "b@example.jp")))
    (row,) = _rows(engine)
    assert (row.retries, row.action, row.state, _states(engine)) == (1, "reject", "refused", ["refused", "refused"])
    with engine.connect() as connection:
        assert [entry.what for entry in audit.entries(connection)] == ["recorded", "retried-verdict-changed"]


def test_a_retry_that_passes_is_known_to_be_delivered(engine: Engine, store: Store, make_passage: Make) -> None:
    """When the rule is gone by the time the MTA tries again, the record says that the mail went on."""
    store.record(make_passage())
    store.record(make_passage(action=Action.ACCEPT))
    (row,) = _rows(engine)
    assert (row.retries, row.state) == (1, State.DELIVERED)


def test_killed_between_commit_and_reply(
    sqlite_url: str, tmp_path: Path, make_passage: Make, in_child: InChild
) -> None:
    """A3: killed after the commit, before the reply; the client's retry finds one record with its counter at 1."""

    def record_and_die() -> None:
        Store(open_database(Database(sqlite_url, 5.0)), tmp_path / "bodies").record(make_passage())
        os.kill(os.getpid(), signal.SIGKILL)

    (tmp_path / "bodies").mkdir()
    assert in_child(record_and_die) == -signal.SIGKILL
    engine = open_database(Database(sqlite_url, 5.0))
    Store(engine, tmp_path / "bodies").record(make_passage())
    assert [row.retries for row in _rows(engine)] == [1]


def test_killed_before_the_commit_leaves_no_record(
    sqlite_url: str, tmp_path: Path, make_passage: Make, in_child: InChild
) -> None:
    """Killed with the body written but nothing committed: no record, and the retry makes a whole one."""

    def die_at_commit() -> None:
        engine = open_database(Database(sqlite_url, 5.0))
        event.listen(engine, "commit", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        Store(engine, tmp_path / "bodies").record(make_passage())

    (tmp_path / "bodies").mkdir()
    engine = open_database(Database(sqlite_url, 5.0))
    assert in_child(die_at_commit) == -signal.SIGKILL
    assert _rows(engine) == []
    Store(engine, tmp_path / "bodies").record(make_passage())
    assert [row.retries for row in _rows(engine)] == [0]


def test_threads_recording_one_key_make_one_record(engine: Engine, store: Store, make_passage: Make) -> None:
    """Eight threads with the same delivery: one record, seven retries, an audit chain that holds."""
    made = [make_passage() for _ in range(8)]
    threads = [threading.Thread(target=store.record, args=(passage,)) for passage in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.retries for row in _rows(engine)] == [7]
    with engine.connect() as connection:
        assert list(audit.faults(connection)) == []


def test_processes_recording_one_key_make_one_record(
    engine: Engine, make_passage: Make, bodies: Bodies, record_in_children: Callable[..., list[int]]
) -> None:
    """Four processes with the same delivery and one other each: five records, three retries of the shared one."""
    lists = [[make_passage(), make_passage(b"other %d\r\n" % number)] for number in range(4)]
    assert record_in_children(lists) == [0, 0, 0, 0]
    assert sorted(row.retries for row in _rows(engine)) == [0, 0, 0, 0, 3]


def test_marks_what_the_filter_learns_later(engine: Engine, store: Store, make_passage: Make) -> None:
    """A11: an answer that came too late is marked "not effective"; the retry merges and is effective again."""
    passage = make_passage()
    store.record(passage)
    store.mark_not_effective(passage.key)
    assert (_rows(engine)[0].state, _states(engine)) == ("not-effective", ["not-effective"] * 2)
    store.record(make_passage())
    assert (_rows(engine)[0].state, _rows(engine)[0].retries) == ("kept", 1)
    store.mark(passage.id, State.HELD, "put into the hold queue")
    assert _states(engine) == ["held", "held"]


def test_unknown_marks_and_releases(store: Store) -> None:
    """Marking what was never recorded is an error; it is not released either."""
    with pytest.raises(StoreError, match="no such record"):
        store.mark_not_effective("0" * 64)
    assert store.is_released("0" * 64) is False


def test_locked_database(sqlite_url: str, tmp_path: Path, make_passage: Make) -> None:
    """A13: a database that another holds for longer than the timeout refuses; afterwards nothing is doubled."""
    (tmp_path / "bodies").mkdir()
    engine = open_database(Database(sqlite_url, 0.1))
    holder = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        Store(engine, tmp_path / "bodies").record(make_passage())
    holder.execute("ROLLBACK")
    holder.close()
    Store(engine, tmp_path / "bodies").record(make_passage())
    assert [row.retries for row in _rows(engine)] == [0]


def test_read_only_database(sqlite_url: str, tmp_path: Path, make_passage: Make) -> None:
    """A13: a database that takes no writes refuses the mail."""
    (tmp_path / "bodies").mkdir()
    engine = open_database(Database(sqlite_url, 0.1))
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    with pytest.raises(StoreError, match="readonly"):
        Store(engine, tmp_path / "bodies").record(make_passage())
    assert _rows(engine) == []


def test_corrupt_database(sqlite_url: str, tmp_path: Path, make_passage: Make) -> None:
    """A15: a file that is no database is one clear error at the start, and a refusal while running."""
    (tmp_path / "bodies").mkdir()
    (tmp_path / "store.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        open_database(Database(sqlite_url, 0.1))
    with pytest.raises(StoreError, match="not a database"):
        Store(connect(Database(sqlite_url, 0.1)), tmp_path / "bodies").record(make_passage())


def test_database_that_is_gone(tmp_path: Path, make_passage: Make) -> None:
    """A13: a PostgreSQL that does not answer, and a SQLite whose directory is gone, refuse the mail."""
    (tmp_path / "bodies").mkdir()
    for url in (f"postgresql+psycopg://x@/x?host={tmp_path}", f"sqlite:///{tmp_path}/none/store.sqlite"):
        with pytest.raises(StoreError, match="cannot be recorded"):
            Store(connect(Database(url, 0.1)), tmp_path / "bodies").record(make_passage())


@pytest.mark.postgresql
def test_postgresql_that_drops_its_connections(postgresql_url: str, tmp_path: Path, make_passage: Make) -> None:
    """A13: the server ends the session in the middle of a transaction: refused, and the retry is recorded once."""
    (tmp_path / "bodies").mkdir()
    engine = open_database(Database(postgresql_url, 5.0))
    other = connect(Database(postgresql_url, 5.0))
    ended: list[int] = []

    def end_session(connection: Any) -> None:
        if not ended:
            ended.append(connection.connection.dbapi_connection.info.backend_pid)
            with other.connect() as killer:
                killer.exec_driver_sql(f"SELECT pg_terminate_backend({ended[0]})")

    event.listen(engine, "commit", end_session)
    with pytest.raises(StoreError):
        Store(engine, tmp_path / "bodies").record(make_passage())
    Store(engine, tmp_path / "bodies").record(make_passage())
    assert [row.retries for row in _rows(engine)] == [0]
    engine.dispose()
    other.dispose()


def test_disk_full(sqlite_url: str, tmp_path: Path, make_passage: Make, in_child: InChild) -> None:
    """A12: a body that the disk has no room for is refused, leaves no file, and the next try succeeds."""
    passage = make_passage(b"x" * 300_000)

    def record_on_full_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        with pytest.raises(StoreError, match="File too large"):
            Store(connect(Database(sqlite_url, 5.0)), tmp_path / "bodies").record(passage)

    (tmp_path / "bodies").mkdir()
    engine = open_database(Database(sqlite_url, 5.0))
    assert in_child(record_on_full_disk) == 0
    assert [path for path in (tmp_path / "bodies").rglob("*") if path.is_file()] == []
    Store(engine, tmp_path / "bodies").record(passage)
    assert len(_rows(engine)) == 1


def test_bodies_directory_that_cannot_be_written(engine: Engine, tmp_path: Path, make_passage: Make) -> None:
    """A12: without a usable directory of bodies nothing is recorded."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="Not a directory"):
        Store(engine, tmp_path / "file").record(make_passage())
    assert _rows(engine) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which takes root")
def test_bodies_directory_without_rights(
    sqlite_url: str, tmp_path: Path, make_passage: Make, in_child: InChild
) -> None:
    """A read-only directory of bodies refuses the mail and says so."""
    (tmp_path / "bodies").mkdir(mode=0o555)
    open_database(Database(sqlite_url, 5.0))

    def record_without_rights() -> None:
        directory = os.open(tmp_path / "bodies", os.O_PATH)
        os.setuid(65534)
        with pytest.raises(StoreError, match="Permission denied"):
            Store(connect(Database(sqlite_url, 5.0)), Path(f"/proc/self/fd/{directory}")).record(make_passage())

    assert in_child(record_without_rights) == 0


def test_damaged_documents_are_named(engine: Engine, store: Store, make_passage: Make) -> None:
    """A15: a record whose document was damaged is one clear error; others are readable."""
    damaged, whole = make_passage(), make_passage(b"other\r\n")
    store.record(damaged)
    store.record(whole)
    with engine.begin() as connection:
        connection.execute(passages.update().where(passages.c.id == damaged.id).values(reading=b"\xc1"))
    with engine.connect() as connection:
        with pytest.raises(StoreError, match=f"{damaged.id}: its record is damaged"):
            load(connection, damaged.id)
        assert load(connection, whole.id).reading == whole.reading


def test_documents_hold_no_surrogates() -> None:
    """What UTF-8 cannot say is packed as escapes, and still reads as the type it is."""
    reading = Reading(subject=Subject("\udcff", "ok", ""))
    again = msgspec.msgpack.decode(packed(reading), type=Reading)
    assert again.subject == Subject("\\udcff", "ok", "")


def test_recording_takes_the_body_back_when_retention_was_faster(
    sqlite_url: str, tmp_path: Path, make_passage: Make
) -> None:
    """A body that is swept between its writing and the commit is written again before the commit."""
    (tmp_path / "bodies").mkdir()
    engine, bodies, passage = open_database(Database(sqlite_url, 5.0)), Bodies(tmp_path / "bodies"), make_passage()
    event.listen(engine, "begin", lambda _: bodies.remove(passage.mail.content.sha256))
    Store(engine, tmp_path / "bodies").record(passage)
    assert bodies.read(passage.mail.content.sha256) == passage.mail.content.read()
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(passages)) == 1
