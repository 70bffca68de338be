"""The places of a mail that may state the password of a file beside them (catalogue B37)."""

from __future__ import annotations

import io
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
import pyzipper
import zxingcpp
from PIL import Image
from sekisho_core.vocabulary import PartState, Reading

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
PASSWORD = "Tky-0402x"
NOTHING = "添付をご確認ください。"


def locked(password: str = PASSWORD) -> bytes:
    """A ZIP under AES with one text."""
    file = io.BytesIO()
    with pyzipper.AESZipFile(file, "w", encryption=pyzipper.WZ_AES) as packed:
        packed.setpassword(password.encode())
        packed.writestr("inner.txt", b"text")
    return file.getvalue()


def picture(text: str) -> bytes:
    """A QR code with this text as PNG."""
    image: Any = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=4, add_quiet_zones=True)
    pixels: Any = memoryview(image)
    height, width = pixels.shape
    file = io.BytesIO()
    Image.frombytes("L", (width, height), pixels.tobytes()).save(file, "PNG")
    return file.getvalue()


def opened(reading: Reading) -> bool:
    """Whether the ZIP opened."""
    return PartState.OPENED in {part.state for part in reading.parts}


@pytest.mark.parametrize(
    ("text", "subject", "files"),
    [
        (f"パスワード：{PASSWORD}", "資料", [("a.zip", locked())]),
        (NOTHING, f"資料（PW：{PASSWORD}）", [("a.zip", locked())]),
        (NOTHING, "資料", [(f"資料_pw{PASSWORD}.zip", locked())]),
        (NOTHING, "資料", [("a.zip", locked()), ("pw.txt", f"パスワード：{PASSWORD}".encode("cp932"))]),
        (NOTHING, "資料", [("a.zip", locked()), ("pw.html", f"<p>パスワード：<b>{PASSWORD}</b></p>".encode())]),
        (NOTHING, "資料", [("a.zip", locked()), ("pw.png", picture(f"Password: {PASSWORD}"))]),
        (NOTHING, "資料", [("a.zip", locked()), ("pw.png", picture(PASSWORD))]),
        ("パスワードは私のメールアドレスの@の前です。", "資料", [("a.zip", locked("a"))]),
        ("パスワードはファイル名の数字です。", "資料", [("q20260402.zip", locked("20260402"))]),
        ("パスワードは「さくら2026」です。", "資料", [("a.zip", locked("さくら2026"))]),
    ],
    ids=["text", "subject", "name", "text file", "page", "code with a label", "code", "sender", "digits", "Japanese"],
)  # fmt: skip
def test_place(text: str, subject: str, files: list[tuple[str, bytes]], read: Read, attach: Attach) -> None:
    """A password opens a file wherever the mail states it, also behind the file, and is in no fact about it."""
    reading = read(attach(text, *files, subject=subject))
    assert opened(reading)
    assert PASSWORD not in repr(
        (reading.incomplete, [item for item in reading.findings if item.kind != "qr-code"])
    ) or (PASSWORD in files[0][0])


def test_page_as_the_body(read: Read) -> None:
    """The text of a page counts as it is seen: label and value in cells, split by elements."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["Date"] = "資料", "a@example.jp", "Thu, 02 Apr 2026 09:00:00 +0900"
    value = f"{PASSWORD[:3]}<i>{PASSWORD[3:]}</i>"
    rows = f"<tr><td>ファイル</td><td>a.zip</td></tr><tr><td>パス<b>ワード</b></td><td>{value}</td></tr>"
    mail.set_content(f"<html><body><table>{rows}</table></body></html>", subtype="html")
    mail.add_attachment(locked(), maintype="application", subtype="zip", filename="a.zip")
    assert opened(read(mail.as_bytes(policy=SMTP)))


def test_nothing_stated(read: Read, attach: Attach) -> None:
    """Without a password the file is locked, and nothing of the mail is tried that is none."""
    reading = read(
        attach(
            "パスワードは別途お送りします。", ("a.zip", locked("a.zip")), ("logo.png", picture("https://example.jp/"))
        )
    )
    assert not opened(reading)
    assert {gap.reason for gap in reading.incomplete} == {"locked"}
