"""Audiences: the fake and the table keep one contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.audiences import DynamoAudiences
from gateway.core.audiences.records import KEPT, Audience, Audiences, State, Superseded
from gateway.core.errors import NotFound
from gateway.core.ids import new_id, row_id
from tests.contract.conftest import make_table
from tests.fakes.audiences import FakeAudiences

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM = new_id("practice")


def an_audience(number: int = 7, **changes: Any) -> Audience:
    wanted = {"practice_id": ELM, "filter": {"status": ["active"]}}
    made = Audience(row_id("audience", ELM, number), ELM, "cli_ada", wanted, "hash", NOON, NOON, of=900)
    return replace(made, **changes)


@pytest.fixture(params=["fake", "dynamodb"])
def audiences(request: pytest.FixtureRequest) -> Audiences:
    if request.param == "fake":
        return FakeAudiences()
    request.getfixturevalue("aws")
    return DynamoAudiences(make_table("audiences", due=False), table="audiences")


def test_what_was_made_is_read_back_as_it_was(audiences: Audiences) -> None:
    full = an_audience(
        after=2**62, seen=5, people=3, left_out={"no-consent": 2}, built_at=NOON, code="x", state=State.FAILED
    )

    assert audiences.make(full) == full
    assert audiences.get(full.id, now=NOON) == full


def test_of_one_id_the_first_stays(audiences: Audiences) -> None:
    first = audiences.make(an_audience())

    assert audiences.make(an_audience(body_hash="other")) == first


def test_what_is_not_there_or_has_expired_is_not_found(audiences: Audiences) -> None:
    audiences.make(an_audience())
    for id_, now in ((row_id("audience", ELM, 8), NOON), (an_audience().id, NOON + KEPT)):
        with pytest.raises(NotFound):
            audiences.get(id_, now=now)
    assert audiences.get(an_audience().id, now=NOON + KEPT - timedelta(seconds=1)).rev == 0


def test_people_and_the_place_behind_them_are_stored_together_or_not_at_all(audiences: Audiences) -> None:
    was = audiences.make(an_audience())
    then = audiences.change(replace(was, after=9, people=2), [3, 9])

    assert (then.rev, audiences.get(was.id, now=NOON)) == (1, then)
    with pytest.raises(Superseded):
        audiences.change(replace(was, after=8, people=1), [8])
    assert audiences.people(then, after=None, limit=10) == [3, 9]
    with pytest.raises(Superseded):
        audiences.change(an_audience(8), [1])


def test_of_many_who_store_the_same_page_one_does(audiences: Audiences) -> None:
    was = audiences.make(an_audience())

    def store(_: int) -> bool:
        try:
            audiences.change(replace(was, after=9), [9])
        except Superseded:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(store, range(4))) == 1
    assert audiences.people(was, after=None, limit=10) == [9]


def test_people_come_in_the_order_of_their_keys_from_wherever_one_goes_on(audiences: Audiences) -> None:
    """Keys of offices with random ones have 19 digits, others begin with 1."""
    pages = ([1, 2, 9], [10, 11], [10**18, 2**63 - 1])
    one = audiences.make(an_audience())
    other = audiences.make(an_audience(8))
    audiences.change(other, [4])
    for page in pages:
        one = audiences.change(one, page)
    one = audiences.change(one)
    everybody = [key for page in pages for key in page]

    for limit in (1, 2, 3, 8):
        found: list[int] = []
        while page := audiences.people(one, after=found[-1] if found else None, limit=limit):
            found += page
        assert found == everybody
    assert audiences.people(one, after=5, limit=2) == [9, 10]


def test_forgotten_people_are_gone_and_the_record_stays(audiences: Audiences) -> None:
    one = audiences.make(an_audience())
    for at in range(40):
        one = audiences.change(one, [at + 1])
    for _ in range(2):
        audiences.forget_people(one)

    assert audiences.people(one, after=None, limit=10) == []
    assert audiences.get(one.id, now=NOON) == one
