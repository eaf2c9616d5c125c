"""What is written in our words and read back in them is the same object, for every kind of write there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.core.registry import KINDS
from tests.fakes.deployment import Deployment, deployed
from tests.fakes.mirrored_office import mirrored_office
from tests.functions.writes import assert_a_get_shows, result_of

OWN_SCOPES = [f"{name}:write" for name in (
    "appointments", "patients", "procedures", "payments", "claims", "communications", "recalls"
)]  # fmt: skip
Written = tuple[str, dict[str, Any], dict[str, Any]]
"""The list's path, what was sent, and the object that came of it."""


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=("*:read", *OWN_SCOPES)) as deployment:
        deployment.read_up()
        yield deployment


def someone(office: Deployment) -> str:
    return office.id_of("patient", 1)


def wrote(office: Deployment, path: str, body: dict[str, Any]) -> Written:
    return path, body, result_of(office.post(path, body), 201)


def changed(office: Deployment, path: str, made: dict[str, Any], body: dict[str, Any]) -> Written:
    return path, body, result_of(office.patch(f"{path}/{made['id']}", body), 200)


def new_patient(office: Deployment) -> Written:
    return wrote(office, "/patients", {
        "name": {"first": "Zoe", "last": "Marker"}, "birth_date": "1980-02-29", "sex": "female", "language": "es",
        "contact_preferences": {"sms_consent": True, "confirm": "text_message"},
    })  # fmt: skip


def changed_patient(office: Deployment) -> Written:
    _, _, made = new_patient(office)
    return changed(office, "/patients", made, {"chart_number": "B-2", "medicaid_id": "M9"})


def visit(office: Deployment) -> Written:
    """At an hour of tomorrow's week that nobody has; the office's hours are not at stake."""
    store = office.simulated.office.store
    day = datetime.fromisoformat(max(str(row["AptDateTime"]) for row in store.find("appointment"))) + timedelta(days=2)
    start = f"{day:%Y-%m-%d}T09:00:00"
    return wrote(office, "/appointments", {
        "patient_id": someone(office), "provider_id": office.id_of("provider", 1),
        "operatory_id": office.id_of("operatory", 1), "appointment_type_id": office.id_of("appointment_type", 1),
        "local_start": start, "duration_minutes": 40, "is_asap": True, "allow_outside_schedule": True,
    })  # fmt: skip


def changed_visit(office: Deployment) -> Written:
    _, _, made = visit(office)
    return changed(office, "/appointments", made, {"is_new_patient": True, "duration_minutes": 30})


def procedure(office: Deployment) -> Written:
    return wrote(office, "/procedures", {
        "patient_id": someone(office), "code": "D2740", "status": "planned", "fee": {"amount": "777.25"},
        "area": {"kind": "tooth", "teeth": ["14"]}, "planned_on": "2026-03-04",
    })  # fmt: skip


def changed_procedure(office: Deployment) -> Written:
    _, _, made = procedure(office)
    return changed(office, "/procedures", made, {"fee": {"amount": "700.00"}})


def done_work(office: Deployment) -> str:
    """A crown that is not billed yet."""
    store = office.simulated.office.store
    code = store.find("procedurecode", {"ProcCode": "D2740"})[0]["CodeNum"]
    row = {
        "PatNum": 1, "ProcStatus": 2, "ProcFee": 100.0, "UnitQty": 1, "CodeNum": code, "ProvNum": 1,
        "ProcDate": "2026-01-05", "ClinicNum": 1, "ToothNum": "14",
    }  # fmt: skip
    return office.id_of("procedure", store.insert("procedurelog", row))


def claim(office: Deployment) -> Written:
    body = {"patient_id": someone(office), "type": "primary", "procedure_ids": [done_work(office)]}
    return wrote(office, "/claims", body)


def changed_claim(office: Deployment) -> Written:
    _, _, made = claim(office)
    return changed(office, "/claims", made, {"status": "sent"})


def payment(office: Deployment) -> Written:
    return wrote(office, "/payments", {
        "kind": "patient", "patient_id": someone(office), "amount": {"amount": "80.00"}, "check_number": "1042",
    })  # fmt: skip


def refund(office: Deployment) -> Written:
    _, _, paid = payment(office)
    return wrote(office, "/payments", {"kind": "refund", "payment_id": paid["id"]})


def insurance_payment(office: Deployment) -> Written:
    _, _, made = changed_claim(office)
    return wrote(office, "/payments", {
        "kind": "insurance", "claim_id": made["id"], "amount": {"amount": "60.00"}, "check_number": "99",
        "lines": [{"claim_line_id": made["lines"][0]["id"], "paid": {"amount": "60.00"}}],
    })  # fmt: skip


def communication(office: Deployment) -> Written:
    return wrote(office, "/communications", {
        "patient_id": someone(office), "note": "asked to be called back", "mode": "phone", "direction": "received",
    })  # fmt: skip


def changed_recall(office: Deployment) -> Written:
    row = office.rows("recall")[0]
    path, made = "/recalls", {"id": office.id_of("recall", row["RecallNum"])}
    return changed(office, path, made, {"due_on": "2027-05-04", "note": "prefers mornings"})


WRITES: dict[str, Callable[[Deployment], Written]] = {
    "patients.create": new_patient,
    "patients.update": changed_patient,
    "appointments.create": visit,
    "appointments.update": changed_visit,
    "procedures.create": procedure,
    "procedures.update": changed_procedure,
    "claims.create": claim,
    "claims.update": changed_claim,
    "payments.create_for_patient": payment,
    "payments.create_for_claim": insurance_payment,
    "payments.refund": refund,
    "communications.create": communication,
    "recalls.update": changed_recall,
}
NOT_OURS = {"resources.write", "practices.connect", "practices.fallback"}
"""Writes whose result is no normalized object: a row as the vendor names it, a practice."""

READS_DIFFERENTLY = {
    "allow_outside_schedule", "procedure_ids", "code", "area", "appointment_type_id", "payment_id", "claim_id",
    "patient_id", "lines", "note", "amount", "fee",
}  # fmt: skip
"""Members that are asked for in one form and shown in another, or decide how something is written."""


def holds(shown: Any, sent: Any) -> bool:
    """Whether everything that was sent is shown."""
    if isinstance(sent, dict):
        return all(holds(shown[name], value) for name, value in sent.items())
    return bool(shown == sent)


def test_every_kind_of_write_is_among_them() -> None:
    assert WRITES.keys() | NOT_OURS == {kind for kind in KINDS if not kind.startswith("fetch.")}


@pytest.mark.parametrize("kind", WRITES)
def test_what_was_written_is_what_a_get_shows(kind: str, office: Deployment) -> None:
    path, sent, result = WRITES[kind](office)

    found_by = {"patient_id": result["patient_id"]} if path == "/recalls" else {}
    assert_a_get_shows(office, path, result, **found_by)
    plain = {name: value for name, value in sent.items() if name not in READS_DIFFERENTLY}
    assert holds(result, plain)
    money = {"amount", "fee"} & sent.keys()
    assert {name: result[name]["amount"] for name in money} == {name: sent[name]["amount"] for name in money}


def test_a_result_costs_no_call_for_words_that_are_not_at_hand() -> None:
    with deployed(scopes=("*:read", *OWN_SCOPES)) as cold, deployed(scopes=("*:read", *OWN_SCOPES)) as warm:
        warm.read_up()
        _, _, unsaid = visit(cold)
        _, _, said = visit(warm)

        assert cold.upstream_calls == warm.upstream_calls
        assert (unsaid["confirmation"]["status"], said["confirmation"]["status"]) == (None, "unconfirmed")
        assert unsaid["type"]["id"] == said["type"]["id"]
        assert said["type"]["name"]


def test_a_result_takes_its_words_from_the_mirror_too() -> None:
    """There the office's set-up is read row by row, and lies in no cache."""
    with mirrored_office() as office:
        office.d.grant("*:read", *OWN_SCOPES)
        office.load()
        _, _, made = visit(office.d)
        shown = office.d.get(f"/appointments/{made['id']}").body
        again = result_of(office.d.patch(f"/appointments/{made['id']}", {"is_asap": False}), 200)

    assert made["type"]["name"]
    assert again["confirmation"] == shown["confirmation"]
    assert again["confirmation"]["status"] == "unconfirmed"
