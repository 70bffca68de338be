"""The desk: what the analysts' commands work on, and who sits at it."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from sekisho_core.database import database_file, error_line, open_database
from sekisho_core.display import visible
from sekisho_core.errors import DatabaseError, StoreError
from sekisho_core.events import Events, operator_events
from sekisho_core.settings import Database, Log, OurHeaders, Settings, load
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from sekisho_quarantine.bodies import Bodies
from sekisho_quarantine.records import NotFound
from sekisho_quarantine.release import Releaser
from sekisho_quarantine.settings import QuarantineSettings


@dataclass(frozen=True)
class Desk:
    """What every command works on."""

    engine: Engine
    bodies: Bodies
    settings: QuarantineSettings
    events: Events
    all_settings: Settings

    def releaser(self) -> Releaser:
        """What gives mail back."""
        prefix = self.all_settings.of(OurHeaders).header_prefix
        return Releaser(self.engine, self.bodies, self.settings, self.events, prefix)


@contextmanager
def open_desk(config: Path | None) -> Iterator[Desk]:
    """Open the store; what fails there becomes one line, and what is not found exit status 1."""
    settings = load(config)
    ours = settings.of(QuarantineSettings)
    file = database_file(settings.of(Database))
    if file is not None and not file.exists():
        raise DatabaseError(f"{file}: no such database; nothing was recorded yet, or database.url names another")
    engine = open_database(settings.of(Database))
    try:
        yield Desk(engine, Bodies(Path(ours.bodies)), ours, operator_events(settings.of(Log).level), settings)
    except NotFound as error:
        click.echo(f"sekisho: {visible(str(error))}", err=True)
        sys.exit(1)
    except SQLAlchemyError as error:
        raise StoreError(f"the database: {error_line(error)}") from error
    except BrokenPipeError:
        # The reader of what we print went away; no body is at fault.
        raise
    except OSError as error:
        raise StoreError(f"{error.filename or ours.bodies}: {error.strerror or error}") from error
    finally:
        engine.dispose()


def person() -> str:
    """The login name of whoever runs this, also through sudo."""
    user = os.environ.get("SUDO_USER") if os.geteuid() == 0 else None
    try:
        return user or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
