"""An office's own set-up, remembered by the process that read it."""

from __future__ import annotations

from gateway.core.at_hand import MOST, REMEMBERED_S, remember, remembered
from gateway.core.operations import RowSet
from gateway.core.requests import Fetched, Freshness, at_hand, key_of_fetch
from tests.fakes.services import ELM_STREET, FakeServices


def fetched(on: FakeServices, name: str = "x") -> Fetched:
    return Fetched(RowSet({"definitions": [{"DefNum": 1, "ItemName": name}]}, on.clock.now(), 0), 0.0, "mirror", 0)


def test_it_is_remembered_for_half_a_minute_and_not_longer() -> None:
    on = FakeServices()
    remember("prac_a", "k", fetched(on), on=on)
    on.clock.seconds += REMEMBERED_S - 1
    assert remembered("prac_a", "k", on=on) is not None

    on.clock.seconds += 1
    assert remembered("prac_a", "k", on=on) is None


def test_nothing_is_remembered_for_another_practice_or_another_deployment() -> None:
    on, other = FakeServices(), FakeServices()
    remember("prac_a", "k", fetched(on), on=on)

    assert remembered("prac_b", "k", on=on) is None
    assert remembered("prac_a", "k", on=other) is None


def test_the_table_that_was_not_asked_for_the_longest_is_forgotten_first() -> None:
    on = FakeServices()
    for number in range(MOST):
        remember("prac_a", str(number), fetched(on), on=on)
    assert remembered("prac_a", "0", on=on) is not None

    remember("prac_a", "one more", fetched(on), on=on)

    assert remembered("prac_a", "0", on=on) is not None
    assert remembered("prac_a", "1", on=on) is None


def test_what_others_have_read_anew_is_taken_where_what_is_remembered_is_too_old() -> None:
    on, bound = FakeServices(), {"tables": ["definitions"]}
    cache_key = key_of_fetch("fetch.definitions", bound, practice=ELM_STREET, reference=True)

    def look(max_age_s: float) -> Fetched | None:
        young = Freshness(max_age_s, asked=True)
        return at_hand("fetch.definitions", bound, practice=ELM_STREET, freshness=young, on=on, reference=True)

    on.cache.put(ELM_STREET.id, cache_key, fetched(on, "old").rows)
    on.clock.seconds += 100
    assert look(3600) is not None
    on.cache.put(ELM_STREET.id, cache_key, fetched(on, "new").rows)

    found = look(60)
    assert found is not None
    assert found.rows.rows["definitions"][0]["ItemName"] == "new"
