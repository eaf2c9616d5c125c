"""Findings of cdk-nag that stand, each with its reason and what would end it.

Never for dead-letter queues, keys of log groups, TLS, public access or wildcard actions: those are repaired. At most
15 different rules of the packs AwsSolutions and HIPAA, and 6 of Serverless, which asks much of it again in other names.
`CHECKOV` is the same for checkov. Tests hold both tables to all of this and to being used.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.stages import Stage


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """`rule`, written with its pack's name in front, stands for the constructs whose path matches `where`.

    `where` is a shell pattern over the construct path without the stack's name. `finding` is the part in brackets
    that some rules add for each finding; `{stage}`, `{region}` and `{drop}` are filled in.
    """

    rule: str
    where: str
    reason: str
    ends: str
    finding: str | None = None

    @property
    def pack(self) -> str:
        """The pack that the rule belongs to: `AwsSolutions`, `HIPAA.Security` or `Serverless`."""
        return self.rule.partition("-")[0]

    def id_in(self, stage: Stage) -> str:
        """The name of the finding as cdk-nag reports it in `stage`."""
        if self.finding is None:
            return self.rule
        drop = f"{stage.sftp_drop.bucket}/{stage.sftp_drop.prefix}" if stage.sftp_drop else "no drop/"
        return f"{self.rule}[{self.finding.format(stage=stage.name, region=stage.region, drop=drop)}]"


_STAGE = "Api/RestApi/DeploymentStage.v1/Resource"
_FUNCTIONS = "*/Function/Resource"

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding=(
            "Resource::<SsmParameterValueopendentalgateway{stage}databodiesarnC96584B6F00A464EAD1953AFF4B05118Parameter>/*"
        ),
        where="*/Permissions/Resource",
        reason="Bodies are objects named by random ids, so a role gets the whole bucket, which holds nothing else.",
        ends="S3 permissions by object that a policy can name beforehand.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding=(
            "Resource::<SsmParameterValueopendentalgateway{stage}databodiesarnC96584B6F00A464EAD1953AFF4B05118Parameter>"
            "/hooks/*"
        ),
        where="*/Permissions/Resource",
        reason="Calls of offices' machines are objects with random names under one prefix, which holds nothing else.",
        ends="S3 permissions by object that a policy can name beforehand.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding=(
            "Resource::arn:<AWS::Partition>:secretsmanager:{region}:<AWS::AccountId>"
            ":secret:open-dental-gateway/{stage}/practices/*"
        ),
        where="*/Permissions/Resource",
        reason="One secret a practice, made when the practice is connected; the prefix keeps it to this stage's.",
        ends="A fixed set of practices at deployment.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding="Resource::arn:<AWS::Partition>:s3:::{drop}*",
        where="*/Permissions/Resource",
        reason="Offices leave files in folders with random names; the prefix is the gateway's alone.",
        ends="S3 permissions by object that a policy can name beforehand.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding="Resource::*",
        where="Api/LogPermissions/Resource",
        reason="API Gateway refuses its log role unless the role may write the log groups that it tries it on.",
        ends="A stage with owns_api_logging off, where the account has such a role already.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding=(
            "Resource::arn:<AWS::Partition>:lambda:{region}:<AWS::AccountId>:function:open-dental-gateway-{stage}-http-*:live"
        ),
        where="Task/Permissions/Resource",
        reason="A step is any request of the API; a policy has no room for the name of each function behind a route.",
        ends="Policies with room for a hundred ARNs.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding=(
            "Resource::arn:<AWS::Partition>:states:{region}:<AWS::AccountId>:execution:open-dental-gateway-{stage}-*:*"
        ),
        where="Workflows/Permissions/Resource",
        reason="Whoever started a run may stop it; each execution has a name of its own.",
        ends="Permissions for the executions of a machine that a policy can name beforehand.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding=(
            "Resource::arn:<AWS::Partition>:states:{region}:<AWS::AccountId>:execution:"
            "open-dental-gateway-{stage}-export:*"
        ),
        where="ExportMachine/Permissions/Resource",
        reason="Its Distributed Map looks at executions of the machine itself, each of which has a name of its own.",
        ends="Permissions for the executions of a map that a policy can name beforehand.",
    ),
    *(
        Acknowledged(
            rule="AwsSolutions-IAM5",
            finding=(
                "Resource::<SsmParameterValueopendentalgateway{stage}dataexportsarnC96584B6F00A464EAD1953AFF4B05118Parameter>"
                "/*"
            ),
            where=f"{who}/Permissions/Resource",
            reason="Files of exports are named by practice, day and run; none of them may be deleted.",
            ends="S3 permissions by object that a policy can name beforehand.",
        )
        for who in ("Exports", "ExportPractice", "PublishExport")
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding="Resource::*",
        where="*Machine/Permissions/Resource",
        reason="CloudWatch Logs ties what Step Functions asks of a machine's role to no log group.",
        ends="Log deliveries that a policy can name.",
    ),
    Acknowledged(
        rule="AwsSolutions-SF2",
        where="*Machine/Machine",
        reason="Traces keep what is logged nowhere else; a run and its log have its states and times.",
        ends="Traces that keep the state in place of what it was asked.",
    ),
    Acknowledged(
        rule="Serverless-StepFunctionStateMachineXray",
        where="*Machine/Machine",
        reason="Traces keep what is logged nowhere else; a run and its log have its states and times.",
        ends="Traces that keep the state in place of what it was asked.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding="Resource::*",
        where="PublishEvents/Permissions/Resource",
        reason="Lambda looks for the stream that it reads under the function's role, and IAM ties that to no table.",
        ends="dynamodb:ListStreams for a resource.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding="Resource::*",
        where="ArchiveAudit/Permissions/Resource",
        reason="Lambda looks for the stream that it reads under the function's role, and IAM ties that to no table.",
        ends="dynamodb:ListStreams for a resource.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding=(
            "Resource::<SsmParameterValueopendentalgateway{stage}dataauditarchivearnC96584B6F00A464EAD1953AFF4B05118Parameter>"
            "/*"
        ),
        where="ArchiveAudit/Permissions/Resource",
        reason="Parts of the audit trail are objects named by the day and their place in the stream; it may only put.",
        ends="S3 permissions by object that a policy can name beforehand.",
    ),
    Acknowledged(
        rule="AwsSolutions-IAM5",
        finding="Resource::*",
        where="UpstreamWorker?*/Permissions/Resource",
        reason="Lambda makes interfaces in the VPC under the worker's role, on any resource; code is denied it.",
        ends="Lambda attaching functions to a VPC under a role of its own.",
    ),
    Acknowledged(
        rule="AwsSolutions-L1",
        where=_FUNCTIONS,
        reason="Python 3.13 is supported until 2029 and is what the layer's wheels and the tests run on.",
        ends="The first release whose dependencies all have wheels for a newer runtime.",
    ),
    Acknowledged(
        rule="Serverless-LambdaLatestVersion",
        where=_FUNCTIONS,
        reason="Python 3.13 is supported until 2029 and is what the layer's wheels and the tests run on.",
        ends="The first release whose dependencies all have wheels for a newer runtime.",
    ),
    Acknowledged(
        rule="Serverless-LambdaTracing",
        where=_FUNCTIONS,
        reason="Traces keep the paths of calls with ids of patients; logs follow a request by ids without them.",
        ends="Traces that keep the route in place of the path.",
    ),
    Acknowledged(
        rule="Serverless-APIGWXrayEnabled",
        where=_STAGE,
        reason="Traces keep URLs with ids of patients; the access log has times and request ids without them.",
        ends="Traces that keep the route in place of the path.",
    ),
    Acknowledged(
        rule="Serverless-SQSRedrivePolicy",
        where="*/DeadLetters/Resource",
        reason="These are the queues that others set aside into; an alarm watches each, and nobody reads them unasked.",
        ends="Nothing: dead letters of dead letters would be the same queue again.",
    ),
    Acknowledged(
        rule="Serverless-SQSRedrivePolicy",
        where="FailedEvents/Undelivered/Resource",
        reason="It keeps what not even the queue of failed events took, for somebody to look at; no function reads it.",
        ends="Nothing: what nobody reads cannot fail to be read.",
    ),
    Acknowledged(
        rule="Serverless-LambdaEventSourceMappingDestination",
        where="*/Feed/Mapping/Resource",
        reason="Lambda takes such a destination for streams; a queue sets aside into dead letters of its own, as here.",
        ends="Destinations for mappings of queues.",
    ),
    Acknowledged(
        rule="Serverless-LambdaAsyncFailureDestination",
        where="*/Live/EventInvokeConfig/Resource",
        reason="Failed events go to the topic that is the functions' dead-letter target; with both each comes twice.",
        ends="A HIPAA pack that takes a destination in place of a dead-letter target.",
    ),
    Acknowledged(
        rule="AwsSolutions-SMG4",
        where="Signing/Secret/Resource",
        reason="Practices are found by fingerprints made with this secret; a new one would lose every practice.",
        ends="Fingerprints stored under two generations of the secret.",
    ),
    Acknowledged(
        rule="HIPAA.Security-SecretsManagerRotationEnabled",
        where="Signing/Secret/Resource",
        reason="Practices are found by fingerprints made with this secret; a new one would lose every practice.",
        ends="Fingerprints stored under two generations of the secret.",
    ),
    Acknowledged(
        rule="AwsSolutions-APIG2",
        where="Api/RestApi/Resource",
        reason="Functions validate every field and name the one at fault; API Gateway's validator cannot name it.",
        ends="Gateway responses that can say which field is wrong.",
    ),
    Acknowledged(
        rule="AwsSolutions-APIG6",
        where=_STAGE,
        reason="Execution logs hold paths, query strings and bodies, that is health data; the access log is on.",
        ends="Execution logs that can leave out what was asked.",
    ),
    Acknowledged(
        rule="HIPAA.Security-APIGWExecutionLoggingEnabled",
        where=_STAGE,
        reason="Execution logs hold paths, query strings and bodies, that is health data; the access log is on.",
        ends="Execution logs that can leave out what was asked.",
    ),
    Acknowledged(
        rule="HIPAA.Security-APIGWXrayEnabled",
        where=_STAGE,
        reason="Traces keep URLs with ids of patients; the access log has times and request ids without them.",
        ends="Traces that keep the route in place of the path.",
    ),
    Acknowledged(
        rule="HIPAA.Security-APIGWCacheEnabledAndEncrypted",
        where=_STAGE,
        reason="API Gateway's cache would answer after a key is revoked; the gateway caches behind the authorizer.",
        ends="Nothing: answers are the caller's own.",
    ),
    Acknowledged(
        rule="HIPAA.Security-APIGWSSLEnabled",
        where=_STAGE,
        reason="A client certificate proves API Gateway to an HTTP backend; Lambda is called under IAM and TLS.",
        ends="A route with an HTTP integration.",
    ),
    Acknowledged(
        rule="HIPAA.Security-LambdaConcurrency",
        where=_FUNCTIONS,
        reason="Reserved shares starve other functions of small accounts; throttles, WAF and the queue's limit bound.",
        ends="Measured load that needs a guaranteed share.",
    ),
    Acknowledged(
        rule="HIPAA.Security-LambdaInsideVPC",
        where=_FUNCTIONS,
        reason="Open Dental is called over the internet; a VPC would add NAT and bound nothing that roles do not.",
        ends="A stage whose practices are all in Service mode; its networks' workers run in their VPCs.",
    ),
    Acknowledged(
        rule="HIPAA.Security-S3BucketReplicationEnabled",
        where="Bodies/*/Resource",
        reason="Bodies are copies that expire after 35 days, and a second region would hold health data for no reader.",
        ends="A deployment that serves from two regions.",
    ),
    Acknowledged(
        rule="HIPAA.Security-S3DefaultEncryptionKMS",
        where="Bodies/AccessLogs/Resource",
        reason="S3 delivers access logs only to buckets encrypted with its own keys.",
        ends="Delivery of access logs to buckets with a customer key.",
    ),
    Acknowledged(
        rule="HIPAA.Security-S3DefaultEncryptionKMS",
        where="AuditArchive/AccessLogs/Resource",
        reason="S3 delivers access logs only to buckets encrypted with its own keys.",
        ends="Delivery of access logs to buckets with a customer key.",
    ),
    Acknowledged(
        rule="HIPAA.Security-S3BucketReplicationEnabled",
        where="AuditArchive/*/Resource",
        reason="The lock keeps every version where it is, and the trail's own table is restorable beside it.",
        ends="An operator's wish to have it in a second region or account, which the bucket's versions allow.",
    ),
    Acknowledged(
        rule="HIPAA.Security-S3DefaultEncryptionKMS",
        where="ExportFiles/AccessLogs/Resource",
        reason="S3 delivers access logs only to buckets encrypted with its own keys.",
        ends="Delivery of access logs to buckets with a customer key.",
    ),
    Acknowledged(
        rule="HIPAA.Security-S3BucketReplicationEnabled",
        where="ExportFiles/*/Resource",
        reason="A copy of what the mirrors have: a new snapshot brings it back.",
        ends="An export that holds more than a snapshot can bring back.",
    ),
)

CHECKOV: tuple[Acknowledged, ...] = (
    Acknowledged(
        rule="CKV_AWS_117",
        where="AWS::Lambda::Function.*",
        reason="Open Dental is called over the internet; a VPC would add NAT and bound nothing that roles do not.",
        ends="A stage whose practices are all in Service mode; its networks' workers run in their VPCs.",
    ),
    Acknowledged(
        rule="CKV_AWS_115",
        where="AWS::Lambda::Function.*",
        reason="Reserved shares starve other functions of small accounts; throttles, WAF and the queue's limit bound.",
        ends="Measured load that needs a guaranteed share.",
    ),
    Acknowledged(
        rule="CKV_AWS_173",
        where="AWS::Lambda::Function.*",
        reason="Variables hold names of tables and queues, and no secret; AWS seals them with a key of its own.",
        ends="A variable that nobody with lambda:GetFunction may read.",
    ),
    Acknowledged(
        rule="CKV_AWS_73",
        where="AWS::ApiGateway::Stage.*",
        reason="Traces keep URLs with ids of patients; the access log has times and request ids without them.",
        ends="Traces that keep the route in place of the path.",
    ),
    Acknowledged(
        rule="CKV_AWS_120",
        where="AWS::ApiGateway::Stage.*",
        reason="API Gateway's cache would answer after a key is revoked; the gateway caches behind the authorizer.",
        ends="Nothing: answers are the caller's own.",
    ),
    Acknowledged(
        rule="CKV_AWS_111",
        where="AWS::IAM::ManagedPolicy.ApiLogPermissions*",
        reason="API Gateway makes and finds its log groups itself, and IAM ties those calls to no resource.",
        ends="A role for access logs that AWS brings along.",
    ),
    Acknowledged(
        rule="CKV_AWS_18",
        where="AWS::S3::Bucket.*AccessLogs*",
        reason="This bucket is where the others' access logs go; logs of its own would grow by being written.",
        ends="Nothing: a log of the log says what the log says.",
    ),
)
"""Findings of checkov that stand. `where` is a pattern over `{type}.{logical id}`."""
