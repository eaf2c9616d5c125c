"""Lists, operations and practices."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field

from gateway.core.objects.values import Instant, Meta, OperationId, Part, PracticeId

Item = TypeVar("Item")


class Unavailable(Part):
    """Why a practice is not in a list that goes over several."""

    code: str
    """`mirror-off`, `not-loaded`, `too-old`, `not-mirrored`, or a problem's code."""
    detail: str


class PracticeMeta(Part):
    """What a page that goes over several practices says of one of them: `unavailable`, or how old its part is."""

    practice_id: PracticeId
    as_of: Instant | None = None
    age_seconds: float | None = None
    served_from: Literal["cache", "live", "mirror"] | None = None
    upstream_calls: Annotated[int, Field(ge=0)] | None = None
    unavailable: Unavailable | None = None


class SeveralMeta(Part):
    """What a page over several practices says of itself: the oldest of those that are in it."""

    as_of: Instant
    age_seconds: float
    served_from: Literal["cache", "live", "mirror"]
    practice_id: None
    practices: list[PracticeMeta]
    """Those that this page is about."""
    upstream_calls: Annotated[int, Field(ge=0)]
    omitted: list[str]


class ListOf(Part, Generic[Item]):
    """A page of a list. `next_cursor` asks for the next one, with the same filters."""

    data: list[Item]
    has_more: bool
    next_cursor: str | None
    meta: Meta | SeveralMeta


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


class PracticeView(Part):
    """A practice, as its callers see it."""

    id: PracticeId
    name: str
    time_zone: str
    mode: Literal["remote", "service", "local", "cloud"]
    upstream: Literal["rest", "fhir", "auto"]
    """By which of Open Dental's two APIs rows are read."""
    version: str | None
    """Of Open Dental; null until learned."""
    permissions: list[str]
    state: Literal["pending", "active", "disabled"]
    connected_at: Instant | None
