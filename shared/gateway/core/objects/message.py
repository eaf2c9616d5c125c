"""Messages to patients, and the rules by which they are planned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.core.engagement.messages import Outcome, State
from gateway.core.engagement.planning import Reason
from gateway.core.engagement.rules import Channel, Kind
from gateway.core.objects.values import (
    AppointmentId,
    AppointmentTypeId,
    Instant,
    LocationId,
    Money,
    OperationId,
    Part,
    PatientId,
    PracticeId,
    ProviderId,
    RecallId,
    RecallTypeId,
)

MessageId = Annotated[str, StringConstraints(pattern=r"^msg_[a-z2-7]{42}$")]
RuleId = Annotated[str, StringConstraints(pattern=r"^rul_[a-z2-7]{29}$")]
WallClock = Annotated[str, StringConstraints(pattern=r"^\d{2}:\d{2}$")]


class RuleOffset(Part):
    """How long before or after; days are those of the calendar."""

    days: int
    hours: int
    minutes: int


class SendWindow(Part):
    """When messages go out, by the office's wall."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]]
    starts: WallClock
    ends: WallClock


class QuietHours(Part):
    """When nobody is disturbed, by the office's wall; over midnight where it starts later than it ends."""

    starts: WallClock
    ends: WallClock


class RuleText(Part):
    """What is written, with fields in braces."""

    text: str
    subject: str


class RuleFilters(Part):
    """Which visits, recalls and balances; empty lists are all."""

    location_ids: list[LocationId]
    provider_ids: list[ProviderId]
    appointment_type_ids: list[AppointmentTypeId]
    recall_type_ids: list[RecallTypeId]
    confirmed: Literal["skip", "send"]
    min_balance: Money
    every_days: int


class MessageRule(Part):
    """By which patients of a practice are written to."""

    id: RuleId
    practice_id: PracticeId
    name: str
    kind: Kind
    state: Literal["on", "off"]
    offset: RuleOffset
    send_window: SendWindow
    quiet_hours: QuietHours
    channels: list[Channel]
    texts: dict[str, RuleText]
    """By language; the gateway's own where the rule has none."""
    language: str
    filters: RuleFilters
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None


class MessageOutcome(Part):
    """What a sender said of it."""

    outcome: Outcome
    at: Instant
    provider_message_id: str | None


class Message(Part):
    """A message to a patient, without its text and where it goes."""

    id: MessageId
    practice_id: PracticeId
    kind: Kind
    state: State
    reason: Reason | None
    """Why it is refused or withdrawn; of a claimed one, why it must not be sent any more."""
    is_called_back: bool
    """Whether it was claimed and must not be sent any more."""
    rule_id: RuleId
    patient_id: PatientId
    appointment_id: AppointmentId | None
    recall_id: RecallId | None
    channel: Channel | None
    language: str | None
    send_after: Instant | None
    expire_at: Instant | None
    claimed_by: str | None
    """The client that sends it."""
    claimed_at: Instant | None
    outcomes: list[MessageOutcome]
    created_at: Instant
    updated_at: Instant


class MessagePayment(Part):
    """What a payment link is made of."""

    amount: Money
    """What the family owes, less what insurance is expected to pay."""
    family_id: PatientId
    guarantor_id: PatientId


class MessageContent(Part):
    """All that a sender needs, as the mirror has it now."""

    channel: Channel
    to: str
    """E.164, or an e-mail address."""
    language: str
    subject: str | None
    """An e-mail's."""
    text: str
    send_after: Instant | None
    expire_at: Instant | None
    """It must not be sent any more from then on."""
    time_zone: str
    quiet_hours: QuietHours
    is_to_guarantor: bool
    """Whether the patient is a minor, whose guarantor is written to."""
    payment: MessagePayment | None


class MessageWithContent(Message):
    """The same with its text and where it goes."""

    content: MessageContent | None
    content_unavailable: str | None
    """Why it has none: its state, a word for why it must not be sent, or `not_mirrored`."""


class OutcomeEffect(Part):
    """What an outcome brought about at the office."""

    what: Literal["communication", "sms_consent"]
    operation_id: OperationId | None
    code: Annotated[str, Field(max_length=64)] | None
    """Why it cannot be written there."""


class MessageAnswered(Message):
    """A message after an outcome was told."""

    operations: list[OutcomeEffect]
