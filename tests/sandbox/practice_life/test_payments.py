"""Where a patient's money lands: https://www.opendental.com/site/apipayments.html."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.sandbox.practice.behaviours.ledger import age
from infra.sandbox.practice.clock import FrozenClock
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.store import Store

from .conftest import NOW, TODAY, Desk


def pay(desk: Desk, patient: int, amount: str, **more: object) -> list[dict[str, Any]]:
    """The splits of a new payment."""
    answer = desk.ask("payments.create", body={"PatNum": patient, "PayAmt": amount} | more)
    splits = desk.rows("paysplit", PayNum=answer["PayNum"])
    assert round(sum(split["SplitAmt"] for split in splits) * 100) == round(float(amount) * 100)
    return splits


def on(splits: list[dict[str, Any]]) -> list[tuple[int, float]]:
    return [(split["ProcNum"], split["SplitAmt"]) for split in splits]


def test_a_payment_goes_to_the_familys_oldest_charge_first_and_the_rest_is_unearned(desk: Desk) -> None:
    head = desk.patient()
    child = desk.patient(guarantor=head)
    late, early = desk.work(head, 50, "2026-10-05"), desk.work(child, 30, "2026-09-01")

    splits = pay(desk, head, "100")

    unearned = int(desk.store.preference("PrepaymentUnearnedType"))
    assert on(splits) == [(early, 30), (late, 50), (0, 20)]
    assert [split["PatNum"] for split in splits] == [child, head, head]
    assert [split["UnearnedType"] for split in splits] == [0, 0, unearned]


def test_a_charge_waits_for_the_patient_only_with_what_insurance_will_not_pay(desk: Desk) -> None:
    patient = desk.patient()
    work = desk.work(patient, 100)
    desk.store.insert(
        "claimproc", {"PatNum": patient, "ProcNum": work, "Status": 0, "ClaimNum": 9, "InsPayEst": 80, "WriteOff": 5}
    )

    assert on(pay(desk, patient, "40")) == [(work, 15), (0, 25)]


def test_a_due_charge_adjustment_is_paid_in_its_turn(desk: Desk) -> None:
    patient = desk.patient()
    desk.store.insert("adjustment", {"PatNum": patient, "AdjAmt": 12, "AdjDate": "2026-08-01", "ProvNum": 1})
    work = desk.work(patient, 40, "2026-09-01")

    splits = pay(desk, patient, "20")

    assert [(split["AdjNum"], split["ProcNum"], split["SplitAmt"]) for split in splits] == [(1, 0, 12), (0, work, 8)]


def test_a_discount_on_a_procedure_lowers_what_it_takes(desk: Desk) -> None:
    patient = desk.patient()
    work = desk.work(patient, 40)
    discount = {"PatNum": patient, "AdjAmt": -10, "ProcNum": work, "ProvNum": 3, "ClinicNum": 1}
    desk.store.insert("adjustment", discount)

    assert on(pay(desk, patient, "40")) == [(work, 30), (0, 10)]


def test_only_the_patients_own_charges_are_paid_if_he_is_preferred(desk: Desk) -> None:
    head = desk.patient()
    desk.work(desk.patient(guarantor=head), 30, "2026-09-01")
    own = desk.work(head, 50, "2026-10-05")

    assert on(pay(desk, head, "60", isPatientPreferred="true")) == [(own, 50), (0, 10)]


def test_named_procedures_are_paid_by_date_and_those_of_other_families_drop_out_in_silence(desk: Desk) -> None:
    patient = desk.patient()
    oldest = desk.work(patient, 10, "2026-01-01")
    second, first = desk.work(patient, 50, "2026-10-05"), desk.work(patient, 30, "2026-09-01")
    foreign = desk.work(desk.patient(), 70, "2026-01-01")

    splits = pay(desk, patient, "60", procNums=[second, first, foreign])

    assert on(splits) == [(first, 30), (second, 30)]
    assert oldest not in dict(on(splits))


def test_a_prepayment_is_one_unearned_split_whatever_procedures_are_named(desk: Desk) -> None:
    patient = desk.patient()
    work = desk.work(patient, 50)

    (split,) = pay(desk, patient, "20", isPrepayment="true", procNums=[work])

    assert (split["ProcNum"], split["ProvNum"]) == (0, 0)
    assert split["UnearnedType"] == int(desk.store.preference("PrepaymentUnearnedType"))


def a_plan(desk: Desk, patient: int, **more: object) -> tuple[int, list[int]]:
    row = {"PatNum": patient, "Guarantor": patient, "IsDynamic": 1, "PayPlanDate": "2026-08-01"}
    plan = desk.store.insert("payplan", row | more)
    days = ("2026-09-05", "2026-10-05", "2027-01-05")
    charge = {"PayPlanNum": plan, "PatNum": patient, "Guarantor": patient, "Principal": 25.0, "ProvNum": 1}
    return plan, [desk.store.insert("payplancharge", charge | {"ChargeDate": day}) for day in days]


def test_a_payment_plan_of_the_patient_is_served_before_older_charges(desk: Desk) -> None:
    patient = desk.patient()
    work = desk.work(patient, 40, "2026-01-01")
    _, charges = a_plan(desk, patient)

    splits = pay(desk, patient, "60")

    assert [split["PayPlanChargeNum"] for split in splits] == [charges[0], charges[1], 0]
    assert splits[-1]["ProcNum"] == work


def test_only_due_charges_of_a_named_plan_take_money(desk: Desk) -> None:
    patient = desk.patient()
    plan, charges = a_plan(desk, patient)

    splits = pay(desk, patient, "80", payPlanNum=plan)

    assert [split["PayPlanChargeNum"] for split in splits] == [charges[0], charges[1], 0]
    assert splits[-1]["UnearnedType"]


def test_an_old_or_foreign_plan_cannot_be_named(desk: Desk) -> None:
    patient = desk.patient()
    old, _ = a_plan(desk, patient, IsDynamic=0)
    foreign, _ = a_plan(desk, desk.patient())

    for plan in (old, foreign):
        body = {"PatNum": patient, "PayAmt": "10", "payPlanNum": plan}
        assert desk.refused("payments.create", body=body).status == 400


def test_money_dated_in_the_future_needs_the_offices_leave(desk: Desk) -> None:
    body = {"PatNum": desk.patient(), "PayAmt": "10", "PayDate": "2026-12-24"}

    assert desk.refused("payments.create", body=body).status == 400
    desk.prefer("FutureTransDatesAllowed", 1)
    assert desk.ask("payments.create", body=body)["PayDate"] == "2026-12-24"


def test_a_payment_without_a_type_gets_the_offices_type_for_the_api(desk: Desk) -> None:
    answer = desk.ask("payments.create", body={"PatNum": desk.patient(), "PayAmt": "10"})

    assert answer["PayType"] == int(desk.store.preference("ApiPaymentType"))
    assert answer["PaymentSource"] == "API"
    assert answer["PayDate"] == answer["DateEntry"] == TODAY


def test_nothing_but_a_positive_amount_of_whole_cents_is_a_payment(desk: Desk) -> None:
    patient = desk.patient()
    for amount in ("0", "-5", "1.005", "much"):
        assert desk.refused("payments.create", body={"PatNum": patient, "PayAmt": amount}).status == 400


def test_an_office_that_allocates_by_hand_gets_one_split_without_a_target(desk: Desk) -> None:
    patient = desk.patient()
    desk.work(patient, 40)
    desk.prefer("RigorousAccounting", 2)

    (split,) = pay(desk, patient, "40")

    assert (split["ProcNum"], split["UnearnedType"]) == (0, 0)


def test_paying_leaves_the_patients_balances_stale_until_aging_runs(desk: Desk) -> None:
    patient = desk.patient()
    desk.work(patient, 40)
    age(desk.office)
    pay(desk, patient, "15")

    assert desk.row("patient", patient)["BalTotal"] == 40
    age(desk.office)
    assert desk.row("patient", patient)["BalTotal"] == 25


def test_the_account_shows_the_balances_as_the_last_aging_left_them(desk: Desk) -> None:
    head = desk.patient()
    child = desk.patient(guarantor=head)
    desk.work(child, 40, "2026-11-01")
    desk.work(head, 30, "2026-05-01")
    age(desk.office)

    shown = desk.ask("accountmodules.Aging", child)
    assert (shown["Bal_0_30"], shown["BalOver90"], shown["Total"], shown["PatEstBal"]) == (40, 30, 70, 40)
    balances = desk.ask("accountmodules.PatientBalances", head)
    assert [row["Balance"] for row in balances] == [30, 40, 70]


def a_payment(desk: Desk, patient: int, amount: str) -> int:
    return int(desk.ask("payments.create", body={"PatNum": patient, "PayAmt": amount})["PayNum"])


def test_partial_replaces_the_splits_by_the_ones_given(desk: Desk) -> None:
    patient = desk.patient()
    first, second = desk.work(patient, 50, "2026-01-01"), desk.work(patient, 50, "2026-02-01")
    payment = a_payment(desk, patient, "50")

    parts = [{"ProcNum": first, "Amount": 20}, {"ProcNum": second, "Amount": 30.0}]
    desk.ask("payments.Partial", payment, body={"procNumsAndAmounts": parts})

    assert on(desk.rows("paysplit", PayNum=payment)) == [(first, 20), (second, 30)]


def test_partial_refuses_another_sum_a_closed_charge_and_another_family(desk: Desk) -> None:
    patient = desk.patient()
    open_, foreign = desk.work(patient, 50), desk.work(desk.patient(), 50)
    planned = desk.work(patient, 50, ProcStatus=1)
    paid = desk.work(patient, 10, "2026-01-01")
    a_payment(desk, patient, "10")
    payment = a_payment(desk, patient, "50")
    before = desk.rows("paysplit")

    for parts in (
        [{"ProcNum": open_, "Amount": 49}],
        [{"ProcNum": foreign, "Amount": 50}],
        [{"ProcNum": planned, "Amount": 50}],
        [{"ProcNum": paid, "Amount": 50}],
        [],
    ):
        assert desk.refused("payments.Partial", payment, body={"procNumsAndAmounts": parts}).status == 400
    assert desk.rows("paysplit") == before


def test_partial_takes_charges_of_dynamic_plans_of_the_family(desk: Desk) -> None:
    patient = desk.patient()
    plan, charges = a_plan(desk, patient)
    payment = a_payment(desk, patient, "30")

    desk.ask(
        "payments.Partial",
        payment,
        body={"payPlanChargeNumsAndAmounts": [{"PayPlanChargeNum": charges[2], "Amount": 30}]},
    )

    (split,) = desk.rows("paysplit", PayNum=payment)
    assert (split["PayPlanNum"], split["PayPlanChargeNum"]) == (plan, charges[2])


def test_a_refund_is_a_second_payment_that_turns_every_split_round(desk: Desk) -> None:
    patient = desk.patient()
    work = desk.work(patient, 30)
    payment = a_payment(desk, patient, "50")

    refund = desk.ask("payments.Refund", body={"PayNum": payment})

    assert refund["PayAmt"] == "-50.00"
    assert on(desk.rows("paysplit", PayNum=refund["PayNum"])) == [(work, -30), (0, -20)]
    assert desk.refused("payments.Refund", body={"PayNum": refund["PayNum"]}).status == 400


def test_a_payment_on_a_plan_cannot_be_refunded(desk: Desk) -> None:
    patient = desk.patient()
    a_plan(desk, patient)

    assert desk.refused("payments.Refund", body={"PayNum": a_payment(desk, patient, "20")}).status == 400


def test_unearned_money_takes_a_provider_only_where_the_office_wants_it(desk: Desk) -> None:
    a_payment(desk, desk.patient(), "20")
    (split,) = desk.rows("paysplit")

    assert desk.refused("paysplits.update", split["SplitNum"], body={"ProvNum": 1}).status == 400
    desk.prefer("AllowPrepayProvider", 1)
    assert desk.ask("paysplits.update", split["SplitNum"], body={"ProvNum": 1})["ProvNum"] == 1


def test_every_money_write_leaves_a_line_in_the_log(desk: Desk) -> None:
    payment = a_payment(desk, desk.patient(), "20")
    desk.ask("payments.update", payment, body={"PayNote": "cheque came later"})

    logs = desk.rows("securitylog", FKey=payment)
    assert [desk.office.word("securitylog", "PermType", row["PermType"]) for row in logs] == [
        "PaymentCreate",
        "PaymentEdit",
    ]
    assert {desk.office.word("securitylog", "LogSource", row["LogSource"]) for row in logs} == {"API"}
    assert "cheque" not in "".join(row["LogText"] for row in logs)


@settings(max_examples=25)
@given(
    fees=st.lists(st.integers(1, 30_000), max_size=5),
    paid=st.lists(st.integers(1, 40_000), min_size=1, max_size=4),
)
def test_no_series_of_payments_overpays_a_procedure_or_loses_a_cent(fees: list[int], paid: list[int]) -> None:
    store = Store(clock=FrozenClock(NOW))
    desk = Desk(Office(store))
    kind = store.insert("definition", {"Category": 10, "ItemName": "Card"})
    desk.prefer("ApiPaymentType", kind)
    desk.prefer("PrepaymentUnearnedType", store.insert("definition", {"Category": 29, "ItemName": "Prepayment"}))
    store.insert("procedurecode", {"ProcCode": "D1110"})
    patient = desk.patient()
    works = {desk.work(patient, fee / 100, f"2026-0{n + 1}-01"): fee for n, fee in enumerate(fees)}
    for amount in paid:
        pay(desk, patient, f"{amount / 100:.2f}")
    sums = dict.fromkeys(works, 0)
    for split in store.find("paysplit", sql='"ProcNum" <> 0'):
        sums[split["ProcNum"]] += round(split["SplitAmt"] * 100)
    assert all(sums[key] <= fee for key, fee in works.items())
    assert sum(sums.values()) == min(sum(fees), sum(paid))
    store.close()
