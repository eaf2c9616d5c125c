"""The sandbox's webhook receiver: what it says of a message, and that it answers as it was told."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from gateway.core.events.event import Cause, Event
from gateway.core.webhooks.signing import body_of, headers_of
from infra.sandbox.receiver import Receiver

KEY, OTHER = b"k" * 32, b"o" * 32
EVENT_ID = "evt_4oggz5vfagjh5kug7uhm646ex5mx3mmu"


def text(secret: bytes) -> str:
    return f"whsec_{base64.b64encode(secret).decode()}"


def event() -> Event:
    now = datetime.now(UTC)
    happened = now - timedelta(seconds=20)
    return Event(EVENT_ID, "appointment.rescheduled", happened, now, "prac_a", "appointment", "appt_1", 7, Cause.POLL)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver(kept=3).start()
    yield one
    one.stop()


@pytest.fixture
def http(receiver: Receiver) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=receiver.url, trust_env=False) as client:
        yield client


def posted(http: httpx.Client, *, secret: bytes = KEY, hook: str = "mine", at: timedelta = timedelta()) -> int:
    body = body_of(event())
    headers = headers_of(EVENT_ID, body, secrets=[secret], at=datetime.now(UTC) + at)
    return http.post(f"/hooks/{hook}", content=body, headers=dict(headers)).status_code


def shown(http: httpx.Client, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get("/deliveries", params=query).json()["data"]
    return found


def test_a_message_that_the_gateway_signed_is_good_and_shown_with_its_latency(http: httpx.Client) -> None:
    assert http.put("/hooks/mine", json={"id": "whk_1", "state": "enabled", "secret": text(KEY)}).status_code == 200

    assert posted(http) == 200

    (one,) = shown(http)
    assert (one["signature"], one["id"], one["type"]) == ("good", EVENT_ID, "appointment.rescheduled")
    assert (one["hook"], one["practice_id"], one["answer"]) == ("mine", "prac_a", 200)
    assert one["latency_s"] == pytest.approx(20, abs=5)
    assert one["body"]["data"]["object_id"] == "appt_1"


@pytest.mark.parametrize(
    ("secret", "at"), [(OTHER, timedelta()), (KEY, timedelta(minutes=-6)), (KEY, timedelta(minutes=6))]
)
def test_another_secret_and_another_time_are_bad(http: httpx.Client, secret: bytes, at: timedelta) -> None:
    http.put("/hooks/mine", json={"secret": text(KEY)})

    posted(http, secret=secret, at=at)

    assert [one["signature"] for one in shown(http)] == ["bad"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": "evt_1", "webhook-timestamp": "soon", "webhook-signature": "v1,AAAA"},
        {"webhook-id": "evt_1", "webhook-timestamp": "NOW", "webhook-signature": "nonsense"},
        {"webhook-id": "evt_1", "webhook-timestamp": "NOW", "webhook-signature": "v1,A"},
        {"webhook-id": "evt_1", "webhook-timestamp": "NOW", "webhook-signature": "v1a,AAAA"},
    ],
)
def test_what_is_malformed_is_bad_and_no_error(http: httpx.Client, headers: dict[str, str]) -> None:
    http.put("/hooks/mine", json={"secret": text(KEY)})
    now = str(int(datetime.now(UTC).timestamp()))

    answer = http.post("/hooks/mine", content=b"\xff{", headers={k: v.replace("NOW", now) for k, v in headers.items()})

    assert answer.status_code == 200
    assert [(one["signature"], one["body"]) for one in shown(http)] == [("bad", None)]


def test_a_changed_body_is_bad(http: httpx.Client) -> None:
    http.put("/hooks/mine", json={"secret": text(KEY)})
    body = body_of(event())
    headers = headers_of(EVENT_ID, body, secrets=[KEY], at=datetime.now(UTC))

    http.post("/hooks/mine", content=body.replace(b"appt_1", b"appt_2"), headers=dict(headers))

    assert [one["signature"] for one in shown(http)] == ["bad"]


def test_a_hook_without_secret_says_that_nothing_was_checked(http: httpx.Client) -> None:
    posted(http)

    assert [one["signature"] for one in shown(http)] == ["unchecked"]


def test_while_a_secret_is_rotated_both_are_good(http: httpx.Client) -> None:
    for secret in (KEY, OTHER):
        http.put("/hooks/mine", json={"secret": text(secret)})
        posted(http, secret=secret)
    posted(http, secret=KEY)

    assert [one["signature"] for one in shown(http)] == ["good"] * 3


def test_each_hook_has_secrets_of_its_own(http: httpx.Client) -> None:
    http.put("/hooks/mine", json={"secret": text(KEY)})
    http.put("/hooks/yours", json={"secret": text(OTHER)})

    posted(http, hook="yours")

    assert [one["signature"] for one in shown(http, hook="yours")] == ["bad"]
    assert shown(http, hook="mine") == []


def test_it_answers_what_it_was_told_as_often_as_it_was_told(http: httpx.Client) -> None:
    http.put("/hooks/mine", json={"answer": 500, "times": 2})
    assert [posted(http) for _ in range(4)] == [500, 500, 200, 200]

    http.put("/hooks/mine", json={"answer": 410})
    assert [posted(http) for _ in range(3)] == [410, 410, 410]
    assert [one["answer"] for one in shown(http)] == [410, 410, 410]


def test_what_is_slow_has_come_before_it_is_answered(receiver: Receiver) -> None:
    receiver.tell("mine", delay_s=30)

    with httpx.Client(base_url=receiver.url, trust_env=False, timeout=0.3) as http, pytest.raises(httpx.ReadTimeout):
        posted(http)

    assert [one.id for one in receiver.deliveries("mine")] == [EVENT_ID]


def test_it_ends_at_once_while_somebody_waits_for_a_slow_answer(receiver: Receiver) -> None:
    receiver.tell("mine", delay_s=60)
    with httpx.Client(base_url=receiver.url, trust_env=False, timeout=0.3) as http, pytest.raises(httpx.ReadTimeout):
        posted(http)
    url = receiver.url

    receiver.stop()

    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_only_the_last_are_kept_and_nothing_after_they_were_forgotten(http: httpx.Client) -> None:
    for hook in ("a", "b", "c", "d"):
        posted(http, hook=hook)
    assert [one["hook"] for one in shown(http)] == ["d", "c", "b"]

    http.delete("/deliveries")

    assert shown(http) == []


def test_a_line_tells_ids_and_nothing_of_the_message(receiver: Receiver, http: httpx.Client) -> None:
    said: list[str] = []
    receiver.say = said.append
    receiver.tell("mine", secret=text(KEY))
    posted(http)
    http.post("/hooks/mine", content=json.dumps({"type": "a\nwebhook good", "data": {"practice_id": "x" * 99}}))

    assert re.fullmatch(rf"webhook appointment.rescheduled {EVENT_ID} prac_a \d+\.\d s, signature good", said[0])
    assert said[1] == "webhook ? ? ? ?, signature bad"


def test_the_page_shows_what_came_and_runs_none_of_it(http: httpx.Client) -> None:
    http.post("/hooks/mine", content=json.dumps({"type": "<script>", "data": {"note": "<script>alert(1)</script>"}}))

    page = http.get("/")

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script>" not in page.text


def test_no_secret_is_ever_shown(http: httpx.Client) -> None:
    answer = http.put("/hooks/mine", json={"secret": text(KEY)})
    posted(http)

    said = answer.text + http.get("/").text + http.get("/deliveries").text
    assert text(KEY).removeprefix("whsec_") not in said
    assert answer.json()["secrets"] == 1


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"title": "A problem", "detail": "the token is unknown"}, "the token is unknown"),
        ({}, "send secret, answer, times or delay_s"),
        ({"secret": "whsec_"}, "this is no secret"),
        ({"secret": "whsec_a"}, "this is no secret"),
        ({"answer": 100}, "send a status of 200 to 599 as answer"),
        ({"answer": "gone"}, "send a status of 200 to 599 as answer"),
        ([], "send an object"),
    ],
)
def test_what_a_hook_cannot_be_told_is_refused_with_the_reason(http: httpx.Client, told: object, why: str) -> None:
    answer = http.put("/hooks/mine", json=told)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(why)


def test_whoever_asks_by_a_name_of_his_own_is_shown_nothing(http: httpx.Client) -> None:
    posted(http)

    for asked in (http.build_request("GET", path, headers={"Host": "evil.test:80"}) for path in ("/", "/deliveries")):
        answer = http.send(asked)
        assert (answer.status_code, EVENT_ID in answer.text) == (403, False)


def test_the_library_of_standard_webhooks_signs_what_is_good_here(http: httpx.Client) -> None:
    http.put("/hooks/mine", json={"secret": text(KEY)})
    now = datetime.now(UTC)
    signed = Webhook(text(KEY)).sign("msg_1", now, '{"type": "a.b"}')

    http.post(
        "/hooks/mine",
        content=b'{"type": "a.b"}',
        headers={"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signed},
    )

    assert [(one["signature"], one["type"]) for one in shown(http)] == [("good", "a.b")]
