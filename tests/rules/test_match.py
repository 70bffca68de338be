"""Matching a mail against a compiled index."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sekisho_core.vocabulary import Envelope, Header, Match, Observable, Reading
from sekisho_rules.compile import compile_snapshot
from sekisho_rules.evaluate import evaluate, objects
from sekisho_rules.indicator import Indicator
from sekisho_rules.match import mail_facts
from sekisho_rules.packs import SAMPLE_PAYLOAD, read_packs
from sekisho_rules.pattern import parse
from sekisho_rules.snapshot import IndexSnapshot, SnapshotStore

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ENVELOPE = Envelope(
    "192.0.2.10", "mail.sender.example", "helo.sender.example", "bounce@mail.example", ("u@ours.example",)
)


def snapshot(tmp_path: Path, *indicators: Indicator) -> IndexSnapshot:
    """A compiled index of these, whose clock stands at NOW."""
    compile_snapshot(indicators, tmp_path, lambda sources, sets: (b"", {}), 1)
    return SnapshotStore(tmp_path, lambda: NOW).current()


def found(tmp_path: Path, pattern: str, path: str, value: str, where: str = "x") -> tuple[Match, ...]:
    """The matches of one pattern in a mail with one observable."""
    one = Indicator(id="indicator--1", source="s", pattern=pattern)
    return snapshot(tmp_path, one).match(ENVELOPE, Reading(observables=(Observable(path, value, where),)))


@pytest.mark.parametrize(
    ("stated", "seen", "match"),
    [
        ("対北朝鮮措置の延長について", "対北朝鮮措置の延長について", "exact"),
        ("対北朝鮮措置の延長について", "Re: 対北朝鮮措置の延長について", "normalised"),
        ("取材●●のご依頼", "【重要】取材山田様のご依頼", "normalised"),
    ],
)
def test_subject(tmp_path: Path, stated: str, seen: str, match: str) -> None:
    """A subject matches exactly, under lure normalisation, or through masks; both texts are shown."""
    one = found(tmp_path, f"[email-message:subject = '{stated}']", "email-message:subject", seen, "header:subject")
    assert [(each.match, each.stated, each.seen, each.where) for each in one] == [
        (match, stated, seen, "header:subject")
    ]
    assert seen in one[0].explain


@pytest.mark.parametrize(
    ("stated", "seen", "words"),
    [
        ("高橋様宛の資料", "Re: 【再送】髙橋様宛の資料", 'without the prefix "Re:", without the decoration "【再送】"'),
        ("高橋様宛の資料", "髙橋様宛の資料", '"髙" for "高": itaiji'),
        ("高橋様宛の資料", "高橋\u200b様宛の資料", 'without the invisible "⟨U+200B⟩"'),
        ("高橋様宛の資料", "高橋様 宛の資料", "with other spaces"),
        ("●●様宛の資料", "高橋様宛の資料", '"高橋" for "●●": mask'),
        ("ご案内の資料", "案内の資料", '"ご" left out: honorific'),
        ("a-b-c-d-e-f-g-h-i", "a,b,c,d,e,f,g,h,i", "2 more"),
    ],
)
def test_subject_in_words(tmp_path: Path, stated: str, seen: str, words: str) -> None:
    """B24: a match under lure normalisation says in what the subject differs from the lure, and why it is the same."""
    one = found(tmp_path, f"[email-message:subject = '{stated}']", "email-message:subject", seen, "header:subject")
    assert words in one[0].explain


@pytest.mark.parametrize(
    ("pattern", "path", "seen", "match"),
    [
        ("{} LIKE '%対北朝鮮措置の延長%'", "email-message:body", "拝啓\r\n対北朝鮮措置の延長について\r\n", "exact"),
        (
            "{} LIKE '%対北朝鮮措置の延長%'",
            "email-message:body",
            "拝啓\r\n対北朝\u200b鮮措置の\r\n延⻑について\r\n",
            "normalised",
        ),
        ("{} LIKE '%オープンセミナー 御案内%'", "email-message:body", "x ｵｰﾌﾟﾝｾﾐﾅｰ\n　御案内", "normalised"),
        ("{} LIKE '%セミナー%'", "email-message:body", "x オ一プンセミナ一 y", "normalised"),
        ("{} LIKE '%please open the file%'", "email-message:body", "Plеase open\r\nthe\u00ad file", "normalised"),
        ("{} MATCHES '措置の(延長|撤廃)'", "email-message:body", "措置の延長", "exact"),
        ("{} MATCHES '措置の(延長|撤廃)'", "email-message:body", "措置の\r\n延\u200b⻑", "normalised"),
        ("{} MATCHES 'エネルギー.{{0,4}}調査'", "email-message:body", "工ネルギ―需給の調査", "normalised"),
        ("{} = '内閣府 高橋'", "email-message:from_ref.display_name", "内閣府\u3000髙橋", "normalised"),
        ("{} = '例示カード'", "email-addr:display_name", "例示力ード", "normalised"),
        ("{} LIKE '%カード%'", "email-addr:display_name", "例示力―ド事務局", "normalised"),
        ("{} MATCHES '^Exаmple'", "email-addr:display_name", "Ｅxample Support", "normalised"),
        ("{} = 'データ一覧.xlsx'", "file:name", "ﾃﾞ―ﾀ一覧.XLSX", "normalised"),
        ("{} LIKE '%名簿%.exe'", "file:name", "職員名\u202e簿.pdf .EXE", "normalised"),
        ("{} MATCHES '名簿.*\\\\.exe$'", "file:name", "職員名\u200b簿.pdf.exe", "normalised"),
        ("{} LIKE '%取材%依頼%'", "email-message:subject", "取\u200b材の ご依頼", "normalised"),
        ("{} MATCHES '取材の.*依賴'", "email-message:subject", "取材のご依頼", "normalised"),
    ],
)
def test_respelt(tmp_path: Path, pattern: str, path: str, seen: str, match: str) -> None:
    """B23, B24: names, phrases of the body and expressions find what is salted, wrapped or spelt in other characters,
    and the match says whether it was as stated."""
    one = found(tmp_path, f"[{pattern.format(path)}]", path, seen)
    assert [each.match for each in one] == [match]


@pytest.mark.parametrize(
    ("pattern", "path", "seen"),
    [
        ("{} LIKE '%措置の延長%'", "email-message:body", "措置の延期"),
        ("{} LIKE '%措置の延長%'", "email-message:body", "措置の\n> 延長"),
        ("{} LIKE '%open the file%'", "email-message:body", "openthe file"),
        ("{} MATCHES 'Invoice'", "email-message:body", "the invoice"),
        ("{} = 'バス.exe'", "file:name", "パス.exe"),
        ("{} MATCHES '[ァ-ヶ]…+'", "email-message:body", "ひらがな"),
        ("{} MATCHES '…+$'", "email-message:body", "ひらがな"),
    ],
)
def test_not_respelt(tmp_path: Path, pattern: str, path: str, seen: str) -> None:
    """Another word stays another, an expression keeps its case, and one that cannot be spelt anew is held against the
    value as seen alone."""
    assert found(tmp_path, f"[{pattern.format(path)}]", path, seen) == ()


@pytest.mark.parametrize(
    ("pattern", "where"),
    [
        ("[ipv4-addr:value = '192.0.2.10']", "envelope:client_ip"),
        ("[ipv4-addr:value ISSUBSET '192.0.2.0/28']", "envelope:client_ip"),
        ("[network-traffic:src_ref.value = '192.0.2.10']", "envelope:client_ip"),
        ("[email-addr:value = 'BOUNCE@mail.example']", "envelope:mail_from"),
        ("[email-addr:value = 'u@ours.example']", "envelope:rcpt_to"),
        ("[domain-name:value = 'mail.example']", "envelope:mail_from"),
        ("[domain-name:value = 'sender.example']", "envelope:client_name"),
        ("[domain-name:value = 'helo.sender.example']", "envelope:helo"),
        ("[network-traffic:dst_ref.value = 'evil.example']", "part:1"),
        ("[domain-name:value = 'evil.example']", "part:1"),
        ("[ipv6-addr:value ISSUBSET '2001:db8::/32']", "part:2"),
        ("[url:value = 'www.evil.example/x']", "part:1"),
        ("[url:value LIKE '%EVIL%']", "part:1"),
        ("[url:value MATCHES 'ev[i]l']", "part:1"),
        ("[email-message:additional_header_fields.'X_Tool' = 'kit']", "header:x-tool"),
    ],
)
def test_places(tmp_path: Path, pattern: str, where: str) -> None:
    """The envelope, header fields and hosts in URLs are looked at as well as the observables."""
    reading = Reading(
        headers=(Header("X-Tool", "kit", b" kit"),),
        observables=(
            Observable("url:value", "http://www.evil.example/x", "part:1"),
            Observable("url:value", "http://[2001:db8::5]/", "part:2"),
        ),
    )
    matches = snapshot(tmp_path, Indicator(id="i", source="s", pattern=pattern)).match(ENVELOPE, reading)
    assert where in [one.where for one in matches]


def test_every_place_and_every_match(tmp_path: Path) -> None:
    """A match for each part that bears the listed name, and however many harmless indicators a mail meets, the grave
    one is among the matches: neither an excluded part nor a crowd hides it."""
    crowd = [
        Indicator(id=f"i{number}", source="s", pattern="[file:name = 'report.exe']", state="observe")
        for number in range(250)
    ]
    grave = Indicator(id="grave", source="s", pattern="[file:name = 'report.exe'] AND [file:size = 3]")
    reading = Reading(
        observables=(
            Observable("file:name", "REPORT.exe", "part:1"),
            Observable("file:size", "3", "part:1"),
            Observable("file:name", "report.exe", "part:2"),
        )
    )
    matches = snapshot(tmp_path, *crowd, grave).match(ENVELOPE, reading)
    assert [one.where for one in matches if one.rule == "grave"] == ["part:1", "part:2"]
    assert len(matches) == 502


def test_recipients_are_victims(tmp_path: Path) -> None:
    """A listed domain is not found in the address of a recipient."""
    assert not found(
        tmp_path,
        "[domain-name:value = 'ours.example']",
        "email-message:to_refs[*].value",
        "u@ours.example",
        "header:to",
    )


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [(None, None, 1), (NOW, None, 1), (None, NOW, 0), (NOW.replace(year=2027), None, 0), (NOW, NOW.replace(day=2), 1)],
)
def test_validity(tmp_path: Path, start: datetime | None, end: datetime | None, count: int) -> None:
    """An indicator holds from valid_from on and before valid_until, by the clock of the match."""
    one = Indicator(id="i", source="s", pattern="[file:name = 'a.exe']", valid_from=start, valid_until=end)
    reading = Reading(observables=(Observable("file:name", "a.exe", "part:1"),))
    assert len(snapshot(tmp_path, one).match(Envelope(), reading)) == count


def test_every_source_is_named(tmp_path: Path) -> None:
    """One value from three sources is three matches, each with its provenance."""
    many = [
        Indicator(id="i", source=source, pattern="[file:name = 'a.exe']", tlp="red", confidence=7, state="observe")
        for source in "abc"
    ]
    reading = Reading(observables=(Observable("file:name", "a.exe", "part:1"),))
    matches = snapshot(tmp_path, *many).match(Envelope(), reading)
    assert [(one.source, one.tlp, one.confidence, one.state) for one in matches] == [
        (source, "red", 7, "observe") for source in "abc"
    ]


def test_packs(tmp_path: Path) -> None:
    """The packs' public lure and the sample payload are found."""
    reading = Reading(
        observables=(
            Observable("email-message:subject", "Fwd: 対北朝鮮措置の延長について", "header:subject"),
            Observable("file:hashes.'SHA-256'", hashlib.sha256(SAMPLE_PAYLOAD).hexdigest(), "part:2"),
        )
    )
    matches = snapshot(tmp_path, *read_packs(["npa-2012h1", "examples"])).match(Envelope(), reading)
    assert {(one.source, one.where) for one in matches} == {("npa-2012h1", "header:subject"), ("examples", "part:2")}


@pytest.mark.parametrize(
    ("path", "value", "severities"),
    [
        ("email-message:subject", "【注意喚起】「対北朝鮮措置の延長について」という件名のメールにご注意ください", []),
        ("email-message:subject", "Re: 件名「対北朝鮮措置の延長について」の不審メール", []),
        ("file:name", "対北朝鮮措置の延長についてを装うメールへの注意.pdf", []),
        ("file:name", "2012年度新卒採用に関する調査報告書.pdf", ["info"]),
        ("file:name", "対北朝鮮措置の延⻑に\u200bついて .PDF", ["targeted"]),
    ],
)
def test_pack_of_2012_spares_the_innocent(tmp_path: Path, path: str, value: str, severities: list[str]) -> None:
    """A warning that quotes the lure is no match, a genuine recruitment report is one without effect; the lure's own
    attachment is one in any spelling."""
    reading = Reading(observables=(Observable(path, value, "x"),))
    matches = snapshot(tmp_path, *read_packs(["npa-2012h1"])).match(Envelope(), reading)
    assert [one.severity for one in matches] == severities


VALUES = {
    "file:name": ["a.exe", "b.pdf", "A.EXE"],
    "file:size": ["1", "20"],
    "url:value": ["http://a.example/x", "https://b.a.example/"],
    "domain-name:value": ["a.example", "b.a.example", "c.example"],
    "ipv4-addr:value": ["192.0.2.1", "192.0.2.129", "192.0.2.0/24"],
}
CONSTANTS = st.sampled_from([(path, value) for path, values in VALUES.items() for value in values])
TESTS = st.builds(
    lambda one, form: form.format(path=one[0], value=one[1]),
    CONSTANTS,
    st.sampled_from(
        [
            "{path} = '{value}'",
            "{path} != '{value}'",
            "{path} NOT = '{value}'",
            "{path} IN ('{value}', 'zz')",
            "{path} LIKE '%{value}'",
            "{path} MATCHES '{value}$'",
            "{path} > '{value}'",
        ]
    ),
)
EXPRESSIONS = st.recursive(
    TESTS, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner), max_leaves=4
)
PATTERNS = st.recursive(
    EXPRESSIONS.map("[{}]".format),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner),
    max_leaves=3,
)
OBSERVABLES = st.lists(
    st.builds(lambda one, where: Observable(one[0], one[1], where), CONSTANTS, st.sampled_from(["part:1", "part:2"]))
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PATTERNS, min_size=1, max_size=6), OBSERVABLES)
def test_index_finds_what_evaluation_finds(
    tmp_path_factory: pytest.TempPathFactory, patterns: list[str], observables: list[Observable]
) -> None:
    """The compiled index and the plain evaluation of every pattern agree."""
    many = [Indicator(id=f"i{number}", source="s", pattern=pattern) for number, pattern in enumerate(patterns)]
    index = tmp_path_factory.mktemp("index")
    report = compile_snapshot(many, index, lambda sources, sets: (b"", {}), 1)
    reading = Reading(observables=tuple(observables))
    refused = {refusal.id for refusal in report.refused + report.without_effect}
    mail = objects(mail_facts(Envelope(), reading))
    plain = {one.id for one in many if one.id not in refused and evaluate(parse(one.pattern).tree, mail, 0.0)}
    store = SnapshotStore(index, lambda: NOW)
    assert {match.rule for match in store.current().match(Envelope(), reading)} == plain
    store.current().close()


def test_explains_how_a_host_is_listed(tmp_path: Path) -> None:
    """A person reads that the host seen stands below the one listed, not that it is spelt otherwise."""
    (one,) = found(tmp_path, "[domain-name:value = 'malware.example']", "domain-name:value", "C2.malware.example")
    assert 'is "C2.malware.example", below "malware.example", stated by' in one.explain
