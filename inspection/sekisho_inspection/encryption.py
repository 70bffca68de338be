"""Office encryption (MS-OFFCRYPTO): files opened with Excel's built-in password and with those of the mail."""

from __future__ import annotations

import io
import logging
from typing import Any

import msoffcrypto
from sekisho_core.vocabulary import PartState

from sekisho_inspection.notes import Item, Notes

logging.getLogger("msoffcrypto").setLevel(logging.CRITICAL + 1)

# Excel opens files with this password without asking (MS-OFFCRYPTO 2.4.2.3).
_BUILT_IN = "VelvetSweatshop"
# Office itself writes 100,000; ten times that is 0.8 s of hashing for each password.
_MAX_SPIN = 1_000_000


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
    return _locked(item, "no password of the mail opens it", notes)


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
        # Packages are checked before: a wrong password would decrypt the whole file to noise.
        file.load_key(password=password, **({"verify_password": True} if package else {}))
        file.decrypt(out)
    # A wrong password shows as InvalidKeyError or as whatever the noise breaks.
    except Exception:
        return None
    return out.getvalue() if out.getvalue()[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0") else None
