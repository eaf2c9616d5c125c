"""Several customer keys of one office: who makes them, what they open, and that each has its own pace."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from infra.sandbox.practice.keys import DEVELOPER_KEY, PORTAL_KEY

from .conftest import HEADERS, Running

NEW = "DEMOcusKEY000002"


def by(key: str) -> dict[str, str]:
    return {**HEADERS, "Authorization": f"ODFHIR {DEVELOPER_KEY}/{key}"}


def status(running: Running, key: str, path: str = "/providers") -> int:
    return running.api.get(path, headers=by(key)).status_code


def test_a_key_that_the_portal_makes_is_of_use_once_an_office_has_added_it(start: Callable[..., Running]) -> None:
    running = start()
    made = running.api.post("/apikeys", headers=by(PORTAL_KEY), json={"DevRefId": "ref-1"}).json()
    key = made["CustomerKey"]
    assert (made["DevRefId"], made["DateTimeAssigned"]) == ("ref-1", "0001-01-01 00:00:00")
    before = running.api.get("/providers", headers=by(key))
    assert (before.status_code, "not been assigned" in before.text) == (400, True)

    running.control.put("keys", json={"customer_key": key, "state": "enabled"})
    assert status(running, key) == 200

    listed = running.api.get("/apikeys", headers=by(PORTAL_KEY)).json()
    assert [one["CustomerKey"] for one in listed if not one["DateTimeAssigned"].startswith("0001")][-1] == key
    told = {"CustomerKey": key, "KeyStatus": "DisabledByDeveloper"}
    assert running.api.put("/apikeys", headers=by(PORTAL_KEY), json=told).json()["KeyStatus"] == "DisabledByDeveloper"
    assert status(running, key) == 401


def test_the_portal_key_opens_nothing_of_an_office_and_no_other_key_opens_the_portal(
    start: Callable[..., Running],
) -> None:
    running = start()

    assert status(running, PORTAL_KEY) == 401
    assert running.api.get("/apikeys").status_code == 401


def test_a_key_sees_its_own_subscriptions_only(start: Callable[..., Running]) -> None:
    running = start()
    running.control.put("keys", json={"customer_key": NEW, "state": "enabled"})
    wanted = {"EndPointUrl": "http://127.0.0.1:1/hook", "WatchTable": "Patient", "PollingSeconds": 1}
    # Equal ones of two keys are two: https://www.opendental.com/site/apisubscriptions.html
    for key in ("DEMOcusKEY000001", NEW):
        assert running.api.post("/subscriptions", headers=by(key), json=wanted).status_code == 201

    seen = [running.api.get("/subscriptions", headers=by(key)).json() for key in ("DEMOcusKEY000001", NEW)]
    assert [[row["CustomerKey"] for row in rows] for rows in seen] == [["DEMOcusKEY000001"], [NEW]]


def test_each_key_has_a_pace_of_its_own(start: Callable[..., Running]) -> None:
    running = start(interval_s=30.0, queue_depth=0)
    running.control.put("keys", json={"customer_key": NEW, "state": "enabled"})

    assert [status(running, "DEMOcusKEY000001"), status(running, NEW)] == [200, 200]
    assert [status(running, "DEMOcusKEY000001"), status(running, NEW)] == [429, 429]


def test_what_is_wrong_with_a_key_is_said_and_changes_nothing(start: Callable[..., Running]) -> None:
    running = start()

    def put(**told: object) -> httpx.Response:
        return running.control.put("keys", json={"customer_key": NEW, **told})

    assert put(state="lost").status_code == 400
    assert put(permissions=["Everything"]).status_code == 400
    assert len(running.control.get("keys").json()) == 1
