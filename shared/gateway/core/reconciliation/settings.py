"""Every threshold of the rules, in one place. Amounts in cents, times in the office's calendar days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Settings:
    """What the rules let pass. The values are what practice managers look at; nothing at Open Dental says them."""

    tolerance: int = 1
    """Differences below this are none: doubles at the office, cents here."""

    estimate_tolerance: int = 100
    """By how much an answer to a claim may differ from its estimate."""

    answers_days: int = 180
    """For how long after its answer a claim is held against its estimate, or called denied: what nobody took up by
    then is not going to be taken up."""

    silent_electronic_days: int = 30
    silent_paper_days: int = 45
    silent_secondary_more_days: int = 15
    """After how many days without an answer a claim is silent, by how its carrier takes claims; later ones come after
    another carrier's answer."""

    unsent_days: int = 7
    """How long after its service a claim may wait to be sent."""

    in_process_days: int = 90
    """The same of one whose visits are not all done."""

    finalise_days: int = 3
    """How long answered lines may go without a carrier's payment."""

    partial_days: int = 30
    """How long a carrier's payment may stay marked as partly entered."""

    secondary_days: int = 3
    """How long after the first carrier's answer the second may wait for its claim."""

    plan_grace_days: int = 10
    """How long after its day a charge of a payment plan may be unpaid."""

    broken_days: int = 30
    """How long the fee for a broken appointment may be open before somebody decides whether it is meant."""

    credit_days: int = 3
    """How old the youngest credit is before a family's credit is more than money on its way to its work."""

    quiet_days: int = 2
    """A family's stored balance is looked at where none of its rows changed for so long: aging runs at night."""

    agreeing_share: int = 80
    """Of a hundred families, how many stored balances have to agree: below, the office's aging has not run, and
    differences say nothing of a family."""

    high_amount: int = 50_000
    low_amount: int = 5_000
    """From which amount a finding is severe, and below which it is slight."""

    old_days: int = 90
    """After how many days a finding is one step more severe."""

    most_evidence: int = 50
    """Pieces of evidence that one finding names; `evidence_more` counts the rest."""


DEFAULT: Final = Settings()
