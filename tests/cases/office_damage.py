"""Damaged documents and files, and XML with entities (catalogue B47 to B49)."""

from __future__ import annotations

import struct

from office_maker import AUTO, URL, Cases, relation, word
from ole_maker import compound, vba


def damage() -> Cases:
    """The cases."""
    cases = Cases()
    whole = word(rels=relation("attachedTemplate", URL))
    cases.put("B47 cut off", "a.docx", whole[:-40], "office-remote-template", "malformed")
    cases.put("B47 no directory", "a.docx", whole[: whole.find(b"PK\x01\x02")], "office-remote-template", "malformed")
    place, wrong = whole.find(b"PK\x01\x02"), whole[:14] + b"\0\0\0\0"
    cases.put(
        "B47 wrong checksum",
        "a.docx",
        wrong + whole[18 : place + 16] + b"\0\0\0\0" + whole[place + 20 :],
        "office-remote-template",
        "malformed",
    )
    good = compound({**vba({"Module1": AUTO}), "Filler": bytes(5000), "\x01Ole10Native": b"\xff" * 70})
    cases.put("B48 a stream that cannot be read", "a.doc", good, "office-auto-macro", "malformed")
    fat = good.rfind(struct.pack("<L", 0xFFFFFFFD)) // 512 * 512
    cases.put(
        "B48 chain that comes back",
        "a.doc",
        good[:fat] + struct.pack("<L", 0) + good[fat + 4 :],
        "office-auto-macro",
        "malformed",
    )
    cases.put(
        "B48 cut off",
        "a.doc",
        compound({**vba({"Module1": AUTO}), "Last": bytes(9000)})[:-1500],
        "office-auto-macro",
        "unreadable",
    )
    entry = good.find("VBA".encode("utf-16-le"))
    cases.put(
        "B48 storage that nothing lists",
        "a.doc",
        good[: entry + 76] + b"\xff\xff\xff\xff" + good[entry + 80 :],
        "office-auto-macro",
        "malformed",
    )
    entity = f'<!DOCTYPE d [<!ENTITY x SYSTEM "{URL}"><!ENTITY y "&y;&y;&y;">]>'
    cases.put("B49 entities", "a.docx", word(document=f"{entity}<w:p>&x;&y;</w:p>"), "xml-entity")
    cases.put("B49 entities in a picture", "a.svg", f"<?xml version='1.0'?>{entity}<svg>&x;</svg>", "xml-entity")
    cases.put(
        "B49 entities in data", "a.xml", f"<?xml version='1.0'?>{entity}<x>&x;</x>".encode("utf-16"), "xml-entity"
    )
    cases.put("B49 a DTD elsewhere", "a.xml", f'<?xml version="1.0"?><!DOCTYPE d SYSTEM "{URL}"><d/>', "xml-entity")
    bomb = "".join(f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 10))
    cases.put(
        "B49 bomb",
        "a.docx",
        word(**{"word/settings.xml": f'<!DOCTYPE d [<!ENTITY a0 "x">{bomb}]><d>&a9;</d>'}),
        "xml-entity",
        host=False,
    )
    return cases
