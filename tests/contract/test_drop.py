"""What the bucket behind the SFTP server promises, and how Open Dental signs in there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config

from gateway.adapters.drop import DropLogin, S3Drop
from gateway.core.errors import Unavailable
from gateway.wiring.services import Services
from open_dental import errors
from tests.contract.conftest import REGION
from tests.fakes.drop import FakeDrop

FOLDER, OTHER = "0123456789abcdef" * 2, "f" * 32
BUCKET, PREFIX = "test-drop", "from-open-dental/"


@dataclass
class Kit:
    """A drop, how files come into its bucket, and what is in there."""

    drop: Any
    keep: Callable[[str, bytes], Any]
    names: Callable[[], set[str]]


@pytest.fixture(params=["fake", "s3"])
def kit(request: pytest.FixtureRequest) -> Kit:
    if request.param == "fake":
        fake = FakeDrop(lambda: datetime.now(UTC))
        return Kit(fake, fake.keep, lambda: set(fake.files))
    request.getfixturevalue("aws")
    client: Any = boto3.client("s3", region_name=REGION, config=Config(signature_version="s3v4"))
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=f"{FOLDER}/content.pdf", Body=b"of somebody else")
    client.put_object(Bucket=BUCKET, Key="from-open-dental.txt", Body=b"of somebody else")

    def names() -> set[str]:
        keys = {one["Key"] for one in client.list_objects_v2(Bucket=BUCKET)["Contents"]}
        assert {f"{FOLDER}/content.pdf", "from-open-dental.txt"} <= keys, "what is not below the prefix is not touched"
        return {key.removeprefix(PREFIX) for key in keys if key.startswith(PREFIX)}

    return Kit(
        S3Drop(client, bucket=BUCKET, prefix=PREFIX),
        lambda path, content: client.put_object(Bucket=BUCKET, Key=f"{PREFIX}{path}", Body=content),
        names,
    )


def asked(kit: Kit, folder: str = FOLDER, name: str = "content.pdf") -> Any:
    now = datetime.now(UTC)
    return kit.drop.link(folder, name, content_type="application/pdf", save_as="doc_a.pdf", now=now)


def test_a_file_is_linked_with_its_size_and_for_a_few_minutes(kit: Kit) -> None:
    kit.keep(f"{FOLDER}/content.pdf", b"%PDF-1.4")
    link = asked(kit)

    assert link.size_bytes == 8
    assert timedelta(minutes=4) < link.expires_at - datetime.now(UTC) <= timedelta(minutes=5)
    assert urlsplit(link.url).path.endswith(f"{FOLDER}/content.pdf")
    assert link.url not in repr(link)
    assert kit.names() == {f"{FOLDER}/content.pdf"}


def test_a_file_that_is_not_there_has_no_link_whatever_lies_beside_it(kit: Kit) -> None:
    kit.keep(f"{OTHER}/content.pdf", b"%PDF-1.4")
    kit.keep(f"{FOLDER}/", b"")

    assert asked(kit) is None


def test_a_file_that_came_under_another_name_gets_ours(kit: Kit) -> None:
    kit.keep(f"{FOLDER}/content.pdf/MarkerZoe15_1.pdf", b"%PDF-1.4 of hers")
    kit.keep(f"{OTHER}/MarkerZoe15_1.pdf", b"another delivery")
    link = asked(kit)

    assert link.size_bytes == 16 and "Marker" not in link.url
    assert kit.names() == {f"{FOLDER}/content.pdf", f"{OTHER}/MarkerZoe15_1.pdf"}
    assert asked(kit).size_bytes == 16


def test_what_came_before_is_deleted_and_nothing_that_is_not_named_like_ours(kit: Kit) -> None:
    for path in (f"{FOLDER}/", f"{FOLDER}/content.pdf", "letters/content.pdf", "a.pdf", f"{OTHER[1:]}/a.pdf"):
        kit.keep(path, b"x")
    now = datetime.now(UTC)

    assert kit.drop.tidy(before=now - timedelta(minutes=1)) == 0
    assert kit.drop.tidy(before=now + timedelta(minutes=1)) == 2
    assert kit.names() == {"letters/content.pdf", "a.pdf", f"{OTHER[1:]}/a.pdf"}


@pytest.mark.usefixtures("aws")
def test_a_thousand_and_one_old_files_are_all_deleted() -> None:
    client: Any = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET)
    for number in range(1001):
        client.put_object(Bucket=BUCKET, Key=f"{PREFIX}{number:032x}/content.pdf", Body=b"")

    assert S3Drop(client, bucket=BUCKET, prefix=PREFIX).tidy(before=datetime.now(UTC) + timedelta(minutes=1)) == 1001
    assert client.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


@pytest.mark.usefixtures("aws")
def test_a_link_as_the_function_makes_it_is_signed_by_version_4_and_says_how_the_file_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Version 2, which botocore takes for links where nobody says, cannot open what KMS has sealed."""
    for name, value in {"DROP_BUCKET": BUCKET, "DROP_PREFIX": PREFIX, "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    client: Any = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=f"{PREFIX}{FOLDER}/content.pdf", Body=b"%PDF")
    drop = Services().drop
    assert drop is not None
    link = drop.link(FOLDER, "content.pdf", content_type="application/pdf", save_as="doc_a.pdf", now=datetime.now(UTC))

    assert link is not None
    said = parse_qs(urlsplit(link.url).query)
    assert said["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"] and said["X-Amz-Expires"] == ["300"]
    assert said["response-content-type"] == ["application/pdf"]
    assert said["response-content-disposition"] == ['attachment; filename="doc_a.pdf"']
    assert said["response-cache-control"] == ["private, no-store"]


def test_a_function_that_was_told_of_no_bucket_has_no_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DROP_BUCKET", raising=False)

    assert Services().drop is None


@pytest.mark.usefixtures("aws")
def test_a_bucket_that_does_not_answer_is_unavailable() -> None:
    drop = S3Drop(boto3.client("s3", region_name=REGION), bucket="test-nobodys", prefix="")

    with pytest.raises(Unavailable):
        drop.link(FOLDER, "content.pdf", content_type="a/b", save_as="c", now=datetime.now(UTC))
    with pytest.raises(Unavailable):
        drop.tidy(before=datetime.now(UTC))


class _Guarded:
    """A bucket that lets nobody delete. S3 answers 200 and names what stays."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def delete_objects(self, **_: Any) -> dict[str, Any]:
        return {"Errors": [{"Key": f"{FOLDER}/content.pdf", "Code": "AccessDenied"}]}


@pytest.mark.usefixtures("aws")
def test_files_that_could_not_be_deleted_are_said() -> None:
    client: Any = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=f"{FOLDER}/content.pdf", Body=b"")
    guarded: Any = _Guarded(client)

    with pytest.raises(Unavailable):
        S3Drop(guarded, bucket=BUCKET, prefix="").tidy(before=datetime.now(UTC) + timedelta(minutes=1))


def login(secret: str) -> DropLogin:
    client: Any = boto3.client("secretsmanager", region_name=REGION)
    arn = client.create_secret(Name="test-drop-password", SecretString=secret)["ARN"]
    return DropLogin(lambda: client, address="sftp.example.com/in/", username="odg", secret_arn=arn)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "secret", ["p@ss word", json.dumps({"password": "p@ss word"}), json.dumps({"Password": "p@ss word"})]
)
def test_a_call_is_completed_with_where_and_who_and_the_password(secret: str) -> None:
    body = login(secret).completed("documents.DownloadSftp", {"DocNum": 7, "SftpAddress": "abc/content.pdf"})

    assert body == {
        "DocNum": 7,
        "SftpAddress": "sftp.example.com/in/abc/content.pdf",
        "SftpUsername": "odg",
        "SftpPassword": "p@ss word",
    }


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("secret", [json.dumps({"user": "odg"}), json.dumps({"password": ""})])
def test_a_secret_without_a_password_is_told_from_one_that_cannot_be_read(secret: str) -> None:
    with pytest.raises(errors.Invalid) as none:
        login(secret).completed("documents.DownloadSftp", {"SftpAddress": "a/b"})
    assert secret not in str(none.value)
    gone = DropLogin(
        lambda: boto3.client("secretsmanager", region_name=REGION), address="h/", username="u", secret_arn="nobodys"
    )
    with pytest.raises(errors.Invalid):
        gone.completed("documents.DownloadSftp", {"SftpAddress": "a/b"})


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Cannot sign in odg:Secret-42 at sftp.example.com.", "Cannot sign in [sftp]:[sftp] at [sftp]."),
        ("cannot sign in with SECRET-42", "cannot sign in with [sftp]"),
        ("No such host", "No such host"),
        ("x" * 995 + "Secre", "x" * 991),
        ("", ""),
    ],
)
def test_what_the_office_quotes_of_the_sign_in_is_cut(said: str, left: str) -> None:
    made = login("Secret-42")
    sent = made.completed("documents.DownloadSftp", {"SftpAddress": "a/b"})
    error = errors.Invalid(operation="documents.DownloadSftp", status=400, message=said)
    made.cut(error, sent)

    assert error.message == left
    assert "Secret-42" not in repr(error) + str(error)
