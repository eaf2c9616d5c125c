"""Posting a carrier's payment for one claim: lines received, claim received, payment finalized, as one operation.

It stops at the step that fails and says which stand: every write has a ledger row of its own, and the PUTs are absolute
so that they may be sent again. Office preferences and the claim's state are read before the first of them.
Sources: https://www.opendental.com/site/apiclaimprocs.html, https://www.opendental.com/site/apiclaims.html,
https://www.opendental.com/site/apiclaimpayments.html.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from decimal import Decimal
from typing import Any

from gateway.core import normalize
from gateway.core.capability import require
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.ids import insurance_payment_key, row_id
from gateway.core.normalize.values import money_of
from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, UpstreamAnswer, UpstreamCall
from gateway.core.writes.common import blames, day_of, listed, not_by_us, with_reference
from open_dental import wire

BATCH_ONLY = "ClaimPaymentBatchOnly"
FUTURE_DATES = "FutureTransDatesAllowed"
PAYMENT_TYPES = 32
"""The category of definitions that are types of insurance payments."""
_UNSENT = frozenset({"U", "H", "W", "I"})
_ANSWERED = frozenset({"Received", "Supplemental"})


@blames(
    claimNum="claim_id",
    claimNums="claim_id",
    CheckAmt="amount",
    CheckDate="received_on",
    DateIssued="issued_on",
    PayType="payment_type_id",
    CheckNum="check_number",
    BankBranch="bank_branch",
    Note="note",
)
def create_for_claim(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `POST /create_payment` with `kind: insurance`.

    `input_`: `claim` (key), `amount` (text), `received_on`, `issued_on` (text or None), `payment_type` (key or 0),
    `check_number`, `bank_branch`, `note`, `lines` (`[{"line": key, "paid": text, "write_off", "deductible",
    "remarks"}]`, what is not said is None).

    Raises:
        NotFound: a line that is not on the claim; no such type of insurance payments.
        Conflict: `reason` says why the claim takes no payment: `preauthorization`, `not-sent`, `line-locked`,
            `line-open`, `write-off-too-large`, `already-received` (with `payment_ids`: every line is on a payment); or,
            after the lines were set, `lines-changed`.
        Invalid: the amount is not what the lines add up to, which is `expected`; the day of entry is to come, in an
            office that allows none.
        VersionTooOld: the office only takes batch payments and is too old for the API's.
    """
    practice = context.practice
    batch_only = yield from _preference(BATCH_ONLY)
    finalize = "claimpayments.Batch" if batch_only else "claimpayments.create"
    require(practice, finalize)
    yield from _check_entry(input_, context)
    claim = (yield UpstreamCall("claims.get", path={"ClaimNum": input_["claim"]})).row
    _check_claim(claim)
    lines = yield from _lines(input_["claim"], context)
    decided = {line["line"]: line for line in input_["lines"]}
    _check_paid(lines, context)
    _check_lines(decided, lines, Decimal(input_["amount"]))

    for line in lines:
        number = wire.key(line["ClaimProcNum"]) or 0
        changes = _changes(line, decided[number]) if number in decided else {}
        if changes:
            yield UpstreamCall("claimprocs.update", path={"ClaimProcNum": number}, body=changes, step=f"line-{number}")
    if claim.get("ClaimStatus") != "R":
        body = {"ClaimStatus": "R", "DateReceived": day_of(input_["received_on"], context).isoformat()}
        yield UpstreamCall("claims.update", path={"ClaimNum": input_["claim"]}, body=body, step="receive")

    # Read again: a batch takes any amount, and turns (or days, where the office was closed) may lie in between.
    lines = yield from _lines(input_["claim"], context)
    due = [line for line in lines if line.get("Status") in _ANSWERED and not wire.key(line.get("ClaimPaymentNum"))]
    if sum(wire.money(line.get("InsPayAmt")) or 0 for line in due) != Decimal(input_["amount"]):
        raise Conflict(
            "the office changed the claim's lines meanwhile, and they do not add up to the amount any more",
            param="amount",
            reason="lines-changed",
            step="finalize",
        )
    posted = (yield _post(input_, finalize, lines, due, context)).row
    payment_key = wire.key(posted.get("ClaimPaymentNum")) or 0
    row = (yield UpstreamCall("claimpayments.get", path={"ClaimPaymentNum": payment_key})).row
    after = yield from _lines(input_["claim"], context)
    body = normalize.insurance_payment(
        row,
        practice=practice,
        lines=[line for line in after if wire.key(line.get("ClaimPaymentNum")) == payment_key],
        synced_at=context.accepted_at,
    )
    warnings = not_by_us(row, "Note", context)
    if body["is_partial"]:
        detail = "the office changed the claim's lines in the same moment: the payment is not what they add up to"
        warnings = (*warnings, {"code": "partial-payment", "detail": detail})
    return Outcome(body=body, created=True, warnings=warnings)


def _preference(name: str) -> Generator[UpstreamCall, UpstreamAnswer, bool]:
    rows = (yield UpstreamCall("preferences.list", query={"PrefName": name})).rows
    return any(row.get("PrefName") == name and wire.flag(row.get("ValueString")) for row in rows)


def _check_entry(input_: Mapping[str, Any], context: PlanContext) -> Generator[UpstreamCall, UpstreamAnswer, None]:
    """What only the last step would refuse, when the lines and the claim are received already."""
    if day_of(input_["received_on"], context) > day_of(None, context) and not (yield from _preference(FUTURE_DATES)):
        raise Invalid("this office takes no payment of a day to come", param="received_on")
    if input_["payment_type"]:
        types = yield from listed("definitions.list", {"Category": PAYMENT_TYPES, "includeHidden": True}, context)
        if not any(wire.key(row.get("DefNum")) == input_["payment_type"] for row in types):
            raise NotFound("no such type of insurance payments", param="payment_type_id")


def _lines(claim: int, context: PlanContext) -> Generator[UpstreamCall, UpstreamAnswer, list[Any]]:
    rows = yield from listed("claimprocs.list", {"ClaimNum": claim}, context)
    return [row for row in rows if wire.key(row.get("ClaimNum")) == claim]


def _check_claim(claim: Mapping[str, Any]) -> None:
    if claim.get("ClaimType") == "PreAuth":
        raise Conflict("a preauthorization takes no payment", param="claim_id", reason="preauthorization")
    if claim.get("ClaimStatus") in _UNSENT:
        raise Conflict(
            "the claim has not been sent: PATCH /claims/{id} with status sent says that it was",
            param="claim_id",
            reason="not-sent",
        )


def _check_paid(lines: list[Any], context: PlanContext) -> None:
    """Refuse a claim that has nothing left to pay, and say what paid it. Raises: Conflict."""
    paid = {number for line in lines if (number := wire.key(line.get("ClaimPaymentNum")))}
    waits = {"NotReceived", *_ANSWERED}
    if paid and not any(one.get("Status") in waits and not wire.key(one.get("ClaimPaymentNum")) for one in lines):
        raise Conflict(
            "every line of the claim is on a payment already",
            param="claim_id",
            reason="already-received",
            payment_ids=[
                row_id("payment", context.practice.id, insurance_payment_key(number)) for number in sorted(paid)
            ],
        )


def _check_lines(decided: Mapping[int, Mapping[str, Any]], lines: list[Any], amount: Decimal) -> None:
    """Refuse before the first write what the last one would refuse."""
    by_key = {wire.key(line["ClaimProcNum"]): line for line in lines}
    total = Decimal(0)
    for key, line in decided.items():
        row = by_key.get(key)
        if row is None:
            raise NotFound("a line is not on this claim", param="lines")
        if wire.key(row.get("ClaimPaymentNum")) or row.get("Status") not in {"NotReceived", *_ANSWERED}:
            raise Conflict("a line is locked by a payment or its status", param="lines", reason="line-locked")
        billed = wire.money(row.get("FeeBilled")) or Decimal(0)
        if line["write_off"] is not None and Decimal(line["write_off"]) > billed:
            # Open Dental takes it as it comes, and the patient's balance would turn into a credit.
            raise Conflict("a line is written off by more than was billed", param="lines", reason="write-off-too-large")
        total += Decimal(line["paid"])
    for number, row in by_key.items():
        if row.get("Status") == "NotReceived" and number not in decided:
            # Open Dental finalizes received claims only, and a claim is received when its last line is.
            raise Conflict(
                "each open line needs its result in lines; else split the claim in Open Dental first",
                param="lines",
                reason="line-open",
            )
        answered = row.get("Status") in _ANSWERED and not wire.key(row.get("ClaimPaymentNum"))
        if answered and number not in decided:
            total += wire.money(row.get("InsPayAmt")) or 0
    if total != amount:
        raise Invalid(
            "amount is not what is paid on these lines and on received lines without a payment",
            param="amount",
            expected=money_of(total),
        )


def _changes(row: Mapping[str, Any], line: Mapping[str, Any]) -> dict[str, Any]:
    """What a line needs to become as decided; nothing where it is so already."""
    changes: dict[str, Any] = {}
    if row.get("Status") == "NotReceived":
        changes["Status"] = "Received"
    for member, field in (("paid", "InsPayAmt"), ("write_off", "WriteOff"), ("deductible", "DedApplied")):
        if line[member] is not None and wire.money(row.get(field)) != Decimal(line[member]):
            changes[field] = line[member]
    if line["remarks"] is not None and str(row.get("Remarks") or "") != line["remarks"]:
        changes["Remarks"] = line["remarks"]
    return changes


def _post(
    input_: Mapping[str, Any], finalize: str, lines: list[Any], due: list[Any], context: PlanContext
) -> UpstreamCall:
    claim: dict[str, Any] = (
        {"claimNums": [input_["claim"]]} if finalize == "claimpayments.Batch" else {"claimNum": input_["claim"]}
    )
    body = claim | {
        "CheckAmt": input_["amount"],
        "CheckDate": day_of(input_["received_on"], context).isoformat(),
        "Note": with_reference(input_["note"], context),
    }
    optional = {
        "DateIssued": input_["issued_on"],
        "PayType": input_["payment_type"],
        "CheckNum": input_["check_number"],
        "BankBranch": input_["bank_branch"],
    }
    body |= {name: value for name, value in optional.items() if value}
    return UpstreamCall(
        finalize,
        body=body,
        step="finalize",
        evidence=Evidence(
            # A payment's row names no claim; the claim's lines name their payment.
            look=UpstreamCall("claimprocs.list", query={"ClaimNum": input_["claim"]}),
            key_field="ClaimPaymentNum",
            natural={"ClaimNum": input_["claim"]},
            known_keys=frozenset({0} | {wire.key(line.get("ClaimPaymentNum")) or 0 for line in lines}),
            lines=tuple(
                {"ClaimProcNum": wire.key(line["ClaimProcNum"]), "InsPayAmt": wire.money(line.get("InsPayAmt"))}
                for line in due
            ),
        ),
    )
