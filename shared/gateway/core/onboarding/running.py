"""The run that goes through an onboarding's steps."""

from __future__ import annotations

from typing import Final

from gateway.core.callers import Caller
from gateway.core.onboarding.records import Onboarding
from gateway.core.ports import Services

WORKFLOW: Final = "onboard_practice"


def start(onboarding: Onboarding, *, caller: Caller, on: Services) -> Onboarding:
    """Start the run of an onboarding, or see that it was started; returns the onboarding with its run.

    Raises: Unavailable.
    """
    return onboarding
