import pytest
from sekisho_core.ids import is_id, new_id


def test_ids_are_distinct_and_valid() -> None:
    """Ids made at once differ, and have the form that a path may hold."""
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(is_id(one) for one in made)


def test_ids_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later id sorts after an earlier one."""
    clock = iter([1.0, 1.5, 2_000_000_000.0])
    monkeypatch.setattr("time.time", lambda: next(clock))
    made = [new_id() for _ in range(3)]
    assert made == sorted(made)


@pytest.mark.parametrize(
    "text", ["", "../../etc/passwd", "0" * 25, "0" * 27, "0" * 25 + "i", "0" * 26 + "\n", "0" * 25 + "/", "A" * 26]
)
def test_what_is_no_id(text: str) -> None:
    """C14: nothing but our own ids passes for one, so that no path is made of other text."""
    assert not is_id(text)
