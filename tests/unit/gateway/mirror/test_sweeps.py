"""Deletions and silent edits: found by reading everything again, and never believed of a row that lives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.mirror import reading
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.ways import Way, way_of
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from infra.sandbox.practice.control import Control
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office_history import OfficeHistory

pytestmark = pytest.mark.usefixtures("small_pages")

PATIENTS = ("--patients", "15")


def tombstones(office: MirroredOffice, name: str) -> set[int]:
    return {key for key, record in office.on.records.kept[office.id, name].items() if not record.is_living}


@pytest.mark.parametrize(
    "name", ["appointments", "claimprocs", "paysplits", "commlogs", "patplans", "schedules", "covcats"]
)
def test_a_row_that_was_deleted_at_the_office_is_a_tombstone_after_the_next_sweep(name: str) -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()
        deleted = OfficeHistory(office, 1).delete(name)
        assert deleted is not None
        seq = {record.key: record.seq for record in office.on.records.get(office.id, name, [deleted])}
        office.sweep(name)

        assert tombstones(office, name) == {deleted}
        assert office.differences() == {}
        dead = office.on.records.get(office.id, name, [deleted], dead=True)[0]
        assert dead.deleted_at is not None
        assert dead.seq == seq[deleted] + 1


def test_an_appointment_without_a_time_is_found_to_be_deleted_as_well() -> None:
    """Planned and unscheduled visits stand at year 0001, which no index by day holds."""
    with mirrored_office(*PATIENTS) as office:
        keys = [row["AptNum"] for row in office.store.rows('SELECT "AptNum" FROM appointment')]
        for key in keys[:3]:
            office.store.update("appointment", key, {"AptDateTime": "0001-01-01 00:00:00"})
        office.load()
        office.store.delete("appointment", keys[0])
        office.sweep("appointments")

        assert tombstones(office, "appointments") == {keys[0]}
        assert office.differences() == {}


def test_a_visit_that_is_moved_in_front_of_the_reader_is_missing_from_the_list_and_lives() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()
        last = office.store.rows('SELECT "AptNum" FROM appointment ORDER BY "AptDateTime" DESC')[0]["AptNum"]
        before = office.on.records.get(office.id, "appointments", [last])[0].seq
        alive = []

        def moves_it(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation == "appointments.list" and "DateTStamp" not in call.query:
                office.store.update("appointment", last, {"AptDateTime": "2020-01-01 08:00:00"})
            alive.append(bool(office.on.records.get(office.id, "appointments", [last])))
            return answer

        with office.meddled(moves_it):
            office.sweep("appointments")

        assert all(alive)
        assert office.on.records.get(office.id, "appointments", [last])[0].seq == before + 1, (
            "it was moved and not buried"
        )
        assert office.differences() == {}


@pytest.mark.parametrize(("name", "table"), [("procedurelogs", "procedurelog"), ("paysplits", "paysplit")])
def test_nothing_counts_as_swept_while_more_is_gone_than_one_pass_remembers(
    name: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`deletions_as_of` would say of rows that are gone that they are there."""
    monkeypatch.setattr(reading, "MOST_MISSING", 10)
    with mirrored_office(*PATIENTS) as office:
        office.load()
        key = MIRRORED[name].key
        gone = {row[key] for row in office.store.rows(f'SELECT "{key}" FROM {table}')[::2][:25]}
        assert len(gone) > 20
        for number in gone:
            office.store.delete(table, number)
        office.sweep(name, seconds=3600)

        assert gone <= tombstones(office, name)
        assert name not in office.differences()


def test_a_silent_edit_is_found_by_the_next_sweep() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()
        key = OfficeHistory(office, 1).edit_silently("appointments")
        office.run(120)
        assert office.differences() == {"appointments": [key]}
        office.sweep("appointments")

        assert office.differences() == {}


def test_a_patient_who_is_marked_as_deleted_is_a_row_and_no_tombstone() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()
        key = min(office.mirror("patients"))
        office.store.update("patient", key, {"PatStatus": 4})
        office.sweep("patients")

        kept = office.on.records.get(office.id, "patients", [key])
        assert kept
        assert kept[0].row["PatStatus"] == "Deleted"
        asked = office.d.upstream_calls.count("patients.get")
        office.sweep("patients")
        assert office.d.upstream_calls.count("patients.get") == asked, "it is known to be hidden"


def test_a_procedure_that_is_marked_as_deleted_is_a_row_and_no_tombstone() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()
        key = min(office.mirror("procedurelogs"))
        office.store.update("procedurelog", key, {"ProcStatus": 6})
        office.sweep("procedurelogs")

        assert office.on.records.get(office.id, "procedurelogs", [key])[0].row["ProcStatus"] == "D"


def test_a_list_that_suddenly_shows_nothing_buries_nobody() -> None:
    """A permission that was taken back, or a fault at the vendor, must not empty a practice."""
    with mirrored_office("--patients", "30") as office:
        office.load()

        def empty(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            return replace(answer, data=[]) if call.operation == "procedurelogs.list" else answer

        of = office.state("procedurelogs")
        office.on.syncs.save(office.id, replace(of, sweep_due_at=office.on.clock.now()))
        with office.meddled(empty):
            office.run(600)

        assert tombstones(office, "procedurelogs") == set()
        assert office.state("procedurelogs").trouble == "list-incomplete"
        assert office.state("procedurelogs").swept_at == of.swept_at
        assert office.d.upstream_calls.count("procedurelogs.get") < 60


def test_many_missing_rows_are_believed_only_after_a_second_reading() -> None:
    with mirrored_office("--patients", "30") as office:
        office.load()
        keys = sorted(office.mirror("commlogs"))[::2]
        for key in keys:
            office.store.delete("commlog", key)
        before = office.d.upstream_calls.count("commlogs.list")
        pages = -(-len(office.mirror("commlogs")) // 20)
        office.sweep("commlogs")

        assert tombstones(office, "commlogs") == set(keys)
        assert office.d.upstream_calls.count("commlogs.list") - before >= pages
        assert office.differences() == {}


def test_a_sweep_that_never_comes_to_its_end_buries_nobody() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()
        OfficeHistory(office, 1).delete("procedurelogs")
        office.store.delete("procedurelog", min(office.mirror("procedurelogs")))
        office.d.faulty("status", "procedurelogs.list", status=504, after=2, count=None)
        of = office.state("procedurelogs")
        office.on.syncs.save(office.id, replace(of, sweep_due_at=office.on.clock.now()))
        office.run(1800)

        assert tombstones(office, "procedurelogs") == set()
        assert office.state("procedurelogs").swept_at == of.swept_at


def test_a_row_that_comes_back_lives_again() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load()
        row = office.store.find("commlog", {})[0]
        office.store.delete("commlog", row["CommlogNum"])
        office.sweep("commlogs")
        office.store.insert("commlog", row)
        office.sweep("commlogs")

        assert tombstones(office, "commlogs") == set()
        assert office.differences() == {}


def test_lines_under_a_claim_that_changed_are_read_again_without_a_sweep() -> None:
    """Open Dental has no filter for changed claim lines; their claim says that they may have changed."""
    with mirrored_office(*PATIENTS) as office:
        office.load()
        line = next(row for row in office.store.find("claimproc", {}) if row["ClaimNum"])
        office.store.update("claimproc", line["ClaimProcNum"], {"Remarks": "denied"})
        other = next(
            row for row in office.store.find("claimproc", {"ClaimNum": line["ClaimNum"]}, order='"ClaimProcNum" DESC')
        )
        if other["ClaimProcNum"] != line["ClaimProcNum"]:
            office.store.delete("claimproc", other["ClaimProcNum"])
        office.store.update("claim", line["ClaimNum"], {"ClaimNote": "answered"})
        swept = office.state("claimprocs").swept_at
        office.run(180)

        assert office.state("claimprocs").swept_at == swept
        assert office.differences() == {}


def test_short_lists_are_read_again_by_themselves_within_two_hours() -> None:
    with mirrored_office("--patients", "8") as office:
        office.load()
        history = OfficeHistory(office, 5)
        for name in ("carriers", "diseases", "operatories"):
            history.edit_silently(name)
        office.run(2 * 3600)

        assert office.differences() == {}


def test_each_resource_has_the_surest_way_to_look_for_a_missing_row() -> None:
    with mirrored_office(*PATIENTS) as office:
        practice = office.on.practices.get(office.id)

        assert way_of(practice, MIRRORED["claims"]) == (Way.GET, None)
        assert way_of(practice, MIRRORED["patplans"]) == (Way.PARENT, "PatNum")
        assert way_of(practice, MIRRORED["definitions"]) == (Way.AGAIN, None)
        assert way_of(replace(practice, version="22.2.1"), MIRRORED["claims"]) == (Way.PARENT, "PatNum")


@pytest.mark.parametrize("queries", [False, True])
def test_what_is_changed_through_the_side_door_of_a_simulated_practice_arrives(queries: bool) -> None:
    """What anybody tries first in the sandbox: an edit and a deletion at the office, seen in the mirror."""
    with mirrored_office("--patients", "8", queries=queries) as office:
        office.load()
        office.run(120)
        door = Control(office.d.simulated, stop=lambda: None)
        gone = next(iter(office.mirror("commlogs")))
        edited = office.mirror("patients")[3]
        assert door.handle("PATCH", "rows/patient?PatNum=3", b'{"LName": "Changed"}') == (200, [3])
        assert door.handle("DELETE", f"rows/commlog?CommlogNum={gone}", b"") == (200, [gone])
        (new,) = door.handle("POST", "rows/commlog", b'{"PatNum": 3, "Note": "Called"}')[1]
        office.run(120)
        if not queries:
            office.sweep("commlogs")

        assert office.mirror("patients")[3] != edited
        assert gone not in office.mirror("commlogs")
        assert new in office.mirror("commlogs")
        assert office.differences() == {}
