"""What the publisher never told while its outbox had it is told a day later, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.core.events.event import Cause, Event
from gateway.core.events.publishing import publish
from gateway.core.mirror import untold
from tests.fakes.events import LivingPublisher
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

HOUR_S = 3600.0


class Away:
    """A loaded office whose publisher may be away, and whose outbox keeps a day."""

    def __init__(self, office: MirroredOffice) -> None:
        self.office, self.publisher = office, LivingPublisher(office.on)
        self.tell()

    def tell(self) -> list[Event]:
        """Publish what is in the outbox, and empty it; the events of it."""
        before = len(self.publisher.bus.came)
        publish(self.office.on.records.outbox, self.publisher)
        self.forget()
        return self.publisher.bus.came[before:]

    def forget(self) -> None:
        self.office.on.records.outbox.clear()

    def note(self, number: int = 0, text: str = "Called again") -> None:
        row = self.office.store.rows("SELECT * FROM commlog ORDER BY CommlogNum")[number]
        self.office.store.update("commlog", row["CommlogNum"], {"Note": text})


@contextmanager
def away() -> Iterator[Away]:
    with mirrored_office("--patients", "10") as office:
        office.load()
        yield Away(office)


def of_notes(events: list[Event]) -> list[tuple[str, Any]]:
    return [(one.type, one.cause) for one in events if one.object == "communication"]


def test_a_change_that_the_outbox_forgot_is_told_though_its_row_never_changes_again() -> None:
    with away() as a:
        a.note()
        a.office.run(HOUR_S)
        a.forget()
        a.office.run(23 * HOUR_S)
        assert of_notes(a.tell()) == [], "while the outbox could still have it, it is not shown anew"

        a.office.run(30 * HOUR_S)

        assert of_notes(a.tell()) == [("communication.updated", Cause.RECOVERY)]


def test_what_was_told_is_not_shown_again_and_what_was_recovered_neither() -> None:
    with away() as a:
        a.note(0)
        a.office.run(HOUR_S)
        a.tell()
        a.note(1)
        a.office.run(HOUR_S)
        a.forget()
        a.office.run(60 * HOUR_S)
        assert len(of_notes(a.tell())) == 1
        a.office.run(60 * HOUR_S)

        assert of_notes(a.tell()) == []


def test_rows_of_a_first_load_are_not_shown_again() -> None:
    with away() as a:
        a.office.run(80 * HOUR_S)

        assert a.office.on.records.told_again == set()


def test_a_long_absence_is_made_up_for_in_steps_that_a_turn_may_be_cut_off_between() -> None:
    with away() as a:
        a.note(0)
        a.office.run(HOUR_S)
        a.note(1)
        a.office.run(HOUR_S)
        a.forget()
        a.office.run(80 * HOUR_S)
        state = a.office.on.syncs.load(a.office.id)

        assert state.untold_from is not None
        assert a.office.on.clock.now() - state.untold_from < untold.FORGOTTEN_AFTER + untold.EVERY * 2
        assert len(of_notes(a.tell())) == 2
