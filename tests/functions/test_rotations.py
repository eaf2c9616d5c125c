"""The exchange of a practice's key through handlers, background lane and a simulated practice with several keys."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway.core import pacing
from gateway.core.callers import Client
from gateway.core.native.hooks import hook_token, proven_by
from gateway.core.objects.practice_keys import RotationView
from gateway.core.pacing import PaceItem
from gateway.core.ports import Pair
from gateway.core.practices import Practice
from gateway.core.rotation.records import Book
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed
from tests.fakes.services import Life

NEW = "FakeNewCustomerKey"
SCOPES = ("*:read", "practices.keys:write", "communications:write", "sync:write", "payments:write")
ASYNC = {"Prefer": "respond-async"}
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as deployment:
        is_so(deployment)
        deployment.read_up()
        yield deployment


def is_so(office: Deployment) -> None:
    """Have the records' fingerprints be those of the keys that the vault has."""
    for practice_id in office.servers:
        key = office.on.vault.keys(practice_id).customer
        practice = office.on.practices.get(practice_id)
        fingerprint = office.on.signer.fingerprint(f"{practice_id} {key}" if practice_id != office.practice_id else key)
        office.on.practices.put(replace(practice, key_fingerprint=fingerprint))


def path(office: Deployment, more: str = "") -> str:
    return f"/practices/{office.practice_id}/rotations{more}"


def begin(office: Deployment, **body: Any) -> str:
    answered = office.post(path(office), body)
    assert answered.status == 201, answered.body
    RotationView.model_validate(answered.body, strict=True)
    assert answered.body["customer_key"] is None
    return str(answered.body["id"])


def look(office: Deployment, rotation_id: str) -> dict[str, Any]:
    answered = office.get(path(office, f"/{rotation_id}"))
    assert (answered.status, answered.headers["Cache-Control"]) == (200, "no-store")
    RotationView.model_validate(answered.body, strict=True)
    shown: dict[str, Any] = answered.body
    return shown


def run_until(office: Deployment, rotation_id: str, state: str, *, hours: float = 2.0) -> dict[str, Any]:
    """Let time pass until the exchange is in `state`."""
    for _ in range(int(hours * 60)):
        shown = look(office, rotation_id)
        if shown["state"] == state:
            return shown
        office.on.world.run(MINUTE)
    raise AssertionError(f"it is {look(office, rotation_id)}, not {state}")


def schedules(office: Deployment, day: date) -> Answered:
    """Something that is asked of the office itself each time."""
    return office.get("/schedules", practice_id=office.practice_id, date_from=day, date_to=day)


def states_of_keys(office: Deployment) -> dict[str, str]:
    return {one["customer_key"]: one["state"] for one in office.simulated.keys()}  # noqa: SIM118 - no dict


def test_a_key_that_the_portal_makes_is_added_by_the_office_and_the_old_one_ends_a_day_later(
    office: Deployment,
) -> None:
    old = office.on.vault.keys(office.practice_id).customer
    rotation = begin(office)
    waiting = run_until(office, rotation, "waiting_for_office")
    new = waiting["customer_key"]
    assert states_of_keys(office) == {old: "enabled", new: "unassigned"}
    assert "Add Key" in waiting["says"]

    office.on.world.run(HOUR)
    assert look(office, rotation)["state"] == "waiting_for_office"
    office.simulated.put_key({"customer_key": new, "state": "enabled"})
    draining = run_until(office, rotation, "draining")

    assert draining["customer_key"] is None
    assert office.on.vault.keys(office.practice_id).customer == new
    assert office.on.practices.get(office.practice_id).key_fingerprint == office.on.signer.fingerprint(new)
    office.on.world.run(23 * HOUR)
    assert states_of_keys(office)[old] == "enabled"
    assert run_until(office, rotation, "done")["state"] == "done"
    assert states_of_keys(office) == {old: "disabled-by-developer", new: "enabled"}
    practice = office.on.practices.get(office.practice_id)
    assert (practice.other_fingerprints, practice.rotation) == ((), None)
    assert office.get("/providers", practice_id=office.practice_id).status == 200


def test_a_key_that_was_sent_is_used_once_the_office_has_added_it(office: Deployment) -> None:
    office.on.vault.portal_key = None
    old = office.on.vault.keys(office.practice_id).customer
    office.simulated.put_key({"customer_key": NEW, "state": "unassigned"})
    rotation = begin(office, customer_key=NEW)
    assert run_until(office, rotation, "waiting_for_office")["customer_key"] == NEW
    office.simulated.put_key({"customer_key": NEW, "state": "enabled"})
    run_until(office, rotation, "draining")
    office.on.world.run(DAY + HOUR)

    done = look(office, rotation)
    assert (done["state"], "Have the office take it out" in done["says"]) == ("done", True)
    assert states_of_keys(office) == {old: "enabled", NEW: "enabled"}
    assert office.on.practices.by_fingerprint(office.on.signer.fingerprint(NEW)) == office.practice_id


def test_the_new_key_is_shown_only_to_whoever_may_exchange_keys_and_only_while_it_waits(office: Deployment) -> None:
    rotation = begin(office)
    key = run_until(office, rotation, "waiting_for_office")["customer_key"]
    assert key
    listed = office.get(path(office))
    assert (listed.body["data"][0]["id"], listed.body["data"][0]["customer_key"]) == (rotation, None)
    office.grant("*:read")
    assert look(office, rotation)["customer_key"] is None
    for answered in (office.post(path(office), {}), office.send("DELETE", path(office, f"/{rotation}"))):
        assert (answered.status, answered.body["scope"]) == (403, "practices.keys:write")
    office.on.callers.put_client(Client("cli_bob", "Bob", frozenset(), frozenset(SCOPES)))
    for where in (path(office), path(office, f"/{rotation}")):
        assert office.send("GET", where, client_id="cli_bob").status == 404


def test_a_repeat_is_the_same_exchange_and_another_one_waits_until_it_is_over(office: Deployment) -> None:
    body = {"customer_key": NEW}
    first, again = (office.post(path(office), body, key="k" * 16) for _ in range(2))
    assert (first.body["id"], again.headers["Idempotent-Replayed"]) == (again.body["id"], "true")
    other = office.post(path(office), {}, key="k" * 16)
    assert (other.status, other.body["code"]) == (422, "key-reused")

    under_way = office.post(path(office), {})
    assert (under_way.status, under_way.body["reason"]) == (409, "under-way")
    assert under_way.body["rotation_id"] == first.body["id"]


def test_of_two_who_begin_with_one_key_in_one_moment_the_slower_one_lets_go_of_nothing(
    office: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody could sign in with the new key, and whoever connects it has a second practice of one office."""
    begun = begin(office, customer_key=NEW)
    stale, load = Book(office.practice_id), office.on.rotations.load
    answers = [stale]
    monkeypatch.setattr(office.on.rotations, "load", lambda id_: answers.pop() if answers else load(id_))
    slower = office.post(path(office), {"customer_key": NEW})

    assert (slower.status, answers) == (503, [])
    assert office.on.practices.by_fingerprint(office.on.signer.fingerprint(NEW)) == office.practice_id
    assert look(office, begun)["state"] == "requested"


def test_what_cannot_be_the_next_key_is_refused_and_nothing_is_begun(office: Deployment) -> None:
    present = office.on.vault.keys(office.practice_id).customer
    office.on.practices.claim_fingerprint(office.on.signer.fingerprint("FakeKeyOfAnother"), IDS[1])
    for key, reason in ((present, "present-key"), ("FakeKeyOfAnother", "key-of-another-practice")):
        refused = office.post(path(office), {"customer_key": key})
        assert (refused.status, refused.body["reason"], refused.body["param"]) == (409, reason, "customer_key")
        assert key not in str(refused.body)
    office.on.vault.portal_key = None
    assert office.post(path(office), {}).body["reason"] == "no-portal-key"
    assert office.get(path(office)).body["data"] == []


def test_a_key_of_another_office_fails_and_changes_nothing() -> None:
    with deployed(practices=2, scopes=SCOPES) as office:
        is_so(office)
        other = office.servers[IDS[1]].practice
        other.office.store.update("provider", 1, {"LName": "Elsewhere"})
        other.put_key({"customer_key": NEW, "state": "enabled"})
        office.office_of_key[NEW] = other
        before = office.on.practices.get(office.practice_id)
        rotation = begin(office, customer_key=NEW)
        failed = run_until(office, rotation, "failed")

        assert failed["reason"] == "other-office"
        assert office.on.practices.get(office.practice_id) == before
        assert office.on.vault.keys(office.practice_id).customer != NEW
        assert office.on.practices.by_fingerprint(office.on.signer.fingerprint(NEW)) is None
        assert (office.practice_id, "rotation-failed") in office.on.notices.notes


def test_offices_whose_registration_keys_differ_are_two_though_their_rows_are_equal() -> None:
    with deployed(practices=2, scopes=SCOPES) as office:
        is_so(office)
        for number, practice_id in enumerate(IDS[:2]):
            simulated = office.servers[practice_id].practice
            simulated.office.store.set_preference("RegistrationKey", f"FAKE-{number}")
        simulated.put_key({"customer_key": NEW, "state": "enabled"})
        office.office_of_key[NEW] = simulated
        rotation = begin(office, customer_key=NEW)

        assert run_until(office, rotation, "failed")["reason"] == "other-office"
        assert "FAKE-" not in str(office.on.rotations.load(office.practice_id))


def test_providers_that_changed_while_the_office_took_its_time_are_no_other_office(office: Deployment) -> None:
    rotation = begin(office, customer_key=NEW)
    run_until(office, rotation, "waiting_for_office")
    office.simulated.office.store.update("provider", 1, {"LName": "Married"})
    office.simulated.put_key({"customer_key": NEW, "state": "enabled"})

    assert run_until(office, rotation, "draining")["state"] == "draining"


def test_a_key_that_may_do_less_is_not_used_until_it_may_as_much(office: Deployment) -> None:
    few = sorted(office.simulated.key.permissions - {"Payments"})
    office.simulated.put_key({"customer_key": NEW, "state": "enabled", "permissions": few})
    rotation = begin(office, customer_key=NEW)
    office.on.world.run(HOUR)
    waiting = look(office, rotation)
    assert (waiting["state"], waiting["lacks"]) == ("waiting_for_office", ["Payments"])
    assert office.on.vault.keys(office.practice_id).customer != NEW

    every = sorted(office.simulated.key.permissions)
    office.simulated.put_key({"customer_key": NEW, "permissions": every})
    assert run_until(office, rotation, "draining")["lacks"] == []


def test_an_exchange_can_be_called_off_until_the_new_key_is_in_use(office: Deployment) -> None:
    rotation = begin(office)
    key = run_until(office, rotation, "waiting_for_office")["customer_key"]
    answered = office.send("DELETE", path(office, f"/{rotation}"))
    assert (answered.status, answered.body["state"]) == (202, "cancelling")
    run_until(office, rotation, "cancelled")
    assert states_of_keys(office)[key] == "disabled-by-developer"
    assert office.on.practices.get(office.practice_id).rotation is None
    assert office.on.practices.by_fingerprint(office.on.signer.fingerprint(key)) is None

    second = begin(office, customer_key=NEW)
    office.simulated.put_key({"customer_key": NEW, "state": "enabled"})
    run_until(office, second, "draining")
    late = office.send("DELETE", path(office, f"/{second}"))
    assert (late.status, late.body["reason"]) == (409, "too-late")


def test_calling_off_never_ends_the_key_in_use_whatever_the_vault_has_for_the_next_one(office: Deployment) -> None:
    """A repeat of the request may come so late that its own exchange is over: it puts the key that is in use by now."""
    key = office.on.vault.keys(office.practice_id).customer
    office.on.practices.claim_fingerprint(office.on.signer.fingerprint(key), office.practice_id)
    office.on.vault.put_next(office.practice_id, key)
    rotation = begin(office)
    assert office.send("DELETE", path(office, f"/{rotation}")).status == 202
    run_until(office, rotation, "cancelled")

    assert states_of_keys(office)[key] == "enabled"
    assert office.on.practices.by_fingerprint(office.on.signer.fingerprint(key)) == office.practice_id
    assert office.get("/providers", practice_id=office.practice_id).status == 200


def test_a_former_key_that_is_not_the_one_that_was_exchanged_is_left_alone(office: Deployment) -> None:
    """Somebody who puts the secret by hand moves its labels: what is called previous is the key in use then."""
    rotation = begin(office)
    new = run_until(office, rotation, "waiting_for_office")["customer_key"]
    office.simulated.put_key({"customer_key": new, "state": "enabled"})
    run_until(office, rotation, "draining")
    office.on.vault.former[office.practice_id] = office.on.vault.keys(office.practice_id)
    office.on.world.run(DAY + HOUR)

    assert look(office, rotation)["state"] == "done"
    assert states_of_keys(office)[new] == "enabled"


def test_an_office_that_does_nothing_for_thirty_days_ends_it_and_is_asked_ever_more_seldom(office: Deployment) -> None:
    rotation = begin(office)
    key = run_until(office, rotation, "waiting_for_office")["customer_key"]
    office.upstream_calls.clear()
    # A minute is what it takes to look for a day's worth of minutes.
    office.on.world.run(31 * DAY)

    assert look(office, rotation)["reason"] == "office-did-not-add-it"
    assert states_of_keys(office)[key] == "disabled-by-developer"
    assert len(office.upstream_calls) < 31 * 60


def test_a_key_that_the_portal_made_without_an_answer_is_found_and_not_made_twice(office: Deployment) -> None:
    office.faulty("drop_answer", "apikeys.create")
    rotation = begin(office)
    key = run_until(office, rotation, "waiting_for_office")["customer_key"]

    assert [one for one in states_of_keys(office) if one != office.simulated.key.customer] == [key]


def test_one_portal_key_has_one_pace_whichever_practice_it_is_called_for() -> None:
    """Open Dental knows one key there, and would count three practices' calls as those of one."""
    with deployed(practices=3, scopes=SCOPES) as office:
        is_so(office)
        calls = list[float]()
        office.before_call = lambda operation: (
            calls.append(office.on.clock.now().timestamp()) if operation.startswith("apikeys.") else None
        )
        begun = {}
        for practice_id in IDS:
            begun[practice_id] = office.post(f"/practices/{practice_id}/rotations", {}).body["id"]
        office.on.world.run(10 * MINUTE)

        for practice_id, rotation in begun.items():
            shown = office.get(f"/practices/{practice_id}/rotations/{rotation}").body
            assert (shown["state"], shown["customer_key"] is None) == ("waiting_for_office", False)
        assert len(calls) == 3
        assert min(later - earlier for earlier, later in pairwise(calls)) >= 1.0


def test_whoever_meets_anothers_call_to_the_portal_goes_on_within_two_minutes_of_it_and_makes_one_key(
    office: Deployment,
) -> None:
    now = office.on.clock.now().timestamp()
    office.on.pace.update("portal", lambda item: (pacing.take_lease(item, "another worker", now + 150), None))
    calls = list[float]()
    office.before_call = lambda operation: (
        calls.append(office.on.clock.now().timestamp() - now) if operation.startswith("apikeys.") else None
    )
    rotation = begin(office)
    run_until(office, rotation, "waiting_for_office")

    assert [150 + pacing.LEASE_MARGIN_S <= at <= 300 for at in calls] == [True]
    assert len(states_of_keys(office)) == 2


def test_a_practice_is_looked_at_as_soon_as_it_has_another_key(office: Deployment) -> None:
    """The new key may do more than the old one did; what that means must not wait for the next day's look."""
    rotation = begin(office, customer_key=NEW)
    office.simulated.put_key({"customer_key": NEW, "state": "enabled"})
    promoted = datetime.fromisoformat(run_until(office, rotation, "draining")["promoted_at"])
    office.on.world.run(5 * MINUTE)

    looked_at = office.on.drifts.load(office.practice_id).looked_at
    assert looked_at is not None and promoted <= looked_at


def test_old_and_new_key_sign_in_while_one_is_exchanged_for_the_other(office: Deployment) -> None:
    pair = office.on.vault.keys(office.practice_id)
    developer, old = pair.developer, pair.customer
    office.on.practices.claim_fingerprint(office.on.signer.fingerprint(old), office.practice_id)

    def signs_in(key: str) -> int:
        body = {"developer_key": developer, "customer_key": key}
        return office.send("POST", "/authenticate", body=body, client_id=None).status

    rotation = begin(office, customer_key=NEW)
    run_until(office, rotation, "waiting_for_office")
    assert (signs_in(old), signs_in(NEW)) == (200, 401)
    office.simulated.put_key({"customer_key": NEW, "state": "enabled"})
    run_until(office, rotation, "draining")
    assert (signs_in(old), signs_in(NEW)) == (200, 200)
    office.on.world.run(DAY + HOUR)
    assert (signs_in(old), signs_in(NEW)) == (401, 200)


def test_the_old_key_is_disabled_a_day_after_its_last_use_not_after_the_exchange(office: Deployment) -> None:
    """A process that has stood still for half a day wakes up with the old key in its hands, and calls with it."""
    old = office.on.practices.get(office.practice_id)
    rotation = begin(office, customer_key=NEW)
    office.simulated.put_key({"customer_key": NEW, "state": "enabled"})
    run_until(office, rotation, "draining")
    office.on.world.run(12 * HOUR)
    used = office.on.clock.now().timestamp()

    def rule(item: PaceItem) -> tuple[PaceItem, None]:
        pace = replace(item.keys[old.key_fingerprint], used_at=used)
        return replace(item, keys={**item.keys, old.key_fingerprint: pace}), None

    office.on.pace.update(office.practice_id, rule)
    office.on.world.run(23 * HOUR)
    assert look(office, rotation)["state"] == "draining"
    office.on.world.run(2 * HOUR)
    assert look(office, rotation)["state"] == "done"


def test_an_office_that_took_the_old_key_out_at_once_is_called_with_the_new_one(office: Deployment) -> None:
    """The office did more than it was told: its practice is back as soon as the new key is seen, within an hour."""
    rotation = begin(office, customer_key=NEW)
    run_until(office, rotation, "waiting_for_office")
    office.simulated.put_key({"customer_key": NEW, "state": "enabled"})
    office.simulated.put_key({"customer_key": office.simulated.key.customer, "state": "disabled-by-customer"})
    office.get("/providers", practice_id=office.practice_id)

    run_until(office, rotation, "draining", hours=3)
    assert schedules(office, office.today).status == 200


def test_no_call_fails_while_the_key_is_exchanged_under_load(office: Deployment) -> None:
    """Reads and writes go on through every state; each is answered, and no two calls of the practice overlap."""
    seen, failed, queued = set[str](), list[Any](), list[str]()
    patient_id = office.id_of("patient", office.rows("patient")[0]["PatNum"])
    rotation = begin(office)

    def use(number: int) -> None:
        read = schedules(office, office.today + timedelta(days=number))
        write = office.post("/communications", {"patient_id": patient_id, "note": f"Call {number}"})
        # Others wait all the while, so that background work has to give way.
        for one in range(4):
            body = {"patient_id": patient_id, "note": f"Queued {number}.{one}"}
            later = office.send("POST", "/communications", body=body, key=f"q-{number}-{one}", headers=ASYNC)
            queued.append(later.body["id"])
        for answered in (read, write):
            if answered.status not in {200, 201}:
                failed.append(answered)

    for number in range(60):
        shown = look(office, rotation)
        seen.add(shown["state"])
        if shown["state"] == "waiting_for_office" and number > 6:
            office.simulated.put_key({"customer_key": shown["customer_key"], "state": "enabled"})
        use(number)
        office.on.world.run(1.0)
        if shown["state"] == "draining" and number > 40:
            office.on.world.run(DAY)
        if shown["state"] == "done":
            break

    assert look(office, rotation)["state"] == "done"
    assert failed == []
    office.on.world.run(HOUR)
    assert {office.get(f"/operations/{one}").body["state"] for one in queued} == {"succeeded"}
    assert {"waiting_for_office", "draining"} <= seen
    assert office.on.vault.keys(office.practice_id, Pair.FORMER).customer == office.simulated.key.customer
    assert len(office.rows("commlog", "Note LIKE 'Call %'")) == number + 1
    assert CLIENT in office.on.callers.clients


def test_whoever_dies_at_any_step_leaves_an_exchange_that_the_next_turn_takes_up(office: Deployment) -> None:
    """Eight exchanges by processes that die, or whose services stumble: each ends with one key made for it."""
    chance = random.Random(8)

    def life() -> Life | None:
        if chance.random() < 0.4:
            return None
        steps = chance.randint(1, 60)
        return Life(left=steps) if chance.random() < 0.6 else Life(stumbles=frozenset({steps}))

    office.on.world.next_life = life
    for number in range(8):
        former = office.on.vault.keys(office.practice_id).customer
        rotation = begin(office)
        new = run_until(office, rotation, "waiting_for_office", hours=10)["customer_key"]
        office.simulated.put_key({"customer_key": new, "state": "enabled"})
        run_until(office, rotation, "draining", hours=10)
        assert office.on.vault.keys(office.practice_id).customer == new
        assert office.on.vault.keys(office.practice_id, Pair.FORMER).customer == former
        office.on.world.run(DAY)
        run_until(office, rotation, "done", hours=10)

        keys = states_of_keys(office)
        assert len(keys) == number + 2
        assert [key for key, state in keys.items() if state == "enabled"] == [new]
        practice = office.on.practices.get(office.practice_id)
        assert practice.key_fingerprint == office.on.signer.fingerprint(new)
    assert office.on.world.crashes > 20
    assert len(office.on.pace.load(office.practice_id).keys) <= 3


def running(office: Deployment) -> Counter[str]:
    """Subscriptions without an end, by the customer key they are of. The office's clock stands still meanwhile."""
    return Counter(one["CustomerKey"] for one in office.rows("apisubscription") if one["DateTimeStop"] < "0002")


def test_machines_tell_under_the_new_key_before_they_stop_under_the_old_one() -> None:
    """A gap of a second would be a change that nobody tells; calls of both are taken as long as both are good."""
    with deployed("--patients", "8", "--version", "26.3", scopes=(*SCOPES, "practices:read")) as office:
        is_so(office)
        office.simulated.firing.post = lambda call: 200
        office.patch(f"/practices/{office.practice_id}/sync", {"state": "on"})
        office.on.world.run(900)
        office.patch(f"/practices/{office.practice_id}/sync", {"native_events": "on"})
        office.on.world.run(300)
        old, practice = office.simulated.key.customer, office.on.practices.get(office.practice_id)
        told = running(office)
        assert told[old] > 0
        ends = list[Counter[str]]()

        def before(operation: str) -> None:
            if operation == "subscriptions.update":
                ends.append(running(office))

        office.before_call = before
        rotation = begin(office, customer_key=NEW)
        run_until(office, rotation, "waiting_for_office")
        office.simulated.put_key({"customer_key": NEW, "state": "enabled"})
        run_until(office, rotation, "draining")

        assert ends[0] == {old: told[old], NEW: told[old]}
        assert running(office) == {NEW: told[old]}
        changed = office.on.practices.get(office.practice_id)
        assert (proves(office, practice, old), proves(office, changed, NEW)) == (True, True)
        assert proves(office, changed, old) is False, "the path of one key does not open for another"
        a_day_ago(office)
        run_until(office, rotation, "done")
        assert (proves(office, practice, old), proves(office, changed, NEW)) == (False, True)
        assert office.get(f"/practices/{office.practice_id}/sync").body["native_events"]["state"] == "on"


def test_callers_who_leave_no_gap_hold_up_an_exchange_for_minutes_and_not_for_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is subscribed is listed before it is changed: one call a minute would list it for ever."""
    with deployed("--patients", "8", "--version", "26.3", scopes=(*SCOPES, "practices:read")) as office:
        is_so(office)
        office.simulated.firing.post = lambda call: 200
        office.patch(f"/practices/{office.practice_id}/sync", {"state": "on"})
        office.on.world.run(900)
        office.patch(f"/practices/{office.practice_id}/sync", {"native_events": "on"})
        office.on.world.run(300)
        told = running(office)[office.simulated.key.customer]
        office.simulated.put_key({"customer_key": NEW, "state": "enabled"})
        # Somebody waits whenever the background looks.
        monkeypatch.setattr(pacing, "must_give_way", lambda _: True)
        rotation = begin(office, customer_key=NEW)
        run_until(office, rotation, "draining", hours=0.5)

        assert running(office) == {NEW: told}


def a_day_ago(office: Deployment) -> None:
    """Have the keys been exchanged more than a day ago, without a day of a mirror's work."""
    book = office.on.rotations.load(office.practice_id)
    past = office.on.clock.now() - timedelta(hours=25)
    (one,) = book.rotations
    office.on.rotations.save(replace(book, rotations=(replace(one, promoted_at=past, due_at=past),)))

    def rule(item: PaceItem) -> tuple[PaceItem, None]:
        keys = {key: replace(pace, used_at=past.timestamp()) for key, pace in item.keys.items()}
        return replace(item, keys=keys), None

    office.on.pace.update(office.practice_id, rule)


def proves(office: Deployment, subscribed_by: Practice, key: str) -> bool:
    """Whether a call with `key` is taken at the path that was subscribed when the practice was as said."""
    now, signer = office.on.practices.get(office.practice_id), office.on.signer
    token = hook_token(subscribed_by, signer)
    return proven_by(now, token=token, customer_key=key, signer=signer) is not None
