"""All that an office knows of a patient, and beside it what the group's other practices know of the same person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import AppError, Conflict, FilterTooWide, NotFound
from gateway.core.groups.crossing import Crossing, crossing_of
from gateway.core.groups.errands import Errand
from gateway.core.groups.people import PRACTICES_AT_ONCE, Found, Sought, can_be_looked_for, seek
from gateway.core.ids import parse_row_id
from gateway.core.matching import Level, person_of
from gateway.core.normalize.values import key
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.problems import problem_of
from gateway.core.reads.across_group import counted, release, together
from gateway.core.reads.lists import Reading
from gateway.core.reads.patient_360 import Patient360Query, aged, refusals, shown_sections, unavailable, wanted_of
from gateway.core.requests import Fetched, Freshness

MOST_SIDES: Final = 10
"""Records of other practices whose sections one answer reads: 14 calls each."""

_SURE_ENOUGH: Final = frozenset({Level.CERTAIN, Level.LIKELY})


@dataclass(slots=True)
class _Side:
    """The sections of one record at one practice, read by one turn there."""

    practice: Practice
    number: int
    wanted: Sequence[str]
    reading: Reading
    refused: dict[str, AppError] = field(default_factory=dict)
    errand: Errand | None = None

    def begin(self) -> None:
        """Have them read, but for those that cannot be."""
        reading = self.reading
        self.refused |= refusals(
            [name for name in self.wanted if name not in self.refused], self.practice, reading.caller, reading.on
        )
        asked = [name for name in self.wanted if name not in self.refused]
        if asked:
            bound = {"key": self.number, "sections": asked}
            self.errand = Errand(
                self.practice, "fetch.patient_360", bound, reading.caller, reading.freshness, reading.on
            )
            self.errand.begin()

    def finish(self, until: float) -> None:
        """Wait for them until that moment of the clock's `monotonic`."""
        if self.errand is not None:
            self.errand.finish(until)

    @property
    def fetched(self) -> Fetched | None:
        """What came."""
        return None if self.errand is None else self.errand.fetched

    @property
    def error(self) -> AppError | None:
        """Why nothing came."""
        return None if self.errand is None else self.errand.error

    def shown(self, *, raw: bool) -> tuple[dict[str, Any], list[str]]:
        """All sections that were wanted, each there or with the reason why it is not; and the fields they leave out."""
        sections = {name: unavailable(problem_of(error)) for name, error in self.refused.items()}
        omitted: list[str] = []
        if self.fetched is not None:
            there, omitted = shown_sections(self.fetched, self.reading, raw=raw)
            sections |= there
        elif self.error is not None:
            lost = unavailable(problem_of(self.error))
            sections |= {name: lost for name in self.wanted if name not in sections}
        return {name: sections[name] for name in self.wanted}, omitted


def get_patient_360_across(
    patient_id: str, query: Patient360Query, *, caller: Caller, freshness: Freshness, request_id: str, on: Services
) -> dict[str, Any]:
    """The patient's sections, and in `others` the records at the group's other practices that may be the same person's.

    Those that are `certain` or `likely` come with their sections, for as far as they came in time; of those that are
    `possible` only that they are there. Nothing is merged. It costs two calls more than the sections do: the patient
    is read first, so that the others can be searched while the rest is read, and each other practice is asked once.

    Raises:
        ScopeMissing, NoGroup, AgreementNotCurrent. NotFound: no such patient, or another's.
        AuditUnavailable: the trail of the patient's own practice cannot be written. And what `requests.fetch` raises.
    """
    until = on.clock.monotonic() + freshness.wait_s
    named = parse_row_id(patient_id, "patient")
    practice = allow(caller, named.practice_id, "patients", Verb.READ, on=on)
    crossing = crossing_of(caller, practice.id, on=on)
    freshness, wanted, raw = aged(freshness), wanted_of(query), "raw" in query.include
    reading = Reading(practice, caller, freshness, on)
    patient = _patient(reading, named.key)
    here = _Side(practice, named.key, wanted, reading)
    here.begin()
    sought = _elsewhere(patient, crossing, reading, until)
    sides = _sides(sought, wanted, reading)
    for side in (here, *sides.values()):
        side.finish(until)
    if here.error is not None and here.fetched is None:
        raise here.error
    own = Sought(practice.id, practice, fetched=reading.fetched[0])
    _release(own, named.key, sought, crossing, caller=caller, request_id=request_id, on=on)
    sections, omitted = here.shown(raw=raw)
    others: list[dict[str, Any]] = []
    used = [*reading.fetched, here.fetched]
    for one in sought:
        used.append(one.fetched)
        for found in one.found:
            beside = None
            if (there := sides.get((one.practice_id, found.key))) is not None:
                beside, left_out = there.shown(raw=raw)
                omitted += left_out
                used.append(there.fetched)
            others.append({**found.shown(one.practice_id), "sections": beside})
    return {
        "id": patient_id,
        "practice_id": practice.id,
        "sections": sections,
        "others": others,
        "meta": {
            **together([one for one in used if one is not None], on=on),
            "practice_id": practice.id,
            "omitted": sorted(set(omitted)),
            "group_id": crossing.group.id,
            "practices": [one.told(one.found, on=on) for one in sought],
        },
    }


def _patient(reading: Reading, number: int) -> Mapping[str, Any]:
    for row in reading.rows("fetch.patient", {"key": number})["patients"]:
        if key(row.get("PatNum")) == number:
            return row
    raise NotFound("no such patient")


def _elsewhere(patient: Mapping[str, Any], crossing: Crossing, reading: Reading, until: float) -> list[Sought]:
    """The search for the patient at each other practice of the group."""
    person = person_of(patient)
    others = [one for one in crossing.practices if one != reading.practice.id]
    if not can_be_looked_for([person]):
        little = Conflict("too little is known of the patient to look for them elsewhere", reason="too-little-known")
        return [Sought(one, error=little) for one in others]
    found = seek(
        [person],
        others[:PRACTICES_AT_ONCE],
        caller=reading.caller,
        freshness=reading.freshness,
        until=until,
        on=reading.on,
    )
    many = FilterTooWide(
        f"one answer looks at {PRACTICES_AT_ONCE} practices; GET /patients?across=group goes through all", bounds=[]
    )
    return [*found, *(Sought(one, error=many) for one in others[PRACTICES_AT_ONCE:])]


def _sides(sought: Iterable[Sought], wanted: Sequence[str], reading: Reading) -> dict[tuple[str, int], _Side]:
    """The sections of all records that are sure enough, on their way."""
    sides: dict[tuple[str, int], _Side] = {}
    for one in sought:
        for found in one.found:
            if one.practice is None or found.level not in _SURE_ENOUGH:
                continue
            there = Reading(one.practice, reading.caller, reading.freshness, reading.on)
            side = sides[one.practice_id, found.key] = _Side(one.practice, found.key, wanted, there)
            if len(sides) > MOST_SIDES:
                many = FilterTooWide(f"one answer reads the sections of {MOST_SIDES} other records", bounds=[])
                side.refused |= dict.fromkeys(wanted, many)
            side.begin()
    return sides


def _release(
    own: Sought,
    number: int,
    sought: Sequence[Sought],
    crossing: Crossing,
    *,
    caller: Caller,
    request_id: str,
    on: Services,
) -> None:
    """Have it all in the audit trails; without the patient's own practice there is no answer."""
    matches: list[Found] = [found for one in sought for found in one.found]
    release(
        [(own, [number]), *((one, [found.key for found in one.found]) for one in sought)],
        {own.practice_id: counted(matches), **{one.practice_id: counted(one.found) for one in sought}},
        crossing,
        caller=caller,
        request_id=request_id,
        on=on,
    )
    if own.error is not None:
        raise own.error
