"""procedurelog rows -> Procedure. Source of the columns: https://www.opendental.com/site/apiprocedurelogs.html."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from gateway.core.normalize.by_fhir import only_known
from gateway.core.normalize.office import office
from gateway.core.normalize.values import Words, day, exact, key, money, money_of, raw_row, shown_version, text, whole
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text

STATUS: Final = Words(
    {
        "TP": "planned",
        "TPi": "planned_inactive",
        "C": "completed",
        "EC": "existing_current",
        "EO": "existing_other",
        "R": "referred",
        "Cn": "condition",
        "D": "deleted",
    }
)
WATCHED: Final = {"ProcStatus": STATUS}
"""Columns whose words are watched for drift."""

GROUP_NOTE: Final = "~GRP~"
"""A note over several procedures that is stored as one: no work and no charge, so lists leave it out."""

PERFORMED: Final = frozenset({"C", "EC", "EO"})
"""Statuses under which ProcDate is the day the work was done."""

_CDT = re.compile(r"D\d{4}")
_QUADRANTS: Final = {"UR": "upper_right", "UL": "upper_left", "LL": "lower_left", "LR": "lower_right"}
_ARCHES: Final = {"U": "upper", "L": "lower"}
_SEXTANTS: Final = {
    "1": "upper_right",
    "2": "upper_front",
    "3": "upper_left",
    "4": "lower_left",
    "5": "lower_front",
    "6": "lower_right",
}
_TEETH: Final = frozenset(
    [str(number) for number in (*range(1, 33), *range(51, 83))]
    + [letter + more for letter in "ABCDEFGHIJKLMNOPQRST" for more in ("", "S")]
)
"""Universal numbering: permanent, supernumerary (51 to 82, or a letter with S), primary."""

SURFACES: Final = frozenset("MODFLIBV")
"""Mesial, occlusal, distal, facial, lingual, incisal, buccal, and V for a spot at the gum line."""


def procedure(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    areas: Mapping[int, str] | None = None,
    raw: bool = False,
) -> dict[str, Any]:
    """The procedure of a row of `procedurelogs.list` or `.get`.

    `areas` (CodeNum -> TreatArea of procedurecodes) decides what `Surf` means; without it the row does: only codes of
    quadrant, sextant or arch fill `Surf` while they name no tooth.
    """
    here = office(practice)
    get = row.get
    number, code = key(get("ProcNum")), text(get("procCode"))
    status_source = get("ProcStatus")
    clinic, provider, patient = key(get("ClinicNum")), key(get("ProvNum")), key(get("PatNum"))
    visit, planned_visit = key(get("AptNum")), key(get("PlannedAptNum"))
    diagnosis, priority = key(get("Dx")), key(get("Priority"))
    quantity = max(1, (whole(get("UnitQty")) or 0) + (whole(get("BaseUnits")) or 0))
    fee = money(get("ProcFee"))
    shown: dict[str, Any] = {
        "id": here.procedure(number),
        "source": {"system": "open_dental", "table": "procedurelog", "key": str(number), "practice_id": practice.id},
        "practice_id": practice.id,
        "location_id": here.location(clinic) if clinic else None,
        "patient_id": here.patient(patient) if patient else None,
        "appointment_id": here.appointment(visit) if visit else None,
        "planned_appointment_id": here.appointment(planned_visit) if planned_visit else None,
        "provider_id": here.provider(provider) if provider else None,
        "code": {
            "system": "CDT" if is_cdt(code) else "office",
            "value": code,
            "description": text(get("descript")),
        },
        "status": STATUS[status_source],
        "status_source": status_source or None,
        "area": _area(
            text(get("Surf")),
            text(get("ToothNum")),
            text(get("ToothRange")),
            areas.get(key(get("CodeNum"))) if areas else None,
        ),
        "fee": fee,
        "quantity": quantity,
        "total_fee": fee if fee is None or quantity == 1 else money_of(exact(get("ProcFee")) * quantity),
        "diagnosis": {"id": here.definition(diagnosis), "label": text(get("dxName"))} if diagnosis else None,
        "priority": {"id": here.definition(priority), "label": text(get("priority"))} if priority else None,
        "performed_on": day(get("ProcDate")) if status_source in PERFORMED else None,
        "planned_on": day(get("DateTP")),
        "updated_at": here.clock.instant(get("DateTStamp")),
        "synced_at": instant_text(synced_at),
        "deleted_at": None,
        "version": shown_version(row),
    }
    if raw:
        shown["raw"] = raw_row(row)
    return only_known("procedure", shown, row)


def is_cdt(code: str | None) -> bool:
    """Whether a code has the form of the ADA's; offices make codes of their own besides."""
    return code is not None and _CDT.fullmatch(code) is not None


@lru_cache(maxsize=4096)
def _area(surf: str | None, tooth: str | None, tooth_range: str | None, treat_area: str | None) -> dict[str, Any]:
    surf, tooth = (surf or "").upper(), (tooth or "").upper()
    named = [one for part in (tooth_range or "").upper().split(",") if (one := part.strip())]
    # Quadrant and arch codes may ask for a range of teeth as well.
    teeth = [one for one in ([tooth] if tooth else named) if one in _TEETH]
    kind, region = _kind(surf, tooth, named, treat_area)
    return {
        "kind": kind,
        "teeth": teeth,
        "surfaces": list(dict.fromkeys(letter for letter in surf if letter.isalpha())) if kind == "surface" else [],
        "region": region,
    }


def _kind(  # noqa: PLR0911 - a list of cases.
    surf: str, tooth: str, named: list[str], treat_area: str | None
) -> tuple[str, str | None]:
    if treat_area in {"Quad", "Sextant", "Arch"} or (treat_area in {None, "None"} and surf and not tooth):
        if surf in _QUADRANTS and treat_area in {None, "None", "Quad"}:
            return "quadrant", _QUADRANTS[surf]
        if surf in _SEXTANTS and treat_area in {None, "None", "Sextant"}:
            return "sextant", _SEXTANTS[surf]
        if surf in _ARCHES and treat_area in {None, "None", "Arch"}:
            return "arch", _ARCHES[surf]
        known = {"Quad": "quadrant", "Sextant": "sextant", "Arch": "arch"}
        return (known[treat_area], None) if treat_area in known else ("mouth", None)
    if tooth:
        return ("surface" if surf and treat_area in {None, "None", "Surf"} else "tooth"), None
    if named:
        return "range", None
    return {"Surf": "surface", "Tooth": "tooth", "ToothRange": "range"}.get(treat_area or "", "mouth"), None


def area_columns(kind: str, teeth: Sequence[str], surfaces: Sequence[str], region: str | None) -> dict[str, str] | None:
    """The columns of an area as Open Dental keeps it, the other way round from `_kind`; None for one that cannot be.

    Empty texts are what the area does not have. Quadrants and arches may name a range of teeth as well.
    """
    if not _TEETH.issuperset(teeth):
        return None
    places = {"quadrant": _QUADRANTS, "sextant": _SEXTANTS, "arch": _ARCHES}.get(kind)
    columns = {"ToothNum": "", "Surf": "", "ToothRange": ""}
    fits = not surfaces
    if places is not None:
        found = next((code for code, name in places.items() if name == region), None)
        columns |= {"Surf": found or "", "ToothRange": ",".join(teeth)}
        return columns if found and fits and not (kind == "sextant" and teeth) else None
    fits = fits or (kind == "surface" and SURFACES.issuperset(surfaces) and len(set(surfaces)) == len(surfaces))
    if region is not None or not fits:
        return None
    one_tooth = len(teeth) == 1
    if kind in {"tooth", "surface"}:
        columns |= {"ToothNum": "".join(teeth), "Surf": "".join(surfaces)}
        return columns if one_tooth and bool(surfaces) == (kind == "surface") else None
    columns["ToothRange"] = ",".join(teeth)
    return columns if bool(teeth) == (kind == "range") else None
