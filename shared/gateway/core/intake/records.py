"""What became of a form: approved in part or dismissed, by whom; and the port that keeps it. No answer is kept here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """How far a form is."""

    OPEN = "open"
    APPROVING = "approving"
    """Approved, and the write is under way."""
    APPROVED = "approved"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a form, by its key. `by`: the person, by the id that the client says. `fields`: names of what
    was approved. `request`: a fingerprint of the approving request's key. `rev` is raised by each change; 0 is nothing
    so far.
    """

    practice_id: str
    number: int
    state: State = State.OPEN
    by: str | None = None
    client_id: str | None = None
    at: datetime | None = None
    fields: tuple[str, ...] = ()
    operation_id: str | None = None
    request: str | None = None
    rev: int = 0


class Superseded(Exception):
    """Somebody decided meanwhile; read it again."""


class Intakes(Protocol):
    """Where decisions are kept."""

    def get(self, practice_id: str, numbers: Iterable[int]) -> dict[int, Decision]:
        """What was decided of these forms, strongly consistent, by key; of whom nothing was, has `rev` 0."""
        ...

    def put(self, decision: Decision) -> Decision:
        """Store `decision` over the one of its `rev`; returns it with the new `rev`. Raises: Superseded."""
        ...
