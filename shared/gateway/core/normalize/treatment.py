"""Rows of treatment plans and of gum charting -> TreatmentPlan, PerioExam.

Sources of the columns: https://www.opendental.com/site/apitreatplans.html, apitreatplanattaches.html, apiproctps.html,
apiprocedurelogs.html, apiclaimprocs.html, apiperioexams.html and apiperiomeasures.html there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from gateway.core.normalize.office import Office, office, row_object
from gateway.core.normalize.procedures import STATUS as PROCEDURE_STATUS
from gateway.core.normalize.values import (
    Words,
    day,
    exact,
    exact_or_unset,
    flag,
    key,
    money,
    money_of,
    text,
    whole,
)
from gateway.core.practices import Practice

Row = Mapping[str, Any]

STATUS: Final = Words({"Active": "active", "Inactive": "inactive", "Saved": "saved"})
TYPE: Final = Words({"Insurance": "insurance", "Discount": "discount"})
TREATMENT_PLANS: Final = {"TPStatus": STATUS, "TPType": TYPE}

SEQUENCE: Final = Words(
    {
        "Mobility": "mobility",
        "Furcation": "furcation",
        "GingMargin": "recession",
        "MGJ": "mucogingival_junction",
        "Probing": "probing_depth",
        "SkipTooth": "skip",
        "BleedSupPlaqCalc": "flags",
        # Its name before 24.1.
        "Bleeding": "flags",
    }
)
PERIO_MEASURES: Final = {"SequenceType": SEQUENCE}
"""Columns whose words are watched for drift."""

ESTIMATED: Final = frozenset({"Estimate", "CapEstimate"})
"""Statuses of claim lines that are no claim's yet: what insurance is expected to do for a planned procedure."""

_SITES: Final = {"MB": "MBvalue", "B": "Bvalue", "DB": "DBvalue", "ML": "MLvalue", "L": "Lvalue", "DL": "DLvalue"}
_FLAGS: Final = {"bleeding": 1, "suppuration": 2, "plaque": 4, "calculus": 8}
_LONGEST: Final = 100
"""Values above it are negative: 105 is -5."""


def treatment_plan(
    row: Row,
    *,
    practice: Practice,
    synced_at: datetime,
    raw: bool = False,
    items: Mapping[int, Sequence[Row]] | None = None,
    procedures: Mapping[int, Row] | None = None,
    estimates: Mapping[int, Sequence[Row]] | None = None,
) -> dict[str, Any]:
    """The treatment plan of a row of `treatplans.list`.

    `items` (TreatPlanNum -> rows of `proctps.list` for saved plans, of `treatplanattaches.list` for others) fill
    `procedures`. Those of plans that are not saved need `procedures` (ProcNum -> row of `procedurelogs.list`) and
    `estimates` (ProcNum -> rows of `claimprocs.list`; None where the office cannot be asked for them).
    """
    here, get = office(practice), row.get
    patient, party, file, user = (key(get(name)) for name in ("PatNum", "ResponsParty", "DocNum", "UserNumPresenter"))
    signed, signed_too = flag(get("isSigned")), flag(get("isSignedPractice"))
    shown = row_object(
        here, row, kind="treatment_plan", table="treatplan", column="TreatPlanNum", synced_at=synced_at, raw=raw
    ) | {
        "patient_id": here.patient(patient) if patient else None,
        "status": STATUS[get("TPStatus")],
        "type": TYPE[get("TPType")],
        "heading": text(get("Heading")),
        "note": text(get("Note")),
        "planned_on": day(get("DateTP")),
        "created_on": day(get("SecDateEntry")),
        "responsible_party_id": here.patient(party) if party else None,
        "presenter_key": str(user) if user else None,
        "is_signed": signed,
        "signed_at": here.clock.instant(get("DateTSigned")),
        "signed_by": text(get("SignatureText")),
        "is_signed_by_practice": signed_too,
        "practice_signed_at": here.clock.instant(get("DateTPracticeSigned")),
        "practice_signed_by": text(get("SignaturePracticeText")),
        "document_id": here.document(file) if file else None,
        "updated_at": here.clock.instant(get("SecDateTEdit")),
    }
    if items is not None:
        own = items.get(key(get("TreatPlanNum")), ())
        if get("TPStatus") == "Saved":
            ordered = sorted(own, key=lambda one: (whole(one.get("ItemOrder")) or 0, key(one.get("ProcTPNum"))))
            shown["procedures"] = [_copy(here, one) for one in ordered]
        else:
            # What a discount plan takes off shows only when the work is done.
            known = None if get("TPType") == "Discount" else estimates
            shown["procedures"] = [_live(here, one, procedures or {}, known) for one in own]
    return shown


def _copy(here: Office, row: Row) -> dict[str, Any]:
    """An item of a saved plan: what the procedure was when the plan was saved."""
    get = row.get
    number, provider, priority = key(get("ProcNumOrig")), key(get("ProvNum")), key(get("Priority"))
    allowed = exact_or_unset(get("FeeAllowed"))
    return {
        "procedure_id": here.procedure(number) if number else None,
        "status": None,
        "code": text(get("ProcCode")),
        "description": text(get("Descript")),
        "tooth": text(get("ToothNumTP")),
        "surface": text(get("Surf")),
        "priority": {"id": here.definition(priority), "label": text(get("priority"))} if priority else None,
        "provider_id": here.provider(provider) if provider else None,
        "diagnosis": text(get("Dx")),
        "prognosis": text(get("Prognosis")),
        "fee": money(get("FeeAmt")),
        "estimates": {
            "allowed": None if allowed is None else money_of(allowed),
            "primary_insurance": money(get("PriInsAmt")),
            "secondary_insurance": money(get("SecInsAmt")),
            "insurance": money_of(exact(get("PriInsAmt")) + exact(get("SecInsAmt"))),
            "discount": money(get("Discount")),
            "patient": money(get("PatAmt")),
        },
    }


def _live(
    here: Office, attach: Row, procedures: Mapping[int, Row], estimates: Mapping[int, Sequence[Row]] | None
) -> dict[str, Any]:
    """An item of a plan that is not saved: the procedure as it is now."""
    number = key(attach.get("ProcNum"))
    row = procedures.get(number, {})
    get = row.get
    provider, priority = key(get("ProvNum")), key(attach.get("Priority"))
    quantity = max(1, (whole(get("UnitQty")) or 0) + (whole(get("BaseUnits")) or 0))
    fee = exact(get("ProcFee")) * quantity if row else None
    return {
        "procedure_id": here.procedure(number) if number else None,
        "status": PROCEDURE_STATUS[get("ProcStatus")],
        "code": text(get("procCode")),
        "description": text(get("descript")),
        "tooth": text(get("ToothNum")) or text(get("ToothRange")),
        "surface": text(get("Surf")),
        "priority": {"id": here.definition(priority), "label": text(attach.get("priority"))} if priority else None,
        "provider_id": here.provider(provider) if provider else None,
        "diagnosis": text(get("dxName")),
        "prognosis": None,
        "fee": None if fee is None else money_of(fee),
        "estimates": None
        if estimates is None or fee is None
        else _expected(fee, exact(get("Discount")), estimates.get(number, ())),
    }


def _expected(fee: Decimal, discount: Decimal, lines: Iterable[Row]) -> dict[str, Any]:
    """What insurance is expected to pay of a procedure, what is written off, and what is left."""
    insurance = Decimal(0)
    for line in lines:
        if line.get("Status") not in ESTIMATED:
            continue
        insurance += _overridden(line, "InsEstTotal")
        discount += _overridden(line, "WriteOffEst")
    return {
        "allowed": None,
        # Lines name their plan, not its place in the order.
        "primary_insurance": None,
        "secondary_insurance": None,
        "insurance": money_of(insurance),
        "discount": money_of(discount),
        "patient": money_of(fee - insurance - discount),
    }


def _overridden(line: Row, column: str) -> Decimal:
    """An estimate, unless somebody typed another."""
    typed = exact_or_unset(line.get(f"{column}Override"))
    return typed if typed is not None else exact_or_unset(line.get(column)) or Decimal(0)


def perio_exam(
    row: Row,
    *,
    practice: Practice,
    synced_at: datetime,
    raw: bool = False,
    measures: Mapping[int, Iterable[Row]] | None = None,
) -> dict[str, Any]:
    """The exam of a row of `perioexams.list` or `.get`; `measures` (PerioExamNum -> rows of `periomeasures.list`)."""
    here, get = office(practice), row.get
    patient, provider = key(get("PatNum")), key(get("ProvNum"))
    shown = row_object(
        here, row, kind="perio_exam", table="perioexam", column="PerioExamNum", synced_at=synced_at, raw=raw
    ) | {
        "patient_id": here.patient(patient) if patient else None,
        "provider_id": here.provider(provider) if provider else None,
        "examined_on": day(get("ExamDate")),
        "note": text(get("Note")),
        "updated_at": here.clock.instant(get("DateTMeasureEdit")),
    }
    if measures is not None:
        shown["measures"] = _teeth(measures.get(key(get("PerioExamNum")), ()))
    return shown


def _teeth(rows: Iterable[Row]) -> list[dict[str, Any]]:
    teeth: dict[int, dict[str | None, Row]] = {}
    for row in rows:
        tooth = whole(row.get("IntTooth")) or 0
        if 1 <= tooth <= 32:
            teeth.setdefault(tooth, {})[SEQUENCE[row.get("SequenceType")]] = row
    return [_tooth(number, teeth[number]) for number in sorted(teeth)]


def _tooth(number: int, rows: Mapping[str | None, Row]) -> dict[str, Any]:
    return {
        "tooth": number,
        "is_skipped": _measured(rows.get("skip"), "ToothValue") == 1,
        "mobility": _measured(rows.get("mobility"), "ToothValue"),
        "sites": [_site(name, column, rows) for name, column in _SITES.items()],
    }


def _site(name: str, column: str, rows: Mapping[str | None, Row]) -> dict[str, Any]:
    depth, recession = (_measured(rows.get(kind), column) for kind in ("probing_depth", "recession"))
    marks = _measured(rows.get("flags"), column)
    return {
        "site": name,
        "probing_depth": depth,
        "recession": recession,
        # Never stored: the two measures together, as the program reckons it.
        "attachment_loss": None if depth is None or recession is None else depth + recession,
        "mucogingival_junction": _measured(rows.get("mucogingival_junction"), column),
        "furcation": _measured(rows.get("furcation"), column),
        **{flag_: None if marks is None else bool(marks & bit) for flag_, bit in _FLAGS.items()},
    }


def _measured(row: Row | None, column: str) -> int | None:
    """A measure; None for -1, which says that none was taken."""
    value = None if row is None else whole(row.get(column))
    if value is None or value == -1:
        return None
    return _LONGEST - value if value > _LONGEST else value
