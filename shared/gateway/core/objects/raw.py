"""What stands around rows of Open Dental that are shown as they are, and the list of what there is of them."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import Meta, Part, PracticeId


class RawMeta(Meta):
    """What an answer of raw rows says of itself."""

    operation: str
    """Open Dental's operation, as `GET /resources` lists it."""


class Use(Part):
    """The path that does the same with its checks."""

    method: str
    path: str


class RawParameter(Part):
    """What an operation takes: a parameter of the query or a field of the body."""

    name: str
    open_dental: str
    """The vendor's own spelling."""
    type: str
    required: bool
    words: list[str]
    since: str | None


class RawField(Part):
    """A field of the rows that an operation answers."""

    name: str
    open_dental: str
    type: str


class RawOperation(Part):
    """One operation of Open Dental's."""

    operation: str
    resource: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    exposure: Literal["open", "guarded", "closed"]
    scope: str | None
    """What a client needs; null where no scope opens it."""
    granted: bool
    permission: str | None
    price_tier: str | None
    since: str | None
    withdrawn_in: str | None
    allowed: bool | None
    """Whether the practice's key and version let us do it; null where that has not been learned."""
    reason: str | None
    """Why it is not allowed, or not known to be: a problem's code, or what was not learned."""
    use: Use | None
    parameters: list[RawParameter] | None = None
    fields: list[RawParameter] | None = None
    """Of the body. The three lists are there where one resource was asked for."""
    answers: list[RawField] | None = None


class DirectoryMeta(Part):
    """Whose directory it is, and what is known of the practice."""

    practice_id: PracticeId
    version: str | None
    permissions: list[str]


class Directory(Part):
    """What Open Dental has, and what of it the client and the practice's key may do."""

    data: list[RawOperation]
    has_more: Literal[False]
    next_cursor: None
    meta: DirectoryMeta
