"""What the publisher never told while its outbox had it is told a day later, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.events.event import Cause, Event
from gateway.core.events.publishing import publish
from gateway.core.mirror import untold
from tests.fakes.events import LivingPublisher
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office


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


@pytest.fixture(autouse=True)
def short_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outbox of 20 minutes in a day of half an hour: hours of an office take long to play."""
    monkeypatch.setattr(untold, "FORGOTTEN_AFTER", timedelta(minutes=20))
    monkeypatch.setattr(untold, "EVERY", timedelta(minutes=30))
    monkeypatch.setattr(untold, "STEP", timedelta(minutes=8))


MINUTE_S = 60.0


def test_what_the_outbox_forgot_is_told_once_though_its_row_never_changes_again() -> None:
    with away() as a:
        a.note(0, "told in time")
        a.office.run(3 * MINUTE_S)
        assert of_notes(a.tell()) == [("communication.updated", Cause.POLL)]
        a.note(1, "forgotten")
        a.office.run(3 * MINUTE_S)
        a.forget()
        a.office.run(12 * MINUTE_S)
        assert of_notes(a.tell()) == [], "it is shown anew while the outbox may still have it"

        a.office.run(45 * MINUTE_S)
        assert of_notes(a.tell()) == [("communication.updated", Cause.RECOVERY)]

        a.office.run(35 * MINUTE_S)
        assert of_notes(a.tell()) == []
        # Neither what was told in time nor what a first load brought is shown.
        assert len(a.office.on.records.told_again) == 1
