"""A document's file: fetched to the stage's own SFTP server, and handed out as a link that ends soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from gateway.core.access import DOCUMENT_CONTENTS, allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.document_fetches import KIND, NEEDED
from gateway.core.errors import Conflict, PermissionMissing, UpstreamBroken, VersionTooOld
from gateway.core.ids import optional_row_id, parse_row_id
from gateway.core.normalize.documents import NO_DROP
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.lists import Reading, Row
from gateway.core.requests import Freshness
from gateway.core.walltime import instant_text

if TYPE_CHECKING:
    from gateway.core.ports import Drop, FileLink

FRESH_S: Final = 300.0
"""How old a file may be where the caller does not say: files of a folder hardly change, and each look costs the office
an upload of the whole file. Past the wait of whoever follows an operation, so that its file is not sent twice."""

TYPES: Final[Mapping[str, str]] = {
    "bmp": "image/bmp",
    "dcm": "application/dicom",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "txt": "text/plain",
}
"""Extension -> media type. What is not here, pages and drawings that could run in a browser among it, is bytes."""


def unavailable(practice: Practice, drop: Drop | None) -> Mapping[str, str | None]:
    """Why the file of a document, or of a mount, cannot be had; None: it can."""
    return NO_DROP if drop is None else {kind: _lacks(practice, needed) for kind, needed in NEEDED.items()}


def _lacks(practice: Practice, operations: tuple[str, ...]) -> str | None:
    try:
        require(practice, *operations)
    except (PermissionMissing, VersionTooOld) as error:
        return error.code
    return None


def get_content(
    document_id: str, *, caller: Caller, freshness: Freshness, on: Services
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A link to the file of a document or mount, good for a few minutes; and whom it shows, which it does not say.

    The link is made for this answer alone; what the operation leaves is where the file lies.

    Raises:
        NotFound: no such document, or another's. Conflict: the stage has no SFTP server (`reason: needs-sftp`).
        UpstreamBroken: Open Dental says it has sent the file, and it is not there.
        ScopeMissing, PermissionMissing, VersionTooOld, UpstreamRefused, and what `allow` and `requests.fetch` raise.
    """
    named = parse_row_id(document_id, "document")
    practice = allow(caller, named.practice_id, "documents", Verb.READ, on=on)
    allow(caller, named.practice_id, DOCUMENT_CONTENTS, Verb.READ, on=on)
    drop = on.drop
    if drop is None:
        raise Conflict("files need an SFTP server of this deployment's own, and it has none", reason="needs-sftp")
    kind = "mount" if named.key < 0 else "document"
    require(practice, *NEEDED[kind])
    if not freshness.asked:
        freshness = replace(freshness, max_age_s=FRESH_S)
    bound = {kind: abs(named.key)}
    reading = Reading(practice, caller, freshness, on)
    (left,) = reading.rows(KIND, bound)["content"]
    link = _link(drop, left, document_id, on=on)
    if link is None and reading.meta([])["served_from"] == "cache":
        # Deleted before its time: a rule of the bucket's owner, say.
        reading = Reading(practice, caller, replace(freshness, max_age_s=0.0), on)
        (left,) = reading.rows(KIND, bound)["content"]
        link = _link(drop, left, document_id, on=on)
    if link is None:
        raise UpstreamBroken("Open Dental says that it has sent the file, but it is not in the SFTP server's bucket")
    patient = optional_row_id("patient", practice.id, left.get("patient"))
    shown = {
        "document_id": document_id,
        "practice_id": practice.id,
        "url": link.url,
        "expires_at": instant_text(link.expires_at),
        "content_type": _type(left),
        "size_bytes": link.size_bytes,
        "meta": reading.meta([]),
    }
    return shown, () if patient is None else (patient,)


def _link(drop: Drop, left: Row, document_id: str, *, on: Services) -> FileLink | None:
    extension = left["extension"]
    save_as = f"{document_id}.{extension}" if extension else document_id
    return drop.link(left["folder"], left["name"], content_type=_type(left), save_as=save_as, now=on.clock.now())


def _type(left: Row) -> str:
    return TYPES.get(left["extension"] or "", "application/octet-stream")
