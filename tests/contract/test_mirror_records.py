"""What the mirror's copies promise, whoever keeps them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.mirror.items import micros
from gateway.core.mirror.records import Hearsay, Order, ReadAt, Record, Stored, StoredNative
from gateway.core.normalize.values import content_version
from open_dental.wire import Malformed
from tests.fakes.services import FakeClock

A, B = "prac_aaaaaaaaaaaaaaaa", "prac_bbbbbbbbbbbbbbbb"
NOW = datetime.now(UTC)
LOWEST, HIGHEST = -(2**63), 2**63 - 1


def read(turn: int = 1, epoch: int = 1) -> ReadAt:
    return ReadAt(Order(epoch, turn), NOW + timedelta(seconds=turn))


def visit(key: int, at: str = "2026-03-02 09:00:00", *, patient: int = 7, note: str = "") -> dict[str, Any]:
    return {"serverDateTime": "2026-03-02 12:00:00", "AptNum": key, "PatNum": patient, "AptDateTime": at, "Note": note}


def split(key: int, *, patient: int = 7, payment: int = 3, amount: str = "10.00") -> dict[str, Any]:
    return {"SplitNum": key, "PatNum": patient, "PayNum": payment, "SplitAmt": Decimal(amount)}


def keys(found: Iterable[Record]) -> list[int]:
    return [one.key for one in found]


def store(
    records: Any, *rows: dict[str, Any], turn: int = 1, epoch: int = 1, practice: str = A, cause: str = "poll"
) -> Stored:
    stored: Stored = records.store(practice, "appointments", rows, read=read(turn, epoch), cause=cause)
    return stored


def bury(records: Any, *gone: int, turn: int = 1, practice: str = A) -> int:
    buried: int = records.bury(practice, "appointments", gone, read=read(turn), cause="sweep", at=NOW)
    return buried


def only(records: Any, key: int = 1, *, dead: bool = True) -> Record:
    (found,) = records.get(A, "appointments", [key], dead=dead)
    assert isinstance(found, Record)
    return found


def nth(record: Record, clock: FakeClock) -> int:
    """Which state of its object it is; the first has its moment, and the clock stands still."""
    return record.seq - micros(clock.start) + 1


# -- one row ------------------------------------------------------------------------------------------------------


def test_a_row_comes_back_as_it_was_read_without_the_servers_clock(records: Any, clock: FakeClock) -> None:
    row = {**visit(2**62 + 1, note="é\n"), "Fee": Decimal("1.10"), "Odd": None, "IsHygiene": True, "List": [1, "2"]}
    assert store(records, row, turn=4) == Stored(changed=1)
    del row["serverDateTime"]

    assert only(records, 2**62 + 1) == Record(
        resource="appointments",
        key=2**62 + 1,
        row=row,
        version=content_version(row),
        seq=micros(clock.start),
        read=read(4),
        changed_at=clock.now(),
        cause="load",
    )
    assert str(only(records, 2**62 + 1).row["Fee"]) == "1.10"


def test_the_same_content_writes_nothing(records: Any, clock: FakeClock) -> None:
    store(records, visit(1), turn=1)
    before = only(records)
    clock.sleep(60)

    assert store(records, visit(1) | {"serverDateTime": "2026-03-02 12:01:00"}, turn=2) == Stored(same=1)
    assert store(records, visit(1), turn=0) == Stored(same=1)
    assert only(records) == before


def test_other_content_counts_if_it_was_not_read_earlier(records: Any, clock: FakeClock) -> None:
    store(records, visit(1, note="a"), turn=5)

    assert store(records, visit(1, note="b"), turn=4) == Stored(older=1)
    assert (only(records).row["Note"], nth(only(records), clock)) == ("a", 1)
    assert store(records, visit(1, note="c"), turn=5) == Stored(changed=1)
    assert store(records, visit(1, note="d"), turn=6) == Stored(changed=1)
    assert (only(records).row["Note"], nth(only(records), clock), only(records).read) == ("d", 3, read(6))


def test_an_epoch_decides_before_the_turn(records: Any) -> None:
    """A restored backup starts its practice's copies anew, while turns go on counting."""
    store(records, visit(1, note="a"), turn=9, epoch=1)
    store(records, visit(1, note="b"), turn=2, epoch=2)

    assert store(records, visit(1, note="c"), turn=10, epoch=1) == Stored(older=1)
    assert only(records).row["Note"] == "b"


def test_content_that_comes_back_is_a_change_each_time(records: Any, clock: FakeClock) -> None:
    for turn, note in enumerate("abab", start=1):
        store(records, visit(1, note=note), turn=turn)

    assert nth(only(records), clock) == 4


def test_of_a_key_that_is_twice_in_one_answer_the_last_row_counts(records: Any, clock: FakeClock) -> None:
    """Pages overlap. Done again after a crash, a store must not write the first of them once more."""
    rows = [visit(1, note="a"), visit(2), visit(1, note="b")]

    assert store(records, *rows) == Stored(changed=2)
    assert store(records, *rows) == Stored(same=2)
    assert (only(records).row["Note"], nth(only(records), clock)) == ("b", 1)


def test_a_row_without_its_key_is_refused(records: Any) -> None:
    with pytest.raises(Malformed):
        store(records, {"PatNum": 7})


def test_keys_of_two_practices_and_of_two_resources_are_apart(records: Any) -> None:
    store(records, visit(1, note="a"))
    store(records, visit(1, note="b"), visit(2), practice=B)
    records.store(A, "commlogs", [{"CommlogNum": 1, "PatNum": 7, "Note": "c"}], read=read(), cause="poll")
    bury(records, 1, 2, practice=B, turn=2)

    assert keys(records.page(A, "appointments", after=None, limit=9)) == [1]
    assert only(records).row["Note"] == "a"
    assert keys(records.page(B, "appointments", after=None, limit=9)) == []
    assert keys(records.under(A, "appointments", "PatNum", 7)) == [1]
    assert keys(records.under(B, "appointments", "PatNum", 7)) == []
    assert keys(records.between(B, "appointments", None, None, dead=True)) == [1, 2]
    assert [key for key, _ in records.versions(A, "appointments", after=None, limit=9)] == [1]
    assert keys(records.changed(A, "appointments", NOW - timedelta(days=1), after=None, limit=9)) == [1]


# -- what is news ---------------------------------------------------------------------------------------------------


def test_what_is_stored_before_all_rows_are_here_is_no_news_but_for_own_writes(records: Any, clock: FakeClock) -> None:
    """Else every row that somebody happens to read during a first load would be told as new at the office."""
    told = []
    for turn, (are, cause) in enumerate(
        [(None, "poll"), (None, "own_write"), (True, "poll"), (None, "read"), (False, "sweep"), (True, "sweep")]
    ):
        if are is not None:
            records.all_here(A, "appointments", are=are)
        store(records, visit(1, note=str(turn)), turn=turn, cause=cause)
        told.append(only(records).cause)
    bury(records, 1, turn=9)
    told.append(only(records).cause)
    records.all_here(B, "appointments", are=False)
    while not records.forget(A):
        pass
    store(records, visit(1), turn=10, cause="poll")

    assert told == ["load", "own_write", "poll", "read", "load", "sweep", "sweep"]
    assert only(records).cause == "load"


def test_states_of_several_rows_are_in_the_order_in_which_they_were_stored(records: Any, clock: FakeClock) -> None:
    seqs = []
    for turn, key in enumerate((1, 2, 1, 1, 2)):
        clock.sleep(0.001)
        store(records, visit(key, note=str(turn)), turn=turn)
        seqs.append(only(records, key).seq)

    assert seqs == sorted(set(seqs))


# -- rows that Open Dental tells of by itself -----------------------------------------------------------------------


def stamped(key: int, second: int | None, *, note: str = "") -> dict[str, Any]:
    stamp = "" if second is None else f"2026-03-02 12:00:{second:02}"
    return visit(key, note=note) | {"DateTStamp": stamp}


def tell(records: Any, *rows: dict[str, Any], at_s: float = 50, epoch: int = 1, practice: str = A) -> StoredNative:
    at = NOW + timedelta(seconds=at_s)
    stored: StoredNative = records.store_native(practice, "appointments", rows, column="DateTStamp", at=at, epoch=epoch)
    return stored


@pytest.fixture
def here(records: Any) -> Any:
    """Copies of a practice of which all visits are here."""
    records.all_here(A, "appointments", are=True)
    return records


def test_a_row_that_was_told_of_keeps_its_place_in_the_order_and_says_so(here: Any, clock: FakeClock) -> None:
    store(here, stamped(1, 10, note="a"), turn=7)

    assert tell(here, stamped(1, 11, note="b")) == StoredNative(changed=1)
    kept = only(here)
    told_at = NOW + timedelta(seconds=50)
    assert (kept.row["Note"], kept.cause, nth(kept, clock)) == ("b", "native", 2)
    assert kept.read == ReadAt(Order(1, 7), told_at)
    assert kept.told == Hearsay(told_at, "DateTStamp", datetime(2026, 3, 2, 12, 0, 11))  # noqa: DTZ001 - a wall's


def test_a_row_that_nobody_had_is_stored_below_every_turn_and_found(here: Any) -> None:
    assert tell(here, stamped(HIGHEST, 10), stamped(LOWEST, 10), epoch=3) == StoredNative(changed=2)

    assert only(here, HIGHEST).read.order == Order(3, 0)
    assert keys(here.under(A, "appointments", "PatNum", 7)) == [LOWEST, HIGHEST]
    assert keys(here.between(A, "appointments", date(2026, 3, 2), date(2026, 3, 2))) == [LOWEST, HIGHEST]
    assert keys(here.changed(A, "appointments", NOW - timedelta(days=1), after=None, limit=9)) == [LOWEST, HIGHEST]
    assert store(here, stamped(HIGHEST, 11, note="read"), turn=60, epoch=3) == Stored(changed=1)


def test_what_is_told_with_an_earlier_stamp_is_stale_and_with_the_same_content_nothing(here: Any) -> None:
    """Several machines tell of the same row, and blocks are sent again."""
    tell(here, stamped(1, 20, note="b"))
    before = only(here)

    assert tell(here, stamped(1, 19, note="a"), at_s=60) == StoredNative(stale=1)
    assert tell(here, stamped(1, 20, note="b"), at_s=60) == StoredNative(same=1)
    assert only(here) == before


@pytest.mark.parametrize("second", [20, None])
def test_what_stamps_cannot_decide_is_not_stored(here: Any, second: int | None) -> None:
    store(here, stamped(1, 20, note="a"))
    before = only(here)

    assert tell(here, stamped(1, second, note="b")) == StoredNative(unsure=(1,))
    assert only(here) == before


def test_a_row_that_is_kept_without_a_stamp_is_not_replaced_by_hearsay(here: Any) -> None:
    store(here, visit(1, note="a"))

    assert tell(here, stamped(1, 20, note="b")) == StoredNative(unsure=(1,))
    assert only(here).row["Note"] == "a"


def test_a_tombstone_does_not_come_back_by_hearsay(here: Any) -> None:
    store(here, stamped(1, 10, note="a"))
    bury(here, 1, turn=2)

    assert tell(here, stamped(1, 11, note="b"), stamped(2, 11)) == StoredNative(changed=1, unsure=(1,))
    assert not only(here).is_living


def test_what_was_read_since_the_call_came_is_not_replaced_by_a_later_stamp(here: Any) -> None:
    """In the hour that autumn repeats, or where a clock or a database was set back, stamps rise backwards."""
    store(here, stamped(1, 10, note="since"), turn=50)
    store(here, stamped(2, 10, note="before"), turn=49)

    told = tell(here, stamped(1, 40, note="a"), stamped(2, 40, note="b"), at_s=50)
    assert told == StoredNative(changed=1, unsure=(1,))
    assert only(here).row["Note"] == "since"
    assert tell(here, stamped(2, 41, note="c"), at_s=45) == StoredNative(changed=1)


def test_a_row_that_should_be_here_if_it_lived_is_not_brought_by_hearsay(here: Any) -> None:
    """The call was worked off late, and the row was deleted meanwhile, which no list tells."""
    store(here, stamped(1, 10, note="a"))
    told = [stamped(1, 11, note="b"), stamped(2, 11)]
    at = NOW + timedelta(seconds=50)
    stored = here.store_native(A, "appointments", told, column="DateTStamp", at=at, epoch=1, takes_new=False)

    assert stored == StoredNative(changed=1, unsure=(2,))
    assert keys(here.page(A, "appointments", after=None, limit=9)) == [1]


def test_nothing_is_stored_of_what_is_told_until_all_rows_are_here(records: Any) -> None:
    """A first load would be told of as news otherwise, and what it has is not known to be all."""
    store(records, stamped(1, 10))

    assert tell(records, stamped(1, 11, note="b"), stamped(2, 11)) == StoredNative(unsure=(1, 2))
    assert keys(records.page(A, "appointments", after=None, limit=9)) == [1]
    records.all_here(A, "appointments", are=True)
    records.all_here(A, "appointments", are=False)
    assert tell(records, stamped(2, 11)) == StoredNative(unsure=(2,))
    assert keys(records.page(A, "appointments", after=None, limit=9)) == [1]


def test_of_rows_of_one_call_with_one_key_the_latest_stamp_counts(here: Any) -> None:
    rows = [stamped(1, 12, note="b"), stamped(1, 11, note="a"), stamped(2, 12), stamped(2, None)]

    assert tell(here, *rows) == StoredNative(changed=1, unsure=(2,))
    assert only(here).row["Note"] == "b"


def test_a_reading_that_was_on_its_way_does_not_put_the_old_content_back(here: Any) -> None:
    """Asked at second 40, the office changed the row, told of it at 50, and the answer is stored behind that."""
    store(here, stamped(1, 10, note="a"), turn=1)
    tell(here, stamped(1, 11, note="b"), at_s=50)

    assert store(here, stamped(1, 10, note="a"), turn=40) == Stored(older=1)
    assert store(here, visit(1, note="a"), turn=40) == Stored(older=1)
    assert (only(here).row["Note"], only(here).cause) == ("b", "native")
    assert store(here, stamped(1, 11, note="b"), turn=40) == Stored(same=1)
    assert store(here, stamped(1, 10, note="a"), turn=41) == Stored(older=1)


@pytest.mark.parametrize(("turn", "second"), [(50, 9), (51, None), (40, 11), (40, 12)])
def test_a_reading_that_was_sent_later_or_has_as_late_a_stamp_counts(here: Any, turn: int, second: int | None) -> None:
    """Stamps go back in autumn and after a restore; whoever asked after the call knows better than it."""
    store(here, stamped(1, 10, note="a"), turn=1)
    tell(here, stamped(1, 11, note="b"), at_s=50)

    assert store(here, stamped(1, second, note="c"), turn=turn) == Stored(changed=1)
    assert (only(here).row["Note"], only(here).told, only(here).read) == ("c", None, read(turn))


def test_a_row_that_was_told_of_is_not_buried_by_who_looked_before(here: Any) -> None:
    tell(here, stamped(1, 10), at_s=50)

    assert bury(here, 1, turn=49) == 0
    assert only(here).is_living
    assert bury(here, 1, turn=50) == 1
    assert (only(here).is_living, only(here).told) == (False, None)


def test_what_one_practice_is_told_changes_nothing_of_another_with_the_same_keys(here: Any) -> None:
    here.all_here(B, "appointments", are=True)
    store(here, stamped(1, 10, note="a"))
    store(here, stamped(1, 10, note="a"), practice=B)
    tell(here, stamped(1, 11, note="b"), practice=B)

    assert only(here).row["Note"] == "a"
    assert [one.row["Note"] for one in here.get(B, "appointments", [1])] == ["b"]


def test_a_row_that_is_told_of_without_its_key_is_refused(here: Any) -> None:
    with pytest.raises(Malformed):
        tell(here, {"PatNum": 7, "DateTStamp": "2026-03-02 12:00:00"})


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    calls=st.lists(
        st.lists(st.tuples(st.sampled_from((1, 2)), st.integers(10, 15)), min_size=1, max_size=4),
        min_size=1,
        max_size=8,
    )
)
def test_calls_in_any_order_and_number_end_in_the_content_of_the_newest_stamp(
    here: Any, clock: FakeClock, calls: list[list[tuple[int, int]]]
) -> None:
    """And no call ever brings an older one back: what is kept has only later stamps, state after state."""
    while not here.forget(A):
        pass
    here.all_here(A, "appointments", are=True)
    seen: dict[int, int] = {}
    for at_s, call in enumerate([*calls, *calls]):
        tell(here, *(stamped(key, second, note=str(second)) for key, second in call), at_s=at_s)
        for one in here.get(A, "appointments", [1, 2]):
            kept = int(one.row["Note"])
            assert kept >= seen.get(one.key, 0)
            seen[one.key] = kept

    assert seen == {key: max(second for call in calls for of, second in call if of == key) for key in seen}
    assert seen.keys() == {key for call in calls for key, _ in call}


# -- tombstones -----------------------------------------------------------------------------------------------------


def test_a_buried_row_is_seen_only_by_who_asks_for_the_dead(records: Any, clock: FakeClock) -> None:
    store(records, visit(1, note="a"), visit(2))
    version = only(records).version
    clock.sleep(1)

    assert bury(records, 1, 3, turn=2) == 1
    assert keys(records.get(A, "appointments", [1, 2])) == [2]
    assert keys(records.page(A, "appointments", after=None, limit=9)) == [2]
    assert keys(records.under(A, "appointments", "PatNum", 7)) == [2]
    assert keys(records.between(A, "appointments", None, None)) == [2]
    assert keys(records.between(A, "appointments", date(2026, 3, 2), date(2026, 3, 2), dead=True)) == [1, 2]
    assert [key for key, _ in records.versions(A, "appointments", after=None, limit=9)] == [2]
    grave = only(records)
    assert (grave.row["Note"], grave.version, grave.seq, grave.is_living) == ("a", version, micros(clock.now()), False)
    assert (grave.deleted_at, grave.read, grave.changed_at) == (NOW, read(2), clock.now())


def test_a_row_is_buried_once_and_by_no_earlier_reading(records: Any, clock: FakeClock) -> None:
    store(records, visit(1), turn=5)

    assert bury(records, 1, turn=4) == 0
    assert bury(records, 1, 1, turn=5) == 1
    assert bury(records, 1, turn=6) == 0
    assert nth(only(records), clock) == 2


def test_a_tombstone_returns_by_a_later_reading_and_stays_by_an_earlier_one(records: Any, clock: FakeClock) -> None:
    store(records, visit(1), turn=1)
    bury(records, 1, turn=3)

    assert store(records, visit(1), turn=2) == Stored(older=1)
    assert not only(records).is_living
    assert store(records, visit(1), turn=3) == Stored(changed=1)
    assert (nth(only(records), clock), only(records).deleted_at, only(records).is_living) == (3, None, True)
    assert keys(records.under(A, "appointments", "PatNum", 7)) == [1]
    assert [key for key, _ in records.versions(A, "appointments", after=None, limit=9)] == [1]


# -- lists ----------------------------------------------------------------------------------------------------------


def test_pages_follow_the_numbers_of_keys_whatever_their_length(records: Any) -> None:
    """Offices with random keys use all 64 bits, negative ones included; text would sort 10 before 9."""
    numbers = [LOWEST, -(10**18), -10, -9, 9, 10, 100, 10**18, 8_999_999_999_999_999_999, HIGHEST]
    store(records, *(visit(key) for key in reversed(numbers)))
    pages, after = [], None
    while page := keys(records.page(A, "appointments", after=after, limit=3)):
        pages.append(page)
        after = page[-1]

    assert pages == [numbers[0:3], numbers[3:6], numbers[6:9], numbers[9:]]
    assert keys(records.get(A, "appointments", [10, 9, -9, 10, 5])) == [-9, 9, 10]
    assert keys(records.under(A, "appointments", "PatNum", 7)) == numbers
    assert [key for key, _ in records.versions(A, "appointments", after=-10, limit=4)] == [-9, 9, 10, 100]


def test_a_page_is_short_only_at_the_end(records: Any) -> None:
    store(records, *(visit(key) for key in range(1, 21)))
    bury(records, *range(2, 12), turn=2)

    assert keys(records.page(A, "appointments", after=None, limit=5)) == [1, 12, 13, 14, 15]
    assert keys(records.page(A, "appointments", after=15, limit=5)) == [16, 17, 18, 19, 20]
    assert keys(records.page(A, "appointments", after=20, limit=5)) == []
    assert len(records.versions(A, "appointments", after=1, limit=9)) == 9


def test_rows_are_found_under_each_of_their_parents_and_under_no_other(records: Any) -> None:
    rows = [split(1, patient=7, payment=3), split(2, patient=8, payment=3), split(3, patient=7, payment=0)]
    records.store(A, "paysplits", rows, read=read(), cause="load")

    assert keys(records.under(A, "paysplits", "PatNum", 7)) == [1, 3]
    assert keys(records.under(A, "paysplits", "PayNum", 3)) == [1, 2]
    assert keys(records.under(A, "paysplits", "PatNum", 3)) == []
    assert keys(records.under(A, "paysplits", "PayNum", 0)) == []
    assert keys(records.under_each(A, "paysplits", "PatNum", [7, 8, 9])) == [1, 2, 3]
    assert keys(records.under_each(A, "paysplits", "PatNum", [8, 3, 0])) == [2]
    assert keys(records.under_each(B, "paysplits", "PatNum", [7, 8])) == []
    with pytest.raises(ValueError, match="not found under"):
        records.under(A, "paysplits", "SplitNum", 1)


def test_a_row_that_moves_is_found_in_its_new_places_only(records: Any) -> None:
    store(records, visit(1, "2026-03-02 09:00:00", patient=7), turn=1)
    store(records, visit(1, "2026-07-31 23:59:00", patient=8), turn=2)

    assert keys(records.under(A, "appointments", "PatNum", 7)) == []
    assert keys(records.under(A, "appointments", "PatNum", 8)) == [1]
    assert keys(records.between(A, "appointments", date(2026, 3, 1), date(2026, 3, 31))) == []
    assert keys(records.between(A, "appointments", date(2026, 7, 31), date(2026, 7, 31))) == [1]


def test_days_are_in_order_and_their_bounds_included(records: Any) -> None:
    days = [
        "1999-12-31",
        "2024-02-29",
        "2026-02-28",
        "2026-03-01",
        "2026-03-02",
        "2026-03-02",
        "2026-12-31",
        "2199-01-01",
    ]
    for key, day in zip((5, 9, -4, 8, 7, 3, 1, 2), days, strict=True):
        store(records, visit(key, f"{day} 08:00:00"))

    def between(first: date | None, last: date | None) -> list[int]:
        return keys(records.between(A, "appointments", first, last))

    assert between(None, None) == [5, 9, -4, 8, 3, 7, 1, 2]
    assert between(date(2026, 3, 1), date(2026, 3, 2)) == [8, 3, 7]
    assert between(date(2026, 3, 2), None) == [3, 7, 1, 2]
    assert between(None, date(2026, 2, 28)) == [5, 9, -4]
    assert between(date(2026, 3, 3), date(2026, 12, 30)) == []
    assert between(date(2026, 3, 2), date(2026, 3, 1)) == []
    assert between(date(2020, 1, 1), date(2027, 1, 1)) == [9, -4, 8, 3, 7, 1]


def test_the_months_of_a_resource_are_those_in_which_rows_may_be(records: Any) -> None:
    assert records.months(A, "appointments") == []
    store(records, visit(1, "2199-01-01 08:00:00"), visit(2, "1999-12-31 08:00:00"), visit(3, "1999-12-01 08:00:00"))
    store(records, visit(4, "0001-01-01 00:00:00"))
    store(records, visit(5, "2020-05-05 08:00:00"), practice=B)
    assert records.months(A, "appointments") == [date(1999, 12, 1), date(2199, 1, 1)]

    store(records, visit(2, "2026-03-31 08:00:00"), turn=2)
    # One that rows have left may be among them, one that they are in may not be missing.
    assert [one for one in records.months(A, "appointments") if one != date(1999, 12, 1)] == [
        date(2026, 3, 1),
        date(2199, 1, 1),
    ]
    assert records.months(A, "recalls") == []


@pytest.mark.parametrize("unset", ["0001-01-01 00:00:00", "", "soon"])
def test_a_row_without_a_day_is_on_none(records: Any, unset: str) -> None:
    store(records, visit(1, unset), visit(2))

    assert keys(records.between(A, "appointments", None, None)) == [2]
    assert keys(records.under(A, "appointments", "PatNum", 7)) == [1, 2]


def test_what_has_no_day_at_all_is_never_between(records: Any) -> None:
    records.store(A, "recalls", [{"RecallNum": 1, "PatNum": 7}], read=read(), cause="load")

    assert records.between(A, "recalls", None, None) == []


def test_changes_are_listed_in_their_order_with_burials_and_each_row_once(records: Any, clock: FakeClock) -> None:
    begun = clock.now()
    store(records, visit(3), visit(-1), visit(20))
    clock.sleep(86_400 * 70)
    later = clock.now()
    store(records, visit(3, note="b"), visit(4), turn=2)
    clock.sleep(10)
    bury(records, 20, turn=3)

    def changed(since: datetime, limit: int = 9, after: Record | None = None) -> list[Record]:
        where = None if after is None else (after.changed_at, after.key)
        found: list[Record] = records.changed(A, "appointments", since, after=where, limit=limit)
        return found

    assert keys(changed(begun)) == [-1, 3, 4, 20]
    assert [one.is_living for one in changed(later)] == [True, True, False]
    assert keys(changed(later)) == [3, 4, 20]
    assert keys(changed(begun - timedelta(days=9000), 2)) == [-1, 3]
    assert keys(changed(begun, 2, after=changed(begun, 2)[-1])) == [4, 20]
    assert keys(changed(later + timedelta(microseconds=1))) == [20]
    assert changed(clock.now() + timedelta(seconds=1)) == []


def test_nothing_is_kept_of_who_was_never_stored(records: Any) -> None:
    assert records.get(A, "appointments", [1]) == []
    assert records.between(A, "appointments", None, None) == []
    assert records.changed(A, "appointments", NOW - timedelta(days=900), after=None, limit=5) == []
    assert records.versions(A, "appointments", after=None, limit=5) == []
    assert store(records) == Stored()
    assert bury(records, 1) == 0
    assert records.forget(A)


def test_versions_are_those_of_the_content(records: Any) -> None:
    rows = [visit(2), visit(1, note="b")]
    store(records, *rows)

    assert records.versions(A, "appointments", after=None, limit=9) == [
        (key, content_version(row)) for key, row in ((1, rows[1]), (2, rows[0]))
    ]


# -- much -----------------------------------------------------------------------------------------------------------


def test_lists_of_more_than_a_batch_and_more_than_a_megabyte_are_whole(records: Any) -> None:
    """DynamoDB reads 100 keys and 1 MB at a time."""
    rows = [visit(key, note=secrets.token_hex(5_000)) for key in range(1, 261)]
    assert store(records, *rows) == Stored(changed=260)
    assert store(records, *rows, turn=2) == Stored(same=260)
    everything = list(range(1, 261))

    assert keys(records.page(A, "appointments", after=None, limit=1000)) == everything
    assert [one.row["Note"] for one in records.page(A, "appointments", after=250, limit=1000)] == [
        row["Note"] for row in rows[250:]
    ]
    assert keys(records.get(A, "appointments", everything)) == everything
    assert keys(records.under(A, "appointments", "PatNum", 7)) == everything
    assert keys(records.between(A, "appointments", None, None)) == everything
    assert [key for key, _ in records.versions(A, "appointments", after=None, limit=1000)] == everything
    assert keys(records.changed(A, "appointments", NOW - timedelta(days=1), after=None, limit=1000)) == everything


def test_a_row_that_is_too_long_for_an_item_is_kept_all_the_same(records: Any) -> None:
    """A note may have 65,000 characters, and an item 400 kB."""
    long, longer = secrets.token_hex(400_000), secrets.token_hex(900_000)
    store(records, visit(1, note=long), visit(2))
    assert only(records).row["Note"] == long
    assert store(records, visit(1, note=long), turn=2) == Stored(same=1)
    assert store(records, visit(1, note=longer), turn=3) == Stored(changed=1)
    assert [one.row["Note"] for one in records.page(A, "appointments", after=None, limit=2)] == [longer, ""]
    bury(records, 1, turn=4)
    assert only(records).row["Note"] == longer
    store(records, visit(1, note="short"), turn=5)

    assert keys(records.under(A, "appointments", "PatNum", 7)) == [1, 2]
    assert only(records).row["Note"] == "short"


# -- erasing --------------------------------------------------------------------------------------------------------


def test_what_is_forgotten_is_gone_and_nothing_else_is(records: Any) -> None:
    store(records, *(visit(key, note=secrets.token_hex(400_000 if key == 5 else 1)) for key in range(1, 31)))
    bury(records, 3, turn=2)
    store(records, visit(1), practice=B)
    records.store(A, "commlogs", [{"CommlogNum": 1, "PatNum": 7}], read=read(), cause="own_write")
    rounds = 0
    while not records.forget(A, "appointments", limit=7):
        rounds += 1

    assert 4 <= rounds <= 6
    assert records.get(A, "appointments", range(1, 31), dead=True) == []
    assert records.between(A, "appointments", None, None, dead=True) == []
    assert records.changed(A, "appointments", NOW - timedelta(days=1), after=None, limit=9) == []
    assert keys(records.page(A, "commlogs", after=None, limit=9)) == [1]
    assert records.forget(A)
    assert records.page(A, "commlogs", after=None, limit=9) == []
    assert keys(records.page(B, "appointments", after=None, limit=9)) == [1]
    assert keys(records.between(B, "appointments", None, None)) == [1]


def test_what_was_forgotten_can_be_stored_anew(records: Any, clock: FakeClock) -> None:
    store(records, visit(1), turn=9)
    before = only(records).seq
    clock.sleep(1)
    assert records.forget(A)

    assert store(records, visit(1, note="b"), turn=1) == Stored(changed=1)
    assert only(records).seq > before, "what is named by it must not have that name twice"
    assert keys(records.between(A, "appointments", None, None)) == [1]
    assert records.forget(A)
    assert records.page(A, "appointments", after=None, limit=9) == []
