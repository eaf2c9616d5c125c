"""A patient's documents: what they are, and where their files can be had."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.core.objects.values import (
    DocumentId,
    Instant,
    Labelled,
    LocalTime,
    Meta,
    Note,
    Object,
    Part,
    PatientId,
    PracticeId,
    ProviderId,
)


class ContentAvailable(Part):
    """The file can be had."""

    status: Literal["available"]
    path: str
    """Of this API; it answers a `DocumentContent`, to clients with the scope `document_contents:read`."""


class ContentUnavailable(Part):
    """The file cannot be had. Open Dental hands files out over SFTP only, to a server of the deployment's own."""

    status: Literal["unavailable"]
    reason: Literal["needs-sftp", "permission-missing", "version-too-old"]
    """The stage has no such server; the practice's key or its Open Dental does not do it."""


class DocumentContent(Part):
    """A file, for as long as its link lasts. Nothing of it is kept here but for some minutes."""

    document_id: DocumentId
    practice_id: PracticeId
    url: str
    """Of the file itself, without any credential; whoever has it has the file. Never the same twice."""
    expires_at: Instant
    """When the URL ends; for another one ask again."""
    content_type: str
    """As the file's extension has it; `application/octet-stream` where it says nothing."""
    size_bytes: Annotated[int, Field(ge=0)]
    meta: Meta


class Document(Object):
    """A picture, a scan or a file in a patient's folder; or a mount, which shows several pictures as one."""

    id: DocumentId
    patient_id: PatientId | None
    provider_id: ProviderId | None
    category: Labelled | None
    """The office's folder of the imaging module: a definition of the category `document_category`."""
    description: str | None
    kind: Literal["document", "radiograph", "photo", "file", "claim_attachment", "mount", "other"] | None = None
    """On single objects: Open Dental's list says it of mounts only."""
    is_mount: bool
    """Mounts have no file of their own, and are found by `patient_id` only."""
    file_name: str | None
    """Null for mounts, and in lists of offices that keep files in the database. Its size is nowhere shown."""
    extension: str | None
    """In lower case, without the dot."""
    created_at: Instant | None
    """The date that the office gave it, which can be changed."""
    local_created_at: LocalTime | None
    local_ambiguous: bool
    time_zone: str
    teeth: list[str]
    """As the office typed them, in universal numbering; there may be ranges."""
    note: Note | None = None
    """In lists: Open Dental's single answer leaves it out."""
    prints_heading: bool | None
    content: ContentAvailable | ContentUnavailable
