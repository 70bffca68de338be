"""A milter that does nothing: two pre-forked processes that take headers and body without a reply, and accept."""

from __future__ import annotations

import os
import signal
import sys

import Milter
import milter


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
    milter.set_connect_callback(Milter.connect_callback)
    milter.set_envfrom_callback(lambda ctx, *words: ctx.getpriv().envfrom_bytes(*words))
    milter.set_envrcpt_callback(lambda ctx, *words: ctx.getpriv().envrcpt_bytes(*words))
    milter.set_header_callback(lambda ctx, name, value: ctx.getpriv().header_bytes(name, value))
    milter.set_body_callback(lambda ctx, chunk: ctx.getpriv().body(chunk))
    milter.set_eom_callback(lambda ctx: ctx.getpriv().eom())
    milter.set_close_callback(Milter.close_callback)
    milter.setconn(socket)
    milter.register("empty", negotiate=Milter.negotiate_callback)
    # Postfix connects as a user of its own.
    os.umask(0o007)
    milter.opensocket(True)
    children = [_fork() for _ in range(processes)]
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(child, signal.SIGKILL) for child in children])
    for child in children:
        os.waitpid(child, 0)


def _fork() -> int:
    child = os.fork()
    if child == 0:
        milter.main()
        os._exit(0)
    return child


if __name__ == "__main__":
    serve(sys.argv[1])
