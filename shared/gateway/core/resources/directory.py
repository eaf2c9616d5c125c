"""What Open Dental has, and what of it this client and this practice's key may do."""

from __future__ import annotations

from typing import Any

from gateway.core.access import RESOURCES, allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import price_tier, require
from gateway.core.errors import NotAllowed, NotFound, VersionTooOld
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.resources.grants import is_withdrawn, practice_named, scope_verb
from gateway.core.resources.names import field_names, request_names
from gateway.core.resources.routes import our_method, our_path
from gateway.core.resources.secrets import is_secret
from gateway.core.resources.twins import TWINS
from open_dental import catalogue
from open_dental.catalogue import Operation, Param, Resource


def directory(practice_id: str | None, resource: str | None, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Every operation of the catalogue, or those of one `resource` and then with all that they take and answer.

    `allowed` is what the practice's key and version let us do: true, false with the `reason` (a problem's code) or null
    where neither has been learned yet. `scope` is what the client needs, `granted` whether it has it. Costs no call.

    Raises:
        NotFound: no such practice or resource; and what `allow` raises.
    """
    practice = allow(caller, practice_named(practice_id, caller), RESOURCES, Verb.READ, on=on, protected=False)
    if resource is not None and resource not in catalogue.resources():
        from gateway.core.wording import no_such  # noqa: PLC0415 - a request that is right needs no words

        raise NotFound(no_such("resource", resource, catalogue.resources()), param="resource")
    data = [
        _listed(it, one, practice, caller, in_full=resource is not None)
        for it in map(catalogue.resource, catalogue.resources() if resource is None else [resource])
        for one in it.operations
    ]
    meta = {"practice_id": practice.id, "version": practice.version, "permissions": sorted(practice.permissions)}
    return {"data": data, "has_more": False, "next_cursor": None, "meta": meta}


def _listed(it: Resource, operation: Operation, practice: Practice, caller: Caller, *, in_full: bool) -> dict[str, Any]:
    allowed, reason = _allowed(operation, practice)
    scope = None if operation.exposure == "closed" else f"{RESOURCES}:{scope_verb(operation)}"
    twin = TWINS.get(operation.id)
    listed: dict[str, Any] = {
        "operation": operation.id,
        "resource": it.resource,
        "method": our_method(operation),
        "path": our_path(operation),
        "exposure": operation.exposure,
        "scope": scope,
        "granted": scope in caller.client.scopes,
        "permission": operation.permission,
        "price_tier": price_tier(operation.permission),
        "since": None if operation.since is None else f"{operation.since}",
        "withdrawn_in": None if operation.deprecated is None else f"{operation.deprecated}",
        "allowed": allowed,
        "reason": reason,
        "use": None if twin is None else {"method": twin[0], "path": twin[1]},
    }
    if in_full:
        names = request_names(operation)
        listed["parameters"] = [_taken(one, names[one.name]) for one in operation.query if not is_secret(one.name)]
        listed["fields"] = [_taken(one, names[one.name]) for one in operation.body]
        listed["answers"] = [
            {"name": field_names(it.resource)[one.name], "open_dental": one.name, "type": one.type}
            for one in it.fields_of(operation)
            if not is_secret(one.name)
        ]
    return listed


def _taken(param: Param, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "open_dental": param.name,
        "type": param.type,
        "required": param.required,
        "words": list(param.enum),
        "since": None if param.since is None else f"{param.since}",
    }


def _allowed(operation: Operation, practice: Practice) -> tuple[bool | None, str | None]:
    if operation.exposure == "closed" or is_withdrawn(operation, practice):
        return False, "operation-closed"
    if operation.id in TWINS:
        return False, "use-normalized"
    try:
        require(practice, operation.id)
    except (NotAllowed, VersionTooOld) as refused:
        return False, refused.code
    if not practice.permissions:
        return None, "permissions-not-learned"
    if not practice.version and operation.since is not None:
        return None, "version-not-learned"
    return True, None
