"""The one database engine, its durability, and its migrations. SQLite by default, PostgreSQL by URL.

Rooms define their tables on `METADATA`; the migrations beside this module create them.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import DateTime, Dialect, Engine, MetaData, TypeDecorator, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from sekisho_core.errors import DatabaseError
from sekisho_core.files import adopt
from sekisho_core.settings import Database, masked_parameters

METADATA = MetaData()


def open_database(settings: Database) -> Engine:
    """An engine on a database whose schema is the newest; an older schema is migrated first.

    Open it after a fork, never before: connections must not be shared between processes. Raises DatabaseError naming
    the database (without its password).
    """
    engine = connect(settings)
    try:
        _make_private(settings)
        migrate(engine)
    except OSError as error:
        raise DatabaseError(f"{shown_url(settings.url)}: {error.strerror}") from error
    except SQLAlchemyError as error:
        raise DatabaseError(f"{shown_url(settings.url)}: {error_line(error)}") from error
    return engine


def probe(settings: Database) -> None:
    """Connect once, without a look at the schema. Raises DatabaseError where that cannot be done."""
    engine = connect(settings)
    _require_file(settings)
    try:
        engine.connect().close()
    except SQLAlchemyError as error:
        raise DatabaseError(f"{shown_url(settings.url)}: {error_line(error)}") from error
    finally:
        engine.dispose()


def connect(settings: Database) -> Engine:
    """An engine without a look at the schema. Raises DatabaseError for a URL that is none of ours."""
    url = _parsed(settings.url)
    return _sqlite(settings) if url.get_backend_name() == "sqlite" else _postgresql(settings)


def _require_file(settings: Database) -> None:
    """SQLite would make the file, and it would be this account's and not the services'."""
    file = database_file(settings)
    try:
        if file is not None and not file.exists():
            raise DatabaseError(f"{file}: no such database; sekisho rules compile makes it")
    except OSError as error:
        raise DatabaseError(f"{file}: {error.strerror}") from error


def reader(engine: Engine) -> Engine:
    """The same engine for transactions that only read: on SQLite they do not wait for writers."""
    return engine.execution_options(read_only=True)


def error_line(error: Exception) -> str:
    """The one line of an error that says what is wrong; of a database's, the driver's own words."""
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__


class Utc(TypeDecorator[datetime]):
    """A column of times: aware in Python, UTC without a zone in the database, as SQLite has none."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision, under a lock so that several processes may start at once.

    Raises DatabaseError when the schema is newer than this program.
    """
    configuration = _alembic_configuration()
    script = ScriptDirectory.from_config(configuration)
    with engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current == script.get_current_head():
            return
        known = {revision.revision for revision in script.walk_revisions()}
        if current is not None and current not in known:
            raise DatabaseError(f"{shown_url(str(engine.url))}: schema {current} is newer than this sekisho")
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7347653)")
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")


def shown_url(url: str) -> str:
    """A database URL with its password masked."""
    return masked_parameters(_parsed(url).render_as_string(hide_password=True))


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # Their own words may hold the password.
        raise DatabaseError("database.url: not a URL such as postgresql+psycopg://user@host:5432/name") from None


def _alembic_configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(files("sekisho_core").joinpath("migrations")))
    return configuration


def _sqlite(settings: Database) -> Engine:
    # NullPool: a SQLite connection is cheap to open and must not be shared between libmilter's threads.
    engine = create_engine(settings.url, poolclass=NullPool, connect_args={"timeout": settings.timeout})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _make_private(settings: Database) -> None:
    """Subjects and addresses are not for everybody: a new file of SQLite's would have the umask's mode, and its journal
    files take over the database's."""
    file = database_file(settings)
    if file is not None and not file.exists():
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o640))
        adopt(file)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions of its own; `_begin_immediate` does (SQLAlchemy's documented recipe).
    connection.isolation_level = None
    cursor = connection.cursor()
    # WAL with synchronous=FULL keeps every commit over a power cut; NORMAL may lose the last ones.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    # Taking the write lock at once lets waiters queue within the timeout; upgrading a read lock fails at once.
    reading = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgresql(settings: Database) -> Engine:
    return create_engine(
        settings.url,
        poolclass=QueuePool,
        pool_pre_ping=True,
        pool_timeout=settings.timeout,
        connect_args={
            "connect_timeout": max(2, int(settings.timeout)),
            # A server that vanished from the network; libpq would wait a quarter of an hour.
            "tcp_user_timeout": int(settings.timeout * 1000),
            "options": f"-c lock_timeout={int(settings.timeout * 1000)}",
        },
    )


def database_file(settings: Database) -> Path | None:
    """The file of a SQLite database, None for a server."""
    url = _parsed(settings.url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
