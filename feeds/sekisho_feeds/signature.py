"""Signatures: whether a feed's content is signed by whom it should be, by minisign or by PGP, and how new that is."""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
import tempfile
from hashlib import blake2b
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sekisho_core.display import visible

from sekisho_feeds.harvest import FeedError

_KEY_ID, _KEY, _SIGNATURE = 8, 32, 64
_LARGEST = 1 << 20
_TRUSTED = b"trusted comment: "
_NUMBERED = re.compile(r"(?:^|[\s,;])(serial|timestamp)[:=]\s?(\d{1,18})(?=$|[\s,;])")
_GPGV_SECONDS = 60
_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/local/bin", "LC_ALL": "C"}
# What gpgv says of a signature that is none, or none any more (its doc/DETAILS).
_PGP_FAULTS = {
    "BADSIG": "it is not of this content", "ERRSIG": "it cannot be checked, or its key is not in the keyring",
    "EXPSIG": "it has expired", "EXPKEYSIG": "its key has expired", "REVKEYSIG": "its key is revoked",
}  # fmt: skip


class Signed(msgspec.Struct, frozen=True):
    """What a good signature says of the content beside that it is good: `serial` and `timestamp` (Unix seconds) where
    it names them, to be remembered (it can be stored as JSON) and given as `remembered` the next time."""

    comment: str = ""
    serial: int | None = None
    timestamp: int | None = None


def verify(content: bytes, signature: bytes, public_key: str, remembered: Signed | None = None) -> Signed:
    """Check a minisign signature, pre-hashed (`ED`) or not (`Ed`), its trusted comment included.

    `public_key` is a minisign.pub, its bare line, or several of them while keys change. Raises FeedError: for no good
    signature by one of the keys, and for one older than the `remembered` (C29).
    """
    lines = _lines(signature)
    algorithm, key_id, signed = _parts(lines[1], _SIGNATURE, "the signature")
    key = _keys(public_key).get(key_id)
    if key is None:
        raise FeedError(f"the signature is by the key {key_id[::-1].hex().upper()}, which is not the feed's")
    if algorithm not in (b"Ed", b"ED"):
        raise FeedError("the signature is of an algorithm that is not known")
    data = blake2b(content).digest() if algorithm == b"ED" else content
    comment = lines[2].removeprefix(_TRUSTED)
    if not (_good(key, signed, data) and _good(key, _decoded(lines[3], "the signature"), signed + comment)):
        raise FeedError("the signature is not of this content: it was changed, or signed by another key")
    found = _signed(comment.decode(errors="replace"))
    _refuse_older(found, remembered)
    return found


def verify_pgp(content: bytes, signature: bytes, keyring: Path, remembered: Signed | None = None) -> Signed:
    """Check a detached PGP signature by `gpgv` and a keyring file, armoured or not; the timestamp is the signature's.
    Raises FeedError as `verify`, and where `gpgv` cannot be run."""
    if len(signature) > _LARGEST:
        raise FeedError("the signature is too large to be one")
    try:
        with tempfile.TemporaryDirectory(prefix="sekisho-gpgv-") as folder:
            said = _gpgv(content, signature, keyring, Path(folder))
    except (OSError, subprocess.SubprocessError) as error:
        raise FeedError(f"gpgv cannot check the signature: {visible(str(error), 200)}") from error
    found = _pgp_signed(said)
    _refuse_older(found, remembered)
    return found


def _lines(signature: bytes) -> list[bytes]:
    lines = signature.splitlines() if len(signature) <= _LARGEST else []
    if len(lines) < 4 or not lines[0].startswith(b"untrusted comment:") or not lines[2].startswith(_TRUSTED):
        raise FeedError("the signature is not one of minisign")
    return lines


def _keys(public_key: str) -> dict[bytes, Ed25519PublicKey]:
    found = {}
    for line in public_key.splitlines():
        if line.strip() and not line.startswith("untrusted comment:"):
            algorithm, key_id, key = _parts(line.encode(), _KEY, "the public key")
            if algorithm != b"Ed":
                raise FeedError("the public key is of an algorithm that is not known")
            found[key_id] = Ed25519PublicKey.from_public_bytes(key)
    if not found:
        raise FeedError("no public key is given")
    return found


def _parts(line: bytes, length: int, what: str) -> tuple[bytes, bytes, bytes]:
    data = _decoded(line, what)
    if len(data) != 2 + _KEY_ID + length:
        raise FeedError(f"{what} is not one of minisign")
    return data[:2], data[2 : 2 + _KEY_ID], data[2 + _KEY_ID :]


def _decoded(line: bytes, what: str) -> bytes:
    try:
        return base64.b64decode(line.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise FeedError(f"{what} is not one of minisign") from None


def _good(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _signed(comment: str) -> Signed:
    numbers = {name: int(number) for name, number in _NUMBERED.findall(comment)}
    return Signed(visible(comment), numbers.get("serial"), numbers.get("timestamp"))


def _refuse_older(found: Signed, remembered: Signed | None) -> None:
    # One that names no number where an earlier one did may be any old one.
    for name in ("serial", "timestamp"):
        known, new = getattr(remembered, name, None), getattr(found, name)
        if known is not None and (new is None or new < known):
            said = f"its {name} is {new}" if new is not None else f"it names no {name}"
            raise FeedError(f"an older version is played back: {said}, after one of {known}")


def _gpgv(content: bytes, signature: bytes, keyring: Path, folder: Path) -> list[list[str]]:
    keys, signed, data = folder / "keys.gpg", folder / "signature", folder / "content"
    keys.write_bytes(_unarmoured(keyring.read_bytes()))
    signed.write_bytes(signature)
    data.write_bytes(content)
    run = subprocess.run(
        ["gpgv", "--homedir", str(folder), "--keyring", str(keys), "--weak-digest", "SHA1", "--status-fd", "1",
         "--", str(signed), str(data)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=_GPGV_SECONDS, check=False, env=_ENVIRONMENT,
    )  # fmt: skip
    lines = run.stdout.decode(errors="replace").splitlines()
    said = [line.split()[1:] for line in lines if line.startswith("[GNUPG:] ")]
    return said if run.returncode == 0 else [*said, ["FAILED"]]


def _unarmoured(keyring: bytes) -> bytes:
    """A keyring as gpgv reads it: packets, not the armour of RFC 9580, 6.2, in which keys are handed on."""
    if not keyring.lstrip().startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----"):
        return keyring
    blocks = re.findall(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n]+\r?\n)*+\r?\n([^=-]*)", keyring)
    try:
        return b"".join(base64.b64decode(block + b"=" * (-len(b"".join(block.split())) % 4)) for block in blocks)
    except (binascii.Error, ValueError):
        raise FeedError("the keyring's armour is damaged") from None


def _pgp_signed(said: list[list[str]]) -> Signed:
    words = {line[0] for line in said if line}
    for word, fault in _PGP_FAULTS.items():
        if word in words:
            raise FeedError(f"the signature is not good: {fault}")
    good = [line for line in said if line and line[0] == "VALIDSIG" and len(line) > 3]
    if not good or "GOODSIG" not in words or "FAILED" in words:
        raise FeedError("the signature is not good: gpgv finds none that it can check")
    _, fingerprint, _, moment, *_ = good[0]
    return Signed(f"PGP key {visible(fingerprint, 64)}", None, int(moment) if moment.isdigit() else None)
