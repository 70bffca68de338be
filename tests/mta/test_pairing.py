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
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pyzipper
from harness import RealMilter, until
from sekisho_milter.gateway import Gateway
from sekisho_milter.samples import LISTED_URL

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
    return message(sender, to, f"先ほどお送りした添付ファイルのパスワードは以下の通りです。\n\nパスワード: {password}\n")


def send(gateway: Gateway, sender: str, to: str, content: bytes) -> None:
    """One mail in a connection of its own."""
    with gateway.postfix.smtp() as client:
        client.sendmail(sender, [to], content)


def copies(gateway: Gateway, to: str, content: bytes) -> list[bytes]:
    """The delivered copies of a mail, found by its Message-ID."""
    mark = next(line for line in content.splitlines() if line.startswith(b"Message-ID"))
    return [text for text in (file.read_bytes() for file in gateway.postfix.delivered(to)) if mark in text]


def only_record(gateway: Gateway, to: str) -> dict[str, Any]:
    """The one record of a recipient, with everything about it."""
    (found,) = gateway.quarantined(to)
    shown: dict[str, Any] = json.loads(gateway.command("quarantine", "show", "--json", found["id"]))
    return shown | {"held_until": found["held_until"]}


def ended(gateway: Gateway, to: str, state: str) -> bool:
    """Whether the wait of a recipient's copy ended so."""
    return [one["state"] for one in only_record(gateway, to)["waits"]] == [state]


def waits(gateway: Gateway, to: str) -> bool:
    """Whether one mail of a recipient waits."""
    return bool(gateway.quarantined(to)) and ended(gateway, to, "waiting")


def restart(gateway: Gateway) -> None:
    """A new milter in place of the running one."""
    gateway.start_service("milter", gateway.postfix.milter_socket)


def is_delivered_once(gateway: Gateway, to: str, content: bytes) -> None:
    """The mail comes, with the bytes that were sent, and once."""
    until(lambda: copies(gateway, to, content), "the delivery")
    time.sleep(0.5)
    (copy,) = copies(gateway, to, content)
    assert copy.endswith(content.replace(b"\r\n", b"\n"))


def test_the_password_comes_after(running: Gateway) -> None:
    """A locked mail waits, is not delivered, and is listed with its deadline; with the password mail it is opened, found
    good and delivered by itself, once and with its original bytes."""
    alice, bob = fresh(ALICE), fresh(BOB)
    content = message(alice, bob, "see attached", locked("Kasumi#2012", GOOD))
    send(running, alice, bob, content)
    found = only_record(running, bob)
    assert (found["action"], found["state"], found["recipients"][0]["state"]) == ("hold", "kept", "kept")
    assert found["held_until"] and copies(running, bob, content) == []
    password = notice(alice, bob, "Kasumi#2012")
    send(running, alice, bob, password)
    is_delivered_once(running, bob, content)
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
    until(lambda: copies(running, bob, content), "the delivery", 5.0)
    assert running.quarantined(bob) == []
