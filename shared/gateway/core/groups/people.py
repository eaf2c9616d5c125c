"""A person looked for at several practices: what is asked there, how it went, and who was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import AppError, BaaMissing, NotFound
from gateway.core.groups.errands import Errand
from gateway.core.ids import row_id
from gateway.core.matching import Level, Match, Person, best, folded, person_of
from gateway.core.mirror.counted import CountedRecords, CountedServices
from gateway.core.normalize.patients import WATCHED
from gateway.core.normalize.values import drift, key
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.problems import problem_of
from gateway.core.reads.lists import report_drift
from gateway.core.requests import Fetched, Freshness
from gateway.core.walltime import instant_text

PRACTICES_AT_ONCE: Final = 20
"""Practices that one answer looks at, each with one search."""

MOST_QUERIES: Final = 20
"""Partition queries that a page costs the mirrors together, as the lists over several practices have it."""

_GAP: Final = re.compile(r"[\s,-]+")
_TOLD: Final = ("code", "detail", "permission", "tier", "version", "scope", "retryable", "operation_id")


@dataclass(frozen=True, slots=True)
class Found:
    """A row that may be the person's."""

    row: Mapping[str, Any]
    match: Match

    @property
    def key(self) -> int:
        """Open Dental's key of the patient."""
        return key(self.row.get("PatNum"))

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among those of its practice: the best first."""
        return -self.match.points, self.key

    def shown(self, practice_id: str) -> dict[str, Any]:
        """What every answer says of a match."""
        return {
            "practice_id": practice_id,
            "patient_id": row_id("patient", practice_id, self.key),
            "level": self.level.value,
            "score": self.match.score,
            "reasons": [
                {"field": one.field, "kind": one.kind.value, "weight": one.weight / 100} for one in self.match.reasons
            ],
        }

    @property
    def level(self) -> Level:
        """How sure it is."""
        assert self.match.level is not None
        return self.match.level


@dataclass(slots=True)
class Sought:
    """How the search went at one practice: who was found there, or the `error` for which nobody can say."""

    practice_id: str
    practice: Practice | None = None
    fetched: Fetched | None = None
    error: AppError | None = None
    found: list[Found] = field(default_factory=list)

    def refuse(self, error: AppError) -> None:
        """Show nothing of this practice."""
        self.error, self.fetched, self.found = error, None, []

    def told(self, matches: Iterable[Found], *, on: Services) -> dict[str, Any]:
        """What the answer says of this practice; `matches` are those of its people that are in the answer."""
        if self.fetched is None:
            problem = {} if self.error is None else problem_of(self.error)
            reason = {name: problem[name] for name in _TOLD if name in problem}
            return {"practice_id": self.practice_id, "unavailable": reason}
        as_of = self.fetched.rows.as_of
        return {
            "practice_id": self.practice_id,
            "matches": len(list(matches)),
            "as_of": instant_text(as_of),
            "age_seconds": round(max(0.0, (on.clock.now() - as_of).total_seconds()), 1),
            "served_from": self.fetched.served_from,
            "upstream_calls": self.fetched.upstream_calls,
        }


def bound_of(asked: Sequence[Person]) -> dict[str, Any]:
    """What Open Dental is asked for somebody who is one of these readings: whoever was born on that day, which costs
    one call; without a birth date whoever has the longest word of the last name in theirs.

    Somebody whose record has no birth date is therefore not found by one.
    """
    born = asked[0].birth_date
    if born is not None:
        return {"queries": [{"Birthdate": born}]}
    return {"queries": [{"LName": max(_GAP.split(asked[0].last.strip()), key=len)}]}


def can_be_looked_for(asked: Sequence[Person]) -> bool:
    """Whether what is known of somebody is more than a guess: a birth date and something beside it, or a whole name
    and a telephone number or an e-mail address.
    """
    named = [one for one in asked if folded(one.last)]
    contact = bool(asked[0].phones or asked[0].emails)
    if asked[0].birth_date is not None:
        return bool(named) or contact
    return contact and any(folded(one.first) for one in named)


def seek(
    asked: Sequence[Person],
    practice_ids: Iterable[str],
    *,
    caller: Caller,
    freshness: Freshness,
    until: float,
    on: Services,
    most_queries: int | None = None,
) -> list[Sought]:
    """Look for a person at each of these practices, at all of them at once, until that moment of `clock.monotonic`.

    With `most_queries` only at the first ones, for as far as their mirrors take no more partition queries than that
    together; the first may take more.

    Raises: ScopeMissing, which is the same at each of them.
    """
    bound = bound_of(asked)
    records = CountedRecords(on.records, limit=most_queries or 0, now=on.clock.now())
    counted = cast("Services", CountedServices(on, records))
    sought: list[Sought] = []
    errands: dict[str, Errand] = {}
    dearest = 1
    for practice_id in practice_ids:
        if most_queries is not None and sought and records.left < dearest:
            break
        one = _at(practice_id, caller, on)
        sought.append(one)
        if one.practice is None:
            continue
        before = records.queries
        # How far its mirror is.
        records.spend(1)
        errands[practice_id] = Errand(one.practice, "fetch.patients", bound, caller, freshness, counted)
        errands[practice_id].begin()
        dearest = max(dearest, records.queries - before)
    for one in sought:
        if one.practice_id not in errands:
            continue
        errand = errands[one.practice_id]
        errand.finish(until)
        one.fetched, one.error = errand.fetched, errand.error
        if one.fetched is not None:
            rows = one.fetched.rows.rows["patients"]
            report_drift(drift("patient", WATCHED, rows))
            one.found = _among(asked, rows)
    return sought


def _at(practice_id: str, caller: Caller, on: Services) -> Sought:
    try:
        return Sought(practice_id, allow(caller, practice_id, "patients", Verb.READ, on=on))
    except (NotFound, BaaMissing) as error:
        return Sought(practice_id, error=error)


def _among(asked: Sequence[Person], rows: Iterable[Mapping[str, Any]]) -> list[Found]:
    found = (Found(row, best(asked, person_of(row))) for row in rows)
    return sorted((one for one in found if one.match.level is not None), key=lambda one: one.place)
