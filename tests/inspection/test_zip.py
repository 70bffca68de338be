"""ZIP: names, locks, lies and bombs."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
import pyzipper
from sekisho_core.vocabulary import PartState, Reading
from shortcut_maker import program

Read = Callable[..., Reading]
Attach = Callable[..., bytes]
PROGRAM = b"MZ" + b"\0" * 200


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def locked(password: str, *members: tuple[str, bytes]) -> bytes:
    """A ZIP with AES-256 members."""
    file = io.BytesIO()
    with pyzipper.AESZipFile(file, "w", pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def classic(password: bytes, name: bytes, content: bytes) -> bytes:
    """A ZIP with one stored member under the traditional cipher (APPNOTE 6.1)."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc(value: int, byte: int) -> int:
        return zlib.crc32(bytes([byte]), value ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def update(byte: int) -> None:
        keys[0] = crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[2], keys[1] >> 24)

    for byte in password:
        update(byte)
    checksum = zlib.crc32(content)
    body = bytearray()
    for byte in b"\0" * 11 + bytes([checksum >> 24]) + content:
        mask = keys[2] | 2
        body.append(byte ^ ((mask * (mask ^ 1) >> 8) & 0xFF))
        update(byte)
    return _assembled(name, bytes(body), checksum, len(content), flags=1, method=0)


def _assembled(name: bytes, body: bytes, checksum: int, size: int, flags: int = 0, method: int = 8) -> bytes:
    facts = struct.pack("<HHHHHLLLHH", 20, flags, method, 0, 0, checksum, len(body), size, len(name), 0)
    local = b"PK\x03\x04" + facts + name + body
    central = b"PK\x01\x02" + struct.pack("<H", 20) + facts + struct.pack("<HHHLL", 0, 0, 0, 0, 0) + name
    return local + central + b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(central), len(local), 0)


def member_names(reading: Reading) -> list[tuple[str, ...]]:
    """Names of what lies inside the attachment (part 2)."""
    return [part.names for part in reading.parts if part.id.startswith("2.")]


def reasons(reading: Reading) -> set[str]:
    """Every reason of incompleteness."""
    return {gap.reason for gap in reading.incomplete}


def test_members_are_parts(read: Read, attach: Attach) -> None:
    """Members are listed with names, type and hashes, archives in archives too."""
    inner = packed(("evil.exe", PROGRAM))
    reading = read(attach("x", ("a.zip", packed(("dir/readme.txt", b"http://evil.example/"), ("in.zip", inner)))))
    assert [part.id for part in reading.parts] == ["1", "2", "2.1", "2.2", "2.2.1"]
    assert reading.parts[2].names == ("dir/readme.txt", "readme.txt")
    assert reading.parts[4].origin.parent == "2.2"
    assert ("archived-executable", "part:2.2.1") in {(item.kind, item.where) for item in reading.findings}
    assert ("url:value", "http://evil.example/") in {(item.path, item.value) for item in reading.observables}
    assert not reading.incomplete


@pytest.mark.parametrize("password", ["Kx7mQ2pA", "さくら2024"])
def test_locked_aes_opens_with_the_mails_password(read: Read, attach: Attach, password: str) -> None:
    """B37: an AES member opens with the password from the text; the password stands nowhere in the Reading's facts."""
    reading = read(attach(f"解凍パスワードは「{password}」です。", ("報告.zip", locked(password, ("a.exe", PROGRAM)))))
    assert [part.state for part in reading.parts] == [PartState.READ, PartState.OPENED, PartState.READ]
    assert not reading.incomplete
    facts = [item for item in reading.observables if item.path != "email-message:body"]
    assert password not in repr((facts, reading.findings, reading.incomplete, reading.parts))


@pytest.mark.parametrize(("word", "state"), [("k8#Bb", "opened"), ("other", "locked")])
def test_locked_self_extractor(read: Read, attach: Attach, word: str, state: str) -> None:
    """B28: a program with a locked ZIP behind it is in the state of its members."""
    content = program() + locked("k8#Bb", ("a.dat", b"plain"))
    reading = read(attach(f"パスワード：{word}", ("a.ex_", content)))
    assert {part.state for part in reading.parts if part.names == ("a.ex_",)} == {PartState(state)}


@pytest.mark.parametrize("secret", [b"abcd1234", "表示ソ".encode("cp932")])
def test_locked_classic(read: Read, attach: Attach, secret: bytes) -> None:
    """The traditional cipher opens too, with the password's bytes in CP932 where that is how it was typed."""
    archive = classic(secret, "表ソ.txt".encode("cp932"), b"hello " * 5)
    reading = read(attach(f"パスワード：「{secret.decode('cp932')}」", ("a.zip", archive)))
    assert [part.state.value for part in reading.parts] == ["read", "opened", "read"]
    assert member_names(reading) == [("表ソ.txt",)]


def test_what_stays_locked_is_incomplete(read: Read, attach: Attach) -> None:
    """A lock that nothing opens is incomplete under the archive's name, and its members' names are known."""
    reading = read(attach("パスワードは別送します。", ("report.zip", locked("x9", ("見積.exe", PROGRAM)))))
    assert [(gap.where, gap.reason) for gap in reading.incomplete] == [("part:2/report.zip", "locked")]
    assert [part.state.value for part in reading.parts] == ["read", "locked", "locked"]
    assert ("file:name", "見積.exe", "part:2.1") in {
        (item.path, item.value, item.where) for item in reading.observables
    }


def test_candidates_are_limited(read: Read, attach: Attach) -> None:
    """At most max_passwords candidates are tried on a part."""
    text = "\n".join(f"パスワード：wrong{number}" for number in range(5)) + "\nパスワード：right"
    mail = attach(text, ("a.zip", locked("right", ("a.txt", b"x"))))
    assert reasons(read(mail, max_passwords=5)) == {"locked"}
    assert reasons(read(mail, max_passwords=6)) == set()


@pytest.mark.parametrize(
    ("raw", "flag", "shown"),
    [
        ("表ソ/報告.txt".encode("cp932"), 0, ("表ソ/報告.txt", "報告.txt")),
        ("報告.txt".encode(), 0x800, ("報告.txt",)),
        ("報告書について.txt".encode("euc-jp"), 0, ("報告書について.txt",)),
        (b"..\\..\\evil.txt", 0, ("..\\..\\evil.txt", "evil.txt")),
        (b"\xff\xfe\xfd.txt", 0x800, None),
    ],
)
def test_names_in_the_directory(
    read: Read, attach: Attach, raw: bytes, flag: int, shown: tuple[str, ...] | None
) -> None:
    """B35: names decode by flag or guess, backslash bytes inside characters stay, traversal is only a word."""
    reading = read(attach("x", ("a.zip", _assembled(raw, b"abc", zlib.crc32(b"abc"), 3, flag, 0))))
    assert len(member_names(reading)) == 1
    if shown:
        assert set(shown) <= set(member_names(reading)[0])


@pytest.mark.parametrize("beyond", [50, -3, 1 << 20])
def test_directory_said_to_be_elsewhere(read: Read, attach: Attach, beyond: int) -> None:
    """B33: where the directory's start is stated wrong, members are where their headers are, as programs find them."""
    content = bytearray(packed(("a.txt", b"first"), ("b.exe", PROGRAM)))
    at = content.rfind(b"PK\x05\x06") + 16
    struct.pack_into("<L", content, at, struct.unpack_from("<L", content, at)[0] + beyond)
    reading = read(attach("x", ("a.zip", bytes(content))))
    assert [(part.names, part.size) for part in reading.parts[2:]] == [(("a.txt",), 5), (("b.exe",), len(PROGRAM))]
    assert reading.incomplete == ()


def test_two_archives_in_a_row(read: Read, attach: Attach) -> None:
    """B28: of two ZIPs in a row both are read, and the ambiguity is said."""
    reading = read(attach("x", ("a.zip", packed(("evil.exe", PROGRAM)) + packed(("good.txt", b"good")))))
    assert {("evil.exe",), ("good.txt",)} == set(member_names(reading))
    assert reasons(reading) == {"ambiguous"}


def test_directory_that_lists_nothing(read: Read, attach: Attach) -> None:
    """B29: a directory of no entries does not hide the members."""
    content = bytearray(packed(("evil.exe", PROGRAM)))
    end = content.rfind(b"PK\x05\x06")
    content[end + 8 : end + 12] = b"\0\0\0\0"
    reading = read(attach("x", ("a.zip", bytes(content))))
    assert ("evil.exe",) in member_names(reading)
    assert "malformed" in reasons(reading)


def test_headers_that_disagree(read: Read, attach: Attach) -> None:
    """B30, B31: a fake encryption flag and a false method are read by both headers and said."""
    for offset, value in ((6, 1), (8, 0)):
        content = bytearray(packed(("a.txt", b"hello " * 20)))
        content[offset] = value
        reading = read(attach("x", ("a.zip", bytes(content))))
        assert "ambiguous" in reasons(reading)
        assert ("a.txt",) in member_names(reading)


def test_no_directory_at_all(read: Read, attach: Attach) -> None:
    """B32: without a directory the members are found by their own headers; the part is incomplete."""
    content = packed(("evil.exe", PROGRAM))
    reading = read(attach("x", ("a.zip", content[: content.rfind(b"PK\x01\x02")])))
    assert ("evil.exe",) in member_names(reading)
    assert "malformed" in reasons(reading)


def test_bombs(read: Read, attach: Attach) -> None:
    """B34: a high ratio, too much over all, a stated size of 0 and nesting end at a limit that is said."""
    bomb = packed(("zeros", b"\0" * (8 << 20)))
    assert "limit" in reasons(read(attach("x", ("a.zip", bomb))))
    assert "limit" in reasons(read(attach("x", ("a.zip", bomb)), max_ratio=5000, max_unpacked_bytes=1 << 20))
    lying = bytearray(bomb)
    at = lying.rfind(b"PK\x01\x02")
    lying[at + 24 : at + 28] = b"\0\0\0\0"
    assert "limit" in reasons(read(attach("x", ("a.zip", bytes(lying)))))
    nested = b"core"
    for level in range(30):
        nested = packed((f"{level}.zip", nested))
    assert "limit" in reasons(read(attach("x", ("a.zip", nested))))


def test_many_members(read: Read, attach: Attach) -> None:
    """B21: more members than the limit of parts are said."""
    reading = read(attach("x", ("a.zip", packed(*[(f"{n}.txt", b"x") for n in range(60)]))), max_parts=50)
    assert len(reading.parts) <= 50
    assert reasons(reading) == {"limit"}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods(read: Read, attach: Attach, method: int) -> None:
    """Stored, bzip2 and LZMA members are read."""
    reading = read(attach("x", ("a.zip", packed(("a.exe", PROGRAM), method=method))))
    assert "archived-executable" in {item.kind for item in reading.findings}
    assert not reading.incomplete
