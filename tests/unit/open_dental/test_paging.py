"""Reading a list to its end."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_dental.paging import Paging, pages


class Rows:
    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def rows(self) -> list[dict[str, Any]]:
        return self._rows


class Office:
    """A list of the office; `cap` is where it cuts a page, `deaf` makes it ignore Offset."""

    def __init__(self, keys: list[int], *, cap: int = 10_000, deaf: bool = False, quoted: bool = False) -> None:
        self.keys, self.cap, self.deaf, self.quoted = keys, cap, deaf, quoted
        self.queries: list[Mapping[str, object]] = []

    def __call__(self, operation_id: str, query: Mapping[str, object]) -> Rows:
        self.queries.append(query)
        offset = 0 if self.deaf else int(str(query["Offset"]))
        page = self.keys[offset : offset + min(int(str(query["Limit"])), self.cap)]
        return Rows([{"PatNum": str(one) if self.quoted else one} for one in page])


def read(office: Office, limit: int) -> list[int]:
    return [int(row["PatNum"]) for page in pages(office, "patients.Simple", page_limit=limit) for row in page]


@given(st.integers(0, 60), st.integers(1, 20), st.booleans())
def test_a_list_that_stands_still_is_read_whole_once_and_in_order(count: int, limit: int, quoted: bool) -> None:
    office = Office(list(range(1, count + 1)), quoted=quoted)

    assert read(office, limit) == office.keys
    assert len(office.queries) == count // limit + 1


def test_each_page_is_asked_for_in_the_vendors_exact_case_with_the_filters_kept() -> None:
    office = Office([1, 2, 3])
    list(pages(office, "patients.Simple", {"LName": "X"}, page_limit=2))

    assert office.queries == [
        {"LName": "X", "Limit": 2, "Offset": 0},
        {"LName": "X", "Limit": 2, "Offset": 2},
    ]


def test_an_office_that_ignores_the_offset_ends_the_list_and_is_not_believed() -> None:
    """Else page one comes for ever, and spends the practice's pace."""
    office = Office(list(range(5)), deaf=True)
    paging = Paging("patients.Simple", page_limit=5)
    while (query := paging.next_query()) is not None:
        paging.take(office("patients.Simple", query).rows())

    assert paging.pages_read == 2
    assert paging.done
    assert not paging.complete


def test_an_office_that_allows_smaller_pages_than_we_were_told_is_still_read_whole() -> None:
    office = Office(list(range(1, 251)), cap=100)

    assert read(office, 1000) == office.keys
    assert [query["Limit"] for query in office.queries] == [1000, 100, 100]


def test_a_row_that_moves_to_a_later_page_is_given_out_once() -> None:
    paging = Paging("procedurelogs.list", page_limit=2)

    first = paging.take([{"ProcNum": 9}, {"ProcNum": 8}])
    # Newest first: a new row has pushed 8 onto the second page.
    second = paging.take([{"ProcNum": "8"}, {"ProcNum": 7}])
    third = paging.take([{"ProcNum": 6}])

    assert [row["ProcNum"] for row in (*first, *second, *third)] == [9, 8, 7, 6]
    assert paging.repeats == 1
    assert paging.complete


@given(st.integers(0, 30), st.integers(1, 6), st.lists(st.integers(0, 3), max_size=8))
def test_rows_added_in_front_while_reading_cost_repeats_and_no_row(count: int, limit: int, added: list[int]) -> None:
    """Lists that show the newest first: every row that stood there at the start is read, and once."""
    newest_first = list(range(count, 0, -1))
    paging, read, arrivals = Paging("procedurelogs.list", page_limit=limit), list[int](), iter(added)
    while (query := paging.next_query()) is not None:
        start = int(str(query["Offset"]))
        read += [
            row["ProcNum"] for row in paging.take([{"ProcNum": key} for key in newest_first[start : start + limit]])
        ]
        for _ in range(next(arrivals, 0)):
            newest_first.insert(0, newest_first[0] + 1 if newest_first else 1)

    assert len(set(read)) == len(read)
    if paging.complete:
        assert set(range(1, count + 1)) <= set(read)


def test_rows_without_a_key_are_compared_whole() -> None:
    paging = Paging("securityperms.list", page_limit=2)
    rows = [{"Permission": "ApiReadAll", "HasPermission": "true"}, {"Permission": "ApiComm", "HasPermission": "true"}]

    assert paging.take(rows) == rows
    assert paging.take([rows[1], {"Permission": "ApiSetup"}]) == [{"Permission": "ApiSetup"}]


@pytest.mark.parametrize("nobody", [0, "0"])
def test_rows_whose_key_is_nobodys_are_not_taken_for_one_row(nobody: object) -> None:
    """A patient's mounts all have the document key 0."""
    paging = Paging("documents.list")

    assert len(paging.take([{"DocNum": nobody, "MountNum": 1}, {"DocNum": nobody, "MountNum": 2}])) == 2


def test_pages_that_bring_nothing_new_end_the_list_even_in_another_order() -> None:
    paging = Paging("patients.Simple", page_limit=2)
    paging.take([{"PatNum": 1}, {"PatNum": 2}])
    paging.take([{"PatNum": 2}, {"PatNum": 1}])
    assert not paging.done

    paging.take([{"PatNum": 1}, {"PatNum": 2}])

    assert paging.done
    assert not paging.complete


def test_an_operation_without_pages_is_called_once() -> None:
    paging = Paging("patients.get", page_limit=1)

    assert paging.next_query() == {}
    paging.take([{"PatNum": 1}])
    assert paging.next_query() is None
    assert paging.complete
    with pytest.raises(ValueError, match="ended"):
        paging.take([])


@pytest.mark.parametrize("query", [{"Limit": 5}, {"Offset": 5}])
def test_the_page_is_set_in_one_place(query: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Limit"):
        Paging("patients.Simple", query)
    with pytest.raises(ValueError, match="at least one"):
        Paging("patients.Simple", page_limit=0)
