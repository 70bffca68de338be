"""Charsets: Japanese labels, bytes and mislabelled texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_inspection import charset

ROWS = "①㈱Ⅳ№髙﨑～－∥"


def jis(text: str) -> bytes:
    """ISO-2022-JP with NEC and IBM rows, by the arithmetic of Shift_JIS backwards."""
    out = b""
    for char in text:
        lead, trail = char.encode("cp932")
        row = (lead - (0xC1 if lead > 0x9F else 0x81)) * 2 + 0x21
        if trail >= 0x9F:
            row, cell = row + 1, trail - 0x7E
        else:
            cell = trail - 0x1F - (trail > 0x7F)
        out += bytes([row, cell])
    return b"\x1b$B" + out + b"\x1b(B"


@pytest.mark.parametrize("label", ["iso-2022-jp", "ISO-2022-JP-MS", "cp50220", "cp50221", "csISO2022JP", ""])
def test_jis_rows_of_vendors(label: str) -> None:
    """NEC row 13 and the IBM extension decode under every name of ISO-2022-JP, and under none."""
    assert charset.decode(jis("会議" + ROWS), label)[0] == "会議" + ROWS


@pytest.mark.parametrize("label", ["shift_jis", "x-sjis", "Windows-31J", "MS_Kanji", "cp932"])
def test_shift_jis_is_cp932(label: str) -> None:
    """Every name of Shift_JIS means cp932, so wave dash and vendor rows survive."""
    assert charset.decode(("延長〜".replace("〜", "～") + ROWS).encode("cp932"), label)[0] == "延長～" + ROWS


@pytest.mark.parametrize("label", ["euc-jp", "eucJP-ms", "x-euc-jp"])
def test_euc_jp_with_row_13(label: str) -> None:
    """EUC-JP decodes row 13, half-width kana and JIS X 0212."""
    data = bytes(byte | 0x80 for byte in jis("①会議")[3:-3]) + b"\x8e\xb1" + b"\x8f\xb0\xa1" + b" ok"
    assert charset.decode(data, label)[0] == "①会議ｱ丂 ok"


def test_half_width_kana() -> None:
    """Half-width kana by escape, by shift-out and as 8-bit bytes are kana."""
    assert charset.decode(b"\x1b(I123\x1b(B", "iso-2022-jp")[0] == "ｱｲｳ"
    assert charset.decode(b"\x1b(J\x0e123\x0f", "iso-2022-jp")[0] == "ｱｲｳ"
    assert charset.decode(b"\x1b(B\xb1\xb2\xb3", "iso-2022-jp")[0] == "ｱｲｳ"


@pytest.mark.parametrize("actual", ["cp932", "euc-jp", "utf-8"])
@pytest.mark.parametrize("label", ["iso-2022-jp", "us-ascii", "utf-8", "iso-8859-1", "", "no-such-charset"])
def test_wrong_labels(actual: str, label: str) -> None:
    """Japanese text under a wrong label is read by what its bytes are."""
    text = "平素よりお世話になっております。対北朝鮮措置の延長について、ご確認をお願いします。"
    assert charset.decode(text.encode(actual), label)[0] == text


def test_right_labels_of_others() -> None:
    """A fitting label of another language is kept."""
    assert charset.decode("Привет".encode("koi8-r"), "koi8-r") == ("Привет", "koi8-r")
    assert charset.decode("naïve café".encode("latin-1"), "iso-8859-1")[0] == "naïve café"


def test_other_readings_are_given() -> None:
    """Bytes that are lawful in two charsets give both texts, the declared one first."""
    data = "ﾃｽﾄ".encode("cp932")
    assert charset.decodings(data, "shift_jis")[0] == "ﾃｽﾄ"
    assert len(charset.decodings("テスト".encode("euc-jp"), "shift_jis")) > 1


@given(
    st.binary(max_size=200),
    st.text(max_size=20) | st.sampled_from(["utf-7", "hz", "idna", "punycode", "hex", "utf-16"]),
)
def test_decoding_never_raises(data: bytes, label: str) -> None:
    """Any bytes under any label give text without surrogates."""
    text, _ = charset.decode(data, label)
    assert text.encode("utf-8").decode("utf-8") == text
    assert all(other.encode("utf-8") is not None for other in charset.decodings(data, label))
