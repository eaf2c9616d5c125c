"""Raw writes: any creation, change, deletion or action of Open Dental's that has no twin here, through the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.callers import Caller
from gateway.core.errors import Invalid, UseNormalized
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.requests import submit
from gateway.core.resources.arguments import body_of
from gateway.core.resources.grants import permit
from gateway.core.resources.routes import called
from gateway.core.resources.twins import TWINS

KIND: Final = "resources.write"


def write(
    method: str,
    segments: tuple[str, ...],
    query: Mapping[str, list[str]],
    body: Mapping[str, Any],
    *,
    caller: Caller,
    key: str,
    on: Services,
) -> Operation:
    """Queue the operation behind `method` of `segments`, the path behind `/resources/`. `query` is `practice_id` only.

    The operation's result is `{resource, operation, key, row}`, the row typed and null where there is none to show.

    Raises:
        UseNormalized: a use case does this with its checks; `use` names it. NotFound: no such path or practice.
        Invalid: names every field at fault. OperationClosed, ScopeMissing, PermissionMissing, VersionTooOld, KeyReused,
        QueueFull.
    """
    found = called(method, segments[0], *segments[1:])
    operation = found.operation
    if (twin := TWINS.get(operation.id)) is not None:
        # Before any scope is asked for: whoever got one would be sent to the twin all the same.
        twin_method, path = twin
        raise UseNormalized(
            f"{operation.id} is done with its checks by {twin_method} {path}",
            use={"method": twin_method, "path": path},
        )
    practice_ids = query.get("practice_id", [None])
    if len(practice_ids) > 1:
        raise Invalid("practice_id is given more than once", param="practice_id")
    practice = permit(operation, practice_ids[0], caller=caller, on=on)
    for name in query:
        if name != "practice_id":
            raise Invalid("a write takes practice_id as its only parameter; all else is in the body", param=name[:100])
    input_ = {"operation": operation.id, "path": dict(found.path), "body": body_of(operation, body, practice)}
    return submit(KIND, input_, practice=practice, caller=caller, idempotency_key=key, on=on)
