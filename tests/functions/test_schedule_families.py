"""Schedules, codes and kinds of recall, read through their handlers from a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.core.objects import office as models
from gateway.core.objects.schedule import Schedule
from gateway.core.objects.values import Object
from tests.fakes.deployment import Deployment, deployed

FAMILIES: dict[str, tuple[str, str, type[Object]]] = {
    "procedure_codes": ("procedurecode", "CodeNum", models.ProcedureCode),
    "recall_types": ("recalltype", "RecallTypeNum", models.RecallType),
}


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed(practices=2) as deployment:
        yield deployment


@pytest.fixture
def own() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


def days(office: Deployment) -> tuple[date, date]:
    today = office.today
    return today, today + timedelta(days=27)


def listed(office: Deployment, **query: Any) -> list[dict[str, Any]]:
    """The schedule of four weeks."""
    first, last = days(office)
    answer = office.get("/schedules", practice_id=office.practice_id, date_from=first, date_to=last, limit=500, **query)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.body["data"]
    return found


def keys(found: list[dict[str, Any]]) -> set[int]:
    return {int(one["source"]["key"]) for one in found}


def rows(office: Deployment, where: str = "1=1") -> list[dict[str, Any]]:
    first, last = days(office)
    return office.rows("schedule", f"SchedDate BETWEEN '{first}' AND '{last}' AND {where}")


def test_a_schedule_shows_every_stretch_of_its_days(office: Deployment) -> None:
    """Asked without days, Open Dental shows today's only."""
    found = listed(office)

    assert keys(found) == {row["ScheduleNum"] for row in rows(office)}
    for one in found:
        Schedule.model_validate(one, strict=True)


def test_a_single_stretch_is_the_one_of_the_list(office: Deployment) -> None:
    for one in (listed(office, kind=kind)[0] for kind in ("provider_hours", "blockout", "employee_hours")):
        single = office.get(f"/schedules/{one['id']}")

        assert single.status == 200
        assert {**single.body, "synced_at": "", "meta": ""} == {**one, "synced_at": "", "meta": ""}


@pytest.mark.parametrize(
    ("kind", "number"), [("practice_day", 0), ("provider_hours", 1), ("blockout", 2), ("employee_hours", 3)]
)
def test_a_kind_shows_that_kind_alone(kind: str, number: int, own: Deployment) -> None:
    today = own.today
    own.simulated.office.store.insert(
        "schedule", {**own.rows("schedule")[0], "ScheduleNum": 999_999, "SchedDate": str(today), "SchedType": 0}
    )
    found = listed(own, kind=kind)

    assert found
    assert keys(found) == {row["ScheduleNum"] for row in rows(own, f"SchedType={number}")}


def test_a_provider_s_hours_are_those_of_the_provider(office: Deployment) -> None:
    (one, *_) = listed(office, kind="provider_hours")
    found = listed(office, provider_id=one["provider_id"])
    number = next(row["ProvNum"] for row in rows(office) if str(row["ScheduleNum"]) == one["source"]["key"])

    assert keys(found) == {row["ScheduleNum"] for row in rows(office, f"ProvNum={number}")}


def test_a_location_s_schedule_is_that_of_its_chairs(office: Deployment) -> None:
    """Hours without a chair hold wherever the provider is a chair's default."""
    chairs = {row["OperatoryNum"]: row for row in office.rows("operatory")}
    named: dict[int, set[int]] = {}
    for row in office.rows("scheduleop"):
        named.setdefault(row["ScheduleNum"], set()).add(row["OperatoryNum"])
    locations = office.get("/locations", practice_id=office.practice_id).body["data"]

    for location in locations:
        clinic = int(location["source"]["key"])
        own = {number for number, row in chairs.items() if row["ClinicNum"] == clinic}
        at_home = {chairs[number][column] for number in own for column in ("ProvDentist", "ProvHygienist")} - {0}
        expected = {
            row["ScheduleNum"]
            for row in rows(office)
            if named.get(row["ScheduleNum"], set()) & own
            or (row["ScheduleNum"] not in named and (row["SchedType"] == 0 or row["ProvNum"] in at_home))
        }
        assert keys(listed(office, location_id=location["id"])) == expected
    assert len(locations) > 1


def test_a_chair_s_schedule_leaves_out_the_other_chairs(office: Deployment) -> None:
    block = next(one for one in listed(office, kind="blockout") if len(one["operatory_ids"]) == 1)
    other = next(
        one["id"]
        for one in office.get("/operatories", practice_id=office.practice_id).body["data"]
        if one["id"] not in block["operatory_ids"]
    )

    assert block["id"] in {one["id"] for one in listed(office, operatory_id=block["operatory_ids"][0])}
    assert block["id"] not in {one["id"] for one in listed(office, operatory_id=other)}


def test_only_a_blockout_that_the_office_marked_is_closed(office: Deployment) -> None:
    closed = {row["DefNum"] for row in office.rows("definition", "Category=25") if "NS" in row["ItemValue"]}
    types = {row["ScheduleNum"]: row["BlockoutType"] for row in rows(office, "SchedType=2")}
    found = listed(office, kind="blockout")

    assert {one["is_closed"] for one in found} == {True, False}
    assert {int(one["source"]["key"]): one["is_closed"] for one in found} == {
        number: type_ in closed for number, type_ in types.items()
    }
    assert all(one["blockout_type"]["label"] for one in found)
    assert {one["is_closed"] for one in listed(office, kind="provider_hours")} == {False}


def test_a_stretch_has_wall_times_and_instants_of_the_office(own: Deployment) -> None:
    store, today = own.simulated.office.store, own.today
    number = rows(own, "SchedType=1")[0]["ScheduleNum"]
    store.update("schedule", number, {"SchedDate": str(today), "StartTime": "08:00:00", "StopTime": "12:30:00"})
    (one,) = (one for one in listed(own) if one["source"]["key"] == str(number))

    assert (one["local_start"], one["local_end"]) == (f"{today}T08:00:00", f"{today}T12:30:00")
    assert (one["time_zone"], one["start_at"][-1]) == ("America/Chicago", "Z")
    assert one["start_at"] > one["local_start"]


@pytest.mark.parametrize(
    "query", [{}, {"date_from": "2026-01-01"}, {"date_from": "2026-01-01", "date_to": "2026-02-01"}]
)
def test_a_schedule_needs_days_that_are_not_too_many(query: dict[str, str], office: Deployment) -> None:
    answer = office.get("/schedules", practice_id=office.practice_id, **query)

    assert (answer.status, answer.body["code"]) == (422, "filter-too-wide")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_list_shows_every_row_of_the_table_as_its_object(name: str, office: Deployment) -> None:
    table, column, model = FAMILIES[name]
    answer = office.get(f"/{name}", practice_id=office.practice_id, limit=500)

    assert answer.status == 200, answer.body
    assert {one["source"]["key"] for one in answer.body["data"]} == {str(row[column]) for row in office.rows(table)}
    for one in answer.body["data"]:
        model.model_validate(one, strict=True)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_single_object_is_the_one_of_the_list_and_costs_nothing_more(name: str, office: Deployment) -> None:
    one = office.get(f"/{name}", practice_id=office.practice_id).body["data"][0]
    single = office.get(f"/{name}/{one['id']}")

    assert single.body["meta"]["upstream_calls"] == 0
    assert {**single.body, "synced_at": "", "meta": ""} == {**one, "synced_at": "", "meta": ""}


def test_a_single_code_is_read_alone_where_no_list_is_at_hand(own: Deployment) -> None:
    id_ = own.get("/procedure_codes").body["data"][0]["id"]
    own.on.cache.rows.clear()
    own.upstream_calls.clear()

    assert own.get(f"/procedure_codes/{id_}").status == 200
    assert set(own.upstream_calls) == {"procedurecodes.get", "queries.ShortQuery"}


def test_codes_are_read_once_a_day_and_shared_with_procedures(own: Deployment) -> None:
    own.get("/procedure_codes")
    own.on.clock.sleep(23 * 3600)
    later = own.get("/procedure_codes").body["meta"]
    own.upstream_calls.clear()
    own.get("/procedurelogs", updated_since="2026-01-01T00:00:00Z")

    assert (later["upstream_calls"], later["served_from"]) == (0, "cache")
    assert later["age_seconds"] > 80_000
    assert "procedurecodes.list" not in own.upstream_calls


def test_a_caller_who_says_how_old_has_the_codes_read_again(own: Deployment) -> None:
    own.get("/procedure_codes")
    own.on.clock.sleep(100)
    asked = own.send("GET", "/procedure_codes", headers={"Cache-Control": "max-age=60"}).body["meta"]

    assert asked["served_from"] == "live"


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"code": "D1110"}, lambda one: one["value"] == "D1110"),
        ({"area": "quadrant"}, lambda one: one["area"] == "quadrant"),
        ({"is_hygiene": True}, lambda one: one["is_hygiene"]),
        ({"description": "CROWN"}, lambda one: "crown" in (one["description"] or "").casefold()),
    ],
)
def test_a_filter_of_codes_keeps_what_fits_and_drops_the_rest(
    query: dict[str, Any], fits: Any, office: Deployment
) -> None:
    every = office.get("/procedure_codes", practice_id=office.practice_id, limit=500).body["data"]
    found = office.get("/procedure_codes", practice_id=office.practice_id, limit=500, **query).body["data"]

    assert {one["id"] for one in found} == {one["id"] for one in every if fits(one)}
    assert 0 < len(found) < len(every)


def test_patterns_of_codes_are_in_the_office_s_own_units(office: Deployment) -> None:
    """One character of a visit's pattern is always 5 minutes; of a code's it is what the office has set."""
    shown = {
        one["value"]: one["duration_minutes"]
        for one in office.get("/procedure_codes", practice_id=office.practice_id, limit=500).body["data"]
    }

    assert shown == {row["ProcCode"]: len(row["ProcTime"]) * 10 or None for row in office.rows("procedurecode")}


def test_an_interval_of_a_recall_is_told_in_its_parts(office: Deployment) -> None:
    shown = office.get("/recall_types", practice_id=office.practice_id).body["data"]
    packed = {str(row["RecallTypeNum"]): row["DefaultInterval"] for row in office.rows("recalltype")}

    for one in shown:
        stored = packed[one["source"]["key"]]
        parts = one["interval"] or dict.fromkeys(("years", "months", "weeks", "days"), 0)
        again = parts["years"] << 24 | parts["months"] << 16 | parts["weeks"] << 8 | parts["days"]
        assert again == stored
    assert any(one["interval"] for one in shown)


@pytest.mark.parametrize("path", ["/schedules", "/procedure_codes", "/recall_types"])
def test_a_client_without_the_scope_reads_nothing(path: str) -> None:
    with deployed(scopes=["patients:read"]) as deployment:
        today = deployment.today
        answer = deployment.get(path, **({"date_from": today, "date_to": today} if path == "/schedules" else {}))

    assert (answer.status, answer.body["code"]) == (403, "scope-missing")


def test_another_practice_s_ids_are_not_found_here(office: Deployment) -> None:
    """Two practices have equal keys."""
    other = next(one for one in office.servers if one != office.practice_id)
    provider = office.get("/providers", practice_id=other).body["data"][0]["id"]
    first, last = days(office)
    answer = office.get(
        "/schedules", practice_id=office.practice_id, provider_id=provider, date_from=first, date_to=last
    )

    assert (answer.status, answer.body["param"]) == (404, "provider_id")
