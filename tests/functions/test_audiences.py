"""Audiences through their handler: asked for, built from the mirror, paged through, forgotten."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.build_audience.handler import lambda_handler
from gateway.core.audiences import building
from gateway.core.audiences.building import build
from gateway.core.audiences.records import KEPT, State
from gateway.core.callers import Client
from gateway.core.errors import Unavailable
from gateway.core.mirror.syncing import Phase, Wanted
from gateway.core.objects.audience import Audience, AudiencePeople
from gateway.wiring.services import using
from tests.fakes.deployment import IDS, Answered, Deployment, deployed
from tests.fakes.gateway_events import Context
from tests.fakes.mirroring import load, mirror, turn_on
from tests.fakes.office import Killed
from tests.fakes.services import Life

BEN = "cli_ben"
SCOPES = ("*:read", "audiences:write")
EVERYBODY: dict[str, Any] = {"status": ["active", "inactive", "non_patient", "prospective"]}
LOADED = (
    "patients", "carriers", "recalls", "appointments", "procedurelogs", "patplans", "inssubs", "insplans",
)  # fmt: skip


@pytest.fixture(scope="module")
def shared() -> Iterator[Deployment]:
    """Two practices whose rows have equal keys, both mirrored."""
    with deployed(practices=2, scopes=SCOPES) as d:
        for id_ in IDS[:2]:
            mirror(d, *LOADED, practice_id=id_)
        yield d


@pytest.fixture
def own() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as d:
        yield d


def built(d: Deployment, filter_: dict[str, Any], *, practice_id: str = IDS[0], **more: Any) -> dict[str, Any]:
    answer = d.post("/audiences", {"practice_id": practice_id, "filter": filter_, **more})
    assert answer.status == 202, answer.body
    build(answer.body["id"], has_time=lambda: True, on=d.on)
    shown = d.get(f"/audiences/{answer.body['id']}").body
    Audience.model_validate(shown, strict=True)
    assert shown["state"] == "ready", shown
    found: dict[str, Any] = shown
    return found


def people(d: Deployment, audience: dict[str, Any], *, limit: int = 500) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = d.get(f"/audiences/{audience['id']}/people", limit=limit, **cursor)
        assert answer.status == 200, answer.body
        AudiencePeople.model_validate(answer.body, strict=True)
        found += answer.body["data"]
        if not answer.body["has_more"]:
            return found
        cursor = {"cursor": answer.body["next_cursor"]}


def refused(answer: Answered) -> tuple[int, str, Any]:
    return answer.status, answer.body["code"], answer.body.get("param") or answer.body.get("scope")


def test_an_audience_is_asked_for_built_without_a_call_and_paged_through(shared: Deployment) -> None:
    shared.upstream_calls.clear()
    asked = shared.post("/audiences", {"practice_id": IDS[0], "filter": EVERYBODY, "name": "All"}, key="all")

    assert (asked.status, asked.body["state"], asked.body["progress"]["seen"]) == (202, "building", 0)
    assert shared.follow(asked, "/audiences").body == asked.body
    waiting = shared.get(f"/audiences/{asked.body['id']}/people")
    assert (refused(waiting)[:2], waiting.body["reason"]) == ((409, "conflict"), "building")
    build(asked.body["id"], has_time=lambda: True, on=shared.on)
    ready = shared.get(f"/audiences/{asked.body['id']}").body
    never = {2, 3, 4, 5}
    there = shared.rows("patient", f"PatStatus NOT IN ({', '.join(map(str, sorted(never - {2})))})")
    assert ready["state"] == "ready" and ready["progress"]["seen"] == ready["progress"]["of"]
    assert ready["people"] + sum(ready["left_out"].values()) == len(there)
    everybody = people(shared, ready, limit=7)
    assert len({one["patient_id"] for one in everybody}) == len(everybody) == ready["people"]
    assert everybody == people(shared, ready)
    assert shared.upstream_calls == []


def test_a_repeat_asks_for_no_second_and_another_body_is_refused(shared: Deployment) -> None:
    body = {"practice_id": IDS[0], "filter": EVERYBODY}
    first = shared.post("/audiences", body, key="once")
    before = len(shared.on.machines.started)
    again = shared.post("/audiences", body, key="once")

    assert again.body["id"] == first.body["id"] and again.headers["Idempotent-Replayed"] == "true"
    assert len(shared.on.machines.started) == before
    assert refused(shared.post("/audiences", {**body, "name": "x"}, key="once")) == (
        422, "key-reused", "Idempotency-Key",
    )  # fmt: skip
    assert refused(shared.send("POST", "/audiences", body=body))[1] == "idempotency-key-missing"
    there = shared.post("/audiences", {**body, "practice_id": IDS[1]}, key="once")
    assert there.body["id"] != first.body["id"], "equal keys at another practice"


def test_a_repeat_sets_a_building_going_that_nobody_goes_on_with(own: Deployment) -> None:
    mirror(own, "patients", "carriers")
    first = own.post("/audiences", {"filter": EVERYBODY}, key="once").body
    name = f"audience:{first['id']}-0"
    assert own.on.machines.started == {name: {"audience_id": first["id"]}}
    own.on.machines.started.clear()
    own.post("/audiences", {"filter": EVERYBODY}, key="once")
    assert own.on.machines.started == {}
    own.on.clock.seconds += 120
    own.post("/audiences", {"filter": EVERYBODY}, key="once")

    assert list(own.on.machines.started) == [name]


def test_who_is_found_is_who_the_objects_say(shared: Deployment) -> None:
    """The same people as by the lists of the API, filter by filter."""
    wide: dict[str, Any] = {"include_unreachable": True}
    active = {one["PatNum"] for one in shared.rows("patient", "PatStatus = 0")}
    insured = {one["PatNum"] for one in shared.rows("patplan")}
    with_insurance = built(shared, {"insurance": {"has": True}, "status": ["active"]}, **wide)
    without = built(shared, {"insurance": {"has": False}, "status": ["active"]}, **wide)
    assert with_insurance["people"] == len(active & insured)
    assert without["people"] == len(active - insured)
    booked = built(shared, {"has_future_appointment": True, "status": ["active"]}, **wide)
    unbooked = built(shared, {"status": ["active"], "none_of": {"has_future_appointment": True}}, **wide)
    assert booked["people"] + unbooked["people"] == len(active)
    owing = people(shared, built(shared, {"open_balance": {"min_amount": {"amount": "1.00"}}}, **wide))
    assert owing and all(one["patient_id"] == one["household_id"] for one in owing)
    for one in owing:
        assert (
            one["reasons"][0]["amount"]["amount"]
            == (shared.get(f"/patients/{one['patient_id']}").body["balances"]["family_total"]["amount"])
        )
    late = people(shared, built(shared, {"overdue_recall": {"by_days": 1}}, **wide))
    assert late
    for one in late:
        recall = shared.get(f"/recalls/{one['reasons'][0]['ids'][0]}", patient_id=one["patient_id"]).body
        assert (recall["due_on"], recall["scheduled_on"]) == (one["reasons"][0]["on"], None)
    open_ = people(shared, built(shared, {"unscheduled_treatment": {}}, **wide))
    assert open_ and all(one["reasons"][0]["amount"] for one in open_)


def test_a_person_who_opts_out_is_shown_without_that_channel_from_then_on(own: Deployment) -> None:
    mirror(own, "patients", "carriers")
    number = own.rows("patient", "PatStatus = 0 AND Guarantor = PatNum")[0]["PatNum"]
    reached = {
        "TxtMsgOk": 1, "WirelessPhone": "(212)555-0123", "PreferContactMethod": 0, "Birthdate": "1980-01-01",
    }  # fmt: skip
    own.simulated.office.store.update("patient", number, reached)
    load(own, "patients")
    audience = built(own, EVERYBODY, channels=["sms", "email"])
    shown = {one["patient_id"]: one for one in people(own, audience)}[own.id_of("patient", number)]
    assert {one["channel"]: one["address"] for one in shown["channels"]}["sms"] == "+12125550123"

    own.simulated.office.store.update("patient", number, {"TxtMsgOk": 2, "Email": "a@example.com"})
    load(own, "patients")
    now = {one["patient_id"]: one for one in people(own, audience)}[own.id_of("patient", number)]
    assert [one["channel"] for one in now["channels"]] == ["email"]
    own.simulated.office.store.update("patient", number, {"PatStatus": 5})
    load(own, "patients")
    assert own.id_of("patient", number) not in {one["patient_id"] for one in people(own, audience)}


def test_people_come_as_lines_that_a_spreadsheet_takes_for_nothing_else(own: Deployment) -> None:
    mirror(own, "patients", "carriers")
    number = own.rows("patient", "PatStatus = 0 AND Guarantor = PatNum")[0]["PatNum"]
    named = {"LName": '=cmd|"x", Jr', "FName": "", "Email": "a@example.com", "PreferContactMethod": 0}
    own.simulated.office.store.update("patient", number, named | {"Birthdate": "1980-01-01"})
    load(own, "patients")
    audience = built(own, EVERYBODY)

    answer = own.get(f"/audiences/{audience['id']}/export", limit=3)
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Cache-Control"] == "no-store"
    text = answer.body
    while (cursor := answer.headers.get("Next-Cursor")) is not None:
        answer = own.get(f"/audiences/{audience['id']}/export", limit=3, cursor=cursor)
        text += answer.body.split("\r\n", 1)[1]
    lines = list(csv.DictReader(io.StringIO(text)))
    shown = people(own, audience)
    assert {one["patient_id"] for one in lines} == {one["patient_id"] for one in shown}
    assert sum(len(one["channels"]) for one in shown) == len(lines)
    odd = next(one for one in lines if one["patient_id"] == own.id_of("patient", number))
    assert odd["name"] == "'" + '=cmd|"x", Jr'


def test_whom_an_answer_shows_is_in_the_trail(own: Deployment) -> None:
    mirror(own, "patients", "carriers")
    audience = built(own, EVERYBODY)
    shown = {one["patient_id"] for one in people(own, audience)}
    for path in ("people", "export"):
        own.on.audit.entries.clear()
        assert own.get(f"/audiences/{audience['id']}/{path}", limit=500).status == 200
        (entry,) = own.on.audit.entries
        assert shown <= set(entry.patient_ids) and entry.practice_id == IDS[0]
        assert entry.action == f"GET /audiences/{{id}}/{path}"


def test_a_filter_takes_the_scope_of_what_it_looks_at_when_asked_and_when_read(own: Deployment) -> None:
    mirror(own, *LOADED)
    own.grant("audiences:read", "audiences:write", "patients:read", "recalls:read")
    recalls = built(own, {"overdue_recall": {}})
    for filter_, scope in (
        ({"open_balance": {}}, "balances:read"),
        ({"overdue_recall": {}, "none_of": {"insurance": {"has": True}}}, "coverages:read"),
        ({"unscheduled_treatment": {}}, "appointments:read"),
        ({"no_visit_since": "2026-01-01"}, "appointments:read"),
    ):
        assert refused(own.post("/audiences", {"filter": filter_})) == (403, "scope-missing", scope)
    own.grant("audiences:read", "audiences:write", "patients:read")
    for path in ("", "/people", "/export"):
        assert refused(own.get(f"/audiences/{recalls['id']}{path}")) == (403, "scope-missing", "recalls:read")
    own.grant("audiences:read", "audiences:write", "recalls:read")
    assert refused(own.post("/audiences", {"filter": EVERYBODY}))[2] == "patients:read"


def test_what_is_not_complete_is_refused_with_its_name(own: Deployment) -> None:
    body: dict[str, Any] = {"filter": {"overdue_recall": {}}}
    off = own.post("/audiences", body)
    assert (off.status, off.body["reason"]) == (409, "mirror-off")
    mirror(own, "patients", "carriers")
    part = own.post("/audiences", body)
    assert (part.status, part.body["reason"], part.body["resources"]) == (409, "not-loaded", ["recalls"])
    assert own.on.audiences.kept == {}
    mirror(own, "recalls")
    audience = built(own, body["filter"], include_unreachable=True)
    turn_on(own, wanted=Wanted.OFF)
    assert own.get(f"/audiences/{audience['id']}/people").body["reason"] == "mirror-off"


def test_a_building_ends_where_its_maker_or_its_mirror_does(own: Deployment) -> None:
    mirror(own, "patients", "carriers")
    breaks: tuple[tuple[Callable[[], None], str], ...] = (
        (lambda: own.grant("audiences:write"), "scope-missing"),
        (lambda: _unload(own), "not-loaded"),
    )
    for break_, code in breaks:
        own.grant(*SCOPES)
        asked = own.post("/audiences", {"filter": EVERYBODY}).body
        break_()
        build(asked["id"], has_time=lambda: True, on=own.on)
        own.grant(*SCOPES)
        shown = own.get(f"/audiences/{asked['id']}").body
        assert (shown["state"], shown["code"], shown["people"]) == ("failed", code, 0)


def _unload(d: Deployment) -> None:
    was = d.on.syncs.load(IDS[0]).resources["patients"]
    d.on.syncs.save(IDS[0], replace(was, phase=Phase.LOADING))


def test_what_another_client_asked_for_or_another_practice_has_is_not_there(shared: Deployment) -> None:
    audience = built(shared, EVERYBODY)
    all_of_it = frozenset({*SCOPES, "notes"})
    shared.on.callers.put_client(Client(BEN, "Ben", frozenset(IDS[:1]), all_of_it))
    shared.on.callers.put_client(Client("cli_eve", "Eve", frozenset(IDS[1:2]), all_of_it))
    for client_id in (BEN, "cli_eve"):
        for method, path in (("GET", ""), ("GET", "/people"), ("GET", "/export"), ("DELETE", "")):
            answer = shared.send(method, f"/audiences/{audience['id']}{path}", client_id=client_id)
            assert refused(answer)[:2] == (404, "not-found"), (client_id, path)
    ids = [one["patient_id"] for one in people(shared, audience)]
    there = [one["patient_id"] for one in people(shared, built(shared, EVERYBODY, practice_id=IDS[1]))]
    assert ids and not set(ids) & set(there)
    elsewhere = shared.get(f"/audiences/{audience['id']}/people", cursor=there[0])
    assert refused(elsewhere) == (400, "invalid", "cursor")
    provider = {"provider_ids": [shared.id_of("provider", 1).replace(IDS[0][5:], IDS[1][5:])]}
    asked = shared.post("/audiences", {"practice_id": IDS[0], "filter": {"age": {"at_least": 1}, "none_of": provider}})
    assert refused(asked) == (404, "not-found", "filter.none_of.provider_ids")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "filter"),
        ({"filter": {}}, "filter"),
        ({"filter": {"colour": "Zq7Marker"}}, "filter.colour"),
        ({"filter": {"age": {}}}, "filter.age.at_least"),
        ({"filter": {"age": {"at_least": "18"}}}, "filter.age.at_least"),
        ({"filter": {"birthday": {"within_days": 3, "month": 2}}}, "filter.birthday.within_days"),
        ({"filter": {"birthday": {"month": 13}}}, "filter.birthday.month"),
        ({"filter": {"no_visit_since": "0001-01-01"}}, "filter.no_visit_since"),
        ({"filter": {"status": ["deceased"]}}, "filter.status.0"),
        ({"filter": {"status": ["active"], "none_of": {}}}, "filter.none_of"),
        ({"filter": {"open_balance": {"min_amount": {"amount": "NaN"}}}}, "filter.open_balance.min_amount.amount"),
        ({"filter": {"language": ["Zq7Marker"]}}, "filter.language.0"),
        ({"filter": EVERYBODY, "channels": ["fax"]}, "channels.0"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused_by_its_place_and_never_repeated(
    shared: Deployment, body: dict[str, Any], param: str
) -> None:
    answer = shared.post("/audiences", {"practice_id": IDS[0], **body})

    assert answer.status == 400 and answer.body["param"] == param, answer.body
    assert "Zq7Marker" not in str({**answer.body, "param": ""})


def test_a_deleted_audience_is_gone_with_its_people_and_its_building_ends(own: Deployment) -> None:
    mirror(own, "patients", "carriers")
    asked = own.post("/audiences", {"filter": EVERYBODY}, key="once").body
    path = f"/audiences/{asked['id']}"
    assert [own.send("DELETE", path).status for _ in range(2)] == [204, 204]

    shown = build(asked["id"], has_time=lambda: True, on=own.on)
    assert shown is not None and shown.state is State.DELETED
    assert [own.get(f"{path}{more}").status for more in ("", "/people", "/export")] == [404] * 3
    assert own.post("/audiences", {"filter": EVERYBODY}, key="once").body["state"] == "deleted"
    assert own.on.audiences.found.get(asked["id"]) is None


def test_a_step_of_the_machine_says_whether_there_is_more_and_nothing_of_anybody(own: Deployment) -> None:
    mirror(own, "patients", "carriers")
    asked = own.post("/audiences", {"filter": EVERYBODY}).body
    with using(own.on):
        cut_off = lambda_handler({"audience_id": asked["id"]}, Context(remaining_ms=1_000))
        whole = lambda_handler({"audience_id": asked["id"]}, Context(remaining_ms=900_000))
        gone = lambda_handler({"audience_id": own.id_of("audience", 7)}, Context())

    assert cut_off == {"done": False, "state": "building"}
    assert whole == {"done": True, "state": "ready"}
    assert gone == {"done": True, "state": "deleted"}


def test_an_audience_is_gone_after_a_week(own: Deployment) -> None:
    mirror(own, "patients", "carriers")
    audience = built(own, EVERYBODY)
    own.on.clock.seconds += KEPT.total_seconds()

    assert own.get(f"/audiences/{audience['id']}").status == 404
    assert build(audience["id"], has_time=lambda: True, on=own.on) is None


@pytest.fixture(scope="module")
def killed() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as d:
        mirror(d, *LOADED)
        yield d


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(left=st.lists(st.integers(0, 60), max_size=4), stumbles=st.frozensets(st.integers(1, 60), max_size=2))
def test_whoever_builds_may_die_anywhere_and_the_next_one_comes_to_the_same(
    killed: Deployment, left: list[int], stumbles: frozenset[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "AT_ONCE", 9)
        filters = {"overdue_recall": {"by_days": 1}, "none_of": {"age": {"at_most": 3}}}
        expected = built(killed, filters)
        asked = killed.post("/audiences", {"filter": filters}).body
        for steps in left:
            life = Life(left=steps, stumbles=stumbles)
            try:
                build(asked["id"], has_time=lambda: True, on=killed.on.mortal(life))
            except (Killed, Unavailable):
                continue
        turns = iter([True, False] * 50)
        while (one := build(asked["id"], has_time=lambda: next(turns), on=killed.on)) is not None:
            if one.state is not State.BUILDING:
                break
        shown = killed.get(f"/audiences/{asked['id']}").body
        mine = {"id", "asked_at", "built_at", "expires_at"}
        assert {name: value for name, value in shown.items() if name not in mine} == {
            name: value for name, value in expected.items() if name not in mine
        }
        assert people(killed, shown) == people(killed, expected)
