from __future__ import annotations

import smtplib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sekisho_quarantine.smtp import deliver
from sekisho_quarantine.tables import ReleaseState

Sink = Callable[..., Any]
PIECES = [b".", b"\r", b"\n", b"\r\n", b"\0", b"\xff", b"a", b"\r\n.\r\n", b"\n.\n", b"BDAT 0 LAST\r\n"]


def _send(sink: Any, content: bytes, to: tuple[str, ...] = ("b@example.jp",), sender: str = "a@example.com") -> Any:
    return deliver(("127.0.0.1", sink.port), 5.0, sender, to, content)


@pytest.fixture
def sink(smtp_sink: Sink) -> Any:
    """A server that takes everything."""
    return smtp_sink()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES)).map(b"".join))
def test_any_bytes_arrive_unchanged(sink: Any, content: bytes) -> None:
    """A31, A34: with CHUNKING the MTA gets the original bytes, whatever dots and line ends they have."""
    reply = _send(sink, content)["b@example.jp"]
    assert (reply.state, sink.mails[-1][2]) == (ReleaseState.SENT, content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([b".", b"..", b"\r\n", b"\0", b"\xff", b"a"])).map(lambda p: b"".join([*p, b"\r\n"])))
def test_lines_go_by_data_with_their_dots(sink: Any, content: bytes) -> None:
    """Content of whole CRLF lines goes by DATA and loses or gains no dot."""
    _send(sink, content)
    assert sink.mails[-1][2:] == (content, "DATA")


@pytest.mark.parametrize("content", [b"a\nb\r\n", b"a\rb\r\n", b"x\r\n.\n\r\n"])
def test_what_data_cannot_carry_is_not_sent(smtp_sink: Sink, content: bytes) -> None:
    """Bare CR or LF without CHUNKING: nothing is sent, so nobody can read another mail's end into it."""
    server = smtp_sink(extensions=("8BITMIME",))
    reply = _send(server, content)["b@example.jp"]
    assert (reply.state, server.mails) == (ReleaseState.PENDING, [])
    assert "CHUNKING" in reply.text


def test_a_missing_last_line_end_is_added_for_data(smtp_sink: Sink) -> None:
    """Without CHUNKING SMTP cannot say that the last line has no end; it gets one."""
    server = smtp_sink(extensions=("8BITMIME",))
    _send(server, b"a\r\nb")
    assert server.mails[0][2] == b"a\r\nb\r\n"


def test_envelope_is_the_original_one(sink: Any) -> None:
    """Null sender, 8-bit content and addresses that are not ASCII are said as the extensions ask."""
    _send(sink, "本文\r\n".encode(), to=("受取@example.jp",), sender="")
    mail, to, _, _ = sink.mails[0]
    assert (mail, to) == ("MAIL FROM:<> BODY=8BITMIME SMTPUTF8", ["RCPT TO:<受取@example.jp>"])


@pytest.mark.parametrize(("to", "missing"), [("b@example.jp", "8BITMIME"), ("受取@example.jp", "SMTPUTF8")])
def test_a_server_without_the_extension_gets_nothing(smtp_sink: Sink, to: str, missing: str) -> None:
    """Bytes are never sent where the server did not promise to keep them."""
    server = smtp_sink(extensions=("CHUNKING",) if missing == "8BITMIME" else ("CHUNKING", "8BITMIME"))
    reply = _send(server, b"\xff\r\n", to=(to,))[to]
    assert (reply.state, server.mails) == (ReleaseState.PENDING, [])
    assert missing in reply.text


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ({"": None}, "pending"),
        ({"": "554 go away"}, "pending"),
        ({"EHLO": "421 not now"}, "pending"),
        ({"EHLO": None}, "pending"),
        ({"MAIL": "451 later"}, "pending"),
        ({"MAIL": "550 never"}, "pending"),
        ({"RCPT": "450 later"}, "pending"),
        ({"RCPT": "550 nobody"}, "failed"),
        ({"RCPT": None}, "pending"),
        ({"DATA": "451 later"}, "pending"),
        ({"DATA": None}, "pending"),
        ({".": "451 disk full"}, "pending"),
        ({".": "554 refused"}, "pending"),
        ({".": None}, "uncertain"),
        ({".": "garbage"}, "uncertain"),
        ({".": "299 strange but taken"}, "sent"),
        ({"QUIT": None}, "sent"),
        ({"QUIT": "500 no"}, "sent"),
    ],
)
def test_every_end_of_a_dialogue_has_its_certainty(smtp_sink: Sink, script: dict[str, str | None], state: str) -> None:
    """A34: only what the MTA took is sent, only what it surely did not take may be tried again."""
    reply = _send(smtp_sink(script), b"a\r\n")["b@example.jp"]
    assert reply.state == state


def test_refused_connection_is_pending(refused_port: int) -> None:
    """A34: an MTA that is down costs nothing but time."""
    reply = deliver(("127.0.0.1", refused_port), 5.0, "", ["b@example.jp"], b"")["b@example.jp"]
    assert (reply.state, "refused" in reply.text) == (ReleaseState.PENDING, True)


def test_recipients_are_answered_one_by_one(smtp_sink: Sink) -> None:
    """A refused recipient does not keep the mail from the others."""
    server = smtp_sink({"RCPT TO:<b@": "550 nobody here", "RCPT TO:<c@": "450 full"})
    replies = _send(server, b"a\r\n", to=("b@example.jp", "c@example.jp", "d@example.jp"))
    assert [replies[f"{name}@example.jp"].state for name in "bcd"] == ["failed", "pending", "sent"]
    assert server.mails[0][1] == ["RCPT TO:<d@example.jp>"]


@pytest.mark.parametrize("address", ["b@example.jp\r\nDATA", "b> <c", "b\0@example.jp"])
def test_addresses_cannot_bring_commands(sink: Any, address: str) -> None:
    """An address that would end its command is refused, as recipient and as sender, and the server hears none of it."""
    assert _send(sink, b"a\r\n", to=(address,))[address].state is ReleaseState.FAILED
    assert _send(sink, b"a\r\n", sender=address)["b@example.jp"].state is ReleaseState.PENDING
    assert sink.mails == []


@pytest.mark.parametrize(("step", "state"), [("DATA", ReleaseState.PENDING), (".", ReleaseState.UNCERTAIN)])
def test_an_interrupted_dialogue_still_says_how_sure_it_is(
    sink: Any, monkeypatch: pytest.MonkeyPatch, step: str, state: ReleaseState
) -> None:
    """Ctrl-C before the end of the content is no delivery; after it nobody knows."""
    send = smtplib.SMTP.send

    def interrupted(self: smtplib.SMTP, data: str | bytes) -> None:
        send(self, data)
        if (data if isinstance(data, str) else data.decode()).startswith(step):
            raise KeyboardInterrupt

    monkeypatch.setattr(smtplib.SMTP, "send", interrupted)
    assert _send(sink, b"a\r\n")["b@example.jp"].state is state
