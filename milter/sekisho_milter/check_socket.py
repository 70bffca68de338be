"""Whether the MTA's user can reach our socket, whether others can too, and whether somebody listens."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sekisho_milter.doctor import Check, Level, Needs, inet_address, judged, unix_path

_SECONDS = 5.0


def check_socket(needs: Needs, user: str) -> list[Check]:
    """Checks of the endpoint as `user`, the MTA's, would meet it. Needs the right to look into its directory."""
    path = unix_path(needs.socket)
    if path is None:
        return [_check_listening(needs)]
    try:
        status = path.stat()
    except PermissionError:
        return [Check("socket-unseen", Level.WARN, "milter.socket", str(path), "run this as root to look at it")]
    except OSError as error:
        remedy = f"{os.strerror(error.errno or 0)}: start the milter, and see that its directory exists"
        return [Check("socket-missing", Level.REFUSE, "milter.socket", str(path), remedy)]
    if not stat.S_ISSOCK(status.st_mode):
        return [Check("socket-no-socket", Level.REFUSE, "milter.socket", str(path), "remove that file")]
    return [*_check_access(path, status, user), _check_listening(needs)]


def _check_access(path: Path, status: os.stat_result, user: str) -> Iterator[Check]:
    mode = stat.filemode(status.st_mode)
    remedy = 'set milter.socket_mode to "0660": any local user could speak to the milter'
    yield judged(not status.st_mode & stat.S_IWOTH, "socket-world-writable", "milter.socket_mode", mode, remedy)
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        yield Check("socket-user", Level.WARN, "mail_owner", user, "no such user here: access was not checked")
        return
    shown = f"{mode} {_owner(status.st_uid)}:{group_name(status.st_gid)}"
    remedy = f"set milter.socket_group to a group of {user}, and socket_mode to 0660"
    yield judged(_may(status, account, 0o2), "socket-access", str(path), shown, remedy)
    for parent in path.parents:
        good = _may(parent.stat(), account, 0o1)
        if not good:
            yield Check("socket-directory", Level.REFUSE, str(parent), stat.filemode(parent.stat().st_mode),
                        f"{user} may not enter it")  # fmt: skip


def _may(status: os.stat_result, account: pwd.struct_passwd, bit: int) -> bool:
    """path_resolution(7): the owner's bits for the owner, the group's for its members, else the others'."""
    if account.pw_uid == 0:
        return True
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & bit << 6)
    if status.st_gid in os.getgrouplist(account.pw_name, account.pw_gid):
        return bool(status.st_mode & bit << 3)
    return bool(status.st_mode & bit)


def _check_listening(needs: Needs) -> Check:
    try:
        _connect(needs)
        return Check("socket-listening", Level.OK, "milter.socket", needs.socket)
    except OSError as error:
        remedy = f"{os.strerror(error.errno or 0)}: start the milter (systemctl start sekisho-milter)"
        return Check("socket-listening", Level.REFUSE, "milter.socket", needs.socket, remedy)


def _connect(needs: Needs) -> None:
    address = inet_address(needs.socket)
    if address:
        socket.create_connection(address, timeout=_SECONDS).close()
        return
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_SECONDS)
        client.connect(str(unix_path(needs.socket)))


def _owner(uid: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return str(uid)


def group_name(gid: int) -> str:
    """The name of a group; its number where it has none."""
    with suppress(KeyError):
        return grp.getgrgid(gid).gr_name
    return str(gid)
