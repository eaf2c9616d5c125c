"""What nobody told while the outbox had it is told all the same, as it is by then."""

from __future__ import annotations

from datetime import timedelta

from gateway.core.events.event import Cause
from gateway.core.events.publishing import publish
from tests.fakes.events import LivingPublisher
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

HOUR_S = 3600


def edit(office: MirroredOffice, note: str) -> int:
    number: int = office.store.rows("SELECT * FROM commlog")[0]["CommlogNum"]
    office.store.update("commlog", number, {"Note": note})
    office.run(120)
    return number


def test_a_publisher_that_was_away_for_thirty_hours_loses_no_rows_last_state() -> None:
    with mirrored_office("--patients", "10") as office:
        office.load()
        publisher, records = LivingPublisher(office.on), office.on.records
        publish(records.outbox, publisher)
        office.run(26 * HOUR_S)
        edit(office, "lost")
        edit(office, "lost too")
        # The outbox forgets what nobody read.
        office.run(30 * HOUR_S)
        read = len(records.outbox)
        assert [one.cause for one in publisher.bus.came] == []

        office.run(26 * HOUR_S)
        publish(records.outbox[read:], publisher)

        (event,) = [one for one in publisher.bus.came if one.object == "communication"]
        assert (event.type, event.cause) == ("communication.updated", Cause.RECOVERY)


def test_what_was_told_is_not_told_again_and_what_is_young_is_left_to_the_outbox() -> None:
    with mirrored_office("--patients", "10") as office:
        office.load()
        publisher, records = LivingPublisher(office.on), office.on.records
        office.run(26 * HOUR_S)
        edit(office, "told")
        publish(records.outbox, publisher)
        edit(office, "young")
        before = len(records.outbox)

        office.run(int(timedelta(hours=24).total_seconds()))
        assert not [one for one in records.outbox[before:] if one.resource == "commlogs"]
        publish(records.outbox[before - 1 :], publisher)
        office.run(60 * HOUR_S)

        assert not [one for one in records.outbox[before:] if one.resource == "commlogs"]
