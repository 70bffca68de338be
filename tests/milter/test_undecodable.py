"""The lenient decoding for pymilter does not reach anybody else."""

from __future__ import annotations

import subprocess
import sys

from sekisho_milter.undecodable import printable, raw


def test_strict_stays_strict_in_python() -> None:
    """A35: with the handler installed, Python code still gets its errors, in threads too."""
    program = """
import threading
from sekisho_milter import undecodable
undecodable.install()
seen = []
def work():
    for act in (lambda: b"\\xff".decode(), lambda: "\\udcff".encode(), lambda: str(b"\\xff", "utf-8")):
        try:
            act()
        except UnicodeError as error:
            seen.append(type(error).__name__)
work()
thread = threading.Thread(target=work)
thread.start()
thread.join()
assert seen == ["UnicodeDecodeError", "UnicodeEncodeError", "UnicodeDecodeError"] * 2, seen
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_bytes_survive_as_escapes() -> None:
    """What pymilter decoded leniently gives its bytes back, and shows as printable text."""
    text = b"m\xffil\xe3\x83\xa1".decode("utf-8", "surrogateescape")
    assert raw(text) == b"m\xffil\xe3\x83\xa1"
    assert printable(raw(text)) == "m\\xffilメ"
