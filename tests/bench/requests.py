"""What answers cost: upstream requests per call, cold (nothing is cached), by what the practice's key may do.

Counted in one process over the simulated practice, so nothing here is a time of this machine: the seconds beside a
count are what the practice's own pace makes of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from gateway.core.ids import row_ids
from gateway.core.practices import Tier
from tests.bench.figures import Figure, Say, at_most
from tests.fakes.deployment import ALL_PERMISSIONS, Answered, Deployment, deployed

LONGEST_S = 600


@dataclass(frozen=True, slots=True)
class Key:
    """A key that offices have: what it may do, and the pace that comes with it."""

    name: str
    tier: Tier
    permissions: frozenset[str]


KEYS = (
    Key("no reading, by FHIR", Tier.STANDARD, frozenset({"Appointments"})),
    Key("ReadAll only", Tier.READ_ONLY, frozenset({"ReadAll"})),
    Key("all permissions", Tier.STANDARD, ALL_PERMISSIONS),
    Key("all permissions, Enterprise", Tier.ENTERPRISE, ALL_PERMISSIONS),
)


def patient_360(office: Deployment) -> str:
    """The patient with the most visits."""
    visits = [row["PatNum"] for row in office.rows("appointment")]
    busiest = max(set(visits), key=lambda number: (visits.count(number), -number))
    return f"/patients/{row_ids('patient', office.practice_id)(busiest)}/360"


def of_today(office: Deployment) -> str:
    """The visits of one day, whose words the office's own set-up has."""
    day = office.on.clock.now().date()
    return f"/appointments?date_from={day}&date_to={day}"


def busy_day(office: Deployment) -> str:
    """The day with the most visits, as far as a desk greets by it."""
    days = [str(row["AptDateTime"])[:10] for row in office.rows("appointment", "AptStatus IN (1, 2)")]
    return f"/day?date={max(sorted(set(days)), key=days.count)}&sections=patients,balance,coverage,recalls"


def whole_day(office: Deployment) -> str:
    """All that there is of it."""
    return busy_day(office).partition("&")[0]


def slots_of_two_weeks(office: Deployment) -> str:
    """Half an hour with one of four providers, in the next 14 days."""
    ids = row_ids("provider", office.practice_id)
    four = sorted({row["ProvNum"] for row in office.rows("schedule", "SchedType=1")})[:4]
    return f"/slots?duration_minutes=30&provider_id={','.join(map(ids, four))}"


def slots_again(office: Deployment) -> str:
    """The same a while later: the office's set-up is known for the day."""
    path = slots_of_two_weeks(office)
    _answered(office, path)
    office.on.clock.sleep(300)
    office.upstream_calls.clear()
    return path


QUESTIONS: dict[str, tuple[Callable[[Deployment], str], int | None]] = {
    "patient list page": (lambda _: "/patients?status=active", 1),
    "patient 360": (patient_360, 14),
    "a day's appointments, nothing known of the office": (of_today, None),
    "a day by queries: visits, patients, balances, insurance, recalls": (busy_day, 3),
    "a day by queries with alerts and schedules": (whole_day, 5),
    "slot search over 14 days and 4 providers": (slots_of_two_weeks, 8),
    "slot search, the office's set-up known": (slots_again, 4),
}
"""What is asked -> the request, and how many upstream requests it may cost at most."""

NEEDS = {
    "slot search over 14 days and 4 providers": "ReadAll",
    "slot search, the office's set-up known": "ReadAll",
    "a day by queries: visits, patients, balances, insurance, recalls": "Queries",
    "a day by queries with alerts and schedules": "Queries",
}
"""What a key without this permission is refused, or has to be asked in another way: schedules do not come by FHIR."""


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Each question with each key, in a deployment of its own."""
    # Handlers log each request, to where the table of figures goes.
    logging.disable(logging.WARNING)
    try:
        for question in QUESTIONS:
            for key in KEYS[1:3] if quick else KEYS:
                if NEEDS.get(question, "") not in {"", *key.permissions}:
                    continue
                yield _asked(question, key, say)
    finally:
        logging.disable(logging.NOTSET)


def _asked(question: str, key: Key, say: Say) -> Figure:
    path_of, most = QUESTIONS[question]
    with deployed(tier=key.tier) as office:
        office.know(permissions=key.permissions)
        path = path_of(office)
        began = office.on.clock.seconds
        answer = _answered(office, path)
        took = office.on.clock.seconds - began
    say(f"  {question}, {key.name}: {answer.status}")
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"{question} with {key.name} was answered {answer.status}")
    beside = f"{took:.0f} s at this key's pace"
    if "sections" in answer.body:
        there = [one for one in answer.body["sections"].values() if one["status"] == "ok"]
        beside += f", {len(there)} of {len(answer.body['sections'])} sections"
    goal = None if most is None else at_most(most)
    return Figure("requests", f"{question}: {key.name}", len(office.upstream_calls), goal=goal, beside=beside)


def _answered(office: Deployment, asked: str) -> Answered:
    """The answer, asked for as long as it takes."""
    path, _, query = asked.partition("?")
    told = dict(one.split("=", 1) for one in query.split("&") if one)
    began = office.on.clock.seconds
    answer = office.get(path, **told)
    while answer.status == HTTPStatus.ACCEPTED and office.on.clock.seconds - began < LONGEST_S:
        office.on.clock.sleep(1)
        answer = office.get(path, **told)
    return answer
