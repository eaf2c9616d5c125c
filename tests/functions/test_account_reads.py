"""Adjustments, payment plans and balances, read through their handlers from a simulated practice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gateway.core.ids import row_id
from gateway.core.objects.account import Adjustment, Balance, PaymentPlan
from tests.fakes.deployment import CLIENT, IDS, Deployment, deployed

VOLATILE = ("synced_at", "meta")


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed() as deployment:
        store = deployment.simulated.office.store
        done = deployment.rows("procedurelog", "ProcStatus=2 AND ProcFee>0")[0]
        store.insert(
            "adjustment",
            {
                "AdjDate": "2026-01-05",
                "AdjAmt": -7.5,
                "PatNum": done["PatNum"],
                "AdjType": 1,
                "ProvNum": done["ProvNum"],
                "AdjNote": "Senior",
                "ProcDate": done["ProcDate"],
                "ProcNum": done["ProcNum"],
                "DateEntry": "2026-01-05",
                "ClinicNum": done["ClinicNum"],
            },
        )
        for day, amount, type_ in (("2026-02-05", 12.0, 4), ("2026-03-05", -3.25, 2)):
            row = {"AdjDate": day, "AdjAmt": amount, "PatNum": done["PatNum"], "AdjType": type_, "DateEntry": day}
            store.insert("adjustment", row)
        plan = {
            "PatNum": done["PatNum"],
            "Guarantor": done["PatNum"],
            "PayPlanDate": "2026-01-05",
            "PlanNum": 1,
            "InsSubNum": 1,
            "PayAmt": 50.0,
            "IsClosed": 1,
        }
        store.insert("payplan", plan)
        yield deployment


def id_of(kind: str, key: int, practice_id: str = IDS[0]) -> str:
    return row_id(kind, practice_id, key)


def amount(money: dict[str, str] | None) -> Decimal:
    assert money is not None
    return Decimal(money["amount"])


def exact(value: object) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def steady(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in VOLATILE}


# Adjustments


def adjusted(office: Deployment) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in office.rows("adjustment"):
        found[row["PatNum"]].append(row)
    return found


def test_every_adjustment_is_listed_under_its_patient(office: Deployment) -> None:
    for patient, rows in adjusted(office).items():
        answer = office.get("/adjustments", patient_id=id_of("patient", patient), limit=500)

        assert answer.status == 200, answer.body
        shown = {one["source"]["key"]: one for one in answer.body["data"]}
        assert shown.keys() == {str(row["AdjNum"]) for row in rows}
        for row in rows:
            one = shown[str(row["AdjNum"])]
            Adjustment.model_validate(one, strict=True)
            assert amount(one["signed_amount"]) == exact(row["AdjAmt"])
            assert one["effect"] == ("credit" if row["AdjAmt"] < 0 else "charge")


def test_a_single_adjustment_is_the_one_of_the_list_and_needs_whose_it_is(office: Deployment) -> None:
    row = office.rows("adjustment", "ProcNum<>0")[0]
    id_, patient = id_of("adjustment", row["AdjNum"]), id_of("patient", row["PatNum"])
    listed = next(one for one in office.get("/adjustments", patient_id=patient).body["data"] if one["id"] == id_)
    by_patient = office.get(f"/adjustments/{id_}", patient_id=patient)
    by_procedure = office.get(f"/adjustments/{id_}", procedure_id=id_of("procedure", row["ProcNum"]))
    alone = office.get(f"/adjustments/{id_}")

    assert steady(by_patient.body) == steady(by_procedure.body) == steady(listed)
    assert (alone.status, alone.body["code"], alone.body["bounds"]) == (
        422,
        "filter-too-wide",
        ["patient_id", "procedure_id"],
    )


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"effect": "credit"}, "AdjAmt<0"),
        ({"effect": "charge"}, "AdjAmt>0"),
        ({"type_id": id_of("definition", 4)}, "AdjType=4"),
        ({"date_from": "{last}"}, "AdjDate>='{last}'"),
        ({"date_to": "{first}"}, "AdjDate<='{first}'"),
    ],
)
def test_a_filter_of_adjustments_keeps_what_fits(query: dict[str, str], where: str, office: Deployment) -> None:
    rows = office.rows("adjustment")
    several = max(Counter(row["PatNum"] for row in rows).items(), key=lambda one: one[1])[0]
    days = sorted(row["AdjDate"] for row in rows if row["PatNum"] == several)
    ends = {"first": days[0], "last": days[-1]}
    query, where = {name: value.format(**ends) for name, value in query.items()}, where.format(**ends)
    fitting = Counter(row["PatNum"] for row in office.rows("adjustment", where))
    patient = next(one for one, count in Counter(row["PatNum"] for row in rows).items() if 0 < fitting[one] < count)
    found = office.get("/adjustments", patient_id=id_of("patient", patient), **query).body["data"]
    every = office.get("/adjustments", patient_id=id_of("patient", patient)).body["data"]

    fits = {str(row["AdjNum"]) for row in office.rows("adjustment", f"PatNum={patient} AND {where}")}
    assert {one["source"]["key"] for one in found} == fits
    assert 0 < len(found) < len(every)


def test_a_procedures_adjustments_are_found_without_its_patient(office: Deployment) -> None:
    row = office.rows("adjustment", "ProcNum<>0")[0]
    answer = office.get("/adjustments", procedure_id=id_of("procedure", row["ProcNum"]))
    nobodys = office.get("/adjustments", procedure_id=id_of("procedure", 999_999))

    assert [one["source"]["key"] for one in answer.body["data"]] == [str(row["AdjNum"])]
    assert (nobodys.status, nobodys.body["param"]) == (404, "procedure_id")


# Payment plans


def plans_of(office: Deployment, **query: Any) -> list[dict[str, Any]]:
    people = {row["PatNum"] for row in office.rows("payplan")}
    return [
        one
        for person in sorted(people)
        for one in office.get("/payment_plans", patient_id=id_of("patient", person), **query).body["data"]
    ]


def test_every_payment_plan_is_listed_under_its_patient_and_its_guarantor(office: Deployment) -> None:
    for row in office.rows("payplan"):
        for name, column in (("patient_id", "PatNum"), ("guarantor_id", "Guarantor")):
            answer = office.get("/payment_plans", **{name: id_of("patient", row[column])})

            assert answer.status == 200, answer.body
            one = next(one for one in answer.body["data"] if one["source"]["key"] == str(row["PayPlanNum"]))
            PaymentPlan.model_validate(one, strict=True)
            assert answer.body["meta"]["omitted"] == ["account_rule", "charges", "links", "totals"]


def test_a_plans_totals_are_the_sums_of_its_own_rows(office: Deployment) -> None:
    today = office.simulated.office.today()
    for row in office.rows("payplan", "PlanNum=0"):
        number = row["PayPlanNum"]
        one = office.get(f"/payment_plans/{id_of('payment_plan', number)}").body
        PaymentPlan.model_validate(one, strict=True)
        debits = office.rows("payplancharge", f"PayPlanNum={number} AND ChargeType=0")
        charged = sum(exact(r["Principal"]) + exact(r["Interest"]) for r in debits)
        due = sum(exact(r["Principal"]) + exact(r["Interest"]) for r in debits if r["ChargeDate"] <= today)
        paid = sum((exact(r["SplitAmt"]) for r in office.rows("paysplit", f"PayPlanNum={number}")), Decimal(0))
        totals = one["totals"]

        assert amount(totals["principal"]) + amount(totals["interest"]) == charged
        assert (amount(totals["come_due"]), amount(totals["paid"])) == (due, paid)
        assert amount(totals["due"]) == max(Decimal(0), due - paid)
        financed = exact(row["CompletedAmt"]) if row["IsDynamic"] else charged
        assert amount(totals["remaining"]) == financed - paid
        assert totals["is_schedule_complete"] is not bool(row["IsDynamic"])
        assert len(one["charges"]) == len(office.rows("payplancharge", f"PayPlanNum={number}"))
        assert len(one["links"]) == len(office.rows("payplanlink", f"PayPlanNum={number}"))


def test_a_payment_on_a_plan_is_paid_of_its_charge(office: Deployment) -> None:
    charge = office.rows("payplancharge", "ChargeType=0")[0]
    number = charge["PayPlanNum"]
    store = office.simulated.office.store
    pay = {"PatNum": charge["Guarantor"], "PayAmt": 5.0, "PayType": 21, "PayDate": "2026-11-01"}
    pay_num = store.insert("payment", pay | {"DateEntry": "2026-11-01"})
    split = {"PayNum": pay_num, "PatNum": charge["Guarantor"], "SplitAmt": 5.0, "PayPlanNum": number}
    store.insert("paysplit", split | {"PayPlanChargeNum": charge["PayPlanChargeNum"], "DatePay": "2026-11-01"})
    office.on.clock.seconds += 60
    one = office.get(f"/payment_plans/{id_of('payment_plan', number)}").body
    payment = office.get(f"/payments/{id_of('payment', pay_num)}").body

    paid = {entry["id"]: entry["paid"] for entry in one["charges"] if entry["paid"]}
    assert amount(paid[id_of("plan_charge", charge["PayPlanChargeNum"])]) == amount(one["totals"]["paid"]) == 5
    assert [(part["kind"], part["payment_plan_id"]) for part in payment["allocations"]] == [
        ("plan_charge", id_of("payment_plan", number))
    ]


def test_a_list_with_charges_has_what_the_single_plan_has(office: Deployment) -> None:
    office.on.clock.seconds += 60
    for one in plans_of(office, expand="charges"):
        single = office.get(f"/payment_plans/{one['id']}").body

        assert steady(single) == steady(one)


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ({"kind": "dynamic"}, "kind", "dynamic"),
        ({"kind": "insurance"}, "kind", "insurance"),
        ({"is_closed": True}, "is_closed", True),
    ],
)
def test_a_filter_of_plans_keeps_what_fits(
    query: dict[str, Any], field: str, value: object, office: Deployment
) -> None:
    every, fits = plans_of(office), plans_of(office, **query)

    assert [one["id"] for one in fits] == [one["id"] for one in every if one[field] == value]
    assert 0 < len(fits) < len(every)


def test_the_office_says_how_its_accounts_count_plans(office: Deployment) -> None:
    id_ = id_of("payment_plan", 1)
    office.simulated.office.store.set_preference("PayPlansVersion", "1")
    office.on.clock.seconds += 60
    first = office.get(f"/payment_plans/{id_}").body["account_rule"]
    office.simulated.office.store.set_preference("PayPlansVersion", "2")
    office.on.clock.seconds += 60

    assert (first, office.get(f"/payment_plans/{id_}").body["account_rule"]) == ("not_aged", "credits_and_debits")


def test_an_older_office_finds_a_plan_under_its_patient_and_shows_no_links() -> None:
    with deployed("--version", "24.1.5") as deployment:
        row = deployment.rows("payplan", "IsDynamic=1")[0]
        id_ = id_of("payment_plan", row["PayPlanNum"])
        alone = deployment.get(f"/payment_plans/{id_}")
        found = deployment.get(f"/payment_plans/{id_}", patient_id=id_of("patient", row["PatNum"]))

    assert (alone.status, alone.body["code"]) == (422, "filter-too-wide")
    assert found.status == 200, found.body
    assert found.body["links"] is None and found.body["charges"]


def test_an_office_that_cannot_list_charges_says_which_version_can() -> None:
    with deployed("--version", "23.1.5") as deployment:
        row = deployment.rows("payplan")[0]
        query = {"patient_id": id_of("patient", row["PatNum"])}
        plain = deployment.get("/payment_plans", **query)
        charged = deployment.get("/payment_plans", expand="charges", **query)

    assert plain.status == 200, plain.body
    assert (charged.status, charged.body["code"], charged.body["version"]) == (409, "version-too-old", "23.2.28")


# Balances


def owed(office: Deployment) -> dict[int, Decimal]:
    """What each patient owes by the account's own rows, in whatever state the balances kept beside them are.

    Source: https://www.opendental.com/manual/aging.html: completed work, signed adjustments, less what carriers paid
    and wrote off, less splits; work on a plan is owed by the plan's charges instead.
    """
    found: dict[int, Decimal] = defaultdict(Decimal)
    for row in office.rows("procedurelog", "ProcStatus=2"):
        found[row["PatNum"]] += exact(row["ProcFee"]) * max(1, row["UnitQty"] + row["BaseUnits"])
    for row in office.rows("adjustment"):
        found[row["PatNum"]] += exact(row["AdjAmt"])
    for row in office.rows("claimproc", "Status IN (1, 4, 7)"):
        found[row["PatNum"]] -= exact(row["InsPayAmt"]) + exact(row["WriteOff"])
    return found


def test_a_familys_aging_adds_up_to_what_is_charged_and_credited() -> None:
    with deployed() as office:
        heads = sorted({row["Guarantor"] for row in office.rows("patient", "PatStatus<>4")})
        for head in heads:
            members = office.rows("patient", f"Guarantor={head}")
            answer = office.get(f"/balances/{id_of('patient', head)}")

            assert answer.status == 200, answer.body
            Balance.model_validate(answer.body, strict=True)
            family = answer.body["family"]
            assert amount(family["portion"]) == sum(exact(row["EstBalance"]) for row in members)
            assert amount(family["total"]) - amount(family["insurance_estimate"]) == amount(family["estimated"])
            assert answer.body["guarantor_id"] == id_of("patient", head)
            aged = sum(amount(one) for one in family["aging"].values())
            assert aged >= max(Decimal(0), amount(family["total"]))


def test_a_family_without_plans_owes_what_its_rows_say() -> None:
    with deployed() as office:
        owes = owed(office)
        hidden = {row["DefNum"] for row in office.rows("definition", "Category=29") if row["ItemValue"] == "X"}
        for row in office.rows("paysplit"):
            if row["UnearnedType"] not in hidden:
                owes[row["PatNum"]] -= exact(row["SplitAmt"])
        planned = {row["PatNum"] for row in office.rows("payplan")} | {
            row["Guarantor"] for row in office.rows("payplan")
        }
        looked = 0
        for row in office.rows("patient", "PatNum=Guarantor AND PatStatus<>4"):
            members = {one["PatNum"] for one in office.rows("patient", f"Guarantor={row['PatNum']}")}
            if members & planned:
                continue
            shown = office.get("/balances", patient_id=id_of("patient", row["PatNum"])).body["data"]
            looked += 1

            assert {one["patient_id"]: amount(one["portion"]) for one in shown} == {
                id_of("patient", member): owes[member] for member in members
            }
            assert amount(shown[0]["family"]["total"]) == sum(owes[member] for member in members)
    assert looked > 5


def test_a_list_shows_each_member_and_estimates_only_when_asked() -> None:
    with deployed() as office:
        head = next(
            r["PatNum"] for r in office.rows("patient") if len(office.rows("patient", f"Guarantor={r['PatNum']}")) > 2
        )
        members = {id_of("patient", row["PatNum"]) for row in office.rows("patient", f"Guarantor={head}")}
        plain = office.get("/balances", patient_id=id_of("patient", head)).body
        expanded = office.get("/balances", patient_id=id_of("patient", head), expand="estimated").body
        single = office.get(f"/balances/{id_of('patient', head)}").body

    assert {one["id"] for one in plain["data"]} == {one["id"] for one in expanded["data"]} == members
    assert plain["meta"]["omitted"] == ["estimated"] and "estimated" not in plain["data"][0]
    assert plain["meta"]["upstream_calls"] == 3 and expanded["meta"]["upstream_calls"] <= len(members) + 2
    for one in (*plain["data"], *expanded["data"]):
        Balance.model_validate(one, strict=True)
    assert steady(next(one for one in expanded["data"] if one["id"] == single["id"])) == steady(single)


def test_a_balance_has_a_version_of_what_it_says() -> None:
    with deployed() as office:
        patient = office.rows("patient", "PatNum=Guarantor AND BalTotal>0")[0]
        path = f"/balances/{id_of('patient', patient['PatNum'])}"
        first = office.get(path)
        office.on.clock.seconds += 60
        again = office.get(path)
        office.simulated.office.store.update("patient", patient["PatNum"], {"BalTotal": 1.0})
        office.on.clock.seconds += 60
        changed = office.get(path)

    assert (first.body["version"], first.headers["ETag"]) == (again.body["version"], again.headers["ETag"])
    assert changed.body["version"] != first.body["version"] and changed.headers["ETag"] != first.headers["ETag"]


def test_a_balance_says_when_the_office_last_aged(office: Deployment) -> None:
    aged = office.simulated.office.store.preference("DateLastAging", "")

    assert office.get(f"/balances/{id_of('patient', 1)}").body["aged_on"] == aged


def test_a_deleted_patient_has_no_balance_and_an_unknown_one_is_not_found() -> None:
    with deployed() as office:
        office.simulated.office.store.update("patient", 3, {"PatStatus": 4})
        deleted = office.get(f"/balances/{id_of('patient', 3)}")
        nobody = office.get("/balances", patient_id=id_of("patient", 999_999))

    assert (deleted.status, deleted.body["code"]) == (404, "not-found")
    assert (nobody.status, nobody.body["code"], nobody.body["param"]) == (404, "not-found", "patient_id")


# All of them


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/adjustments", {"patient_id": id_of("patient", 1)}),
        (f"/adjustments/{id_of('adjustment', 1)}", {"patient_id": id_of("patient", 1)}),
        ("/payment_plans", {"patient_id": id_of("patient", 1)}),
        (f"/payment_plans/{id_of('payment_plan', 1)}", {}),
        ("/balances", {"patient_id": id_of("patient", 1)}),
        (f"/balances/{id_of('patient', 1)}", {}),
    ],
)
def test_without_the_scope_or_the_practice_nothing_is_read(
    path: str, query: dict[str, str], office: Deployment
) -> None:
    with deployed(scopes=["patients:read"]) as deployment:
        unscoped = deployment.get(path, **query)
    with deployed(practices=2) as deployment:
        client = deployment.on.callers.client(CLIENT)
        deployment.on.callers.put_client(replace(client, practices=frozenset({IDS[1]})))
        foreign = deployment.get(path, **query)

    assert (unscoped.status, unscoped.body["code"]) == (403, "scope-missing")
    assert (foreign.status, foreign.body["code"]) == (404, "not-found")


@pytest.mark.parametrize("path", ["/adjustments", "/payment_plans", "/balances", "/coverages", "/payments"])
def test_a_list_that_nothing_bounds_names_what_would(path: str, office: Deployment) -> None:
    answer = office.get(path)

    assert (answer.status, answer.body["code"]) == (422, "filter-too-wide")
    assert "patient_id" in answer.body["bounds"]


@pytest.mark.parametrize(
    "type_id",
    [id_of("definition", 1, IDS[1]), id_of("patient", 1), "def_x"],
    ids=["another practice's", "another kind's", "none"],
)
def test_an_adjustments_type_that_is_none_here_is_not_found_whoever_is_asked_about(
    type_id: str, office: Deployment
) -> None:
    """Held against rows only, it would be an empty list for a patient without adjustments and 404 for another."""
    with_some = {row["PatNum"] for row in office.rows("adjustment")}
    without = next(row["PatNum"] for row in office.rows("patient") if row["PatNum"] not in with_some)
    for number in (without, *with_some):
        answer = office.get("/adjustments", patient_id=id_of("patient", number), type_id=type_id)
        assert (answer.status, answer.body.get("param")) == (404, "type_id")
