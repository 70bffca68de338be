"""Samples for testing rules: the mails and files of folders, and what `expected.toml` beside them says must hit."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
from sekisho_core.errors import SekishoError
from sekisho_core.vocabulary import Envelope

from sekisho_rules.mail_files import MailFile

EXPECTED = "expected.toml"
_SIDE = (".envelope.json",)


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What rules do with some samples, by patterns over the names of rules: those that must hit, those that may, and
    those that must not although `may` names them. Whatever is not named must not hit."""

    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()

    def merged(self, other: Expected) -> Expected:
        """What both say."""
        return Expected(self.must + other.must, self.may + other.may, self.must_not + other.must_not)

    def allows(self, names: Iterable[str]) -> bool:
        """Whether a rule that bears these names may hit."""
        known = tuple(names)
        if any(_meets(known, pattern) for pattern in self.must):
            return True
        return any(_meets(known, one) for one in self.may) and not any(_meets(known, one) for one in self.must_not)

    def unmet(self, hits: Iterable[Iterable[str]]) -> list[str]:
        """The patterns of `must` that none of the hits meets; each hit is the names that a rule bears."""
        found = [tuple(names) for names in hits]
        return [pattern for pattern in self.must if not any(_meets(names, pattern) for names in found)]


@dataclass(frozen=True)
class Sample:
    """One file: the path to show, where it is, and what is expected of it."""

    path: str
    file: Path
    expected: Expected = field(default_factory=Expected)

    def mail(self) -> bytes:
        """The mail that is scanned: the file itself when it ends in .eml, else one that it is attached to. Raises
        OSError."""
        content = self.file.read_bytes()
        return content if self.file.suffix.lower() == ".eml" else _attached(self.file.name, content)

    def envelope(self) -> Envelope:
        """The envelope beside a mail. Raises SekishoError."""
        return MailFile(self.path, self.file).envelope_beside()


def find_samples(path: Path) -> Iterator[Sample]:
    """The samples at a path: a file, or all files of a folder and of those in it, in the order of their names.

    Raises SekishoError for what cannot be read, and for an `expected.toml` that is wrong, naming it and the fault.
    """
    if not path.exists():
        raise SekishoError(f"{path}: no such file or folder")
    try:
        yield from _folder(path) if path.is_dir() else [_sample(path, _expectations(path.parent))]
    except OSError as error:
        raise SekishoError(f"{path}: {error.strerror}") from error


def patterns_of(samples: Iterable[Sample]) -> set[str]:
    """Every pattern over names of rules that the samples' expectations have."""
    lists = ((one.expected.must, one.expected.may, one.expected.must_not) for one in samples)
    return {pattern for three in lists for patterns in three for pattern in patterns}


def meets_any(names: Iterable[str], pattern: str) -> bool:
    """Whether a rule that bears these names is meant by a pattern."""
    return _meets(tuple(names), pattern)


def _folder(path: Path) -> Iterator[Sample]:
    expectations = _expectations(path)
    used: set[str] = set()
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(".") or entry.name == EXPECTED or entry.name.endswith(_SIDE):
            continue
        if entry.is_dir():
            # A link to a folder could lead in a circle.
            yield from () if entry.is_symlink() else _folder(entry)
        elif entry.is_file():
            used |= {name for name in expectations if fnmatchcase(entry.name, name)}
            yield _sample(entry, expectations)
    if unused := sorted(expectations.keys() - used):
        raise SekishoError(f"{path / EXPECTED}: no file here is called {unused[0]}")


def _sample(file: Path, expectations: dict[str, Expected]) -> Sample:
    expected = Expected()
    for name, one in expectations.items():
        if fnmatchcase(file.name, name):
            expected = expected.merged(one)
    return Sample(str(file), file, expected)


def _expectations(folder: Path) -> dict[str, Expected]:
    path = folder / EXPECTED
    if not path.exists():
        return {}
    try:
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _expectation(path, name, table) for name, table in stated.items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SekishoError(f"{path}: {error}") from error


def _expectation(path: Path, name: str, table: object) -> Expected:
    try:
        expected = msgspec.convert(table, Expected)
    except msgspec.ValidationError as error:
        hint = f' (a name with a dot is quoted: ["{name}.…"])' if "unknown field" in str(error) else ""
        raise SekishoError(f"{path}: [{name}]: {error}{hint}") from error
    if both := sorted(set(expected.must) & set(expected.must_not)):
        raise SekishoError(f"{path}: [{name}]: {both[0]} in must and in must_not")
    return expected


def _meets(names: tuple[str, ...], pattern: str) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for name in names)


def _attached(name: str, content: bytes) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "sample@example.jp", "recipient@example.jp", "sample"
    mail.set_content("A sample.")
    mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes(policy=SMTP)
