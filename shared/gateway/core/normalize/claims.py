"""claim rows, with their claimproc rows -> Claim.

Sources of the columns: https://www.opendental.com/site/apiclaims.html, https://www.opendental.com/site/apiclaimprocs.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from gateway.core import ids
from gateway.core.normalize.office import Office, office
from gateway.core.normalize.values import (
    Words,
    day,
    exact,
    exact_or_unset,
    key,
    money,
    money_of,
    raw_row,
    shown_version,
    text,
)
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text

TYPE: Final = Words(
    {"P": "primary", "S": "secondary", "PreAuth": "preauthorization", "Cap": "capitation", "Other": "other"}
)
STATUS: Final = Words({"U": "unsent", "H": "held", "W": "queued", "S": "sent", "R": "received", "I": "in_process"})
RELATIONSHIP: Final = Words(
    {
        "Self": "self",
        "Spouse": "spouse",
        "Child": "child",
        "Employee": "employee",
        "HandicapDep": "handicapped_dependent",
        "SignifOther": "significant_other",
        "InjuredPlaintiff": "injured_plaintiff",
        "LifePartner": "life_partner",
        "Dependent": "dependent",
    }
)
LINE_STATUS: Final = Words(
    {
        "NotReceived": "not_received",
        "Received": "received",
        "Preauth": "preauthorization",
        "Adjustment": "adjustment",
        "Supplemental": "supplemental",
        "CapClaim": "capitation_claim",
        "CapComplete": "capitation_complete",
        "CapEstimate": "capitation_estimate",
        "Estimate": "estimate",
        "InsHist": "insurance_history",
    }
)
WATCHED: Final = {"ClaimType": TYPE, "ClaimStatus": STATUS, "PatRelat": RELATIONSHIP}
"""Columns whose words are watched for drift."""

NEEDS_LINES: Final = ("denial_evidence", "lines", "location_id", "payment_ids")
"""What only the claim's lines say, which cost a call of their own."""

EXPLAINED: Final = frozenset({"1", "2", "3", "23", "24", "35", "45", "119"})
"""Adjustment reason codes of an ordinary answer: deductible, coinsurance, copay, another payer's part, capitation,
lifetime maximum, contract, benefit maximum. Source: https://x12.org/codes/claim-adjustment-reason-codes."""

_NOTHING_LEFT_TO_PAY: Final = frozenset({"1", "24", "35", "119"})
_REASON_CODE = re.compile(r"^(?:(?:CO|PR|OA|PI|CR)[- ]?)?([A-Z]?\d{1,3})$", re.IGNORECASE)
_LIMIT_WORDS = re.compile(r"\b(deductible|(?:annual |lifetime |benefit |yearly )?max(?:imum|ed)?)\b", re.IGNORECASE)


def claim(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    lines: Iterable[Mapping[str, Any]] | None = None,
    carrier: Mapping[str, Any] | None = None,
    raw: bool = False,
) -> dict[str, Any]:
    """The claim of a row of `claims.list` or `.get`.

    With `lines` (rows of claimprocs; those of other claims are passed over) it has `NEEDS_LINES`, and `is_denied` can
    become true. With `carrier` (a row of carriers) it has that.
    """
    here = office(practice)
    get = row.get
    number, patient = key(get("ClaimNum")), key(get("PatNum"))
    type_, status = TYPE[get("ClaimType")], STATUS[get("ClaimStatus")]
    billing, treating = key(get("ProvBill")), key(get("ProvTreat"))
    coverage, other = key(get("InsSubNum")), key(get("InsSubNum2"))
    tracking = key(get("CustomTracking"))
    own = None if lines is None else [line for line in lines if key(line.get("ClaimNum")) == number]
    evidence = [] if own is None else _evidence(row, own, here.claim_line)
    shown: dict[str, Any] = {
        "id": here.claim(number),
        "source": {"system": "open_dental", "table": "claim", "key": str(number), "practice_id": practice.id},
        "practice_id": practice.id,
        "patient_id": here.patient(patient) if patient else None,
        "type": type_,
        "status": status,
        "status_source": get("ClaimStatus") or None,
        "service_on": day(get("DateService")),
        "sent_on": day(get("DateSent")),
        "received_on": day(get("DateReceived")),
        "coverage_id": here.coverage(coverage) if coverage else None,
        "other_coverage_id": here.coverage(other) if other else None,
        "relationship": RELATIONSHIP[get("PatRelat")],
        "billing_provider_id": here.provider(billing) if billing else None,
        "treating_provider_id": here.provider(treating) if treating else None,
        "totals": {
            "billed": money(get("ClaimFee")),
            "estimated": money(get("InsPayEst")),
            "paid": money(get("InsPayAmt")),
            "write_off": money(get("WriteOff")),
            "deductible": money(get("DedApplied")),
            "patient_portion": _patient_portion(row, type_, status, own),
        },
        "tracking": ({"code": here.definition(tracking), "label": text(get("customTracking"))} if tracking else None),
        "prior_authorization_number": text(get("PriorAuthorizationNumber")),
        "note": text(get("ClaimNote")),
        "underpaid_reason": text(get("ReasonUnderPaid")),
        "is_denied": _is_denied(row, type_, status, own, evidence),
        "updated_at": here.clock.instant(get("SecDateTEdit")),
        "synced_at": instant_text(synced_at),
        "deleted_at": None,
        "version": shown_version(row),
    }
    if own is not None:
        clinic = next((found for line in own if (found := key(line.get("ClinicNum")))), 0)
        paid_by = sorted({found for line in own if (found := key(line.get("ClaimPaymentNum")))})
        # A claim never mixes locations, and its own row does not say which one it has.
        shown["location_id"] = here.location(clinic) if clinic else None
        shown["lines"] = [_line(line, here) for line in sorted(own, key=lambda line: key(line.get("ClaimProcNum")))]
        shown["payment_ids"] = [here.payment(ids.insurance_payment_key(found)) for found in paid_by]
        shown["denial_evidence"] = evidence
    if carrier is not None:
        shown["carrier"] = {
            "id": here.carrier(key(carrier.get("CarrierNum"))),
            "name": text(carrier.get("CarrierName")),
            "payer_id": text(carrier.get("ElectID")),
        }
    if raw:
        shown["raw"] = raw_row(row)
    return shown


def _line(line: Mapping[str, Any], here: Office) -> dict[str, Any]:
    get = line.get
    procedure, payment = key(get("ProcNum")), key(get("ClaimPaymentNum"))
    copay, override = exact_or_unset(get("CopayAmt")), exact_or_unset(get("CopayOverride"))
    copay = copay if override is None else override
    allowed = exact_or_unset(get("AllowedOverride"))
    return {
        "id": here.claim_line(key(get("ClaimProcNum"))),
        "procedure_id": here.procedure(procedure) if procedure else None,
        "code_sent": text(get("CodeSent")),
        "status": LINE_STATUS[get("Status")],
        "billed": money(get("FeeBilled")),
        "estimated": money(get("InsPayEst")),
        "paid": money(get("InsPayAmt")),
        "write_off": money(get("WriteOff")),
        "deductible": money(get("DedApplied")),
        "copay": None if copay is None else money_of(copay),
        "allowed": None if allowed is None else money_of(allowed),
        "remarks": text(get("Remarks")),
        "payment_id": here.payment(ids.insurance_payment_key(payment)) if payment else None,
        "paid_on": day(get("DateCP")) if payment or get("Status") in {"Received", "Supplemental"} else None,
    }


def _patient_portion(
    row: Mapping[str, Any], type_: str | None, status: str | None, lines: list[Mapping[str, Any]] | None
) -> dict[str, str] | None:
    """What this claim leaves to the patient: estimated until it is answered. None where that cannot be said.

    A secondary claim repeats the whole fee, so what the first payer covered must be known, and only its lines know.
    """
    if row.get("ClaimFee") in (None, ""):
        return None
    covered = exact(row.get("InsPayAmt" if status == "received" else "InsPayEst")) + exact(row.get("WriteOff"))
    if type_ == "secondary":
        if not lines:
            return None
        first = [exact_or_unset(line.get("PaidOtherIns")) for line in lines if line.get("Status") != "Supplemental"]
        if not first or None in first:
            return None
        covered += sum((part for part in first if part is not None), Decimal(0))
    return money_of(max(Decimal(0), exact(row.get("ClaimFee")) - covered))


def denial(
    row: Mapping[str, Any], lines: Iterable[Mapping[str, Any]], *, line_id: Callable[[int], object]
) -> tuple[bool | None, list[dict[str, Any]]]:
    """What `claim` says of a claim with these lines: `is_denied`, and its `denial_evidence` with lines by `line_id` of
    their keys."""
    own = list(lines)
    evidence = _evidence(row, own, line_id)
    return _is_denied(row, TYPE[row.get("ClaimType")], STATUS[row.get("ClaimStatus")], own, evidence), evidence


def _is_denied(
    row: Mapping[str, Any],
    type_: str | None,
    status: str | None,
    lines: list[Mapping[str, Any]] | None,
    evidence: list[dict[str, Any]],
) -> bool | None:
    """True only with evidence, False where something else explains a payment of nothing, None where nothing says.

    Open Dental has no denied status: received with nothing paid also comes from a deductible, a maximum, bulk zeroing,
    capitation, or a plan that pays the patient.
    """
    if type_ in {"preauthorization", "capitation"}:
        return False
    if status != "received":
        return None
    if exact(row.get("InsPayAmt")) > 0 or any(exact(line.get("InsPayAmt")) > 0 for line in lines or ()):
        return False
    if any(line.get("Status") in {"CapClaim", "CapComplete"} for line in lines or ()):
        return False
    if any(piece["kind"] != "underpaid_reason" for piece in evidence):
        return True
    return False if _is_explained(row, lines or []) else None


def _is_explained(row: Mapping[str, Any], lines: list[Mapping[str, Any]]) -> bool:
    """Whether a deductible or a maximum accounts for the payment of nothing, for the claim or one of its lines."""
    reason = text(row.get("ReasonUnderPaid"))
    if reason and _LIMIT_WORDS.search(reason):
        return True
    return _is_used_up(row, "ClaimFee") or any(_is_line_explained(line) for line in lines)


def _is_line_explained(line: Mapping[str, Any]) -> bool:
    codes = set(_reason_codes(line))
    if codes:
        return codes <= EXPLAINED and bool(codes & _NOTHING_LEFT_TO_PAY)
    said = (text(line.get(column)) for column in ("Remarks", "EstimateNote", "claimPaymentTracking"))
    return _is_used_up(line, "FeeBilled") or any(_LIMIT_WORDS.search(words) for words in said if words)


def _is_used_up(row: Mapping[str, Any], fee: str) -> bool:
    """Whether the deductible took all that was left after the write-off."""
    deductible = exact(row.get("DedApplied"))
    return deductible > 0 and deductible >= exact(row.get(fee)) - exact(row.get("WriteOff"))


def _evidence(
    row: Mapping[str, Any], lines: list[Mapping[str, Any]], line_id: Callable[[int], object]
) -> list[dict[str, Any]]:
    """What speaks for a denial, best first: reason codes of an electronic answer, remarks, tracking, the claim's own.

    Only lines that were answered with nothing count, and only what neither deductible nor maximum explains. `value` is
    a code, a label or what was typed.
    """
    found = list[tuple[int, dict[str, Any]]]()
    for line in lines:
        if line.get("Status") not in {"Received", "Supplemental"} or exact(line.get("InsPayAmt")) > 0:
            continue
        if _is_line_explained(line):
            continue
        id_ = line_id(key(line.get("ClaimProcNum")))
        denying = [code for code in _reason_codes(line) if code not in EXPLAINED]
        found += [(0, {"kind": "reason_code", "value": code, "line_id": id_}) for code in denying]
        if remarks := text(line.get("Remarks")):
            found.append((1, {"kind": "remarks", "value": remarks, "line_id": id_}))
        if key(line.get("ClaimPaymentTracking")):
            label = text(line.get("claimPaymentTracking"))
            found.append((2, {"kind": "payment_tracking", "value": label, "line_id": id_}))
    reason = text(row.get("ReasonUnderPaid"))
    if reason and row.get("ClaimStatus") == "R" and not _LIMIT_WORDS.search(reason):
        found.append((3, {"kind": "underpaid_reason", "value": reason, "line_id": None}))
    return [piece for _, piece in sorted(found, key=lambda ranked: ranked[0])]


def _reason_codes(line: Mapping[str, Any]) -> list[str]:
    """The bare codes of `CO-45, PR1`: the group before them says who bears the amount, not why."""
    parts = (text(line.get("ClaimAdjReasonCodes")) or "").replace(";", ",").split(",")
    return [match[1].upper() for part in parts if (match := _REASON_CODE.match(part.strip()))]
