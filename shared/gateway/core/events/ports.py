"""What publishing needs from outside, as contracts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from gateway.core.events.changes import RowChange
from gateway.core.events.deriving import Around
from gateway.core.events.event import Event
from gateway.core.ports import Clock

KEPT: Final = timedelta(days=30)
"""How long an event is in the log."""


TOLD_KEPT: Final = timedelta(days=90)
"""How long it is remembered which state of a row was told last, from then on. What is older is not looked for again."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as the log has it, and since when."""

    event: Event
    logged_at: datetime


class EventLog(Protocol):
    """Every event of the last 30 days, and which state of each row was told last."""

    def add(self, events: Sequence[Event], *, at: datetime) -> frozenset[str]:
        """Log `events` that are not there yet, each by its own conditional put; ids of those that were new.

        Raises:
            Unavailable: some may have been added; add all of them again.
        """
        ...

    def get(self, practice_id: str, event_ids: Iterable[str]) -> list[Logged]:
        """Those of these events that are there, strongly consistent."""
        ...

    def page(
        self,
        practice_id: str,
        *,
        since: datetime,
        until: datetime,
        after: tuple[datetime, str] | None,
        order: Literal["asc", "desc"],
        limit: int,
    ) -> list[Logged]:
        """Up to `limit` events that were logged from `since` to before `until`, in the order of (`logged_at`, id),
        behind `after` in that order; fewer only at the end. What was logged within the last seconds may be missing.
        """
        ...

    def told(self, rows: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
        """By practice and row (`RowChange.what`) the `seq` that was told last; who is missing was never told of."""
        ...

    def mark_told(self, rows: Mapping[tuple[str, str], int], *, at: datetime) -> None:
        """Note that these states are told, unless a later one is noted; for `TOLD_KEPT`. Idempotent."""
        ...


class Bus(Protocol):
    """The event bus that anybody in the account may put rules on."""

    def put(self, events: Sequence[Event]) -> None:
        """Put all of them, in any order; what is refused for the moment is tried again.

        Raises:
            Unavailable: some of them were not taken; those that were come twice if all are put again.
        """
        ...


class Deliveries(Protocol):
    """Where events begin their way to webhook endpoints."""

    def begin(self, events: Sequence[Event]) -> None:
        """Note for each event and each endpoint that wants it that it is to be delivered, and begin. Idempotent.

        Raises:
            Unavailable: some may have begun; begin all of them again.
        """
        ...


class PublisherServices(Protocol):
    """All ports of the publisher (`on`)."""

    @property
    def clock(self) -> Clock: ...

    @property
    def event_log(self) -> EventLog: ...

    @property
    def bus(self) -> Bus: ...

    @property
    def deliveries(self) -> Deliveries: ...

    def around(self, change: RowChange) -> Around | None:
        """What a change is read with; None for a practice that is not there any more."""
        ...
