"""Tables in text: the layouts of public feeds, and what is wrong in them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.csv_list import OPTIONS, csv
from sekisho_feeds.harvest import Document, FeedError, Harvest
from sekisho_rules.indicator import Indicator
from sekisho_rules.indicator_files import Provenance

PROVENANCE = Provenance(source="list", tlp="green", confidence=60)
URLHAUS = """\
################################################################
# abuse.ch style dump, # terms of use
#
# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter
"3001","2026-01-02 03:04:05","http://198.51.100.7:8080/bin.sh","online","2026-01-03 00:00:00","malware_download",\
"elf,mirai","https://lists.example/url/3001/","someone"
"3002","2026-01-02 03:04:06","https://evil.example/a,b.exe","offline","","malware_download","exe","",""
"""
THREATFOX = """\
################################################################
# style of an export of indicators                             #
################################################################
#
# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware","malware_alias","malware_printable",\
"last_seen_utc","confidence_level","is_compromised","reference","tags","anonymous","reporter"
"2026-01-02 03:04:05", "9001", "c2.example", "domain", "botnet_cc", "win.x", "None", "Xrat", "", "100", "False", \
"https://report.example/9001", "Xrat", "0", "someone"
"2026-01-02 03:04:06", "9002", "198.51.100.9:443", "ip:port", "botnet_cc", "win.x", "None", "Xrat", \
"2026-01-03 00:00:00", "75", "False", "None", "", "0", "someone"
"2026-01-02 03:04:07", "9003", "0123456789abcdef0123456789abcdef", "md5_hash", "payload", "", "", "Unknown", "", "50", \
"False", "", "", "0", "someone"
# Number of entries: 3
"""
FEODO = """\
# Botnet addresses
"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"
"2026-01-02 03:04:05","203.0.113.5","995","online","2026-01-03","Qbot"
"""
PHISHTANK = """\
phish_id,url,phish_detail_url,submission_time,verified,verification_time,online,target
1,"https://login.evil.example/?a=1,2",http://tank.example/1,2026-01-02T03:04:05+00:00,yes,2026-01-02T04:00:00+00:00,yes,Other
"""
JPCERT = """\
date,URL,description
2026/01/02 09:00:00,https://evil.example/ログイン,銀行A
,htps://evil2.example/,
2026/01/03 10:00:00,ttp://evil3.example/x,カードB
2026/01/03 10:00:00,not a url,カードB
"""


def read(text: str | bytes, **options: str) -> Harvest:
    """The harvest of one table."""
    content = text if isinstance(text, bytes) else text.encode()
    return csv([Document("list.csv", content)], PROVENANCE, options)


def patterns(harvest: Harvest) -> list[str]:
    """The patterns of a harvest."""
    return [one.pattern for one in harvest.indicators]


def one(text: str, **options: str) -> Indicator:
    """The only indicator of a table without refusals."""
    harvest = read(text, **options)
    assert harvest.refused == []
    (found,) = harvest.indicators
    return found


def test_urlhaus() -> None:
    """A header within the last comment, all fields quoted."""
    found = read(
        URLHAUS, column="url", type="url", header="comment", first_seen_column="dateadded",
        last_seen_column="last_online", threat_column="threat", reference_column="urlhaus_link",
    )  # fmt: skip
    assert found.refused == []
    first, second = found.indicators
    assert first.pattern == "[url:value = 'http://198.51.100.7:8080/bin.sh']"
    assert first.first_seen == first.created == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert first.last_seen == first.modified == datetime(2026, 1, 3, tzinfo=UTC)
    assert (first.threat_name, first.reference) == ("malware_download", "https://lists.example/url/3001/")
    assert (first.source, first.tlp, first.confidence, first.file) == ("list", "green", 60, "list.csv")
    assert (second.pattern, second.last_seen) == ("[url:value = 'https://evil.example/a,b.exe']", None)


def test_threatfox() -> None:
    """Blanks after commas, a type for each row, and a confidence."""
    found = read(
        THREATFOX, column="ioc_value", type_column="ioc_type", header="comment", confidence_column="confidence_level",
        first_seen_column="first_seen_utc", threat_column="malware_printable", type_map="md5_hash=md5",
    )  # fmt: skip
    assert found.refused == []
    assert patterns(found) == [
        "[domain-name:value = 'c2.example']",
        "[ipv4-addr:value = '198.51.100.9']",
        "[file:hashes.MD5 = '0123456789abcdef0123456789abcdef']",
    ]
    assert [(one.confidence, one.threat_name) for one in found.indicators] == [
        (100, "Xrat"),
        (75, "Xrat"),
        (50, "Unknown"),
    ]


@pytest.mark.parametrize("column", ["dst_ip", "2", "DST_IP"])
def test_feodo(column: str) -> None:
    """A column by its name in any case, or by its number."""
    assert one(FEODO, column=column, type="ip").pattern == "[ipv4-addr:value = '203.0.113.5']"


def test_phishtank() -> None:
    """Values with the delimiter within quotes, times with an offset."""
    found = one(PHISHTANK, column="url", type="url", first_seen_column="submission_time")
    assert found.pattern == "[url:value = 'https://login.evil.example/?a=1,2']"
    assert found.first_seen == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_jpcert(encoding: str) -> None:
    """Misspelt schemes are mended and say so, blank dates are none, JST is told by the option, in every encoding."""
    found = read(
        JPCERT.encode(encoding), column="URL", type="url", first_seen_column="date", timezone="JST",
        description_column="description",
    )  # fmt: skip
    assert [one.first_seen for one in found.indicators] == [
        datetime(2026, 1, 2, tzinfo=UTC), None, datetime(2026, 1, 3, 1, tzinfo=UTC),
    ]  # fmt: skip
    assert patterns(found)[1:] == ["[url:value = 'https://evil2.example/']", "[url:value = 'http://evil3.example/x']"]
    assert found.indicators[2].description == "カードB; scheme of ttp://evil3.example/x read as http"
    assert [(one.id, one.name, one.reason) for one in found.refused] == [
        ("line 5", "not a url", "the URL has blanks: not a url")
    ]


@pytest.mark.parametrize(
    ("stated", "zone", "hours"),
    [
        ("2026-01-02 09:00:00", "JST", 0),
        ("2026-01-02 09:00:00", "Asia/Tokyo", 0),
        ("2026-01-02 09:00:00", "+09:00", 0),
        ("2026-01-02 09:00:00", "UTC", 9),
        ("2026-01-02 09:00:00 UTC", "JST", 9),
        ("2026/1/2 9:00", "JST", 0),
        ("2026-01-02T09:00:00+09:00", "UTC", 0),
        ("2026-01-02T00:00:00Z", "JST", 0),
        ("2026-01-02", "UTC", 0),
        ("1767312000", "JST", 0),
        ("1767312000000", "JST", 0),
    ],
)
def test_times(stated: str, zone: str, hours: int) -> None:
    """ISO 8601, blanks, slashes, named zones and Unix time are the same instants, whatever the zone of the list."""
    found = one(f"evil.example,{stated}\n", header="no", first_seen_column="2", timezone=zone)
    assert found.first_seen == datetime(2026, 1, 2, tzinfo=UTC) + timedelta(hours=hours)


def test_a_time_that_is_none() -> None:
    """It does not cost the row its value, and is said."""
    found = one("evil.example,soon\n", header="no", first_seen_column="2")
    assert (found.first_seen, found.description) == (None, "first_seen: no time: soon")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("evil.example,101,", "confidence 101"),
        ("evil.example,sure,", "confidence sure"),
        ("evil.example,,secret", "tlp secret"),
        ("300.1.1.1,,", "its type cannot be told"),
        (",50,red", "empty"),
    ],
)
def test_a_bad_row_spoils_no_other(row: str, told: str) -> None:
    """A row that cannot be used is refused with its line and the reason; the others are read."""
    found = read(f"{row}\ngood.example,high,TLP:RED\n", header="no", confidence_column="2", tlp_column="3")
    assert [(one.confidence, one.tlp) for one in found.indicators] == [(85, "red")]
    ((place, reason),) = [(one.id, one.reason) for one in found.refused]
    assert place == "line 1"
    assert told in reason


def test_short_rows_and_odd_types() -> None:
    """A row without the column, and one of a type that no mail shows, are refused."""
    found = read("a,mutex,Global\\x\nb\nc,domain,evil.example\n", column="3", type_column="2", header="no")
    assert patterns(found) == ["[domain-name:value = 'evil.example']"]
    assert [one.reason for one in found.refused] == ["of the type mutex, which no mail shows", "has no column 3"]


def test_delimiters_quotes_and_exclusion() -> None:
    """Other delimiters, other quotes or none, other comment marks, and values that are left out."""
    assert patterns(read("x\tevil.example\n", delimiter="tab", column="2", header="no")) == [
        "[domain-name:value = 'evil.example']"
    ]
    assert one("'a;b.pdf';1\n", delimiter=";", quote="'", header="no").pattern == "[file:name = 'a;b.pdf']"
    assert one('"x.pdf|1\n', delimiter="|", quote="", header="no", type="filename").name == "x.pdf"
    found = read("; no\nevil.example\nwww.good.example\n", comment=";", header="no", exclude=r"(^|\.)good\.example$")
    assert (patterns(found), found.refused) == (["[domain-name:value = 'evil.example']"], [])


def test_an_open_quotation_mark() -> None:
    """It costs what it swallows, says so, and ends."""
    found = read('good.example\n"' + "x" * 200_000 + "\nlast.example\n", header="no")
    assert patterns(found) == ["[domain-name:value = 'good.example']", "[domain-name:value = 'last.example']"]
    assert "not a row" in found.refused[0].reason


def test_one_value_twice() -> None:
    """A value that stands in a list twice is one indicator, as last seen; at the next reading it has the same id."""
    text = "evil.example,2026-01-01\nEVIL[.]example,2026-02-01\n"
    found = one(text, header="no", last_seen_column="2")
    assert found.last_seen == datetime(2026, 2, 1, tzinfo=UTC)
    assert one(text, header="no", last_seen_column="2") == found


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        ("a,b\n", {"colum": "1"}, "option colum does not exist .did you mean column"),
        ("date,URL\nx,y\n", {"column": "Url2"}, "list: list.csv: option column: no column Url2 .did you mean url"),
        ("a\n", {"header": "maybe"}, "option header: maybe is none of yes, no, comment"),
        ("a\n", {"type": "domian"}, "did you mean domain"),
        ("a\n", {"type_map": "x=domian"}, "did you mean domain"),
        ("a\n", {"delimiter": "ab"}, "one character each"),
        ("a\n", {"delimiter": "\n"}, "one character each"),
        ("a\n", {"exclude": "(?=x)"}, "option exclude"),
        ("a\n", {"timezone": "Mars/Olympus"}, "option timezone"),
        ("a\n", {"timezone": "../../etc/passwd"}, "option timezone"),
        ("a\n", {"encoding": "utf-7"}, "option encoding"),
        ("a\nb\nc\n", {"most_entries": "1"}, "more than 1 entries"),
        ("a\n", {"most_entries": "0"}, "no number from 1"),
        (b"\x00\x01\x02", {}, "not text"),
        (b"\x81\xff\xff", {}, "not text in utf-8 or cp932"),
        ("<!DOCTYPE html><html></html>", {}, "an HTML page"),
        ("x\n", {"header": "no", "column": "url"}, "no column url"),
    ],
)
def test_no_table(content: str | bytes, options: dict[str, str], told: str) -> None:
    """A document that is no table, and options that cannot be, are one error that names the fault."""
    with pytest.raises(FeedError, match=told):
        read(content, **options)


def test_empty() -> None:
    """A list may be empty."""
    assert read("") == read("# nothing\n", header="comment") == Harvest([], [])


@given(
    st.binary(max_size=300),
    st.sampled_from(["yes", "no", "comment"]),
    st.sampled_from(sorted(OPTIONS)),
    st.text(max_size=8),
)
def test_any_bytes(content: bytes, header: str, option: str, value: str) -> None:
    """Whatever bytes and options, the outcome is a harvest or a FeedError."""
    try:
        found = read(content, **{"header": header, option: value})
    except FeedError as error:
        assert str(error)
    else:
        assert all(refusal.reason for refusal in found.refused)
