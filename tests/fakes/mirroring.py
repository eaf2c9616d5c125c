"""A mirror that is up to date: what the background would have brought, stored at one go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from gateway.core.mirror.memory import REMEMBERED_S
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Order, ReadAt, Row
from gateway.core.mirror.syncing import Phase, ResourceSync, Wanted
from gateway.core.plans import UpstreamCall
from open_dental.paging import Paging
from tests.fakes.deployment import Deployment


def mirror(d: Deployment, *resources: str, practice_id: str | None = None) -> None:
    """Turn the practice's mirror on and load `resources`, all of those that have a list unless some are named.

    The rows are those that Open Dental answers now. No turn is used, and nothing counts as called.
    """
    practice_id = practice_id or d.practice_id
    turn_on(d, practice_id=practice_id)
    for name in resources or [one.resource for one in MIRRORED.values() if one.list_operation is not None]:
        load(d, name, practice_id=practice_id)
    # No two calls of a practice are sent at one moment.
    d.on.clock.seconds += 0.01


def turn_on(d: Deployment, *, practice_id: str | None = None, wanted: Wanted = Wanted.ON) -> None:
    """Have the operator want the mirror, and nothing in it yet; long enough ago for every process to know."""
    d.on.clock.seconds += REMEMBERED_S
    state = d.on.syncs.load(practice_id or d.practice_id)
    d.on.syncs.save_practice(replace(state, wanted=wanted, server_offset_s=0.0, changed_at=d.on.clock.now()))


def load(d: Deployment, resource: str, *, practice_id: str | None = None, as_of: datetime | None = None) -> None:
    """Bring one resource up to date, as a pass of the background does that began now."""
    practice_id = practice_id or d.practice_id
    mirrored = MIRRORED[resource]
    practice = d.on.practices.get(practice_id)
    began, before, seconds = d.on.clock.now(), list(d.upstream_calls), d.on.clock.seconds
    rows: list[Row] = []
    assert mirrored.list_operation is not None
    for query in _queries(resource, dict(mirrored.fixed), d):
        paging = Paging(mirrored.list_operation, query, page_limit=practice.page_limit)
        while (page := paging.next_query()) is not None:
            answer = d.on.upstream.send(practice, UpstreamCall(mirrored.list_operation, query=page))
            rows += paging.take(answer.rows)
    d.upstream_calls[:], d.on.clock.seconds = before, seconds
    turn = d.on.pace.load(practice_id).turn_no
    epoch = d.on.syncs.load(practice_id).epoch
    d.on.records.store(practice_id, resource, rows, read=ReadAt(Order(epoch, turn), as_of or began), cause="load")
    d.on.records.all_here(practice_id, resource, are=True)
    is_now(d, resource, as_of or began, practice_id=practice_id, rows=len(rows))


def is_now(
    d: Deployment, resource: str, as_of: datetime, *, practice_id: str | None = None, rows: int | None = None
) -> None:
    """Say of a resource that it is complete as of then."""
    practice_id = practice_id or d.practice_id
    was = d.on.syncs.load(practice_id).resources.get(resource) or ResourceSync(resource)
    count = was.rows if rows is None else rows
    d.on.syncs.save(practice_id, replace(was, phase=Phase.LOADED, as_of=as_of, rows=count))


def _queries(resource: str, fixed: dict[str, Any], d: Deployment) -> Iterable[dict[str, Any]]:
    if resource == "schedules":
        # The list is of today unless told otherwise.
        return [{**fixed, "dateStart": "2000-01-01", "dateEnd": "2100-01-01"}]
    return [fixed]
