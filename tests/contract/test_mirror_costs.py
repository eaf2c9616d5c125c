"""What the mirror's copies cost in DynamoDB: the table in the adapter's README is what is measured here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import gateway.adapters.mirror
from gateway.adapters.mirror.records import DynamoRecords
from gateway.adapters.mirror.syncs import DynamoSyncStates
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.syncing import PracticeSync, ResourceSync
from infra.catalogue import TABLES
from tests.contract.conftest import fingerprint, make_records_table
from tests.fakes import rows
from tests.fakes.meter import Meter
from tests.fakes.services import FakeClock

A = "prac_aaaaaaaaaaaaaaaa"
README = Path(gateway.adapters.mirror.__file__).with_name("README.md")


def definition(number: int) -> dict[str, Any]:
    return {"DefNum": number, "Category": 1, "ItemName": "Broken", "ItemValue": "", "isHidden": "false"}


def visit(number: int, **more: Any) -> dict[str, Any]:
    return rows.appointment_row(number, **{"PatNum": number // 30, **more})


class Costs:
    """A table, and what each thing that is done with it costs."""

    def __init__(self) -> None:
        (row,) = (one for one in TABLES if one.name == "records")
        self.meter, self.clock = Meter(make_records_table(), row.indexes), FakeClock()
        client: Any = self.meter
        self.records = DynamoRecords(
            client, table="records", fingerprint=fingerprint, now=self.clock.now, sleep=self.clock.sleep
        )
        self.syncs = DynamoSyncStates(client, table="records")
        self.turns = 0
        self.found: dict[str, tuple[float, int, int]] = {}

    def read(self) -> ReadAt:
        self.clock.sleep(1)
        self.turns += 1
        return ReadAt(Order(1, self.turns), self.clock.now())

    def note(self, name: str, do: Callable[..., object], *args: Any, **more: Any) -> None:
        self.found[name] = self.meter.of(lambda: do(*args, **more))

    def store(self, resource: str, *given: dict[str, Any], cause: str = "poll") -> None:
        self.records.store(A, resource, given, read=self.read(), cause=cause)

    def of_single_rows(self) -> None:
        for resource, row in (
            ("definitions", definition(9)),
            ("patients", rows.patient_row(9)),
            ("appointments", visit(9000)),
            ("procedurelogs", rows.procedure_row(9000, AptNum=5)),
        ):
            self.store(resource, row)  # The first one of a resource notes that there are such.
            self.note(
                f"a new row of {resource}{', and five ways to it' if resource == 'patients' else ''}",
                self.store,
                resource,
                {**row, MIRRORED[resource].key: 10},
            )
        self.note("a changed row", self.store, "appointments", visit(9000, Note="late"))
        self.note("a changed patient", self.store, "patients", rows.patient_row(9, Zip="97302"))
        self.note("a patient with another name", self.store, "patients", rows.patient_row(9, LName="Andersen"))
        moved = visit(9000, PatNum=7, AptDateTime="2026-09-09 09:00:00")
        self.note("a row that moved to another day and patient", self.store, "appointments", moved)
        self.note("a row that is the same", self.store, "appointments", moved)
        self.note(
            "a buried row",
            self.records.bury,
            *(A, "appointments", [9000]),
            read=self.read(),
            cause="sweep",
            at=self.clock.now(),
        )

    def of_pages(self) -> None:
        page = [visit(number) for number in range(1, 1001)]
        self.note("1,000 new rows of a first load", self.store, "appointments", *page, cause="load")
        self.note("1,000 rows that are the same", self.store, "appointments", *page, cause="sweep")
        self.note("100 rows in the order of keys", self.records.page, A, "appointments", after=None, limit=100)
        self.note("1,000 versions", self.records.versions, A, "appointments", after=None, limit=1000)

    def of_lists(self) -> None:
        self.clock.sleep(3600)
        since, day = self.clock.now(), date(2026, 5, 5)
        self.store("appointments", *(visit(number, AptDateTime=f"{day} 10:00:00") for number in range(1, 41)))
        self.note("one row by its key", self.records.get, A, "appointments", [1])
        self.note("30 rows under a patient", self.records.under, A, "appointments", "PatNum", 7)
        forty = range(1, 41)
        self.note("971 rows under 40 patients", self.records.under_each, A, "appointments", "PatNum", forty)
        self.note("40 rows of a day", self.records.between, A, "appointments", day, day)
        self.store("patients", *(rows.patient_row(number) for number in range(1, 31)), cause="load")
        last = str(rows.patient_row(1)["LName"]).casefold()
        self.note(
            "keys of 30 patients of one name", self.records.led, A, "patients", "last", f"{last} ", f"{last}!", limit=99
        )
        self.note("40 rows that changed", self.records.changed, A, "appointments", since, after=None, limit=100)

    def of_notes(self) -> None:
        for patient in range(1, 41):
            self.records.note_whole(A, "allergies", "PatNum", patient, [patient], read=self.read())
        read = self.read()
        self.note("noting a list under a patient", self.records.note_whole, A, "allergies", "PatNum", 1, [1], read=read)
        self.note("what is noted of 40 patients", self.records.wholes, A, "allergies", "PatNum", range(1, 41))

    def of_states(self) -> None:
        now = self.clock.now()
        self.note("the state of a practice that is off", self.syncs.load, A)
        self.syncs.save_practice(PracticeSync(A))
        for resource in MIRRORED:
            state = ResourceSync(resource, as_of=now, cursor="2026-03-02 12:00:00", rows=900, due_at=now)
            self.syncs.save(A, state)
        self.note("the state of a practice that is on", self.syncs.load, A)
        self.note("what of it an answer has to know", self.syncs.standing, A)
        self.note("saving the state of a resource", self.syncs.save, A, ResourceSync("claims", rows=1, rev=1))
        self.note("noting what an own write touched", self.syncs.touch, A, ["appointments:1"], now)


def measured() -> dict[str, tuple[float, int, int]]:
    """Read units, write units and requests of each line of the README's table."""
    costs = Costs()
    costs.of_single_rows()
    costs.of_pages()
    costs.of_lists()
    costs.of_notes()
    costs.of_states()
    costs.note("erasing 1,000 rows", costs.records.forget, A, "appointments", limit=1000)
    return costs.found


def written() -> dict[str, tuple[float, int, int]]:
    """The README's table."""
    lines = re.findall(r"^\| ([^|]+) \| ([\d,.]+) \| ([\d,]+) \| ([\d,]+) \|", README.read_text(), re.MULTILINE)
    return {
        name: (float(reads.replace(",", "")), *(int(one.replace(",", "")) for one in (writes, calls)))  # type: ignore[misc]
        for name, reads, writes, calls in lines
    }


def test_the_readme_says_what_each_thing_costs(aws: None) -> None:
    assert measured() == written()
