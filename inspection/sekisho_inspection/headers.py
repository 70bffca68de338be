"""Header fields: where they stand, and their values as every plausible reading has them (RFC 5322)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from sekisho_inspection import charset, jis, labels
from sekisho_inspection.charset import Decoded

# RFC 2047 section 2, and what is seen in the wild: spaces inside, question marks inside, no label, no end.
_WORD = re.compile(
    rb"=\?([ !-<>@-~]{0,100})\? *([bBqQ]) *\?"
    rb"(?:((?:[^?=]|=(?!\?[ !-<>@-~]{0,100}\? *[bBqQ] *\?)|\?(?!=))*+)\?=|((?:[!-<>@-~]|=(?!\?))*+)\??)"
)
_QUOTED = re.compile(rb"=[0-9A-Fa-f]{2}")
_BASE64 = re.compile(
    rb"(?:[A-Za-z0-9+/]{4}){2,}+(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?|(?:[A-Za-z0-9+/]{4})+[A-Za-z0-9+/]{2,3}="
)
# Words that every program reads alike.
_LAWFUL = re.compile(rb"=\?[^? ]{1,100}\?[bB]\?[A-Za-z0-9+/]*+={0,2}\?=")
_ONE_WORD = re.compile(rb"=\?[uU][tT][fF]-8\?[bB]\?([A-Za-z0-9+/]++={0,2})\?=")
# What may be another charset's, or a word inside the word.
_ODD_TEXT = re.compile("[\0-\x1f\x7f-\x9f\ufeff\ufffd]|=\\?|\\+[A-Za-z0-9+/]|~\\{")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
# Words of one value of which more than one reading is looked for: no title has so many.
_MAX_WORDS = 500
# Values of one mail that are asked for more than once: as a field, as a subject, as a name.
_REMEMBERED = 64
# Longer names are nobody's, and would fill the memory of a worker.
_LONG_NAME = 100
_FOLD = re.compile(rb"\r?\n[ \t]*|\r")
_NOT_BASE64 = bytes(byte for byte in range(256) if not (chr(byte).isalnum() and byte < 128) and byte not in b"+/=")


class Field(NamedTuple):
    """One header field as it stands: name as text, value as raw bytes with its folds."""

    name: str
    raw: bytes

    @property
    def key(self) -> str:
        """The name in small letters."""
        return _key(self.name) if len(self.name) <= _LONG_NAME else _plain_name(self.name)


# The fields of all mails have some hundred names.
@lru_cache(maxsize=512)
def _key(name: str) -> str:
    return _plain_name(name)


def _plain_name(name: str) -> str:
    return name.strip(" \t\r\0").lower()


def unfold(raw: bytes) -> bytes:
    """A value on one line, without the space around it; a fold is one space."""
    return _FOLD.sub(b" ", raw).strip() if b"\n" in raw or b"\r" in raw else raw.strip()


@lru_cache(maxsize=_REMEMBERED)
def decode_value(raw: bytes) -> str:
    """A field's value as a reader sees it."""
    line = unfold(raw)
    if b"=?" not in line:
        return charset.decode(line).text
    if single := _single(line):
        return single
    return "".join(charset.decode(data, label or "").text for data, label in _runs(line))


def value_readings(raw: bytes) -> list[Decoded]:
    """Every plausible reading of a value, `decode_value`'s first, without repeats and empty ones."""
    return list(_value_readings(raw))


@lru_cache(maxsize=_REMEMBERED)
def _value_readings(raw: bytes) -> tuple[Decoded, ...]:
    line = unfold(raw)
    if b"=?" not in line:
        return tuple(one for one in charset.readings(line) if one.text)
    if single := _single(line):
        return (Decoded(single, "utf-8"),)
    found = _word_readings(line)
    if b"\n" in raw:
        # A fold inside a word's label is none of the label.
        found += _word_readings(_FOLD.sub(b"", raw).strip())
    for text, _ in found[:]:
        # A word inside a word is not to be decoded (RFC 2047 section 6.2); many programs decode until none is left.
        if "=?" in text:
            found += _word_readings(text.encode())
    texts: dict[str, Decoded] = {}
    for one in found:
        texts.setdefault(one.text, one)
    return tuple(one for text, one in texts.items() if text)


def _single(line: bytes) -> str:
    """The text of a value that is one lawful word of UTF-8, which has no other reading; "" for any other value."""
    match = _ONE_WORD.fullmatch(line)
    if match is None:
        return ""
    try:
        text = binascii.a2b_base64(match[1], strict_mode=True).decode()
    except ValueError:
        return ""
    return text if not _ODD_TEXT.search(text) else ""


def decoded_values(raw: bytes) -> list[str]:
    """The texts of `value_readings`."""
    return [text for text, _ in value_readings(raw)]


def charset_labels(raw: bytes) -> list[str]:
    """The labels of the words in a value, without repeats."""
    return list(dict.fromkeys(match[1].decode("ascii") for match in _WORD.finditer(unfold(raw))))


def is_ambiguous(raw: bytes) -> bool:
    """Whether the labels in a value leave open which text is meant."""
    runs = _runs(unfold(raw))[:_MAX_WORDS]
    return any(charset.is_ambiguous(charset.readings(data, label or ""), label or "") for data, label in runs)


def _word_readings(line: bytes) -> list[Decoded]:
    """The readings of words: those of one charset joined, because many senders cut characters and escapes at a word's
    end; each for itself; all joined; and as programs read words that are broken."""
    runs = _runs(line)
    if len(runs) > _MAX_WORDS:
        return [Decoded("".join(charset.decode(data, label or "").text for data, label in runs), "")]
    variants = [runs]
    # A word's padding before its end is no beginning of a word.
    words = line.count(b"=?") - line.count(b"=?=")
    if words > 1:
        variants += [_runs(line, join) for join in (_never, _always)] + [_carried(runs)]
    if len(_LAWFUL.findall(line)) != words:
        variants += [
            _runs(line, word_bytes=manner) for manner in (_of_other_kind, _cut_short, _without_spaces, _url_safe)
        ]
    distinct = {tuple(variant): None for variant in variants}
    return [reading for variant in distinct for reading in _run_readings(variant)]


# A run is a piece of a value in one charset: its bytes and their label, None for what stands outside of words.
_Run = tuple[bytes, str | None]


def _run_readings(runs: Sequence[_Run]) -> Iterator[Decoded]:
    """The runs in their first readings, and all that can be in each other charset that one of them can be in."""
    readings = [charset.readings(data, label or "") for data, label in runs]
    name = next((found[0].charset for found, (_, label) in zip(readings, runs, strict=True) if label is not None), "")
    yield Decoded("".join(found[0].text for found in readings), name)
    others = dict.fromkeys(one.charset for found in readings if len(found) > 1 for one in found)
    for other in others:
        yield Decoded(
            "".join(next((one.text for one in found if one.charset == other), found[0].text) for found in readings),
            other,
        )


def _same_charset(label: str, other: str) -> bool:
    name = labels.canonical(label)
    return label.lower() == other.lower() or (name != "" and name == labels.canonical(other))


def _never(label: str, other: str) -> bool:
    return False


def _always(label: str, other: str) -> bool:
    return True


def _runs(
    line: bytes,
    join: Callable[[str, str], bool] = _same_charset,
    word_bytes: Callable[[bytes, bytes], bytes] | None = None,
) -> list[_Run]:
    runs: list[_Run] = []
    last = 0
    for match in _WORD.finditer(line):
        label, text = match[1].decode("ascii").strip(), match[4] if match[3] is None else match[3]
        data = (word_bytes or _word_bytes)(match[2], text)
        between = line[last : match.start()]
        # White space between two words is not shown (RFC 2047 section 6.2).
        if between.strip() or (between and not last):
            runs.append((between, None))
        if runs and runs[-1][1] is not None and join(runs[-1][1], label):
            data, label = runs[-1][0] + data, runs.pop()[1] or ""
        runs.append((data, label))
        last = match.end()
    return [*runs, (line[last:], None)] if last < len(line) else runs


def _carried(runs: list[_Run]) -> list[_Run]:
    """The runs where an escape of ISO-2022-JP stays in force behind text that stands between two words."""
    carried: list[_Run] = []
    escape, half = b"", b""
    for data, label in runs:
        if label is not None and labels.canonical(label) == "iso-2022-jp":
            data = escape + half + data
            escape, half = jis.unfinished(data)
            data = data[: len(data) - len(half)]
        carried.append((data, label))
    return carried


def _word_bytes(kind: bytes, text: bytes) -> bytes:
    return base64_bytes(text) if kind in b"bB" else binascii.a2b_qp(text, header=True)


def _of_other_kind(kind: bytes, text: bytes) -> bytes:
    """A word whose text is written in the other encoding than the one it states."""
    if kind in b"bB":
        return _word_bytes(b"Q" if _QUOTED.search(text) else b"B", text)
    data = base64_bytes(text) if _BASE64.fullmatch(text) else b""
    return data if not data.isascii() or b"\x1b" in data else _word_bytes(kind, text)


def _cut_short(kind: bytes, text: bytes) -> bytes:
    """A word as programs read it that end base64 at its first padding."""
    return _word_bytes(kind, text.partition(b"=")[0] if kind in b"bB" else text)


def _without_spaces(kind: bytes, text: bytes) -> bytes:
    """A word that was folded inside."""
    return _word_bytes(kind, text.translate(None, b" \t"))


def _url_safe(kind: bytes, text: bytes) -> bytes:
    return _word_bytes(kind, text.translate(_URL_SAFE) if kind in b"bB" else text)


def base64_bytes(text: bytes) -> bytes:
    """Base64 without regard to junk, short ends and padding in the middle (each padded run is decoded for itself)."""
    clean = text.translate(None, _NOT_BASE64)
    runs = [clean.rstrip(b"=")]
    if b"=" in runs[0]:
        runs = [run for run in runs[0].split(b"=") if run]
    # One character over a quad carries six bits: no byte.
    return b"".join(binascii.a2b_base64(run[: len(run) - (len(run) % 4 == 1)] + b"==") for run in runs)
