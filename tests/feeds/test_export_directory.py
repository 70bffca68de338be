"""The directory of an export: whole files, and the last good ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sekisho_feeds.export_directory import MANIFEST, checked_by, published_files, write_exports
from sekisho_feeds.export_items import Export
from sekisho_feeds.harvest import FeedError


def export(entries: int, **files: bytes) -> Export:
    """An export of files with these stems."""
    return Export({f"{stem}.txt": content for stem, content in files.items()}, entries)


def test_files_are_written_and_left_alone_when_unchanged(tmp_path: Path) -> None:
    """What did not change keeps its file and time; what is gone goes; the manifest tells what there is."""
    folder = tmp_path / "made"
    first = write_exports(folder, export(2, a=b"1\n", b=b"2\n"))
    assert first.written == ("a.txt", "b.txt", MANIFEST) and published_files(folder) == {
        "a.txt": b"1\n",
        "b.txt": b"2\n",
    }
    os.utime(folder / "a.txt", (1, 1))
    second = write_exports(folder, export(2, a=b"1\n", c=b"3\n"))
    assert (second.written, second.unchanged, second.removed) == (("c.txt", MANIFEST), ("a.txt",), ("b.txt",))
    assert (folder / "a.txt").stat().st_mtime == 1 and not (folder / "b.txt").exists()
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o644
    assert write_exports(folder, export(2, a=b"1\n", c=b"3\n")).written == ()


def test_foreign_files_stay(tmp_path: Path) -> None:
    """A file that no export wrote is not removed."""
    (tmp_path / "mine.txt").write_text("x")
    write_exports(tmp_path, export(1, a=b"1\n"))
    assert write_exports(tmp_path, export(1, b=b"1\n")).removed == ("a.txt",)
    assert (tmp_path / "mine.txt").exists()


@pytest.mark.parametrize(
    ("before", "after", "most_lost", "published"),
    [
        (0, 0, 20, True),
        (10, 8, 20, True),
        (10, 7, 20, False),
        (10, 0, 99, False),
        (10, 0, 100, True),
        (1, 10, 0, True),
        (1, 0, 20, False),
    ],
)
def test_a_sudden_loss_keeps_the_last(tmp_path: Path, before: int, after: int, most_lost: int, published: bool) -> None:
    """An export that lost more than may be, or all, is refused whole, with the reason (C31)."""
    write_exports(tmp_path, export(before, a=b"old\n"))
    done = write_exports(tmp_path, export(after, a=b"new\n"), most_lost=most_lost)
    assert (done.refused == "") is published
    assert (tmp_path / "a.txt").read_bytes() == (b"new\n" if published else b"old\n")


def test_a_refused_file_keeps_all(tmp_path: Path) -> None:
    """Where a check refuses, no file of the export is replaced."""
    write_exports(tmp_path, export(1, a=b"1\n"))
    done = write_exports(tmp_path, export(2, a=b"2\n", b=b"3\n"), check=lambda files: "not today")
    assert done.refused == "not today" and done.written == () and published_files(tmp_path) == {"a.txt": b"1\n"}


def test_tools_that_fail_and_are_missing_refuse(tmp_path: Path) -> None:
    """A tool sees the new files in a directory; its bad end, its absence and what it says are the reason."""
    files = {"a.txt": b"bad \x1b[2J\n"}
    assert checked_by("grep", "-q", "bad", "{}/a.txt")(files) == ""
    assert checked_by("grep", "-q", "good", "{}/a.txt")(files) == "grep: exit status 1"
    assert checked_by("sh", "-c", "cat {}/a.txt; exit 1")(files) == "sh: bad ⟨U+001B⟩[2J"
    assert "No such file" in checked_by("no-such-tool-here")(files)


def test_an_interrupted_run_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between two files, each is whole; the next run writes what is missing (A28)."""
    write_exports(tmp_path, export(1, a=b"1\n", b=b"1\n"))
    with monkeypatch.context() as patch:
        patch.setattr("sekisho_feeds.export_directory.adopt", _killed)
        with pytest.raises(KeyboardInterrupt):
            write_exports(tmp_path, export(1, a=b"2\n", b=b"2\n"))
    assert published_files(tmp_path) == {"a.txt": b"2\n", "b.txt": b"1\n"}
    assert write_exports(tmp_path, export(1, a=b"2\n", b=b"2\n")).written == ("b.txt", MANIFEST)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt", MANIFEST]


def _killed(path: Path) -> None:
    raise KeyboardInterrupt(path)


def test_faults_name_the_place(tmp_path: Path) -> None:
    """A broken manifest, a file in the place of the directory and an unlawful name are clear errors."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(FeedError, match="file"):
        write_exports(tmp_path / "file", export(1, a=b"1"))
    with pytest.raises(FeedError, match="no name for an exported file"):
        write_exports(tmp_path, Export({"../a": b"1"}, 1))
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(FeedError, match="remove it to publish anew"):
        write_exports(tmp_path, export(1, a=b"1"))
