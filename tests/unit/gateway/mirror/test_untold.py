"""What nobody told while the outbox had it is told all the same, as it is by then."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from gateway.core.background_turn import GiveWay
from gateway.core.events.event import Cause
from gateway.core.events.publishing import publish
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.syncing import Wanted
from gateway.core.mirror.untold import FORGOTTEN_AFTER, Untold
from tests.fakes.events import LivingPublisher
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.services import ELM_STREET, FakeServices

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


class Interrupted:
    """A background turn that has to give way at each pause."""

    rhythm_s: float | None = None
    session: object | None = None

    def __init__(self, on: FakeServices) -> None:
        self.on, self.practice = on, ELM_STREET

    def interval_s(self) -> float:
        return 1.0

    def may_call(self, calls: int) -> None:
        pass

    def pause(self) -> None:
        raise GiveWay


def test_a_look_that_gives_way_after_each_step_goes_on_where_it_was_and_tells_each_row_once() -> None:
    on: Any = FakeServices()
    records = on.records
    numbers = {"commlogs": range(1, 351), "appointments": range(1, 251)}
    for name, keys in numbers.items():
        rows = [{records_key(name): key, "PatNum": 1} for key in keys]
        records.all_here(ELM_STREET.id, name, are=True)
        records.store(ELM_STREET.id, name, rows, read=ReadAt(Order(1, 1), on.clock.now()), cause="poll")
    since = on.clock.now() - timedelta(hours=1)
    state = on.syncs.load(ELM_STREET.id)
    on.syncs.save_practice(replace(state, wanted=Wanted.ON, started_at=since, told_until=since))
    on.clock.seconds += timedelta(hours=60).total_seconds()
    read = len(records.outbox)
    looked: list[int] = []
    find = records.changed

    def changed(*asked: Any, **more: Any) -> Any:
        page = find(*asked, **more)
        looked.extend(one.key for one in page)
        return page

    records.changed = changed
    began = on.clock.now()
    # A page of 100 each; the last of a resource ends no turn.
    for _ in range(8):
        on.clock.seconds += 60
        with suppress(GiveWay):
            Untold().run(Interrupted(on))  # type: ignore[arg-type]

    told = [(one.resource, one.key) for one in records.outbox[read:]]
    assert sorted(told) == sorted((name, key) for name, keys in numbers.items() for key in keys)
    assert len(looked) == 600
    after = on.syncs.load(ELM_STREET.id)
    # Of the moment that it began, however long it took.
    assert after.telling is None
    assert after.told_until == began + timedelta(seconds=60) - FORGOTTEN_AFTER


def records_key(resource: str) -> str:
    return {"commlogs": "CommlogNum", "appointments": "AptNum"}[resource]
