"""Why a client asks, in HL7's words: the header `Purpose-Of-Use`."""

from __future__ import annotations

from typing import Final

PURPOSES: Final = frozenset(
    {"COVERAGE", "ETREAT", "HMARKT", "HOPERAT", "HPAYMT", "HRESCH", "PATRQT", "PUBHLTH", "TREAT"}
)
"""Insurance coverage, emergency treatment, marketing, operations, payment, research, the patient's own request, public
health, treatment: all of HL7's general purposes of use.

Source: https://terminology.hl7.org/ValueSet-v3-GeneralPurposeOfUse.html, codes of v3-ActReason.
"""
