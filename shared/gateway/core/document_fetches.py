"""The fetch plan of a document's file: which call has the office put it on the stage's SFTP server.

As `core.fetches` says. The rows it brings are our own: where the file lies, nothing of what is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.errors import Unavailable, UpstreamRefused
from gateway.core.normalize.documents import extension_of
from gateway.core.plans import PUSH, Outcome, Plan, PlanContext, UpstreamCall
from open_dental import wire

KIND: Final = "fetch.document_content"

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {"document": ("documents.get", PUSH), "mount": (PUSH,)}
"""Operations that the file of either takes."""

PICTURE: Final = "jpg"
"""What a mount becomes: one picture of all that are in it."""


def content(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The file of a document, or the composite picture of a mount, put on the SFTP server.

    `input_`: `{"document": key}` or `{"mount": key}`. A file's name on the server is ours, with the extension of the
    document's own, because Open Dental refuses another one; so a document costs two calls, a mount one.

    Whose it is goes along for the audit trail; of a mount no call says it.

    To ask again after a lost answer, or after a crash, is harmless: the folder is the operation's own, and files of one
    name are overwritten.

    Source: https://www.opendental.com/site/apidocuments.html, DownloadSftp.
    """
    if "mount" in input_:
        body = {"MountNum": input_["mount"]}
        extension: str | None = PICTURE
        patient = 0
    else:
        body = {"DocNum": input_["document"]}
        row = (yield UpstreamCall("documents.get", path=body)).row
        extension = extension_of(row.get("FileName"))
        patient = wire.key(row.get("PatNum")) or 0
    folder = _folder(context)
    name = f"content.{extension}" if extension else "content"
    try:
        yield UpstreamCall(PUSH, body={**body, "SftpAddress": f"{folder}/{name}"})
    except UpstreamRefused as error:
        if (error.upstream or {}).get("status") is None:
            # Not its words: the call could not even be made.
            raise Unavailable("the password of this deployment's SFTP server cannot be read") from error
        raise UpstreamRefused(
            "Open Dental could not put the file on the SFTP server", upstream=error.upstream
        ) from error
    return Outcome(rows={"content": [{"folder": folder, "name": name, "extension": extension, "patient": patient}]})


def _folder(context: PlanContext) -> str:
    """32 characters that only the ledger can tell: an operation's id is shown and logged, its reference is not."""
    return hashlib.sha256(f"{context.operation_id} {context.reference}".encode()).hexdigest()[:32]
