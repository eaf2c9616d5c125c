"""What an own write may change beside the row that it is about: other rows, which nobody reads back in its turn.

Open Dental recomputes while it writes: a payment moves balances, a broken visit makes a procedure, a claim's lines its
totals. Those rows are not answered from the mirror until it has been brought up to date behind the write. Which rows
they are is said by resource and family: a patient's money and recalls reach no further, and one mark for the whole
practice would send every read of a busy office to Open Dental. Where a write does not name its patient, or reaches
beyond the family, it is everybody's.

Source: the side effects of https://www.opendental.com/site/apiappointments.html, apiprocedurelogs.html, apiclaims.html,
apiclaimprocs.html, apipayments.html, apipatients.html and apipatplans.html there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.core.mirror.mirrored import MIRRORED, Rank

EVERYBODY: Final = 0
"""Stands for a family that is not known."""

_BALANCES: Final = ("patients",)
"""The rows of the family carry what it owes."""

_BESIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "appointments": ("procedurelogs", "claimprocs", "recalls", "treatplans", "commlogs", "adjustments", "patients"),
    "procedurelogs": ("appointments", "claimprocs", "recalls", "treatplans", "adjustments", *_BALANCES),
    "claims": ("claimprocs", "procedurelogs", *_BALANCES),
    "claimprocs": ("claims", "claimpayments", "payplancharges", *_BALANCES),
    "claimpayments": ("claims", "claimprocs", *_BALANCES),
    "payments": ("paysplits", "payplancharges", *_BALANCES),
    "paysplits": ("payments", "payplancharges", *_BALANCES),
    "adjustments": _BALANCES,
    "payplans": ("payplancharges", "paysplits", "adjustments", "claimprocs", *_BALANCES),
    "payplancharges": ("payplans", *_BALANCES),
    "patients": ("patients", "recalls"),
    "patplans": ("claimprocs", "inssubs", "recalls", *_BALANCES),
    "inssubs": ("patplans", "claimprocs", "insplans", *_BALANCES),
    "insplans": ("inssubs", "patplans", "claimprocs", "claims"),
    "benefits": ("claimprocs",),
    "treatplans": ("procedurelogs", "claimprocs"),
    "treatplanattaches": ("treatplans", "procedurelogs"),
    "proctps": ("treatplans",),
    "perioexams": ("periomeasures",),
    "periomeasures": ("perioexams",),
    "recalls": ("recalls",),
    "recalltypes": ("recalls",),
    "diseases": (),
    "allergies": (),
    "medicationpats": (),
    "commlogs": (),
    "documents": (),
    "patfields": (),
    "apptfields": (),
    "tasks": (),
    "tasknotes": ("tasks",),
    "tasklists": ("tasks",),
    "popups": (),
    "schedules": (),
    "subscriptions": (),
}

_BEYOND_THE_FAMILY: Final = frozenset({"insplans", "inssubs", "benefits", "claimpayments", "recalltypes"})
"""A plan, and a carrier's check, are for many families."""

_OF_PEOPLE: Final = tuple(one.resource for one in MIRRORED.values() if one.rank is not Rank.SETUP)
_SETUP: Final = frozenset(one.resource for one in MIRRORED.values() if one.rank is Rank.SETUP)


def beside(resource: str) -> tuple[str, ...]:
    """Mirrored resources of which a write of `resource` may change rows unseen; all of people's, where nothing is
    known about it.
    """
    if resource in _SETUP:
        return ()
    return _BESIDE.get(resource, _OF_PEOPLE)


def is_for_everybody(resource: str) -> bool:
    """Whether a write of `resource` may change rows of other families than the patient's that it names."""
    return resource in _SETUP or resource in _BEYOND_THE_FAMILY


def mark(resource: str, family: int = EVERYBODY) -> str:
    """How a change of the rows of `resource` that belong to `family` (a guarantor's key) is noted."""
    return f"{resource}:{family}"
