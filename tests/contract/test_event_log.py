"""The event log: the fake and the table keep one contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gateway.adapters.events.log import DynamoEventLog
from gateway.core.events.event import Cause, Event, event_id
from gateway.core.events.ports import KEPT, TOLD_KEPT, EventLog
from gateway.core.ids import new_id
from tests.contract.conftest import make_deployed_table
from tests.fakes.event_log import FakeEventLog

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM, OAK = new_id("practice"), new_id("practice")


@pytest.fixture(params=["fake", "dynamodb"])
def log(request: pytest.FixtureRequest) -> EventLog:
    if request.param == "fake":
        return FakeEventLog()
    request.getfixturevalue("aws")
    return DynamoEventLog(refusing_ranges_that_end_before_they_begin(make_deployed_table("events")), table="events")


def refusing_ranges_that_end_before_they_begin(client: Any) -> Any:
    """The client, whose queries are refused where DynamoDB refuses them and an emulator answers that nothing is there:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html."""

    def check(params: dict[str, Any], **_: Any) -> None:
        values = params.get("ExpressionAttributeValues", {})
        if ":first" in values and values[":first"]["S"] > values[":last"]["S"]:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "BETWEEN"}}, "Query")

    client.meta.events.register("provide-client-params.dynamodb.Query", check)
    return client


def an_event(number: int = 1, *, practice_id: str = ELM, **more: Any) -> Event:
    return Event(
        id=event_id(practice_id, f"appointments#{number}", "appointment.updated", number),
        type="appointment.updated",
        occurred_at=NOON,
        detected_at=NOON + timedelta(microseconds=4321),
        practice_id=practice_id,
        object="appointment",
        object_id=f"appt_{number}",
        sequence=number,
        cause=Cause.POLL,
        **more,
    )


def test_an_event_comes_back_as_it_was_logged(log: EventLog) -> None:
    full = an_event(
        changed=("status",), before={"status": "scheduled"}, after={"status": None}, related={"patient_id": "pat_a"}
    )
    log.add([full, an_event(2)], at=NOON)

    (logged,) = log.get(ELM, [full.id, "evt_nobody"])

    assert (logged.event, logged.logged_at) == (full, NOON)
    assert log.get(OAK, [full.id]) == []


def test_an_event_is_logged_once_and_keeps_its_place(log: EventLog) -> None:
    assert log.add([an_event(1), an_event(1)], at=NOON) == {an_event(1).id}
    assert log.add([an_event(1), an_event(2)], at=NOON + timedelta(hours=1)) == {an_event(2).id}

    assert [one.logged_at for one in log.get(ELM, [an_event(1).id])] == [NOON]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_bring_each_event_of_the_time_once_in_order_over_days(log: EventLog, order: Any, limit: int) -> None:
    times = [NOON + timedelta(hours=number) for number in range(0, 70, 5)]
    for number, at in enumerate(times, start=1):
        log.add([an_event(number), an_event(number + 100)], at=at)
        log.add([an_event(number, practice_id=OAK)], at=at)
    since, until = NOON + timedelta(hours=5), NOON + timedelta(hours=60)

    found: list[tuple[datetime, str]] = []
    after = None
    while page := log.page(ELM, since=since, until=until, after=after, order=order, limit=limit):
        assert len(page) <= limit
        found += [(one.logged_at, one.event.id) for one in page]
        after = found[-1]

    wanted = sorted(
        (at, an_event(number + more).id)
        for number, at in enumerate(times, start=1)
        if since <= at < until
        for more in (0, 100)
    )
    assert found == (wanted if order == "asc" else wanted[::-1])


def test_the_state_that_was_told_last_never_falls_back(log: EventLog) -> None:
    first, other = (ELM, "appointments#1"), (OAK, "appointments#1")
    log.mark_told({first: 5, other: 7}, at=NOON)
    log.mark_told({first: 4}, at=NOON)

    assert log.told([first, other, (ELM, "appointments#2")]) == {first: 5, other: 7}


def test_what_was_told_of_a_row_is_forgotten_months_after_it_was_told_last(aws: None) -> None:
    """A mirror that is erased must not leave behind for ever which rows it had."""
    client = make_deployed_table("events")
    log = DynamoEventLog(client, table="events")
    log.mark_told({(ELM, "appointments#1"): 5}, at=NOON)
    log.mark_told({(ELM, "appointments#1"): 6}, at=NOON + timedelta(days=10))

    (item,) = client.scan(TableName="events")["Items"]
    assert int(item["expires_at"]["N"]) == int((NOON + timedelta(days=10) + TOLD_KEPT).timestamp())


def test_an_event_ends_by_itself_and_its_page_asks_for_nothing_else(aws: None) -> None:
    client = make_deployed_table("events")
    log = DynamoEventLog(client, table="events")
    log.add([an_event()], at=NOON)

    (item,) = client.scan(TableName="events")["Items"]

    assert int(item["expires_at"]["N"]) == int((NOON + KEPT).timestamp())


@pytest.mark.parametrize(
    ("since_s", "until_s", "after_s", "order"),
    [
        (10, 0, None, "asc"),
        (10, 0, None, "desc"),
        # The last event of the page before is 30 days old, or younger than what is settled.
        (0, 60, -5, "desc"),
        (-60, 0, 5, "asc"),
    ],
)
def test_a_span_that_ends_before_it_begins_has_nothing(
    log: EventLog, since_s: int, until_s: int, after_s: int | None, order: Any
) -> None:
    log.add([an_event()], at=NOON)
    since, until = (NOON + timedelta(seconds=one) for one in (since_s, until_s))
    after = None if after_s is None else (NOON + timedelta(seconds=after_s), "evt_a")

    assert log.page(ELM, since=since, until=until, after=after, order=order, limit=5) == []
