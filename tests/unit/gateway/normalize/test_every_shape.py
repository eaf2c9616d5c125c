"""Whatever form a row takes that the catalogue allows, its object conforms to the published schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import normalize, objects
from gateway.core.normalize import accounts, coverages
from gateway.core.objects import account, coverage
from open_dental import catalogue
from tests.fakes import ELM_STREET

READ_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(str) | st.just("0001-01-01")
MOMENTS = (
    st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1)).map(lambda at: f"{at:%Y-%m-%d %H:%M:%S}")  # noqa: DTZ001
    | st.sampled_from(["0001-01-01 00:00:00", "2026-03-08 02:30:00", "2026-11-01 01:30:00", "2026-03-03 00:00:00"])
)
KEYS = st.sampled_from([0, 1, 7, 2**63 - 1]) | st.integers(1, 10**6)
AMOUNTS = st.decimals(-5000, 5000, places=2) | st.sampled_from([Decimal(-1), Decimal("0.0"), Decimal("62.005")])
TEXTS = st.sampled_from(
    ["", "  ", "Miller", "(503)555-0123", "a@example.com,b@example.com", "UR", "D0120", "CO-45, PR-1"]
)
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "int": KEYS,
    "int_string": KEYS.map(str),
    "float": AMOUNTS,
    "decimal_string": AMOUNTS.map(str),
    "bool_string": st.sampled_from(["true", "false", "True", ""]),
    "date": DAYS,
    "datetime": MOMENTS,
    "string": TEXTS,
}


def rows_of(resource: str, operation: str | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of one answer: every column by its type, every enumeration by its words and one nobody knows."""
    known = catalogue.resource(resource)
    fields = known.fields if operation is None else known.fields_of(operation)
    return st.fixed_dictionaries(
        {
            field.name: st.sampled_from([*field.enum, "", "Unheard of"])
            if field.enum
            else BY_TYPE.get(field.type, TEXTS)
            for field in fields
        }
    )


def as_is(normalizer: Callable[..., dict[str, Any]], **more: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: normalizer(row, practice=ELM_STREET, synced_at=READ_AT, raw=True, **more)


def owned(row: dict[str, Any], parts: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return [{**part, key: row[key]} for part in parts]


SHAPES: dict[str, tuple[Any, st.SearchStrategy[Any], Callable[[Any], dict[str, Any]]]] = {
    "patient": (objects.Patient, rows_of("patients"), as_is(normalize.patient, show_ssn=True)),
    "patient summary": (
        objects.Patient,
        rows_of("patients", "patients.list"),
        as_is(normalize.patient, detail="summary"),
    ),
    "appointment": (
        objects.Appointment,
        st.tuples(
            rows_of("appointments").flatmap(
                lambda row: st.text("X/", max_size=30).map(lambda pattern: {**row, "Pattern": pattern})
            ),
            st.lists(rows_of("procedurelogs"), max_size=2),
            st.lists(rows_of("histappointments"), max_size=2),
        ),
        lambda made: as_is(
            normalize.appointment,
            procedures=owned(made[0], made[1], "AptNum"),
            history=owned(made[0], made[2], "AptNum"),
        )(made[0]),
    ),
    "procedure": (objects.Procedure, rows_of("procedurelogs"), as_is(normalize.procedure)),
    "claim": (
        objects.Claim,
        st.tuples(rows_of("claims"), st.lists(rows_of("claimprocs"), max_size=3), rows_of("carriers")),
        lambda made: as_is(normalize.claim, lines=owned(made[0], made[1], "ClaimNum"), carrier=made[2])(made[0]),
    ),
    "payment": (
        objects.Payment,
        st.tuples(rows_of("payments"), st.lists(rows_of("paysplits"), max_size=3)),
        lambda made: as_is(normalize.patient_payment, splits=owned(made[0], made[1], "PayNum"))(made[0]),
    ),
    "insurance payment": (
        objects.Payment,
        st.tuples(rows_of("claimpayments"), st.lists(rows_of("claimprocs"), max_size=3)),
        lambda made: as_is(normalize.insurance_payment, lines=owned(made[0], made[1], "ClaimPaymentNum"))(made[0]),
    ),
    "adjustment": (account.Adjustment, rows_of("adjustments"), as_is(accounts.adjustment)),
    "payment plan": (
        account.PaymentPlan,
        st.tuples(
            rows_of("payplans"),
            st.lists(rows_of("payplancharges"), max_size=3),
            st.lists(rows_of("payplanlinks"), max_size=2),
            st.lists(rows_of("paysplits"), max_size=2),
            st.sampled_from([None, "1", "2", "3", "4", "5"]),
        ),
        lambda made: as_is(
            accounts.payment_plan,
            charges=owned(made[0], made[1], "PayPlanNum"),
            links=owned(made[0], made[2], "PayPlanNum"),
            splits=owned(made[0], made[3], "PayPlanNum"),
            account_rule=made[4],
        )(made[0]),
    ),
    "balance": (
        account.Balance,
        st.tuples(
            st.lists(rows_of("accountmodules", "accountmodules.PatientBalances"), max_size=3),
            rows_of("accountmodules", "accountmodules.Aging"),
        ),
        lambda made: accounts.balance(
            7,
            practice=ELM_STREET,
            synced_at=READ_AT,
            members=made[0],
            aging=made[1],
            own_aging=made[1],
            aged_on="2026-03-01",
            family="",
            raw=True,
        ),
    ),
    "coverage": (
        coverage.Coverage,
        st.tuples(
            rows_of("inssubs"),
            st.lists(rows_of("patplans"), max_size=2),
            rows_of("insplans"),
            st.lists(rows_of("benefits"), max_size=3),
            rows_of("covcats"),
        ),
        lambda made: as_is(
            coverages.coverage,
            places=owned(made[0], made[1], "InsSubNum"),
            plans=owned(made[0], [made[2]], "PlanNum"),
            benefits=[
                *owned(made[0], made[3], "PlanNum"),
                *({**one, "CovCatNum": made[4]["CovCatNum"], "PlanNum": made[0]["PlanNum"]} for one in made[3]),
            ],
            categories=[made[4]],
            verified=[],
        )(made[0]),
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=60)
@given(data=st.data())
def test_every_shape_conforms_to_the_schema_and_is_json(shape: str, data: st.DataObject) -> None:
    model, rows, make = SHAPES[shape]
    shown = make(data.draw(rows))

    model.model_validate(shown, strict=True)
    assert json.loads(json.dumps(shown)) == shown
