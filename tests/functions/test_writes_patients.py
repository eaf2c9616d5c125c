"""POST /patients and PATCH /patients/{id} through handler, ledger and worker, at a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.ids import row_id
from gateway.core.objects.patient import Patient
from tests.fakes.deployment import Answered, Deployment, deployed
from tests.functions.writes import assert_a_get_shows, changed, result_of, row_of

NEW: dict[str, Any] = {
    "name": {"first": "Zoe", "last": "Marker", "middle": "Q", "preferred": "Zo"},
    "birth_date": "1980-02-29",
    "sex": "female",
    "phones": [{"type": "home", "number": "(212)555-0101"}, {"type": "mobile", "number": "+12125550123"}],
    "emails": [{"address": "zoe@example.com"}, {"address": "zoe@work.example"}],
    "address": {"line1": "1 Elm St", "line2": "Apt 2", "city": "Salem", "state": "OR", "postal_code": "97301-1234"},
    "contact_preferences": {"sms_consent": True, "confirm": "text_message", "contact": "home_phone", "recall": "mail"},
    "language": "es",
    "chart_number": "A-17",
    "medicaid_id": "M12345",
    "status": "prospective",
}


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=("*:read", "patients:write")) as deployment:
        deployment.read_up()
        yield deployment


def post(office: Deployment, key: str | None = None, **more: Any) -> Answered:
    return office.post("/patients", NEW | more, key=key)


def zoes(office: Deployment) -> list[dict[str, Any]]:
    return office.rows("patient", "LName = 'Marker' AND FName = 'Zoe'")


def holds(shown: Any, sent: Any) -> bool:
    """Whether everything that was sent is shown."""
    if isinstance(sent, dict):
        return all(holds(shown[name], value) for name, value in sent.items())
    if isinstance(sent, list):
        return len(shown) == len(sent) and all(holds(*pair) for pair in zip(shown, sent, strict=True))
    return bool(shown == sent)


def test_a_new_patient_reads_back_as_sent_and_is_shown_by_get_and_list(office: Deployment) -> None:
    answer = post(office)
    result = result_of(answer, 201)

    sent = {**NEW, "phones": [{"type": "home", "raw": "(212)555-0101"}, {"type": "mobile", "number": "+12125550123"}]}
    assert holds(result, sent), result
    assert (result["guarantor_id"], result["phones"][0]["number"]) == (result["id"], "+12125550101")
    assert_a_get_shows(office, "/patients", result)
    assert [one["id"] for one in office.get("/patients", name="Marker").body["data"]] == [result["id"]]
    assert answer.headers["Location"].endswith(f"patients/{result['id']}")
    Patient.model_validate(result, strict=True)
    assert len(zoes(office)) == 1


def test_somebody_alike_is_refused_by_name_before_anything_is_written(office: Deployment) -> None:
    first = result_of(post(office))
    again = {**NEW, "name": {"first": "ZOE", "last": "marker"}, "phones": None, "emails": None}
    refused = office.post("/patients", again)

    assert (refused.status, refused.body["code"], refused.body["patient_ids"]) == (
        409, "possible-duplicate", [first["id"]]
    )  # fmt: skip
    assert office.upstream_calls.count("patients.create") == 1
    assert result_of(office.post("/patients", again | {"allow_duplicate": True}), 201)["id"] != first["id"]
    other_day = again | {"birth_date": "1981-02-28"}
    assert office.post("/patients", other_day).status == 201


def test_without_a_birth_date_the_name_alone_is_alike(office: Deployment) -> None:
    first = result_of(post(office))
    refused = office.post("/patients", {"name": {"first": "Zoe", "last": "Marker"}})

    assert refused.body["patient_ids"] == [first["id"]]


def test_a_new_patient_may_join_a_family(office: Deployment) -> None:
    head = office.rows("patient", "Guarantor = PatNum AND PatStatus = 0")[0]["PatNum"]
    result = result_of(post(office, guarantor_id=row_id("patient", office.practice_id, head)))

    assert result["family_id"] == row_id("patient", office.practice_id, head)


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ({"name": {"first": "Zoë"}}, {"FName"}),
        ({"name": {"middle": None}}, {"MiddleI"}),
        ({"birth_date": "1981-03-01"}, {"Birthdate"}),
        ({"sex": None}, {"Gender"}),
        ({"phones": [{"type": "work", "number": "212-555-0199"}]}, {"HmPhone", "WkPhone", "WirelessPhone"}),
        ({"phones": None}, {"HmPhone", "WirelessPhone"}),
        ({"emails": []}, {"Email"}),
        ({"address": {"city": "Portland"}}, {"City"}),
        ({"address": None}, {"Address", "Address2", "City", "State", "Zip"}),
        ({"contact_preferences": {"sms_consent": None}}, {"TxtMsgOk"}),
        ({"contact_preferences": {"contact": "do_not_call"}}, {"PreferContactMethod"}),
        ({"contact_preferences": None},
         {"TxtMsgOk", "PreferContactMethod", "PreferConfirmMethod", "PreferRecallMethod"}),
        ({"language": None}, {"Language"}),
        ({"language": "fr"}, {"Language"}),
        ({"chart_number": None}, {"ChartNumber"}),
        ({"medicaid_id": "M2"}, {"MedicaidID"}),
        ({"status": "inactive"}, {"PatStatus"}),
        ({"first_visit_on": "2026-01-05"}, {"DateFirstVisit"}),
    ],
)  # fmt: skip
def test_only_what_is_named_changes_and_a_get_shows_it(
    body: dict[str, Any], columns: set[str], office: Deployment
) -> None:
    made = result_of(post(office))
    key = int(made["source"]["key"])
    before = row_of(office, "patient", "PatNum", key)
    result = result_of(office.patch(f"/patients/{made['id']}", body), 200)

    assert changed(before, row_of(office, "patient", "PatNum", key)) == columns
    assert_a_get_shows(office, "/patients", result)
    for name, value in body.items():
        if value not in (None, []) and name != "phones":
            assert holds(result[name], value)


def test_providers_and_locations_change_and_those_that_may_be_none_are_emptied(office: Deployment) -> None:
    made = result_of(post(office))
    ids = {
        "primary_provider_id": row_id("provider", office.practice_id, 2),
        "secondary_provider_id": row_id("provider", office.practice_id, 3),
        "location_id": row_id("location", office.practice_id, 1),
    }
    result = result_of(office.patch(f"/patients/{made['id']}", ids))
    assert {name: result[name] for name in ids} == ids
    emptied = result_of(office.patch(f"/patients/{made['id']}", {"secondary_provider_id": None, "location_id": None}))

    assert (emptied["secondary_provider_id"], emptied["location_id"]) == (None, None)
    assert emptied["primary_provider_id"] == ids["primary_provider_id"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "body"),
        ({"name": None}, "name"),
        ({"name": {}}, "name.body"),
        ({"name": {"last": None}}, "name.last"),
        ({"name": {"last": ""}}, "name.last"),
        ({"birth_date": None}, "birth_date"),
        ({"primary_provider_id": None}, "primary_provider_id"),
        ({"phones": [{"type": "home", "number": "5550101"}, {"type": "home", "number": "5550102"}]}, "phones"),
        ({"phones": [{"type": "home", "number": "5550101"}, {"type": "work", "number": "12"}]}, "phones.1.number"),
        ({"phones": [{"type": "home", "number": "call Mom"}]}, "phones.0.number"),
        ({"emails": [{"address": "a,b@example.com"}]}, "emails.0.address"),
        ({"address": {"postal_code": "123"}}, "address.postal_code"),
        ({"address": {"country": "US"}}, "address.country"),
        ({"language": "xx"}, "language"),
        ({"sex": "other"}, "sex"),
        ({"status": "deleted"}, "status"),
        ({"ssn": "123456789"}, "ssn"),
    ],
)
def test_what_cannot_be_is_refused_and_nobody_is_asked(body: dict[str, Any], param: str, office: Deployment) -> None:
    refused = office.patch(f"/patients/{row_id('patient', office.practice_id, 1)}", body)

    assert (refused.status, refused.body["code"], refused.body["param"]) == (400, "invalid", param)
    assert office.upstream_calls == []


def test_what_open_dental_refuses_names_the_callers_field(office: Deployment) -> None:
    made = result_of(post(office))
    refused = office.patch(f"/patients/{made['id']}", {"birth_date": "2190-01-01"})

    assert (refused.status, refused.body["code"], refused.body["param"]) == (422, "upstream-invalid", "birth_date")


def test_a_field_that_the_office_is_too_old_for_is_refused() -> None:
    with deployed("--version", "24.3.30", scopes=("*:read", "patients:write")) as office:
        refused = post(office)

        assert (refused.status, refused.body["code"], refused.body["param"]) == (409, "version-too-old", "medicaid_id")
        assert post(office, medicaid_id=None).status == 201


@pytest.mark.parametrize("kind", ["drop_answer", "lose_request"])
def test_a_new_patient_whose_answer_is_lost_is_there_at_most_once(kind: str, office: Deployment) -> None:
    office.faulty(kind, "patients.create")
    answer = post(office)
    settled = office.settled(answer)

    assert answer.body["state"] == "unknown"
    if kind == "drop_answer":
        assert (settled["state"], len(zoes(office))) == ("succeeded", 1)
        assert_a_get_shows(office, "/patients", settled["result"])
    else:
        assert (settled["state"], settled["error"]["code"], zoes(office)) == ("failed", "not-written", [])


def test_one_key_is_one_patient(office: Deployment) -> None:
    answers = [post(office, key="the-same-key") for _ in range(2)]
    other = post(office, key="the-same-key", sex="male")

    assert answers[0].body == answers[1].body
    assert len(zoes(office)) == 1
    assert (other.status, other.body["code"]) == (422, "key-reused")


def test_without_the_scope_nothing_is_asked(office: Deployment) -> None:
    office.grant("*:read", "appointments:write")
    patient = row_id("patient", office.practice_id, 1)
    refused = [post(office), office.patch(f"/patients/{patient}", {"sex": None})]

    assert [(one.status, one.body["scope"]) for one in refused] == [(403, "patients:write")] * 2
    assert office.upstream_calls == []


def test_another_practices_ids_name_nothing_here() -> None:
    with deployed(practices=2, scopes=("*:read", "patients:write")) as office:
        here, there = office.servers
        mixed = {"guarantor_id": row_id("patient", here, 1), "location_id": row_id("location", there, 1)}
        refused = post(office, **mixed)
        unsaid = post(office)
        theirs = office.patch(
            f"/patients/{row_id('patient', here, 1)}", {"primary_provider_id": row_id("provider", there, 1)}
        )

    assert (refused.status, refused.body["param"]) == (404, "location_id")
    assert (unsaid.status, unsaid.body["param"]) == (400, "practice_id")
    assert (theirs.status, theirs.body["param"]) == (404, "primary_provider_id")
