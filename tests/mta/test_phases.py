"""Every SMTP phase and every action with a real Postfix."""

from __future__ import annotations

import os
import re
import smtplib
import socket
import subprocess
from collections.abc import Iterator

import msgspec
import pytest
from harness import Milter, Row, gate, until
from sekisho_core.vocabulary import Direction, Envelope
from sekisho_milter.postfix import KNOWN_RECIPIENT, STRICT_DOMAIN, PrivatePostfix
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.mta
MAIL = b"From: a@example.net\r\nTo: b@example.jp\r\nSubject: one\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
Gate = tuple[PrivatePostfix, Milter]


@pytest.fixture(scope="module")
def running(needs_postfix: None) -> Iterator[Gate]:
    """One Postfix with its milter for all tests of this file; each uses recipients of its own."""
    with gate({"policy": {"mode": "enforce"}, "milter": {"own_networks": ["198.51.100.0/24"]}}) as both:
        yield both


def delivered(postfix: PrivatePostfix, recipient: str) -> bytes:
    """The one mail for a recipient."""
    until(lambda: postfix.delivered(recipient), f"a mail for {recipient}")
    (file,) = postfix.delivered(recipient)
    return file.read_bytes()


def records(milter: Milter, recipient: str) -> list[Row]:
    """The records with this recipient."""
    return [row for row in milter.records() if recipient in envelope(row).rcpt_to]


def envelope(row: Row) -> Envelope:
    """The envelope of a record."""
    packed = row["envelope"]
    assert isinstance(packed, bytes)
    return msgspec.msgpack.decode(packed, type=Envelope)


def send(postfix: PrivatePostfix, recipients: list[str], content: bytes = MAIL + b"\r\nbody\r\n") -> None:
    """One mail in a connection of its own."""
    with postfix.smtp() as client:
        client.sendmail("a@example.net", recipients, content)


def test_accepted_mail_bears_our_headers_only(running: Gate) -> None:
    """Accept: the mail is delivered as it was sent but for our headers, and nothing is recorded."""
    postfix, milter = running
    send(postfix, ["plain@example.jp"])
    content = delivered(postfix, "plain@example.jp")
    assert b"\nX-Sekisho-Action: accept\n" in content
    kept = [line for line in content.splitlines() if not line.startswith(b"X-Sekisho-")]
    assert b"\n".join(kept).endswith(MAIL.replace(b"\r\n", b"\n") + b"\nbody")
    assert records(milter, "plain@example.jp") == []


def test_tagged_mail_is_delivered_and_recorded(running: Gate) -> None:
    """Tag: delivered with the tag in our header, and recorded."""
    postfix, milter = running
    send(postfix, ["tag@example.jp"])
    assert b"\nX-Sekisho-Action: tag\n" in delivered(postfix, "tag@example.jp")
    assert [row["action"] for row in records(milter, "tag@example.jp")] == ["tag"]


def test_forged_headers_go(running: Gate) -> None:
    """Every header of our prefix that the sender wrote is removed, whatever its case and however often it stands."""
    postfix, _ = running
    forged = b"X-Sekisho-Action: accept\r\nx-sekisho-action: mine\r\nX-SEKISHO-Other: a\r\n b\r\nX-Sekishod: stays\r\n"
    send(postfix, ["forged@example.jp"], forged + MAIL + b"X-Sekisho-Id: last\r\n\r\nX-Sekisho-Body: stays\r\n")
    content = delivered(postfix, "forged@example.jp")
    assert re.findall(rb"(?mi)^(x-sekisho[^:]*): (.*)$", content) == [
        (b"X-Sekishod", b"stays"),
        (b"X-Sekisho-Id", re.findall(rb"(?m)^X-Sekisho-Id: ([0-9a-z]{26})$", content)[0]),
        (b"X-Sekisho-Action", b"accept"),
        (b"X-Sekisho-Body", b"stays"),
    ]


def test_quarantined_mail_is_kept_and_not_delivered(running: Gate) -> None:
    """Quarantine: the sender hears 250, the body in the store is what was sent, nothing is delivered."""
    postfix, milter = running
    content = MAIL + b"X-Odd:\tno space\r\n\tfolded \xe9\r\n\r\n8-bit \xff\r\n..dot\r\n"
    send(postfix, ["quarantine.a@example.jp"], content)
    (record,) = records(milter, "quarantine.a@example.jp")
    assert milter.body(record) == content
    assert postfix.delivered("quarantine.a@example.jp") == []
    assert record["queue_id"] and f"queue={record['queue_id']}" in milter.log()


def test_held_mail_waits_in_the_mta(running: Gate) -> None:
    """Hold: the mail is in Postfix's own hold queue, with a record that knows its queue id."""
    postfix, milter = running
    send(postfix, ["hold.a@example.jp"])
    (record,) = records(milter, "hold.a@example.jp")
    assert record["queue_id"] in postfix.queue_ids("hold")


def test_rejected_and_put_off_mail_is_the_senders(running: Gate) -> None:
    """Reject and tempfail: the sender hears our text with 550 and 451; A5: a reply text changes no action."""
    postfix, milter = running
    with pytest.raises(smtplib.SMTPDataError, match=r"550.*5\.7\.1 message refused by policy"):
        send(postfix, ["reject.a@example.jp"])
    with pytest.raises(smtplib.SMTPDataError, match=r"451.*4\.7\.1 try again later"):
        send(postfix, ["tempfail.a@example.jp"])
    assert [row["action"] for row in records(milter, "reject.a@example.jp")] == ["reject"]
    assert records(milter, "tempfail.a@example.jp") == []


def test_recipients_with_different_policies(running: Gate) -> None:
    """A30: the mail goes to those who may have it; the copies of the others are the record."""
    postfix, milter = running
    mixed = ["ok.mix@example.jp", "quarantine.mix@example.jp", "reject.mix@example.jp", "hold.mix@example.jp"]
    send(postfix, mixed)
    assert b"X-Sekisho-Action: accept; would=reject\n" in delivered(postfix, "ok.mix@example.jp")
    assert [postfix.delivered(recipient) for recipient in mixed[1:]] == [[], [], []]
    (record,) = records(milter, "ok.mix@example.jp")
    assert envelope(record).rcpt_to == tuple(mixed)


def test_a_removed_recipient_gets_nothing_however_it_is_written(running: Gate) -> None:
    """A30: who is taken off the envelope gets nothing, in whatever spelling the client named the mailbox."""
    postfix, milter = running
    forms = (
        "quarantine.f0@example.jp", "quarantine.f1@EXAMPLE.JP", "Quarantine.f2@example.jp",
        '"quarantine.f3"@example.jp',
        "@relay.example:quarantine.f4@example.jp", "@a.example,@b.example:quarantine.f5@example.jp",
        "quarantine.f6+ext@example.jp", "quarantine.f7@example.jp.", '"quarantine.f8 x"@example.jp',
        'quarantine."f9"@example.jp', "(c)quarantine.f10@example.jp", "quarantine.f11@example.jp(c)",
        '"quarantine.f12\\,x"@example.jp', "quarantine.f13\\,x@example.jp", '"quarantine.f14(x)"@example.jp',
        '@a.example:"quarantine.f15 x"@example.jp', "quarantine.f16 @example.jp", '"quarantine.f17\\\\x"@example.jp',
        '"quarantine.f18\\"x"@example.jp', "quarantine..f19@example.jp",
    )  # fmt: skip
    accepted = 0
    for number, form in enumerate(forms):
        with postfix.smtp() as client:
            client.ehlo()
            client.mail("a@example.net")
            client.rcpt(f"ok.form{number}@example.jp")
            accepted += client.docmd("RCPT", f"TO:<{form}>")[0] == 250
            assert client.data(MAIL + b"\r\nform %d\r\n" % number)[0] == 250
        assert delivered(postfix, f"ok.form{number}@example.jp")
    until(lambda: not set(postfix.queue_ids()) - set(postfix.queue_ids("hold")), "all is delivered")
    assert accepted > 15 and accepted == sum("removed=1" in line for line in milter.events("mail")[-len(forms) :])
    assert not [file for file in postfix.delivered() if re.search(rb"(?mi)^X-Original-To: .*\.f\d", file.read_bytes())]


def test_a_client_that_goes_away_in_the_middle(running: Gate) -> None:
    """A30: a client that is cut off in its mail leaves no record, and the next mail is served."""
    postfix, milter = running
    with postfix.smtp() as client:
        client.ehlo()
        client.mail("a@example.net")
        client.rcpt("quarantine.cut@example.jp")
        client.putcmd("DATA")
        assert client.getreply()[0] == 354
        client.send(MAIL + b"\r\n" + b"x" * 900 + b"\r\n")
        client.close()
    send(postfix, ["after@example.jp"])
    assert delivered(postfix, "after@example.jp") and records(milter, "quarantine.cut@example.jp") == []


def test_a_flood_of_forged_headers(running: Gate) -> None:
    """Thousands of forged headers of ours, each of which costs the MTA a search, are refused in a moment with 4xx."""
    postfix, milter = running
    with pytest.raises(smtplib.SMTPDataError, match="451"):
        send(postfix, ["flood@example.jp"], b"X-Sekisho-A: b\r\n" * 20_000 + MAIL + b"\r\nx\r\n")
    assert "ForgedHeadersError" in milter.events("mail")[-1]


def test_a_thousand_recipients(running: Gate) -> None:
    """A30: a thousand recipients of mixed policy, half of whom get the mail."""
    postfix, milter = running
    words = ["ok", "quarantine"]
    many = [f"{words[number % 2]}.many{number}@example.com" for number in range(1000)]
    with postfix.smtp() as client:
        client.sendmail("a@example.net", many, MAIL + b"\r\nmany\r\n")
    (record,) = records(milter, many[0])
    assert envelope(record).rcpt_to == tuple(many)
    stamped = f"queue={record['queue_id']} "
    (line,) = [line for line in milter.events("mail") if stamped in line]
    assert "recipients=1000" in line and "removed=500" in line
    until(lambda: postfix.delivered(many[998]), "the last mail", 60)
    assert not [file for file in postfix.delivered() if b"\nX-Original-To: quarantine.many" in file.read_bytes()]


def test_refused_recipients_are_not_in_the_envelope(running: Gate) -> None:
    """A30: a recipient that Postfix refuses is none of the mail's; the null sender is the empty string."""
    postfix, milter = running
    with postfix.smtp() as client:
        client.ehlo("client.example.net")
        client.mail("")
        assert client.rcpt(f"nobody@{STRICT_DOMAIN}")[0] == 550
        assert client.rcpt(KNOWN_RECIPIENT)[0] == 250
        assert client.data(MAIL + b"X-Test-Action: quarantine\r\n\r\nx\r\n")[0] == 250
    (record,) = records(milter, KNOWN_RECIPIENT)
    seen = envelope(record)
    assert (seen.mail_from, seen.rcpt_to, seen.helo) == ("", (KNOWN_RECIPIENT,), "client.example.net")


def test_many_mails_and_resets_in_one_connection(running: Gate) -> None:
    """A30: after RSET, and from mail to mail, nothing of an earlier mail stays."""
    postfix, milter = running
    with postfix.smtp() as client:
        client.ehlo()
        for number in range(5):
            client.mail("first@example.net")
            client.rcpt(f"reset{number}@example.jp")
            client.rset()
            client.mail(f"second{number}@example.net")
            client.rcpt(f"quarantine.reset{number}@example.jp")
            assert client.data(MAIL + b"\r\n%d\r\n" % number)[0] == 250
    for number in range(5):
        (record,) = records(milter, f"quarantine.reset{number}@example.jp")
        seen = envelope(record)
        assert (seen.mail_from, len(seen.rcpt_to)) == (f"second{number}@example.net", 1)
        assert milter.body(record).endswith(b"\r\n\r\n%d\r\n" % number)


def test_internationalised_addresses(running: Gate) -> None:
    """A31: addresses of SMTPUTF8 arrive as text, and such a mail is delivered."""
    postfix, milter = running
    with postfix.smtp() as client:
        client.ehlo()
        client.sendmail(
            "送信@example.net", ["quarantine.受信@example.jp", "受信@example.jp"],
            MAIL + "Subject: 件名\r\n\r\n本文\r\n".encode(), mail_options=["SMTPUTF8", "BODY=8BITMIME"],
        )  # fmt: skip
    (record,) = records(milter, "quarantine.受信@example.jp")
    assert envelope(record).mail_from == "送信@example.net"
    until(lambda: any("本文".encode() in file.read_bytes() for file in postfix.delivered()), "the mail")


def test_a_mail_in_chunks(running: Gate) -> None:
    """A31: BDAT arrives like DATA, byte for byte, lines that begin with a dot included."""
    postfix, milter = running
    content = MAIL + b"\r\n.one\r\n\xff\xfe\r\n"
    with postfix.smtp() as client:
        client.ehlo()
        client.mail("a@example.net", ["BODY=8BITMIME"])
        client.rcpt("quarantine.bdat@example.jp")
        for piece, last in ((content[:50], ""), (content[50:], " LAST")):
            client.send(b"BDAT %d%s\r\n%s" % (len(piece), last.encode(), piece))
            assert client.getreply()[0] == 250
    (record,) = records(milter, "quarantine.bdat@example.jp")
    assert milter.body(record) == content


def test_a_large_mail_goes_through_the_disk(running: Gate) -> None:
    """A31: a mail of many chunks with a line of a megabyte is stored as it was sent."""
    postfix, milter = running
    lines = b"".join(b"%06d %s\r\n" % (number, b"x" * 900) for number in range(4000))
    content = MAIL + b"\r\n" + lines
    send(postfix, ["quarantine.large@example.jp"], content)
    (record,) = records(milter, "quarantine.large@example.jp")
    assert milter.body(record) == content
    assert list((milter.root / "spool").iterdir()) == []


def test_pipelined_mails(running: Gate) -> None:
    """A30: a second MAIL in the same packet as the first mail's end is a mail of its own."""
    postfix, milter = running
    with socket.create_connection(("127.0.0.1", postfix.smtp_port), 20) as raw:
        raw.sendall(b"EHLO c.example.net\r\n")
        one = b"MAIL FROM:<p%d@example.net>\r\nRCPT TO:<quarantine.pipe%d@example.jp>\r\nDATA\r\n"
        raw.sendall(b"".join(one % (n, n) + MAIL + b"\r\n%d\r\n.\r\n" % n for n in range(2)) + b"QUIT\r\n")
        while raw.recv(65536):
            pass
    for number in range(2):
        (record,) = records(milter, f"quarantine.pipe{number}@example.jp")
        assert envelope(record).mail_from == f"p{number}@example.net"


def test_the_client_is_known_and_our_own_users_are_outbound(running: Gate) -> None:
    """Address, name and HELO of the client are in the envelope; a client of own_networks submits outbound mail, which
    `outbound_mode = "observe"` lets pass."""
    postfix, milter = running
    for address, recipient in (("192.0.2.9", "tag.in@example.jp"), ("198.51.100.7", "reject.out@example.jp")):
        with postfix.smtp() as client:
            client.ehlo()
            assert client.docmd(f"XCLIENT ADDR={address} NAME=mail.example.net")[0] == 220
            client.ehlo("there.example.net")
            client.sendmail("a@example.net", [recipient], MAIL + b"\r\nx\r\n")
    inbound = envelope(records(milter, "tag.in@example.jp")[0])
    assert (inbound.client_ip, inbound.client_name, inbound.helo, inbound.direction) == (
        "192.0.2.9", "mail.example.net", "there.example.net", Direction.INBOUND,
    )  # fmt: skip
    outbound = records(milter, "reject.out@example.jp")[0]
    assert (envelope(outbound).direction, outbound["mode"]) == (Direction.OUTBOUND, "observe")
    assert b"X-Sekisho-Action: accept; would=reject\n" in delivered(postfix, "reject.out@example.jp")


def test_a_long_scan_keeps_the_mta_waiting(needs_postfix: None) -> None:
    """A10: progress packets carry a scan over the MTA's limit; a scan beyond our own limit ends in 4xx."""
    tables = {"milter": {"progress": 0.5, "content_limit": 4.0}}
    with gate(tables, main={"milter_content_timeout": "2s"}) as (postfix, milter):
        send(postfix, ["slow@example.jp"], MAIL + b"X-Test-Seconds: 3\r\n\r\nx\r\n")
        assert delivered(postfix, "slow@example.jp")
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            send(postfix, ["slower@example.jp"], MAIL + b"X-Test-Seconds: 30\r\n\r\nx\r\n")
        assert "ContentLimit" in milter.log()


def test_observe_stops_nothing(needs_postfix: None) -> None:
    """Mode observe: every mail is delivered, the header says what would have been done, the record is made."""
    with gate({"policy": {"mode": "observe"}}) as (postfix, milter):
        for action in ("quarantine", "reject", "hold", "tempfail"):
            send(postfix, [f"{action}@example.jp"])
            assert b"X-Sekisho-Action: accept; would=%s\n" % action.encode() in delivered(
                postfix, f"{action}@example.jp"
            )
        assert {row["mode"] for row in milter.records()} == {"observe"}


def test_an_mta_that_gave_up(needs_postfix: None) -> None:
    """A11: a verdict that comes after the MTA's timeout is recorded as not effective; the retry joins the record."""
    with gate(main={"milter_content_timeout": "1s"}) as (postfix, milter):
        content = MAIL + b"X-Test-Seconds: 3\r\n\r\nx\r\n"
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            send(postfix, ["quarantine.late@example.jp"], content)
        until(lambda: [row["state"] for row in milter.records()] == ["not-effective"], "the record is marked")
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            send(postfix, ["quarantine.late@example.jp"], content)
        until(lambda: [row["retries"] for row in milter.records()] == [1], "the retry joins the record")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may submit to an instance of another's with sendmail -C")
def test_re_entry_after_a_release(needs_postfix: None) -> None:
    """A33: a mail that was stopped is stopped again when it comes back through the non-SMTP path; once an analyst
    released it, the same bytes pass there, and from outside they are stopped as ever. What Postfix itself queues again
    it does not show to milters at all."""
    with gate(main={"non_smtpd_milters": "unix:sekisho/milter.sock"}) as (postfix, milter):
        # Without an id of its own, Postfix would add one to what is submitted locally.
        send(postfix, ["hold.again@example.jp"], MAIL + b"Message-ID: <1@example.net>\r\n\r\nbody\r\n")
        (first,) = milter.records()
        submit(postfix, milter.body(first))
        until(lambda: len(postfix.queue_ids("hold")) == 2, "the second one is held too")
        release(milter, first)
        submit(postfix, milter.body(first))
        assert b"\nX-Sekisho-Action: accept; would=hold\n" in delivered(postfix, "hold.again@example.jp")
        assert "released=re-entry" in milter.events("mail")[-1]
        with postfix.smtp() as client:
            client.ehlo()
            client.docmd("XCLIENT ADDR=192.0.2.9")
            client.ehlo()
            client.sendmail("a@example.net", ["hold.again@example.jp"], milter.body(first))
        assert "action=hold answer=hold-queue" in milter.events("mail")[-1]
        subprocess.run(["/usr/sbin/postsuper", "-c", str(postfix.config_dir), "-r", "ALL"], check=True)
        kick = ["/usr/sbin/postkick", "-c", str(postfix.config_dir), "public", "pickup", "W"]
        subprocess.run(kick, check=True)
        until(lambda: len(postfix.delivered()) == 4, "what was queued again")
        assert len(milter.events("mail")) == 4


def submit(postfix: PrivatePostfix, content: bytes) -> None:
    """The same mail through sendmail(1)."""
    command = ["/usr/sbin/sendmail", "-C", str(postfix.config_dir), "-f", "a@example.net", "hold.again@example.jp"]
    subprocess.run(command, input=content.replace(b"\r\n", b"\n"), check=True)


def release(milter: Milter, record: Row) -> None:
    """What the quarantine's release leaves in the database."""
    engine = create_engine(f"sqlite:///{milter.root}/sekisho.sqlite")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE recipients SET state = 'released' WHERE passage_id = :id"), {"id": record["id"]}
        )
    engine.dispose()
