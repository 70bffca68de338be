"""A locked mail and the mail with its password, through the whole gateway, in either order."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pyzipper
from harness import RealMilter, until
from sekisho_core import database, settings
from sekisho_milter.gateway import Gateway
from sekisho_milter.samples import LISTED_URL
from sekisho_quarantine.records import Filter, listed, load
from sekisho_quarantine.show import as_json, document
from sekisho_quarantine.tables import waits as wait_table
from sqlalchemy import Connection, update

pytestmark = pytest.mark.mta
ALICE, MALLORY, BOB = "alice@partner.example", "mallory@other.example", "bob@example.jp"
GOOD, BAD = b"minutes of the meeting\n", LISTED_URL.encode() + b"\n"
NUMBERS = itertools.count()


def tables(wait: float = 60.0, **policy: Any) -> dict[str, dict[str, Any]]:
    """Settings under which a locked mail is held."""
    held = {"incomplete": {"locked": "hold"}, "locked_wait": wait}
    return {"policy": held | policy, "inspection": {"workers": 1}, "milter": {"processes": 2}}


@pytest.fixture(scope="module")
def running(needs_postfix: None) -> Iterator[Gateway]:
    """One gateway for the tests that leave it as it was; each has senders and recipients of its own."""
    root = Path(tempfile.mkdtemp(prefix="sekisho-pairing-"))
    root.chmod(0o755)
    with Gateway(root, tables()) as made:
        yield made
    shutil.rmtree(root)


def fresh(address: str) -> str:
    """The address with a number that no other test has."""
    name, _, domain = address.partition("@")
    return f"{name}{next(NUMBERS)}@{domain}"


def locked(password: str, inner: bytes) -> bytes:
    """A ZIP with one file under AES."""
    packed = io.BytesIO()
    with pyzipper.AESZipFile(packed, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        archive.writestr("minutes.txt", inner)
    return packed.getvalue()


def message(sender: str, to: str, text: str, attachment: bytes = b"", subject: str = "資料の件") -> bytes:
    """A mail with CRLF line ends and, if given, a ZIP."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Message-ID"], mail["Date"] = f"<{next(NUMBERS)}@partner.example>", "Mon, 1 Jan 2024 00:00:00 +0900"
    mail.set_content(text)
    if attachment:
        mail.add_attachment(attachment, maintype="application", subtype="zip", filename="minutes.zip")
    return mail.as_bytes().replace(b"\n", b"\r\n")


def notice(sender: str, to: str, password: str) -> bytes:
    """The mail that states a password."""
    return message(
        sender, to, f"先ほどお送りした添付ファイルのパスワードは以下の通りです。\n\nパスワード: {password}\n"
    )


def send(gateway: Gateway, sender: str, to: str, content: bytes) -> None:
    """One mail in a connection of its own."""
    with gateway.postfix.smtp() as client:
        client.sendmail(sender, [to], content)


def copies(gateway: Gateway, to: str, content: bytes) -> list[bytes]:
    """The delivered copies of a mail, found by its Message-ID."""
    mark = next(line for line in content.splitlines() if line.startswith(b"Message-ID"))
    return [text for text in (file.read_bytes() for file in gateway.postfix.delivered(to)) if mark in text]


def records(gateway: Gateway, to: str) -> list[dict[str, Any]]:
    """The records of a recipient with everything about them, as the commands tell it; read here, for a command takes
    the better part of a second."""
    with connect(gateway) as connection:
        found = listed(connection, Filter(recipient=to))
        shown = [document(load(connection, one["id"])) for one in found]
    plain = json.loads(
        as_json([more | {"held_until": one["held_until"]} for one, more in zip(found, shown, strict=True)])
    )
    assert isinstance(plain, list)
    return plain


def connect(gateway: Gateway) -> Connection:
    """A connection to the gateway's database."""
    return database.connect(settings.load(gateway.config).of(settings.Database)).connect()


def only_record(gateway: Gateway, to: str) -> dict[str, Any]:
    """The one record of a recipient."""
    (found,) = records(gateway, to)
    return found


def ended(gateway: Gateway, to: str, state: str) -> bool:
    """Whether the wait of a recipient's copy ended so."""
    return [[wait["state"] for wait in one["waits"]] for one in records(gateway, to)] == [[state]]


def waits(gateway: Gateway, to: str) -> bool:
    """Whether one mail of a recipient waits."""
    return ended(gateway, to, "waiting")


def restart(gateway: Gateway) -> None:
    """A new milter in place of the running one, which serves when this returns."""
    served = gateway.log("milter").count(" serving ")
    gateway.start_service("milter", gateway.postfix.milter_socket)
    until(lambda: gateway.log("milter").count(" serving ") > served, "the new milter serves")


def assert_delivered_once(gateway: Gateway, to: str, content: bytes) -> None:
    """The mail comes with the bytes that were sent, beside our headers where the MTA delivers it at once, and once."""
    until(lambda: copies(gateway, to, content), "the delivery", 60.0)
    until(lambda: not gateway.postfix.queue_ids(), "an empty queue")
    (copy,) = copies(gateway, to, content)
    plain = b"".join(line for line in copy.splitlines(keepends=True) if not line.startswith(b"X-Sekisho-"))
    assert plain.endswith(content.replace(b"\r\n", b"\n"))


def test_the_password_comes_after(running: Gateway) -> None:
    """A locked mail waits, is not delivered, and is listed with its deadline; with the password mail it is opened,
    found good and delivered by itself, once and as it was sent."""
    alice, bob = fresh(ALICE), fresh(BOB)
    content = message(alice, bob, "see attached", locked("Kasumi#2012", GOOD))
    send(running, alice, bob, content)
    found = only_record(running, bob)
    assert (found["action"], found["state"], found["recipients"][0]["state"]) == ("hold", "kept", "kept")
    assert found["held_until"] and copies(running, bob, content) == []
    assert [one["id"] for one in running.quarantined(bob) if one["held_until"]] == [found["id"]]
    password = notice(alice, bob, "Kasumi#2012")
    send(running, alice, bob, password)
    assert_delivered_once(running, bob, content)
    assert len(copies(running, bob, password)) == 1
    after = only_record(running, bob)
    assert (after["state"], after["action"], after["held_until"]) == ("released", "accept", None)
    assert [part["state"] for part in after["parts"] if "minutes.zip" in part["names"]] == ["opened"]


def test_the_password_comes_before(running: Gateway) -> None:
    """A locked mail whose password came first is opened at once and delivered by the MTA, with no record."""
    alice, bob = fresh(ALICE), fresh(BOB)
    send(running, alice, bob, notice(alice, bob, "Kasumi#2012"))
    content = message(alice, bob, "see attached", locked("Kasumi#2012", GOOD))
    send(running, alice, bob, content)
    until(lambda: copies(running, bob, content), "the delivery")
    assert records(running, bob) == []


@pytest.mark.parametrize("order", ["after", "before"])
def test_what_is_opened_is_judged_as_any_other(running: Gateway, order: str) -> None:
    """A listed URL in the locked file: the mail is kept whether its password comes after it or came before, and its
    record says what was found."""
    alice, bob = fresh(ALICE), fresh(BOB)
    content, password = (
        message(alice, bob, "see attached", locked("Kasumi#2012", BAD)),
        notice(alice, bob, "Kasumi#2012"),
    )
    for one in (content, password) if order == "after" else (password, content):
        send(running, alice, bob, one)
    until(lambda: [one["action"] for one in records(running, bob)] == ["quarantine"], "the verdict")
    found = only_record(running, bob)
    assert found["state"] == "kept" and any(reason["kind"] == "indicator" for reason in found["reasons"])
    assert [one["state"] for one in found["waits"]] == (["quarantined"] if order == "after" else [])
    assert copies(running, bob, content) == [] and len(copies(running, bob, password)) == 1


def test_two_senders_at_once(running: Gateway) -> None:
    """Two senders, each with a locked mail to the same recipient, and a third mail to another: each password opens its
    own mail, whichever comes first, and nothing of the stranger's."""
    alice, carol, bob, dave = fresh(ALICE), fresh(MALLORY), fresh(BOB), fresh(BOB)
    first = message(alice, bob, "see attached", locked("Kasumi#2012", GOOD))
    second = message(carol, bob, "see attached", locked("Sakura#2013", GOOD))
    third = message(carol, dave, "see attached", locked("Kasumi#2012", GOOD))
    for sender, to, content in ((alice, bob, first), (carol, bob, second), (carol, dave, third)):
        send(running, sender, to, content)
    send(running, alice, bob, notice(alice, bob, "Kasumi#2012"))
    assert_delivered_once(running, bob, first)
    assert copies(running, bob, second) == [] and waits(running, dave)
    send(running, carol, bob, notice(carol, bob, "Sakura#2013"))
    assert_delivered_once(running, bob, second)
    assert waits(running, dave)


def test_a_wrong_password_and_the_right_one_later(running: Gateway) -> None:
    """A password that does not open leaves the mail waiting; the right one still opens it."""
    alice, bob = fresh(ALICE), fresh(BOB)
    content = message(alice, bob, "see attached", locked("Kasumi#2012", GOOD))
    send(running, alice, bob, content)
    send(running, alice, bob, notice(alice, bob, "Tsubaki#1999"))
    time.sleep(2.0)
    assert waits(running, bob) and copies(running, bob, content) == []
    send(running, alice, bob, notice(alice, bob, "Kasumi#2012"))
    assert_delivered_once(running, bob, content)


@pytest.mark.parametrize("ending", ["polite", "kill"])
@pytest.mark.parametrize("order", ["after", "before"])
def test_a_restart_in_between(running: Gateway, order: str, ending: str) -> None:
    """The milter is stopped, or killed with all its processes, between the two mails: nothing is forgotten, in either
    order."""
    alice, bob = fresh(ALICE), fresh(BOB)
    content, password = (
        message(alice, bob, "see attached", locked("Kasumi#2012", GOOD)),
        notice(alice, bob, "Kasumi#2012"),
    )
    first, second = (content, password) if order == "after" else (password, content)
    send(running, alice, bob, first)
    if ending == "kill":
        os.killpg(running.pid("milter"), signal.SIGKILL)
    restart(running)
    send(running, alice, bob, second)
    assert_delivered_once(running, bob, content)


def test_a_killed_keeper(running: Gateway) -> None:
    """The keeper is killed while a mail waits: the parent starts another one, which opens the mail."""
    alice, bob = fresh(ALICE), fresh(BOB)
    content = message(alice, bob, "see attached", locked("Kasumi#2012", GOOD))
    send(running, alice, bob, content)
    for child in attendants(running):
        os.kill(child, signal.SIGKILL)
    until(lambda: "attendant-died which=keeper" in running.log("milter"), "the death is noticed")
    send(running, alice, bob, notice(alice, bob, "Kasumi#2012"))
    assert_delivered_once(running, bob, content)


def attendants(gateway: Gateway) -> set[int]:
    """The process ids of the attendants."""
    milter = RealMilter(gateway)
    children = Path(f"/proc/{milter.pid}/task/{milter.pid}/children").read_text().split()
    return {int(child) for child in children} - set(milter.filters())


def test_a_retry_of_the_mta(running: Gateway) -> None:
    """The sender did not hear our answer and sends once more: the mail that waits joins its record and keeps its time;
    after it was opened and delivered, one more try is not delivered a second time."""
    alice, bob = fresh(ALICE), fresh(BOB)
    content = message(alice, bob, "see attached", locked("Kasumi#2012", GOOD))
    send(running, alice, bob, content)
    before = only_record(running, bob)
    send(running, alice, bob, content)
    again = only_record(running, bob)
    assert again["retries"] == 1 and again["held_until"] == before["held_until"]
    send(running, alice, bob, notice(alice, bob, "Kasumi#2012"))
    assert_delivered_once(running, bob, content)
    send(running, alice, bob, content)
    assert_delivered_once(running, bob, content)
    assert only_record(running, bob)["state"] == "released"


def test_nothing_tells_a_password(running: Gateway) -> None:
    """A password stands neither in the logs nor in the database, nor in what the commands show; only in the mails."""
    secret = "Himitsu#777"
    alice, bob = fresh(ALICE), fresh(BOB)
    send(running, alice, bob, notice(alice, bob, secret))
    content = message(alice, bob, "see attached", locked(secret, BAD))
    send(running, alice, bob, content)
    shown = running.command("quarantine", "show", "--json", running.quarantined(bob)[0]["id"])
    texts = [running.log("milter").encode(), running.log("inspection").encode(), shown.encode()]
    texts += [file.read_bytes() for file in running.root.glob("sekisho.sqlite*")]
    assert not [text for text in texts if secret.encode() in text]
    assert (running.root / "seal").stat().st_mode & 0o777 == 0o600


def test_when_the_time_is_over(gateway_factory: Callable[..., Gateway]) -> None:
    """No password comes, or a wrong one: the mail is kept, or let go where policy says so, each by itself. Where the
    milter was dead at that time, its next start makes up for it."""
    lax = {"recipients": ["lax@example.jp"], "locked_expired": "accept"}
    gateway = gateway_factory(tables(overrides=[lax]))
    gateway.start()
    content = {to: message(ALICE, to, "see attached", locked("Kasumi#2012", GOOD)) for to in (BOB, "lax@example.jp")}
    for to, one in content.items():
        send(gateway, ALICE, to, one)
    send(gateway, ALICE, BOB, notice(ALICE, BOB, "Tsubaki#1999"))
    os.killpg(gateway.pid("milter"), signal.SIGKILL)
    with connect(gateway) as connection:
        connection.execute(update(wait_table).values(until=datetime.now(UTC)))
        connection.commit()
    assert waits(gateway, BOB)
    restart(gateway)
    until(lambda: ended(gateway, BOB, "expired"), "the end of the time")
    assert_delivered_once(gateway, "lax@example.jp", content["lax@example.jp"])
    assert only_record(gateway, BOB)["action"] == "quarantine" and copies(gateway, BOB, content[BOB]) == []
    assert "outcome=expired" in gateway.log("milter") and "outcome=released-locked" in gateway.log("milter")


def test_no_room_to_wait_and_no_seal(gateway_factory: Callable[..., Gateway]) -> None:
    """With room for one mail that waits, the next one's time is over at once; with the key in memory alone a password
    is found by every process while the milter runs, and lost when it ends."""
    gateway = gateway_factory(tables(30.0) | {"quarantine": {"wait_limit": 1, "seal_file": ""}})
    gateway.start()
    alice, bob, carol = fresh(ALICE), fresh(BOB), fresh(BOB)
    content = message(alice, bob, "see attached", locked("Kasumi#2012", GOOD))
    send(gateway, alice, bob, content)
    send(gateway, MALLORY, carol, message(MALLORY, carol, "see attached", locked("x", GOOD)))
    until(lambda: ended(gateway, carol, "expired"), "the end of the second")
    send(gateway, alice, bob, notice(alice, bob, "Kasumi#2012"))
    assert_delivered_once(gateway, bob, content)
    restart(gateway)
    late = message(alice, bob, "see attached", locked("Kasumi#2012", GOOD))
    send(gateway, alice, bob, late)
    assert [bool(one["held_until"]) for one in records(gateway, bob)] == [True, False]
