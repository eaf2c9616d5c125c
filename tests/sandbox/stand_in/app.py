"""A small CDK app with one of everything the gateway deploys, so that the sandbox is tested without the gateway."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import (
    aws_apigateway as apigateway,
)
from aws_cdk import (
    aws_cloudwatch as cloudwatch,
)
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import (
    aws_dynamodb as dynamodb,
)
from aws_cdk import (
    aws_events as events,
)
from aws_cdk import (
    aws_events_targets as targets,
)
from aws_cdk import (
    aws_iam as iam,
)
from aws_cdk import (
    aws_kms as kms,
)
from aws_cdk import (
    aws_lambda as lambda_,
)
from aws_cdk import (
    aws_lambda_event_sources as sources,
)
from aws_cdk import (
    aws_logs as logs,
)
from aws_cdk import (
    aws_s3 as s3,
)
from aws_cdk import (
    aws_secretsmanager as secretsmanager,
)
from aws_cdk import (
    aws_sns as sns,
)
from aws_cdk import (
    aws_sqs as sqs,
)
from aws_cdk import (
    aws_ssm as ssm,
)
from aws_cdk import (
    aws_wafv2 as wafv2,
)
from constructs import Construct

HERE = Path(__file__).parent
PREFIX = "standin"


class Data(cdk.Stack):
    """Tables, bucket, key and secret; names go to the other stacks through SSM parameters."""

    def __init__(self, scope: Construct, id_: str, **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=cdk.RemovalPolicy.DESTROY)
        ledger = dynamodb.TableV2(
            self,
            "Ledger",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            global_secondary_indexes=[
                dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name="due",
                    partition_key=dynamodb.Attribute(name="due", type=dynamodb.AttributeType.STRING),
                    projection_type=dynamodb.ProjectionType.KEYS_ONLY,
                )
            ],
            dynamo_stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(key),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
        )
        pace = dynamodb.Table(
            self,
            "Pace",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
        )
        bodies = s3.Bucket(
            self,
            "Bodies",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            enforce_ssl=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(30))],
        )
        secret = secretsmanager.Secret(
            self,
            "Hmac",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
        )
        for name, value in {
            "key-arn": key.key_arn,
            "ledger": ledger.table_name,
            "pace": pace.table_name,
            "bodies": bodies.bucket_name,
            "hmac": secret.secret_arn,
        }.items():
            ssm.StringParameter(self, f"Name-{name}", parameter_name=f"/{PREFIX}/{name}", string_value=value)


def shared(scope: Construct, name: str) -> str:
    return ssm.StringParameter.value_for_string_parameter(scope, f"/{PREFIX}/{name}")


def function(scope: cdk.Stack, name: str, layer: lambda_.ILayerVersion | None, **kwargs: Any) -> lambda_.Function:
    group = logs.LogGroup(
        scope, f"{name}-log", retention=logs.RetentionDays.ONE_MONTH, log_group_name=f"/standin/{name}"
    )
    role = iam.Role(scope, f"{name}-role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    group.grant_write(role)
    made = lambda_.Function(
        scope,
        name,
        code=lambda_.Code.from_asset(str(HERE / "functions" / name)),
        handler="handler.lambda_handler",
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        timeout=cdk.Duration.seconds(kwargs.pop("timeout_s", 10)),
        memory_size=512,
        role=role,
        log_group=group,
        layers=[layer] if layer else [],
        environment={"STAGE": "sandbox"} | kwargs.pop("environment", {}),
        reserved_concurrent_executions=kwargs.pop("reserved", None),
    )
    return made


class Core(cdk.Stack):
    """The queue and its worker, and a schedule."""

    def __init__(self, scope: Construct, id_: str, **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        key = kms.Key.from_key_arn(self, "Key", shared(self, "key-arn"))
        ledger = dynamodb.Table.from_table_attributes(
            self, "Ledger", table_name=shared(self, "ledger"), encryption_key=key, grant_index_permissions=True
        )
        dead = sqs.Queue(self, "Dead", fifo=True, enforce_ssl=True, encryption_master_key=key)
        calls = sqs.Queue(
            self,
            "Calls",
            fifo=True,
            enforce_ssl=True,
            encryption_master_key=key,
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            visibility_timeout=cdk.Duration.seconds(30),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=1000),
        )
        worker = function(
            self,
            "worker",
            None,
            environment={"LEDGER_TABLE": ledger.table_name, "CALLS_QUEUE_URL": calls.queue_url},
            timeout_s=30,
        )
        ledger.grant(worker, "dynamodb:PutItem")
        worker.add_event_source(
            sources.SqsEventSource(calls, batch_size=1, report_batch_item_failures=True, max_concurrency=10)
        )
        tick = function(self, "tick", None)
        events.Rule(
            self,
            "Minute",
            schedule=events.Schedule.rate(cdk.Duration.minutes(1)),
            targets=[targets.LambdaFunction(tick, retry_attempts=0)],
        )
        topic = sns.Topic(self, "Alarms", master_key=key, enforce_ssl=True)
        age = cloudwatch.Alarm(
            self,
            "QueueAge",
            metric=calls.metric_approximate_age_of_oldest_message(),
            threshold=900,
            evaluation_periods=3,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        age.add_alarm_action(actions.SnsAction(topic))
        logs.MetricFilter(
            self,
            "Unknown",
            log_group=logs.LogGroup(self, "Audit", encryption_key=key, retention=logs.RetentionDays.ONE_YEAR),
            filter_pattern=logs.FilterPattern.literal("{ $.state = UNKNOWN }"),
            metric_namespace="Standin",
            metric_name="Unknown",
            metric_value="1",
        )
        for name, value in {"calls-url": calls.queue_url, "calls-arn": calls.queue_arn}.items():
            ssm.StringParameter(self, f"Name-{name}", parameter_name=f"/{PREFIX}/{name}", string_value=value)


class Api(cdk.Stack):
    """A REST API from an OpenAPI body, with a request authorizer and gateway responses."""

    def __init__(self, scope: Construct, id_: str, **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        key = kms.Key.from_key_arn(self, "Key", shared(self, "key-arn"))
        ledger = dynamodb.Table.from_table_attributes(
            self, "Ledger", table_name=shared(self, "ledger"), encryption_key=key
        )
        layer = lambda_.LayerVersion(
            self,
            "Layer",
            code=lambda_.Code.from_asset(str(HERE / "layer")),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )
        hello = function(
            self,
            "hello",
            layer,
            environment={
                "LEDGER_TABLE": ledger.table_name,
                "BODIES_BUCKET": shared(self, "bodies"),
                "CALLS_QUEUE_URL": shared(self, "calls-url"),
                "HMAC_SECRET_ARN": shared(self, "hmac"),
            },
        )
        ledger.grant(hello, "dynamodb:Query")
        sqs.Queue.from_queue_attributes(
            self, "CallsQueue", queue_arn=shared(self, "calls-arn"), fifo=True, key_arn=shared(self, "key-arn")
        ).grant(hello, "sqs:SendMessage")
        guard = function(self, "guard", None)
        authenticate = function(self, "authenticate", None)
        alias = lambda_.Alias(self, "Live", alias_name="live", version=hello.current_version)

        def uri(arn: str) -> str:
            return f"arn:{self.partition}:apigateway:{self.region}:lambda:path/2015-03-31/functions/{arn}/invocations"

        integration = {
            "x-amazon-apigateway-integration": {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "uri": uri(alias.function_arn),
                "timeoutInMillis": 29000,
            },
            "responses": {"200": {"description": "ok"}},
        }
        open_door = {
            "x-amazon-apigateway-integration": {
                "type": "aws_proxy",
                "httpMethod": "POST",
                "uri": uri(authenticate.function_arn),
            },
            "responses": {"200": {"description": "ok"}},
        }
        problem = {
            "UNAUTHORIZED": (401, {"WWW-Authenticate": "'Bearer'"}),
            "ACCESS_DENIED": (403, {}),
            "MISSING_AUTHENTICATION_TOKEN": (404, {}),
            "DEFAULT_5XX": (500, {}),
            "INTEGRATION_TIMEOUT": (504, {}),
        }
        body = {
            "openapi": "3.0.3",
            "info": {"title": "standin", "version": "1"},
            "paths": {
                "/hello": {"get": integration | {"security": [{"guard": []}]}},
                "/crash": {"get": integration},
                "/authenticate": {"post": open_door},
                "/turns": {"post": integration | {"security": [{"guard": []}]}},
                "/turns/{turn_id}": {"get": integration | {"security": [{"guard": []}]}},
            },
            "components": {
                "securitySchemes": {
                    "guard": {
                        "type": "apiKey",
                        "name": "Authorization",
                        "in": "header",
                        "x-amazon-apigateway-authtype": "custom",
                        "x-amazon-apigateway-authorizer": {
                            "type": "request",
                            "identitySource": "method.request.header.Authorization",
                            "authorizerUri": uri(guard.function_arn),
                            "authorizerResultTtlInSeconds": 0,
                        },
                    }
                }
            },
            "x-amazon-apigateway-gateway-responses": {
                kind: {
                    "statusCode": status,
                    "responseParameters": {
                        f"gatewayresponse.header.{name}": value
                        for name, value in ({"Content-Type": "'application/problem+json'"} | headers).items()
                    },
                    "responseTemplates": {"application/json": json.dumps({"status": status, "code": kind.lower()})},
                }
                for kind, (status, headers) in problem.items()
            },
        }
        api = apigateway.SpecRestApi(
            self,
            "Api",
            api_definition=apigateway.ApiDefinition.from_inline(body),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=True,
            deploy_options=apigateway.StageOptions(
                stage_name="v1",
                throttling_rate_limit=50,
                throttling_burst_limit=100,
                metrics_enabled=True,
                access_log_destination=apigateway.LogGroupLogDestination(
                    logs.LogGroup(self, "Access", encryption_key=key, retention=logs.RetentionDays.ONE_MONTH)
                ),
                access_log_format=apigateway.AccessLogFormat.custom(
                    '{"id":"$context.requestId","path":"$context.resourcePath"}'
                ),
            ),
        )
        for target in (alias, guard, authenticate):
            target.add_permission(
                "ByApi",
                principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
                source_arn=api.arn_for_execute_api(),
            )
        acl = wafv2.CfnWebACL(
            self,
            "Waf",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=wafv2.CfnWebACL.VisibilityConfigProperty(
                cloud_watch_metrics_enabled=True, metric_name="waf", sampled_requests_enabled=False
            ),
            rules=[
                wafv2.CfnWebACL.RuleProperty(
                    name="rate",
                    priority=1,
                    action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                    statement=wafv2.CfnWebACL.StatementProperty(
                        rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                            aggregate_key_type="IP", limit=2000
                        )
                    ),
                    visibility_config=wafv2.CfnWebACL.VisibilityConfigProperty(
                        cloud_watch_metrics_enabled=True, metric_name="rate", sampled_requests_enabled=False
                    ),
                )
            ],
        )
        wafv2.CfnWebACLAssociation(
            self, "WafOnApi", resource_arn=api.deployment_stage.stage_arn, web_acl_arn=acl.attr_arn
        )
        waf_log = logs.LogGroup(
            self, "WafLog", log_group_name="aws-waf-logs-standin", retention=logs.RetentionDays.ONE_MONTH
        )
        wafv2.CfnLoggingConfiguration(
            self, "WafLogging", log_destination_configs=[waf_log.log_group_arn], resource_arn=acl.attr_arn
        )
        cdk.CfnOutput(self, "ApiUrl", value=api.url)


class Flows(cdk.Stack):
    """A machine and an alarm over alarms."""

    def __init__(self, scope: Construct, id_: str, **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        topic = sns.Topic(self, "Alarms")
        alarm = cloudwatch.Alarm(
            self,
            "Published",
            metric=topic.metric_number_of_messages_published(),
            threshold=1,
            evaluation_periods=1,
        )
        cloudwatch.CompositeAlarm(
            self, "Any", alarm_rule=cloudwatch.AlarmRule.from_alarm(alarm, cloudwatch.AlarmState.ALARM)
        )


def main() -> None:
    app = cdk.App(analytics_reporting=False)
    env = cdk.Environment(account="000000000000", region="us-east-1")
    stacks = [kind(app, f"{PREFIX}-{kind.__name__.lower()}", env=env) for kind in (Data, Core, Api, Flows)]
    for earlier, later in pairwise(stacks):
        later.add_dependency(earlier)
    app.synth()


if __name__ == "__main__":
    main()
