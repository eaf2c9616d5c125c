"""A practice's books: rows by what they belong to, every family's balance, and which money covers which procedure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from gateway.core.normalize.values import key
from gateway.core.reconciliation import rows
from gateway.core.reconciliation.aging import NOTHING, Aged, Entry, age
from gateway.core.reconciliation.rows import Row

NEEDED: Final = (
    "definitions",
    "carriers",
    "insplans",
    "patients",
    "patplans",
    "procedurelogs",
    "claims",
    "claimprocs",
    "claimpayments",
    "payments",
    "paysplits",
    "adjustments",
    "payplans",
    "payplancharges",
)
"""Resources that have to be here as a whole, in the order in which they are taken: claims before their lines."""


class PlanRule(StrEnum):
    """How payment plans count in balances, which each office has chosen (its preference PayPlansVersion)."""

    NOT_COUNTED = "not_counted"
    """Charges and credits of plans are no part of balances."""
    CREDITS_AND_DEBITS = "credits_and_debits"
    """Work that moved to a plan leaves the balance, and comes back with each charge that is due: the program's own
    default."""
    CREDITS_ONLY = "credits_only"
    """It leaves the balance; what is due of the plan is its own account."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What a completed procedure cost, and who has paid for it; cents.

    `patient`: splits of it. `unattached`: what other credits of the family cover of it, oldest work first. `expected`:
    what carriers are still to pay and write off, by lines of claims; `estimated`: the same of work on no claim yet.
    """

    procedure: rows.Procedure
    adjusted: int = 0
    insurance: int = 0
    write_off: int = 0
    patient: int = 0
    unattached: int = 0
    expected: int = 0
    estimated: int = 0
    is_financed: bool = False

    @property
    def due_of_patient(self) -> int:
        """What is the patient's of it by what carriers have answered so far."""
        return self.procedure.cost + self.adjusted - self.insurance - self.write_off

    @property
    def open(self) -> int:
        """What nobody has paid or written off; below zero where more was paid than it cost."""
        return self.due_of_patient - self.patient

    @property
    def left(self) -> int:
        """What is open after the family's other credits."""
        return self.open - self.unattached


@dataclass(frozen=True, slots=True)
class Beside:
    """`seconds`: by a primary claim, another coverage's for any of the same work. `waiting`: secondary claims whose
    primary ones are not answered."""

    seconds: Mapping[int, rows.Claim]
    waiting: frozenset[int]


@dataclass
class Books:
    """All of one practice, as of an office's day. `take` fills them row by row; the rest is reckoned once asked."""

    as_of: date
    patients: dict[int, rows.Patient] = field(default_factory=dict)
    procedures: dict[int, rows.Procedure] = field(default_factory=dict)
    planned: set[int] = field(default_factory=set)
    """Keys of work that is planned: prepayments may wait for it."""
    claims: dict[int, rows.Claim] = field(default_factory=dict)
    lines: list[rows.Line] = field(default_factory=list)
    checks: dict[int, rows.Check] = field(default_factory=dict)
    payments: dict[int, rows.Payment] = field(default_factory=dict)
    splits: list[rows.Split] = field(default_factory=list)
    adjustments: list[rows.Adjustment] = field(default_factory=list)
    pay_plans: dict[int, rows.PayPlan] = field(default_factory=dict)
    plan_charges: list[rows.PlanCharge] = field(default_factory=list)
    plans: dict[int, rows.Plan] = field(default_factory=dict)
    coverages: list[rows.Coverage] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    """Types of unearned money that balances leave out."""
    paper: set[int] = field(default_factory=set)
    """Carriers whose claims go by post."""
    taken: int = 0
    """How many rows there were."""

    def take(self, resource: str, these: Iterable[Row]) -> None:
        """Add rows of one of `NEEDED`, in its order: lines of a claim look at their claim."""
        taker = _TAKERS[resource]
        for row in these:
            taker(self, row)
            self.taken += 1

    def needs_row(self, claim: int) -> bool:
        """Whether the words of a claim's lines are looked at: it was answered with nothing."""
        found = self.claims.get(claim)
        return found is not None and found.row is not None

    # -- who belongs to whom ----------------------------------------------------------------------------------------

    def family_of(self, patient: int) -> int:
        """The guarantor's key; the patient's own where nobody knows the patient."""
        found = self.patients.get(patient)
        return patient if found is None else found.guarantor

    def carrier_of(self, plan: int) -> int:
        """The carrier of an insurance plan; 0 where nobody knows it."""
        found = self.plans.get(plan)
        return 0 if found is None else found.carrier

    @cached_property
    def lines_of_claim(self) -> Mapping[int, list[rows.Line]]:
        """By claim."""
        return _grouped((one.claim, one) for one in self.lines if one.claim)

    @cached_property
    def lines_of_check(self) -> Mapping[int, list[rows.Line]]:
        """By carrier's payment."""
        return _grouped((one.payment, one) for one in self.lines if one.payment)

    @cached_property
    def lines_of_procedure(self) -> Mapping[int, list[rows.Line]]:
        """By procedure."""
        return _grouped((one.procedure, one) for one in self.lines if one.procedure)

    @cached_property
    def splits_of_procedure(self) -> Mapping[int, list[rows.Split]]:
        """By procedure."""
        return _grouped((one.procedure, one) for one in self.splits if one.procedure)

    @cached_property
    def splits_of_payment(self) -> Mapping[int, list[rows.Split]]:
        """By payment."""
        return _grouped((one.payment, one) for one in self.splits)

    @cached_property
    def charges_of_plan(self) -> Mapping[int, list[rows.PlanCharge]]:
        """By payment plan, the oldest first."""
        ordered = sorted(self.plan_charges, key=lambda one: (one.day or date.min, one.key))
        return _grouped((one.plan, one) for one in ordered)

    @cached_property
    def covered_twice(self) -> frozenset[int]:
        """Patients with a second coverage."""
        return frozenset(one.patient for one in self.coverages if one.ordinal > 1)

    @cached_property
    def claims_beside(self) -> Beside:
        """How claims of several coverages for the same work stand to each other."""
        of_procedure: dict[int, dict[int, rows.Claim]] = defaultdict(dict)
        for line in self.lines:
            claim = self.claims.get(line.claim)
            if line.procedure and claim is not None and claim.kind in {"P", "S"}:
                of_procedure[line.procedure][claim.key] = claim
        seconds: dict[int, rows.Claim] = {}
        waiting: set[int] = set()
        for claims in of_procedure.values():
            firsts = [one for one in claims.values() if one.kind == "P"]
            others = [one for one in claims.values() if one.kind == "S"]
            for first in firsts:
                for other in others:
                    # Of several the one that is furthest.
                    if first.key not in seconds or other.status in {"S", "R"}:
                        seconds[first.key] = other
            if firsts and all(one.status != "R" for one in firsts):
                waiting |= {one.key for one in others}
        return Beside(seconds, frozenset(waiting))

    # -- balances ---------------------------------------------------------------------------------------------------

    def entries(self, rule: PlanRule) -> Iterator[tuple[int, Entry]]:
        """Everything that moves a patient's balance.

        Completed procedures on their day, signed adjustments on theirs, less payments and write-offs of lines that are
        received, supplemental or completed capitation on DateCP, less splits on DatePay but of hidden unearned types.
        Headers (payments, carriers' payments, claims) count nothing.
        Source: https://www.opendental.com/manual/account.html; rules of plans: /manual/paymentplandynamic.html.
        """
        for procedure in self.procedures.values():
            if procedure.cost:
                yield procedure.patient, Entry(procedure.day, procedure.cost)
        for adjustment in self.adjustments:
            yield adjustment.patient, Entry(adjustment.day, adjustment.amount)
        for line in self.lines:
            if line.counts and (amount := line.paid + line.write_off):
                yield line.patient, Entry(line.day, -amount)
        for split in self.splits:
            if split.unearned not in self.hidden:
                yield split.patient, Entry(split.day, -split.amount)
        if rule is not PlanRule.NOT_COUNTED:
            yield from self._plan_entries(rule)

    def _plan_entries(self, rule: PlanRule) -> Iterator[tuple[int, Entry]]:
        credited = {one.plan for one in self.plan_charges if one.is_credit}
        for plan in self.pay_plans.values():
            # A plan of today's kind keeps what it finances in links; their sum stands on the plan.
            if not plan.insurance_plan and plan.key not in credited and plan.credits:
                yield plan.patient, Entry(plan.day, -plan.credits)
        for charge in self.plan_charges:
            of = self.pay_plans.get(charge.plan)
            if of is None or of.insurance_plan:
                continue
            if charge.is_credit:
                yield charge.patient, Entry(charge.day, -charge.amount)
            elif rule is PlanRule.CREDITS_AND_DEBITS and not (charge.day and charge.day > self.as_of):
                yield charge.guarantor or charge.patient, Entry(charge.day, charge.amount)

    def _by(self, group: Callable[[int], int], rule: PlanRule) -> dict[int, list[Entry]]:
        found: dict[int, list[Entry]] = defaultdict(list)
        for patient, entry in self.entries(rule):
            found[group(patient)].append(entry)
        return found

    @cached_property
    def plan_rule(self) -> PlanRule:
        """The rule by which most of the stored balances of families with a plan agree with ours; the default where
        none is better. Nobody is asked for the office's preference."""
        with_plans = {self.family_of(one.patient) for one in self.pay_plans.values() if not one.insurance_plan}
        with_plans |= {self.family_of(one.guarantor) for one in self.pay_plans.values() if one.guarantor}
        if not with_plans:
            return PlanRule.CREDITS_AND_DEBITS
        agreeing = {}
        for rule in (PlanRule.CREDITS_AND_DEBITS, PlanRule.NOT_COUNTED, PlanRule.CREDITS_ONLY):
            ours = self._by(self.family_of, rule)
            agreeing[rule] = sum(
                sum(one.amount for one in ours.get(family, ())) == self.stored_of(family) for family in with_plans
            )
        return max(agreeing, key=lambda rule: agreeing[rule])

    def stored_of(self, family: int) -> int:
        """The balance that the office keeps of a family."""
        found = self.patients.get(family)
        return 0 if found is None else found.stored

    @cached_property
    def entries_of_family(self) -> Mapping[int, list[Entry]]:
        """By guarantor."""
        return self._by(self.family_of, self.plan_rule)

    @cached_property
    def aged_families(self) -> Mapping[int, Aged]:
        """By guarantor, every family that owes, is owed, or ever had anything."""
        return {family: age(these, self.as_of) for family, these in self.entries_of_family.items()}

    @cached_property
    def aged_patients(self) -> Mapping[int, Aged]:
        """By patient: own charges against own credits. Their balances make the family's; their buckets need not,
        because a family's credits go to whoever has the oldest charge."""
        return {one: age(these, self.as_of) for one, these in self._by(lambda one: one, self.plan_rule).items()}

    @cached_property
    def members(self) -> Mapping[int, list[int]]:
        """By guarantor, the patients whose money ever moved."""
        return _grouped((self.family_of(one), one) for one in sorted(self.aged_patients))

    @cached_property
    def aged_practice(self) -> Aged:
        """The sum of all families: what some owe is not what others are owed."""
        return sum(self.aged_families.values(), NOTHING)

    @cached_property
    def aged_carriers(self) -> Mapping[int, Aged]:
        """By carrier, what unanswered lines of claims are expected to pay and write off, by the age of the claim: from
        the day on which it was sent, else of its service. Predeterminations expect nothing.
        """
        found: dict[int, list[Entry]] = defaultdict(list)
        for line in self.pending:
            claim = self.claims.get(line.claim)
            since = None if claim is None else claim.sent or claim.service
            found[self.carrier_of(line.plan)].append(Entry(since or line.day, line.expected + line.write_off))
        return {carrier: age(these, self.as_of) for carrier, these in found.items()}

    @cached_property
    def pending(self) -> list[rows.Line]:
        """Lines of claims that are not answered: what the program calls the insurance estimate."""
        return [one for one in self.lines if one.status == "NotReceived"]

    @cached_property
    def pending_of_family(self) -> Mapping[int, int]:
        """By guarantor, what they are expected to pay and write off."""
        found: dict[int, int] = defaultdict(int)
        for line in self.pending:
            found[self.family_of(line.patient)] += line.expected + line.write_off
        return found

    @cached_property
    def edited(self) -> Mapping[int, date]:
        """By guarantor, the day on which any row of the family's money was last changed."""
        found: dict[int, date] = {}
        for those in (self.procedures.values(), self.lines, self.splits, self.adjustments):
            for one in those:
                if one.edited is not None:
                    family = self.family_of(one.patient)
                    if family not in found or found[family] < one.edited:
                        found[family] = one.edited
        return found

    # -- what covers what -------------------------------------------------------------------------------------------

    @cached_property
    def covers(self) -> Mapping[int, Cover]:
        """By completed procedure. Attached is what names it: splits, lines, and adjustments whose provider and clinic
        are the procedure's. All other credits of the family go to what is open, oldest first, as aging has it.
        """
        sums = defaultdict[int, _Sums](_Sums)
        loose = self._credits(sums)
        financed = {one.procedure for one in self.plan_charges if one.procedure}
        made: dict[int, Cover] = {}
        for procedure in sorted(self.procedures.values(), key=lambda one: (one.day or date.min, one.key)):
            of = sums[procedure.key]
            cover = Cover(
                procedure,
                of.adjusted,
                of.insurance,
                of.write_off,
                of.patient,
                0,
                of.expected,
                of.estimated,
                procedure.key in financed,
            )
            family = self.family_of(procedure.patient)
            used = max(0, min(cover.open, loose[family]))
            loose[family] -= used
            made[procedure.key] = replace(cover, unattached=used) if used else cover
        return made

    def _credits(self, sums: dict[int, _Sums]) -> dict[int, int]:
        """Add up what names a procedure, and return by guarantor what names none."""
        mine, loose = self.procedures, defaultdict[int, int](int)
        for split in self.splits:
            if split.procedure in mine:
                sums[split.procedure].patient += split.amount
            elif split.unearned not in self.hidden and not split.adjustment:
                loose[self.family_of(split.patient)] += split.amount
        for line in self.lines:
            if line.procedure in mine:
                sums[line.procedure].add(line)
            elif line.counts:
                loose[self.family_of(line.patient)] += line.paid + line.write_off
        for one in self.adjustments:
            of = mine.get(one.procedure)
            if of is not None and (of.provider, of.clinic) == (one.provider, one.clinic):
                sums[one.procedure].adjusted += one.amount
            elif one.amount < 0:
                loose[self.family_of(one.patient)] -= one.amount
        return loose

    @cached_property
    def open_of_family(self) -> Mapping[int, int]:
        """By guarantor, what is open of completed procedures after all credits and what carriers are to pay."""
        found: dict[int, int] = defaultdict(int)
        for one in self.covers.values():
            found[self.family_of(one.procedure.patient)] += max(0, one.open - one.expected - one.estimated)
        return found


@dataclass(slots=True)
class _Sums:
    """What names one procedure; as `Cover`."""

    adjusted: int = 0
    insurance: int = 0
    write_off: int = 0
    patient: int = 0
    expected: int = 0
    estimated: int = 0

    def add(self, line: rows.Line) -> None:
        if line.counts:
            self.insurance += line.paid
            self.write_off += line.write_off
        elif line.status == "NotReceived":
            self.expected += line.expected + line.write_off
        elif line.status == "Estimate":
            self.estimated += line.estimate + max(0, line.expected_write_off or 0)


def _grouped(pairs: Iterable[tuple[int, Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for number, one in pairs:
        found[number].append(one)
    return found


def _take_procedure(books: Books, row: Row) -> None:
    if row.get("ProcStatus") in rows.PLANNED:
        books.planned.add(key(row.get("ProcNum")))
    elif (made := rows.procedure(row)) is not None:
        books.procedures[made.key] = made


def _take_claim(books: Books, row: Row) -> None:
    made = rows.claim(row)
    books.claims[made.key] = made


def _take_line(books: Books, row: Row) -> None:
    books.lines.append(rows.line(row, keep=books.needs_row))


def _take_definition(books: Books, row: Row) -> None:
    if rows.is_hidden_type(row):
        books.hidden.add(key(row.get("DefNum")))


def _take_carrier(books: Books, row: Row) -> None:
    if rows.takes_paper(row):
        books.paper.add(key(row.get("CarrierNum")))


def _keyed(name: str, make: Callable[[Row], Any]) -> Callable[[Books, Row], None]:
    def take(books: Books, row: Row) -> None:
        made = make(row)
        getattr(books, name)[made.key] = made

    return take


def _listed(name: str, make: Callable[[Row], Any]) -> Callable[[Books, Row], None]:
    def take(books: Books, row: Row) -> None:
        getattr(books, name).append(make(row))

    return take


_TAKERS: Final[Mapping[str, Callable[[Books, Row], None]]] = {
    "definitions": _take_definition,
    "carriers": _take_carrier,
    "insplans": _keyed("plans", rows.plan),
    "patients": _keyed("patients", rows.patient),
    "patplans": _listed("coverages", rows.coverage),
    "procedurelogs": _take_procedure,
    "claims": _take_claim,
    "claimprocs": _take_line,
    "claimpayments": _keyed("checks", rows.check),
    "payments": _keyed("payments", rows.payment),
    "paysplits": _listed("splits", rows.split),
    "adjustments": _listed("adjustments", rows.adjustment),
    "payplans": _keyed("pay_plans", rows.pay_plan),
    "payplancharges": _listed("plan_charges", rows.plan_charge),
}
