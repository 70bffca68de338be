"""The lines that put sekisho before an MTA, and how they are written into its files with a backup."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import msgspec
from sekisho_core.files import write_durably

from sekisho_milter.check_sendmail import is_release_daemon, sendmail_socket
from sekisho_milter.doctor import DoctorError, Needs, bracketed, unix_path
from sekisho_milter.endpoint import with_ours
from sekisho_milter.postconf import PostfixConfiguration
from sekisho_milter.sendmailcf import SendmailConfiguration


class MtaLines(msgspec.Struct, frozen=True):
    """New text by file, what to say to the administrator, and the command that makes the MTA read it."""

    files: dict[str, str]
    shown: str
    reload: str


def postfix_lines(postfix: PostfixConfiguration, needs: Needs) -> MtaLines:
    """main.cf and master.cf with our lines; both unchanged where they are there already."""
    directory = postfix.directory or Path(postfix.main["config_directory"])
    main, master = directory / "main.cf", directory / "master.cf"
    parameters = _postfix_parameters(postfix, needs)
    service = _reinjection_service(needs)
    has_service = any(one.port == str(needs.release_port) for one in postfix.smtpd())
    new_master = _read(master) if has_service else _read(master).rstrip("\n") + "\n" + service
    shown = f"# {main}\n{_assignments(parameters)}\n# {master}\n{service}\n{_socket_directory(postfix, needs)}"
    files = {str(main): with_parameters(_read(main), parameters), str(master): new_master}
    return MtaLines(files, shown, f"postfix -c {directory} reload")


def sendmail_lines(needs: Needs) -> MtaLines:
    """What goes into sendmail.mc, and what that becomes in sendmail.cf."""
    socket, wait = sendmail_socket(needs), f"{needs.content_limit + 2 * needs.progress:.0f}s"
    times = f"C:1m;S:1m;R:{max(60, 2 * needs.progress):.0f}s;E:{wait}"
    shown = (
        "dnl # sendmail.mc\n"
        f"INPUT_MAIL_FILTER(`sekisho', `S={socket}, F=T, T={times}')dnl\n"
        f"define(`confMAX_MESSAGE_SIZE', `{needs.max_mail_bytes}')dnl\n"
        "dnl # where released mail re-enters; beside it the ports that you have must be named too\n"
        f"DAEMON_OPTIONS(`{_sendmail_daemon(needs)}')dnl\n\n"
        f"# sendmail.cf, where it is written by hand\n{_sendmail_filter(socket, times)}"
        f"O InputMailFilters=sekisho\nO DaemonPortOptions={_sendmail_daemon(needs)}\n"
    )
    return MtaLines({}, shown, "make -C /etc/mail, then restart sendmail")


def sendmail_changes(sendmail: SendmailConfiguration, needs: Needs) -> MtaLines:
    """sendmail.cf with our filter line, our name in front of the filters that it lists, and released mail's port."""
    plain = sendmail_lines(needs)
    times = plain.shown.partition("T=")[2].partition("'")[0]
    ours, text = _sendmail_filter(sendmail_socket(needs), times), _read(sendmail.path)
    names = [name.strip() for name in sendmail.option("InputMailFilters").split(",") if name.strip()]
    listed = names if "sekisho" in names else ["sekisho", *names]
    kept = [line for line in text.splitlines() if not line.startswith(("Xsekisho,", "O InputMailFilters="))]
    new = "\n".join([*kept, *_missing_daemons(sendmail, needs)]) + f"\nO InputMailFilters={','.join(listed)}\n{ours}"
    same = set(new.splitlines()) == set(text.splitlines())
    return MtaLines({str(sendmail.path): text if same else new}, plain.shown, "restart sendmail")


def apply(lines: MtaLines) -> list[Path]:
    """Write the files that differ, each after a backup beside it; the paths that were written.

    Raises DoctorError naming the file that cannot be written.
    """
    written = []
    for name, text in lines.files.items():
        path = Path(name)
        try:
            if _read(path) != text:
                _replace(path, text)
                written.append(path)
        except OSError as error:
            raise DoctorError(f"{path}: {os.strerror(error.errno or 0)}") from error
    return written


def with_parameters(text: str, parameters: dict[str, str]) -> str:
    """A main.cf in which each parameter stands once with the given value: in its old place, else at the end."""
    left, out, skipping = dict(parameters), list[str](), False
    for line in text.splitlines():
        key = line.partition("=")[0].strip()
        # postconf(5): comments and empty lines do not end a parameter that goes on below them.
        remark = not line.strip() or line.lstrip().startswith("#")
        if line[:1].isspace() and skipping and not remark:
            continue
        if not remark:
            skipping = not line[:1].isspace() and "=" in line and key in parameters
        if remark or not skipping:
            out.append(line)
        elif key in left:
            out.append(f"{key} = {left.pop(key)}")
    return "\n".join([*out, *(f"{key} = {value}" for key, value in left.items())]) + "\n"


def _postfix_parameters(postfix: PostfixConfiguration, needs: Needs) -> dict[str, str]:
    parameters = {key: with_ours(postfix, key, needs) for key in ("smtpd_milters", "non_smtpd_milters")}
    wait = f"{needs.content_limit + 2 * needs.progress:.0f}s"
    return parameters | {
        "milter_default_action": "tempfail",
        "milter_protocol": "6",
        "milter_connect_timeout": "30s",
        "milter_command_timeout": "30s",
        "milter_content_timeout": wait,
    }


def _reinjection_service(needs: Needs) -> str:
    options = (
        "smtpd_milters=",
        "smtpd_proxy_filter=",
        "receive_override_options=no_milters",
        "mynetworks=127.0.0.0/8,[::1]/128",
        # What main.cf asks of strangers was asked of this mail already.
        "smtpd_client_restrictions=",
        "smtpd_helo_restrictions=",
        "smtpd_sender_restrictions=",
        "smtpd_data_restrictions=",
        "smtpd_end_of_data_restrictions=",
        "smtpd_relay_restrictions=permit_mynetworks,reject",
        "smtpd_recipient_restrictions=permit_mynetworks,reject",
        "local_header_rewrite_clients=",
    )
    lines = "".join(f"  -o {option}\n" for option in options)
    return f"{bracketed(needs.release_host)}:{needs.release_port} inet n - n - - smtpd\n{lines}"


def _socket_directory(postfix: PostfixConfiguration, needs: Needs) -> str:
    path = unix_path(needs.socket)
    owner = postfix.main.get("mail_owner", "postfix")
    if path is None:
        return ""
    # The milter makes its socket there; set-group-id gives it the MTA's group.
    return f"# the socket's directory, once, as root\ninstall -d -o sekisho -g {owner} -m 2750 {path.parent}\n"


def _assignments(parameters: dict[str, str]) -> str:
    return "".join(f"{key} = {value}\n" for key, value in parameters.items())


def _sendmail_daemon(needs: Needs) -> str:
    family = "inet6" if ":" in needs.release_host else "inet"
    return f"Name=release, Family={family}, Addr={needs.release_host}, Port={needs.release_port}, InputMailFilters="


def _missing_daemons(sendmail: SendmailConfiguration, needs: Needs) -> list[str]:
    daemons = sendmail.all("DaemonPortOptions")
    if any(is_release_daemon(daemon, needs) for daemon in daemons):
        return []
    # Without any such line Sendmail listens on port 25; with one, only where the lines say.
    first = [] if daemons else ["O DaemonPortOptions=Name=MTA"]
    return [*first, f"O DaemonPortOptions={_sendmail_daemon(needs)}"]


def _sendmail_filter(socket: str, times: str) -> str:
    return f"Xsekisho, S={socket}, F=T, T={times}\n"


def _replace(path: Path, text: str) -> None:
    status = path.stat()
    backup = path.with_name(f"{path.name}.{time.strftime('%Y%m%dT%H%M%S')}.bak")
    shutil.copy2(path, backup)
    write_durably(path, [text.encode("utf-8", "surrogateescape")], status.st_mode & 0o7777)
    if os.geteuid() == 0:
        os.chown(path, status.st_uid, status.st_gid)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise DoctorError(f"{path}: {os.strerror(error.errno or 0)}") from error
