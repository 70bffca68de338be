"""Mails and workers for the tests of this room."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sekisho_core.settings import load
from sekisho_core.vocabulary import Content, Envelope, Mail, Reading
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.reader import read_mail
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


@pytest.fixture(scope="session")
def attach() -> Callable[..., bytes]:
    """Makes a mail of a text and attachments: attach("text", ("報告.pdf", content), …), CRLF line ends."""

    def make(text: str, *files: tuple[str, bytes], subject: str = "資料送付の件") -> bytes:
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = subject, "総務課 <a@example.go.jp>", "b@example.jp"
        mail.set_content(text)
        for name, content in files:
            mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
        return mail.as_bytes(policy=SMTP)

    return make


@pytest.fixture(scope="session")
def read(limits: InspectionSettings) -> Callable[..., Reading]:
    """Reads a mail with the default limits, others by keyword, without YARA rules."""

    def run(content: bytes, **changes: Any) -> Reading:
        return read_mail(content, msgspec.structs.replace(limits, **changes), None)

    return run
