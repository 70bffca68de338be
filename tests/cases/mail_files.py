"""Files that hold mails, pages and other files: MSG, OneNote, compressed help, MHT, mailboxes (catalogue B38, B50).

Each entry of `MAIL_FILES` is a mail with such a file, which holds `PROGRAM`, a link to `URL`, or both. Run as a program
it writes the case files of tests/corpus/mail_files.
"""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path

from sekisho_inspection import lzx
from sekisho_inspection.storage import Storage, compound_file

URL = "http://c2.malware.example/gate"
PROGRAM = b"MZ\x90\0a listed program" + bytes(range(64))
PAGE = f"<html><body><a href='{URL}'>open</a></body></html>".encode()
HEAD = b"From: a@example.jp\nTo: b@example.jp\nSubject: s\nMIME-Version: 1.0\n"
ONE_FILE = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
ONE_END = bytes.fromhex("22a7fb71790f0b4abb13899256426b24")
_ONE = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
_STORE = bytes.fromhex("3fdd9a101b91f549a5d01791edc8aed8")
_PACKED = bytes.fromhex("2fe98d63d4a6c14b9a36b3fc2511a5b7")
_FRAME = 1 << 15


def attached(name: str, content: bytes, declared: str = "application/octet-stream") -> bytes:
    """A mail with one attachment."""
    fields = f'--b\nContent-Type: {declared}; name="{name}"\nContent-Transfer-Encoding: base64\n\n'.encode()
    return (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n"
        + fields
        + base64.encodebytes(content)
        + b"--b--\n"
    )


def message(kind: str = "multipart/mixed") -> bytes:
    """A mail with the page and the program."""
    coded = base64.encodebytes(PROGRAM)
    return (
        b"From: c@example.com\nSubject: inner\nMIME-Version: 1.0\nContent-Type: %s; boundary=q\n\n"
        b"--q\nContent-Type: text/html\n\n"
        b"%s\n--q\nContent-Type: application/octet-stream; name=x.exe\nContent-Transfer-Encoding: base64\n\n%s--q--\n"
    ) % (kind.encode(), PAGE, coded)


def values(properties: dict[int, str | bytes], wide: bool = True) -> dict[str, bytes]:
    """The streams of a storage of a MSG, by the ids of its properties."""
    found = {}
    for name, value in properties.items():
        kind = 0x102 if isinstance(value, bytes) else 0x1F if wide else 0x1E
        data = value if isinstance(value, bytes) else value.encode("utf-16-le" if wide else "cp932")
        found[f"__substg1.0_{name:04X}{kind:04X}"] = data
    return found


def msg(wide: bool = True, header: int = 32) -> Storage:
    """A message with a page for a body and the program attached."""
    codepage = struct.pack("<HHIIi", 3, 0x3FDE, 6, 932, 0)
    head: dict[int, str | bytes] = {
        0x0037: "資料の送付",
        0x0C1A: "例",
        0x0C1F: "c@example.com",
        0x1000: f"本文 {URL}",
        0x1013: PAGE,
    }
    file = Storage({"__properties_version1.0": bytes(header) + codepage, **values(head, wide)})
    part: dict[int, str | bytes] = {0x3701: PROGRAM, 0x3704: "x.exe", 0x3707: "報告書.exe"}
    file.storages["__attach_version1.0_#00000000"] = Storage(
        {"__properties_version1.0": bytes(8), **values(part, wide)}
    )
    person: dict[int, str | bytes] = {0x3001: "宛先", 0x39FE: "d@example.jp"}
    file.storages["__recip_version1.0_#00000000"] = Storage(values(person, wide))
    return file


def msg_and_workbook() -> Storage:
    """A message that is a workbook to Excel."""
    file = msg()
    file.streams["Workbook"] = b"\x09\x08\x10\0\0\6\5\0" + bytes(12) + b"\x0a\0\0\0"
    return file


def broken(content: bytes, name: str) -> bytes:
    """A compound file in which a stream's first sector is none."""
    at = content.index(name.encode("utf-16-le"))
    return content[: at + 116] + b"\xf0\xff\xff\0" + content[at + 120 :]


def msg_around(inner: Storage) -> bytes:
    """A message to which a storage is attached: a message or an object."""
    file = Storage({"__properties_version1.0": bytes(32), **values({0x0037: "outer"})})
    attachment = Storage(values({0x3001: "inner"}))
    attachment.storages["__substg1.0_3701000D"] = inner
    file.storages["__attach_version1.0_#00000000"] = attachment
    return compound_file(file)


def one_file(content: bytes, size: int | None = None) -> bytes:
    """An object that holds a file (MS-ONESTORE 2.6.13); `size` is what it states."""
    stated = len(content) if size is None else size
    return ONE_FILE + struct.pack("<Q12x", stated) + content + bytes(-len(content) % 8) + ONE_END


def one(*objects: bytes, text: str = "", name: str = "") -> bytes:
    """A section with these objects, a text and the name of a file."""
    named = name.encode("utf-16-le") + b"\0\0"
    return (
        _ONE + bytes(32) + _STORE + bytes(200) + b"\x01" + text.encode("utf-16-le") + b"\0\0"
        + struct.pack("<I", len(named)) * bool(name) + named * bool(name) + b"".join(objects)
    )  # fmt: skip


def one_packed(content: bytes) -> bytes:
    """A section packed for transport with one object of data (MS-FSSHTTPB)."""
    size = struct.pack("<BQ", 0x80, len(content))
    data = size + content
    stated = struct.pack("<BQ", 0x80, len(data))
    return _ONE + bytes(32) + _PACKED + bytes(60) + b"\x12\0\xfe\xff" + stated + data + bytes(20)


class _BitWriter:
    def __init__(self) -> None:
        self._bits: list[str] = []

    def write(self, value: int, count: int) -> None:
        self._bits.append(f"{value:0{count}b}" if count else "")

    def align(self) -> None:
        joined = "".join(self._bits)
        self._bits = [joined + "0" * (-len(joined) % 16)]

    def data(self) -> bytes:
        self.align()
        joined = self._bits[0]
        return b"".join(int(joined[at : at + 16], 2).to_bytes(2, "little") for at in range(0, len(joined), 16))


def lzx_packed(content: bytes) -> list[bytes]:
    """LZX with a window of 16 bits, a frame a piece: one block whose codes all have nine bits, and matches of eight
    bytes."""
    pieces, start = [], 0
    writer = _BitWriter()
    writer.write(0, 1)
    writer.write(1, 3)
    writer.write(len(content), 24)
    for symbols, runs in (
        ((8, 0), [(8, 0, 0)] * 256),
        ((8, 0), [(8, 0, 0)] * 256),
        ((18, 0), [(18, 31, 5)] * 4 + [(18, 25, 5)]),
    ):
        for symbol in range(20):
            writer.write(int(symbol in symbols), 4)
        for symbol, more, count in runs:
            writer.write(sorted(symbols).index(symbol), 1)
            writer.write(more, count)
    at = 0
    while at < len(content):
        distance = at - content.rfind(content[at : at + 8], max(0, at - 60_000), at + 7)
        if 0 < distance <= at and at % _FRAME <= _FRAME - 8 and len(content) - at >= 8:
            slot = max(number for number in range(3, 32) if lzx._BASES[number] <= distance + 2)
            writer.write(256 + slot * 8 + 6, 9)
            writer.write(distance + 2 - lzx._BASES[slot], lzx._EXTRA[slot])
            at += 8
        else:
            writer.write(content[at], 9)
            at += 1
        if at % _FRAME == 0:
            done = writer.data()
            pieces.append(done[start:])
            start = len(done)
    done = writer.data()
    return [*pieces, done[start:]] if done[start:] else pieces


def _number(value: int) -> bytes:
    found = [value & 0x7F]
    while value := value >> 7:
        found.insert(0, value & 0x7F | 0x80)
    return bytes(found)


def chm(files: dict[str, bytes], packed: bool = True, damage: int = 0, claimed: int = 0) -> bytes:
    """A help file; its files stand plain or are packed, and of these the first `damage` bytes are wiped out.
    `claimed` is added to the size that each states."""
    content, places = b"", {}
    for shown, data in files.items():
        places[shown.encode()] = (int(packed), len(content), len(data) + claimed)
        content += data
    section = content
    if packed:
        pieces = lzx_packed(content)
        section = bytes(damage) + b"".join(pieces)[damage:]
        starts = [sum(map(len, pieces[:number])) for number in range(len(pieces))]
        table = struct.pack("<IIIIQQQ", 2, len(starts), 8, 0x28, len(content), len(section), _FRAME)
        table += struct.pack(f"<{len(starts)}Q", *starts)
        control = struct.pack("<I4sIIIII", 6, b"LZXC", 2, 2, 2, 1, 0)
        storage = b"::DataSpace/Storage/MSCompressed/"
        guid = b"{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}"
        words = ("Uncompressed", "MSCompressed")
        listed = b"".join(struct.pack("<H", len(word)) + word.encode("utf-16-le") + b"\0\0" for word in words)
        for name, data in (
            (storage + b"Content", section), (storage + b"ControlData", control),
            (storage + b"Transform/" + guid + b"/InstanceData/ResetTable", table),
            (storage + b"Transform/List", guid.decode().encode("utf-16-le")),
            (b"::DataSpace/NameList", struct.pack("<HH", len(listed) // 2 + 2, 2) + listed),
        ):  # fmt: skip
            places[name] = (0, len(section) if data is not section else 0, len(data))
            section += data if data is not section else b""
    return _chm_file(section, places)


def _chm_file(section: bytes, places: dict[bytes, tuple[int, int, int]]) -> bytes:
    entries = b"".join(_number(len(name)) + name + b"".join(map(_number, places[name])) for name in sorted(places))
    chunk = b"PMGL" + struct.pack("<IIii", 0x1000 - 20 - len(entries), 0, -1, -1) + entries.ljust(0x1000 - 20, b"\0")
    guid = bytes(16)
    listing = b"ITSP" + struct.pack(
        "<IIIIIIiIIiIII16sIiii", 1, 0x54, 10, 0x1000, 2, 1, -1, 0, 0, -1, 1, 0x411, 0, guid, 0x54, -1, -1, -1
    )
    listing = listing[:0x54].ljust(0x54, b"\0") + chunk
    start = 0x60 + 0x18
    head = b"ITSF" + struct.pack("<IIIII16s16s", 3, 0x60, 1, 0, 0x411, guid, guid)
    head += struct.pack("<QQQQQ", 0x60, 0x18, start, len(listing), start + len(listing))
    total = start + len(listing) + len(section)
    return head + struct.pack("<IIQII", 0x1FE, 0, total, 0, 0) + listing + section


_FILES = {"/index.htm": PAGE, "/x.exe": PROGRAM}
_MBOX = b"From c@example.com Thu Apr  2 09:00:00 2026\n" + message()
MAIL_FILES: dict[str, bytes] = {
    "B50 msg": attached("a.msg", compound_file(msg())),
    "B50 msg in CP932": attached("a.msg", compound_file(msg(wide=False))),
    "B50 msg without name": attached("a", compound_file(msg())),
    "B50 msg in msg": attached("a.msg", msg_around(msg(header=24))),
    "B50 msg with a broken stream": attached("a.msg", broken(compound_file(msg()), "__substg1.0_1000001F")),
    "B38 msg and workbook": attached("a.xls", compound_file(msg_and_workbook())),
    "B50 msg cut off": attached("a.msg", compound_file(msg())[:-4096]),
    "B50 msg in tnef name": attached("winmail.dat", compound_file(msg())),
    "B50 eml": attached("a.eml", message()),
    "B50 eml without name": attached("a.bin", message()),
    "B50 eml with a mark": attached("a.bin", b"\xef\xbb\xbf" + message()),
    "B50 emlx": attached("a.emlx", b"%d\n%s<?xml version='1.0'?><plist/>" % (len(message()), message())),
    "B50 mbox": attached("a.mbox", _MBOX),
    "B50 mbox of two": attached(
        "a.txt", _MBOX + b"\nFrom d@example.com Thu Apr  2 09:00:01 2026\nSubject: last\n\nend\n"
    ),
    "B50 mht": attached("a.mht", message("multipart/related")),
    "B38 mht as doc": attached("a.doc", message("multipart/related").partition(b"\n")[2].partition(b"\n")[2]),
    "B38 mht behind blank lines": attached(
        "a.doc", b"\n \n" + message("multipart/related").partition(b"\n")[2].partition(b"\n")[2]
    ),
    "B50 one": attached("a.one", one(one_file(PROGRAM), text=f"開く {URL} を")),
    "B50 one with a name": attached("a.one", one(one_file(PROGRAM), text=f" {URL} ", name="報告書.hta")),
    "B50 one with two files": attached("a.one", one(one_file(PAGE), one_file(PROGRAM))),
    "B50 one with a file in a file": attached("a.one", one(one_file(one_file(PROGRAM) + PAGE))),
    "B50 one with a wrong length": attached("a.one", one(one_file(PROGRAM, 1 << 40), text=f" {URL} ")),
    "B50 one with a length of nothing": attached("a.one", one(one_file(PROGRAM, 0), text=f" {URL} ")),
    "B50 one packed": attached("a.one", one_packed(PROGRAM)),
    "B50 one by another name": attached("a.doc", one(one_file(PROGRAM), text=f" {URL} ")),
    "B50 chm": attached("a.chm", chm(_FILES)),
    "B50 chm plain": attached("a.chm", chm(_FILES, packed=False)),
    "B50 chm of two frames": attached(
        "a.chm", chm({"/index.htm": PAGE * 300, "/x.exe": PROGRAM, "/" + "n" * 300: b"1"})
    ),
    "B50 chm damaged": attached("a.chm", chm(_FILES, damage=40)),
    "B50 pst": attached("a.pst", b"!BDN" + bytes(600)),
}


def case_files() -> dict[str, bytes]:
    """Each mail by the name of its case."""
    return {re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"): mail for name, mail in MAIL_FILES.items()}


def write(directory: Path) -> None:
    """Write the case files anew; their expected readings are written by whoever has looked at them."""
    for name, content in case_files().items():
        (directory / f"{name}.eml").write_bytes(content)


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "corpus" / "mail_files")
