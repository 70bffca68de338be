"""The sample mails of the trial: built from nothing, harmless, each with the fate that it must meet.

Names and addresses are reserved ones (RFC 2606). What is listed is listed in the bundled pack of examples, never in
anybody's feed.
"""

from __future__ import annotations

import base64
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sekisho_rules.packs import SAMPLE_PAYLOAD

Fate = Literal["delivered", "quarantined"]

LISTED_URL = "http://c2.malware.example/gate.php"
_PASSWORD = "Kyoukai2012"
_BOUNDARY = "=_sekisho_sample"
_CRLF = "\r\n"


@dataclass(frozen=True)
class Sample:
    """One mail of the trial: its recipient tells it from the others, `content` has CRLF line ends."""

    name: str
    recipient: str
    sender: str
    expected: Fate
    why: str
    content: bytes


@dataclass(frozen=True)
class _Attachment:
    name: str
    type: str
    content: bytes


def samples() -> list[Sample]:
    """The six sample mails."""
    return [_clean(), _lure(), _decoy(), _opened(), _locked(), _call_home()]


def _clean() -> Sample:
    text = "佐藤様\n\nお世話になっております。会議の資料をお送りします。\nよろしくお願いいたします。\n\n田中\n"
    attached = _Attachment("会議資料.pdf", "application/pdf", _pdf("/Type /Catalog /Pages 2 0 R"))
    content = _mail("田中 <tanaka@example.com>", "clean", "会議資料の送付", text, [attached])
    return _sample("clean mail, attachment", "clean", "tanaka@example.com", "delivered", "nothing against it", content)


def _lure() -> Sample:
    text = "関係各位\n\n標記の件について、別添のとおり延長することとなりましたので、お知らせします。\n\n外務省 担当課\n"
    subject = "対北朝鮮措置の延長について"
    attached = _Attachment(f"{subject}.pdf", "application/pdf", _pdf("/Type /Catalog /Pages 2 0 R"))
    content = _mail("外務省 担当課 <kanri.2012@example.org>", "lure", subject, text, [attached])
    return _sample("lure, pretended official", "lure", "kanri.2012@example.org", "quarantined", "its subject", content)


def _decoy() -> Sample:
    text = "採用ご担当者様\n\n採用動向調査の報告書をお送りします。ご査収ください。\n"
    catalogue = "/Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert\\('sample'\\);) >>"
    attached = _Attachment("採用動向調査報告書.pdf", "application/pdf", _pdf(catalogue))
    content = _mail("調査係 <survey@example.org>", "decoy", "採用動向調査報告書について", text, [attached])
    return _sample("decoy PDF, active", "decoy", "survey@example.org", "quarantined", "script at opening", content)


def _opened() -> Sample:
    text = f"お世話になっております。\n見積書をお送りします。\n\nパスワード：{_PASSWORD}\n\n営業部 鈴木\n"
    archive = _locked_zip("estimate.txt", SAMPLE_PAYLOAD, _PASSWORD)
    attached = _Attachment("見積書.zip", "application/zip", archive)
    content = _mail("鈴木 <suzuki@example.com>", "opened", "見積書の送付", text, [attached])
    why = "the password in its text opens a listed file"
    return _sample("locked ZIP, listed file", "opened", "suzuki@example.com", "quarantined", why, content)


def _locked() -> Sample:
    text = "お世話になっております。\n図面をお送りします。開き方は別途お知らせします。\n\n設計課 高橋\n"
    archive = _locked_zip("drawing.txt", b"a drawing that nobody can see\n", base64.b64encode(os.urandom(12)).decode())
    attached = _Attachment("図面.zip", "application/zip", archive)
    content = _mail("高橋 <takahashi@example.com>", "locked", "図面の件", text, [attached])
    why = "nothing opens its ZIP"
    return _sample("locked ZIP, no password", "locked", "takahashi@example.com", "quarantined", why, content)


def _call_home() -> Sample:
    text = f"ご担当者様\n\n新しい手続きのご案内です。詳細は次のページをご覧ください。\n{LISTED_URL}\n"
    content = _mail("案内係 <info@example.org>", "callhome", "手続き変更のご案内", text, [])
    return _sample("listed call-home URL", "callhome", "info@example.org", "quarantined", "its URL is listed", content)


def _sample(name: str, key: str, sender: str, expected: Fate, why: str, content: bytes) -> Sample:
    return Sample(name, f"{key}@example.jp", sender, expected, why, content)


def _mail(sender: str, key: str, subject: str, text: str, attachments: list[_Attachment]) -> bytes:
    name, _, address = sender.partition(" <")
    header = [
        f"From: {_encoded_word(name)} <{address}",
        f"To: <{key}@example.jp>",
        f"Subject: {_encoded_word(subject)}",
        f"Message-ID: <{os.urandom(8).hex()}@samples.example.com>",
        "Date: Mon, 02 Apr 2012 10:00:00 +0900",
        "MIME-Version: 1.0",
    ]
    body = _text_entity(text)
    if attachments:
        header.append(f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"')
        entities = [body, *map(_attachment_entity, attachments)]
        parts = "".join(f"--{_BOUNDARY}{_CRLF}{entity}{_CRLF}" for entity in entities)
        body = f"{_CRLF}{parts}--{_BOUNDARY}--{_CRLF}"
    return (_CRLF.join(header) + _CRLF + body).encode("ascii")


def _text_entity(text: str) -> str:
    # ISO-2022-JP (RFC 1468) is 7-bit and ends each line in ASCII.
    header = f"Content-Type: text/plain; charset=ISO-2022-JP{_CRLF}Content-Transfer-Encoding: 7bit{_CRLF}{_CRLF}"
    return header + text.replace("\n", _CRLF).encode("iso2022_jp").decode("ascii")


def _attachment_entity(attachment: _Attachment) -> str:
    lines = base64.encodebytes(attachment.content).decode("ascii").replace("\n", _CRLF)
    return (
        f'Content-Type: {attachment.type}; name="{_encoded_word(attachment.name)}"{_CRLF}'
        f"Content-Disposition: attachment; filename*={_extended_value(attachment.name)}{_CRLF}"
        f"Content-Transfer-Encoding: base64{_CRLF}{_CRLF}{lines}"
    )


def _encoded_word(text: str) -> str:
    """RFC 2047 section 2, in ISO-2022-JP; the samples' texts fit into one word's 75 characters."""
    return f"=?ISO-2022-JP?B?{base64.b64encode(text.encode('iso2022_jp')).decode('ascii')}?="


def _extended_value(text: str) -> str:
    """RFC 8187 section 3.2 (RFC 2231 section 4) in UTF-8."""
    return "UTF-8''" + "".join(f"%{byte:02X}" for byte in text.encode())


def _pdf(catalogue: str) -> bytes:
    """A PDF of one empty page (ISO 32000-1 section 7.5) with the given document catalogue."""
    objects = (catalogue, "/Type /Pages /Kids [3 0 R] /Count 1", "/Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]")
    text, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(text))
        text += f"{number} 0 obj\n<< {content} >>\nendobj\n"
    rows = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}"
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(text)}\n%%EOF\n"
    return (text + table + end).encode("ascii")


def _locked_zip(name: str, content: bytes, password: str) -> bytes:
    """A ZIP of one stored member under traditional encryption (PKWARE APPNOTE 6.1)."""
    checksum = zlib.crc32(content)
    encrypt = _zip_cipher(password.encode("ascii"))
    data = encrypt(os.urandom(11) + bytes([checksum >> 24]) + content)
    common = struct.pack("<HHHHHIIIHH", 20, 1, 0, 0, 0x4082, checksum, len(data), len(content), len(name), 0)
    local = b"PK\3\4" + common + name.encode("ascii") + data
    central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name.encode("ascii")
    return local + central + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


def _zip_cipher(password: bytes) -> Callable[[bytes], bytes]:
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = _crc_step(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = _crc_step(keys[2], keys[1] >> 24)

    def encrypt(plain: bytes) -> bytes:
        out = bytearray()
        for byte in plain:
            mask = (keys[2] | 2) & 0xFFFF
            out.append(byte ^ (mask * (mask ^ 1) >> 8 & 0xFF))
            update(byte)
        return bytes(out)

    for byte in password:
        update(byte)
    return encrypt


def _crc_step(register: int, byte: int) -> int:
    # zlib.crc32 complements its register before and after; APPNOTE's step does not.
    return zlib.crc32(bytes([byte]), register ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
