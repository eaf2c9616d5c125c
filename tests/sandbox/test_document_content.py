"""A document's file, deployed: the office signs in at an SFTP server, and the link opens what came into its bucket."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from infra.sandbox.box import Sandbox
from infra.sandbox.drop import BUCKET, PREFIX


@pytest.fixture(scope="module")
def document(box: Sandbox) -> dict[str, Any]:
    """Some patient's document."""
    practice = box.practices[0].practice_id
    _, patients = box.call("GET", f"/patients?practice_id={practice}&status=active", headers=box.authorization())
    for patient in patients["data"]:
        _, listed = box.call("GET", f"/documents?patient_id={patient['id']}", headers=box.authorization())
        if listed["data"]:
            found: dict[str, Any] = listed["data"][0]
            return found
    raise LookupError("nobody has a document")


def test_the_link_of_a_document_opens_the_file_that_the_office_sent(box: Sandbox, document: dict[str, Any]) -> None:
    status, answer = box.call("GET", document["content"]["path"], headers=box.authorization() | {"Prefer": "wait=25"})
    assert status == 200, (answer, box.errors())
    file = httpx.get(answer["url"], trust_env=False)

    assert file.status_code == 200, file.text
    assert len(file.content) == answer["size_bytes"]
    assert f"document {document['source']['key']}".encode() in file.content
    assert file.headers["content-type"] == answer["content_type"]
    assert file.headers["content-disposition"].startswith(f'attachment; filename="{document["id"]}')
    keys = [one["Key"] for one in box.aws("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert len(keys) == 1 and keys[0].startswith(PREFIX) and "content." in keys[0]


def test_a_link_is_good_for_its_own_file_only(box: Sandbox, document: dict[str, Any]) -> None:
    _, answer = box.call("GET", document["content"]["path"], headers=box.authorization() | {"Prefer": "wait=25"})
    box.aws("s3").put_object(Bucket=BUCKET, Key=f"{PREFIX}another.pdf", Body=b"%PDF")
    signed = answer["url"].partition("?")[2]
    endpoint = answer["url"].partition(BUCKET)[0]

    assert httpx.get(f"{endpoint}{BUCKET}/{PREFIX}another.pdf?{signed}", trust_env=False).status_code == 403
    assert httpx.get(answer["url"].partition("?")[0], trust_env=False).status_code == 403


def test_nothing_that_was_logged_has_the_link_or_a_key_of_the_drop(box: Sandbox) -> None:
    lines = "\n".join(line for name in ("documents", "upstream_worker", "sweeper") for line in box.logs(name))

    assert lines
    for secret in ("X-Amz-Signature", PREFIX, "open-dental/", "SftpPassword"):
        assert secret not in lines
    assert box.errors() == []
