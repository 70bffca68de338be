"""Alerts that people write: what is picked out of them, and from mail."""

from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.alert_picks import Proposal, proposals
from sekisho_feeds.alert_text import alert
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_rules.indicator_files import Provenance
from sekisho_rules.pattern import parse

ALERTS = sorted((Path(__file__).parent / "alerts").glob("*.txt"))
LURE = (
    "件名：予算①について\n添付ファイル名：予算.zip\n詳細は https://cert.example/a を参照\nhttps://www.cert.example/b\n"
)


def read(name: str, content: bytes, **options: str) -> Harvest:
    """The harvest of one alert."""
    return alert([Document(name, content)], Provenance(source="police", tlp="red"), options)


def mail(text: str, charset: str) -> bytes:
    """An alert sent by mail."""
    message = EmailMessage()
    message["From"] = "CERT <alert@cert.example>"
    message["Subject"] = "[alert] not the subject of a lure"
    message.set_content(text, charset=charset)
    message.add_attachment("件名：添付の中", filename="x.txt")
    return message.as_bytes()


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_picks(path: Path) -> None:
    """Each alert under alerts/ gives the picks that stand below its line of dashes: those, no others, each once."""
    text, expected = path.read_text(encoding="utf-8").rsplit("---\n", 1)
    assert [f"{pick.type} {pick.value}" for pick in proposals(text)] == expected.splitlines()


def test_there_are_alerts() -> None:
    """The alerts are found."""
    assert len(ALERTS) >= 25


def test_line_and_excerpt() -> None:
    """A proposal names the line that it was picked from."""
    assert proposals("\n\n  件名：予算について  \n") == [Proposal("subject", "予算について", 3, "件名：予算について")]


def test_own_links() -> None:
    """A whole link to the alert's sender is none of what it warns of; disguised, or of another, it is."""
    text = "https://www.cert.example/1 https://evil.example/2 hxxps://cert[.]example/3"
    assert [pick.value for pick in proposals(text, ["cert.example"])] == [
        "https://evil.example/2",
        "https://cert.example/3",
    ]


def test_format() -> None:
    """Each pick is an indicator that observes, labelled as a proposal, of the feed's source and marking."""
    first, second = read("a.txt", LURE.encode("cp932"), own_domains="cert.example").indicators
    assert (first.pattern, first.state, first.labels) == (
        "[email-message:subject = '予算①について']", "observe", ("proposal",),
    )  # fmt: skip
    assert (first.source, first.tlp, first.file, first.description) == (
        "police",
        "red",
        "a.txt",
        "line 1: 件名：予算①について",
    )
    assert second.pattern == "[file:name = '予算.zip']"


@pytest.mark.parametrize("charset", ["utf-8", "shift_jis", "iso-2022-jp", "euc-jp"])
def test_mail(charset: str) -> None:
    """The plain text of a mail in each charset of Japan; its own subject, links and attachments are not picked."""
    text = LURE.replace("①", "1")
    assert [one.name for one in read("a.eml", mail(text, charset)).indicators] == ["予算1について", "予算.zip"]


def test_what_is_no_alert() -> None:
    """A text that names nothing is told; what is no text, no plain mail, or too large, is one error."""
    assert [one.reason for one in read("a.txt", b"hello").refused] == ["names nothing that mail shows"]
    for name, content, options in [
        ("a.txt", b"\0", {}),
        ("a.eml", b"Content-Type: text/html\n\n<p>x", {}),
        ("a.txt", b"x" * 99, {"largest_document": "9"}),
        ("a.txt", b"x", {"own": "a"}),
    ]:
        with pytest.raises(FeedError):
            read(name, content, **options)


@given(
    st.text("件名：「」『』|\t\n・ .@[]()hxtp:/eviladofrm0123456789差出人添付ファイル名、", max_size=200)
    | st.text(max_size=200)
)
def test_any_text(text: str) -> None:
    """Whatever text, every pick is a value whose pattern parses."""
    for one in read("a.txt", text.encode("utf-8", "replace").replace(b"\0", b"")).indicators:
        assert parse(one.pattern).inert == ""


@pytest.mark.parametrize(
    "piece", ["件名", "「", "a.", "[.]", "・", "添付「a", "1.", "| ", "http://", "名は", "「a」と", "*", " ", "(", "a@"]
)
def test_long_lines(piece: str) -> None:
    """A line of one piece again and again ends (bounded by pytest's own limit of time)."""
    assert isinstance(proposals(piece * 20_000), list)
