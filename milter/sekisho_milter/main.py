"""The milter's parent: opens the socket, keeps filter processes and attendants, follows signals, touches no mail.

It stays single-threaded, opens no database and loads no reader: what it forks must not inherit any of that.
"""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from sekisho_core.errors import SekishoError
from sekisho_core.events import Events, operator_events
from sekisho_core.settings import Log, Settings, load

from sekisho_milter import pidfile, wiring
from sekisho_milter.attendants import Attendants, Post
from sekisho_milter.breaker import guard
from sekisho_milter.children import Children, run_and_exit
from sekisho_milter.filter import Lines, register, serve
from sekisho_milter.keeper import keep
from sekisho_milter.listener import open_listener
from sekisho_milter.notify import notify, reloading, watchdog_seconds
from sekisho_milter.sentry import watch
from sekisho_milter.settings import MilterSettings
from sekisho_milter.work import Work

_TICK = 0.2
_KILL_AFTER = 2.0
_FIXED = ("socket", "socket_mode", "socket_group", "pid_file")

Check = Callable[[Settings], None]


def run(config: Path | None) -> int:
    """Run the milter until it is told to stop; returns its exit status. Raises the SekishoError of what is missing."""
    path = config.resolve() if config else None
    settings = load(path)
    events = operator_events(settings.of(Log).level)
    return Parent(path, settings, events).run()


class Parent:
    """One running milter. `open_tools` and `check` are what its filter processes work with."""

    def __init__(
        self,
        config: Path | None,
        settings: Settings,
        events: Events,
        open_tools: wiring.OpenTools = wiring.open_tools,
        check: Check = wiring.check,
    ) -> None:
        self._config = config
        self._settings = settings
        self._events = events
        self._check = check
        metrics = Path(settings.of(MilterSettings).pid_file).with_suffix(".metrics")
        probe = f"sekisho-probe-{secrets.token_hex(16)}"
        self._work = Work(open_tools, events, metrics, probe, secrets.token_bytes(32))
        self._asked: list[int] = []
        posts = [
            Post("sentry", self._watch, patient=False),
            Post("keeper", self._keep, patient=True),
            Post("breaker", self._guard, patient=True),
        ]
        self._attendants = Attendants(posts, self._not_for_attendants, events)

    def run(self) -> int:
        """Start, serve, stop. Raises SekishoError when the start fails."""
        milter = self._settings.of(MilterSettings)
        self._lock = pidfile.claim(Path(milter.pid_file), self._work.probe)
        shutil.rmtree(self._work.metrics, ignore_errors=True)
        self._work.metrics.mkdir(mode=0o700)
        refusal = self._refusal(self._settings)
        if refusal:
            raise SekishoError(refusal)
        register()
        self._listener = open_listener(milter)
        self._log_settings()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda asked, _frame: self._asked.append(asked))
        self._children = Children(_processes(milter), self._start_with(self._settings), self._events, milter.drain)
        try:
            return self._serve()
        finally:
            self._attendants.kill()
            self._children.kill()
            Path(milter.pid_file).unlink(missing_ok=True)

    def _serve(self) -> int:
        announced = False
        while not {signal.SIGTERM, signal.SIGINT} & set(self._asked):
            if signal.SIGHUP in self._asked:
                self._asked.remove(signal.SIGHUP)
                self._reload()
                announced = False
            self._children.tick()
            if self._children.all_ready and not announced:
                announced = True
                notify("READY=1", "STATUS=serving")
                self._events.info("serving", socket=self._settings.of(MilterSettings).socket)
            if announced:
                self._attendants.tick()
            self._wait()
            if not self._listener.in_place():
                self._events.error("socket-lost", socket=self._settings.of(MilterSettings).socket)
                self._stop()
                return 1
        self._stop()
        return 0

    def _wait(self) -> None:
        children, attendants = self._children.descriptors(), self._attendants.descriptors()
        for descriptor in select.select([*children, *attendants], [], [], _TICK)[0]:
            if descriptor in children:
                self._children.read(children[descriptor])
            elif self._attendants.hear(attendants[descriptor]):
                notify("WATCHDOG=1")

    def _stop(self) -> None:
        notify("STOPPING=1")
        self._asked.clear()
        self._listener.close()
        self._attendants.dismiss()
        self._children.close()
        limit = time.monotonic() + self._settings.of(MilterSettings).drain + _KILL_AFTER
        # A second signal means: at once.
        while (self._children.alive or self._attendants.alive) and time.monotonic() < limit and not self._asked:
            self._wait()
        self._events.info("stopped", killed=self._children.alive or None)

    def _reload(self) -> None:
        reloading()
        try:
            fresh = self._kept(load(self._config))
            refusal = self._refusal(fresh)
        except SekishoError as error:
            refusal = str(error)
        if refusal:
            self._events.error("reload-refused", reason=refusal)
            return
        self._settings = fresh
        self._log_settings()
        self._attendants.dismiss()
        milter = fresh.of(MilterSettings)
        self._children.renew(_processes(milter), self._start_with(fresh), milter.drain)

    def _kept(self, fresh: Settings) -> Settings:
        """`fresh` with what only a restart can change as it is now."""
        old, new = self._settings.of(MilterSettings), fresh.of(MilterSettings)
        changed = [key for key in _FIXED if getattr(old, key) != getattr(new, key)]
        if changed:
            raise SekishoError(f"milter.{changed[0]}: only a restart can change it")
        return fresh

    def _refusal(self, settings: Settings) -> str:
        """What `check` says against these settings, "" if nothing; asked in a process of its own."""
        answer, ours = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(answer)
            run_and_exit(lambda: self._tell_refusal(settings, ours))
        os.close(ours)
        with os.fdopen(answer, "rb") as pipe:
            text = pipe.read().decode("utf-8", "replace")
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return text or ("" if status == 0 else f"the check of the settings ended with status {status}")

    def _tell_refusal(self, settings: Settings, pipe: int) -> None:
        try:
            self._check(settings)
        except SekishoError as error:
            os.write(pipe, str(error).encode(errors="backslashreplace"))

    def _start_with(self, settings: Settings) -> Callable[[Lines, str], None]:
        def start(lines: Lines, slot: str) -> None:
            self._close_inherited()
            serve(self._work, settings, self._listener, lines, slot)

        return start

    def _close_inherited(self) -> None:
        for end in (self._lock, *self._attendants.pipes()):
            os.close(end)

    def _not_for_attendants(self) -> list[int]:
        return [self._lock, self._listener.descriptor, *self._children.pipes()]

    def _watch(self, orders: int, beats: int) -> None:
        watch(self._work, self._settings, orders, beats, watchdog_seconds())

    def _keep(self, orders: int, _beats: int) -> None:
        keep(self._work, self._settings, orders)

    def _guard(self, orders: int, _beats: int) -> None:
        guard(self._work, self._settings, orders)

    def _log_settings(self) -> None:
        shown: dict[str, Any] = self._settings.effective()
        self._events.info("settings", file=self._settings.path or "defaults", pid=os.getpid())
        for table, values in shown.items():
            self._events.debug("settings", table=table, values=msgspec.json.encode(values).decode())


def _processes(settings: MilterSettings) -> int:
    return settings.processes or os.cpu_count() or 1
