import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_core.addresses import closeness
from sekisho_core.settings import default_table
from sekisho_core.vocabulary import (
    Action,
    Content,
    Direction,
    Envelope,
    Finding,
    Incomplete,
    Mail,
    Match,
    Mode,
    Part,
    PartState,
    Reading,
    Reason,
    Severity,
    Verdict,
    Wait,
)
from sekisho_rules.policy import Policy
from sekisho_rules.settings import PolicySettings

NOON = datetime(2012, 6, 30, 3, 0, tzinfo=UTC)
SHA = hashlib.sha256(b"content").hexdigest()
PART_SHA = hashlib.sha256(b"part").hexdigest()


def settings(**changes: Any) -> PolicySettings:
    """The default `[policy]` with some keys changed."""
    table = default_table()["policy"]
    for key, value in changes.items():
        table[key] = {**table[key], **value} if isinstance(value, dict) else value
    return msgspec.convert(table, PolicySettings)


def mail(*recipients: str, sender: str = "sender@example.net", direction: Direction = Direction.INBOUND) -> Mail:
    """A mail of which only envelope and hash matter."""
    envelope = Envelope(mail_from=sender, rcpt_to=recipients, direction=direction)
    return Mail("0" * 26, envelope, Content(-1, 0, SHA))


def match(severity: Severity = "targeted", confidence: int = 90, where: str = "header:subject", **more: Any) -> Match:
    """A match of an indicator."""
    return Match("indicator", "indicator--1", "test", "clear", confidence, severity, "exact", where, "matched", **more)


def part(id: str, sha256: str) -> Part:
    """A part of which only id and hash matter."""
    return Part(id, (), "", "", 0, "", "", sha256, PartState.READ)


def judge(
    table: PolicySettings, one: Mail, *matches: Match, reading: Reading | None = None, now: datetime = NOON
) -> Verdict:
    """The verdict of the policy; gaps are those of the reading."""
    reading = reading or Reading()
    return Policy(table, lambda: now)(one, reading, matches, reading.incomplete)


@pytest.mark.parametrize(
    ("severity", "confidence", "action"),
    [
        ("targeted", 90, Action.QUARANTINE),
        ("targeted", 50, Action.QUARANTINE),
        ("targeted", 49, Action.TAG),
        ("suspicious", 10, Action.TAG),
        ("info", 100, Action.ACCEPT),
    ],
)
def test_severity_and_confidence(severity: Severity, confidence: int, action: Action) -> None:
    """A match does what its severity says; below the least confidence it can at most tag."""
    verdict = judge(settings(), mail("a@example.jp"), match(severity, confidence))
    assert verdict.action is action
    assert [reason.severity for reason in verdict.reasons] == [severity]


def test_observed_match_has_no_effect() -> None:
    """A match of a rule in observe state is a reason that stops nothing."""
    verdict = judge(settings(), mail("a@example.jp"), match(state="observe"))
    assert verdict.action is Action.ACCEPT
    assert [reason.state for reason in verdict.reasons] == ["observe"]


def test_capped_match() -> None:
    """A match whose rule is too weak for more leads to its cap at most, and policy may ask for less."""
    strict, mild = settings(severity={"targeted": "reject"}), settings(severity={"targeted": "tag"})
    assert judge(strict, mail("a@example.jp"), match()).action is Action.REJECT
    assert judge(strict, mail("a@example.jp"), match(cap=Action.QUARANTINE)).action is Action.QUARANTINE
    assert judge(mild, mail("a@example.jp"), match(cap=Action.QUARANTINE)).action is Action.TAG


def test_findings_become_reasons() -> None:
    """A finding whose action is not accept is a reason of kind attachment; any other finding is none."""
    reading = Reading(findings=(Finding("pdf-launch", "part:2", "cmd.exe"), Finding("html-form", "part:2")))
    verdict = judge(settings(), mail("a@example.jp"), reading=reading)
    assert verdict.action is Action.QUARANTINE
    (reason,) = verdict.reasons
    assert (reason.kind, reason.rule, reason.where, reason.severity) == (
        "attachment", "pdf-launch", "part:2", "malicious",
    )  # fmt: skip
    assert "cmd.exe" in reason.explain


@pytest.mark.parametrize(
    ("reason", "action"),
    [("locked", Action.QUARANTINE), ("busy", Action.TEMPFAIL), ("unreadable", Action.QUARANTINE)],
)
def test_gap_is_never_clean(reason: Reason, action: Action) -> None:
    """A7, A8: what could not be read leads to its own action; a reason without one leads to that of "other"."""
    verdict = judge(settings(), mail("a@example.jp"), reading=Reading(incomplete=(Incomplete("part:2", reason),)))
    assert verdict.action is action
    assert verdict.incomplete[0].reason == reason


def test_known_bad_is_kept_while_a_gap_asks_to_wait() -> None:
    """A match that quarantines outweighs a gap that would have the MTA try again."""
    reading = Reading(incomplete=(Incomplete("mail", "busy"),))
    assert judge(settings(), mail("a@example.jp"), match(), reading=reading).action is Action.QUARANTINE


def test_overrides_by_recipient() -> None:
    """A30: each recipient has its own verdict; an address is closer than its domain, a domain than those above it."""
    table = settings(
        overrides=[
            {"recipients": ["@.example.jp"], "severity": {"targeted": "hold"}, "name": "below"},
            {"recipients": ["@city.example.jp"], "severity": {"targeted": "reject"}, "name": "city"},
            {"recipients": ["Mayor@City.example.jp"], "severity": {"targeted": "tag"}, "name": "mayor"},
        ]
    )
    people = ["mayor@city.example.jp", "clerk@CITY.example.jp", "x@ward.city.example.jp", "x@example.jp"]
    verdict = judge(table, mail(*people), match())
    assert [(one.recipient, one.action.value, one.policy) for one in verdict.recipients] == [
        ("mayor@city.example.jp", "tag", "mayor"),
        ("clerk@CITY.example.jp", "reject", "city"),
        ("x@ward.city.example.jp", "hold", "below"),
        ("x@example.jp", "quarantine", "default"),
    ]
    assert verdict.action is Action.REJECT


def test_override_keeps_what_it_does_not_name() -> None:
    """An override changes the entries that it names and no other."""
    table = settings(overrides=[{"recipients": ["@example.jp"], "severity": {"info": "tag"}}])
    assert judge(table, mail("a@example.jp"), match()).action is Action.QUARANTINE
    assert judge(table, mail("a@example.jp"), match("info")).recipients[0].policy == "@example.jp"


def test_no_recipients() -> None:
    """An envelope without recipients is judged by the general tables and has no verdict by recipient."""
    verdict = judge(settings(), mail(), match())
    assert (verdict.action, verdict.recipients) == (Action.QUARANTINE, ())


def test_modes() -> None:
    """Observe says what would have been done; mail of our own users has its own mode."""
    observed = judge(settings(mode="observe"), mail("a@example.jp"), match())
    assert (observed.mode, observed.action) == (Mode.OBSERVE, Action.QUARANTINE)
    outbound = judge(settings(), mail("a@example.net", direction=Direction.OUTBOUND), match())
    assert (outbound.mode, outbound.action) == (Mode.OBSERVE, Action.QUARANTINE)


def test_observed_recipient_among_enforced_ones() -> None:
    """A30: where only some recipients are in observe mode, they get the mail and their policy says what would be."""
    table = settings(overrides=[{"recipients": ["pilot@example.jp"], "mode": "observe", "name": "pilot"}])
    verdict = judge(table, mail("pilot@example.jp", "a@example.jp"), match())
    assert verdict.mode is Mode.ENFORCE
    assert [(one.action.value, one.policy) for one in verdict.recipients] == [
        ("accept", "pilot (observe: quarantine)"),
        ("quarantine", "default"),
    ]


EXCLUSION = {"reason": "exercise of June", "expires": "2012-06-30"}


@pytest.mark.parametrize(
    ("fields", "excluded"),
    [
        ({"rule": "indicator--1"}, True),
        ({"rule": "indicator--2"}, False),
        ({"sender": "SENDER@example.net"}, True),
        ({"sender": "@example.net"}, True),
        ({"sender": "@example.com"}, False),
        ({"recipient": "@example.jp"}, True),
        ({"rule": "indicator--1", "sender": "other@example.net"}, False),
        ({"sha256": SHA}, True),
        ({"sha256": PART_SHA}, False),
    ],
)
def test_exclusion_fits_by_all_its_fields(fields: dict[str, str], excluded: bool) -> None:
    """An exclusion takes a match out of force only if every given field fits; the reason stays and says why."""
    table = settings(exclusions=[EXCLUSION | fields])
    verdict = judge(table, mail("a@example.jp"), match(), reading=Reading(parts=(part("2", PART_SHA),)))
    assert verdict.action is (Action.ACCEPT if excluded else Action.QUARANTINE)
    (reason,) = verdict.reasons
    assert reason.state == ("observe" if excluded else "enforce")
    assert ("excluded until 2012-06-30 because exercise of June" in reason.explain) is excluded


def test_excluded_part_does_not_excuse_its_neighbours() -> None:
    """A part's hash excludes what stands in that part and inside it, and nothing in a part beside it."""
    table = settings(exclusions=[EXCLUSION | {"sha256": PART_SHA}])
    parts = (part("2", PART_SHA), part("2.1", "0" * 64), part("20", "1" * 64))
    places = ["part:2", "part:2.1", "part:2/form.pdf", "part:20"]
    verdict = judge(
        table, mail("a@example.jp"), *(match(where=where) for where in places), reading=Reading(parts=parts)
    )
    assert {reason.where: reason.state for reason in verdict.reasons} == {
        "part:2": "observe", "part:2.1": "observe", "part:2/form.pdf": "observe", "part:20": "enforce",
    }  # fmt: skip
    assert verdict.action is Action.QUARANTINE


@pytest.mark.parametrize(
    ("now", "action"),
    [
        (datetime(2012, 6, 30, 14, 59, tzinfo=UTC), Action.ACCEPT),
        (datetime(2012, 6, 30, 15, 0, tzinfo=UTC), Action.QUARANTINE),
    ],
)
def test_exclusion_ends_with_the_day_in_japan(now: datetime, action: Action) -> None:
    """A26: the day of `expires` is the last one, by the calendar of Japan."""
    table = settings(exclusions=[EXCLUSION | {"rule": "indicator--1"}])
    assert judge(table, mail("a@example.jp"), match(), now=now).action is action


def test_exclusion_for_one_recipient() -> None:
    """An exclusion for one recipient leaves the match in force for the others."""
    table = settings(exclusions=[EXCLUSION | {"recipient": "a@example.jp"}])
    verdict = judge(table, mail("a@example.jp", "b@example.jp"), match())
    assert [one.action for one in verdict.recipients] == [Action.ACCEPT, Action.QUARANTINE]
    assert verdict.reasons[0].state == "enforce"
    assert verdict.reasons[0].explain.endswith("(for some recipients)")


def test_gap_is_excluded_by_its_name_only() -> None:
    """An exclusion of a sender does not make a locked part pass; one that names the gap does."""
    reading = Reading(incomplete=(Incomplete("part:2", "locked"),))
    by_sender = settings(exclusions=[EXCLUSION | {"sender": "sender@example.net"}])
    by_name = settings(exclusions=[EXCLUSION | {"sender": "sender@example.net", "rule": "incomplete:locked"}])
    assert judge(by_sender, mail("a@example.jp"), reading=reading).action is Action.QUARANTINE
    assert judge(by_name, mail("a@example.jp"), reading=reading).action is Action.ACCEPT


def test_crowd_does_not_hide_the_grave() -> None:
    """However many matches do nothing, the grave one decides and is named; the list of reasons has an end."""
    crowd = [match("info", where=f"part:{number}") for number in range(300)]
    verdict = judge(settings(), mail("a@example.jp"), *crowd, match())
    assert (verdict.action, verdict.reasons[0].severity) == (Action.QUARANTINE, "targeted")
    assert len(verdict.reasons) == 200


@given(st.permutations([match("info"), match("targeted"), match("suspicious"), match("targeted", where="part:2")]))
def test_reasons_have_one_order(matches: list[Match]) -> None:
    """Reasons stand gravest first, in the same order however the matcher found them."""
    verdict = judge(settings(), mail("a@example.jp"), *matches)
    assert [(reason.severity, reason.where) for reason in verdict.reasons] == [
        ("targeted", "header:subject"), ("targeted", "part:2"), ("suspicious", "header:subject"),
        ("info", "header:subject"),
    ]  # fmt: skip


def test_surest_of_equally_grave_reasons_first() -> None:
    """Of reasons that lead to the same action the one with the highest confidence is named first."""
    verdict = judge(settings(), mail("a@example.jp"), match(confidence=80), match(confidence=90, where="part:2"))
    assert [reason.confidence for reason in verdict.reasons] == [90, 80]


@given(st.text(), st.text())
def test_closeness_takes_anything(entry: str, address: str) -> None:
    """Any two strings can be compared; an address is always named by itself."""
    assert closeness(entry, address) >= 0
    own = entry.strip("<>").lstrip("@")
    if own:
        assert closeness(own, f"<{own.upper()}>" if own.upper().casefold() == own.casefold() else own) > 0


def test_effects_are_those_of_each_ground_alone() -> None:
    """Each match, finding and gap has what it leads to for the recipient whom it hits hardest, in that order; the mode
    changes nothing, an exclusion for all recipients takes it away."""
    reading = Reading(findings=(Finding("executable", "part:1"), Finding("html-form", "part:1")))
    excluded = {"rule": "indicator--1", "recipient": "b@example.jp", "reason": "agreed", "expires": "2012-12-31"}
    table = settings(
        mode="observe",
        overrides=[{"recipients": ["a@example.jp"], "findings": {"html-form": "reject"}}],
        exclusions=[excluded],
    )
    judge = Policy(table, lambda: NOON)
    gaps = (Incomplete("part:2", "locked"), Incomplete("mail", "busy"))

    def effects(*recipients: str) -> list[Action]:
        return list(judge.effects(mail(*recipients), reading, (match(), match("info")), gaps))

    rest = [Action.QUARANTINE, Action.TEMPFAIL]
    accept, stop = Action.ACCEPT, Action.QUARANTINE
    assert effects("a@example.jp", "b@example.jp") == [stop, accept, stop, Action.REJECT, *rest]
    assert effects("b@example.jp") == [accept, accept, stop, accept, *rest]
    assert effects() == [stop, accept, stop, accept, *rest]


LOCK = Incomplete("part:2/a.zip", "locked")


@pytest.mark.parametrize(
    ("others", "waits"),
    [
        ([], Wait(600.0, Action.QUARANTINE)),
        ([Incomplete("part:2", "busy")], Wait(600.0, Action.QUARANTINE)),
        ([Incomplete("part:2", "malformed")], None),
        ([Finding("executable", "part:3")], None),
        ([match("suspicious")], Wait(600.0, Action.QUARANTINE)),
        ([match("targeted")], None),
    ],
)
def test_a_mail_waits_for_nothing_but_its_lock(others: list[Any], waits: Wait | None) -> None:
    """Held for its locks alone, a mail waits; where anything else stops it too, its password would change nothing."""
    verdict = held(others)
    assert verdict.recipients[0].wait == waits
    assert verdict.action is (Action.HOLD if waits else Action.QUARANTINE)
    assert verdict.recipients[0].at_mta is Action.QUARANTINE


def held(others: list[Any], **changes: Any) -> Verdict:
    """The verdict on a locked mail and what else is said of it, where locks hold."""
    gaps = (LOCK, *(one for one in others if isinstance(one, Incomplete)))
    reading = Reading(findings=tuple(one for one in others if isinstance(one, Finding)), incomplete=gaps)
    matches = tuple(one for one in others if isinstance(one, Match))
    table = settings(**{"incomplete": {"locked": "hold"}, **changes})
    return Policy(table, lambda: NOON)(mail("a@example.jp", "b@example.jp"), reading, matches, gaps)


def test_a_wait_of_some_recipients() -> None:
    """Time and end of a wait may differ by recipient, and what else is said of the mail counts at the end too."""
    lax = {"recipients": ["b@example.jp"], "locked_wait": 5.0, "locked_expired": "accept"}
    first, second = held([match("suspicious")], overrides=[lax]).recipients
    assert first.wait == Wait(600.0, Action.QUARANTINE) and second.wait == Wait(5.0, Action.TAG)


def test_a_lock_that_is_excluded_or_not_held_does_not_wait() -> None:
    """Without the action hold there is no wait, whatever the time says."""
    assert all(one.wait is None for one in held([], incomplete={"locked": "quarantine"}).recipients)
    exclusion = {"rule": "incomplete:locked", "reason": "known", "expires": "2012-07-30"}
    found = held([], exclusions=[exclusion])
    assert found.action is Action.ACCEPT and found.recipients[0].wait is None


@pytest.mark.parametrize(("key", "value"), [("locked_wait", 0), ("locked_wait", 9e4), ("locked_expired", "reject")])
def test_impossible_waits_are_refused(key: str, value: object) -> None:
    """No time at all, more than a day, or an end that a kept mail cannot have."""
    with pytest.raises(msgspec.ValidationError, match=key):
        settings(**{key: value})
