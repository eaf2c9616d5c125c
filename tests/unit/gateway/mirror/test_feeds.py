"""What changes at the office is in the mirror within seconds, whatever its clock does."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.mirror import schedule
from gateway.core.mirror.feeds import BACKUP_RESTORED, SERVER_CLOCK_BACK
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.syncing import Phase
from gateway.core.plans import UpstreamCall
from gateway.core.practices import Tier
from infra.sandbox.practice import schema
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office_history import OfficeHistory

PATIENTS = ("--patients", "15")
TUESDAY_TEN = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


def at(office: MirroredOffice, moment: datetime) -> None:
    """Let it be `moment`."""
    office.on.clock.start += moment - office.on.clock.now()


def seconds_to_mirror(office: MirroredOffice, changes: int, seed: int) -> list[float]:
    """How long each of so many edits at random moments took to be in the mirror."""
    chance, history, took = random.Random(seed), OfficeHistory(office, seed), []
    for _ in range(changes):
        office.run(chance.uniform(15, 80))
        name = chance.choice(sorted(schedule.HOT))
        began, key = office.on.clock.seconds, history.edit(name)
        while office.mirror(name).get(key or 0) != office.office(name).get(key or 0):
            office.run(1)
            assert office.on.clock.seconds - began < 300, f"{name} never came"
        took.append(office.on.clock.seconds - began)
    return sorted(took)


@pytest.mark.parametrize(
    ("tier", "median_s", "most_s"), [(Tier.ENTERPRISE, 15, 30), (Tier.STANDARD, 15, 30), (Tier.READ_ONLY, 60, 90)]
)
def test_a_change_at_the_office_is_in_the_mirror_within_seconds(tier: Tier, median_s: float, most_s: float) -> None:
    with mirrored_office(*PATIENTS, tier=tier) as office:
        at(office, TUESDAY_TEN)
        office.load(seconds=1800)
        took = seconds_to_mirror(office, 24, seed=3)

        assert statistics.median(took) <= median_s
        assert took[-2] <= most_s


def test_a_new_payment_comes_with_its_splits_though_no_stamp_tells_of_it() -> None:
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        history = OfficeHistory(office, 1)
        payment = history.insert("payments")
        split = history.insert("paysplits")
        office.store.update("paysplit", split or 0, {"PayNum": payment})
        office.run(180)

        assert payment in office.mirror("payments")
        assert split in office.mirror("paysplits")
        assert office.state("payments").as_of == office.state("payments").swept_at, "edits of it are told by nobody"


def test_lines_of_a_claim_come_also_where_a_caller_has_read_the_changed_claim_first() -> None:
    """The poll finds the claim as it is kept, and its lines would wait for the night."""
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.run(300)
        line = next(row for row in office.store.find("claimproc", {}) if row["ClaimNum"])
        office.store.update("claimproc", line["ClaimProcNum"], {"Remarks": "denied"})
        office.store.update("claim", line["ClaimNum"], {"ClaimNote": "answered"})
        read_by_a_caller(office, "claims", line["ClaimNum"])
        assert "claims" not in office.differences()
        swept = office.state("claimprocs").swept_at
        office.run(120)

        assert office.state("claimprocs").swept_at == swept
        assert office.differences() == {}
        asked = office.d.upstream_calls.count("claimprocs.list")
        office.run(300)
        assert office.d.upstream_calls.count("claimprocs.list") <= asked + 2, "not again with every poll"


def read_by_a_caller(office: MirroredOffice, resource: str, key: int) -> None:
    """Store a row as a caller's read does."""
    one = MIRRORED[resource]
    answer = office.on.upstream.send(
        office.on.practices.get(office.id), UpstreamCall(f"{resource}.get", path={one.key: key})
    )
    turn_no = office.on.pace.load(office.id).turn_no
    read = ReadAt(Order(1, turn_no), office.on.clock.now())
    office.on.records.store(office.id, resource, answer.rows, read=read, cause="read")


def test_days_of_silence_are_caught_up_with_by_the_feeds_alone() -> None:
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.d.faulty("offline", "*", count=None)
        office.run(300)
        as_of = office.state("appointments").as_of
        office.on.clock.seconds += 3 * 86400
        history = OfficeHistory(office, 1)
        for name in sorted(schedule.HOT) * 10:
            history.edit(name)
        office.run(120)
        assert office.state("appointments").as_of == as_of, "nothing was heard of it"
        office.d.simulated.faults.clear()
        before = len(office.on.records.causes)
        office.run(180)

        caught_up = [cause for _, name, *_, cause in office.on.records.causes[before:] if name in schedule.HOT]
        assert len(caught_up) > 10
        assert set(caught_up) == {"poll"}
        assert not office.differences().keys() & schedule.HOT


def test_a_change_that_takes_several_pages_is_read_on_after_a_crash_and_the_cursor_waits_for_the_last(
    small_pages: None,
) -> None:
    del small_pages
    with mirrored_office("--patients", "30") as office:
        at(office, TUESDAY_TEN)
        office.load()
        cursor = office.state("procedurelogs").cursor
        office.run(400)
        for key in office.mirror("procedurelogs"):
            office.store.update("procedurelog", key, {"ClaimNote": "checked"})
        office.d.faulty("status", "procedurelogs.list", status=504, after=3)
        office.run(20)
        half = office.state("procedurelogs")
        # A row of the first page, long before the last page is read.
        office.store.update("procedurelog", max(office.mirror("procedurelogs")), {"ClaimNote": "checked again"})
        office.d.faulty("offline", "*", count=None)
        office.run(900)
        office.d.simulated.faults.clear()
        office.run(300)

        assert half.feed is not None
        assert half.feed.pages == 3
        assert half.cursor == cursor
        assert "procedurelogs" not in office.differences()


def test_the_repeated_hour_of_autumn_hides_no_edit() -> None:
    """From 02:00 the clock shows 01:00 again, and every stamp is below the cursor."""
    with mirrored_office(*PATIENTS) as office:
        at(office, datetime(2026, 11, 1, 6, 30, tzinfo=UTC))  # 01:30, the first
        office.load()
        history = OfficeHistory(office, 2)
        for _ in range(24):
            for name in sorted(schedule.HOT):
                history.edit(name)
            office.run(300)
        office.run(200)

        assert not office.differences().keys() & schedule.HOT


@pytest.mark.parametrize("skew_s", [-7200.0, -600.0, 600.0, 6 * 3600.0])
def test_a_server_whose_clock_is_wrong_is_followed_by_its_own_clock(skew_s: float) -> None:
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.clock.skew_s = skew_s
        office.load()
        history = OfficeHistory(office, 2)
        for _ in range(6):
            for name in (*sorted(schedule.HOT), "inssubs"):
                history.edit(name)
            office.run(200)
        office.run(400)

        assert not office.differences().keys() & {*schedule.HOT, "inssubs"}
        offset_s = office.on.syncs.load(office.id).server_offset_s
        assert offset_s == pytest.approx(skew_s - 6 * 3600, abs=2)


@pytest.mark.parametrize("back_s", [120.0, 1800.0, 7000.0])
def test_a_server_clock_that_is_set_back_by_some_minutes_loses_no_edit(back_s: float) -> None:
    """Until it is as late again as it was, every new stamp is below the cursor, and answers are empty without error."""
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.clock.skew_s = back_s
        office.load()
        history = OfficeHistory(office, 2)
        history.edit("claims")
        office.run(60)
        office.clock.skew_s = 0.0
        for name in sorted(schedule.HOT):
            history.edit(name)
        office.run(900)

        assert office.on.syncs.load(office.id).epoch == 1
        assert not office.differences().keys() & schedule.HOT


def test_a_database_on_another_server_whose_clock_is_hours_behind_is_read_again() -> None:
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.clock.skew_s = 26 * 3600.0
        office.load()
        office.run(60)
        office.clock.skew_s = 0.0
        history = OfficeHistory(office, 2)
        for name in sorted(schedule.HOT):
            history.edit(name)
        causes = len(office.on.records.causes)
        office.run(700)
        state = office.on.syncs.load(office.id)

        assert state.epoch == 2
        assert office.is_loaded()
        assert not office.differences().keys() & schedule.HOT
        assert {cause for *_, cause in office.on.records.causes[causes:]} <= {"load", "poll"}
        assert state.resources["carriers"].as_of < state.resources["claims"].as_of, "only what has stamps is read again"


def test_a_restored_backup_is_noticed_explained_and_read_again() -> None:
    """Its rows are older than ours, its keys are given out again, and no filter says so."""
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        backup = {name: office.store.rows(f'SELECT * FROM "{name}"') for name in schema.tables()}
        history = OfficeHistory(office, 2)
        for name in ("procedurelogs", "appointments", "claims", "payments", "patients", "commlogs"):
            for _ in range(3):
                history.insert(name)
                history.edit(name)
        office.run(200)
        office.d.faulty("offline", "*", count=None)
        office.run(120)
        restore(office, backup)
        history.insert("appointments")
        office.d.simulated.faults.clear()
        office.run(650)

        loading = [of.trouble for of in office.states().values() if of.phase is Phase.LOADING]
        assert office.on.syncs.load(office.id).epoch == 2
        assert set(loading) <= {BACKUP_RESTORED}
        office.run(300)
        assert office.is_loaded()
        assert office.differences() == {}
        assert office.buried_alive() == {}
        assert SERVER_CLOCK_BACK not in {of.trouble for of in office.states().values()}


def test_a_restored_backup_that_lacks_no_key_is_known_by_a_stamp_that_fell_back() -> None:
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        backup = {name: office.store.rows(f'SELECT * FROM "{name}"') for name in schema.tables()}
        office.run(5 * 3600)
        history = OfficeHistory(office, 2)
        for name in ("appointments", "claims", "patients"):
            history.edit(name)
        office.run(60)
        restore(office, backup)
        office.run(900)

        assert office.on.syncs.load(office.id).epoch == 2
        assert office.is_loaded()
        assert office.differences() == {}


def restore(office: MirroredOffice, backup: dict[str, list[dict[str, object]]]) -> None:
    """Put an old state of the whole database back."""
    for name, rows in backup.items():
        key = schema.tables()[name].key
        old = {row[key]: row for row in rows}
        for row in office.store.rows(f'SELECT * FROM "{name}"'):
            if row[key] not in old:
                office.store.delete(name, row[key])
            elif row != old[row[key]]:
                office.store.update(name, row[key], old[row[key]])


def test_an_empty_answer_makes_the_mirror_younger_and_leaves_the_cursor() -> None:
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        office.run(600)
        before = office.state("appointments")
        office.run(600)
        after = office.state("appointments")

        assert after.cursor == before.cursor
        assert before.as_of is not None
        assert after.as_of is not None
        assert after.as_of - before.as_of > timedelta(minutes=9)


def test_two_practices_with_equal_keys_do_not_see_each_other() -> None:
    with mirrored_office(*PATIENTS, practices=2) as office:
        at(office, TUESDAY_TEN)
        office.load()
        other = [where for where, kept in office.on.records.kept.items() if where[0] != office.id and kept]

        assert other == []


def test_a_turn_that_was_overtaken_ends_and_nothing_is_lost() -> None:
    """An operator's change of the state in the middle of a turn makes the turn's view old."""
    with mirrored_office(*PATIENTS) as office:
        at(office, TUESDAY_TEN)
        office.load()
        of = office.state("claims")
        office.on.syncs.save(office.id, replace(of, calls=of.calls + 1))
        OfficeHistory(office, 1).edit("claims")
        office.run(120)

        assert office.differences() == {}
