"""How far a removal is, and the ports that keep it and erase. Nothing of a patient is in it, nor a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol


class Step(StrEnum):
    """The steps, in their order."""

    CLOSE = "close"
    """Nobody is let in any more."""
    SILENCE = "silence"
    """The mirror is off, and the office's machines are not asked to tell anything."""
    SETTLE = "settle"
    """The agreement is closed, and writes that are under way have come to their end."""
    STOP = "stop"
    """Nobody calls the office, and whoever did has ended."""
    ERASE = "erase"
    KEYS = "keys"
    CERTIFY = "certify"


STEPS: Final = tuple(Step)


class StepState(StrEnum):
    """How a step stands."""

    TO_COME = "to_come"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one step stands. `since`: when it was first taken; `at`: when it was looked at last; `code`: what it waits
    for."""

    state: StepState = StepState.TO_COME
    since: datetime | None = None
    at: datetime | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased of one kind: how many items so far, and when that was done; None: it goes on, behind `after`."""

    count: int = 0
    at: datetime | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be done: a code, how many it is about, and ids of operations, if it is about any."""

    code: str
    count: int = 0
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of one practice.

    `erased`: by kind. `fingerprints`: of the customer keys that were good when it began. `keys_deleted_at`: when the
    secret was deleted; None where there was none. `certificate`: the text that is signed, with its signature.
    """

    id: str
    practice_id: str
    client_id: str
    began_at: datetime
    fingerprints: tuple[str, ...] = ()
    run_id: str = ""
    steps: Mapping[Step, Standing] = field(default_factory=dict)
    erased: Mapping[str, Erasure] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    had_keys: bool = False
    keys_deleted_at: datetime | None = None
    certificate: str | None = None
    rev: int = 0

    def step(self, step: Step) -> Standing:
        """How `step` stands."""
        return self.steps.get(step, Standing())


class Superseded(Exception):
    """Somebody changed it since it was loaded."""


class Removals(Protocol):
    """Where they lie: one a practice, for good, because it is the evidence."""

    def load(self, practice_id: str) -> Removal | None:
        """The practice's, strongly consistent; None if there is none."""
        ...

    def save(self, removal: Removal) -> Removal:
        """Store it if it still is as it was loaded (`rev` 0: if there is none); returns it with its new `rev`.

        Raises: Superseded: it is not; nothing was stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class Erased:
    """A part of a kind. `after`: from where it goes on; None: nothing of the kind is left."""

    count: int
    after: str | None


class Eraser(Protocol):
    """Deletes what there is of a practice, kind by kind. Whatever is deleted already is no error."""

    def erase(self, practice_id: str, kind: str, *, after: str | None, keep: str, most_s: float) -> Erased:
        """Delete what it finds of the kind in about `most_s` seconds, from `after` on (None: from the beginning).

        `keep`: a run that stays. Raises: Unavailable: some of it may have been deleted.
        """
        ...

    def delete_keys(self, practice_id: str) -> bool:
        """Delete the practice's secret with all its versions, for good; whether there was one. Raises: Unavailable."""
        ...
