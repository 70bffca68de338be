"""B18: a text, a link and a YARA string are found in whatever charset they stand, however it is labelled."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sekisho_core.vocabulary import Reading
from sekisho_inspection import charset, headers, yara_compile, yara_scan
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings

LURE = "対北朝鮮措置の延長について"
URL = "http://c2.malware.example/x"
TEXT = f"{LURE}をお送りします。詳細は {URL} をご覧ください。\r\n"
RULE = f'rule lure {{ strings: $a = "{LURE}" condition: $a }}'
UTF_7 = TEXT.encode("utf-7")
# UTF-7 may write every character in runs, those of a link as well (RFC 2152 rule 2).
ALL_UTF_7 = b"+" + base64.b64encode(TEXT.encode("utf-16-be")).rstrip(b"=") + b"-"
OVERLONG = b"".join(bytes([0xC0 | byte >> 6, 0x80 | byte & 0x3F]) for byte in URL.encode())
BODIES = {
    "cp50220": (TEXT.encode("iso2022_jp"), "cp50220"),
    "jis without label": (TEXT.encode("iso2022_jp"), ""),
    "jis as utf-8": (TEXT.encode("iso2022_jp"), "utf-8"),
    "jis without return": (LURE.encode("iso2022_jp")[:-3] + b"\r\n" + URL.encode(), "iso-2022-jp"),
    "shift_jis as jis": (TEXT.encode("cp932"), "ISO-2022-JP"),
    "shift_jis as MS932": (TEXT.encode("cp932"), "MS932"),
    "shift_jis as latin-1": (TEXT.encode("cp932"), "iso-8859-1"),
    "utf-8 as jis": (TEXT.encode(), "iso-2022-jp"),
    "utf-8 as garbage": (TEXT.encode(), "utf8mb4-garbage?"),
    "utf-8 with mark": (b"\xef\xbb\xbf" + TEXT.encode(), "us-ascii"),
    "euc as shift_jis": (TEXT.encode("euc_jp"), "x-sjis"),
    "gb2312 with kana": (TEXT.encode("gb18030"), "gb2312"),
    "utf-7": (UTF_7, "unicode-1-1-utf-7"),
    "utf-7 without label": (UTF_7, ""),
    "utf-7 as utf-8": (UTF_7, "utf-8"),
    "all of utf-7": (ALL_UTF_7, "us-ascii"),
    "utf-16 with mark": (TEXT.encode("utf-16"), "utf-16"),
    "utf-16 little without mark": (TEXT.encode("utf-16-le"), ""),
    "utf-16 big without mark": (TEXT.encode("utf-16-be"), "utf-8"),
    "utf-16 big as utf-16": (TEXT.encode("utf-16-be"), "utf-16"),
    "utf-32": (TEXT.encode("utf-32-le"), ""),
    "overlong utf-8": (LURE.encode() + b" " + OVERLONG, "utf-8"),
    "lines in two charsets": (f"{LURE}\r\n".encode() * 3 + f"別紙の表 {URL}\r\n".encode("cp932"), "utf-8"),
    "broken byte": (b"\xff " + TEXT.encode("cp932"), ""),
}  # fmt: skip


def mail(body: bytes, label: str, kind: str = "text/plain") -> bytes:
    """A mail of one text in base64."""
    stated = f"Content-Type: {kind}" + (f'; charset="{label}"' if label else "")
    head = f"Subject: s\r\nMIME-Version: 1.0\r\n{stated}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + base64.encodebytes(body)


@pytest.mark.parametrize("case", BODIES)
def test_bodies(case: str, limits: InspectionSettings) -> None:
    """B18: the link is an observable, the text is a body, and YARA meets it."""
    compiled, errors = yara_compile.compile_rules({"n": RULE})
    assert not errors
    reading = read_mail(mail(*BODIES[case]), limits, yara_scan.load_rules(compiled))
    found = {(one.path, one.value) for one in reading.observables}
    assert ("url:value", URL) in found
    assert any(path == "email-message:body" and LURE in value for path, value in found)
    assert [one.rule for one in reading.findings if one.kind == "yara"] == ["n:lure"]


@pytest.mark.parametrize(
    ("data", "label", "text"),
    [
        (b"\x1b$B5-F~\x1b(B", "iso-2022-jp", "記入"),
        (b"\x1b$)C\x0e" + bytes(byte & 0x7F for byte in "한국".encode("euc_kr")) + b"\x0f", "iso-2022-kr", "한국"),
        (b"\x0e" + bytes(byte & 0x7F for byte in "한국".encode("euc_kr")) + b"\x0f", "iso-2022-kr", "한국"),
        (b"\x1b$)A\x0e" + bytes(byte & 0x7F for byte in "中国".encode("gb2312")) + b"\x0f", "iso-2022-cn", "中国"),
        (b"~{" + bytes(byte & 0x7F for byte in "中国".encode("gb2312")) + b"~}", "", "中国"),
        (b"~{" + bytes(byte & 0x7F for byte in "中国".encode("gb2312")) + b"~} ~~", "hz-gb-2312", "中国 ~"),
        ("会議".encode() + "の件について".encode("cp932"), "", "会議の件について"),
        ("ｶｲｷﾞ".encode("cp932"), "windows-31j", "ｶｲｷﾞ"),
        ("😀".encode("utf-16", "surrogatepass").decode("utf-16").encode("utf-8"), "utf-8", "😀"),
        (b"\xed\xa0\xbd\xed\xb8\x80", "utf-8", "😀"),
        (b"\x8f\xf3\xfd\x8f\xf4\xab", "eucJP-ms", "Ⅰ㈱"),
        (b"h\0t\0t\0p\0", "us-ascii", "http"),
        (b"a\0b", "", "ab"),
        (b"1+AGgAdAB0AHA-", "us-ascii", "1http"),
        ("テスト".encode("cp037", "ignore") + "AB".encode("cp037"), "cp037", "AB"),
    ],
)  # fmt: skip
def test_readings(data: bytes, label: str, text: str) -> None:
    """B18: each of these is among the readings."""
    assert text in charset.decodings(data, label)


@pytest.mark.parametrize(
    ("text", "encoding", "label"),
    [
        (TEXT, "utf-8", "utf-8"), (TEXT, "utf-8", ""), (TEXT, "iso2022_jp", "iso-2022-jp"),
        (TEXT, "cp932", "shift_jis"),
        ("call +81-3-1234-5678 or C++, a+b=c+d; see ?q=foo+bar", "ascii", "us-ascii"),
        ("“Hello” it’s café – naïve", "cp1252", "windows-1252"), ("Grüße aus München", "cp1252", ""),
        ("~/bin and ~{x", "ascii", ""),
    ],
)  # fmt: skip
def test_ordinary_texts_are_not_ambiguous(text: str, encoding: str, label: str) -> None:
    """B51: what ordinary senders write is shown as it was written, and in no doubt."""
    found = charset.readings(text.encode(encoding), label)
    assert found[0].text == text
    assert not charset.is_ambiguous(found, label)


@pytest.mark.parametrize("encoding", ["utf-8", "iso2022_jp", "ascii"])
def test_clean_texts_have_one_reading(encoding: str) -> None:
    """A text that fits its label is decoded once."""
    assert len(charset.readings(TEXT.encode(encoding, "ignore"), encoding.replace("2022_", "-2022-"))) == 1


def test_ambiguous_charset(read: Callable[..., Reading]) -> None:
    """A text that two charsets make writing of is said to be so, and both readings are kept for people."""
    reading = read(mail(UTF_7, "us-ascii"))
    assert [(one.kind, one.where) for one in reading.findings] == [("ambiguous-charset", "part:1")]
    kept = [(one.charset, one.text) for one in reading.decodings if one.where == "part:1"]
    assert kept == [("us-ascii", UTF_7.decode()), ("utf-7", TEXT)]


def test_decodings_of_a_subject(read: Callable[..., Reading]) -> None:
    """The label and the charset of a subject are kept, the one shown first."""
    reading = read(b"Subject: =?x-sjis?B?" + base64.b64encode(LURE.encode("cp932")) + b"?=\r\n\r\nx")
    first = reading.decodings[0]
    assert (first.where, first.label, first.charset, first.text) == ("header:subject", "x-sjis", "cp932", LURE)


SHIFTS = {
    "korean": (b"\x1b$)C" + URL.encode(), "iso-2022-kr"),
    "open line": (b"\x1b$B$3$s$K\r\n" + URL.encode(), "iso-2022-jp"),
    "shift-out": (b"\x0e" + URL.encode() + b"\x0f", "iso-2022-jp"),
    "kana escape": (b"\x1b(I" + URL.encode(), "iso-2022-jp"),
    "half a character of Shift_JIS": (b"\x83" + URL.encode(), "shift_jis"),
    "half a character of EUC-JP": (b"\xa4" + URL.encode(), "euc-jp"),
    "half a character of GBK": (b"\x81" + URL.encode(), "gbk"),
    "ascii as EBCDIC": (URL.encode(), "cp037"),
    "ascii as UTF-16": (URL.encode(), "utf-16"),
    "ascii behind the mark of UTF-16": (b"\xff\xfe" + URL.encode(), ""),
    "UTF-16 behind a space": (b" " + URL.encode("utf-16-le"), ""),
    "UTF-16 behind the mark of UTF-8": (b"\xef\xbb\xbf" + URL.encode("utf-16-le"), "utf-8"),
    "NUL inside": (URL.replace("mal", "mal\0").encode(), "utf-8"),
    "single characters of UTF-7": (URL.replace(":", "+ADo-").replace(".", "+AC4-").encode(), "utf-8"),
    "UTF-7 in ISO-2022-JP": (LURE.encode("iso2022_jp") + URL.replace(":", "+ADo-").encode(), "iso-2022-jp"),
    "overlong dots": (URL.encode().replace(b".", b"\xc0\xae"), "iso-8859-1"),
    "ascii in HZ": (b"~{" + URL.encode() + b"~}", "hz"),
}  # fmt: skip


@pytest.mark.parametrize("case", SHIFTS)
def test_links_behind_shifts(case: str, read: Callable[..., Reading]) -> None:
    """B18: a link that some programs show and others take for the halves of characters is found."""
    assert URL in {one.value for one in read(mail(*SHIFTS[case])).observables if one.path == "url:value"}


def word(data: bytes, label: str = "utf-8", kind: str = "B") -> bytes:
    """An encoded word."""
    text = base64.b64encode(data) if kind in "bB" else "".join(f"={byte:02X}" for byte in data).encode()
    return f"=?{label}?{kind}?".encode() + text + b"?="


JIS = LURE.encode("iso2022_jp")
B64 = base64.b64encode(LURE.encode())
SUBJECTS = {
    "space inside": b"=?utf-8?B?" + B64[:10] + b" " + B64[10:] + b"?=",
    "space in the label": b"=? utf-8 ?B?" + B64 + b"?=",
    "no end": b"=?utf-8?B?" + B64,
    "half an end": b"=?utf-8?B?" + B64 + b"?",
    "no end before a word": b"=?utf-8?B?" + B64[:12] + b" " + b"=?utf-8?B?" + B64[12:] + b"?=",
    "no padding": b"=?utf-8?B?" + base64.b64encode(LURE.encode() + b"!")[:-2].rstrip(b"=") + b"?=",
    "padding in the middle": b"=?utf-8?B?" + base64.b64encode(LURE.encode()[:7]) + base64.b64encode(LURE.encode()[7:])
    + b"?=",
    "junk behind padding": b"=?utf-8?B?" + base64.b64encode(LURE.encode() + b" ") + b"=AAAA?=",
    "url-safe": b"=?utf-8?B?" + base64.urlsafe_b64encode(LURE.encode()) + b"?=",
    "B that is Q": word(LURE.encode(), kind="Q").replace(b"?Q?", b"?B?"),
    "Q that is B": word(LURE.encode()).replace(b"?B?", b"?Q?"),
    "language": word(JIS, "iso-2022-jp*ja"),
    "empty word": word(b"") + b" " + word(LURE.encode()),
    "cases": word(LURE.encode()[:8], "UTF-8") + b" " + word(LURE.encode()[8:], "utf-8", "q"),
    "names of one charset": word(JIS[:12], "ISO-2022-JP") + b" " + word(JIS[12:], "csISO2022JP"),
    "half a character in another label": word(LURE.encode()[:8]) + b" " + word(LURE.encode()[8:], "us-ascii"),
    "long word": word(LURE.encode(), kind="Q"),
    "quotes": b'"' + word(LURE.encode()) + b'"',
    "folded inside": word(LURE.encode(), kind="Q")[:30] + b"\r\n " + word(LURE.encode(), kind="Q")[30:],
    "label folded": b"=?utf-\r\n 8?B?" + B64 + b"?=",
    "twice encoded": word(word(LURE.encode())),
    "tabs": word(LURE.encode()[:9]) + b"\t\r\n\t" + word(LURE.encode()[9:]),
    "raw bytes in Q": b"=?utf-8?Q?" + LURE.encode() + b"?=",
    "no label": word(LURE.encode(), ""),
    "shift_jis as jis": word(LURE.encode("cp932"), "iso-2022-jp"),
    "utf-7": word(LURE.encode("utf-7"), "utf-7"),
    "utf-7 as utf-8": word(LURE.encode("utf-7"), "utf-8"),
    "raw utf-7": LURE.encode("utf-7"),
    "utf-16": word(LURE.encode("utf-16"), "utf-8"),
    "raw in two charsets": LURE.encode()[:12] + LURE[4:].encode("cp932"),
}  # fmt: skip


@pytest.mark.parametrize("case", SUBJECTS)
def test_subjects(case: str, read: Callable[..., Reading]) -> None:
    """B18: the lure is a value of the subject however its words are written."""
    values = [one.value for one in read(b"Subject: " + SUBJECTS[case] + b"\r\n\r\nx").observables
              if one.path == "email-message:subject"]  # fmt: skip
    assert LURE in [value.strip('"! ') for value in values]


def test_text_between_words_of_iso_2022_jp() -> None:
    """An escape that is in force before raw text is in force behind it, even in the middle of a character."""
    raw = word(JIS[:12], "iso-2022-jp") + b" [1] " + word(JIS[12:], "iso-2022-jp")
    assert LURE[:4] + " [1] " + LURE[4:] in headers.decoded_values(raw)


def test_names_in_other_charsets(read: Callable[..., Reading]) -> None:
    """A name beside an address is observed in every reading, and words hide no address."""
    raw = b"From: =?iso-8859-1?B?" + base64.b64encode("総務課".encode("cp932")) + b"?= <a@evil.example>\r\n"
    raw += b"To: real@evil.example " + word(b"<trusted@example.go.jp>") + b"\r\n"
    values = {(one.path, one.value) for one in read(raw + b"\r\nx").observables}
    assert ("email-message:from_ref.display_name", "総務課") in values
    assert ("email-message:to_refs[*].value", "real@evil.example") in values


TEXTS = st.text("対北朝鮮措置の延長についてアイウー、。会議資料①髙～ｶﾞabc 12", min_size=1, max_size=40).filter(str.strip)


@given(TEXTS, st.sampled_from(["utf-8", "cp932", "utf-16-be"]), st.data())
def test_any_split_over_words(text: str, encoding: str, data: st.DataObject) -> None:
    """A text that is cut anywhere over words of its charset is among the readings."""
    encoded = text.encode(encoding)
    cut = data.draw(st.integers(0, len(encoded)))
    raw = word(encoded[:cut], encoding) + b"\r\n " + word(encoded[cut:], encoding.upper(), "q")
    assert text in headers.decoded_values(raw)


@settings(max_examples=60)
@given(st.text("対北朝鮮措置の延長についてアイウー会議abc ", min_size=1, max_size=30).filter(str.strip), st.data())
def test_any_split_of_iso_2022_jp(text: str, data: st.DataObject) -> None:
    """The same for ISO-2022-JP, whose escapes are cut as well."""
    encoded = text.encode("iso2022_jp")
    cut = data.draw(st.integers(0, len(encoded)))
    raw = word(encoded[:cut], "ISO-2022-JP") + b" " + word(encoded[cut:], "iso-2022-jp")
    assert text in headers.decoded_values(raw)


@given(
    st.binary(max_size=120), st.text(max_size=12) | st.sampled_from(["utf-7", "hz", "utf-16", "iso-2022-kr", "cp932"])
)
def test_readings_never_raise(data: bytes, label: str) -> None:
    """Any bytes under any label: the same readings twice, the first that of decode, and all of them text."""
    found = charset.readings(data, label)
    assert found == charset.readings(data, label)
    assert found[0] == charset.decode(data, label)
    assert all(text.encode("utf-8").decode("utf-8") == text for text, _ in found)
    assert charset.is_ambiguous(found, label) in (True, False)


PIECES = [
    b"\x1b$B",
    b"\x1b(B",
    b"\x0e",
    b"~{",
    b"~}",
    b"+MEI-",
    b"\x82\xa0",
    b"\xe3\x81\x82",
    b"\0",
    b"\xff\xfe",
    b"=?",
    b"?=",
]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=20).map(b"".join))
def test_words_never_raise(raw: bytes) -> None:
    """Any pieces of charsets in a value: its shown reading is the first."""
    found = headers.decoded_values(raw)
    shown = headers.decode_value(raw)
    assert not shown or found[0] == shown
    assert all(text.encode() for text in found)


@pytest.mark.parametrize(
    "raw",
    [
        b"=?a?b?" * 30_000, b"=?utf-8?B?" + b"A" * 900_000, b"=?x?Q?\x82\xa0?= " * 20_000, b"=?" * 400_000,
        b"+AGg" * 200_000, b"~{~" * 200_000, b"\x1b$B!" * 100_000, b"\x82\xa0 \xe3\x81\x82\n" * 60_000,
        b"\0a" * 300_000,
    ],
)  # fmt: skip
def test_hostile_values_end(raw: bytes) -> None:
    """A megabyte of the worst is read in time (the timeout of the tests)."""
    assert headers.decoded_values(raw) is not None
    assert charset.readings(raw) != []
