"""A filter process: opens its tools after the fork and runs libmilter's loop on the inherited socket."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import Milter
from sekisho_core.errors import SekishoError
from sekisho_core.events import Events
from sekisho_core.settings import Settings

from sekisho_milter import undecodable
from sekisho_milter.gate import Gate
from sekisho_milter.listener import Connections, Listener
from sekisho_milter.metrics import Metrics, slot_metrics
from sekisho_milter.session import ACTIONS, Session, macro
from sekisho_milter.settings import MilterSettings
from sekisho_milter.work import Work

NAME = "sekisho"
_POLL = 0.05
_NOREPLY = int(Milter.NOREPLY)


@dataclass(frozen=True)
class Lines:
    """The pipes between a filter process and its parent: orders end when it is to leave, status tells how it is."""

    orders: int
    status: int

    def tell(self, word: str) -> None:
        """One line to the parent, who may be gone."""
        try:
            os.write(self.status, f"{word}\n".encode(errors="backslashreplace"))
        except OSError:
            return


def register() -> None:
    """Make libmilter ready for its socket; the callbacks come with the filter process."""
    Milter.set_flags(ACTIONS)
    Milter.register(NAME)


def serve(work: Work, settings: Settings, listener: Listener, lines: Lines, slot: str) -> NoReturn:
    """The whole life of a filter process; it ends by itself when `lines.orders` does and its sessions are over."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # A terminal's Ctrl-C is for the parent, who ends us in order.
    os.setsid()
    _raise_descriptor_limit()
    try:
        gate_settings = settings.of(MilterSettings)
        metrics = slot_metrics(work.metrics, slot)
        tools = work.open_tools(settings, work.secret, work.events)
        gate = Gate(gate_settings, tools, work.events, metrics, work.probe)
    except SekishoError as error:
        lines.tell(f"error {error}")
        os._exit(2)
    undecodable.install()
    Callbacks(gate_settings, gate, metrics, work.events, _Recycling(gate_settings.recycle, lines)).bind()
    connections = Connections(listener)
    leaving = (listener, connections, lines, gate_settings.drain, work.events)
    threading.Thread(target=_await_orders, args=leaving, daemon=True).start()
    Milter.settimeout(gate_settings.timeout)
    lines.tell("ready")
    Milter.main()
    # libmilter was stopped by a signal that was meant for the parent.
    _drain(connections, gate_settings.drain, work.events)


class Callbacks:
    """libmilter's callbacks over sessions: each gives exactly one reply, whatever the session raises."""

    def __init__(
        self, settings: MilterSettings, gate: Gate, metrics: Metrics, events: Events, passed: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._metrics = metrics
        self._events = events
        self._passed = passed

    def bind(self) -> None:
        """Give the callbacks to pymilter."""
        Milter.set_connect_callback(self._silent(lambda session, name, family, address: session.connect(name, address)))
        Milter.set_helo_callback(self._silent(Session.helo))
        Milter.set_envfrom_callback(self._silent(lambda session, sender, *_: session.envfrom(sender)))
        Milter.set_envrcpt_callback(self._silent(lambda session, recipient, *_: session.envrcpt(recipient)))
        Milter.set_header_callback(self._silent(Session.header))
        Milter.set_eoh_callback(self._silent(Session.eoh))
        Milter.set_body_callback(self._silent(Session.body))
        Milter.set_eom_callback(self._eom)
        Milter.set_abort_callback(self._abort)
        Milter.set_close_callback(self._close)
        Milter.set_flags(ACTIONS)
        Milter.register(NAME, negotiate=self._negotiate)

    def _negotiate(self, ctx: Any, options: list[int]) -> int:
        try:
            session = Session(self._settings, self._gate.examine)
            ctx.setpriv(session)
            self._metrics.session("opened")
            return session.negotiate(options)
        except Exception as error:
            self._fault(error)
            return int(Milter.REJECT)

    def _eom(self, ctx: Any) -> int:
        try:
            return self._session(ctx).eom(ctx)
        except Exception as error:
            self._fault(error)
            return int(Milter.TEMPFAIL)
        finally:
            self._passed()

    def _abort(self, ctx: Any) -> int:
        session = ctx.getpriv()
        if session is not None:
            if dropped := session.unfinished():
                # Its sender took it back, or was cut off: it is nowhere but there.
                self._events.info("mail-abandoned", queue=macro(ctx, "i") or "-", **dropped)
            session.reset()
        return int(Milter.CONTINUE)

    def _close(self, ctx: Any) -> int:
        session = ctx.getpriv()
        if session is not None:
            self._abort(ctx)
            # Session and context must not hold each other.
            ctx.setpriv(None)
            self._metrics.session("closed")
        return int(Milter.CONTINUE)

    def _silent(self, method: Callable[..., None]) -> Callable[..., int]:
        """A phase without a reply: a fault is remembered and answered at the end of the message."""

        def callback(ctx: Any, *arguments: Any) -> int:
            try:
                session = self._session(ctx)
                try:
                    method(session, *arguments)
                except Exception as error:
                    # One line a mail: it may have ten thousand headers.
                    if session.spoil(error):
                        self._fault(error)
            except Exception as error:
                self._fault(error)
            return _NOREPLY

        return callback

    def _session(self, ctx: Any) -> Session:
        session = ctx.getpriv()
        if not isinstance(session, Session):
            raise LookupError("the MTA did not negotiate")
        return session

    def _fault(self, error: Exception) -> None:
        self._events.error("session-fault", reason=f"{type(error).__name__}: {error}")


class _Recycling:
    """Counts mails, and tells the parent once when a fresh process should take over."""

    def __init__(self, limit: int, lines: Lines) -> None:
        self._left = limit
        self._lines = lines
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._lines.tell("recycle")


def _raise_descriptor_limit() -> None:
    # The usual soft limit of 1024 is for programs that use select(2); libmilter polls, and a mail takes several.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _await_orders(listener: Listener, connections: Connections, lines: Lines, seconds: float, events: Events) -> None:
    while os.read(lines.orders, 64):
        pass
    listener.abandon()
    # A connection that libmilter was accepting at that moment is not counted yet.
    time.sleep(_POLL)
    _drain(connections, seconds, events)


def _drain(connections: Connections, seconds: float, events: Events) -> NoReturn:
    limit = time.monotonic() + seconds
    while (left := connections.count()) and time.monotonic() < limit:
        time.sleep(_POLL)
    if left:
        events.warning("sessions-cut", count=left, pid=os.getpid())
    os._exit(0)
