"""The fetch plan of all that an office knows of a patient: one turn, a call or a few for each section.

The patient comes first: who is not there has no sections. A section that Open Dental refuses (a permission, an office
that is too old, a patient without an account) says why, and the others come all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.core.capability import price_tier, require
from gateway.core.errors import AppError, NotFound, PermissionMissing, Refused, UpstreamBroken, VersionTooOld
from gateway.core.fetches import Steps, T, collect, get_one, none_if_not_found
from gateway.core.fhir_source import reads_by_fhir
from gateway.core.normalize.values import key
from gateway.core.plans import Outcome, Plan, PlanContext, Row, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.problems import problem_of
from gateway.core.walltime import instant_text
from open_dental import catalogue
from open_dental.versions import Version

REPORT: Final = "sections"
"""Under this name the outcome's rows tell how each section went: `{section, as_of, error}`."""


@dataclass(frozen=True, slots=True)
class Part:
    """One question of a section: `operation`, asked by `param` (or by the patient in its path), kept as `rows`.

    `rest_only`: FHIR has the resource and not this of it.
    """

    rows: str
    operation: str
    param: str | None = "PatNum"
    of: Callable[[Row], int] = lambda patient: key(patient.get("PatNum"))
    rest_only: bool = False

    def require(self, practice: Practice) -> None:
        """Raises: PermissionMissing, VersionTooOld: the practice cannot be asked this."""
        require(practice, self.operation)
        operation = catalogue.operation(self.operation)
        if reads_by_fhir(practice, operation.resource):
            if self.rest_only:
                raise PermissionMissing(
                    f"the practice's Open Dental key lacks the permission {operation.permission}",
                    permission=operation.permission,
                    tier=price_tier(operation.permission),
                )
            return
        if self.param is None or practice.version is None:
            return
        param = operation.param(self.param)
        if param is not None and not Version.parse(practice.version).has(param.since):
            raise VersionTooOld(
                f"the office's Open Dental is older than {param.since}, which this needs", version=f"{param.since}"
            )

    def steps(self, patient: Row, practice: Practice) -> Steps[list[Row]]:
        """The calls that bring the rows; none where Open Dental answers that there are none."""
        number = self.of(patient)
        if self.param is not None:
            return none_if_not_found(collect(self.operation, {self.param: number}, practice))
        return none_if_not_found(_one(self.operation, number))


@dataclass(frozen=True, slots=True)
class Section:
    """`objects`: what the caller must be allowed to read. `parts`: none where the patient's own row says it all.
    `shows_patient`: whether it shows something of that row.
    """

    objects: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    shows_patient: bool = False


SECTIONS: Final[Mapping[str, Section]] = {
    "demographics": Section(("patients",), shows_patient=True),
    "alerts": Section(
        ("allergies", "conditions", "medications"),
        (
            Part("allergies", "allergies.list"),
            Part("diseases", "diseases.list"),
            Part("medicationpats", "medicationpats.list"),
            Part("popups", "popups.list"),
            Part("patientnotes", "patientnotes.get", param=None),
        ),
        shows_patient=True,
    ),
    "appointments": Section(("appointments",), (Part("appointments", "appointments.list"),)),
    "treatment": Section(("procedures",), (Part("procedurelogs", "procedurelogs.list"),)),
    "coverage": Section(("coverages",), (Part("insurance", "familymodules.Insurance", param=None),)),
    "balances": Section(("balances",), (Part("aging", "accountmodules.Aging", param=None),)),
    "recalls": Section(("recalls",), (Part("recalls", "recalls.list"),)),
    "family": Section(
        ("patients",),
        (
            Part(
                "family",
                "patients.Simple",
                "Guarantor",
                of=lambda patient: key(patient.get("Guarantor")),
                rest_only=True,
            ),
        ),
    ),
    "claims": Section(("claims",), (Part("claims", "claims.list"),)),
    "communications": Section(("communications",), (Part("commlogs", "commlogs.list"),)),
}
"""In the order they are asked for: what whoever greets the patient needs comes before what the books need."""


def patient_360(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The patient `key` and the rows of these `sections`: a call for the patient and one for each part.

    Sources: https://www.opendental.com/site/apipatients.html, and of each operation its own page there.
    """
    practice, number = context.practice, input_["key"]
    began: list[datetime] = []
    found = yield from timed(get_one("patients.get", "PatNum", number, practice), began)
    patient = next((row for row in found if key(row.get("PatNum")) == number), None)
    if patient is None:
        raise NotFound("no such patient")
    rows: dict[str, list[Row]] = {"patients": [patient]}
    report: list[Row] = []
    for name in (one for one in SECTIONS if one in input_["sections"]):
        times = list(began) if SECTIONS[name].shows_patient else []
        error: AppError | None = None
        for part in SECTIONS[name].parts:
            try:
                part.require(practice)
                rows[part.rows] = yield from timed(part.steps(patient, practice), times)
            except (Refused, UpstreamBroken) as refused:
                error = error or refused
        report.append(
            {
                "section": name,
                "as_of": instant_text(min(times)) if times else None,
                "error": None if error is None else reason_of(error),
            }
        )
    return Outcome(rows={**rows, REPORT: report})


def reason_of(error: AppError) -> dict[str, Any]:
    """The problem without the vendor's own words: they may name what they are about."""
    return {name: value for name, value in problem_of(error).items() if name != "upstream"}


def _one(operation: str, number: int) -> Steps[list[Row]]:
    answer = yield UpstreamCall(operation, path={"PatNum": number})
    return list(answer.rows)


def timed(steps: Steps[T], times: list[datetime]) -> Steps[T]:
    """The same steps; `times` gets the moments at which their calls were sent."""
    try:
        call = next(steps)
        while True:
            try:
                answer = yield call
            except AppError as error:
                call = steps.throw(error)
            else:
                if answer.started_at is not None:
                    times.append(answer.started_at)
                call = steps.send(answer)
    except StopIteration as stop:
        found: T = stop.value
        return found
