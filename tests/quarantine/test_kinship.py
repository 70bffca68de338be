"""Which mails belong together."""

from __future__ import annotations

import pytest
from sekisho_core.vocabulary import Envelope, Header, Observable, Reading, Subject
from sekisho_quarantine.kinship import Tie, kinship, ties


def reading(**fields: str) -> Reading:
    """A reading with header fields and their sender."""
    headers = tuple(Header(name.replace("_", "-"), value, b"") for name, value in fields.items() if name != "sender")
    sender = Observable("email-message:from_ref.value", fields.get("sender", "Alice@Partner.example"), "header:from")
    return Reading(Subject(normalised="資料の件"), headers, observables=(sender,))


def shared(one: Reading, other: Reading, to: tuple[str, ...] = ("bob@example.jp",)) -> set[Tie]:
    """The kinds of ties that two mails have in common; the second is to `to`."""
    first = set(ties(Envelope(rcpt_to=("Bob@example.jp", "carol@example.jp")), one))
    return {tie for tie, _ in first & set(ties(Envelope(rcpt_to=to), other))}


@pytest.mark.parametrize(
    ("nearer", "farther"),
    [
        ({Tie.THREAD, Tie.RECIPIENT}, {Tie.SENDER, Tie.DOMAIN, Tie.RECIPIENT}),
        ({Tie.SENDER, Tie.DOMAIN, Tie.RECIPIENT}, {Tie.DOMAIN, Tie.RECIPIENT}),
        ({Tie.DOMAIN, Tie.RECIPIENT}, {Tie.SENDER, Tie.DOMAIN}),
        ({Tie.SENDER, Tie.DOMAIN}, {Tie.SUBJECT, Tie.RECIPIENT}),
        ({Tie.SUBJECT, Tie.RECIPIENT}, {Tie.RECIPIENT}),
        ({Tie.RECIPIENT}, {Tie.DOMAIN, Tie.SUBJECT, Tie.THREAD}),
    ],
)
def test_nearness(nearer: set[Tie], farther: set[Tie]) -> None:
    """The order of trying; a domain, a subject or a thread alone makes no kin."""
    assert kinship(nearer) > kinship(farther) >= 0
    assert kinship({Tie.DOMAIN, Tie.SUBJECT, Tie.THREAD}) == kinship(set()) == 0


def test_letters_case_does_not_count() -> None:
    """Sender, domain and recipient are compared without case."""
    assert shared(reading(), reading(sender="ALICE@partner.EXAMPLE")) == {
        Tie.SENDER, Tie.DOMAIN, Tie.RECIPIENT, Tie.SUBJECT,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Message_ID": "<1@partner.example>"}, {"In_Reply_To": "<1@partner.example>"}),
        ({"Message_ID": "<1@partner.example>"}, {"References": "<0@partner.example>\r\n <1@partner.example>"}),
        ({"References": "<0@x.example>"}, {"references": "<0@x.example> <1@x.example>"}),
        ({"Thread_Index": "Ad1234567890abcdefghijklmnop"}, {"Thread_Index": "Ad1234567890abcdefghijklmnopQRSTUV=="}),
    ],
)
def test_threads(one: dict[str, str], other: dict[str, str]) -> None:
    """Replies, mails with a common ancestor, and Outlook's conversations are one thread."""
    assert Tie.THREAD in shared(reading(**one), reading(**other, sender="x@other.example"))


def test_ties_are_bounded() -> None:
    """A thousand recipients, references and senders make no more than some dozens of ties."""
    many = " ".join(f"<{number}@x.example>" for number in range(1000))
    envelope = Envelope(rcpt_to=tuple(f"u{number}@example.jp" for number in range(1000)))
    assert len(list(ties(envelope, reading(References=many)))) < 100
