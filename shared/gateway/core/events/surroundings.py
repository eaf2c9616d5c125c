"""What a change is read with: the practice's record, the office's words as far as they are at hand, the mirror's rows.

Nothing is asked of Open Dental for an event.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from gateway.core.errors import NotFound
from gateway.core.events.changes import Row
from gateway.core.events.deriving import Around
from gateway.core.office_words import OfficeWords, Table, input_of
from gateway.core.requests import kept_reference

if TYPE_CHECKING:
    from gateway.core.ports import Services
    from gateway.core.practices import Practice

_WORDS: Final = (Table.DEFINITIONS, Table.PREFERENCES)
"""What a visit's confirmation means is said by preferences that name definitions."""


def around_of(practice_id: str, on: Services) -> Around | None:
    """What changes of a practice are read with; None for one that is not there any more."""
    try:
        practice = on.practices.get(practice_id)
    except NotFound:
        return None

    def get(resource: str, number: int) -> Row | None:
        found = on.records.get(practice_id, resource, [number])
        return found[0].row if found else None

    def under(resource: str, column: str, number: int) -> Iterable[Row]:
        return [one.row for one in on.records.under(practice_id, resource, column, number)]

    return Around(practice, _words(practice, on), get, under)


def _words(practice: Practice, on: Services) -> OfficeWords:
    kept = {table: kept_reference(f"fetch.{table}", input_of(table), practice=practice, on=on) for table in _WORDS}
    return OfficeWords({table: None if rows is None else rows.rows[table] for table, rows in kept.items()})
