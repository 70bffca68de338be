"""The cache of files: with it everything is read as without it, and nothing older hides what newer rules find."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pyzipper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sekisho_core.scan import YaraRules, silent
from sekisho_core.vocabulary import Mail, Reading
from sekisho_inspection.client import InspectionClient, private_workers
from sekisho_inspection.file_cache import FileCache
from sekisho_inspection.notes import Left, Notes
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings
from sekisho_inspection.yara_compile import compile_rules
from sekisho_inspection.yara_scan import load_rules

Attach = Callable[..., bytes]
# One case in four: all of them take a minute.
CORPUS = sorted((Path(__file__).parents[1] / "corpus").rglob("*.eml"))[::4]
RULES = """
rule links { strings: $a = "http" condition: $a }
rule places { condition: part == "2" or (part == "3" and encrypted) }
rule names { condition: filename icontains "a" }
"""
BOUND = 1 << 25
# What a Notes holds, and how the cache takes it: kept in facts, counted, compared before and after, or no matter.
IN_FACTS = {"_observables", "_findings", "_incomplete", "_decodings", "_links", "parts", "texts", "queue"}
COUNTED = {"unpacked", "_effort", "slots", "pixels", "codes", "_text_bytes", "_children", "locked"}
COMPARED = {
    "_rounds", "header_bytes", "_asked", "subjects", "date", "texts_read", "known", "explained", "named",
    "pieces", "sender", "volumes",
}  # fmt: skip
# The same for every mail of a worker, of one part alone, or made of what is compared.
NO_MATTER = {"limits", "_keyring", "journal", "_scanner", "_met", "_passwords"}


def zipped(*files: tuple[str, bytes]) -> bytes:
    """An archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def locked(password: str) -> bytes:
    """An archive that a password opens."""
    file = io.BytesIO()
    with pyzipper.AESZipFile(file, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        archive.writestr("secret.txt", "http://inside.example/")
    return file.getvalue()


FILES = {
    "a.zip": zipped(("b.txt", b"see http://c2.malware.example/x"), ("c.zip", zipped(("d.exe", b"MZ")))),
    "b.html": b"<html><a href='http://one.example/'>http://two.example/</a><p hidden>" + b"x" * 100,
    "c.txt": "資料 https://files.example/?q=1".encode("cp932"),
    "d.pdf": b"%PDF-1.4\n1 0 obj << /S /Launch /F (cmd.exe) >> endobj\n",
    "e.ics": b"BEGIN:VCALENDAR\nSUMMARY:http://cal.example/\nEND:VCALENDAR\n",
    "f.bin": bytes(range(256)) * 8,
    "g.zip": zipped(("a.docx", zipped(("word/document.xml", b"<w:t>x</w:t>"), ("[Content_Types].xml", b"<Types/>")))),
    "h.txt": b"begin 644 x.exe\n#0V%T\n`\nend\n",
    "i.eml": b"Subject: inner\r\nFrom: a@example.jp\r\nTo: b@example.jp\r\n\r\nhttp://mail.example/\r\n",
    "j.zip": locked("Kasumi2012"),
}


def test_corpus_reads_the_same(limits: InspectionSettings) -> None:
    """Every case file reads as without a cache, from records of the cases before it and, a second time, of its own."""
    yara = load_rules(compile_rules({"n": RULES})[0])
    plain = {case: read_mail(case.read_bytes(), limits, yara) for case in CORPUS}
    shared = FileCache(BOUND)
    for _ in range(2):
        for case in CORPUS:
            assert read_mail(case.read_bytes(), limits, yara, cache=shared) == plain[case], case.name
    assert shared.hits > 100


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_mails_read_the_same(data: st.DataObject, limits: InspectionSettings, attach: Attach) -> None:
    """Files in any number, order, place and mail, under narrow and wide limits, read as without a cache."""
    changes: dict[str, Any] = {
        "max_parts": data.draw(st.sampled_from([3, 6, 1000])),
        "max_unpacked_bytes": data.draw(st.sampled_from([100, 3000, 1 << 29])),
        "max_text_bytes": data.draw(st.sampled_from([20, 200, 1 << 20])),
        "max_depth": data.draw(st.sampled_from([2, 3, 20])),
    }
    own = msgspec.structs.replace(limits, **changes)
    yara = data.draw(st.sampled_from([None, load_rules(compile_rules({"n": RULES})[0])]))
    cache = FileCache(BOUND)
    for _ in range(3):
        names = data.draw(st.lists(st.sampled_from(sorted(FILES)), max_size=6))
        text = data.draw(st.sampled_from(["plain", "パスワード：Kasumi2012", "http://body.example/"]))
        mail = attach(text, *((name, FILES[name]) for name in names))
        assert read_mail(mail, own, yara, cache=cache) == read_mail(mail, own, yara)


def hits(limits: InspectionSettings, mails: Iterable[bytes], bound: int = BOUND) -> int:
    """How often a file of the mails is answered from a cache."""
    cache = FileCache(bound)
    for mail in mails:
        assert read_mail(mail, limits, None, cache=cache) == read_mail(mail, limits, None)
    return cache.hits


def test_a_file_is_answered_wherever_it_stands(limits: InspectionSettings, attach: Attach) -> None:
    """The same file in another place of another mail is not read again, nor what is in it."""
    first = attach("one", ("a.zip", FILES["a.zip"]))
    second = attach("two", ("other.bin", b"x" * 99), ("a.zip", FILES["a.zip"]), subject="another")
    assert hits(limits, [first, second]) == 4
    renamed = attach("two", ("other name.zip", FILES["a.zip"]))
    # What is inside bears the same names.
    assert hits(limits, [first, renamed]) == 3


def test_a_password_is_tried_in_every_mail(limits: InspectionSettings, attach: Attach) -> None:
    """What a mail's password opens, or does not, says nothing of the next mail."""
    without, with_it = (attach(text, ("j.zip", FILES["j.zip"])) for text in ("x", "パスワード：Kasumi2012"))
    cache = FileCache(BOUND)
    states = [
        read_mail(mail, limits, None, cache=cache).parts[1].state.value for mail in (without, with_it, without, with_it)
    ]
    assert states == ["locked", "opened", "locked", "opened"]


def test_the_cache_is_bounded(limits: InspectionSettings, attach: Attach) -> None:
    """The least used records go first, one file takes a quarter at most, and nothing is kept of none."""
    mails = [attach("x", (f"{number}.pdf", FILES["d.pdf"] + b"%d" % number)) for number in range(100)]
    assert hits(limits, mails * 2) == 100
    assert hits(limits, mails * 2, 50_000) == 0
    assert hits(limits, [mails[0], *mails, mails[0]], 5_000) < 3
    assert hits(limits, mails * 2, 0) == 0
    large = attach("x", ("l.zip", zipped(("l.bin", bytes(100_000)))))
    assert hits(limits, [large, large], 200_000) == 1


def test_newer_rules_are_asked(
    limits: InspectionSettings, mail: Callable[[bytes], Mail], attach: Attach, tmp_path: Path
) -> None:
    """A file that was read under one index is read again under the next: what the newer rules find is not hidden."""
    handed = mail(attach("x", ("a.zip", FILES["a.zip"])))

    def found(client: InspectionClient, serial: int, string: str) -> list[str]:
        path = tmp_path / f"{serial}.yarc"
        if not path.exists():
            path.write_bytes(compile_rules({f"n{serial}": f'rule a {{ strings: $a = "{string}" condition: $a }}'})[0])
        reading = client(handed, YaraRules(path, serial), silent)
        return [item.where for item in reading.findings if item.kind == "yara" and item.where == "part:2.1"]

    with private_workers(limits, 1) as client:
        assert found(client, 1, "nowhere") == []
        assert found(client, 1, "nowhere") == []
        assert found(client, 2, "c2.malware") == ["part:2.1"]
        assert found(client, 2, "c2.malware") == ["part:2.1"]
        assert found(client, 1, "nowhere") == []
        without: Reading = client(handed, None, silent)
        assert [item.where for item in without.findings if item.kind == "yara"] == []


def test_everything_of_the_notes_is_considered(limits: InspectionSettings) -> None:
    """Whoever gives the notes a new field says here how the cache takes it; else a record may leave it out."""
    known = [IN_FACTS, COUNTED, COMPARED, NO_MATTER]
    assert set(vars(Notes(limits))) == set().union(*known)
    assert len(set().union(*known)) == sum(map(len, known))
    assert len(Notes(limits).left()) == len(Left._fields)
