"""A patient's documents: what they are, not what is in them."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import (
    DocumentId,
    Instant,
    Labelled,
    LocalTime,
    Object,
    Part,
    PatientId,
    ProviderId,
)


class Content(Part):
    """Where the file is. Open Dental hands files out over SFTP only, which this gateway has no server for."""

    status: Literal["unavailable"]
    reason: Literal["needs-sftp"]


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
    note: str | None = None
    """In lists: Open Dental's single answer leaves it out."""
    prints_heading: bool | None
    content: Content
