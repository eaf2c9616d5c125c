"""Reading all that an office knows of a patient, in one answer whose sections each say how they came about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import AppError, PermissionMissing, ScopeMissing, Unavailable, VersionTooOld
from gateway.core.ids import parse_row_id
from gateway.core.mirror.mirrored import WHOLE_ROWS
from gateway.core.normalize import appointments, claims, clinical, desk, patients, procedures
from gateway.core.normalize.patient_360 import GUARANTORS, Shower
from gateway.core.normalize.values import Words, drift, key
from gateway.core.office_words import Table
from gateway.core.operations import RowSet
from gateway.core.patient_360 import REPORT, SECTIONS
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.problems import problem_of
from gateway.core.reads.lists import Reading, report_drift
from gateway.core.reads.patients import SSN_SCOPE
from gateway.core.reads.queries import ObjectQuery
from gateway.core.requests import Fetched, Freshness
from gateway.core.walltime import instant_text

MAX_AGE_S: Final = 300.0
"""How old an answer may be whose caller does not say: with the cheapest key it takes longer than 30 s to make one."""

_WORDS: Final = (
    Table.DEFINITIONS,
    Table.PREFERENCES,
    Table.APPOINTMENT_TYPES,
    Table.PROCEDURE_CODES,
    Table.RECALL_TYPES,
)

_WATCHED: Final[Mapping[str, tuple[str, Mapping[str, Words]]]] = {
    "patient": ("patients", patients.WATCHED),
    "appointment": ("appointments", appointments.WATCHED),
    "procedure": ("procedurelogs", procedures.WATCHED),
    "claim": ("claims", claims.WATCHED),
    "allergy": ("allergies", clinical.ALLERGIES),
    "condition": ("diseases", clinical.CONDITIONS),
    "communication": ("commlogs", desk.COMMUNICATIONS),
    "recall": ("recalls", desk.RECALLS),
}
"""Object -> its rows, and their columns whose words are watched for drift."""

SectionName = Literal[
    "demographics",
    "alerts",
    "appointments",
    "treatment",
    "coverage",
    "balances",
    "recalls",
    "family",
    "claims",
    "communications",
]


class Patient360Query(ObjectQuery):
    """What `GET /patients/{id}/360` can be asked for."""

    sections: Annotated[list[SectionName], Field(min_length=1, max_length=20)] | None = None
    """Only these: each costs a call, `alerts` five; the patient one more in any case. All where none is named."""
    across: Literal["group"] | None = None
    """`group` puts records of the same person at the group's other practices beside it, under the scope
    `patients.match`: `core.reads.patient_360_across`."""


def get_patient_360(
    patient_id: str, query: Patient360Query, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """The sections asked for: those that the practice's mirror has, young enough, from there, the others read in one
    turn, 14 calls for all of them. Up to five minutes old unless told otherwise. What the mirror has is shown where the
    practice does not answer for the rest.

    A section that the client's scopes, the key's permissions or the office's version do not allow costs no call: it is
    `unavailable` and says what is missing and what has it. What Open Dental refuses meanwhile is told the same way. The
    office's own words are taken as far as they are at hand, and cost no call here.

    Raises:
        NotFound: no such patient, or another's. And what `allow` and `requests.fetch` raise.
    """
    named = parse_row_id(patient_id, "patient")
    practice = allow(caller, named.practice_id, "patients", Verb.READ, on=on)
    wanted = wanted_of(query)
    refused = refusals(wanted, practice, caller, on)
    asked = [name for name in wanted if name not in refused]
    reading = Reading(practice, caller, aged(freshness), on)
    sections = {name: unavailable(problem_of(error)) for name, error in refused.items()}
    omitted: list[str] = []
    raw = "raw" in query.include
    for fetched in _mirrored(named.key, asked, reading):
        shown, left_out = shown_sections(fetched, reading, raw=raw)
        sections |= shown
        omitted += left_out
    if live := [name for name in asked if name not in sections]:
        try:
            fetched = reading.fetched_by("fetch.patient_360", {"key": named.key, "sections": live})
        except Unavailable as error:
            if len(live) == len(asked):
                raise
            sections |= {name: unavailable(problem_of(error)) for name in live}
        else:
            shown, left_out = shown_sections(fetched, reading, raw=raw)
            sections |= shown
            omitted += left_out
    body = {"id": patient_id, "practice_id": practice.id, "sections": {name: sections[name] for name in wanted}}
    return {**body, "meta": reading.meta(omitted) if asked else _nothing_read(practice, on.clock.now())}


def _mirrored(number: int, asked: Sequence[str], reading: Reading) -> Iterator[Fetched]:
    """What the practice's mirror has of these sections: all of them together, or else each by itself."""
    whole = [name for name in asked if all(part.operation in WHOLE_ROWS for part in SECTIONS[name].parts)]
    if whole:
        together = reading.mirrored("fetch.patient_360", {"key": number, "sections": whole})
        if together is not None:
            yield together
        elif len(whole) > 1:
            for name in whole:
                alone = reading.mirrored("fetch.patient_360", {"key": number, "sections": [name]})
                if alone is not None:
                    yield alone
    if "balances" in asked and (owed := _owed(number, reading)) is not None:
        yield owed


def _owed(number: int, reading: Reading) -> Fetched | None:
    """What patient and family owe by the mirrored rows of the patient and of the family's head, as a day shows it."""
    own = reading.mirrored("fetch.patients", {"keys": [number]})
    if own is None:
        return None
    patient = own.rows.rows["patients"][0]
    head, of_head = key(patient.get("Guarantor")), own
    if head not in {0, number}:
        found = reading.mirrored("fetch.patients", {"keys": [head]})
        if found is None:
            return None
        of_head = found
    as_of = min(own.rows.as_of, of_head.rows.as_of)
    rows: dict[str, list[Mapping[str, Any]]] = {
        "patients": [patient],
        GUARANTORS: list(of_head.rows.rows["patients"]),
        REPORT: [{"section": "balances", "as_of": instant_text(as_of), "error": None}],
    }
    return Fetched(RowSet(rows, as_of, 0), max(own.age_seconds, of_head.age_seconds), "mirror", 0)


def wanted_of(query: Patient360Query) -> list[str]:
    """The sections asked for, in their order."""
    return [name for name in SECTIONS if query.sections is None or name in query.sections]


def aged(freshness: Freshness) -> Freshness:
    """How old the answer may be: `MAX_AGE_S` where nobody says."""
    return freshness if freshness.asked else replace(freshness, max_age_s=MAX_AGE_S)


def refusals(wanted: Iterable[str], practice: Practice, caller: Caller, on: Services) -> dict[str, AppError]:
    """The sections that no call needs to be spent on, and why."""
    return {name: error for name in wanted if (error := _refusal(name, practice, caller, on)) is not None}


def shown_sections(fetched: Fetched, reading: Reading, *, raw: bool) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The sections that the plan brought, each with its age, and the fields that they leave out.

    `reading` is of the same practice: it has the office's words at hand.
    """
    found, on = fetched.rows.rows, reading.on
    shower = Shower(
        found,
        practice=reading.practice,
        words=reading.words(*_WORDS, only_if_cached=True),
        synced_at=fetched.rows.as_of,
        now=instant_text(on.clock.now()),
        show_ssn=SSN_SCOPE in reading.caller.client.scopes,
        raw=raw,
    )
    for kind, (rows, watched) in _WATCHED.items():
        report_drift(drift(kind, watched, found.get(rows, ())))
    sections: dict[str, dict[str, Any]] = {}
    omitted: list[str] = []
    for report in found[REPORT]:
        name = report["section"]
        as_of = fetched.rows.as_of if report["as_of"] is None else datetime.fromisoformat(report["as_of"])
        age_s = max(0.0, (on.clock.now() - as_of).total_seconds())
        came = {"as_of": instant_text(as_of), "age_seconds": round(age_s, 1), "served_from": fetched.served_from}
        sections[name] = _section(name, report["error"], shower) | came
        omitted += shower.omitted(name) if sections[name]["data"] is not None else []
    return sections, omitted


def _refusal(name: str, practice: Practice, caller: Caller, on: Services) -> AppError | None:
    """Why no call needs to be spent on a section. Where only a part of it is refused, the rest is worth asking for."""
    section = SECTIONS[name]
    try:
        for obj in section.objects:
            allow(caller, practice.id, obj, Verb.READ, on=on)
        require(practice, "patients.get")
    except (ScopeMissing, PermissionMissing, VersionTooOld) as error:
        return error
    refusals = list[AppError]()
    for part in section.parts:
        try:
            part.require(practice)
        except (PermissionMissing, VersionTooOld) as error:
            refusals.append(error)
    return refusals[0] if section.parts and len(refusals) == len(section.parts) else None


def _section(name: str, error: Mapping[str, Any] | None, shower: Shower) -> dict[str, Any]:
    if error is None:
        return {"status": "ok", "data": shower.show(name)}
    several = len(SECTIONS[name].parts) > 1
    return {**unavailable(error), "data": shower.show(name) if several else None}


def unavailable(problem: Mapping[str, Any]) -> dict[str, Any]:
    """A section that is not there, and why."""
    told = ("code", "detail", "permission", "tier", "version", "scope", "retryable")
    return {
        "status": "unavailable",
        "reason": {one: problem[one] for one in told if one in problem},
        "as_of": None,
        "age_seconds": None,
        "served_from": None,
        "data": None,
    }


def _nothing_read(practice: Practice, now: datetime) -> dict[str, Any]:
    return {
        "as_of": instant_text(now),
        "age_seconds": 0.0,
        "served_from": None,
        "practice_id": practice.id,
        "upstream_calls": 0,
        "omitted": [],
    }
