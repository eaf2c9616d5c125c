"""POST /communications and PATCH /recalls/{id} through handler, ledger and worker, at a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from gateway.core.ids import row_id
from gateway.core.objects.desk import Communication, Recall
from tests.fakes.deployment import Answered, Deployment, deployed
from tests.functions.writes import assert_a_get_shows, changed, result_of, row_of, timeless

SCOPES = ("*:read", "communications:write", "recalls:write")


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as deployment:
        deployment.read_up()
        yield deployment


# Communications


def log(office: Deployment, key: str | None = None, **more: Any) -> Answered:
    body = {"patient_id": row_id("patient", office.practice_id, 1), "note": "asked about the bridge"}
    return office.post("/communications", body | more, key=key)


def entries(office: Deployment) -> list[dict[str, Any]]:
    return office.rows("commlog", "PatNum = 1 AND Note LIKE 'asked about the bridge%'")


def kind_of(office: Deployment, usage: str) -> int:
    rows = office.simulated.office.definitions("CommLogTypes")
    return next(int(row["DefNum"]) for row in rows if usage in row["ItemValue"].split(","))


def test_a_contact_reads_back_as_sent_and_is_shown_by_get_and_list(office: Deployment) -> None:
    sent = {"mode": "in_person", "direction": "received", "local_at": "2026-02-03T09:15:00", "type": "text"}
    answer = log(office, **sent)
    result = result_of(answer, 201)

    assert {name: result[name] for name in ("mode", "direction", "local_at")} == {
        name: sent[name] for name in ("mode", "direction", "local_at")
    }
    assert result["note"].startswith("asked about the bridge [ref ")
    assert result["type"]["id"] == row_id("definition", office.practice_id, kind_of(office, "TEXT"))
    assert_a_get_shows(office, "/communications", result)
    listed = office.get("/communications", patient_id=result["patient_id"], limit=500).body["data"]
    assert result["id"] in [one["id"] for one in listed]
    Communication.model_validate(result, strict=True)
    assert answer.headers["Location"].endswith(f"communications/{result['id']}")
    assert len(entries(office)) == 1


def test_a_contact_without_more_is_of_now_and_of_no_mode(office: Deployment) -> None:
    result = result_of(log(office))

    assert (result["mode"], result["direction"]) == (None, None)
    assert abs((datetime.fromisoformat(result["at"]) - office.on.clock.now()).total_seconds()) < 3600


def test_a_moment_is_kept_as_the_offices_wall_time(office: Deployment) -> None:
    result = result_of(log(office, at="2026-02-03T15:15:00Z"))

    assert (result["local_at"], result["at"]) == ("2026-02-03T09:15:00", "2026-02-03T15:15:00Z")


def test_a_type_of_the_offices_own_is_taken_and_one_of_another_kind_is_not(office: Deployment) -> None:
    own = row_id("definition", office.practice_id, kind_of(office, "APPT"))
    other = office.simulated.office.definitions("PaymentTypes")[0]["DefNum"]
    refused = log(office, type_id=row_id("definition", office.practice_id, other))

    assert (refused.status, refused.body["param"], entries(office)) == (404, "type_id", [])
    assert result_of(log(office, type_id=own))["type"]["id"] == own


def test_a_use_that_the_office_has_no_type_for_is_refused(office: Deployment) -> None:
    office.simulated.office.store.update("definition", kind_of(office, "REACT"), {"ItemValue": ""})
    refused = log(office, type="reactivation")

    assert (refused.status, refused.body["reason"], entries(office)) == (409, "not-set-up", [])


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"note": ""}, "note"),
        ({"at": "2026-02-03T15:15:00Z", "local_at": "2026-02-03T09:15:00"}, "local_at"),
        ({"type": "text", "type_id": "def_x"}, "type"),
        ({"local_at": "2026-03-08T02:30:00"}, "local_at"),
        ({"mode": "fax"}, "mode"),
    ],
)
def test_a_contact_that_cannot_be_is_refused_and_nobody_is_asked(
    more: dict[str, Any], param: str, office: Deployment
) -> None:
    refused = log(office, **more)

    assert (refused.status, refused.body["param"], office.upstream_calls) == (400, param, [])


@pytest.mark.parametrize("refers", [True, False])
@pytest.mark.parametrize("kind", ["drop_answer", "lose_request"])
def test_a_contact_whose_answer_is_lost_is_there_at_most_once(kind: str, refers: bool, office: Deployment) -> None:
    office.know(writes_reference=refers)
    earlier = [result_of(log(office))["id"]]
    office.faulty(kind, "commlogs.create")
    settled = office.settled(log(office))

    if kind == "drop_answer":
        assert (settled["state"], len(entries(office))) == ("succeeded", 2)
        assert settled["result"]["id"] not in earlier
    else:
        assert (settled["state"], settled["error"]["code"], len(entries(office))) == ("failed", "not-written", 1)


def test_one_key_is_one_entry(office: Deployment) -> None:
    answers = [log(office, key="the-same-key") for _ in range(2)]

    assert answers[0].body == answers[1].body
    assert len(entries(office)) == 1
    assert log(office, key="the-same-key", mode="phone").body["code"] == "key-reused"


# Recalls


def a_recall(office: Deployment) -> dict[str, Any]:
    return office.rows("recall", "IsDisabled = 0 ORDER BY RecallNum")[0]


def change(office: Deployment, recall: dict[str, Any], **body: Any) -> Answered:
    return office.patch(f"/recalls/{row_id('recall', office.practice_id, recall['RecallNum'])}", body)


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ({"due_on": "2031-05-06"}, {"DateDue"}),
        ({"interval": {"years": 1, "months": 3, "weeks": 0, "days": 2}}, {"RecallInterval"}),
        ({"note": "call the mother"}, {"Note"}),
        ({"is_disabled": True}, {"IsDisabled"}),
        ({"disabled_until": "2031-01-01"}, {"DisableUntilDate"}),
        ({"disabled_until_balance_below": {"amount": "75.50", "currency": "USD"}}, {"DisableUntilBalance"}),
        ({"priority": "asap"}, {"Priority"}),
    ],
)
def test_only_what_is_named_of_a_recall_changes_and_a_get_shows_it(
    body: dict[str, Any], columns: set[str], office: Deployment
) -> None:
    before = a_recall(office)
    result = result_of(change(office, before, **body), 200)

    assert changed(before, row_of(office, "recall", "RecallNum", before["RecallNum"])) == columns
    assert {name: result[name] for name in body} == body
    got = office.get(f"/recalls/{result['id']}", patient_id=result["patient_id"])
    assert timeless(got.body) == timeless(result)
    Recall.model_validate(result, strict=True)


def test_a_recalls_status_is_one_of_the_offices_own_or_none(office: Deployment) -> None:
    recall = a_recall(office)
    status = office.simulated.office.definitions("RecallUnschedStatus")[0]["DefNum"]
    other = office.simulated.office.definitions("PaymentTypes")[0]["DefNum"]
    named = result_of(change(office, recall, status_id=row_id("definition", office.practice_id, status)))
    refused = change(office, recall, status_id=row_id("definition", office.practice_id, other))
    emptied = result_of(change(office, recall, status_id=None, note=None))

    assert named["status"]["id"] == row_id("definition", office.practice_id, status)
    assert (refused.status, refused.body["param"]) == (404, "status_id")
    assert (emptied["status"], emptied["note"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "body"),
        ({"due_on": None}, "due_on"),
        ({"interval": {}}, "interval.interval"),
        ({"disabled_until_balance_below": {"amount": "-1"}}, "disabled_until_balance_below.amount"),
        ({"previous_on": "2026-01-01"}, "previous_on"),
    ],
)
def test_a_recall_change_that_cannot_be_is_refused_and_nobody_is_asked(
    body: dict[str, Any], param: str, office: Deployment
) -> None:
    refused = change(office, a_recall(office), **body)

    assert (refused.status, refused.body["param"], office.upstream_calls) == (400, param, [])


def test_a_recall_that_is_not_there_is_not_found(office: Deployment) -> None:
    assert change(office, {"RecallNum": 999_999}, note="x").status == 404


@pytest.mark.parametrize("kind", ["drop_answer", "lose_request"])
def test_a_recall_change_whose_answer_is_lost_is_made(kind: str, office: Deployment) -> None:
    recall = a_recall(office)
    office.faulty(kind, "recalls.update")
    settled = office.settled(change(office, recall, due_on="2031-05-06"))

    assert (settled["state"], settled["result"]["due_on"]) == ("succeeded", "2031-05-06")


def test_an_older_office_cannot_change_recalls() -> None:
    with deployed("--version", "24.1.5", scopes=SCOPES) as office:
        refused = change(office, a_recall(office), note="x")

        assert (refused.status, refused.body["code"], refused.body["version"]) == (409, "version-too-old", "24.2.31")
        assert office.upstream_calls == []


def test_without_their_scopes_nothing_is_asked(office: Deployment) -> None:
    office.grant("*:read", "patients:write")
    refused = [log(office), change(office, a_recall(office), note="x")]

    assert [(one.status, one.body["scope"]) for one in refused] == [
        (403, "communications:write"), (403, "recalls:write"),
    ]  # fmt: skip
    assert office.upstream_calls == []


def test_another_practices_ids_name_nothing_here() -> None:
    with deployed(practices=2, scopes=SCOPES) as office:
        there = list(office.servers)[1]
        definition = row_id("definition", there, 1)
        refused = [log(office, type_id=definition), change(office, a_recall(office), status_id=definition)]

        assert [(one.status, one.body["param"]) for one in refused] == [(404, "type_id"), (404, "status_id")]
        assert office.upstream_calls == []
