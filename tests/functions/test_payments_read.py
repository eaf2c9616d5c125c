"""Payments read through their handler from a simulated practice: two tables as one list, and amounts that add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway.core.ids import insurance_payment_key, row_id
from gateway.core.objects import Payment
from tests.fakes.deployment import IDS, Deployment, deployed


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


def patient(office: Deployment, number: int) -> str:
    return row_id("patient", office.practice_id, number)


def every_payment(office: Deployment) -> dict[str, Decimal]:
    """Id -> signed amount of each payment in the office's own tables."""
    paid = {
        row_id("payment", office.practice_id, r["PayNum"]): Decimal(str(r["PayAmt"])) for r in office.rows("payment")
    }
    for row in office.rows("claimpayment"):
        key = insurance_payment_key(row["ClaimPaymentNum"])
        paid[row_id("payment", office.practice_id, key)] = Decimal(str(row["CheckAmt"]))
    return paid


def amount(money: dict[str, str]) -> Decimal:
    return Decimal(money["amount"])


def listed(office: Deployment, **query: Any) -> dict[str, Any]:
    """The list, asked for again while it is being read."""
    for _ in range(20):
        # What takes longer than the usual 30 s is read again from what is held: the caller says how old that may be.
        query = {"limit": 500, **query}
        answer = office.send("GET", "/payments", query=query, headers={"Cache-Control": "max-age=600"})
        if answer.status != 202:
            break
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


def adds_up(office: Deployment, payment: dict[str, Any]) -> bool:
    """Whether a payment's parts are those of the office's own rows, and make what came in."""
    parts = payment["allocations"]
    applied = [amount(one["amount"]) for one in parts if one["kind"] != "unapplied"]
    loose = [amount(one["amount"]) for one in parts if one["kind"] == "unapplied"]
    signed, unapplied = amount(payment["signed_amount"]), amount(payment["unapplied_amount"])
    key = payment["source"]["key"]
    if payment["source"]["table"] == "payment":
        rows = [row["SplitAmt"] for row in office.rows("paysplit", f"PayNum={key}")]
        whole = sum(applied) + sum(loose) == signed and unapplied == sum(loose)
    else:
        rows = [row["InsPayAmt"] for row in office.rows("claimproc", f"ClaimPaymentNum={key}")]
        whole = not loose
    whole &= sorted(applied + loose) == sorted(Decimal(str(one)).quantize(Decimal("0.01")) for one in rows)
    return whole and sum(applied) + unapplied == signed and abs(signed) == amount(payment["amount"])


def test_every_payment_of_the_office_is_found_by_its_id_and_adds_up(office: Deployment) -> None:
    paid = every_payment(office)
    for id_, signed in paid.items():
        answer = office.get(f"/payments/{id_}")

        assert answer.status == 200, answer.body
        Payment.model_validate(answer.body, strict=True)
        assert (answer.body["id"], amount(answer.body["signed_amount"])) == (id_, signed)
        assert adds_up(office, answer.body), id_


def test_a_list_since_the_first_day_shows_both_tables_with_all_they_are_for(office: Deployment) -> None:
    found = listed(office, entered_from="2000-01-01", expand="allocations")

    assert {one["id"]: amount(one["signed_amount"]) for one in found["data"]} == every_payment(office)
    assert all(adds_up(office, one) for one in found["data"])
    assert found["meta"]["omitted"] == []
    for one in found["data"]:
        Payment.model_validate(one, strict=True)


def test_a_list_without_expand_says_what_it_leaves_out(office: Deployment) -> None:
    answer = office.get("/payments", entered_from="2000-01-01", limit=500)

    assert answer.body["meta"]["omitted"] == ["allocations", "unapplied_amount"]
    assert not any("allocations" in one for one in answer.body["data"])
    for one in answer.body["data"]:
        Payment.model_validate(one, strict=True)


def test_a_patients_list_has_what_the_patient_paid_and_what_others_and_carriers_paid_for_it(office: Deployment) -> None:
    patients = [row["PatNum"] for row in office.rows("patient")]
    for number in patients:
        own = {row["PayNum"] for row in office.rows("payment", f"PatNum={number}")}
        own |= {row["PayNum"] for row in office.rows("paysplit", f"PatNum={number}")}
        carriers = {
            -row["ClaimPaymentNum"] for row in office.rows("claimproc", f"PatNum={number} AND ClaimPaymentNum<>0")
        }
        found = listed(office, patient_id=patient(office, number), expand="allocations")

        expected = {row_id("payment", office.practice_id, key) for key in own | carriers}
        assert {one["id"] for one in found["data"]} == expected
        assert all(adds_up(office, one) for one in found["data"])


def test_pages_of_a_patients_list_make_the_whole_and_read_only_their_own_checks(office: Deployment) -> None:
    counts: dict[int, int] = {}
    for row in office.rows("claimproc", "ClaimPaymentNum<>0"):
        counts[row["PatNum"]] = counts.get(row["PatNum"], 0) + 1
    number = max(counts, key=lambda one: counts[one])
    whole = office.get("/payments", patient_id=patient(office, number), limit=500).body["data"]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        before = office.upstream_calls.count("claimpayments.get")
        page = office.get("/payments", patient_id=patient(office, number), limit=2, **cursor).body
        assert office.upstream_calls.count("claimpayments.get") - before <= 2
        found += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert found == [one["id"] for one in whole]
    assert [one["received_on"] for one in whole] == sorted(one["received_on"] for one in whole)


@pytest.mark.parametrize(
    ("query", "of"),
    [
        ({"kind": "refund"}, lambda one: one["kind"] == "refund"),
        ({"kind": "income_transfer"}, lambda one: one["kind"] == "income_transfer"),
        ({"kind": ["insurance", "refund"]}, lambda one: one["kind"] in {"insurance", "refund"}),
        ({"method": "card"}, lambda one: one["method"]["category"] == "card"),
        ({"method": ["check", "cash"]}, lambda one: one["method"]["category"] in {"check", "cash"}),
    ],
)
def test_a_filter_keeps_what_fits_and_drops_what_does_not(query: dict[str, Any], of: Any, office: Deployment) -> None:
    every = office.get("/payments", entered_from="2000-01-01", limit=500).body["data"]
    fits = office.get("/payments", entered_from="2000-01-01", limit=500, **query).body["data"]

    assert [one["id"] for one in fits] == [one["id"] for one in every if of(one)]
    assert 0 < len(fits) < len(every)


@pytest.mark.parametrize("field", ["received_on", "entered_on"])
def test_days_are_held_against_each_payment(field: str, office: Deployment) -> None:
    every = office.get("/payments", entered_from="2000-01-01", limit=500).body["data"]
    days = sorted(one[field] for one in every)
    first, last = days[len(days) // 3], days[len(days) // 2]
    names = {"received_on": ("date_from", "date_to"), "entered_on": ("entered_from", "entered_to")}[field]
    query = {"entered_from": "2000-01-01"} | dict(zip(names, (first, last), strict=True))
    fits = office.get("/payments", limit=500, **query).body["data"]

    assert {one["id"] for one in fits} == {one["id"] for one in every if first <= one[field] <= last}
    assert 0 < len(fits) < len(every)


def test_a_number_on_a_check_and_a_location_are_found(office: Deployment) -> None:
    every = office.get("/payments", entered_from="2000-01-01", limit=500).body["data"]
    one = next(one for one in every if one["check_number"])
    by_check = listed(office, entered_from="2000-01-01", check_number=one["check_number"])["data"]
    by_place = office.get("/payments", entered_from="2000-01-01", location_id=one["location_id"], limit=500).body[
        "data"
    ]

    numbered = {found["id"] for found in every if found["check_number"] == one["check_number"]}
    assert {found["id"] for found in by_check} == numbered
    assert {found["location_id"] for found in by_place} == {one["location_id"]} and len(by_place) < len(every)


def test_a_claims_payments_are_those_of_its_lines(office: Deployment) -> None:
    line = office.rows("claimproc", "ClaimPaymentNum<>0 AND ClaimNum<>0")[0]
    claim = row_id("claim", office.practice_id, line["ClaimNum"])
    found = office.get("/payments", claim_id=claim, expand="allocations").body["data"]

    numbers = {
        row["ClaimPaymentNum"]
        for row in office.rows("claimproc", f"ClaimNum={line['ClaimNum']} AND ClaimPaymentNum<>0")
    }
    assert {one["source"]["key"] for one in found} == {str(number) for number in numbers}
    assert all(adds_up(office, one) and one["kind"] == "insurance" for one in found)


def test_no_ids_are_no_payments(office: Deployment) -> None:
    got = office.get("/payments", ids=",")

    assert (got.status, got.body["data"], got.body["meta"]["upstream_calls"]) == (200, [], 0)


def test_payments_of_both_tables_are_found_by_their_ids(office: Deployment) -> None:
    ids = list(every_payment(office))
    wanted = [ids[0], ids[3], ids[-1]]
    answer = office.get("/payments", ids=",".join(wanted))

    assert {one["id"] for one in answer.body["data"]} == set(wanted)


def test_a_change_bounds_carriers_payments_and_not_patients(office: Deployment) -> None:
    last = max(row["SecDateTEdit"] for row in office.rows("claimpayment"))
    since = f"{last[:10]}T00:00:00Z"
    found = office.get("/payments", kind="insurance", updated_since=since)
    wide = office.get("/payments", updated_since=since)

    assert found.status == 200 and found.body["data"]
    assert all(one["source"]["table"] == "claimpayment" for one in found.body["data"])
    assert len(found.body["data"]) < len(office.rows("claimpayment"))
    assert (wide.status, wide.body["code"]) == (422, "filter-too-wide")


def test_what_another_family_paid_is_found_by_the_day(office: Deployment) -> None:
    """A grandmother's payment is listed under her, and she is nobody in the family it is for."""
    row = next(r for r in office.rows("payment", "PayAmt>0"))
    splits = office.rows("paysplit", f"PayNum={row['PayNum']}")
    stranger = next(
        r["PatNum"]
        for r in office.rows("patient")
        if r["Guarantor"]
        not in {one["Guarantor"] for one in office.rows("patient") if one["PatNum"] in {s["PatNum"] for s in splits}}
    )
    office.simulated.office.store.update("payment", row["PayNum"], {"PatNum": stranger})
    id_ = row_id("payment", office.practice_id, row["PayNum"])
    single = office.get(f"/payments/{id_}")
    listed = office.get("/payments", patient_id=patient(office, splits[0]["PatNum"]), limit=500)

    assert (single.status, single.body["payer"]["patient_id"]) == (200, patient(office, stranger))
    assert id_ in {one["id"] for one in listed.body["data"]}
    office.simulated.office.store.update("payment", row["PayNum"], {"PatNum": row["PatNum"]})


def test_a_client_without_the_scope_reads_no_money() -> None:
    with deployed(scopes=["patients:read"]) as deployment:
        answers = [
            deployment.get("/payments", entered_from="2020-01-01"),
            deployment.get(f"/payments/{row_id('payment', deployment.practice_id, 1)}"),
        ]

    assert [(answer.status, answer.body["code"]) for answer in answers] == [(403, "scope-missing")] * 2


def test_another_practices_payment_is_not_found() -> None:
    """Both practices have a payment 1."""
    with deployed(practices=2) as deployment:
        client = deployment.on.callers.client("cli_ada")
        deployment.on.callers.put_client(replace(client, practices=frozenset({IDS[0]})))
        answers = [
            deployment.get(f"/payments/{row_id('payment', IDS[1], 1)}"),
            deployment.get("/payments", patient_id=row_id("patient", IDS[1], 1)),
        ]

    assert [(answer.status, answer.body["code"]) for answer in answers] == [(404, "not-found")] * 2


def test_an_older_office_is_told_which_version_it_lacks() -> None:
    with deployed("--version", "23.1.5") as deployment:
        id_ = row_id("patient", deployment.practice_id, deployment.rows("payment")[0]["PatNum"])
        payer = deployment.get("/payments", patient_id=id_, kind=["patient", "refund", "income_transfer"])
        wide = deployment.get("/payments", entered_from="2020-01-01")
        check = deployment.get(f"/payments/{row_id('payment', deployment.practice_id, -1)}")

    assert payer.status == 409 or payer.body["data"]
    assert (wide.status, wide.body["code"], wide.body.get("version")) == (409, "version-too-old", "23.3.11")
    assert (check.status, check.body["code"], check.body.get("version")) == (409, "version-too-old", "23.2.15")


def asked(office: Deployment, path: str, **query: Any) -> tuple[dict[str, Any], list[str]]:
    """The answer of Open Dental itself, and the calls that it cost."""
    before = len(office.upstream_calls)
    answer = office.send("GET", path, query=query, headers={"Cache-Control": "no-cache"})
    assert answer.status == 200, answer.body
    return answer.body, office.upstream_calls[before:]


def test_a_patients_list_costs_three_calls_and_one_for_each_carriers_payment(office: Deployment) -> None:
    for row in office.rows("patient", "PatStatus<>4"):
        own = {one["PayNum"] for one in office.rows("payment", f"PatNum={row['PatNum']}")}
        if {one["PayNum"] for one in office.rows("paysplit", f"PatNum={row['PatNum']}")} <= own:
            found, calls = asked(office, "/payments", patient_id=patient(office, row["PatNum"]))
            checks = [one for one in found["data"] if one["source"]["table"] == "claimpayment"]

            assert len(calls) == found["meta"]["upstream_calls"] == 3 + len(checks)


def test_single_payments_cost_two_calls(office: Deployment) -> None:
    row = next(
        one
        for one in office.rows("payment")
        if office.rows("paysplit", f"PayNum={one['PayNum']} AND PatNum={one['PatNum']}")
    )
    for key, expected in (
        (row["PayNum"], ["paysplits.list", "payments.list"]),
        (-1, ["claimpayments.get", "claimprocs.list"]),
    ):
        assert asked(office, f"/payments/{row_id('payment', office.practice_id, key)}")[1] == expected


def test_the_splits_of_a_family_that_one_pays_for_are_read_by_member() -> None:
    """A mother with fifty payments for her children must not cost fifty calls."""
    with deployed() as office:
        sizes = {
            row["Guarantor"]: len(office.rows("patient", f"Guarantor={row['Guarantor']}"))
            for row in office.rows("patient")
        }
        splits = {
            head: office.rows(
                "paysplit", f"PatNum IN (SELECT PatNum FROM patient WHERE Guarantor={head} AND PatNum<>{head})"
            )
            for head, size in sizes.items()
            if size > 1
        }
        head = max(splits, key=lambda one: len({split["PayNum"] for split in splits[one]}))
        numbers = {split["PayNum"] for split in splits[head]}
        for number in numbers:
            office.simulated.office.store.update("payment", number, {"PatNum": head})
        found, calls = asked(office, "/payments", patient_id=patient(office, head), limit=500, expand="allocations")

    assert len(numbers) > 4
    assert all(adds_up(office, one) for one in found["data"])
    assert numbers <= {int(one["source"]["key"]) for one in found["data"] if one["source"]["table"] == "payment"}
    transfers = [one for one in found["data"] if one["kind"] == "income_transfer"]
    assert calls.count("paysplits.list") <= sizes[head] + len(transfers)


def test_a_check_over_several_patients_is_whole_in_the_list_of_one() -> None:
    with deployed() as office:
        lines = office.rows("claimproc", "ClaimPaymentNum<>0 AND InsPayAmt>0")
        one = lines[0]
        other = next(line for line in lines if line["PatNum"] != one["PatNum"])
        check = {"ClaimPaymentNum": one["ClaimPaymentNum"]}
        office.simulated.office.store.update("claimproc", other["ClaimProcNum"], check)
        paid = sum(
            Decimal(str(r["InsPayAmt"])) for r in office.rows("claimproc", f"ClaimPaymentNum={one['ClaimPaymentNum']}")
        )
        office.simulated.office.store.update("claimpayment", one["ClaimPaymentNum"], {"CheckAmt": float(paid)})
        found, calls = asked(
            office, "/payments", patient_id=patient(office, one["PatNum"]), expand="allocations", limit=500
        )

    shown = next(
        p for p in found["data"] if p["source"]["key"] == str(one["ClaimPaymentNum"]) and p["kind"] == "insurance"
    )
    assert {part["patient_id"] for part in shown["allocations"]} == {
        patient(office, one["PatNum"]),
        patient(office, other["PatNum"]),
    }
    assert adds_up(office, shown) and amount(shown["unapplied_amount"]) == 0
    assert calls.count("claimprocs.list") >= 2


def test_what_was_changed_in_a_patients_list_is_told_from_what_was_not(office: Deployment) -> None:
    payer = max(
        (row["PatNum"] for row in office.rows("payment")), key=lambda one: len(office.rows("payment", f"PatNum={one}"))
    )
    rows = office.rows("payment", f"PatNum={payer}")
    since = f"{office.on.clock.now() - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    office.simulated.office.store.update("payment", rows[0]["PayNum"], {"PayNote": "changed"})
    office.on.clock.seconds += 60
    found = office.get("/payments", patient_id=patient(office, payer), updated_since=since).body["data"]
    every = office.get("/payments", patient_id=patient(office, payer)).body["data"]

    assert str(rows[0]["PayNum"]) in {one["source"]["key"] for one in found}
    assert len(found) < len(every)


def test_an_office_that_wants_both_filters_of_splits_is_named_the_version_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What offices before 24.4.24 want is not documented, so they are asked and their refusal is explained."""
    with deployed("--version", "24.3.1") as office:
        handle = office.simulated.handle

        def refusing(method: str, target: str, *rest: Any) -> Any:
            if target.startswith("/api/v1/paysplits") and "PatNum" not in target:
                target = "/api/v1/paysplits?PatNum=words"
            return handle(method, target, *rest)

        monkeypatch.setattr(office.simulated, "handle", refusing)
        answer = office.get(f"/payments/{row_id('payment', office.practice_id, 1)}")

    assert (answer.status, answer.body["code"], answer.body["version"]) == (409, "version-too-old", "24.4.24")


def test_a_payment_for_a_deleted_patients_work_is_found_without_a_family() -> None:
    with deployed() as office:
        row = office.rows("payment", "PayAmt>0")[0]
        (head, *_) = office.rows("paysplit", f"PayNum={row['PayNum']}")
        stranger = next(r["PatNum"] for r in office.rows("patient") if r["PatNum"] != head["PatNum"])
        office.simulated.office.store.update("payment", row["PayNum"], {"PatNum": stranger})
        office.simulated.office.store.update("patient", head["PatNum"], {"PatStatus": 4})
        answer = office.get(f"/payments/{row_id('payment', office.practice_id, row['PayNum'])}")

    assert (answer.status, answer.body["payer"]["patient_id"]) == (200, patient(office, stranger))


def test_a_page_that_would_cost_hundreds_of_calls_is_refused_with_what_would_make_it_cheaper() -> None:
    with deployed("--patients", "150") as office:
        wide = office.send(
            "GET",
            "/payments",
            query={"entered_from": "2000-01-01", "limit": 500, "expand": "allocations"},
            headers={"Cache-Control": "max-age=600"},
        )
        calls = office.upstream_calls.count("paysplits.list")

    assert (wide.status, wide.body["code"], wide.body["bounds"]) == (422, "filter-too-wide", ["limit"])
    assert calls == 0


def test_a_row_that_does_not_name_its_type_has_the_offices_name_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pages of 100, of which an office's definitions are two.
    with deployed("--tier", "standard") as office:
        handle = office.simulated.handle

        def nameless(*request: Any) -> Any:
            answer = handle(*request)
            return replace(answer, body=answer.body.replace(b'"payType"', b'"xType"'))

        monkeypatch.setattr(office.simulated, "handle", nameless)
        found = listed(office, entered_from="2000-01-01", method="card")["data"]
        names = {row["DefNum"]: row["ItemName"] for row in office.rows("definition")}
        typed = {str(row["PayNum"]): names[row["PayType"]] for row in office.rows("payment", "PayType<>0")}
        cards = {key for key, name in typed.items() if "Card" in name}

    assert cards == {one["source"]["key"] for one in found if one["source"]["table"] == "payment"}
    assert {one["method"]["label"] for one in found} == {"Credit Card", "Virtual Card"}
    assert office.upstream_calls.count("definitions.list") == 2


# What was written is read as it was answered


def as_read(made: dict[str, Any], office: Deployment) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result of a write, and the same payment read; without what says when."""
    office.on.clock.seconds += 60
    read = office.get(f"/payments/{made['id']}")
    assert read.status == 200, read.body
    volatile = ("synced_at", "meta")
    first, second = ({name: v for name, v in one.items() if name not in volatile} for one in (made, read.body))
    return first, second


def test_a_patients_payment_is_read_as_it_was_answered_and_listed() -> None:
    with deployed(scopes=["*:read", "payments:write"]) as office:
        payer = patient(office, office.rows("patient", "PatStatus=0 AND PatNum=Guarantor")[0]["PatNum"])
        body = {"kind": "patient", "patient_id": payer, "amount": {"amount": "75.00"}, "check_number": "4711"}
        written = office.post("/create_payment", body)
        assert written.status == 201, written.body
        made, read = as_read(written.body["result"], office)
        listed_ids = {one["id"] for one in office.get("/payments", patient_id=payer, limit=500).body["data"]}
        whole = adds_up(office, read)

    assert made == read
    assert made["id"] in listed_ids and whole


def test_a_carriers_payment_is_read_as_it_was_answered_and_named_by_its_claim() -> None:
    with deployed("--patients", "150", scopes=["*:read", "payments:write"]) as office:
        expected = "ClaimNum IN (SELECT ClaimNum FROM claimproc WHERE InsPayEst>0 AND Status=0)"
        claim = office.rows("claim", f"ClaimStatus='S' AND ClaimType='P' AND {expected}")[0]
        lines = office.rows("claimproc", f"ClaimNum={claim['ClaimNum']}")
        results: list[dict[str, Any]] = [
            {
                "claim_line_id": row_id("claim_line", office.practice_id, line["ClaimProcNum"]),
                "paid": {"amount": f"{line['InsPayEst']:.2f}"},
            }
            for line in lines
        ]
        paid = sum(Decimal(one["paid"]["amount"]) for one in results)
        claim_id = row_id("claim", office.practice_id, claim["ClaimNum"])
        body = {"kind": "insurance", "claim_id": claim_id, "amount": {"amount": f"{paid:.2f}"}, "lines": results}
        written = office.post("/create_payment", body)
        assert written.status == 201, written.body
        made, read = as_read(written.body["result"], office)
        named = office.get(f"/claims/{claim_id}").body["payment_ids"]
        by_claim = [one["id"] for one in office.get("/payments", claim_id=claim_id).body["data"]]
        whole = adds_up(office, read)

    assert made == read and whole
    assert made["id"] in named and made["id"] in by_claim


def test_an_answer_that_needed_no_row_names_no_road(office: Deployment) -> None:
    got = office.get("/payments", practice_id=office.practice_id, ids="").body

    assert (got["data"], got["meta"]["served_from"], got["meta"]["upstream_calls"]) == ([], None, 0)
