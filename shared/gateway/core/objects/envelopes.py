"""Lists, operations and practices."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from gateway.core.objects.values import Instant, Meta, OperationId, Part, PracticeId

Item = TypeVar("Item")


class ListOf(Part, Generic[Item]):
    """A page of a list. `next_cursor` asks for the next one, with the same filters."""

    data: list[Item]
    has_more: bool
    next_cursor: str | None
    meta: Meta


class PageOf(Part, Generic[Item]):
    """A page of a list of what lies in the gateway itself, which has no age."""

    data: list[Item]
    has_more: bool
    next_cursor: str | None


class OperationView(Part):
    """A request that is being worked on, or its outcome. `unknown`: a write whose answer was lost and whose row has
    not been found yet."""

    id: OperationId
    kind: str
    practice_id: PracticeId
    state: Literal["queued", "running", "succeeded", "failed", "unknown"]
    submitted_at: Instant
    queue_position: int | None
    eta_at: Instant | None
    finished_at: Instant | None
    result: dict[str, Any] | None
    warnings: list[dict[str, Any]]
    error: dict[str, Any] | None
    """A problem."""
    idempotency_key: str | None
    upstream_calls: int


class WayView(Part):
    """One way to an office, without its address."""

    name: Literal["first", "fallback"]
    mode: Literal["remote", "service", "local", "cloud"]
    in_use: bool | None
    """Null where it was not looked up: of a practice with two ways, in lists and in an answer to signing in."""
    since: Instant | None
    """Since when, of the one in use; null where it was never another."""


class PracticeView(Part):
    """A practice, as its callers see it."""

    id: PracticeId
    name: str
    time_zone: str
    mode: Literal["remote", "service", "local", "cloud"]
    ways: list[WayView]
    """How the office is reached: the way it was connected by, then its fallback where it has one."""
    upstream: Literal["rest", "fhir", "auto"]
    """By which of Open Dental's two APIs rows are read."""
    version: str | None
    """Of Open Dental; null until learned."""
    permissions: list[str]
    state: Literal["pending", "active", "disabled"]
    connected_at: Instant | None


class CallsSwitch(Part):
    """Whether a practice may be called at all."""

    state: Literal["allowed", "stopped"]
    changed_at: Instant | None
    """When an operator said so; null: never."""
    changed_by: str | None
    """The client that said so."""


class PracticeAlone(PracticeView):
    """A practice that was asked for by its id."""

    calls: CallsSwitch
