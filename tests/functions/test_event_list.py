"""What happened, through its handler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.callers import Client
from gateway.core.errors import Unavailable
from gateway.core.events.event import Cause, Event, event_id
from gateway.core.events.ports import KEPT
from gateway.core.ids import row_id
from gateway.core.objects.event import LoggedEvent
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed

BEN = "cli_ben"


@pytest.fixture
def two() -> Iterator[Deployment]:
    with deployed(practices=2, scopes=("*:read",)) as d:
        d.on.callers.put_client(Client(BEN, "Ben", frozenset(IDS[1:2]), frozenset({"*:read"})))
        yield d


def happen(d: Deployment, *types: str, practice_id: str = IDS[0], object_id: str = "appt_a") -> list[Event]:
    """Log an event of each type, a minute apart."""
    made = []
    for type_ in types:
        d.on.clock.seconds += 60
        at, number = d.on.clock.now(), len(d.on.event_log.logged) + 1
        name = type_.partition(".")[0]
        id_ = event_id(practice_id, f"{name}s#{number}", type_, number)
        made.append(Event(id_, type_, at, at, practice_id, name, object_id, number, Cause.POLL))
        d.on.event_log.add(made[-1:], at=at)
    d.on.clock.seconds += 60
    return made


def ids(answer: Answered) -> list[str]:
    assert answer.status == 200, answer.body
    for one in answer.body["data"]:
        LoggedEvent.model_validate(one, strict=True)
    return [one["id"] for one in answer.body["data"]]


def of(d: Deployment, **query: Any) -> list[str]:
    return ids(d.get("/events", practice_id=IDS[0], **query))


def test_events_come_youngest_first_and_each_is_there_by_its_id(two: Deployment) -> None:
    first, second = happen(two, "appointment.created", "claim.denied")

    assert of(two) == [second.id, first.id]
    assert of(two, order="asc") == [first.id, second.id]
    assert two.get(f"/events/{first.id}").body["type"] == "appointment.created"


def test_filters_hold_by_type_object_and_time(two: Deployment) -> None:
    made = happen(two, "appointment.created", "appointment.completed", "claim.sent", "payment.posted")
    (other,) = happen(two, "appointment.created", object_id="appt_b")
    noon = made[2].detected_at

    assert of(two, type="appointment.*", object_id="appt_a", order="asc") == [one.id for one in made[:2]]
    assert of(two, type="appointment.completed,claim.*", order="asc") == [made[1].id, made[2].id]
    assert of(two, since=noon.isoformat(), order="asc") == [made[2].id, made[3].id, other.id]
    assert of(two, until=noon.isoformat(), order="asc") == [one.id for one in made[:2]]
    refused = two.get("/events", practice_id=IDS[0], type="visit.*")
    assert (refused.status, refused.body["param"]) == (400, "type")


def test_a_clients_own_operations_are_told_to_it_whatever_its_scopes_and_to_nobody_else(two: Deployment) -> None:
    """As `GET /operations/{id}` has it, which asks for no scope either."""
    own, others, nobodys = happen(two, *["operation.succeeded"] * 3, object_id="opn_a")
    two.on.event_log.logged.clear()
    own, others = (replace(one, related={"client_id": name}) for one, name in ((own, CLIENT), (others, BEN)))
    two.on.event_log.add([own, others, nobodys], at=nobodys.detected_at)
    two.grant("events:read", "appointments:write")

    assert of(two) == [own.id]
    assert two.get(f"/events/{own.id}").status == 200
    two.grant("*:read")
    assert of(two) == [own.id]
    assert [two.get(f"/events/{one.id}").status for one in (others, nobodys)] == [404, 404]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_bring_each_event_once(two: Deployment, order: str, limit: int) -> None:
    made = happen(two, *["appointment.updated", "claim.updated"] * 4)
    wanted = [one.id for one in made if one.type == "claim.updated"]

    found: list[str] = []
    query: dict[str, Any] = {"practice_id": IDS[0], "type": "claim.*", "order": order, "limit": limit}
    while True:
        answer = two.get("/events", **query)
        found += ids(answer)
        if not answer.body["has_more"]:
            break
        query["cursor"] = answer.body["next_cursor"]

    assert found == (wanted if order == "asc" else wanted[::-1])


def test_who_keeps_up_asks_with_the_last_cursor_for_what_came_since(two: Deployment) -> None:
    happen(two, "appointment.created")
    page = two.get("/events", practice_id=IDS[0], order="asc").body
    assert page["has_more"] is False
    same = two.get("/events", practice_id=IDS[0], order="asc", cursor=page["next_cursor"]).body
    assert same["data"] == []

    later = happen(two, "appointment.updated", "appointment.completed")

    assert of(two, order="asc", cursor=same["next_cursor"]) == [one.id for one in later]


def test_what_was_logged_a_moment_ago_is_left_for_the_next_page_of_who_keeps_up(two: Deployment) -> None:
    """Another publisher's clock may be behind: what it logs would lie before a cursor that has passed."""
    (event,) = happen(two, "appointment.created")
    two.on.clock.seconds -= 59

    assert of(two) == [event.id]
    assert of(two, order="asc") == []


def test_events_end_after_thirty_days_though_the_table_may_have_them_still(two: Deployment) -> None:
    happen(two, "appointment.created")
    two.on.clock.seconds += KEPT.total_seconds()

    assert of(two) == []


def test_nobody_sees_events_of_what_he_may_not_read(two: Deployment) -> None:
    visit, _, sync = happen(two, "appointment.created", "claim.denied", "sync.loaded")
    two.grant("events:read", "appointments:read")

    assert of(two, order="asc") == [visit.id, sync.id]
    claim = next(one.event for one in two.on.event_log.logged.values() if one.event.type == "claim.denied")
    refused = two.get(f"/events/{claim.id}")
    assert (refused.status, refused.body["code"], refused.body["scope"]) == (403, "scope-missing", "claims:read")
    two.grant("appointments:read")
    assert two.get("/events", practice_id=IDS[0]).status == 403


def test_another_practices_events_and_cursors_are_not_there(two: Deployment) -> None:
    mine = happen(two, *["appointment.created"] * 3)
    theirs = happen(two, *["appointment.created"] * 3, practice_id=IDS[1])
    cursor = two.get("/events", practice_id=IDS[0], limit=1).body["next_cursor"]
    client = two.on.callers.client(CLIENT)

    assert set(of(two)) == {one.id for one in mine}
    assert two.get("/events", practice_id=IDS[1], limit=1, cursor=cursor).status == 404
    assert two.get("/events", practice_id=IDS[0], limit=1, type="claim.*", cursor=cursor).status == 400
    two.on.callers.put_client(replace(client, practices=frozenset(IDS[:1])))
    assert two.get(f"/events/{theirs[0].id}").status == 404
    assert two.get("/events", practice_id=IDS[1]).status == 404
    assert two.get("/events/evt_nobody").status == 404


def test_a_practice_without_an_agreement_shows_no_events(two: Deployment) -> None:
    (event,) = happen(two, "appointment.created")
    baa = two.on.practices.get(IDS[0]).baa
    assert baa is not None
    two.know(baa=replace(baa, expires_on=two.today - timedelta(days=1)))

    assert two.get("/events", practice_id=IDS[0]).body["code"] == "baa-missing"
    assert two.get(f"/events/{event.id}").body["code"] == "baa-missing"


def test_a_cursor_of_another_list_is_refused_whatever_is_in_it(two: Deployment) -> None:
    other = two.get("/providers", practice_id=IDS[0], limit=1).body["next_cursor"]
    refused = two.get("/events", practice_id=IDS[0], cursor=other)

    assert (refused.status, refused.body["param"]) == (400, "cursor")


def test_what_is_too_long_to_be_an_id_is_no_event(two: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table refuses longer keys than it can have, which is no reason to come again."""

    def get(_: str, event_ids: list[str]) -> list[Any]:
        if any(len(one) > 1024 for one in event_ids):
            raise Unavailable("the event log")
        return []

    monkeypatch.setattr(two.on.event_log, "get", get)

    assert two.get(f"/events/evt_{'a' * 2000}").status == 404


def test_that_a_webhook_was_disabled_is_told_to_its_client_and_to_no_other(two: Deployment) -> None:
    """Its webhooks are nobody else's to see, and who of them fails is no news for others."""
    pair = happen(two, "webhook.disabled", "webhook.disabled", practice_id=IDS[1], object_id="whk_a")
    two.on.event_log.logged.clear()
    own, others = (replace(one, related={"client_id": name}) for one, name in zip(pair, (CLIENT, BEN), strict=True))
    two.on.event_log.add([own, others], at=own.detected_at)

    assert ids(two.get("/events", practice_id=IDS[1])) == [own.id]
    assert two.get(f"/events/{others.id}").status == 404


def test_an_id_says_whose_events_are_asked_for_and_one_of_others_is_nobodys(two: Deployment) -> None:
    mine, theirs = row_id("appointment", IDS[0], 7), row_id("appointment", IDS[1], 7)
    (moved,) = happen(two, "appointment.rescheduled", object_id=mine)

    assert ids(two.get("/events", object_id=mine)) == [moved.id]
    assert ids(two.get("/events", object_id=theirs)) == []
    elsewhere = two.get("/events", practice_id=IDS[0], object_id=theirs)
    assert (elsewhere.status, elsewhere.body["param"]) == (404, "object_id")
    client = two.on.callers.client(CLIENT)
    two.on.callers.put_client(replace(client, practices=frozenset(IDS[1:2])))
    strange = two.get("/events", object_id=mine)
    assert (strange.status, strange.body["param"]) == (404, "object_id")


@pytest.mark.parametrize("practice_id", ["all", f"{IDS[0]},{IDS[1]}"])
def test_several_practices_have_no_log_in_common(two: Deployment, practice_id: str) -> None:
    refused = two.get("/events", practice_id=practice_id)

    assert (refused.status, refused.body["param"]) == (400, "practice_id")


def test_no_type_is_none_to_ask_for(two: Deployment) -> None:
    """An unset variable in somebody's shell would else read as if nothing had happened."""
    happen(two, "appointment.created")

    for type_ in ("", ","):
        refused = two.get("/events", practice_id=IDS[0], type=type_)
        assert (refused.status, refused.body["param"]) == (400, "type")


@pytest.mark.parametrize(
    ("type_", "said"),
    [("appointment", "takes types such as"), ("appointments.*", '"appointment.*"'), ("claim.payed", '"claim.')],
)
def test_a_refused_type_says_what_there_is(two: Deployment, type_: str, said: str) -> None:
    refused = two.get("/events", practice_id=IDS[0], type=type_)

    assert refused.status == 400
    assert said in refused.body["detail"]


def test_a_type_that_is_named_and_may_not_be_seen_is_no_silence(two: Deployment) -> None:
    two.grant("events:read", "claims:read")
    happen(two, "appointment.created", "claim.denied")

    refused = two.get("/events", practice_id=IDS[0], type="appointment.*,claim.*")
    assert (refused.status, refused.body["scope"]) == (403, "appointments:read")
    assert len(of(two, type="claim.*")) == len(of(two)) == len(of(two, type="*")) == 1
