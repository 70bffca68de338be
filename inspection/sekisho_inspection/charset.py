"""Charsets: bytes and the label they came with to text, as a Japanese reader's mail program would show them.

Decoding never raises. A label that does not fit its bytes is no reason to lose them: the text that reads best is taken,
and `readings` gives the other plausible ones too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sekisho_inspection import jis, labels, sevenbit

_GUESSES = ("utf-8", "cp932", "euc-jp")
# Tried where Japanese does not fit: nearly every text of the guesses would be lawful in these as well.
_FAR_GUESSES = ("gb18030", "big5", "cp949")
_ISO_2022 = ("iso-2022-jp", "iso-2022-kr", "iso-2022-cn")
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
# Charsets whose bytes are ASCII and yet mean something else.
_ODD = {
    "utf-7", "hz", "utf-16", *_WIDE, "utf-32", "cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140",
}  # fmt: skip
# Labels that are set by habit, whatever the text is.
_BY_HABIT = ("", "cp1252", "utf-8", "cp932", "euc-jp")
# Overlong forms and surrogates in UTF-8 (CESU-8): unlawful, and yet read by lenient programs.
_UNLAWFUL = re.compile(
    rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}|\xf8[\x80-\x83][\x80-\xbf]{3}"
    rb"|\xfc\x80[\x80-\x83][\x80-\xbf]{3}|\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]"
)
_UTF_8_RUN = re.compile(rb"((?:[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})+)")
_UTF_8_WORD = re.compile(rb"(?:[\xe1-\xef][\x80-\xbf]{2}){2}")
_LINE_END = re.compile(rb"([\r\n]+)")
_SPACE = re.compile(rb"([ \t]+)")
_BROKEN = re.compile("[\ufffd\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ue000-\uf8ff]")
_KANA = re.compile("[\u3041-\u30ff]")
_WEIGHTS = (
    (re.compile(f"{_KANA.pattern}+"), 2.0), (re.compile("[\u3000-\u303f\u4e00-\u9fff\uff01-\uff5e]+"), 1.0),
    (re.compile("[\uff61-\uff9f]+"), 0.1), (re.compile("[^\\W\0-\x7f\u3000-\u30ff\u4e00-\u9fff\uff01-\uff9f]+"), 0.05),
    (re.compile(f"{_BROKEN.pattern}+"), -6.0),
)  # fmt: skip
# Beyond this, guessing looks at the beginning alone; what is searched are whole texts.
_SAMPLE = 1024
# Pieces of a text in several charsets that are guessed each for itself; the rest is one piece.
_MAX_PIECES = 200


class Decoded(NamedTuple):
    """One reading of bytes: the text, and the charset that was used."""

    text: str
    charset: str


def decode(data: bytes, label: str = "") -> Decoded:
    """`data` as text, and the charset that was used: the one that `label` names where it fits, else the best guess."""
    declared = labels.canonical(label)
    if data.isascii() and declared not in _ODD and b"\x1b" not in data and b"\x0e" not in data and b"\0" not in data:
        return Decoded(data.decode("ascii"), label.lower() or "us-ascii")
    if declared == "utf-8" and (text := _as_labelled(data)):
        return Decoded(text, declared)
    charset = _fitting(data, declared)
    return Decoded(_decode_as(data, charset), charset)


def _as_labelled(data: bytes) -> str:
    """The text of lawful UTF-8 in which nothing else can be meant; "" for any other bytes."""
    if b"\0" in data or b"\x1b" in data:
        return ""
    try:
        text = data.decode("utf-8")
    except UnicodeError:
        return ""
    return "" if "\ufffd" in text else text.removeprefix("\ufeff")


def readings(data: bytes, label: str = "") -> list[Decoded]:
    """Every plausible reading of `data`, the best first, without repeats."""
    first = decode(data, label)
    declared = labels.canonical(label)
    texts = {first.text: first.charset}
    others = [] if _is_plain(data, first, declared) else _others(data, first, declared)
    for text, charset in (*others, *_hidden(first.text)):
        texts.setdefault(text, charset)
    return [Decoded(text, charset) for text, charset in texts.items()]


def decodings(data: bytes, label: str = "") -> list[str]:
    """The texts of `readings`."""
    return [text for text, _ in readings(data, label)]


def is_ambiguous(found: list[Decoded], label: str) -> bool:
    """Whether the label leaves open which of the readings is meant: it names another charset than the first's or none,
    and a further one reads like writing as well."""
    first, *others = found
    if any(charset in ("utf-7", "hz") for _, charset in others):
        return True
    if first.charset in (labels.canonical(label), *_WIDE) or (first.charset == "utf-8" and not _is_broken(first.text)):
        return False
    floor = max(_score(first.text[:_SAMPLE]) / 2, 1.0)
    return any(_score(text[:_SAMPLE]) >= floor for text, _ in others)


def wide(data: bytes) -> str:
    """The charset of two or four bytes a character in which `data` is writing; "" where it is in none."""
    sample = data[:512]
    if b"\0" not in sample and max(sample[::2].count(0x30), sample[1::2].count(0x30)) * 6 < len(sample):
        return ""
    return next((charset for charset in _WIDE if _is_writing(sample, charset)), "")


def preload() -> None:
    """Import every codec and make every table, so that a process without files can decode."""
    labels.preload()
    jis.preload()


def _is_plain(data: bytes, first: Decoded, declared: str) -> bool:
    """Whether no program reads anything else in `data` than `first`."""
    if declared in _ODD or b"\0" in data or b"\x0e" in data:
        return False
    if b"\x1b" in data:
        return declared == first.charset == "iso-2022-jp" and "\ufffd" not in first.text and jis.is_settled(data)
    if data.isascii():
        return not wide(data)
    return first.charset == "utf-8" and declared in ("utf-8", "") and not _is_broken(first.text)


def _others(data: bytes, first: Decoded, declared: str) -> Iterator[Decoded]:
    """Readings besides the first: as labelled, as it stands, as escapes say, as guessed."""
    if declared:
        yield Decoded(_decode_as(data, declared), declared)
    if declared in _ODD or b"\x1b" in data:
        raw = "us-ascii" if data.isascii() else _best(data, "")
        yield Decoded(_decode_as(data, raw), raw)
    if b"\x1b" in data or b"\x0e" in data:
        for charset in dict.fromkeys(["iso-2022-jp", declared if declared in _ISO_2022 else "iso-2022-jp"]):
            yield Decoded(jis.decode_iso_2022(data, charset), charset)
            if not jis.is_settled(data):
                yield Decoded(jis.decode_iso_2022(data, charset, lines=True), charset)
    if b"\0" in data or wide(data):
        yield from (Decoded(_decode_as(data, charset), charset) for charset in _WIDE if _is_writing(data, charset))
    if b"\0" in data or b"\x0e" in data:
        # Many programs pass over these.
        yield decode(data.translate(None, b"\0\x0e\x0f"), declared)
    if data.lower().count(b"http") > first.text.lower().count("http"):
        # The first half of a character has eaten the beginning of a link, which it does not everywhere.
        yield Decoded(data.decode("cp1252", "replace"), "cp1252")
    if not data.isascii() and not _is_sure(data, first, declared):
        yield from _guesses(data)


def _is_sure(data: bytes, first: Decoded, declared: str) -> bool:
    """Whether the first reading does not come about by chance."""
    if first.charset.startswith(("utf-16", "utf-32")):
        return _is_writing(data, first.charset)
    return (
        first.charset == "utf-8"
        and "\ufffd" not in first.text
        and (declared == "utf-8" or max(first.text, default="") > "\u07ff")
    )


def _hidden(text: str) -> Iterator[Decoded]:
    for charset, other in (("utf-7", sevenbit.perhaps_utf_7(text)), ("hz", sevenbit.hz(text))):
        if other != text:
            yield Decoded(other, charset)


def _guesses(data: bytes) -> Iterator[Decoded]:
    found = [Decoded(_decode_as(data, charset), charset) for charset in _GUESSES]
    likely = [one for one in found if not _is_broken(one.text) and not _is_broken(_BROKEN.sub("\ufffd", one.text))]
    yield from likely
    if all("\ufffd" in text for text, _ in likely):
        far = (Decoded(_decode_as(data, charset), charset) for charset in _FAR_GUESSES)
        yield from (one for one in far if not _BROKEN.search(one.text))
        yield Decoded(_decode_as(data, "mixed"), "mixed")
    elif _UTF_8_WORD.search(data):
        yield Decoded(_decode_as(data, "mixed"), "mixed")


def _fitting(data: bytes, declared: str) -> str:
    if bom := next((charset for mark, charset in _BOMS if data.startswith(mark)), ""):
        return bom
    if declared not in _WIDE and (b"\0" in data or declared == "utf-16") and (found := wide(data)):
        return found
    if b"\x1b" in data and declared in _BY_HABIT and jis.ESCAPE.search(data):
        return "iso-2022-jp"
    if declared in _ISO_2022 and (data.isascii() or b"\x1b" in data or b"\x0e" in data):
        return declared
    doubtful = declared in ("", "cp1252", "cp932", "euc-jp", *_ISO_2022)
    if declared == "utf-8" and (text := _decode_as(data, "utf-8")) and not _is_broken(text) and "\ufffd" not in text:
        return declared
    if not doubtful and "\ufffd" not in _decode_as(data, declared):
        return declared
    best = _best(data, declared)
    return "mixed" if best != declared and _is_mixed(_sample(data), best) else best


def _is_mixed(sample: bytes, charset: str) -> bool:
    """Whether a text reads much better, a character, where each piece is decoded by itself."""
    text = _decode_as(sample, charset)
    if "\ufffd" not in text and charset != "cp1252" and (charset == "utf-8" or not _UTF_8_WORD.search(sample)):
        return False
    mixed = _decode_as(sample, "mixed")
    # By chance curly quotes and letters are kanji, seldom kana.
    return len(_KANA.findall(mixed)) > 1 and _score(mixed) * len(text) > 1.2 * _score(text) * len(mixed)


def _best(data: bytes, declared: str) -> str:
    sample = _sample(data)
    if _is_lawful(sample):
        return "utf-8"
    if declared in _GUESSES and [one for one in _GUESSES if "\ufffd" not in _decode_as(sample, one)] == [declared]:
        return declared
    candidates = list(dict.fromkeys(filter(None, (declared, *_GUESSES, "cp1252"))))
    # At the same score the label wins, then the order of the list.
    return max(candidates, key=lambda charset: (_weight(sample, charset), charset == declared))


def _sample(data: bytes) -> bytes:
    """The beginning, up to a space where it has one: no character is cut there."""
    if len(data) <= _SAMPLE:
        return data
    end = max(data.rfind(b"\n", 0, _SAMPLE), data.rfind(b" ", 0, _SAMPLE))
    return data[: end + 1] if end > 0 else data[:_SAMPLE]


def _is_lawful(sample: bytes) -> bool:
    """Whether it is UTF-8 with characters beyond two bytes, which does not come about by chance."""
    if len(sample) == _SAMPLE:
        sample = sample.rstrip(bytes(range(0x80, 0xC0)))[:-1]
    try:
        return bool(sample) and max(sample.decode("utf-8")) > "\u07ff"
    except UnicodeError:
        return False


def _weight(sample: bytes, charset: str) -> float:
    text = _decode_as(sample, charset)
    # Two half-width kana may look like a UTF-8 character of two bytes.
    return _score(text) + (3.0 if charset == "utf-8" and not sample.isascii() and "\ufffd" not in text else 0.0)


def _score(text: str) -> float:
    """How much `text` reads like writing: kana and kanji speak for it, broken and rare characters against it."""
    return sum(weight * sum(map(len, pattern.findall(text))) for pattern, weight in _WEIGHTS)


def _is_broken(text: str) -> bool:
    """Whether more than a quarter of what is not ASCII could not be decoded."""
    broken = text.count("\ufffd")
    return broken > 0 and broken * 4 > len(text) - len(text.encode("ascii", "ignore"))


def _is_writing(data: bytes, charset: str) -> bool:
    """Whether nearly all characters are ASCII or such as Japanese writing has; chance gives a third of them."""
    text = _decode_as(data[:_SAMPLE], charset)
    known = text.encode("cp932", "ignore").decode("cp932")
    return len(text) > 3 and len(_BROKEN.sub("", known)) * 10 >= len(text) * 9


def _mixed(data: bytes, separators: list[re.Pattern[bytes]]) -> str:
    """A text in several charsets: its lines, their words and the runs of UTF-8 in them, each by what it is."""
    if data.isascii() or not separators:
        return _decode_as(data, _best(data, ""))
    pieces = separators[0].split(data, _MAX_PIECES)
    if len(pieces) == 1:
        return _mixed(data, separators[1:])
    return "".join(map(_decode_piece, pieces, [separators[1:]] * len(pieces)))


def _decode_piece(piece: bytes, separators: list[re.Pattern[bytes]]) -> str:
    if piece.isascii():
        return piece.decode("ascii")
    text = _decode_as(piece, _best(piece, ""))
    return _mixed(piece, separators) if "\ufffd" in text or _UTF_8_WORD.search(piece) else text


def _decode_as(data: bytes, charset: str) -> str:
    if charset in _ISO_2022:
        return jis.decode_iso_2022(data, charset)
    if charset == "euc-jp":
        return jis.decode_euc(data)
    if charset in ("utf-7", "hz"):
        text = _decode_as(data, "us-ascii" if data.isascii() else _best(data, ""))
        return sevenbit.utf_7(text) if charset == "utf-7" else sevenbit.hz(text)
    if charset == "utf-8":
        return _utf_8(data)
    if charset == "mixed":
        return _mixed(data, [_LINE_END, _SPACE, _UTF_8_RUN])
    try:
        # A codec may yield lone surrogates; they are no text and break every encoder downstream.
        return data.decode(charset, "replace").encode("utf-8", "replace").decode("utf-8").lstrip("\ufeff")
    except (UnicodeError, LookupError, ValueError):
        return data.decode("latin-1")


def _utf_8(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeError:
        return _UNLAWFUL.sub(_lawful, data).decode("utf-8-sig", "replace")


def _lawful(match: re.Match[bytes]) -> bytes:
    """The shortest form of one character (RFC 3629 section 3)."""
    data = match[0]
    if data[0] == 0xED:
        return data.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode("utf-8")
    code = data[0] & (0x7F >> len(data))
    for byte in data[1:]:
        code = code << 6 | byte & 0x3F
    return chr(code).encode("utf-8", "replace")
