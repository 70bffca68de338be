"""Indicator files: STIX bundles as plain JSON, and YARA files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath

import msgspec

from sekisho_rules.indicator import UNDATED, Indicator, Refusal, newest
from sekisho_rules.indicator import IndicatorFileError as IndicatorFileError
from sekisho_rules.indicator import Provenance as Provenance
from sekisho_rules.stix_objects import StixReader
from sekisho_rules.yara_file import yara_indicators

LARGEST_FILE = 1 << 30
_ADVICE = " (name the folder above both, or give them a source or id in meta)"
YARA_SUFFIXES = (".yar", ".yara")
SUFFIXES = (".json", ".stix", ".stix2", *YARA_SUFFIXES)


def indicator_files(path: Path) -> list[Path]:
    """The indicator files that `path` stands for: itself, or in a folder all that end as such files do, by name."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())


def read_indicators(
    paths: Iterable[Path], provenance: Provenance | None = None, refusals: list[Refusal] | None = None
) -> list[Indicator]:
    """The indicators of all these files and folders, for each source and id the version in force.

    Raises IndicatorFileError as `read_indicator_file` does, and where two files state one id in one version, with
    different patterns: it names both, since one of them would be lost.
    """
    found: list[Indicator] = []
    stated: dict[str, tuple[Path, Indicator]] = {}
    for path in paths:
        for file in indicator_files(path):
            within = str(file.relative_to(path)) if path.is_dir() else file.name
            for one in read_indicator_file(file, provenance, refusals, within):
                other, first = stated.setdefault(one.id, (file, one))
                if _contradict(first, one):
                    advice = _ADVICE if one.pattern_type == "yara" else ""
                    raise IndicatorFileError(f"{file}: states {one.id} differently from {other}{advice}")
                found.append(one)
    return newest(found)


def _contradict(first: Indicator, second: Indicator) -> bool:
    versions = first.modified, second.modified
    return first.pattern != second.pattern and (versions[0] == versions[1] or UNDATED in versions)


def read_indicator_file(
    path: Path, provenance: Provenance | None = None, refusals: list[Refusal] | None = None, within: str = ""
) -> list[Indicator]:
    """The indicators of a STIX 2.0 or 2.1 bundle (or one object, or an array of them), or of a YARA file; for each id
    the version in force.

    `within` is the file's path within the folder that was given: it tells YARA files of one name apart. An object
    that cannot be read is appended to `refusals`; without that list it raises, as an unreadable file does,
    IndicatorFileError naming the file and the fault.
    """
    within = within or path.name
    refused: list[Refusal] = []
    try:
        found = indicators_of(_content(path), within, provenance or Provenance(), refused)
    except ValueError as error:
        raise IndicatorFileError(f"{path}: {error}") from error
    if refused and refusals is None:
        raise IndicatorFileError(f"{path}: {refused[0].id}: {refused[0].reason}")
    if refusals is not None:
        refusals += refused
    return found


def indicators_of(content: bytes, name: str, provenance: Provenance, refused: list[Refusal]) -> list[Indicator]:
    """The indicators of a file's content, for each id the version in force; `name` tells by its suffix what it is.

    An object that cannot be read is appended to `refused`. Raises ValueError for content that is no STIX bundle.
    """
    if PurePath(name).suffix.lower() in YARA_SUFFIXES:
        return yara_indicators(content, name, provenance, refused)
    source = provenance.source or PurePath(name).stem
    reader = StixReader(msgspec.structs.replace(provenance, source=source), refused)
    reader.add(content, name)
    return reader.indicators()


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise IndicatorFileError(f"{path}: larger than {LARGEST_FILE} bytes")
        return path.read_bytes()
    except OSError as error:
        raise IndicatorFileError(f"{path}: {error.strerror}") from error
