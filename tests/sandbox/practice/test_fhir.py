"""The practice's FHIR face shows the same rows as its REST side, with the older interface's own spelling."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from infra.sandbox.practice.__main__ import build, parser
from infra.sandbox.practice.fhir import TYPES
from infra.sandbox.practice.fhir.resources import fdi
from infra.sandbox.practice.practice import Practice
from tests.fakes.deployment import NOW

Ask = Callable[..., tuple[int, Any]]


def asker(practice: Practice) -> Ask:
    headers = {
        "authorization": f"ODFHIR {practice.key.developer}/{practice.key.customer}",
        "content-type": "application/json",
    }

    def ask(path: str, method: str = "GET", **query: str) -> tuple[int, Any]:
        named = {
            name.replace("_", "-", 1) if name.startswith("address") else name: value for name, value in query.items()
        }
        answer = practice.handle(method, f"{path}?{urlencode(named)}", headers, b"", "127.0.0.1")
        return answer.status, json.loads(answer.body) if answer.body else None

    return ask


@pytest.fixture(scope="module")
def practice() -> Iterator[Practice]:
    line = ["--patients", "30", "--interval", "0", "--latency-ms", "0", "--now", NOW.isoformat()]
    server = build(parser().parse_args(line))
    yield server.practice
    server.stop()


@pytest.fixture(scope="module")
def ask(practice: Practice) -> Ask:
    return asker(practice)


def resources(ask: Ask, name: str, **query: str) -> list[dict[str, Any]]:
    status, bundle = ask(f"/fhir/v2/{name}", **query)
    assert status == 200, bundle
    assert (bundle["resourceType"], bundle["type"], bundle["total"]) == ("Bundle", "searchset", len(bundle["entry"]))
    assert "link" not in bundle
    return [entry["resource"] for entry in bundle["entry"]]


COUNTED = {
    "practitioner": "provider",
    "location": "operatory",
    "allergyintolerance": "allergy",
    "condition": "disease",
    "medication": "medication",
    "medicationstatement": "medicationpat",
    "communication": "commlog",
}


@pytest.mark.parametrize("name", COUNTED)
def test_a_type_has_a_resource_for_every_row_in_one_bundle(name: str, ask: Ask, practice: Practice) -> None:
    assert len(resources(ask, name)) == practice.office.store.count(COUNTED[name]) > 0


def test_patients_are_all_but_the_deleted_ones(ask: Ask, practice: Practice) -> None:
    living = practice.office.store.find("patient", sql='"PatStatus" <> 4')

    assert [one["id"] for one in resources(ask, "patient")] == [str(row["PatNum"]) for row in living]


def test_work_done_is_a_procedure_and_work_planned_a_request(ask: Ask, practice: Practice) -> None:
    for name, status in (("procedure", 2), ("servicerequest", 1)):
        rows = practice.office.store.find("procedurelog", {"ProcStatus": status})
        assert {one["id"] for one in resources(ask, name)} == {str(row["ProcNum"]) for row in rows}


def test_a_deleted_visit_comes_last_and_is_cancelled(practice: Practice, ask: Ask) -> None:
    last = resources(ask, "appointment")[-1]
    live = {str(row["AptNum"]) for row in practice.office.store.find("appointment")}
    cancelled = [one["id"] for one in resources(ask, "appointment", status="cancelled")]

    assert not live & set(cancelled)
    assert not cancelled or last["id"] in cancelled


@pytest.mark.parametrize("name", sorted(TYPES))
def test_one_resource_is_the_one_of_the_bundle(name: str, ask: Ask) -> None:
    listed = resources(ask, name)[0]

    assert ask(f"/fhir/v2/{name}/{listed['id']}") == (200, listed)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_what_is_not_there_is_an_operation_outcome(name: str, ask: Ask) -> None:
    status, body = ask(f"/fhir/v2/{name}/999999")

    assert (status, body["resourceType"]) == (404, "OperationOutcome")


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_identifier_finds_its_own_resource_and_no_other(name: str, ask: Ask) -> None:
    one = resources(ask, name)[-1]

    assert one["id"] in {found["id"] for found in resources(ask, name, identifier=one["id"])}
    assert len(resources(ask, name, identifier=one["id"])) < len(resources(ask, name))
    assert resources(ask, name, identifier="999999") == []


def test_names_birth_dates_and_numbers_find_patients(ask: Ask) -> None:
    every = resources(ask, "patient")
    one = next(p for p in every if "birthDate" in p and any(t["system"] == "phone" for t in p.get("telecom", [])))
    phone = next(t["value"] for t in one["telecom"] if t["system"] == "phone")
    digits = "".join(letter for letter in phone if letter.isdigit())
    for query in (
        {"family": one["name"][0]["family"][:4].upper()},
        {"birthdate": one["birthDate"][:10]},
        {"phoneNumberMatch": digits[-7:]},
        {"gender": one["gender"]},
    ):
        found = resources(ask, "patient", **query)
        assert one["id"] in {p["id"] for p in found}
        assert len(found) < len(every)


def test_a_date_is_compared_as_its_prefix_says(ask: Ask) -> None:
    every = [one for one in resources(ask, "appointment") if "start" in one]
    middle = sorted(one["start"] for one in every)[len(every) // 2]
    later, sooner = (resources(ask, "appointment", date=f"{prefix}{middle}") for prefix in ("ge", "lt"))

    assert {one["id"] for one in later} == {one["id"] for one in every if one["start"] >= middle}
    assert {one["id"] for one in sooner} == {one["id"] for one in every if one["start"] < middle}
    assert ask("/fhir/v2/appointment", date="xx2026-01-01")[0] == 400


def test_an_unknown_parameter_is_ignored(ask: Ask) -> None:
    assert len(resources(ask, "patient", nobody="x")) == len(resources(ask, "patient"))


def test_the_spelling_is_the_vendors_and_not_fhirs(ask: Ask) -> None:
    patient = next(p for p in resources(ask, "patient") if "birthDate" in p)
    provider = resources(ask, "practitioner")[0]

    assert isinstance(patient["name"][0]["given"], str)
    assert patient["birthDate"].endswith("T00:00:00")
    assert patient["careProvider"][0]["reference"].startswith("practitioner/")
    assert isinstance(provider["name"], dict)


def test_a_key_reads_by_fhir_what_its_fhir_permissions_name() -> None:
    line = ["--patients", "2", "--interval", "0", "--latency-ms", "0", "--fhir-permissions", "PatientRead"]
    server = build(parser().parse_args([*line, "--permissions", ""]))
    ask = asker(server.practice)

    assert ask("/fhir/v2/patient")[0] == 200
    assert ask("/fhir/v2/appointment")[0] == 401
    assert ask("/fhir/v2/capabilitystatement")[0] == 200
    assert ask("/api/v1/patients/Simple")[0] == 401
    server.stop()


def test_fhir_is_spoken_by_the_hosted_gateway_only() -> None:
    server = build(parser().parse_args(["--patients", "1", "--latency-ms", "0", "--mode", "Service"]))

    assert asker(server.practice)("/fhir/v2/patient")[0] == 404
    server.stop()


def test_writing_is_refused_and_said_to_be_no_part(ask: Ask) -> None:
    assert ask("/fhir/v2/appointment", "POST")[0] == 400


def test_a_chair_has_a_schedule_every_day_and_a_provider_on_days_of_work(ask: Ask, practice: Practice) -> None:
    found = resources(ask, "schedule")
    chairs = practice.office.store.count("operatory")
    by_chair = [one for one in found if one["id"][8] == "L"]
    worked = {
        (row["SchedDate"].replace("-", ""), row["ProvNum"])
        for row in practice.office.store.find("schedule", {"SchedType": 1})
    }

    assert len(by_chair) == 28 * chairs
    assert {(one["id"][:8], int(one["id"][9:])) for one in found if one["id"][8] == "P"} <= worked


def test_a_slot_is_free_where_the_provider_works_and_nobody_sits(ask: Ask, practice: Practice) -> None:
    schedule = next(one for one in resources(ask, "schedule") if one["id"][8] == "P")
    slots = resources(ask, "slot", schedule=f"Schedule/{schedule['id']}")
    day, provider = schedule["planningHorizon"]["start"][:10], int(schedule["id"][9:])
    rows = practice.office.store.find("schedule", {"SchedDate": day, "SchedType": 1, "ProvNum": provider})
    minutes = sum(
        int(row["StopTime"][:2]) * 60
        + int(row["StopTime"][3:5])
        - int(row["StartTime"][:2]) * 60
        - int(row["StartTime"][3:5])
        for row in rows
    )

    assert len(slots) == minutes // 10
    assert resources(ask, "slot", schedule=schedule["id"], status="free") == [s for s in slots if s["status"] == "free"]


@pytest.mark.parametrize(
    ("tooth", "expected"),
    [
        *[("1", "18"), ("8", "11"), ("9", "21"), ("16", "28"), ("17", "38"), ("24", "31"), ("25", "41"), ("32", "48")],
        *[("A", "55"), ("E", "51"), ("F", "61"), ("J", "65"), ("K", "75"), ("O", "71"), ("P", "81"), ("T", "85")],
        *[("", None), ("51", None), ("AS", None)],
    ],
)
def test_a_tooth_goes_out_in_two_digits(tooth: str, expected: str | None) -> None:
    assert fdi(tooth) == expected
