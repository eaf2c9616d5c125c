"""The time of day jumps by an hour between two requests, for all functions at once, also where the office's clocks
change: keys of requests, cursors, kept times and copies mean what they meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.fakes.deployment import Deployment, deployed

HOURS = (timedelta(hours=1), timedelta(hours=-1))
SCOPES = ("*:read", "communications:write", "appointments:write")


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as d:
        d.read_up()
        yield d


@pytest.fixture
def d(office: Deployment) -> Iterator[Deployment]:
    start = office.on.clock.start
    office.on.clock.seconds += 3600
    yield office
    office.on.clock.start = start
    office.on.clock.seconds += 7200


@pytest.mark.parametrize("jump", HOURS)
def test_a_request_that_is_repeated_after_a_jump_is_the_same_one(d: Deployment, jump: timedelta) -> None:
    key, before = f"talk {jump}", len(d.rows("commlog"))
    talk = {"patient_id": d.id_of("patient", 3), "note": "Asked about the bridge", "mode": "phone"}
    first = d.post("/communications", talk, key=key)
    d.on.clock.start += jump
    second = d.post("/communications", talk, key=key)
    d.on.world.run(900)

    assert (first.status, second.status) == (201, 201)
    assert second.body["id"] == first.body["id"]
    assert len(d.rows("commlog")) == before + 1


@pytest.mark.parametrize("jump", HOURS)
def test_a_list_goes_on_where_it_was_after_a_jump(d: Deployment, jump: timedelta) -> None:
    whole = d.get("/definitions", practice_id=d.practice_id, limit=30).body["data"]
    page = d.get("/definitions", practice_id=d.practice_id, limit=15).body
    d.on.clock.start += jump
    rest = d.get("/definitions", practice_id=d.practice_id, limit=15, cursor=page["next_cursor"])

    assert rest.status == 200, rest.body
    assert [one["id"] for one in page["data"] + rest.body["data"]] == [one["id"] for one in whole]


def hold(d: Deployment, at: str, **more: Any) -> Any:
    provider, chair = d.id_of("provider", 1), d.id_of("operatory", 1)
    where = {"provider_id": provider, "operatory_id": chair, "local_start": at, "duration_minutes": 30}
    return d.post("/slots/hold", {**where, **more})


@pytest.mark.parametrize("jump", HOURS)
def test_a_kept_time_lasts_at_most_its_seconds_and_the_jump_and_can_be_let_go_of(
    d: Deployment, jump: timedelta
) -> None:
    at = f"2026-12-1{4 + HOURS.index(jump)}T10:00:00"
    kept = hold(d, at, seconds=300)
    d.on.clock.start += jump
    again = hold(d, at, seconds=120)
    d.on.clock.seconds += 301 - min(0.0, jump.total_seconds())
    after = hold(d, at, seconds=120)

    assert kept.status == 201, kept.body
    assert again.status == (201 if jump > timedelta(0) else 409)
    assert after.status == 201
    assert d.send("DELETE", f"/slots/hold/{after.body['id']}").status == 204


@pytest.mark.parametrize("jump", HOURS)
def test_what_was_written_is_what_the_next_reader_sees_also_after_a_jump(d: Deployment, jump: timedelta) -> None:
    """A copy from before the write must not come back because the clock does."""
    patient = d.id_of("patient", 5)
    before = d.get("/communications", patient_id=patient).body["data"]
    made = d.post("/communications", {"patient_id": patient, "note": f"Called {jump}", "mode": "phone"})
    d.on.clock.start += jump
    seen = d.get("/communications", patient_id=patient).body["data"]

    assert made.status == 201, made.body
    assert {one["id"] for one in seen} == {one["id"] for one in before} | {made.body["result"]["id"]}


@pytest.mark.parametrize(
    ("night", "there", "back"),
    [
        ("2027-03-14T07:30:00+00:00", "2027-03-14T01:30:00-06:00", "2027-03-14T04:30:00-05:00"),
        ("2026-11-01T05:30:00+00:00", "2026-11-01T00:30:00-05:00", "2026-11-01T01:30:00-06:00"),
    ],
)
def test_the_night_on_which_the_offices_clocks_change_is_as_long_as_it_is(
    d: Deployment, night: str, there: str, back: str
) -> None:
    """Its pace, its keys of requests and what is kept count by a clock that knows no summer."""
    d.on.clock.start = datetime.fromisoformat(night) - timedelta(seconds=d.on.clock.seconds)
    zone = d.on.practices.get(d.practice_id).zone()
    assert d.on.clock.now().astimezone(zone).isoformat() == there
    talk = {"patient_id": d.id_of("patient", 3), "note": f"Night of {night}", "mode": "phone"}
    first = d.post("/communications", talk, key=night)
    slots = d.on.pace.load(d.practice_id).keys
    d.on.clock.seconds += 2 * 3600
    again = d.post("/communications", talk, key=night)
    asked = d.on.clock.now()
    d.get("/communications", patient_id=talk["patient_id"])

    assert first.status == 201, first.body
    assert again.body["id"] == first.body["id"]
    assert slots and d.on.clock.now() - asked < timedelta(seconds=10)
    assert asked.replace(microsecond=0, second=0).astimezone(zone).isoformat() == back
