"""Figures of the deployment as a whole, and which practices are in trouble: kept where the minute's jobs count them.

A trouble is noted by whoever sees it begin, before it is stored that it began; so whoever dies in between sees it begin
once more. The sweeper takes away what a lost end left behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from gateway.core.errors import Unavailable


class Trouble(StrEnum):
    """What may be amiss with one practice. The first three are the breaker's words (`pacing.Trip`)."""

    OFFLINE = "offline"
    KEY_REFUSED = "key-refused"
    FAILING = "failing"
    MIRROR_LATE = "mirror-late"
    """Its mirror was to be brought up to date a quarter of an hour ago, and nothing keeps anybody from it."""
    MACHINES_SILENT = "machines-silent"
    """For a day none of its machines has told what changed, though they are asked to."""


BREAKERS: Final = frozenset({Trouble.OFFLINE, Trouble.KEY_REFUSED, Trouble.FAILING})

QUEUES: Final = "queues"
LANES: Final = "lanes"
WEBHOOKS: Final = "webhooks"
PUBLISHER: Final = "publisher"
VAULT: Final = "vault"
WRITERS: Final = (QUEUES, LANES, WEBHOOKS, PUBLISHER, VAULT)
"""Who notes figures: the sweeper, the lane, the retries of webhooks, the publisher, and the worker of the vault."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Figures of one writer, as of `at`. Names are ours, values counts or seconds."""

    at: datetime
    values: Mapping[str, float]

    def value(self, name: str) -> float:
        """A figure; 0 where the writer did not know it yet."""
        return self.values.get(name, 0.0)


@dataclass(frozen=True, slots=True)
class Troubled:
    """How many practices are in one kind of trouble, and since when the first of them."""

    practices: int = 0
    since: datetime | None = None

    def for_s(self, now: datetime) -> float:
        """How long it has lasted where it lasts longest, in seconds."""
        return 0.0 if self.since is None else max(0.0, (now - self.since).total_seconds())


class Fleet(Protocol):
    """Where all this is kept. No health data; figures have no practice in them."""

    def note(self, writer: str, values: Mapping[str, float], *, at: datetime) -> None:
        """Replace the figures of `writer`."""
        ...

    def noted(self) -> dict[str, Noted]:
        """The figures by writer; may lag by seconds."""
        ...

    def begin(self, trouble: Trouble, practice_id: str, *, since: datetime) -> None:
        """Note that a practice is in trouble; what was noted before stays as it is."""
        ...

    def end(self, trouble: Trouble, practice_id: str) -> None:
        """Take that back; nothing happens if it is not noted."""
        ...

    def troubled(self, trouble: Trouble) -> Troubled:
        """How many are in it; may lag by seconds."""
        ...

    def some(self, trouble: Trouble, *, limit: int) -> list[str]:
        """Some practices that are in it, other ones each time where there are more."""
        ...


_OF: Final = "of"


def note_part(fleet: Fleet, writer: str, values: Mapping[str, float], *, part: tuple[int, int], at: datetime) -> None:
    """Note the figures of one part of a writer that works in several: the first (0) of four, say.

    Each part has a place of its own, the first one that of a writer in one part.
    """
    number, of = part
    fleet.note(_part_name(writer, number), {**values, _OF: of}, at=at)


def all_parts(noted: Mapping[str, Noted], writer: str) -> Noted | None:
    """The figures of all parts of a writer added up, as of the part that has been silent longest; None: one of them has
    never said anything. How many parts there are says the one that spoke last."""
    named = [one for name, one in noted.items() if name == writer or name.startswith(f"{writer}#")]
    if not named:
        return None
    of = max(1, round(max(named, key=lambda one: one.at).value(_OF)))
    known = [one for number in range(of) if (one := noted.get(_part_name(writer, number))) is not None]
    if len(known) < of:
        return None
    names = {name for one in known for name in one.values if name != _OF}
    return Noted(min(one.at for one in known), {name: sum(one.value(name) for one in known) for name in names})


def _part_name(writer: str, number: int) -> str:
    return writer if number == 0 else f"{writer}#{number}"


def moved(fleet: Fleet, practice_id: str, *, was: str | None, now: str | None, since: datetime) -> None:
    """Note that the breaker of a practice went from one trouble to another, or to none. Never raises: calls matter
    more, and the sweeper puts it right."""
    with suppress(Unavailable):
        if now is not None:
            fleet.begin(Trouble(now), practice_id, since=since)
        if was is not None:
            fleet.end(Trouble(was), practice_id)


def set_right(fleet: Fleet, trouble: Trouble, practice_id: str, *, since: datetime | None) -> None:
    """Note whether a practice is in trouble, and since when; None: it is not. Never raises."""
    with suppress(Unavailable):
        if since is None:
            fleet.end(trouble, practice_id)
        else:
            fleet.begin(trouble, practice_id, since=since)
