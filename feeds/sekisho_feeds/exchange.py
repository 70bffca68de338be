"""One exchange: a request to a checked address and its answer, within a time, with faults told for an operator.

httpx makes the connection; its client, with redirects, cookies, environment and a log of URLs, is not used.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from typing import Any

import httpx
from sekisho_core.display import visible

from sekisho_feeds.access import Access, parsed, shown
from sekisho_feeds.guarded_network import Refused, Resolver, Unresolved, checked, literal, refuse
from sekisho_feeds.harvest import FeedError

_MOST_TRIED = 4
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What Python asks of certificates since 3.13 (VERIFY_X509_STRICT) and not before, by the numbers of OpenSSL: from
# X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA to X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3, among them the missing keyUsage.
_STRICT = range(80, 94)


class Passing(FeedError):
    """A fault that may be gone at the next attempt."""


class NotConnected(Passing):
    """A fault before anything was sent."""


@contextmanager
def exchange(
    access: Access, method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes, until: float,
    resolve: Resolver | None = None,
) -> Iterator[httpx.Response]:  # fmt: skip
    """The answer to one request, its body not yet read; everything is closed afterwards.

    Ends at `until` (time.monotonic), however slowly the other side goes on. Raises Passing for faults of the network,
    FeedError for an address that may not be connected to and for faults of TLS; also from what is done inside.
    """
    request = httpx.Request(method, url.copy_with(userinfo=b"", fragment=None), headers=dict(headers), content=content)
    with _told(access, url, until), ExitStack() as stack:
        watch = stack.enter_context(_Watch(until))
        transport = httpx.HTTPTransport(
            verify=_context(access, url), trust_env=False, proxy=_proxy(access),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
        )  # fmt: skip
        stack.callback(transport.close)
        response = _sent(access, transport, request, watch, until, resolve)
        stack.callback(response.close)
        yield response


def _sent(
    access: Access, transport: httpx.HTTPTransport, request: httpx.Request, watch: _Watch, until: float,
    resolve: Resolver | None,
) -> httpx.Response:  # fmt: skip
    url, host = request.url, request.url.host
    addresses = _addresses(access, url, until, resolve)
    for number, address in enumerate(addresses, 1):
        # The checked address stands in the URL, so that nothing resolves the name again; Host was set before, and the
        # certificate is asked for and compared by the name.
        request.url = url.copy_with(host=address)
        request.extensions = {"timeout": _timeouts(access, until), "trace": watch.see}
        if literal(host) is None and not access.proxy:
            request.extensions["sni_hostname"] = host
        try:
            return transport.handle_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if number == len(addresses) or _tls_fault(error) or time.monotonic() >= until:
                raise
    raise Unresolved(f"{visible(host, 100)}: the name cannot be resolved")


def _addresses(access: Access, url: httpx.URL, until: float, resolve: Resolver | None) -> list[str]:
    allow_private = access.allow_private and access.is_home(url)
    port = url.port or _DEFAULT_PORTS[url.scheme]
    if not access.proxy:
        found = checked(url.host, port, allow_private, until - time.monotonic(), resolve)
        return list(islice(found, _MOST_TRIED))
    # A proxy resolves the name itself, and by its own rules; what our resolver knows of a redirect's target is heeded.
    if (itself := literal(url.host)) is not None:
        refuse(url.host, itself, allow_private)
    elif not access.is_home(url):
        with suppress(Unresolved):
            checked(url.host, port, allow_private, min(access.connect_timeout, until - time.monotonic()), resolve)
    return [url.host]


def _timeouts(access: Access, until: float) -> dict[str, float]:
    left = max(until - time.monotonic(), 0.001)
    connect, read = min(access.connect_timeout, left), min(access.read_timeout, left)
    return {"connect": connect, "pool": connect, "read": read, "write": read}


def _proxy(access: Access) -> httpx.Proxy | None:
    if not access.proxy:
        return None
    url = parsed(access.proxy)
    return httpx.Proxy(url, ssl_context=ssl.create_default_context() if url.scheme == "https" else None)


def _context(access: Access, url: httpx.URL) -> ssl.SSLContext:
    """What is trusted, and our certificate for the source's own host alone. Raises FeedError for unusable files."""
    if url.scheme != "https":
        # Trusts nobody, and is not used; to load the system's authorities takes 30 ms.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context = ssl.create_default_context(cafile=access.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise FeedError(
            f"{access.ca_file}: no certificates of authorities can be read from it: {_why(error)}"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if access.client_certificate and access.may_know(url):
        try:
            # Without a password's callback OpenSSL would ask for it at the terminal.
            context.load_cert_chain(access.client_certificate, access.client_key or None, password=lambda: b"")
        except (OSError, ssl.SSLError, ValueError) as error:
            place = access.client_certificate
            raise FeedError(f"{place}: the client's certificate and key cannot be used: {_why(error)}") from error
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not in PEM form").lower().replace("_", " ")
    return (error.strerror if isinstance(error, OSError) else None) or "not in a form that is known"


@contextmanager
def _told(access: Access, url: httpx.URL, until: float) -> Iterator[None]:
    place = shown(str(url))
    try:
        yield
    except httpx.LocalProtocolError:
        # Its text quotes headers, and with them a key.
        raise FeedError(f"{place}: the request cannot be written as HTTP") from None
    except httpx.ProxyError as error:
        raise NotConnected(f"{place}: the proxy {shown(access.proxy)} refuses: {visible(str(error), 80)}") from None
    except (httpx.TransportError, httpx.InvalidURL, httpx.StreamError) as error:
        if time.monotonic() >= until:
            raise FeedError(f"{place}: not complete within the time allowed for it") from None
        if fault := _tls_fault(error):
            raise FeedError(f"{place}: {tls_message(fault)}") from None
        kind = NotConnected if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) else Passing
        raise kind(f"{place}: {_network_message(error)}") from None
    except Refused as error:
        raise FeedError(f"{place}: {error}") from None
    except Unresolved as error:
        raise NotConnected(f"{place}: {error}") from None


def _network_message(error: Exception) -> str:
    if isinstance(error, httpx.ConnectTimeout | httpx.ReadTimeout | httpx.WriteTimeout | httpx.PoolTimeout):
        return "no answer in time" if isinstance(error, httpx.ReadTimeout) else "no connection in time"
    if isinstance(error, httpx.ConnectError):
        return f"no connection: {visible(str(error), 80)}"
    if "complete message body" in str(error):
        return "the answer is cut off: it ends before the length that it names"
    return f"the answer breaks off or is no HTTP: {visible(str(error), 80)}"


def _tls_fault(error: BaseException | None) -> ssl.SSLError | None:
    # An end without a farewell is a fault of the network, not of trust.
    for _ in range(8):
        if error is None:
            return None
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return error
        error = error.__cause__ or error.__context__
    return None


def tls_message(error: ssl.SSLError) -> str:
    """What is wrong with the other side's TLS, in words, and what to do where one can do something."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS fails: {_why(error)}"
    said = f"its certificate is refused: {visible(error.verify_message, 200)}"
    if error.verify_code in _STRICT:
        said += (
            "; since Python 3.13 the certificates of a private authority are held to RFC 5280: issue them anew, the"
            " authority's with a critical basicConstraints, keyUsage keyCertSign and the key identifiers"
        )
    return said


class _Watch:
    """Shuts the connection down at a time: a read's own limit begins anew with each byte that drips in."""

    def __init__(self, until: float) -> None:
        self._twin: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(max(until - time.monotonic(), 0.001), self._shut)
        self._timer.daemon = True
        self._shut_down = False

    def __enter__(self) -> _Watch:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._twin is not None:
                self._twin.close()
                self._twin = None

    def see(self, event: str, info: Mapping[str, Any]) -> None:
        """Note the connection's socket; by a second descriptor, for TLS takes the first."""
        if event == "connection.connect_tcp.complete":
            twin = info["return_value"].get_extra_info("socket").dup()
            with self._lock:
                self._twin, before = twin, self._twin
                if self._shut_down:
                    self._stop()
            if before is not None:
                before.close()

    def _shut(self) -> None:
        with self._lock:
            self._shut_down = True
            self._stop()

    def _stop(self) -> None:
        if self._twin is not None:
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)
