"""TLS on loopback: whom the transport trusts, what it says of those it does not, and its own certificate."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback_web import Authority, served
from sekisho_feeds.access import Access
from sekisho_feeds.exchange import tls_message
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.transport import Pace, fetch


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A private authority."""
    return Authority(tmp_path)


def _access(url: str, authority: Authority, **more: Any) -> Access:
    return Access(url, ca_file=str(authority.file), allow_private=True, seconds=20.0, attempts=2, **more)


NAMED = Pace(sleep=lambda seconds: None, resolve=lambda host, port: ["127.0.0.1"])


def test_private_authority(authority: Authority) -> None:
    """A server of a private authority is trusted by its file, by name and by address, and by nothing else."""
    for name in ("feed.example", "127.0.0.1"):
        with served(lambda asked: asked.reply(200, b"x"), authority.context(name)) as web:
            assert fetch(_access(web.url(host=name), authority), pace=NAMED).content == b"x"
            assert web.asked[0].headers["Host"] == f"{name}:{web.port}"
            with pytest.raises(FeedError, match="certificate is refused"):
                fetch(Access(web.url(host=name), allow_private=True, attempts=1), pace=NAMED)


def test_environment_is_not_trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an authority nor a proxy comes from the environment."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(authority.file))
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with served(lambda asked: asked.reply(200, b"x"), authority.context("127.0.0.1")) as web:
        assert fetch(_access(web.url(), authority)).content == b"x"
        with pytest.raises(FeedError, match="certificate is refused"):
            fetch(Access(web.url(), allow_private=True, attempts=1))


@pytest.mark.parametrize(
    ("name", "days", "said"), [("feed.example", -1, "expired"), ("other.example", 30, "Hostname mismatch")]
)
def test_bad_certificates(authority: Authority, name: str, days: int, said: str) -> None:
    """An expired certificate and one of another name are refused at once and told; nothing is asked (C29)."""
    with served(lambda asked: asked.reply(200, b"x"), authority.context(name, days=days)) as web:
        with pytest.raises(FeedError, match=said) as raised:
            fetch(_access(web.url(host="feed.example"), authority), pace=NAMED)
        assert str(raised.value).startswith(f"https://feed.example:{web.port}/feed: its certificate is refused: ")
        assert web.asked == []


def test_client_certificate(authority: Authority) -> None:
    """Our certificate opens a server that demands one; without it, the fault is told; another origin never sees it."""
    certificate, key = authority.issue("member", client=True)
    mine: dict[str, Any] = {"client_certificate": certificate, "client_key": key}
    with served(lambda asked: asked.reply(200, b"x"), authority.context("127.0.0.1", clients=True)) as web:
        assert fetch(_access(web.url(), authority, **mine)).content == b"x"
        with pytest.raises(FeedError, match=r"TLS fails: .*certificate required"):
            fetch(_access(web.url(), authority))
    with (
        served(lambda asked: asked.reply(200, b"x"), authority.context("feed.example", clients=True)) as web,
        served(
            lambda asked: asked.reply(302, Location=web.url(host="feed.example")), authority.context("feed.example")
        ) as other,
        pytest.raises(FeedError, match="certificate required"),
    ):
        fetch(_access(other.url(host="feed.example"), authority, **mine), pace=NAMED)
    assert (len(web.asked), len(other.asked)) == (0, 1)


def test_no_downgrade(authority: Authority) -> None:
    """A redirect from https to http is refused, on the same host as well."""
    with (
        served(lambda asked: asked.reply(200, b"x")) as plain,
        served(lambda asked: asked.reply(301, Location=plain.url()), authority.context("127.0.0.1")) as web,
        pytest.raises(FeedError, match="which is not encrypted"),
    ):
        fetch(_access(web.url(), authority))
    assert plain.asked == []


def test_files_that_do_not_serve(authority: Authority, tmp_path: Path) -> None:
    """Files of authorities, certificates and keys that are missing or hold none are named."""
    (tmp_path / "bad.pem").write_text("no certificate")
    certificate, _ = authority.issue("member", client=True)
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
    url = "https://127.0.0.1:1/"
    for name in ("bad.pem", "none.pem"):
        with pytest.raises(FeedError, match=rf"{name}: no certificates"):
            fetch(Access(url, ca_file=str(tmp_path / name), allow_private=True))
        with pytest.raises(FeedError, match=rf"{name}: the client's certificate"):
            fetch(_access(url, authority, client_certificate=str(tmp_path / name)))
    with pytest.raises(FeedError, match="cannot be used"):
        fetch(_access(url, authority, client_certificate=certificate, client_key=str(encrypted)))


@pytest.fixture
def handshake_that_drips() -> Iterator[int]:
    """A port where a TLS handshake never ends, byte by byte."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    # The head of a handshake record that announces 16 kB.
                    connection.sendall(b"\x16\x03\x03\x40\x00")
                    while not over.wait(0.05):
                        connection.sendall(b"\0")
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()


def test_handshake_that_drips(handshake_that_drips: int) -> None:
    """A handshake that does not end is left when the time for the whole fetch is over."""
    with pytest.raises(FeedError, match="within the time allowed"):
        fetch(Access(f"https://127.0.0.1:{handshake_that_drips}/", allow_private=True, seconds=0.5))


def test_authority_that_newer_python_refuses(tmp_path: Path) -> None:
    """An authority without the extension keyUsage, which Python refuses since 3.13, is told with what to do."""
    authority = Authority(tmp_path, key_usage=False)
    strict = ssl.create_default_context(cafile=str(authority.file))
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    with served(lambda asked: asked.reply(200, b"x"), authority.context("127.0.0.1")) as web:
        with (
            socket.create_connection(("127.0.0.1", web.port)) as connection,
            pytest.raises(ssl.SSLError) as raised,
        ):
            strict.wrap_socket(connection, server_hostname="127.0.0.1")
        told = tls_message(raised.value)
        assert "does not include key usage" in told and "since Python 3.13" in told
