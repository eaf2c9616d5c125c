"""What a caller's turn may bring into the mirror, and in which order it counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.mirror.keeping import MOST_STORED, Keeper
from gateway.core.mirror.syncing import PracticeSync, Wanted
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.seat import Seat
from tests.fakes.services import ELM_STREET, FakeServices

GET = UpstreamCall("patients.get", path={"PatNum": 7})


@pytest.fixture
def on() -> FakeServices:
    on = FakeServices()
    on.syncs.save_practice(PracticeSync(ELM_STREET.id, wanted=Wanted.ON, epoch=3))
    return on


def seated(on: FakeServices, holder: str = "worker-1") -> Seat:
    seat = Seat(ELM_STREET.id, on=on, holder=holder, visible=lambda _: None)
    seat.enter()
    return seat


def answered(on: FakeServices, *rows: dict[str, Any]) -> UpstreamAnswer:
    return UpstreamAnswer(200, list(rows), started_at=on.clock.now())


def kept(on: FakeServices, resource: str = "patients") -> list[int]:
    return [one.key for one in on.records.page(ELM_STREET.id, resource, after=None, limit=1000)]


def a_patient(number: int, **more: Any) -> dict[str, Any]:
    return {"PatNum": number, "PatStatus": "Patient", "Guarantor": number, **more}


def test_a_row_counts_in_the_order_of_its_turn(on: FakeServices) -> None:
    seat = seated(on)
    Keeper(seat).saw(GET, answered(on, a_patient(7)))

    (record,) = on.records.get(ELM_STREET.id, "patients", [7])
    assert (record.read.order.epoch, record.read.order.turn_no) == (3, seat.item.turn_no)
    assert record.read.at == on.clock.now()


def test_whoever_has_lost_the_lease_stores_nothing(on: FakeServices) -> None:
    """Another turn may have read since, and its rows be younger."""
    seat = seated(on)
    seat.item = replace(seat.item, holder="worker-2")
    keeper = Keeper(seat)
    keeper.saw(GET, answered(on, a_patient(7)))
    keeper.missed(UpstreamCall("patients.get", path={"PatNum": 8}), on.clock.now(), ELM_STREET)

    assert kept(on) == []


def test_a_turn_that_read_before_another_one_changes_nothing_of_it(on: FakeServices) -> None:
    slow = seated(on, "worker-1")
    on.clock.seconds += 10_000
    fast = seated(on, "worker-2")
    Keeper(fast).saw(GET, answered(on, a_patient(7, FName="Later")))
    Keeper(slow).saw(GET, answered(on, a_patient(7, FName="Earlier")))

    assert on.records.get(ELM_STREET.id, "patients", [7])[0].row["FName"] == "Later"


@pytest.mark.parametrize(("count", "stored"), [(MOST_STORED, MOST_STORED), (MOST_STORED + 1, 0)])
def test_nobody_waits_for_the_copies_of_a_long_list(count: int, stored: int, on: FakeServices) -> None:
    rows = [a_patient(number) for number in range(1, count + 1)]
    Keeper(seated(on)).saw(UpstreamCall("patients.Simple"), answered(on, *rows))

    assert len(kept(on)) == stored


def test_summaries_and_rows_of_fhir_are_no_copies(on: FakeServices) -> None:
    keeper = Keeper(seated(on))
    keeper.saw(UpstreamCall("patients.list", query={"Phone": "5555550197"}), answered(on, a_patient(7)))
    keeper.saw(UpstreamCall("fhir.patient", path={"id": 7}), answered(on, a_patient(7)))

    assert kept(on) == []


def test_a_write_without_a_patient_is_everybodys(on: FakeServices) -> None:
    keeper = Keeper(seated(on))
    keeper.wrote(UpstreamCall("claimpayments.update", path={"ClaimPaymentNum": 5}, step="a"), None, ELM_STREET)
    keeper.settle()

    marks = set(on.syncs.load(ELM_STREET.id).touched)
    assert {"claimpayments:0", "claims:0", "claimprocs:0", "patients:0"} <= marks


def test_a_write_is_its_patients_familys_whatever_it_names(on: FakeServices) -> None:
    keeper = Keeper(seated(on))
    keeper.saw(GET, answered(on, a_patient(7, Guarantor=3)))
    keeper.saw(
        UpstreamCall("procedurelogs.get", path={"ProcNum": 5}), answered(on, {"ProcNum": 5, "PatNum": 7, "AptNum": 0})
    )
    on.clock.seconds += 1
    keeper.wrote(UpstreamCall("procedurelogs.update", path={"ProcNum": 5}, step="a"), None, ELM_STREET)
    keeper.settle()

    marks = set(on.syncs.load(ELM_STREET.id).touched)
    assert {"procedurelogs:3", "claimprocs:3", "patients:3"} <= marks
    assert {mark.partition(":")[2] for mark in marks} == {"3"}


def test_who_leaves_a_family_is_marked_for_everybody(on: FakeServices) -> None:
    keeper = Keeper(seated(on))
    keeper.saw(GET, answered(on, a_patient(7, Guarantor=3)))
    keeper.wrote(UpstreamCall("patients.update", path={"PatNum": 7}, body={"Guarantor": 9}, step="a"), None, ELM_STREET)
    keeper.settle()

    assert "patients:0" in on.syncs.load(ELM_STREET.id).touched


def test_a_write_looks_for_itself_whether_there_is_a_mirror(on: FakeServices) -> None:
    """One that was turned on a moment ago may be loading what this write changes."""
    state = on.syncs.load(ELM_STREET.id)
    on.syncs.save_practice(replace(state, wanted=Wanted.OFF))
    keeper = Keeper(seated(on))
    keeper.saw(GET, answered(on, a_patient(7)))
    assert kept(on) == []
    on.syncs.save_practice(replace(on.syncs.load(ELM_STREET.id), wanted=Wanted.ON))
    on.clock.seconds += 1

    keeper.wrote(UpstreamCall("patients.update", path={"PatNum": 7}, body={"FName": "A"}, step="a"), None, ELM_STREET)
    keeper.settle()

    assert "patients:0" in on.syncs.load(ELM_STREET.id).touched


def test_what_is_gone_is_buried_only_where_the_office_is_new_enough_to_be_asked(on: FakeServices) -> None:
    keeper = Keeper(seated(on))
    keeper.saw(GET, answered(on, a_patient(7)))
    later = on.clock.now() + timedelta(seconds=5)

    keeper.missed(GET, later, replace(ELM_STREET, version=None))
    assert kept(on) == [7]
    keeper.missed(GET, later, ELM_STREET)
    assert kept(on) == []
