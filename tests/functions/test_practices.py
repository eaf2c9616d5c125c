"""GET /practices[/{id}], GET and PATCH /practices/{id}/sync through their handler."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway.core.objects.envelopes import PracticeAlone, PracticeView
from gateway.core.objects.sync import SyncView
from gateway.core.practices import Baa
from gateway.core.walltime import instant_text
from tests.fakes.deployment import CLIENT, IDS, Deployment, deployed


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
    alone = two.get(f"/practices/{two.practice_id}").body
    PracticeAlone.model_validate(alone, strict=True)
    assert alone == {**first["data"][0], "calls": {"state": "allowed", "changed_at": None, "changed_by": None}}
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


# What makes no sense, and what only looks like it


def test_a_mirror_that_is_off_cannot_be_paused_and_is_as_it_was(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}/sync"
    for change in ({"state": "paused"}, {"state": "paused", "queries": "off"}):
        refused = two.patch(path, change)

        assert (refused.status, refused.body["code"], refused.body["reason"]) == (409, "conflict", "mirror-off")
        assert (refused.body["param"], refused.body["detail"]) == (
            "state",
            "this mirror is off: there is nothing to pause",
        )
    shown = two.get(path).body
    assert (shown["state"], shown["phase"], shown["started_at"]) == ("off", "off", None)
    assert shown["queries"]["state"] == "on"


def test_a_mirror_that_is_being_erased_cannot_be_paused_either(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}/sync"
    two.patch(path, {"state": "on"})
    two.on.world.run(60)
    two.patch(path, {"state": "off"})
    refused = two.patch(path, {"state": "paused"})

    assert refused.body["detail"] == "this mirror is off and being erased: there is nothing to pause"
    assert two.get(path).body["phase"] == "erasing"


def test_pausing_twice_is_pausing_once(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}/sync"
    two.patch(path, {"state": "on"})
    first = two.patch(path, {"state": "paused"})
    two.on.clock.seconds += 60
    again = two.patch(path, {"state": "paused"})

    assert (first.body["phase"], first.body["why"], first.body["since"]) == (
        "incomplete", "paused", first.body["changed_at"],
    )  # fmt: skip
    assert (again.status, again.body["changed_at"]) == (200, first.body["changed_at"])


def test_queries_may_be_forbidden_before_a_mirror_is_on_and_are_then_never_asked(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}/sync"
    told = two.patch(path, {"queries": "off"})
    assert (told.status, told.body["state"], told.body["phase"]) == (200, "off", "off")
    assert told.body["queries"]["state"] == "off"

    two.patch(path, {"state": "on"})
    two.on.world.run(300)

    assert two.get(path).body["rows"] > 0
    assert "queries.ShortQuery" not in two.upstream_calls


def test_turned_on_again_before_its_erasure_began_a_mirror_goes_on_with_all_that_is_here(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}/sync"
    two.patch(path, {"state": "on"})
    two.on.world.run(900)
    two.patch(path, {"queries": "off"})
    before = two.get(path).body
    assert before["phase"] == "complete"
    two.patch(path, {"state": "off"})
    off = two.get(path).body
    two.on.clock.seconds += 10
    again = two.patch(path, {"state": "on"}).body

    assert off["erasing"]["rows_left"] == before["rows"]
    assert off["erasing"]["begins_at"] is not None
    assert (again["phase"], again["rows"]) == ("complete", before["rows"])


def test_turned_on_again_while_it_is_erased_a_mirror_is_read_anew(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}/sync"
    two.patch(path, {"state": "on"})
    two.on.world.run(900)
    two.patch(path, {"state": "off"})
    two.on.world.run(120)
    two.patch(path, {"state": "on"})

    assert two.get(path).body["phase"] == "loading"
    two.on.world.run(900)
    assert two.get(path).body["phase"] == "complete"


def test_a_mirror_says_whether_its_agreement_ended_or_was_closed_or_never_was(two: Deployment) -> None:
    path, now = f"/practices/{two.practice_id}/sync", two.on.clock.now()
    two.patch(path, {"state": "on"})
    two.on.stage = "prod"
    signed = now.date() - timedelta(days=400)
    for baa, why in (
        (Baa("DOC-1", "Dr. Elm", signed, now.date() - timedelta(days=1)), "agreement-expired"),
        (Baa("DOC-1", "Dr. Elm", signed, closed_at=now), "agreement-closed"),
        (None, "agreement-missing"),
    ):
        two.know(baa=baa)
        shown = two.get(path).body
        assert (shown["why"], bool(shown["explanation"])) == (why, True)


def test_an_agreement_that_has_ended_keeps_nobody_from_erasing_what_was_read_under_it(two: Deployment) -> None:
    path, today = f"/practices/{two.practice_id}/sync", two.on.clock.now().date()
    two.patch(path, {"state": "on"})
    two.on.world.run(300)
    two.know(baa=Baa("DOC-1", "Dr. Elm", today - timedelta(days=400), today - timedelta(days=1)))
    two.on.stage = "prod"

    shown = two.get(path).body
    assert (shown["why"], shown["since"]) == ("agreement-expired", f"{today}T00:00:00Z")
    assert two.patch(path, {"state": "paused"}).status == 200
    refused = two.patch(path, {"state": "on"})
    assert (refused.status, refused.body["code"]) == (403, "baa-missing")
    assert two.patch(path, {"state": "off"}).status == 200
    two.on.world.run(120)
    assert two.get(path).body["phase"] == "off"
    assert not any(two.on.records.kept.values())


def test_an_operator_stops_all_calls_of_one_practice_and_allows_them_again(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}"
    two.grant("*:read", "practices.calls:write", "communications:write")
    at = instant_text(two.on.clock.now())

    stopped = two.patch(path, {"calls": "stopped"})
    PracticeAlone.model_validate(stopped.body, strict=True)
    assert stopped.body["calls"] == {
        "state": "stopped",
        "changed_at": at,
        "changed_by": CLIENT,
    }
    refused = two.get("/providers", practice_id=two.practice_id)
    assert (refused.status, refused.body["code"]) == (503, "calls-stopped")
    assert int(refused.headers["Retry-After"]) > 0
    patient_id = two.id_of("patient", two.rows("patient")[0]["PatNum"])
    body = {"patient_id": patient_id, "note": "Called."}
    waits = two.post("/communications", body)
    assert waits.status == 202
    two.on.world.run(300)
    assert two.upstream_calls == []
    assert two.get("/providers", practice_id=IDS[1]).status == 200

    assert two.patch(path, {"calls": "allowed"}).body["calls"]["state"] == "allowed"
    assert two.settled(waits, seconds=300)["state"] == "succeeded"
    assert two.get("/providers", practice_id=two.practice_id).status == 200


def test_stopping_calls_takes_a_scope_of_its_own_and_a_word_that_is_one(two: Deployment) -> None:
    path = f"/practices/{two.practice_id}"
    refused = two.patch(path, {"calls": "stopped"})
    assert (refused.status, refused.body["code"], refused.body["scope"]) == (
        403,
        "scope-missing",
        "practices.calls:write",
    )
    two.grant("practices.calls:write")
    assert two.patch("/practices/prac_cccccccccccccccc", {"calls": "stopped"}).status == 404
    for body in ({}, {"calls": None}, {"calls": "paused"}, {"calls": "stopped", "state": "off"}):
        assert two.patch(path, body).status == 400
    assert not two.on.pace.load(two.practice_id).killed
