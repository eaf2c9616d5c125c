"""Allergies, medications and conditions, read through their handlers from a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway.core.ids import row_id
from gateway.core.objects import clinical
from gateway.core.objects.values import Object
from tests.fakes.deployment import IDS, Deployment, deployed

ZOE, MAX = 1, 2
FAMILIES: dict[str, tuple[str, str, type[Object]]] = {
    "allergies": ("allergy", "AllergyNum", clinical.Allergy),
    "medications": ("medicationpat", "MedicationPatNum", clinical.Medication),
    "conditions": ("disease", "DiseaseNum", clinical.Condition),
}
JOINED = {"meta", "synced_at", "codes", "says_none", "generic_name"}


def patient(number: int, practice_id: str = IDS[0]) -> str:
    return row_id("patient", practice_id, number)


def furnish(d: Deployment) -> None:
    store, today = d.simulated.office.store, d.simulated.office.clock.now().date()
    yesterday = str(today - timedelta(days=1))
    for table in ("allergy", "allergydef", "medicationpat", "medication", "disease", "diseasedef"):
        for row in d.rows(table):
            store.delete(table, next(iter(row.values())))
    penicillin = store.insert(
        "allergydef", {"Description": "Penicillin", "SnomedType": "DrugIntolerance", "UniiCode": "Q42T66VG0C"}
    )
    nothing = store.insert("allergydef", {"Description": "None"})
    for who, what, active, on in ((ZOE, penicillin, 1, "2020-03-01"), (ZOE, nothing, 0, None), (MAX, nothing, 1, None)):
        store.insert(
            "allergy",
            {
                "PatNum": who,
                "AllergyDefNum": what,
                "StatusIsActive": active,
                "Reaction": "hives" if on else "",
                "DateAdverseReaction": on or "0001-01-01",
            },
        )
    store.set_preference("AllergiesIndicateNone", str(nothing))
    drug = store.insert("medication", {"MedName": "Brandol", "Notes": ""})
    generic = store.insert("medication", {"MedName": "Genericol", "Notes": ""})
    store.update("medication", drug, {"GenericNum": generic})
    for stop in ("0001-01-01", str(today), yesterday):
        row = {"PatNum": ZOE, "MedicationNum": drug, "PatNote": "", "DateStart": "2024-01-02", "DateStop": stop}
        store.insert("medicationpat", row)
    store.insert("medicationpat", {"PatNum": MAX, "MedicationNum": 0, "PatNote": "from the pharmacy", "ProvNum": 1})
    sugar = store.insert(
        "diseasedef", {"DiseaseName": "Diabetes", "ICD9Code": "", "ICD10Code": "E11.9", "SnomedCode": "44054006"}
    )
    for who, status in ((ZOE, 0), (ZOE, 1), (ZOE, 2), (MAX, 0)):
        row = {"PatNum": who, "DiseaseDefNum": sugar, "ProbStatus": status, "DateStart": "2019-05-06", "PatNote": "n"}
        store.insert("disease", row)


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed(practices=2) as deployment:
        furnish(deployment)
        yield deployment


@pytest.mark.parametrize("name", FAMILIES)
def test_a_patients_list_shows_each_of_the_patients_rows_and_no_others(name: str, office: Deployment) -> None:
    table, column, model = FAMILIES[name]
    for who in (ZOE, MAX):
        data = office.get(f"/{name}", patient_id=patient(who)).body["data"]

        keys = {str(row[column]) for row in office.rows(table, f"PatNum={who}")}
        assert keys and {one["source"]["key"] for one in data} == keys
        for one in data:
            model.model_validate(one, strict=True)
            assert one["patient_id"] == patient(who)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_single_object_is_the_listed_one_with_its_definition(name: str, office: Deployment) -> None:
    _, _, model = FAMILIES[name]
    listed = office.get(f"/{name}", patient_id=patient(ZOE)).body["data"][0]
    expanded = office.get(f"/{name}", patient_id=patient(ZOE), expand="definition").body["data"][0]
    single = office.get(f"/{name}/{listed['id']}", patient_id=patient(ZOE))

    assert single.status == 200, single.body
    model.model_validate(single.body, strict=True)
    shown = {k: v for k, v in single.body.items() if k not in ("meta", "synced_at")}
    assert shown == {k: v for k, v in expanded.items() if k != "synced_at"}
    assert {k: v for k, v in shown.items() if k not in JOINED} == {k: v for k, v in listed.items() if k not in JOINED}


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_list_leaves_out_is_named(name: str, office: Deployment) -> None:
    answer = office.get(f"/{name}", patient_id=patient(ZOE)).body

    assert answer["meta"]["omitted"] and answer["meta"]["upstream_calls"] <= 1
    assert not set(answer["meta"]["omitted"]) & set(answer["data"][0])
    assert office.get(f"/{name}", patient_id=patient(ZOE), expand="definition").body["meta"]["omitted"] == []


@pytest.mark.parametrize("name", FAMILIES)
def test_pages_make_the_whole_list(name: str, office: Deployment) -> None:
    whole = [one["id"] for one in office.get(f"/{name}", patient_id=patient(ZOE)).body["data"]]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = office.get(f"/{name}", patient_id=patient(ZOE), limit=1, **cursor).body
        found += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert found == whole and len(whole) > 1


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_bounds_a_list_without_a_patient(name: str, office: Deployment) -> None:
    answer = office.get(f"/{name}", practice_id=office.practice_id)

    assert (answer.status, answer.body["code"]) == (422, "filter-too-wide")


@pytest.mark.parametrize("name", FAMILIES)
def test_another_practices_ids_and_another_patients_row_are_not_found(name: str, office: Deployment) -> None:
    one = office.get(f"/{name}", patient_id=patient(ZOE)).body["data"][0]
    elsewhere = row_id(
        {"allergies": "allergy", "medications": "medication", "conditions": "condition"}[name], IDS[1], 1
    )

    assert office.get(f"/{name}/{one['id']}", patient_id=patient(MAX)).status == 404
    assert office.get(f"/{name}/{one['id']}", patient_id=patient(ZOE, IDS[1])).status == 404
    assert office.get(f"/{name}/{elsewhere}", patient_id=patient(ZOE)).status == 404
    assert office.get(f"/{name}", patient_id=patient(ZOE), practice_id=IDS[1]).status == 404


# Medications answer an empty list there, as far as is documented.
@pytest.mark.parametrize("name", ["allergies", "conditions"])
def test_an_unknown_patient_is_said_to_be_the_filter_that_is_not_found(name: str, office: Deployment) -> None:
    answer = office.get(f"/{name}", patient_id=patient(999_999))

    assert (answer.status, answer.body["param"]) == (404, "patient_id")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_client_without_the_scope_reads_nothing(name: str) -> None:
    with deployed(scopes=["patients:read"]) as deployment:
        answer = deployment.get(f"/{name}", patient_id=patient(ZOE))

    assert (answer.status, answer.body["code"]) == (403, "scope-missing")


@pytest.mark.parametrize(
    ("path", "query", "other"),
    [
        ("/allergies", {"status": "active"}, {"status": "inactive"}),
        ("/medications", {"is_current": True}, {"is_current": False}),
        ("/conditions", {"status": "resolved"}, {"status": "active"}),
    ],
)
def test_a_filter_keeps_what_fits_and_drops_what_does_not(
    path: str, query: dict[str, object], other: dict[str, object], office: Deployment
) -> None:
    fits, others = (office.get(path, patient_id=patient(ZOE), **one).body["data"] for one in (query, other))

    ((name, value),) = query.items()
    assert fits and all(one[name] == value for one in fits)
    assert others and all(one[name] != value for one in others)


def test_an_allergy_says_what_to_what_and_when(office: Deployment) -> None:
    one = office.get("/allergies", patient_id=patient(ZOE), expand="definition").body["data"][0]

    assert {name: one[name] for name in ("label", "kind", "reaction", "status", "reacted_on", "says_none")} == {
        "label": "Penicillin",
        "kind": "drug_intolerance",
        "reaction": "hives",
        "status": "active",
        "reacted_on": "2020-03-01",
        "says_none": False,
    }
    assert one["codes"] == [{"system": "UNII", "value": "Q42T66VG0C"}]


def test_a_row_that_stands_for_none_says_so(office: Deployment) -> None:
    """An office writes "no known allergies" as an allergy, and a reader who counts rows would be misled."""
    (one,) = office.get("/allergies", patient_id=patient(MAX), expand="definition").body["data"]

    assert (one["label"], one["says_none"]) == ("None", True)


def test_what_stands_for_none_is_unknown_where_the_office_has_not_said(office: Deployment) -> None:
    (one,) = office.get("/conditions", patient_id=patient(MAX), expand="definition").body["data"]

    assert one["says_none"] is None


def test_a_medication_stopped_today_is_current_and_one_stopped_yesterday_is_not(office: Deployment) -> None:
    never, today, yesterday = office.get("/medications", patient_id=patient(ZOE)).body["data"]

    assert [one["is_current"] for one in (never, today, yesterday)] == [True, True, False]
    assert never["stopped_on"] is None and today["stopped_on"] is not None


def test_a_medication_names_its_generic_and_one_from_electronic_prescribing_has_no_definition(
    office: Deployment,
) -> None:
    listed = office.get("/medications", patient_id=patient(ZOE), expand="definition").body["data"][0]
    (prescribed,) = office.get("/medications", patient_id=patient(MAX), expand="definition").body["data"]

    assert (listed["name"], listed["generic_name"]) == ("Brandol", "Genericol")
    assert (prescribed["definition_key"], prescribed["generic_name"]) == (None, None)
    assert prescribed["note"] == "from the pharmacy" and prescribed["provider_id"] is not None


def test_a_condition_has_the_codes_its_definition_has(office: Deployment) -> None:
    one = office.get("/conditions", patient_id=patient(ZOE), expand="definition").body["data"][0]

    assert one["codes"] == [{"system": "ICD-10-CM", "value": "E11.9"}, {"system": "SNOMED-CT", "value": "44054006"}]
    assert (one["label"], one["started_on"], one["stopped_on"]) == ("Diabetes", "2019-05-06", None)


def test_a_condition_is_found_alone_in_newer_offices_and_by_its_patient_in_older_ones(office: Deployment) -> None:
    one = office.get("/conditions", patient_id=patient(ZOE)).body["data"][0]["id"]
    assert office.get(f"/conditions/{one}").status == 200
    assert office.get("/conditions", ids=one).body["data"][0]["id"] == one

    with deployed("--version", "24.1.50") as older:
        furnish(older)
        alone, hinted = older.get(f"/conditions/{one}"), older.get(f"/conditions/{one}", patient_id=patient(ZOE))

    assert (alone.status, alone.body["code"]) == (422, "filter-too-wide")
    assert (hinted.status, hinted.body["id"]) == (200, one)


@pytest.mark.parametrize("name", FAMILIES)
def test_one_without_a_call_of_its_own_asks_for_the_patient(name: str, office: Deployment) -> None:
    one = office.get(f"/{name}", patient_id=patient(ZOE)).body["data"][0]["id"]
    answer = office.get(f"/{name}/{one}")

    assert answer.status == (200 if name == "conditions" else 422)


def test_an_office_too_old_for_definitions_is_told_without_them() -> None:
    with deployed("--version", "21.2.1") as older:
        furnish(older)
        answer = older.get("/allergies", patient_id=patient(ZOE), expand="definition")

    assert answer.status == 200, answer.body
    assert answer.body["meta"]["omitted"] == ["codes", "says_none"]
    assert "codes" not in answer.body["data"][0]


def test_raw_rows_come_where_they_are_asked_for(office: Deployment) -> None:
    asked, plain = (
        office.get("/medications", patient_id=patient(ZOE), **more).body["data"][0] for more in ({"include": "raw"}, {})
    )

    assert asked["raw"]["medName"] == "Brandol" and "raw" not in plain


@pytest.mark.parametrize("name", FAMILIES)
def test_by_fhir_the_history_conforms_and_one_of_it_is_found_alone(name: str, office: Deployment) -> None:
    office.know_anew(upstream="fhir")
    listed = office.get(f"/{name}", patient_id=patient(ZOE), expand="definition")
    single = office.get(f"/{name}/{listed.body['data'][0]['id']}")
    office.know_anew(upstream="auto")

    assert (listed.status, single.status) == (200, 200)
    assert {"says_none"} <= set(single.body["meta"]["omitted"])
    for one in (*listed.body["data"], single.body):
        FAMILIES[name][2].model_validate(one, strict=True)
        assert "says_none" not in one


def test_definitions_are_read_once_for_all_patients_and_again_for_a_new_one() -> None:
    """Offices add to their lists while they work."""
    with deployed() as office:
        furnish(office)
        for who in (ZOE, MAX):
            office.get("/allergies", patient_id=patient(who), expand="definition")
        kept = list(office.upstream_calls)
        store = office.simulated.office.store
        latex = store.insert("allergydef", {"Description": "Latex", "UniiCode": "2LQ0UUW8IN"})
        store.insert("allergy", {"PatNum": 3, "AllergyDefNum": latex, "StatusIsActive": 1, "Reaction": ""})
        found = office.get("/allergies", patient_id=patient(3), expand="definition").body["data"]

    assert kept == ["allergies.list", "allergydefs.list", "preferences.list", "allergies.list"]
    assert found[-1]["codes"] == [{"system": "UNII", "value": "2LQ0UUW8IN"}]


def test_the_age_of_definitions_is_not_the_age_of_the_answer() -> None:
    with deployed() as office:
        furnish(office)
        office.get("/conditions", patient_id=patient(MAX), expand="definition")
        office.on.clock.sleep(3600)
        answer = office.get("/conditions", patient_id=patient(ZOE), expand="definition").body

    assert answer["meta"]["age_seconds"] < 60 and answer["meta"]["upstream_calls"] == 1
    assert answer["data"][0]["codes"]
