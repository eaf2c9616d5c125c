"""The family of a patient's documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.core.inputs import Day
from gateway.core.normalize import documents
from gateway.core.normalize.values import day, key
from gateway.core.reads.document_content import unavailable
from gateway.core.reads.families import Bound, Family, Related
from gateway.core.reads.lists import Reading, Row
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery


class DocumentsQuery(ListQuery):
    """Filters of `GET /documents`."""

    patient_id: Id | None = None
    category_id: Id | None = None
    """A definition of the category `document_category`."""
    is_mount: bool | None = None
    date_from: Day | None = None
    date_to: Day | None = None
    """Days of `local_created_at`, both included."""


class DocumentQuery(ObjectQuery):
    """What one document can be asked for."""

    patient_id: Id | None = None
    """A hint, for mounts and for offices before 24.2.32."""


def _related(rows: Sequence[Row], reading: Reading, _query: ObjectQuery, _single: bool) -> Related:  # noqa: FBT001
    """Whether files can be had. The list and the single answer have different columns."""
    own = [row for row in rows if key(row.get("DocNum"))]
    lacks = {"kind": any("ImgType" not in row for row in own), "note": any("Note" not in row for row in own)}
    return {"unavailable": unavailable(reading.practice, reading.on.drop)}, [
        name for name, lacking in lacks.items() if lacking
    ]


DOCUMENTS: Final = Family(
    obj="documents",
    kind="document",
    resource="documents",
    row_key="DocNum",
    second_key="MountNum",
    normalize=documents.document,
    bounds=(Bound("patient_id", "PatNum", "patient"),),
    matches=(Bound("category_id", "DocCategory", "definition"),),
    tests={"is_mount": lambda row, wanted, _: (not key(row.get("DocNum"))) is wanted},
    ranges={"date": lambda row: day(str(row.get("DateCreated"))[:10])},
    stamp="DateTStamp",
    relate=_related,
    watched=documents.DOCUMENTS,
)
