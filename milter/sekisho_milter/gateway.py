"""A whole gateway on loopback: private Postfix, inspection service, milter, quarantine on SQLite, index from packs.

Its programs are the same commands that an administrator runs, over a settings file of its own.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from sekisho_core.errors import SekishoError

from sekisho_milter.postfix import PrivatePostfix

PACKS = ("npa-2012h1", "examples")
_COMMAND = (sys.executable, "-c", "from sekisho_core.cli import main; main()")
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
Tables = Mapping[str, Mapping[str, object]]


class GatewayError(SekishoError):
    """A part of the gateway that did not start."""


class Gateway:
    """The gateway under `root`; a context manager that starts all on entry and leaves nothing running.

    `tables` extends its settings file, table by table; `postfix_options` go to PrivatePostfix. Raises GatewayError or
    PostfixError naming the part that did not start and its last words.
    """

    def __init__(self, root: Path, tables: Tables | None = None, **postfix_options: Any) -> None:
        self.root = root
        self.config = root / "sekisho.toml"
        self.postfix = PrivatePostfix(root / "postfix", **postfix_options)
        self._tables = tables or {}
        self._services: dict[str, subprocess.Popen[bytes]] = {}
        self._held = ExitStack()

    def __enter__(self) -> Gateway:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start every part, each when the one before it is ready."""
        self._held.callback(self.postfix.give_back)
        self.postfix.prepare()
        self._write_settings()
        self.command("rules", "compile")
        self.start_service("inspection", self.root / "inspection.sock")
        self.start_service("milter", self.postfix.milter_socket)
        self._held.callback(self.postfix.stop)
        self.postfix.start()

    def stop(self) -> None:
        """Postfix first, so that no mail meets a missing filter; then the services in the reverse order."""
        self._held.close()

    def command(self, *arguments: str) -> str:
        """The standard output of `sekisho GROUP COMMAND …` with this gateway's settings; status 1 is an answer too.

        Raises GatewayError with its last line of error.
        """
        group, verb, *rest = arguments
        line = [*_COMMAND, group, verb, "--config", str(self.config), *rest]
        result = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if result.returncode not in (0, 1):
            raise GatewayError(f"sekisho {' '.join(arguments)}: {(result.stderr.strip().splitlines() or ['?'])[-1]}")
        return result.stdout

    def quarantined(self, recipient: str = "") -> list[dict[str, Any]]:
        """The records as `sekisho quarantine list --json` tells them, newest first; those of one recipient if given."""
        records = json.loads(self.command("quarantine", "list", "--json", "--recipient", recipient))
        assert isinstance(records, list)
        return records

    def log(self, service: str) -> str:
        """What a service ("inspection", "milter") wrote to standard error."""
        return (self.root / f"{service}.log").read_text(encoding="utf-8", errors="backslashreplace")

    def pid(self, service: str) -> int:
        """The process id of a service's parent."""
        return self._services[service].pid

    def start_service(self, service: str, ready: Path) -> None:
        """Start `sekisho SERVICE run` and wait until its socket listens; it is stopped with the gateway. One that was
        started before is replaced."""
        if service in self._services:
            self.stop_service(service)
        else:
            self._held.callback(self.stop_service, service)
        line = self.program(service)
        with (self.root / f"{service}.log").open("ab") as log:
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._services[service] = process
        _wait(lambda: process.poll() is not None or _listening(ready), _READY_SECONDS)
        if process.poll() is not None or not _listening(ready):
            raise GatewayError(f"sekisho {service} run did not start: {(self.log(service).splitlines() or ['?'])[-1]}")

    def program(self, service: str) -> list[str]:
        """The command line of a service."""
        return [*_COMMAND, service, "run", "--config", str(self.config)]

    def stop_service(self, service: str) -> None:
        """End a service politely; what does not go within the drain is killed with its children."""
        process = self._services.get(service)
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        # Children outlive a parent that died of itself; the session is theirs alone.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _write_settings(self) -> None:
        for name in ("bodies", "spool", "index"):
            (self.root / name).mkdir(mode=0o700)
        tables = {name: dict(table) for name, table in self._own_tables().items()}
        for name, table in self._tables.items():
            tables.setdefault(name, {}).update(table)
        text = "\n".join(f"[{name}]\n{_toml_lines(table)}" for name, table in tables.items())
        self.config.write_text(text, encoding="utf-8")

    def _own_tables(self) -> dict[str, dict[str, object]]:
        return {
            "organisation": {"own_domains": ["example.jp"]},
            "database": {"url": f"sqlite:///{self.root / 'sekisho.sqlite'}"},
            "inspection": {"socket": str(self.root / "inspection.sock"), "workers": 2},
            "rules": {"index": str(self.root / "index"), "packs": list(PACKS)},
            "quarantine": {
                "bodies": str(self.root / "bodies"),
                "release_port": self.postfix.reinject_port,
                "postfix_config": str(self.postfix.config_dir),
                "seal_file": str(self.root / "seal"),
                "journal": str(self.root / "journal"),
            },
            "milter": {
                "socket": f"unix:{self.postfix.milter_socket}",
                # Its directory has the set-group-id bit, so the socket is Postfix's group's already.
                "socket_group": "",
                "processes": 2,
                "drain": 10.0,
                "spool": str(self.root / "spool"),
                "metrics": "",
                "pid_file": str(self.root / "milter.pid"),
            },
        }


def _toml_lines(table: Mapping[str, object]) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # JSON's strings, numbers and booleans are TOML's too.
    return json.dumps(value, ensure_ascii=False)


def _listening(path: Path) -> bool:
    """Whether a server listens on the Unix socket, without a connection that it would have to answer."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return False
    except OSError:
        return False
    # /proc/net/unix: the flags' bit 0x10000 (__SO_ACCEPTCON) is set on listening sockets.
    with Path("/proc/net/unix").open(encoding="ascii", errors="replace") as table:
        rows = (row.split() for row in table)
        return any(row[-1] == str(path) and int(row[3], 16) & 0x10000 for row in rows if len(row) == 8)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
