"""A milter under test: its settings, its process, what it logged and recorded."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sekisho_milter.gateway import Gateway
from sekisho_milter.postfix import PrivatePostfix
from sekisho_milter.probe import Dialogue
from sqlalchemy import create_engine, text

PROGRAM = Path(__file__).with_name("filter_program.py")
Row = Mapping[str, object]
Tables = Mapping[str, Mapping[str, object]]


def until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait for a condition, within a bound."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


class Observed:
    """A milter that runs below `root`: what it logged and recorded."""

    root: Path

    @property
    def pid(self) -> int:
        raise NotImplementedError

    @property
    def log_file(self) -> Path:
        return self.root / "milter.log"

    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def events(self, name: str) -> list[str]:
        """Lines of one event."""
        return [line for line in self.log().splitlines() if f" {name} " in f"{line} "]

    def filters(self) -> list[int]:
        """Process ids of the filter processes: the parent's children that hold libmilter's threads."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children if len(list(Path(f"/proc/{child}/task").iterdir())) > 1]

    def records(self) -> list[Row]:
        """The rows of the store's passages, oldest first."""
        engine = create_engine(f"sqlite:///{self.root}/sekisho.sqlite")
        try:
            with engine.connect() as connection:
                return [dict(row) for row in connection.execute(text("SELECT * FROM passages ORDER BY id")).mappings()]
        finally:
            engine.dispose()

    def body(self, record: Row) -> bytes:
        """The stored bytes of a record."""
        (path,) = (self.root / "bodies").rglob(f"{record['sha256']}*")
        return path.read_bytes()


class RealMilter(Observed):
    """The milter of a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.root = gateway.root
        self._gateway = gateway

    @property
    def pid(self) -> int:
        return self._gateway.pid("milter")


class Milter(Observed):
    """The filter program on a unix socket; `tables` extends its settings."""

    def __init__(self, root: Path, socket: Path, tables: Tables | None = None) -> None:
        self.root = root
        self.socket = socket
        self.config = root / "sekisho.toml"
        for name in ("bodies", "spool", "index"):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "index" / "current").write_text("7")
        self.write_settings(tables or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"unix:{self.socket}"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def write_settings(self, tables: Tables) -> None:
        """The settings file: what every test needs, and `tables` over it."""
        settings: dict[str, dict[str, object]] = {
            "database": {"url": f"sqlite:///{self.root}/sekisho.sqlite", "timeout": 5.0},
            "rules": {"index": str(self.root / "index")},
            "quarantine": {
                "bodies": str(self.root / "bodies"),
                "seal_file": str(self.root / "seal"),
                "journal": str(self.root / "journal"),
            },
            "milter": {
                "socket": self.endpoint,
                "socket_group": "",
                "socket_mode": "0666",
                "processes": 2,
                "drain": 5.0,
                "spool": str(self.root / "spool"),
                "metrics": "",
                "pid_file": str(self.root / "milter.pid"),
            },
        }
        for name, table in tables.items():
            settings.setdefault(name, {}).update(table)
        lines = [
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
            for name, table in settings.items()
        ]
        self.config.write_text("\n".join(lines), encoding="utf-8")

    def start(self) -> Milter:
        """Start and wait until it serves."""
        served = self.log().count(" serving ")
        self.launch()
        until(lambda: self.log().count(" serving ") > served or self.exit_status() is not None, "the milter serves")
        assert self.exit_status() is None, self.log()
        return self

    def launch(self, log_file: Path | None = None) -> None:
        """Start without waiting, with its log in another file if given."""
        with (log_file or self.log_file).open("ab") as log:
            command = [sys.executable, "-X", "faulthandler", str(PROGRAM), str(self.config)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def exit_status(self, seconds: float = 0.0) -> int | None:
        """Its exit status once it ended, waiting up to `seconds`."""
        assert self._process
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number: signal.Signals) -> None:
        """A signal to the parent."""
        os.kill(self.pid, number)

    def stop(self) -> None:
        """End it; nothing of it stays."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            if self.exit_status(15) is None:
                self._process.kill()
                self._process.wait()

    def dialogue(self, **options: int) -> Dialogue:
        """A connection as an MTA would make it."""
        return Dialogue(self.endpoint, 20.0, **options)


@contextmanager
def gate(tables: Tables | None = None, **postfix: Any) -> Iterator[tuple[PrivatePostfix, Milter]]:
    """A private Postfix with the milter before it, both started; nothing of them stays."""
    root = Path(tempfile.mkdtemp(prefix="sekisho-gate-"))
    root.chmod(0o755)
    instance = PrivatePostfix(root / "postfix", **postfix)
    instance.prepare()
    milter = Milter(root, instance.milter_socket, tables)
    try:
        milter.start()
        with instance:
            yield instance, milter
    finally:
        milter.stop()
        # Shown by pytest beside a failure.
        print("\n".join(line for line in milter.log().splitlines() if " info " not in line))
        shutil.rmtree(root)
