"""GET /practices/{id}/capabilities: what works at a practice, by what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.core import pacing
from gateway.core.drift.known import Odd, Oddity
from gateway.core.objects.capabilities import CapabilitiesView
from gateway.core.practices import Mode, Tier
from tests.fakes.deployment import ALL_PERMISSIONS, Deployment, deployed


@pytest.fixture
def d() -> Iterator[Deployment]:
    scopes = ("practices:read", "*:read", "sync:write", "communications:write")
    with deployed("--tier", "enterprise", "--patients", "12", scopes=scopes) as deployment:
        yield deployment


def with_visits(d: Deployment) -> str:
    """A day that has some."""
    for visit in d.rows("appointment"):
        if visit["AptStatus"] == 1 and visit["PatNum"]:
            return str(visit["AptDateTime"])[:10]
    raise AssertionError("nobody has a visit")


def shown(d: Deployment) -> dict[str, Any]:
    answer = d.get(f"/practices/{d.practice_id}/capabilities")
    assert answer.status == 200
    CapabilitiesView.model_validate(answer.body, strict=True)
    assert d.upstream_calls == [], "it took a call"
    return dict(answer.body)


def ability(d: Deployment, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in shown(d)["capabilities"] if one["name"] == name)
    return found


def codes(one: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in one["reasons"]]


def test_where_key_version_and_stage_have_all_of_it_all_but_files_works(d: Deployment) -> None:
    d.know(version="99.1")
    states = {one["name"]: (one["state"], codes(one)) for one in shown(d)["capabilities"]}

    assert states.pop("document_contents.read") == ("not", ["needs-sftp"])
    assert set(map(str, states.values())) == {"('works', [])"}


def test_a_missing_permission_says_what_is_lost_and_what_a_key_with_it_costs_as_the_route_itself_does(
    d: Deployment,
) -> None:
    d.know(permissions=ALL_PERMISSIONS - {"Comm"})
    one = ability(d, "communications.create")
    contact = {"patient_id": d.id_of("patient", 1), "mode": "phone", "direction": "received", "note": "Called."}
    refused = d.post("/communications", contact)

    assert (one["state"], codes(one)[0]) == ("not", "permission-missing")
    assert "15 USD" in one["reasons"][0]["remedy"]
    assert (refused.status, refused.body["code"]) == (403, "permission-missing")
    assert ability(d, "patients.read")["state"] == "works"


def test_an_old_version_says_which_would_do(d: Deployment) -> None:
    d.know(version="21.1")
    one = ability(d, "native_events")

    assert (one["state"], codes(one)[0]) == ("not", "version-too-old")
    assert "22.1" in one["reasons"][0]["remedy"]


def test_a_key_without_rest_permissions_reads_by_fhir_what_that_has(d: Deployment) -> None:
    d.know(permissions=frozenset({"Appointments"}))

    patients, recalls = ability(d, "patients.read"), ability(d, "recalls.read")
    assert (patients["state"], patients["read_by"]) == ("limited", "fhir")
    assert "by-fhir" in codes(patients)
    assert (recalls["state"], codes(recalls)[0]) == ("not", "permission-missing")


@pytest.mark.parametrize("mode", Mode)
def test_each_mode_says_how_the_practice_is_reached(d: Deployment, mode: Mode) -> None:
    d.know(mode=mode, tier=Tier.UNPACED)
    body = shown(d)

    assert body["reached"]
    patients = ability(d, "patients.read")
    assert (patients["state"] == "not" and "mode" in codes(patients)) is (mode is Mode.LOCAL)


def test_without_an_agreement_nothing_protected_works_outside_the_sandbox(d: Deployment) -> None:
    d.know(baa=None)
    assert ability(d, "patients.read")["state"] == "works"
    d.on.stage = "prod"

    assert codes(ability(d, "patients.read")) == ["baa-missing"]
    assert "baa-missing" not in codes(ability(d, "procedure_codes.read"))


def test_a_practice_that_is_stopped_does_nothing_and_says_so(d: Deployment) -> None:
    item = d.on.pace.load(d.practice_id)
    d.on.pace.items[d.practice_id] = replace(item, killed=True)

    assert codes(ability(d, "patients.read")) == ["calls-stopped"]
    assert ability(d, "patients.read")["state"] == "not"


def test_a_practice_that_does_not_answer_says_since_its_breaker_does(d: Deployment) -> None:
    now = d.on.clock.now().timestamp()
    d.on.pace.update(d.practice_id, lambda item: (pacing.heard(item, pacing.Answer.OFFLINE, now), None))

    assert codes(ability(d, "patients.read")) == ["practice-offline"]


def test_queries_that_the_operator_turns_off_are_made_by_nothing(d: Deployment) -> None:
    assert shown(d)["queries"] == "on"
    assert d.patch(f"/practices/{d.practice_id}/sync", {"queries": "off"}).status == 200
    assert (shown(d)["queries"], codes(ability(d, "day.read"))) == ("off", ["queries-off"])

    day = d.get("/day", date=with_visits(d), sections="patients,balance,coverage")
    assert day.status == 200
    assert "queries.ShortQuery" not in d.upstream_calls

    d.upstream_calls.clear()
    d.patch(f"/practices/{d.practice_id}/sync", {"queries": "on"})
    d.on.clock.seconds += 600
    d.get("/day", date=with_visits(d), sections="patients,balance,coverage")
    assert "queries.ShortQuery" in d.upstream_calls


def test_a_day_whose_key_lost_queries_since_is_read_patient_by_patient_and_the_key_looked_at(d: Deployment) -> None:
    d.know(permissions=ALL_PERMISSIONS | {"Enterprise"})
    d.simulated.change({"permissions": sorted(ALL_PERMISSIONS - {"Queries"})})
    d.on.clock.seconds += pacing.PROBE_AGAIN_S
    day = d.get("/day", date=with_visits(d), sections="patients,balance")
    d.on.world.run(120)

    assert {name: one["status"] for name, one in day.body["sections"].items()} == dict.fromkeys(
        ("appointments", "patients", "balance"), "ok"
    )
    assert "Queries" not in d.on.practices.get(d.practice_id).permissions


def test_how_rows_differ_is_shown_by_name_and_never_by_value(d: Deployment) -> None:
    now = d.on.clock.now()
    d.on.drifts.note_odd(d.practice_id, {Odd("patients.Simple", Oddity.NEW, "ShinyNew"): 4}, at=now)

    (one,) = shown(d)["differences"]
    assert (one["operation"], one["kind"], one["field"], one["answers"]) == ("patients.Simple", "new", "ShinyNew", 4)


def test_a_field_that_an_office_sends_and_nobody_knows_is_shown_after_a_read(d: Deployment) -> None:
    send = d.on.upstream.send

    def changed(practice: Any, call: Any, gate: Any = None) -> Any:
        answer = send(practice, call, gate)
        if call.operation == "providers.list":
            answer = replace(answer, data=[{**row, "ShinyNew": "Anna Smith"} for row in answer.rows])
        return answer

    d.on.upstream.send = changed  # type: ignore[method-assign]
    assert d.get("/providers").status == 200
    d.upstream_calls.clear()

    body = shown(d)
    assert [(one["kind"], one["field"]) for one in body["differences"]] == [("new", "ShinyNew")]
    assert "Anna" not in str(body)


def test_another_clients_practice_is_not_found_and_the_scope_is_needed(d: Deployment) -> None:
    assert d.get("/practices/prac_cccccccccccccccc/capabilities").status == 404
    d.grant("patients:read")
    refused = d.get(f"/practices/{d.practice_id}/capabilities")
    assert (refused.status, refused.body["code"], refused.body["scope"]) == (403, "scope-missing", "practices:read")
