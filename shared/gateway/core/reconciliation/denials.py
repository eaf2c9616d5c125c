"""What says that a claim was denied, why, and what to do next.

Open Dental has no denied status; `normalize.claims` says what counts as evidence, and this asks it, so that a finding
and a claim never differ. Of what was typed only the code of a reason is told on.
Sources: https://x12.org/codes/claim-adjustment-reason-codes, https://www.opendental.com/manual/claimreceive.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from gateway.core.normalize import claims
from gateway.core.reconciliation.books import Books
from gateway.core.reconciliation.finding import Evidence
from gateway.core.reconciliation.settings import Settings

REASON: Final = "reason_code_"
"""Begins the `why` of a reason code: `reason_code_16`."""


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


TO_CORRECT: Final = _codes(
    "4 5 6 7 8 11 12 13 14 15 16 29 31 95 110 125 129 140 146 148 163 164 181 182 183 184 206 207 208 226 "
    "250 251 252 B7 B16"
)
"""The claim itself was wrong or incomplete: codes, ages, ids, attachments."""

NOT_COVERED: Final = frozenset("26 27 32 33 34 96 149 166 177 200 204 242 243 256 B1".split())  # noqa: SIM905
"""The plan does not pay this, or did not cover the patient: no appeal changes that."""

ELSEWHERE: Final = frozenset("22 109 136".split())  # noqa: SIM905
"""Another carrier comes first."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that speaks for the denial: `why` a code, of a line or (`line` 0) of the claim."""

    why: str
    claim: int
    line: int


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a claim was denied, the best evidence first."""

    pieces: tuple[Piece, ...]

    @property
    def whys(self) -> tuple[str, ...]:
        """The reasons, each once."""
        return tuple(dict.fromkeys(one.why for one in self.pieces))

    @property
    def codes(self) -> frozenset[str]:
        """Reason codes of an electronic answer, bare."""
        return frozenset(one.removeprefix(REASON) for one in self.whys if one.startswith(REASON))


def denied_claims(books: Books, settings: Settings) -> Mapping[int, Denial]:
    """By claim, those that were answered lately and denied."""
    found: dict[int, Denial] = {}
    for claim in books.claims.values():
        is_old = claim.received is not None and (books.as_of - claim.received).days > settings.answers_days
        if claim.row is None or is_old:
            continue
        lines = [line.row for line in books.lines_of_claim.get(claim.key, []) if line.row is not None]
        is_denied, evidence = claims.denial(claim.row, lines, line_id=lambda number: number)
        if is_denied is True:
            pieces = [Piece(_why(one), claim.key, one["line_id"] or 0) for one in evidence]
            found[claim.key] = Denial(tuple(dict.fromkeys(pieces)))
    return found


def _why(piece: Mapping[str, object]) -> str:
    kind = str(piece["kind"])
    return f"{REASON}{piece['value']}" if kind == "reason_code" else kind


def as_evidence(piece: Piece, day: date) -> Evidence:
    """As a finding shows it."""
    if piece.line:
        return Evidence("claim_line", piece.line, piece.why, "remarks", None, day)
    return Evidence("claim", piece.claim, piece.why, "underpaid_reason", None, day)


def next_step(denial: Denial, *, other_coverage: bool) -> str:
    """What to do, by the reasons: what the claim lacks is corrected, what the plan does not cover is another coverage's
    or the patient's, and everything else is appealed."""
    codes = denial.codes
    if codes & TO_CORRECT:
        return "correct_and_resend"
    if codes & ELSEWHERE or (other_coverage and codes & NOT_COVERED):
        return "bill_secondary"
    if codes and codes <= NOT_COVERED:
        return "bill_patient"
    return "bill_secondary" if other_coverage and not codes else "appeal"
