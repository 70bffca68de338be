"""The bundled packs: folders of indicator files beside this module, named in `[rules] packs`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from sekisho_core.errors import SettingsError

from sekisho_rules.indicator import Indicator
from sekisho_rules.indicator_files import Provenance, indicator_files, read_indicators

SAMPLE_PAYLOAD = b"sekisho sample payload\n"
"""The content of the file whose hash the pack `examples` lists: harmless, and anybody can make it."""


def pack_names() -> list[str]:
    """The packs that there are."""
    return sorted(path.name for path in _home().iterdir() if path.is_dir() and indicator_files(path))


def read_packs(names: Iterable[str]) -> list[Indicator]:
    """The indicators of the packs named; a pack's name is their source. Raises SettingsError for an unknown pack,
    naming the nearest."""
    return [indicator for name in names for indicator in _read_pack(name)]


def _read_pack(name: str) -> list[Indicator]:
    known = pack_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
        raise SettingsError(f"rules.packs: unknown pack {name}; {hint}")
    provenance = Provenance(source=name, tlp="clear")
    return read_indicators([_home() / name], provenance)


def _home() -> Path:
    return Path(str(files("sekisho_rules").joinpath("packs")))
