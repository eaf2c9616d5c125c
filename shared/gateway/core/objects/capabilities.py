"""What works at a practice, as `GET /practices/{id}/capabilities` shows it."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import Instant, Part, PracticeId


class CapabilityReason(Part):
    """Why something does not work, or not wholly. `remedy`: what would make it work; null where nobody need do
    anything."""

    code: str
    explanation: str
    remedy: str | None


class Capability(Part):
    """One thing that can be asked of the API. `limited`: it works, and is less or costs more; `reasons` say how."""

    name: str
    routes: list[str]
    """Empty for what the gateway does by itself."""
    does: str
    state: Literal["works", "limited", "not"]
    read_by: Literal["rest", "fhir"] | None
    """By which of Open Dental's two APIs it is read; null for what reads nothing."""
    is_mirrored: bool
    """Whether all that it reads is in the practice's mirror, which answers also while Open Dental does not."""
    reasons: list[CapabilityReason]


class PermissionView(Part):
    """A permission of the practice's API key that something here depends on. `price`: of the cheapest key with it."""

    name: str
    has: bool | None
    """Null until learned."""
    price: str


class ShapeView(Part):
    """How rows of an operation differ from what Open Dental's catalogue says of them: names of fields, never values."""

    operation: str
    kind: Literal["new", "missing", "retyped", "short_page"]
    field: str
    """For `short_page` the number of rows that a full page has."""
    first_at: Instant
    last_at: Instant
    answers: int


class PaceOfKey(Part):
    """How often the practice may be called, by its key's tier, and how often it is."""

    tier: Literal["read_only", "standard", "enterprise", "unpaced"]
    floor_seconds: float
    interval_seconds: float
    page_limit: int


class CapabilitiesView(Part):
    """What works at a practice, what does not, and what would make it work: as far as is known, without a call."""

    practice_id: PracticeId
    as_of: Instant | None
    """When it was last looked; null: not since it was connected."""
    version: str | None
    mode: Literal["remote", "service", "local", "cloud"]
    reached: str
    upstream: Literal["rest", "fhir", "auto"]
    pace: PaceOfKey
    queries: Literal["on", "off", "not-allowed"]
    """Whether the office is asked by SQL where that spares calls."""
    permissions: list[PermissionView]
    clinics: int | None
    capabilities: list[Capability]
    differences: list[ShapeView]
