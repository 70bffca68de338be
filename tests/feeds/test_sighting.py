from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_feeds.sighting import FALSE_POSITIVE, LARGEST, SightingError, misp_sighting, received, sighting

INDICATOR = "indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"
IDENTITY = "identity--7b82c6f0-0a5c-4c1e-9c0e-2f9b3f6a1d11"
DAY = date(2026, 3, 1)
FIRST, LAST = datetime(2026, 3, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, 9, tzinfo=UTC)


def made(**changes: Any) -> dict[str, Any]:
    """A sighting of three hits, with changes."""
    usual: dict[str, Any] = {
        "indicator_id": INDICATOR, "identity": IDENTITY, "day": DAY, "count": 3, "first_seen": FIRST,
        "last_seen": LAST, "false_positive": False, "modified": LAST,
    }  # fmt: skip
    return sighting(**(usual | changes))


def test_what_a_sighting_says() -> None:
    """A day's hits: which indicator, where, how often and when, and nothing more."""
    assert made() == {
        "type": "sighting",
        "spec_version": "2.1",
        "id": made()["id"],
        "created_by_ref": IDENTITY,
        "created": "2026-03-01T00:00:00.000Z",
        "modified": "2026-03-01T09:00:00.000Z",
        "sighting_of_ref": INDICATOR,
        "where_sighted_refs": [IDENTITY],
        "first_seen": "2026-03-01T01:00:00.000Z",
        "last_seen": "2026-03-01T09:00:00.000Z",
        "summary": True,
        "count": 3,
    }


def test_identity_of_a_sighting() -> None:
    """Indicator, organisation, day and kind make the id; counts and times make versions of it."""
    same = [made(), made(count=9, modified=LAST + timedelta(hours=1)), made(first_seen=LAST)]
    other = [
        made(day=date(2026, 3, 2)),
        made(false_positive=True),
        made(indicator_id=f"indicator--{uuid.UUID(int=1)}"),
        made(identity=f"identity--{uuid.UUID(int=1)}"),
    ]
    assert len({one["id"] for one in same}) == 1
    assert len({one["id"] for one in same + other}) == 1 + len(other)
    assert {one["created"] for one in same} == {"2026-03-01T00:00:00.000Z"}
    assert uuid.UUID(made()["id"].removeprefix("sighting--")).version == 5


def test_false_positives() -> None:
    """What hit falsely was not the threat: count 0, and how many false hits there were."""
    found = made(false_positive=True)
    assert (found["count"], found[FALSE_POSITIVE]) == (0, 3)
    assert "revoked" not in found and FALSE_POSITIVE not in made()


def test_nothing_left_is_revoked() -> None:
    """Where no hit of the kind is left, the sighting is withdrawn."""
    assert made(count=0)["revoked"] is True and made(count=0, false_positive=True)["revoked"] is True


def test_times_are_utc_and_in_order() -> None:
    """Times of another zone are written in UTC; a last hit before the first is not told."""
    tokyo = timezone(timedelta(hours=9))
    found = made(first_seen=datetime(2026, 3, 1, 12, tzinfo=tokyo), last_seen=FIRST)
    assert (found["first_seen"], found["last_seen"]) == ("2026-03-01T03:00:00.000Z",) * 2


@pytest.mark.parametrize("wrong", [{"indicator_id": "malware--x"}, {"identity": "identity--x"}, {"identity": ""}])
def test_ids_are_checked(wrong: dict[str, str]) -> None:
    """Only an indicator is sighted, and by an identity."""
    with pytest.raises(SightingError):
        made(**wrong)


def test_misp() -> None:
    """In MISP the attribute is named by the indicator's uuid; 0 is seen, 1 a false positive."""
    usual = {
        "uuid": INDICATOR.removeprefix("indicator--"),
        "source": "Example",
        "timestamp": str(int(LAST.timestamp())),
    }
    assert misp_sighting(made(), "Example") == usual | {"type": "0"}
    assert misp_sighting(made(false_positive=True), "Example") == usual | {"type": "1"}
    assert misp_sighting(made(count=0), "Example") is None


@given(st.integers(0, 10**12), st.booleans(), st.datetimes(timezones=st.just(UTC)), st.dates())
def test_ours_are_taken_by_ours(count: int, false_positive: bool, at: datetime, day: date) -> None:
    """Whatever its numbers and times, one sekisho's sighting is in order for another."""
    one = made(count=count, false_positive=false_positive, first_seen=at, day=day, modified=at)
    found, whole = received(json.dumps(one).encode())
    assert (found.id, whole) == (one["id"], one)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_else_is_refused(value: Any) -> None:
    """Whatever JSON comes, the answer is a sighting or the documented error."""
    for content in (json.dumps(value).encode(), json.dumps(made() | {"count": value}).encode()):
        try:
            assert received(msgspec.Raw(content))[0].sighting_of_ref == INDICATOR
        except SightingError as error:
            assert len(str(error)) < 300


def test_size_and_depth() -> None:
    """Too large, too deep, and bytes that are no text are refused."""
    whole = json.dumps(made()).encode()
    deep = whole[:-1] + b', "x": ' + b"[" * 7000 + b"]" * 7000 + b"}"
    for wrong in (whole[:-1] + b" " * LARGEST + b"}", deep, b"\xff", b"", whole[:-1]):
        with pytest.raises(SightingError):
            received(wrong)
