import hashlib
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.files import Spool, adopt, write_durably


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process can grow beyond `size` bytes: writing gives an error as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_written_whole(tmp_path: Path) -> None:
    """A file holds all chunks in order, has the mode asked for, and stands alone in its folder."""
    path = tmp_path / "body"
    write_durably(path, [b"one", b"", b"two"], mode=0o600)
    assert path.read_bytes() == b"onetwo"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_synced_before_and_after_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A14: the bytes are synced before the file has its name, and the folder afterwards."""
    path, seen = tmp_path / "body", []

    def fsync(descriptor: int) -> None:
        seen.append((Path(f"/proc/self/fd/{descriptor}").resolve() == tmp_path, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_durably(path, [b"x"])
    assert seen == [(False, False), (True, True)]


def test_failing_source_leaves_nothing(tmp_path: Path) -> None:
    """Where the bytes cannot be had, neither the file nor a part of it is left, and an older one stays."""
    path = tmp_path / "body"
    path.write_bytes(b"older")

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        write_durably(path, broken())
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """A12: on a full disk the caller hears of it and nothing is left."""
    with largest_file(10_000), pytest.raises(OSError):
        write_durably(tmp_path / "body", [b"x" * 6000, b"y" * 6000])
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.binary(max_size=300), max_size=8), st.integers(0, 600))
def test_spool_holds_what_was_written(chunks: list[bytes], limit: int) -> None:
    """In memory or on disk, a spool holds the bytes as they came, with their size and hash."""
    data = b"".join(chunks)
    with Spool(Path("/tmp"), limit) as spool:
        for chunk in chunks:
            spool.write(chunk)
        content = spool.content()
        assert (content.read(), content.size) == (data, len(data))
        assert content.sha256 == hashlib.sha256(data).hexdigest()


def test_spool_leaves_no_name(tmp_path: Path) -> None:
    """A mail that outgrows memory is on disk without a name: a crash leaves nothing behind."""
    with Spool(tmp_path, 10) as spool:
        spool.write(b"x" * 5)
        assert "memfd" in str(Path(f"/proc/self/fd/{spool.content().fd}").readlink())
        spool.write(b"y" * 50)
        assert str(Path(f"/proc/self/fd/{spool.content().fd}").readlink()).startswith(str(tmp_path))
        assert list(tmp_path.iterdir()) == []


def test_spool_on_a_full_disk(tmp_path: Path) -> None:
    """A12: a spool that cannot grow says so, and gives its descriptors back."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    spool = Spool(tmp_path, 1000)
    with largest_file(5000), pytest.raises(OSError):
        for _ in range(10):
            spool.write(b"x" * 999)
    spool.close()
    spool.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_spool_without_its_folder(tmp_path: Path) -> None:
    """A12: a spool folder that is not there fails when it is needed, not before."""
    with Spool(tmp_path / "missing", 10) as spool:
        spool.write(b"small")
        with pytest.raises(FileNotFoundError):
            spool.write(b"x" * 100)
        assert spool.content().read() == b"small"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_root_makes_belongs_to_the_service(tmp_path: Path) -> None:
    """A folder made by an administrator's command, and all in it, goes to the owner of the folder around it; a link is
    not followed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    state = tmp_path / "state"
    (state / "1" / "deep").mkdir(parents=True)
    (state / "1" / "deep" / "file").touch()
    (state / "1" / "link").symlink_to(elsewhere)
    os.chown(state, 1234, 5678)
    adopt(state / "1")
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in state.rglob("*")}
    assert owners == {(1234, 5678)}
    assert elsewhere.stat().st_uid == 0
