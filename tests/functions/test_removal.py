"""DELETE /practices/{id} and the steps behind it, down to the certificate, with a simulated practice."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.erase_practice.handler import lambda_handler as erase_practice
from gateway.core.callers import Client, ClientKind
from gateway.core.objects.removal import RemovalView, SignedCertificate, VerifiedCertificate
from gateway.core.practices import REMOTE_NETWORK
from gateway.core.removal.kinds import ERASED
from gateway.core.removal.records import STEPS, Step
from gateway.wiring import erasing
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed
from tests.fakes.gateway_events import Context
from tests.fakes.removals import FakeErasing
from tests.fakes.workflows import run_started

SCOPES = ("*:read", "audit:read", "practices.offboard:write", "sync:write", "communications:write")
BY_REQUEST = ("close", "silence", "settle", "stop")
DAY = 86_400.0


class _Erasing(FakeErasing):
    """The ports of the function that erases: those of the deployment, and two more."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.on, name)


@pytest.fixture
def d() -> Iterator[Deployment]:
    with deployed(practices=2, scopes=SCOPES) as d:
        d.on.callers.put_client(Client("cli_product", "Product", frozenset(d.servers), frozenset({"*:read"})))
        was = erasing.use(_Erasing(d.on))
        yield d
        erasing.use(was)


def gone(d: Deployment) -> str:
    return d.practice_id


def begin(d: Deployment, *, confirm: str | None = None, client_id: str = CLIENT) -> Answered:
    return d.send(
        "DELETE", f"/practices/{gone(d)}", query={"confirm": confirm or gone(d)}, key="leaves", client_id=client_id
    )


def take(d: Deployment, step: str) -> Answered:
    answered = d.patch(f"/practices/{gone(d)}/removal", {"step": step})
    if answered.status < 300:
        RemovalView.model_validate(answered.body, strict=True)
    return answered


def erase(d: Deployment, step: str) -> dict[str, Any]:
    run = {"workflow": "w", "execution": f"{d.on.removals.kept[gone(d)].run_id}-1", "step": step.title()}
    return erase_practice({"practice_id": gone(d), "as": CLIENT, "step": step, "run": run}, Context())


def go_through(d: Deployment, *, days: float = 3.0) -> None:
    """Take the steps as the machine does."""
    until = d.on.clock.now().timestamp() + days * DAY
    for step in STEPS:
        for _ in itertools.count():
            if step in BY_REQUEST:
                answered = take(d, step)
                assert answered.status < 300, answered.body
                wait_s = float(answered.headers.get("Retry-After", 0)) if answered.status == 202 else None
            else:
                told = erase(d, step)
                assert told["outcome"] != "failed", told
                wait_s = told["retry_after_s"] if told["outcome"] == "again" else None
            if wait_s is None:
                break
            assert d.on.clock.now().timestamp() < until, look(d)
            d.on.world.run(wait_s)


def look(d: Deployment) -> dict[str, Any]:
    answered = d.get(f"/practices/{gone(d)}/removal")
    assert answered.status == 200, answered.body
    RemovalView.model_validate(answered.body, strict=True)
    shown: dict[str, Any] = answered.body
    return shown


def subscribed(d: Deployment) -> list[str]:
    """Addresses that the office's machines tell changes to."""
    now = str(d.simulated.office.clock.now())
    return [
        one["EndPointUrl"]
        for one in d.rows("apisubscription")
        if one["DateTimeStop"][:4] == "0001" or one["DateTimeStop"] > now
    ]


def certificate(d: Deployment) -> dict[str, Any]:
    answered = d.get(f"/practices/{gone(d)}/erasure_certificate")
    assert answered.status == 200, answered.body
    SignedCertificate.model_validate(answered.body, strict=True)
    shown: dict[str, Any] = answered.body
    return shown


def test_a_practice_leaves_with_a_certificate_that_the_deployment_knows_as_its_own(d: Deployment) -> None:
    fingerprint = d.on.practices.get(gone(d)).key_fingerprint
    begun = begin(d)
    assert (begun.status, begun.body["state"]) == (202, "running")
    assert begun.headers["Location"] == f"../practices/{gone(d)}/removal"
    go_through(d)

    assert look(d)["state"] == "done"
    shown = certificate(d)
    said = shown["certificate"]
    assert [one["kind"] for one in said["erased"]] == [kind.name for kind in ERASED]
    assert all(one["erased_at"] and one["count"] == 3 for one in said["erased"])
    assert (said["keys"]["fingerprints"], said["not_done"]) == ([fingerprint], [])
    assert said["keys"]["deleted_at"] is not None
    verify = f"/practices/{gone(d)}/erasure_certificate/verify"
    good = d.post(verify, {"signature": shown["signature"]})
    VerifiedCertificate.model_validate(good.body, strict=True)
    assert (good.body["valid"], good.body["certificate"]) == (True, said)
    for forged in (shown["signature"][:-4] + "aaaa", d.on.signer.sign(json.dumps(said).encode())):
        assert d.post(verify, {"signature": forged}).body == {
            "practice_id": gone(d), "valid": False, "certificate": None,
        }  # fmt: skip


def test_the_certificate_is_archived_and_names_no_key_and_no_office(d: Deployment) -> None:
    pair = d.on.vault.keys(gone(d))
    begin(d)
    go_through(d)
    ((name, lines),) = erasing.erasing_services().archived.items()  # type: ignore[attr-defined]

    assert name == f"erasure/{gone(d)}/{look(d)['id']}.json.gz"
    assert lines[0]["signature"] == certificate(d)["signature"]
    for secret in (pair.customer, pair.developer, "Elm Street"):
        assert secret not in repr((lines, d.on.removals.kept, d.on.practices.get(gone(d))))
    assert gone(d) not in d.on.vault.current


def test_nobody_is_let_in_from_the_first_moment_and_the_other_practice_is_as_it_was(d: Deployment) -> None:
    assert d.get("/providers", practice_id=gone(d)).status == 200
    begin(d)

    for path in (f"/practices/{gone(d)}", f"/practices/{gone(d)}/sync", f"/practices/{gone(d)}/baa"):
        assert d.get(path).status == 404
    assert d.get("/providers", practice_id=gone(d)).status == 404
    go_through(d)
    assert d.get("/providers", practice_id=gone(d)).status == 404
    assert d.get("/providers", practice_id=IDS[1]).status == 200
    assert d.on.callers.client("cli_product").practices == {IDS[1]}
    assert d.get("/audit", practice_id=gone(d)).status == 200


def test_it_has_to_be_confirmed_and_takes_an_operator(d: Deployment) -> None:
    refused = begin(d, confirm=IDS[1])
    assert (refused.status, refused.body["param"]) == (400, "confirm")
    product = begin(d, client_id="cli_product")
    assert (product.status, product.body["scope"]) == (403, "practices.offboard:write")

    assert not d.on.removals.kept
    assert d.on.practices.get(gone(d)).leaving is None


def test_a_practice_is_removed_once(d: Deployment) -> None:
    first, again = begin(d), begin(d)

    assert (again.status, again.body["id"]) == (202, first.body["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(d.on.machines.started) == 1
    go_through(d)
    assert begin(d).body["state"] == "done"


def test_steps_have_their_order_and_only_the_machine_erases(d: Deployment) -> None:
    begin(d)
    early = take(d, "stop")
    assert (early.status, early.body["reason"]) == (409, "too-early")
    for step in BY_REQUEST:
        while take(d, step).status == 202:
            d.on.world.run(30)
    refused = take(d, "erase")
    assert (refused.status, refused.body["reason"]) == (409, "not-by-request")
    other = Client("cli_op", "Op", frozenset(d.servers), frozenset({"practices.offboard:write"}), ClientKind.OPERATOR)
    d.on.callers.put_client(other)
    theirs = d.send("PATCH", f"/practices/{gone(d)}/removal", body={"step": "stop"}, client_id="cli_op")
    assert theirs.status == 404


def test_the_machines_subscriptions_are_ended_at_the_office_before_its_calls_stop(d: Deployment) -> None:
    d.patch(f"/practices/{gone(d)}/sync", {"state": "on"})
    d.on.world.run(1800)
    d.patch(f"/practices/{gone(d)}/sync", {"native_events": "on"})
    d.on.world.run(1800)
    assert subscribed(d)
    begin(d)
    go_through(d)

    assert subscribed(d) == []
    assert certificate(d)["certificate"]["not_done"] == []


def test_an_office_that_is_offline_does_not_keep_its_practice_and_the_certificate_says_so(d: Deployment) -> None:
    d.patch(f"/practices/{gone(d)}/sync", {"state": "on"})
    d.on.world.run(1800)
    d.patch(f"/practices/{gone(d)}/sync", {"native_events": "on"})
    d.on.world.run(1800)
    d.down = {d.on.practices.get(gone(d)).base_url}
    begin(d)
    take(d, "close")
    waits = take(d, "silence")
    assert (waits.status, waits.body["steps"][1]["code"]) == (202, "subscriptions-stay")
    go_through(d)

    (told,) = certificate(d)["certificate"]["not_done"]
    assert told["code"] == "subscriptions-stay"


def test_a_write_of_which_nobody_knows_is_waited_for_and_then_named(d: Deployment) -> None:
    d.faulty("drop_answer", "commlogs.create")
    body = {"patient_id": d.id_of("patient", 3), "note": "called", "mode": "phone", "direction": "received"}
    made = d.send("POST", "/communications", body=body, key="w", headers={"Prefer": "wait=1"})
    d.down = {d.on.practices.get(gone(d)).base_url}
    begin(d)
    for step in ("close", "silence"):
        assert take(d, step).status == 200
    waits = take(d, "settle")
    assert (waits.status, waits.body["steps"][2]["code"]) == (202, "writes-unknown")
    go_through(d)

    told = {one["code"]: one for one in certificate(d)["certificate"]["not_done"]}
    assert told["writes-unknown"]["operation_ids"] == [made.body["id"]]


def test_a_write_that_is_found_in_time_leaves_nothing_to_say(d: Deployment) -> None:
    d.faulty("drop_answer", "commlogs.create")
    body = {"patient_id": d.id_of("patient", 3), "note": "called", "mode": "phone", "direction": "received"}
    d.send("POST", "/communications", body=body, key="w", headers={"Prefer": "wait=1"})
    begin(d)
    go_through(d)

    assert certificate(d)["certificate"]["not_done"] == []


def test_calls_are_over_before_anything_is_erased(d: Deployment) -> None:
    begin(d)
    for step in ("close", "silence", "settle"):
        while take(d, step).status == 202:
            d.on.world.run(30)
    assert take(d, "stop").status == 202
    assert d.on.paces.view(gone(d)).killed
    d.on.world.run(170)
    assert take(d, "stop").status == 202
    d.on.world.run(15)
    assert take(d, "stop").status == 200


def test_a_practice_can_be_connected_anew_once_it_is_gone(d: Deployment) -> None:
    pair = d.on.vault.keys(gone(d))
    fingerprint = d.on.signer.fingerprint(pair.customer)
    d.on.practices.fingerprints[fingerprint] = gone(d)
    d.grant(*SCOPES, "practices:connect")
    body = {"customer_key": pair.customer, "developer_key": pair.developer, "time_zone": "America/Chicago"}
    begin(d)
    early = d.send("POST", "/practices", body=body, key="back")
    assert (early.status, early.body["code"]) == (403, "practice-not-enrolled")
    go_through(d)
    back = d.send("POST", "/practices", body=body, key="back")

    assert back.status == 201, back.body
    assert back.body["id"] != gone(d)


@pytest.mark.parametrize("step", [one.value for one in Step])
def test_killed_at_any_step_it_goes_on(step: str, d: Deployment) -> None:
    """Whoever is cut off before what it did is kept takes the step once more."""
    begin(d)
    kept = d.on.removals.save
    left = iter([True])

    def cut(removal: Any) -> Any:
        # What is done is done, and nobody hears of it.
        was = d.on.removals.kept[gone(d)]
        if removal.step(Step(step)) != was.step(Step(step)) and next(left, False):
            raise RuntimeError("cut off")
        return kept(removal)

    d.on.removals.save = cut
    try:
        go_through(d)
    except (AssertionError, RuntimeError):
        go_through(d)

    assert certificate(d)["certificate"]["not_done"] == []


def test_what_a_tombstone_has_is_no_address_no_key_and_no_name(d: Deployment) -> None:
    begin(d)
    go_through(d)
    left = d.on.practices.get(gone(d))

    assert (left.state, left.name, left.network, left.permissions) == ("removed", "", REMOTE_NETWORK, frozenset())
    assert (left.key_fingerprint, left.other_fingerprints, left.fallback) == ("", (), None)
    assert left.baa is not None and left.baa.closed_at is not None


def test_the_machine_takes_all_steps_and_each_is_seen(d: Deployment) -> None:
    begin(d)
    ended = run_started(d.on, waits=d.on.world.run, functions={"erase_practice": _erase})

    assert ended.status == "SUCCEEDED", ended
    assert look(d)["state"] == "done"
    steps = d.on.runs.steps(look(d)["run_id"])
    assert [(one.name, one.state.value) for one in steps] == [
        (name, "succeeded")
        for name in ("EndCalls", "Silence", "SettleWrites", "StopCalls", "EraseCopies", "DeleteKeys", "Certify")
    ]


@pytest.mark.parametrize("step", ["EraseCopies", "DeleteKeys", "Certify"])
def test_a_function_that_dies_once_while_it_erases_is_asked_again(step: str, d: Deployment) -> None:
    begin(d)
    dies = iter([True])

    def erase(payload: dict[str, Any]) -> Any:
        told = _erase(payload)
        if payload["run"]["step"] == step and next(dies, False):
            raise RuntimeError("cut off")
        return told

    ended = run_started(d.on, waits=d.on.world.run, functions={"erase_practice": erase})
    assert ended.status == "SUCCEEDED", ended
    assert certificate(d)["certificate"]["not_done"] == []


def _erase(payload: dict[str, Any]) -> Any:
    return erase_practice(payload, Context())
