"""PATCH and GET /practices/{id}/sync: what a practice's machines are to tell by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.mirror.syncing import Phase, PracticeSync, ResourceSync, Wanted
from gateway.core.native import shown
from gateway.core.native.hooks import hook_token
from gateway.core.native.watched import WATCHED
from gateway.core.objects.sync import SyncView
from gateway.core.practices import Baa
from tests.fakes.deployment import Answered, Deployment, deployed

PATIENTS = ("--patients", "8", "--version", "26.3", "--tier", "enterprise")


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(*PATIENTS, scopes=("practices:read", "sync:read", "sync:write")) as deployment:
        deployment.simulated.firing.post = lambda call: 200
        yield deployment


def change(office: Deployment, **said: Any) -> Answered:
    return office.patch(f"/practices/{office.practice_id}/sync", said)


def told(office: Deployment) -> dict[str, Any]:
    body = office.get(f"/practices/{office.practice_id}/sync").body
    SyncView.model_validate(body, strict=True)
    found: dict[str, Any] = body["native_events"]
    assert found["explanation"] is None or found["why"] in shown.WHY
    assert hook_token(office.on.practices.get(office.practice_id), office.on.signer) not in json.dumps(body)
    return found


def subscribed(office: Deployment) -> list[str]:
    now = str(office.simulated.office.clock.now())
    return [
        one["EndPointUrl"]
        for one in office.rows("apisubscription")
        if one["DateTimeStop"][:4] == "0001" or one["DateTimeStop"] > now
    ]


def test_machines_tell_at_the_apis_own_address_until_somebody_says_off(office: Deployment) -> None:
    change(office, state="on")
    office.on.world.run(900)
    first = change(office, native_events="on", workstation=" SERVER ")
    assert (first.status, first.body["native_events"]["phase"]) == (200, "starting")
    office.on.world.run(300)

    here = told(office)
    assert (here["state"], here["phase"], here["why"]) == ("on", "starting", "unproven")
    assert (here["address"], here["workstation"]) == ("https://gateway.test/v1", "SERVER")
    assert len(set(subscribed(office))) == 1
    assert len(subscribed(office)) == len(WATCHED)
    assert subscribed(office)[0].startswith(f"https://gateway.test/v1/hooks/{office.practice_id}/")

    ending = change(office, native_events="off").body["native_events"]
    assert (ending["state"], ending["phase"]) == ("off", "ending")
    office.on.world.run(120)
    gone = told(office)
    assert (gone["phase"], gone["address"], subscribed(office)) == ("off", None, [])
    assert gone["ended_at"] is not None
    assert gone["workstation"] == "SERVER"


@pytest.mark.parametrize("state", ["off", "paused"])
def test_nothing_is_told_to_a_mirror_that_is_not_on(state: str, office: Deployment) -> None:
    change(office, state="on")
    change(office, state=state)
    for said in ({}, {"state": state}):
        refused = change(office, native_events="on", **said)

        assert (refused.status, refused.body["code"], refused.body["param"]) == (409, "conflict", "native_events")
        assert refused.body["reason"] == f"mirror-{state}"
    assert told(office)["state"] == "off"
    assert change(office, native_events="off").status == 200


def test_it_may_be_said_with_the_state(office: Deployment) -> None:
    both = change(office, state="on", native_events="on").body
    assert (both["state"], both["native_events"]["state"], both["native_events"]["why"]) == ("on", "on", "not-loaded")


def test_an_address_that_is_not_known_is_a_conflict_and_no_header_helps(office: Deployment) -> None:
    change(office, state="on")
    made = f"/practices/{office.practice_id}/sync"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.web.own_address.told", lambda event: None)
        refused = office.send(
            "PATCH", made, body={"native_events": "on"}, key="k", headers={"Host": "evil.example:443"}
        )
    assert (refused.status, refused.body["reason"]) == (409, "address-unknown")


def test_a_mirror_that_is_turned_off_takes_the_wish_with_it(office: Deployment) -> None:
    change(office, state="on")
    office.on.world.run(900)
    change(office, native_events="on")
    office.on.world.run(300)
    assert change(office, state="off").body["native_events"]["phase"] == "ending"
    change(office, state="on")
    office.on.world.run(1200)

    assert (told(office)["state"], told(office)["phase"], subscribed(office)) == ("off", "off", [])


def test_it_needs_an_agreement_to_begin_and_none_to_end(office: Deployment) -> None:
    change(office, state="on")
    office.on.world.run(900)
    change(office, native_events="on")
    office.on.world.run(300)
    today = office.on.clock.now().date()
    office.know(baa=Baa("DOC-1", "Dr. Elm", today - timedelta(days=400), today - timedelta(days=1)))
    office.on.stage = "prod"

    assert told(office)["why"] == "mirror-paused"
    assert change(office, native_events="on").body["code"] == "baa-missing"
    assert change(office, native_events="off").status == 200
    office.on.world.run(300)
    assert subscribed(office) == []


@pytest.mark.parametrize("said", ["", "All Workstations", "all workstations", None])
def test_no_machine_is_every_machine(said: str | None, office: Deployment) -> None:
    change(office, workstation="SERVER")
    assert change(office, workstation=said).body["native_events"]["workstation"] is None


@pytest.mark.parametrize(
    ("said", "param"),
    [({"workstation": "A\nB"}, "workstation"), ({"workstation": "x" * 256}, "workstation"),
     ({"native_events": "yes"}, "native_events"), ({"base_url": "https://evil.example"}, "base_url")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(said: dict[str, Any], param: str | None, office: Deployment) -> None:
    refused = change(office, **said)
    assert (refused.status, refused.body["code"], refused.body.get("param")) == (400, "invalid", param)


def test_saying_it_again_changes_nothing_and_asks_nobody(office: Deployment) -> None:
    change(office, state="on")
    office.on.world.run(900)
    first = change(office, native_events="on").body
    office.on.world.run(300)
    before = office.upstream_calls.count("subscriptions.list")
    again = change(office, native_events="on").body

    assert again["native_events"]["changed_at"] == first["native_events"]["changed_at"]
    assert again["changed_at"] == first["changed_at"]
    office.on.world.run(60)
    assert office.upstream_calls.count("subscriptions.list") == before


def test_what_is_subscribed_for_another_address_is_led_to_the_new_one(office: Deployment) -> None:
    change(office, state="on")
    office.on.world.run(900)
    change(office, native_events="on")
    office.on.world.run(300)
    state: PracticeSync = office.on.syncs.load(office.practice_id)
    moved = replace(state.native, base_url="https://old.test", due_at=None)
    office.on.syncs.save_practice(replace(state, native=moved))
    for row in office.rows("apisubscription"):
        url = row["EndPointUrl"].replace("https://gateway.test/v1", "https://old.test")
        office.simulated.office.store.update("apisubscription", row["SubscriptionNum"], {"EndPointUrl": url})
    change(office, native_events="on")
    office.on.world.run(300)

    assert len(subscribed(office)) == len(WATCHED)
    assert all(one.startswith("https://gateway.test/v1/hooks/") for one in subscribed(office))


def test_what_the_version_does_not_offer_is_said_table_by_table(office: Deployment) -> None:
    office.simulated.office.version = "24.2"
    office.simulated.office.store.set_preference("ProgramVersion", "24.2")
    change(office, state="on")
    office.on.world.run(900)
    change(office, native_events="on")
    office.on.world.run(300)

    states = {one["table"]: (one["state"], one["why"]) for one in told(office)["tables"]}
    assert states["Appointment"] == ("subscribed", "unproven")
    assert states["ProcedureLog"] == states["Schedule"] == ("not_offered", "version-too-old")
    assert {one["offered_since"] for one in told(office)["tables"] if one["table"] == "ProcedureLog"} == {"26.3"}


def test_every_code_has_words_and_the_table_of_the_readme_has_every_code() -> None:
    readme = (Path(shown.__file__).parent / "README.md").read_text()
    assert {code for code in shown.WHY if f"`{code}`" not in readme} == set()


def test_a_practice_that_cannot_be_asked_says_so_at_once(office: Deployment) -> None:
    office.know(permissions=frozenset({"Setup"}))
    change(office, state="on")
    blocked = change(office, native_events="on").body["native_events"]
    assert (blocked["phase"], blocked["why"]) == ("blocked", "permission-missing")
    office.on.world.run(300)
    assert not [one for one in office.upstream_calls if one.startswith("subscriptions.")]


def test_a_resource_that_is_not_mirrored_is_not_told_of(office: Deployment) -> None:
    change(office, state="on", native_events="on")
    state = office.on.syncs.load(office.practice_id)
    kept = ResourceSync("patfields", phase=Phase.NOT_OFFERED, rev=0)
    if "patfields" in state.resources:
        kept = replace(kept, rev=state.resources["patfields"].rev)
    office.on.syncs.save(office.practice_id, kept)
    assert state.wanted is Wanted.ON
    tables = {one["table"]: (one["state"], one["why"]) for one in told(office)["tables"]}
    assert tables["PatField"] == ("not_offered", "not-mirrored")


def test_silence_is_explained_with_the_name_of_the_machine_that_was_waited_for(office: Deployment) -> None:
    change(office, state="on")
    office.on.world.run(900)
    change(office, native_events="on", workstation="SERVER")
    office.on.world.run(1200)

    here = told(office)
    assert here["why"] == "machine-silent"
    assert "SERVER" in here["explanation"]
    assert {"SERVER" in one["explanation"] for one in here["tables"] if one["why"] == "machine-silent"} == {True}
