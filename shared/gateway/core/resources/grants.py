"""Who may call which operation raw, asked in one order: is it open to anybody, has the client the scope, can the
practice's key and version do it. Nothing here costs a call."""

from __future__ import annotations

from gateway.core.access import RESOURCES, allow, only_practice
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import NotFound, OperationClosed
from gateway.core.ports import Services
from gateway.core.practices import Practice
from open_dental import catalogue
from open_dental.catalogue import Operation
from open_dental.versions import Version


def scope_verb(operation: Operation) -> str:
    """What stands behind `resources:` in the scope that an operation takes: `read`, or for a write its own id."""
    return Verb.READ if operation.exposure == "open" else operation.id


def permit(operation: Operation, practice_id: str | None, *, caller: Caller, on: Services) -> Practice:
    """The practice, if the client may call `operation` there and the practice can do it.

    Raises:
        OperationClosed: nobody may, whatever the scopes. NotFound, ScopeMissing, BaaMissing: as `allow` says.
        PermissionMissing, VersionTooOld: as `capability.require` says.
    """
    if operation.exposure == "closed":
        raise OperationClosed(f"{operation.id} is open to nobody")
    practice = allow(
        caller,
        practice_named(practice_id, caller),
        RESOURCES,
        scope_verb(operation),
        on=on,
        protected=catalogue.resource(operation.resource).phi,
    )
    if is_withdrawn(operation, practice):
        raise OperationClosed(f"Open Dental has withdrawn {operation.id} in version {operation.deprecated}")
    require(practice, operation.id)
    return practice


def practice_named(practice_id: str | None, caller: Caller) -> str:
    """The practice that a request names, or the only one its client has.

    Raises:
        Invalid: the client has several practices, and none is named.
    """
    if practice_id is not None:
        if practice_id not in caller.client.practices:
            raise NotFound("no such practice", param="practice_id")
        return practice_id
    return only_practice(caller)


def is_withdrawn(operation: Operation, practice: Practice) -> bool:
    """Whether the practice's version is known to have the operation no more."""
    if operation.deprecated is None or not practice.version:
        return False
    return Version.parse(practice.version).has(operation.deprecated)
