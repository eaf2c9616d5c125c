"""What a deployment leaves behind when its stacks are gone, and how it goes: all but what the law has kept.

Found by name: stacks name what they make after themselves. The audit trail stays (six years, 45 CFR 164.316(b)(2)(i)),
and with it the key that opens it; logs end by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.adapters.aws_errors import AwsError, code_of, unavailable

RECOVERY_DAYS = 7
"""How long a secret can still be brought back; Secrets Manager takes no less."""

_KEPT = "audit"


@dataclass(frozen=True, slots=True)
class Left:
    """What is there of one stage: names."""

    secrets: tuple[str, ...]
    tables: tuple[str, ...]
    buckets: tuple[str, ...]
    kept: tuple[str, ...]
    """What stays, because the law wants it."""


NOTHING = Left((), (), (), ())


class StillThere(Exception):
    """The stage is deployed: nothing of it is left behind yet."""


class Remains:
    """Of one stage. `clients`: cloudformation, dynamodb, s3, secretsmanager."""

    def __init__(self, *, cloudformation: Any, dynamodb: Any, s3: Any, secretsmanager: Any, stage: str) -> None:
        self._cloudformation, self._dynamodb, self._s3, self._secrets = cloudformation, dynamodb, s3, secretsmanager
        self._stage = stage

    def find(self) -> Left:
        """All that is left. Raises: Unavailable."""
        of_data = f"open-dental-gateway-{self._stage}-data-"
        try:
            tables = [one for one in self._tables() if one.startswith(of_data)]
            buckets = [one["Name"] for one in self._s3.list_buckets()["Buckets"] if one["Name"].startswith(of_data)]
            secrets = list(self._secret_names())
        except AwsError as error:
            raise unavailable("AWS") from error
        stays = [one for one in (*tables, *buckets) if _KEPT in one.removeprefix(of_data).lower()]
        return Left(
            tuple(secrets),
            tuple(one for one in tables if one not in stays),
            tuple(one for one in buckets if one not in stays),
            tuple(stays),
        )

    def remove(self, left: Left) -> None:
        """Delete it: keys of practices first. May be done again.

        Raises: StillThere: its stacks are not gone, so it is in use, and nothing was deleted. Unavailable.
        """
        self._refuse_while_there()
        try:
            for name in left.secrets:
                self._secrets.delete_secret(SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)
            for name in left.tables:
                self._dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
                self._dynamodb.delete_table(TableName=name)
            # Access logs of a bucket lie in another, which is emptied after it.
            for name in left.buckets:
                self._empty(name)
            for name in left.buckets:
                self._s3.delete_bucket(Bucket=name)
        except AwsError as error:
            raise unavailable("AWS") from error

    def _refuse_while_there(self) -> None:
        try:
            self._cloudformation.describe_stacks(StackName=f"open-dental-gateway-{self._stage}-data")
        except AwsError as error:
            # CloudFormation's way to say that there is none of this name.
            if code_of(error) == "ValidationError":
                return
            raise unavailable("AWS") from error
        raise StillThere(f"the stacks of {self._stage} are there: cdk destroy comes first")

    def _tables(self) -> Iterator[str]:
        for page in self._dynamodb.get_paginator("list_tables").paginate():
            yield from page["TableNames"]

    def _secret_names(self) -> Iterator[str]:
        """Those that the gateway made, by name, and those that its stacks made, by their tags."""
        ours = {"application": "open-dental-gateway", "stage": self._stage}
        for page in self._secrets.get_paginator("list_secrets").paginate():
            for one in page["SecretList"]:
                tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", ())}
                if one["Name"].startswith(f"open-dental-gateway/{self._stage}/") or ours.items() <= tags.items():
                    yield one["Name"]

    def _empty(self, bucket: str) -> None:
        """All versions of all objects."""
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found: Sequence[Any] = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            if objects:
                self._s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
