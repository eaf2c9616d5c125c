"""What may be had without an agreement: what Open Dental's catalogue says holds nothing of patients (`phi`).

One table. What it does not name is protected: a new object, a new kind of request, a resource that nobody knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from gateway.core.connect import KIND as CONNECT

if TYPE_CHECKING:
    from gateway.core.operations import Request

UNPROTECTED: Final[Mapping[str, frozenset[str]]] = {
    "appointment_types": frozenset({"appointmenttypes"}),
    "carriers": frozenset({"carriers"}),
    "definitions": frozenset({"definitions"}),
    "locations": frozenset({"clinics"}),
    "operatories": frozenset({"operatories"}),
    "procedure_codes": frozenset({"procedurecodes", "preferences"}),
    "providers": frozenset({"providers", "definitions"}),
    "recall_types": frozenset({"recalltypes", "preferences"}),
    "schedules": frozenset({"schedules", "operatories", "definitions"}),
    "task_lists": frozenset({"tasklists"}),
    # Records of the gateway's own: an operator has to see a practice whose agreement is missing.
    "groups": frozenset(),
    "practices": frozenset(),
    "practices.baa": frozenset(),
    "practices.calls": frozenset(),
    "practices.keys": frozenset(),
    "sync": frozenset(),
    # What a run shows are ids and words of status; each of its steps is asked for the agreement.
    "workflows": frozenset(),
}
"""Object of a scope -> the resources that it is made of, none of which is marked."""


def is_protected(obj: str) -> bool:
    """Whether `obj`, the word of a scope, takes an agreement."""
    return obj not in UNPROTECTED


def is_protected_request(request: Request) -> bool:
    """Whether what the request asks for takes an agreement; connecting a practice does not."""
    if request.kind == CONNECT:
        return False
    what, _, of = request.kind.partition(".")
    if what not in {"fetch", "resources"}:
        return True
    said = (request.input.get("resource"), request.input.get("operation"))
    of_input = {str(one).partition(".")[0] for one in said if one is not None}
    # Raw access is of what its input says; a fetch is of what its kind says as well.
    behind = of_input if request.kind in {"fetch.resource", "resources.write"} else of_input | {of}
    from open_dental import catalogue  # noqa: PLC0415 - a write of ours does not need it

    known = catalogue.resources()
    return not behind or any(one not in known or catalogue.resource(one).phi for one in behind)
