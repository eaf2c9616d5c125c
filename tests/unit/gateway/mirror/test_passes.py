"""Reading a list to its end while the office works in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.mirror import passes
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.passes import ALL, Listing, Step
from gateway.core.mirror.schedule import is_past
from gateway.core.mirror.syncing import Pass

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BY_KEY = Listing(("K",), "K")
NEWEST_FIRST = Listing(("K",), "K", descending=True)
BY_TIME = Listing(("T", "K"), "K")

Row = dict[str, Any]


@dataclass
class Office:
    """A list that changes between two pages: `changes[n]` happens before the n-th page."""

    rows: dict[int, Row]
    how: Listing
    changes: list[list[tuple[str, int]]]
    shuffled: bool = False

    def page(self, limit: int, offset: int, number: int) -> list[Row]:
        for kind, key in self.changes[number] if number < len(self.changes) else ():
            if kind == "delete":
                self.rows.pop(key, None)
            else:
                # New rows have new keys, the highest.
                new = max(self.rows, default=0) + 1 if kind == "insert" else key + 10_000
                self.rows.setdefault(new, _row(new))
        rows = sorted(self.rows.values(), key=lambda row: self.how.place(row) or (), reverse=self.how.descending)
        if self.shuffled:
            rows = sorted(self.rows.values(), key=lambda row: row["K"] * 7919 % 1009)
        return rows[offset : offset + limit]


def _row(key: int) -> Row:
    # Times tie on purpose, and run against the keys.
    return {"K": key, "T": f"2026-{12 - key % 12:02}-01 08:00:00"}


def read(office: Office, *, limit: int, most: int = 400) -> tuple[set[int], set[int], Pass]:
    """All keys that a pass kept, all that it found missing of the rows there were at first, and its end."""
    kept = [(row["K"], office.how.place(row) or ()) for row in office.rows.values()]
    running, seen = Pass("load", "all", 0, START), set[int]()
    for number in range(most):
        query = passes.query_of(running, {}, page_limit=limit)
        rows = office.page(int(str(query["Limit"])), int(str(query["Offset"])), number)
        present = set(office.rows)
        step = passes.take(running, rows, office.how, page_limit=limit)
        seen |= {row["K"] for row in step.rows}
        found = passes.missing(kept, step, office.how)
        assert office.shuffled or not set(found) & present, "a row that was on its page's list is called missing"
        running = replace(step.running, missing=(*step.running.missing, *found))
        if step.done:
            return seen, set(running.missing), running
    raise AssertionError("the pass does not end")


CHANGES = st.lists(
    st.lists(st.tuples(st.sampled_from(["delete", "delete", "insert", "far"]), st.integers(1, 60)), max_size=12),
    max_size=12,
)


@given(
    count=st.integers(0, 60),
    changes=CHANGES,
    limit=st.integers(2, 9),
    how=st.sampled_from([BY_KEY, NEWEST_FIRST, BY_TIME]),
)
def test_every_row_that_lives_through_the_whole_pass_is_seen(
    count: int, changes: list[list[tuple[str, int]]], limit: int, how: Listing
) -> None:
    """By offset alone a deletion in front of the reader hides a living row from both of two pages."""
    rows = {key: _row(key) for key in range(1, count + 1)}
    office = Office(dict(rows), how, changes)

    seen, gone, _ = read(office, limit=limit)

    lived = {key for key in rows if key in office.rows}
    assert lived <= seen
    assert not gone & lived


@given(count=st.integers(0, 60), gone=st.sets(st.integers(1, 60)), limit=st.integers(2, 9))
def test_what_was_deleted_before_a_pass_is_missing_from_it(count: int, gone: set[int], limit: int) -> None:
    rows = {key: _row(key) for key in range(1, count + 1)}
    changes: list[list[tuple[str, int]]] = [[("delete", key) for key in sorted(gone)]]

    for how in (BY_KEY, NEWEST_FIRST, BY_TIME):
        _, missing, _ = read(Office(dict(rows), how, changes), limit=limit)

        assert missing == gone & set(rows)


@given(count=st.integers(0, 80), limit=st.integers(2, 9))
def test_a_list_in_no_order_is_read_to_its_end_and_nothing_is_called_missing(count: int, limit: int) -> None:
    rows = {key: _row(key) for key in range(1, count + 1)}

    seen, gone, running = read(Office(dict(rows), BY_KEY, [], shuffled=True), limit=limit)

    assert seen == set(rows)
    assert not gone
    assert running.is_blind == (not running.ordered and count >= limit)


@pytest.mark.parametrize("rows", [0, 1, 99, 100, 101, 470_000])
def test_overlapping_pages_cost_two_percent_at_most(rows: int) -> None:
    pages = 0
    running = Pass("load", "all", 0, START)
    while True:
        first = max(0, running.offset - 1)
        page = [{"K": key} for key in range(first + 1, min(first + 100, rows) + 1)]
        step = passes.take(running, page, BY_KEY, page_limit=100)
        running, pages = step.running, pages + 1
        if step.done:
            break

    assert running.seen == rows
    assert pages <= max(2, -(-rows // 100) * 1.02)


def test_a_server_that_takes_no_offset_is_found_out() -> None:
    """In lower case the vendor ignores the offset, and page one comes for ever."""
    running = Pass("load", "all", 0, START)
    page = [{"K": key} for key in range(1, 11)]
    for _ in range(passes.MOST_STALLED + 2):
        running = passes.take(running, page, BY_KEY, page_limit=10).running

    assert passes.is_stuck(running)


def test_an_office_that_cuts_pages_shorter_than_we_were_told_is_read_to_its_end() -> None:
    step = passes.take(Pass("load", "all", 0, START), [{"K": key} for key in range(1, 101)], BY_KEY, page_limit=1000)

    assert not step.done


@pytest.mark.parametrize(
    "row", [{}, {"K": 0}, {"K": None}, {"K": "odd"}, {"K": "0"}, "no row", None, 7, {"K": [1]}, {"T": "08:00:00"}]
)
def test_a_row_without_its_key_breaks_no_pass(row: Any) -> None:
    step = passes.take(Pass("load", "all", 0, START), [{"K": 1}, row, {"K": "2"}], BY_KEY, page_limit=100)

    assert step.done
    assert step.keys == {1, 2}


def test_what_is_to_come_is_loaded_before_what_has_been() -> None:
    appointments = passes.parts(MIRRORED["appointments"], date(2026, 11, 23), purpose="load")
    months = passes.parts(MIRRORED["schedules"], date(2026, 11, 23), purpose="load")

    assert [part.name for part in appointments] == ["future", "past"]
    assert months[0].name == "2026-11"
    assert [part.is_past for part in months] == sorted(part.is_past for part in months)
    assert all(is_past(part.name, START) == part.is_past for part in (*appointments, *months))
    days = sorted(part.days for part in months if part.days)
    assert all((later[0] - earlier[1]).days == 1 for earlier, later in pairwise(days))


def test_the_past_ends_where_the_future_began() -> None:
    past = passes.parts(MIRRORED["appointments"], date(2026, 3, 1), purpose="load")[1]
    rows = [{"T": f"2026-{month:02}-01 08:00:00", "K": month} for month in range(1, 5)]

    step = passes.take(Pass("load", "past", 0, START), rows, BY_TIME, past, page_limit=4)

    assert step.done
    assert step.running.seen == 2


def test_a_page_that_does_not_join_counts_for_nothing_but_its_rows_are_kept() -> None:
    running = replace(Pass("load", "all", 0, START), offset=10, edge=(10,))

    step: Step = passes.take(running, [{"K": 12}, {"K": 13}], BY_KEY, ALL, page_limit=5)

    assert not step.done
    assert step.span is None
    assert step.running.offset < 10
    assert [row["K"] for row in step.rows] == [12, 13]
