"""The settings: one TOML file over one table of defaults, checked whole before anything starts.

`defaults.toml` beside this module holds every key with its default value; a key that is not there does not exist. Each
room owns the frozen type of its table, registered as an entry point in the group `sekisho.settings`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

from sekisho_core.errors import SettingsError
from sekisho_core.faults import fault, is_secret, nearest

DEFAULT_FILE = Path("/etc/sekisho/sekisho.toml")
_GROUP = "sekisho.settings"
_POSTGRESQL = "postgresql+psycopg://"
_PARAMETER = re.compile(r"(?<=[?&])([^=&]*)=[^&]*")
_DATABASE_URL = re.compile(rf"sqlite:////[^?]+$|{re.escape(_POSTGRESQL)}")
T = TypeVar("T")


class OutsourcedSender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service that lawfully sends in our name."""

    header_from: str
    dkim_d: str = ""
    envelope_domain: str = ""
    note: str = ""


class ProtectedName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names that impostors use, and the domains that may bear them."""

    names: tuple[str, ...]
    domains: tuple[str, ...]


class Organisation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[organisation]`: who we are and whom we trust to send what."""

    own_domains: tuple[str, ...]
    trusted_outsourced_senders: tuple[OutsourcedSender, ...]
    trusted_arc_sealers: tuple[str, ...]
    freemail_domains: tuple[str, ...]
    protected_names: tuple[ProtectedName, ...]


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[database]`: an SQLAlchemy URL of SQLite or PostgreSQL, and how long to wait for a lock or a server (s)."""

    url: str
    timeout: float

    def __post_init__(self) -> None:
        require(bool(_DATABASE_URL.match(self.url)), "url", f"sqlite:////absolute/path or {_POSTGRESQL}…")
        require(self.timeout > 0, "timeout", "more than 0")


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[log]`: the least grave level that is written."""

    level: str

    def __post_init__(self) -> None:
        require(self.level in ("debug", "info", "warning", "error"), "level", "debug, info, warning or error")


class OurHeaders(msgspec.Struct, frozen=True):
    """What of `[milter]` a release needs too: how the names of our headers begin."""

    header_prefix: str


class Settings:
    """The checked settings of one run; `of(type)` gives a room its table."""

    def __init__(self, path: Path | None, tables: Mapping[str, object]) -> None:
        self.path = path
        self._tables = dict(tables)

    def of(self, kind: type[T]) -> T:
        """The table whose type is `kind`."""
        for table in self._tables.values():
            if isinstance(table, kind):
                return table
        raise LookupError(f"no settings table of type {kind.__name__}")

    def effective(self) -> dict[str, Any]:
        """All values in force, as plain data, with secrets masked."""
        plain: dict[str, Any] = msgspec.to_builtins(self._tables)
        return {name: _masked(value, name) for name, value in plain.items()}


def require(condition: bool, key: str, wanted: str) -> None:
    """For `__post_init__` of settings types: raise ValueError naming `key` unless `condition` holds."""
    if not condition:
        raise ValueError(f"{key}: must be {wanted}")


def load(path: Path | None) -> Settings:
    """Read `path` over the defaults. None means the default file if it exists, else the defaults alone.

    Raises SettingsError naming the file, the key and the nearest valid name.
    """
    chosen = path or (DEFAULT_FILE if _is_there(DEFAULT_FILE) else None)
    defaults = default_table()
    given = _read(chosen) if chosen else {}
    where = str(chosen) if chosen else "the defaults"
    _refuse_unknown(given, defaults, where)
    types = {point.name: point for point in entry_points(group=_GROUP)}
    tables = {
        name: _convert(_merged(default, given.get(name, {})), types[name].load(), name, where)
        for name, default in defaults.items()
        if name in types
    }
    return Settings(chosen, tables)


def default_table() -> dict[str, dict[str, Any]]:
    """The one table of defaults, by table and key."""
    return tomllib.loads(files("sekisho_core").joinpath("defaults.toml").read_text(encoding="utf-8"))


def _is_there(path: Path) -> bool:
    # A file that this account may not look at is there, and reading it says so.
    try:
        return path.exists()
    except OSError:
        return True


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"{path}: cannot read the settings: {os.strerror(error.errno or 0)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error


def _refuse_unknown(given: dict[str, Any], defaults: dict[str, dict[str, Any]], where: str) -> None:
    for table, keys in given.items():
        if table not in defaults:
            raise SettingsError(f"{where}: unknown table [{table}]{nearest(table, defaults)}")
        if not isinstance(keys, dict):
            raise SettingsError(f"{where}: {table}: must be a table, not a value")
        for key in keys:
            if key not in defaults[table]:
                raise SettingsError(f"{where}: unknown key {table}.{key}{nearest(key, defaults[table])}")


def _merged(default: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    # Sub-tables whose keys are open (a map by the administrator's own words) extend the default, key by key.
    def merged(value: Any, new: Any) -> Any:
        return {**value, **new} if isinstance(value, dict) and isinstance(new, dict) else new

    return {key: merged(value, given.get(key, value)) for key, value in default.items()}


def _convert(values: dict[str, Any], kind: type[T], table: str, where: str) -> T:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        # msgspec names neither the key of an inner table nor the valid names; the walk over the type does.
        raise SettingsError(f"{where}: {fault(values, kind, table) or f'{table}: {error}'}") from error


def _masked(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _masked(inner, key) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner, name) for inner in value]
    if isinstance(value, str) and is_secret(name):
        return "***" if value else ""
    if isinstance(value, str) and "://" in value:
        scheme, _, rest = value.partition("://")
        user, at, place = rest.rpartition("@")
        return masked_parameters(f"{scheme}://{'***' if at else user}{at}{place}")
    return value


def masked_parameters(url: str) -> str:
    """A URL with the values of secret parameters masked: PostgreSQL takes a password there as well."""
    return _PARAMETER.sub(lambda found: f"{found[1]}=***" if is_secret(unquote(found[1])) else found[0], url)
