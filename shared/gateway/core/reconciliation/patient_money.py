"""What does not add up in what patients paid and owe. Each rule looks at the books and says what it found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from gateway.core.reconciliation import rows
from gateway.core.reconciliation.books import Books
from gateway.core.reconciliation.finding import Evidence, Found, Kind, Severity
from gateway.core.reconciliation.judging import days, earliest, is_within, severity_of, youngest
from gateway.core.reconciliation.settings import Settings


def unapplied_patient_money(books: Books, settings: Settings) -> Iterator[Found]:
    """Splits that name no procedure, adjustment or plan: unearned money, and what nobody allocated.

    A split points to at most one of procedure, adjustment and plan charge, or has an unearned type, or nothing. Hidden
    unearned types are prepayments of planned work; they move when it is completed, so that only those whose work is
    done or gone are found. Sources: https://www.opendental.com/manual/paysplit.html, /manual/unearnedprepayment.html,
    /manual/hiddensplits.html.
    """
    loose: dict[int, list[tuple[rows.Split, str]]] = defaultdict(list)
    for split in books.splits:
        why = _why_unapplied(split, books)
        if why is not None:
            loose[split.patient].append((split, why))
    for patient, these in sorted(loose.items()):
        amount = sum(split.amount for split, _ in these)
        if amount < settings.tolerance:
            continue
        family = books.family_of(patient)
        whys = {why for _, why in these}
        is_open = books.open_of_family.get(family, 0) > 0
        action = "allocate" if is_open else "allocate_or_refund"
        if "prepayment_of_completed_work" in whys:
            action = "move_prepayment"
        elif "prepayment_of_dropped_work" in whys:
            action = "return_prepayment"
        opened = earliest((split.day for split, _ in these if split.amount > 0), books)
        severity = severity_of(amount, opened, books, settings) if is_open or len(whys) > 1 else Severity.LOW
        evidence, more = youngest(
            [Evidence("payment", split.payment, why, "allocations", split.amount, split.day) for split, why in these],
            settings,
        )
        while_open = " while work of the family is open" if is_open else ""
        yield Found(
            Kind.UNAPPLIED_PATIENT_MONEY,
            (patient,),
            severity,
            amount,
            opened,
            evidence,
            f"Money of the patient is on no procedure, adjustment or plan{while_open}: {', '.join(sorted(whys))}.",
            action,
            patient=patient,
            family=family,
            evidence_more=more,
        )


def _why_unapplied(split: rows.Split, books: Books) -> str | None:
    if split.unearned in books.hidden and split.unearned:
        if split.procedure in books.procedures:
            return "prepayment_of_completed_work"
        if split.procedure and split.procedure not in books.planned:
            return "prepayment_of_dropped_work"
        return None
    if split.procedure or split.adjustment or split.plan_charge or split.pay_plan:
        return None
    return "unearned" if split.unearned else "unallocated"


def overpaid_procedure(books: Books, settings: Settings) -> Iterator[Found]:
    """A completed procedure on which patients paid more than is left of it by what carriers have answered.

    Due is the fee times units, with adjustments attached to it by provider and clinic, less payments and write-offs of
    its lines; what carriers are still expected to pay does not count. Source:
    https://www.opendental.com/manual/allocationssetup.html.
    """
    for one in books.covers.values():
        over = min(one.patient, -one.open)
        if over < max(1, settings.tolerance):
            continue
        procedure = one.procedure
        splits = books.splits_of_procedure.get(procedure.key, [])
        pieces = [Evidence("procedure", procedure.key, "charge", "total_fee", procedure.cost, procedure.day)]
        pieces += [
            Evidence("payment", split.payment, "paid_by_patient", "allocations", split.amount, split.day)
            for split in splits
        ]
        pieces += _answers(books.lines_of_procedure.get(procedure.key, []))
        evidence, more = youngest(pieces, settings)
        opened = max((piece.day for piece in pieces if piece.day is not None), default=books.as_of)
        yield Found(
            Kind.OVERPAID_PROCEDURE,
            (procedure.key,),
            severity_of(over, opened, books, settings),
            over,
            opened,
            evidence,
            "Patients paid more for the procedure than is due after its adjustments and the carriers' answers.",
            "reallocate_or_refund",
            patient=procedure.patient,
            family=books.family_of(procedure.patient),
            procedure=procedure.key,
            evidence_more=more,
        )


def _answers(lines: Iterable[rows.Line]) -> list[Evidence]:
    """What carriers paid and wrote off, line by line."""
    found: list[Evidence] = []
    for line in lines:
        if line.counts and line.paid:
            found.append(Evidence("claim_line", line.key, "paid_by_carrier", "paid", line.paid, line.day))
        if line.counts and line.write_off:
            found.append(Evidence("claim_line", line.key, "written_off", "write_off", line.write_off, line.day))
    return found


def credit_balance(books: Books, settings: Settings) -> Iterator[Found]:
    """A family whose balance is below zero: the office owes it money.

    All of a family's credits together are more than its charges. What carriers are still expected to pay is no part of
    a balance. Sources: https://www.opendental.com/manual/account.html, /manual/refunds.html.
    """
    for family, aged in sorted(books.aged_families.items()):
        credit = -aged.balance
        if credit < max(1, settings.tolerance):
            continue
        last = max((one.day for one in books.entries_of_family[family] if one.amount < 0 and one.day), default=None)
        if is_within(last, books, settings.credit_days - 1):
            continue
        opened = last or books.as_of
        pieces = [
            Evidence("patient", patient, "balance", "balances", books.aged_patients[patient].balance)
            for patient in books.members.get(family, [family])
            if patient in books.aged_patients and books.aged_patients[patient].balance
        ]
        pending = books.pending_of_family.get(family, 0)
        if pending:
            pieces.append(Evidence("patient", family, "insurance_pending", "balances", pending))
        evidence, more = youngest(pieces, settings)
        yield Found(
            Kind.CREDIT_BALANCE,
            (family,),
            severity_of(credit, opened, books, settings),
            credit,
            opened,
            evidence,
            "The family's credits are more than its charges.",
            "refund_credit",
            patient=family,
            family=family,
            evidence_more=more,
        )


def payment_mismatch(books: Books, settings: Settings) -> Iterator[Found]:
    """A patient's payment whose splits do not sum to it.

    The balance counts splits, the deposit counts the payment. Source: https://www.opendental.com/manual/payment.html.
    """
    for payment in books.payments.values():
        splits = books.splits_of_payment.get(payment.key, [])
        total = sum(one.amount for one in splits)
        if abs(payment.amount - total) < max(1, settings.tolerance):
            continue
        opened = payment.day or books.as_of
        pieces = [Evidence("payment", payment.key, "paid", "amount", payment.amount, payment.day)]
        pieces += [Evidence("payment", one.payment, "split", "allocations", one.amount, one.day) for one in splits]
        evidence, more = youngest(pieces, settings)
        amount = abs(payment.amount - total)
        yield Found(
            Kind.PAYMENT_MISMATCH,
            (payment.key,),
            severity_of(amount, opened, books, settings),
            amount,
            opened,
            evidence,
            "The splits of the payment do not sum to its amount.",
            "correct_splits",
            patient=payment.patient,
            family=books.family_of(payment.patient),
            payment=payment.key,
            evidence_more=more,
        )


def payment_plan_behind(books: Books, settings: Settings) -> Iterator[Found]:
    """An open plan with charges that were due and are not paid, after some days of grace.

    Charges of today's kind of plan are rows only once they are due; those of an old plan are all there from the start,
    later days too. What is paid names the plan (PayPlanNum). An insurance plan is paid by lines of claims. Sources:
    https://www.opendental.com/manual/paymentplandynamic.html, /manual/paymentplanins.html.
    """
    paid: dict[int, int] = defaultdict(int)
    for split in books.splits:
        paid[split.pay_plan] += split.amount
    for line in books.lines:
        if line.pay_plan and line.counts:
            paid[line.pay_plan] += line.paid
    for plan in books.pay_plans.values():
        if plan.is_closed:
            continue
        left, late = paid.get(plan.key, 0), []
        for charge in books.charges_of_plan.get(plan.key, []):
            if charge.is_credit or charge.day is None or charge.day > books.as_of:
                continue
            open_ = charge.amount - max(0, min(left, charge.amount))
            left -= charge.amount - open_
            if open_ > 0:
                late.append((charge, open_))
        late = [(charge, open_) for charge, open_ in late if not is_within(charge.day, books, settings.plan_grace_days)]
        amount = sum(open_ for _, open_ in late)
        if amount < max(1, settings.tolerance):
            continue
        opened = earliest((charge.day for charge, _ in late), books) + days(settings.plan_grace_days)
        evidence, more = youngest(
            [
                Evidence("plan_charge", charge.key, "due_and_unpaid", "amount", open_, charge.day)
                for charge, open_ in late
            ],
            settings,
        )
        yield Found(
            Kind.PAYMENT_PLAN_BEHIND,
            (plan.key,),
            severity_of(amount, opened, books, settings),
            amount,
            opened,
            evidence,
            "Charges of the payment plan were due and are not paid.",
            "call_carrier" if plan.insurance_plan else "call_patient",
            patient=plan.patient,
            family=books.family_of(plan.guarantor or plan.patient),
            carrier=books.carrier_of(plan.insurance_plan) if plan.insurance_plan else 0,
            evidence_more=more,
        )


def balance_mismatch(books: Books, settings: Settings) -> Iterator[Found]:
    """A family's stored balance that is not the sum of its rows.

    Stored balances are caches: refreshed by the nightly aging and when somebody opens the account, and left stale by
    writes of the API. So only families whose rows have been still for some days are looked at, and none where most
    stored balances of the office differ: then its aging has not run. Source: https://www.opendental.com/manual/aging.html.
    """
    quiet = [
        family
        for family in {one.guarantor for one in books.patients.values()}
        if family in books.patients and not is_within(books.edited.get(family), books, settings.quiet_days - 1)
    ]
    ours = {family: _total(books, family) for family in quiet}
    wrong = [family for family in quiet if abs(ours[family] - books.stored_of(family)) > settings.tolerance]
    with_money = [family for family in quiet if ours[family] or books.stored_of(family)]
    if not wrong or (len(with_money) - len(wrong)) * 100 < settings.agreeing_share * len(with_money):
        return
    for family in sorted(wrong):
        amount = abs(ours[family] - books.stored_of(family))
        opened = books.edited.get(family) or books.as_of
        yield Found(
            Kind.BALANCE_MISMATCH,
            (family,),
            severity_of(amount, opened, books, settings),
            amount,
            opened,
            (
                Evidence("patient", family, "stored_balance", "balances", books.stored_of(family)),
                Evidence("patient", family, "sum_of_rows", "balances", ours[family]),
            ),
            "The balance that the office keeps of the family is not the sum of its rows.",
            "run_aging",
            patient=family,
            family=family,
        )


def _total(books: Books, family: int) -> int:
    aged = books.aged_families.get(family)
    return 0 if aged is None else aged.balance


def broken_appointment_open(books: Books, settings: Settings) -> Iterator[Found]:
    """A fee for a broken appointment that nobody paid: it is charted as completed work, and is no production.

    Codes D9986 (missed) and D9987 (cancelled late). Source: https://www.opendental.com/manual/apptbreak.html.
    """
    for one in books.covers.values():
        procedure = one.procedure
        if not procedure.is_broken or one.left < max(1, settings.tolerance):
            continue
        opened = (procedure.day or books.as_of) + days(settings.broken_days)
        if opened > books.as_of:
            continue
        yield Found(
            Kind.BROKEN_APPOINTMENT_OPEN,
            (procedure.key,),
            Severity.LOW,
            one.left,
            opened,
            (Evidence("procedure", procedure.key, "broken_appointment", "total_fee", procedure.cost, procedure.day),),
            "A fee for a broken appointment is open; it is no production.",
            "charge_or_waive",
            patient=procedure.patient,
            family=books.family_of(procedure.patient),
            procedure=procedure.key,
        )
