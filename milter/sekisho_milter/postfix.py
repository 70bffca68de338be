"""A private Postfix instance: own configuration, queue and data directories, own ports, loopback only.

It works beside the machine's Postfix and beside other instances of its kind; /etc/postfix is never written. Postfix's
master runs as root, so an ordinary user's commands go through sudo; only Postfix's own commands and the ownership of
its directories do.
"""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from sekisho_core.errors import SekishoError

DOMAINS = ("example.jp", "example.com")
STRICT_DOMAIN = "strict.example.jp"
KNOWN_RECIPIENT = f"known@{STRICT_DOMAIN}"
_SOCKET_DIRECTORY = "sekisho"
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_NOBODY = 65534


class PostfixError(SekishoError):
    """A Postfix that is missing, cannot be started or does not answer."""


class PrivatePostfix:
    """A Postfix instance under `root`, a directory that other users may traverse; a context manager.

    Mail enters on `smtp_port` through the milter at `milter` (an endpoint in Postfix's words; default: `milter_socket`)
    and on `reinject_port` without one. It is delivered to Maildirs for any recipient in `DOMAINS` and for
    `KNOWN_RECIPIENT`; other recipients of `STRICT_DOMAIN` are refused. Nothing leaves the machine. Clients may use
    XCLIENT. `main` overrides main.cf parameters, `smtpd` adds `-o` options to the first listener.

    Raises PostfixError naming what is missing or the end of Postfix's log.
    """

    def __init__(
        self,
        root: Path,
        *,
        milter: str | None = None,
        main: Mapping[str, str] | None = None,
        smtpd: Iterable[str] = (),
        delivery_uid: int | None = None,
    ) -> None:
        self.root = root
        self.config_dir = root / "etc"
        self.queue_dir = root / "queue"
        self.mail_dir = root / "mail"
        self.log_file = root / "postfix.log"
        self.milter_socket = self.queue_dir / _SOCKET_DIRECTORY / "milter.sock"
        self.smtp_port, self.reinject_port = _free_ports(2)
        self._milter = f"unix:{_SOCKET_DIRECTORY}/milter.sock" if milter is None else milter
        self._main = dict(main or {})
        self._smtpd = tuple(smtpd)
        self._uid = delivery_uid if delivery_uid is not None else (os.geteuid() or _NOBODY)
        self._prepared = False

    def __enter__(self) -> PrivatePostfix:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.give_back()

    def prepare(self) -> None:
        """Write the configuration and the directories, so that a milter can make its socket before Postfix starts."""
        require_postfix()
        if not self._prepared:
            self._write_configuration()
            self._make_directories()
            self._prepared = True

    def start(self) -> None:
        """Start, and wait until it answers. After `stop` it may be called again, on the same ports."""
        self.prepare()
        if self._postfix("start") != 0:
            raise PostfixError(f"postfix -c {self.config_dir} start: {self._last_words()}")
        try:
            self._wait_until_ready()
        except PostfixError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop and wait until no process of this instance is left. Queue and mail stay as they are."""
        master = self._master_pid()
        if master is None:
            return
        self._postfix("abort")
        deadline = time.monotonic() + _STOP_SECONDS
        while _group_alive(master):
            if time.monotonic() > deadline:
                self._run("kill", "-KILL", "--", f"-{master}")
            time.sleep(0.05)

    def reload(self) -> None:
        """Let Postfix read its configuration again."""
        self._postfix("reload")

    def give_back(self) -> None:
        """Hand all files to the calling user, who may then remove them without sudo."""
        if os.geteuid() != 0 and self._prepared:
            self._run("chown", "-R", f"{os.geteuid()}:{os.getegid()}", str(self.root))

    def delivered(self, recipient: str | None = None) -> list[Path]:
        """Delivered mails, oldest first; those of one recipient if given. Line ends are LF; Postfix puts
        Return-Path, X-Original-To and Delivered-To before the mail."""
        files = sorted(self.mail_dir.glob("*/new/*"), key=lambda file: file.stat().st_mtime_ns)
        if recipient is None:
            return files
        wanted = f"\nX-Original-To: {recipient}\n".encode()
        return [file for file in files if wanted in file.read_bytes()]

    def log(self) -> str:
        """Everything that Postfix logged so far."""
        return self.log_file.read_text(encoding="utf-8", errors="backslashreplace")

    def queue(self) -> list[dict[str, object]]:
        """The queue as postqueue(1) -j tells it: one object a mail, with queue_name, queue_id, recipients …"""
        result = self._run("postqueue", "-c", str(self.config_dir), "-j")
        if result.returncode != 0:
            raise PostfixError(f"postqueue -c {self.config_dir}: {result.stderr.strip()}")
        return [json.loads(line) for line in result.stdout.splitlines() if line.strip()]

    def queue_ids(self, queue_name: str | None = None) -> list[str]:
        """Ids of the mails in the queue; of one queue ("hold", "deferred", "active" …) if given."""
        return [str(mail["queue_id"]) for mail in self.queue() if queue_name in (None, mail["queue_name"])]

    def flush(self) -> None:
        """Try every queued mail now."""
        self._run("postqueue", "-c", str(self.config_dir), "-f")

    def smtp(self, timeout: float = 60.0) -> smtplib.SMTP:
        """A client connection to the listener with the milter."""
        return smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=timeout)

    def _parameters(self) -> dict[str, str]:
        return _fixed_parameters() | {
            "queue_directory": str(self.queue_dir),
            "data_directory": str(self.root / "data"),
            "maillog_file": str(self.log_file),
            "maillog_file_prefixes": str(self.root),
            "virtual_mailbox_base": str(self.mail_dir),
            "virtual_mailbox_maps": f"regexp:{self.config_dir}/recipients",
            "virtual_uid_maps": f"static:{self._uid}",
            "virtual_gid_maps": f"static:{self._uid}",
            "smtpd_milters": self._milter,
            **self._main,
        }

    def _write_configuration(self) -> None:
        self.config_dir.mkdir(parents=True)
        self.root.chmod(0o755)
        lines = [f"{key} = {value}\n" for key, value in self._parameters().items()]
        (self.config_dir / "main.cf").write_text("".join(lines), encoding="utf-8")
        (self.config_dir / "master.cf").write_text(self._services(), encoding="utf-8")
        escaped = [domain.replace(".", r"\.") for domain in DOMAINS]
        recipients = f"/@({'|'.join(escaped)})$/ all/\n/^{KNOWN_RECIPIENT.replace('.', chr(92) + '.')}$/ strict/\n"
        (self.config_dir / "recipients").write_text(recipients, encoding="utf-8")
        self.log_file.touch(mode=0o644)

    def _services(self) -> str:
        options = "".join(f"  -o {option}\n" for option in self._smtpd)
        return (
            f"127.0.0.1:{self.smtp_port} inet n - n - - smtpd\n{options}"
            f"127.0.0.1:{self.reinject_port} inet n - n - - smtpd\n"
            "  -o smtpd_milters=\n  -o receive_override_options=no_milters,no_unknown_recipient_checks\n"
            "  -o smtpd_authorized_xclient_hosts=\n"
        ) + "".join(f"{line}\n" for line in _INNER_SERVICES)

    def _make_directories(self) -> None:
        self.mail_dir.mkdir()
        me = str(os.geteuid())
        self._must("chown", "-R", "root:root", str(self.config_dir))
        self._must("chown", f"{self._uid}:{self._uid}", str(self.mail_dir))
        self._must("install", "-d", "-o", "root", "-g", "root", "-m", "755", str(self.queue_dir))
        self._must("install", "-d", "-o", "postfix", "-g", "root", "-m", "700", str(self.root / "data"))
        # The set-group-id bit gives the socket Postfix's group even when its maker may not chown to it.
        sockets = str(self.queue_dir / _SOCKET_DIRECTORY)
        self._must("install", "-d", "-o", me, "-g", "postfix", "-m", "2750", sockets)

    def _must(self, *command: str) -> None:
        result = self._run(*command)
        if result.returncode != 0:
            raise PostfixError(f"{' '.join(command)}: {result.stderr.strip()}")

    def _postfix(self, verb: str) -> int:
        # A file, not a pipe: the daemon inherits it, and a pipe would never come to its end.
        with (self.root / "command.log").open("ab") as output:
            command = [*_root_prefix(), _program("postfix"), "-c", str(self.config_dir), verb]
            return subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            ).returncode

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        arguments = [*_root_prefix(), _program(command[0]), *command[1:]]
        return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        # Both listeners open at once; a look at the first would be a session that the milter sees.
        while not _answers(self.reinject_port):
            if time.monotonic() > deadline:
                raise PostfixError(f"the private Postfix does not answer: {self._last_words()}")
            time.sleep(0.05)

    def _last_words(self) -> str:
        texts = [self.log_file, self.root / "command.log"]
        lines = [line for file in texts if file.exists() for line in file.read_text(errors="replace").splitlines()]
        return " | ".join(lines[-3:])

    def _master_pid(self) -> int | None:
        if not self._prepared:
            return None
        text = self._run("cat", str(self.queue_dir / "pid" / "master.pid")).stdout.strip()
        return int(text) if text.isdecimal() and _group_alive(int(text)) else None


def require_postfix() -> None:
    """Raise PostfixError unless Postfix is installed and its commands may be run as root."""
    if not Path(_program("postfix")).exists():
        raise PostfixError("postfix: not installed (Debian: apt-get install postfix)")
    if os.geteuid() != 0 and not _may_use_sudo():
        raise PostfixError("Postfix's master runs as root: run this as root or as a user whom sudo lets in (sudo -v)")


def _may_use_sudo() -> bool:
    try:
        return subprocess.run([*_root_prefix(), "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _root_prefix() -> list[str]:
    if os.geteuid() == 0:
        return []
    # On a terminal sudo may ask again, even long after the start; elsewhere it must not wait for an answer.
    return ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]


def _program(name: str) -> str:
    # An ordinary user's PATH has no sbin on Debian.
    return shutil.which(name, path=f"/usr/sbin:/sbin:{os.environ.get('PATH', '/usr/bin:/bin')}") or f"/usr/sbin/{name}"


def _fixed_parameters() -> dict[str, str]:
    return {
        "compatibility_level": "3.6",
        "myhostname": "mx.example.jp",
        "mydestination": "",
        "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "virtual_mailbox_domains": " ".join((*DOMAINS, STRICT_DOMAIN)),
        "virtual_mailbox_limit": "0",
        "smtpd_relay_restrictions": "reject_unauth_destination",
        "smtpd_recipient_restrictions": "",
        "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
        # Else mail from loopback counts as local and gets headers that are missing.
        "local_header_rewrite_clients": "",
        # Whatever would leave the machine is returned.
        "default_transport": "error:this instance delivers to example domains only",
        "local_transport": "error:this instance has no local mailboxes",
        "alias_maps": "",
        "alias_database": "",
        "local_recipient_maps": "",
        "notify_classes": "",
        "milter_default_action": "tempfail",
        "milter_protocol": "6",
        "smtputf8_enable": "yes",
        "disable_mime_output_conversion": "yes",
        "message_size_limit": "104857600",
        "queue_run_delay": "2s",
        "minimal_backoff_time": "2s",
        "maximal_backoff_time": "4s",
        "in_flow_delay": "0",
        "smtpd_error_sleep_time": "0",
        "smtpd_soft_error_limit": "1000",
        "smtpd_hard_error_limit": "2000",
        "smtpd_client_connection_count_limit": "0",
    }


_INNER_SERVICES = (
    "pickup unix n - n 60 1 pickup",
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "tlsmgr unix - - n 1000? 1 tlsmgr",
    "rewrite unix - - n - - trivial-rewrite",
    "bounce unix - - n - 0 bounce",
    "defer unix - - n - 0 bounce",
    "trace unix - - n - 0 bounce",
    "verify unix - - n - 1 verify",
    "flush unix n - n 1000? 0 flush",
    "proxymap unix - - n - - proxymap",
    "smtp unix - - n - - smtp",
    "showq unix n - n - - showq",
    "error unix - - n - - error",
    "retry unix - - n - - error",
    "discard unix - - n - - discard",
    "virtual unix - n n - - virtual",
    "anvil unix - - n - 1 anvil",
    "scache unix - - n - 1 scache",
    "postlog unix-dgram n - n - 1 postlogd",
)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5.0) as client:
        return client.recv(4).startswith(b"220")
    return False


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    return True
