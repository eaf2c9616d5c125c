"""The families of what stands on an account: adjustments and payment plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import Field

from gateway.core.capability import require
from gateway.core.errors import NotFound
from gateway.core.fetches import knows
from gateway.core.inputs import Day
from gateway.core.normalize import accounts
from gateway.core.normalize.office import office
from gateway.core.normalize.values import day, key, text
from gateway.core.practices import Practice
from gateway.core.reads.families import Bound, Family, Related
from gateway.core.reads.lists import Reading, Row, key_of, too_many_calls
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery


class AdjustmentQuery(ObjectQuery):
    """What one adjustment can be asked for. Open Dental has no single GET, so one of the ids must be sent."""

    patient_id: Id | None = None
    procedure_id: Id | None = None


class AdjustmentsQuery(ListQuery):
    """Filters of `GET /adjustments`. Open Dental lists those of one patient; `updated_since` bounds nothing."""

    patient_id: Id | None = None
    procedure_id: Id | None = None
    """May stand for the patient, which costs a call."""
    type_id: Id | None = None
    effect: Literal["charge", "credit"] | None = None
    date_from: Day | None = None
    date_to: Day | None = None
    """Days of `adjusted_on`, both included."""


class PaymentPlanQuery(ObjectQuery):
    """What one plan can be asked for. Offices before 24.4.30 find it only under one of the people."""

    patient_id: Id | None = None
    guarantor_id: Id | None = None


class PaymentPlansQuery(ListQuery):
    """Filters of `GET /payment_plans`. Open Dental lists those of one patient or guarantor."""

    patient_id: Id | None = None
    guarantor_id: Id | None = None
    kind: list[Literal["dynamic", "patient", "insurance"]] | None = None
    is_closed: bool | None = None
    expand: list[Literal["charges"]] = Field(default=[], max_length=1)
    """`charges` costs a call a plan, one more for a dynamic one, and a few for all."""


def _of_the_procedures_patient(query: Any, practice: Practice, reading: Reading) -> Any:
    """The query with the patient whose procedure it names: the list cannot be asked for a procedure alone."""
    if query.procedure_id is None or query.patient_id is not None:
        return query
    number = key_of(query.procedure_id, "procedure", practice, param="procedure_id")
    rows = reading.rows("fetch.procedurelog", {"key": number}, of="procedure_id")["procedurelogs"]
    patient = key(rows[0].get("PatNum")) if rows else 0
    if not patient:
        raise NotFound("no such procedure", param="procedure_id")
    return query.model_copy(update={"patient_id": office(practice).patient(patient)})


def _with_charges(rows: Sequence[Row], reading: Reading, query: Any, single: bool) -> Related:  # noqa: FBT001 - the engine's
    if not single and "charges" not in query.expand:
        return {}, accounts.NEEDS_CHARGES
    if not rows:
        return {}, ()
    practice = reading.practice
    require(practice, "payplancharges.list", "paysplits.list", "preferences.list")
    kinds = {key(row.get("PayPlanNum")): accounts.kind_of_plan(row) for row in rows}
    if "insurance" in kinds.values():
        require(practice, "claimprocs.list")
    insured = [row for row in rows if accounts.kind_of_plan(row) == "insurance"]
    others = [row for row in rows if accounts.kind_of_plan(row) != "insurance"]
    dynamic = [number for number, kind in kinds.items() if kind == "dynamic"]
    asked = {
        "plans": list(kinds),
        "dynamic": dynamic if knows(practice, "payplanlinks.list") else [],
        # Splits can be asked for by patient, not by plan, and both the patient and the guarantor may have them.
        "payers": _people(others, "PatNum", "Guarantor"),
        "insured": _people(insured, "PatNum"),
    }
    too_many_calls(sum(map(len, asked.values())), "expand=charges")
    found = reading.rows("fetch.plan_parts", asked)
    rules = [text(row.get("ValueString")) for row in found["preferences"]]
    related = {
        "charges": found["payplancharges"],
        "links": found["payplanlinks"] if not dynamic or asked["dynamic"] else None,
        "splits": found["paysplits"],
        "lines": found["claimprocs"],
        "account_rule": rules[0] if rules else None,
    }
    return related, ()


def _people(rows: Sequence[Row], *columns: str) -> list[int]:
    found = (key(row.get(column)) for row in rows for column in columns)
    return [one for one in dict.fromkeys(found) if one]


ADJUSTMENTS: Final = Family(
    obj="adjustments",
    kind="adjustment",
    resource="adjustments",
    row_key="AdjNum",
    normalize=accounts.adjustment,
    bounds=(Bound("patient_id", "PatNum", "patient"), Bound("procedure_id", "ProcNum", "procedure")),
    matches=(Bound("type_id", "AdjType", "definition"),),
    complete=_of_the_procedures_patient,
    tests={
        "effect": lambda row, wanted, _: accounts.effect_of(row) == wanted,
        "date_from": lambda row, wanted, _: (day(row.get("AdjDate")) or "") >= wanted.isoformat(),
        "date_to": lambda row, wanted, _: (day(row.get("AdjDate")) or "9999") <= wanted.isoformat(),
    },
    stamp="SecDateTEdit",
)

PAYMENT_PLANS: Final = Family(
    obj="payment_plans",
    kind="payment_plan",
    resource="payplans",
    row_key="PayPlanNum",
    normalize=accounts.payment_plan,
    bounds=(Bound("patient_id", "PatNum", "patient"), Bound("guarantor_id", "Guarantor", "patient")),
    tests={
        "kind": lambda row, wanted, _: accounts.kind_of_plan(row) in wanted,
        "is_closed": lambda row, wanted, _: (str(row.get("IsClosed")).casefold() == "true") is wanted,
    },
    relate=_with_charges,
    watched=accounts.WATCHED_PLANS,
)
