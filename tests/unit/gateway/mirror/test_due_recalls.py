"""Whose recall has come due is told on that day, once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

PATIENTS = ("--patients", "10")
DAY_S = 86_400


def due(office: MirroredOffice) -> list[tuple[str, str]]:
    """Recalls that were told, and of which day."""
    return [(one[2], one[3]["due_on"]) for one in office.on.facts.changes if one[1] == "due_recalls"]


def set_due(office: MirroredOffice, number: int, on: date | None, **more: Any) -> None:
    rows = office.store.rows('SELECT "RecallNum" FROM recall')
    for row in rows:
        row_more = {"DateDue": str(on) if on and row["RecallNum"] == number else "0001-01-01"}
        office.store.update(
            "recall", row["RecallNum"], {**row_more, "DateScheduled": "0001-01-01", "IsDisabled": 0} | more
        )


def first(office: MirroredOffice) -> int:
    number: int = office.store.rows('SELECT "RecallNum" FROM recall')[0]["RecallNum"]
    return number


def test_a_recall_is_told_on_the_day_on_which_it_is_due_and_once() -> None:
    with mirrored_office(*PATIENTS) as office:
        number = first(office)
        tomorrow = office.d.today + timedelta(days=1)
        set_due(office, number, tomorrow)
        office.load()
        office.run(3600)
        assert due(office) == []

        office.run(DAY_S)
        assert due(office) == [(str(number), str(tomorrow))]

        office.run(DAY_S)
        assert len(due(office)) == 1


def test_what_was_due_before_there_was_a_mirror_is_not_told() -> None:
    """Half of an office's patients are overdue: nobody wants to hear of all of them on the first morning."""
    with mirrored_office(*PATIENTS) as office:
        set_due(office, first(office), office.d.today - timedelta(days=3))
        office.load()
        office.run(DAY_S)

        assert due(office) == []


def test_a_recall_that_is_off_or_has_its_visit_is_not_due_and_one_that_was_moved_is_due_again() -> None:
    with mirrored_office(*PATIENTS) as office:
        number, today = first(office), office.d.today
        for more in ({"IsDisabled": 1}, {"DateScheduled": str(today + timedelta(days=30))}):
            set_due(office, number, office.d.today + timedelta(days=1), **more)
            if not office.states():
                office.load()
            office.sweep("recalls")
            office.run(DAY_S)
            assert due(office) == []
        for _ in range(2):
            day = office.d.today + timedelta(days=1)
            set_due(office, number, day)
            office.sweep("recalls")
            office.run(DAY_S)
            assert due(office)[-1] == (str(number), str(day))

        assert len(due(office)) == 2
