import mailbox
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.errors import SekishoError
from sekisho_core.files import Spool
from sekisho_core.vocabulary import DkimResult, Envelope
from sekisho_rules.mail_files import Fault, MailFile, mail_file, mail_files, read_envelope


def content(found: MailFile | Fault) -> bytes:
    """The bytes that are handed to inspection."""
    assert isinstance(found, MailFile)
    with Spool(found.file.parent, 1 << 20) as spool:
        found.spool_into(spool)
        return spool.content().read()


def put(path: Path, data: bytes = b"Subject: x\n\nbody\n") -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_folder(tmp_path: Path) -> None:
    """A folder's mails come in the order of their names, with those of its folders; envelopes and hidden files do
    not."""
    for name in ("b.eml", "a/c.eml", "a/c.envelope.json", ".hidden", ".git/x", "z"):
        put(tmp_path / name)
    (tmp_path / "circle").symlink_to(tmp_path)
    found = [one.path.removeprefix(f"{tmp_path}/") for one in mail_files(tmp_path)]
    assert found == ["a/c.eml", "b.eml", "z"]


def test_maildir(tmp_path: Path) -> None:
    """Of a Maildir, what is delivered counts, in its sub-folders too, and what is being delivered does not."""
    box = mailbox.Maildir(tmp_path / "box", create=True)
    box.add(b"Subject: one\n\n")
    box.add_folder("Archive").add(b"Subject: two\n\n")
    put(tmp_path / "box" / "tmp" / "unfinished")
    put(tmp_path / "box" / "cur" / "seen:2,S")
    assert sorted(content(one).splitlines()[0] for one in mail_files(tmp_path / "box")) == [
        b"Subject: one", b"Subject: two", b"Subject: x",
    ]  # fmt: skip


MBOX = (
    b"From a@example.net Sun Apr  1 00:00:00 2012\nSubject: 1\n\nbody\nFrom here on, no new mail\n>From neither\n\n"
    b"From b@example.net Sun Apr  1 00:00:01 2012\r\nSubject: 2\r\n\r\nbody\r\n\r\n"
    b"From c@example.net Sun Apr  1 00:00:02 2012\nSubject: 3\n\nno end"
)


def test_mbox(tmp_path: Path) -> None:
    """An mbox is split at "From " lines after empty lines; each mail's bytes are as they stand there."""
    found = list(mail_files(put(tmp_path / "box", MBOX)))
    assert [one.path.rpartition("/")[2] for one in found] == ["box#1", "box#2", "box#3"]
    assert [content(one) for one in found] == [
        b"Subject: 1\n\nbody\nFrom here on, no new mail\n>From neither\n",
        b"Subject: 2\r\n\r\nbody\r\n",
        b"Subject: 3\n\nno end",
    ]


@given(st.lists(st.text(alphabet="aF>\n", max_size=30).map(lambda text: f"S: x\n\n{text}".encode()), min_size=1))
def test_mbox_gives_back_what_was_put_in(tmp_path_factory: pytest.TempPathFactory, mails: list[bytes]) -> None:
    """Mails that were written to an mbox come back byte for byte."""
    path = tmp_path_factory.mktemp("mbox") / "box"
    path.write_bytes(b"".join(b"From x Sun Apr  1 00:00:00 2012\n" + mail + b"\n\n" for mail in mails))
    assert [content(one) for one in mail_files(path)] == [mail + b"\n" for mail in mails]


def test_long_lines_of_an_mbox(tmp_path: Path) -> None:
    """A31: lines longer than a step of reading are no new mail, whatever stands at the step's end."""
    long = b"x" * (1 << 20) + b"From inside\n"
    data = b"From x\nSubject: 1\n\n" + long + b"\nFrom y" + b"y" * (2 << 20) + b"\nSubject: 2\n\n"
    first, second = mail_files(put(tmp_path / "box", data))
    assert content(first) == b"Subject: 1\n\n" + long
    assert content(second) == b"Subject: 2\n\n"[:-1]


def test_what_is_no_mail(tmp_path: Path) -> None:
    """A path that is not there, or is neither file nor folder, is a fault with its reason."""
    assert list(mail_files(tmp_path / "missing")) == [Fault(str(tmp_path / "missing"), "no such file or folder")]
    assert list(mail_files(Path("/dev/null"))) == [Fault("/dev/null", "neither a file nor a folder")]


def test_envelope_beside(tmp_path: Path) -> None:
    """An envelope beside a mail serves that mail; a mail without one has an empty envelope."""
    put(tmp_path / "a.envelope.json", b'{"mail_from": "x@example.net", "rcpt_to": ["y@example.jp"]}')
    put(tmp_path / "plain.envelope.json", b'{"helo": "mx.example.net"}')
    found = {
        one.path.rpartition("/")[2]: one
        for name in ["a.eml", "b.eml", "plain"]
        for one in mail_files(put(tmp_path / name))
    }
    envelopes = {name: one.envelope_beside() for name, one in found.items() if isinstance(one, MailFile)}
    assert envelopes["a.eml"] == Envelope(mail_from="x@example.net", rcpt_to=("y@example.jp",))
    assert envelopes["b.eml"] == Envelope()
    assert envelopes["plain"].helo == "mx.example.net"


def test_envelope_with_authentication(tmp_path: Path) -> None:
    """The envelope's form is that of the contract, authentication results included."""
    path = put(
        tmp_path / "e.json",
        b'{"client_ip": "192.0.2.1", "client_name": "x", "helo": "h", "mail_from": "", "rcpt_to": [], "auth": '
        b'{"spf": "pass", "dkim": [{"d": "example.jp", "result": "fail"}], "dmarc": "none", "arc": "none"}}',
    )
    auth = read_envelope(path).auth
    assert auth is not None
    assert (auth.spf, auth.dkim, auth.dmarc_policy) == ("pass", (DkimResult("example.jp", "fail"),), None)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"rcpt": []}', b'{"rcpt_to": "x"}', b"\xff", b'{"auth": {"dkim": [1]}}']
)
def test_what_is_no_envelope(tmp_path: Path, data: bytes) -> None:
    """A file that is no envelope is an error that names it."""
    with pytest.raises(SekishoError, match=r"e\.json: not an envelope"):
        read_envelope(put(tmp_path / "e.json", data))


def test_envelope_that_is_not_there(tmp_path: Path) -> None:
    """An envelope that was named and is not there is an error."""
    with pytest.raises(SekishoError, match="cannot read the envelope"):
        read_envelope(tmp_path / "missing.json")


def test_one_mail(tmp_path: Path) -> None:
    """A file is one mail, whatever it is called; of an mbox a mail is named by its number."""
    box = put(tmp_path / "box", b"From x\nSubject: 1\n\n\nFrom x\nSubject: 2\n\n")
    assert content(mail_file(put(tmp_path / "a#2"))) == b"Subject: x\n\nbody\n"
    assert content(mail_file(tmp_path / "box#2")) == b"Subject: 2\n"
    assert [mail_file(tmp_path / "box#1")] == [one for one in mail_files(box) if one.path.endswith("#1")]
    assert mail_file(put(tmp_path / "single", b"From x\nSubject: x\n\n")).path == f"{tmp_path}/single#1"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (".", "a folder, not one mail"),
        ("box", "several mails; name one, such as .*box#1"),
        ("box#0", "no such mail"),
        ("box#01", "no such mail"),
        ("box#3", "no such mail"),
        ("box#²", "no such file"),
        ("gone", "no such file"),
        ("gone#1", "gone: no such file"),
        ("empty/#1", "no such mail"),
        ("#1", "no such"),
    ],
)
def test_what_is_not_one_mail(tmp_path: Path, name: str, told: str) -> None:
    """A folder, several mails and none are errors that say what to do."""
    put(tmp_path / "box", b"From x\nSubject: 1\n\n\nFrom x\nSubject: 2\n\n")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SekishoError, match=told):
        mail_file(tmp_path / name)
