"""Webhooks: the fake and the table keep one contract; so do the queue and what it is told to do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from gateway.adapters.webhooks.queue import LANES, SqsDeliveryQueue, group_of, message_from, message_text
from gateway.adapters.webhooks.store import DynamoWebhooks
from gateway.core.errors import NotFound, Unavailable
from gateway.core.webhooks import deliveries as rules
from gateway.core.webhooks.deliveries import Delivery, Ended, Health, Message, Outcome
from gateway.core.webhooks.endpoints import Approval, Endpoint, EndpointState, Payload, Reason
from gateway.core.webhooks.ports import Superseded, Webhooks
from tests.contract.conftest import REGION, deployed_client, make_deployed_table
from tests.fakes.webhooks import FakeDeliveryQueue, FakeWebhooks

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["fake", "dynamodb"])
def webhooks(request: pytest.FixtureRequest) -> Webhooks:
    if request.param == "fake":
        return FakeWebhooks()
    request.getfixturevalue("aws")
    return DynamoWebhooks(make_deployed_table("webhooks"), table="webhooks")


def an_endpoint(id_: str = "whk_a", **changes: Any) -> Endpoint:
    made = Endpoint(id_, "cli_ada", "https://example.com/hooks", ("appointment.*", "claim.denied"), NOON, NOON)
    return replace(made, **changes)


def a_delivery(number: int = 1, endpoint_id: str = "whk_a", **changes: Any) -> Delivery:
    at = NOON + number * MINUTE
    made = Delivery(endpoint_id, f"evt_{number}", "prac_a", "appt_a", "appointment.created", at, at, at + MINUTE)
    return replace(made, **changes)


def test_an_endpoint_comes_back_as_it_was_made_and_changed(webhooks: Webhooks) -> None:
    made = webhooks.make(an_endpoint())
    changed = webhooks.change(
        replace(
            made,
            practices=frozenset({"prac_a", "prac_b"}),
            description="the one at work",
            state=EndpointState.DISABLED,
            reason=Reason.FAILING,
            disabled_at=NOON + MINUTE,
            generation=3,
            overlaps_until=NOON + timedelta(hours=24),
            rotated_by=("f" * 32, "e" * 32),
            body_hash="b" * 64,
            payload=Payload.FULL,
            approval=Approval("BAA-2026-014", frozenset({"prac_a"}), "cli_operator", NOON + MINUTE),
            deleted_at=NOON,
        )
    )

    assert made == an_endpoint()
    assert changed.rev == made.rev + 1
    assert webhooks.get("whk_a") == changed
    with pytest.raises(NotFound):
        webhooks.get("whk_b")


def test_a_repeat_makes_no_second_endpoint_and_gets_the_first_as_it_stands(webhooks: Webhooks) -> None:
    changed = webhooks.change(replace(webhooks.make(an_endpoint()), url="https://example.com/other"))

    assert webhooks.make(an_endpoint()) == changed
    assert webhooks.all() == [changed]


def test_a_change_of_what_somebody_else_has_changed_is_refused(webhooks: Webhooks) -> None:
    made = webhooks.make(an_endpoint())
    webhooks.change(replace(made, description="first"))
    with pytest.raises(Superseded):
        webhooks.change(replace(made, description="late"))
    with pytest.raises(Superseded):
        webhooks.change(an_endpoint("whk_none"))

    assert webhooks.get("whk_a").description == "first"


def test_endpoints_come_in_the_order_of_their_ids(webhooks: Webhooks) -> None:
    for id_ in ("whk_b", "whk_c", "whk_a"):
        webhooks.make(an_endpoint(id_))

    assert [one.id for one in webhooks.all()] == ["whk_a", "whk_b", "whk_c"]


def test_a_delivery_begins_once_however_often_it_is_begun(webhooks: Webhooks) -> None:
    first, second, elsewhere = a_delivery(1), a_delivery(2), a_delivery(1, "whk_b")
    assert webhooks.begin([first]) == [first]
    webhooks.save(rules.after(first, Outcome(status=200), now=NOON, chance=0), was=first)

    assert webhooks.begin([first, second, elsewhere]) == [second, elsewhere]
    done = webhooks.delivery("whk_a", "evt_1")
    assert done is not None and done.state is rules.DeliveryState.SUCCEEDED
    assert webhooks.delivery("whk_a", "evt_9") is None


def test_a_delivery_comes_back_as_it_was_saved(webhooks: Webhooks) -> None:
    was = a_delivery()
    webhooks.begin([was])
    assert webhooks.delivery("whk_a", "evt_1") == was
    said = Outcome(status=503, error=None, excerpt="später", took_ms=17)
    tried = rules.after(was, said, now=NOON + MINUTE, chance=0.25)
    webhooks.save(tried, was=was)
    assert webhooks.delivery("whk_a", "evt_1") == tried
    gone = rules.ended(tried, Ended.NOT_ALLOWED, now=NOON + 2 * MINUTE)
    webhooks.save(gone, was=tried)

    assert webhooks.delivery("whk_a", "evt_1") == gone


def test_of_two_who_made_one_turn_one_is_noted(webhooks: Webhooks) -> None:
    was = a_delivery()
    webhooks.begin([was])
    success, failure = (rules.after(was, Outcome(status=one), now=NOON, chance=0) for one in (200, 500))
    webhooks.save(success, was=was)
    with pytest.raises(Superseded):
        webhooks.save(failure, was=was)
    with pytest.raises(Superseded):
        webhooks.save(a_delivery(7), was=a_delivery(7))

    assert webhooks.delivery("whk_a", "evt_1") == success


def test_what_is_due_comes_the_longest_due_first_and_what_has_ended_not_at_all(webhooks: Webhooks) -> None:
    several = [a_delivery(number, f"whk_{number % 3}") for number in range(1, 13)]
    webhooks.begin(several)
    webhooks.save(rules.after(several[2], Outcome(status=200), now=NOON, chance=0), was=several[2])
    retried = rules.after(several[3], Outcome(status=500), now=NOON, chance=0.5)
    webhooks.save(retried, was=several[3])

    due = webhooks.due(NOON + 8 * MINUTE, limit=100)
    assert [one.message for one in due] == [
        rules.message_of(one) for one in [retried, *(several[at] for at in (0, 1, 4, 5, 6))]
    ]
    assert [one.due_at for one in due][1:] == [several[at].due_at for at in (0, 1, 4, 5, 6)]
    latest = webhooks.due(NOON + 8 * MINUTE, limit=3, latest=True)
    assert [one.message.event_id for one in latest] == ["evt_7", "evt_6", "evt_5"]
    assert [one.message.event_id for one in webhooks.due(NOON + timedelta(days=1), limit=3)] == [
        "evt_4",
        "evt_1",
        "evt_2",
    ]


def test_deliveries_of_an_endpoint_are_paged_the_youngest_first(webhooks: Webhooks) -> None:
    several = [a_delivery(number) for number in range(1, 6)]
    webhooks.begin([*several, a_delivery(9, "whk_b")])
    first = webhooks.page("whk_a", after=None, limit=2)
    second = webhooks.page("whk_a", after=(first[-1].made_at, first[-1].event_id), limit=10)

    assert [one.event_id for one in first] == ["evt_5", "evt_4"]
    assert second == several[2::-1]


def test_health_is_clean_until_it_is_noted_and_changes_from_one_hand_to_the_next(webhooks: Webhooks) -> None:
    assert webhooks.health("whk_a") == Health("whk_a")
    bad = replace(Health("whk_a"), failures=7, failing_since=NOON, opened=3, open_until=NOON + MINUTE, is_probing=True)
    saved = webhooks.save_health(bad)
    assert webhooks.health("whk_a") == saved == replace(bad, rev=1)
    with pytest.raises(Superseded):
        webhooks.save_health(bad)
    clean = webhooks.save_health(Health("whk_a", rev=saved.rev))
    with pytest.raises(Superseded):
        webhooks.save_health(saved)

    assert webhooks.health("whk_a") == clean
    assert webhooks.health("whk_b") == Health("whk_b")


def test_what_is_over_leaves_by_itself_and_a_living_endpoint_never(aws: None) -> None:
    client = make_deployed_table("webhooks")
    webhooks = DynamoWebhooks(client, table="webhooks")
    webhooks.make(an_endpoint())
    webhooks.change(replace(webhooks.make(an_endpoint("whk_b")), deleted_at=NOON))
    webhooks.begin([a_delivery()])
    ends = {item["sk"]["S"]: item.get("expires_at") for item in client.scan(TableName="webhooks")["Items"]}

    month = timedelta(days=30)
    assert ends["whk_a"] is None
    assert int(ends["whk_b"]["N"]) == (NOON + month).timestamp()
    assert int(ends["evt_1"]["N"]) == (NOON + MINUTE + month).timestamp()


def test_a_table_or_queue_that_does_not_answer_is_unavailable(aws: None) -> None:
    webhooks = DynamoWebhooks(deployed_client(), table="nowhere")
    for use in (
        webhooks.all,
        lambda: webhooks.get("whk_a"),
        lambda: webhooks.begin([a_delivery()]),
        lambda: webhooks.due(NOON, limit=1),
        lambda: webhooks.health("whk_a"),
    ):
        with pytest.raises(Unavailable):
            use()
    queue = SqsDeliveryQueue(boto3.client("sqs", region_name=REGION), queue_url="https://sqs.invalid/nowhere.fifo")
    with pytest.raises(Unavailable):
        queue.put(Message("whk_a", "evt_1", "appt_a", 0))


def test_a_turn_is_one_message_and_the_next_turn_another(aws: None) -> None:
    client = boto3.client("sqs", region_name=REGION)
    attributes: Any = {
        "FifoQueue": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    url = client.create_queue(QueueName="deliveries.fifo", Attributes=attributes)["QueueUrl"]
    queue, fake = SqsDeliveryQueue(client, queue_url=url), FakeDeliveryQueue()
    message = Message("whk_a", "evt_1", "appt_a", 0)
    for each in (queue, fake):
        for one in (message, message, replace(message, endpoint_id="whk_b")):
            each.put(one)
    got = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]

    assert [message_from(one["Body"]) for one in got] == fake.messages
    assert message_from(message_text(message)) == message
    assert set(json.loads(got[0]["Body"])) == {"endpoint_id", "event_id", "object_id", "turn"}


def test_what_is_of_one_object_is_in_order_and_an_endpoint_has_five_lanes_of_its_own() -> None:
    def groups(endpoint: str) -> set[str]:
        return {group_of(Message(endpoint, "evt_1", f"appt_{number}", 0)) for number in range(200)}

    assert len(groups("whk_a")) == LANES == 5
    assert not groups("whk_a") & groups("whk_b")
    assert len({group_of(Message("whk_a", f"evt_{number}", "appt_a", number)) for number in range(50)}) == 1
