"""The explanation and its renderings: cases kept as files, and what holds for any reading.

A case is NAME.case.json, what was read of a mail and what matched, beside what is made of it: NAME.txt, NAME.json and
NAME.html. `python tests/rules/test_explanation.py` writes those three anew; read the difference before it is kept.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html
from sekisho_core.settings import default_table
from sekisho_core.vocabulary import (
    Action,
    Authentication,
    Content,
    Decoding,
    DkimResult,
    Envelope,
    Finding,
    Header,
    Incomplete,
    Link,
    Mail,
    Match,
    Observable,
    Origin,
    Part,
    PartState,
    Passage,
    Reading,
    Subject,
    Text,
)
from sekisho_rules.explain_html import as_page
from sekisho_rules.explain_json import as_json_object
from sekisho_rules.explain_text import Look, as_text
from sekisho_rules.explanation import Explanation, changes, explain, field_of, flowing, part_of
from sekisho_rules.policy import Policy
from sekisho_rules.report import as_object
from sekisho_rules.settings import PolicySettings

HERE = Path(__file__).parent
CASES = sorted((HERE / "explanations").glob("*.case.json"))
NOON = datetime(2012, 6, 30, 3, 0, tzinfo=UTC)
SHA = "0" * 64
DOCUMENT = (HERE.parents[1] / "docs" / "explanation.md").read_text(encoding="utf-8")
RENDERINGS: dict[str, Callable[[Explanation], str]] = {
    "txt": lambda one: as_text(one, Look()) + "\n",
    "json": lambda one: as_json_object(one) + "\n",
    "html": as_page,
}
# All elements of a page with their attributes; what a mail holds adds none.
PLAIN = "head title style body main section h1 h2 h3 dt dd thead tbody tr td code strong del mark ul li"
ELEMENTS = {
    "html": "lang", "meta": "charset http-equiv content name", "span": "class lang", "bdi": "lang", "th": "scope",
    **dict.fromkeys(["header", "p", "div", "b", "dl", "table"], "class"), **dict.fromkeys(PLAIN.split(), ""),
}  # fmt: skip
CLASSES = re.compile(
    "(product|title|facts|small|ja|count|char|change|name|id|tree|card|card container|judged|placed|values|fields"
    "|(badge )?(accept|tag|tempfail|hold|quarantine|reject)|state (read|opened|locked|unreadable|skipped))"
)
STYLED = re.compile(r"\x1b\[[0-9;]*m")


class Case(msgspec.Struct, frozen=True):
    """What a case is made of."""

    path: str
    serial: int
    envelope: Envelope
    matches: tuple[Match, ...]
    reading: Reading


def policy(**changes: Any) -> Policy:
    """The default policy with some keys changed, at a fixed time."""
    return Policy(msgspec.convert(default_table()["policy"] | changes, PolicySettings), lambda: NOON)


def passage(
    reading: Reading, *matches: Match, envelope: Envelope | None = None, rules: Policy | None = None
) -> Passage:
    """A passage with this reading and these matches, as the policy judges them."""
    mail = Mail("0" * 26, envelope or Envelope(), Content(-1, 1234, SHA))
    verdict = (rules or policy())(mail, reading, matches, reading.incomplete)
    return Passage(
        mail.id, SHA, mail, reading, verdict, 7, {"inspect": 2.04, "match": 0.11, "judge": 0.0, "record": 0.0}
    )


def explained(reading: Reading, *matches: Match, **more: Any) -> Explanation:
    """The explanation of a mail with this reading and these matches."""
    rules = more.pop("rules", None) or policy()
    return explain("a.eml", passage(reading, *matches, rules=rules, **more), rules)


def of_case(path: Path) -> Explanation:
    """The explanation of a case."""
    case = msgspec.json.decode(path.read_bytes(), type=Case)
    return explain(case.path, passage(case.reading, *case.matches, envelope=case.envelope), policy())


def part(id: str, *names: str, sha256: str = "", reading: str = "mime") -> Part:
    """A part of which id, names, content and reading matter."""
    return Part(id, names, "text/plain", "", 5, "", "", sha256, PartState.READ, Origin("", 3, 5, reading))


@pytest.mark.parametrize("ending", RENDERINGS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.partition(".")[0])
def test_cases(case: Path, ending: str) -> None:
    """Each case is shown as its files say."""
    expected = case.with_name(case.name.replace("case.json", ending)).read_text(encoding="utf-8")
    assert RENDERINGS[ending](of_case(case)) == expected


def test_a_mail_that_waits() -> None:
    """A hold for a lock says on the terminal and on the page how long it lasts and what follows it."""
    locked = Reading(incomplete=(Incomplete("part:2/a.zip", "locked"),))
    rules = policy(incomplete={"locked": "hold", "other": "quarantine"})
    found = explained(locked, rules=rules, envelope=Envelope(rcpt_to=("b@example.jp",)))
    for form in ("txt", "html"):
        assert "kept here 600 s for its password, then quarantine" in " ".join(RENDERINGS[form](found).split())


def test_cases_exist() -> None:
    """The search for cases finds them."""
    assert [case.name for case in CASES] == ["lure.case.json", "notice.case.json"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.partition(".")[0])
def test_json_is_the_scans_and_more(case: Path) -> None:
    """Every key of the scan's object has the same value here, in lists with further keys."""
    stated = msgspec.json.decode(case.read_bytes(), type=Case)
    scanned = as_object(stated.path, passage(stated.reading, *stated.matches, envelope=stated.envelope))
    assert within(scanned, json.loads(as_json_object(of_case(case))))


def within(less: Any, more: Any) -> bool:
    """Whether all of `less` stands in `more`, which may have further keys."""
    if isinstance(less, dict):
        return all(key in more and within(value, more[key]) for key, value in less.items())
    if isinstance(less, list):
        return len(less) == len(more) and all(map(within, less, more))
    return bool(less == more)


def test_keys_are_documented() -> None:
    """docs/explanation.md has a row for every key, and none for others."""
    rows = re.findall(r"^\| `(\w+)` \|", DOCUMENT.partition("## Keys")[2], re.MULTILINE)
    assert rows == [field.name for field in msgspec.structs.fields(Explanation)]


def test_tree_has_containers() -> None:
    """A part below one that is no part itself hangs under a container; ids are in their order, 2 before 10."""
    tree = explained(Reading(parts=(part("1.2.1"), part("10"), part("2"), part("1.10"), part("0")))).tree
    assert [(one.id, one.level, one.part) for one in tree] == [
        ("0", 0, 4), ("1", 0, None), ("1.2", 1, None), ("1.2.1", 2, 0), ("1.10", 1, 3), ("2", 0, 2), ("10", 0, 1),
    ]  # fmt: skip


def test_tree_has_places_of_facts() -> None:
    """A gap or finding at a container that holds no part is in the tree all the same."""
    reading = Reading(
        findings=(Finding("html-form", "part:3"),), incomplete=(Incomplete("part:2.1/a/b.zip", "locked"),)
    )
    assert [one.id for one in explained(reading).tree] == ["2", "2.1", "3"]
    shown = as_text(explained(reading), Look())
    assert "└─ 2.1 (container)\n  │        not read: locked (quarantine)" in shown


@given(st.lists(st.builds("{}{}".format, st.sampled_from("123"), st.integers(0, 60).map(".1".__mul__))))
def test_levels_are_bounded(ids: list[str]) -> None:
    """However deep ids are, no place is more than one level below the one before it, and none below the 33rd."""
    levels = [one.level for one in explained(Reading(parts=tuple(map(part, ids)))).tree]
    assert all(below <= above + 1 for above, below in zip([-1, *levels], levels, strict=False))
    assert max(levels, default=0) <= 32


def test_same_content_and_same_id() -> None:
    """A part with the content of an earlier one names it; of two parts with one id both are shown."""
    tree = explained(Reading(parts=(part("1", sha256="aa"), part("1", sha256="bb"), part("2", sha256="aa")))).tree
    assert [(one.id, one.part, one.same) for one in tree] == [("1", 0, ""), ("1", 1, ""), ("2", 2, "1")]


@pytest.mark.parametrize(
    ("where", "id"),
    [
        ("part:2.1", "2.1"),
        ("part:2/a/b.zip", "2"),
        ("part:3:subject", "3"),
        ("part:2/a:b", "2"),
        ("header:subject", None),
        ("mail", None),
        ("part", None),
    ],
)
def test_part_of(where: str, id: str | None) -> None:
    """The part of a place, whatever its file is called."""
    assert part_of(where) == id


def test_subject_of_a_mail_within() -> None:
    """The subject of a mail within the mail stands with its part, and says that it is the subject; the part's file may
    be called as the sender likes."""
    found = Decoding("part:3:subject", "", "us-ascii", "Trade talks")
    explanation = explained(Reading(parts=(part("3", "a.eml"),), decodings=(found,)))
    assert [branch.id for branch in explanation.tree] == ["3"]
    assert "subject as us-ascii (without label, shown): Trade talks" in as_text(explanation, Look())
    assert [field_of(where) for where in ("part:3:subject", "part:3/a:b", "header:subject")] == ["subject", "", ""]


def test_changes_are_told_once() -> None:
    """What normalising did to many places of a subject is one line for each kind."""
    marks = explained(Reading(subject=Subject("", "A-b-c-d D", ""))).subject.marks
    assert changes(marks) == {
        ("case",): [("A", "a"), ("D", "d")],
        ("punctuation",): [("-", "")],
        ("space",): [(" ", "")],
    }


@pytest.mark.parametrize("unit", ["\r\n", "\n", "\r", " \n", "\n\n\t "])
def test_lines_flow(unit: str) -> None:
    """A text of many lines is one that can be read; a long run of line ends is one, in linear time."""
    assert flowing(f"one{unit}two").replace("  ", " ") == "one ↵ two"
    assert len(flowing(unit * 300_000)) < 10


def test_effects() -> None:
    """Each fact has what it leads to by itself, and a reason that a finding gave what the finding leads to."""
    reading = Reading(
        findings=(Finding("executable", "part:1"), Finding("html-form", "part:2"), Finding("pdf-javascript", "part:3")),
        incomplete=(Incomplete("part:4", "locked"), Incomplete("mail", "busy")),
    )
    one = explained(reading, rules=policy(findings={"executable": "hold", "pdf-javascript": "tag"}))
    assert [finding.action for finding in one.findings] == [Action.HOLD, Action.ACCEPT, Action.TAG]
    assert [gap.action for gap in one.incomplete] == [Action.QUARANTINE, Action.TEMPFAIL]
    assert [(reason.rule, reason.action) for reason in one.reasons] == [
        ("executable", Action.HOLD), ("pdf-javascript", Action.TAG),
    ]  # fmt: skip


def test_excluded_has_no_effect() -> None:
    """What an exclusion takes out leads to nothing, and its reason says why."""
    excluded = {"rule": "executable", "reason": "agreed", "expires": "2012-12-31"}
    one = explained(Reading(findings=(Finding("executable", "part:1"),)), rules=policy(exclusions=[excluded]))
    assert (one.verdict, one.findings[0].action, one.reasons[0].action) == (Action.ACCEPT,) * 3
    assert "without effect" in as_text(one, Look())
    assert "excluded until 2012-12-31 because agreed" in as_text(one, Look())


def test_gravest_facts_come_first() -> None:
    """Terminal and page show first what stops a mail; many harmless facts do not push it out. JSON keeps the order."""
    harmless = [Finding("html-form", f"part:1.{number}") for number in range(2000)]
    gaps = (Incomplete("mail", "busy"), Incomplete("part:3", "locked"))
    one = explained(Reading(findings=(*harmless, Finding("executable", "part:2")), incomplete=gaps))
    assert one.findings[-1].kind == "executable"
    listed = as_text(one, Look()).partition("Findings\n")[2].splitlines()
    assert listed[0] == "  quarantine  executable at part:2"
    page = as_page(one).partition("所見")[2]
    assert "executable" in page.partition("html-form")[0]
    assert as_text(one, Look()).index("locked at part:3") < as_text(one, Look()).index("busy at mail")


def test_first_decoding_is_shown() -> None:
    """Of each place the first decoding is the one shown, the others are searched."""
    tried = [Decoding("header:subject", "", charset, "x") for charset in ("utf-8", "cp932", "euc-jp")]
    one = explained(Reading(decodings=(*tried, Decoding("part:1", "utf-8", "utf-8", "y"))))
    assert [decoding.shown for decoding in one.decodings] == [True, False, False, True]


def test_lists_are_cut_on_the_terminal() -> None:
    """The terminal shows some values of a path and the count of the rest, with --all every one; JSON has them all."""
    urls = tuple(Observable("url:value", f"http://{number}.example/", "part:1") for number in range(20))
    one = explained(Reading(observables=urls, headers=(Header("X-Last", "value", b"value"),)))
    shown, every = as_text(one, Look()), as_text(one, Look(every=True))
    assert (shown.count("hxxp://"), every.count("hxxp://")) == (8, 20)
    assert "url:value (20)" in shown
    assert "and 12 more; --all shows them" in shown
    assert ("X-Last" in shown, "X-Last" in every) == (False, True)
    assert as_json_object(one).count("http://") == 20


def test_tree_lines_by_terminal() -> None:
    """The tree is drawn with lines where the terminal has them, else with what ASCII has."""
    one = explained(Reading(parts=(part("1.1"), part("1.2"), part("2"))))
    lines = as_text(one, Look()).splitlines()
    stems = [line for line in lines if "─ " in line]
    assert stems == ["  ├─ 1 (container)", "  │  ├─ 1.1", "  │  └─ 1.2", "  └─ 2"]
    assert as_text(one, Look(tree_lines=False)).isascii()


@pytest.mark.parametrize("space", range(50, 100))
def test_no_name_passes_for_a_part(space: int) -> None:
    """C4: a name that looks like a line of the tree, wherever the terminal breaks it, stands where no such line
    stands."""
    names = ["x" * space + " └─ 9 harmless.txt", "y" * space + " read, 5 bytes, text/plain"]
    lines = as_text(explained(Reading(parts=(part("1", *names), part("2", *names[::-1])))), Look(80)).splitlines()
    assert [line[5] for line in lines if re.match("  ([│ ]  )*[├└]─ ", line)] == ["1", "2"]
    assert len([line for line in lines if re.match(" {2}[│ ] {5}read, 5 bytes", line)]) == 2


def test_colours_only_where_wanted() -> None:
    """Without colours there is no escape; with them the text is the same."""
    one = of_case(CASES[0])
    plain, coloured = as_text(one, Look()), as_text(one, Look(colour=True))
    assert "\x1b" not in plain
    assert "\x1b[31m\x1b[1mquarantine" in coloured
    assert [line.rstrip() for line in STYLED.sub("", coloured).splitlines()] == plain.splitlines()


def test_no_link_of_a_mail_is_one() -> None:
    """C1: no rendering for people has anything that a terminal or browser takes for a link."""
    one = of_case(CASES[0])
    for shown in (as_text(one, Look(every=True)), as_page(one)):
        assert not re.search("https?:|href|src=[^x]|url\\(", shown, re.IGNORECASE)
        assert "hxxp://c2[.]malware[.]example/a" in shown


def test_page_stands_alone() -> None:
    """C1: the page allows itself nothing but its own styles, which fetch nothing."""
    page = as_page(of_case(CASES[0]))
    stated = 'content="default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;; '
    assert stated in page
    assert "@import" not in page
    assert page.index("Content-Security-Policy") < page.index("<style>")


NASTY = st.sampled_from([
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "'--><svg/onload=alert(1)>",
    "</style><script>", "</title>", "<!--", "]]>", "&lt;", "&#x3c;script&#x3e;", "http://c2.example/",
    "\x1b[2J", "\x1b]0;x\x07", "\x9b31m", "\r\n", "\u202efdp.exe", "\u2066", "\u200b", "\ufeff", "\x00", "\udcff",
    "\U000e0041", "\ufffe", "\u2028", "\u0301" * 20, "件名", "ｶﾞ", "שלום", "a" * 300, "漢" * 200, " " * 90,
    "part:1", "part:1.1/x", "header:subject", "header:from", "1", "1.2", "2.1.1", "1." * 50, "..", "",
    "{}", "%s", "${x}", "⟨U+0041⟩",
])  # fmt: skip
TEXTS = st.one_of(NASTY, st.text(max_size=30), st.builds(str.__add__, NASTY, NASTY))
COUNTS = st.integers(0, 1 << 40)


def some(kind: Any, *fields: Any, **more: Any) -> Any:
    """A few structs of a kind, their texts nasty."""
    return st.lists(st.builds(kind, *fields, **more), max_size=3).map(tuple)


KINDS = st.sampled_from(["executable", "html-form", "pdf-javascript", "yara"])
READINGS = st.builds(
    Reading,
    st.builds(Subject, TEXTS, TEXTS, TEXTS),
    some(Header, st.one_of(TEXTS, st.sampled_from(["From", "sender "])), TEXTS, st.binary(max_size=5)),
    some(Text, TEXTS, TEXTS, TEXTS),
    some(
        Part, TEXTS, st.lists(TEXTS, max_size=3).map(tuple), TEXTS, TEXTS, COUNTS, TEXTS, TEXTS, TEXTS,
        st.sampled_from(list(PartState)), st.builds(Origin, TEXTS, COUNTS, COUNTS, TEXTS),
    ),
    some(Observable, st.one_of(TEXTS, st.sampled_from(["url:value", "email-addr:value"])), TEXTS, TEXTS),
    some(Finding, KINDS, TEXTS, TEXTS, TEXTS),
    some(Incomplete, TEXTS, st.sampled_from(["locked", "limit"]), TEXTS),
    some(Decoding, TEXTS, TEXTS, TEXTS, TEXTS),
    some(Link, TEXTS, TEXTS, TEXTS, st.lists(TEXTS, max_size=3).map(tuple)),
)  # fmt: skip
MATCHES = some(
    Match, st.sampled_from(["indicator", "attachment"]), TEXTS, TEXTS, TEXTS, st.integers(0, 100),
    st.sampled_from(["targeted", "info"]), st.sampled_from(["exact", "normalised"]), TEXTS, TEXTS, TEXTS, TEXTS,
)  # fmt: skip
ENVELOPES = st.builds(
    Envelope, TEXTS, TEXTS, TEXTS, TEXTS, st.lists(TEXTS, max_size=2).map(tuple),
    st.none() | st.builds(Authentication, TEXTS, some(DkimResult, TEXTS, TEXTS), TEXTS),
)  # fmt: skip
ANY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)


@ANY
@given(READINGS, MATCHES, ENVELOPES, st.sampled_from([80, 100, 120]), st.booleans())
def test_terminal_is_safe(
    reading: Reading, matches: tuple[Match, ...], envelope: Envelope, width: int, every: bool
) -> None:
    """C4: whatever a reading holds, the terminal gets no character that acts but line ends and our colours, and no line
    wider than it is."""
    one = explained(reading, *matches, envelope=envelope)
    plain = as_text(one, Look(width, every=every))
    assert {char for char in plain if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")} <= {"\n"}
    assert max(map(columns, plain.splitlines())) <= width
    coloured = as_text(one, Look(width, colour=True, every=every))
    assert "\x1b" not in STYLED.sub("", coloured)


def columns(line: str) -> int:
    """How wide a line is on a terminal."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


@ANY
@given(READINGS, MATCHES, ENVELOPES)
def test_page_has_our_elements_only(reading: Reading, matches: tuple[Match, ...], envelope: Envelope) -> None:
    """C1: whatever a reading holds, the page has no element, attribute or attribute's value but those of ours."""
    page = as_page(explained(reading, *matches, envelope=envelope)).encode()
    for node in html.document_fromstring(page, parser=html.HTMLParser(encoding="utf-8", huge_tree=True)).iter():
        assert isinstance(node.tag, str), "a comment or an instruction"
        assert set(node.attrib) <= set(ELEMENTS[node.tag].split())
        assert CLASSES.fullmatch(node.get("class", "ja"))
        assert node.get("lang", "en") in ("en", "ja", "und")
        assert node.get("scope", "col") == "col"


@ANY
@given(READINGS, MATCHES, ENVELOPES)
def test_json_is_ascii_and_whole(reading: Reading, matches: tuple[Match, ...], envelope: Envelope) -> None:
    """Whatever a reading holds, the JSON is ASCII and has every part, link, finding and value of it."""
    written = as_json_object(explained(reading, *matches, envelope=envelope))
    assert written.isascii()
    found = json.loads(written)
    assert [one["id"] for one in found["parts"]] == [one.id for one in reading.parts]
    assert [one["written"] for one in found["links"]] == [one.written for one in reading.links]
    assert [one["where"] for one in found["findings"]] == [one.where for one in reading.findings]
    values = [(path["path"], one["value"]) for path in found["observables"] for one in path["values"]]
    assert set(values) == {(one.path, one.value) for one in reading.observables}
    assert {branch["part"] for branch in found["tree"]} - {None} == set(range(len(reading.parts)))


def test_any_number_of_facts_ends() -> None:
    """As many parts and facts as a reading may hold are explained; terminal and page say how many they leave out."""
    many = range(20_000)
    reading = Reading(
        parts=tuple(part(f"{number % 7}.{number}", "x" * 200, sha256=str(number)) for number in range(1000)),
        findings=tuple(Finding("html-form", f"part:{number}.1") for number in many),
        incomplete=tuple(Incomplete(f"part:{number}", "malformed") for number in many),
        observables=tuple(Observable("url:value", f"http://{number}.example", f"part:{number}") for number in many),
    )
    one = explained(reading)
    assert len(as_text(one, Look()).splitlines()) < 2000
    page = as_page(one)
    assert (page.count("<li>"), page.count("<tr>")) == (1000, 3003)
    assert "and 19,000 more, which the JSON has" in page


def write_cases() -> None:
    """Write what is made of each case."""
    for case in CASES:
        for ending, render in RENDERINGS.items():
            target = case.with_name(case.name.replace("case.json", ending))
            target.write_text(render(of_case(case)), encoding="utf-8")


if __name__ == "__main__":
    write_cases()
