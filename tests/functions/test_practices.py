"""GET /practices[/{id}], GET and PATCH /practices/{id}/sync through their handler."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.core.objects.envelopes import PracticeView
from gateway.core.objects.sync import SyncView
from tests.fakes.deployment import IDS, Deployment, deployed


@pytest.fixture
def two() -> Iterator[Deployment]:
    with deployed(practices=2, scopes=("practices:read", "sync:read", "sync:write")) as deployment:
        yield deployment


def test_a_client_sees_its_practices_page_by_page_and_no_others(two: Deployment) -> None:
    first = two.get("/practices", limit=1).body
    second = two.get("/practices", limit=1, cursor=first["next_cursor"]).body

    assert [one["id"] for one in first["data"] + second["data"]] == sorted(two.servers)
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    for one in first["data"]:
        PracticeView.model_validate(one, strict=True)
    assert two.get(f"/practices/{two.practice_id}").body == first["data"][0]
    assert two.get("/practices/prac_cccccccccccccccc").status == 404


def test_a_practice_without_an_agreement_is_shown_and_not_mirrored(two: Deployment) -> None:
    two.know(baa=None)
    two.on.stage = "prod"

    assert two.get(f"/practices/{two.practice_id}").status == 200
    assert two.get(f"/practices/{two.practice_id}/sync").status == 200
    refused = two.patch(f"/practices/{two.practice_id}/sync", {"state": "on"})
    assert (refused.status, refused.body["code"]) == (403, "baa-missing")


def test_a_mirror_is_off_until_somebody_turns_it_on_and_each_practice_has_its_own(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}/sync"
    assert two.get(path).body["state"] == "off"

    turned = two.patch(path, {"state": "on"})
    assert (turned.status, turned.body["state"], turned.body["phase"]) == (200, "on", "loading")
    SyncView.model_validate(turned.body, strict=True)
    assert two.get(f"/practices/{IDS[1]}/sync").body["state"] == "off"
    assert two.patch(path, {"state": "paused"}).body["state"] == "paused"


def test_turning_it_on_makes_the_background_lane_due(two: Deployment) -> None:
    two.patch(f"/practices/{two.practice_id}/sync", {"state": "on"})

    assert two.practice_id in two.on.pace.due(two.on.clock.now(), within_s=59, limit=10)


def test_saying_it_again_changes_nothing(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}/sync"
    first = two.patch(path, {"state": "on"}).body
    two.on.clock.seconds += 60

    assert two.patch(path, {"state": "on"}).body["changed_at"] == first["changed_at"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [("GET", "", "practices:read"), ("GET", "/{id}", "practices:read"), ("GET", "/{id}/sync", "sync:read"),
     ("PATCH", "/{id}/sync", "sync:write")],
)  # fmt: skip
def test_each_needs_its_scope(method: str, path: str, scope: str, two: Deployment) -> None:
    two.grant("patients:read")
    where = f"/practices{path}".replace("{id}", two.practice_id)
    refused = two.send(method, where, body={"state": "on"} if method == "PATCH" else None)

    assert (refused.status, refused.body["scope"]) == (403, scope)


def test_a_state_that_is_none_is_refused_by_name(two: Deployment) -> None:
    refused = two.patch(f"/practices/{two.practice_id}/sync", {"state": "yes"})

    assert (refused.status, refused.body["param"]) == (400, "state")
