"""A mirror of a practice's money that is whole, lists under parents included, and its books."""

from __future__ import annotations

from datetime import date
from typing import Final

from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Order, ReadAt, Row
from gateway.core.plans import UpstreamCall
from gateway.core.reconciliation.books import NEEDED, Books
from open_dental import catalogue
from tests.fakes import mirroring
from tests.fakes.deployment import Deployment

_MOST: Final = 1000


def mirror_money(d: Deployment) -> None:
    """Bring all that reconciliation reads up to date, at one go."""
    listed = [name for name in NEEDED if MIRRORED[name].list_operation is not None]
    mirroring.mirror(d, *listed)
    for name in NEEDED:
        if name not in listed:
            _load_by_parent(d, name)


def books_of(d: Deployment, as_of: date | None = None) -> Books:
    """The books of what the mirror has."""
    books = Books(as_of or d.today)
    for name in NEEDED:
        books.take(name, [one.row for one in d.on.records.page(d.practice_id, name, after=None, limit=1_000_000)])
    return books


def _load_by_parent(d: Deployment, resource: str) -> None:
    mirrored = MIRRORED[resource]
    practice = d.on.practices.get(d.practice_id)
    column, table = mirrored.parents[0], catalogue.resource(resource).table
    began, before, seconds = d.on.clock.now(), list(d.upstream_calls), d.on.clock.seconds
    rows: list[Row] = []
    for of in d.simulated.office.store.rows(f'SELECT DISTINCT "{column}" AS parent FROM "{table}"'):
        rows += d.on.upstream.send(
            practice, UpstreamCall(mirrored.lists, query={column: of["parent"], "Limit": _MOST})
        ).rows
    d.upstream_calls[:], d.on.clock.seconds = before, seconds
    state, turn = d.on.syncs.load(d.practice_id), d.on.pace.load(d.practice_id).turn_no
    gone = {one.key for one in d.on.records.page(d.practice_id, resource, after=None, limit=1_000_000)}
    gone -= {mirrored.key_of(row) for row in rows}
    read = ReadAt(Order(state.epoch, turn), began)
    d.on.records.store(d.practice_id, resource, rows, read=read, cause="load")
    d.on.records.bury(d.practice_id, resource, gone, read=read, cause="sweep", at=began)
    d.on.records.all_here(d.practice_id, resource, are=True)
    mirroring.is_now(d, resource, began, rows=len(rows))
