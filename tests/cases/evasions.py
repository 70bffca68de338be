"""Evasions: mails in which programs differ over where a file is, made around any file (catalogue B1 to B14, B20).

Each entry of `EVASIONS` makes a mail of a file's bytes; its name begins with the catalogue's number. Run as a program
it writes the case files of tests/corpus/evasions.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import Path

Maker = Callable[[bytes], bytes]
EVASIONS: dict[str, Maker] = {}

HEAD = "From: a@example.jp\nTo: b@example.jp\nSubject: s\nMIME-Version: 1.0\n"
TEXT = "Content-Type: text/plain\n\nhello\n"
DISPOSITION = 'Content-Disposition: attachment; filename="a.bin"\n'


def b64(content: bytes) -> str:
    """The content as lines of base64."""
    return base64.encodebytes(content).decode()


def qp(content: bytes) -> str:
    """The content in quoted-printable, every byte coded."""
    lines = ["".join(f"={byte:02X}" for byte in content[at : at + 20]) for at in range(0, len(content), 20)]
    return "=\n".join(lines)


def multipart(*parts: str, boundary: str = "boundary=bb", line: str = "bb", tail: str = "", pre: str = "") -> str:
    """The fields and body of a multipart."""
    inner = "".join(f"--{line}\n{part}\n" for part in parts)
    return f"Content-Type: multipart/mixed; {boundary}\n\n{pre}{inner}--{line}--\n{tail}"


def _digest(message: str, line: str = "bb") -> str:
    """The fields and body of a digest of one message, whose part states no type."""
    return f"Content-Type: multipart/digest; boundary={line}\n\n--{line}\n{message}\n--{line}--\n"


def part(content: bytes, fields: str = "Content-Transfer-Encoding: base64\n", body: str | None = None) -> str:
    """A part that holds the file."""
    return f"Content-Type: application/octet-stream\n{DISPOSITION}{fields}\n{b64(content) if body is None else body}"


def raw(text: str) -> bytes:
    """The text as bytes; characters up to U+00FF stand for themselves."""
    return text.encode("latin-1")


def _add(name: str, maker: Callable[[bytes], str]) -> None:
    EVASIONS[name] = lambda content: raw(HEAD + maker(content))


# One field in the ways that programs read differently: {0} is the true value, {1} the one that hides it.
FIELD = "Content-Transfer-Encoding"
ENCODING_FIELDS = {
    "B01 two, the true one first": "{F}: base64\n{F}: 7bit\n",
    "B01 two, the true one last": "{F}: 7bit\n{F}: base64\n",
    "B01 three": "{F}: 7bit\n{F}: base64\n{F}: quoted-printable\n",
    "B01 two and quoted-printable": "{F}: quoted-printable\n{F}: base64\n",
    "B01 list": "{F}: 7bit, base64\n",
    "B01 list reversed": "{F}: base64, 7bit\n",
    "B01 list by spaces": "{F}: 8bit base64\n",
    "B01 semicolon": "{F}: base64;\n",
    "B01 parameter": "{F}: base64; x=y\n",
    "B01 dot": "{F}: base64.\n",
    "B01 double quotes": '{F}: "base64"\n',
    "B01 single quotes": "{F}: 'base64'\n",
    "B01 comment before": "{F}: (x) base64\n",
    "B01 comment behind": "{F}: base64 (x)\n",
    "B01 comment inside": "{F}: base(x)64\n",
    "B01 nested comment": "{F}: (a(b)c)base64\n",
    "B01 comment that names another": "{F}: (7bit) base64\n",
    "B02 space before the colon": "{F} : base64\n",
    "B02 tab before the colon": "{F}\t: base64\n",
    "B02 NUL before the colon": "{F}\0: base64\n",
    "B02 two colons": "{F}:: base64\n",
    "B02 NUL in the value": "{F}: base\x0064\n",
    "B02 NUL at the end": "{F}: base64\0\n",
    "B02 folded": "{F}:\n base64\n",
    "B02 folded by a tab": "{F}:\n\tbase64\n",
    "B02 folded over an empty line": "{F}: \n \n base64\n",
    "B02 leading space": "X-First: x\n {F}: base64\n",
    "B02 vertical tab": "\x0b{F}: base64\n",
    "B02 form feed": "\x0c{F}: base64\n",
    "B02 control character": "\x01{F}: base64\n",
    "B02 byte order mark": "\xef\xbb\xbf{F}: base64\n",
    "B02 word in Q": "{F}: =?utf-8?Q?base64?=\n",
    "B02 word in B": "{F}: =?utf-8?B?YmFzZTY0?=\n",
    "B02 x-base64": "{F}: x-base64\n",
    "B02 base-64": "{F}: base-64\n",
    "B02 b64": "{F}: b64\n",
    "B02 BASE64": "{F}: BASE64\n",
    "B02 unknown": "{F}: base64x\n",
    "B02 backslash": "{F}: base\\64\n",
    "B02 none": "",
    "B02 empty": "{F}:\n",
    "B11 junk line before": "junk\n{F}: base64\n",
    "B11 junk line behind": "{F}: base64\njunk\n",
    "B11 name with a space": "a name: x\n{F}: base64\n",
    "B11 line of white space before": "X-First: x\n \t \n{F}: base64\n",
    "B11 bare CR before": "X-First: x\r{F}: base64\n",
    "B11 two bare CR before": "X-First: x\r\r{F}: base64\n",
    "B11 no name": ": x\n{F}: base64\n",
    "B11 envelope line": ">From x@example.jp\n{F}: base64\n",
}  # fmt: skip
for _name, _fields in ENCODING_FIELDS.items():
    _lines = _fields.replace("{F}", FIELD)
    _add(_name, lambda content, lines=_lines: multipart(TEXT, part(content, lines)))  # type: ignore[misc]
    _add(f"{_name}, first", lambda content, lines=_lines: multipart(TEXT, lines + part(content, "")))  # type: ignore[misc]
    _add(
        f"{_name}, whole mail",
        lambda content, lines=_lines: f"{lines}Content-Type: application/octet-stream\n{DISPOSITION}\n{b64(content)}",  # type: ignore[misc]
    )

# The type of the multipart.
_M = "multipart/mixed; boundary=bb"
TYPE_FIELDS = {
    "B03 two types, the true one first": f"Content-Type: {_M}\nContent-Type: text/plain\n",
    "B03 two types, the true one last": f"Content-Type: text/plain\nContent-Type: {_M}\n",
    "B03 two boundaries, first": "Content-Type: multipart/mixed; boundary=bb; boundary=cc\n",
    "B03 two boundaries, last": "Content-Type: multipart/mixed; boundary=cc; boundary=bb\n",
    "B03 boundaries in two fields": f"Content-Type: multipart/mixed; boundary=cc\nContent-Type: {_M}\n",
    "B03 comment in the type": "Content-Type: multipar(x)t/mixed; boundary=bb\n",
    "B03 comment before the type": f"Content-Type: (text/plain) {_M}\n",
    "B03 backslash in the type": "Content-Type: multi\\part/mixed; boundary=bb\n",
    "B03 quoted type": 'Content-Type: "multipart/mixed"; boundary=bb\n',
    "B03 spaces in the type": "Content-Type: multipart / mixed; boundary=bb\n",
    "B03 no slash": "Content-Type: multipart; boundary=bb\n",
    "B03 unknown subtype": "Content-Type: multipart/x-anything; boundary=bb\n",
    "B03 upper case": "CONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=bb\n",
    "B03 two colons": f"Content-Type:: {_M}\n",
    "B03 space before the colon": f"Content-Type : {_M}\n",
    "B03 NUL before the colon": f"Content-Type\0: {_M}\n",
    "B03 word": "Content-Type: =?utf-8?Q?multipart/mixed=3B_boundary=3Dbb?=\n",
    "B03 list of types": f"Content-Type: text/plain, {_M}\n",
    "B03 no type": "",
    "B04 invalid parameter": "Content-Type: multipart/mixed; foo; boundary=bb\n",
    "B04 empty parameter": "Content-Type: multipart/mixed; ; boundary=bb\n",
    "B04 nameless parameter": "Content-Type: multipart/mixed; =x; boundary=bb\n",
    "B04 slash parameter": "Content-Type: multipart/mixed; a/b=c; boundary=bb\n",
    "B04 open quote before": 'Content-Type: multipart/mixed; x="y; boundary=bb\n',
    "B04 no semicolon": "Content-Type: multipart/mixed boundary=bb\n",
    "B04 comma": "Content-Type: multipart/mixed, boundary=bb\n",
    "B04 tab": "Content-Type: multipart/mixed;\tboundary=bb\n",
    "B04 folded": "Content-Type: multipart/mixed;\n boundary=bb\n",
    "B04 folded at the equals sign": "Content-Type: multipart/mixed; boundary\n =bb\n",
    "B04 folded behind the equals sign": "Content-Type: multipart/mixed; boundary=\n bb\n",
    "B11 junk before the type": f"junk\nContent-Type: {_M}\n",
    "B11 white space before the type": f"X-First: x\n \nContent-Type: {_M}\n",
    "B11 bare CR before the type": f"X-First: x\rContent-Type: {_M}\n",
    "B11 junk folded before the type": f"X-First: x\njunk\n Content-Type: {_M}\n",
    "B02 vertical tab before the type": f"\x0bContent-Type: {_M}\n",
}
for _name, _fields in TYPE_FIELDS.items():
    _add(
        _name,
        lambda content, fields=_fields: fields + "\n" + multipart(TEXT, part(content)).partition("\n\n")[2],  # type: ignore[misc]
    )

# How the boundary is stated, and how it stands in the body where that differs.
BOUNDARIES = {
    "B05 pieces": ("boundary*0=b; boundary*1=b", "bb"),
    "B05 pieces out of order": ("boundary*1=c; boundary*0=b", "bc"),
    "B05 pieces and whole": ("boundary=xx; boundary*0=b; boundary*1=b", "bb"),
    "B05 whole and pieces, whole meant": ("boundary=bb; boundary*0=x; boundary*1=y", "bb"),
    "B05 extended": ("boundary*=us-ascii''bb", "bb"),
    "B05 extended without charset": ("boundary*=''bb", "bb"),
    "B05 percent": ("boundary*=us-ascii''%62%62", "bb"),
    "B05 percent left alone": ("boundary*=us-ascii''%62%62", "us-ascii''%62%62"),
    "B05 percent in pieces": ("boundary*0*=us-ascii''%62; boundary*1=b", "bb"),
    "B05 duplicate index, first": ("boundary*0=bb; boundary*0=cc", "bb"),
    "B05 duplicate index, last": ("boundary*0=cc; boundary*0=bb", "bb"),
    "B05 index from one": ("boundary*1=b; boundary*2=b", "bb"),
    "B05 leading zero": ("boundary*00=b; boundary*01=b", "bb"),
    "B05 UTF-16": ("boundary*=utf-16be''%00b%00b", "bb"),
    "B05 plain percent": ("boundary=%62%62", "%62%62"),
    "B06 word": ('boundary="=?us-ascii?Q?bb?="', "bb"),
    "B06 word in B": ('boundary="=?us-ascii?B?YmI=?="', "bb"),
    "B06 word undecoded": ('boundary="=?us-ascii?Q?bb?="', "=?us-ascii?Q?bb?="),
    "B06 word without quotes": ("boundary==?us-ascii?Q?bb?=", "bb"),
    "B06 part of a word": ('boundary="b=?us-ascii?Q?b?="', "bb"),
    "B07 empty": ('boundary=""', ""),
    "B07 missing": ("charset=us-ascii", "bb"),
    "B07 half a quote": ('boundary="bb', "bb"),
    "B07 half a quote at the end": ('boundary=bb"', "bb"),
    "B07 half a quote, kept": ('boundary="bb', '"bb'),
    "B07 single quotes": ("boundary='bb'", "bb"),
    "B07 single quotes, kept": ("boundary='bb'", "'bb'"),
    "B07 comment behind": ("boundary=bb(x)", "bb"),
    "B07 comment behind, kept": ("boundary=bb(x)", "bb(x)"),
    "B07 comment before": ("boundary=(x)bb", "bb"),
    "B07 comment in the name": ("boun(x)dary=bb", "bb"),
    "B07 comment behind the name": ("boundary(x)=bb", "bb"),
    "B07 backslash in quotes": ('boundary="b\\b"', "bb"),
    "B07 backslash in quotes, kept": ('boundary="b\\b"', "b\\b"),
    "B07 backslash": ("boundary=b\\b", "bb"),
    "B07 backslash in the name": ("bound\\ary=bb", "bb"),
    "B07 quoted name": ('"boundary"=bb', "bb"),
    "B07 angle brackets": ("boundary=<<bb>>", "bb"),
    "B07 angle brackets, kept": ("boundary=<<bb>>", "<<bb>>"),
    "B07 semicolon in quotes": ('boundary="b;b"', "b;b"),
    "B07 semicolon in quotes, cut": ('boundary="bb;x"', "bb"),
    "B07 semicolon": ("boundary=bb;x", "bb"),
    "B07 space in quotes": ('boundary="b b"', "b b"),
    "B07 space": ("boundary=bb x", "bb"),
    "B07 space at the end": ('boundary="bb "', "bb"),
    "B07 space at the end, used": ('boundary="bb "', "bb "),
    "B07 space before": ("boundary= bb", "bb"),
    "B07 space before the equals sign": ("boundary =bb", "bb"),
    "B07 two equals signs": ("boundary==bb", "bb"),
    "B07 quoted half": ('boundary="b"b', "bb"),
    "B07 two quoted": ('boundary="b" "b"', "bb"),
    "B07 NUL": ("boundary=b\0b", "bb"),
    "B07 eight bits": ("boundary=b\xe9b", "b\xe9b"),
    "B07 three hundred characters": ("boundary=" + "b" * 300, "b" * 300),
    "B07 every lawful character": ("boundary=\"b'()+_,-./:=?b\"", "b'()+_,-./:=?b"),
    "B07 another": ("boundary=cc", "bb"),
    "B07 upper case": ("BOUNDARY=bb", "bb"),
}  # fmt: skip
for _name, (_stated, _line) in BOUNDARIES.items():
    _add(
        _name,
        lambda content, stated=_stated, line=_line: multipart(TEXT, part(content), boundary=stated, line=line),  # type: ignore[misc]
    )

_add("B08 leading space", lambda content: multipart(TEXT, part(content)).replace("\n--bb\n", "\n --bb\n"))
_add("B08 leading tab", lambda content: multipart(TEXT, part(content)).replace("\n--bb\n", "\n\t--bb\n"))
_add("B08 quoted", lambda content: multipart(TEXT, part(content)).replace("\n--bb\n", "\n> --bb\n"))
_add("B08 words behind", lambda content: multipart(TEXT, part(content)).replace("\n--bb\n", "\n--bb junk\n"))
_add("B08 spaces behind", lambda content: multipart(TEXT, part(content)).replace("\n--bb\n", "\n--bb   \t\n"))
_add("B08 longer", lambda content: multipart(TEXT, part(content)).replace("\n--bb\n", "\n--bbx\n"))
_add("B08 no close", lambda content: multipart(TEXT, part(content)).replace("\n--bb--\n", "\n"))
_add("B08 early close", lambda content: multipart(TEXT, part(content)).replace("hello\n", "hello\n--bb--\n"))
_add("B08 close before the first", lambda content: multipart(TEXT, part(content), pre="--bb--\n"))
_add("B08 close in a header", lambda content: multipart(TEXT, DISPOSITION + "--bb--\n" + part(content)))
_add("B08 bare CR", lambda content: multipart(TEXT, part(content)).replace("\n--bb\n", "\r--bb\r"))
_add("B08 no empty line before the body", lambda content: multipart(TEXT, part(content)).replace("\n\n--bb", "\n--bb"))
_add(
    "B08 no fields", lambda content: multipart(TEXT, part(content)).replace("\n--bb\nContent-Type: text", "\n--bb\n\nx")
)
# A delimiter as lenient programs take it, before parts whose header shows them to no search for such lines.
DELIMITERS = {
    "form feed before": "\x0c--bb", "NUL before": "\0--bb", "byte order mark before": "\xef\xbb\xbf--bb",
    "no-break space before": "\xc2\xa0--bb", "thirty spaces before": " " * 30 + "--bb", "form feed behind": "--bb\x0c",
    "two thousand characters behind": "--bb" + "x" * 2000, "a dash behind": "--bb-", "closing ones only": "--bb--",
    "three dashes": "---bb", "upper case": "--BB", "a space inside": "-- bb",
}  # fmt: skip
FURTHER = "".join(f"X-{number}: x\n" for number in range(8))
for _name, _line in DELIMITERS.items():
    _add(
        f"B08 {_name}",
        lambda content, line=_line: multipart(FURTHER + TEXT, FURTHER + part(content)).replace(  # type: ignore[misc]
            "\n--bb\n", f"\n{line}\n"
        ),
    )
# Boundaries that stand where only some program looks, behind a decoy by the stated one.
DECOYS = {
    "B04 boundary on a line that is not set in": "boundary=cc\nboundary=bb",
    "B04 boundary behind a form feed": "boundary=cc;\n\x0cboundary=bb",
    "B04 boundary with a colon": "boundary=cc; boundary: bb",
    "B04 boundary in another field": "boundary=cc\nContent-Disposition: inline; boundary=bb",
    "B04 boundary in quotes of another": 'charset="x; boundary=bb"; boundary=cc',
    "B07 nowhere": "boundary=cc",
    "B07 semicolon in quotes, behind a decoy": 'boundary="bb;x"; boundary=cc',
}
for _name, _stated in DECOYS.items():
    _add(
        _name,
        lambda content, stated=_stated: multipart(  # type: ignore[misc]
            FURTHER + TEXT, FURTHER + part(content), boundary=stated, pre=f"--cc\n{TEXT}--cc--\n"
        ),
    )
NESTED = {
    "the same": ("bb", "bb"), "inner longer": ("bbx", "bb"), "outer longer": ("bb", "bbx"),
    "inner the close of the outer": ("bb--", "bb"), "outer the close of the inner": ("bb", "bb--"),
}  # fmt: skip
for _name, (_inner, _outer) in NESTED.items():
    _add(
        f"B08 nested, {_name}",
        lambda content, inner=_inner, outer=_outer: multipart(  # type: ignore[misc]
            TEXT, multipart(TEXT, part(content), boundary=f'boundary="{inner}"', line=inner),
            boundary=f'boundary="{outer}"', line=outer,
        ),
    )  # fmt: skip
_add("B09 preamble", lambda content: multipart(TEXT, pre=f"--cc\n{part(content)}--cc--\n"))
_add("B09 preamble, same boundary", lambda content: multipart(TEXT, pre=f"--bb \n{part(content)}"))
_add("B09 epilogue", lambda content: multipart(TEXT, tail=f"--bb\n{part(content)}--bb--\n"))
_add("B09 epilogue, other boundary", lambda content: multipart(TEXT, tail=f"--cc\n{part(content)}--cc--\n"))
_add("B09 fake boundary before", lambda content: multipart(TEXT, part(content), pre="--fake\nContent-Type: a/b\n\n"))
_add("B09 in a text", lambda content: multipart(TEXT + f"--cc\n{part(content)}--cc--\n"))
_add("B09 digest", lambda content: _digest(f"\n{HEAD}{part(content)}"))
_add(
    "B09 digest of multiparts",
    lambda content: _digest(f"\n{HEAD}{multipart(TEXT, part(content), line='cc', boundary='boundary=cc')}"),
)
_add("B09 digest in base64", lambda content: _digest(f"{_inside}\n{b64(raw(HEAD + part(content)))}"))
_add("B09 digest in a digest", lambda content: _digest(f"\n{HEAD}{_digest(chr(10) + HEAD + part(content), 'cc')}"))
_inside = "Content-Transfer-Encoding: base64\n"
for _name, _encode, _kind in (
    ("base64", b64, "base64"),
    ("quoted-printable", lambda data: qp(data), "quoted-printable"),
):
    _add(
        f"B10 multipart in {_name}",
        lambda content, encode=_encode, kind=_kind: (  # type: ignore[misc]
            f"Content-Type: multipart/mixed; boundary=bb\nContent-Transfer-Encoding: {kind}\n\n"
            + encode(raw(multipart(TEXT, part(content)).partition("\n\n")[2]))
        ),
    )
    _add(
        f"B10 inner multipart in {_name}",
        lambda content, encode=_encode, kind=_kind: multipart(  # type: ignore[misc]
            f"Content-Type: multipart/mixed; boundary=cc\nContent-Transfer-Encoding: {kind}\n\n"
            + encode(raw(multipart(TEXT, part(content), line="cc").partition("\n\n")[2]))
        ),
    )
    _add(
        f"B10 message in {_name}",
        lambda content, encode=_encode, kind=_kind: multipart(  # type: ignore[misc]
            f"Content-Type: message/rfc822\nContent-Transfer-Encoding: {kind}\n\n"
            + encode(raw(HEAD + multipart(TEXT, part(content))))
        ),
    )
_add("B10 multipart called so and not coded", lambda content: _inside + multipart(TEXT, part(content)))
for _name, _ending in (("CR", "\r"), ("LFCR", "\n\r"), ("CRCRLF", "\r\r\n")):
    EVASIONS[f"B11 {_name} everywhere"] = lambda content, ending=_ending: raw(  # type: ignore[misc]
        (HEAD + multipart(TEXT, part(content))).replace("\n", ending)
    )
_add("B11 CR inside the parts", lambda content: multipart(TEXT, part(content).replace("\n", "\r")))
_add("B11 white space for an empty line", lambda content: multipart(TEXT, part(content).replace("\n\n", "\n \n")))
_add("B11 tab for an empty line", lambda content: multipart(TEXT, part(content).replace("\n\n", "\n\t\n")))
_add("B11 junk for an empty line", lambda content: multipart(TEXT, part(content).replace("\n\n", "\nABCD\n")))
_add("B11 junk and white space", lambda content: multipart(TEXT, part(content).replace("\n\n", "\nABCD\n \n")))
_add("B11 no empty line", lambda content: multipart(TEXT, part(content).replace("\n\n", "\n")))


def _base64(name: str, change: Callable[[str], str]) -> None:
    _add(f"B12 {name}", lambda content: multipart(TEXT, part(content, body=change(b64(content)))))


def _one_line(text: str) -> str:
    return text.replace("\n", "")


def _every(text: str, size: int, joint: str) -> str:
    line = _one_line(text)
    return joint.join(line[at : at + size] for at in range(0, len(line), size)) + "\n"


def _each_byte(text: str) -> str:
    """Every byte coded for itself, with its own padding."""
    return "\n".join(base64.b64encode(bytes([byte])).decode() for byte in base64.b64decode(text)) + "\n"


_base64("junk", lambda text: _every(text, 7, "!#\n"))
_base64("junk of eight bits", lambda text: _every(text, 7, "\xe9"))
_base64("spaces", lambda text: _every(text, 5, " "))
_base64("lines of one character", lambda text: _every(text, 1, "\n"))
_base64("lines of three characters", lambda text: _every(text, 3, "\n"))
_base64("one line", lambda text: _one_line(text) + "\n")
_base64("bare CR", lambda text: text.replace("\n", "\r"))
_base64("empty lines", lambda text: text.replace("\n", "\n\n"))
_base64("no padding", lambda text: text.replace("=", ""))
_base64("too much padding", lambda text: text.rstrip("\n") + "====\n")
_base64("padding in the middle", _each_byte)
_base64("padding moved", lambda text: _each_byte(text).replace("A==\n", "=A=\n").replace("Q==\n", "Q==\n"))
_base64("zero bits as =", lambda text: text[:40].replace("AA", "A=") + text[40:])
_base64("joined streams", lambda text: b64(base64.b64decode(text)[:10]) + b64(base64.b64decode(text)[10:]))
_base64("words behind the end", lambda text: text + "\nThis is no base64, but words.\n")
_base64("words before", lambda text: "\n\n" + text)
_base64("comments of HTML", lambda text: text.replace("\n", "\n<!-- x -->\n"))
_base64("delimiters of others", lambda text: text.replace("\n", "\n--x\n"))
_base64("delimiter of another", lambda text: text + "--other--\nmore words\n")
EVASIONS["B13 alphabet of RFC 4648 section 5"] = lambda content: raw(
    HEAD + multipart(TEXT, part(content, body=b64(content).replace("+", "-").replace("/", "_")))
)
EVASIONS["B13 alphabet of RFC 4648 section 5, and words behind"] = lambda content: raw(
    HEAD + multipart(TEXT, part(content, body=b64(content).replace("+", "-").replace("/", "_") + "==\n_words\n"))
)
EVASIONS["B13 both alphabets"] = lambda content: raw(
    HEAD + multipart(TEXT, part(content, body=b64(content).replace("+", "-")))
)


def _quoted(name: str, change: Callable[[str], str]) -> None:
    fields = "Content-Transfer-Encoding: quoted-printable\n"
    _add(f"B14 {name}", lambda content: multipart(TEXT, part(content, fields, change(qp(content)))))


_quoted("as the standard has it", lambda text: text)
_quoted("lower case", lambda text: text.lower())
_quoted("no soft break at the end", lambda text: text.rstrip("\n"))
_quoted("a soft break at the end", lambda text: text.rstrip("\n") + "=\n")
_quoted("spaces behind soft breaks", lambda text: text.replace("=\n", "= \t\n"))
_quoted("soft breaks everywhere", lambda text: text.replace("=\n", "").replace("=", "=\n="))
_quoted("vertical tabs behind soft breaks", lambda text: text.replace("=\n", "=\x0b\n"))
_quoted("NUL behind soft breaks", lambda text: text.replace("=\n", "=\0\n"))
_quoted("no-break spaces behind soft breaks", lambda text: text.replace("=\n", "=\xa0\n"))
_quoted("one line", lambda text: text.replace("=\n", ""))
_quoted("bare CR in soft breaks", lambda text: text.replace("=\n", "=\r"))
_quoted("doubled equals signs", lambda text: text.replace("=\n", "").replace("=", "=="))
_quoted("half a byte before", lambda text: text.replace("=\n", "").replace("=", "=0="))
_quoted("a letter before", lambda text: text.replace("=\n", "").replace("=", "=Z="))
QUOTED_NAMES = {
    "abbreviated": "quoted-print", "semicolon": "Quoted-Printable;", "x": "x-quoted-printable",
    "quotes": '"quoted-printable"', "letters": "qp", "comment": "QUOTED-PRINTABLE (x)",
}  # fmt: skip
for _name, _stated in QUOTED_NAMES.items():
    _add(
        f"B14 name with {_name}",
        lambda content, stated=_stated: multipart(  # type: ignore[misc]
            TEXT, part(content, f"Content-Transfer-Encoding: {stated}\n", qp(content))
        ),
    )
for _name in ("x-uuencode", "uuencode", "x-uue", "uue"):
    _add(
        f"B15 {_name}",
        lambda content, name=_name: multipart(  # type: ignore[misc]
            TEXT, part(content, f"Content-Transfer-Encoding: {name}\n", uuencoded(content))
        ),
    )


def uuencoded(content: bytes) -> str:
    """The content as lines of uuencode."""
    lines = [binascii.b2a_uu(content[at : at + 45]).decode() for at in range(0, len(content), 45)]
    return "begin 644 a.bin\n" + "".join(lines) + "`\nend\n"


def nested(content: bytes, levels: int, wrap: Callable[[str], str]) -> bytes:
    """The file below some levels of messages or multiparts."""
    text = multipart(TEXT, part(content))
    for _ in range(levels):
        text = wrap(text)
    return raw(HEAD + text)


EVASIONS["B20 message in a message"] = lambda content: nested(
    content, 8, lambda text: f"Content-Type: message/rfc822\n\n{HEAD}{text}"
)
EVASIONS["B20 multipart in a multipart"] = lambda content: nested(
    content, 8, lambda text: multipart(TEXT, text, line=f"b{len(text)}", boundary=f"boundary=b{len(text)}")
)


LISTED = b"a listed file, http://c2.malware.example/gate"


def case_files() -> dict[str, bytes]:
    """Each evasion around one small file, by the name of its case."""
    return {_case(name): maker(LISTED) for name, maker in EVASIONS.items()}


def _case(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def write(directory: Path) -> None:
    """Write the case files anew; their expected readings are written by whoever has looked at them."""
    for name, content in case_files().items():
        (directory / f"{name}.eml").write_bytes(content)


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "corpus" / "evasions")
