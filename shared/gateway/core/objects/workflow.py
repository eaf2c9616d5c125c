"""Runs of workflows, as clients see them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from gateway.core.objects.values import Instant, Part, PracticeId

RunId = Annotated[str, StringConstraints(pattern=r"^run_[a-z2-7]{16}$")]


class WorkflowStep(Part):
    """One step: a request that the run made, and what it was answered."""

    name: str
    """The state of the machine, and in a Map of what."""
    do: str
    """Which request: `appointments.create`."""
    state: Literal["running", "succeeded", "failed", "undone"]
    """`undone`: taken back, by a later step or because another way was taken."""
    at: Instant
    """When it was begun, or ended."""
    tries: Annotated[int, Field(ge=0)]
    status: int | None
    """Of its last answer, as HTTP has it."""
    code: str | None
    """Of its last problem."""
    operation_id: str | None
    result: dict[str, Any] | None
    """Ids, words of status and times of what it was answered."""


class WorkflowRunHead(Part):
    """A run in a list."""

    id: RunId
    workflow: str
    practice_id: PracticeId
    client_id: str
    """Whom its steps are done for."""
    state: Literal["running", "succeeded", "failed", "stopped"]
    attempt: Annotated[int, Field(ge=1)]
    """How often it was started."""
    started_at: Instant
    """The last time."""
    ended_at: Instant | None
    result: dict[str, Any] | None
    """What the workflow's page calls its output."""
    code: str | None
    """Why it failed."""


class WorkflowRun(WorkflowRunHead):
    """A run with its steps, in the order in which they were first begun."""

    steps: list[WorkflowStep]
