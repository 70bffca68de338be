"""The listening socket: opened once by the parent through libmilter, inherited by every filter process.

It does not block: several processes wait for the same connection, and the losers must not stay in accept(2).
"""

from __future__ import annotations

import errno
import grp
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import Milter
from sekisho_core.errors import SekishoError

from sekisho_milter.settings import MilterSettings

_BACKLOG = 512


class ListenError(SekishoError):
    """A socket that cannot be listened on."""


class Listener:
    """The socket that `open_listener` made."""

    def __init__(self, descriptor: int, path: Path | None) -> None:
        self.descriptor = descriptor
        self._path = path
        self._inode = path.stat().st_ino if path else 0

    def in_place(self) -> bool:
        """Whether the MTA still finds this very socket under its path."""
        try:
            return self._path is None or self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        """Stop listening in this process and take the path away; filter processes are asked separately."""
        if self._path is not None and self.in_place():
            self._path.unlink()
        os.close(self.descriptor)

    def abandon(self) -> None:
        """Accept no more connections in this process. libmilter goes on, with a socket in its descriptor that nobody
        knows: were it told to stop, it would remove the path and forget the sessions that are still open."""
        with closing(socket.socket(socket.AF_UNIX)) as unknown:
            # An empty address makes Linux choose an abstract one (unix(7), autobind).
            unknown.bind("")
            unknown.listen()
            unknown.setblocking(False)
            os.dup2(unknown.fileno(), self.descriptor, inheritable=False)


class Connections:
    """Sees which connections of the listener this process holds; to be made before the listener is abandoned."""

    def __init__(self, listener: Listener) -> None:
        with closing(socket.socket(fileno=os.dup(listener.descriptor))) as one:
            self._family, self._name = one.family, _name(one)

    def count(self) -> int:
        """How many are open now."""
        return sum(not listening and name == self._name for _, name, listening in _sockets(self._family))


def open_listener(settings: MilterSettings) -> Listener:
    """Listen on `milter.socket`, with its mode and group; a stale unix socket is replaced, a live one respected.

    libmilter must be registered. Raises ListenError.
    """
    kind, _, place = settings.socket.partition(":")
    path = Path(place) if kind == "unix" else None
    group = _group(settings) if path is not None else None
    if path is not None:
        _remove_stale(path)
    before = set(_listening())
    Milter.setbacklog(_BACKLOG)
    Milter.setconn(settings.socket)
    # Nobody gets in before mode and group are right.
    umask = os.umask(0o177)
    try:
        Milter.opensocket(False)
    except Milter.error as error:
        raise ListenError(f"milter.socket: {settings.socket}: cannot listen there: {_why_not(kind, place)}") from error
    finally:
        os.umask(umask)
    (descriptor,) = set(_listening()) - before
    os.set_blocking(descriptor, False)
    if path is not None:
        _give(path, settings, group)
    return Listener(descriptor, path)


def _why_not(kind: str, place: str) -> str:
    """What the kernel says to the same attempt; libmilter keeps it to itself."""
    port, _, host = place.partition("@")
    family = {"unix": socket.AF_UNIX, "inet": socket.AF_INET, "inet6": socket.AF_INET6}[kind]
    try:
        with closing(socket.socket(family)) as one:
            one.bind(place if kind == "unix" else (host.strip("[]"), int(port)))
    except OSError as error:
        return error.strerror or str(error)
    if kind == "unix":
        Path(place).unlink()
    return "libmilter refused it"


def _remove_stale(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise ListenError(f"milter.socket: {path}: is not a socket")
    except FileNotFoundError:
        return
    except OSError as error:
        raise ListenError(f"milter.socket: {path}: {error.strerror}") from error
    with closing(socket.socket(socket.AF_UNIX)) as client:
        client.settimeout(5.0)
        code = client.connect_ex(str(path))
    if code != errno.ECONNREFUSED:
        raise ListenError(f"milter.socket: {path}: another process listens there")
    path.unlink()


def _group(settings: MilterSettings) -> int | None:
    """The number of the socket's group; asked before anything listens, so that who waits for the socket sees none."""
    try:
        return grp.getgrnam(settings.socket_group).gr_gid if settings.socket_group else None
    except KeyError as error:
        raise ListenError(f"milter.socket_group: no group {settings.socket_group}") from error


def _give(path: Path, settings: MilterSettings, group: int | None) -> None:
    try:
        if group is not None and path.stat().st_gid != group:
            os.chown(path, -1, group)
        path.chmod(int(settings.socket_mode, 8))
    except OSError as error:
        path.unlink()
        raise ListenError(f"milter.socket_group: {path}: {error.strerror}") from error


def _listening() -> Iterator[int]:
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
        yield from (descriptor for descriptor, _, listening in _sockets(family) if listening)


def _sockets(family: int) -> Iterator[tuple[int, object, bool]]:
    """This process's sockets of one family: descriptor, local name, and whether it listens."""
    for entry in Path("/proc/self/fd").iterdir():
        # A descriptor may be closed by another thread between the steps.
        with suppress(OSError):
            if stat.S_ISSOCK(entry.stat().st_mode):
                with closing(socket.socket(fileno=os.dup(int(entry.name)))) as one:
                    if one.family == family:
                        yield int(entry.name), _name(one), bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _name(one: socket.socket) -> object:
    # An accepted TCP connection has the client's choice of our addresses, but our port.
    name = one.getsockname()
    return name[1] if isinstance(name, tuple) else name
