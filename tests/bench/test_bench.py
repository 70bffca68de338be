"""The benches run: figures are for people, so none is asserted."""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parent


def run(script: str, *arguments: str) -> str:
    """What a script of the bench prints."""
    done = subprocess.run([sys.executable, BENCH / script, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_stages() -> None:
    """The bench of stages measures every stage of each kind of mail, and says what share of reading goes where."""
    options = ("--mails", "2", "--rounds", "1", "--indicators", "70")
    figures = json.loads(run("stages.py", *options, "--json"))
    assert list(figures) == ["text", "html", "pdf", "docx"]
    for one in figures.values():
        assert {"stock email: the same job", "read, with YARA", "match", "judge"} <= set(one["microseconds"])
        assert one["ratio_to_stock"]["stock email: the same job"] == 1
        assert 0.99 < sum(one["shares_of_read"].values()) < 1.01 or not any(one["shares_of_read"].values())
    assert "clean text mail: " in run("stages.py", *options, "--kinds", "text")


def test_feeds() -> None:
    """The bench of feeds parses, imports, compiles, swaps and matches at each size, for people and programs."""
    options = ("--sizes", "70", "140", "--mails", "2")
    sizes = json.loads(run("feeds.py", *options, "--json"))["sizes"]
    assert [one["indicators"] for one in sizes] == [70, 140]
    assert all(one["compile s"] > 0 and one["peak MiB"] > 0 for one in sizes)
    assert "140 indicators: import " in run("feeds.py", *options)


def test_corpus(tmp_path: Path) -> None:
    """The corpus check counts by folder what became of mails and of files, which it attaches to a mail."""
    for folder, name, content in (
        ("mails", "a.eml", b"Subject: s\n\ntext\n"),
        ("mails", "b.eml", b"Subject: s\nContent-Type: application/pgp-encrypted\n\nx\n"),
        ("files", "c.exe", b"MZ" + b"\0" * 99),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(content)
    found = json.loads(run("corpus.py", str(tmp_path), "--json"))
    mails, files = found["mails"], found["files"]
    assert (mails["files"], mails["verdicts"]) == (2, {"accept": 1, "quarantine": 1})
    assert (mails["incomplete"], mails["crashed"]) == ({"locked": 1}, [])
    assert (files["verdicts"], files["findings"]) == ({"quarantine": 1}, {"executable": 1})
    assert "quarantine" in run("corpus.py", str(tmp_path))


def test_attachments() -> None:
    """The bench of attachments measures every type against its budget, and again with the cache."""
    done = subprocess.run(
        [sys.executable, BENCH / "attachments.py", "--rounds", "1", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    # Figures of one round on a busy machine may pass a budget.
    assert done.returncode in (0, 1), done.stderr
    kinds = json.loads(done.stdout)["kinds"]
    assert {"html", "pdf", "docx", "xlsm", "zip", "pdf, 30 pages", "docx, 5 MB", "zip, 1,000 files"} <= set(kinds)
    assert all(one["budget"] > 0 and one["ratio"] > 0 and one["again_ratio"] > 0 for one in kinds.values())
