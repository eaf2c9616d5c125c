"""Webhooks through their handlers: made, filled by events, delivered, rotated, sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft4Validator
from standardwebhooks.webhooks import Webhook

from gateway.core.callers import Client
from gateway.core.events.event import Cause, Event, event_id
from gateway.core.events.event_types import TYPES
from gateway.core.events.schemas import event_schema
from gateway.core.practices import Baa
from gateway.core.webhooks import control
from gateway.core.webhooks.deliveries import Outcome
from gateway.core.webhooks.delivering import Beginning, deliver, send_due
from gateway.core.webhooks.endpoints import MOST_ENDPOINTS
from tests.fakes.deployment import CLIENT, IDS, Deployment, deployed

BEN = "cli_ben"
HOOK = {"url": "https://hooks.example.com/a?b=c", "types": ["appointment.*", "claim.denied"]}


@pytest.fixture
def two() -> Iterator[Deployment]:
    with deployed(practices=2, scopes=("*:read", "webhooks:write")) as d:
        d.on.callers.put_client(Client(BEN, "Ben", frozenset(IDS[1:2]), frozenset({"*:read"})))
        yield d


def made(d: Deployment, **more: Any) -> dict[str, Any]:
    answer = d.post("/webhooks", HOOK | more)
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def happen(d: Deployment, *types: str, practice_id: str = IDS[0]) -> list[Event]:
    """Events as the publisher tells them."""
    now, events = d.on.clock.now(), []
    for type_ in types:
        number = len(d.on.event_log.logged) + 1
        name = type_.partition(".")[0]
        id_ = event_id(practice_id, f"{name}s#{number}", type_, number)
        events.append(Event(id_, type_, now, now, practice_id, name, f"{name}_{number}", number, Cause.POLL))
        d.on.event_log.add(events[-1:], at=now)
    Beginning(d.on).begin(events)
    return events


def work(d: Deployment) -> list[tuple[str, Any]]:
    """Let a minute's work be done; what was posted: URL and event id."""
    send_due(d.on)
    before = len(d.on.sender.posted)
    while d.on.delivery_queue.messages:
        deliver(d.on.delivery_queue.messages.pop(0), d.on)
    return [(url, headers["webhook-id"]) for url, headers, _ in d.on.sender.posted[before:]]


def test_events_that_a_webhook_wants_come_to_it_signed_with_the_secret_it_was_shown(two: Deployment) -> None:
    two.on.clock.start = datetime.now(UTC)
    hook = made(two)
    created, _, denied = happen(two, "appointment.created", "claim.sent", "claim.denied")

    assert work(two) == [(HOOK["url"], created.id), (HOOK["url"], denied.id)]
    _, headers, body = two.on.sender.posted[0]
    assert Webhook(hook["secret"]).verify(body, dict(headers))["data"] == created.told()
    told = two.get(f"/webhooks/{hook['id']}/deliveries").body
    assert {(one["event_id"], one["state"], one["attempts"]) for one in told["data"]} == {
        (created.id, "succeeded", 1),
        (denied.id, "succeeded", 1),
    }


def test_a_secret_is_shown_to_its_maker_and_never_again(two: Deployment) -> None:
    first = two.post("/webhooks", HOOK, key="the-same-key")
    again = two.post("/webhooks", HOOK, key="the-same-key")
    id_ = first.body["id"]

    assert again.body == first.body and again.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Cache-Control"] == "no-store" and first.body["secret"].startswith("whsec_")
    assert two.post("/webhooks", HOOK | {"types": ["*"]}, key="the-same-key").body["code"] == "key-reused"
    for seen in (two.get(f"/webhooks/{id_}"), two.get("/webhooks"), two.patch(f"/webhooks/{id_}", {"types": ["*"]})):
        assert seen.status == 200 and "whsec_" not in json.dumps(seen.body)
    assert "whsec_" not in repr(two.on.webhooks)
    assert first.body["secret"].removeprefix("whsec_") not in repr(two.on.webhooks)


def test_a_rotation_that_is_repeated_is_one_and_both_secrets_sign_for_a_day(two: Deployment) -> None:
    two.on.clock.start = datetime.now(UTC)
    hook = made(two)
    first, again = (two.post(f"/webhooks/{hook['id']}/rotate", {}, key="one-rotation") for _ in range(2))
    assert first.status == again.status == 200
    assert first.body["secret"] == again.body["secret"] != hook["secret"]
    assert first.body["secret_generation"] == again.body["secret_generation"] == 2
    happen(two, "appointment.created")
    work(two)
    _, headers, body = two.on.sender.posted[-1]
    for secret in (hook["secret"], first.body["secret"]):
        Webhook(secret).verify(body, dict(headers))
    two.on.clock.seconds += 86_400
    happen(two, "appointment.updated")
    work(two)

    assert len(two.on.sender.posted[-1][1]["webhook-signature"].split()) == 1
    # Where it got into wrong hands, the one before ends at once.
    two.post(f"/webhooks/{hook['id']}/rotate", {"overlap_hours": 0})
    happen(two, "appointment.created")
    work(two)
    assert len(two.on.sender.posted[-1][1]["webhook-signature"].split()) == 1


def test_nobody_sees_or_touches_the_webhook_of_another_client(two: Deployment) -> None:
    hook = made(two)
    at = f"/webhooks/{hook['id']}"
    two.on.webhooks.endpoints[hook["id"]] = replace(two.on.webhooks.get(hook["id"]), client_id=BEN)

    assert two.get("/webhooks").body["data"] == []
    statuses = [
        two.get(at).status,
        two.patch(at, {"state": "disabled"}).status,
        two.send("DELETE", at).status,
        two.post(f"{at}/rotate", {}).status,
        two.post(f"{at}/test", {}).status,
        two.get(f"{at}/deliveries").status,
        two.post(f"{at}/redeliver", {"event_id": "evt_abc"}).status,
    ]
    assert statuses == [404] * 7
    assert two.on.sender.posted == []


def test_each_way_needs_its_scope(two: Deployment) -> None:
    hook = made(two)
    two.grant("webhooks:read")
    assert two.get(f"/webhooks/{hook['id']}").status == 200
    assert two.post("/webhooks", HOOK).body["scope"] == "webhooks:write"
    two.grant("events:read")
    assert two.get("/webhooks").body["scope"] == "webhooks:read"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"url": "http://hooks.example.com/"}, 400, "url"),
        ({"url": "ftp://hooks.example.com/"}, 400, "url"),
        ({"url": "https:///nowhere"}, 400, "url"),
        ({"url": "https://a:b@hooks.example.com/"}, 400, "url"),
        ({"url": "https://hooks.example.com/#top"}, 400, "url"),
        ({"url": "https://hooks.example.com:99999/"}, 400, "url"),
        ({"url": "https://hooks.example.com/a b"}, 400, "url"),
        ({"types": []}, 400, "types"),
        ({"types": ["visit.created"]}, 400, "types"),
        ({"practice_ids": ["prac_zzzzzzzzzzzzzzzz"]}, 404, "practice_ids"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused_by_its_field(
    two: Deployment, body: dict[str, Any], status: int, param: str
) -> None:
    two.on.stage = "prod"
    refused = two.post("/webhooks", HOOK | body)

    assert refused.status == status and refused.body["param"].split(".")[0] == param


def test_a_client_has_only_so_many(two: Deployment) -> None:
    hooks = [made(two) for _ in range(MOST_ENDPOINTS)]
    assert two.post("/webhooks", HOOK).status == 409
    assert two.send("DELETE", f"/webhooks/{hooks[0]['id']}").status == 204

    assert two.post("/webhooks", HOOK).status == 201
    assert hooks[0]["id"] not in {one["id"] for one in two.get("/webhooks").body["data"]}


def test_a_webhook_that_is_off_or_deleted_gets_nothing_and_what_it_missed_is_sent_when_asked_for(
    two: Deployment,
) -> None:
    hook, other = made(two), made(two, url="https://other.example.com/")
    at = f"/webhooks/{hook['id']}"
    missed = happen(two, "appointment.created")
    two.send("DELETE", f"/webhooks/{other['id']}")
    two.patch(at, {"state": "disabled"})
    missed += happen(two, "appointment.updated", "claim.sent")
    assert work(two) == []
    assert two.get(at).body["reason"] == "owner"
    assert two.post(f"{at}/redeliver", {"since": "2026-01-01T00:00:00Z"}).status == 409
    assert two.patch(at, {"state": "enabled"}).body["reason"] is None
    two.on.clock.seconds += 1
    again = two.post(f"{at}/redeliver", {"since": (two.on.clock.now() - timedelta(days=1)).isoformat()})

    assert (again.status, again.body) == (202, {"deliveries": 2})
    assert sorted(work(two)) == sorted((HOOK["url"], one.id) for one in missed[:2])


def test_one_event_is_sent_again_though_it_was_taken_and_a_span_only_what_was_not(two: Deployment) -> None:
    hook = made(two)
    (event,) = happen(two, "appointment.created")
    (theirs,) = happen(two, "payment.posted")
    work(two)
    two.on.clock.seconds += 1
    at, span = f"/webhooks/{hook['id']}/redeliver", {"since": (two.on.clock.now() - timedelta(hours=1)).isoformat()}

    assert two.post(at, span).body == {"deliveries": 0}
    assert two.post(at, span | {"include_succeeded": True}).body == {"deliveries": 1}
    assert work(two) == [(HOOK["url"], event.id)]
    assert two.post(at, {"event_id": event.id}).body == {"deliveries": 1}
    assert work(two) == [(HOOK["url"], event.id)]
    assert two.post(at, {"event_id": theirs.id}).status == 404


def test_a_trial_posts_once_shows_the_answer_and_counts_for_nothing(two: Deployment) -> None:
    hook = made(two)
    two.on.sender.answers = lambda _: Outcome(status=500, excerpt="no such table", took_ms=3)
    tried = two.post(f"/webhooks/{hook['id']}/test", {"type": "claim.sent"})

    assert tried.body["succeeded"] is False
    assert (tried.body["attempt"]["status"], tried.body["attempt"]["body_begins"]) == (500, "no such table")
    assert len(two.on.sender.posted) == 1
    assert json.loads(two.on.sender.posted[0][2])["type"] == "claim.sent"
    assert two.get(f"/webhooks/{hook['id']}").body["health"]["failures_in_a_row"] == 0
    assert two.post(f"/webhooks/{hook['id']}/test", {"type": "visit.sent"}).body["param"] == "type"


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_a_trial_of_any_type_is_as_its_schema_has_it(two: Deployment, type_: str) -> None:
    hook = made(two)
    two.post(f"/webhooks/{hook['id']}/test", {"type": type_})

    event = json.loads(two.on.sender.posted[0][2])["data"]
    assert [error.message for error in Draft4Validator(event_schema(type_)).iter_errors(event)] == []


def test_deliveries_are_listed_by_state_page_by_page(two: Deployment) -> None:
    hook = made(two)
    taken = happen(two, "appointment.created", "appointment.updated")
    work(two)
    two.on.clock.seconds += 1
    two.on.sender.answers = lambda _: Outcome(status=503)
    waiting = happen(two, "appointment.created")
    work(two)
    at = f"/webhooks/{hook['id']}/deliveries"

    assert [one["event_id"] for one in two.get(at, state="pending").body["data"]] == [one.id for one in waiting]
    found, cursor = [], None
    while True:
        page = two.get(at, limit=1, **({"cursor": cursor} if cursor else {})).body
        found += [one["event_id"] for one in page["data"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert found[0] == waiting[0].id and sorted(found[1:]) == sorted(one.id for one in taken)
    assert two.get(at, cursor="AAAA").body["param"] == "cursor"


def test_a_webhook_gets_what_its_client_may_see_at_its_practices_and_nothing_else(two: Deployment) -> None:
    made(two, types=["*"], practice_ids=[IDS[0]])
    two.grant("events:read", "claims:read")
    (sent,) = happen(two, "claim.sent")
    happen(two, "appointment.created")
    happen(two, "claim.sent", practice_id=IDS[1])

    assert work(two) == [(HOOK["url"], sent.id)]
    assert two.on.callers.client(CLIENT).practices == frozenset(IDS[:2])


def test_a_webhook_gets_the_operations_of_its_own_client_only(two: Deployment) -> None:
    """When they happen, and when somebody has all of a day sent again."""
    hook = made(two, types=["operation.*"], practice_ids=[IDS[0]])
    pair = happen(two, "operation.succeeded", "operation.failed")
    own, others = (replace(one, related={"client_id": id_}) for one, id_ in zip(pair, (CLIENT, BEN), strict=True))
    two.on.event_log.logged.clear()
    assert work(two) == []
    two.on.event_log.add([own, others], at=two.on.clock.now())
    Beginning(two.on).begin([own, others])

    assert work(two) == [(HOOK["url"], own.id)]
    two.on.clock.seconds += 60
    since = (own.detected_at - timedelta(minutes=1)).isoformat()
    again = two.post(f"/webhooks/{hook['id']}/redeliver", {"since": since, "include_succeeded": True})
    assert again.status == 202, again.body
    assert work(two) == [(HOOK["url"], own.id)]


@pytest.mark.parametrize("change", [{"types": ["appointment.*"]}, {"practice_ids": [IDS[0]]}])
def test_what_a_webhook_does_not_want_any_more_is_not_sent_to_it(two: Deployment, change: dict[str, Any]) -> None:
    """Nor to the URL that it has since: whoever is there may be meant for less."""
    hook = made(two, types=["*"])
    (wanted,) = happen(two, "appointment.created")
    (unwanted,) = happen(two, "claim.denied", practice_id=IDS[1])
    two.patch(f"/webhooks/{hook['id']}", change | {"url": "https://new.example.com/"})

    assert work(two) == [("https://new.example.com/", wanted.id)]
    ended = {one.event_id: one.ended for one in two.on.webhooks.deliveries.values()}
    assert ended == {wanted.id: None, unwanted.id: "not-wanted"}


@pytest.mark.parametrize("lost", ["practice", "scope"])
def test_deliveries_of_what_a_client_may_not_see_any_more_are_not_listed(two: Deployment, lost: str) -> None:
    hook = made(two, types=["*"])
    (mine,) = happen(two, "appointment.created")
    happen(two, "patient.created", practice_id=IDS[1])
    client = two.on.callers.client(CLIENT)
    if lost == "practice":
        client = replace(client, practices=frozenset(IDS[:1]))
    else:
        client = replace(client, scopes=frozenset({"webhooks:read", "events:read", "appointments:read"}))
    two.on.callers.put_client(client)
    work(two)

    assert [one["event_id"] for one in two.get(f"/webhooks/{hook['id']}/deliveries").body["data"]] == [mine.id]


def test_a_late_repeat_of_an_old_rotation_takes_no_secret_away(two: Deployment) -> None:
    hook = made(two)
    at = f"/webhooks/{hook['id']}/rotate"
    two.post(at, {}, key="first")
    two.post(at, {"overlap_hours": 0}, key="second")
    late = two.post(at, {}, key="first")

    assert (late.status, late.body["reason"]) == (409, "rotated-since")
    assert two.get(f"/webhooks/{hook['id']}").body["secret_generation"] == 3


def test_a_key_that_rotated_with_an_overlap_does_not_end_one(two: Deployment) -> None:
    """Whoever has lost a secret and is told that all is well would believe that it signs no more."""
    hook = made(two)
    at = f"/webhooks/{hook['id']}/rotate"
    two.post(at, {}, key="the-key")

    assert two.post(at, {"overlap_hours": 0}, key="the-key").body["code"] == "key-reused"


@pytest.mark.parametrize(
    "host", ["good.example\\.evil.example", "%65vil.example", "a.example;b.example", "[::1%25eth0]", "[v1.x]", "a..b"]
)
def test_a_host_that_readers_of_urls_take_for_different_ones_is_refused(two: Deployment, host: str) -> None:
    """Whoever approves a URL has to see where it leads."""
    refused = two.post("/webhooks", HOOK | {"url": f"https://{host}/"})

    assert (refused.status, refused.body["param"]) == (400, "url")


@pytest.mark.parametrize(
    "host", ["a.example", "A.Example:8443", "xn--bcher-kva.example", "a_b.example.", "192.0.1.1", "[2606:4700::1]:443"]
)
def test_other_hosts_are_taken(two: Deployment, host: str) -> None:
    assert two.post("/webhooks", HOOK | {"url": f"https://{host}/"}).status == 201


def test_a_practice_whose_agreement_has_ended_shows_in_no_delivery_and_nothing_of_it_is_sent_again(
    two: Deployment,
) -> None:
    hook = made(two)
    (event,) = happen(two, "appointment.created")
    (other,) = happen(two, "appointment.created", practice_id=IDS[1])
    work(two)
    two.on.clock.seconds += 1
    two.know(baa=Baa("over", "A. Test", date(2020, 1, 1), date(2020, 12, 31)))
    at, since = f"/webhooks/{hook['id']}", (two.on.clock.now() - timedelta(hours=1)).isoformat()

    assert [one["event_id"] for one in two.get(f"{at}/deliveries").body["data"]] == [other.id]
    assert two.post(f"{at}/redeliver", {"event_id": event.id}).status == 404
    assert two.post(f"{at}/redeliver", {"since": since, "include_succeeded": True}).body == {"deliveries": 1}


@pytest.mark.parametrize("bound", ["READ_AT_MOST", "QUERIES_AT_MOST"])
def test_a_span_that_takes_too_long_to_look_through_is_refused_before_anything_is_sent_again(
    two: Deployment, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """Events that the webhook does not want are looked at all the same, and days without any."""
    hook = made(two, types=["claim.denied"])
    happen(two, "claim.denied", *["appointment.updated"] * 5)
    two.on.clock.seconds += 1
    asked = {"since": (two.on.clock.now() - timedelta(days=3)).isoformat(), "include_succeeded": True}
    assert two.post(f"/webhooks/{hook['id']}/redeliver", asked).status == 202
    work(two)

    monkeypatch.setattr(control, bound, 5)
    refused = two.post(f"/webhooks/{hook['id']}/redeliver", asked)

    assert (refused.status, refused.body["code"]) == (422, "filter-too-wide")
    assert work(two) == []
