"""The backtest: what indicators would have stopped of the mail in the journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sekisho_core.events import Events
from sekisho_core.vocabulary import Action, Mode, Observable, Passage, Reading, Subject
from sekisho_quarantine.backtest import Backtest, Effort, Thresholds, backtest, objections
from sekisho_quarantine.journal import Entry, Journal, JournalBounds, entries
from sekisho_rules.evaluate import Fact
from sekisho_rules.guard import Protected
from sekisho_rules.indicator import Indicator

START = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
DAYS = 20


def mail(number: int, subject: str, sender: str, action: Action = Action.ACCEPT, to: str = "b@example.jp") -> Entry:
    """One mail of a journal over twenty days."""
    facts = (
        Fact("email-message:subject", subject, "header:subject"),
        Fact("email-addr:value", sender, "envelope:mail_from"),
    )
    return Entry(
        id=f"{number:026}", key=f"{number:064}", received=START + number * 60, client_ip="192.0.2.1", client_name="",
        helo="", mail_from=sender, rcpt_to=(to,), recipients=1, header_from=sender, subject=subject, facts=facts,
        cut=0, action=action, mode=Mode.ENFORCE, serial=1, rules=(),
    )  # fmt: skip


def indicator(pattern: str, identity: str = "indicator--1", **other: object) -> Indicator:
    """An indicator of a feed."""
    return Indicator(id=identity, source="feed", pattern=pattern, **other)  # type: ignore[arg-type]


def subject(value: str) -> str:
    """The pattern of one subject."""
    return f"[email-message:subject = '{value}']"


JOURNAL = [
    *(mail(number, "Weekly report", f"a@{number % 17}.example.com") for number in range(41)),
    mail(50, "Lure of 2012", "x@evil.example", Action.QUARANTINE, "first@example.jp"),
    mail(51, "Lure of 2012", "x@evil.example", Action.QUARANTINE, "second@example.jp"),
    *(mail(number, f"Mail {number}", "c@partner.example") for number in range(60, 60 + 12_040 - 43)),
]
WEEKLY, LURE = indicator(subject("Weekly report"), "weekly"), indicator(subject("Lure of 2012"), "lure")


@pytest.fixture(scope="module")
def result() -> Backtest:
    """Both indicators over the journal."""
    return backtest([WEEKLY, LURE, indicator(subject("never seen"), "none")], JOURNAL)


def test_counts(result: Backtest) -> None:
    """Mails, those that pass now, distinct sender domains and recipients, share, and examples, the most hits first."""
    first, second = result.hits
    assert (first.id, first.mails, first.passing, first.senders, first.recipients) == ("weekly", 41, 41, 17, 1)
    assert (second.id, second.mails, second.passing, second.senders, second.recipients) == ("lure", 2, 0, 1, 2)
    assert (result.mails, round(first.share, 5)) == (12_040, 0.00341)
    assert [one.subject for one in first.examples] == ["Weekly report"] * 5
    assert second.examples[0].action is Action.QUARANTINE and second.examples[0].received.tzinfo is UTC


def test_objections(result: Backtest) -> None:
    """C22: what is beyond the thresholds stays in observe, and a person is told why."""
    assert objections(result) == {
        ("feed", "weekly"): "would have stopped 41 of 12,040 mails of the last 9 days (0.34 %) from 17 sender domains; "
        "at most 0.1 % of all mail and 5 sender domains may be"
    }
    assert objections(result, Thresholds(most_share=0.01, most_senders=17)) == {}
    assert list(objections(result, Thresholds(most_share=0.0001, most_senders=17))) == [
        ("feed", "weekly"),
        ("feed", "lure"),
    ]


def test_shares_of_a_young_journal() -> None:
    """Of few mails every hit is a large share: only the spread of senders counts then."""
    few = backtest([WEEKLY, LURE], JOURNAL[:43])
    assert list(objections(few)) == [("feed", "weekly")]
    assert "mails of the last day" in objections(few)["feed", "weekly"]


@pytest.mark.parametrize(("hits", "said"), [(1000, "100 %"), (1, "0.1 %"), (126, "12.6 %"), (10, "1 %")])
def test_shares_for_people(hits: int, said: str) -> None:
    """A share is told in percent with at most two decimals."""
    mails = [mail(number, "Weekly report" if number < hits else "other", "a@b.example") for number in range(1000)]
    found = objections(backtest([WEEKLY], mails), Thresholds(most_share=0.0, most_senders=5))
    assert f"({said})" in found["feed", "weekly"]


def test_state_and_validity_do_not_matter() -> None:
    """The question is what an indicator would do in force: one from today on is tried on the mail of last month."""
    later = datetime.fromtimestamp(START, UTC) + timedelta(days=300)
    made = indicator(subject("Lure of 2012"), state="observe", valid_from=later)
    assert [one.mails for one in backtest([made], JOURNAL).hits] == [2]


def test_what_cannot_be_tried() -> None:
    """YARA rules, texts, windows of time, and what is refused or unsupported are named with the reason."""
    made = [
        indicator("rule a { condition: true }", "yara", pattern_type="yara"),
        indicator("[email-message:body LIKE '%lure%']", "text"),
        indicator(f"{subject('Weekly report')} START t'2012-01-01T00:00:00Z' STOP t'2013-01-01T00:00:00Z'", "window"),
        indicator("[domain-name:value = 'example.jp']", "ours"),
        indicator("alert tcp any", "snort", pattern_type="snort"),
        indicator("[broken", "broken"),
        indicator(subject("Weekly report"), "gone", revoked=True),
    ]
    found = backtest(made, JOURNAL[:50], protected=Protected(own=("example.jp",)))
    assert {one.id for one in found.untested} == {"yara", "text", "window", "ours", "snort", "broken"}
    assert found.hits == ()
    assert all(one.reason and one.source == "feed" for one in found.untested)


def test_an_empty_journal() -> None:
    """Nothing is divided by no mail."""
    found = backtest([WEEKLY], [])
    assert (found.mails, found.hits, objections(found)) == (0, (), {})


def test_bounds_and_progress() -> None:
    """Mails and seconds are bounded, and the result says that not all was looked at."""
    calls: list[None] = []
    cut = backtest([WEEKLY], JOURNAL, Effort(most_mails=2500), progress=lambda: calls.append(None))
    assert (cut.mails, len(calls)) == (2500, 2) and "2,500 mails" in cut.ended
    late = backtest([WEEKLY], JOURNAL, Effort(most_seconds=-1.0))
    assert late.mails == 0 and "seconds" in late.ended
    assert backtest([WEEKLY], JOURNAL[:50]).ended == ""


def test_same_as_the_filter(make_passage: Callable[..., Passage], tmp_path: Path) -> None:
    """What is written for a mail and read again matches as the mail itself did: header, envelope, host of a URL."""
    journal = Journal(JournalBounds(tmp_path / "journal", 30, 0), Events(lambda *_: None))
    reading = Reading(
        subject=Subject("r", "対北朝鮮措置の延長について", "n"),
        observables=(
            Observable("email-message:subject", "対北朝鮮措置の延長について", "header:subject"),
            Observable("url:value", "http://c2.evil.example/a", "1"),
            Observable("file:name", "資料.exe", "2"),
            Observable("file:hashes.'SHA-256'", "aa" * 32, "2"),
        ),
    )
    journal.append(make_passage(action=Action.ACCEPT, reading=reading, sender="a@sender.example"))
    made = [
        indicator(subject("対北朝鮮措置の延長について"), "subject"),
        indicator("[domain-name:value = 'evil.example']", "host"),
        indicator(f"[file:hashes.'SHA-256' = '{'AA' * 32}' AND file:name LIKE '%.exe']", "file"),
        indicator("[email-addr:value = 'a@sender.example']", "sender"),
        indicator("[ipv4-addr:value = '192.0.2.0/24']", "client"),
        indicator("[file:name = 'other.exe']", "other"),
    ]
    found = backtest(made, entries(tmp_path / "journal"))
    assert {one.id for one in found.hits} == {"subject", "host", "file", "sender", "client"}
