"""How far an onboarding is, and the port that keeps it. No key is in it: those lie in the vault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol


class Step(StrEnum):
    """The steps, in their order."""

    VERIFY = "verify"
    """The keys are proven, by the first way that answers."""
    LEARN = "learn"
    """What they may do, which version answers, how many clinics there are."""
    AGREEMENT = "agreement"
    MIRROR = "mirror"
    SUBSCRIPTIONS = "subscriptions"
    LOAD = "load"
    """The first load, to its end."""


STEPS: Final = tuple(Step)


class StepState(StrEnum):
    """How a step stands."""

    TO_COME = "to_come"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    """It was not wanted."""
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether the next step may begin."""
        return self in {StepState.DONE, StepState.SKIPPED}


@dataclass(frozen=True, slots=True)
class Standing:
    """How one step stands. `since`: when it was first asked for; `at`: when it was looked at last. `code`: what it
    waits for, or why it failed. `told`: what is to be known of it, in ids, words, numbers and times.
    """

    state: StepState = StepState.TO_COME
    since: datetime | None = None
    at: datetime | None = None
    code: str | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Onboarding:
    """The onboarding of one practice; `practice_id` is the record that its keys were sent for.

    `asked`: HMAC of the request's body, `claim`: of the attempt to prove the keys, `fingerprint`: of the customer key,
    `source`: of where the request came from. `leads_to`: the practice that the keys were proven for, another one where
    a second client connected it at the same time. `wants_mirror`, `wants_events`: what is to be turned on. `api_url`:
    the API's own address, by its own word. `agreement`: what is to be recorded, as `BaaInput` has it. `run_id`: the
    run that goes through the steps. `rev` grows with each change.
    """

    id: str
    practice_id: str
    client_id: str
    asked: str
    claim: str
    fingerprint: str
    source: str
    began_at: datetime
    run_id: str
    leads_to: str | None = None
    wants_mirror: bool = True
    wants_events: bool = False
    api_url: str | None = None
    agreement: Mapping[str, Any] | None = None
    steps: Mapping[Step, Standing] = field(default_factory=dict)
    rev: int = 0

    def step(self, step: Step) -> Standing:
        """How `step` stands."""
        return self.steps.get(step, Standing())


class Superseded(Exception):
    """Somebody changed it since it was loaded."""


class Onboardings(Protocol):
    """Where they lie: one a practice."""

    def load(self, practice_id: str) -> Onboarding | None:
        """The practice's, strongly consistent; None if there is none."""
        ...

    def save(self, onboarding: Onboarding) -> Onboarding:
        """Store it if it still is as it was loaded (`rev` 0: if there is none); returns it with its new `rev`.

        Raises: Superseded: it is not; nothing was stored.
        """
        ...
