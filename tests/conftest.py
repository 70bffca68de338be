"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """The socket directory of a private PostgreSQL that listens on no network; it ends with the session."""
    if not _POSTGRESQL:
        pytest.skip("PostgreSQL is not installed (apt: postgresql)")
    # Not under tmp_path: its parents are closed to the account postgres, and socket paths are at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="sekisho-pg-"))
    if os.geteuid() == 0:
        os.chown(home, pwd.getpwnam("postgres").pw_uid, -1)
    try:
        _as_postgres("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", f"{home}/data")
        options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
        _as_postgres("pg_ctl", "-D", f"{home}/data", "-w", "-l", f"{home}/log", "-o", options, "start")
        try:
            yield home
        finally:
            _as_postgres("pg_ctl", "-D", f"{home}/data", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_database(postgresql_server: Path) -> Callable[[], str]:
    """Makes a fresh, empty database and returns its SQLAlchemy URL."""
    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        engine = create_engine(_url(postgresql_server, "postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE test{made}")
        engine.dispose()
        return _url(postgresql_server, f"test{made}")

    return make


@pytest.fixture
def postgresql_url(postgresql_database: Callable[[], str]) -> str:
    """The URL of an empty PostgreSQL database for one test."""
    return postgresql_database()


def _url(sockets: Path, name: str) -> str:
    return f"postgresql+psycopg://postgres@/{name}?host={sockets}"


def _as_postgres(program: str, *arguments: str) -> None:
    command = [str(_POSTGRESQL[-1] / program), *arguments]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
