"""The files of a snapshot directory, shared by who writes them and who reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from sekisho_core.errors import SnapshotError
from sekisho_core.vocabulary import Action, Severity

from sekisho_rules.indicator import State
from sekisho_rules.tree import Observation, Observations, Window

# The forms of values are part of it: an index whose keys were made by other ones finds nothing.
FORMAT = 5
CURRENT = "current"
MANIFEST = "manifest.json"
TABLES = "tables.lmdb"
YARA = "rules.yarc"
KEYS = b"keys"
ENTRIES = b"entries"
KEY_BYTES = 16


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """An indicator as the matcher needs it; times in seconds since 1970. `tree` is None for YARA."""

    id: str
    source: str
    name: str
    tlp: str
    confidence: int
    severity: Severity
    state: State
    valid_from: float | None
    valid_until: float | None
    tree: Observation | Observations | Window | None
    cap: Action | None = None


class RegexSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file with the expressions of one kind over one path."""

    file: str
    path: str
    kind: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a snapshot holds: SHA-256 of each file, counts, and the lengths of stated prefixes by IP version.

    `checksum` is over the manifest itself without it.
    """

    format: int
    serial: int
    created: str
    counts: dict[str, int]
    files: dict[str, str]
    prefixes: dict[str, list[int]]
    regexes: list[RegexSet]
    checksum: str = ""


def key_of(kind: str, path: str, text: str) -> bytes:
    """The look-up key of an anchor: a hash, for values are longer than LMDB's 511 bytes. What it finds is evaluated,
    so a collision costs time and nothing else."""
    return hashlib.blake2b(f"{kind}\0{path}\0{text}".encode(errors="surrogatepass"), digest_size=KEY_BYTES).digest()


def number_bytes(number: int) -> bytes:
    """An entry's number as a key that sorts as it counts."""
    return number.to_bytes(4, "big")


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """The entry's bytes."""
    return _ENCODER.encode(entry)


def decode_entry(content: bytes) -> Entry:
    """The entry of its bytes; raises msgspec.ValidationError."""
    return _DECODER.decode(content)


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as JSON with its checksum."""
    return msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(manifest, checksum=_checksum(manifest))))


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a snapshot directory. Raises SnapshotError naming the file and the fault."""
    path = directory / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SnapshotError(f"{path}: damaged: {error}") from error
    if manifest.format != FORMAT:
        raise SnapshotError(f"{path}: format {manifest.format} is not that of this sekisho ({FORMAT}); compile again")
    if manifest.checksum != _checksum(manifest):
        raise SnapshotError(f"{path}: damaged: its checksum is wrong")
    return manifest


def _checksum(manifest: Manifest) -> str:
    bare = msgspec.json.encode(msgspec.structs.replace(manifest, checksum=""), order="deterministic")
    return hashlib.sha256(bare).hexdigest()
