"""Disguises: mails that hide a lure, a name, a phrase or a link in the way that they write it (catalogue B16 to B27).

Each entry of `DISGUISES` is a mail and what is to be found in it: a path of an observable and its value as an indicator
states it. Run as a program it writes the case files of tests/corpus/disguises.
"""

# ruff: noqa: E501 - a case a line reads best
from __future__ import annotations

import base64
import quopri
import re
from pathlib import Path
from urllib.parse import quote

LURE = "対外措置の延長について"
URL = "http://c2.malware.example/gate"
HOST = "c2.malware.example"
NAME = "報告書.exe"
Found = tuple[str, str]
_SUBJECT, _URL = ("email-message:subject", LURE), ("url:value", URL)
_NAME, _BODY = ("file:name", NAME), ("email-message:body", LURE)
HEAD = b"From: a@example.jp\nTo: b@example.jp\n"


def word(text: str, charset: str, label: str = "") -> bytes:
    """An encoded word (RFC 2047) in B."""
    return b"=?%s?B?%s?=" % ((label or charset).encode(), base64.b64encode(text.encode(charset)))


def subject(value: bytes) -> bytes:
    """A mail with this Subject."""
    return HEAD + b"Subject: " + value + b"\n\ntext\n"


def text(content: bytes, kind: bytes = b"text/plain; charset=utf-8") -> bytes:
    """A mail of one text."""
    return HEAD + b"Subject: s\nContent-Type: " + kind + b"\n\n" + content + b"\n"


def coded(content: bytes, kind: bytes) -> bytes:
    """A mail of one text in base64."""
    fields = b"Content-Transfer-Encoding: base64\nContent-Type: " + kind
    return HEAD + b"Subject: s\n" + fields + b"\n\n" + base64.encodebytes(content)


def page(content: str) -> bytes:
    """A mail of one page."""
    return text(f"<html><body>{content}</body></html>".encode(), b"text/html; charset=utf-8")


def named(fields: bytes) -> bytes:
    """A mail with one attachment that has these fields."""
    part = b"--b\nContent-Transfer-Encoding: base64\n" + fields + b"\n\nTVqQAAMAAAAEAAAA\n--b--\n"
    return HEAD + b"Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n" + part


def spread(value: str, between: str) -> str:
    """The text with something between each two characters."""
    return between.join(value)


_JIS = LURE.encode("iso2022_jp")
_HALF = len(_JIS) // 2 | 1
_CODED = base64.b64encode(f"<a href='{URL}'>k</a>".encode()).decode()
_LINK = f"<a href='{URL}'>k</a>"
DISGUISES: dict[str, tuple[bytes, Found]] = {
    "B16 fragment 1 of 1": (text(b"Subject: x\n\n" + URL.encode(), b"message/partial; number=1; total=1; id=x"), _URL),
    "B16 external body": (
        text(b"Content-Type: text/plain\n\n", f'message/external-body; access-type=URL; URL="{URL}"'.encode()), _URL,
    ),
    "B17 word in quotes": (named(b'Content-Disposition: attachment; filename="' + word(NAME, "utf-8") + b'"'), _NAME),
    "B17 raw Shift_JIS": (
        named(b'Content-Disposition: attachment; filename="' + NAME.encode("cp932") + b'"'), _NAME,
    ),
    "B17 raw EUC-JP": (named(b'Content-Disposition: attachment; filename="' + NAME.encode("euc_jp") + b'"'), _NAME),
    "B17 extended": (
        named(b"Content-Disposition: attachment; filename*=utf-8''" + quote(NAME).encode()), _NAME,
    ),
    "B17 pieces in a character": (
        named(b"Content-Disposition: attachment; filename*0*=utf-8''%E5%A0; filename*1*=%B1%E5%91%8A%E6%9B%B8.exe"),
        _NAME,
    ),
    "B17 quoted pieces": (
        named(b"Content-Disposition: attachment; filename*0*=\"utf-8''%E5%A0%B1%E5%91%8A\"; filename*1*=\"%E6%9B%B8.exe\""),
        _NAME,
    ),
    "B17 name and filename": (
        named(b'Content-Type: a/b; name="' + word(NAME, "iso2022_jp", "iso-2022-jp")
              + b'"\nContent-Disposition: attachment; filename=a.txt'), _NAME,
    ),
    "B17 word in an extended value": (
        named(b"Content-Disposition: attachment; filename*=utf-8''" + quote(word(NAME, "utf-8").decode()).encode()), _NAME,
    ),
    "B18 wrong label": (text(f"{LURE} {URL}".encode("cp932"), b"text/plain; charset=iso-2022-jp"), _BODY),
    "B18 unknown label": (text(f"{LURE} {URL}".encode("euc_jp"), b"text/plain; charset=x-nothing"), _BODY),
    "B18 UTF-7": (text(f"{LURE} {URL}".encode("utf-7"), b"text/plain; charset=utf-7"), _BODY),
    "B18 UTF-16 with a mark": (coded(f"{LURE} {URL}".encode("utf-16"), b"text/plain; charset=us-ascii"), _URL),
    "B18 UTF-16 without a mark": (coded(f"{LURE} {URL}".encode("utf-16-le"), b"text/plain; charset=utf-8"), _URL),
    "B18 HZ": (text("~{6TMb~} http://c2.malware.example/gate".encode("ascii"), b"text/plain; charset=hz-gb-2312"), _URL),
    "B18 byte order mark": (text(b"\xef\xbb\xbf" + f"{LURE} {URL}".encode(), b"text/plain; charset=cp932"), _BODY),
    "B18 subject in raw JIS": (subject(_JIS), _SUBJECT),
    "B18 subject cut inside an escape": (
        subject(b"=?iso-2022-jp?B?%s?=\n =?iso-2022-jp?B?%s?="
                % (base64.b64encode(_JIS[:1]), base64.b64encode(_JIS[1:]))), _SUBJECT,
    ),
    "B18 subject cut inside a character": (
        subject(b"=?ISO-2022-JP?B?%s?=\n =?iso-2022-jp?B?%s?="
                % (base64.b64encode(_JIS[:_HALF]), base64.b64encode(_JIS[_HALF:]))), _SUBJECT,
    ),
    "B18 subject in Shift_JIS under ISO-2022-JP": (subject(word(LURE, "cp932", "iso-2022-jp")), _SUBJECT),
    "B18 subject under cp50220": (subject(word(LURE, "iso2022_jp", "cp50220")), _SUBJECT),
    "B18 subject in raw UTF-8": (subject(LURE.encode()), _SUBJECT),
    "B19 page in a plain text": (text(f"<html><body>{_LINK}</body></html>".encode()), _URL),
    "B19 no MIME-Version and no type": (HEAD + b"Subject: s\n\n" + URL.encode() + b"\n", _URL),
    "B19 page called a picture": (text(f"<html><body>{_LINK}</body></html>".encode(), b"image/png"), _URL),
    "B21 two kilobytes of parentheses": (HEAD + b"Cc: " + b"(" * 2048 + b"\nSubject: " + LURE.encode() + b"\n\nx\n", _SUBJECT),
    "B21 long list of addresses": (
        HEAD + b"Cc: " + b"x@example.jp," * 3000 + b"\nSubject: " + LURE.encode() + b"\n\nx\n", _SUBJECT,
    ),
    "B23 zero width in the subject": (subject(word(spread(LURE, "\u200b"), "utf-8")), _SUBJECT),
    "B23 soft hyphens in the subject": (subject(word(spread(LURE, "\u00ad"), "utf-8")), _SUBJECT),
    "B23 tag characters in the subject": (subject(word(spread(LURE, "\U000e0041"), "utf-8")), _SUBJECT),
    "B23 combining marks in the subject": (subject(word(spread(LURE, "\u0332"), "utf-8")), _SUBJECT),
    "B23 spaces in the subject": (subject(word(spread(LURE, "\u3000"), "utf-8")), _SUBJECT),
    "B23 zero width in the text": (text(spread(LURE, "\u200b").encode()), _BODY),
    "B23 wrapped text": (text(f"{LURE[:5]}\n{LURE[5:]}".encode()), _BODY),
    "B24 half-width kana": (subject(word("ｶﾞｲﾄﾞﾗｲﾝの改定", "utf-8")), ("email-message:subject", "ガイドラインの改定")),
    "B24 variant kanji": (subject(word("髙島邉の件", "utf-8")), ("email-message:subject", "高島辺の件")),
    "B24 Cyrillic": (subject(word("Invоiсе 42", "utf-8")), ("email-message:subject", "Invoice 42")),
    "B24 prefixes": (subject(word(f"ＲＥ：【再送】{LURE}", "utf-8")), _SUBJECT),
    "B25 turned reading direction": (
        named(b'Content-Disposition: attachment; filename="' + word("報告書\u202efdp.exe", "utf-8") + b'"'),
        ("file:name", "報告書\u202efdp.exe"),
    ),
    "B25 padding": (
        named(b'Content-Disposition: attachment; filename="' + word("報告書.pdf" + "\u3000" * 60 + ".exe", "utf-8") + b'"'),
        ("file:name", "報告書.pdf" + "\u3000" * 60 + ".exe"),
    ),
    "B25 NUL": (named(b'Content-Disposition: attachment; filename="report.exe\0.pdf"'), ("file:name", "report.exe")),
    "B26 hidden text between letters": (page(spread(LURE, "<span style='display:none'>x</span>")), _BODY),
    "B26 text of no size": (page(spread(LURE, "<font style='font-size:0'>qz</font>")), _BODY),
    "B26 comments in a word": (page(spread(LURE, "<!-- x -->")), _BODY),
    "B26 entities": (page("".join(f"&#{ord(letter)};" for letter in LURE)), _BODY),
    "B26 base": (page("<base href='http://c2.malware.example/'><a href='gate'>k</a>"), _URL),
    "B26 entities in a link": (page("<a href='ht&#116;p&colon;//c2.malware.example/gate'>k</a>"), _URL),
    "B26 data": (page(f"<a href='data:text/html;base64,{_CODED}'>k</a>"), _URL),
    "B26 drawing": (page(f"<svg><foreignObject><a xlink:href='{URL}'>k</a></foreignObject></svg>"), _URL),
    "B26 script": (page("<script>location='ht'+'tp://c2.malware.'+'example/gate'</script>"), _URL),
    "B26 refresh": (page(f"<meta http-equiv=refresh content='0;url={URL}'>"), _URL),
    "B27 user name": (text(b"http://www.bank.example@c2.malware.example/gate"), ("domain-name:value", HOST)),
    "B27 full width": (text("ｈｔｔｐ：／／ｃ２．ｍａｌｗａｒｅ．ｅｘａｍｐｌｅ／ｇａｔｅ".encode()), _URL),
    "B27 ideographic full stop": (text("http://c2。malware。example/gate".encode()), _URL),
    "B27 dot at the end": (text(b"http://c2.malware.example./gate"), ("domain-name:value", HOST)),
    "B27 hexadecimal address": (text(b"http://0xC0.0x0.0x2.0x1/gate"), ("ipv4-addr:value", "192.0.2.1")),
    "B27 octal address": (text(b"http://0300.0.02.01/gate"), ("ipv4-addr:value", "192.0.2.1")),
    "B27 one number": (text(b"http://3221225985/gate"), ("ipv4-addr:value", "192.0.2.1")),
    "B27 percent in the host": (page("<a href='http://c2.m%61lware.example/gate'>k</a>"), ("domain-name:value", HOST)),
    "B27 defanged": (text(b"hxxp[:]//c2[.]malware[.]example/gate"), _URL),
    "B27 redirector": (text(b"https://www.google.com/url?q=http%3A%2F%2Fc2.malware.example%2Fgate&sa=D"), _URL),
    "B27 redirector in Base64": (
        text(b"https://click.example/r?u=" + base64.urlsafe_b64encode(URL.encode()).rstrip(b"=")), _URL,
    ),
    "B27 backslashes": (page("<a href='http:\\\\c2.malware.example\\gate'>k</a>"), _URL),
    "B27 broken over lines": (text(b"<URL:http://c2.malware.\nexample/gate>"), _URL),
    "B27 soft break": (
        HEAD + b"Subject: s\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
        + quopri.encodestring(URL.encode()).replace(b"malware", b"mal=\nware") + b"\n", _URL,
    ),
    "B27 calendar": (
        text(b"BEGIN:VCALENDAR\nDESCRIPTION:see http://c2.mal\n ware.example/gate\nEND:VCALENDAR", b"text/calendar"), _URL,
    ),
}  # fmt: skip


def case_files() -> dict[str, bytes]:
    """Each mail by the name of its case."""
    return {re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"): mail for name, (mail, _) in DISGUISES.items()}


def write(directory: Path) -> None:
    """Write the case files anew; their expected readings are written by whoever has looked at them."""
    for name, content in case_files().items():
        (directory / f"{name}.eml").write_bytes(content)


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "corpus" / "disguises")
