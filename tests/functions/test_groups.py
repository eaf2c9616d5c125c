"""Groups of practices through their handler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.callers import Client, ClientKind
from gateway.core.objects.group import Group
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed

BEN = "cli_ben"
AGREED = {"reference": "binder 7", "signed_on": "2026-01-01", "expires_on": "2027-01-01"}


@pytest.fixture
def two() -> Iterator[Deployment]:
    with deployed(practices=2, scopes=("groups:read", "groups:write")) as d:
        scopes = frozenset({"groups:read", "groups:write"})
        d.on.callers.put_client(Client(BEN, "Ben", frozenset(IDS[:1]), scopes, ClientKind.OPERATOR))
        yield d


def wanted(**changes: Any) -> dict[str, Any]:
    return {"name": "Elm and Oak", "practice_ids": list(IDS[:2]), "agreement": AGREED} | changes


def made(d: Deployment, **changes: Any) -> dict[str, Any]:
    answer = d.post("/groups", wanted(**changes))
    assert answer.status == 201, answer.body
    Group.model_validate(answer.body, strict=True)
    shown: dict[str, Any] = answer.body
    return shown


def code(answer: Answered) -> tuple[int, Any, Any]:
    return answer.status, answer.body["code"], answer.body.get("param")


def test_a_group_is_made_shown_listed_changed_and_deleted(two: Deployment) -> None:
    group = made(two)
    path = f"/groups/{group['id']}"
    assert group["practice_ids"] == sorted(IDS[:2])
    assert group["agreement"] == AGREED
    assert two.get(path).body == group
    assert two.get("/groups").body == {"data": [group], "has_more": False, "next_cursor": None}

    two.on.clock.seconds += 60
    changed = two.patch(path, {"agreement": {"reference": "binder 8"}})
    assert changed.body["agreement"] == {"reference": "binder 8", "signed_on": None, "expires_on": None}
    assert {name: changed.body[name] for name in ("name", "practice_ids", "created_at")} == {
        name: group[name] for name in ("name", "practice_ids", "created_at")
    }
    assert changed.body["updated_at"] > group["updated_at"]
    assert [two.send("DELETE", path).status for _ in range(2)] == [204, 204]
    assert code(two.get(path)) == (404, "not-found", None)
    assert code(two.patch(path, {"name": "Again"})) == (404, "not-found", None)
    assert two.get("/groups").body["data"] == []


def test_a_phone_that_loses_its_signal_makes_no_second_group(two: Deployment) -> None:
    first = two.post("/groups", wanted(), key="once")
    again = two.post("/groups", wanted(practice_ids=list(reversed(IDS[:2]))), key="once")

    assert (again.status, again.body) == (201, first.body)
    assert "Idempotent-Replayed" not in first.headers and again.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Location"].endswith(f"groups/{first.body['id']}")
    assert two.follow(first, "/groups").body == first.body
    assert code(two.post("/groups", wanted(name="Another"), key="once")) == (422, "key-reused", "Idempotency-Key")
    two.send("DELETE", f"/groups/{first.body['id']}")
    assert two.post("/groups", wanted(), key="once").body["deleted_at"] is not None
    assert two.get("/groups").body["data"] == []


def test_a_group_needs_a_key_and_its_scopes(two: Deployment) -> None:
    assert code(two.send("POST", "/groups", body=wanted()))[1] == "idempotency-key-missing"
    group = made(two)
    two.grant("patients:read")
    for method, path, body, scope in (
        ("GET", "", None, "groups:read"),
        ("GET", f"/{group['id']}", None, "groups:read"),
        ("POST", "", wanted(), "groups:write"),
        ("PATCH", f"/{group['id']}", {"name": "Mine"}, "groups:write"),
        ("DELETE", f"/{group['id']}", None, "groups:write"),
    ):
        refused = two.send(method, f"/groups{path}", body=body, key="any")
        assert (refused.status, refused.body["scope"]) == (403, scope), method
    two.grant("*:read")
    assert two.get("/groups").status == 200


def test_nobody_puts_a_practice_into_a_group_that_is_not_theirs(two: Deployment) -> None:
    """Neither one of somebody else's nor one that does not exist, and the two are told apart nowhere."""
    asked = [two.send("POST", "/groups", body=wanted(), key="b", client_id=BEN)]
    asked.append(
        two.send("POST", "/groups", body=wanted(practice_ids=[IDS[0], "prac_zzzzzzzzzzzzzzzz"]), key="c", client_id=BEN)
    )

    assert [code(one) for one in asked] == [(404, "not-found", "practice_ids")] * 2
    assert asked[0].body == asked[1].body
    assert two.on.groups.groups == {}


def test_a_group_with_a_practice_that_a_client_lacks_is_not_there_for_it(two: Deployment) -> None:
    group = made(two)
    path = f"/groups/{group['id']}"
    asked = {
        method: two.send(method, path, body=body, client_id=BEN)
        for method, body in (("GET", None), ("PATCH", {"name": "Mine"}), ("DELETE", None))
    }
    nothing = two.send("GET", "/groups/grp_zzzzzzzzzzzzzzzz", client_id=BEN)

    assert {(one.status, one.body["detail"]) for one in [*asked.values(), nothing]} == {(404, "no such group")}
    assert two.send("GET", "/groups", client_id=BEN).body["data"] == []
    assert two.get(path).body == group


def test_a_practice_is_in_one_group_and_nothing_is_told_of_the_other(two: Deployment) -> None:
    group = made(two)
    refused = two.post("/groups", wanted(name="Another"))

    assert code(refused) == (409, "conflict", "practice_ids")
    assert refused.body["reason"] == "in-another-group"
    assert refused.body["practice_ids"] == sorted(IDS[:2])
    assert group["id"] not in str(refused.body) and "binder" not in str(refused.body)
    two.send("DELETE", f"/groups/{group['id']}")
    assert two.post("/groups", wanted(name="Another")).status == 201


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"practice_ids": [IDS[0]]}, "practice_ids"),
        ({"practice_ids": [IDS[0], IDS[0]]}, "practice_ids"),
        ({"practice_ids": []}, "practice_ids"),
        ({"name": " "}, "name"),
        ({"agreement": {"reference": ""}}, "agreement.reference"),
        ({"agreement": AGREED | {"expires_on": "2025-12-31"}}, "agreement.expires_on"),
        ({"owner": "me"}, "owner"),
    ],
)  # fmt: skip
def test_what_makes_no_group_is_refused_by_name(changes: dict[str, Any], param: str, two: Deployment) -> None:
    refused = two.post("/groups", wanted(**changes))

    assert (refused.status, refused.body["param"]) == (400, param)


def test_nothing_of_a_group_is_emptied(two: Deployment) -> None:
    path = f"/groups/{made(two)['id']}"

    for field in ("name", "practice_ids", "agreement"):
        assert code(two.patch(path, {field: None})) == (400, "invalid", field)
    assert two.patch(path, {}).status == 200


def test_the_same_change_twice_is_one_change(two: Deployment) -> None:
    group = made(two)
    two.patch(f"/groups/{group['id']}", {"name": "Elm"})
    two.on.clock.seconds += 60
    two.patch(f"/groups/{group['id']}", {"name": "Elm", "practice_ids": list(IDS[:2]), "agreement": AGREED})

    assert two.on.groups.get(group["id"]).rev == 1


def test_groups_come_page_by_page_and_pages_hide_what_is_not_the_clients(two: Deployment) -> None:
    client = two.on.callers.client(CLIENT)
    others = [f"prac_{letter * 16}" for letter in "cdefghij"]
    for one in others:
        two.on.practices.put(replace(two.on.practices.get(IDS[0]), id=one))
    two.on.callers.put_client(replace(client, practices=client.practices | set(others)))
    groups = [made(two, practice_ids=pair) for pair in zip(others[::2], others[1::2], strict=True)]
    two.on.callers.put_client(replace(client, practices=client.practices | set(others[:6])))

    first = two.get("/groups", limit=2).body
    second = two.get("/groups", limit=2, cursor=first["next_cursor"]).body
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert [one["id"] for one in first["data"] + second["data"]] == sorted(one["id"] for one in groups[:3])
