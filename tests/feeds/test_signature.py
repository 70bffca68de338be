"""Signatures made by the real minisign and gpg, good, bad and old."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.harvest import FeedError
from sekisho_feeds.signature import Signed, verify, verify_pgp

CONTENT = b"198.51.100.7\n" * 100
Sign = Callable[..., bytes]


def _minisign(*arguments: str) -> None:
    subprocess.run(["minisign", *arguments], check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)


@pytest.fixture
def public_key(tmp_path: Path) -> str:
    """A key pair of minisign without a password."""
    _minisign("-GW", "-p", str(tmp_path / "k.pub"), "-s", str(tmp_path / "k.key"))
    return (tmp_path / "k.pub").read_text()


@pytest.fixture
def sign(tmp_path: Path, public_key: str) -> Sign:
    """Signs with that key; `more` goes to minisign."""

    def signed(content: bytes, *more: str) -> bytes:
        (tmp_path / "x").write_bytes(content)
        _minisign("-S", "-s", str(tmp_path / "k.key"), "-m", str(tmp_path / "x"), *more)
        return (tmp_path / "x.minisig").read_bytes()

    return signed


def test_minisign(sign: Sign, public_key: str) -> None:
    """What minisign signs is good, with its time; also by the bare line of the key and with an old key beside it."""
    signature = sign(CONTENT)
    found = verify(CONTENT, signature, public_key)
    assert found.timestamp is not None and found.comment.startswith("timestamp:")
    other = "untrusted comment: x\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n"
    for keys in (public_key.splitlines()[1], other + public_key):
        assert verify(CONTENT, signature, keys) == found
    assert msgspec.json.decode(msgspec.json.encode(found), type=Signed) == found


def test_minisign_legacy(sign: Sign, public_key: str) -> None:
    """A signature of the content itself and not of its hash is good as well."""
    assert verify(CONTENT, sign(CONTENT, "-l"), public_key).timestamp


def test_changed(sign: Sign, public_key: str) -> None:
    """Content, comment and signatures that were changed are refused, and so is what is no signature (C29)."""
    signature = sign(CONTENT, "-t", "serial:7")
    lines = signature.split(b"\n")
    comment = signature.replace(b"serial:7", b"serial:8")
    other = sign(b"other", "-t", "serial:8").split(b"\n")
    mixed = b"\n".join((*lines[:2], *other[2:]))
    for content, given_signature in (
        (CONTENT + b"x", signature),
        (b"", signature),
        (CONTENT, comment),
        (CONTENT, mixed),
    ):
        with pytest.raises(FeedError, match="changed, or signed by another key"):
            verify(content, given_signature, public_key)
    for none in (b"", b"x", b"\n".join(lines[:3]), b"a" * (2 << 20), signature.replace(lines[1], b"RW"), CONTENT):
        with pytest.raises(FeedError, match="not one of minisign"):
            verify(CONTENT, none, public_key)


def test_another_key(sign: Sign, public_key: str, tmp_path: Path) -> None:
    """A signature by another key is refused; no key, or none that is one, refuses all."""
    signature = sign(CONTENT)
    _minisign("-GW", "-p", str(tmp_path / "o.pub"), "-s", str(tmp_path / "o.key"))
    with pytest.raises(FeedError, match="which is not the feed's"):
        verify(CONTENT, signature, (tmp_path / "o.pub").read_text())
    for keys in ("", "untrusted comment: none\n", "RWQ", "\u00e9" * 56):
        with pytest.raises(FeedError):
            verify(CONTENT, signature, keys)


def test_replay(sign: Sign, public_key: str) -> None:
    """An older version that was once signed is refused, and one that hides its number; the same one passes (C29)."""
    seventh = verify(CONTENT, sign(CONTENT, "-t", "serial:7 timestamp:1000"), public_key)
    assert (seventh.serial, seventh.timestamp) == (7, 1000)
    for comment in ("serial:7 timestamp:1000", "timestamp:1001\tserial: 8"):
        verify(CONTENT, sign(CONTENT, "-t", comment), public_key, seventh)
    for comment in (
        "serial:6 timestamp:2000",
        "serial:8\ttimestamp:999",
        "serial:8",
        "hello",
        "xserial:9 timestamp:2000",
    ):
        with pytest.raises(FeedError, match="an older version is played back"):
            verify(CONTENT, sign(CONTENT, "-t", comment), public_key, seventh)


@given(st.binary(max_size=300), st.text(max_size=80))
def test_anything(signature: bytes, keys: str) -> None:
    """Whatever is given as a signature and a key, nothing but a FeedError comes of it."""
    with pytest.raises(FeedError):
        verify(CONTENT, b"untrusted comment: x\n" + signature, keys)


@pytest.fixture
def pgp(tmp_path: Path) -> Iterator[Callable[..., bytes]]:
    """Runs gpg in a home of its own, with a key for feed@example.jp."""
    if not (shutil.which("gpg") and shutil.which("gpgv")):
        pytest.skip("needs gpg and gpgv")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)

    def gpg(*arguments: str, data: bytes = b"") -> bytes:
        base = ["gpg", "--homedir", str(home), "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""]
        return subprocess.run([*base, *arguments], input=data, check=True, capture_output=True, timeout=60).stdout

    gpg("--quick-generate-key", "feed@example.jp", "ed25519", "sign", "never")
    yield gpg
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True, timeout=60)


def test_pgp(pgp: Callable[..., bytes], tmp_path: Path) -> None:
    """A detached PGP signature is checked against a keyring in either form; changed content and strange keys are
    refused, older signatures as well (C29)."""
    ring, armoured = tmp_path / "ring.gpg", tmp_path / "ring.asc"
    ring.write_bytes(pgp("--export"))
    armoured.write_bytes(pgp("--armor", "--export"))
    signature, text = pgp("--detach-sign", data=CONTENT), pgp("--armor", "--detach-sign", data=CONTENT)
    found = [verify_pgp(CONTENT, one, keys) for one in (signature, text) for keys in (ring, armoured)]
    assert all(one.timestamp and one.comment.startswith("PGP key ") for one in found)
    with pytest.raises(FeedError, match="not of this content"):
        verify_pgp(CONTENT + b"x", signature, ring)
    for none in (b"", b"nothing", CONTENT, b"a" * (2 << 20)):
        with pytest.raises(FeedError):
            verify_pgp(CONTENT, none, ring)
    newer = Signed(timestamp=(found[0].timestamp or 0) + 1)
    with pytest.raises(FeedError, match="played back"):
        verify_pgp(CONTENT, signature, ring, newer)
    for keys in (tmp_path / "none.gpg", tmp_path):
        with pytest.raises(FeedError, match="gpgv cannot"):
            verify_pgp(CONTENT, signature, keys)


def test_pgp_keys_that_do_not_serve(pgp: Callable[..., bytes], tmp_path: Path) -> None:
    """A key that is not in the keyring, and one that is revoked or has expired, make no good signature."""
    pgp("--quick-generate-key", "other@example.jp", "ed25519", "sign", "never")
    ring = tmp_path / "ring.gpg"
    ring.write_bytes(pgp("--export", "feed@example.jp"))
    with pytest.raises(FeedError, match="not in the keyring"):
        verify_pgp(CONTENT, pgp("--local-user", "other@example.jp", "--detach-sign", data=CONTENT), ring)
    pgp("--faked-system-time", "20120101T000000", "--quick-generate-key", "old@example.jp", "ed25519", "sign", "1d")
    old = pgp("--faked-system-time", "20120101T010000", "--local-user", "old@example.jp", "--detach-sign", data=CONTENT)
    ring.write_bytes(pgp("--export", "old@example.jp"))
    with pytest.raises(FeedError, match="its key has expired"):
        verify_pgp(CONTENT, old, ring)
