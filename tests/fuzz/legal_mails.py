"""Legal mails about given files: for hypothesis, every way that RFC 2045, 2046, 2047 and 2231 leave open is drawn."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from hashlib import sha256
from urllib.parse import quote_from_bytes

from hypothesis import strategies as st

# Not "=?": with it a boundary may be an encoded word, which is one to some programs (catalogue B6).
_BOUNDARY = st.text("0123456789abcXYZ'()+_,-./:?", max_size=40)
_COMMENTS = st.sampled_from(["", " (a comment)", " (one (in) one)"])
_OUTSIDE = st.sampled_from(["", "This is a message in MIME format.", "--", "text\n\ntext"])


@dataclass(frozen=True)
class File:
    """What is sent: content, and a name or "" for a text."""

    content: bytes
    name: str = ""

    @property
    def is_text(self) -> bool:
        return not self.name


@dataclass(frozen=True)
class Mail:
    """A mail's bytes; the hash of each file as this mail carries it, in the order of the files. Of a text the line ends
    are the mail's, where its encoding leaves them to the mail."""

    content: bytes
    hashes: tuple[str, ...]


@st.composite
def mails(draw: st.DrawFn, files: Sequence[File], max_depth: int = 4) -> Mail:
    """One mail that carries all files, each in a leaf of its own, in this order."""
    return _Writer(draw, max_depth).mail(files)


class _Writer:
    def __init__(self, draw: st.DrawFn, max_depth: int) -> None:
        self._draw = draw
        self._max_depth = max_depth
        self._end = draw(st.sampled_from([b"\n", b"\r\n"]))
        self._boundaries = 0
        self._hashes: list[str] = []

    def mail(self, files: Sequence[File]) -> Mail:
        fields = [
            self._field("From", "a@example.jp"),
            self._field("Subject", "test"),
            self._field("MIME-Version", "1.0"),
        ]
        head, body = self._entity(list(files), 0)
        fields = self._draw(st.permutations(fields + head))
        return Mail(self._end.join([*fields, b"", body]), tuple(self._hashes))

    def _entity(self, files: list[File], depth: int) -> tuple[list[bytes], bytes]:
        """Field lines and body of the entity that holds the files."""
        deep = depth < self._max_depth
        if len(files) == 1 and not (deep and self._draw(st.integers(0, 3)) == 0):
            return self._leaf(files[0])
        return self._multipart(files, depth)

    def _multipart(self, files: list[File], depth: int) -> tuple[list[bytes], bytes]:
        kind = self._draw(st.sampled_from(["multipart/mixed", "multipart/alternative", "multipart/x-unknown"]))
        boundary = self._boundary()
        delimiter = b"--" + boundary.encode()
        lines = [self._outside()] if self._draw(st.booleans()) else []
        for group in self._groups(files, depth):
            head, body = self._entity(group, depth + 1)
            padding = self._draw(st.sampled_from([b"", b" ", b" \t"]))
            lines += [delimiter + padding, *self._draw(st.permutations(head)), b"", body]
        lines.append(delimiter + b"--")
        lines += [self._outside()] if self._draw(st.booleans()) else [b""]
        encoding = self._draw(st.sampled_from(["", "7bit", "8bit", "BINARY"]))
        fields = [self._field("Content-Type", kind, [f'boundary="{boundary}"'])]
        fields += [self._field("Content-Transfer-Encoding", encoding)] if encoding else []
        return fields, self._end.join(lines)

    def _groups(self, files: list[File], depth: int) -> list[list[File]]:
        """The files by part: each alone, or some together one level deeper."""
        if depth + 1 >= self._max_depth or len(files) < 2:
            return [[one] for one in files]
        cut = self._draw(st.integers(1, len(files) - 1))
        return [files[:cut], files[cut:]] if self._draw(st.booleans()) else [[one] for one in files]

    def _leaf(self, file: File) -> tuple[list[bytes], bytes]:
        encoding, body, carried = self._encoded(file)
        self._hashes.append(sha256(carried).hexdigest())
        kind = "text/plain" if file.is_text else "application/octet-stream"
        fields = [self._field("Content-Type", kind, ["charset=utf-8"] if file.is_text else self._name("name", file))]
        fields += [self._field("Content-Transfer-Encoding", encoding)] if encoding else []
        if not file.is_text:
            fields.append(self._field("Content-Disposition", "attachment", self._name("filename", file)))
        return fields, body

    def _encoded(self, file: File) -> tuple[str, bytes, bytes]:
        """Name of the encoding, the body in it, and the bytes that a reader of the body gets."""
        with_ends = file.content.replace(b"\n", self._end) if file.is_text else file.content
        plain = ["", "8bit", "binary"] if file.is_text else ["binary"]
        encoding = self._draw(st.sampled_from(["base64", "quoted-printable", *plain]))
        if encoding == "base64":
            return self._cased(encoding), self._base64(file.content), file.content
        if encoding == "quoted-printable":
            return self._cased(encoding), self._quoted_printable(with_ends, file.is_text), with_ends
        return self._cased(encoding), with_ends, with_ends

    def _base64(self, content: bytes) -> bytes:
        packed, width = base64.b64encode(content), self._draw(st.integers(4, 76))
        return self._end.join(packed[at : at + width] for at in range(0, len(packed), width))

    def _quoted_printable(self, content: bytes, is_text: bool) -> bytes:
        """RFC 2045 section 6.7; the line ends of a text stay line ends, those of other files are bytes like others."""
        lines = content.split(self._end) if is_text else [content]
        return self._end.join(self._soft_broken(line) for line in lines)

    def _soft_broken(self, line: bytes) -> bytes:
        width, more = self._draw(st.integers(4, 76)), self._draw(st.sampled_from([b"", b"e", bytes(range(256))]))
        out, used = [], 0
        for at, byte in enumerate(line):
            literal = 33 <= byte <= 126 and byte != 61 and byte not in more
            literal |= byte in b" \t" and at + 1 < len(line) and byte not in more
            piece = bytes([byte]) if literal else b"=%02X" % byte
            if used + len(piece) > width - 1:
                out.append(b"=" + self._end)
                used = 0
            out.append(piece)
            used += len(piece)
        return b"".join(out)

    def _name(self, parameter: str, file: File) -> list[str]:
        """The parameters that give the name: RFC 2231 whole or in sections, or RFC 2047 as all programs send it."""
        raw = file.name.encode()
        form = self._draw(st.sampled_from(["2231", "sections", "2047"]))
        if form == "2231":
            return [f"{parameter}*=utf-8''{quote_from_bytes(raw, safe='')}"]
        if form == "2047":
            return [f'{parameter}="{Header(file.name, "utf-8", maxlinelen=1000).encode()}"']
        cut = self._draw(st.integers(0, len(raw)))
        sections = [f"*0*=utf-8''{quote_from_bytes(raw[:cut], safe='')}", f"*1*={quote_from_bytes(raw[cut:], safe='')}"]
        return [f"{parameter}{one}" for one in self._draw(st.permutations(sections))]

    def _field(self, name: str, value: str, parameters: Sequence[str] = ()) -> bytes:
        """A field with its name in any case, comments where tokens end, and folds where spaces stand."""
        comment = self._draw(_COMMENTS) if name.startswith("Content-") else ""
        line = self._cased(value) + comment if parameters else value + comment
        if parameters:
            line += "".join(f"; {one}" for one in [*self._draw(st.sampled_from([(), ("x-a=b",)])), *parameters])
        head, *rest = f"{self._cased(name)}: {line}".encode().split(b"; ")
        fold = self._draw(st.sampled_from([b" ", self._end + b" ", self._end + b"\t"]))
        return (b";" + fold).join([head, *rest])

    def _cased(self, word: str) -> str:
        return self._draw(st.sampled_from([word, word.upper(), word.lower()]))

    def _boundary(self) -> str:
        self._boundaries += 1
        # Beginning with its number no boundary is the beginning of another one.
        return f"{self._boundaries:02}={self._draw(_BOUNDARY).lstrip('?')}"

    def _outside(self) -> bytes:
        return self._draw(_OUTSIDE).encode().replace(b"\n", self._end)
