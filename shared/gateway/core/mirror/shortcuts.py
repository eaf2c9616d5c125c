"""Fetch plans as the mirror runs them, where Open Dental has to be asked in a roundabout way and the mirror has not.

Open Dental gets no patient's payment by its key, and tells a family's members only together with what they owe. The
outcomes are those of the plans in `core.money_fetches`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from gateway.core import fetches, money_fetches
from gateway.core.fetches import Steps
from gateway.core.normalize.patients import has_email, has_phone
from gateway.core.normalize.values import e164, key
from gateway.core.plans import Outcome, Plan, PlanContext, PlanFunction, Row, UpstreamCall

ROW: Final = "mirror.row"
"""Not one of Open Dental's operations: the mirrored row of `path`, a resource and its key."""


LED: Final = "mirror.led"
"""Nor is this one: the rows that `Led`, its query, leads to."""


@dataclass(frozen=True, slots=True)
class Led:
    """Rows of the list `operation` that ways lead to: by the `values` of ways, each with its way's name, or by what
    `PatientsQuery.name` or `any_name` says. They are rows of one of the `queries`, as the list has them."""

    operation: str
    queries: Sequence[Mapping[str, Any]]
    values: Sequence[tuple[str, str]] = ()
    name: str | None = None
    any_name: str | None = None


def _led(led: Led) -> UpstreamCall:
    return UpstreamCall(LED, query={one.name: getattr(led, one.name) for one in fields(led)})


def patients(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """See `fetches.patients`.

    Whom Open Dental finds by telephone or address in its selection window only, as summaries, is found here by the
    whole row; also who belongs to a clinic that the window leaves out. By name come those whom the caller means: words
    that begin so. Open Dental looks for the longest of them anywhere in a name, and who asked leaves out the rest.
    """
    if "window" in input_:
        return (yield from _by_contact(input_["window"]))
    queries = input_.get("queries", ())
    if any({"LName", "FName"} & query.keys() for query in queries) and not any("Birthdate" in one for one in queries):
        meant = {name: input_[name] for name in ("name", "any_name") if name in input_}
        # Both at once are asked for by one of them only.
        by_name = {"name": meant["name"]} if "name" in meant else meant
        named: list[Row] = [*(yield _led(Led("patients.Simple", queries, **by_name))).rows]
        return Outcome(rows={"patients": named})
    return (yield from fetches.patients(input_, context))


def _by_contact(window: Mapping[str, Any]) -> Steps[Outcome]:
    national, email = window.get("Phone"), window.get("Email")
    # The window is asked without the country, so that a number may be meant in two ways; the use case knows which.
    meant = () if national is None else (e164(national), e164(f"+{national}"))
    numbers = dict.fromkeys(number for number in meant if number is not None)
    values = [("phone", number) for number in numbers] or [("email", (email or "").casefold())]
    found = (yield _led(Led("patients.Simple", [{}], values))).rows
    rows: list[Row] = [
        row for row in found if has_email(row, email) and (not numbers or any(has_phone(row, one) for one in numbers))
    ]
    return Outcome(rows={"patients": rows})


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
