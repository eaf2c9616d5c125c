from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import httpx
import pytest

from infra.sandbox.practice.keys import ApiKey
from infra.sandbox.practice.practice import MAX_BODY

from .conftest import HEADERS, Running

READ = {name.lower(): text for name, text in HEADERS.items()}


def test_a_call_without_content_type_is_refused(practice: Running) -> None:
    answer = httpx.get(
        f"{practice.server.base_url}/api/v1/providers", headers={"Authorization": HEADERS["Authorization"]}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("header", ["", "Bearer x", "ODFHIR onlyone", "ODFHIR /", "ODFHIR a/"])
def test_a_malformed_authorization_is_a_bad_request(practice: Running, header: str) -> None:
    assert practice.api.get("providers", headers={"Authorization": header}).status_code == 400


def test_an_unknown_customer_key_is_unauthorized(practice: Running) -> None:
    answer = practice.api.get("providers", headers={"Authorization": "ODFHIR DEMOdevKEY000001/WRONGkey00000000"})
    assert answer.status_code == 401


@pytest.mark.parametrize(("state", "status"), [("unassigned", 400), ("disabled-by-customer", 401), ("enabled", 200)])
def test_the_state_of_the_key_decides(start: Callable[..., Running], state: Any, status: int) -> None:
    answer = start(key=replace(ApiKey(), state=state)).api.get("providers")
    assert answer.status_code == status
    if state == "unassigned":
        assert answer.json() == "API key has not been assigned."


def test_a_read_only_key_reads_and_does_not_write(start: Callable[..., Running]) -> None:
    practice = start(key=replace(ApiKey(), state="read-only"))
    assert practice.api.get("patients/Simple").status_code == 200
    assert practice.api.post("patients", json={"LName": "Sample", "FName": "Ann"}).status_code == 401


@pytest.mark.parametrize("tier", ["standard", "enterprise"])
def test_a_key_of_the_enterprise_tier_says_so(
    start: Callable[..., Running], tier: Literal["standard", "enterprise"]
) -> None:
    told = {row["Permission"]: row["HasPermission"] for row in start(key=ApiKey(tier=tier)).get("securityperms")}

    assert told["ApiEnterprise"] == ("true" if tier == "enterprise" else "false")


def test_a_missing_permission_refuses_its_methods_only_and_securityperms_tells(start: Callable[..., Running]) -> None:
    practice = start(key=replace(ApiKey(), permissions=frozenset({"ReadAll"})))
    assert practice.api.get("patients/Simple").status_code == 200
    assert practice.api.post("patients", json={"LName": "Sample", "FName": "Ann"}).status_code == 401
    told = {row["Permission"]: row["HasPermission"] for row in practice.get("securityperms")}
    assert told["ApiReadAll"] == "true"
    assert told["ApiPatients"] == "false"


def test_errors_are_bare_json_strings(practice: Running) -> None:
    answer = practice.api.get("patients/999")
    assert (answer.status_code, answer.json()) == (404, "Patient not found")
    assert answer.headers["content-type"] == "application/json"


def test_unknown_resources_and_sub_paths_have_their_own_refusals(practice: Running) -> None:
    assert practice.api.get("nonsense").status_code == 404
    answer = practice.api.get("claims/search")
    assert (answer.status_code, answer.json()) == (400, "claims GET search is not a valid method.")


def test_a_method_newer_than_the_office_is_a_version_issue(start: Callable[..., Running]) -> None:
    answer = start(version="21.1").api.get("securityperms")
    assert answer.status_code == 400
    assert answer.json().startswith("Error. This is most likely a version issue")


def test_a_deprecated_method_is_gone(practice: Running) -> None:
    assert practice.api.post("payplans", json={"PatNum": 1}).status_code == 410


def test_an_office_that_is_offline_answers_400_and_does_nothing(practice: Running) -> None:
    practice.control.put("/settings", json={"offline": True}).raise_for_status()
    answer = practice.api.post("patients", json={"LName": "Sample", "FName": "Ann"})
    assert answer.status_code == 400
    assert "eConnector is not running" in answer.json()
    assert practice.store.count("patient") == 0


def test_location_comes_in_remote_mode_only(start: Callable[..., Running]) -> None:
    person = {"LName": "Sample", "FName": "Ann"}
    remote = start().api.post("patients", json=person)
    assert remote.status_code == 201
    assert remote.headers["location"].endswith("/api/v1/patients/1")
    assert "location" not in start(mode="Service").api.post("patients", json=person).headers


def test_an_address_that_is_refused_too_often_is_suspended(start: Callable[..., Running]) -> None:
    practice = start(suspend_after=2)
    wrong = {"Authorization": "ODFHIR DEMOdevKEY000001/WRONGkey00000000"}
    for _ in range(2):
        assert practice.api.get("providers", headers=wrong).status_code == 401
    assert practice.api.get("providers").status_code == 403
    practice.clock.advance(3601)
    assert practice.api.get("providers").status_code == 200


def test_the_capability_statement_comes_in_a_bundle(practice: Running) -> None:
    answer = practice.api.get(f"{practice.server.base_url}/fhir/v2/capabilitystatement")
    assert answer.json()["entry"][0]["resource"]["resourceType"] == "CapabilityStatement"


def test_one_connection_carries_many_calls(practice: Running) -> None:
    for _ in range(3):
        answer = practice.api.get("providers")
        assert answer.http_version == "HTTP/1.1"
        assert answer.headers.get("connection") != "close"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_a_bad_request(practice: Running, body: bytes) -> None:
    assert practice.api.post("patients", content=body).status_code == 400


def test_a_body_may_come_in_chunks(practice: Running) -> None:
    answer = practice.api.post("patients", content=iter([b'{"LName": "Sample", ', b'"FName": "Ann"}']))
    assert answer.status_code == 201
    assert practice.api.get("patients/1").json()["LName"] == "Sample"


def test_a_body_beyond_the_limit_is_refused(practice: Running) -> None:
    body = b'{"a": "' + b"x" * MAX_BODY + b'"}'
    answer = practice.practice.handle("POST", "/api/v1/documents/Upload", READ, body, "test")
    assert (answer.status, answer.body) == (400, b'"The body is too long."')
