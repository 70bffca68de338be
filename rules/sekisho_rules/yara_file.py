"""YARA files: one indicator each, whose `meta` says where it comes from."""

from __future__ import annotations

import uuid
from pathlib import PurePath

from sekisho_rules.indicator import (
    UNDATED,
    Indicator,
    Provenance,
    Refusal,
    checked_confidence,
    stated_severity,
    stated_state,
)
from sekisho_rules.tlp import TLPS, tlp_of_name
from sekisho_rules.yara_meta import first_meta, moment, whole

_NAMESPACE = uuid.UUID("6e0a2f0c-2f2d-5b52-9a6f-2d5a4b1f7d10")


def yara_indicators(content: bytes, within: str, provenance: Provenance, refused: list[Refusal]) -> list[Indicator]:
    """The indicator that the rules of one file are; the first rule's `meta` gives its provenance. `within` is the
    file's path, of which its id is made where it states none. What cannot be read is appended to `refused`."""
    stem = PurePath(within).stem
    content = content.removeprefix(b"\xef\xbb\xbf")
    text = content.decode(errors="replace")
    meta = first_meta(text)
    # A file must not speak for a source other than the one that the importer names.
    source = provenance.source or meta.get("source", stem)
    id = meta.get("id") or f"indicator--{uuid.uuid5(_NAMESPACE, source + '/' + within)}"
    try:
        _require_utf8(content)
        return [_yara_indicator(text, meta, provenance, id=id, source=source, name=stem, file=within)]
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
        confidence=checked_confidence(whole(meta, "confidence", provenance.confidence)),
        # A number is of another program's scale.
        severity=stated_severity("" if stated.isdecimal() else stated),
        state=stated_state(meta.get("state", "")),
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
