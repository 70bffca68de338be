"""The members of a TAXII service: who may ask it, how each shows who it is, and up to which TLP each may see."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec
from sekisho_core.errors import SettingsError
from sekisho_rules.tlp import TLPS

from sekisho_feeds.taxii_query import TaxiiError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HASH = re.compile(r"scrypt:([A-Za-z0-9+/]{22}==):([A-Za-z0-9+/]{43}=)")
_LONGEST_CREDENTIALS = 1024
# RFC 7914's cost for interactive logins: 16 MiB and some 50 ms.
_N, _R, _P = 1 << 14, 8, 1
_AT_ONCE = 2
_MOST_KNOWN = 1000
_PAUSE = 0.25
_CHALLENGE = (("WWW-Authenticate", 'Basic realm="sekisho", charset="UTF-8"'), ("WWW-Authenticate", "Bearer"))
_NOBODY = f"scrypt:{base64.b64encode(bytes(16)).decode()}:{base64.b64encode(bytes(32)).decode()}"


class Member(msgspec.Struct, frozen=True):
    """One member: its name (letters, digits, "-" and "_"), what `hashed` made of its secret, and the strictest TLP
    that it may see."""

    name: str
    secret: str
    tlp: str = "green"

    def __repr__(self) -> str:
        return f"Member({self.name!r}, tlp={self.tlp!r})"

    def sees(self) -> tuple[str, ...]:
        """The markings up to this member's."""
        return TLPS[: TLPS.index(self.tlp) + 1]


def hashed(secret: str) -> str:
    """A secret as the settings keep it: "scrypt:SALT:HASH", both in base 64 (RFC 7914, N 16384, r 8, p 1)."""
    salt = os.urandom(16)
    return f"scrypt:{base64.b64encode(salt).decode()}:{base64.b64encode(_scrypt(secret, salt)).decode()}"


def token_of(name: str, secret: str) -> str:
    """The bearer token of a member: its name, a dot and its secret, so that a token leads to one hash, not to all.

    The secret must be of the characters that RFC 6750 section 2.1 has for tokens.
    """
    return f"{name}.{secret}"


class Doorkeeper:
    """Tells who asks, by HTTP Basic (RFC 7617) or a bearer token (RFC 6750).

    What was found right is remembered, as a keyed hash, so that each request does not cost a scrypt. `pause` is waited
    after each failure; `failures` counts them.
    """

    def __init__(self, members: Iterable[Member], pause: Callable[[], None] = lambda: time.sleep(_PAUSE)) -> None:
        self._members = {member.name: _checked(member) for member in members}
        self._pause = pause
        self._key = os.urandom(32)
        self._known: OrderedDict[bytes, Member] = OrderedDict()
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(_AT_ONCE)
        self.failures = 0

    def member_of(self, authorization: str | None) -> Member:
        """The member whose credentials these are. Raises TaxiiError 401, which does not say what was wrong."""
        given = _credentials(authorization or "")
        member = self._looked_up(*given) if given else None
        if member is not None:
            return member
        if authorization:
            with self._lock:
                self.failures += 1
            self._pause()
        raise TaxiiError(401, "credentials of a member are wanted", _CHALLENGE)

    def _looked_up(self, name: str, secret: str) -> Member | None:
        mark = hmac.digest(self._key, f"{name}\0{secret}".encode(), "sha256")
        with self._lock:
            if mark in self._known:
                return self._known[mark]
        member = self._members.get(name)
        with self._slots:
            # For an unknown name too: the time that it takes tells no names.
            right = _is_secret(secret, member.secret if member else _NOBODY)
        if member is None or not right:
            return None
        with self._lock:
            self._known[mark] = member
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return member


def _checked(member: Member) -> Member:
    if _NAME.fullmatch(member.name) is None:
        raise SettingsError(f"member {member.name[:64]!r}: a name has 1 to 64 letters, digits, - and _")
    if _HASH.fullmatch(member.secret) is None:
        raise SettingsError(f"member {member.name}: its secret is not a scrypt hash")
    if member.tlp not in TLPS or member.tlp == "red":
        raise SettingsError(f"member {member.name}: {member.tlp[:20]!r} is no TLP that a member may have")
    return member


def _credentials(authorization: str) -> tuple[str, str] | None:
    scheme, _, given = authorization.partition(" ")
    given = given.strip()
    if len(given) > _LONGEST_CREDENTIALS:
        return None
    if scheme.lower() == "bearer":
        name, dot, secret = given.partition(".")
    elif scheme.lower() == "basic":
        name, dot, secret = _decoded(given).partition(":")
    else:
        return None
    return (name, secret) if dot and name and secret and _is_text(name + secret) else None


def _decoded(given: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _is_text(text: str) -> bool:
    return text.isprintable() and not any("\ud800" <= char <= "\udfff" for char in text)


def _is_secret(secret: str, known: str) -> bool:
    _, salt, digest = known.split(":")
    return hmac.compare_digest(_scrypt(secret, base64.b64decode(salt)), base64.b64decode(digest))


def _scrypt(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=32)
