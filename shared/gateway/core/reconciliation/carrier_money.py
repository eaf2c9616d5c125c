"""What does not add up in what carriers were asked for and paid. Each rule looks at the books and says what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from gateway.core import ids
from gateway.core.reconciliation import denials, rows
from gateway.core.reconciliation.books import Books
from gateway.core.reconciliation.finding import Evidence, Found, Kind
from gateway.core.reconciliation.judging import days, earliest, is_within, severity_of, youngest
from gateway.core.reconciliation.settings import Settings

_EXPECTING: Final = frozenset({"P", "S", "Other"})
"""Claims that money is expected of: no predeterminations, and no capitation, which pays by the month."""


def _answered(books: Books, settings: Settings) -> Iterator[tuple[rows.Claim, list[rows.Line]]]:
    """Claims that were answered not too long ago, with their lines."""
    for claim in books.claims.values():
        if claim.status == "R" and claim.kind in _EXPECTING:
            if claim.received is not None and not is_within(claim.received, books, settings.answers_days):
                continue
            yield claim, books.lines_of_claim.get(claim.key, [])


def _differences(lines: list[rows.Line]) -> dict[int, tuple[int, list[rows.Line]]]:
    """By procedure (0: the claim as a whole), what was paid and written off less what was estimated on its lines.

    Later payments and take-backs are lines of their own without an estimate. A write-off that nobody estimated is
    taken as it is.
    """
    found: dict[int, tuple[int, list[rows.Line]]] = {}
    for line in lines:
        if line.status not in rows.ANSWERED or line.is_transfer:
            continue
        before, these = found.get(line.procedure, (0, []))
        expected = 0
        if line.status == "Received":
            expected = line.expected + (line.write_off if line.expected_write_off is None else line.expected_write_off)
        found[line.procedure] = (before + line.paid + line.write_off - expected, [*these, line])
    return found


def _claim_evidence(lines: Iterable[rows.Line]) -> list[Evidence]:
    pieces: list[Evidence] = []
    for line in lines:
        if line.status == "Received":
            pieces.append(Evidence("claim_line", line.key, "estimated", "estimated", line.expected, line.day))
        if line.deductible:
            pieces.append(Evidence("claim_line", line.key, "deductible", "deductible", line.deductible, line.day))
        pieces.append(Evidence("claim_line", line.key, "paid_by_carrier", "paid", line.paid, line.day))
        if line.write_off:
            pieces.append(Evidence("claim_line", line.key, "written_off", "write_off", line.write_off, line.day))
    return pieces


def underpaid_by_carrier(books: Books, settings: Settings) -> Iterator[Found]:
    """A claim that was answered with less, by payment and write-off, than was estimated on its lines.

    Denials are found by a rule of their own. Source: https://www.opendental.com/manual/claimreceive.html.
    """
    denied = denials.denied_claims(books, settings)
    for claim, lines in _answered(books, settings):
        if claim.key in denied:
            continue
        # What was paid as a total, without a procedure, makes up for the lines.
        by_procedure = _differences(lines)
        total, _ = by_procedure.pop(0, (0, []))
        short = {number: (by, these) for number, (by, these) in by_procedure.items() if by < 0}
        amount = -sum(by for by, _ in short.values()) - max(0, total)
        if amount > settings.estimate_tolerance:
            these = [line for _, those in short.values() for line in those]
            yield _of_answer(Kind.UNDERPAID_BY_CARRIER, claim, these, amount, books=books, settings=settings)


def overpaid_by_carrier(books: Books, settings: Settings) -> Iterator[Found]:
    """A claim that was answered with more than was estimated, or on whose work carriers paid and wrote off more than it
    cost.

    Sources: https://www.opendental.com/manual/claimpaymentsupplemental.html, /manual/insurancerefunds.html.
    """
    for claim, lines in _answered(books, settings):
        more: dict[int, int] = {}
        those: list[rows.Line] = []
        for number, (by, these) in _differences(lines).items():
            cover = books.covers.get(number)
            beyond = 0 if cover is None else max(0, -cover.due_of_patient)
            over = max(by if by > settings.estimate_tolerance else 0, min(beyond, sum(one.paid for one in these)))
            if over > settings.tolerance:
                more[number] = over
                those += these
        amount = sum(more.values())
        if amount > 0:
            yield _of_answer(Kind.OVERPAID_BY_CARRIER, claim, those, amount, books=books, settings=settings)


_ANSWERS: Final = {
    Kind.UNDERPAID_BY_CARRIER: (
        "The carrier paid and wrote off less than was estimated on the claim's lines.",
        "check_estimate",
    ),
    Kind.OVERPAID_BY_CARRIER: (
        "The carrier paid and wrote off more than was estimated on the claim's lines, or than the work cost.",
        "return_to_carrier",
    ),
}


def _of_answer(
    kind: Kind, claim: rows.Claim, lines: list[rows.Line], amount: int, *, books: Books, settings: Settings
) -> Found:
    explanation, action = _ANSWERS[kind]
    opened = claim.received or max((one.day for one in lines if one.day), default=books.as_of)
    evidence, more = youngest(_claim_evidence(lines), settings)
    return Found(
        kind,
        (claim.key,),
        severity_of(amount, opened, books, settings),
        amount,
        opened,
        evidence,
        explanation,
        action,
        patient=claim.patient,
        family=books.family_of(claim.patient),
        claim=claim.key,
        carrier=books.carrier_of(claim.plan),
        evidence_more=more,
    )


def claim_silent(books: Books, settings: Settings) -> Iterator[Found]:
    """A claim that was sent and is not answered, by days that its carrier's way of taking claims allows.

    Counted from DateSent, which moves when it is sent again. Predeterminations are waited for by nobody. Source:
    https://www.opendental.com/manual/reportoutins.html.
    """
    for claim in books.claims.values():
        if claim.status != "S" or claim.kind not in _EXPECTING or claim.sent is None:
            continue
        carrier = books.carrier_of(claim.plan)
        by_post = carrier in books.paper
        allowed = settings.silent_paper_days if by_post else settings.silent_electronic_days
        allowed += settings.silent_secondary_more_days if claim.kind == "S" else 0
        opened = claim.sent + days(allowed)
        if opened > books.as_of:
            continue
        expected = sum(one.expected for one in books.lines_of_claim.get(claim.key, []) if one.status == "NotReceived")
        amount = expected or claim.fee
        yield Found(
            Kind.CLAIM_SILENT,
            (claim.key,),
            severity_of(amount, opened, books, settings),
            amount,
            opened,
            (Evidence("claim", claim.key, "sent_and_unanswered", "sent_on", amount, claim.sent),),
            f"The claim was sent on {claim.sent} {'by post' if by_post else 'electronically'} and is not answered;"
            f" {allowed} days are allowed.",
            "call_carrier",
            patient=claim.patient,
            family=books.family_of(claim.patient),
            claim=claim.key,
            carrier=carrier,
        )


def claim_unsent(books: Books, settings: Settings) -> Iterator[Found]:
    """A claim that waits to be sent longer than it should: unsent, queued, or held until its visits are done.

    One that is held for the first carrier's answer is found by another rule. Source:
    https://www.opendental.com/manual/claimtabstatus.html.
    """
    allowed = {"U": settings.unsent_days, "W": settings.unsent_days, "I": settings.in_process_days}
    for claim in books.claims.values():
        if claim.status not in allowed or claim.kind not in _EXPECTING or claim.service is None:
            continue
        if claim.kind == "S" and not claim.key not in books.claims_beside.waiting:
            continue
        opened = claim.service + days(allowed[claim.status])
        if opened > books.as_of:
            continue
        is_unfinished = claim.status == "I"
        yield Found(
            Kind.CLAIM_UNSENT,
            (claim.key,),
            severity_of(claim.fee, opened, books, settings),
            claim.fee,
            opened,
            (
                Evidence(
                    "claim",
                    claim.key,
                    "in_process" if is_unfinished else "not_sent",
                    "status",
                    claim.fee,
                    claim.service,
                ),
            ),
            f"The claim of {claim.service} is not sent; {allowed[claim.status]} days are allowed.",
            "finish_treatment" if is_unfinished else "send_claim",
            patient=claim.patient,
            family=books.family_of(claim.patient),
            claim=claim.key,
            carrier=books.carrier_of(claim.plan),
        )


def claim_denied(books: Books, settings: Settings) -> Iterator[Found]:
    """A claim that was answered with nothing, with evidence of a denial: a denial has no status at Open Dental.

    What counts as evidence, and what next, is said in `denials`.
    """
    for claim, denial in denials.denied_claims(books, settings).items():
        of = books.claims[claim]
        opened = of.received or books.as_of
        lines = books.lines_of_claim.get(claim, [])
        amount = sum(one.expected for one in lines if one.status == "Received") or of.fee
        evidence, more = youngest([denials.as_evidence(piece, opened) for piece in denial.pieces], settings)
        reasons = ", ".join(denial.whys)
        yield Found(
            Kind.CLAIM_DENIED,
            (claim,),
            severity_of(amount, opened, books, settings),
            amount,
            opened,
            evidence,
            f"The claim was answered with nothing, and its rows say why: {reasons}.",
            denials.next_step(denial, other_coverage=_has_other(of, books)),
            patient=of.patient,
            family=books.family_of(of.patient),
            claim=claim,
            carrier=books.carrier_of(of.plan),
            evidence_more=more,
        )


def _has_other(claim: rows.Claim, books: Books) -> bool:
    """Whether another coverage could be billed that was not."""
    return claim.kind == "P" and bool(claim.other_plan) and claim.key not in books.claims_beside.seconds


def received_not_finalised(books: Books, settings: Settings) -> Iterator[Found]:
    """Answered lines with money on them and no carrier's payment: it is in balances and in no deposit.

    Lines of income transfers have none, and a payment of nothing needs none. Source:
    https://www.opendental.com/manual/claimpayfinalize.html.
    """
    for claim, lines in books.lines_of_claim.items():
        waiting = [
            one for one in lines if one.status in rows.ANSWERED and not one.payment and one.paid and not one.is_transfer
        ]
        if not waiting:
            continue
        first = earliest((one.day for one in waiting), books)
        opened = first + days(settings.finalise_days)
        if opened > books.as_of:
            continue
        amount = abs(sum(one.paid for one in waiting))
        evidence, more = youngest(
            [Evidence("claim_line", one.key, "received_without_payment", "paid", one.paid, one.day) for one in waiting],
            settings,
        )
        of = books.claims.get(claim)
        patient = waiting[0].patient
        yield Found(
            Kind.RECEIVED_NOT_FINALISED,
            (claim,),
            severity_of(amount, opened, books, settings),
            amount,
            opened,
            evidence,
            "Lines of the claim are received with money, and no payment of the carrier was entered for them.",
            "finalise",
            patient=patient,
            family=books.family_of(patient),
            claim=claim,
            carrier=books.carrier_of(waiting[0].plan if of is None else of.plan),
            evidence_more=more,
        )


def claim_payment_mismatch(books: Books, settings: Settings) -> Iterator[Found]:
    """A carrier's payment whose lines do not sum to it. One that is marked as partly entered gets some time.

    CheckAmt is the sum of InsPayAmt, else IsPartial. Source: https://www.opendental.com/manual/claimpaymentbatch.html.
    """
    for check in books.checks.values():
        lines = books.lines_of_check.get(check.key, [])
        total = sum(one.paid for one in lines)
        amount = abs(check.amount - total)
        if amount <= settings.tolerance:
            continue
        opened = (check.day or books.as_of) + days(settings.partial_days if check.is_partial else 0)
        if opened > books.as_of:
            continue
        pieces = [Evidence("claim_payment", check.key, "paid_by_carrier", "amount", check.amount, check.day)]
        pieces += [Evidence("claim_line", one.key, "under_this_payment", "paid", one.paid, one.day) for one in lines]
        evidence, more = youngest(pieces, settings)
        plan = lines[0].plan if lines else 0
        partly = " It is marked as partly entered." if check.is_partial else ""
        yield Found(
            Kind.CLAIM_PAYMENT_MISMATCH,
            (check.key,),
            severity_of(amount, opened, books, settings),
            amount,
            opened,
            evidence,
            f"The lines under the carrier's payment do not sum to its amount.{partly}",
            "correct_check",
            payment=ids.insurance_payment_key(check.key),
            carrier=books.carrier_of(plan) if plan else 0,
            evidence_more=more,
        )


def secondary_not_billed(books: Books, settings: Settings) -> Iterator[Found]:
    """The first carrier has answered, work is still open, and the second carrier's claim is not sent.

    A claim names the other coverage (PlanNum2). Secondary claims are held (H) until the primary one is received; where
    there is none at all, the patient still has to have a second coverage. Source:
    https://www.opendental.com/manual/inssecondary.html.
    """
    seconds = books.claims_beside.seconds
    for claim, lines in _answered(books, settings):
        if claim.kind != "P" or not claim.other_plan or claim.received is None:
            continue
        second = seconds.get(claim.key)
        if second is None and claim.patient not in books.covered_twice:
            continue
        if second is not None and second.status in {"S", "R", "W", "I"}:
            continue
        opened = claim.received + days(settings.secondary_days)
        covers = [books.covers[one] for one in sorted({line.procedure for line in lines}) if one in books.covers]
        amount = sum(max(0, one.open) for one in covers)
        if opened > books.as_of or amount < max(1, settings.tolerance):
            continue
        pieces = [Evidence("claim", claim.key, "answered_by_first", "received_on", None, claim.received)]
        if second is not None:
            pieces.append(Evidence("claim", second.key, "held", "status", second.fee, second.service))
        pieces += [
            Evidence("procedure", one.procedure.key, "open", "total_fee", one.open, one.procedure.day)
            for one in covers
            if one.open > 0
        ]
        evidence, more = youngest(pieces, settings)
        yield Found(
            Kind.SECONDARY_NOT_BILLED,
            (claim.key,),
            severity_of(amount, opened, books, settings),
            amount,
            opened,
            evidence,
            "The first carrier has answered, work is open, and the other coverage was not billed.",
            "bill_secondary",
            patient=claim.patient,
            family=books.family_of(claim.patient),
            claim=claim.key,
            carrier=books.carrier_of(claim.other_plan),
            evidence_more=more,
        )
