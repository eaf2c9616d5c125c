"""The fetch plans of money whose rows are spread over several resources. As `core.fetches` says of all of them.

Open Dental has no single GET of a patient's payment, and a payment is listed under one patient only, though its splits
may be for others of the family or of another one. Sources: https://www.opendental.com/site/apipayments.html,
https://www.opendental.com/site/apipaysplits.html, https://www.opendental.com/site/apiaccountmodules.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from gateway.core.errors import NotFound, UpstreamRefused, VersionTooOld
from gateway.core.fetches import Steps, collect, none_if_not_found
from gateway.core.normalize.values import day, key
from gateway.core.plans import Outcome, Plan, PlanContext, Row, UpstreamCall
from gateway.core.practices import Practice
from open_dental.paging import Paging
from open_dental.versions import Version

LISTS_OF_ALL: Final = "23.3.11"
"""Since then payments can be listed without naming a patient."""
SPLITS_BY_ONE: Final = "24.4.24"
"""Since then splits can surely be listed by patient or payment alone; before, both may be needed."""
PLAN_RULE: Final = "PayPlansVersion"
LAST_AGING: Final = "DateLastAging"
FAMILY: Final = "Entire Family"
"""What the row of `PatientBalances` is called that is no patient's."""

_PAGES_OF_A_DAY: Final = 10
_ENTERED_LATE: Final = timedelta(days=31)
"""How long before the day of a split its payment's entry is looked for: splits can be made anew, payments not."""


def payments_of_patient(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """What was paid by a patient or for one: payments with the patient's splits, and the claim lines that were paid.

    `key`: the patient. `payments`, `lines`: which of the two are wanted. Payments that somebody else made for the
    patient are looked for in the family: a call for its members, and one each until all are found.
    """
    practice, number = context.practice, input_["key"]
    rows: dict[str, list[Row]] = {"payments": [], "paysplits": [], "claimprocs": []}
    if input_["payments"]:
        rows["payments"] = yield from collect("payments.list", {"PatNum": number}, practice)
        rows["paysplits"] = yield from none_if_not_found(_splits({"PatNum": number}, practice))
        own = {key(row.get("PayNum")) for row in rows["payments"]}
        foreign = [split for split in rows["paysplits"] if key(split.get("PayNum")) not in own]
        if foreign:
            rows["payments"] += yield from _made_by_others(foreign, practice, tried=[number])
    if input_["lines"]:
        steps = collect("claimprocs.list", {"PatNum": number}, practice)
        rows["claimprocs"] = yield from none_if_not_found(steps) if input_["payments"] else steps
    return Outcome(rows=rows)


def payments_by_key(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Patients' payments of these `keys`, each looked for by its splits: two calls each at least."""
    payments, splits = list[Row](), list[Row]()
    for number in input_["keys"]:
        own = yield from none_if_not_found(_splits({"PayNum": number}, context.practice))
        found = yield from _header(own, context.practice, tried=[])
        payments += found
        splits += own
    return Outcome(rows={"payments": payments, "paysplits": splits})


def payment(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """One payment with all it is for: two calls, unless its payer is none of those it is for.

    `key`: of a claim payment below zero, as `ids.insurance_payment_key` makes it. `patient`: the payer, where known.
    """
    practice, number = context.practice, input_["key"]
    if number < 0:
        row = (yield UpstreamCall("claimpayments.get", path={"ClaimPaymentNum": -number})).row
        steps = collect("claimprocs.list", {"ClaimPaymentNum": -number}, practice)
        return Outcome(rows={"claimpayments": [row], "claimprocs": (yield from none_if_not_found(steps))})
    splits = yield from none_if_not_found(_splits({"PayNum": number}, practice))
    found, tried = list[Row](), list[int]()
    if payer := input_.get("patient"):
        tried.append(payer)
        listed = yield from none_if_not_found(collect("payments.list", {"PatNum": payer}, practice))
        found = [row for row in listed if key(row.get("PayNum")) == number]
    if not found:
        found = yield from _header(splits, practice, tried=tried)
    if not found:
        raise NotFound("no such payment")
    return Outcome(rows={"payments": found, "paysplits": splits})


def allocations(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """What `payments` and `claim_payments` of these keys are for: a call each."""
    practice = context.practice
    splits, lines = list[Row](), list[Row]()
    for number in input_["payments"]:
        splits += yield from none_if_not_found(_splits({"PayNum": number}, practice))
    for number in input_["claim_payments"]:
        lines += yield from none_if_not_found(collect("claimprocs.list", {"ClaimPaymentNum": number}, practice))
    return Outcome(rows={"paysplits": splits, "claimprocs": lines})


def family_splits(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Splits of everybody in the family of the patient `key` but that patient: a call, and one a member."""
    splits = list[Row]()
    for member in (yield from _family(input_["key"])):
        if member != input_["key"]:
            splits += yield from none_if_not_found(_splits({"PatNum": member}, context.practice))
    return Outcome(rows={"paysplits": splits})


def plan_parts(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """What hangs on payment `plans`: a call each for their charges and, where `dynamic`, for what they finance; one for
    each of the `payers` and `insured`, whose splits or claim lines pay them; and the office's rule how plans count.
    """
    practice = context.practice
    rows: dict[str, list[Row]] = {}
    for resource, param, keys in (
        ("payplancharges", "PayPlanNum", input_["plans"]),
        ("payplanlinks", "PayPlanNum", input_["dynamic"]),
        ("claimprocs", "PatNum", input_["insured"]),
    ):
        rows[resource] = []
        for number in keys:
            rows[resource] += yield from none_if_not_found(collect(f"{resource}.list", {param: number}, practice))
    rows["paysplits"] = []
    for number in input_["payers"]:
        rows["paysplits"] += yield from none_if_not_found(_splits({"PatNum": number}, practice))
    rows["preferences"] = yield from _preference(PLAN_RULE, practice)
    return Outcome(rows=rows)


def balances(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """What a family owes: the aging of each of `keys`; and unless `aging_only` the members' balances, and when the
    office last aged.
    """
    keys = input_["keys"]
    aged = list[Row]()
    for number in keys:
        try:
            row = (yield UpstreamCall("accountmodules.Aging", path={"PatNum": number})).row
        except UpstreamRefused as error:
            # What Open Dental says of a deleted patient; nothing else about the call could be invalid.
            raise NotFound("no such account", upstream=error.upstream) from error
        # The answer does not say whose it is.
        aged.append({"PatNum": number, **row})
    if input_.get("aging_only"):
        return Outcome(rows={"accountmodules.Aging": aged})
    answer = yield UpstreamCall("accountmodules.PatientBalances", path={"PatNum": keys[0]})
    members: list[Row] = list(answer.rows)
    preferences = yield from _preference(LAST_AGING, context.practice)
    return Outcome(
        rows={
            "accountmodules.Aging": aged,
            "accountmodules.PatientBalances": members,
            "preferences": preferences,
        }
    )


def _preference(name: str, practice: Practice) -> Steps[list[Row]]:
    """The row of one preference. Others, should they come, are nobody's business: there are passwords among them."""
    rows = yield from none_if_not_found(collect("preferences.list", {"PrefName": name}, practice))
    return [row for row in rows if row.get("PrefName") == name]


def _splits(query: Mapping[str, Any], practice: Practice) -> Steps[list[Row]]:
    try:
        return (yield from collect("paysplits.list", query, practice))
    except UpstreamRefused as error:
        if _has(practice, SPLITS_BY_ONE):
            raise
        raise VersionTooOld(
            "the office's Open Dental cannot list splits by patient or payment alone yet", version=SPLITS_BY_ONE
        ) from error


def _header(splits: list[Row], practice: Practice, *, tried: list[int]) -> Steps[list[Row]]:
    """The payments of `splits`, looked for under those whom they are for, then in the family, then by day."""
    wanted = _payments(splits)
    found = list[Row]()
    for patient in dict.fromkeys(key(split.get("PatNum")) for split in splits):
        if not wanted or patient in tried:
            continue
        tried.append(patient)
        found += yield from _listed_under(patient, wanted, practice)
    rest = [split for split in splits if key(split.get("PayNum")) in wanted]
    return found + (yield from _made_by_others(rest, practice, tried=tried)) if rest else found


def _made_by_others(splits: list[Row], practice: Practice, *, tried: list[int]) -> Steps[list[Row]]:
    """The payments of `splits`, looked for in the family of whom they are for, guarantor first, then by day."""
    wanted = _payments(splits)
    found = list[Row]()
    for member in (yield from _family(key(splits[0].get("PatNum")))):
        if not wanted:
            break
        if member not in tried:
            tried.append(member)
            found += yield from _listed_under(member, wanted, practice)
    if wanted and _has(practice, LISTS_OF_ALL):
        rest = [split for split in splits if key(split.get("PayNum")) in wanted]
        found += yield from _listed_since(rest, wanted, practice)
    return found


def _listed_under(patient: int, wanted: set[int], practice: Practice) -> Steps[list[Row]]:
    """Those of `wanted` that are listed under `patient`; they are no longer wanted then."""
    listed = yield from none_if_not_found(collect("payments.list", {"PatNum": patient}, practice))
    return _taken(listed, wanted)


def _listed_since(splits: list[Row], wanted: set[int], practice: Practice) -> Steps[list[Row]]:
    """Those of `wanted` that were entered about when `splits` were: for what another family paid."""
    days = [one for split in splits for column in ("DatePay", "DateEntry") if (one := day(split.get(column)))]
    if not days:
        return []
    since = date.fromisoformat(min(days)) - _ENTERED_LATE
    paging = Paging("payments.list", {"DateEntry": since.isoformat()}, page_limit=practice.page_limit)
    found = list[Row]()
    while wanted and paging.pages_read < _PAGES_OF_A_DAY and (page := paging.next_query()) is not None:
        rows = paging.take((yield UpstreamCall("payments.list", query=page)).rows)
        found += _taken(rows, wanted)
        if rows and key(rows[-1].get("PayNum")) > max(wanted, default=0):
            break
    return found


def _taken(rows: Iterable[Row], wanted: set[int]) -> list[Row]:
    found = [row for row in rows if key(row.get("PayNum")) in wanted]
    wanted.difference_update(key(row.get("PayNum")) for row in found)
    return found


def _family(patient: int) -> Steps[list[int]]:
    """The members' keys, the guarantor's first; none of a deleted patient, who has no account."""
    try:
        rows = (yield UpstreamCall("accountmodules.PatientBalances", path={"PatNum": patient})).rows
    except (UpstreamRefused, NotFound):
        return []
    # The row of the whole family carries the guarantor's key.
    heads = [key(row.get("PatNum")) for row in rows if row.get("Name") == FAMILY]
    members = [key(row.get("PatNum")) for row in rows if row.get("Name") != FAMILY]
    return [one for one in dict.fromkeys(heads + members) if one]


def _payments(splits: Iterable[Row]) -> set[int]:
    return {found for split in splits if (found := key(split.get("PayNum")))}


def _has(practice: Practice, since: str) -> bool:
    return practice.version is None or Version.parse(practice.version).has(Version.parse(since))
