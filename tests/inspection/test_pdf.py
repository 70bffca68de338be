"""PDF: actions, embedded files, links, encryption, damage."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import pytest
from sekisho_core.vocabulary import Reading

Read = Callable[..., Reading]
Attach = Callable[..., bytes]


def pdf(objects: Mapping[int, bytes], catalog: bytes = b"") -> bytes:
    """A PDF with a catalog (object 1), one page (object 3), its text (object 4) and these objects."""
    body = {
        1: b"<< /Type /Catalog /Pages 2 0 R " + catalog + b" >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        4: stream(b"BT /F 9 Tf (see http://text.example/x) Tj ET"),
        5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        **objects,
    }
    out, places = b"%PDF-1.7\n", {}
    for number, value in body.items():
        places[number] = len(out)
        out += b"%d 0 obj\n" % number + value + b"\nendobj\n"
    table = b"".join(b"%d 1\n%010d 00000 n \n" % (number, place) for number, place in sorted(places.items()))
    tail = b"trailer << /Size 99 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 1\n0000000000 65535 f \n" + table + tail


def stream(content: bytes, extra: bytes = b"") -> bytes:
    """A stream object."""
    return b"<< /Length %d " % len(content) + extra + b" >>\nstream\n" + content + b"\nendstream"


def kinds(reading: Reading) -> set[str]:
    """Every kind of finding."""
    return {item.kind for item in reading.findings}


JAVASCRIPT = b"<< /S /JavaScript /JS (app.launchURL\\('http://js.example/'\\)) >>"


@pytest.mark.parametrize(
    ("catalog", "action", "expected"),
    [
        (b"", b"null", set()),
        (b"/OpenAction [3 0 R /Fit]", b"null", set()),
        (b"/OpenAction << /S /GoTo /D [3 0 R /Fit] >>", b"null", set()),
        (b"", JAVASCRIPT, {"pdf-javascript"}),
        (b"/OpenAction 9 0 R", JAVASCRIPT, {"pdf-javascript", "pdf-auto-javascript"}),
        (b"/OpenAction << /S /GoTo /Next [9 0 R] >>", JAVASCRIPT, {"pdf-javascript", "pdf-auto-javascript"}),
        (b"/AA << /WC 9 0 R >>", JAVASCRIPT, {"pdf-javascript", "pdf-auto-javascript"}),
        (b"/Names << /JavaScript << /Names [(a) 9 0 R] >> >>", JAVASCRIPT, {"pdf-javascript", "pdf-auto-javascript"}),
        (b"", b"<< /T (sum) /AA << /C << /S /JavaScript /JS (AFSum) >> >> >>", {"pdf-javascript"}),
        (
            b"",
            b"<< /Type /Page /AA << /O << /S /JavaScript /JS (x) >> >> >>",
            {"pdf-javascript", "pdf-auto-javascript"},
        ),
        (b"/Open#41ction 9 0 R", b"<< /S /Java#53cript /J#53 (x) >>", {"pdf-javascript", "pdf-auto-javascript"}),
        (b"", b"<< /S /Launch /F (cmd.exe) >>", {"pdf-launch"}),
        (b"", b"<< /S /#4caunch /Win << /F (cmd.exe) >> >>", {"pdf-launch"}),
        (b"/OpenAction 9 0 R", b"<< /S /URI /URI (http://open.example/) >>", {"pdf-auto-action"}),
    ],
)
def test_actions(read: Read, attach: Attach, catalog: bytes, action: bytes, expected: set[str]) -> None:
    """B40: actions are found in every place, under #-escaped names too; an ordinary form's calculation is not auto."""
    reading = read(attach("x", ("a.pdf", pdf({9: action}, catalog))))
    assert kinds(reading) == expected
    assert not reading.incomplete


def test_links_and_text(read: Read, attach: Attach) -> None:
    """URLs of link annotations, scripts and the first page's text are observables."""
    reading = read(attach("x", ("a.pdf", pdf({9: b"<< /S /URI /URI (http://link.example/a) >>", 10: JAVASCRIPT}))))
    urls = {item.value for item in reading.observables if item.path == "url:value" and item.where == "part:2"}
    assert {"http://link.example/a", "http://js.example/", "http://text.example/x"} <= urls


def test_relative_links(read: Read, attach: Attach) -> None:
    """B40: a link that states only the end of its address is joined to the base that the catalog states."""
    action, base = b"<< /S /URI /URI (upd/p.php) >>", b"<< /Base (http://base.example/a/b) >>"
    reading = read(attach("x", ("a.pdf", pdf({9: action, 10: base}, b"/URI 10 0 R"))))
    urls = {item.value for item in reading.observables if item.path == "url:value" and item.where == "part:2"}
    assert "http://base.example/a/upd/p.php" in urls


@pytest.mark.parametrize("compressed", [False, True])
def test_embedded_program(read: Read, attach: Attach, compressed: bool) -> None:
    """An embedded file is a part of its own, and a program among them is said."""
    program = b"MZ" + b"\0" * 100
    content = stream(zlib.compress(program), b"/Filter /FlateDecode") if compressed else stream(program)
    spec = b"<< /Type /Filespec /F (report.doc) /UF <FEFF5831544A002E006500780065> /EF << /F 10 0 R >> >>"
    reading = read(attach("x", ("a.pdf", pdf({9: spec, 10: content}))))
    assert {"pdf-embedded-file", "pdf-embedded-executable"} <= kinds(reading)
    part = next(part for part in reading.parts if part.id == "2.1")
    assert (part.size, part.names) == (102, ("報告.exe", "report.doc"))


def test_embedded_bomb(read: Read, attach: Attach) -> None:
    """B34: an embedded file beyond the ratio is incomplete."""
    content = stream(zlib.compress(b"\0" * (4 << 20)), b"/Filter /FlateDecode")
    reading = read(attach("x", ("a.pdf", pdf({9: b"<< /EF << /F 10 0 R >> >>", 10: content}))))
    assert "limit" in {gap.reason for gap in reading.incomplete}


def test_damaged_structure(read: Read, attach: Attach) -> None:
    """B39: actions behind a header within the first kilobyte are seen; damaged tables hide none unsaid."""
    good = pdf({9: JAVASCRIPT}, b"/OpenAction 9 0 R")
    assert "pdf-auto-javascript" in kinds(read(attach("x", ("a.pdf", b"junk\n" * 50 + good))))
    assert "pdf-auto-javascript" in kinds(read(attach("x", ("a.pdf", b"\n" * 2000 + good))))
    for content in (good.replace(b"startxref", b"startxxxx"), good[: good.find(b"xref\n0")], good[:-100]):
        reading = read(attach("x", ("a.pdf", content)))
        assert "pdf-auto-javascript" in kinds(reading) or reading.incomplete


def test_broken_pdf_is_incomplete(read: Read, attach: Attach) -> None:
    """A PDF without a readable object is incomplete, never clean."""
    reading = read(attach("x", ("a.pdf", b"%PDF-1.7\nnothing of use")))
    assert [(gap.where, gap.reason) for gap in reading.incomplete] == [("part:2/a.pdf", "unreadable")]
    assert reading.parts[1].state.value == "unreadable"


def test_encrypted_by_nobody_we_know(read: Read, attach: Attach) -> None:
    """A PDF under a handler that no password opens is locked."""
    content = pdf({9: b"<< /Filter /Public.Key /V 4 >>"}).replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 9 0 R")
    reading = read(attach("パスワード：abc123", ("a.pdf", content)))
    assert [gap.reason for gap in reading.incomplete] == ["locked"]
    assert reading.parts[1].state.value == "locked"
