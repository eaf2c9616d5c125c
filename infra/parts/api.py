"""The REST API: one OpenAPI body, its problems, its stage and its access log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.catalogue import Authorizes, FunctionRow, Http
from infra.openapi import openapi_body
from infra.parts.names import camel, live_arn
from infra.parts.sealed_log import SealedLog
from infra.stages import Stage

API_STAGE = "v1"

ACCESS_LOG_FIELDS: Mapping[str, str] = {
    "at": "$context.requestTime",
    "request_id": "$context.requestId",
    "source_ip": "$context.identity.sourceIp",
    "client_id": "$context.authorizer.principalId",
    "method": "$context.httpMethod",
    # The route, not the path: `/patients/{id}`, never whose. No query string is in this list on purpose.
    "route": "$context.resourcePath",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "waf": "$context.wafResponseCode",
    "response_bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "function_ms": "$context.integrationLatency",
}


def api_name(stage: Stage) -> str:
    """What CloudWatch calls the stage's API (`ApiName`)."""
    return f"open-dental-gateway-{stage.name}"


class Api(Construct):
    """A regional REST API in front of the functions that rows with routes describe; these lie in other stacks."""

    def __init__(self, scope: Construct, id_: str, *, rows: Iterable[FunctionRow], key: kms.IKey, stage: Stage) -> None:
        super().__init__(scope, id_)
        stack = cdk.Stack.of(self)
        rows = tuple(rows)

        def invocation_uri(row: FunctionRow) -> str:
            alias = live_arn(self, stage, row)
            return (
                f"arn:{stack.partition}:apigateway:{stack.region}:lambda:path/2015-03-31/functions/{alias}/invocations"
            )

        access_log = SealedLog(self, "AccessLog", key=key, stage=stage).group
        self.rest_api = apigateway.SpecRestApi(
            self,
            "RestApi",
            rest_api_name=api_name(stage),
            api_definition=apigateway.ApiDefinition.from_inline(
                openapi_body(rows, title=f"Open Dental gateway ({stage.name})", invocation_uri=invocation_uri)
            ),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name=API_STAGE,
                access_log_destination=apigateway.LogGroupLogDestination(access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(dict(ACCESS_LOG_FIELDS))),
                # Execution logs hold paths, query strings and bodies.
                logging_level=apigateway.MethodLoggingLevel.OFF,
                data_trace_enabled=False,
                throttling_rate_limit=stage.requests_per_second,
                throttling_burst_limit=stage.request_burst,
            ),
        )
        permissions = Construct(self, "Calls")
        shared = _shared_paths(rows)
        for row in rows:
            self._let_call(permissions, row, shared=shared, stage=stage)
        # Else a new route could be served some seconds before the API may call what it leads to.
        self.rest_api.deployment_stage.node.add_dependency(permissions)
        if stage.owns_api_logging:
            self._give_api_gateway_a_log_role()

    @property
    def stage_arn(self) -> str:
        """The stage, as WAF names it."""
        return self.rest_api.deployment_stage.stage_arn

    def _let_call(self, scope: Construct, row: FunctionRow, *, shared: frozenset[str], stage: Stage) -> None:
        """Permit the API to call the row's function on its own routes.

        Here and not beside the function: the permission names the API, which is made after what it calls.
        """
        match row.trigger:
            case Authorizes():
                sources = [self._arn("authorizers/*")]
            case Http() as http:
                # A path parameter is `*`, as API Gateway wants it, and so is the method of a path that is all this
                # function's: CloudFormation counts each permission against the 500 resources of the stack.
                sources = sorted(
                    {
                        self.rest_api.arn_for_execute_api(
                            route.method if route.path in shared else "*",
                            re.sub(r"{\w+\+?}", "*", route.path),
                            API_STAGE,
                        )
                        for route in http.all_routes()
                    }
                )
            case _:
                raise ValueError(f"{row.name} is not called by the API")
        for number, source in enumerate(sources):
            lambda_.CfnPermission(
                scope,
                f"{camel(row.name)}{number}",
                action="lambda:InvokeFunction",
                function_name=live_arn(self, stage, row),
                principal="apigateway.amazonaws.com",
                source_arn=source,
            )

    def _arn(self, what: str) -> str:
        return cdk.Stack.of(self).format_arn(
            service="execute-api", resource=self.rest_api.rest_api_id, resource_name=what
        )

    def _give_api_gateway_a_log_role(self) -> None:
        role = iam.Role(self, "LogRole", assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"))
        policy = iam.ManagedPolicy(
            self,
            "LogPermissions",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    actions=[
                        "logs:CreateLogGroup",
                        "logs:CreateLogStream",
                        "logs:DescribeLogGroups",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                        "logs:GetLogEvents",
                        "logs:FilterLogEvents",
                    ],
                    # API Gateway tries the role on log groups of its own choice before it accepts it.
                    resources=["*"],
                )
            ],
        )
        account = apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=role.role_arn)
        account.node.add_dependency(policy)
        self.rest_api.deployment_stage.node.add_dependency(account)


def _shared_paths(rows: Iterable[FunctionRow]) -> frozenset[str]:
    """Paths whose methods belong to more than one function."""
    owners: dict[str, set[str]] = {}
    for row in rows:
        for route in row.trigger.all_routes() if isinstance(row.trigger, Http) else ():
            owners.setdefault(route.path, set()).add(row.name)
    return frozenset(path for path, names in owners.items() if len(names) > 1)
