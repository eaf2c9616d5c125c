"""The REST API: one OpenAPI body, its problems, its stage and its access log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.catalogue import Authorizes, FunctionRow, Http, Route
from infra.openapi import openapi_body
from infra.parts.function import Function
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


def patterns_of(mine: Http, *, beside: Iterable[Http]) -> list[str]:
    """Method and path of all of `mine`, and of no route `beside`, in few patterns: `*/providers*`, `POST/patients`.

    Each pattern is a permission, and a stack holds 500 resources. `*` is any method, any end of a path, or a parameter
    of one, as API Gateway writes it.
    """
    others = [_spelled(route) for http in beside for route in http.all_routes()]
    left = [_spelled(route) for route in mine.all_routes()]
    paths = dict.fromkeys(spelled.partition("/")[2] for spelled in left)
    roots = dict.fromkeys(path.partition("/")[0] for path in paths)
    found = []
    for pattern in (*(f"*/{root}*" for root in roots), *(f"*/{path}" for path in paths)):
        covered = [spelled for spelled in left if fnmatchcase(spelled, pattern)]
        if covered and not any(fnmatchcase(spelled, pattern) for spelled in others):
            found.append(pattern)
            left = [spelled for spelled in left if spelled not in covered]
    return found + left


def _spelled(route: Route) -> str:
    return route.method + re.sub(r"{\w+\+?}", "*", route.path)


class Api(Construct):
    """A regional REST API in front of the functions that rows with routes describe."""

    def __init__(
        self, scope: Construct, id_: str, *, functions: Mapping[str, Function], key: kms.IKey, stage: Stage
    ) -> None:
        super().__init__(scope, id_)
        self._functions = functions
        stack = cdk.Stack.of(self)

        def invocation_uri(row: FunctionRow) -> str:
            alias = functions[row.name].live.function_arn
            return (
                f"arn:{stack.partition}:apigateway:{stack.region}:lambda:path/2015-03-31/functions/{alias}/invocations"
            )

        access_log = SealedLog(self, "AccessLog", key=key, stage=stage).group
        self.rest_api = apigateway.SpecRestApi(
            self,
            "RestApi",
            rest_api_name=f"open-dental-gateway-{stage.name}",
            api_definition=apigateway.ApiDefinition.from_inline(
                openapi_body(
                    (function.row for function in functions.values()),
                    title=f"Open Dental gateway ({stage.name})",
                    invocation_uri=invocation_uri,
                )
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
        for function in functions.values():
            self._let_call(function)
        if stage.owns_api_logging:
            self._give_api_gateway_a_log_role()

    @property
    def stage_arn(self) -> str:
        """The stage, as WAF names it."""
        return self.rest_api.deployment_stage.stage_arn

    def _let_call(self, function: Function) -> None:
        match function.row.trigger:
            case Authorizes():
                sources = [self._arn("authorizers/*")]
            case Http() as http:
                sources = [
                    self._arn(f"{API_STAGE}/{pattern}") for pattern in patterns_of(http, beside=self._others(function))
                ]
            case _:
                raise ValueError(f"{function.row.name} is not called by the API")
        for number, source in enumerate(sources):
            lambda_.CfnPermission(
                function,
                f"CalledByApi{number}",
                action="lambda:InvokeFunction",
                function_name=function.live.function_arn,
                principal="apigateway.amazonaws.com",
                source_arn=source,
            )

    def _others(self, function: Function) -> list[Http]:
        rows = (other.row for other in self._functions.values() if other is not function)
        return [row.trigger for row in rows if isinstance(row.trigger, Http)]

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
