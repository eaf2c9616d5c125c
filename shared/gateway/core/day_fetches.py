"""The fetch plan of what a day's patients have: by query a statement or two for all of them, else a call or a few each.

Where the key may query, what a section costs does not grow with the day (up to a hundred rows a statement); without, it
does, and the use case asks for no more than its caller wants to pay for. Both roads end in the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from gateway.core.errors import AppError, PermissionMissing, Refused, UpstreamBroken, UpstreamRefused
from gateway.core.fetches import Steps, get_each
from gateway.core.normalize.values import key
from gateway.core.patient_360 import REPORT, Part, reason_of, timed
from gateway.core.plans import Outcome, Plan, PlanContext, Row
from gateway.core.practices import Practice
from gateway.core.queries import day as sql
from gateway.core.queries.raw_rows import wire_row
from gateway.core.queries.statement import ROWS, Statement, Value, may_query
from gateway.core.walltime import instant_text

PATIENTS, BALANCE, COVERAGE, RECALLS, ALERTS = "patients", "balance", "coverage", "recalls", "alerts"
GUARANTORS: Final = "guarantors"
"""Under this name the outcome has `{PatNum, BalTotal, FamFinUrgNote}` of each family's head."""

SINGLY_AT_MOST: Final = 40
"""Patients and sections that are asked for one by one where a statement was refused, which is two turns' calls. Of more
it is said that they were refused, until the key is looked at again, right afterwards."""

INSURANCE: Final = "insurance"
"""Rows as the family module joins them."""

UNREAD: Final = "uninsured"
"""`{PatNum}` of those whose insurance Open Dental does not tell: deleted patients."""

NEEDS_REST: Final = Part("patients", "patients.get", param=None, rest_only=True)
"""What balances take where no query may be: FHIR has none."""

PARTS: Final[Mapping[str, tuple[Part, ...]]] = {
    COVERAGE: (Part(INSURANCE, "familymodules.Insurance", param=None),),
    RECALLS: (Part("recalls", "recalls.list"),),
    ALERTS: (
        Part("allergies", "allergies.list"),
        Part("diseases", "diseases.list"),
        Part("medicationpats", "medicationpats.list"),
    ),
}
"""Section -> what is asked of each patient where no query may be."""

_ALERT_ROWS: Final = ("allergies", "diseases", "medicationpats")
_RECALL_TYPES: Final = "recalltypes"


def day(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """What these `sections` say of `patients` (keys); `today` with the alerts: medications that ended before are none.

    `guarantors` are heads of families that are wanted beside those of the patients who are read here. Whom Open Dental
    does not have is left out; who it has as deleted comes, and is `UNREAD` where each is asked for insurance. A section
    that is refused is told in the report, as `patient_360` tells it.
    """
    work = _Work(
        context.practice,
        sorted(input_["patients"]),
        frozenset(input_["sections"]),
        input_.get("today"),
        guarantors=frozenset(input_.get("guarantors", ())),
    )
    if may_query(context.practice):
        yield from _by_query(work)
        if work.not_queried and len(work.patients) * len(work.not_queried) <= SINGLY_AT_MOST:
            # The key lost the permission since somebody last looked: what it takes now is asked otherwise.
            yield from _by_calls(work.left())
    else:
        yield from _by_calls(work)
    return Outcome(rows={**work.rows, REPORT: work.report})


@dataclass
class _Work:
    practice: Practice
    patients: list[int]
    sections: frozenset[str]
    today: str | None
    guarantors: frozenset[int]
    rows: dict[str, list[Row]] = field(default_factory=dict)
    report: list[Row] = field(default_factory=list)
    not_queried: set[str] = field(default_factory=set)
    """Sections whose statement the key is not allowed any more."""

    def left(self) -> _Work:
        """The same work with those sections alone; rows and report are shared."""
        self.report[:] = [one for one in self.report if one["section"] not in self.not_queried]
        return replace(self, sections=frozenset(self.not_queried), not_queried=set())

    def run(self, sections: Iterable[str], steps: Callable[[], Steps[None]]) -> Steps[None]:
        """Take the steps that bring these sections, and report how they went."""
        times, error = list[datetime](), None
        try:
            yield from timed(steps(), times)
        except (Refused, UpstreamBroken) as refused:
            error = refused
            if isinstance(refused, PermissionMissing):
                self.not_queried.update(sections)
        as_of = instant_text(min(times)) if times else None
        self.report += [{"section": one, "as_of": as_of, "error": _told(error)} for one in sections]


def _told(error: AppError | None) -> dict[str, Any] | None:
    return None if error is None else reason_of(error)


# By query


def _by_query(work: _Work) -> Steps[None]:
    people = sorted(work.sections & {PATIENTS, BALANCE})
    if people and COVERAGE in work.sections:
        yield from work.run([*people, COVERAGE], lambda: _people(work, sql.PEOPLE_AND_COVERAGE, covered=True))
    elif people:
        yield from work.run(people, lambda: _people(work, sql.PEOPLE, covered=False))
    elif COVERAGE in work.sections:
        yield from work.run([COVERAGE], lambda: _coverage(work))
    if RECALLS in work.sections:
        yield from work.run([RECALLS], lambda: _recalls(work))
    if ALERTS in work.sections:
        yield from work.run([ALERTS], lambda: _alerts(work))


def rows_of(statement: Statement, **values: Value) -> Steps[list[Row]]:
    """Every row of a statement, page by page until one is short."""
    found: list[Row] = []
    while True:
        page = (yield statement.call(offset=len(found), **values)).rows
        found += page
        if len(page) < ROWS:
            return found


def _people(work: _Work, statement: Statement, *, covered: bool) -> Steps[None]:
    found = yield from rows_of(statement, patients=work.patients)
    by_patient = {key(row["PatNum"]): row for row in found}
    heads = {key(row["Guarantor"]): row for row in by_patient.values() if row[sql.FAMILY_TOTAL] is not None}
    work.rows["patients"] = [wire_row("patients", row, sql.PATIENT) for row in by_patient.values()]
    work.rows[GUARANTORS] = [
        {"PatNum": head, "BalTotal": row[sql.FAMILY_TOTAL], "FamFinUrgNote": row[sql.FAMILY_NOTE]}
        for head, row in heads.items()
    ]
    if covered:
        work.rows[INSURANCE] = [_insurance(row) for row in found if key(row["PatPlanNum"])]


def _coverage(work: _Work) -> Steps[None]:
    found = yield from rows_of(sql.COVERAGE, patients=work.patients)
    work.rows[INSURANCE] = [_insurance(row) for row in found]


def _insurance(row: Row) -> Row:
    return wire_row("familymodules", row, sql.INSURANCE)


def _recalls(work: _Work) -> Steps[None]:
    found = yield from rows_of(sql.RECALLS, patients=work.patients)
    work.rows["recalls"] = [
        {**wire_row("recalls", row, sql.RECALL), "recallStatus": row["StatusName"] or ""} for row in found
    ]
    work.rows[_RECALL_TYPES] = [
        {"RecallTypeNum": number, "Description": name}
        for number, name in {key(row["RecallTypeNum"]): row["TypeName"] for row in found}.items()
        if name is not None
    ]


def _alerts(work: _Work) -> Steps[None]:
    assert work.today is not None
    found = yield from rows_of(sql.ALERTS, patients=work.patients, today=date.fromisoformat(work.today))
    work.rows |= {name: [] for name in _ALERT_ROWS}
    for row in found:
        start, stop = str(row["DateStart"])[:10], str(row["DateStop"])[:10]
        number, patient, defined, label = row["AlertNum"], row["PatNum"], row["DefNum"], row["Label"] or ""
        dates = {"DateStart": start, "DateStop": stop}
        kind = key(row["Kind"])
        if kind == sql.ALLERGY:
            work.rows["allergies"].append(
                {
                    "AllergyNum": number, "AllergyDefNum": defined, "PatNum": patient, "defDescription": label,
                    "Reaction": row["Words"], "StatusIsActive": "true", "DateAdverseReaction": start,
                }
            )  # fmt: skip
        elif kind == sql.CONDITION:
            work.rows["diseases"].append(
                {
                    "DiseaseNum": number, "PatNum": patient, "DiseaseDefNum": defined, "diseaseDefName": label,
                    "PatNote": row["Words"], "ProbStatus": "Active", **dates,
                }
            )  # fmt: skip
        else:
            work.rows["medicationpats"].append(
                {
                    "MedicationPatNum": number, "PatNum": patient, "medName": label, "MedicationNum": defined,
                    "PatNote": row["Words"], "ProvNum": row["ProvNum"], **dates,
                }
            )  # fmt: skip


# Patient by patient


def _by_calls(work: _Work) -> Steps[None]:
    if PATIENTS in work.sections:
        yield from work.run([PATIENTS], lambda: _each_patient(work))
    if BALANCE in work.sections:
        yield from work.run([BALANCE], lambda: _each_guarantor(work))
    for section, parts in PARTS.items():
        if section in work.sections:
            yield from work.run([section], lambda parts=parts: _each_part(work, parts))  # type: ignore[misc]


def _each_patient(work: _Work) -> Steps[None]:
    work.rows["patients"] = yield from get_each("patients.get", "PatNum", work.patients, work.practice)


def _each_guarantor(work: _Work) -> Steps[None]:
    here = {key(row.get("PatNum")): row for row in work.rows.get("patients", ())}
    heads = {key(row.get("Guarantor")) for row in here.values()} - {0} | work.guarantors
    found = [here[number] for number in sorted(heads & here.keys())]
    found += yield from get_each("patients.get", "PatNum", sorted(heads - here.keys()), work.practice)
    work.rows[GUARANTORS] = [guarantor(row) for row in found]


def guarantor(row: Row) -> Row:
    """What a family's head says of the family."""
    return {name: row.get(name) for name in ("PatNum", "BalTotal", "FamFinUrgNote")}


def _each_part(work: _Work, parts: tuple[Part, ...]) -> Steps[None]:
    for part in parts:
        part.require(work.practice)
    found: dict[str, list[Row]] = {part.rows: [] for part in parts}
    unread: list[Row] = []
    for number in work.patients:
        for part in parts:
            try:
                found[part.rows] += yield from part.steps({"PatNum": number}, work.practice)
            except UpstreamRefused:
                # What Open Dental says of a deleted patient's insurance.
                if part.rows != INSURANCE:
                    raise
                unread.append({"PatNum": number})
    work.rows |= found
    if INSURANCE in found:
        work.rows[UNREAD] = unread
