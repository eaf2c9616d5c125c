"""The SFTP server of the stage's own: the bucket behind it, and how Open Dental signs in there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, code_of, unavailable
from gateway.core.ports import FileLink
from open_dental import errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef
    from mypy_boto3_secretsmanager import SecretsManagerClient

LINK_S: Final = 300
"""How long a link lasts."""

_DELETE_AT_MOST: Final = 1000
_CUT: Final = "[sftp]"
_PASSWORD: Final = ("password", "Password")
_GONE: Final = frozenset({"ResourceNotFoundException", "InvalidRequestException", "AccessDeniedException"})


class S3Drop:
    """Fills `core.ports.Drop`. `client` signs by version 4: links to objects sealed with KMS are good in no other way.

    `prefix` ends with a slash or is empty; below it, only folders named like ours are looked into and tidied.
    """

    def __init__(self, client: S3Client, *, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._ours = re.compile(re.escape(prefix) + "[0-9a-f]{32}/")

    def link(self, folder: str, name: str, *, content_type: str, save_as: str, now: datetime) -> FileLink | None:
        """See `Drop.link`."""
        where = f"{self._prefix}{folder}/"
        key = f"{where}{name}"
        try:
            # SFTP servers make folders into objects of their own, whose names end with a slash.
            left = [one for one in self._objects(where) if not one["Key"].endswith("/")]
            if not left:
                return None
            found = next((one for one in left if one["Key"] == key), None)
            if found is None:
                # Some offices take the whole address for a folder, and put the file there under the patient's name.
                found = max(left, key=lambda one: one["LastModified"])
                self._client.copy_object(
                    Bucket=self._bucket, Key=key, CopySource={"Bucket": self._bucket, "Key": found["Key"]}
                )
            self._delete([one["Key"] for one in left if one["Key"] != key])
            url = self._client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": key,
                    "ResponseContentType": content_type,
                    "ResponseContentDisposition": f'attachment; filename="{save_as}"',
                    "ResponseCacheControl": "private, no-store",
                },
                ExpiresIn=LINK_S,
            )
        except AwsError as error:
            raise unavailable("the bucket of the SFTP server") from error
        return FileLink(url, now + timedelta(seconds=LINK_S), found["Size"])

    def tidy(self, *, before: datetime) -> int:
        """See `Drop.tidy`."""
        try:
            old = [
                one["Key"]
                for one in self._objects(self._prefix)
                if self._ours.match(one["Key"]) and one["LastModified"] < before
            ]
            self._delete(old)
        except AwsError as error:
            raise unavailable("the bucket of the SFTP server") from error
        return len(old)

    def _objects(self, where: str) -> Iterator[ObjectTypeDef]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=where):
            yield from page.get("Contents", ())

    def _delete(self, keys: list[str]) -> None:
        for start in range(0, len(keys), _DELETE_AT_MOST):
            named: Any = [{"Key": one} for one in keys[start : start + _DELETE_AT_MOST]]
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": named, "Quiet": True})
            if answer.get("Errors"):
                # S3 answers 200 all the same, and names what it did not delete.
                raise unavailable("the bucket of the SFTP server")


class DropLogin:
    """How Open Dental signs in at the SFTP server: said at the moment of a call, kept by nobody.

    `address` is the server and the folder there that the bucket's prefix is seen under: `sftp.example.com/drop/`. The
    password is the secret's text, or the member `password` of a secret that is a JSON object. It is read for each call,
    so a changed one acts on the next.
    """

    def __init__(
        self, client: Callable[[], SecretsManagerClient], *, address: str, username: str, secret_arn: str
    ) -> None:
        self._client = client
        self._address = address
        self._username = username
        self._secret_arn = secret_arn

    def completed(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """`body` with the server in front of its `SftpAddress`, the user's name and the password.

        Raises:
            Unavailable: the secret could not be read now. errors.Invalid: there is none, or no password in it.
        """
        return {
            **body,
            "SftpAddress": f"{self._address}{body['SftpAddress']}",
            "SftpUsername": self._username,
            "SftpPassword": self._password(operation),
        }

    def cut(self, error: errors.OpenDentalError, sent: Mapping[str, Any]) -> None:
        """Cut from the vendor's words what `sent` says of the server: they may quote it."""
        said, password = error.message, sent["SftpPassword"]
        if len(said) >= errors.MESSAGE_LIMIT:
            # It may have been cut off in the middle of the password.
            said = said[: -len(password) or None]
        host = self._address.partition("/")[0]
        for secret in (password, self._username, host, host.partition(":")[0]):
            if secret:
                said = re.sub(re.escape(secret), _CUT, said, flags=re.IGNORECASE)
        error.message = said

    def _password(self, operation: str) -> str:
        try:
            text = self._client().get_secret_value(SecretId=self._secret_arn)["SecretString"]
        except AwsError as error:
            if code_of(error) in _GONE:
                raise errors.Invalid(operation=operation, reason="the SFTP server's password is kept nowhere") from None
            raise unavailable("the vault of keys") from error
        try:
            said = json.loads(text)
        except ValueError:
            said = text
        # A password of digits is a number to JSON, and one in quotes has them.
        password = next((said[name] for name in _PASSWORD if name in said), None) if isinstance(said, dict) else text
        if not isinstance(password, str) or not password:
            raise errors.Invalid(operation=operation, reason="the SFTP server's secret holds no password")
        return password
