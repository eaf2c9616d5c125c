"""A practice that comes: its onboarding, step by step, as its client sees it."""

from __future__ import annotations

from typing import Any, Literal

from gateway.core.objects.envelopes import PracticeView
from gateway.core.objects.values import Instant, Part, PracticeId

StepName = Literal["verify", "learn", "agreement", "mirror", "subscriptions", "load"]


class OnboardingStep(Part):
    """One step."""

    step: StepName
    state: Literal["to_come", "running", "done", "skipped", "failed"]
    since: Instant | None
    """When it was first taken, of its present try."""
    looked_at: Instant | None
    code: str | None
    """What it waits for, or why it failed."""
    says: str | None
    """The same for people."""
    told: dict[str, Any]
    """What was found: of `verify` the practice and its mode, of `learn` version, tier and counts, of `load` how far it
    is and whether the office's clock agrees with the time zone that was said."""


class OnboardingView(Part):
    """The whole."""

    id: str
    practice_id: PracticeId
    state: Literal["running", "waiting_for_agreement", "waiting_for_operator", "failed", "done"]
    run_id: str | None
    """The run that goes through the steps: `GET /workflow_runs/{id}`."""
    requested_by: str
    """The client that began it."""
    began_at: Instant
    ended_at: Instant | None
    steps: list[OnboardingStep]


class NewPracticeView(PracticeView):
    """A practice that `POST /practices` has connected, is connecting, or found connected."""

    onboarding: OnboardingView | None
    """Null where the practice was connected before, by another request."""
