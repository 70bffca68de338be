"""Fixtures of the feeds' tests: both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sekisho_core.database import open_database
from sekisho_core.settings import Database
from sqlalchemy import Engine


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine on an empty database of each kind in turn, closed at the end."""
    on_server = request.param == "postgresql"
    url = request.getfixturevalue("postgresql_url") if on_server else f"sqlite:///{tmp_path}/feeds.sqlite"
    opened = open_database(Database(url, 5.0))
    yield opened
    opened.dispose()
