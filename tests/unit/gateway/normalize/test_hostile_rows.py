"""A row may hold anything: values of any type and depth, or none at all. It is shown as far as it can be, as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gateway.core import normalize
from gateway.core.normalize import accounts, clinical, coverages, desk, documents, schedules, setup, treatment
from gateway.core.normalize.by_fhir import only_known
from gateway.core.resources.typed import shape_of
from open_dental import catalogue, fhir, wire
from open_dental.rows import let_in
from tests.fakes import ELM_STREET

READ_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MARK = "Zq7Marker"
WIRE: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**25, -(10**400), "", " ", MARK, "9" * 5000, f"<b>{MARK}</b>", "0001-01-01",
    "9999-99-99", "2026-02-30", "1e999999", "NaN", "\x00", "\u2028", [], [MARK], [[[]]], {}, {"a": {"b": [MARK]}},
]  # fmt: skip
JUNK = [*map(wire.loads, map(json.dumps, WIRE)), *map(wire.loads, ("1e900", "1e-900", "-0.0", "1" * 4000))]

Make = Callable[[Mapping[str, Any]], dict[str, Any]]


def as_is(normalizer: Callable[..., dict[str, Any]], **more: Any) -> Make:
    return lambda row: normalizer(row, practice=ELM_STREET, synced_at=READ_AT, raw=True, **more)


def own(normalizer: Callable[..., dict[str, Any]], *names: str, key: str, **more: Any) -> Make:
    """Each of the related lists holds the row itself: its junk is theirs."""

    def make(row: Mapping[str, Any]) -> dict[str, Any]:
        related = [{**row, key: row.get(key)}]
        return normalizer(
            row, practice=ELM_STREET, synced_at=READ_AT, raw=True, **dict.fromkeys(names, related), **more
        )

    return make


def of_a_family(row: Mapping[str, Any]) -> dict[str, Any]:
    """A family one of whose members, whose own row and whose aging are the row."""
    family = {**row, "Name": "Entire Family"}
    return accounts.balance(
        1,
        practice=ELM_STREET,
        synced_at=READ_AT,
        members=[{**row}, family],
        aging=row,
        own_aging=row,
        aged_on=accounts.aged_on([{"PrefName": "DateLastAging", "ValueString": row.get("Total")}]),
        family="Entire Family",
        raw=True,
    )


NORMALIZERS: dict[str, tuple[str, tuple[str, ...], Make]] = {
    "patient": ("patients", (), as_is(normalize.patient, show_ssn=True)),
    "patient of a list": ("patients", (), as_is(normalize.patient, detail="summary")),
    "appointment": (
        "appointments",
        ("procedurelogs",),
        own(normalize.appointment, "procedures", "history", key="AptNum"),
    ),
    "procedure": ("procedurelogs", (), as_is(normalize.procedure)),
    "claim": ("claims", ("claimprocs",), own(normalize.claim, "lines", key="ClaimNum")),
    "payment": ("payments", ("paysplits",), own(normalize.patient_payment, "splits", key="PayNum")),
    "insurance payment": (
        "claimpayments",
        ("claimprocs",),
        own(normalize.insurance_payment, "lines", key="ClaimPaymentNum"),
    ),
    "adjustment": ("adjustments", (), as_is(accounts.adjustment)),
    "payment plan": (
        "payplans",
        ("payplancharges", "payplanlinks", "paysplits", "claimprocs"),
        own(accounts.payment_plan, "charges", "links", "splits", "lines", key="PayPlanNum"),
    ),
    "payment plan without its charges": ("payplans", (), as_is(accounts.payment_plan)),
    "balance": ("accountmodules", (), of_a_family),
    "coverage": (
        "inssubs",
        ("patplans", "insplans", "benefits"),
        own(coverages.coverage, "places", "plans", "benefits", "categories", key="InsSubNum", verified=[]),
    ),
    "allergy": ("allergies", (), as_is(clinical.allergy)),
    "medication": ("medicationpats", (), as_is(clinical.medication)),
    "condition": ("diseases", (), as_is(clinical.condition)),
    "communication": ("commlogs", (), as_is(desk.communication)),
    "recall": ("recalls", (), as_is(desk.recall)),
    "task": ("tasks", (), as_is(desk.task)),
    "task list": ("tasklists", (), as_is(desk.task_list)),
    "document": ("documents", (), as_is(documents.document)),
    "schedule": ("schedules", (), as_is(schedules.schedule)),
    "provider": ("providers", (), as_is(setup.provider)),
    "location": ("clinics", (), as_is(setup.location)),
    "operatory": ("operatories", (), as_is(setup.operatory)),
    "carrier": ("carriers", (), as_is(setup.carrier)),
    "appointment type": ("appointmenttypes", (), as_is(setup.appointment_type)),
    "definition": ("definitions", (), as_is(setup.definition)),
    "procedure code": ("procedurecodes", (), as_is(setup.procedure_code)),
    "recall type": ("recalltypes", (), as_is(setup.recall_type)),
    "treatment plan": ("treatplans", (), as_is(treatment.treatment_plan)),
    "perio exam": ("perioexams", (), as_is(treatment.perio_exam)),
}


def columns(*resources: str) -> list[str]:
    return list(dict.fromkeys(one.name for name in resources for one in catalogue.resource(name).fields))


def each_with(value: Any, names: list[str]) -> Iterator[dict[str, Any]]:
    """Rows that have the value in one column, and one that has it in all; and rows that lack a column."""
    whole = dict.fromkeys(names, "1")
    yield dict.fromkeys(names, value)
    for name in names:
        yield {**whole, name: value}


def shown(make: Make, row: dict[str, Any], *resources: str) -> None:
    """Show a row as the client lets it in."""
    for one in resources:
        let_in([row], one)
    json.dumps(make(row), default=str)


@pytest.mark.parametrize("name", NORMALIZERS)
def test_a_value_of_no_type_in_any_column_is_shown_as_far_as_it_can_be(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    resource, more, make = NORMALIZERS[name]
    names = columns(resource, *more)
    with caplog.at_level(logging.DEBUG):
        for value in JUNK:
            for row in each_with(value, names):
                shown(make, row, resource, *more)
        for left_out in names:
            shown(make, {one: "1" for one in names if one != left_out}, resource, *more)
        shown(make, {}, resource, *more)

    assert MARK not in caplog.text


MEMBERS = [
    "id",
    "meta",
    "name",
    "gender",
    "birthDate",
    "address",
    "telecom",
    "identifier",
    "careProvider",
    "generalPractitioner",
    "managingOrganization",
    "active",
    "deceasedDateTime",
    "status",
    "start",
    "end",
    "minutesDuration",
    "participant",
    "reasonReference",
    "basedOn",
    "description",
    "comment",
    "code",
    "subject",
    "patient",
    "performer",
    "performedDateTime",
    "performedPeriod",
    "bodySite",
    "encounter",
    "location",
    "note",
    "reason",
    "qualification",
    "specialty",
    "prefix",
    "alias",
    "partOf",
    "mode",
    "type",
    "criticality",
    "clinicalStatus",
    "onsetDateTime",
    "recordedDate",
    "abatementDateTime",
    "reaction",
    "substance",
    "medicationCodeableConcept",
    "medicationReference",
    "effectivePeriod",
    "effectiveDateTime",
    "dosage",
    "informationSource",
    "medium",
    "sent",
    "received",
    "sender",
    "recipient",
    "payload",
    "occurrenceDateTime",
    "authoredOn",
    "requester",
    "category",
    "verificationStatus",
    "appointmentType",
    "text",
]
BY_FHIR = {
    "patients": "patient",
    "appointments": "appointment",
    "procedurelogs": "procedure",
    "providers": "provider",
    "clinics": "location",
    "operatories": "operatory",
    "allergies": "allergy",
    "diseases": "condition",
    "medicationpats": "medication",
    "commlogs": "communication",
}


@pytest.mark.parametrize("resource", fhir.TYPES)
def test_a_resource_of_fhir_with_a_value_of_no_type_in_any_member_is_shown_as_far_as_it_can_be(resource: str) -> None:
    make = NORMALIZERS[BY_FHIR[resource]][2]
    for at, junk in enumerate(JUNK):
        inner = dict.fromkeys(("reference", "coding", "code", "text", "type", "system", "line", "value"), junk)
        actor = {"actor": {"reference": junk}, "type": [junk], "coding": [inner]}
        for value in (junk, [junk], inner, [inner], [actor]):
            # Each member by itself with a few of them: a truth, a number too long, a list.
            found = [{"id": "7", name: value} for name in MEMBERS] if at in {1, 6, 21} else []
            for row in fhir.rows(resource, [*found, dict.fromkeys(MEMBERS, value)]):
                json.dumps(only_known(BY_FHIR[resource], make(row), row), default=str)


@pytest.mark.parametrize("name", catalogue.resources())
def test_a_raw_row_of_any_resource_is_typed_whatever_it_holds(name: str, caplog: pytest.LogCaptureFixture) -> None:
    it = catalogue.resource(name)
    operation = next((one for one in it.operations if one.method == "GET"), None)
    if operation is None:
        return
    names = [one.name for one in it.fields_of(operation)]
    with caplog.at_level(logging.DEBUG):
        for value in JUNK:
            shown = shape_of(operation).typed(dict.fromkeys([*names, "NotCatalogued", "a b"], value))
            json.dumps(shown, default=str)

    assert MARK not in caplog.text


@settings(max_examples=100, derandomize=True, phases=[Phase.generate])
@given(data=st.data())
def test_several_values_of_no_type_at_once_are_no_worse(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(NORMALIZERS)))
    resource, more, make = NORMALIZERS[name]
    row = {one: data.draw(st.sampled_from(JUNK)) for one in columns(resource, *more)}
    shown(make, row, resource, *more)
