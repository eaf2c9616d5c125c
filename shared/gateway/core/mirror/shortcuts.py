"""Fetch plans as the mirror runs them, where Open Dental has to be asked in a roundabout way and the mirror has not.

Open Dental gets no patient's payment by its key, and tells a family's members only together with what they owe. The
outcomes are those of the plans in `core.money_fetches`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.core import fetches, money_fetches
from gateway.core.fetches import Steps
from gateway.core.normalize.patients import has_email, has_phone
from gateway.core.normalize.values import e164, key
from gateway.core.plans import Outcome, Plan, PlanContext, PlanFunction, Row, UpstreamCall

ROW: Final = "mirror.row"
"""Not one of Open Dental's operations: the mirrored row of `path`, a resource and its key."""


def patients(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """See `fetches.patients`. Whom Open Dental finds by telephone or address in its selection window only, as
    summaries, is found here by the whole row; also who belongs to a clinic that the window leaves out.
    """
    if "window" not in input_:
        return (yield from fetches.patients(input_, context))
    window = input_["window"]
    found = (yield UpstreamCall("patients.Simple")).rows
    rows: list[Row] = [row for row in found if _has(row, window.get("Phone"), window.get("Email"))]
    return Outcome(rows={"patients": rows})


def _has(row: Row, national: str | None, email: str | None) -> bool:
    # The window is asked without the country, so that a number may be meant in two ways; the use case knows which.
    phones = (None,) if national is None else (e164(national), e164(f"+{national}"))
    return has_email(row, email) and any(
        national is None or (phone is not None and has_phone(row, phone)) for phone in phones
    )


def payment(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """See `money_fetches.payment`."""
    if input_["key"] < 0:
        return (yield from money_fetches.payment(input_, context))
    return (yield from payments_by_key({"keys": [input_["key"]]}, context))


def payments_by_key(input_: Mapping[str, Any], context: PlanContext) -> Plan:  # noqa: ARG001 - the contract of a plan.
    """See `money_fetches.payments_by_key`."""
    found = yield from _payments(input_["keys"])
    splits: list[Row] = []
    for number in input_["keys"]:
        splits += (yield UpstreamCall("paysplits.list", query={"PayNum": number})).rows
    return Outcome(rows={"payments": found, "paysplits": splits})


def payments_of_patient(input_: Mapping[str, Any], context: PlanContext) -> Plan:  # noqa: ARG001
    """See `money_fetches.payments_of_patient`."""
    of_patient = {"PatNum": input_["key"]}
    rows: dict[str, list[Row]] = {"payments": [], "paysplits": [], "claimprocs": []}
    if input_["payments"]:
        rows["payments"] += (yield UpstreamCall("payments.list", query=of_patient)).rows
        rows["paysplits"] += (yield UpstreamCall("paysplits.list", query=of_patient)).rows
        own = {key(row.get("PayNum")) for row in rows["payments"]}
        rows["payments"] += yield from _payments({key(one.get("PayNum")) for one in rows["paysplits"]} - own - {0})
    if input_["lines"]:
        rows["claimprocs"] += (yield UpstreamCall("claimprocs.list", query=of_patient)).rows
    return Outcome(rows=rows)


def family_splits(input_: Mapping[str, Any], context: PlanContext) -> Plan:  # noqa: ARG001 - the contract of a plan.
    """See `money_fetches.family_splits`."""
    patient = (yield UpstreamCall("patients.get", path={"PatNum": input_["key"]})).row
    family = (yield UpstreamCall("patients.Simple", query={"Guarantor": key(patient.get("Guarantor"))})).rows
    splits: list[Row] = []
    for member in sorted({key(row.get("PatNum")) for row in family} - {input_["key"]}):
        splits += (yield UpstreamCall("paysplits.list", query={"PatNum": member})).rows
    return Outcome(rows={"paysplits": splits})


def _payments(keys: Iterable[int]) -> Steps[list[Row]]:
    found: list[Row] = []
    for number in sorted(keys):
        found += (yield UpstreamCall(ROW, path={"payments": number})).rows
    return found


SHORTCUTS: Final[Mapping[str, PlanFunction]] = {
    "fetch.patients": patients,
    "fetch.payment": payment,
    "fetch.payments_by_key": payments_by_key,
    "fetch.payments_of_patient": payments_of_patient,
    "fetch.family_splits": family_splits,
}
