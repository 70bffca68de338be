"""Inputs that fuzzing broke a reader with, each through the target that it broke (tests/fuzz/crashers/TARGET/NAME)."""

from __future__ import annotations

from pathlib import Path

import pytest
from targets import CRASHERS, TARGETS

KEPT = sorted(path for path in CRASHERS.glob("*/*"))


def assert_survived(target: str, data: bytes) -> None:
    """Targets assert by themselves what holds for any bytes."""
    TARGETS[target](data)


@pytest.mark.parametrize("crasher", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_crashers(crasher: Path) -> None:
    """B52: what once broke a reader is read without an exception, alike, and by no reader that crashes."""
    assert_survived(crasher.parent.name, crasher.read_bytes())


def test_every_crasher_has_its_target() -> None:
    """A folder without a target of its name would never be replayed."""
    assert KEPT
    assert {path.name for path in CRASHERS.iterdir()} <= set(TARGETS)


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_targets(target: str) -> None:
    """Every target takes the smallest inputs, so that what fuzzing finds later is news."""
    for data in (b"", b"\0", b"a\n"):
        assert_survived(target, data)
