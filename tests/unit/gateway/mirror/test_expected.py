"""What is listed by patient only: complete where the key may query, and known of single patients where it may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.core.mirror import expected
from gateway.core.mirror.syncing import Phase
from tests.fakes.deployment import IDS, Answered
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.services import Life

ALERTS = ("allergies.list", "medicationpats.list")


@contextmanager
def office_on_a_tuesday(*, queries: bool = False, practices: int = 1) -> Iterator[MirroredOffice]:
    """A loaded office at six in the morning of a Tuesday, whose visits of the week are set below."""
    with mirrored_office("--patients", "40", queries=queries, practices=practices) as office:
        wall = office.on.clock.now().astimezone(office.clock.zone)
        day = wall.date() + timedelta(days=(1 - wall.weekday()) % 7 or 7)
        opens = datetime(day.year, day.month, day.day, 6, tzinfo=office.clock.zone)
        office.on.clock.seconds += (opens - wall).total_seconds()
        for row in office.store.rows('SELECT "AptNum" FROM appointment'):
            office.store.update("appointment", row["AptNum"], {"AptStatus": 2})
        yield office


def visit(office: MirroredOffice, patient: int, days: int, **more: Any) -> None:
    at = office.on.clock.now().astimezone(office.clock.zone).date() + timedelta(days=days)
    row = {"PatNum": patient, "AptStatus": 1, "AptDateTime": f"{at} 10:00:00", "Pattern": "//XX//", **more}
    office.store.insert("appointment", row)


def patients(office: MirroredOffice, count: int) -> list[int]:
    """So many, the first of whom has an allergy."""
    allergic = [row["PatNum"] for row in office.d.rows("allergy")]
    others = [row["PatNum"] for row in office.d.rows("patient", "PatStatus = 0") if row["PatNum"] not in allergic]
    return [allergic[0], *others[: count - 1]]


def ask(office: MirroredOffice, patient: int, *, age: int | None = None, path: str = "/allergies") -> Answered:
    headers = {} if age is None else {"Cache-Control": f"max-age={age}"}
    query = {"patient_id": office.d.id_of("patient", patient)}
    return office.d.send("GET", path, query=query, headers=headers)


def served_from(answered: Answered) -> str:
    return str(answered.body["meta"]["served_from"])


# With queries


def test_who_has_no_allergy_is_known_without_a_call_once_everybody_was_looked_at() -> None:
    with office_on_a_tuesday(queries=True) as office:
        office.load(3600)
        allergic, other = patients(office, 2)
        office.d.upstream_calls.clear()
        some, none = ask(office, allergic, age=7200), ask(office, other, age=7200)

        assert served_from(some) == served_from(none) == "mirror"
        assert some.body["data"]
        assert none.body["data"] == []
        assert not {*ALERTS} & {*office.d.upstream_calls}


# Without


def test_alerts_of_those_who_come_today_or_tomorrow_are_read_before_they_come() -> None:
    with office_on_a_tuesday() as office:
        here, tomorrow, later, done = patients(office, 4)
        visit(office, here, 0)
        visit(office, tomorrow, 1)
        visit(office, later, 2)
        visit(office, done, 0, AptStatus=2)
        office.load(3600)
        office.run(600)
        read = office.d.upstream_calls.count("allergies.list")
        noted = office.on.records.wholes(office.id, "allergies", "PatNum", [here, tomorrow, later, done])

        assert noted.keys() == {here, tomorrow}
        assert read == 2
        assert served_from(ask(office, here, age=14_400)) == "mirror"
        assert served_from(ask(office, tomorrow, age=14_400, path="/medications")) == "mirror"
        assert served_from(ask(office, later, age=14_400)) != "mirror"


def test_an_alert_older_than_a_minute_is_read_anew_for_who_says_nothing() -> None:
    with office_on_a_tuesday() as office:
        (here,) = patients(office, 1)
        visit(office, here, 0)
        office.load(3600)
        office.run(600)

        assert served_from(ask(office, here, age=14_400)) == "mirror"
        assert served_from(ask(office, here)) != "mirror"
        assert served_from(ask(office, here)) == "mirror", "it has just been read by somebody"


def test_they_are_read_again_after_hours_and_no_sooner() -> None:
    with office_on_a_tuesday() as office:
        (here,) = patients(office, 1)
        visit(office, here, 0)
        office.load(3600)
        office.run(600)
        office.d.upstream_calls.clear()
        office.run(3 * 3600)
        assert not {*ALERTS} & {*office.d.upstream_calls}
        office.run(2 * 3600)

        assert [office.d.upstream_calls.count(one) for one in ALERTS] == [1, 1]


def test_a_visit_that_is_made_during_the_day_is_seen_within_twenty_minutes() -> None:
    with office_on_a_tuesday() as office:
        office.load(3600)
        office.run(600)
        (here,) = patients(office, 1)
        visit(office, here, 0)
        office.run(1200)

        assert served_from(ask(office, here, age=14_400)) == "mirror"


def test_an_allergy_that_is_gone_from_the_list_is_not_answered() -> None:
    with office_on_a_tuesday() as office:
        (here,) = patients(office, 1)
        office.load(3600)
        assert ask(office, here).body["data"]
        for row in office.store.find("allergy", {"PatNum": here}):
            office.store.delete("allergy", row["AllergyNum"])
        office.on.clock.seconds += 90
        assert served_from(ask(office, here)) != "mirror"
        again = ask(office, here)

        assert served_from(again) == "mirror"
        assert again.body["data"] == []


def test_a_note_of_another_database_says_nothing() -> None:
    with office_on_a_tuesday() as office:
        (here,) = patients(office, 1)
        office.load(3600)
        ask(office, here)
        assert served_from(ask(office, here, age=600)) == "mirror"
        state = office.on.syncs.load(office.id)
        office.on.syncs.save_practice(replace(state, epoch=state.epoch + 1))
        office.on.clock.seconds += 30

        assert served_from(ask(office, here, age=600)) != "mirror"


def test_an_own_write_since_is_not_hidden_by_a_note() -> None:
    with office_on_a_tuesday() as office:
        (here,) = patients(office, 1)
        office.load(3600)
        ask(office, here)
        before = ask(office, here, age=600)
        assert served_from(before) == "mirror"
        office.on.clock.seconds += 1
        office.on.syncs.touch(office.id, ["allergies:0"], office.on.clock.now())
        office.on.clock.seconds += 30

        assert served_from(ask(office, here, age=600)) != "mirror"


def test_another_practice_with_equal_keys_has_notes_of_its_own() -> None:
    with office_on_a_tuesday(practices=2) as office:
        (here,) = patients(office, 1)
        visit(office, here, 0)
        office.load(3600)
        office.run(600)

        assert office.on.records.wholes(IDS[0], "allergies", "PatNum", [here])
        assert office.on.records.wholes(IDS[1], "allergies", "PatNum", [here]) == {}


def test_an_office_that_refuses_the_list_is_asked_once_an_hour() -> None:
    with office_on_a_tuesday() as office:
        (here,) = patients(office, 1)
        visit(office, here, 0)
        office.d.faulty("status", "allergies.list", status=400, count=None)
        office.load(3600)
        office.d.upstream_calls.clear()
        office.run(3600)

        assert 0 < office.d.upstream_calls.count("allergies.list") <= 2
        assert office.state("allergies").phase is Phase.NOT_OFFERED


def test_whoever_dies_meanwhile_is_followed_by_somebody_who_goes_on() -> None:
    with office_on_a_tuesday() as office:
        coming = patients(office, 6)
        for patient in coming:
            visit(office, patient, 0)
        office.load(3600)
        office.on.world.next_life = lambda: Life(left=25)
        office.run(300)
        office.on.world.next_life = lambda: None
        office.run(1200)

        assert office.on.records.wholes(office.id, "medicationpats", "PatNum", coming).keys() == {*coming}


@pytest.mark.parametrize(
    ("wall", "last"), [("2026-03-02", "2026-03-03"), ("2026-03-06", "2026-03-07"), ("2026-03-07", "2026-03-09")]
)
def test_the_next_working_day_of_a_saturday_is_monday(wall: str, last: str) -> None:
    now = datetime.fromisoformat(f"{wall} 23:30:00").replace(tzinfo=ZoneInfo("America/Chicago"))

    assert [str(day) for day in expected.days(now)] == [wall, last]
