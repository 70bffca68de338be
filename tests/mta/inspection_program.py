"""The inspection service with its real reader, but for mails that order it to hang or to die: run with SETTINGS."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import time
from pathlib import Path

from sekisho_core.events import operator_events
from sekisho_core.scan import YaraRules
from sekisho_core.settings import load
from sekisho_core.vocabulary import Reading
from sekisho_inspection import service
from sekisho_inspection.keyring import Keyring
from sekisho_inspection.reader import read_mail as truly_read
from sekisho_inspection.settings import InspectionSettings


def read_mail(
    content: bytes, limits: InspectionSettings, yara: YaraRules | None, keyring: Keyring, cache: object
) -> Reading:
    """The real reader after an X-Test-Reader field was obeyed."""
    order = re.search(rb"(?m)^X-Test-Reader: ([a-z]+)\r$", content)
    if order and order[1] == b"hang":
        time.sleep(600)
    if order and order[1] == b"die":
        ctypes.string_at(0)
    if order and order[1] == b"vanish":
        os._exit(0)
    return truly_read(content, limits, yara, keyring)  # type: ignore[arg-type]


def main(path: Path) -> None:
    """Serve until SIGTERM."""
    table = load(path).of(InspectionSettings)
    reader = "inspection_program:read_mail"
    service.serve(table, service.listen(table.socket), reader, operator_events("info"), lambda _: lambda: None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
