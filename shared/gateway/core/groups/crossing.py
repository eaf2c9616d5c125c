"""Who may look for whose patients where: a group, its agreement, a scope, and the practices that a client was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.access import caller_of
from gateway.core.audit import PATIENTS_MATCH, AuditEntry
from gateway.core.callers import Caller
from gateway.core.errors import AgreementNotCurrent, Invalid, NoGroup, NotFound, ScopeMissing
from gateway.core.groups.records import Group
from gateway.core.ids import new_id
from gateway.core.ports import Services

SCOPE: Final = "patients.match"

_LOOKED_AT: Final = 100


@dataclass(frozen=True, slots=True)
class Crossing:
    """What one request may put side by side: practices of `group` that the caller was given, in the order of ids."""

    group: Group
    practices: tuple[str, ...]


def crossing_of(caller: Caller, practice_id: str | None, *, on: Services) -> Crossing:
    """The group of `practice_id`, which is the caller's; where none is named, the only one that the caller can use.

    Raises:
        ScopeMissing. NoGroup: there is none with two of the caller's practices. Invalid: there are several.
        AgreementNotCurrent: its agreement does not cover today.
    """
    if SCOPE not in caller.client.scopes:
        raise ScopeMissing(f"the client lacks the scope {SCOPE}", scope=SCOPE)
    group = _only_group(caller, on) if practice_id is None else on.groups.of(practice_id)
    return _crossing(group, caller, on)


def still_open(crossing: Crossing, caller: Caller, *, on: Services) -> frozenset[str]:
    """The practices that may still be shown, after some time: group, agreement and client are read afresh.

    Raises: Unauthenticated, ScopeMissing, NoGroup, AgreementNotCurrent: nothing may be.
    """
    caller = caller_of(caller.id, on=on)
    if SCOPE not in caller.client.scopes:
        raise ScopeMissing(f"the client lacks the scope {SCOPE}", scope=SCOPE)
    try:
        group = on.groups.get(crossing.group.id)
    except NotFound:
        group = None
    return frozenset(_crossing(group, caller, on).practices)


def note_match(
    crossing: Crossing,
    practice_id: str,
    *,
    caller: Caller,
    request_id: str,
    patient_ids: Iterable[str],
    outcome: Mapping[str, int],
    on: Services,
) -> None:
    """Write into the practice's audit trail what is about to be shown of it.

    Raises: AuditUnavailable: then it must not be shown.
    """
    on.audit.note(
        AuditEntry(
            id=new_id("audit_entry"),
            practice_id=practice_id,
            at=on.clock.now(),
            client_id=caller.id,
            action=PATIENTS_MATCH,
            request_id=request_id,
            patient_ids=tuple(patient_ids),
            group_id=crossing.group.id,
            agreement=crossing.group.agreement.reference,
            outcome=outcome,
        )
    )


def _crossing(group: Group | None, caller: Caller, on: Services) -> Crossing:
    practices = () if group is None else tuple(sorted(group.holds & caller.client.practices))
    if group is None or len(practices) < 2:
        # Whoever has one practice of a group is told nothing of the others, nor that there are any.
        raise NoGroup("none of the client's other practices is in a group with this one")
    if not group.agreement.is_current(on.clock.now().date()):
        raise AgreementNotCurrent("the agreement of the practices' group does not cover today", group_id=group.id)
    return Crossing(group, practices)


def _only_group(caller: Caller, on: Services) -> Group | None:
    found: list[Group] = []
    after = None
    while True:
        page = on.groups.page(after=after, limit=_LOOKED_AT)
        found += [one for one in page if len(one.holds & caller.client.practices) > 1]
        if len(found) > 1:
            raise Invalid("send practice_id: this client has practices of several groups", param="practice_id")
        if len(page) < _LOOKED_AT:
            return found[0] if found else None
        after = page[-1].id
