"""Errors that an operator is to read: one line that names the key, file or mail at fault."""

from __future__ import annotations


class SekishoError(Exception):
    """What an operator must mend; the root command prints it as one line and exits with status 2."""


class SettingsError(SekishoError):
    """A settings file that cannot be used."""


class DatabaseError(SekishoError):
    """A database that cannot be reached, opened or migrated."""


class SnapshotError(SekishoError):
    """An index snapshot that is missing or damaged."""


class StoreError(SekishoError):
    """A record that could not be made durable; the mail stays with the MTA."""
