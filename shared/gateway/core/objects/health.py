"""Whether the deployment and a practice are well, as `GET /health` and `GET /practices/{id}/health` show it."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.practice_keys import RotationState
from gateway.core.objects.values import Day, Instant, Part, PracticeId

Status = Literal["ok", "degraded", "down", "off"]


class HealthComponent(Part):
    """One part of the deployment. `explanation` says for people what is amiss; null where nothing is. `figures`: counts
    and seconds over all practices."""

    name: Literal[
        "figures", "queues", "ledger", "background", "open_dental", "mirrors", "publisher", "webhooks", "vault"
    ]
    status: Literal["ok", "degraded"]
    explanation: str | None
    figures: dict[str, int]
    as_of: Instant | None


class DeploymentHealth(Part):
    """The deployment. `degraded`: at least one part says so."""

    status: Literal["ok", "degraded"]
    checked_at: Instant
    components: list[HealthComponent]


class HealthConnection(Part):
    """Whether the practice answers. `way`: by which it is called, where it has a fallback. `since`: of
    the trouble, or since when the fallback is used."""

    status: Status
    state: Literal["online", "offline", "key-refused", "failing", "stopped"]
    way: Literal["first", "fallback"]
    since: Instant | None
    tried_again_at: Instant | None
    explanation: str | None


class HealthQueue(Part):
    """Who waits for Open Dental. `free_in_seconds`: until one who asks now is called, if nobody is slow.
    `interval_seconds`: from one call to the next at least."""

    status: Status
    waiting: int
    most: int
    interval_seconds: float
    free_in_seconds: int
    explanation: str | None


class HealthWrites(Part):
    """Writes of which nobody knows yet whether they were done: `GET /operations/{id}` for each."""

    status: Status
    unknown: int
    explanation: str | None


class HealthMirror(Part):
    """The practice's mirror, in short; `GET /practices/{id}/sync` tells the rest. `oldest_age_seconds`: of the resource
    that was heard of longest ago, among those whose changes are followed."""

    status: Status
    phase: str
    why: str | None
    explanation: str | None
    since: Instant | None
    fresh_at: Instant | None
    oldest_age_seconds: int | None
    stale: list[str]


class HealthNative(Part):
    """What the practice's machines tell by themselves."""

    status: Status
    phase: str
    why: str | None
    explanation: str | None
    since: Instant | None


class HealthWebhooks(Part):
    """The caller's own endpoints that get events of this practice. `delivered` and `failed`: of the latest hundred
    deliveries of each that were of this practice; `pending` wait for an attempt."""

    status: Status
    endpoints: int
    disabled: int
    failing: int
    delivered: int
    failed: int
    pending: int
    success_percent: int | None
    explanation: str | None


class HealthAgreement(Part):
    """The business associate agreement. `expiring`: within 60 days."""

    status: Status
    state: Literal["current", "expiring", "expired", "missing"]
    expires_on: Day | None
    days_left: int | None
    explanation: str | None


class HealthKey(Part):
    """The practice's key at Open Dental."""

    status: Status
    state: Literal["working", "refused"]
    tier: str
    explanation: str | None


class HealthRotation(Part):
    """The exchange of the practice's key that is under way, if one is: `GET /practices/{id}/rotations/{rotation_id}`
    tells the rest. `days_waiting`: since the office was asked to add the new key."""

    status: Status
    id: str | None
    state: RotationState | None
    since: Instant | None
    days_waiting: int | None
    given_up_at: Instant | None
    explanation: str | None


class OpenChange(Part):
    """How the practice differs from what it should be, as of the last look; `fields`: how many fields of answers it is
    of, null where it is of none; `permissions`: how many it had and has no more. What was lost stands until it is back.
    `GET /practices/{id}/capabilities` names them."""

    code: Literal[
        "fields-new",
        "fields-missing",
        "fields-retyped",
        "permission-lost",
        "version-changed",
        "held-back",
        "clock-wrong",
    ]
    fields: int | None
    permissions: int | None


class HealthDrift(Part):
    """The daily look at what can be done at the practice. `failures`: looks in a row that got no usable answer."""

    status: Status
    looked_at: Instant | None
    tried_at: Instant | None
    failures: int
    open_changes: list[OpenChange]
    explanation: str | None


class HealthProblem(Part):
    """One thing that is amiss, the worst first."""

    about: str
    status: Status
    explanation: str


class PracticeHealth(Part):
    """A practice, from what is kept of it: nothing is asked of the office for this. `down`: nothing can be done there
    now; `degraded`: something is slower, older or missing."""

    practice_id: PracticeId
    status: Literal["ok", "degraded", "down"]
    checked_at: Instant
    problems: list[HealthProblem]
    connection: HealthConnection
    key: HealthKey
    agreement: HealthAgreement
    queue: HealthQueue
    writes: HealthWrites
    mirror: HealthMirror
    native_events: HealthNative
    webhooks: HealthWebhooks
    rotation: HealthRotation
    drift: HealthDrift
