"""POST /practices and the steps behind it, through handlers, worker, background lane and a simulated practice."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.addresses import DEFAULT_BASE_URL
from gateway.core.callers import Client, ClientKind
from gateway.core.objects.onboarding import NewPracticeView, OnboardingStep, OnboardingView
from gateway.core.onboarding.records import STEPS
from gateway.core.practices import Mode, Tier
from tests.fakes.deployment import CLIENT, Answered, Deployment, deployed
from tests.fakes.workflows import failed, run_started

ALL = ("*:read", "practices:connect", "practices.baa:write", "sync:write")
SERVICE_URL = "http://10.20.0.15:30223/api/v1"
AGREEMENT = {"reference": "BAA-7", "signed_by": "Ada Example", "signed_on": "2026-01-05"}
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def d(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A stage without practices, in front of an office that answers at both of its addresses."""
    monkeypatch.setenv("BASE_URL_ALLOW", "https://api.opendental.com")
    monkeypatch.setenv("NETWORKS", json.dumps({"clinic": [SERVICE_URL]}))
    with deployed(scopes=ALL) as d:
        d.doors[SERVICE_URL] = d.simulated.beside("Service")
        d.on.world.networks = ("remote", "clinic")
        d.on.stage = "prod"
        (known,) = d.servers
        pair = d.on.vault.current.pop(known)
        d.keys = {"customer_key": pair.customer, "developer_key": pair.developer}  # type: ignore[attr-defined]
        del d.on.practices.records[known]
        d.on.callers.put_client(replace(d.on.callers.client(CLIENT), practices=frozenset()))
        yield d


def begin(d: Deployment, *, headers: dict[str, str] | None = None, key: str = "new-1", **more: Any) -> Answered:
    body = {**d.keys, "time_zone": "America/Chicago", "name": "Elm Street", **more}  # type: ignore[attr-defined]
    body = {name: value for name, value in body.items() if value is not None}
    answered = d.send("POST", "/practices", body=body, key=key, headers=headers)
    if answered.status < 300:
        NewPracticeView.model_validate(answered.body, strict=True)
    return answered


def take(d: Deployment, practice_id: str, step: str) -> Answered:
    answered = d.patch(f"/practices/{practice_id}/onboarding", {"step": step})
    if answered.status < 300:
        OnboardingStep.model_validate(answered.body, strict=True)
    return answered


def look(d: Deployment, practice_id: str) -> dict[str, Any]:
    answered = d.get(f"/practices/{practice_id}/onboarding")
    assert answered.status == 200, answered.body
    OnboardingView.model_validate(answered.body, strict=True)
    shown: dict[str, Any] = answered.body
    return shown


def go_through(d: Deployment, practice_id: str, *, before: str | None = None) -> list[tuple[str, int]]:
    """Take the steps as the machine does: each until it is over or fails; returns them with their last status."""
    took = []
    until = d.on.clock.now().timestamp() + 4 * 3600
    for step in itertools.takewhile(lambda one: one != before, STEPS):
        while (answered := take(d, practice_id, step)).status == 202:
            assert d.on.clock.now().timestamp() < until, look(d, practice_id)
            d.on.world.run(float(answered.headers["Retry-After"]))
        took.append((step.value, answered.status))
        if answered.status >= 400:
            break
    return took


def test_a_practice_comes_up_from_two_keys_to_a_complete_mirror(d: Deployment) -> None:
    made = begin(d, agreement=AGREEMENT, location_time_zones={"2": "America/Denver"})
    assert (made.status, made.body["state"], made.body["name"]) == (201, "active", "Elm Street")
    practice_id = made.body["id"]
    assert made.headers["Location"] == f"practices/{practice_id}"

    assert {status for _, status in go_through(d, practice_id)} == {200}
    shown = look(d, practice_id)
    told = {one["step"]: one for one in shown["steps"]}
    assert shown["state"] == "done"
    assert {one: told[one]["state"] for one in told} == {
        "verify": "done", "learn": "done", "agreement": "done", "mirror": "done", "subscriptions": "skipped",
        "load": "done",
    }  # fmt: skip
    assert told["learn"]["told"]["tier"] == "enterprise"
    assert told["load"]["told"]["phase"] == "complete"
    # What the office's own clock says of the zone is there, whatever it is.
    assert told["load"]["told"]["clock_agrees"] is not None
    practice = d.on.practices.get(practice_id)
    assert (practice.location_zones, practice.baa and practice.baa.reference) == ({2: "America/Denver"}, "BAA-7")
    assert d.get("/patients", practice_id=practice_id, status="active").body["meta"]["served_from"] == "mirror"


def test_keys_are_nowhere_but_in_the_vault(d: Deployment) -> None:
    practice_id = begin(d, agreement=AGREEMENT).body["id"]
    go_through(d, practice_id)
    kept = repr((d.on.onboardings.kept, d.on.practices.records, d.on.practices.fingerprints, d.on.ledger.entries))

    for key in d.keys.values():  # type: ignore[attr-defined]
        assert key not in kept
        assert key not in str(look(d, practice_id))


def test_the_same_request_again_is_the_same_practice_and_another_one_under_its_key_is_refused(d: Deployment) -> None:
    first = begin(d)
    again = begin(d)
    assert (again.status, again.body["id"]) == (201, first.body["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.body["onboarding"]["id"] == first.body["onboarding"]["id"]

    other = begin(d, time_zone="America/Denver")
    assert (other.status, other.body["code"]) == (422, "key-reused")
    assert d.on.practices.get(first.body["id"]).time_zone == "America/Chicago"


def test_a_practice_that_is_known_is_shown_to_whoever_proves_both_keys(d: Deployment) -> None:
    first = begin(d)
    d.on.callers.put_client(Client("cli_bob", "Bob", frozenset(), frozenset({"practices:connect"})))
    body = {**d.keys, "time_zone": "America/Denver"}  # type: ignore[attr-defined]
    known = d.send("POST", "/practices", body=body, key="k", client_id="cli_bob")
    assert (known.status, known.body["id"], known.body["onboarding"]) == (200, first.body["id"], None)
    assert known.body["time_zone"] == "America/Chicago"
    assert first.body["id"] in d.on.callers.client("cli_bob").practices

    wrong = d.send("POST", "/practices", body={**body, "developer_key": "WrongKey"}, key="k", client_id="cli_bob")
    assert (wrong.status, wrong.body["code"]) == (409, "key-refused")
    unseen = d.send("GET", f"/practices/{first.body['id']}/onboarding", client_id="cli_bob")
    assert unseen.status == 404


def test_wrong_keys_leave_nothing_and_are_counted(d: Deployment) -> None:
    for number in range(5):
        refused = begin(d, developer_key=f"WrongKey{number}", key=f"wrong-{number}")
        assert (refused.status, refused.body["code"]) == (409, "key-refused")
    throttled = begin(d, key="right")

    assert (throttled.status, throttled.body["code"]) == (429, "throttled")
    assert not d.on.callers.client(CLIENT).practices
    assert (d.on.vault.current, d.on.vault.waiting) == ({}, {})


def test_a_step_of_wrong_keys_fails_and_says_why(d: Deployment) -> None:
    begun = begin(d, developer_key="WrongKey", headers=ASYNC)
    assert begun.status == 202
    d.on.world.run(60)
    refused = take(d, begun.body["id"], "verify")

    assert (refused.status, refused.body["code"]) == (409, "key-refused")
    shown = look(d, begun.body["id"])
    assert (shown["state"], shown["steps"][0]["state"], shown["steps"][0]["code"]) == (
        "failed",
        "failed",
        "key-refused",
    )


def test_nobody_waits_for_keys_and_the_run_proves_them(d: Deployment) -> None:
    begun = begin(d, headers=ASYNC)
    assert (begun.status, begun.body["state"]) == (202, "pending")
    practice_id = begun.body["id"]
    assert begun.headers["Location"] == f"practices/{practice_id}/onboarding"
    assert d.get(f"/practices/{practice_id}").status == 404

    waits = take(d, practice_id, "verify")
    assert (waits.status, waits.body["state"], waits.body["code"]) == (202, "running", "verifying")
    d.on.world.run(30)
    assert take(d, practice_id, "verify").status == 200
    assert d.get(f"/practices/{practice_id}").status == 200


def test_the_offices_own_server_is_tried_first_and_open_dentals_service_where_it_does_not_answer(
    d: Deployment,
) -> None:
    both: dict[str, Any] = {"modes": ["service", "remote"], "base_url": SERVICE_URL}
    d.down = {SERVICE_URL}
    made = begin(d, **both)
    assert (made.status, made.body["mode"]) == (201, "remote")
    practice = d.on.practices.get(made.body["id"])
    assert (practice.base_url, practice.network, practice.fallback) == (DEFAULT_BASE_URL, "remote", None)
    assert practice.tier is Tier.ENTERPRISE


def test_the_offices_own_server_is_the_way_where_it_answers(d: Deployment) -> None:
    made = begin(d, modes=["service", "remote"], base_url=SERVICE_URL)

    assert (made.status, made.body["mode"]) == (201, "service")
    practice = d.on.practices.get(made.body["id"])
    assert (practice.mode, practice.network, practice.fallback) == (Mode.SERVICE, "clinic", None)


def test_where_nobody_answers_by_any_way_it_fails_and_may_be_begun_anew(d: Deployment) -> None:
    d.down = {SERVICE_URL, DEFAULT_BASE_URL}
    refused = begin(d, modes=["service", "remote"], base_url=SERVICE_URL)
    assert (refused.status, refused.body["code"]) == (502, "unreachable")
    assert not d.on.vault.waiting

    d.down = set()
    assert begin(d, modes=["service", "remote"], base_url=SERVICE_URL, key="new-2").status == 201


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"modes": ["remote", "service"]}, "modes"),
        ({"modes": ["service"]}, "base_url"),
        ({"modes": ["service"], "base_url": "http://10.9.9.9/api/v1"}, "base_url"),
        ({"time_zone": "Chicago"}, "time_zone"),
        ({"location_time_zones": {"2": "Denver"}}, "location_time_zones.2"),
        ({"location_time_zones": {"two": "America/Denver"}}, "location_time_zones"),
        ({"mirror": "off", "native_events": "on"}, "native_events"),
        ({"developer_key": None}, "developer_key"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_nothing_is_begun(
    d: Deployment, said: dict[str, Any], param: str
) -> None:
    refused = begin(d, **said)

    assert (refused.status, refused.body["param"]) == (400, param)
    assert not d.on.onboardings.kept
    assert begin(d).status == 201


def test_a_client_without_operators_scopes_waits_for_an_operator_and_goes_on_by_itself(d: Deployment) -> None:
    d.on.callers.put_client(
        Client(CLIENT, "Ada", frozenset(), frozenset({"*:read", "practices:connect"}), ClientKind.APP)
    )
    practice_id = begin(d, agreement=AGREEMENT).body["id"]
    go_through(d, practice_id, before="agreement")
    assert take(d, practice_id, "agreement").body["code"] == "agreement-missing"
    assert look(d, practice_id)["state"] == "waiting_for_agreement"
    assert take(d, practice_id, "mirror").body["reason"] == "too-early"

    operator = frozenset({"practices.baa:write", "sync:write"})
    d.on.callers.put_client(Client("cli_op", "Op", frozenset({practice_id}), operator, ClientKind.OPERATOR))
    d.send("POST", f"/practices/{practice_id}/baa", body=AGREEMENT, key="baa", client_id="cli_op")
    assert take(d, practice_id, "agreement").status == 200
    waits = take(d, practice_id, "mirror")
    assert (waits.status, waits.body["code"], look(d, practice_id)["state"]) == (
        202, "operator-needed", "waiting_for_operator",
    )  # fmt: skip
    d.send("PATCH", f"/practices/{practice_id}/sync", body={"state": "on"}, client_id="cli_op")
    assert {status for _, status in go_through(d, practice_id)} == {200}


def test_an_agreement_that_cannot_be_recorded_fails_its_step(d: Deployment) -> None:
    later = (d.on.clock.now().date() + timedelta(days=30)).isoformat()
    practice_id = begin(d, agreement={**AGREEMENT, "signed_on": later}).body["id"]
    went = go_through(d, practice_id)

    assert went[-1] == ("agreement", 400)
    assert look(d, practice_id)["state"] == "failed"


def test_an_office_that_goes_offline_half_way_is_waited_for(d: Deployment) -> None:
    practice_id = begin(d, agreement=AGREEMENT).body["id"]
    assert {status for _, status in go_through(d, practice_id, before="load")} == {200}
    d.down = {DEFAULT_BASE_URL}
    d.on.world.run(900)
    waits = take(d, practice_id, "load")
    assert (waits.status, waits.body["state"]) == (202, "running")
    d.down = set()

    assert go_through(d, practice_id)[-1] == ("load", 200)


def test_machines_that_cannot_tell_fail_their_step_which_is_taken_once_more(d: Deployment) -> None:
    practice_id = begin(d, agreement=AGREEMENT, native_events="on").body["id"]
    d.on.practices.put(replace(d.on.practices.get(practice_id), version="21.1.1.0"))
    went = go_through(d, practice_id)
    assert went[-1] == ("subscriptions", 409)
    assert look(d, practice_id)["steps"][4]["code"] == "version-too-old"

    d.on.practices.put(replace(d.on.practices.get(practice_id), version="25.3.12.0"))
    assert {status for _, status in go_through(d, practice_id)} == {200}
    assert d.on.syncs.load(practice_id).native.wanted


def test_a_mirror_that_somebody_turns_off_fails_the_load(d: Deployment) -> None:
    practice_id = begin(d, agreement=AGREEMENT).body["id"]
    go_through(d, practice_id, before="load")
    d.patch(f"/practices/{practice_id}/sync", {"state": "off"})
    refused = take(d, practice_id, "load")

    assert (refused.status, refused.body["reason"]) == (409, "mirror-off")


def test_a_practice_without_a_mirror_is_up_at_once(d: Deployment) -> None:
    practice_id = begin(d, agreement=AGREEMENT, mirror="off").body["id"]
    go_through(d, practice_id)

    assert look(d, practice_id)["state"] == "done"
    assert d.on.syncs.load(practice_id).wanted == "off"


# The machine


def test_the_machine_takes_all_steps_and_each_is_seen(d: Deployment) -> None:
    d.grant(*ALL, "workflows:read", "workflows:write")
    practice_id = begin(d, agreement=AGREEMENT, headers=ASYNC).body["id"]
    ended = run_started(d.on, waits=d.on.world.run)

    assert ended.status == "SUCCEEDED", ended
    shown = look(d, practice_id)
    assert shown["state"] == "done"
    run = d.get(f"/workflow_runs/{shown['run_id']}").body
    assert (run["state"], run["workflow"]) == ("succeeded", "onboard_practice")
    assert [(one["name"], one["state"]) for one in run["steps"]] == [
        (name, "succeeded") for name in ("Verify", "Learn", "RecordAgreement", "TurnMirrorOn", "Subscribe", "Load")
    ]
    for key in d.keys.values():  # type: ignore[attr-defined]
        assert key not in repr((d.on.runs, d.on.machines.started, ended))


@pytest.mark.parametrize("step", ["Verify", "RecordAgreement", "Load"])
def test_a_run_that_failed_at_a_step_goes_on_there_and_does_nothing_twice(step: str, d: Deployment) -> None:
    d.grant(*ALL, "workflows:read", "workflows:write")
    practice_id = begin(d, agreement=AGREEMENT).body["id"]
    ended = run_started(
        d.on, waits=d.on.world.run, spoil=lambda payload: failed() if payload["run"]["step"] == step else None
    )
    assert (ended.status, ended.error) == ("FAILED", "broken")
    run_id = look(d, practice_id)["run_id"]
    asked: list[str] = []
    again = d.post(f"/workflow_runs/{run_id}/restart")
    assert again.status == 202, again.body
    ended = run_started(d.on, waits=d.on.world.run, spoil=lambda payload: asked.append(payload["run"]["step"]))

    assert ended.status == "SUCCEEDED", ended
    assert look(d, practice_id)["state"] == "done"
    assert len(d.on.agreements.entries[practice_id]) == 1
    assert d.get(f"/workflow_runs/{run_id}").body["attempt"] == 2


def test_a_run_of_wrong_keys_fails_at_its_first_step(d: Deployment) -> None:
    begun = begin(d, developer_key="WrongKey", headers=ASYNC)
    ended = run_started(d.on, waits=d.on.world.run)

    assert (ended.status, ended.error) == ("FAILED", "key-refused")
    assert look(d, begun.body["id"])["state"] == "failed"
