"""The walk: every operation of the catalogue, asked for through the handler with its scope, without it, and with all.

What an operation takes is made from the catalogue: words from its enums, keys from the practice's own rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.core.callers import Verb
from gateway.core.resources.routes import our_method, our_path
from gateway.core.resources.twins import TWINS
from infra.catalogue import FUNCTIONS, Http
from open_dental.catalogue import Operation, operation, resource, resources
from tests.fakes.asked import Rightly
from tests.fakes.deployment import Answered, Deployment, deployed

ALL = [one for name in resources() for one in resource(name).operations]
OPEN = [one.id for one in ALL if one.exposure == "open"]
GUARDED = [one.id for one in ALL if one.exposure == "guarded"]
CLOSED = [one.id for one in ALL if one.exposure == "closed"]
EVERY_SCOPE = frozenset(
    {"*", "*:read", "*:write", "resources:*", "resources:read", "resources:write", "resources:connect"}
    | {f"{name}:{verb}" for name in resources() for verb in Verb}
    | {f"resources:{one.id}" for one in ALL}
)

# Deletions last, so that what others need is still there.
_TURN = {"GET": 0, "POST": 1, "PATCH": 2, "DELETE": 3}

# Office versions before which something is withdrawn: the walk's office is newer than all of them.
WITHDRAWN = {one.id for one in ALL if one.deprecated is not None}


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed("--version", "26.3.1.0") as deployment:
        yield deployment


def call(office: Deployment, one: Operation) -> Answered:
    """The operation, asked for rightly."""
    rightly, path = Rightly(office), our_path(one)
    for name, value in rightly.path(one).items():
        path = path.replace(f"{{{name}}}", value)
    if one.method == "GET":
        return office.get(path, **rightly.query(one))
    body = rightly.body(one)
    return office.send(our_method(one), path, body=body or None, key=f"walk-{one.id}-{id(body)}")


def said(answer: Answered) -> str:
    return f"{answer.status} {answer.body}"


@pytest.mark.parametrize("id_", [*OPEN, *sorted(GUARDED, key=lambda one: _TURN[our_method(operation(one))])])
def test_an_operation_is_reached_with_its_scope_and_refused_without(id_: str, office: Deployment) -> None:
    one = operation(id_)
    scope = "resources:read" if one.exposure == "open" else f"resources:{id_}"

    office.grant(*(EVERY_SCOPE - {scope}))
    before = len(office.upstream_calls)
    refused = call(office, one)
    if id_ in TWINS:
        # A scope would not help: it is done elsewhere, and that is said first.
        assert (refused.status, refused.body["code"]) == (422, "use-normalized"), said(refused)
    else:
        assert (refused.status, refused.body["code"], refused.body["scope"]) == (403, "scope-missing", scope)
    assert len(office.upstream_calls) == before

    office.grant(scope)
    reached = call(office, one)
    if id_ in WITHDRAWN:
        assert (reached.status, reached.body["code"]) == (403, "operation-closed"), said(reached)
    elif id_ in TWINS:
        method, path = TWINS[id_]
        assert (reached.status, reached.body["code"]) == (422, "use-normalized"), said(reached)
        assert reached.body["use"] == {"method": method, "path": path}
        assert len(office.upstream_calls) == before
    else:
        # Nothing is deleted that is not there.
        asked = {id_, f"{one.resource}.get"} if one.kind == "delete" and reached.status == 404 else {id_}
        assert asked & set(office.upstream_calls[before:]), said(reached)
        assert reached.status in {200, 201} or reached.body["upstream"]["status"] in {400, 404}, said(reached)


@pytest.mark.parametrize("id_", CLOSED)
def test_a_closed_operation_is_refused_whoever_asks(id_: str, office: Deployment) -> None:
    office.grant(*EVERY_SCOPE)
    before = len(office.upstream_calls)
    answer = call(office, operation(id_))

    assert (answer.status, answer.body["code"]) == (403, "operation-closed"), said(answer)
    assert len(office.upstream_calls) == before


def test_every_operation_is_walked() -> None:
    assert len(OPEN) + len(GUARDED) + len(CLOSED) == len(ALL) == 365


def test_a_twin_is_a_guarded_write_and_its_path_is_deployed() -> None:
    routes = {
        (route.method, route.path) for row in FUNCTIONS if isinstance(row.trigger, Http) for route in row.trigger.routes
    }

    assert set(TWINS) <= set(GUARDED)
    assert not {id_ for id_, twin in TWINS.items() if twin not in routes}
    # Some paths have a second name; a refusal sends people to the one that the README begins with.
    assert not {path for _, path in TWINS.values()} & {"/create_appointment", "/create_payment", "/procedurelogs"}
