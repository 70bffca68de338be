import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.errors import SnapshotError, StoreError
from sekisho_core.scan import Progress, Record, Stages, YaraRules, discard, passage_key, scan, silent
from sekisho_core.vocabulary import (
    Action,
    Content,
    Envelope,
    Incomplete,
    Mail,
    Match,
    Passage,
    Reading,
    Subject,
    Verdict,
)

HIT = Match("indicator", "indicator--1", "test", "clear", 90, "targeted", "exact", "header:subject", "matched")


class Recorder:
    """Stages that say in which order they were called, and with what."""

    def __init__(self, failing: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.failing = failing
        self.yara: YaraRules | None = None
        self.serial = 7
        self.passages: list[Passage] = []

    def snapshot(self) -> "Recorder":
        self.calls.append("snapshot")
        return self

    def inspect(self, mail: Mail, yara: YaraRules | None, progress: Progress) -> Reading:
        self.calls.append("inspect")
        progress()
        return Reading(subject=Subject(decoded="件名"), incomplete=(Incomplete("part:2", "locked"),))

    def match(self, envelope: Envelope, reading: Reading) -> tuple[Match, ...]:
        self.calls.append("match")
        if self.failing:
            raise self.failing
        return (HIT,)

    def judge(
        self, mail: Mail, reading: Reading, matches: tuple[Match, ...], incomplete: tuple[Incomplete, ...]
    ) -> Verdict:
        self.calls.append("judge")
        return Verdict(Action.QUARANTINE, (), matches, incomplete)

    def record(self, passage: Passage) -> int:
        self.calls.append("record")
        self.passages.append(passage)
        return 0

    def stages(self, record: Record | None = None) -> Stages:
        return Stages(self.snapshot, self.inspect, self.judge, record or self.record)


def mail(sender: str = "a@example.net", recipients: tuple[str, ...] = ("b@example.jp",), **more: str) -> Mail:
    """A mail by its envelope; its content is known by hash alone."""
    envelope = Envelope(mail_from=sender, rcpt_to=recipients, client_ip=more.get("client_ip", ""))
    return Mail(more.get("id", "0" * 26), envelope, Content(-1, 0, more.get("sha256", "c" * 64)))


def test_stages_in_order() -> None:
    """The snapshot is taken, then the mail is inspected, matched, judged and recorded; the passage holds it all."""
    recorder, progress = Recorder(), []
    passage = scan(mail(), recorder.stages(), lambda: progress.append(1))
    assert recorder.calls == ["snapshot", "inspect", "match", "judge", "record"]
    assert recorder.passages == [passage]
    assert (passage.serial, passage.verdict.reasons, passage.reading.subject.decoded) == (7, (HIT,), "件名")
    assert list(passage.timings) == ["inspect", "match", "judge", "record"]
    assert progress == [1]


def test_crash_of_the_matcher_is_a_gap() -> None:
    """A8: a matcher that dies leaves a gap beside those of the reading; the mail is judged, not passed."""
    recorder = Recorder(ZeroDivisionError("division"))
    passage = scan(mail(), recorder.stages(), silent)
    assert [(gap.where, gap.reason) for gap in passage.verdict.incomplete] == [
        ("part:2", "locked"),
        ("match", "crashed"),
    ]
    assert "ZeroDivisionError" in passage.verdict.incomplete[1].detail
    assert recorder.calls[-1] == "record"


def test_failure_to_record_is_the_callers() -> None:
    """A12: a passage that cannot be kept raises, so that the caller refuses the mail for now."""

    def full(passage: Passage) -> int:
        raise StoreError("no space left")

    with pytest.raises(StoreError):
        scan(mail(), Recorder().stages(full))


def test_no_snapshot_no_scan() -> None:
    """Without an index nothing is inspected, and the caller hears of it."""
    recorder = Recorder()

    def missing() -> Recorder:
        raise SnapshotError("no index")

    with pytest.raises(SnapshotError):
        scan(mail(), Stages(missing, recorder.inspect, recorder.judge, discard))
    assert recorder.calls == []


@given(st.permutations(["a@example.jp", "b@example.jp", "c@example.jp"]), st.text(), st.text())
def test_retry_has_the_same_key(recipients: list[str], client: str, id: str) -> None:
    """A3: a retry from another address, with recipients in another order or named twice, is the same delivery."""
    first = mail(recipients=("a@example.jp", "b@example.jp", "c@example.jp"))
    again = mail(recipients=(*recipients, recipients[0]), client_ip=client, id=id)
    assert passage_key(again) == passage_key(first)


@pytest.mark.parametrize(
    "other",
    [
        mail(sender="x@example.net"),
        mail(recipients=("b@example.jp", "c@example.jp")),
        mail(sha256="d" * 64),
        mail(sender="", recipients=("a@example.net", "b@example.jp")),
    ],
)
def test_another_delivery_has_another_key(other: Mail) -> None:
    """Another sender, set of recipients or content is another delivery."""
    assert passage_key(other) != passage_key(mail())
