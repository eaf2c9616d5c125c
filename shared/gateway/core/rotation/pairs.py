"""A practice as the upstream port takes it when another pair of keys than the current one is meant.

Each key has a pace of its own, named by its fingerprint; calls never overlap whichever they are made with, because
the lease is the practice's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.core.ports import Pair
from gateway.core.practices import Practice

_NEXT: Final = "under-next-key"
_FORMER: Final = "under-former-key"
PORTAL: Final = "under-portal-key"
OF_STATE: Final[Mapping[str, Pair]] = {_NEXT: Pair.NEXT, _FORMER: Pair.FORMER}
"""The state of such a practice -> which pair it is called with."""


def under_next(practice: Practice, fingerprint: str) -> Practice:
    """The practice, to be called with the key that is to follow."""
    return replace(practice, state=_NEXT, key_fingerprint=fingerprint)


def under_former(practice: Practice, fingerprint: str) -> Practice:
    """The practice, to be called with the key that it had before."""
    return replace(practice, state=_FORMER, key_fingerprint=fingerprint)


def under_portal(practice: Practice) -> Practice:
    """The developer's portal, at the address of the practice; `portal` keeps its pace, which is the deployment's."""
    return replace(practice, state=PORTAL, key_fingerprint=PORTAL)
