"""Export: copies of practices' objects for a warehouse."""

from __future__ import annotations

from typing import Literal

from gateway.core.objects.values import ExportId, Instant, Part, PracticeId

Mode = Literal["incremental", "snapshot"]


class Export(Part):
    """A run of the export. What it has is visible to readers once it is `published`, all of it at once."""

    id: ExportId
    mode: Mode
    objects: list[str]
    practice_ids: list[PracticeId]
    state: Literal["running", "published", "failed"]
    """`failed`: nothing could be exported of any of its practices, or it died. A practice that fails by itself leaves
    the others' published."""
    requested_at: Instant
    until: Instant
    """It has what the mirrors had then."""
    ended_at: Instant | None
    manifest: str | None
    """The name of the file that makes it visible."""


class ExportedObject(Part):
    """How far one object of one practice is."""

    object: str
    state: Literal["running", "done", "left_out"]
    reason: str | None
    """Why it is left out: `not-loaded`, the practice's mirror has not all of it."""
    mode: Mode
    """`snapshot` also where nothing was published before, or no snapshot is younger than a week."""
    rows: int
    tombstones: int
    """Those of the rows that say that an object is gone."""
    files: int
    bytes: int


class ExportedPractice(Part):
    """How far one practice is."""

    practice_id: PracticeId
    state: Literal["running", "done", "failed"]
    reason: str | None
    """`mirror-off`, `not-loaded`, `baa-missing`, `not-found`."""
    objects: list[ExportedObject]


class ExportWithProgress(Export):
    """A run, practice by practice."""

    practices: list[ExportedPractice]


class ExportFile(Part):
    """One file in the bucket of exports."""

    practice_id: PracticeId
    object: str
    key: str
    rows: int
    bytes: int
    sha256: str


class ExportFiles(Part):
    """All files of a run that is published. Who reads them is let to by AWS, not by this API."""

    export_id: ExportId
    manifest: str
    sha256: str
    """Of the manifest."""
    data: list[ExportFile]
