"""What happens at an office is told, from its database through feeds and sweeps to the bus: no more and no less."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.core.events.event import Cause, Event
from gateway.core.events.publishing import publish
from gateway.core.ids import row_id
from tests.fakes.events import LivingPublisher
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office_history import OfficeHistory

TOLD_OF = (
    "appointments", "procedurelogs", "claims", "payments", "claimpayments", "patients", "recalls", "treatplans",
    "commlogs",
)  # fmt: skip


class Told:
    """A loaded office whose changes are published."""

    def __init__(self, office: MirroredOffice) -> None:
        self.office, self.publisher = office, LivingPublisher(office.on)
        self.read = 0
        self.publish()

    def publish(self) -> list[Event]:
        """Publish what came since the last time; the events of it."""
        changes = self.office.on.records.outbox[self.read :]
        self.read += len(changes)
        before = len(self.publisher.bus.came)
        publish(changes, self.publisher)
        return self.publisher.bus.came[before:]

    def after(self, *happen: Callable[[], Any], seconds: float = 120.0) -> list[Event]:
        """The events of what happens at the office now."""
        for one in happen:
            one()
        self.office.run(seconds)
        return self.publish()

    def visit(self, where: str = "AptStatus = 1") -> dict[str, Any]:
        row: dict[str, Any] = self.office.store.rows(
            f"SELECT * FROM appointment WHERE {where} ORDER BY AptDateTime DESC"
        )[0]
        return row

    def change(self, table: str, key: int, **changes: Any) -> Callable[[], Any]:
        return lambda: self.office.store.update(table, key, changes)


@contextmanager
def told(*options: str, **more: Any) -> Iterator[Told]:
    with mirrored_office("--patients", "15", *options, **more) as office:
        office.load()
        yield Told(office)


@pytest.fixture(scope="module")
def shared() -> Iterator[Told]:
    """One office for what happens to single rows."""
    with told() as t:
        yield t


def test_a_first_load_tells_nothing_even_of_rows_that_somebody_reads_meanwhile() -> None:
    with mirrored_office("--patients", "15") as office:
        publisher = LivingPublisher(office.on)
        office.turn_on()
        patient = office.store.rows("SELECT * FROM patient")[5]["PatNum"]
        office.d.send("GET", f"/patients/{office.d.id_of('patient', patient)}", headers={"Cache-Control": "no-cache"})
        office.load()
        publish(office.on.records.outbox, publisher)

        assert office.on.records.outbox
        assert publisher.bus.came == []


def test_a_moved_visit_is_rescheduled(shared: Told) -> None:
    row = shared.visit()
    moved = datetime.fromisoformat(str(row["AptDateTime"])) + timedelta(days=1)
    (event,) = shared.after(shared.change("appointment", row["AptNum"], AptDateTime=str(moved)))

    assert (event.type, event.cause) == ("appointment.rescheduled", Cause.POLL)
    assert event.object_id == row_id("appointment", shared.office.id, row["AptNum"])
    assert event.after["local_start"] == moved.isoformat()


def test_a_confirmation_is_known_by_what_the_office_means_by_its_words(shared: Told) -> None:
    (preference,) = shared.office.store.rows(
        "SELECT ValueString FROM preference WHERE PrefName = 'ApptEConfirmStatusAccepted'"
    )
    row = shared.visit(f"AptStatus = 1 AND Confirmed <> {preference['ValueString']}")
    events = shared.after(shared.change("appointment", row["AptNum"], Confirmed=int(preference["ValueString"])))

    assert [one.type for one in events] == ["appointment.confirmed"]


def test_a_deleted_row_is_told_by_the_sweep_that_misses_it(shared: Told) -> None:
    row = shared.office.store.rows("SELECT * FROM commlog")[0]
    shared.office.store.delete("commlog", row["CommlogNum"])
    shared.office.sweep("commlogs")
    (event,) = shared.publish()

    assert (event.type, event.cause) == ("communication.deleted", Cause.SWEEP)


def test_an_own_write_is_told_as_such_and_once() -> None:
    with told() as t:
        t.office.d.grant("*:read", "communications:write")
        patient = t.office.d.id_of("patient", t.office.store.rows("SELECT * FROM patient")[3]["PatNum"])
        answer = t.office.d.post("/communications", {"patient_id": patient, "note": "called back"})
        events = t.after()

        assert answer.status in {201, 202}, answer.body
        assert [(one.type, one.cause) for one in events] == [("communication.logged", Cause.OWN_WRITE)]


@pytest.mark.parametrize("queries", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_random_days_of_an_office_are_told_row_by_row(seed: int, *, queries: bool) -> None:
    """For each row that differs from what it was, an event with its last state; for none that does not."""
    with told(queries=queries) as t:
        office = t.office
        was = {name: office.mirror(name) for name in TOLD_OF}
        history = OfficeHistory(office, seed)
        for _ in range(60):
            history.something()
            office.run(7)
        office.run(300)
        office.sweep(whole=True)
        t.publish()

        wanted = {
            (record.seq, record.key, name)
            for name in TOLD_OF
            for record in office.on.records.kept[office.id, name].values()
            if was[name].get(record.key) != (record.version if record.is_living else None)
        }
        logged = {one.event.sequence for one in office.on.event_log.logged.values()}
        assert {one[0] for one in wanted} - logged == set(), "told of"
        seqs = {change.seq for change in office.on.records.outbox if change.cause != "load"}
        assert logged <= seqs, "nothing is invented"
        assert len({one.id for one in t.publisher.bus.came}) == len(t.publisher.bus.came)
