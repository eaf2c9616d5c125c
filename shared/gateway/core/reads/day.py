"""Reading a day: its visits, each with what the desk needs to know of the patient, in one answer.

Each section comes whole from the practice's mirror where that can say, else from Open Dental, else not at all. Where
the key may query, a section costs a statement however many patients come; where it may not, a call or three for each of
them, so that those are made only for who asks for the section by its name, and the answer tells how many they would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.core import normalize
from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.day_fetches import (
    ALERTS,
    BALANCE,
    COVERAGE,
    GUARANTORS,
    INSURANCE,
    NEEDS_REST,
    PARTS,
    PATIENTS,
    RECALLS,
    UNREAD,
    guarantor,
)
from gateway.core.errors import (
    FilterTooWide,
    PermissionMissing,
    Refused,
    ScopeMissing,
    Unavailable,
    UpstreamBroken,
    VersionTooOld,
)
from gateway.core.inputs import Day
from gateway.core.normalize import patients
from gateway.core.normalize.day import DayShower, totals, working
from gateway.core.normalize.schedules import schedule
from gateway.core.normalize.values import drift, key
from gateway.core.office_words import OfficeWords, Table
from gateway.core.patient_360 import REPORT
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.problems import problem_of
from gateway.core.queries.statement import ROWS, may_query
from gateway.core.reads.appointments import ALWAYS_OMITTED, Visits, visits_of_day
from gateway.core.reads.lists import Reading, Row, key_of, practice_of, report_drift, served_from
from gateway.core.reads.queries import AppointmentsQuery, Id, PracticeQuery
from gateway.core.reads.schedules import of_chairs
from gateway.core.requests import DAY_S, Fetched, Freshness
from gateway.core.walltime import instant_text, read_wall, to_wall

MAX_AGE_S: Final = 300.0
"""How old an answer may be whose caller does not say."""

ALERT_AGE_S: Final = 60.0
"""The same of what may harm somebody if it is missing, as the mirror has it."""

MOST_UNASKED: Final = 40
"""Patients of a day who are read one by one for a caller who did not name the section."""

MOST_ASKED: Final = 400
"""Calls that one answer may cost where sections were named."""

LONGEST_S: Final = 540.0
"""How long they may take at the practice's pace: what came first is kept for ten minutes."""

Name = Literal["appointments", "patients", "balance", "coverage", "recalls", "alerts", "schedules"]
APPOINTMENTS: Final = "appointments"
SCHEDULES: Final = "schedules"

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    PATIENTS: ("patients",),
    BALANCE: ("balances",),
    COVERAGE: ("coverages",),
    RECALLS: ("recalls",),
    ALERTS: ("allergies", "conditions", "medications"),
    SCHEDULES: ("schedules",),
}
"""Section beside the visits -> the objects whose scopes it takes. In the order they are asked for."""

_OF_PEOPLE: Final = (PATIENTS, BALANCE, COVERAGE, RECALLS, ALERTS)
_NEED_PATIENTS: Final = frozenset({BALANCE, ALERTS})
_ONE_STATEMENT: Final = frozenset({PATIENTS, BALANCE, COVERAGE})
"""Where the key may query, and of the same patients."""

_CALLS_EACH: Final = {PATIENTS: 1, BALANCE: 1, COVERAGE: 1, RECALLS: 1, ALERTS: 3}
_MOST_SINGLY: Final = 10
"""Patients that the mirror cannot answer for, and who are read on their own; of more, all are read."""


class DayQuery(PracticeQuery):
    """What `GET /day` can be asked for. The filters are those of `GET /appointments`."""

    date: Day
    """The office's calendar day."""
    location_id: Id | None = None
    provider_id: Id | None = None
    """The dentist or the hygienist."""
    operatory_id: Id | None = None
    status: (
        list[
            Literal[
                "scheduled",
                "arrived",
                "in_chair",
                "completed",
                "broken",
                "no_show",
                "cancelled",
                "other",
            ]
        ]
        | None
    ) = None
    sections: Annotated[list[Name], Field(min_length=1, max_length=20)] | None = None
    """Beside the visits, which always come, only these, whatever they cost (`balance` and `alerts` bring `patients`
    along). Where none is named all of them, without those that would cost a call for each patient."""
    dry_run: bool = False
    """No call is made: the answer has what is at hand, and says how many calls would bring the rest."""


@dataclass
class _Came:
    """The rows of a section, and how they came."""

    rows: dict[str, list[Row]]
    as_of: datetime
    served_from: str

    @classmethod
    def of(cls, fetched: Sequence[Fetched], rows: Mapping[str, Iterable[Row]] | None = None) -> _Came:
        """What these fetches brought together."""
        found: dict[str, list[Row]] = {}
        for one in fetched:
            for name, these in one.rows.rows.items():
                found.setdefault(name, []).extend(these)
        made = found if rows is None else {name: list(these) for name, these in rows.items()}
        road = served_from(one.served_from for one in fetched)
        return cls(made, min(one.rows.as_of for one in fetched), road)


@dataclass
class _Answer:
    """What is known of each section so far."""

    came: dict[str, _Came] = field(default_factory=dict)
    refused: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    needed: dict[str, int | None] = field(default_factory=dict)
    """Of sections that were left out for their cost, or in a dry run: what each adds; None where nobody knows."""
    comes_with: dict[str, str] = field(default_factory=dict)
    """Those of them that add nothing, because the statement of another section brings them."""
    older: dict[str, datetime] = field(default_factory=dict)
    """Of them, as of when the mirror has those that are older than the caller takes."""

    def rows(self) -> dict[str, list[Row]]:
        """The rows of all sections together."""
        return {name: rows for one in self.came.values() for name, rows in one.rows.items()}

    @property
    def calls_needed(self) -> int | None:
        """What all that was left out would cost together; None where that of some of it is not known."""
        known = [calls for calls in self.needed.values() if calls is not None]
        return sum(known) if len(known) == len(self.needed) else None

    def leave_out(self, section: str, calls: int) -> None:
        """Say that a section was not read because it costs a call for each patient."""
        detail = (
            f"that takes a call of Open Dental for each patient, {calls} in all: name it in sections; "
            "a key with the permission Queries, or a mirror of the practice, brings it without them"
        )
        self.refused[section] = {"code": "too-many-calls", "detail": detail, "retryable": False}
        self.needed[section] = calls

    def not_read(self, sections: Sequence[str], costs: Mapping[str, int | None], *, practice: Practice) -> None:
        """Say that these sections, which are asked for together, are not at hand, and what they would cost."""
        of_statement = next((name for name in sections if name in _ONE_STATEMENT), None)
        for name in sections:
            detail = "it is not at hand, and a dry run makes no call"
            self.needed[name] = costs[name]
            if may_query(practice) and name in _ONE_STATEMENT and name != of_statement and of_statement is not None:
                self.comes_with[name], self.needed[name] = of_statement, 0
                detail += f"; what brings {of_statement} brings it too"
            self.refused[name] = {"code": "not-read", "detail": detail, "retryable": True}
            self.came.pop(name, None)


def get_day(query: DayQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """A day of an office in one answer: no call where the mirror is up to date; with the permission Queries a call for
    the visits, one for patients, balances and insurance, one for recalls, one for alerts and one for the schedules, and
    one more for each hundred rows; else see `DayQuery.sections`.

    What the client's scopes, the key's permissions or the office's version do not allow is `unavailable` and says so;
    the visits and the patients' scope are needed. The office's own words are taken as far as they are at hand.

    Raises:
        FilterTooWide: sections were named that would cost more than `MOST_ASKED` calls. NotFound, Invalid, and what
        `allow` and `requests.fetch` raise for the visits.
    """
    practice = practice_of(query, "appointments", caller=caller, on=on)
    allow(caller, practice.id, "patients", Verb.READ, on=on)
    clinic = key_of(query.location_id, "location", practice, param="location_id") or 0
    if not freshness.asked:
        freshness = replace(freshness, max_age_s=MAX_AGE_S)
    if query.sections is not None and not may_query(practice) and not freshness.asked:
        # What takes many calls is older than usual by the time that all of it is there.
        freshness = replace(freshness, max_age_s=LONGEST_S)
    reading = Reading(practice, caller, freshness, on)
    today = to_wall(on.clock.now(), practice.zone(clinic)).date().isoformat()
    answer = _Answer()
    wanted = _wanted(query)
    for name in wanted:
        try:
            for obj in SCOPES[name]:
                allow(caller, practice.id, obj, Verb.READ, on=on)
        except ScopeMissing as error:
            answer.refused[name] = problem_of(error)
    words = reading.words(
        Table.DEFINITIONS,
        Table.PREFERENCES,
        Table.APPOINTMENT_TYPES,
        Table.RECALL_TYPES,
        Table.OPERATORIES,
        only_if_cached=True,
    )
    visits = visits_of_day(_as_list(query, practice), reading, only_at_hand=query.dry_run)
    # Before the people, whose alerts are to be young when they are shown.
    shown: dict[str, Any] | None = None
    if SCHEDULES in wanted and SCHEDULES not in answer.refused:
        shown = _schedules(answer, query, clinic, words, reading)
    if isinstance(visits, int):
        answer.not_read([APPOINTMENTS], {APPOINTMENTS: visits}, practice=practice)
        people = [name for name in wanted if name in _OF_PEOPLE and name not in answer.refused]
        people = [name for name in people if not _is_refused(answer, name, practice)]
        # Without the visits nobody knows how many patients there are.
        answer.not_read(people, dict.fromkeys(people, 1 if may_query(practice) else None), practice=practice)
    else:
        answer.came[APPOINTMENTS] = _Came.of(visits.came)
        numbers = sorted({key(row.get("PatNum")) for row in visits.rows} - {0})
        _read_people(answer, numbers, wanted, query, reading, today=today)
    known = None if isinstance(visits, int) else visits
    return _shown(query, known, shown, answer, wanted=wanted, words=words, reading=reading, clinic=clinic, today=today)


def _wanted(query: DayQuery) -> list[str]:
    if query.sections is None:
        return list(SCOPES)
    named: set[str] = set(query.sections)
    if named & _NEED_PATIENTS:
        named.add(PATIENTS)
    return [name for name in SCOPES if name in named]


def _as_list(query: DayQuery, practice: Practice) -> AppointmentsQuery:
    return AppointmentsQuery(
        practice_id=practice.id,
        date_from=query.date,
        date_to=query.date,
        location_id=query.location_id,
        provider_id=query.provider_id,
        operatory_id=query.operatory_id,
        status=query.status,
    )


# What the patients have


def _read_people(
    answer: _Answer, numbers: list[int], wanted: list[str], query: DayQuery, reading: Reading, *, today: str
) -> None:
    """Bring the sections of these patients, from the mirror or the cache as far as they are there."""
    asked = [name for name in wanted if name in _OF_PEOPLE and name not in answer.refused]
    if not numbers:
        now = answer.came[APPOINTMENTS]
        answer.came |= {name: _Came({}, now.as_of, now.served_from) for name in asked}
        return
    missing = _at_hand(answer, numbers, asked, reading)
    missing = {name: whom for name, whom in missing.items() if not _is_refused(answer, name, reading.practice)}
    here, heads = _families(answer)
    singly = not may_query(reading.practice)
    unknown = [number for number in numbers if number not in here]
    costs = {name: _cost(name, whom, heads, unknown, reading.practice) for name, whom in missing.items()}
    if singly:
        _heed_cost(answer, costs, missing, query, reading)
    if ALERTS in answer.needed and (older := _alerts_at_hand(numbers, answer, reading, calm_s=DAY_S)) is not None:
        answer.older[ALERTS] = older.as_of
    # Whom the mirror does not have first: they may be of families whose heads nothing has named yet.
    for whom in (unknown, numbers):
        calm = [name for name in missing if name in costs and name != ALERTS and missing[name] == whom]
        if calm:
            # The heads of families of whom is here, which nothing else that is asked for would name.
            if PATIENTS in answer.came:
                heads = _families(answer)[1]
            more = {"guarantors": heads} if singly and BALANCE in calm and heads and whom == numbers else {}
            bound = {"patients": whom, "sections": calm, **more}
            _read(answer, bound, costs, reading, dry=query.dry_run)
            missing = {name: these for name, these in missing.items() if name not in calm}
    if BALANCE in answer.came and PATIENTS in answer.refused:
        # Nothing of it could be shown: what a patient owes stands in the patient's row.
        answer.came.pop(BALANCE)
        answer.refused[BALANCE] = answer.refused[PATIENTS]
    if singly and BALANCE in answer.came:
        balances = answer.came[BALANCE].rows[GUARANTORS]
        told = {key(row.get("PatNum")) for row in balances}
        # Who heads a family and comes, which is read with the patients.
        balances += [guarantor(row) for number, row in _families(answer)[0].items() if number not in told]
    if ALERTS in missing and ALERTS in costs:
        bound = {"patients": missing[ALERTS], "sections": [ALERTS], "today": today}
        _read(answer, bound, costs, reading, dry=query.dry_run)


def _families(answer: _Answer) -> tuple[dict[int, Row], list[int]]:
    """The patients who are here, by key, and the heads of their families who are not."""
    people = answer.came.get(PATIENTS)
    here = {} if people is None else {key(row.get("PatNum")): row for row in people.rows["patients"]}
    return here, sorted({key(row.get("Guarantor")) for row in here.values()} - {0, *here})


def _is_refused(answer: _Answer, name: str, practice: Practice) -> bool:
    """Whether no call needs to be spent on a section."""
    if may_query(practice):
        return False
    try:
        for part in (NEEDS_REST,) if name == BALANCE else PARTS.get(name, ()):
            part.require(practice)
    except (PermissionMissing, VersionTooOld) as error:
        answer.refused[name] = problem_of(error)
        return True
    return False


def _cost(name: str, whom: list[int], heads: list[int], unknown: list[int], practice: Practice) -> int:
    """Calls that a section takes for these patients, as far as Open Dental's answers are not full and have to be paged.

    The most where it is not `unknown` patients' rows that tell who heads their families.
    """
    if may_query(practice):
        # It has a row for each of them, and whether a full page was the last is told by the next.
        return 1 + len(whom) // ROWS if name in {PATIENTS, BALANCE} else 1
    if name == BALANCE and len(whom) > len(unknown):
        return len(heads) + len(unknown)
    return _CALLS_EACH[name] * len(whom)


def _heed_cost(
    answer: _Answer, costs: dict[str, int], missing: Mapping[str, list[int]], query: DayQuery, reading: Reading
) -> None:
    """Leave out what costs a call for each patient, unless it was named; refuse what is too much either way.

    A few patients whom the mirror cannot tell of are read for everybody.
    """
    if query.sections is not None:
        interval_s = reading.on.paces.view(reading.practice.id).interval_s
        most = min(MOST_ASKED, int(LONGEST_S / interval_s)) if interval_s else MOST_ASKED
        if (calls := sum(costs.values())) > most and not query.dry_run:
            raise FilterTooWide(
                f"these sections would cost {calls} calls, and {most} are the most: name fewer, or narrow the day",
                bounds=["sections", "location_id", "provider_id", "operatory_id", "status"],
            )
        return
    for name in missing:
        few = len(missing[name]) <= _MOST_SINGLY and name in answer.came
        if not few and costs[name] > (MOST_UNASKED if name == PATIENTS else 0):
            answer.leave_out(name, costs.pop(name))
            answer.came.pop(name, None)


def _read(
    answer: _Answer,
    bound: Mapping[str, Any],
    costs: Mapping[str, int],
    reading: Reading,
    *,
    dry: bool,
) -> None:
    """Bring sections from Open Dental. What cannot be had now is no reason to withhold the visits."""
    usual, sections = reading.freshness, list(bound["sections"])
    if ALERTS in sections and not usual.asked:
        takes_s = costs[ALERTS] * reading.on.paces.view(reading.practice.id).interval_s
        reading.freshness = replace(usual, max_age_s=ALERT_AGE_S + takes_s)
    try:
        fetched = reading.at_hand("fetch.day", bound) if dry else reading.fetched_by("fetch.day", bound)
    except (Refused, Unavailable, UpstreamBroken) as error:
        answer.refused |= dict.fromkeys(sections, problem_of(error))
        return
    finally:
        reading.freshness = usual
    if fetched is not None:
        _take(answer, sections, fetched)
        return
    answer.not_read(sections, costs, practice=reading.practice)


def _take(answer: _Answer, sections: list[str], fetched: Fetched) -> None:
    """Note what a live fetch brought, beside what was at hand of other patients."""
    rows = fetched.rows.rows
    report = {row["section"]: row for row in rows[REPORT]}
    for name in sections:
        told, was = report[name], answer.came.pop(name, None)
        if told["error"] is not None:
            answer.refused[name] = told["error"]
            continue
        as_of = fetched.rows.as_of if told["as_of"] is None else datetime.fromisoformat(told["as_of"])
        came = _Came({one: list(rows[one]) for one in _ROWS_OF[name] if one in rows}, as_of, fetched.served_from)
        if was is not None:
            for one, those in was.rows.items():
                came.rows[one] = [*came.rows.get(one, []), *those]
            came.as_of = min(as_of, was.as_of)
            came.served_from = served_from((was.served_from, came.served_from))
        answer.came[name] = came


_ROWS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    PATIENTS: ("patients",),
    BALANCE: (GUARANTORS,),
    COVERAGE: (INSURANCE, UNREAD),
    RECALLS: ("recalls", "recalltypes"),
    ALERTS: ("allergies", "diseases", "medicationpats"),
}


# What is at hand


def _at_hand(answer: _Answer, numbers: list[int], asked: list[str], reading: Reading) -> dict[str, list[int]]:
    """Take the sections that cost no call; return of which patients the others are missing: all, or a few."""
    missing: dict[str, list[int]] = {}
    present = numbers
    for name in asked:
        came = _patients_at_hand(numbers, reading) if name == PATIENTS else _FROM_MIRROR[name](present, answer, reading)
        if came is None:
            missing[name] = numbers
            continue
        answer.came[name] = came
        if name == PATIENTS:
            present = sorted(key(row.get("PatNum")) for row in came.rows["patients"])
        if len(present) < len(numbers):
            missing[name] = [number for number in numbers if number not in present]
    return missing


def _patients_at_hand(numbers: list[int], reading: Reading) -> _Came | None:
    """Whom the mirror has. It never has all where somebody was deleted, or is not there at all."""
    together = reading.at_hand("fetch.patients", {"keys": numbers})
    if together is not None:
        return _Came.of([together])
    if not reading.is_mirrored("patients"):
        return None
    found, absent = list[Fetched](), 0
    for number in numbers:
        one = reading.at_hand("fetch.patients", {"keys": [number]})
        if one is None:
            absent += 1
        else:
            found.append(one)
        if absent > _MOST_SINGLY:
            return None
    return _Came.of(found) if found else None


def _balance_at_hand(numbers: list[int], answer: _Answer, reading: Reading) -> _Came | None:
    people = answer.came.get(PATIENTS)
    if people is None:
        return None
    here = {key(row.get("PatNum")): row for row in people.rows["patients"] if key(row.get("PatNum")) in numbers}
    others = sorted({key(row.get("Guarantor")) for row in here.values()} - {0, *here})
    fetched = reading.at_hand("fetch.patients", {"keys": others}) if others else None
    if others and fetched is None:
        return None
    rows = [*here.values(), *([] if fetched is None else fetched.rows.rows["patients"])]
    as_of = people.as_of if fetched is None else min(people.as_of, fetched.rows.as_of)
    roads = [people.served_from, *([] if fetched is None else [fetched.served_from])]
    return _Came({GUARANTORS: [guarantor(row) for row in rows]}, as_of, served_from(roads))


def _coverage_at_hand(numbers: list[int], answer: _Answer, reading: Reading) -> _Came | None:  # noqa: ARG001
    """What the family module joins, of four resources that no feed follows: up to a day old where nobody says."""
    places = _listed("patplans", numbers, reading)
    if places is None:
        return None
    came = [places]
    rows: dict[str, list[Row]] = {"patplans": list(places.rows.rows["patplans"])}
    # Each leads to the next; without any of them there is none behind it.
    for resource, column, by in (
        ("inssubs", "InsSubNum", "patplans"),
        ("insplans", "PlanNum", "inssubs"),
        ("carriers", "CarrierNum", "insplans"),
    ):
        keys = sorted({key(row.get(column)) for row in rows[by]} - {0})
        rows[resource] = []
        if keys:
            found = reading.at_hand(f"fetch.{resource}", {"resource": resource, "keys": keys}, calm_s=DAY_S)
            if found is None:
                return None
            came.append(found)
            rows[resource] = list(found.rows.rows[resource])
    return _Came.of(came, {INSURANCE: _joined(rows)})


def _joined(rows: Mapping[str, list[Row]]) -> list[Row]:
    """Places, subscriptions, plans and carriers, as the family module joins them."""
    subscriptions = {key(row.get("InsSubNum")): row for row in rows.get("inssubs", ())}
    plans = {key(row.get("PlanNum")): row for row in rows.get("insplans", ())}
    carriers = {key(row.get("CarrierNum")): row for row in rows.get("carriers", ())}
    found: list[Row] = []
    for place in rows["patplans"]:
        subscription = subscriptions.get(key(place.get("InsSubNum")), {})
        plan = plans.get(key(subscription.get("PlanNum")), {})
        carrier = carriers.get(key(plan.get("CarrierNum")), {})
        found.append({**carrier, **plan, **subscription, **place})
    return found


def _recalls_at_hand(numbers: list[int], answer: _Answer, reading: Reading) -> _Came | None:  # noqa: ARG001
    found = _listed("recalls", numbers, reading)
    return None if found is None else _Came.of([found])


def _alerts_at_hand(
    numbers: list[int],
    answer: _Answer,  # noqa: ARG001
    reading: Reading,
    *,
    calm_s: float | None = None,
) -> _Came | None:
    came: list[Fetched] = []
    for resource in ("allergies", "diseases", "medicationpats"):
        found = reading.at_hand(f"fetch.{resource}", _each(resource, numbers), calm_s=calm_s)
        if found is None:
            return None
        came.append(found)
    return _Came.of(came)


def _listed(resource: str, numbers: list[int], reading: Reading) -> Fetched | None:
    return reading.at_hand(f"fetch.{resource}", _each(resource, numbers), calm_s=DAY_S)


def _each(resource: str, numbers: list[int]) -> dict[str, Any]:
    return {"resource": resource, "queries": [{"PatNum": number} for number in numbers]}


_FROM_MIRROR: Final = {
    BALANCE: _balance_at_hand,
    COVERAGE: _coverage_at_hand,
    RECALLS: _recalls_at_hand,
    ALERTS: _alerts_at_hand,
}


# Who works


def _schedules(
    answer: _Answer, query: DayQuery, clinic: int, words: OfficeWords, reading: Reading
) -> dict[str, Any] | None:
    """The day's hours and blockouts; of a location those that hold for its chairs, which must be known then."""
    day = query.date.isoformat()
    kind, bound = "fetch.schedules", {"resource": "schedules", "queries": [{"dateStart": day, "dateEnd": day}]}
    chairs_known = not clinic or words.knows(Table.OPERATORIES)
    try:
        require(reading.practice, "schedules.list")
        fetched = reading.at_hand(kind, bound) if query.dry_run else reading.fetched_by(kind, bound)
        if not chairs_known and not query.dry_run:
            # A filter needs the chairs, which cost a call where they are not at hand.
            words = reading.words(Table.OPERATORIES)
    except (Refused, Unavailable, UpstreamBroken) as error:
        answer.refused[SCHEDULES] = problem_of(error)
        return None
    if fetched is None or (query.dry_run and not chairs_known):
        calls = (fetched is None) + (not chairs_known)
        answer.not_read([SCHEDULES], {SCHEDULES: calls}, practice=reading.practice)
        return None
    rows = list(fetched.rows.rows["schedules"])
    if clinic:
        if not words.knows(Table.OPERATORIES):
            detail = "which chairs the location has cannot be read now"
            answer.refused[SCHEDULES] = {"code": "not-read", "detail": detail, "retryable": True}
            return None
        rows = of_chairs(rows, words, reading, lambda one: key(one.get("ClinicNum")) == clinic)
    answer.came[SCHEDULES] = _Came.of([fetched])
    rows.sort(key=lambda row: (str(row.get("StartTime") or ""), key(row.get("ScheduleNum"))))
    return working(schedule(row, practice=reading.practice, synced_at=fetched.rows.as_of, words=words) for row in rows)


# The answer


def _shown(
    query: DayQuery,
    visits: Visits | None,
    schedules: dict[str, Any] | None,
    answer: _Answer,
    *,
    wanted: list[str],
    words: OfficeWords,
    reading: Reading,
    clinic: int,
    today: str,
) -> dict[str, Any]:
    practice, now = reading.practice, reading.on.clock.now()
    zone = practice.zone(clinic)
    begins, ends = (
        read_wall(datetime.combine(query.date + timedelta(days=days), time()), zone).instant for days in (0, 1)
    )
    shown = None if visits is None else _visits(visits, answer, query, words, reading, today=today)
    sections = {
        name: _section(answer, name, now) for name in (APPOINTMENTS, *wanted) if name in answer.came | answer.refused
    }
    labelled = words.knows(Table.RECALL_TYPES) or (
        RECALLS in answer.came and "recalltypes" in answer.came[RECALLS].rows
    )
    unlabelled = [] if labelled or RECALLS not in answer.came else ["recalls.type.label"]
    meta: dict[str, Any] = dict.fromkeys(("as_of", "age_seconds", "served_from"))
    meta |= {"practice_id": practice.id, "upstream_calls": 0, "omitted": []}
    if answer.came:
        as_of = min(one.as_of for one in answer.came.values())
        # Not of what was looked at and left: a copy that was too old, or not all there.
        meta = reading.meta(_omitted(visits, words) + unlabelled) | {
            "as_of": instant_text(as_of),
            "age_seconds": round(max(0.0, (now - as_of).total_seconds()), 1),
            "served_from": served_from(one.served_from for one in answer.came.values()),
        }
    return {
        "date": query.date.isoformat(),
        "practice_id": practice.id,
        "location_id": query.location_id,
        "time_zone": zone.key,
        "starts_at": instant_text(begins),
        "ends_at": instant_text(ends),
        "visits": shown,
        "totals": None if shown is None else totals(one["appointment"] for one in shown),
        "schedules": schedules,
        "sections": sections,
        "meta": {**meta, "calls_needed": answer.calls_needed},
    }


def _visits(
    visits: Visits, answer: _Answer, query: DayQuery, words: OfficeWords, reading: Reading, *, today: str
) -> list[dict[str, Any]]:
    rows = answer.rows()
    if words.knows(Table.RECALL_TYPES):
        rows["recalltypes"] = list(words.recall_types)
    report_drift(drift("patient", patients.WATCHED, rows.get("patients", ())))
    came = answer.came[APPOINTMENTS]
    shower = DayShower(rows, practice=reading.practice, on=query.date, today=today, synced_at=came.as_of)
    by_patient = dict[int, dict[str, Any]]()
    found = []
    for row in visits.rows:
        number = key(row.get("PatNum"))
        if number not in by_patient:
            by_patient[number] = {
                PATIENTS[:-1]: _of(answer, PATIENTS, number, shower.patient),
                BALANCE: _of(answer, BALANCE, number, shower.balance),
                COVERAGE: _of(answer, COVERAGE, number, shower.coverage),
                RECALLS: _of(answer, RECALLS, number, shower.recalls),
                ALERTS: _of(answer, ALERTS, number, shower.alerts),
            }
        appointment = normalize.appointment(
            row, practice=reading.practice, synced_at=came.as_of, history=visits.history, words=words
        )
        found.append({"appointment": appointment, **by_patient[number]})
    return found


def _of(answer: _Answer, section: str, number: int, show: Any) -> Any:
    return show(number) if number and section in answer.came and section not in answer.refused else None


def _omitted(visits: Visits | None, words: OfficeWords) -> list[str]:
    rows = [] if visits is None else visits.rows
    broken = visits is not None and visits.history is None and any(row.get("AptStatus") == "Broken" for row in rows)
    kinds = any(key(row.get("AppointmentTypeNum")) for row in rows)
    left_out = [
        *ALWAYS_OMITTED,
        "extensions",
        "procedure_ids",
        *(["break_evidence"] if broken else []),
        *([] if words.knows(Table.DEFINITIONS, Table.PREFERENCES) else ["confirmation.status"]),
        *(["type.name"] if kinds and not words.knows(Table.APPOINTMENT_TYPES) else []),
    ]
    return [f"appointment.{name}" for name in left_out]


def _section(answer: _Answer, name: str, now: datetime) -> dict[str, Any]:
    if name in answer.refused:
        told = ("code", "detail", "permission", "tier", "version", "scope", "retryable")
        problem = answer.refused[name]
        shown = {
            "status": "unavailable",
            "reason": {one: problem[one] for one in told if one in problem},
            "as_of": None,
            "age_seconds": None,
            "served_from": None,
        }
        older = {"mirrored_as_of": instant_text(answer.older[name])} if name in answer.older else {}
        needed = {"calls_needed": answer.needed[name]} if name in answer.needed else {}
        beside = {"comes_with": answer.comes_with[name]} if name in answer.comes_with else {}
        return shown | needed | beside | older
    came = answer.came[name]
    return {
        "status": "ok",
        "as_of": instant_text(came.as_of),
        "age_seconds": round(max(0.0, (now - came.as_of).total_seconds()), 1),
        "served_from": came.served_from,
    }
