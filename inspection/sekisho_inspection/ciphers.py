"""Ciphers of scripts: bytes that became others by a key which stands in the script, or by any key of one byte."""

from __future__ import annotations

import re
from hashlib import md5
from itertools import pairwise

from Cryptodome.Cipher import AES

from sekisho_inspection import filetype

# What files begin with, and the words by which a text is known; each tells the key that would make it.
_SIGNATURES: tuple[tuple[int, bytes], ...] = (
    (0, b"MZ"), (0, b"PK\x03\x04"), (0, b"%PDF-"), (0, b"\xd0\xcf\x11\xe0"), (0, b"7z\xbc\xaf"), (0, b"Rar!"),
    (0, b"MSCF\0"), (0, b"L\0\0\0"), (0, b"{\\rt"), (0, b"ITSF"), (0, b"vhdxfile"), (0, b"\xe4\x52\x5c\x7b"),
    (0x8001, b"CD001"),
    # The same in Base64.
    (0, b"TVqQ"), (0, b"TVoA"), (0, b"TVpQ"), (0, b"UEsDB"), (0, b"JVBERi"), (0, b"0M8R4"), (0, b"N3q8r"),
    (0, b"UmFyI"),
)  # fmt: skip
_WORDS = (
    b"http://", b"https://", b"<script", b"<SCRIPT", b"<html", b"<HTML", b"<!DOCTYPE", b"<!doctype", b"powershell",
    b"PowerShell", b"WScript.", b"ActiveXObject", b"CreateObject", b"This program cannot", b"Invoke-", b"cmd.exe",
    b"document.write", b"window.location",
)  # fmt: skip
_LOWER = tuple(dict.fromkeys(word.lower() for word in _WORDS))
_LITERAL = re.compile(r"\"([^\"\n]*+)\"|'([^'\n]*+)'|`([^`]*+)`")
_BYTE = r"(?:0x[0-9a-f]{1,2}|\d{1,3})"
_NUMBERS = re.compile(rf"[\[(]\s*((?:{_BYTE}\s*,\s*){{1,63}}{_BYTE})\s*[\])]", re.I)
_LONGEST_KEY = 64
_HEAD = 4096
_SALTED = b"Salted__"
_MOST_CODE = 4_000_000
_ROT13 = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", b"NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm"
)
_SHORTEST = 24
_MOST_KEYS = 100
_ISO_HEAD = 0x8800


def keys(code: str) -> list[bytes]:
    """The short texts and lists of a script, which may be keys."""
    found = dict.fromkeys(text.encode("utf-8", "replace") for text in literals(code) if 0 < len(text) <= _LONGEST_KEY)
    for match in _NUMBERS.finditer(code):
        numbers = [int(number, 16 if "x" in number.lower() else 10) for number in match[1].split(",")]
        found[bytes(number & 255 for number in numbers)] = None
    return list(found)[:_MOST_KEYS]


def literals(code: str) -> list[str]:
    """The texts between quotation marks, in order; escapes are left as they stand."""
    return ["".join(groups) for groups in _LITERAL.findall(code[:_MOST_CODE])]


def solved(blob: bytes, texts: list[bytes]) -> bytes | None:
    """The plain bytes where some key gives a known type or a text that speaks of programs; None where none does."""
    if len(blob) < _SHORTEST:
        return None
    if blob.startswith(_SALTED):
        return _unsalted(blob, texts)
    if _is_plain(blob[: -_HEAD - 1 : -1]):
        return blob[::-1]
    for table in (_ROT13, *_tables(blob)):
        if _is_plain(blob[:_ISO_HEAD].translate(table)):
            return blob.translate(table)
    for key in texts:
        if _is_plain(_repeated(blob[:_HEAD], key)):
            return _repeated(blob, key)
    return None


def _unsalted(blob: bytes, passwords: list[bytes]) -> bytes | None:
    """AES-256-CBC as OpenSSL and CryptoJS write it: eight bytes of salt, key and vector by MD5 of password and salt."""
    salt, body = blob[8:16], blob[16 : len(blob) // 16 * 16]
    for password in passwords if body else ():
        stretched, last = b"", b""
        while len(stretched) < 48:
            last = md5(last + password + salt, usedforsecurity=False).digest()
            stretched += last
        opened = AES.new(stretched[:32], AES.MODE_CBC, stretched[32:48]).decrypt(body[: _HEAD * 2])
        if _is_plain(opened):
            whole = AES.new(stretched[:32], AES.MODE_CBC, stretched[32:48]).decrypt(body)
            return whole[: -whole[-1]] if 0 < whole[-1] <= 16 else whole
    return None


def _tables(blob: bytes) -> list[bytes]:
    """Translations by one byte, XOR or a shift, that would put a signature or a word where it could stand."""
    xored, shifted = set(), set()
    for at, signature in _SIGNATURES:
        piece = blob[at : at + len(signature)]
        if len(set(_xor(piece, signature))) == 1:
            xored.add(piece[0] ^ signature[0])
        if len({(one - other) & 255 for one, other in zip(piece, signature, strict=False)}) == 1:
            shifted.add((signature[0] - piece[0]) & 255)
    head = blob[:_HEAD]
    # What neighbours differ by is the same under every key.
    steps = _xor(head[:-1], head[1:])
    climbs = bytes((other - one) & 255 for one, other in pairwise(head))
    for word in _WORDS:
        if (at := steps.find(_xor(word[:-1], word[1:]))) >= 0:
            xored.add(head[at] ^ word[0])
        if (at := climbs.find(_climbs(word))) >= 0:
            shifted.add((word[0] - head[at]) & 255)
    return [bytes(byte ^ key for byte in range(256)) for key in sorted(xored - {0})] + [
        bytes((byte + key) & 255 for byte in range(256)) for key in sorted(shifted - {0})
    ]


def _climbs(word: bytes) -> bytes:
    return bytes((other - one) & 255 for one, other in pairwise(word))


def _xor(one: bytes, other: bytes) -> bytes:
    length = min(len(one), len(other))
    return (int.from_bytes(one[:length]) ^ int.from_bytes(other[:length])).to_bytes(length)


def _repeated(blob: bytes, key: bytes) -> bytes:
    return _xor(blob, key * (len(blob) // len(key) + 1))


def _is_plain(head: bytes) -> bool:
    kind = filetype.sniff(head)
    if kind == filetype.PE:
        at = int.from_bytes(head[60:64], "little")
        return b"This program" in head or head[at : at + 4] == b"PE\0\0"
    at_start = any(head.startswith(signature, at) for at, signature in _SIGNATURES[1:])
    return at_start or any(word in head[:_HEAD].lower() for word in _LOWER)
