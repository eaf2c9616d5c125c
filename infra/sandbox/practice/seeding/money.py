"""Claims in every state, the insurers' money, the patients' money, and what stays open."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from infra.sandbox.practice.enums import NO_DATE, ClaimProcStatus, DefCat, PatStatus, ProcStatus
from infra.sandbox.practice.seeding import names
from infra.sandbox.practice.seeding.calendar import Calendar
from infra.sandbox.practice.seeding.people import Cover, Person
from infra.sandbox.practice.seeding.rows import Row, Rows, on
from infra.sandbox.practice.seeding.setup import Setup, covered_as
from infra.sandbox.practice.seeding.visits import Diary, Visit

DEDUCTIBLE = 5_000
"""What a patient pays first in a year, in cents; preventive work is free of it."""


@dataclass
class Line:
    """One procedure on one plan; money in cents."""

    row: Row
    estimate: int
    write_off: int
    claim: int = 0


@dataclass
class Books:
    """Money that is open, in cents, while the seeding goes through time."""

    rows: Rows
    rng: Random
    made: Setup
    calendar: Calendar
    used: dict[tuple[int, int, int], int] = field(default_factory=lambda: defaultdict(int))
    """Benefits used by (patient, plan, year)."""
    deducted: set[tuple[int, int, int]] = field(default_factory=set)
    owed: dict[int, int] = field(default_factory=dict)
    """What the patient owes for a procedure, by ProcNum."""
    checks: dict[tuple[int, date], list[Line]] = field(default_factory=lambda: defaultdict(list))
    """Answered lines by (carrier, day), to be paid by one check."""

    @property
    def today(self) -> date:
        """The day on which the seeding stops."""
        return self.calendar.today


def add_money(diary: Diary, people: list[Person]) -> None:
    """Bill every completed visit, let insurers answer, and let families pay."""
    books = Books(diary.rows, diary.rng, diary.made, diary.calendar)
    for visit in sorted(diary.completed, key=lambda visit: (visit.day, visit.apt)):
        _bill(books, visit)
    _supplementals(books)
    _finalize(books)
    _broken_fees(books)
    _estimates(books, people)
    _preauthorizations(books, people)
    _every_status(books)
    _odd_payments(books, people)
    _adjustments(books)
    _payment_plans(books, people)


def _bill(books: Books, visit: Visit) -> None:
    rows, rng = books.rows, books.rng
    procs = [rows.get("procedurelog", key) for key in visit.procs]
    for proc in procs:
        books.owed[proc["ProcNum"]] = round(proc["ProcFee"] * 100)
    billed = [proc for proc in procs if proc["ProcFee"] and not _code_row(books, proc)["NoBillIns"]]
    covers = visit.person.covers
    if billed and covers and covers[0].plan.kind == "c":
        _capitation(books, visit, billed)
    elif billed and covers:
        age = (books.today - visit.day).days
        claimed = rng.random() < (0.99 if age > 40 else 0.95 if age > 6 else 0.8)
        answered = _claim(books, visit, billed, covers[0], 1, claimed=claimed, after=visit.day)
        if len(covers) > 1 and claimed:
            _claim(books, visit, billed, covers[1], 2, claimed=True, after=answered)
    _pay(books, visit, procs)


def _code_row(books: Books, proc: Row) -> Row:
    return books.rows.get("procedurecode", proc["CodeNum"])


def _estimate(books: Books, proc: Row, cover: Cover, *, commit: bool) -> tuple[int, int, int, int]:
    """Estimate, write-off, deductible (cents) and percentage of one procedure on one plan."""
    plan, fee = cover.plan, round(proc["ProcFee"] * 100)
    code = books.made.code_rows[proc["CodeNum"]]
    category, percent = covered_as(code)
    share = {"PPO Standard": 0.68, "PPO Low": 0.58, "State Medicaid": 0.42}.get(plan.schedule, 1.0)
    allowed = min(fee, 100 * round(books.made.office_fee[code] * share)) if plan.kind in ("p", "f") else fee
    if plan.kind == "f" and percent:
        percent = 100
    year = (proc["PatNum"], plan.key, int(proc["ProcDate"][:4]))
    deductible = 0
    if percent < 100 and percent and year not in books.deducted:
        deductible = min(DEDUCTIBLE, allowed)
        if commit:
            books.deducted.add(year)
    wanted = (allowed - deductible) * percent // 100
    left = max(0, round(plan.maximum * 100) - books.used[year])
    estimate = min(wanted, left)
    if commit and category:
        books.used[year] += estimate
    return estimate, fee - allowed, deductible, percent


def _line(
    books: Books, proc: Row, cover: Cover, status: ClaimProcStatus, *, claim: int = 0, cap: int | None = None
) -> Line:
    """Write the line of `proc` on one plan. `cap` is what the patient still owes, for a plan that pays second."""
    commit = status is ClaimProcStatus.NOT_RECEIVED
    estimate, write_off, deductible, percent = _estimate(books, proc, cover, commit=commit)
    if cap is not None:
        estimate, write_off, deductible = min(estimate, max(cap, 0)), 0, 0
    on_claim = status in (ClaimProcStatus.NOT_RECEIVED, ClaimProcStatus.PREAUTH)
    stamp = f"{min(proc['ProcDate'], on(books.today - timedelta(days=1)))} 16:30:00"
    row: Row = {
        "ProcNum": proc["ProcNum"],
        "ClaimNum": claim,
        "PatNum": proc["PatNum"],
        "ProvNum": proc["ProvNum"],
        "FeeBilled": proc["ProcFee"] if on_claim else 0.0,
        "InsPayEst": estimate / 100 if on_claim else 0.0,
        "DedApplied": deductible / 100 if on_claim else 0.0,
        "Status": int(status),
        "InsPayAmt": 0.0,
        "Remarks": "",
        "ClaimPaymentNum": 0,
        "PlanNum": cover.plan.key,
        "DateCP": proc["ProcDate"],
        "WriteOff": write_off / 100 if commit else 0.0,
        "CodeSent": books.made.code_rows[proc["CodeNum"]][:5] if on_claim else "",
        "AllowedOverride": -1.0,
        "Percentage": percent,
        "PercentOverride": -1,
        "CopayAmt": -1.0,
        "NoBillIns": 0,
        "PaidOtherIns": -1.0,
        "BaseEst": estimate / 100,
        "CopayOverride": -1.0,
        "ProcDate": proc["ProcDate"],
        "DateEntry": NO_DATE,
        "DedEst": deductible / 100,
        "DedEstOverride": -1.0,
        "InsEstTotal": estimate / 100,
        "InsEstTotalOverride": -1.0,
        "PaidOtherInsOverride": -1.0,
        "WriteOffEst": write_off / 100 if cover.plan.kind in ("p", "f") else -1.0,
        "WriteOffEstOverride": -1.0,
        "ClinicNum": proc["ClinicNum"],
        "InsSubNum": cover.subscription,
        "SecDateEntry": stamp[:10],
        "SecDateTEdit": stamp,
    }
    books.rows.add("claimproc", row)
    return Line(row, estimate, write_off, claim)


def _claim_row(books: Books, person: Person, cover: Cover, *, kind: str, day: str, procs: Iterable[Row]) -> Row:
    first = next(iter(procs))
    other = next((c for c in person.covers if c is not cover), None) if kind != "PreAuth" else None
    return {
        "PatNum": person.key,
        "DateService": day,
        "DateSent": NO_DATE,
        "DateSentOrig": NO_DATE,
        "ClaimStatus": "W",
        "DateReceived": NO_DATE,
        "PlanNum": cover.plan.key,
        "ProvTreat": first["ProvNum"],
        "ProvBill": books.made.dentists[0],
        "IsProsthesis": "N",
        "PriorDate": NO_DATE,
        "ClaimType": kind,
        "PlaceService": 0,
        "AccidentRelated": "",
        "AccidentDate": NO_DATE,
        "OrthoDate": NO_DATE,
        "PatRelat": cover.relation,
        "PlanNum2": other.plan.key if other else 0,
        "PatRelat2": other.relation if other else 0,
        "ClaimForm": books.made.claim_form,
        "InsSubNum": cover.subscription,
        "InsSubNum2": other.subscription if other else 0,
        "ClinicNum": first["ClinicNum"],
        "ClaimFee": 0.0,
        "InsPayEst": 0.0,
        "InsPayAmt": 0.0,
        "DedApplied": 0.0,
        "WriteOff": 0.0,
        "ReasonUnderPaid": "",
        "ClaimNote": "",
    }


def _total(claim: Row, lines: Iterable[Line]) -> None:
    """Bring a claim's amounts to the sum of its lines, as the database keeps them."""
    lines = list(lines)
    for amount, source in (
        ("ClaimFee", "FeeBilled"),
        ("InsPayEst", "InsPayEst"),
        ("InsPayAmt", "InsPayAmt"),
        ("DedApplied", "DedApplied"),
        ("WriteOff", "WriteOff"),
    ):
        claim[amount] = round(sum(line.row[source] for line in lines), 2)


def _claim(
    books: Books, visit: Visit, procs: list[Row], cover: Cover, ordinal: int, *, claimed: bool, after: date | None
) -> date | None:
    """Bill one plan and, if time allows, let it answer. Returns the day of the answer, None while it is open."""
    rng, today = books.rng, books.today
    second = ordinal > 1
    if not claimed:
        for proc in procs:
            line = _line(books, proc, cover, ClaimProcStatus.ESTIMATE)
            books.owed[proc["ProcNum"]] -= line.estimate + line.write_off
        return None
    claim = _claim_row(books, visit.person, cover, kind="S" if second else "P", day=on(visit.day), procs=procs)
    key = books.rows.add("claim", claim)
    lines = [
        _line(
            books,
            proc,
            cover,
            ClaimProcStatus.NOT_RECEIVED,
            claim=key,
            cap=books.owed[proc["ProcNum"]] if second else None,
        )
        for proc in procs
    ]
    made_at = f"{min(visit.day, today - timedelta(days=1))} 16:40:00"
    claim |= {"SecDateEntry": made_at[:10], "SecDateTEdit": made_at}
    answered = None
    if second and after is None:
        claim["ClaimStatus"] = "H"
    else:
        sent = (after or visit.day) + timedelta(days=rng.choices((0, 1, 2, 3, 6), (60, 14, 10, 6, 10))[0])
        turn = min(90, max(3, round(rng.lognormvariate(2.5, 0.62)))) + (20 if second else 0)
        back = books.calendar.open_day(sent + timedelta(days=turn))
        if rng.random() < 0.6:
            # Carriers pay on their own day of the week, so one check answers several claims.
            back = books.calendar.open_day(back + timedelta(days=(cover.plan.carrier % 4 - back.weekday()) % 7))
        if sent >= today:
            claim["ClaimStatus"] = rng.choice(("U", "W", "W"))
        else:
            claim |= {"ClaimStatus": "S", "DateSent": on(sent), "DateSentOrig": on(sent)}
            claim["SecDateTEdit"] = f"{sent} 16:50:00"
            # A few were forgotten at the carrier.
            if back < today and rng.random() > 0.03:
                _answer(books, claim, lines, back)
                answered = back
    _total(claim, lines)
    for line in lines:
        paid = round(line.row["InsPayAmt"] * 100) if answered else line.estimate
        books.owed[line.row["ProcNum"]] -= paid + round(line.row["WriteOff"] * 100)
    return answered


def _answer(books: Books, claim: Row, lines: list[Line], day: date) -> None:
    """Enter the insurer's answer: as estimated, less, more, or nothing at all."""
    rng = books.rng
    result = rng.choices(("as", "less", "more", "zero"), (70, 20, 4, 6))[0]
    tracking = books.made.definitions[DefCat.CLAIM_PAYMENT_TRACKING]
    for line in lines:
        denied = result == "zero" or (result == "less" and rng.random() < 0.4)
        paid = line.estimate
        if denied:
            paid = 0
        elif result == "less":
            paid = paid * rng.randrange(60, 96) // 100
        elif result == "more":
            room = round(line.row["FeeBilled"] * 100) - line.write_off
            paid = min(paid * 110 // 100, room)
        line.row |= {
            "Status": int(ClaimProcStatus.RECEIVED),
            "InsPayAmt": paid / 100,
            "DateCP": on(day),
            "DateEntry": on(day),
            "DateSuppReceived": on(day),
            "Remarks": rng.choice(names.DENIALS if denied else names.REMARKS),
            "ClaimPaymentTracking": rng.choice(tracking) if denied and rng.random() < 0.5 else 0,
            "SecDateTEdit": f"{day} 09:20:00",
        }
    claim |= {"ClaimStatus": "R", "DateReceived": on(day), "SecDateTEdit": f"{day} 09:20:00"}
    if result == "zero" and rng.random() < 0.5:
        claim["ReasonUnderPaid"] = "The plan did not cover this."
    recent = (books.today - day).days < 31
    if rng.random() > (0.05 if recent else 0.005):
        # Otherwise the money is posted and the check never finalized, as happens in every office.
        books.checks[books.rows.get("insplan", claim["PlanNum"])["CarrierNum"], day] += lines


def _supplementals(books: Books) -> None:
    """Let some carriers pay a second time on an answered line."""
    rows, rng = books.rows, books.rng
    for (carrier, day), lines in list(books.checks.items()):
        later = books.calendar.open_day(day + timedelta(days=25))
        if later >= books.today or rng.random() > 0.04:
            continue
        first = lines[0].row
        paid = rng.choice((15.0, 22.5, 40.0, -10.0))
        row = first | {
            "Status": int(ClaimProcStatus.SUPPLEMENTAL),
            "FeeBilled": 0.0,
            "InsPayEst": 0.0,
            "DedApplied": 0.0,
            "WriteOff": 0.0,
            "InsPayAmt": paid,
            "DateCP": on(later),
            "DateEntry": on(later),
            "DateSuppReceived": on(later),
            "SecDateTEdit": f"{later} 09:40:00",
            "SecDateEntry": on(later),
        }
        del row["ClaimProcNum"]
        rows.add("claimproc", row)
        claim = rows.get("claim", first["ClaimNum"])
        claim["InsPayAmt"] = round(claim["InsPayAmt"] + paid, 2)
        claim["SecDateTEdit"] = max(claim["SecDateTEdit"], f"{later} 09:40:00")
        books.checks[carrier, later].append(Line(row, 0, 0, first["ClaimNum"]))


def _finalize(books: Books) -> None:
    """Make one check of each carrier's answers of a day, and lock their lines under it."""
    rows, rng, made = books.rows, books.rng, books.made
    kinds, groups = made.definitions[DefCat.INS_PAYMENT_TYPES], made.definitions[DefCat.CLAIM_PAYMENT_GROUPS]
    ordered = sorted(books.checks.items(), key=lambda entry: (entry[0][1], entry[0][0]))
    paid = [
        key for key, lines in ordered if any(line.row["Status"] == 1 and line.row["InsPayAmt"] > 0 for line in lines)
    ]
    if paid:
        # The newest one still lies on the desk: posted, not finalized.
        ordered.remove((paid[-1], books.checks[paid[-1]]))
    for (carrier, day), lines in ordered:
        amount = round(sum(line.row["InsPayAmt"] for line in lines), 2)
        if amount == 0 and rng.random() < 0.5:
            continue
        key = rows.add(
            "claimpayment",
            {
                "CheckDate": on(day),
                "CheckAmt": amount,
                "CheckNum": str(rng.randrange(10_000, 99_999)),
                "BankBranch": "",
                "Note": "",
                "ClinicNum": lines[0].row["ClinicNum"],
                "CarrierName": rows.get("carrier", carrier)["CarrierName"],
                "DateIssued": on(day - timedelta(days=3)),
                "IsPartial": 0,
                "PayType": rng.choice(kinds),
                "PayGroup": rng.choice(groups),
                "SecUserNumEntry": made.users[2],
                "SecDateEntry": on(day),
                "SecDateTEdit": f"{day} 09:45:00",
            },
        )
        for line in lines:
            line.row |= {"ClaimPaymentNum": key, "DateCP": on(day), "DateInsFinalized": on(day)}
            line.row["SecDateTEdit"] = f"{day} 09:45:00"


def _capitation(books: Books, visit: Visit, procs: list[Row]) -> None:
    """Book capitation work: the patient pays a copay, the rest is written off, and no claim exists."""
    for proc in procs:
        line = _line(books, proc, visit.person.covers[0], ClaimProcStatus.CAP_COMPLETE)
        fee = round(proc["ProcFee"] * 100)
        copay = min(2_000, fee)
        line.row |= {"CopayAmt": copay / 100, "WriteOff": (fee - copay) / 100, "InsEstTotal": 0.0, "BaseEst": 0.0}
        books.owed[proc["ProcNum"]] -= fee - copay


def _pay(books: Books, visit: Visit, procs: list[Row]) -> None:
    """Let the family pay its part at the visit, later, in part, or not at all."""
    rng = books.rng
    open_ = [(proc, books.owed[proc["ProcNum"]]) for proc in procs if books.owed[proc["ProcNum"]] > 0]
    if not open_:
        return
    draw, age = rng.random(), (books.today - visit.day).days
    if draw < 0.62:
        _payment(books, visit.person, visit.day, open_)
    elif draw < 0.9 and age > 35:
        _payment(books, visit.person, visit.day + timedelta(days=rng.randrange(10, 35)), open_)
    elif draw < 0.95 and age > 1:
        half = [(proc, owed // 2) for proc, owed in open_ if owed > 1]
        if half:
            _payment(books, visit.person, visit.day, half)


def _payment(books: Books, person: Person, day: date, parts: list[tuple[Row, int]], *, kind: int | None = None) -> Row:
    """Take money for procedures, with one split each; `parts` in cents."""
    rows, rng, made = books.rows, books.rng, books.made
    kinds = made.definitions[DefCat.PAYMENT_TYPES]
    row = _payment_row(books, person, day, sum(owed for _, owed in parts))
    row["PayType"] = kind if kind is not None else rng.choices(kinds, (12, 6, 70, 4, 3, 5))[0]
    key = rows.add("payment", row)
    for proc, owed in parts:
        _split(books, key, row, proc["PatNum"], owed, ProvNum=proc["ProvNum"], ProcNum=proc["ProcNum"])
        books.owed[proc["ProcNum"]] -= owed
    return row


def _payment_row(books: Books, person: Person, day: date, cents: int) -> Row:
    rng, made = books.rng, books.made
    stamp = f"{min(day, books.today - timedelta(days=1))} {rng.randrange(9, 17):02d}:{rng.randrange(60):02d}:00"
    return {
        "PayType": made.definition(DefCat.PAYMENT_TYPES, 2),
        "PayDate": on(day),
        "PayAmt": cents / 100,
        "CheckNum": "",
        "BankBranch": "",
        "PayNote": "",
        "PatNum": person.key if rng.random() < 0.7 else person.row["Guarantor"],
        "ClinicNum": person.clinic,
        "DateEntry": on(day),
        "SecUserNumEntry": made.users[1],
        "SecDateTEdit": stamp,
        "SecDateEntry": on(day),
        "PaymentSource": 0,
        "ProcessStatus": 0,
        "RecurringChargeDate": NO_DATE,
    }


def _split(books: Books, pay: int, payment: Row, patient: int, cents: int, **more: object) -> int:
    return books.rows.add(
        "paysplit",
        {
            "SplitAmt": cents / 100,
            "PatNum": patient,
            "PayNum": pay,
            "ProvNum": 0,
            "PayPlanNum": 0,
            "DatePay": payment["PayDate"],
            "ProcNum": 0,
            "DateEntry": payment["DateEntry"],
            "UnearnedType": 0,
            "ClinicNum": payment["ClinicNum"],
            "AdjNum": 0,
            "PayPlanChargeNum": 0,
            "PayPlanDebitType": 0,
            "SecDateTEdit": payment["SecDateTEdit"],
            "SecDateTEntry": payment["SecDateTEdit"],
            **more,
        },
    )


def _broken_fees(books: Books) -> None:
    """Leave fees for visits not kept open; few pay them."""
    for proc in books.rows["procedurelog"]:
        if proc["ProcStatus"] == ProcStatus.C and proc["ProcNum"] not in books.owed:
            books.owed[proc["ProcNum"]] = round(proc["ProcFee"] * 100)


def _estimates(books: Books, people: list[Person]) -> None:
    """Estimate planned work for those who are covered."""
    covered = {person.key: person for person in people if person.covers and person.covers[0].plan.kind != "c"}
    for proc in books.rows["procedurelog"]:
        if proc["ProcStatus"] == ProcStatus.TP and (person := covered.get(proc["PatNum"])) and proc["ProcFee"]:
            for cover in person.covers[:1]:
                _line(books, proc, cover, ClaimProcStatus.ESTIMATE)


def _preauthorizations(books: Books, people: list[Person]) -> None:
    """Ask carriers beforehand about some crowns and implants."""
    rows, rng = books.rows, books.rng
    covered = {person.key: person for person in people if person.covers and person.covers[0].plan.kind in ("p", "")}
    asked = 0
    for proc in list(rows["procedurelog"]):
        person = covered.get(proc["PatNum"])
        if proc["ProcStatus"] != ProcStatus.TP or person is None or proc["ProcFee"] < 500:
            continue
        if asked > 1 and rng.random() > 0.15:
            continue
        asked += 1
        cover = person.covers[0]
        claim = _claim_row(books, person, cover, kind="PreAuth", day=NO_DATE, procs=[proc])
        planned = date.fromisoformat(proc["DateTP"])
        sent = min(planned, books.today - timedelta(days=2))
        claim |= {"ClaimStatus": "S", "DateSent": on(sent), "DateSentOrig": on(sent)}
        claim |= {"SecDateEntry": on(sent), "SecDateTEdit": f"{sent} 16:50:00"}
        key = rows.add("claim", claim)
        line = _line(books, proc, cover, ClaimProcStatus.PREAUTH, claim=key)
        line.row["SecDateTEdit"] = f"{sent} 16:50:00"
        back = sent + timedelta(days=14)
        if back < books.today:
            claim |= {"ClaimStatus": "R", "DateReceived": on(back), "SecDateTEdit": f"{back} 09:20:00"}
        _total(claim, [line])


def _every_status(books: Books) -> None:
    """Make sure that each claim state is there at least once, also in a small practice."""
    claims = books.rows["claim"]
    unanswered = [c for c in claims if c["ClaimStatus"] == "S" and c["ClaimType"] == "P"]
    wanted = max(1, len(claims) // 300)
    for status in ("I", "U", "W", "H"):
        for _ in range(wanted - sum(claim["ClaimStatus"] == status for claim in claims)):
            if len(unanswered) > 1:
                claim = unanswered.pop()
                claim |= {"ClaimStatus": status, "DateSent": NO_DATE, "DateSentOrig": NO_DATE}


def _odd_payments(books: Books, people: list[Person]) -> None:
    """Prepayments, deposits, refunds, bounced checks, transfers, and money nobody allocated."""
    rows, rng, made = books.rows, books.rng, books.made
    unearned, hidden = made.definitions[DefCat.UNEARNED_TYPES]
    seen = [p for p in people if p.last_seen and p.status is PatStatus.PATIENT]
    planned = {p["PatNum"]: p for p in rows["procedurelog"] if p["ProcStatus"] == ProcStatus.TP}
    for number, person in enumerate(seen):
        if number > 5 and rng.random() > 0.05:
            continue
        day = books.today - timedelta(days=rng.randrange(3, 200))
        cents = rng.choice((2_500, 5_000, 10_000, 15_000))
        what = number % 6 if number < 6 else rng.randrange(6)
        payment = _payment_row(books, person, day, cents)
        if what == 1:
            # Half of the prepayment was later moved to nothing in particular: an income transfer, which is no income.
            transfer = _payment_row(books, person, day + timedelta(days=2), 0) | {"PayType": 0}
            key = rows.add("payment", transfer)
            _split(books, key, transfer, person.key, -1_000, UnearnedType=unearned)
            _split(books, key, transfer, person.key, 1_000, ProvNum=person.dentist)
        if what in (0, 1):
            key = rows.add("payment", payment)
            _split(books, key, payment, person.key, cents, UnearnedType=unearned)
        elif what == 2:
            work = planned.get(person.key)
            key = rows.add("payment", payment)
            split = {"UnearnedType": hidden} if work else {"UnearnedType": unearned}
            proc = work["ProcNum"] if work else 0
            _split(books, key, payment, person.key, cents, ProcNum=proc, **split)
        elif what == 3:
            key = rows.add("payment", payment)
            _split(books, key, payment, person.key, cents, UnearnedType=unearned)
            back = _payment_row(books, person, day + timedelta(days=1), -cents) | {"PayNote": "Refund, paid in error."}
            key = rows.add("payment", back)
            _split(books, key, back, person.key, -cents, UnearnedType=unearned)
        else:
            key = rows.add("payment", payment | {"CheckNum": str(rng.randrange(100, 9_999))})
            _split(books, key, payment, person.key, cents, ProvNum=person.dentist)


def _adjustments(books: Books) -> None:
    """Give discounts on some work, and charge some late payers."""
    rows, rng, made = books.rows, books.rng, books.made
    discount, finance = made.definition(DefCat.ADJUSTMENT_TYPES), made.definition(DefCat.ADJUSTMENT_TYPES, 3)
    for number, (proc, owed) in enumerate(sorted(books.owed.items())):
        if owed <= 0 or (number > 8 and rng.random() > 0.05):
            continue
        row = rows.get("procedurelog", proc)
        less = rng.random() < 0.7
        day = row["ProcDate"] if less else on(books.today - timedelta(days=20))
        rows.add(
            "adjustment",
            {
                "AdjDate": day,
                "AdjAmt": -round(owed * 0.1) / 100 if less else 12.0,
                "PatNum": row["PatNum"],
                "AdjType": discount if less else finance,
                "ProvNum": row["ProvNum"],
                "AdjNote": "" if less else "Open longer than 60 days.",
                "ProcDate": row["ProcDate"] if less else day,
                "ProcNum": proc if less else 0,
                "DateEntry": day,
                "ClinicNum": row["ClinicNum"],
                "SecDateTEdit": f"{day} 15:00:00",
            },
        )


def _payment_plans(books: Books, people: list[Person]) -> None:
    """A few plans: dynamic ones with the charges that are due, old ones with all their charges, a closed one."""
    rows, rng, made, today = books.rows, books.rng, books.made, books.today
    dear = [
        (proc, owed)
        for proc, owed in sorted(books.owed.items(), key=lambda entry: -entry[1])
        if owed > 5_000 and rows.get("procedurelog", proc)["ProcStatus"] == ProcStatus.C
    ]
    for number, (proc, owed) in enumerate(dear[: max(3, len(people) // 60)]):
        row = rows.get("procedurelog", proc)
        person = people[row["PatNum"] - 1]
        dynamic, instalments = number % 3 != 1, rng.choice((6, 12, 18))
        start = max(date.fromisoformat(row["ProcDate"]), today - timedelta(days=150)).replace(day=5)
        stamp = f"{min(start, today - timedelta(days=1))} 14:00:00"
        each = -(-owed // instalments)
        plan = rows.add(
            "payplan",
            {
                "PatNum": person.key,
                "Guarantor": person.row["Guarantor"],
                "PayPlanDate": on(start),
                "APR": 0.0,
                "CompletedAmt": owed / 100,
                "NumberOfPayments": instalments,
                "PayAmt": each / 100,
                "IsClosed": int(number == 4),
                "IsDynamic": int(dynamic),
                "ChargeFrequency": 3,
                "DatePayPlanStart": on(start),
                "DateInterestStart": NO_DATE,
                "PlanCategory": made.definition(DefCat.PAY_PLAN_CATEGORIES, 1),
            },
        )
        common = {"PayPlanNum": plan, "PatNum": person.key, "Guarantor": person.row["Guarantor"], "Interest": 0.0}
        common |= {"ProvNum": row["ProvNum"], "ClinicNum": row["ClinicNum"]}
        common |= {"SecDateTEntry": stamp, "SecDateTEdit": stamp}
        if dynamic:
            rows.add("payplanlink", {"PayPlanNum": plan, "LinkType": 2, "FKey": proc, "SecDateTEntry": stamp})
        else:
            credit = {"ChargeDate": on(start), "ChargeType": 1, "Principal": owed / 100, "ProcNum": proc}
            rows.add("payplancharge", common | credit)
        left = owed
        for month in range(instalments):
            due = _month_later(start, month)
            # Of a dynamic plan only what is due exists; the rest is made by the night service.
            if left <= 0 or (dynamic and due > today):
                break
            part = min(each, left)
            left -= part
            charge = {"ChargeDate": on(due), "ChargeType": 0, "Principal": part / 100}
            charge |= {"ProcNum": proc, "LinkType": 2, "FKey": proc} if dynamic else {"ProcNum": 0}
            rows.add("payplancharge", common | charge)


def _month_later(day: date, months: int) -> date:
    index = day.month - 1 + months
    return day.replace(year=day.year + index // 12, month=index % 12 + 1)
