"""Document rows -> Document. Source of the columns: https://www.opendental.com/site/apidocuments.html."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.core.normalize.desk import moment
from gateway.core.normalize.office import office, row_object
from gateway.core.normalize.values import Words, flag, key, source, text
from gateway.core.practices import Practice

KIND: Final = Words(
    {
        "Document": "document",
        "Radiograph": "radiograph",
        "Photo": "photo",
        "File": "file",
        "Attachment": "claim_attachment",
    }
)
DOCUMENTS: Final = {"ImgType": KIND}
"""Columns whose words are watched for drift."""

_SEPARATORS: Final = re.compile(r"[\\/]")
_EXTENSION: Final = re.compile(r"\.([A-Za-z0-9]{1,8})$")


NO_DROP: Final[Mapping[str, str | None]] = {"document": "needs-sftp", "mount": "needs-sftp"}
"""Why neither can be fetched where the stage has no SFTP server of its own."""


def extension_of(file_name: object) -> str | None:
    """The extension of a file's name, in lower case and without the dot; None where it has none."""
    found = _EXTENSION.search(text(file_name) or "")
    return found[1].lower() if found else None


def document(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    raw: bool = False,
    unavailable: Mapping[str, str | None] = NO_DROP,
) -> dict[str, Any]:
    """The document, or the mount, of a row of `documents.list` or `.get`.

    The two answers differ: only the single one has the kind, only the list the note; what a row lacks is left out. The
    folder, which offices name after the patient, is never shown but in the raw row. `unavailable` says why the file of
    a document, or of a mount, cannot be had; None: it can.
    """
    here, get = office(practice), row.get
    mount = 0 if key(get("DocNum")) else key(get("MountNum"))
    patient, provider, category = key(get("PatNum")), key(get("ProvNum")), key(get("DocCategory"))
    name = text(get("FileName")) or text(_SEPARATORS.split(text(get("filePath")) or "")[-1])
    shown = row_object(here, row, kind="document", table="document", column="DocNum", synced_at=synced_at, raw=raw)
    if mount:
        shown |= {"id": here.document(-mount), "source": source(practice, "mount", mount)}
    shown |= {
        "patient_id": here.patient(patient) if patient else None,
        "provider_id": here.provider(provider) if provider else None,
        "category": {"id": here.definition(category), "label": text(get("docCategory"))} if category else None,
        "description": text(get("Description")),
        "is_mount": bool(mount),
        "file_name": name,
        "extension": extension_of(name),
        **moment(here, get("DateCreated"), "created_at"),
        "teeth": [tooth for part in (text(get("ToothNumbers")) or "").split(",") if (tooth := part.strip())],
        "prints_heading": flag(get("PrintHeading")),
        "content": _content(str(shown["id"]), unavailable["mount" if mount else "document"]),
        "updated_at": here.clock.instant(get("DateTStamp")),
    }
    if mount or "ImgType" in row:
        shown["kind"] = "mount" if mount else KIND[get("ImgType")]
    if "Note" in row:
        shown["note"] = text(get("Note"))
    return shown


def _content(document_id: str, reason: str | None) -> dict[str, str]:
    if reason is not None:
        return {"status": "unavailable", "reason": reason}
    return {"status": "available", "path": f"/documents/{document_id}/content"}
