"""Background work: the office's preferences that answers are made of.

They are no rows of the mirror: there are passwords among an office's preferences, and who waits needs eleven of them.
Those are kept where a caller's own reading would put them, so that no answer of the mirror asks Open Dental for them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gateway.core import capability
from gateway.core.background_turn import GiveWay
from gateway.core.errors import PermissionMissing, VersionTooOld
from gateway.core.fetches import PREFERENCES_OF_AN_OFFICE
from gateway.core.mirror.session import Failed, Refused, Session
from gateway.core.office_words import NONE_OF, PREFERENCES, input_of_preferences
from gateway.core.operations import RowSet
from gateway.core.ports import REFERENCE
from gateway.core.queries.preferences import NAMES, OF_OFFICE
from gateway.core.queries.statement import may_query
from gateway.core.requests import key_of_fetch

if TYPE_CHECKING:
    from gateway.core.mirror.records import Row

AGAIN: Final = timedelta(hours=12)
"""How old they are when they are read again; answers take them for a day."""

RETRY: Final = timedelta(hours=1)

_OPERATION: Final = "preferences.list"
_SO_FAR: Final = f"{REFERENCE}preferences-so-far"
"""Under this cache key lies what a turn had read that gave way: in a busy office none may come to the end."""


def read(m: Session) -> None:
    """Read them, if they are due. Raises: GiveWay, CouldNotLook."""
    due = next_due(m)
    if due is None or due > m.now():
        return
    try:
        rows, at = _asked(m)
    except (Refused, Failed):
        m.save_practice(words_due_at=m.now() + RETRY)
        return
    for names in (PREFERENCES, *((one,) for one in NONE_OF.values())):
        _keep(
            m,
            key_of_fetch("fetch.preferences", input_of_preferences(names), practice=m.practice, reference=True),
            {"preferences": [row for row in rows if row.get("PrefName") in names]},
            at,
        )
    m.save_practice(words_due_at=m.now() + AGAIN)


def next_due(m: Session) -> datetime | None:
    """When they are read next; None where they cannot be."""
    if not m.is_on or m.practice.upstream == "fhir":
        return None
    try:
        capability.require(m.practice, _OPERATION)
    except (PermissionMissing, VersionTooOld):
        return None
    return m.state.words_due_at or m.now()


def _asked(m: Session) -> tuple[list[Row], datetime]:
    """By one statement where that is answered, else by name or out of the whole list."""
    if may_query(m.practice):
        try:
            found, at = m.select(OF_OFFICE)
        except (Refused, Failed):
            pass
        else:
            return list(found), at
    if m.practice.page_limit >= PREFERENCES_OF_AN_OFFICE:
        return m.ask_all(_OPERATION, {})
    return _one_by_one(m)


def _one_by_one(m: Session) -> tuple[list[Row], datetime]:
    kept = m.on.cache.get(m.practice.id, _SO_FAR)
    is_young = kept is not None and m.now() - kept.as_of < RETRY
    asked: dict[str, list[Row]] = dict(kept.rows) if kept is not None and is_young else {}
    at = kept.as_of if kept is not None and is_young else m.now()
    try:
        for name in sorted(NAMES - asked.keys()):
            asked[name] = list(m.ask(_OPERATION, {"PrefName": name})[0].rows)
    except GiveWay:
        _keep(m, _SO_FAR, asked, at)
        raise
    return [row for rows in asked.values() for row in rows], at


def _keep(m: Session, cache_key: str, rows: dict[str, list[Any]], at: datetime) -> None:
    m.on.cache.put(m.practice.id, cache_key, RowSet(rows, as_of=at, upstream_calls=0))
