"""The workflow `book` as it is deployed, over the real handlers at a simulated practice; and each step failing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from gateway.core.workflows.records import RunState
from infra.parts.machine import definition_of
from tests.fakes.deployment import Deployment, deployed
from tests.fakes.workflows import failed, run_started

SCOPES = ("*:read", "workflows:write", "appointments:write", "patients:write", "communications:write")
PERSON: Mapping[str, Any] = {"name": {"first": "Odalys", "last": "Quillfeather"}, "birth_date": "1990-05-05"}
STEPS = [name for name, state in definition_of("book")["States"].items() if state["Type"] == "Task"]


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as deployment:
        deployment.read_up()
        yield deployment


@pytest.fixture(autouse=True)
def clean(office: Deployment) -> Iterator[None]:
    """Each test finds the office without those whom others have brought."""
    yield
    store = office.simulated.office.store
    for patient in store.find("patient", {"LName": "Quillfeather"}):
        for visit in store.find("appointment", {"PatNum": patient["PatNum"]}):
            store.delete("appointment", visit["AptNum"])
        store.delete("patient", patient["PatNum"])
    office.on.holds.__init__()
    office.on.clock.seconds += 3600


def book(office: Deployment, **more: Any) -> dict[str, Any]:
    body = {"workflow": "book", "practice_id": office.practice_id, "slot": {"duration_minutes": 30}, **more}
    answered = office.post("/workflow_runs", body)
    assert answered.status == 202, answered.body
    return dict(answered.body)


def book_new(office: Deployment, **more: Any) -> dict[str, Any]:
    """Comes by every step that there is where nothing fails."""
    contact = {"note": "told by phone", "mode": "phone"}
    return book(office, patient=PERSON, confirmation="confirmed", contact=contact, **more)


def shown(office: Deployment, run: Mapping[str, Any]) -> dict[str, Any]:
    return dict(office.get(f"/workflow_runs/{run['id']}").body)


def states(office: Deployment, run: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: one["state"] for one in shown(office, run)["steps"]}


def people(office: Deployment) -> list[dict[str, Any]]:
    return office.rows("patient", "LName = 'Quillfeather'")


def visits(office: Deployment) -> list[dict[str, Any]]:
    return [row for one in people(office) for row in office.rows("appointment", f"PatNum = {one['PatNum']}")]


def holds(office: Deployment) -> int:
    return len([one for one in office.on.holds.holds.values() if one.is_live(office.on.clock.now())])


def spoiled(*steps: str, code: str = "broken") -> Any:
    return lambda payload: failed(code) if payload["run"]["step"] in steps else None


def test_a_stranger_is_added_and_booked_confirmed_and_the_contact_is_logged(office: Deployment) -> None:
    run = book_new(office)
    ended = run_started(office.on)
    told = shown(office, run)
    (patient,), (visit,) = people(office), visits(office)

    assert (ended.status, told["state"], told["code"]) == ("SUCCEEDED", "succeeded", None), ended
    assert told["result"]["patient_id"] == office.id_of("patient", patient["PatNum"])
    assert told["result"]["appointment_id"] == office.id_of("appointment", visit["AptNum"])
    assert (told["result"]["patient_was_added"], told["result"]["contact_state"]) == (True, "done")
    assert {one["state"] for one in told["steps"]} == {"succeeded"}
    assert len(office.rows("commlog", f"PatNum = {patient['PatNum']}")) == 1


def test_no_state_of_the_execution_says_who_it_is_about(office: Deployment) -> None:
    """Histories are kept for 90 days, and whoever may look at executions sees them."""
    book_new(office, visit={"note": "afraid of needles"})
    seen: list[Any] = []
    ended = run_started(office.on, spoil=seen.append)
    (_, input_), *_ = reversed(office.on.machines.started.items())
    text = json.dumps([input_, ended.output, seen]).casefold()

    assert ended.status == "SUCCEEDED"
    assert not [word for word in ("odalys", "quillfeather", "1990", "needles", "told by") if word in text]
    assert "needles" in visits(office)[0]["Note"]


def test_who_is_known_by_name_and_birth_date_is_not_added_again(office: Deployment) -> None:
    book_new(office)
    run_started(office.on)
    book_new(office)
    ended = run_started(office.on)

    assert (ended.output["result"]["patient_was_added"], len(people(office)), len(visits(office))) == (False, 1, 2)


def test_a_patient_named_by_id_is_not_looked_for(office: Deployment) -> None:
    book(office, patient_id=office.id_of("patient", 1))
    ended = run_started(office.on)

    assert ended.status == "SUCCEEDED"
    assert not {"FindPatient", "AddPatient", "ConfirmVisit", "LogContact"} & set(ended.states)


def test_somebody_whom_nobody_may_add_ends_it_with_nothing_left(office: Deployment) -> None:
    run = book(office, patient={**PERSON, "add": False})
    ended = run_started(office.on)

    assert (ended.error, shown(office, run)["code"]) == ("patient-not-found", "patient-not-found")
    assert (people(office), holds(office)) == ([], 0)


def test_two_who_fit_are_for_a_person_to_tell_apart(office: Deployment) -> None:
    """Twins of one name do not exist; the same person twice does, and the wrong one of them must not be booked."""
    store = office.simulated.office.store
    book_new(office)
    run_started(office.on)
    (patient,) = people(office)
    store.insert("patient", {name: value for name, value in patient.items() if name != "PatNum"})
    book_new(office)
    ended = run_started(office.on)

    assert ended.error == "patient-ambiguous"
    assert len(visits(office)) == 1


def test_a_time_that_somebody_else_keeps_is_passed_over(office: Deployment) -> None:
    book(office, patient_id=office.id_of("patient", 1))
    lost: list[Any] = []

    def faster(payload: Mapping[str, Any]) -> Any:
        if payload["run"]["step"] == "KeepTime" and len(lost) < 2:
            lost.append(payload)
            return failed("clash")
        return None

    ended = run_started(office.on, spoil=faster)

    assert ended.status == "SUCCEEDED"
    assert ended.output["loop"] == {"round": 3}
    assert ended.states.count("FindTime") == 3


def test_five_times_lost_is_the_end(office: Deployment) -> None:
    run = book_new(office)
    ended = run_started(office.on, spoil=spoiled("KeepTime", code="clash"))

    assert (ended.error, ended.states.count("KeepTime")) == ("clash", 5)
    assert (visits(office), holds(office)) == ([], 0)
    assert [one["PatStatus"] for one in people(office)] == [6], (
        "who wanted a visit and got none is a prospective patient"
    )
    assert states(office, run)["AddPatient"] == "undone"


def test_a_time_that_the_desk_took_meanwhile_is_let_go_and_another_one_booked(office: Deployment) -> None:
    book(office, patient_id=office.id_of("patient", 1))
    asked: list[Any] = []

    def taken(payload: Mapping[str, Any]) -> Any:
        if payload["run"]["step"] == "BookVisit" and not asked:
            asked.append(payload)
            return failed("clash")
        return None

    ended = run_started(office.on, spoil=taken)

    assert ended.status == "SUCCEEDED"
    assert "LetGoOfTaken" in ended.states
    assert holds(office) == 0


LEFT: Mapping[str, tuple[str, int, int]] = {
    # Step that fails: why the run ends, visits that stand, people who are there.
    "FindPatient": ("broken", 0, 0),
    "AddPatient": ("broken", 0, 0),
    "FindTime": ("broken", 0, 1),
    "KeepTime": ("broken", 0, 1),
    "BookVisit": ("broken", 0, 1),
    "ConfirmVisit": ("broken", 0, 1),
}


@pytest.mark.parametrize("step", LEFT)
@pytest.mark.parametrize("died", [False, True], ids=["refused", "lost"])
def test_a_step_that_fails_leaves_nothing_booked_and_nothing_kept(step: str, died: bool, office: Deployment) -> None:
    run = book_new(office)

    def spoil(payload: Mapping[str, Any]) -> Any:
        if payload["run"]["step"] != step:
            return None
        if died:
            raise RuntimeError("the function ended")
        return failed("broken")

    ended = run_started(office.on, spoil=spoil)
    why, standing, known = LEFT[step]
    booked = [one for one in visits(office) if one["AptStatus"] == 1]

    assert (ended.status, ended.error) == ("FAILED", "step-lost" if died else why)
    assert shown(office, run)["state"] == "failed"
    assert (len(booked), len(people(office))) == (standing, known)
    assert {one["PatStatus"] for one in people(office)} <= {6}
    assert holds(office) == 0


def test_a_contact_that_cannot_be_logged_leaves_the_visit(office: Deployment) -> None:
    book_new(office)
    ended = run_started(office.on, spoil=spoiled("LogContact"))

    assert ended.status == "SUCCEEDED"
    assert ended.output["result"]["contact_state"] == "failed"
    assert [one["AptStatus"] for one in visits(office)] == [1]


@pytest.mark.parametrize("step", ["LetGo", "LetGoOfTaken", "MakeProspective", "NextRound"])
def test_taking_back_that_fails_still_ends_the_run(step: str, office: Deployment) -> None:
    book_new(office)
    first = "KeepTime" if step == "NextRound" else "BookVisit"
    code = "clash" if step in {"LetGoOfTaken", "NextRound"} else "broken"
    told: list[Any] = []

    def spoil(payload: Mapping[str, Any]) -> Any:
        if payload["run"]["step"] == step:
            told.append(payload)
            return failed("broken")
        return failed(code) if payload["run"]["step"] == first else None

    assert run_started(office.on, spoil=spoil).status == "FAILED"
    assert told
    assert visits(office) == []


def test_a_visit_that_could_not_be_cancelled_is_said_to_stand(office: Deployment) -> None:
    book_new(office)
    ended = run_started(office.on, spoil=spoiled("ConfirmVisit", "CancelVisit"))

    assert ended.error == "visit-stands"
    assert [one["AptStatus"] for one in visits(office)] == [1]


def test_a_run_that_failed_goes_on_where_it_was_and_does_nothing_twice(office: Deployment) -> None:
    run = book_new(office)
    run_started(office.on, spoil=spoiled("BookVisit"))
    again = office.post(f"/workflow_runs/{run['id']}/restart")
    ended = run_started(office.on)
    told = shown(office, run)

    assert (again.status, again.body["attempt"]) == (202, 2)
    assert ended.status == "SUCCEEDED", ended
    assert (told["state"], told["attempt"], told["code"]) == ("succeeded", 2, None)
    assert (len(people(office)), len(visits(office))) == (1, 1)


def test_an_execution_that_is_cut_off_anywhere_and_started_again_books_once(office: Deployment) -> None:
    """Whatever dies between a request and its note: the next try finds what was done."""
    for cut in range(1, 8):
        run = book_new(office)
        done: list[Any] = []

        def dies(payload: Mapping[str, Any], cut: int = cut, done: list[Any] = done) -> Any:
            done.append(payload["run"]["step"])
            if len(done) > cut:
                raise RuntimeError("Lambda is gone")
            return None

        run_started(office.on, spoil=dies)
        office.on.runs.end(run["id"], attempt=1, state=RunState.FAILED, at=office.on.clock.now(), result={}, code="x")
        if shown(office, run)["state"] == "failed":
            office.post(f"/workflow_runs/{run['id']}/restart")
            run_started(office.on)
        assert shown(office, run)["state"] == "succeeded", (cut, states(office, run))
        assert len([one for one in visits(office) if one["AptStatus"] == 1]) == cut
    assert len(people(office)) == 1


def test_every_step_that_there_is_was_made_to_fail_above() -> None:
    above = {*LEFT, "LogContact", "LetGo", "LetGoOfTaken", "MakeProspective", "NextRound", "CancelVisit"}

    assert above == set(STEPS)


def test_a_key_starts_one_run_however_often_it_is_sent(office: Deployment) -> None:
    body = {"workflow": "book", "practice_id": office.practice_id, "slot": {"duration_minutes": 30}}
    body["patient_id"] = office.id_of("patient", 1)
    first, again = (office.post("/workflow_runs", body, key="one-key") for _ in range(2))
    other = office.post("/workflow_runs", {**body, "confirmation": "sent"}, key="one-key")
    started = [one for one in office.on.machines.started if first.body["id"] in one]

    assert (first.body["id"], again.headers["Idempotent-Replayed"]) == (again.body["id"], "true")
    assert (other.status, other.body["code"], len(started)) == (422, "key-reused", 1)


def test_who_may_not_do_the_steps_may_not_start_them(office: Deployment) -> None:
    body = {"workflow": "book", "practice_id": office.practice_id, "slot": {"duration_minutes": 30}}
    office.grant("*:read", "workflows:write")
    refused = office.post("/workflow_runs", {**body, "patient_id": office.id_of("patient", 1)})
    office.grant(*SCOPES)

    assert (refused.status, refused.body["scope"]) == (403, "appointments:write")


def test_a_run_that_was_stopped_shows_so_and_can_go_on(office: Deployment) -> None:
    run = book_new(office)
    stopped = office.post(f"/workflow_runs/{run['id']}/stop")

    assert (stopped.body["state"], office.on.machines.stopped) == ("stopped", [f"book:{run['id']}-1"])
    assert office.post(f"/workflow_runs/{run['id']}/stop").status == 409
    assert office.post(f"/workflow_runs/{run['id']}/restart").status == 202


def test_a_client_sees_the_runs_of_its_practices_and_no_others(office: Deployment) -> None:
    run = book_new(office)
    listed = office.get("/workflow_runs", practice_id=office.practice_id, workflow="book", limit=1)

    assert [one["id"] for one in listed.body["data"]] == [run["id"]]
    assert office.get("/workflow_runs", practice_id="prac_bbbbbbbbbbbbbbbb").status == 404
