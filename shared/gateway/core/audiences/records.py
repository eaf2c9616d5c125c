"""An audience: who was found, by which filters, how far that is; and the port that keeps audiences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

KEPT: Final = timedelta(days=7)
"""How long an audience is kept from when it was asked for. Whoever wants it later asks again: people change."""


class State(StrEnum):
    """How far an audience is."""

    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Audience:
    """The record of one. It names nobody: people are kept beside it, as Open Dental's keys and nothing else.

    `wanted`: the request's body. `asked_at`: the moment that all filters go by, however long the building takes.
    `after`: the patient's key up to which the mirror was walked. `seen`, `people`: looked at, and found. `left_out`:
    who fits and cannot be reached, counted by reason. `code`: why it failed. `rev` is raised by each change.
    """

    id: str
    practice_id: str
    client_id: str
    wanted: Mapping[str, Any]
    body_hash: str
    asked_at: datetime
    changed_at: datetime
    state: State = State.BUILDING
    after: int | None = None
    seen: int = 0
    of: int = 0
    people: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    built_at: datetime | None = None
    code: str | None = None
    rev: int = 0

    @property
    def expires_at(self) -> datetime:
        """When it is gone."""
        return self.asked_at + KEPT


class Superseded(Exception):
    """Somebody changed the audience meanwhile; read it again."""


class Audiences(Protocol):
    """Where audiences are kept."""

    def make(self, audience: Audience) -> Audience:
        """Store `audience`, whose `rev` is 0. If there is one of its id, that one is returned and nothing is stored."""
        ...

    def get(self, audience_id: str, *, now: datetime) -> Audience:
        """The audience, strongly consistent. Raises: NotFound: there is none, or it has expired."""
        ...

    def change(self, audience: Audience, found: Sequence[int] = ()) -> Audience:
        """Store `audience` over the one of its `rev`, and with it the people `found` since then: both or neither.

        `found` are keys in ascending order, above all that were found before. Returns it with the new `rev`.

        Raises: Superseded.
        """
        ...

    def people(self, audience: Audience, *, after: int | None, limit: int) -> list[int]:
        """Keys of those found, ascending, behind `after`; fewer than `limit` only at the end."""
        ...

    def forget_people(self, audience: Audience) -> None:
        """Erase who was found. May be done again."""
        ...
