"""Office files under a password, in each kind of encryption (catalogue B37, B46).

Each entry of `LOCKED_OFFICE` is a mail whose text states the password, or Excel's built-in one that needs none; what is
locked holds a link to `URL`. The ciphers are those of MS-OFFCRYPTO, written anew here but for the hashing of RC4 keys.
Run as a program it writes the case files of tests/corpus/locked_office.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import struct
import zipfile
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from msoffcrypto.method.rc4 import DocumentRC4
from msoffcrypto.method.rc4_cryptoapi import DocumentRC4CryptoAPI
from sekisho_inspection.storage import Storage, compound_file

URL = "http://c2.malware.example/gate"
BUILT_IN = "VelvetSweatshop"
SALT = bytes(range(16))
_SPIN = 100


def mail(name: str, content: bytes, text: str = "") -> bytes:
    """A mail with a text and one attachment."""
    fields = (
        f'--b\nContent-Type: application/octet-stream; name="{name}"\nContent-Transfer-Encoding: base64\n\n'.encode()
    )
    head = b"From: a@example.jp\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
    stated = b"Content-Type: text/plain; charset=utf-8\n\n" + text.encode() + b"\n"
    return head + stated + fields + base64.encodebytes(content) + b"--b--\n"


def document(folder: str = "word/document.xml") -> bytes:
    """An Office file of one part, with a link in its text."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in (("[Content_Types].xml", "<Types/>"), (folder, f"<w:p><w:t>{URL}</w:t></w:p>")):
            packed.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def _aes(key: bytes, data: bytes, iv: bytes = b"") -> bytes:
    mode = modes.CBC(iv) if iv else modes.ECB()
    encryptor = Cipher(algorithms.AES(key), mode).encryptor()
    return encryptor.update(data + bytes(-len(data) % 16)) + encryptor.finalize()


def agile(content: bytes, password: str, name: str = "sha512", bits: int = 256, stated: int = _SPIN) -> bytes:
    """A package under agile encryption (2.3.4.10) with this hash, which states so many rounds."""

    def digest(data: bytes) -> bytes:
        return hashlib.new(name, data, usedforsecurity=False).digest()

    def derived(block: str) -> bytes:
        return digest(rounds + bytes.fromhex(block))[: bits // 8].ljust(bits // 8, b"\x36")

    rounds = digest(SALT + password.encode("utf-16-le"))
    for number in range(_SPIN):
        rounds = digest(struct.pack("<I", number) + rounds)
    key = bytes(range(bits // 8))
    verifier = bytes(range(100, 116))
    segments = b""
    for number in range(-(-len(content) // 4096)):
        iv = digest(SALT + struct.pack("<I", number))[:16]
        segments += _aes(key, content[number * 4096 : number * 4096 + 4096], iv)

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    size, hashed = len(digest(b"")), name.upper()
    common = (
        f'saltSize="16" blockSize="16" keyBits="{bits}" hashSize="{size}" cipherAlgorithm="AES"'
        f' cipherChaining="ChainingModeCBC" hashAlgorithm="{hashed}" saltValue="{text(SALT)}"'
    )
    sealed = {
        "encryptedVerifierHashInput": _aes(derived("fea7d2763b4b9e79"), verifier, SALT),
        "encryptedVerifierHashValue": _aes(derived("d7aa0f6d3061344e"), digest(verifier), SALT),
        "encryptedKeyValue": _aes(derived("146e0be7abacd0d6"), key, SALT),
    }
    values = " ".join(f'{name}="{text(value)}"' for name, value in sealed.items())
    password_key = f'<p:encryptedKey spinCount="{stated}" {common} {values}/>'
    uri = "http://schemas.microsoft.com/office/2006/"
    xml = (
        f'<encryption xmlns="{uri}encryption" xmlns:p="{uri}keyEncryptor/password"><keyData {common}/>'
        f'<dataIntegrity encryptedHmacKey="{text(bytes(64))}" encryptedHmacValue="{text(bytes(64))}"/>'
        f'<keyEncryptors><keyEncryptor uri="{uri}keyEncryptor/password">{password_key}</keyEncryptor>'
        "</keyEncryptors></encryption>"
    )
    info = struct.pack("<HHI", 4, 4, 0x40) + xml.encode()
    return _package(info, struct.pack("<Q", len(content)) + segments)


def standard(content: bytes, password: str) -> bytes:
    """A package under standard encryption (2.3.4.5): AES-128 and SHA-1."""
    hashed = hashlib.sha1(SALT + password.encode("utf-16-le"), usedforsecurity=False).digest()
    for number in range(50_000):
        hashed = hashlib.sha1(struct.pack("<I", number) + hashed, usedforsecurity=False).digest()
    hashed = hashlib.sha1(hashed + bytes(4), usedforsecurity=False).digest()
    inner = bytes(byte ^ 0x36 for byte in hashed.ljust(64, b"\0"))
    key = hashlib.sha1(inner, usedforsecurity=False).digest()[:16]
    verifier = bytes(range(100, 116))
    check = hashlib.sha1(verifier, usedforsecurity=False).digest().ljust(32, b"\0")
    provider = "Microsoft Enhanced RSA and AES Cryptographic Provider\0".encode("utf-16-le")
    header = struct.pack("<IIIIIIII", 0x24, 0, 0x660E, 0x8004, 128, 0x18, 0, 0) + provider
    info = struct.pack("<HHII", 4, 2, 0x24, len(header)) + header
    info += struct.pack("<I", 16) + SALT + _aes(key, verifier) + struct.pack("<I", 20) + _aes(key, check)
    return _package(info, struct.pack("<Q", len(content)) + _aes(key, content))


def _package(info: bytes, package: bytes) -> bytes:
    return compound_file(Storage({"EncryptionInfo": info, "EncryptedPackage": package}))


def workbook(password: str, kind: str) -> bytes:
    """A workbook of the old format with a link in a label, under `rc4`, `cryptoapi` or `xor`."""
    label = b"\x04\x02" + struct.pack("<HHHHH", 9 + len(URL), 0, 0, 0, len(URL)) + b"\0" + URL.encode()
    records = label + b"\x0a\0\0\0"
    begin = b"\x09\x08\x10\0\0\6\5\0" + bytes(12)
    salt, verifier = SALT, bytes(range(100, 116))
    if kind == "rc4":
        check = verifier + hashlib.md5(verifier, usedforsecurity=False).digest()
        sealed = DocumentRC4.decrypt(password, salt, io.BytesIO(check), blocksize=512).read()
        filepass = struct.pack("<HHH", 1, 1, 1) + salt + sealed
    else:
        check = verifier + hashlib.sha1(verifier, usedforsecurity=False).digest()
        sealed = DocumentRC4CryptoAPI.decrypt(password, salt, 128, io.BytesIO(check), blocksize=512, block=0).read()
        provider = "Microsoft Enhanced Cryptographic Provider v1.0\0".encode("utf-16-le")
        header = struct.pack("<IIIIIIII", 4, 0, 0x6801, 0x8004, 128, 1, 0, 0) + provider
        filepass = struct.pack("<HHHII", 1, 2, 2, 4, len(header)) + header + struct.pack("<I", 16) + salt + sealed[:16]
        filepass += struct.pack("<I", 20) + sealed[16:]
    head = begin + b"\x2f\0" + struct.pack("<H", len(filepass)) + filepass
    whole = bytes(len(head)) + records
    stream = io.BytesIO(whole)
    if kind == "rc4":
        sealed = DocumentRC4.decrypt(password, salt, stream, blocksize=1024).read()
    else:
        sealed = DocumentRC4CryptoAPI.decrypt(password, salt, 128, stream, blocksize=1024).read()
    out, at = bytearray(whole), len(head)
    while at < len(whole):
        size = struct.unpack_from("<H", whole, at + 2)[0]
        out[at + 4 : at + 4 + size] = sealed[at + 4 : at + 4 + size]
        at += 4 + size
    return compound_file(Storage({"Workbook": head + bytes(out[len(head) :])}))


_STATED = "解凍パスワード：Tky-2026"
LOCKED_OFFICE: dict[str, bytes] = {
    "B46 xlsx": mail("a.xlsx", agile(document("xl/sharedStrings.xml"), BUILT_IN)),
    "B46 xlsx of 2010": mail("a.xlsx", agile(document("xl/sharedStrings.xml"), BUILT_IN, "sha1", 128)),
    "B46 xlsx of 2007": mail("a.xlsx", standard(document("xl/sharedStrings.xml"), BUILT_IN)),
    "B46 xls": mail("a.xls", workbook(BUILT_IN, "rc4")),
    "B46 xls with CryptoAPI": mail("a.xls", workbook(BUILT_IN, "cryptoapi")),
    "B37 docx": mail("a.docx", agile(document(), "Tky-2026"), _STATED),
    "B37 docx of 2010": mail("a.docx", agile(document(), "Tky-2026", "sha1", 128), _STATED),
    "B37 docx with SHA-256": mail("a.docx", agile(document(), "Tky-2026", "sha256", 256), _STATED),
    "B37 docx of 2007": mail("a.docx", standard(document(), "Tky-2026"), _STATED),
    "B37 pptx": mail("a.pptx", agile(document("ppt/slides/slide1.xml"), "Tky-2026"), _STATED),
    "B37 xls": mail("a.xls", workbook("Tky-2026", "rc4"), _STATED),
    "B37 xls with CryptoAPI": mail("a.xls", workbook("Tky-2026", "cryptoapi"), _STATED),
    "B37 docx with a Japanese password": mail("a.docx", agile(document(), "東京2026"), "パスワード：「東京2026」"),
    "B37 docx with a wide password": mail("a.docx", agile(document(), "Ｔｋｙ２０"), "パスワード：Ｔｋｙ２０"),
    "B37 docx with a password in its name": mail("a_pw(Tky-2026).docx", agile(document(), "Tky-2026")),
}
STAYS_LOCKED: dict[str, bytes] = {
    "B37 docx without a password": mail("a.docx", agile(document(), "Tky-2026"), "パスワードは別途お送りします。"),
    "B37 docx with a wrong password": mail("a.docx", agile(document(), "Tky-2026"), "パスワード：Tky-2025"),
    "B37 xls with a wrong password": mail("a.xls", workbook("Tky-2026", "rc4"), "パスワード：Tky-2025"),
}


def case_files() -> dict[str, bytes]:
    """Each mail by the name of its case."""
    cases = {**LOCKED_OFFICE, **STAYS_LOCKED}
    return {re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"): content for name, content in cases.items()}


def write(directory: Path) -> None:
    """Write the case files anew; their expected readings are written by whoever has looked at them."""
    for name, content in case_files().items():
        (directory / f"{name}.eml").write_bytes(content)


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "corpus" / "locked_office")
