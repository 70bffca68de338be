"""Local files: files and folders as feeds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sekisho_feeds.harvest import Document, FeedError
from sekisho_feeds.local_files import read_local


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A feed of three files, one of them in a folder, beside what is not of it."""
    place = tmp_path / "feed"
    (place / "b").mkdir(parents=True)
    for name, text in (("c.csv", "3"), ("a.json", "1"), ("b/x.csv", "2"), (".swp", "no"), ("b/.hidden", "no")):
        (place / name).write_text(text)
    return place


def test_a_file(folder: Path) -> None:
    """A file is one document; also behind a link that the administrator gives."""
    assert read_local(folder / "c.csv", 10, 1) == [Document("c.csv", b"3")]
    (folder.parent / "link").symlink_to(folder / "c.csv")
    assert read_local(folder.parent / "link", 10, 1) == [Document("link", b"3")]


def test_a_folder(folder: Path) -> None:
    """The files of a folder come in the order of their names, without hidden ones."""
    wanted = [Document("a.json", b"1"), Document("b/x.csv", b"2"), Document("c.csv", b"3")]
    assert read_local(folder, 3, 3) == wanted
    (folder.parent / "link").symlink_to(folder)
    assert read_local(folder.parent / "link", 3, 3) == wanted


def test_links(folder: Path) -> None:
    """A link within the folder is the file; a folder behind one is left out; a link that leads out is refused."""
    (folder / "d.csv").symlink_to("c.csv")
    (folder / "circle").symlink_to(".")
    assert [document.name for document in read_local(folder, 10, 10)] == ["a.json", "b/x.csv", "c.csv", "d.csv"]
    (folder.parent / "secret").write_text("no")
    for target in ("../secret", str(folder.parent / "secret"), "/etc/hostname"):
        (folder / "e").symlink_to(target)
        with pytest.raises(FeedError, match="leads out of the folder"):
            read_local(folder, 1000, 10)
        (folder / "e").unlink()


def test_bounds(folder: Path) -> None:
    """Too many bytes, files, entries and folders within folders are refused, with the place."""
    with pytest.raises(FeedError, match=r"c\.csv: is larger than the 0 bytes"):
        read_local(folder, 2, 3)
    with pytest.raises(FeedError, match="more than 2 files"):
        read_local(folder, 100, 2)
    for number in range(40):
        (folder / f"m{number}").mkdir()
    with pytest.raises(FeedError, match="more than 30 entries"):
        read_local(folder, 100, 3)
    deep = folder.parent / "deep"
    (deep / "/".join("d" * 20)).mkdir(parents=True)
    with pytest.raises(FeedError, match="nested deeper"):
        read_local(deep, 100, 3)


def test_what_is_no_file(folder: Path) -> None:
    """A pipe, a circle of links, nothing at all and a bad path are errors that name the place, and nobody waits."""
    os.mkfifo(folder / "pipe")
    with pytest.raises(FeedError, match="pipe: is neither"):
        read_local(folder, 100, 10)
    with pytest.raises(FeedError, match="none: cannot be read: No such file"):
        read_local(folder / "none", 100, 10)
    (folder / "round").symlink_to("round")
    with pytest.raises(FeedError):
        read_local(folder / "round", 100, 10)
    with pytest.raises(FeedError):
        read_local(folder / "a\0b", 100, 10)
    (folder / "pipe").unlink()
    with pytest.raises(FeedError):
        read_local(folder, 100, 10)


def test_names_in_any_bytes(folder: Path) -> None:
    """A file whose name is no UTF-8 is read; its name can be shown."""
    (folder / os.fsdecode(b"\xff\x1b.csv")).write_text("4")
    assert read_local(folder, 100, 10)[-1] == Document("\\xff\x1b.csv", b"4")
