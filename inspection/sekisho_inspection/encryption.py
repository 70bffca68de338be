"""Office encryption (MS-OFFCRYPTO): files opened with Excel's built-in password and with those of the mail."""

from __future__ import annotations

import importlib
import io
import logging
import struct
from typing import Any

import msoffcrypto
from msoffcrypto.method.ecma376_agile import ECMA376Agile
from msoffcrypto.method.ecma376_standard import ECMA376Standard
from msoffcrypto.method.rc4 import DocumentRC4
from sekisho_core.vocabulary import PartState

from sekisho_inspection.notes import Item, Notes

logging.getLogger("msoffcrypto").setLevel(logging.CRITICAL + 1)

# Excel opens files with this password without asking (MS-OFFCRYPTO 2.4.2.3).
_BUILT_IN = "VelvetSweatshop"
# Office itself writes 100,000; ten times that is 0.8 s of hashing for each password.
_MAX_SPIN = 1_000_000
# Bytes of a package that are encrypted together (2.3.4.15).
_SEGMENT = 4096
_ZIP = b"PK\x03\x04"


class _Memory:
    """Stands for `tempfile` in the library, which keeps an opened file in one; a worker can make none."""

    TemporaryFile = io.BytesIO


def preload() -> None:
    """Import what the library imports when it first meets a kind of file, and load RC4, so that a process without files
    has them."""
    importlib.import_module("msoffcrypto.format.ooxml")
    for name in ("doc97", "ppt97", "xls97"):
        importlib.import_module(f"msoffcrypto.format.{name}").tempfile = _Memory  # type: ignore[attr-defined]
    DocumentRC4.decrypt("", bytes(16), io.BytesIO(b"x"))


def decrypted(item: Item, package: bool, notes: Notes) -> tuple[bytes | None, PartState] | None:
    """The opened file and `opened`, or None and `locked` (noted as a gap); None when it is not encrypted at all."""
    try:
        file = msoffcrypto.OfficeFile(io.BytesIO(item.content))
        if not package and not file.is_encrypted():
            return None
    # Files that this library does not know are not encrypted in a way that anybody's Office opens.
    except Exception:
        return _locked(item, "an encrypted package that cannot be read", notes) if package else None
    rounds = _rounds(file)
    if rounds > _MAX_SPIN:
        notes.gap(item.gap, "limit", f"more than {_MAX_SPIN} rounds of hashing for a password")
        return None, PartState.LOCKED
    for password in [_BUILT_IN, *notes.passwords()]:
        if not notes.try_password(rounds, item):
            break
        if (content := _opened(item.content, password, package)) is not None:
            return content, PartState.OPENED
    return _locked(item, "no password that was tried opens it", notes)


def _rounds(file: Any) -> int:
    """Rounds of hashing for one password: stated by an agile package (2.3.4.10), else the standard's 50,000."""
    info = getattr(file, "info", None)
    stated = info.get("spinValue") if isinstance(info, dict) else None
    return stated if isinstance(stated, int) else 50_000


def _locked(item: Item, detail: str, notes: Notes) -> tuple[None, PartState]:
    notes.gap(item.gap, "locked", detail)
    return None, PartState.LOCKED


def _opened(content: bytes, password: str, package: bool) -> bytes | None:
    out = io.BytesIO()
    try:
        file = msoffcrypto.OfficeFile(io.BytesIO(content))
        file.load_key(password=password)
        if package and not _begins_as_zip(file):
            return None
        file.decrypt(out)
    # A wrong password shows as InvalidKeyError or as whatever the noise breaks.
    except Exception:
        return None
    return out.getvalue() if out.getvalue()[:4] in (_ZIP, b"\xd0\xcf\x11\xe0") else None


def _begins_as_zip(file: Any) -> bool:
    """Whether the first segment of a package opens to a ZIP. The library's own check hashes a second time, and takes
    every password for a wrong one where the hash is SHA-1, which Office 2010 writes."""
    with file.file.openstream("EncryptedPackage") as stream:
        stream.read(8)
        head = io.BytesIO(struct.pack("<Q", _SEGMENT) + stream.read(_SEGMENT))
    if file.type == "agile":
        opened = ECMA376Agile.decrypt(
            file.secret_key, file.info["keyDataSalt"], file.info["keyDataHashAlgorithm"], head
        )
    else:
        opened = ECMA376Standard.decrypt(file.secret_key, head)
    return bool(opened.startswith(_ZIP))
