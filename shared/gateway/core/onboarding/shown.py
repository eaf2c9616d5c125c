"""An onboarding as its client sees it. No key, no fingerprint, nothing of the agreement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.onboarding.records import STEPS, Onboarding, Standing, Step, StepState
from gateway.core.walltime import instant_text, optional_instant_text

AGREEMENT_MISSING: Final = "agreement-missing"
OPERATOR_NEEDED: Final = "operator-needed"
LOADING: Final = "loading"
VERIFYING: Final = "verifying"

SAYS: Final[Mapping[str, str]] = {
    VERIFYING: "The keys are being proven at Open Dental.",
    "asking": "The office is being asked.",
    AGREEMENT_MISSING: "No agreement (BAA) of the practice is on record that covers today: POST /practices/{id}/baa by "
    "an operator's client. It goes on by itself then.",
    OPERATOR_NEEDED: "The client that began lacks a scope of operators. It goes on by itself once an operator has done "
    "it: PATCH /practices/{id}/sync.",
    LOADING: "The practice is being read for the first time; GET /practices/{id}/sync says how far that is.",
    "mirror-off": "Somebody has turned the mirror off. Begin again, or turn it on and start the run once more.",
    "practice-offline": "The practice does not answer; it is tried every minute.",
    "calls-stopped": "An operator has stopped all calls of this practice.",
    "key-refused": "Open Dental refuses the keys. Send them again with POST /practices once they are right.",
    "keys-not-kept": "The keys were gone before they could be tried. Send them again with POST /practices.",
    "unreachable": "Nobody answers by any way that was said.",
    "address-unknown": "The request that began did not say at which address the API is called from outside.",
    "permission-missing": "The practice's key lacks the permission that Open Dental wants for this.",
    "version-too-old": "The practice's Open Dental is too old for this.",
    "by-fhir": "This practice is read by FHIR, which tells nothing by itself.",
    "invalid": "What was said of the agreement cannot be recorded: it is not signed yet, or over already.",
}
"""Code -> what it means, for people."""

OVER: Final = "done"


def state_of(onboarding: Onboarding) -> str:
    """How the whole stands: `failed`, `waiting_for_agreement`, `waiting_for_operator`, `running` or `done`."""
    standings = [onboarding.step(step) for step in STEPS]
    if any(one.state is StepState.FAILED for one in standings):
        return "failed"
    waits = {one.code for one in standings if one.state is StepState.RUNNING}
    if AGREEMENT_MISSING in waits:
        return "waiting_for_agreement"
    if OPERATOR_NEEDED in waits:
        return "waiting_for_operator"
    return OVER if all(one.state.is_over for one in standings) else "running"


def shown(onboarding: Onboarding) -> dict[str, Any]:
    """The whole, step by step."""
    state = state_of(onboarding)
    last = onboarding.step(STEPS[-1])
    return {
        "id": onboarding.id,
        "practice_id": onboarding.leads_to or onboarding.practice_id,
        "state": state,
        "run_id": onboarding.run_id or None,
        "requested_by": onboarding.client_id,
        "began_at": instant_text(onboarding.began_at),
        "ended_at": optional_instant_text(last.at) if state == OVER else None,
        "steps": [step_shown(step, onboarding.step(step)) for step in STEPS],
    }


def step_shown(step: Step, standing: Standing) -> dict[str, Any]:
    """One step."""
    return {
        "step": step.value,
        "state": standing.state.value,
        "since": optional_instant_text(standing.since),
        "looked_at": optional_instant_text(standing.at),
        "code": standing.code,
        "says": None if standing.code is None else SAYS.get(standing.code),
        "told": dict(standing.told),
    }
