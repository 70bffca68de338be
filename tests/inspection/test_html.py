"""Pages: what a person sees and what is hidden, the links behind it, and what scripts put together."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.vocabulary import Reading
from sekisho_inspection import yara_compile, yara_scan
from sekisho_inspection.html import read_page, resolved
from sekisho_inspection.reader import read_mail
from sekisho_inspection.scripts import built
from sekisho_inspection.settings import InspectionSettings

PHRASE = "対北朝鮮措置"
URL = "http://c2.malware.example/gate.php"
ZIP = b"PK\x03\x04" + bytes(60)
MARKUP = base64.b64encode(f"<a href={URL}>".encode()).decode()
CODED = base64.b64encode(ZIP).decode()
Look = Callable[[str], Reading]


@pytest.fixture
def look(limits: InspectionSettings) -> Look:
    """Reads a mail of one HTML text."""

    def run(source: str) -> Reading:
        return read_mail(b"Content-Type: text/html; charset=utf-8\r\n\r\n" + source.encode(), limits, None)

    return run


def urls(reading: Reading) -> set[str]:
    """The URLs of a reading."""
    return {one.value for one in reading.observables if one.path == "url:value"}


def kinds(reading: Reading) -> set[str]:
    """The kinds of its findings."""
    return {found.kind for found in reading.findings}


STYLES = {
    "display": "display:none",
    "important": "DISPLAY : none !important",
    "visibility": "visibility:hidden",
    "size zero": "font-size:0",
    "size small": "font-size: 1px",
    "size of size": "font-size:.01em",
    "font": "font:0/0 a",
    "opacity": "opacity:0.0",
    "transparent": "color:transparent",
    "alpha": "color:rgba(0,0,0,0)",
    "white on white": "color:#fefefe",
    "own ground": "background:navy;color:#000080",
    "no room": "display:inline-block;width:0;height:0;overflow:hidden",
    "no height": "display:inline-block;max-height:0px;overflow:hidden",
    "away": "position:absolute;left:-9999px",
    "indented": "display:inline-block;text-indent:-5000px",
    "clip": "position:absolute;clip:rect(0 0 0 0)",
    "clip path": "clip-path:inset(100%)",
    "scale": "transform:scale(0)",
    "escape": "d\\69splay:n\\6fne",
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
@pytest.mark.parametrize("inline", [True, False], ids=["inline", "sheet"])
def test_hidden_by_style(style: str, inline: bool, look: Look) -> None:
    """B26: text that a style hides inside of a phrase breaks neither the seen phrase nor the hidden one."""
    head, hidden = ("", f'<b style="{style}">') if inline else (f"<style>p .a{{{style}}}</style>", '<b class="x a">')
    reading = look(f"{head}<p>対北{hidden}隠れた<i>言葉</i></b>朝鮮措置</p>")
    bodies = [one.value for one in reading.observables if one.path == "email-message:body"]
    assert bodies[0] == reading.texts[0].text == PHRASE
    assert any("隠れた言葉" in body for body in bodies[1:])


@pytest.mark.parametrize(
    "source",
    [
        "対北<b hidden>x</b>朝鮮措置",
        "対北<font size=0>x</font>朝鮮措置",
        "<body bgcolor=black text=white>対北<font color=#000000>x</font>朝鮮措置",
        "対北<!-- x -->朝鮮<!-- x --!>措置",
        "対北<!--[if mso]>x<![endif]-->朝鮮措置",
        "対北<template>x</template>朝鮮措置",
        "対北<noscript>朝鮮</noscript>措置",
        "対北&shy;朝&#8203;鮮&zwnj;措置",
        "対北<wbr>朝鮮措置",
        "<bdo dir=rtl>置措<b>鮮朝</b>北対</bdo>",
        "&#8238;置措鮮朝北対&#8236;",
        "<span style='unicode-bidi:bidi-override;direction:rtl'>置措鮮朝北対</span>",
        "<style>.a::before{content:'対北'}.a:after{content:\"\\63aa 置\"}</style><b class=a>朝鮮</b>",
        "&#23550;&#x5317;&#x671D&#39854;措置",
        "<svg><text>対北<tspan style='display:none'>x</tspan>朝鮮措置</text></svg>",
        "<svg><foreignObject>対北<b hidden>x</b>朝鮮措置</foreignObject></svg>",
        "<math><mi>対北</mi><mi>朝鮮措置</mi></math>",
        "<plaintext>対北朝鮮措置",
        "<textarea>対北朝鮮措置</textarea>",
        "<select><option>対北朝鮮措置</select>",
        "<input value=対北朝鮮措置>",
        "<table><tr><td>対<td>北<td>朝<td>鮮<td>措<td>置</table>",
        "<p>対北\n   朝鮮\r\n措置</p>",
        "<ruby>対北<rt>x</rt></ruby>朝鮮措置",
        "<div style='display:inline'>対北</div><div style='float:left'>朝鮮措置</div>",
        "対北<div style='display:none'><p>x<b style='display:block'>x</b></div>朝鮮措置",
        "<p style='visibility:hidden'>x<b style='visibility:visible'>対北</b><b style='visibility:inherit'>x</b>"
        "<b style='visibility:visible'>朝鮮措置</b></p>",
        "<style>.a{display:none!important}</style>対北<b class=a style='display:inline'>x</b>朝鮮措置",
        "<style>b[data-x='1']{display:none}</style>対北<b data-x=1>x</b>朝鮮措置",
        "<style>@media screen{#a{display:none}}</style>対北<b id=a>x</b>朝鮮措置",
    ],
)
def test_seen(source: str) -> None:
    """B26: the readable text is what a person reads, in the order in which it stands on the screen."""
    page = read_page(source)
    assert PHRASE in page.text
    assert "x" not in page.text


@pytest.mark.parametrize(
    "source",
    [
        "<p style='color:#ffffff;background-image:url(a.png)'>text</p>",
        "<table bgcolor=#333333><tr><td style='color:white'>text</table>",
        "<style>@media only screen and (max-width:600px){.a{display:none}}</style><p class=a>text</p>",
        "<style>.a:hover{display:none}</style><p class=a>text</p>",
        "<style>.b .a{display:none}</style><p class=a>text</p>",
        "<p style='font-size:100%;line-height:0;height:0'>text</p>",
        "<p style='opacity:.9;max-height:100px;overflow:hidden;left:-5px'>text</p>",
        "<div style='mso-hide:all'>text</div>",
    ],
)
def test_shown(source: str) -> None:
    """What newsletters do to texts that are seen hides none."""
    assert read_page(source).text == "text"


def test_hidden_text_is_told(look: Look) -> None:
    """B26: words that are split by what is hidden are a finding, and so is much hidden text; a little is none."""
    salted = "<b style='font-size:0'>x</b>".join("payment")
    assert "html-hidden-text" in kinds(look(f"<p>{salted}</p>"))
    assert "html-hidden-text" in kinds(look(f"<p>hello</p><div style='display:none'>{'word ' * 20}</div>"))
    assert not kinds(look("<p>hello</p><div style='display:none'>preview</div>"))


def test_rules_see_the_visible_text(limits: InspectionSettings) -> None:
    """B26: a YARA string that markup splits is met, and one of the source still is."""
    source = 'rule a {strings: $a = "secretword" condition: $a} rule b {strings: $a = "<wbr>" condition: $a}'
    rules = yara_scan.load_rules(yara_compile.compile_rules({"n": source})[0])
    mail = b"Content-Type: text/html\r\n\r\n<p>secret<wbr>word</p>"
    found = read_mail(mail, limits, rules).findings
    assert {one.rule for one in found} == {"n:a", "n:b"}


@pytest.mark.parametrize(
    "source",
    [
        "<base href='http://c2.malware.example/x/'><a href='../gate.php'>a</a>",
        "<base href='http://c2.malware.example'><base href='http://b.example'><form action=/gate.php>",
        "<base href='//c2.malware.example'><img src=http:gate.php>",
        "<a href='ht\ntp://c2.malware.example/\tgate.php'>a</a>",
        "<a href='&#104;ttp&colon;//c2.malware.example/gate.php'>a</a>",
        "<a href=\"javascript:location='ht'+'tp://c2.malware.example/gate.php'\">a</a>",
        "<a href='javascript:%6cocation=%22http://c2.malware.example/gate.php%22'>a</a>",
        "<a href='vbscript:x \"http://c2.malware.example/gate.php\"'>a</a>",
        "<meta http-equiv=refresh content='0; URL = \"http://c2.malware.example/gate.php\"'>",
        "<meta http-equiv=refresh content='0;http://c2.malware.example/gate.php'>",
        "<area href=http://c2.malware.example/gate.php>",
        "<button formaction=http://c2.malware.example/gate.php>",
        "<object><param name=movie value='//c2.malware.example/gate.php'></object>",
        "<img srcset='a.png 1x, http://c2.malware.example/gate.php 2x'>",
        "<a href=x ping='http://a.example/ http://c2.malware.example/gate.php'>",
        "<p style='background:url(http://c2.malware.example/gate.php)'>",
        "<style>p{background:url('http://c2.malware.example/gate.php')}</style>",
        "<svg><a xlink:href='http://c2.malware.example/gate.php'>a</a></svg>",
        "<v:rect href='http://c2.malware.example/gate.php'>a</v:rect>",
        "<iframe srcdoc=\"&lt;a href='http://c2.malware.example/gate.php'>\"></iframe>",
        "<p onclick=\"x='http:'+'//c2.malware.example/gate.php'\">a</p>",
        "<!--[if mso]><a href='//c2.malware.example/gate.php'><![endif]-->",
        "<p hidden>http://c2.malware.example/gate.php</p>",
        "<p>http://c2.mal<wbr>ware.example/ga<b></b>te.php</p>",
        "<script>var a='ht', b=\"tp://c2.malware\"; b+='.example';location.href=a+b+'/gate.php'</script>",
        "<script>x=('http:'+'//c2.malware')+('.example'+'/gate.php')</script>",
        "<script>const h='c2.malware.example';location=`http://${h}/gate.php`</script>",
        "<svg><animate attributeName=href values='//c2.malware.example/gate.php'/></svg>",
        "<p>a</p><a href=http://c2.malware.example/gate.php",
        "<script>location='\\x68ttp\\u003a//c2.malware.example\\57gate.php'</script>",
        "<script>location=unescape('%68ttp%3A//c2.malware.example/gate.php')</script>",
        "<script>location=['ht', 'tp://c2.malware', '.example/gate.php'].join('')</script>",
        f"<script>location=String.fromCharCode({','.join(str(ord(letter)) for letter in URL)})</script>",
        f"<script>document.write(atob('{MARKUP}'))</script>",
        f"<script>x='{URL[::-1]}'.split('').reverse()</script>",
        f"<a href='data:text/html;charset=utf-8,%3Ca href={URL}%3E'>a</a>",
        f"<a href='data:text/html;base64,{MARKUP[:20]} \n!{MARKUP[20:]}'>a</a>",
    ],
)  # fmt: skip
def test_links(source: str, look: Look) -> None:
    """B26: every place of a page that leads to a URL is found, and URLs that scripts put together."""
    assert URL in urls(look(source))


@pytest.mark.parametrize(
    ("base", "link", "expected"),
    [
        ("http://a.example/x/y", "z", "http://a.example/x/z"),
        ("http://a.example/x/y", "\\\\b.example\\z", "http://b.example/z"),
        ("http://a.example/", "mailto:x@y", "mailto:x@y"),
        ("http://a.example/", "#top", "#top"),
        ("http://[", "z", "z"),
        ("", "z", "z"),
    ],
)
def test_relative_links(base: str, link: str, expected: str) -> None:
    """Links are joined to the base as browsers do; what cannot be joined stays as it is."""
    assert resolved(base, link) == expected


def test_links_for_people(look: Look) -> None:
    """A link is kept with the text that is clicked, its target as written, and what a redirector carries last."""
    wrap = f"https://www.google.com/url?q={URL}"
    (link,) = look(f"<a href='{wrap}'>www.<b>bank</b>.example</a>").links
    assert (link.shown, link.written, link.meant) == ("www.bank.example", wrap, (wrap, URL))


@pytest.mark.parametrize(
    ("source", "misleads"),
    [
        ("<a href='http://evil.example/'>https://www.bank.example/login</a>", True),
        ("<a href='http://www.bank.example.evil.example/'>bank.example</a>", True),
        ("<a href='http://login.bank.example/'>www.bank.example</a>", False),
        ("<a href='https://tracker.example/?u=http%3A%2F%2Fwww.bank.example%2F'>www.bank.example</a>", False),
        ("<a href='http://evil.example/'>click here</a>", False),
        ("<a href='http://evil.example/'>report.pdf</a>", False),
        ("<a href='mailto:a@evil.example'>www.bank.example</a>", False),
        ("<a href='http://a.other.co.jp/'>www.bank.co.jp</a>", True),
    ],
)
def test_links_that_mislead(source: str, misleads: bool, look: Look) -> None:
    """A link whose text is an address of another domain than its target is a finding; a host of the same is none."""
    assert ("html-link-mismatch" in kinds(look(source))) is misleads


@pytest.mark.parametrize(
    "script",
    [
        f"var d=atob('{CODED}');a.href=URL.createObjectURL(new Blob([d]));a.download='x.zip'",
        f"var d='{CODED[:30]}'+'{CODED[30:]}';a.download='x.zip'",
        f"navigator.msSaveOrOpenBlob(new Blob([d='{CODED}']), 'x.zip')",
        f'new Uint8Array([{",".join(map(str, ZIP))}]);a.download = "x.zip"',
        f"x='{ZIP.hex()}';a.download='x.zip'",
    ],
)
def test_files_of_scripts(script: str, look: Look) -> None:
    """B26: a file that a script carries is a part with the name under which the script saves it, and a finding."""
    reading = look(f"<html><script>{script}</script></html>")
    assert "html-script-file" in kinds(reading)
    assert (("x.zip",), "application/zip") in [(part.names, part.type) for part in reading.parts]


def test_a_file_in_a_link_has_its_name(look: Look) -> None:
    """A data: link's file bears the name under which the browser saves it."""
    reading = look(f"<a download='請求書.zip' href='data:application/zip;base64,{CODED}'>a</a>")
    assert [part.names for part in reading.parts][:2] == [(), ("請求書.zip",)]


def test_chains_in_scripts_end() -> None:
    """A script that doubles a string a thousand times is given up, not followed."""
    assert sum(map(len, built("a='xxxxxxxx';" + "a=a+a;" * 1000).texts)) < 1_000_000


HOSTILE = [
    "<", "<a ", "&", "<div>", "<!--", "<!--[if mso]>", "<td>", "<bdo dir=rtl>x", "<style>", "<script>'a'+</script>",
    "<a href=http://a.b/>x</a>", "<iframe srcdoc='<b>x'>", "\u202ex", "<p style='color:red'>x", "</b>", "█\n",
    "<base href=x>", "<img src=data:image/png;base64,iVBORw0KGgo=>", "<script>//:ptth", "<script>1,", "<style>{",
    "<style>a,", "<b style='(\"",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_pages_end(piece: str, look: Look) -> None:
    """Half a megabyte of anything is read, or the mail is incomplete; no reader dies of it."""
    reading = look(piece + piece[piece.rfind(">") + 1 :] * 100 + piece * (500_000 // len(piece)))
    assert "crashed" not in {gap.reason for gap in reading.incomplete}


@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), max_size=20).map("".join))
def test_any_page(source: str) -> None:
    """No page raises, and each is the same when it is read twice."""
    assert read_page(source) == read_page(source)
    assert built(source) == built(source)
