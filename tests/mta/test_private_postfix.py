"""The private Postfix instance of the trial gateway and of these tests."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sekisho_milter.postfix import KNOWN_RECIPIENT, STRICT_DOMAIN, PostfixError, PrivatePostfix

pytestmark = pytest.mark.mta
MAIL = b"Subject: a mail\r\n\r\nits text\r\n"


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Poll until the condition holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def send(port: int, recipients: list[str]) -> dict[str, tuple[int, bytes]]:
    """One mail; what was refused for which recipient."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        return client.sendmail("sender@example.net", recipients, MAIL)


def test_mail_for_example_domains_reaches_maildirs(postfix: PrivatePostfix) -> None:
    """Any recipient of the example domains gets a copy with the bytes that were sent behind Postfix's own headers."""
    assert send(postfix.smtp_port, ["a@example.jp", "b@example.com", KNOWN_RECIPIENT]) == {}
    wait_for(lambda: len(postfix.delivered()) == 3)
    (copy,) = postfix.delivered("b@example.com")
    assert copy.read_bytes().endswith(b"\nSubject: a mail\n\nits text\n")
    assert postfix.queue_ids() == []


def test_strict_domain_and_foreign_domains_are_refused(postfix: PrivatePostfix) -> None:
    """An unknown recipient of the strict domain and any foreign domain get 5xx; the others still get the mail."""
    refused = send(postfix.smtp_port, ["a@example.jp", f"nobody@{STRICT_DOMAIN}", "x@example.org"])
    assert {recipient: code for recipient, (code, _) in refused.items()} == {
        f"nobody@{STRICT_DOMAIN}": 550,
        "x@example.org": 554,
    }
    wait_for(lambda: postfix.delivered("a@example.jp"))


def test_without_its_milter_mail_is_refused_for_a_while(postfix_factory: Callable[..., PrivatePostfix]) -> None:
    """With nobody behind the milter socket the first listener answers 4xx; re-injection goes on."""
    instance = postfix_factory()
    instance.start()
    with pytest.raises(smtplib.SMTPException) as refusal:
        send(instance.smtp_port, ["a@example.jp"])
    assert "451" in str(refusal.value)
    assert send(instance.reinject_port, ["a@example.jp"]) == {}
    wait_for(lambda: instance.delivered("a@example.jp"))
    assert len(instance.delivered()) == 1


def test_stop_leaves_nothing_and_start_goes_on(postfix_factory: Callable[..., PrivatePostfix]) -> None:
    """Two instances side by side; one stops, its ports are closed, the other answers; it starts again as it was."""
    one, other = postfix_factory(milter=""), postfix_factory(milter="")
    one.start()
    other.start()
    one.stop()
    with pytest.raises(ConnectionRefusedError):
        send(one.smtp_port, ["a@example.jp"])
    assert send(other.smtp_port, ["a@example.jp"]) == {}
    one.start()
    assert send(one.smtp_port, ["a@example.jp"]) == {}
    wait_for(lambda: one.delivered())


def test_configuration_that_postfix_refuses_is_one_clear_line(postfix_factory: Callable[..., PrivatePostfix]) -> None:
    """A Postfix that cannot start is an error with the words of its log, and nothing is left running."""
    instance = postfix_factory(milter="", main={"queue_directory": "/nonexistent/queue"})
    with pytest.raises(PostfixError, match="nonexistent"):
        instance.start()


def test_the_machines_own_configuration_is_not_touched(postfix: PrivatePostfix) -> None:
    """Configuration, queue and data of the instance lie under its root."""
    main = (postfix.config_dir / "main.cf").read_text(encoding="utf-8")
    places = [line for line in main.splitlines() if line.startswith(("queue_directory", "data_directory"))]
    assert len(places) == 2
    assert all(str(postfix.root) in line for line in places)
    assert not Path("/etc/postfix").samefile(postfix.config_dir)
