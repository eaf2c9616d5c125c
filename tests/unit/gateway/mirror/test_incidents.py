"""After every silence it is noticed what was missed, told, and healed by the smallest reading that will do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.mirror import identity, incidents, reading, schedule
from gateway.core.mirror.feeds import BACKUP_RESTORED
from gateway.core.mirror.health import sync_view
from gateway.core.mirror.syncing import Incident, Phase, PracticeSync, Wanted
from gateway.core.objects.sync import SyncView
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Tier
from infra.sandbox.practice import schema
from tests.fakes.deployment import deployed
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office_history import OfficeHistory

PATIENTS = ("--patients", "15")
TUESDAY_TEN = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
DAY_S = 86_400.0

Database = Mapping[str, Sequence[Mapping[str, Any]]]


def at(office: MirroredOffice, moment: datetime) -> None:
    office.on.clock.start += moment - office.on.clock.now()


def told(office: MirroredOffice) -> list[dict[str, Any]]:
    practice, now = office.on.practices.get(office.id), office.on.clock.now()
    view = sync_view(office.on.syncs.load(office.id), practice, office.on.paces.view(office.id), now)
    SyncView.model_validate(view, strict=True)
    found: list[dict[str, Any]] = view["incidents"]
    return found


def database(office: MirroredOffice) -> Database:
    return {name: office.store.rows(f'SELECT * FROM "{name}"') for name in schema.tables()}


def put(office: MirroredOffice, rows: Database) -> None:
    """Have the office's database be this one, as a restore or a move does."""
    for name, wanted in rows.items():
        key = schema.tables()[name].key
        new = {row[key]: row for row in wanted}
        old = {row[key]: row for row in office.store.rows(f'SELECT * FROM "{name}"')}
        for number in old.keys() - new.keys():
            office.store.delete(name, number)
        for number, row in new.items():
            if number not in old:
                office.store.insert(name, row)
            if office.store.get(name, number) != row:
                office.store.update(name, number, row)


def another_database(*options: str) -> Database:
    """That of an office with other people in it."""
    with deployed("--tier", "enterprise", "--seed", "77", *options) as d:
        store = d.simulated.office.store
        return {name: store.rows(f'SELECT * FROM "{name}"') for name in schema.tables()}


def edit(office: MirroredOffice, seed: int = 1) -> None:
    history = OfficeHistory(office, seed)
    for name in sorted(schedule.HOT) * 5:
        history.edit(name)


# Silence


@pytest.mark.parametrize("queries", [False, True])
def test_days_without_an_answer_are_told_and_over_once_what_changed_is_here(queries: bool) -> None:
    with mirrored_office(*PATIENTS, queries=queries) as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.run(700)
        office.d.faulty("offline", "*", count=None)
        office.run(300)
        silent = office.on.clock.now()
        office.on.clock.seconds += 3 * DAY_S
        edit(office)
        office.run(120)
        assert told(office) == []

        office.d.simulated.faults.clear()
        causes = len(office.on.records.causes)
        office.run(400)

        (one,) = told(office)
        assert one["code"] == "silence"
        assert silent - timedelta(minutes=20) < datetime.fromisoformat(one["since"]) <= silent
        assert one["healed_at"] is not None
        assert one["explanation"]
        assert {cause for *_, cause in office.on.records.causes[causes:]} <= {"poll", "sweep"}
        assert office.on.syncs.load(office.id).epoch == 1
        assert not office.differences().keys() & schedule.HOT


def test_days_in_which_our_own_stack_stood_still_are_caught_up_with_too() -> None:
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.run(700)
        office.on.clock.seconds += 4 * DAY_S
        edit(office)
        office.run(400)

        assert [(one["code"], one["healed_at"] is not None) for one in told(office)] == [("silence", True)]
        assert not office.differences().keys() & schedule.HOT
        office.run(2 * 3600)
        assert office.differences() == {}


def test_a_pause_is_told_as_one() -> None:
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.run(700)
        for wanted in (Wanted.PAUSED, Wanted.ON):
            state = office.on.syncs.load(office.id)
            office.on.syncs.save_practice(replace(state, changed_at=office.on.clock.now()))
            office.turn_on(wanted)
            if wanted is Wanted.PAUSED:
                office.run(60)
                office.on.clock.seconds += 2 * DAY_S
                edit(office)
        office.run(400)

        assert [(one["code"], one["healed_at"] is not None) for one in told(office)] == [("paused", True)]
        assert not office.differences().keys() & schedule.HOT


def test_a_quiet_hour_is_no_incident() -> None:
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.run(3 * 3600)

        assert told(office) == []


# A backup, and another database


@pytest.mark.parametrize("queries", [False, True])
def test_a_restored_backup_is_told_and_healed(queries: bool) -> None:
    with mirrored_office(*PATIENTS, queries=queries) as office:
        at(office, TUESDAY_TEN)
        office.load()
        backup = database(office)
        history = OfficeHistory(office, 2)
        for name in ("procedurelogs", "appointments", "claims", "patients"):
            history.insert(name)
        office.run(700)
        put(office, backup)
        office.run(1500)

        (one,) = told(office)
        assert one["code"] == BACKUP_RESTORED
        assert one["healed_at"] is not None
        assert one["resources_read_again"] > 20
        assert office.differences() == {}
        assert office.on.syncs.load(office.id).epoch == 2


@pytest.mark.parametrize(("patients", "queries"), [(5, False), (40, False), (5, True), (40, True)])
def test_another_database_under_the_same_key_is_told_and_nothing_of_the_old_one_lingers(
    patients: int, queries: bool
) -> None:
    """Smaller, so that keys fell, or larger, so that every key is there and somebody else's."""
    moved_to = another_database("--patients", str(patients))
    with mirrored_office(*PATIENTS, queries=queries) as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.run(700)
        office.d.faulty("offline", "*", count=None)
        office.run(5400)
        put(office, moved_to)
        office.d.simulated.faults.clear()
        office.run(2400)

        assert told(office)[0]["code"] == "database-moved"
        assert [one["code"] for one in told(office)].count(BACKUP_RESTORED) == 0
        assert told(office)[0]["healed_at"] is not None
        assert office.on.syncs.load(office.id).epoch == 2
        assert office.is_loaded()
        assert office.differences() == {}
        assert office.buried_alive() == {}


def test_rows_of_the_old_database_are_not_looked_up_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand of them would be a day of calls; and while some are left nothing counts as complete."""
    monkeypatch.setattr(reading, "MOST_MISSING", 40)
    moved_to, calls = another_database("--patients", "4"), Counter[str]()

    def count(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
        calls[call.operation] += 1
        return answer

    with mirrored_office("--patients", "40") as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.run(700)
        gone = len(office.mirror("procedurelogs")) - len(moved_to["procedurelog"])
        put(office, moved_to)
        with office.meddled(count):
            office.run(3600)

        assert gone > 100
        assert office.differences() == {}
        assert calls["procedurelogs.get"] < 20


@pytest.mark.parametrize("queries", [False, True])
def test_a_practice_that_only_works_is_looked_at_once_a_day_by_three_calls(queries: bool) -> None:
    calls: list[str] = []

    def note(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
        if call.operation == f"{identity.KEPT}.get":
            calls.append(call.operation)
        return answer

    with mirrored_office(*PATIENTS, queries=queries) as office, office.meddled(note):
        at(office, TUESDAY_TEN)
        office.load()
        office.run(1500)
        assert calls == []
        for _ in range(2):
            state = office.on.syncs.load(office.id)
            assert state.sampled_at is not None
            office.on.syncs.save_practice(replace(state, sampled_at=state.sampled_at - timedelta(days=1)))
            OfficeHistory(office, 3).edit("procedurelogs")
            office.run(1500)

        assert len(calls) == 6
        assert told(office) == []


def test_patients_that_were_merged_are_no_other_database() -> None:
    """Their procedures have another patient from then on."""
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.run(700)
        rows = office.store.rows("SELECT ProcNum, PatNum FROM procedurelog")
        patient, _ = Counter(row["PatNum"] for row in rows).most_common(1)[0]
        for row in rows:
            if row["PatNum"] == patient:
                office.store.update("procedurelog", row["ProcNum"], {"PatNum": patient + 1})
        office.on.clock.seconds += DAY_S
        office.run(700)

        assert office.on.syncs.load(office.id).epoch == 1


def test_the_last_few_are_kept() -> None:
    state = PracticeSync("prac_aaaaaaaaaaaaaaaa")
    for number in range(25):
        moment = TUESDAY_TEN + timedelta(hours=number)
        state = replace(state, incidents=incidents.noted(state, "silence", moment, ("claims",)))

    assert len(state.incidents) == incidents.MOST
    assert state.incidents[-1] == Incident("silence", None, TUESDAY_TEN + timedelta(hours=24), ("claims",), None)


# Stopped half-way


def test_a_first_load_that_is_turned_off_leaves_nothing_and_another_begins_at_the_beginning() -> None:
    with mirrored_office("--patients", "40", tier=Tier.STANDARD) as office:
        at(office, TUESDAY_TEN)
        office.turn_on()
        while not any(of.phase is Phase.LOADED for of in office.states().values()):
            office.run(1)
        assert not office.is_loaded()

        office.turn_on(Wanted.OFF)
        office.run(200)
        assert office.states() == {}
        assert not any(kept for (practice_id, _), kept in office.on.records.kept.items() if practice_id == office.id)

        office.load()
        assert office.differences() == {}
