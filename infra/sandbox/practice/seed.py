"""A believable practice: its rows come from `seeding/`, this puts them into the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random

from infra.sandbox.practice.behaviours.ledger import age
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.schema import tables
from infra.sandbox.practice.seeding.calendar import Calendar, add_schedules
from infra.sandbox.practice.seeding.desk import add_desk
from infra.sandbox.practice.seeding.forms import add_forms
from infra.sandbox.practice.seeding.keys import randomize
from infra.sandbox.practice.seeding.money import add_money
from infra.sandbox.practice.seeding.people import add_people
from infra.sandbox.practice.seeding.rows import Row, Rows
from infra.sandbox.practice.seeding.setup import set_up
from infra.sandbox.practice.seeding.visits import add_visits


def invent(today: date, *, patients: int, seed: int, random_keys: bool = False) -> Rows:
    """Invent the rows of a practice with `patients` rows of patients.

    The same arguments give the same rows, keys and all. Change stamps lie in the past, none later than the
    last midnight, so that a reader who starts now misses none of them.
    """
    rows, rng = Rows(), Random(f"practice {seed}")
    made = set_up(rows, rng, today, patients=patients)
    calendar = Calendar(today)
    add_schedules(rows, made, calendar)
    people = add_people(rows, rng, made, patients)
    diary = add_visits(rows, rng, made, calendar, people)
    add_money(diary, people)
    add_desk(rows, rng, made, people)
    # By a stream of their own, so that nobody else's rows are others for them.
    add_forms(rows, Random(f"forms {seed}"), made, people)
    if random_keys:
        randomize(rows, rng)
    return rows


def _even(table: str, listed: list[Row]) -> Iterator[Row]:
    """Give all rows of a table the same columns, so that they can be written at once."""
    shape = tables()[table]
    names = dict.fromkeys(name for row in listed for name in row)
    defaults = {name: shape.columns[name].default for name in names}
    return ({**defaults, **row} for row in listed)


def seed(office: Office, *, patients: int, seed: int, today: date | None = None) -> None:
    """Fill the empty practice with `patients` invented people; the same `seed` on the same day gives the same rows.

    `today` is that day, unless it is the office's own.
    """
    random_keys = office.store.random_keys
    rows = invent(today or date.fromisoformat(office.today()), patients=patients, seed=seed, random_keys=random_keys)
    with office.store.transaction():
        for table, listed in rows:
            office.store.insert_many(table, _even(table, listed))
        office.store.set_preference("ProgramVersion", f"{office.version}.0")
        office.store.set_preference("DataBaseVersion", f"{office.version}.0")
        office.store.set_preference("RandomPrimaryKeys", str(int(random_keys)))
        age(office, keep_stamps=True)
