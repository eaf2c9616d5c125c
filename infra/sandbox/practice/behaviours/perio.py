"""Periodontal exams: strings of depths become measures, and what a measure may hold.

Source: https://www.opendental.com/site/apiperioexams.html and apiperiomeasures.html beside it.
"""

from __future__ import annotations

from infra.sandbox.practice.behaviours.ground import Row, body_of, columns, living_patient, row_of, shown
from infra.sandbox.practice.handlers import Rejected, Reply, Request, after, handles
from infra.sandbox.practice.office import Office

SURFACES = ("MBvalue", "Bvalue", "DBvalue", "MLvalue", "Lvalue", "DLvalue")
TONGUE = ("MLvalue", "Lvalue", "DLvalue")
FLAGS = {"b": 1, "s": 2, "p": 4, "c": 8}
_DEPTHS = frozenset(range(-1, 20))
# What surfaces may hold, by SequenceType; those not listed live in ToothValue.
_ALLOWED: dict[str, frozenset[int]] = {
    "Furcation": _DEPTHS,
    "Probing": _DEPTHS,
    "MGJ": _DEPTHS,
    "GingMargin": _DEPTHS | frozenset(range(101, 120)),
    # -1 is the default of a surface that was not sent, so it passes.
    "BleedSupPlaqCalc": frozenset(range(-1, 16)),
}
_TOOTH_ONLY: dict[str, frozenset[int]] = {"Mobility": frozenset(range(20)), "SkipTooth": frozenset({1})}
_REGIONS = {
    "UpperFacial": (range(1, 17), ("DBvalue", "Bvalue", "MBvalue")),
    "UpperLingual": (range(1, 17), ("DLvalue", "Lvalue", "MLvalue")),
    "LowerLingual": (range(32, 16, -1), ("DLvalue", "Lvalue", "MLvalue")),
    "LowerFacial": (range(32, 16, -1), ("DBvalue", "Bvalue", "MBvalue")),
}


def _sites(region: str) -> list[tuple[int, str]]:
    """The sites of a region from the right of the mouth to its left; left of the middle, mesial comes first."""
    teeth, surfaces = _REGIONS[region]
    right = (*range(1, 9), *range(25, 33))
    return [(tooth, name) for tooth in teeth for name in (surfaces if tooth in right else reversed(surfaces))]


@handles("perioexams.create")
def create_exam(office: Office, request: Request) -> Reply:
    """Start an exam; each region that is sent as a string becomes measures of depth and of flags."""
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    row = {"ExamDate": office.today(), "ProvNum": patient["PriProv"], "DateTMeasureEdit": office.now(), **given}
    key = office.store.insert("perioexam", row)
    depths: dict[int, Row] = {}
    flags: dict[int, Row] = {}
    for region in _REGIONS:
        _read(str(body_of(request).get(region) or ""), _sites(region), depths, flags)
    for kind, found, empty in (("Probing", depths, -1), ("BleedSupPlaqCalc", flags, 0)):
        for tooth, values in found.items():
            measure = {"PerioExamNum": key, "SequenceType": office.code("periomeasure", "SequenceType", kind)}
            blank = dict.fromkeys(SURFACES, empty)
            office.store.insert("periomeasure", {**measure, "IntTooth": tooth, "ToothValue": -1, **blank, **values})
    return shown(office, request, key)


def _read(text: str, sites: list[tuple[int, str]], depths: dict[int, Row], flags: dict[int, Row]) -> None:
    """One digit a site; letters belong to the digit before them, anything else is passed over."""
    at = -1
    for character in text:
        if character.isascii() and character.isdigit():
            at += 1
            if at == len(sites):
                return
            tooth, surface = sites[at]
            depths.setdefault(tooth, {})[surface] = int(character)
        elif character.lower() in FLAGS and at >= 0:
            tooth, surface = sites[at]
            held = flags.setdefault(tooth, {})
            held[surface] = held.get(surface, 0) | FLAGS[character.lower()]


@handles("periomeasures.create")
def create_measure(office: Office, request: Request) -> Reply:
    """Add the values of one kind for one tooth, which an exam holds once."""
    given = columns(office, request)
    row_of(office, "perioexam", given["PerioExamNum"])
    row = {"ToothValue": -1} | dict.fromkeys(SURFACES, -1) | given
    if not 1 <= row["IntTooth"] <= 32:
        raise Rejected(400, "IntTooth is invalid.")
    where = {name: row[name] for name in ("PerioExamNum", "SequenceType", "IntTooth")}
    if office.store.find("periomeasure", where):
        raise Rejected(400, "The exam has a measure of this SequenceType for this tooth already.")
    kind = str(body_of(request)["SequenceType"])
    if kind not in _TOOTH_ONLY and not any(name in given for name in SURFACES):
        raise Rejected(400, "A value for at least one surface is required.")
    _check(kind, row)
    return shown(office, request, office.store.insert("periomeasure", row))


@handles("periomeasures.update")
def update_measure(office: Office, request: Request) -> Reply:
    """Change values within what their kind allows."""
    row = row_of(office, "periomeasure", request.id())
    changes = columns(office, request)
    _check(office.word("periomeasure", "SequenceType", row["SequenceType"]), row | changes)
    office.store.update("periomeasure", row["PerioMeasureNum"], changes)
    return shown(office, request, row["PerioMeasureNum"])


def _check(kind: str, row: Row) -> None:
    tooth = _TOOTH_ONLY.get(kind)
    if row["ToothValue"] not in (tooth or {-1}):
        raise Rejected(400, "ToothValue is invalid.")
    allowed = frozenset({-1}) if tooth else _ALLOWED[kind]
    for name in SURFACES:
        upper_tongue = kind == "MGJ" and row["IntTooth"] <= 16 and name in TONGUE
        if row[name] not in ({-1} if upper_tongue else allowed):
            raise Rejected(400, f"{name} is invalid.")


@handles("periomeasures.delete")
def delete_measure(office: Office, request: Request) -> Reply:
    """Depths and their like stay; mobility and skipped teeth can go."""
    row = row_of(office, "periomeasure", request.id())
    if office.word("periomeasure", "SequenceType", row["SequenceType"]) not in _TOOTH_ONLY:
        raise Rejected(400, "Only measures of SequenceType Mobility or SkipTooth can be deleted.")
    office.store.delete("periomeasure", row["PerioMeasureNum"])
    return Reply(request.operation.status)


@after("perioexams.delete")
def delete_measures(office: Office, _request: Request, key: int) -> None:
    """An exam takes its measures along."""
    for measure in office.store.find("periomeasure", {"PerioExamNum": key}):
        office.store.delete("periomeasure", measure["PerioMeasureNum"])
