"""TAXII over HTTP: a small server that bounds what a client can take of it: threads, bytes and time.

It speaks to members on a private network or behind a reverse proxy: one request a connection, HTTP/1.1.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from sekisho_core.database import error_line
from sekisho_core.errors import SettingsError
from sekisho_core.events import Events

from sekisho_feeds.taxii_query import TAXII, TaxiiError
from sekisho_feeds.taxii_service import LARGEST_BODY, Request, Response, Service, error_resource

_LONGEST_LINE, _LARGEST_HEAD = 16 << 10, 32 << 10
_MOST_CONNECTIONS = 32
# Between two bytes that come or go, and for the whole of a connection.
_STALL, _LONGEST = 10.0, 60.0
_DRAINED, _DRAIN_SECONDS = 1 << 20, 2.0
_POLL = 0.5


class TaxiiServer(ThreadingHTTPServer):
    """Listens at once when it is made; `serve_forever` serves until `shutdown` is called from another thread.

    `tls` is a server's context, None where a reverse proxy has the certificate. `connections` may be open at once: more
    are closed without an answer. No connection lasts longer than `seconds`. Raises OSError where it cannot listen.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        service: Service,
        events: Events,
        address: tuple[str, int] = ("127.0.0.1", 6100),
        tls: ssl.SSLContext | None = None,
        connections: int = _MOST_CONNECTIONS,
        seconds: float = _LONGEST,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.service, self.events, self._tls, self.seconds = service, events, tls, seconds
        self._slots = threading.BoundedSemaphore(connections)
        self._open: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the look-up of our own name that HTTPServer does: it can take as long as DNS does."""
        socket.socket.bind(self.socket, self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection where there is room for one."""
        if not self._slots.acquire(blocking=False):
            self.events.warning("taxii-full", client=client_address[0])
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, within its time."""
        request.settimeout(_STALL)
        if self._tls is None:
            self._serve(request, client_address)
            return
        with self._tls.wrap_socket(request, server_side=True) as secured:
            self._serve(secured, client_address)

    def _serve(self, connection: socket.socket, client_address: Any) -> None:
        with self._lock:
            self._open[connection] = time.monotonic() + self.seconds
        try:
            _Handler(connection, client_address, self)
        finally:
            with self._lock:
                self._open.pop(connection, None)

    def service_actions(self) -> None:
        """End the connections whose time is over."""
        now = time.monotonic()
        with self._lock:
            for connection in [one for one, until in self._open.items() if until < now]:
                del self._open[connection]
                _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke off concerns its client alone; nothing of it reaches standard error."""
        self.events.debug("taxii-broken", client=client_address[0])


def server_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's TLS context from PEM files. Raises SettingsError naming the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{certificate}, {key}: no usable certificate and key: {error.strerror}") from None
    return context


def _cut(connection: socket.socket) -> None:
    try:
        # Not SSLSocket's own, after which its thread would go on in clear.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    """One connection: one request, whose head is read within bounds, and one answer."""

    protocol_version = "HTTP/1.1"
    server: TaxiiServer

    def handle(self) -> None:
        """Read the head, have it answered, write the answer."""
        self.close_connection = True
        self.requestline, self.request_version, self.command = "", "HTTP/1.1", ""
        try:
            response = self._answered() if self._read_head() else None
        except TaxiiError as error:
            response = Response(error.status, error_resource(error.status, error.title), error.headers)
        if response is not None:
            self._write(response)
        self._drain()

    def _read_head(self) -> bool:
        """False where the client sent nothing, or what is no HTTP, which was answered."""
        self.rfile: io.BufferedIOBase
        head = _Head(self.rfile)
        self.raw_requestline = head.readline(_LONGEST_LINE + 1)
        if not self.raw_requestline:
            return False
        body, self.rfile = self.rfile, cast(io.BufferedIOBase, head)
        try:
            return self.parse_request()
        finally:
            self.rfile = body

    def _answered(self) -> Response:
        headers = _headers(self.headers)
        request = Request(self.command, self.path, headers, lambda: self._body(headers))
        try:
            response = self.server.service.answer(request)
        # Whatever fails behind the service must not end the connection without an answer.
        except Exception as error:
            self.server.events.error("taxii-fault", reason=error_line(error))
            response = Response(500, error_resource(500, "this request failed; try again later"))
        told = {"client": self.client_address[0], "member": response.member or None, "method": self.command}
        self.server.events.info("taxii", **told, path=self.path.partition("?")[0][:200], status=response.status)
        return response

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise TaxiiError(411, "a Content-Length is wanted")
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise TaxiiError(411, "a Content-Length is wanted")
        if len(length) > 12 or int(length) > LARGEST_BODY:
            raise TaxiiError(413, f"more than {LARGEST_BODY} bytes")
        if headers.get("expect", "").lower() == "100-continue":
            super().handle_expect_100()
        try:
            content = self.rfile.read(int(length))
        except TimeoutError:
            raise TaxiiError(408, "the content did not come in time") from None
        if len(content) < int(length):
            raise TaxiiError(400, "the content ended too early")
        return content

    def _write(self, response: Response) -> None:
        # For the whole of an answer, unlike the time between two reads.
        self.connection.settimeout(self.server.seconds)
        self.send_response_only(response.status)
        self.send_header("Content-Type", TAXII)
        self.send_header("Content-Length", str(len(response.content)))
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.content)

    def _drain(self) -> None:
        """Read what the client still sends, within bounds: a reset would take the answer away from it."""
        self.connection.settimeout(_DRAIN_SECONDS)
        left = _DRAINED
        try:
            socket.socket.shutdown(self.connection, socket.SHUT_WR)
            while left > 0 and (piece := self.connection.recv(1 << 16)):
                left -= len(piece)
        except OSError:
            return

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the head's parser found wrong, as a TAXII error with a status line, which it would leave out where it
        read no version."""
        self.request_version = self.protocol_version
        self._write(Response(code, error_resource(code, http.client.responses.get(code, "no HTTP that is read here"))))

    def handle_expect_100(self) -> bool:
        """Not yet: only a member whose request is in order is told to go on."""
        return True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to standard error; the events tell."""


class _Head:
    """The lines of a request's head, all of them together no longer than is bearable."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._left = _LARGEST_HEAD

    def readline(self, most: int = -1) -> bytes:
        """The next line. Raises TaxiiError 431 when the head is too large."""
        line = self._file.readline(min(most, self._left + 1) if most >= 0 else self._left + 1)
        self._left -= len(line)
        if self._left < 0 or len(line) > _LONGEST_LINE:
            raise TaxiiError(431, "headers that are too large")
        return line


def _headers(given: Message) -> dict[str, str]:
    """Names in lower case. Raises TaxiiError 400 where one that decides something is there twice."""
    names = [name.lower() for name in given]
    for name in ("content-length", "authorization", "content-type", "transfer-encoding", "host"):
        if names.count(name) > 1:
            raise TaxiiError(400, f"{name} is given twice")
    return {name: ", ".join(given.get_all(name) or ()) for name in names}
