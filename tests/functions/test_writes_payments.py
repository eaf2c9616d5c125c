"""POST /payments with `kind: refund` through handler, ledger and worker, at a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.ids import insurance_payment_key, row_id
from gateway.core.objects.payment import Payment
from tests.fakes.deployment import Answered, Deployment, deployed
from tests.functions.writes import result_of

SCOPES = ("*:read", "payments:write")


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as deployment:
        deployment.read_up()
        yield deployment


@pytest.fixture
def paid(office: Deployment) -> dict[str, Any]:
    """A payment of 80.00."""
    body = {
        "kind": "patient", "patient_id": row_id("patient", office.practice_id, 1),
        "amount": {"amount": "80.00"}, "check_number": "1042",
    }  # fmt: skip
    made = result_of(office.post("/payments", body), 201)
    office.upstream_calls.clear()
    return made


def refund(office: Deployment, payment: dict[str, Any], key: str | None = None, **more: Any) -> Answered:
    return office.post("/payments", {"kind": "refund", "payment_id": payment["id"], **more}, key=key)


def payments(office: Deployment) -> int:
    return len(office.rows("payment"))


def test_what_was_paid_lies_where_location_says(office: Deployment, paid: dict[str, Any]) -> None:
    back = refund(office, paid)
    found = office.get(f"/{back.headers['Location']}")

    assert (back.status, back.headers["Location"]) == (201, f"payments/{back.body['result']['id']}")
    assert (found.status, found.body["id"]) == (200, back.body["result"]["id"])


def test_a_refund_turns_the_payment_and_its_splits_round(office: Deployment, paid: dict[str, Any]) -> None:
    result = result_of(refund(office, paid, amount={"amount": "80.00"}), 201)

    assert (result["kind"], result["amount"]["amount"], result["signed_amount"]["amount"]) == (
        "refund", "80.00", "-80.00"
    )  # fmt: skip
    assert [(one["kind"], one["procedure_id"], one["amount"]["amount"]) for one in result["allocations"]] == [
        (one["kind"], one["procedure_id"], f"-{one['amount']['amount']}") for one in paid["allocations"]
    ]
    Payment.model_validate(result, strict=True)
    row = office.rows("payment", f"PayNum = {result['source']['key']}")[0]
    assert (row["PayAmt"], row["PatNum"], row["CheckNum"]) == (-80.0, 1, "1042")


def test_a_second_refund_is_refused_by_name_and_can_be_allowed(office: Deployment, paid: dict[str, Any]) -> None:
    first = result_of(refund(office, paid))
    before = payments(office)
    refused = refund(office, paid)

    assert (refused.status, refused.body["reason"], refused.body["payment_ids"]) == (
        409, "refunded-already", [first["id"]]
    )  # fmt: skip
    assert payments(office) == before
    assert refund(office, paid, allow_duplicate=True).status == 201


def test_a_part_of_a_payment_is_refused_before_anything_is_written(office: Deployment, paid: dict[str, Any]) -> None:
    refused = refund(office, paid, amount={"amount": "79.99"})

    assert (refused.status, refused.body["code"], refused.body["param"]) == (400, "invalid", "amount")
    assert "payments.Refund" not in office.upstream_calls


def test_a_refund_is_not_refunded(office: Deployment, paid: dict[str, Any]) -> None:
    refused = refund(office, result_of(refund(office, paid)))

    assert (refused.status, refused.body["reason"]) == (409, "not-a-payment")


@pytest.mark.parametrize(
    ("changes", "reason"), [({"PayPlanNum": 5}, "plan-financed"), ({"SplitAmt": -1.0}, "negative-splits")]
)
def test_what_open_dental_would_refuse_is_refused_before(
    changes: dict[str, Any], reason: str, office: Deployment, paid: dict[str, Any]
) -> None:
    split = office.rows("paysplit", f"PayNum = {paid['source']['key']}")[0]
    office.simulated.office.store.update("paysplit", split["SplitNum"], changes)
    refused = refund(office, paid)

    assert (refused.status, refused.body["reason"]) == (409, reason)
    assert "payments.Refund" not in office.upstream_calls


def test_a_carriers_payment_and_an_unknown_one_are_not_refunded(office: Deployment) -> None:
    carriers = row_id("payment", office.practice_id, insurance_payment_key(1))
    unknown = row_id("payment", office.practice_id, 999_999)

    assert refund(office, {"id": carriers}).body["reason"] == "insurance"
    assert refund(office, {"id": unknown}).status == 404


@pytest.mark.parametrize("kind", ["drop_answer", "lose_request"])
def test_a_refund_whose_answer_is_lost_is_made_at_most_once(
    kind: str, office: Deployment, paid: dict[str, Any]
) -> None:
    before = payments(office)
    office.faulty(kind, "payments.Refund")
    settled = office.settled(refund(office, paid))

    if kind == "drop_answer":
        assert (settled["state"], settled["result"]["kind"], payments(office)) == ("succeeded", "refund", before + 1)
    else:
        assert (settled["state"], settled["error"]["code"], payments(office)) == ("failed", "not-written", before)


def test_one_key_is_one_refund(office: Deployment, paid: dict[str, Any]) -> None:
    answers = [refund(office, paid, key="the-same-key") for _ in range(2)]

    assert answers[0].body == answers[1].body
    assert office.upstream_calls.count("payments.Refund") == 1
    assert refund(office, paid, key="the-same-key", allow_duplicate=True).body["code"] == "key-reused"


def test_an_older_office_cannot_refund() -> None:
    with deployed("--version", "24.3.30", scopes=SCOPES) as office:
        refused = refund(office, {"id": row_id("payment", office.practice_id, 1)})

        assert (refused.status, refused.body["code"], refused.body["version"]) == (409, "version-too-old", "24.4.28")
        assert office.upstream_calls == []


def test_without_the_scope_or_in_another_practice_nothing_is_asked() -> None:
    with deployed(practices=2, scopes=SCOPES) as office:
        here, there = office.servers
        elsewhere = refund(office, {"id": row_id("payment", here, 1)}, patient_id=row_id("patient", there, 1))
        office.grant("*:read", "patients:write")
        refused = refund(office, {"id": row_id("payment", here, 1)})

        assert (elsewhere.status, elsewhere.body["param"]) == (404, "patient_id")
        assert (refused.status, refused.body["scope"]) == (403, "payments:write")
        assert office.upstream_calls == []


# -- carriers' payments, and what an allocation may take ---------------------------------------------------------------


def done_work(office: Deployment) -> str:
    """A crown of patient 1, who is insured, for 100.00."""
    store = office.simulated.office.store
    code = store.find("procedurecode", {"ProcCode": "D2740"})[0]["CodeNum"]
    row = {
        "PatNum": 1, "ProcStatus": 2, "ProcFee": 100.0, "UnitQty": 1, "CodeNum": code, "ProvNum": 1,
        "ProcDate": "2026-01-05", "ClinicNum": 1, "ToothNum": "14",
    }  # fmt: skip
    return office.id_of("procedure", store.insert("procedurelog", row))


def claim(office: Deployment, *, sent: bool = True) -> dict[str, Any]:
    office.grant(*SCOPES, "claims:write")
    body = {"patient_id": office.id_of("patient", 1), "type": "primary", "procedure_ids": [done_work(office)]}
    made = result_of(office.post("/claims", body), 201)
    return result_of(office.patch(f"/claims/{made['id']}", {"status": "sent"})) if sent else made


def pay_claim(office: Deployment, made: dict[str, Any], *, amount: str = "60.00", lines: bool = True) -> Answered:
    body: dict[str, Any] = {"kind": "insurance", "claim_id": made["id"], "amount": {"amount": amount}}
    if lines:
        body["lines"] = [{"claim_line_id": made["lines"][0]["id"], "paid": {"amount": "60.00"}}]
    return office.post("/payments", body)


@pytest.mark.parametrize("lines", [True, False])
def test_a_claim_that_is_paid_names_its_payment(lines: bool, office: Deployment) -> None:
    made = claim(office)
    first = result_of(pay_claim(office, made), 201)
    before = len(office.rows("claimpayment"))
    refused = pay_claim(office, made, lines=lines)

    assert (refused.status, refused.body["param"], refused.body["reason"]) == (409, "claim_id", "already-received")
    assert refused.body["payment_ids"] == [first["id"]]
    assert office.get(f"/payments/{first['id']}").status == 200
    assert len(office.rows("claimpayment")) == before


def test_an_amount_that_is_not_what_the_lines_add_up_to_is_told_what_that_is(office: Deployment) -> None:
    refused = pay_claim(office, claim(office), amount="61.00")

    assert (refused.status, refused.body["code"], refused.body["param"]) == (400, "invalid", "amount")
    assert refused.body["expected"] == {"amount": "60.00", "currency": "USD"}
    assert "60.00" not in refused.body["detail"]


def test_a_claim_that_has_not_been_sent_says_how_that_is_said(office: Deployment) -> None:
    refused = pay_claim(office, claim(office, sent=False))

    assert (refused.status, refused.body["reason"]) == (409, "not-sent")
    assert "PATCH /claims/{id}" in refused.body["detail"]


def test_an_allocation_that_takes_too_much_is_told_what_is_due(office: Deployment) -> None:
    procedure = done_work(office)

    def pay(amount: str) -> Answered:
        return office.post("/payments", {
            "kind": "patient", "patient_id": office.id_of("patient", 1), "amount": {"amount": amount},
            "allocations": [{"procedure_id": procedure, "amount": {"amount": amount}}],
        })  # fmt: skip

    too_much = pay("100.01")
    assert pay("100.00").status == 201
    nothing = pay("1.00")

    for refused, reason, due in ((too_much, "more-than-due", "100.00"), (nothing, "nothing-due", "0.00")):
        assert (refused.status, refused.body["reason"], refused.body["procedure_id"]) == (409, reason, procedure)
        assert refused.body["due"] == {"amount": due, "currency": "USD"}


def test_a_balance_is_of_the_last_aging_and_its_estimate_of_now(office: Deployment) -> None:
    made = claim(office)
    path = f"/balances/{office.id_of('patient', 1)}"
    before = office.get(path).body
    result_of(pay_claim(office, made), 201)
    office.on.clock.sleep(60)
    after = office.get(path).body

    for name in ("portion", "family", "aged_on"):
        assert after[name] == before[name]
    assert float(after["estimated"]["amount"]) > float(before["estimated"]["amount"])
