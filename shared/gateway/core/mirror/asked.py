"""What a list call of Open Dental asks, held against mirrored rows: the vendor's filters, as the vendor means them.

Only what is known for certain is answered here: a parameter whose meaning over mirrored rows is not, sends the call to
Open Dental. Sources: each resource's page under https://www.opendental.com/site/apispecification.html; comparisons and
hidden restrictions as in the published 24.3 source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

from gateway.core.mirror.lookups import END, WAYS, Way
from gateway.core.mirror.mirrored import Mirrored
from gateway.core.mirror.passes import MONTHS_AHEAD, MONTHS_BACK
from gateway.core.normalize.names import folded
from gateway.core.normalize.values import flag, key
from open_dental import catalogue

Row: TypeAlias = Mapping[str, Any]
Test: TypeAlias = Callable[[Row], bool]

PAGING: Final = frozenset({"Limit", "Offset"})
_DAYS: Final = frozenset({"date", "dateStart", "dateEnd"})

_SINCE: Final = frozenset({("payments", "DateEntry"), ("perioexams", "ExamDate"), ("tasks", "DateTimeOriginal")})
"""Parameters that mean "on or after", beside each list's own filter by the time of change."""

_NOT_HERE: Final = frozenset({("providers", "ClinicNum"), ("definitions", "Category"), ("payments", "PayType")})
"""Parameters that bring another query, or compare with what rows do not show."""

_UNSAID: Final[Mapping[str, frozenset[str]]] = {
    "tasks": frozenset({"DateTimeOriginal"}),
    "schedules": frozenset({"date", "dateStart"}),
}
"""Lists of a time that passes while nothing is read, the last two weeks or today, unless one of these is sent."""

_CONTAINED: Final = frozenset({("patients", "LName"), ("patients", "FName")})


class Elsewhere(Exception):
    """The mirror cannot say; Open Dental is asked."""


def is_listed(mirrored: Mirrored, row: Row) -> bool:
    """Whether the list that the mirror follows shows this row at all.

    Rows that it hides are mirrored only as somebody reads them, and are as old as that.
    """
    hidden = _HIDDEN.get(mirrored.resource)
    return hidden is None or not hidden(row)


def is_within(mirrored: Mirrored, first: date | None, last: date | None, as_of: datetime) -> bool:
    """Whether the mirror has all of these days. Schedules are mirrored for some months only, counted from `as_of`."""
    if mirrored.resource != "schedules":
        return True
    reach = timedelta(days=31 * (min(MONTHS_BACK, MONTHS_AHEAD) - 2))
    today = as_of.date()
    return first is not None and last is not None and today - reach <= first and last <= today + reach


_HIDDEN: Final[Mapping[str, Test]] = {
    "patients": lambda row: row.get("PatStatus") == "Deleted",
    "clinics": lambda row: flag(row.get("IsHidden")) is True,
    "tasklists": lambda row: row.get("TaskListStatus") != "Active",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One list call: where its rows are looked for, and the tests that they must pass.

    `parent`: column and value, or `days`: first and last, or `ways`: one with the first and last text on it, or
    `since`: the office's wall time of the last change; of several the first is the narrowest, only that a way which is
    wide comes behind the time of change. With none of them every row has to be looked at.
    """

    parent: tuple[str, int] | None
    days: tuple[date | None, date | None] | None
    since: str | None
    tests: tuple[Test, ...]
    ways: tuple[tuple[Way, str, str], ...] = ()

    @property
    def way(self) -> tuple[Way, str, str] | None:
        """The way to take, if any."""
        return next((one for one in self.ways if not one[0].is_wide or self.since is None), None)

    @property
    def patient(self) -> int | None:
        """The patient whose rows alone are asked for."""
        return self.parent[1] if self.parent is not None and self.parent[0] == "PatNum" else None

    @property
    def named(self) -> dict[str, int]:
        """What stands in every row that is asked for."""
        return {} if self.parent is None else {self.parent[0]: self.parent[1]}

    def fits(self, row: Row) -> bool:
        """Whether Open Dental's list would have this row."""
        return all(test(row) for test in self.tests)


def asked(mirrored: Mirrored, operation_id: str, query: Mapping[str, Any]) -> Asked:
    """What a call of `operation_id`, one of `mirrored`, asks with `query`.

    Raises:
        Elsewhere: it asks what rows do not tell.
    """
    given = {name: value for name, value in query.items() if name not in PAGING and value is not None}
    if mirrored.resource in _UNSAID and not _UNSAID[mirrored.resource] & given.keys():
        raise Elsewhere
    tests: list[Test] = [lambda row: is_listed(mirrored, row)]
    if mirrored.resource == "definitions" and str(given.pop("includeHidden", "false")).lower() != "true":
        tests.append(lambda row: flag(row.get("isHidden")) is not True)
    first = last = None
    for name in _DAYS & given.keys() if mirrored.day is not None else ():
        day = _day(given.pop(name))
        first = first if name == "dateEnd" else day
        last = last if name == "dateStart" else day
    days = None if first is None and last is None else (first, last)
    if days is not None:
        tests.append(_within(mirrored, *days))
    tests += (_test(mirrored, operation_id, name, value) for name, value in given.items())
    parents = {column: key(given[column]) for column in mirrored.parents if column in given}
    if 0 in parents.values():
        raise Elsewhere
    # The last of the parents is the narrowest: a claim has fewer lines than its patient.
    parent = list(parents.items())[-1] if parents else None
    since = None if mirrored.stamp is None else given.get(mirrored.stamp)
    return Asked(parent, days, since, tuple(tests), tuple(_ways(mirrored.resource, given)))


def _ways(resource: str, given: Mapping[str, Any]) -> Iterator[tuple[Way, str, str]]:
    """Ways that the parameters lead by, the narrowest first. What has most rows of a kind is on no way."""
    for way in WAYS.get(resource, ()):
        if way.param is not None and way.param in given:
            text = way.text_of(given[way.param])
            if way.leads_by(text):
                yield way, text, END if way.since else text


def _test(mirrored: Mirrored, operation_id: str, name: str, value: object) -> Test:
    """What the parameter `name` asks of a row. Raises: Elsewhere."""
    resource = mirrored.resource
    column = next((one for one in catalogue.resource(resource).fields if one.name == name and not one.derived), None)
    param = next((one for one in catalogue.operation(operation_id).query if one.name == name), None)
    if param is None or column is None or (resource, name) in _NOT_HERE:
        raise Elsewhere
    if name == mirrored.stamp or (resource, name) in _SINCE:
        return _since(name, str(value))
    if (resource, name) in _CONTAINED:
        return _contains(name, value)
    if param.type == "int" and column.type != "enum":
        return _key(name, key(value))
    if param.type == "date":
        return _on(name, _day(value))
    if param.type in {"enum", "string"}:
        return _equal(name, value)
    raise Elsewhere


def in_order(resource: str, rows: Iterable[Row]) -> list[Row]:
    """The rows in the order of Open Dental's list, as far as the catalogue knows it; by key where it does not."""
    of = catalogue.resource(resource)
    ordered = sorted(rows, key=lambda row: key(row.get(of.key or "")))
    for column, direction in reversed(of.order):
        if column == of.key:
            ordered.sort(key=lambda row: key(row.get(of.key or "")), reverse=direction == "desc")
        else:
            ordered.sort(key=lambda row, column=column: str(row.get(column) or ""), reverse=direction == "desc")  # type: ignore[misc]
    return ordered


def _day(value: object) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise Elsewhere from None


def _since(column: str, moment: str) -> Test:
    return lambda row: str(row.get(column) or "").replace("T", " ")[: max(len(moment), 10)] >= moment


def _key(column: str, number: int) -> Test:
    return lambda row: key(row.get(column)) == number


def _on(column: str, day: date) -> Test:
    text = day.isoformat()
    return lambda row: str(row.get(column) or "")[:10] == text


def _within(mirrored: Mirrored, first: date | None, last: date | None) -> Test:
    def fits(row: Row) -> bool:
        day = mirrored.day_of(row)
        return day is not None and (first is None or first <= day) and (last is None or day <= last)

    return fits


def _equal(column: str, value: object) -> Test:
    wanted = str(value).casefold()
    return lambda row: str(row.get(column) or "").casefold() == wanted


def _contains(column: str, value: object) -> Test:
    wanted = folded(value)
    return lambda row: wanted in folded(row.get(column))
