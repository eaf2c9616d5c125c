"""The data of a simulated practice as FHIR R4, through the handler: reads, searches, pages, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from gateway.core.fhir.outcome import ISSUE
from gateway.core.fhir.types import TYPES
from gateway.core.ids import row_id
from gateway.web.problems import PROBLEMS
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed
from tests.fakes.fhir_models import problems_of

Resource = dict[str, Any]
ROOT = "/fhir/R4"

EVERY: dict[str, list[dict[str, str]]] = {
    "Patient": [{"active": "true"}, {"active": "false"}],
    "Practitioner": [{}],
    "Location": [{}],
    "Organization": [{}],
    "Appointment": [{"_lastUpdated": "ge2000-01-01"}],
    "Procedure": [{"_lastUpdated": "ge2000-01-01"}],
    "ServiceRequest": [{"_lastUpdated": "ge2000-01-01"}],
    "Claim": [{"_lastUpdated": "ge2000-01-01"}],
    "ExplanationOfBenefit": [{}],
}
"""Searches that bring all there are."""

BY_PATIENT = {
    "Coverage": ("inssub", "SELECT InsSubNum || '.' || PatNum AS found FROM patplan"),
    "AllergyIntolerance": ("allergy", "SELECT AllergyNum AS found FROM allergy"),
    "MedicationStatement": ("medicationpat", "SELECT MedicationPatNum AS found FROM medicationpat"),
    "Condition": ("disease", "SELECT DiseaseNum AS found FROM disease"),
    "Communication": ("commlog", "SELECT CommlogNum AS found FROM commlog"),
}
"""What is asked for patient by patient, and the rows behind it."""

ALL = [*EVERY, *BY_PATIENT, "Schedule"]

ROWS: dict[str, list[tuple[str, str, str]]] = {
    "Patient": [("patient", "PatNum", "PatStatus != 4")],
    "Practitioner": [("provider", "ProvNum", "1=1")],
    "Location": [("clinic", "ClinicNum", "1=1"), ("operatory", "OperatoryNum", "1=1")],
    "Organization": [("carrier", "CarrierNum", "1=1")],
    "Appointment": [("appointment", "AptNum", "AptStatus NOT IN (7, 8)")],
    "Procedure": [("procedurelog", "ProcNum", "ProcStatus IN (2, 3, 4)")],
    "ServiceRequest": [("procedurelog", "ProcNum", "ProcStatus IN (1, 5, 8)")],
    "Claim": [("claim", "ClaimNum", "1=1")],
    "ExplanationOfBenefit": [("claim", "ClaimNum", "ClaimStatus = 'R'")],
}
"""The rows behind them, in database form."""


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed() as deployment:
        store = deployment.simulated.office.store
        # Of what the practice has only one kind, so that every parameter has something to tell apart.
        store.update("operatory", 2, {"IsHidden": 1})
        store.update("carrier", 2, {"IsHidden": 1})
        store.update("claim", 3, {"ClaimStatus": "U", "ProvBill": 2})
        store.update("claim", 5, {"ProvBill": 2})
        store.update("patplan", 2, {"IsPending": 1})
        yield deployment


@pytest.fixture(scope="module")
def every(office: Deployment) -> dict[str, dict[str, Resource]]:
    """All resources of all types, by id."""
    return {
        name: {one["id"]: one for query in queries_of(office, name) for one in found(office, name, **query)}
        for name in ALL
    }


def queries_of(office: Deployment, name: str) -> list[dict[str, Any]]:
    """The searches that bring all resources of a type; of schedules those of a month."""
    if name == "Schedule":
        first = date.fromisoformat(office.rows("schedule")[-1]["SchedDate"]) - timedelta(days=30)
        return [{"date": [f"ge{first}", f"le{first + timedelta(days=30)}"], "_count": "500"}]
    if name == "Slot":
        return [{"-duration": "60"}]
    if name in BY_PATIENT:
        patients = [row["PatNum"] for row in office.rows("patient", "PatStatus != 4")]
        return [{"patient": patient_reference(number)} for number in patients]
    return [{**query, "_count": "500"} for query in EVERY[name]]


def patient_reference(number: int) -> str:
    return "Patient/" + row_id("patient", IDS[0], number).replace("_", "-")


def ask(office: Deployment, path: str, /, **query: Any) -> Answered:
    return office.get(f"{ROOT}/{path}", **query)


def found(office: Deployment, name: str, /, **query: Any) -> list[Resource]:
    """The resources of a search, over all its pages."""
    answer = ask(office, name, **query)
    assert answer.status == 200, answer.body
    assert problems_of({**answer.body, "entry": []} if not answer.body.get("entry") else answer.body)[1:] == []
    resources = [one["resource"] for one in answer.body.get("entry", ())]
    further = next_of(answer)
    return resources if further is None else resources + found(office, name, **further)


def next_of(answer: Answered) -> dict[str, list[str]] | None:
    """The parameters of the link to the next page."""
    links = {one["relation"]: one["url"] for one in answer.body["link"]}
    return parse_qs(urlsplit(links["next"]).query) if "next" in links else None


def keys(resources: Mapping[str, Resource], table: str) -> set[str]:
    return {
        identifier["value"]
        for one in resources.values()
        for identifier in one["identifier"]
        if identifier["system"] == f"urn:open-dental-gateway:{IDS[0]}:{table}"
    }


@pytest.mark.parametrize("name", EVERY)
def test_every_row_of_the_practice_has_its_resource(
    name: str, every: dict[str, dict[str, Resource]], office: Deployment
) -> None:
    for table, column, where in ROWS[name]:
        rows = {str(row[column]) for row in office.rows(table, where)}
        if name == "Procedure":
            rows -= {
                str(row[column])
                for row in office.rows(table)
                if row["CodeNum"] in {code["CodeNum"] for code in office.rows("procedurecode", "ProcCode = '~GRP~'")}
            }
        assert rows, f"the practice has no {name}"
        assert keys(every[name], table) == rows


@pytest.mark.parametrize("name", BY_PATIENT)
def test_every_row_of_every_patient_has_its_resource(
    name: str, every: dict[str, dict[str, Resource]], office: Deployment
) -> None:
    table, sql = BY_PATIENT[name]
    rows = {str(row["found"]) for row in office.simulated.office.store.rows(sql)}
    shown = {
        f"{identifier['value']}.{id_.rpartition('.')[2]}" if name == "Coverage" else identifier["value"]
        for id_, one in every[name].items()
        for identifier in one["identifier"]
        if identifier["system"] == f"urn:open-dental-gateway:{IDS[0]}:{table}"
    }

    assert rows and shown == rows


def test_the_hours_of_a_month_are_schedules_and_nothing_else_is(
    every: dict[str, dict[str, Resource]], office: Deployment
) -> None:
    ((first, last),) = ([value[2:] for value in query["date"]] for query in queries_of(office, "Schedule"))
    rows = office.rows("schedule", f"SchedType = 1 AND SchedDate BETWEEN '{first}' AND '{last}'")

    assert rows and keys(every["Schedule"], "schedule") == {str(row["ScheduleNum"]) for row in rows}


@pytest.mark.parametrize("name", ALL)
def test_every_resource_of_the_practice_is_fhir_r4(name: str, every: dict[str, dict[str, Resource]]) -> None:
    wrong = {one["id"]: problems for one in every[name].values() if (problems := problems_of(one))}

    assert wrong == {}


@pytest.mark.parametrize("name", ALL)
def test_a_read_is_what_a_search_by_its_id_finds(
    name: str, every: dict[str, dict[str, Resource]], office: Deployment
) -> None:
    for id_ in [*list(every[name])[:2], *list(every[name])[-2:]]:
        read = ask(office, f"{name}/{id_}")
        assert read.status == 200
        assert read.headers["Content-Type"] == "application/fhir+json"
        assert problems_of(read.body) == []
        (searched,) = found(office, name, _id=id_)
        lacks = {"basedOn"} if name == "Appointment" else set()
        assert plain(searched, lacks) == plain(read.body, lacks)


def plain(resource: Resource, lacks: set[str]) -> Resource:
    meta = {name: value for name, value in resource["meta"].items() if name != "tag"}
    return {name: value for name, value in resource.items() if name not in lacks} | {"meta": meta}


@pytest.mark.parametrize("name", ALL)
def test_pages_make_the_whole(name: str, every: dict[str, dict[str, Resource]], office: Deployment) -> None:
    query, whole = max(
        (
            (one, [resource["id"] for resource in found(office, name, **{**one, "_count": "500"})])
            for one in queries_of(office, name)[-12:]
        ),
        key=lambda pair: len(pair[1]),
    )
    query = {**query, "_count": "2"}
    ids: list[str] = []
    more: Mapping[str, Any] | None = query
    for _ in range(8):
        answer = ask(office, name, **(more or {}))
        page = [one["resource"]["id"] for one in answer.body.get("entry", ())]
        assert len(page) <= 2
        ids += page
        if (more := next_of(answer)) is None:
            break

    assert ids == whole[: len(ids)]
    assert len(ids) == len(whole) or len(ids) >= 15
    assert len(set(ids)) == len(ids)


class Filter(NamedTuple):
    """A search parameter: the value that a resource is found by (None: not by this one), and who else fits it."""

    type: str
    name: str
    value: Callable[[Resource], str | None]
    fits: Callable[[Resource, str], bool]
    more: Mapping[str, str] = {}


def actors(one: Resource, type_: str) -> list[str]:
    found_ = [part["actor"]["reference"] for part in one["participant"] if "actor" in part]
    return [reference for reference in found_ if reference.startswith(f"{type_}/")]


def actor(type_: str) -> dict[str, Any]:
    return {
        "value": lambda one: next(iter(actors(one, type_)), None),
        "fits": lambda one, value: value in actors(one, type_),
    }


def at(*way: str) -> Callable[[Resource], Any]:
    def get(one: Any) -> Any:
        for step in way:
            one = one[0] if isinstance(one, list) and one else one
            one = one.get(step) if isinstance(one, dict) else None
        return one

    return get


def same(*way: str, **more: Any) -> dict[str, Any]:
    get = at(*way)
    return {"value": get, "fits": lambda one, value: get(one) == value, **more}


def official(one: Resource) -> Resource:
    return next(iter(one.get("name", [{}])), {})


def words_of(one: Resource) -> list[str]:
    parts = [*(given for name in one["name"] for given in name.get("given", ())), official(one).get("family", "")]
    return [word.casefold() for part in parts for word in part.split()]


def telecoms(one: Resource, system: str) -> list[str]:
    return [part["value"] for part in one.get("telecom", ()) if part["system"] == system]


def codes(one: Resource) -> list[str]:
    return [coding["code"] for coding in one["code"]["coding"]]


FILTERS = [
    *(Filter(name, "_id", lambda one: str(one["id"]), lambda one, value: one["id"] == value) for name in ALL),
    *(Filter(name, "patient", **same("patient", "reference")) for name in ("AllergyIntolerance",)),
    *(
        Filter(name, "patient", **same("subject", "reference"))
        for name in ("MedicationStatement", "Condition", "Communication")
    ),
    Filter("Communication", "subject", **same("subject", "reference")),
    Filter("Coverage", "patient", **same("beneficiary", "reference")),
    Filter("Coverage", "beneficiary", **same("beneficiary", "reference")),
    *(
        Filter(
            name,
            "identifier",
            lambda one: "|".join([one["identifier"][0]["system"], one["identifier"][0]["value"]]),
            lambda one, value: "|".join([one["identifier"][0]["system"], one["identifier"][0]["value"]]) == value,
        )
        for name in EVERY
    ),
    *(
        Filter(
            name,
            "_lastUpdated",
            lambda one: "ge" + one["meta"]["lastUpdated"],
            lambda one, value: one["meta"]["lastUpdated"] >= value[2:],
        )
        for name in ("Patient", "Appointment", "Procedure", "ServiceRequest", "Claim")
    ),
    *(Filter(name, "patient", **same("subject", "reference")) for name in ("Procedure", "ServiceRequest")),
    *(Filter(name, "subject", **same("subject", "reference")) for name in ("Procedure", "ServiceRequest")),
    *(Filter(name, "patient", **same("patient", "reference")) for name in ("Claim", "ExplanationOfBenefit")),
    *(
        Filter(
            name,
            "code",
            lambda one: "http://www.ada.org/cdt|" + codes(one)[0],
            lambda one, value: value.rpartition("|")[2] in codes(one),
            {"_lastUpdated": "ge2000-01-01"},
        )
        for name in ("Procedure", "ServiceRequest")
    ),
    Filter(
        "Patient",
        "family",
        lambda one: official(one).get("family"),
        lambda one, value: value.casefold() in words_of(one),
    ),
    Filter(
        "Patient",
        "given",
        lambda one: official(one)["given"][0],
        lambda one, value: any(word.startswith(value.casefold()) for word in words_of(one)),
    ),
    Filter(
        "Patient",
        "name",
        lambda one: official(one)["given"][0][:3],
        lambda one, value: any(word.startswith(value.casefold()) for word in words_of(one)),
    ),
    Filter("Patient", "birthdate", **same("birthDate")),
    Filter(
        "Patient",
        "birthdate",
        lambda one: "le" + one["birthDate"],
        lambda one, value: one["birthDate"] <= value[2:],
        {"active": "true"},
    ),
    Filter(
        "Patient",
        "phone",
        lambda one: next(iter(telecoms(one, "phone")), None),
        lambda one, value: value in telecoms(one, "phone"),
    ),
    Filter(
        "Patient",
        "email",
        lambda one: next(iter(telecoms(one, "email")), None),
        lambda one, value: value in telecoms(one, "email"),
    ),
    Filter(
        "Patient",
        "telecom",
        lambda one: next(iter(telecoms(one, "email")), None),
        lambda one, value: value in telecoms(one, "email"),
    ),
    Filter(
        "Patient",
        "active",
        lambda one: str(one["active"]).lower(),
        lambda one, value: str(one["active"]).lower() == value,
    ),
    Filter("Patient", "general-practitioner", **same("generalPractitioner", "reference")),
    Filter(
        "Practitioner",
        "name",
        lambda one: official(one)["family"][:4],
        lambda one, value: any(word.startswith(value.casefold()) for word in words_of(one)),
    ),
    Filter(
        "Practitioner",
        "active",
        lambda one: str(one["active"]).lower(),
        lambda one, value: str(one["active"]).lower() == value,
    ),
    Filter(
        "Practitioner",
        "identifier",
        lambda one: next(
            ("|".join([part["system"], part["value"]]) for part in one["identifier"] if part["system"].endswith("npi")),
            None,
        ),
        lambda one, value: value.rpartition("|")[2] in {part["value"] for part in one["identifier"]},
    ),
    Filter("Location", "name", **same("name")),
    Filter("Location", "status", **same("status")),
    Filter("Location", "partof", **same("partOf", "reference")),
    Filter("Organization", "name", **same("name")),
    Filter(
        "Organization",
        "active",
        lambda one: str(one["active"]).lower(),
        lambda one, value: str(one["active"]).lower() == value,
    ),
    Filter(
        "Organization",
        "type",
        lambda one: at("type", "coding")(one)[0]["code"],
        lambda one, value: at("type", "coding")(one)[0]["code"] == value,
    ),
    Filter("Appointment", "patient", **actor("Patient")),
    Filter("Appointment", "practitioner", **actor("Practitioner"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter("Appointment", "location", **actor("Location"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter("Appointment", "status", **same("status"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter(
        "Appointment",
        "date",
        lambda one: "ge" + one["start"] if "start" in one else None,
        lambda one, value: one.get("start", "") >= value[2:],
        {"_lastUpdated": "ge2000-01-01"},
    ),
    Filter(
        "Appointment",
        "date",
        lambda one: "le" + one["start"] if "start" in one else None,
        lambda one, value: "start" in one and one["start"] <= value[2:],
        {"_lastUpdated": "ge2000-01-01"},
    ),
    Filter("Procedure", "date", **same("performedDateTime"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter("Procedure", "status", **same("status"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter("ServiceRequest", "authored", **same("authoredOn"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter("ServiceRequest", "status", **same("status"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter("Claim", "status", **same("status")),
    Filter("Claim", "use", **same("use"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter("Claim", "provider", **same("provider", "reference"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter("Claim", "created", **same("created"), more={"_lastUpdated": "ge2000-01-01"}),
    Filter("ExplanationOfBenefit", "status", **same("status")),
    Filter("ExplanationOfBenefit", "use", **same("use")),
    Filter("ExplanationOfBenefit", "created", **same("created")),
    Filter("ExplanationOfBenefit", "provider", **same("provider", "reference")),
    Filter(
        "ExplanationOfBenefit", "claim", lambda one: f"Claim/{one['id']}", lambda one, value: value.endswith(one["id"])
    ),
]
ALL_FIT = {("ExplanationOfBenefit", "status"), ("ExplanationOfBenefit", "use"), ("Procedure", "status")}
"""Parameters that all resources of the simulated practice fit alike."""


@pytest.mark.parametrize("one", FILTERS, ids=lambda one: f"{one.type}-{one.name}")
def test_a_parameter_finds_what_fits_it_and_nothing_else(
    one: Filter, every: dict[str, dict[str, Resource]], office: Deployment
) -> None:
    resources = every[one.type]
    candidates = [
        (id_, value) for id_, resource in resources.items() if _has(one, resource) and (value := one.value(resource))
    ]
    assert candidates, f"no {one.type} can be found by {one.name}"
    id_, value = candidates[len(candidates) // 2]

    ids = {resource["id"] for resource in found(office, one.type, **{**one.more, one.name: value})}

    expected = {other for other, resource in resources.items() if _has(one, resource) and one.fits(resource, value)}
    if one.name == "_lastUpdated":
        # It reaches back by minutes, and two hours where the clocks change, so that nothing is missed.
        since = f"{datetime.fromisoformat(value[2:].replace('Z', '+00:00')) - timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}"
        expected |= {other for other in ids if resources[other]["meta"]["lastUpdated"] >= since}
    assert id_ in ids
    assert ids == expected
    assert ids < set(resources) or (one.type, one.name) in ALL_FIT


def _has(one: Filter, resource: Resource) -> bool:
    try:
        one.value(resource)
    except (KeyError, IndexError):
        return False
    return True


def test_every_parameter_of_the_statement_has_a_filter_that_is_tested() -> None:
    tested = {(one.type, one.name) for one in FILTERS}
    untested = {(type_.name, one.name) for type_ in TYPES.values() for one in type_.params} - tested

    assert untested <= {
        ("Practitioner", "_lastUpdated"),
        ("ExplanationOfBenefit", "_lastUpdated"),
        ("Claim", "insurer"),
        ("Communication", "_lastUpdated"),
        ("Schedule", "identifier"),
        ("Schedule", "_lastUpdated"),
        ("Schedule", "date"),
        ("Schedule", "actor"),
        *(("Slot", param.name) for param in TYPES["Slot"].params),
        *((name, param) for name, param, _ in OF_ONE_PATIENT),
    }


def test_claims_are_found_by_the_carrier_that_insures(
    office: Deployment, every: dict[str, dict[str, Resource]]
) -> None:
    patient = next(iter(every["Claim"].values()))["patient"]["reference"]
    mine = found(office, "Claim", patient=patient)
    insurer = mine[0]["insurer"]["reference"]

    ids = {one["id"] for one in found(office, "Claim", patient=patient, insurer=insurer)}

    assert ids == {one["id"] for one in mine if one["insurer"]["reference"] == insurer}
    assert (
        found(office, "Claim", patient=patient, insurer="Organization/car-" + IDS[0][5:] + "a" * 12 + "e") is not None
    )


OF_ONE_PATIENT: list[tuple[str, str, Callable[[Resource], Any]]] = [
    ("Coverage", "status", at("status")),
    ("AllergyIntolerance", "clinical-status", lambda one: one["clinicalStatus"]["coding"][0]["code"]),
    ("MedicationStatement", "status", at("status")),
    ("Condition", "clinical-status", lambda one: one["clinicalStatus"]["coding"][0]["code"]),
    ("Communication", "medium", lambda one: one["medium"][0]["coding"][0]["code"] if "medium" in one else None),
    ("Communication", "sent", lambda one: one["sent"][:10] if "sent" in one else None),
    ("Communication", "received", lambda one: one["received"][:10] if "received" in one else None),
    *(
        (name, "identifier", lambda one: one["identifier"][0]["system"] + "|" + one["identifier"][0]["value"])
        for name in ("AllergyIntolerance", "MedicationStatement", "Condition", "Communication")
    ),
]


@pytest.mark.parametrize(("name", "param", "value_of"), OF_ONE_PATIENT)
def test_a_parameter_tells_a_patients_resources_apart(
    name: str,
    param: str,
    value_of: Callable[[Resource], Any],
    every: dict[str, dict[str, Resource]],
    office: Deployment,
) -> None:
    whose = at(
        "beneficiary" if name == "Coverage" else "patient" if name == "AllergyIntolerance" else "subject", "reference"
    )
    resources = list(every[name].values())
    values = {value for one in resources if (value := value_of(one)) is not None}
    some = sorted(values)[:2]
    assert some, f"no {name} has a {param}"

    for one in resources:
        for value in some:
            ids = {two["id"] for two in found(office, name, patient=whose(one), **{param: value})}
            if param in {"sent", "received"}:
                # Days of a moment are the office's; these are UTC's.
                assert all(abs((day(value_of(every[name][id_])) - day(value)).days) <= 1 for id_ in ids)
                ids = {id_ for id_ in ids if value_of(every[name][id_]) == value}
            mine = {two["id"] for two in resources if whose(two) == whose(one) and value_of(two) == value}
            assert ids == mine or param in {"sent", "received"}


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_hours_are_found_by_who_works_them_and_where(every: dict[str, dict[str, Resource]], office: Deployment) -> None:
    (query,) = queries_of(office, "Schedule")
    for one in list(every["Schedule"].values())[:3]:
        for actor_ in (part["reference"] for part in one["actor"]):
            ids = {two["id"] for two in found(office, "Schedule", **query, actor=actor_)}
            assert one["id"] in ids
            if actor_.startswith("Practitioner/"):
                assert ids == {
                    two["id"]
                    for two in every["Schedule"].values()
                    if actor_ in [part["reference"] for part in two["actor"]]
                }
                assert ids < set(every["Schedule"])


HOUR = {"-duration": "60", "_count": "500"}


def test_every_free_time_is_a_slot_of_the_hours_it_lies_in(office: Deployment) -> None:
    free = office.get("/slots", duration_minutes=60, limit=500).body["data"]
    slots = found(office, "Slot", **HOUR)[: len(free)]

    assert len(free) == 500
    assert [(one["start"], one["end"]) for one in slots] == [(one["start_at"], one["end_at"]) for one in free]
    assert {problem for one in slots[:50] for problem in problems_of(one)} == set()
    for one in (slots[0], slots[len(slots) // 2], slots[-1]):
        hours = ask(office, one["schedule"]["reference"]).body
        assert hours["planningHorizon"]["start"] <= one["start"] < one["end"] <= hours["planningHorizon"]["end"]
        assert who(one) in [part["reference"] for part in hours["actor"]]


def who(slot: Resource) -> str:
    """The practitioner whose time it is."""
    named = (one for one in slot["extension"] if one["url"].endswith(":practitioner"))
    return str(next(named)["valueReference"]["reference"])


def test_a_free_time_is_read_as_long_as_it_is_free(office: Deployment) -> None:
    slot = found(office, "Slot", **HOUR)[-1]
    assert ask(office, f"Slot/{slot['id']}").body == slot

    taken = slot["id"].replace(".60", ".540")
    assert outcome(ask(office, f"Slot/{taken}")) == (404, "not-found", None)
    assert outcome(ask(office, "Slot/slot-nobody")) == (404, "not-found", None)
    over = slot["id"].split(".")
    assert outcome(ask(office, f"Slot/{'.'.join([over[0], '1', *over[2:]])}")) == (404, "not-found", None)


def test_free_times_are_found_by_day_by_hour_and_by_whose_they_are(office: Deployment) -> None:
    slots = found(office, "Slot", **HOUR)
    middle = slots[len(slots) // 2]
    start = middle["start"]

    last = slots[-1]["start"]
    assert [one["id"] for one in found(office, "Slot", **HOUR, start=[f"ge{start}", f"lt{last}"])] == [
        one["id"] for one in slots if start <= one["start"] < last
    ]
    assert {one["start"] for one in found(office, "Slot", **HOUR, start=start)} == {start}
    mine = found(office, "Slot", **HOUR, **{"schedule.actor": who(middle)})
    assert [one["id"] for one in mine] == [one["id"] for one in slots if who(one) == who(middle)]
    assert 0 < len(mine) < len(slots)
    assert found(office, "Slot", **HOUR, status="busy") == []
    assert len(found(office, "Slot", **HOUR, status="free")) == len(slots)


def test_a_kind_of_visit_says_how_long_it_is(office: Deployment) -> None:
    kinds = office.get("/appointment_types").body["data"]
    kind = next(one for one in kinds if one["duration_minutes"] and one["is_active"])
    answer = ask(office, "Slot", **{"appointment-type": kind["id"].replace("_", "-"), "_count": "20"})
    slots = [one["resource"] for one in answer.body["entry"]]

    assert {one["appointmentType"]["coding"][0]["code"] for one in slots} == {kind["id"].replace("_", "-")}
    assert {minutes(one) for one in slots} == {kind["duration_minutes"]}
    assert ask(office, f"Slot/{slots[0]['id']}").body == slots[0]


def minutes(slot: Resource) -> int:
    first, last = (datetime.fromisoformat(slot[name].replace("Z", "+00:00")) for name in ("start", "end"))
    return int((last - first).total_seconds()) // 60


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (400, "value", ["http.-duration"])),
        ({"-duration": "61"}, (400, "value", ["http.-duration"])),
        ({"-duration": "an hour"}, (400, "value", ["http.-duration"])),
        ({"-duration": "60", "status": "open"}, (400, "value", ["http.status"])),
        ({"-duration": "60", "start": "lt2020-01-01"}, (400, "value", ["http.start"])),
        ({"-duration": "60", "schedule.actor": "Patient/pat-x"}, (404, "not-found", ["http.schedule.actor"])),
    ],
)
def test_a_search_of_free_times_that_cannot_be_is_refused(
    query: dict[str, str], expected: tuple[int, str, list[str] | None], office: Deployment
) -> None:
    assert outcome(ask(office, "Slot", **query)) == expected


def test_a_claim_names_the_coverage_of_its_patient(every: dict[str, dict[str, Resource]], office: Deployment) -> None:
    """A patient who was taken out of a coverage has none any more, so not every one is there."""
    named = {part["coverage"].get("reference", "") for one in every["Claim"].values() for part in one["insurance"]}

    assert {f"Coverage/{id_}" for id_ in every["Coverage"]} & named


def test_what_is_found_only_under_its_patient_is_not_read_without(office: Deployment, every: dict[str, Any]) -> None:
    for name in BY_PATIENT:
        id_ = next(iter(every[name]))
        assert outcome(ask(office, f"{name}/{id_.partition('.')[0]}")) == (404, "not-found", None)
        other = next(row["PatNum"] for row in office.rows("patient") if str(row["PatNum"]) != id_.rpartition(".")[2])
        if name != "Coverage":
            assert outcome(ask(office, f"{name}/{id_.partition('.')[0]}.{other}"))[:2] == (404, "not-found")


def test_the_statement_is_fhir_and_names_every_type(office: Deployment) -> None:
    answer = ask(office, "metadata")

    assert answer.status == 200
    assert problems_of(answer.body) == []
    assert {one["type"] for one in answer.body["rest"][0]["resource"]} == set(TYPES)
    assert answer.body["fhirVersion"] == "4.0.1"


def outcome(answer: Answered) -> tuple[int, str, list[str] | None]:
    """Status, issue type and place of an OperationOutcome, after checking its form."""
    assert answer.headers["Content-Type"] == "application/fhir+json"
    assert problems_of(answer.body) == []
    (issue,) = answer.body["issue"]
    return answer.status, issue["code"], issue.get("expression")


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("Patient", {}, (422, "too-costly", None)),
        ("Patient", {"nickname": "Ada"}, (400, "not-supported", ["http.nickname"])),
        ("Patient", {"name:exact": "Ada"}, (400, "not-supported", ["http.name:exact"])),
        ("Patient", {"active": "true", "_include": "Patient:organization"}, (400, "not-supported", ["http._include"])),
        ("Patient", {"active": "true", "_revinclude": "Claim:patient"}, (400, "not-supported", ["http._revinclude"])),
        ("Patient", {"active": "true", "_sort": "name"}, (400, "not-supported", ["http._sort"])),
        ("Patient", {"active": "maybe"}, (400, "value", ["http.active"])),
        ("Patient", {"birthdate": "1980-13-45"}, (400, "value", ["http.birthdate"])),
        ("Patient", {"birthdate": "ap1980"}, (400, "value", ["http.birthdate"])),
        ("Patient", {"birthdate": "yesterday"}, (400, "value", ["http.birthdate"])),
        ("Patient", {"family": "A", "_count": "0"}, (400, "value", ["http._count"])),
        ("Patient", {"family": "A", "_format": "xml"}, (400, "value", ["http._format"])),
        ("Patient", {"name": "!"}, (400, "value", ["http.name"])),
        ("Patient", {"_cursor": "patient:nonsense", "active": "true"}, (400, "value", ["http._cursor"])),
        ("Patient", {"_cursor": "claim:nonsense", "active": "true"}, (400, "value", ["http._cursor"])),
        ("Appointment", {"patient": "Practitioner/pat-x"}, (400, "value", ["http.patient"])),
        ("Appointment", {"patient": "Patient/pat-x"}, (404, "not-found", ["http.patient"])),
        ("Appointment", {"status": "sleeping"}, (400, "value", ["http.status"])),
        ("Appointment", {"date": "ge2026-01-01"}, (422, "too-costly", None)),
        ("Practitioner", {"identifier": "12"}, (400, "value", ["http.identifier"])),
        ("Practitioner", {"identifier": "http://example.org/other|12"}, (400, "value", ["http.identifier"])),
        ("Practitioner", {"name": ""}, (400, "value", ["http.name"])),
        ("Medication", {}, (404, "not-found", None)),
        ("Patient/pat-x", {}, (404, "not-found", None)),
        ("Patient/pat-x", {"_summary": "true"}, (400, "not-supported", ["http._summary"])),
        ("Medication/med-x", {}, (404, "not-found", None)),
    ],
)
def test_what_is_refused_is_an_operation_outcome(
    path: str, query: dict[str, str], expected: tuple[int, str, list[str] | None], office: Deployment
) -> None:
    assert outcome(ask(office, path, **query)) == expected


@pytest.mark.parametrize(
    ("path", "query", "says", "not_says"),
    [
        ("Patient", {}, "send family or name", "birthdate bounds"),
        ("Patient", {"birthdate": "ge2000-01-01"}, "birthdate bounds one as one day, not as a range", ""),
        ("Appointment", {}, "or date", "date bounds"),
        ("Appointment", {"date": "ge2026-11-23"}, "date bounds one where it has both ends (ge and le), at most 31", ""),
        ("Appointment", {"date": "2026"}, "date bounds one where it has both ends (ge and le), at most 31", ""),
        ("Slot", {}, "such as `-duration=60`", ""),
        ("Slot", {"-duration": "an hour"}, "such as -duration=60", ""),
    ],
)
def test_what_was_sent_and_is_not_enough_is_said_to_be_that(
    path: str, query: dict[str, str], says: str, not_says: str, office: Deployment
) -> None:
    (issue,) = ask(office, path, **query).body["issue"]

    assert says in issue["diagnostics"]
    assert not not_says or not_says not in issue["diagnostics"]


def test_a_refusal_repeats_no_value(office: Deployment) -> None:
    answer = ask(office, "Patient", birthdate="Jane Marker", family="Marker")

    assert "Marker" not in str(answer.body)


def test_lenient_handling_passes_over_what_is_not_known_and_says_so(office: Deployment) -> None:
    query = {"active": ["true"], "nickname": ["Ada"], "_include": ["Patient:organization"]}
    answer = office.send("GET", f"{ROOT}/Patient", query=query, headers={"Prefer": "handling=lenient"})

    assert answer.status == 200
    assert problems_of(answer.body) == []
    assert answer.headers["Preference-Applied"] == "handling=lenient"
    assert [one["expression"] for one in answer.body["entry"][-1]["resource"]["issue"]] == [
        ["http.nickname"],
        ["http._include"],
    ]
    assert answer.body["entry"][-1]["search"]["mode"] == "outcome"


def test_a_code_that_nothing_here_can_have_finds_nothing_and_asks_nobody(office: Deployment) -> None:
    before = len(office.upstream_calls)
    answer = ask(office, "Appointment", status="pending", _lastUpdated="ge2000-01-01")

    assert (answer.status, answer.body["total"], answer.body.get("entry")) == (200, 0, None)
    assert len(office.upstream_calls) == before
    assert problems_of(answer.body) == []


def test_alternatives_are_found_together(office: Deployment, every: dict[str, dict[str, Resource]]) -> None:
    ids = {one["id"] for one in found(office, "Appointment", status="booked,fulfilled", _lastUpdated="ge2000-01-01")}

    assert ids == {one["id"] for one in every["Appointment"].values() if one["status"] in {"booked", "fulfilled"}}


def test_a_year_a_month_and_a_range_of_days_are_dates(
    office: Deployment, every: dict[str, dict[str, Resource]]
) -> None:
    days = sorted(one["performedDateTime"] for one in every["Procedure"].values())
    middle = days[len(days) // 2]
    since = {"_lastUpdated": "ge2000-01-01"}

    def asked(*dates: str) -> list[str]:
        return sorted(one["performedDateTime"] for one in found(office, "Procedure", **since, date=list(dates)))

    assert asked(middle[:4]) == [day for day in days if day[:4] == middle[:4]]
    assert asked(middle[:7]) == [day for day in days if day[:7] == middle[:7]]
    assert asked(f"ge{middle}") == [day for day in days if day >= middle]
    assert asked(f"gt{middle}") == [day for day in days if day > middle]
    assert asked(f"ge{middle[:4]}", f"lt{middle}") == [day for day in days if middle[:4] <= day < middle]
    assert asked(f"gt{middle}", f"lt{middle}") == []


def test_a_search_by_form_finds_the_same_and_keeps_names_out_of_links(
    office: Deployment, every: dict[str, dict[str, Resource]]
) -> None:
    form = urlencode({"active": "true", "_count": "3"})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    first = office.send("POST", f"{ROOT}/Patient/_search", body=form, headers=headers)
    assert first.status == 200, first.body
    assert "active" not in str(first.body["link"])
    further = next_of(first)
    second = office.send("POST", f"{ROOT}/Patient/_search", body=form, headers=headers, query=further)

    by_get = [one["id"] for one in found(office, "Patient", active="true", _count="500")]
    pages = [one["resource"]["id"] for page in (first, second) for one in page.body["entry"]]
    assert pages == by_get[:6]


def test_json_is_no_form(office: Deployment) -> None:
    headers = {"Content-Type": "application/json"}
    answer = office.send("POST", f"{ROOT}/Patient/_search", body={"name": "x"}, headers=headers)

    assert outcome(answer) == (415, "not-supported", ["http.Content-Type"])


def test_ids_of_another_practice_are_not_found() -> None:
    with deployed(practices=2) as both:
        mine, other, _ = IDS
        client = both.on.callers.client(CLIENT)
        both.on.callers.put_client(replace(client, practices=frozenset({mine})))
        theirs = row_id("patient", other, 2).replace("_", "-")
        assert ask(both, f"Patient/{row_id('patient', mine, 2).replace('_', '-')}").status == 200
        assert outcome(ask(both, f"Patient/{theirs}")) == (404, "not-found", None)
        assert outcome(ask(both, "Appointment", patient=f"Patient/{theirs}")) == (404, "not-found", ["http.patient"])
        assert outcome(ask(both, "Patient", _id=theirs)) == (404, "not-found", ["http._id"])
        assert outcome(ask(both, "Practitioner", practice_id=other)) == (404, "not-found", ["http.practice_id"])
        assert outcome(ask(both, f"Organization/{other.replace('_', '-')}")) == (404, "not-found", None)
        identifier = f"urn:open-dental-gateway:{other}:patient|2"
        assert outcome(ask(both, "Patient", identifier=identifier)) == (404, "not-found", ["http._id"])


def test_whoever_names_no_practice_is_told_so_in_the_same_words_everywhere() -> None:
    with deployed(practices=2, scopes=("*:read", "resources:read", "patients:write")) as both:
        asked = [
            both.get("/patients", status="active"),
            both.get("/slots", duration_minutes=30),
            both.get("/resources/fees"),
            both.post("/patients", {"name": {"first": "Ada", "last": "Testerly"}, "birth_date": "1990-01-01"}),
        ]
        said = {(one.status, one.body["param"], one.body["detail"]) for one in asked}
        (issue,) = ask(both, "Patient", active="true").body["issue"]

    assert said == {(400, "practice_id", issue["diagnostics"])}


def test_a_client_of_several_practices_names_the_one_it_means() -> None:
    with deployed(practices=2) as both:
        assert outcome(ask(both, "Practitioner")) == (400, "value", ["http.practice_id"])
        for practice_id in both.servers:
            (organization,) = found(both, "Organization", practice_id=practice_id, type="prov")
            assert organization["id"] == practice_id.replace("_", "-")
            assert {one["id"][:21] for one in found(both, "Practitioner", practice_id=practice_id)} == {
                "prov-" + practice_id[5:]
            }
            assert [one["id"] for one in found(both, "Organization", _id=organization["id"])] == [organization["id"]]


def test_each_type_needs_the_scope_of_its_object() -> None:
    with deployed(scopes=["patients:read"]) as narrow:
        for name in TYPES:
            query = queries_of(narrow, name)[0]
            answer = ask(narrow, name, **query)
            assert answer.status == (200 if name == "Patient" else 403)
            if answer.status == 403:
                assert outcome(answer) == (403, "forbidden", None)


def test_nothing_to_find_is_still_refused_without_the_scope() -> None:
    with deployed(scopes=["patients:read"]) as narrow:
        assert outcome(ask(narrow, "Appointment", status="pending", _lastUpdated="ge2000-01-01"))[0] == 403


def test_an_answer_that_takes_longer_is_an_outcome_that_says_to_come_back() -> None:
    with deployed() as slow:
        answer = slow.send("GET", f"{ROOT}/Practitioner", headers={"Prefer": "respond-async"})

        assert outcome(answer) == (202, "informational", None)
        assert answer.body["issue"][0]["severity"] == "information"
        assert answer.headers["Content-Location"].startswith("../../operations/opn_")
        assert int(answer.headers["Retry-After"]) >= 1


def test_what_did_not_change_is_not_sent_again(office: Deployment, every: dict[str, dict[str, Resource]]) -> None:
    path = f"{ROOT}/Patient/{next(iter(every['Patient']))}"
    tag = office.get(path).headers["ETag"]

    assert office.send("GET", path, headers={"If-None-Match": tag}).status == 304


def test_a_visit_names_its_procedures_by_what_both_kinds_of_them_are_found_by(
    office: Deployment, every: dict[str, dict[str, Resource]]
) -> None:
    for visit in list(every["Appointment"])[::5]:
        for reference in ask(office, f"Appointment/{visit}").body.get("basedOn", ()):
            identifier = "|".join([reference["identifier"]["system"], reference["identifier"]["value"]])
            done = found(office, "Procedure", identifier=identifier)
            planned = found(office, "ServiceRequest", identifier=identifier)
            assert len(done) + len(planned) == 1
            return
    pytest.fail("no visit has a procedure")


@pytest.mark.parametrize("name", ["Appointment", "Procedure", "ServiceRequest", "Claim", "ExplanationOfBenefit"])
def test_references_lead_to_resources_that_are_there(
    name: str, office: Deployment, every: dict[str, dict[str, Resource]]
) -> None:
    known = {f"{type_}/{id_}" for type_, resources in every.items() for id_ in resources}
    served = {f"{type_}/" for type_ in TYPES}

    for id_ in list(every[name])[:10]:
        for reference in references(ask(office, f"{name}/{id_}").body):
            if any(reference.startswith(one) for one in served):
                # A patient who was taken out of a coverage has none any more, which no claim of before forgets.
                if reference.startswith("Coverage/"):
                    continue
                assert reference in known, f"{name}/{id_} names {reference}"


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_every_problem_has_its_type_of_issue() -> None:
    assert {problem.slug for problem in PROBLEMS.values()} | {"unsupported-parameter"} == set(ISSUE)
