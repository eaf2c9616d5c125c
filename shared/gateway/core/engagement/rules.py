"""A rule of a practice: which patients are written to, when, how and in which words. A record without health data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

REMEMBERED: Final = timedelta(days=30)
"""How long a rule that was deleted is kept, so that a repeat of the request that made it makes no second one."""

DAY: Final = 1440
"""Minutes of a day by the clock on the wall."""


class Kind(StrEnum):
    """What a message is for."""

    REMINDER = "reminder"
    RECALL = "recall"
    PAYMENT_REQUEST = "payment_request"
    AFTER_VISIT = "after_visit"

    @property
    def is_before(self) -> bool:
        """Whether it goes out before what it is about, not after it."""
        return self in {Kind.REMINDER, Kind.RECALL}


class Channel(StrEnum):
    """By what a message goes out."""

    TEXT = "text"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Offset:
    """How long before or after: days by the office's calendar, so that the wall time stays, and minutes besides."""

    days: int = 0
    minutes: int = 0

    @property
    def length(self) -> timedelta:
        """As long as it is where no clock is changed."""
        return timedelta(days=self.days, minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Window:
    """When messages go out: on these days of the week (0 is Monday), from `since` to before `until`, in minutes of the
    day by the office's wall.
    """

    days: frozenset[int] = frozenset(range(7))
    since: int = 9 * 60
    until: int = 18 * 60


@dataclass(frozen=True, slots=True)
class Quiet:
    """When nobody is disturbed, in minutes of the day by the office's wall, over midnight where `since` is the later;
    never, where both are one.
    """

    since: int = 21 * 60
    until: int = 8 * 60


@dataclass(frozen=True, slots=True)
class Text:
    """What is written, with named fields in braces (`texts.FIELDS`). `subject` is an e-mail's."""

    text: str
    subject: str


@dataclass(frozen=True, slots=True)
class Filters:
    """Which visits, recalls and balances; empty sets are all.

    `confirmed`: whether visits that the patient has confirmed get a reminder as well. `min_balance` and `every_days`
    are of payment requests: from which amount on, and how long after one the next may come.
    """

    location_ids: frozenset[str] = frozenset()
    provider_ids: frozenset[str] = frozenset()
    appointment_type_ids: frozenset[str] = frozenset()
    recall_type_ids: frozenset[str] = frozenset()
    confirmed: bool = False
    min_balance: Decimal = Decimal("0.01")
    every_days: int = 30


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `language` is that of patients in whose own there is no text. `rev` is raised by each change."""

    id: str
    practice_id: str
    name: str
    kind: Kind
    offset: Offset
    made_at: datetime
    changed_at: datetime
    window: Window = Window()
    quiet: Quiet = Quiet()
    channels: tuple[Channel, ...] = (Channel.TEXT, Channel.EMAIL)
    texts: Mapping[str, Text] = field(default_factory=dict)
    language: str = "en"
    filters: Filters = Filters()
    is_on: bool = True
    made_by: str = ""
    body_hash: str = ""
    deleted_at: datetime | None = None
    rev: int = 0

    @property
    def is_live(self) -> bool:
        """Whether it plans messages."""
        return self.is_on and self.deleted_at is None
