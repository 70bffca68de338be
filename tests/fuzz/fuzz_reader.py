"""Coverage-guided fuzzing of the readers: no bytes may make `read_mail` raise, answer differently twice, or take long.

Run by `make fuzz`. A crasher is written to the folder given with -artifact_prefix; kept ones become cases of the tests.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["sekisho_inspection", "sekisho_core"]):
    from sekisho_core import settings
    from sekisho_core.vocabulary import Reading
    from sekisho_inspection.reader import read_mail
    from sekisho_inspection.settings import InspectionSettings

LIMITS = settings.load(None).of(InspectionSettings)


def one_input(data: bytes) -> None:
    """Read the bytes as a mail, twice."""
    first = read_mail(data, LIMITS, None)
    if not isinstance(first, Reading) or first != read_mail(data, LIMITS, None):
        raise AssertionError("the same bytes were read differently")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
