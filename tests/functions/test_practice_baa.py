"""An operator opens and closes a practice: each acts on the next call, by every road, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.objects.agreement import PracticeBaa
from tests.fakes.deployment import IDS, Answered, Deployment, deployed
from tests.fakes.mirroring import mirror

ELM, OAK = IDS[:2]
PATH = f"/practices/{ELM}/baa"
SCOPES = ("*:read", "patients:write", "resources:read", "practices.baa:write", "sync:write", "groups:write")


@pytest.fixture(scope="module")
def shared() -> Iterator[Deployment]:
    with deployed("--patients", "8", scopes=SCOPES) as d:
        d.on.stage = "prod"
        d.read_up()
        mirror(d)
        d.know(baa=None)
        yield d


@pytest.fixture
def d(shared: Deployment) -> Deployment:
    """A practice in prod that has a mirror and has just been left without any agreement."""
    shared.on.agreements.entries.clear()
    shared.on.practices.agreed.clear()
    shared.on.clock.seconds += 60
    shared.upstream_calls.clear()
    return shared


def said(d: Deployment, **changes: Any) -> dict[str, Any]:
    today = d.on.clock.now().date()
    return {"reference": "binder 9", "signed_by": "A. Owner", "signed_on": f"{today}"} | changes


def record(d: Deployment, *, key: str | None = None, **changes: Any) -> Answered:
    return d.post(PATH, said(d, **changes), key=key)


def days(d: Deployment, number: int) -> str:
    return f"{d.on.clock.now().date() + timedelta(days=number)}"


def shown(d: Deployment) -> dict[str, Any]:
    answer = d.get(PATH)
    assert answer.status == 200, answer.body
    PracticeBaa.model_validate(answer.body, strict=True)
    body: dict[str, Any] = answer.body
    return body


def patient(d: Deployment) -> tuple[int, str | None]:
    answer = d.get(f"/patients/{d.id_of('patient', 3)}")
    return answer.status, answer.body.get("code")


def test_without_one_nothing_of_patients_is_read_and_the_office_itself_is(d: Deployment) -> None:
    assert (patient(d), shown(d)["state"], shown(d)["is_open"]) == ((403, "baa-missing"), "missing", False)
    raw = {name: d.get(f"/resources/{name}", practice_id=ELM).status for name in ("patients", "feescheds", "queries")}
    assert (raw["patients"], raw["feescheds"]) == (403, 200)
    for path in ("/providers", "/carriers", "/definitions", "/operatories", "/procedure_codes", "/task_lists"):
        assert d.get(path, practice_id=ELM).status == 200, path
    assert d.get("/schedules", practice_id=ELM, date_from=d.today, date_to=d.today).status == 200
    assert d.get("/resources", practice_id=ELM).status == 200
    assert d.get("/fhir/R4/Practitioner").status == 200
    assert set(d.upstream_calls) & {"patients.list", "patients.get", "appointments.list"} == set()


def test_what_is_asked_of_the_office_itself_is_worked_off_and_followed_without_one(d: Deployment) -> None:
    asked = d.send(
        "GET",
        "/providers",
        query={"practice_id": ELM},
        headers={"Prefer": "respond-async", "Cache-Control": "no-cache"},
    )
    assert asked.status == 202, asked.body

    assert d.settled(asked, seconds=20)["state"] == "succeeded"


def test_a_record_opens_the_practice_on_the_next_call_and_its_end_closes_it(d: Deployment) -> None:
    made = record(d, expires_on=days(d, 100))
    assert (made.status, made.body["state"], made.body["days_left"]) == (201, "current", 100)
    assert made.body["current"]["recorded_by"] == "cli_ada"
    assert patient(d) == (200, None)

    assert d.send("DELETE", PATH).status == 204
    assert patient(d) == (403, "baa-missing")
    closed = shown(d)
    assert (closed["state"], closed["current"], closed["is_open"]) == ("missing", None, False)
    assert [(one["ended_by"], one["closed_by"]) for one in closed["past"]] == [("closed", "cli_ada")]

    assert record(d).status == 201
    assert patient(d) == (200, None)


def test_in_the_sandbox_a_practice_is_open_until_its_agreement_is_closed(d: Deployment) -> None:
    d.on.stage = "sandbox"
    try:
        assert (patient(d), shown(d)["state"], shown(d)["is_open"]) == ((200, None), "missing", True)
        record(d)
        assert d.send("DELETE", PATH).status == 204
        assert (patient(d), shown(d)["is_open"]) == ((403, "baa-missing"), False)
    finally:
        d.on.stage = "prod"


def test_every_record_is_kept_with_how_it_ended(d: Deployment) -> None:
    record(d, reference="first", expires_on=days(d, 10))
    d.on.clock.seconds += 20 * 86400
    record(d, reference="second")
    record(d, reference="third")
    d.send("DELETE", PATH)
    d.send("DELETE", PATH)
    record(d, reference="fourth")

    told = shown(d)
    assert told["current"]["reference"] == "fourth"
    assert [(one["reference"], one["ended_by"]) for one in told["past"]] == [
        ("third", "closed"),
        ("second", "replaced"),
        ("first", "expired"),
    ]


@pytest.mark.parametrize(("left", "state"), [(61, "current"), (60, "expiring"), (0, "expiring"), (-1, "expired")])
def test_the_state_says_how_near_the_end_is(left: int, state: str, d: Deployment) -> None:
    record(d, expires_on=days(d, 61))
    d.on.clock.seconds += (61 - left) * 86400

    told = shown(d)
    assert (told["state"], told["is_open"]) == (state, left >= 0)
    assert told["days_left"] == (left if left >= 0 else None)
    assert [one["ended_by"] for one in told["past"]] == ([] if left >= 0 else ["expired"])


def test_a_repeat_records_nothing_anew_and_another_body_is_refused(d: Deployment) -> None:
    first = record(d, key="k")
    d.send("DELETE", PATH)
    again, other = record(d, key="k"), record(d, key="k", reference="another")

    assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true")
    # What was closed meanwhile stays closed: a repeat is no second record.
    assert (again.body["state"], again.body["past"][0]["id"]) == ("missing", first.body["current"]["id"])
    assert (other.status, other.body["code"]) == (422, "key-reused")
    assert patient(d) == (403, "baa-missing")


@pytest.mark.parametrize(
    ("changes", "param"),
    [({"signed_on": 1}, "signed_on"), ({"expires_on": -1}, "expires_on"), ({"reference": " "}, "reference")],
)
def test_what_cannot_be_an_agreement_is_refused_by_its_field(changes: Any, param: str, d: Deployment) -> None:
    sent = {name: days(d, value) if isinstance(value, int) else value for name, value in changes.items()}
    if "expires_on" in sent:
        sent["signed_on"] = days(d, -9)
    answer = record(d, **sent)

    assert (answer.status, answer.body["param"]) == (400, param)
    assert shown(d)["past"] == []


def test_the_mirror_stands_still_without_one_and_goes_on_with_it_losing_nothing(d: Deployment) -> None:
    record(d)
    d.on.world.run(600)
    d.send("DELETE", PATH)
    # The lane looks when the mirror is due, and finds the practice closed.
    d.on.world.run(1200)
    d.upstream_calls.clear()
    d.simulated.office.store.update("patient", 3, {"LName": "Renamed"})
    d.on.world.run(3600)
    assert d.upstream_calls == []
    stored = d.on.records.kept[ELM, "patients"]
    record(d)
    d.on.world.run(300)

    assert d.upstream_calls and len(d.on.records.kept[ELM, "patients"]) == len(stored)
    again = d.get(f"/patients/{d.id_of('patient', 3)}")
    assert (again.body["name"]["last"], again.body["meta"]["served_from"]) == ("Renamed", "mirror")


def test_warnings_are_told_once_each_and_anew_for_the_next_agreement(
    d: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> list[tuple[str, int]]:
        return [(one["expires_on"], one["days_left"]) for one in noted if "days_left" in one]

    noted: list[dict[str, Any]] = []
    note = d.on.facts.note

    def keep(practice_id: str, kind: str, key: str, content: Any, *, at: Any) -> bool:
        is_new: bool = note(practice_id, kind, key, content, at=at)
        if is_new:
            noted.append(dict(content))
        return is_new

    d.patch(f"/practices/{ELM}/sync", {"state": "off"})
    monkeypatch.setattr(d.on.facts, "note", keep)
    first = days(d, 70)
    record(d, expires_on=first)
    for _ in range(75):
        d.on.clock.seconds += 86400
        d.on.world.run(180)
    assert told() == [(first, 60), (first, 30), (first, 7)]
    second = days(d, 20)
    record(d, expires_on=second)
    for _ in range(25):
        d.on.clock.seconds += 86400
        d.on.world.run(180)
    assert told()[3:] == [(second, 20), (second, 7)]
