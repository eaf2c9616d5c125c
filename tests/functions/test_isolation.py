"""Two practices of equal rows in one deployment, and a client of each: what belongs to one is useless at the other.

Lists, cursors, copies, holds, events and webhooks have tests of their own; here is what goes through all of them: keys
of requests, operations, and every id that a query takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.callers import Client
from gateway.core.ids import row_id
from tests.fakes.deployment import IDS, Deployment, deployed

ELM, OAK = IDS[:2]
OF_ELM, OF_OAK = "cli_of_elm", "cli_of_oak"
SCOPES = frozenset({"*:read", "appointments:write", "communications:write"})


@pytest.fixture
def two() -> Iterator[Deployment]:
    with deployed("--patients", "8", practices=2, scopes=SCOPES) as d:
        for client, practice_id in ((OF_ELM, ELM), (OF_OAK, OAK)):
            d.on.callers.put_client(Client(client, client, frozenset({practice_id}), SCOPES))
        d.read_up()
        yield d


def logged(d: Deployment, practice_id: str, client: str, *, key: str) -> Any:
    body = {"patient_id": row_id("patient", practice_id, 1), "note": "asked about the bridge"}
    return d.send("POST", "/communications", body=body, key=key, client_id=client)


def entries(d: Deployment, practice_id: str) -> int:
    return len(d.servers[practice_id].practice.office.store.find("commlog", {"PatNum": 1}))


def test_one_idempotency_key_is_two_operations_at_two_practices(two: Deployment) -> None:
    before = entries(two, ELM), entries(two, OAK)

    answers = [logged(two, practice_id, "cli_ada", key="the-same") for practice_id in (ELM, OAK)]
    two.on.world.run(60)

    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body["id"] != answers[1].body["id"]
    assert (entries(two, ELM), entries(two, OAK)) == (before[0] + 1, before[1] + 1)


def test_one_idempotency_key_is_two_operations_of_two_clients(two: Deployment) -> None:
    of_elm = logged(two, ELM, OF_ELM, key="the-same")
    of_oak = logged(two, OAK, OF_OAK, key="the-same")

    assert of_elm.body["id"] != of_oak.body["id"]
    assert of_oak.body["result"]["practice_id"] == OAK


def test_two_clients_who_wait_for_one_read_may_both_ask_how_far_it_is_and_nobody_elsewhere(two: Deployment) -> None:
    """Equal reads that come together are one operation, and the link that each is given must lead somewhere."""
    path = f"/patients/{two.id_of('patient', 2)}"
    asked = {"Prefer": "respond-async", "Cache-Control": "no-cache"}
    first = two.send("GET", path, headers=asked)
    second = two.send("GET", path, headers=asked, client_id=OF_ELM)
    operation = f"/operations/{second.body['id']}"

    assert (first.status, second.status, first.body["id"]) == (202, 202, second.body["id"])
    assert two.send("GET", operation, client_id=OF_ELM).body["result"] is None
    assert two.send("GET", operation, client_id=OF_OAK).status == 404
    assert [one.patient_ids for one in two.on.audit.entries if one.status == 202 and one.client_id == OF_ELM] == [()]


def test_an_operation_is_its_clients(two: Deployment) -> None:
    made = logged(two, ELM, OF_ELM, key="one")

    assert two.send("GET", f"/operations/{made.body['id']}", client_id=OF_ELM).status == 200
    assert two.send("GET", f"/operations/{made.body['id']}", client_id=OF_OAK).status == 404
    # Nor is it another client's of the same practice.
    assert two.send("GET", f"/operations/{made.body['id']}", client_id="cli_ada").status == 404


FILTERS = {
    "/patients": ("provider_id", "location_id"),
    "/appointments": ("patient_id", "provider_id", "operatory_id", "location_id"),
    "/procedures": ("patient_id", "appointment_id"),
    "/claims": ("patient_id", "carrier_id"),
    "/payments": ("patient_id", "claim_id", "location_id"),
    "/tasks": ("patient_id", "appointment_id", "task_list_id"),
    "/day": ("provider_id", "operatory_id", "location_id"),
    "/slots": ("provider_id", "operatory_id", "location_id"),
}
BOUNDS: dict[str, dict[str, Any]] = {
    "/patients": {"status": "active"},
    "/appointments": {"date_from": "2026-11-18", "date_to": "2026-11-20"},
    "/procedures": {"updated_since": "2026-01-01T00:00:00Z"},
    "/claims": {"status": "sent"},
    "/payments": {"entered_from": "2026-01-01"},
    "/tasks": {"created_from": "2026-01-01"},
    "/day": {"date": "2026-11-18"},
    "/slots": {"date_from": "2026-11-19", "date_to": "2026-11-20", "duration_minutes": 30},
}


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in FILTERS.items() for name in names])
def test_an_id_of_the_other_practice_finds_nothing_though_rows_have_equal_keys(
    path: str, name: str, two: Deployment
) -> None:
    kind = name.removesuffix("_id")
    asked = {**BOUNDS[path], "practice_id": ELM, name: row_id(kind, OAK, 1)}
    two.upstream_calls.clear()

    # Also to a client of both: the two are not one request.
    for client in ("cli_ada", OF_ELM):
        answer = two.send("GET", path, query=asked, client_id=client)

        assert (answer.status, answer.body["code"]) == (404, "not-found"), answer.body
    assert two.upstream_calls == []
