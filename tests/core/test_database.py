import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sekisho_core.database import connect, database_file, open_database, probe, reader, shown_url
from sekisho_core.errors import DatabaseError
from sekisho_core.settings import Database
from sqlalchemy import text
from sqlalchemy.exc import OperationalError


@pytest.fixture
def settings(tmp_path: Path) -> Database:
    """A SQLite database of this test."""
    return Database(f"sqlite:///{tmp_path}/sekisho.sqlite", 0.2)


def test_pragmas_in_force(settings: Database) -> None:
    """A14: every connection keeps each commit over a power cut, and checks references."""
    engine = open_database(settings)
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_opening_twice_changes_nothing(settings: Database) -> None:
    """A database of the newest schema opens as it is."""
    path = database_file(settings)
    assert path is not None
    open_database(settings).dispose()
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
        open_database(settings).dispose()
        assert connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before


def test_newer_schema_is_refused(settings: Database) -> None:
    """A23: a database of a later sekisho is left alone, and named."""
    engine = connect(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('9999')")
    with pytest.raises(DatabaseError, match="schema 9999 is newer than this sekisho"):
        open_database(settings)


def test_locked_database(settings: Database) -> None:
    """A13: a database that another process holds is an error after the timeout, not a wait without end."""
    path = database_file(settings)
    assert path is not None
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("PRAGMA journal_mode=WAL")
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match="locked"):
            open_database(settings)
    finally:
        holder.close()


def test_readers_do_not_wait_for_a_writer(settings: Database) -> None:
    """A13: while a writer holds its lock, what only reads goes on; another writer fails within the timeout."""
    engine = open_database(settings)
    with engine.begin() as writing:
        writing.exec_driver_sql("CREATE TABLE held (id INTEGER)")
        with reader(engine).connect() as reading:
            assert reading.execute(text("SELECT 1")).scalar() == 1
        with pytest.raises(OperationalError, match="locked"), engine.begin():
            pass


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql+psycopg://user:geheim@db.example:port/x", "not a URL such as"),
        ("sqlite:////nonexistent/folder/x.sqlite", "No such file or directory"),
        ("postgresql+psycopg://user:geheim@127.0.0.1:1/x", "127.0.0.1"),
    ],
)
def test_unusable_database(url: str, told: str) -> None:
    """C18: a database that cannot be used is told in one line, without its password."""
    with pytest.raises(DatabaseError, match=told) as caught:
        open_database(Database(url, 1.0))
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_probe(settings: Database) -> None:
    """A look at whether a database can be reached makes no file and no schema, and tells in one line why not."""
    path = database_file(settings)
    assert path is not None
    with pytest.raises(DatabaseError, match="no such database"):
        probe(settings)
    assert not path.exists()
    path.touch()
    probe(settings)
    with connect(settings).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM sqlite_master")) == 0
    path.write_bytes(b"no database" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        probe(settings)


def test_file_that_is_no_database(settings: Database) -> None:
    """A15: a file that is no database is named and left as it is."""
    path = database_file(settings)
    assert path is not None
    path.write_bytes(b"not a database at all, but long enough to look at" * 100)
    with pytest.raises(DatabaseError, match=r"sekisho\.sqlite"):
        open_database(settings)
    assert path.read_bytes().startswith(b"not a database")


def test_shown_url() -> None:
    """C18: a shown URL has no password, neither before the host nor as a parameter."""
    assert "geheim" not in shown_url("postgresql+psycopg://user:geheim@db.example/sekisho")
    shown = shown_url("postgresql+psycopg:///sekisho?user=u&password=geheim&sslpassword=geheim&host=/run/postgresql")
    assert "geheim" not in shown and "postgresql" in shown.partition("?")[2]


def test_postgresql(postgresql_database: Callable[[], str]) -> None:
    """The same schema on PostgreSQL; opened twice, it is migrated once."""
    settings = Database(postgresql_database(), 5.0)
    open_database(settings).dispose()
    engine = open_database(settings)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
    engine.dispose()


def test_new_sqlite_file_is_private(settings: Database) -> None:
    """Subjects and addresses are not for everybody: the file and its journal are closed to others."""
    path = database_file(settings)
    assert path is not None
    with open_database(settings).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE seen (id INTEGER)")
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.glob(f"{path.name}*")}
    assert modes and all(mode & 0o007 == 0 for mode in modes.values()), modes
