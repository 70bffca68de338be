"""The seal: encrypts what may stand in the database only unreadably, under a key that is not in there."""

from __future__ import annotations

import hmac
import os
import tempfile
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sekisho_core.errors import StoreError
from sekisho_core.files import adopt, sync_directory

_KEY, _NONCE = 32, 12


class Seal:
    """Seals under the key in `file`, made there with mode 0600 at the first use, or under `secret` where `file` is "".

    AES-256-GCM with a random nonce for each value; marks are HMAC-SHA-256. Both keys are derived from that one.
    """

    def __init__(self, file: str, secret: bytes) -> None:
        self._file = file
        self._secret = secret

    def close(self, data: bytes, about: str) -> bytes:
        """`data` sealed; it opens only with the same `about`. Raises StoreError without a key."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes | None:
        """What was sealed; None where it was under another key, about something else, or changed. Raises StoreError."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except (InvalidTag, ValueError):
            return None

    def mark(self, text: str) -> str:
        """32 hexadecimal digits that are the same for the same text and tell nothing of it. Raises StoreError."""
        return hmac.digest(self._derived(b"mark"), text.encode("utf-8", "backslashreplace"), "sha256").hex()[:32]

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._derived(b"seal"))

    def _derived(self, purpose: bytes) -> bytes:
        return hmac.digest(self._key, purpose, "sha256")

    @cached_property
    def _key(self) -> bytes:
        if not self._file:
            return self._secret
        path = Path(self._file)
        try:
            if not path.exists():
                _make(path)
            key = path.read_bytes()
        except OSError as error:
            raise StoreError(f"quarantine.seal_file: {path}: {error.strerror}") from error
        if len(key) != _KEY:
            raise StoreError(f"quarantine.seal_file: {path}: not a key of {_KEY} bytes")
        return key


def _make(path: Path) -> None:
    """A new key, whole or not at all; where several processes make one, the first is everybody's. Raises OSError."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_KEY))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    sync_directory(path.parent)
    adopt(path)
