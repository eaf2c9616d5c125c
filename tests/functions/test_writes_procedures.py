"""POST and PATCH of /procedures through handler, ledger and worker, at a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.ids import row_id
from gateway.core.objects.procedure import Procedure
from tests.fakes.deployment import Answered, Deployment, deployed
from tests.functions.writes import assert_a_get_shows, changed, result_of, row_of

SCOPES = ("*:read", "procedures:write")
CROWN: dict[str, Any] = {"code": "D2740", "status": "planned", "area": {"kind": "tooth", "teeth": ["14"]}}


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as deployment:
        deployment.read_up()
        yield deployment


def chart(office: Deployment, key: str | None = None, path: str = "/procedures", **more: Any) -> Answered:
    body = {"patient_id": row_id("patient", office.practice_id, 1), **CROWN, **more}
    return office.post(path, body, key=key)


def stored(office: Deployment, shown: dict[str, Any]) -> dict[str, Any]:
    return row_of(office, "procedurelog", "ProcNum", int(shown["source"]["key"]))


def crowns(office: Deployment) -> list[dict[str, Any]]:
    return office.rows("procedurelog", "PatNum = 1 AND ToothNum = '14' AND ProcFee = 777.25")


@pytest.mark.parametrize("path", ["/procedures", "/procedurelogs"])
def test_a_planned_procedure_reads_back_as_sent_and_is_shown_by_get_and_list(path: str, office: Deployment) -> None:
    sent: dict[str, Any] = {"fee": {"amount": "777.25", "currency": "USD"}, "planned_on": "2026-03-04"}
    sent |= {"provider_id": row_id("provider", office.practice_id, 2)}
    answer = chart(office, path=path, **sent)
    result = result_of(answer, 201)

    assert {name: result[name] for name in (*sent, "status")} == {**sent, "status": "planned"}
    assert (result["code"]["value"], result["area"]["teeth"], result["performed_on"]) == ("D2740", ["14"], None)
    assert_a_get_shows(office, "/procedures", result)
    assert_a_get_shows(office, "/procedurelogs", result)
    listed = office.get("/procedures", patient_id=result["patient_id"], limit=500).body["data"]
    assert result["id"] in [one["id"] for one in listed]
    Procedure.model_validate(result, strict=True)
    assert answer.headers["Location"].endswith(f"procedures/{result['id']}")
    assert len(crowns(office)) == 1


@pytest.mark.parametrize(
    ("code", "area"),
    [
        ("D2740", {"kind": "tooth", "teeth": ["30"], "surfaces": [], "region": None}),
        ("D2392", {"kind": "surface", "teeth": ["3"], "surfaces": ["M", "O"], "region": None}),
        ("D4341", {"kind": "quadrant", "teeth": [], "surfaces": [], "region": "lower_left"}),
        ("D5213", {"kind": "arch", "teeth": ["2", "3"], "surfaces": [], "region": "upper"}),
        ("D1110", {"kind": "mouth", "teeth": [], "surfaces": [], "region": None}),
    ],
)
def test_every_area_reads_back_as_sent(code: str, area: dict[str, Any], office: Deployment) -> None:
    answer = chart(office, code=code, area=area)
    if code == "D5213" and answer.status == 422:
        area = {**area, "teeth": []}
        answer = chart(office, code=code, area=area)

    assert result_of(answer, 201)["area"] == area


@pytest.mark.parametrize(
    ("status", "day"),
    [
        ("completed", {"performed_on": "2026-01-05"}),
        ("existing_current", {"performed_on": "2020-01-05"}),
        ("existing_other", {"performed_on": "2019-01-05"}),
        ("referred", {}),
        ("condition", {}),
    ],
)
def test_what_is_done_elsewhere_or_already_is_charted_as_that(
    status: str, day: dict[str, str], office: Deployment
) -> None:
    result = result_of(chart(office, status=status, **day), 201)

    assert (result["status"], result["performed_on"]) == (status, day.get("performed_on"))
    assert_a_get_shows(office, "/procedures", result)


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ({"fee": {"amount": "900.50", "currency": "USD"}}, {"ProcFee"}),
        ({"planned_on": "2026-02-01"}, {"DateTP"}),
        ({"provider_id": 2}, {"ProvNum"}),
        ({"location_id": 2}, {"ClinicNum"}),
        ({"priority_id": None}, {"Priority"}),
        ({"diagnosis_id": None}, {"Dx"}),
        ({"area": {"kind": "tooth", "teeth": ["15"]}}, {"ToothNum"}),
        ({"code": "D2750"}, {"CodeNum"}),
        ({"status": "referred"}, {"ProcStatus"}),
        ({"status": "existing_other", "performed_on": "2020-02-03"}, {"ProcStatus", "ProcDate"}),
    ],
)
def test_only_what_is_named_changes_and_a_get_shows_it(
    body: dict[str, Any], columns: set[str], office: Deployment
) -> None:
    kinds = {"provider_id": "provider", "location_id": "location"}
    body = {
        name: row_id(kinds[name], office.practice_id, value) if name in kinds else value for name, value in body.items()
    }
    made = result_of(chart(office, provider_id=row_id("provider", office.practice_id, 1)))
    before = stored(office, made)
    result = result_of(office.patch(f"/procedures/{made['id']}", body), 200)

    assert changed(before, stored(office, made)) == columns
    assert_a_get_shows(office, "/procedures", result)
    for name in body.keys() - {"area", "code"}:
        assert result[name.removesuffix("_id") if body[name] is None else name] == body[name]


def test_a_planned_procedure_is_completed_with_its_day(office: Deployment) -> None:
    made = result_of(chart(office))
    refused = office.patch(f"/procedurelogs/{made['id']}", {"status": "completed"})
    done = result_of(
        office.patch(f"/procedurelogs/{made['id']}", {"status": "completed", "performed_on": "2026-03-02"})
    )

    assert (refused.status, refused.body["param"]) == (400, "performed_on")
    assert (done["status"], done["performed_on"]) == ("completed", "2026-03-02")


def test_a_completed_procedure_keeps_its_code_and_area(office: Deployment) -> None:
    made = result_of(chart(office, status="completed", performed_on="2026-01-05"))
    bodies = ({"code": "D2750"}, {"area": {"kind": "tooth", "teeth": ["15"]}})
    refused = [office.patch(f"/procedures/{made['id']}", body) for body in bodies]

    assert [(one.status, one.body["reason"], one.body["param"]) for one in refused] == [
        (409, "completed", "code"), (409, "completed", "area"),
    ]  # fmt: skip
    assert "procedurelogs.update" not in office.upstream_calls


def test_what_open_dental_cannot_take_away_is_refused(office: Deployment) -> None:
    made = result_of(chart(office))
    refused = office.patch(f"/procedures/{made['id']}", {"area": {"kind": "mouth"}})

    assert (refused.status, refused.body["reason"]) == (409, "not-emptied")
    assert "procedurelogs.update" not in office.upstream_calls


def test_a_procedure_goes_on_a_visit_and_off_again(office: Deployment) -> None:
    visit = office.rows("appointment", "AptStatus = 1 ORDER BY AptNum")[0]
    made = result_of(chart(office, patient_id=row_id("patient", office.practice_id, visit["PatNum"])))
    id_ = row_id("appointment", office.practice_id, visit["AptNum"])
    on = result_of(office.patch(f"/procedures/{made['id']}", {"appointment_id": id_}))
    off = result_of(office.patch(f"/procedures/{made['id']}", {"appointment_id": None}))

    assert (on["appointment_id"], off["appointment_id"]) == (id_, None)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"status": "completed"}, "performed_on"),
        ({"performed_on": "2026-01-05"}, "performed_on"),
        ({"status": "planned_inactive"}, "status"),
        ({"area": {"kind": "tooth", "teeth": ["14", "15"]}}, "area.kind"),
        ({"area": {"kind": "tooth", "teeth": ["99"]}}, "area.kind"),
        ({"area": {"kind": "surface", "teeth": ["14"]}}, "area.kind"),
        ({"area": {"kind": "quadrant", "region": "upper_front"}}, "area.kind"),
        ({"area": {"kind": "mouth", "teeth": ["1"]}}, "area.kind"),
        ({"fee": {"amount": "-1.00"}}, "fee.amount"),
        ({"quantity": 2}, "quantity"),
    ],
)
def test_what_cannot_be_is_refused_and_nobody_is_asked(more: dict[str, Any], param: str, office: Deployment) -> None:
    refused = chart(office, **more)

    assert (refused.status, refused.body["code"], refused.body["param"]) == (400, "invalid", param)
    assert office.upstream_calls == []


@pytest.mark.parametrize(
    ("version", "more", "since"),
    [
        ("25.1.10", {"status": "condition"}, "25.1.14"),
        ("25.2.30", {"status": "completed", "performed_on": "2026-01-05"}, "25.3"),
        ("25.2.20", {"planned_on": "2026-01-05"}, "25.2.21"),
    ],
)
def test_what_the_office_is_too_old_for_is_refused_and_nobody_is_asked(
    version: str, more: dict[str, Any], since: str
) -> None:
    with deployed("--version", version, scopes=SCOPES) as office:
        refused = chart(office, **more)

        assert (refused.status, refused.body["code"], refused.body["version"]) == (409, "version-too-old", since)
        assert office.upstream_calls == []


@pytest.mark.parametrize("kind", ["drop_answer", "lose_request"])
def test_a_procedure_whose_answer_is_lost_is_there_at_most_once(kind: str, office: Deployment) -> None:
    fee: dict[str, Any] = {"fee": {"amount": "777.25"}}
    assert chart(office, **fee).status == 201
    office.faulty(kind, "procedurelogs.create")
    settled = office.settled(chart(office, **fee))

    if kind == "drop_answer":
        assert (settled["state"], len(crowns(office))) == ("succeeded", 2)
    else:
        assert (settled["state"], settled["error"]["code"], len(crowns(office))) == ("failed", "not-written", 1)


def test_one_key_is_one_procedure(office: Deployment) -> None:
    fee: dict[str, Any] = {"fee": {"amount": "777.25"}}
    answers = [chart(office, key="the-same-key", **fee) for _ in range(2)]

    assert answers[0].body == answers[1].body
    assert len(crowns(office)) == 1
    assert chart(office, key="the-same-key").body["code"] == "key-reused"


def test_without_the_scope_nothing_is_asked(office: Deployment) -> None:
    office.grant("*:read", "patients:write")
    refused = [chart(office), office.patch(f"/procedures/{row_id('procedure', office.practice_id, 1)}", {"code": "D1"})]

    assert [(one.status, one.body["scope"]) for one in refused] == [(403, "procedures:write")] * 2
    assert office.upstream_calls == []


def test_another_practices_ids_name_nothing_here() -> None:
    with deployed(practices=2, scopes=SCOPES) as office:
        here, there = office.servers
        refused = [
            chart(office, provider_id=row_id("provider", there, 1)),
            office.patch(
                f"/procedures/{row_id('procedure', here, 1)}", {"priority_id": row_id("definition", there, 1)}
            ),
        ]

        assert [(one.status, one.body["param"]) for one in refused] == [(404, "provider_id"), (404, "priority_id")]
        assert office.upstream_calls == []
