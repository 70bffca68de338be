"""Mails and workers for the tests of this room."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sekisho_core.settings import load
from sekisho_core.vocabulary import Content, Envelope, Mail
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.settings import InspectionSettings

READERS = Path(__file__).parent / "readers"
STAND_IN = "stand_in_reader:read_mail"


@pytest.fixture(scope="session")
def limits() -> InspectionSettings:
    """The default settings."""
    return load(Path(os.devnull)).of(InspectionSettings)


@pytest.fixture
def mail() -> Iterator[Callable[[bytes], Mail]]:
    """Makes a mail of bytes, held in a memfd as the spool holds it."""
    opened: list[int] = []

    def make(content: bytes) -> Mail:
        descriptor = os.memfd_create("mail", os.MFD_CLOEXEC)
        opened.append(descriptor)
        os.write(descriptor, content)
        return Mail("0", Envelope(), Content(descriptor, len(content), hashlib.sha256(content).hexdigest()))

    yield make
    for descriptor in opened:
        os.close(descriptor)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a reader that does what a mail orders, where a supervisor finds it."""
    monkeypatch.setenv("PYTHONPATH", str(READERS))
    return STAND_IN


@pytest.fixture
def workers(limits: InspectionSettings, stand_in: str) -> Iterator[Callable[..., InspectionClient]]:
    """Starts private workers with the stand-in reader; settings by keyword."""
    with ExitStack() as started:

        def start(count: int = 1, **changes: Any) -> InspectionClient:
            settings = msgspec.structs.replace(limits, **changes)
            return started.enter_context(private_workers(settings, count, stand_in))

        yield start
