"""Communications, recalls, tasks and their lists, read through their handlers from a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.core.ids import row_id
from gateway.core.objects import desk
from gateway.core.objects.values import Object
from gateway.core.reads.desk import TASKS, TasksQuery
from tests.fakes import ELM_STREET
from tests.fakes.deployment import IDS, Deployment, deployed

FAMILIES: dict[str, tuple[str, str, str, type[Object]]] = {
    "communications": ("commlog", "CommlogNum", "communication", desk.Communication),
    "recalls": ("recall", "RecallNum", "recall", desk.Recall),
    "tasks": ("task", "TaskNum", "task", desk.Task),
    "task_lists": ("tasklist", "TaskListNum", "task_list", desk.TaskList),
}
EVERYTHING: dict[str, dict[str, Any]] = {
    "communications": {"updated_since": "2000-01-01T00:00:00Z"},
    "recalls": {"include_disabled": True},
    "tasks": {"status": "new,viewed,done"},
    "task_lists": {},
}


def id_of(kind: str, number: int, practice_id: str = IDS[0]) -> str:
    return row_id(kind, practice_id, number)


def furnish(d: Deployment) -> None:
    """Add what the invented practice lacks: an archived list, a visit's task, notes, a disabled and a paused recall."""
    store = d.simulated.office.store
    store.insert("tasklist", {"Descript": "Last year", "Parent": 1, "TaskListStatus": 1})
    visit = d.rows("appointment", "AptStatus=1")[0]["AptNum"]
    store.insert(
        "task",
        {
            "TaskListNum": 1,
            "KeyNum": visit,
            "ObjectType": 2,
            "Descript": "Bring the model",
            "TaskStatus": 0,
            "DateTimeOriginal": "2020-02-03 04:05:06",
            "DateTimeEntry": "2020-02-03 04:05:06",
        },
    )
    tasks = d.rows("task", "ObjectType=1")
    for text in ("Called, no answer", "Called again"):
        store.insert(
            "tasknote",
            {"TaskNum": tasks[0]["TaskNum"], "UserNum": 1, "Note": text, "DateTimeNote": "2026-03-02 09:00:00"},
        )
    first, second, third = (row["RecallNum"] for row in d.rows("recall", "IsDisabled=0 LIMIT 3"))
    store.update("recall", first, {"IsDisabled": 1})
    store.update(
        "recall", second, {"DisableUntilDate": "2030-01-01", "DisableUntilBalance": 40.0, "RecallInterval": 17170434}
    )
    store.update("recall", third, {"RecallInterval": 0, "DateDue": "0001-01-01"})


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed(practices=2) as deployment:
        furnish(deployment)
        yield deployment


def every(name: str, d: Deployment, **more: Any) -> list[dict[str, Any]]:
    answer = d.get(f"/{name}", **{"practice_id": d.practice_id, "limit": 500} | EVERYTHING[name] | more)
    assert answer.status == 200, answer.body
    data: list[dict[str, Any]] = answer.body["data"]
    return data


@pytest.mark.parametrize("name", FAMILIES)
def test_the_widest_list_shows_every_row_of_the_table_as_its_object(name: str, office: Deployment) -> None:
    table, column, _, model = FAMILIES[name]
    data = every(name, office)

    assert {one["source"]["key"] for one in data} == {str(row[column]) for row in office.rows(table)}
    for one in data:
        model.model_validate(one, strict=True)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_single_object_is_the_one_of_the_list(name: str, office: Deployment) -> None:
    listed = every(name, office)[0]
    hint = {"patient_id": listed["patient_id"]} if name == "recalls" else {}
    single = office.get(f"/{name}/{listed['id']}", **hint)

    assert single.status == 200, single.body
    FAMILIES[name][3].model_validate(single.body, strict=True)
    volatile = ("synced_at", "meta", "notes")
    assert {k: v for k, v in single.body.items() if k not in volatile} == {
        k: v for k, v in listed.items() if k not in volatile
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_pages_make_the_whole_list(name: str, office: Deployment) -> None:
    whole = [one["id"] for one in every(name, office)]
    asked = {"practice_id": office.practice_id, "limit": max(1, len(whole) // 3)} | EVERYTHING[name]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = office.get(f"/{name}", **asked, **cursor).body
        found += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert found == whole and cursor


@pytest.mark.parametrize("name", FAMILIES)
def test_a_client_without_the_scope_reads_nothing(name: str) -> None:
    with deployed(scopes=["patients:read"]) as deployment:
        answer = deployment.get(f"/{name}", **EVERYTHING[name])

    assert (answer.status, answer.body["code"]) == (403, "scope-missing")


@pytest.mark.parametrize("name", FAMILIES)
def test_another_practices_object_is_another_one(name: str, office: Deployment) -> None:
    """Both practices have equal keys: what tells them apart is the practice in the id."""
    _, _, kind, _ = FAMILIES[name]
    ours = every(name, office)[0]
    theirs = id_of(kind, int(ours["source"]["key"]), IDS[1])
    foreign = office.get(f"/{name}/{theirs}", patient_id=id_of("patient", 1)) if name != "task_lists" else None

    assert foreign is None or foreign.status == 404
    assert office.get(f"/{name}", practice_id=IDS[0], ids=theirs).status == 404


@pytest.mark.parametrize(
    ("name", "filter_", "kind"),
    [
        ("communications", "type_id", "definition"),
        ("recalls", "type_id", "recall_type"),
        ("recalls", "status_id", "definition"),
        ("tasks", "appointment_id", "appointment"),
        ("task_lists", "parent_id", "task_list"),
    ],
)
def test_a_filter_by_another_practices_id_is_not_found(name: str, filter_: str, kind: str, office: Deployment) -> None:
    asked = {"practice_id": office.practice_id} | EVERYTHING[name] | {filter_: id_of(kind, 1, IDS[1])}
    answer = office.get(f"/{name}", **asked)

    assert (answer.status, answer.body["param"]) == (404, filter_)


@pytest.mark.parametrize(
    ("name", "member", "filter_"),
    [
        ("communications", "patient_id", "patient_id"),
        ("communications", "mode", "mode"),
        ("communications", "direction", "direction"),
        ("communications", "type", "type_id"),
        ("recalls", "patient_id", "patient_id"),
        ("recalls", "type", "type_id"),
        ("recalls", "status", "status_id"),
        ("tasks", "status", "status"),
        ("tasks", "patient_id", "patient_id"),
        ("tasks", "appointment_id", "appointment_id"),
        ("task_lists", "status", "status"),
        ("task_lists", "parent_id", "parent_id"),
    ],
)
def test_a_filter_keeps_what_fits_and_drops_what_does_not(
    name: str, member: str, filter_: str, office: Deployment
) -> None:
    def value(one: dict[str, Any]) -> Any:
        return one[member]["id"] if isinstance(one[member], dict) else one[member]

    data = every(name, office)
    wanted = next(value(one) for one in data if value(one) is not None)
    found = every(name, office, **{filter_: wanted})

    assert [one["id"] for one in found] == [one["id"] for one in data if value(one) == wanted]
    assert 0 < len(found) < len(data)


def test_only_tasks_about_a_patient_are_a_patients(office: Deployment) -> None:
    """A patient's and an appointment's key may be one number."""
    store = office.simulated.office.store
    patient = next(row["KeyNum"] for row in office.rows("task", "ObjectType=1"))
    other = store.insert("task", {"KeyNum": patient, "ObjectType": 2, "Descript": "x", "TaskStatus": 0})
    found = every("tasks", office, patient_id=id_of("patient", patient))
    store.delete("task", other)

    assert {one["patient_id"] for one in found} == {id_of("patient", patient)}


def test_an_appointments_task_is_not_a_patients_where_the_office_ignores_what_the_key_is_of() -> None:
    """An office that does not know a parameter sends everything."""
    practice = replace(ELM_STREET, id=IDS[0])
    bound = next(one for one in TASKS.bounds if one.filter == "patient_id")
    fits = bound.fits(TasksQuery(patient_id=id_of("patient", 7)), practice)

    assert fits is not None and fits({"KeyNum": "7", "ObjectType": "Patient"})
    assert not fits({"KeyNum": "7", "ObjectType": "Appointment"})


def test_tasks_older_than_two_weeks_are_shown(office: Deployment) -> None:
    """Open Dental leaves them out unless it is told otherwise."""
    found = every("tasks", office, created_to="2020-12-31")

    assert [one["description"] for one in found] == ["Bring the model"]
    assert found[0]["appointment_id"] is not None and found[0]["patient_id"] is None
    assert every("tasks", office, created_from="2020-02-04", created_to="2020-12-31") == []


def test_tasks_made_since_a_day_are_asked_for_by_it(office: Deployment) -> None:
    data = every("tasks", office)
    days = sorted(row["DateTimeOriginal"][:10] for row in office.rows("task"))
    later = days[len(days) // 2]
    recent = office.get("/tasks", practice_id=office.practice_id, created_from=later)

    assert [one["id"] for one in recent.body["data"]] == [
        one["id"]
        for one in data
        if office.rows("task", f"TaskNum={one['source']['key']}")[0]["DateTimeOriginal"][:10] >= later
    ]
    assert 0 < len(recent.body["data"]) < len(data)


def test_a_tasks_notes_come_with_it_and_with_a_list_where_asked(office: Deployment) -> None:
    number = office.rows("task", "ObjectType=1")[0]["TaskNum"]
    single = office.get(f"/tasks/{id_of('task', number)}").body
    listed = next(one for one in every("tasks", office, expand="notes") if one["id"] == single["id"])
    plain = office.get("/tasks", practice_id=office.practice_id, status="new")

    assert [note["text"] for note in single["notes"]] == ["Called, no answer", "Called again"]
    assert single["notes"][0] == {"at": "2026-03-02T15:00:00Z", "text": "Called, no answer", "user_key": "1"}
    assert listed["notes"] == single["notes"]
    assert plain.body["meta"]["omitted"] == ["notes"] and "notes" not in plain.body["data"][0]


def test_a_tasks_priority_has_the_offices_word(office: Deployment) -> None:
    words = {id_of("definition", row["DefNum"]): row["ItemName"] for row in office.rows("definition", "Category=33")}
    named = [one["priority"] for one in every("tasks", office) if one["priority"]]

    assert named and all(words[one["id"]] == one["label"] for one in named)


def test_an_archived_task_list_is_shown_below_its_parent(office: Deployment) -> None:
    (archived,) = every("task_lists", office, status="archived")

    assert (archived["name"], archived["parent_id"]) == ("Last year", id_of("task_list", 1))


def test_a_disabled_recall_comes_where_it_is_asked_for(office: Deployment) -> None:
    disabled = next(one for one in every("recalls", office) if one["is_disabled"])
    usual = every("recalls", office, include_disabled=False)

    assert all(not one["is_disabled"] for one in usual)
    assert every("recalls", office, include_disabled=False, ids=disabled["id"])[0]["id"] == disabled["id"]
    changes = every("recalls", office, include_disabled=False, updated_since="2000-01-01T00:00:00Z")
    assert disabled["id"] in {one["id"] for one in changes}


def test_recalls_of_a_window_are_those_due_in_it(office: Deployment) -> None:
    data = every("recalls", office)
    due = sorted(one["due_on"] for one in data if one["due_on"])
    first, last = due[len(due) // 4], due[len(due) // 2]
    found = every("recalls", office, due_from=first, due_to=last)

    assert [one["id"] for one in found] == [
        one["id"] for one in data if one["due_on"] is not None and first <= one["due_on"] <= last
    ]
    assert 0 < len(found) < len(data)


def test_a_window_that_ends_before_it_begins_is_refused(office: Deployment) -> None:
    answer = office.get("/recalls", practice_id=office.practice_id, due_from="2026-03-02", due_to="2026-03-01")

    assert (answer.status, answer.body["param"]) == (400, "due_to")


def test_a_recall_says_its_type_interval_and_what_holds_it_back(office: Deployment) -> None:
    data = every("recalls", office)
    paused = next(one for one in data if one["disabled_until"])
    never = next(one for one in data if one["interval"] is None)
    types = {row["RecallTypeNum"]: row["Description"] for row in office.rows("recalltype")}

    assert paused["interval"] == {"years": 1, "months": 6, "weeks": 0, "days": 2}
    assert (paused["disabled_until"], paused["disabled_until_balance_below"]["amount"]) == ("2030-01-01", "40.00")
    assert never["due_on"] is None and never["disabled_until_balance_below"] is None
    for one in data:
        row = office.rows("recall", f"RecallNum={one['source']['key']}")[0]
        assert one["type"]["label"] == types[row["RecallTypeNum"]]


def test_scheduled_recalls_are_those_with_a_visit(office: Deployment) -> None:
    booked, open_ = (every("recalls", office, is_scheduled=wanted) for wanted in (True, False))

    assert booked and all(one["scheduled_on"] for one in booked)
    assert open_ and not any(one["scheduled_on"] for one in open_)


def test_a_single_recall_is_not_looked_for_in_the_whole_table(office: Deployment) -> None:
    answer = office.get(f"/recalls/{id_of('recall', 1)}")

    assert (answer.status, answer.body["code"]) == (422, "filter-too-wide")


def test_a_recalls_page_costs_its_list_and_the_types_once(office: Deployment) -> None:
    patient = id_of("patient", office.rows("recall")[0]["PatNum"])
    answer = office.send(
        "GET",
        "/recalls",
        query={"patient_id": patient, "include_disabled": "true"},
        headers={"Cache-Control": "no-cache"},
    )

    assert answer.body["meta"]["upstream_calls"] == 2


def test_an_office_without_recall_types_leaves_their_names_out() -> None:
    with deployed("--version", "23.2.1") as older:
        answer = older.get("/recalls")

    assert answer.status == 200, answer.body
    assert answer.body["meta"]["omitted"] == ["type.label"]
    assert answer.body["data"][0]["type"]["id"] and answer.body["data"][0]["type"]["label"] is None


def test_a_communication_has_its_moment_in_both_clocks(office: Deployment) -> None:
    row = office.rows("commlog")[0]
    wall = datetime.fromisoformat(row["CommDateTime"])
    one = office.get(f"/communications/{id_of('communication', row['CommlogNum'])}").body

    assert one["local_at"] == wall.isoformat() and one["time_zone"] == "America/Chicago"
    shift = wall.replace(tzinfo=UTC) - datetime.fromisoformat(one["at"])
    assert shift in {timedelta(hours=-5), timedelta(hours=-6)}
    assert (one["note"], one["user_key"]) == (row["Note"], str(row["UserNum"]))


def test_communications_of_some_days_are_those_of_the_offices_calendar(office: Deployment) -> None:
    data = every("communications", office)
    days = sorted(one["local_at"][:10] for one in data)
    first, last = days[len(days) // 4], days[len(days) // 2]
    found = every("communications", office, date_from=first, date_to=last)

    assert [one["id"] for one in found] == [one["id"] for one in data if first <= one["local_at"][:10] <= last]
    assert 0 < len(found) < len(data)


def test_communications_changed_since_then_are_asked_for_by_their_stamp(office: Deployment) -> None:
    office.upstream_calls.clear()
    stamps = sorted(row["DateTStamp"] for row in office.rows("commlog"))
    since = f"{stamps[-1].replace(' ', 'T')}Z"
    found = every("communications", office, updated_since=since)

    assert 0 < len(found) < len(stamps)
    assert office.upstream_calls == ["commlogs.list"]


def test_an_older_office_shows_communications_by_patient_only() -> None:
    with deployed("--version", "24.3.1") as older:
        number = older.rows("commlog")[0]
        patient = id_of("patient", number["PatNum"])
        one = id_of("communication", number["CommlogNum"])
        wide = older.get("/communications", updated_since="2026-01-01T00:00:00Z")
        listed = older.get("/communications", patient_id=patient)
        alone, hinted = older.get(f"/communications/{one}"), older.get(f"/communications/{one}", patient_id=patient)

    assert (wide.status, alone.status) == (422, 422)
    assert listed.status == 200 and one in {found["id"] for found in listed.body["data"]}
    assert hinted.status == 200 and hinted.body["id"] == one


def test_a_single_object_that_needs_its_patient_is_not_called_a_list(office: Deployment) -> None:
    refused = office.get(f"/recalls/{office.id_of('recall', 1)}")

    assert (refused.status, refused.body["code"], refused.body["bounds"]) == (422, "filter-too-wide", ["patient_id"])
    assert "list" not in refused.body["title"]
    assert "patient_id" in refused.body["detail"]
