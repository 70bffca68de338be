"""A web server on loopback that answers as a test tells it, well or badly, and certificates for it."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Answer = Callable[["Asked"], None]


class Asked(BaseHTTPRequestHandler):
    """One request, and the means to answer it in any way."""

    protocol_version = "HTTP/1.1"
    body = b""

    def reply(self, status: int, content: bytes = b"", **headers: str) -> None:
        """A whole answer; underscores in the names of headers are hyphens, and an empty value leaves one out."""
        self.send_response_only(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Date": self.date_time_string(), "Content-Length": str(len(content)), **named}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def do_GET(self) -> None:
        web = cast("_Server", self.server).web
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        web.asked.append(self)
        web.answer(self)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


class _Server(ThreadingHTTPServer):
    web: Web

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what many tests are about."""


class Web:
    """What was asked, and how to answer."""

    def __init__(self, answer: Answer, port: int, scheme: str) -> None:
        self.answer, self.port, self.scheme = answer, port, scheme
        self.asked: list[Asked] = []

    def url(self, path: str = "/feed", host: str = "127.0.0.1") -> str:
        """A URL here."""
        return f"{self.scheme}://{host}:{self.port}{path}"


@contextmanager
def served(answer: Answer, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Web]:
    """A server that answers each request with `answer`; ended afterwards."""
    server = _Server((host, 0), Asked)
    server.daemon_threads, server.block_on_close = True, False
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.web = Web(answer, server.server_address[1], "https" if context else "http")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Authority:
    """A private certificate authority in a folder; `key_usage` is the extension that Python 3.13 asks for."""

    def __init__(self, folder: Path, *, key_usage: bool = True) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        builder = _builder(self._name, self._name, self._key.public_key(), self._key.public_key(), days=30)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        if key_usage:
            usage = dict.fromkeys(
                ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                 "encipher_only", "decipher_only"), False,
            )  # fmt: skip
            builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, days: int = 30, client: bool = False) -> tuple[str, str]:
        """A certificate for a host or client and its key, as files; it ends in `days`, which may be past."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        certificate = (
            _builder(subject, self._name, key.public_key(), self._key.public_key(), days=days)
            .add_extension(x509.SubjectAlternativeName([_general(name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = self._folder / f"{name}{days}.pem", self._folder / f"{name}{days}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return str(files[0]), str(files[1])

    def context(self, name: str, *, days: int = 30, clients: bool = False) -> ssl.SSLContext:
        """The TLS of a server called `name`; with `clients`, it demands a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, days=days))
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, of: ec.EllipticCurvePublicKey, *, days: int
) -> x509.CertificateBuilder:
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=60))
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(of), critical=False)
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
