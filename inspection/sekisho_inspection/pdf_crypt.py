"""PDF encryption (ISO 32000-2, 7.6): the standard security handler, whose key a password gives, and crypt filters."""

from __future__ import annotations

import hashlib
import stringprep
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from Cryptodome.Cipher import AES, ARC4

_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
# Rounds of hashing of one password: about 70 of SHA-2 over up to 8 kB each in revision 6, 50 of MD5 before.
ROUNDS = {6: 20_000, 5: 10}
_ROUNDS_BEFORE = 200
_KNOWN = range(2, 7)
_Resolve = Callable[[Any], Any]


class UnknownHandler(Exception):
    """A security handler that needs more than a password, or that nobody knows."""


class Lock:
    """What the encryption dictionary states, and the file's key once a password gave it."""

    def __init__(self, stated: dict[str, Any], file_id: bytes, resolve: _Resolve) -> None:
        """Raises UnknownHandler."""
        self._stated = {name: resolve(value) for name, value in stated.items()}
        self._resolve, self._file_id = resolve, file_id
        self.revision = self._number("R", 2)
        if self._stated.get("Filter") != "Standard" or self.revision not in _KNOWN:
            raise UnknownHandler(str(self._stated.get("Filter"))[:60])
        self._methods = {use: self._method(use) for use in ("StmF", "StrF")}
        self._methods["EFF"] = self._method("EFF") if "EFF" in self._stated else self._methods["StmF"]
        self._key = b""

    @property
    def rounds(self) -> int:
        """Rounds of hashing that one password costs, as the mail's budget counts."""
        return ROUNDS.get(self.revision, _ROUNDS_BEFORE)

    @property
    def method(self) -> str:
        """How streams are enciphered, for people."""
        return f"{self._methods['StmF']}, revision {self.revision}"

    @property
    def only_files(self) -> bool:
        """Whether it is embedded files alone that are enciphered."""
        return self._methods["StmF"] == self._methods["StrF"] == "Identity" != self._methods["EFF"]

    def open(self, password: str) -> bool:
        """Whether the password, the user's or the owner's, gives the key, which is kept."""
        attempts = self._modern if self.revision >= 5 else self._classic
        key = next((found for spelt in _spellings(password, self.revision) if (found := attempts(spelt))), b"")
        self._key = key or self._key
        return bool(key)

    def string(self, data: bytes, number: int, generation: int) -> bytes:
        """A string in the clear."""
        return self._deciphered(self._methods["StrF"], data, number, generation)

    def stream(self, data: bytes, number: int, generation: int, filter_name: str, embedded: bool) -> bytes:
        """A stream in the clear; `filter_name` is that of its own crypt filter, "" where it has none."""
        method = self._methods["EFF" if embedded else "StmF"]
        if filter_name:
            method = self._by_name(filter_name)
        return self._deciphered(method, data, number, generation)

    def _deciphered(self, method: str, data: bytes, number: int, generation: int) -> bytes:
        if method == "Identity" or not self._key:
            return data
        if method == "AESV3":
            return _aes(self._key, data)
        salted = self._key + number.to_bytes(4, "little")[:3] + generation.to_bytes(4, "little")[:2]
        salted += b"sAlT" if method == "AESV2" else b""
        key = hashlib.md5(salted, usedforsecurity=False).digest()[: min(16, len(self._key) + 5)]
        return _aes(key, data) if method == "AESV2" else ARC4.new(key).decrypt(data)

    def _method(self, use: str) -> str:
        """Identity, V2 (RC4), AESV2 or AESV3 for streams (StmF), strings (StrF) or embedded files (EFF)."""
        if self._number("V", 1) < 4:
            return "V2"
        name = self._stated.get(use, "Identity")
        return self._by_name(str(name))

    def _by_name(self, name: str) -> str:
        filters = self._stated.get("CF")
        stated = self._resolve(filters.get(name)) if isinstance(filters, dict) else None
        method = str(self._resolve(stated.get("CFM"))) if isinstance(stated, dict) else "Identity"
        return method if method in ("V2", "AESV2", "AESV3") else "Identity"

    def _classic(self, password: bytes) -> bytes:
        """Revisions 2 to 4: the user's password (algorithm 6), or the owner's, which gives that (algorithm 7)."""
        for user in (password, self._of_owner(password)):
            key = self._classic_key(user)
            if self._classic_check(key) == self._bytes("U")[: 32 if self.revision == 2 else 16]:
                return key
        return b""

    def _size(self) -> int:
        """Bytes of the key; some writers state them where bits are asked for."""
        if self._number("V", 1) < 2 or self.revision == 2:
            return 5
        bits = self._number("Length", 40 if self._number("V", 1) < 4 else 128)
        return max(5, min(16, bits // 8 if bits >= 40 else bits))

    def _classic_key(self, password: bytes) -> bytes:
        digest = hashlib.md5((password + _PAD)[:32] + self._bytes("O")[:32].ljust(32, b"\0"), usedforsecurity=False)
        digest.update((self._number("P", 0) & 0xFFFFFFFF).to_bytes(4, "little") + self._file_id)
        if self.revision >= 4 and self._stated.get("EncryptMetadata") is False:
            digest.update(b"\xff\xff\xff\xff")
        key = digest.digest()
        for _ in range(50 if self.revision >= 3 else 0):
            key = hashlib.md5(key[: self._size()], usedforsecurity=False).digest()
        return key[: self._size()]

    def _classic_check(self, key: bytes) -> bytes:
        if self.revision == 2:
            return ARC4.new(key).encrypt(_PAD)
        return _chained(key, hashlib.md5(_PAD + self._file_id, usedforsecurity=False).digest(), range(20))

    def _of_owner(self, password: bytes) -> bytes:
        key = hashlib.md5((password + _PAD)[:32], usedforsecurity=False).digest()
        for _ in range(50 if self.revision >= 3 else 0):
            key = hashlib.md5(key, usedforsecurity=False).digest()
        rounds = range(19, -1, -1) if self.revision >= 3 else range(1)
        return _chained(key[: self._size()], self._bytes("O")[:32], rounds)

    def _modern(self, password: bytes) -> bytes:
        """Revisions 5 and 6 (algorithm 2.A): the user's password, or the owner's."""
        user, owner = self._bytes("U"), self._bytes("O")
        for held, wrapped, more in ((user, self._bytes("UE"), b""), (owner, self._bytes("OE"), user[:48])):
            if len(held) < 48 or self._hash(password, held[32:40], more) != held[:32] or len(wrapped) < 32:
                continue
            return AES.new(self._hash(password, held[40:48], more), AES.MODE_CBC, bytes(16)).decrypt(wrapped[:32])
        return b""

    def _hash(self, password: bytes, salt: bytes, more: bytes) -> bytes:
        """Algorithm 2.B; revision 5 stops at its first line."""
        key = hashlib.sha256(password + salt + more).digest()
        number = last = 0
        while self.revision == 6 and (number < 64 or last > number - 32):
            data = (password + key + more) * 64
            data = AES.new(key[:16], AES.MODE_CBC, key[16:32]).encrypt(data)
            kind = (hashlib.sha256, hashlib.sha384, hashlib.sha512)[sum(data[:16]) % 3]
            key, last, number = kind(data).digest(), data[-1], number + 1
        return key[:32]

    def _number(self, key: str, default: int) -> int:
        value = self._stated.get(key, default)
        return int(value) if isinstance(value, (int, float)) else default

    def _bytes(self, key: str) -> bytes:
        value = self._stated.get(key)
        return value if isinstance(value, bytes) else b""


def _spellings(password: str, revision: int) -> Iterator[bytes]:
    """The bytes that programs make of a password: UTF-8 after SASLprep since revision 5; before, one byte a character
    or those of the system's charset."""
    if revision >= 5:
        yield from dict.fromkeys(text.encode("utf-8", "replace")[:127] for text in (_prepared(password), password))
        return
    for charset in ("latin-1",) if password.isascii() else ("latin-1", "cp932", "utf-8"):
        try:
            yield password.encode(charset)[:32]
        except UnicodeEncodeError:
            continue


def _prepared(password: str) -> str:
    """SASLprep (RFC 4013) without its prohibitions."""
    mapped = (" " if stringprep.in_table_c12(one) else one for one in password if not stringprep.in_table_b1(one))
    return unicodedata.normalize("NFKC", "".join(mapped))


def _chained(key: bytes, data: bytes, rounds: range) -> bytes:
    for number in rounds:
        data = ARC4.new(bytes(byte ^ number for byte in key)).encrypt(data)
    return data


def _aes(key: bytes, data: bytes) -> bytes:
    """CBC behind its first block; padding that is none stays."""
    body = data[16 : len(data) - len(data) % 16]
    if len(data) < 32 or len(key) not in (16, 32):
        return b""
    plain = AES.new(key, AES.MODE_CBC, data[:16]).decrypt(body)
    return plain[: -plain[-1]] if 1 <= plain[-1] <= 16 else plain
