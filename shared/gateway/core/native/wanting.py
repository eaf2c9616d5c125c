"""What a practice's machines should tell, and why one cannot be asked to: said of states, without a call."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway.core import capability
from gateway.core.errors import PermissionMissing, VersionTooOld
from gateway.core.mirror.syncing import Native, Phase, PracticeSync, Wanted
from gateway.core.native.watched import WATCHED, watched_at
from gateway.core.practices import Practice

LIST: Final = "subscriptions.list"
CREATE: Final = "subscriptions.create"
UPDATE: Final = "subscriptions.update"

FAILING: Final = "failing"
MACHINE_SILENT: Final = "machine-silent"
BY_FHIR: Final = "by-fhir"
UNREACHABLE: Final = "unreachable"
NOT_TAKEN: Final = "not-taken"

CARED_WITHIN: Final = timedelta(minutes=10)
"""How long after it was due a care may not have come for what it last saw still to be believed."""


def is_ending(state: PracticeSync) -> bool:
    """Whether what is subscribed is to be ended: nobody wants it, or there is no mirror that it would tell."""
    return state.native.base_url is not None and (not state.native.wanted or state.wanted is Wanted.OFF)


def why_not(practice: Practice) -> str | None:
    """Why a practice cannot be asked to tell anything: a code; None where it can, or nothing is known against it."""
    if practice.upstream == "fhir":
        return BY_FHIR
    try:
        capability.require(practice, LIST, CREATE, UPDATE)
    except PermissionMissing:
        return "permission-missing"
    except VersionTooOld:
        return "version-too-old"
    return None


def wished_tables(practice: Practice, state: PracticeSync) -> list[str]:
    """What is to be told: what the version has and the mirror holds all of, and so can take."""
    return [
        one.table
        for one in watched_at(practice.version)
        if (of := state.resources.get(one.resource)) is not None
        and (of.phase is Phase.LOADED or (of.phase is not Phase.NOT_OFFERED and one.table in state.native.tables))
    ]


def is_refused(native: Native, table: str, now: datetime) -> bool:
    return (until := native.refused.get(table)) is not None and until > now


def is_told(state: PracticeSync, resource: str, now: datetime) -> bool:
    """Whether machines tell of a resource's changes, as far as they were seen to not long ago."""
    native = state.native
    told = [one for table, one in native.tables.items() if table in WATCHED and WATCHED[table].resource == resource]
    is_believed = native.due_at is not None and now < native.due_at + CARED_WITHIN
    is_on = native.wanted and native.trouble is None and is_believed
    return is_on and bool(told) and all(one.has_moved and one.trouble is None for one in told)
