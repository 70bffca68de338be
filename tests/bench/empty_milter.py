"""A milter that does nothing: two pre-forked processes that take headers and body without a reply, and accept."""

from __future__ import annotations

import os
import signal
import sys

import Milter


class Empty(Milter.Base):  # type: ignore[misc]
    """Receives everything, keeps nothing."""

    @Milter.noreply  # type: ignore[untyped-decorator]
    @Milter.decode("bytes")  # type: ignore[untyped-decorator]
    def header(self, name: str, value: bytes) -> int:
        return int(Milter.CONTINUE)

    @Milter.noreply  # type: ignore[untyped-decorator]
    def body(self, chunk: bytes) -> int:
        return int(Milter.CONTINUE)

    def eom(self) -> int:
        return int(Milter.ACCEPT)


def serve(socket: str, processes: int = 2) -> None:
    """Listen on `socket` until SIGTERM, with the callbacks that pymilter's own runner sets."""
    Milter.factory = Empty
    Milter.set_connect_callback(Milter.connect_callback)
    Milter.set_envfrom_callback(lambda ctx, *words: ctx.getpriv().envfrom_bytes(*words))
    Milter.set_envrcpt_callback(lambda ctx, *words: ctx.getpriv().envrcpt_bytes(*words))
    Milter.set_header_callback(lambda ctx, name, value: ctx.getpriv().header_bytes(name, value))
    Milter.set_body_callback(lambda ctx, chunk: ctx.getpriv().body(chunk))
    Milter.set_eom_callback(lambda ctx: ctx.getpriv().eom())
    Milter.set_close_callback(Milter.close_callback)
    Milter.setconn(socket)
    Milter.register("empty", negotiate=Milter.negotiate_callback)
    # Postfix connects as a user of its own.
    os.umask(0o007)
    Milter.opensocket(True)
    children = [_fork() for _ in range(processes)]

    def stop(*_: object) -> None:
        for child in children:
            os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGTERM, stop)
    for child in children:
        os.waitpid(child, 0)


def _fork() -> int:
    child = os.fork()
    if child == 0:
        Milter.main()
        os._exit(0)
    return child


if __name__ == "__main__":
    serve(sys.argv[1])
