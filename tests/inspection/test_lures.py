"""What subject and names say together."""

import io
import zipfile
from base64 import b64encode
from collections.abc import Callable

import pytest
from sekisho_core.vocabulary import Reading

Read = Callable[..., Reading]


def mail(subject: str, name: str, content: bytes = b"x", sender: str = "") -> bytes:
    """A mail of one attachment."""
    return (
        (
            f"From: {sender} <someone@sender.example>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n"
            f'Content-Type: application/octet-stream; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        ).encode()
        + b64encode(content)
        + b"\r\n--b--\r\n"
    )


def found(reading: Reading, kind: str) -> list[tuple[str, str]]:
    """Place and detail of the findings of a kind."""
    return [(one.where, one.detail) for one in reading.findings if one.kind == kind]


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("Re: 予算要求の概要について", "予算要求の概要について.pdf"),
        ("予算要求の概要について", "【重要】予算要求の概要について.doc.exe"),
        ("【再送】予算要求の概要について", "予算要求の槪要に就いて.xyz"),
        ("Annual Report", "ANNUAL_REPORT.PDF"),
    ],
)
def test_called_as_the_mail(subject: str, name: str, read: Read) -> None:
    """An attachment that bears the mail's subject is told, whatever was done to either."""
    assert found(read(mail(subject, name)), "name-equals-subject") == [("part:2", name)]


@pytest.mark.parametrize(
    ("subject", "name"),
    [("お知らせ", "お知らせ.pdf"), ("", ".pdf"), ("予算要求の概要について", "予算要求の概要.pdf"), ("Re:", "Re.txt")],
)
def test_called_otherwise(subject: str, name: str, read: Read) -> None:
    """A generic word, a part of the subject and an empty one are nothing to tell of."""
    assert found(read(mail(subject, name)), "name-equals-subject") == []


def test_called_as_the_mail_inside_an_archive(read: Read) -> None:
    """A member of an archive that bears the mail's subject is told at the member."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("資料/予算要求の概要について.txt", "x")
        archive.writestr("readme.txt", "x")
    reading = read(mail("Fw: 予算要求の概要について", "send.zip", packed.getvalue()))
    assert {where for where, _ in found(reading, "name-equals-subject")} == {"part:2.1"}


def test_mixed_scripts(read: Read) -> None:
    """B24: mixed scripts in subject, display name and file name are told where they stand; Japanese as usual is not."""
    reading = read(mail("Invоice 送付", "力タログ.pdf", sender="Micrοsoft"))
    assert found(reading, "mixed-script") == [
        ("header:from", "display name: Micrοsoft"),
        ("header:subject", "subject: Invоice"),
        ("part:2", "file name: 力タログ"),
    ]
    assert found(read(mail("TPP交渉のQ&A", "口コミ一覧β.pdf", sender="例示 株式会社")), "mixed-script") == []


def test_many_names(read: Read) -> None:
    """Long subjects and names of a thousand characters end like any others."""
    assert found(read(mail("あ" * 900, "re:" * 300 + ".pdf")), "name-equals-subject") == []
