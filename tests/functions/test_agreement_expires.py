"""A practice's agreement that runs out: nothing is read, written, copied or shown any more, until it is renewed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.practices import Baa
from tests.fakes.deployment import IDS, Deployment, deployed
from tests.fakes.mirroring import mirror

ELM, OAK = IDS[:2]
SCOPES = (
    "*:read",
    "appointments:write",
    "patients:write",
    "communications:write",
    "sync:write",
    "patients.match",
    "groups:write",
    "resources:read",
)


@pytest.fixture
def two() -> Iterator[Deployment]:
    with deployed("--patients", "8", practices=2, scopes=SCOPES) as d:
        d.read_up()
        for practice_id in (ELM, OAK):
            mirror(d, practice_id=practice_id)
        yield d


def until(d: Deployment, days: int, practice_id: str = ELM) -> None:
    """The agreement's last day is so many days from today."""
    last = d.on.clock.now().date() + timedelta(days=days)
    practice = d.on.practices.get(practice_id)
    d.on.practices.put(replace(practice, baa=Baa("test-baa", "A. Test", last - timedelta(days=700), last)))


def everything(d: Deployment) -> dict[str, tuple[int, str | None]]:
    """Status and code of a read of each kind, all of which have copies at hand."""
    patient, today = d.id_of("patient", 3), str(d.today)
    answers = {
        "one": d.get(f"/patients/{patient}"),
        "list": d.get("/appointments", patient_id=patient),
        "walk": d.get("/patients", practice_id=ELM),
        "360": d.get(f"/patients/{patient}/360"),
        "360 across": d.get(f"/patients/{patient}/360", across="group"),
        "day": d.get("/day", practice_id=ELM, date=today),
        "dry run": d.get("/day", practice_id=ELM, date=today, dry_run=True),
        "slots": d.get("/slots", practice_id=ELM, date_from=today, date_to=today, duration_minutes=30),
        "set-up": d.get("/providers", practice_id=ELM),
        "raw": d.get("/resources/patients", practice_id=ELM),
        "fhir": d.get("/fhir/R4/AllergyIntolerance", patient=f"Patient/{patient}"),
        "kept": d.send("GET", f"/patients/{patient}", headers={"Cache-Control": "only-if-cached"}),
        "confirmed": d.send("GET", f"/patients/{patient}", headers={"If-None-Match": "*"}),
        "write": d.patch(f"/patients/{patient}", {"medicaid_id": "M1"}),
        "hold": d.post(
            "/slots/hold",
            {
                "provider_id": d.id_of("provider", 1),
                "operatory_id": d.id_of("operatory", 1),
                "local_start": f"{d.today + timedelta(days=1)}T09:00:00",
                "duration_minutes": 30,
            },
        ),
        "mirror on": d.patch(f"/practices/{ELM}/sync", {"state": "on"}),
    }
    return {name: (one.status, (one.body or {}).get("code")) for name, one in answers.items()}


def test_nothing_of_a_practice_is_told_or_done_after_the_last_day_of_its_agreement(two: Deployment) -> None:
    until(two, 0)
    assert {name: said for name, said in everything(two).items() if said[1] == "baa-missing"} == {}
    until(two, -1)
    two.upstream_calls.clear()

    said = everything(two)

    # FHIR has codes of its own.
    assert said.pop("fhir") == (403, None)
    # Nothing of patients is in it.
    assert said.pop("set-up") == (200, None)
    assert {name: one for name, one in said.items() if one != (403, "baa-missing")} == {}
    assert two.upstream_calls == []


def test_a_renewed_agreement_opens_it_all_again_and_the_mirror_goes_on(two: Deployment) -> None:
    until(two, -1)
    two.on.paces.background_due(ELM, two.on.clock.now())
    two.upstream_calls.clear()
    two.on.world.run(2 * 3600)
    assert two.upstream_calls == []
    rows = len(two.on.records.kept[ELM, "patients"])
    until(two, 300)
    two.on.world.run(2 * 3600)

    assert {name: one for name, one in everything(two).items() if one[1] == "baa-missing"} == {}
    assert len(two.on.records.kept[ELM, "patients"]) == rows
    assert two.on.syncs.load(ELM).resources["patients"].as_of > two.on.clock.now() - timedelta(minutes=15)


@pytest.mark.parametrize("kind", ["read", "write"])
def test_what_waited_in_the_queue_while_the_agreement_ran_out_is_not_begun(kind: str, two: Deployment) -> None:
    patient = two.id_of("patient", 3)
    if kind == "read":
        waiting = two.send(
            "GET", f"/patients/{patient}", headers={"Prefer": "respond-async", "Cache-Control": "no-cache"}
        )
    else:
        waiting = two.send(
            "PATCH", f"/patients/{patient}", body={"medicaid_id": "M1"}, key="k", headers={"Prefer": "respond-async"}
        )
    assert waiting.status == 202
    until(two, -1)
    two.upstream_calls.clear()
    copies = dict(two.on.records.kept[ELM, "patients"])
    two.on.world.run(20)

    assert two.upstream_calls == []
    assert two.on.records.kept[ELM, "patients"] == copies
    id_ = waiting.headers["Location"].rpartition("/")[2]
    assert two.get(f"/operations/{id_}").body["code"] == "baa-missing"
    until(two, 300)
    shown = two.get(f"/operations/{id_}").body
    assert (shown["state"], shown["error"]["code"]) == ("failed", "baa-missing")


def test_a_write_that_stands_in_part_is_brought_to_its_end_and_nothing_of_it_is_copied(two: Deployment) -> None:
    """A booking whose answer was lost is looked for: what stands at the office must not be called failed."""
    two.faulty("drop_answer", "commlogs.create")
    sent = two.send(
        "POST",
        "/communications",
        body={"patient_id": two.id_of("patient", 3), "note": "called", "mode": "phone", "direction": "received"},
        key="k",
        headers={"Prefer": "wait=1"},
    )
    until(two, -1)
    copies = dict(two.on.records.kept[ELM, "commlogs"])
    two.on.world.run(3600)
    until(two, 300)

    shown = two.get(f"/operations/{sent.body['id']}").body
    assert shown["state"] == "succeeded", shown
    assert two.on.records.kept[ELM, "commlogs"] == copies


def test_over_several_practices_it_says_so_and_the_others_answer(two: Deployment) -> None:
    until(two, -1)

    page = two.get("/patients", practice_id="all").body

    said = {one["practice_id"]: (one.get("unavailable") or {}).get("code") for one in page["meta"]["practices"]}
    assert said == {ELM: "baa-missing", OAK: None}
    assert {one["id"][4:20] for one in page["data"]} == {OAK[5:]}


def test_the_mirrors_state_is_told_for_an_operator_has_to_see_why_it_stands_still(two: Deployment) -> None:
    until(two, -1)

    told: dict[str, Any] = two.get(f"/practices/{ELM}/sync").body

    assert {one["why"] for one in told["resources"] if one["is_stale"] and one["why"] != "only-by-parent"} == {
        "agreement-expired"
    }


def test_the_copies_can_be_erased_after_the_agreement(two: Deployment) -> None:
    until(two, -1)

    assert two.patch(f"/practices/{ELM}/sync", {"state": "off"}).status == 200
    two.on.world.run(600)

    assert not any(kept for (practice_id, _), kept in two.on.records.kept.items() if practice_id == ELM)
    assert all(two.on.records.kept[OAK, name] for name in ("patients", "appointments"))
