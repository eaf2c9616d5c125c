"""A practice that leaves: its removal, step by step, and the certificate of erasure."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import Instant, Part, PracticeId


class RemovalStep(Part):
    """One step."""

    step: Literal["close", "silence", "settle", "stop", "erase", "keys", "certify"]
    state: Literal["to_come", "running", "done"]
    since: Instant | None
    looked_at: Instant | None
    code: str | None
    """What it waits for."""


class ErasedOfRemoval(Part):
    """One kind of data. `count`: of at least so many items; more where a step was cut off before it had counted."""

    kind: str
    count: int
    erased_at: Instant | None
    """Null until all of it is."""


class NotDone(Part):
    """What could not be done."""

    code: str
    count: int


class RemovalView(Part):
    """A removal as it stands."""

    id: str
    practice_id: PracticeId
    state: Literal["running", "done"]
    run_id: str | None
    """The run that goes through the steps; null where an operator's command does."""
    requested_by: str
    began_at: Instant
    ended_at: Instant | None
    steps: list[RemovalStep]
    erased: list[ErasedOfRemoval]
    not_done: list[NotDone]


class ErasedKind(ErasedOfRemoval):
    """The same with what it is, in words."""

    says: str


class KeysErased(Part):
    """The practice's keys: which they were, and when they were deleted."""

    fingerprints: list[str]
    """HMAC of each customer key that was good: it tells nobody the key, and the deployment which it was."""
    deleted_at: Instant | None


class StaysKept(Part):
    """What stays."""

    what: str
    why: str
    until: str


class NotDoneSaid(NotDone):
    """What could not be done, in words, and the operations that it is about."""

    says: str
    operation_ids: list[str]


class Certificate(Part):
    """What was erased of a practice, what stays, what could not be done."""

    id: str
    """Of the removal."""
    practice_id: PracticeId
    stage: str
    requested_by: str
    requested_at: Instant
    completed_at: Instant
    erased: list[ErasedKind]
    keys: KeysErased
    stays: list[StaysKept]
    not_done: list[NotDoneSaid]


class SignedCertificate(Part):
    """A certificate and what proves it."""

    certificate: Certificate
    signature: str
    """The certificate again, with the deployment's HMAC: to be kept, and shown to `.../verify`."""


class VerifiedCertificate(Part):
    """Whether a signature is this deployment's, of this practice."""

    practice_id: PracticeId
    valid: bool
    certificate: Certificate | None
    """Null where it is not."""
