"""What an office means by its words: read by the background, so that no answer of the mirror asks for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.core.mirror import words
from gateway.core.practices import Tier
from gateway.core.queries.preferences import NAMES
from tests.fakes.deployment import Answered
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

PATIENTS = ("--patients", "8")
QUERY = "queries.ShortQuery"
LIST = "preferences.list"


def visits(office: MirroredOffice, age: int = 3600) -> Answered:
    today = office.d.today
    days = {"date_from": today - timedelta(days=15), "date_to": today + timedelta(days=15)}
    return office.d.send("GET", "/appointments", query=days, headers={"Cache-Control": f"max-age={age}"})


def asked_for(office: MirroredOffice) -> int:
    """How many calls brought preferences."""
    return office.d.upstream_calls.count(LIST)


@pytest.mark.parametrize("queries", [False, True])
def test_the_first_list_of_a_loaded_mirror_costs_no_call_and_has_all_its_words(queries: bool) -> None:
    with mirrored_office(*PATIENTS, queries=queries) as office:
        office.load(3600)
        office.d.upstream_calls.clear()

        found = visits(office)
        meta = found.body["meta"]

        assert (meta["served_from"], meta["upstream_calls"], office.d.upstream_calls) == ("mirror", 0, [])
        assert "confirmation.status" not in meta["omitted"]
        assert {one["confirmation"]["status"] for one in found.body["data"]} - {"other", None}


@pytest.mark.parametrize("queries", [False, True])
def test_they_are_read_twice_a_day_by_one_statement_where_the_key_may_query(queries: bool) -> None:
    with mirrored_office(*PATIENTS, queries=queries) as office:
        if not queries:
            office.d.know(tier=Tier.STANDARD)
            office.d.simulated.change({"tier": "standard"})
        office.load(3600)
        of_load = asked_for(office)
        office.run(words.AGAIN.total_seconds() * 0.9)
        none = asked_for(office) - of_load
        office.run(words.AGAIN.total_seconds() * 0.2)

        each = 0 if queries else len(NAMES)
        # Which version answers is looked at once a day.
        version = 1
        assert (of_load, none, asked_for(office) - of_load) == (each, version, each + version)


def test_an_office_that_refuses_its_preferences_is_asked_once_an_hour_and_answers_without_them() -> None:
    with mirrored_office(*PATIENTS, queries=False) as office:
        office.d.faulty("status", LIST, status=400, text="no", count=None)
        office.load(3600)
        before = asked_for(office)
        office.run(7200)
        found = visits(office)

        assert 1 <= asked_for(office) - before <= 3
        assert (found.status, found.body["meta"]["upstream_calls"]) == (200, 0)
        assert "confirmation.status" in found.body["meta"]["omitted"]


def test_a_turn_that_gives_way_goes_on_where_it_was() -> None:
    """In a busy office one call a turn must be enough."""
    with mirrored_office(*PATIENTS, queries=False) as office:
        office.d.know(tier=Tier.STANDARD)
        waiting: list[str] = []

        def somebody_comes(operation: str) -> None:
            if operation == LIST:
                waiting.append(operation)
                office.on.pace.count(office.id, waiting=1)

        office.d.before_call = somebody_comes
        office.turn_on()
        for _ in range(2 * len(NAMES)):
            office.run(60)
            office.on.pace.count(office.id, waiting=-len(waiting))
            waiting.clear()

        assert asked_for(office) == len(NAMES)
        assert office.on.syncs.load(office.id).words_due_at is not None
