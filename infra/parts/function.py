"""One Lambda: its code, its own role, its log group, its alias."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.catalogue import Consumes, Every, Follows, FollowsNew, FunctionRow, Hears
from infra.implied import ATTACHING, DEAD_LETTERING, key_use
from infra.parts.names import LIVE, function_name
from infra.parts.practice_network import PracticeNetwork
from infra.parts.sealed_log import SealedLog
from infra.stages import Stage


class Function(Construct):
    """The function of one row, reached by everyone through its alias `live`.

    Permissions go into a policy of its own (not an inline one), and only through `allow`, so what a role may do is
    what was given here by name.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        row: FunctionRow,
        code: Path,
        layers: Sequence[lambda_.ILayerVersion],
        failed_events: sns.ITopic,
        traces_key: kms.IKey,
        stage: Stage,
        inside: PracticeNetwork | None = None,
    ) -> None:
        super().__init__(scope, id_)
        if not (code / row.name / "handler.py").is_file():
            raise FileNotFoundError(
                f"infra/catalogue.py has a row for {row.name!r}, but there is no {code / row.name / 'handler.py'}"
            )
        self._key_use: dict[tuple[str, str], set[str]] = {}
        self.row = row
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.permissions = iam.ManagedPolicy(self, "Permissions", roles=[self._role])
        log_group = SealedLog(self, "Logs", key=traces_key, stage=stage).group
        log_group.grant_write(self.permissions)
        self.allow(DEAD_LETTERING, on=[failed_events.topic_arn], sealed_with=traces_key)
        if inside is not None:
            # Lambda makes the network interfaces under the function's role, and asks for these on everything.
            self.permissions.add_statements(iam.PolicyStatement(actions=list(ATTACHING), resources=["*"]))
        self.function = lambda_.Function(
            self,
            "Function",
            # What consumes a queue is called by no other stack, and there is one for each network.
            function_name=None
            if isinstance(row.trigger, Consumes | Follows | FollowsNew)
            else function_name(row, stage),
            description=row.does,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(
                str(code),
                exclude=["*", f"!{row.name}", f"!{row.name}/**", "__pycache__", "*.pyc"],
                ignore_mode=cdk.IgnoreMode.GIT,
            ),
            handler=f"{row.name}.handler.lambda_handler",
            timeout=cdk.Duration.seconds(row.timeout_s),
            memory_size=row.memory_mb,
            layers=list(layers),
            # Nothing but `allow` may add to the role.
            role=self._role.without_policy_updates(),
            log_group=log_group,
            dead_letter_topic=failed_events,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if row.snapstart else None,
            tracing=lambda_.Tracing.DISABLED,
            vpc=inside.vpc if inside else None,
            vpc_subnets=inside.subnets if inside else None,
            security_groups=[inside.worker_group] if inside else None,
            environment={
                "STAGE": stage.name,
                "LOG_LEVEL": stage.log_level,
                # Else pydantic looks through the metadata of every installed package: 10 ms of each cold start.
                "PYDANTIC_DISABLE_PLUGINS": "__all__",
            },
        )
        if isinstance(row.trigger, Consumes | Follows | FollowsNew | Every | Hears):
            # Only these write their log by Powertools.
            self.tell("POWERTOOLS_SERVICE_NAME", row.name)
        self.function.node.add_dependency(self.permissions)
        if inside is not None:
            # The same calls are none of the code's business.
            iam.ManagedPolicy(
                self,
                "OnlyLambdaAttaches",
                roles=[self._role],
                statements=[
                    iam.PolicyStatement(
                        effect=iam.Effect.DENY,
                        actions=list(ATTACHING),
                        resources=["*"],
                        conditions={"ArnEquals": {"lambda:SourceFunctionArn": self.function.function_arn}},
                    )
                ],
            )
        by_the_clock = isinstance(row.trigger, Every)
        self.live = lambda_.Alias(
            self,
            "Live",
            alias_name=LIVE,
            version=self.function.current_version,
            # The next minute does what a failed one left; Lambda would repeat it beside that one, for up to 6 hours.
            retry_attempts=0 if by_the_clock else None,
            max_event_age=cdk.Duration.minutes(1) if by_the_clock else None,
        )

    def allow(
        self,
        actions: Sequence[str],
        *,
        on: Sequence[str],
        sealed_with: kms.IKey | None,
        only_if: Mapping[str, Any] | None = None,
    ) -> None:
        """Let the function make the calls `actions` on the resources `on`, which `sealed_with` encrypts.

        None: no key whose use has to be allowed. `only_if` is the statement's condition, as IAM writes it.
        """
        self.permissions.add_statements(
            iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=only_if)
        )
        if sealed_with is not None:
            self._use_key(sealed_with, actions[0].partition(":")[0], key_use(actions))

    def tell(self, name: str, value: str) -> None:
        """Set the environment variable `name`; whoever gives a permission tells the name along with it."""
        self.function.add_environment(name, value)

    def _use_key(self, key: kms.IKey, service: str, actions: Iterable[str]) -> None:
        given = self._key_use.setdefault((key.key_arn, service), set())
        new = sorted(set(actions) - given)
        given.update(new)
        if new:
            self.permissions.add_statements(
                iam.PolicyStatement(
                    actions=new,
                    resources=[key.key_arn],
                    # Only through the service that holds the record, never to open a stolen ciphertext by hand.
                    conditions={
                        "StringEquals": {"kms:ViaService": f"{service}.{cdk.Stack.of(self).region}.amazonaws.com"}
                    },
                )
            )
