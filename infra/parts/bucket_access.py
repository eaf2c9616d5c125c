"""A bucket as the stacks see it that did not make it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aws_cdk import aws_kms as kms

from infra.parts.function import Function
from infra.parts.names import learn
from infra.stages import Stage

_OF_THE_BUCKET = frozenset({"ListBucket", "ListBucketVersions"})


@dataclass(frozen=True)
class BucketAccess:
    """The bucket that `data` has published as `name`, and the variable by which functions learn what it is called."""

    name: str
    variable: str
    key: kms.IKey
    stage: Stage

    def let(self, function: Function, verbs: Iterable[str], *, below: str = "") -> None:
        """Let `function` make the S3 calls in `verbs` on objects whose keys begin with `below`, and tell it the
        bucket's name. What is asked of the bucket itself is so of all of it."""
        arn = learn(function, self.stage, "data", f"{self.name}/arn")
        of_objects = sorted(f"s3:{verb}" for verb in verbs if verb not in _OF_THE_BUCKET)
        function.allow(of_objects, on=[f"{arn}/{below}*"], sealed_with=self.key)
        if of_bucket := sorted(f"s3:{verb}" for verb in verbs if verb in _OF_THE_BUCKET):
            function.allow(of_bucket, on=[arn], sealed_with=None)
        function.tell(self.variable, learn(function, self.stage, "data", f"{self.name}/name"))
