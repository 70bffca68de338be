"""Indicator files: STIX bundles as plain JSON, and YARA files whose `meta` says where they come from."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
from sekisho_core.errors import SekishoError
from sekisho_core.vocabulary import Severity

from sekisho_rules.indicator import DEFAULT_CONFIDENCE, UNDATED, Indicator, Refusal, newest, utc
from sekisho_rules.tlp import TLPS, strictest, tlp_of_id, tlp_of_name
from sekisho_rules.yara_meta import first_meta, moment, whole

LARGEST_FILE = 1 << 30
LARGEST_DOCUMENT = 1 << 20
_ADVICE = " (name the folder above both, or give them a source or id in meta)"
_NAMESPACE = uuid.UUID("6e0a2f0c-2f2d-5b52-9a6f-2d5a4b1f7d10")
_YARA_SUFFIXES = (".yar", ".yara")
SUFFIXES = (".json", ".stix", ".stix2", *_YARA_SUFFIXES)
_SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class IndicatorFileError(SekishoError):
    """A file that holds no indicators that we can read."""


class _Reference(msgspec.Struct):
    source_name: str = ""
    url: str = ""


class _Object(msgspec.Struct):
    """The properties of a STIX object that we read; all others stay in the raw document."""

    type: str = ""
    id: str = ""
    modified: datetime | None = None
    created: datetime | None = None
    name: str = ""
    description: str = ""
    pattern: str = ""
    pattern_type: str = "stix"
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    confidence: int | None = None
    revoked: bool = False
    labels: list[str] = []
    indicator_types: list[str] = []
    object_marking_refs: list[str] = []
    external_references: list[_Reference] = []
    definition: dict[str, Any] = {}
    x_sekisho_severity: str = ""
    x_sekisho_state: str = ""


class _Bundle(msgspec.Struct):
    type: str = ""
    objects: list[msgspec.Raw] = []


class Provenance(msgspec.Struct, frozen=True):
    """What an import says of indicators that do not say it themselves; `source` "" means the file's name."""

    source: str = ""
    tlp: str = "amber"
    confidence: int = DEFAULT_CONFIDENCE


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
    content = _content(path)
    provenance = provenance or Provenance()
    within = within or path.name
    refused: list[Refusal] = []
    if path.suffix.lower() in _YARA_SUFFIXES:
        found = _yara(content, path, within, provenance, refused)
    else:
        provenance = msgspec.structs.replace(provenance, source=provenance.source or path.stem)
        found = newest(_stix(content, path, within, provenance, refused))
    if refused and refusals is None:
        raise IndicatorFileError(f"{path}: {refused[0].id}: {refused[0].reason}")
    if refusals is not None:
        refusals += refused
    return found


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise IndicatorFileError(f"{path}: larger than {LARGEST_FILE} bytes")
        # Editors of Windows write a byte order mark, which RFC 8259 section 8.1 lets readers ignore.
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise IndicatorFileError(f"{path}: {error.strerror}") from error


def _stix(content: bytes, path: Path, within: str, provenance: Provenance, refused: list[Refusal]) -> list[Indicator]:
    found: list[Indicator] = []
    markings: dict[str, str] = {}
    pending: list[tuple[_Object, msgspec.Raw]] = []
    for number, raw in enumerate(_objects(content, path)):
        try:
            item = _decoded(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            refused.append(Refusal(f"object {number + 1}", provenance.source, f"not a STIX object: {error}", within))
            continue
        if item.type == "marking-definition":
            markings |= _marking(item)
        elif item.type == "indicator":
            pending.append((item, raw))
    for item, raw in pending:
        try:
            found.append(_indicator(item, raw, markings, within, provenance))
        except ValueError as error:
            name = item.id or "an indicator without id"
            refused.append(Refusal(name, provenance.source, str(error), within, item.name))
    return found


def _objects(content: bytes, path: Path) -> list[msgspec.Raw]:
    try:
        if content.lstrip()[:1] == b"[":
            return msgspec.json.decode(content, type=list[msgspec.Raw])
        bundle = msgspec.json.decode(content, type=_Bundle)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise IndicatorFileError(f"{path}: not a STIX bundle: {error}") from error
    if bundle.type == "bundle":
        return bundle.objects
    if bundle.type == "indicator":
        return [msgspec.Raw(content)]
    raise IndicatorFileError(f"{path}: neither a STIX bundle nor an indicator")


def _decoded(raw: msgspec.Raw) -> _Object:
    kind = msgspec.json.decode(raw, type=_Kind).type
    return msgspec.json.decode(raw, type=_Object) if kind in ("indicator", "marking-definition") else _Object()


class _Kind(msgspec.Struct):
    type: str = ""


def _marking(item: _Object) -> dict[str, str]:
    stated = item.definition.get("tlp", item.name)
    tlp = tlp_of_id(item.id) or (tlp_of_name(stated) if isinstance(stated, str) else None)
    return {item.id: tlp} if tlp else {}


def _indicator(
    item: _Object, raw: msgspec.Raw, markings: dict[str, str], within: str, provenance: Provenance
) -> Indicator:
    if not item.id.startswith("indicator--"):
        raise ValueError("has no indicator id")
    if len(bytes(raw)) > LARGEST_DOCUMENT:
        raise ValueError(f"larger than {LARGEST_DOCUMENT} bytes")
    marked = (markings.get(mark) or tlp_of_id(mark) for mark in item.object_marking_refs)
    stated = [tlp for tlp in marked if tlp] or [tlp for tlp in map(_tlp_label, item.labels) if tlp]
    modified = item.modified or item.created
    return Indicator(
        id=item.id,
        source=provenance.source,
        pattern=item.pattern,
        pattern_type=item.pattern_type.lower(),
        name=item.name,
        description=item.description,
        tlp=strictest(stated, provenance.tlp),
        confidence=_confidence(provenance.confidence if item.confidence is None else item.confidence),
        severity=_severity(item.x_sekisho_severity, item.labels, item.indicator_types),
        state=_state(item.x_sekisho_state),
        valid_from=_utc(item.valid_from),
        valid_until=_utc(item.valid_until),
        modified=_utc(modified) or UNDATED,
        revoked=item.revoked,
        labels=tuple(item.labels),
        reference=next((reference.url for reference in item.external_references if reference.url), ""),
        file=within,
        document=bytes(raw).decode(),
    )


def _tlp_label(label: str) -> str | None:
    return tlp_of_name(label) if label.lower().startswith("tlp") else None


def _confidence(stated: int) -> int:
    if not 0 <= stated <= 100:
        raise ValueError(f"confidence {stated} is not between 0 and 100")
    return stated


def _severity(stated: str, labels: list[str], types: list[str]) -> Severity:
    if stated and stated not in _SEVERITIES:
        raise ValueError(f"severity {stated} is none of {', '.join(_SEVERITIES)}")
    words = [stated, *(label.lower().removeprefix("severity:") for label in labels)]
    found = next((severity for word in words for severity in _SEVERITIES if word == severity), None)
    return found or ("info" if types == ["benign"] else "targeted")


def _state(stated: str) -> Any:
    if stated not in ("", "enforce", "observe"):
        raise ValueError(f"state {stated} is neither enforce nor observe")
    return stated or "enforce"


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else utc(moment)


def _yara(content: bytes, path: Path, within: str, provenance: Provenance, refused: list[Refusal]) -> list[Indicator]:
    """The rules of one file are one indicator; the first rule's `meta` gives its provenance."""
    text = content.decode(errors="replace")
    meta = first_meta(text)
    # A file must not speak for a source other than the one that the importer names.
    source = provenance.source or meta.get("source", path.stem)
    id = meta.get("id") or f"indicator--{uuid.uuid5(_NAMESPACE, source + '/' + within)}"
    try:
        _require_utf8(content)
        return [_yara_indicator(text, meta, provenance, id=id, source=source, name=path.stem, file=within)]
    except ValueError as error:
        refused.append(Refusal(id, source, str(error), within))
        return []


def _require_utf8(content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: not UTF-8 (byte 0x{content[error.start]:02X})") from error


def _yara_indicator(
    text: str, meta: dict[str, str], provenance: Provenance, *, id: str, source: str, name: str, file: str
) -> Indicator:
    stated = meta.get("severity", "")
    return Indicator(
        id=id,
        source=source,
        pattern=text,
        pattern_type="yara",
        name=meta.get("name", name),
        description=meta.get("description", ""),
        tlp=_tlp(meta["tlp"]) if "tlp" in meta else provenance.tlp,
        confidence=_confidence(whole(meta, "confidence", provenance.confidence)),
        # A number is of another program's scale.
        severity=_severity("" if stated.isdecimal() else stated, [], []),
        state=_state(meta.get("state", "")),
        valid_from=moment(meta, "valid_from"),
        valid_until=moment(meta, "valid_until"),
        modified=moment(meta, "modified") or UNDATED,
        reference=meta.get("reference", ""),
        file=file,
        document=text,
    )


def _tlp(stated: str) -> str:
    if not (tlp := tlp_of_name(stated)):
        raise ValueError(f"meta tlp: {stated} is none of {', '.join(TLPS)}")
    return tlp
