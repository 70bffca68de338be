from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.errors import StoreError
from sekisho_core.vocabulary import Content
from sekisho_quarantine.bodies import Bodies


def _content(data: bytes) -> Content:
    descriptor = os.memfd_create("test")
    os.write(descriptor, data)
    return Content(descriptor, len(data), hashlib.sha256(data).hexdigest())


@given(st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"\0", b"\xff", b"a", b"\r\n.\r\n"])).map(b"".join))
def test_what_is_read_is_what_was_put(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """A31: dots, bare CR and LF, NUL, 8-bit bytes and a missing last line end are kept as they are."""
    bodies = Bodies(tmp_path_factory.mktemp("bodies"))
    content = _content(data)
    bodies.put(content)
    os.close(content.fd)
    assert bodies.read(content.sha256) == data


def test_place_and_mode_come_from_the_hash_alone(tmp_path: Path) -> None:
    """A body stands two directories deep under its own hash, closed to others."""
    content = _content(b"mail")
    Bodies(tmp_path).put(content)
    path = tmp_path / content.sha256[:2] / content.sha256[2:4] / content.sha256
    assert path.stat().st_mode & 0o777 == 0o640
    os.close(content.fd)


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    """The same content a second time leaves the file alone."""
    bodies, content = Bodies(tmp_path), _content(b"mail")
    bodies.put(content)
    before = bodies.path(content.sha256).stat().st_ino
    bodies.put(content)
    assert bodies.path(content.sha256).stat().st_ino == before
    os.close(content.fd)


def test_a_body_that_was_cut_is_written_anew(tmp_path: Path) -> None:
    """A file of another size under the right name is replaced by the whole content."""
    bodies, content = Bodies(tmp_path), _content(b"mail")
    bodies.put(content)
    bodies.path(content.sha256).write_bytes(b"ma")
    bodies.put(content)
    assert bodies.read(content.sha256) == b"mail"
    os.close(content.fd)


def test_missing_and_corrupt_bodies_are_named(tmp_path: Path) -> None:
    """A15: reading says which body is missing or does not have its hash any more, and gives no bytes."""
    bodies, content = Bodies(tmp_path), _content(b"mail")
    with pytest.raises(StoreError, match=f"{content.sha256} is missing"):
        bodies.read(content.sha256)
    bodies.put(content)
    bodies.path(content.sha256).write_bytes(b"liam")
    with pytest.raises(StoreError, match="is corrupt"):
        bodies.read(content.sha256)
    os.close(content.fd)


def test_bytes_that_are_not_what_they_claim_leave_nothing(tmp_path: Path) -> None:
    """Content whose bytes changed after they were hashed is refused and no file stays."""
    content = _content(b"mail")
    os.pwrite(content.fd, b"L", 0)
    with pytest.raises(StoreError, match="changed or cut"):
        Bodies(tmp_path).put(content)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    os.close(content.fd)


@pytest.mark.parametrize("name", ["", "../../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_only_a_hash_names_a_body(tmp_path: Path, name: str) -> None:
    """Nothing else than 64 hexadecimal digits becomes a path."""
    with pytest.raises(StoreError, match="64 hexadecimal digits"):
        Bodies(tmp_path).path(name)


def test_only_old_leftovers_of_writers_are_swept(tmp_path: Path) -> None:
    """Temporary files of killed writers go when they are old; one that may still be written stays."""
    bodies, content = Bodies(tmp_path), _content(b"mail")
    bodies.put(content)
    directory = bodies.path(content.sha256).parent
    old, new = directory / ".new-old", directory / ".new-new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert bodies.remove_temporary(time.time() - 3600) == 1
    assert (old.exists(), new.exists()) == (False, True)
    assert list(bodies.stored(time.time() + 1)) == [content.sha256]
    os.close(content.fd)
