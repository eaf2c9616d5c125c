"""`DELETE /practices/{id}`: a removal begins; and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, StringConstraints

from gateway.core.access import OFFBOARD, allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Invalid, NotFound, Unavailable
from gateway.core.ids import new_id
from gateway.core.ports import Services
from gateway.core.removal.kinds import ERASED
from gateway.core.removal.records import STEPS, Erasure, Removal, StepState, Superseded
from gateway.core.walltime import instant_text, optional_instant_text
from gateway.core.workflows.control import begin_run

WORKFLOW: Final = "offboard_practice"


class Removing(BaseModel):
    """The query of `DELETE /practices/{id}`: the practice's id once more, so that nobody removes one by a slip."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    confirm: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Begun(NamedTuple):
    """A removal as it stands. `is_replayed`: it had begun before."""

    shown: Mapping[str, Any]
    is_replayed: bool


def begin_removal(practice_id: str, said: Removing, *, caller: Caller, on: Services, runs: bool = True) -> Begun:
    """Begin to remove a practice: scope `practices.offboard:write`. Nobody is let in from now on; it is not undone.

    A practice is removed once: a repeat, whoever sends it, is the same removal as it stands. `runs`: whether a state
    machine goes through the steps; else whoever began does.

    Raises: NotFound. ScopeMissing. Invalid: it was not confirmed. Unavailable: ask again.
    """
    practice = allow(caller, practice_id, OFFBOARD, Verb.WRITE, on=on, protected=False)
    if said.confirm != practice_id:
        raise Invalid("confirm: it takes the practice's id", param="confirm")
    removal, is_replayed = on.removals.load(practice.id), True
    if removal is None:
        fingerprints = tuple(one for one in (practice.key_fingerprint, *practice.other_fingerprints) if one)
        made = Removal(new_id("removal"), practice.id, caller.id, on.clock.now(), fingerprints)
        try:
            removal, is_replayed = on.removals.save(made), False
        except Superseded as error:
            raise Unavailable("this practice is being removed by others", retry_after=1.0) from error
    if practice.leaving is None and practice.state == "active":
        id_ = removal.id
        on.practices.change(practice.id, lambda known: replace(known, leaving=id_))
    if runs and not removal.run_id and removal.client_id == caller.id:
        run = begin_run(WORKFLOW, practice.id, caller=caller, key=removal.id, on=on)
        try:
            removal = on.removals.save(replace(removal, run_id=run.id))
        except Superseded:
            # Its first step was faster.
            removal = on.removals.load(practice.id) or removal
    return Begun(shown(removal), is_replayed)


def removal_of(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """How far a removal is: scope `practices.offboard:write`. Raises: NotFound. ScopeMissing."""
    allow(caller, practice_id, OFFBOARD, Verb.WRITE, on=on, protected=False)
    removal = on.removals.load(practice_id)
    if removal is None:
        raise NotFound("this practice is not being removed")
    return shown(removal)


def shown(removal: Removal) -> dict[str, Any]:
    """A removal, step by step and kind by kind."""
    standings = [removal.step(step) for step in STEPS]
    is_over = all(one.state is StepState.DONE for one in standings)
    return {
        "id": removal.id,
        "practice_id": removal.practice_id,
        "state": "done" if is_over else "running",
        "run_id": removal.run_id or None,
        "requested_by": removal.client_id,
        "began_at": instant_text(removal.began_at),
        "ended_at": optional_instant_text(standings[-1].at) if is_over else None,
        "steps": [
            {
                "step": step.value,
                "state": one.state.value,
                "since": optional_instant_text(one.since),
                "looked_at": optional_instant_text(one.at),
                "code": one.code,
            }
            for step, one in zip(STEPS, standings, strict=True)
        ],
        "erased": [
            {"kind": kind.name, "count": done.count, "erased_at": optional_instant_text(done.at)}
            for kind in ERASED
            for done in [removal.erased.get(kind.name, Erasure())]
        ],
        "not_done": [{"code": one.code, "count": one.count} for one in removal.problems],
    }
