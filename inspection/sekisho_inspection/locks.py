"""Locks: a mail's passwords tried on one archive, in order, each key computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sekisho_inspection.notes import Item, Notes

_BLOCK = 1 << 16


class Keyring:
    """The candidates for one archive. What opened a lock is tried first on the next; keys are remembered, because an
    archive's members share their salt mostly."""

    def __init__(self, item: Item, notes: Notes) -> None:
        self._item = item
        self._notes = notes
        self._words: list[str] | None = None
        self._keys: dict[tuple[str, bytes], bytes] = {}

    def words(self) -> list[str]:
        """The candidates, the most promising first; a list of its own for each call."""
        if self._words is None:
            self._words = list(self._notes.passwords())
        return list(self._words)

    def key(self, word: str, salt: bytes, rounds: int, derive: Callable[[str], bytes]) -> bytes | None:
        """The key that `derive` makes of the word, which costs so many rounds; None, noted as a gap, when the mail's
        rounds are used up. `salt` names all that the key depends on besides the word."""
        if (word, salt) not in self._keys:
            if not self._notes.try_password(rounds, self._item):
                return None
            self._keys[word, salt] = derive(word)
        return self._keys[word, salt]

    def promote(self, word: str) -> None:
        """The word opened something: it comes first from now on."""
        words = self.words()
        words.remove(word)
        self._words = [word, *words]


def counted(seed: bytes, rounds: int, width: int, hashed: Callable[[bytes], None], piece: int = _BLOCK) -> None:
    """Feed `seed` and a little-endian counter of `width` bytes to a hash, `rounds` times (a power of two), in pieces
    of `piece` rounds. The counters of a whole block are laid out at once: a loop in Python takes 50 times as long."""
    size = min(_BLOCK, rounds, piece)
    stride = len(seed) + width
    block = bytearray((seed + bytes(width)) * size)
    at = len(seed)
    for start in range(0, rounds, size):
        for place in range(width):
            value = start >> 8 * place
            if place == 0:
                block[at::stride] = (bytes(range(256)) * (size // 256 + 1))[:size]
            elif place == 1 and size > 256:
                low = b"".join(bytes([value + step & 0xFF]) * 256 for step in range(size // 256))
                block[at + 1 :: stride] = low
            else:
                block[at + place :: stride] = bytes([value & 0xFF]) * size
        hashed(bytes(block))


def sha256_counted(word: str, salt: bytes, power: int) -> bytes:
    """The key of 7-Zip's AES: SHA-256 over salt, password in UTF-16 and a counter, 2**power times (7zAes.cpp)."""
    seed = salt + word.encode("utf-16-le", "surrogatepass")
    if power == 0x3F:
        return seed[:32].ljust(32, b"\0")
    state = hashlib.sha256()
    counted(seed, 1 << power, 8, state.update)
    return state.digest()
