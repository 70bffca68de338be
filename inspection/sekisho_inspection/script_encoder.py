"""Encoded scripts: what Microsoft's Script Encoder made of VBScript and JScript (.vbe, .jse, and in pages)."""

from __future__ import annotations

import re

# Between the marks: the length in eight characters, the coded script, and its sum in eight.
_CODED = re.compile(r"#@~\^[A-Za-z0-9+/=]{8}")
_END = "==^#~@"
_SUM = 6
# Of tab and the characters from the space to the tilde, the coded byte in each of the three alphabets.
_ALPHABETS = (
    "6450224a615e5d5b426023655f7e4f527a21462026632a7647252c29693f273f673f62415a6632734d4371397c534831"
    "726e70493f4b6a2e7f28357d242d54377b3d6c346d4e2b306f746b4c33563a7857773b442f59455c6836587909753855",
    "377e5a453a7959277663624d515352202654712b662a587f7b30316c493f783f5f3f29242f39336f21752842464a5c48"
    "364b7d5d6a506923097065742c77443f6d7c43385e5b6e574c347225567368554732352e644f3b2d41617a22606b4e3d",
    "692c65725b66754c45762a43334220634a5a387932576c2b46524f3d703f7b3f513f7a7e3b474177565f26786e647467"
    "7d683522553a606a716f495c5d2759257c236d2831397f365434624e305e73094b61244d6b4421375358482e502d293f",
)
# Which alphabet codes each place; the pattern repeats.
_TURNS = [int(digit) for digit in "1201202002021020102011200210200211020201011201021020112001120102"]
_PLAIN = "\t" + "".join(map(chr, range(32, 127)))
_DECODED = tuple(
    {chr(byte): plain for plain, byte in zip(_PLAIN, bytes.fromhex(alphabet), strict=True) if plain not in "<>@"}
    for alphabet in _ALPHABETS
)
_ESCAPED = {"#": "\r", "&": "\n", "!": "<", "*": ">", "$": "@"}
_MOST_BLOCKS = 50


def decoded(text: str) -> list[str]:
    """The scripts of all coded blocks in a text; what is cut off is decoded as far as it goes."""
    if "#@~^" not in text:
        return []
    return [_script(text, match.end()) for match in list(_CODED.finditer(text))[:_MOST_BLOCKS]]


def _script(text: str, start: int) -> str:
    end = text.find(_END, start)
    coded = text[start : max(start, end - _SUM) if end >= 0 else len(text)]
    out, place, at = [], 0, 0
    while at < len(coded):
        sign = coded[at]
        if sign == "@" and coded[at + 1 : at + 2] in _ESCAPED:
            out.append(_ESCAPED[coded[at + 1]])
            at += 1
        elif sign < "\x80":
            out.append(_DECODED[_TURNS[place % len(_TURNS)]].get(sign, sign))
        else:
            out.append(sign)
        place += 1
        at += 1
    return "".join(out)
