"""The run that goes through an onboarding's steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.core.callers import Caller
from gateway.core.errors import Unavailable
from gateway.core.onboarding.records import Onboarding, Superseded
from gateway.core.ports import Services
from gateway.core.workflows.control import begin_run

WORKFLOW: Final = "onboard_practice"


def start(onboarding: Onboarding, *, caller: Caller, on: Services) -> Onboarding:
    """Start the run of an onboarding, or see that it was started; returns the onboarding with its run.

    Raises: Unavailable.
    """
    if onboarding.run_id or onboarding.client_id != caller.id:
        return onboarding
    run = begin_run(WORKFLOW, onboarding.practice_id, caller=caller, key=onboarding.id, on=on)
    try:
        return on.onboardings.save(replace(onboarding, run_id=run.id))
    except Superseded:
        # Its first step was faster.
        onboarding = on.onboardings.load(onboarding.practice_id) or onboarding
        if onboarding.run_id:
            return onboarding
        raise Unavailable("this onboarding is being changed by others", retry_after=1.0) from None
