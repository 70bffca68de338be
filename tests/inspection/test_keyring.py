"""Passwords from elsewhere: how they reach a reading, in what order, and how those that a mail states come back."""

from __future__ import annotations

import io
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import pyzipper
from sekisho_core.passwords import MOST, Keys, Passwords
from sekisho_core.scan import silent
from sekisho_core.unlock import Unlocking
from sekisho_core.vocabulary import Envelope, Mail, Reading
from sekisho_inspection import wire
from sekisho_inspection.client import InspectionClient, listed_passwords, private_workers
from sekisho_inspection.keyring import Keyring, may_state_one
from sekisho_inspection.reader import read_mail
from sekisho_inspection.settings import InspectionSettings, PartnerPasswords

Attach = Callable[..., bytes]


def locked(password: str) -> bytes:
    """A ZIP with one file under AES."""
    packed = io.BytesIO()
    with pyzipper.AESZipFile(packed, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        archive.writestr("a.txt", b"inner")
    return packed.getvalue()


def reasons(reading: Reading) -> list[str]:
    """The reasons of its gaps."""
    return [gap.reason for gap in reading.incomplete]


def test_the_order_of_trying() -> None:
    """A person's words, then the mail's own, then those from elsewhere; each once."""
    keys = Keys(Passwords.of(["typed"]), Passwords.of(["other", "own"]))
    assert Keyring(keys).ordered(["own", "typed"]) == ["typed", "own", "other"]


@pytest.mark.parametrize(
    "keys", [Keys(first=Passwords.of(["Kasumi2012"])), Keys(more=Passwords.of(["x", "Kasumi2012"]))]
)
def test_a_given_password_opens(limits: InspectionSettings, attach: Attach, keys: Keys) -> None:
    """A ZIP whose password the mail does not state stays locked without, and opens with a key from elsewhere."""
    content = attach("添付をご覧ください", ("a.zip", locked("Kasumi2012")))
    assert reasons(read_mail(content, limits, None)) == ["locked"]
    reading = read_mail(content, limits, None, Keyring(keys))
    assert reasons(reading) == [] and {part.state for part in reading.parts} >= {"opened"}


@pytest.mark.parametrize(
    ("text", "stated"),
    [("パスワード: Kasumi2012", ("Kasumi2012",)), ("ﾊﾟｽﾜｰﾄﾞ：Kasumi2012", ("Kasumi2012",)), ("会議は明日です", ())],
)
def test_what_a_mail_states(limits: InspectionSettings, attach: Attach, text: str, stated: tuple[str, ...]) -> None:
    """A mail without any lock tells what it states, where that is wanted, and its reading tells nothing of it."""
    keyring = Keyring(Keys(wanted=True))
    reading = read_mail(attach(text), limits, None, keyring)
    assert keyring.stated.words == stated and reading == read_mail(attach(text), limits, None)
    unwanted = Keyring()
    read_mail(attach(text), limits, None, unwanted)
    assert not unwanted.stated


def test_a_long_text_is_no_notice() -> None:
    """Nobody looks for passwords in a text of many pages."""
    assert may_state_one(["パスワード: x"])
    assert not may_state_one(["パスワード: x", "あ" * 70_000])


@pytest.fixture(scope="module")
def client(limits: InspectionSettings) -> Iterator[InspectionClient]:
    """A client of real workers whose settings have listed passwords."""
    partner = PartnerPasswords(("@partner.example",), ("Sakura2013",))
    listed = msgspec.structs.replace(limits, passwords=("Kasumi2012",), partner_passwords=(partner,))
    with private_workers(listed, 1) as found:
        yield found


@pytest.mark.parametrize(
    ("password", "sender", "opens"),
    [
        ("Kasumi2012", "a@any.example", True),
        ("Sakura2013", "a@PARTNER.example", True),
        ("Sakura2013", "a@x.example", False),
    ],
)
def test_listed_passwords(
    client: InspectionClient, limits: InspectionSettings, attach: Attach, mail: Callable[[bytes], Mail],
    password: str, sender: str, opens: bool,
) -> None:  # fmt: skip
    """The organisation's passwords are tried on every locked mail, a partner's on that of their senders alone."""
    partner = PartnerPasswords(("@partner.example",), ("Sakura2013",))
    table = msgspec.structs.replace(limits, passwords=("Kasumi2012",), partner_passwords=(partner,))
    made = mail(attach("x", ("a.zip", locked(password))))
    sent = Mail(made.id, Envelope(mail_from=sender), made.content)
    found = Unlocking(client.examine, [listed_passwords(table)])(sent, None, silent)
    assert reasons(found) == ([] if opens else ["locked"])


def test_partners_come_before_the_organisation(limits: InspectionSettings) -> None:
    """Of many partners that fit at most sixteen words are tried, and the organisation's own still after them."""
    partners = tuple(PartnerPasswords(("@x.example",), (f"p{n}a", f"p{n}b")) for n in range(20))
    table = msgspec.structs.replace(limits, passwords=("own",), partner_passwords=partners)
    found = list(table.passwords_for(["a@x.example"]))
    assert found[:2] == ["p0a", "p0b"] and len(found) == 17 and found[-1] == "own"


def test_the_worker_tells_what_is_stated(
    client: InspectionClient, attach: Attach, mail: Callable[[bytes], Mail]
) -> None:
    """Through the sandbox and back: what a mail states comes beside the reading; as many keys as are allowed fit."""
    many = Passwords.of(f"{n:03d}" + "あ" * 125 for n in range(MOST))
    found = client.examine(mail(attach("パスワード: Kasumi2012")), None, silent, Keys(many, many, wanted=True))
    assert found.stated.words == ("Kasumi2012",) and reasons(found.reading) == []
    assert not client.examine(mail(attach("パスワード: Kasumi2012")), None, silent, Keys()).stated


def test_workers_are_started_without_the_lists(client: InspectionClient) -> None:
    """Listed passwords stand in no command line, and a worker that reads an open mail has none in its settings."""
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sekisho_inspection.service" in shown and "Kasumi2012" not in shown and "Sakura2013" not in shown


def test_settings_without_secrets(limits: InspectionSettings, tmp_path: Path) -> None:
    """What a worker is given holds none of the lists."""
    listed = msgspec.structs.replace(limits, passwords=("Kasumi2012",))
    assert listed.without_secrets() == limits


def test_a_hostile_worker_cannot_state_more() -> None:
    """Too many words, or words that are too long, are no answer of this protocol."""
    for words in (["x"] * (MOST + 1), ["x" * 129], "x"):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            theirs.send(msgspec.msgpack.encode([None, "", False, b"", [words]]))
            with pytest.raises(wire.WireError):
                wire.receive(ours, wire.Answer)
