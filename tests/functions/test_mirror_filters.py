"""Each parameter of each mirrored list, held against the list itself: the same rows in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from gateway.core.mirror.answers import Look
from gateway.core.mirror.asked import Elsewhere
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.normalize.values import content_version, key
from gateway.core.plans import UpstreamCall
from gateway.core.requests import Freshness
from open_dental import catalogue, errors
from open_dental.paging import Paging
from tests.fakes.deployment import Deployment, deployed
from tests.fakes.mirroring import mirror

ELSEWHERE = frozenset(
    {
        "definitions.list Category",
        "payments.list PayType",
        "providers.list ClinicNum",
        "schedules.list",
        "schedules.list BlockoutDefNum",
        "schedules.list EmployeeNum",
        "schedules.list ProvNum",
        "schedules.list SchedType",
        "schedules.list dateEnd",
        "schedules.list dateStart",
        "tasks.list",
        "tasks.list KeyNum",
        "tasks.list ObjectType",
        "tasks.list TaskListNum",
        "tasks.list TaskStatus",
    }
)
"""What the mirror leaves to Open Dental: meanings that rows do not tell, and lists of a time that passes."""

DAYS = {"date", "dateStart", "dateEnd"}


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed() as d:
        d.read_up()
        mirror(d)
        yield d


def theirs(d: Deployment, operation: str, query: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The list as Open Dental has it; None where it refuses."""
    paging = Paging(operation, query, page_limit=1000)
    rows: list[Any] = []
    try:
        while (page := paging.next_query()) is not None:
            call = UpstreamCall(operation, query=page)
            rows += paging.take(d.on.upstream.send(d.on.practices.get(d.practice_id), call).rows)
    except (errors.NotFound, errors.Refused):
        return None
    return rows


def ours(d: Deployment, operation: str, query: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The list as the mirror has it; None where it leaves it to Open Dental."""
    practice = d.on.practices.get(d.practice_id)
    look = Look(practice, d.on.syncs.load(practice.id), Freshness(1e9, asked=True), d.on)
    look.expect({})
    try:
        return look.up(UpstreamCall(operation, query=query)).rows
    except Elsewhere:
        return None


def queries(one: Mirrored, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """No filter, each parameter with values that rows have, and each two neighbours together."""
    yield {}
    params = [one.name for one in catalogue.operation(one.list_operation or "").query]
    values = {name: _values(one, name, rows) for name in params}
    for name in params:
        yield from ({name: value} for value in values[name])
    for left, right in pairwise(params):
        for value, other in zip(values[left], values[right], strict=False):
            yield {left: value, right: other}


def _values(one: Mirrored, name: str, rows: list[dict[str, Any]]) -> list[Any]:
    column = (one.day or "") if name in DAYS else name
    found = sorted({str(row[column]) for row in rows if row.get(column) not in {None, "", 0, "0"}})
    some = found[:1] + found[len(found) // 2 : len(found) // 2 + 1] + found[-1:]
    kind = next(one.type for one in catalogue.operation(one.list_operation or "").query if one.name == name)
    if name in DAYS or kind == "date":
        return [text[:10] for text in some if text[:4] != "0001"]
    if kind == "int":
        return [int(text) for text in some if text.lstrip("-").isdigit()]
    return [text for text in some if text[:4] != "0001"]


@pytest.mark.parametrize("name", [one.resource for one in MIRRORED.values() if one.list_operation is not None])
def test_the_mirror_has_what_the_list_shows(name: str, office: Deployment) -> None:
    one = MIRRORED[name]
    operation = one.list_operation or ""
    every = [record.row for record in office.on.records.page(office.practice_id, name, after=None, limit=5000)]
    left, compared = set[str](), 0
    for query in queries(one, [dict(row) for row in every]):
        mine, shown = ours(office, operation, query), theirs(office, operation, query)
        if mine is None:
            left |= {" ".join([operation, *query])} if len(query) < 2 else set()
            continue
        compared += 1
        assert shown is not None, query
        assert [key(row[one.key]) for row in mine] == [key(row[one.key]) for row in shown], query
        assert [content_version(row) for row in mine] == [content_version(row) for row in shown], query

    assert left <= ELSEWHERE
    assert compared > 0
