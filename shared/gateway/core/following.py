"""`GET /operations/{id}`: how far a caller's own operation is."""

from __future__ import annotations

from gateway.core.access import allow
from gateway.core.baa.protected import is_protected_request
from gateway.core.callers import Caller, Verb
from gateway.core.connect import KIND as CONNECT
from gateway.core.errors import NotFound
from gateway.core.ids import is_id
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.requests import with_eta, woken


def follow(operation_id: str, *, caller: Caller, on: Services) -> Operation:
    """The operation as it stands, with its place in the queue; one whose park is over goes on.

    Its own client needs no scope beyond the maker's. A read belongs to each client of its practice that was told of it:
    equal ones that come together are one operation, which holds nothing of what was read.

    Raises:
        NotFound: there is none, or it is another client's, or of a practice that the client has lost: the three are
            told apart nowhere.
        BaaMissing: its result is the practice's data like any other, unless nothing of patients was asked for.
    """
    if not is_id(operation_id, "operation"):
        raise NotFound("no such operation")
    operation = on.operations.get(operation_id)
    is_read = operation.request.cache_key is not None
    if operation.request.client_id != caller.id and not is_read:
        raise NotFound("no such operation")
    # A practice that is being connected is nobody's yet, and its operation holds none of its data.
    if operation.request.kind != CONNECT:
        request = operation.request
        protected = is_protected_request(request)
        maker_id = caller.id if is_read else request.client_id
        try:
            allow(caller, request.practice_id, "operations", Verb.READ, on=on, maker_id=maker_id, protected=protected)
        except NotFound:
            raise NotFound("no such operation") from None
    return with_eta(woken(operation, on=on), on=on)
