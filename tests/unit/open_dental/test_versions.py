import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from open_dental.versions import Version


@given(lists(lists(integers(0, 99), min_size=2, max_size=3), min_size=2, max_size=2))
def test_versions_are_ordered_by_their_numbers_not_their_text(pair: list[list[int]]) -> None:
    one, other = (Version.parse(".".join(map(str, parts))) for parts in pair)

    assert (one < other) == ((*pair[0], 0)[:3] < (*pair[1], 0)[:3])
    assert (one == other) == ((*pair[0], 0)[:3] == (*pair[1], 0)[:3])


def test_an_office_has_what_came_before_it_and_what_always_was() -> None:
    office = Version.parse("24.3.12.0")

    assert office.has(None)
    assert office.has(Version.parse("24.3"))
    assert office.has(Version.parse("24.3.12"))
    assert not office.has(Version.parse("24.3.13"))
    assert not office.has(Version.parse("25.1"))


def test_a_version_prints_as_it_was_written() -> None:
    assert str(Version.parse("25.4")) == "25.4"
    assert (Version.parse("25.4").branch, Version.parse("25.4").build) == ((25, 4), 0)


@pytest.mark.parametrize("text", ["", "25", "25.x", "25.4.1.0.2", "-1.2", "25..4", "²5.4", "999999.1"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        Version.parse(text)
