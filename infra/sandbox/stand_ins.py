"""What the emulator hides or lacks, and what the sandbox does about it: THE TABLE.

Each row names one difference between MiniStack and AWS. A row with a `change` alters a template on its way in; the
others are handled elsewhere or only told. `README.md` shows the same rows, and a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from infra.sandbox.processes import SandboxError

Template = dict[str, Any]

API_ID = "gateway"
"""The REST API's id in the sandbox, so that its URL stays the same from start to start."""

REFUSED = (
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EventSchemas::Registry",
    "AWS::EventSchemas::Schema",
    "AWS::Events::Archive",
    "AWS::SecretsManager::ResourcePolicy",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
)
"""Types whose mere presence makes the emulator refuse the whole template (`Unrecognized resource types`)."""


@dataclass(frozen=True)
class StandIn:
    """One row: what differs, what the emulator does, what the sandbox does instead."""

    about: str
    emulator: str
    instead: str
    change: Callable[[Template], None] | None = None


def adapt(template: Template) -> Template:
    """Return a copy of `template` that the emulator accepts and that behaves like the original.

    Raises:
        SandboxError: a resource that stays needs one that the emulator refuses.
    """
    adapted: Template = json.loads(json.dumps(template))
    for row in STAND_INS:
        if row.change is not None:
            row.change(adapted)
    return adapted


def _resources(template: Template, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in list(template["Resources"].items()):
        if resource["Type"] in types:
            yield name, resource


def _strip_refused(template: Template) -> None:
    gone = {name for name, _ in _resources(template, *REFUSED)}
    for name in gone:
        del template["Resources"][name]
    for name, resource in template["Resources"].items():
        waits = resource.get("DependsOn", [])
        kept = [other for other in ([waits] if isinstance(waits, str) else waits) if other not in gone]
        resource.pop("DependsOn", None)
        if kept:
            resource["DependsOn"] = kept
        if lost := gone & _mentioned(resource):
            raise SandboxError(f"{name} ({resource['Type']}) needs {sorted(lost)}, which the emulator does not know")
    template["Outputs"] = {
        name: output for name, output in template.get("Outputs", {}).items() if not gone & _mentioned(output)
    }


def _mentioned(node: object) -> set[str]:
    """Return the logical ids that Ref or Fn::GetAtt name anywhere in `node`."""
    found: set[str] = set()
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "Ref" and isinstance(value, str):
                found.add(value)
            elif key == "Fn::GetAtt":
                found.add(value.split(".")[0] if isinstance(value, str) else value[0])
            else:
                found |= _mentioned(value)
    elif isinstance(node, list):
        for value in node:
            found |= _mentioned(value)
    return found


def _allow_plain_http(template: Template) -> None:
    for _, resource in _resources(template, "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        document = resource["Properties"]["PolicyDocument"]
        document["Statement"] = [statement for statement in document["Statement"] if not _wants_tls(statement)]
    for name, resource in _resources(
        template, "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"
    ):
        if not resource["Properties"]["PolicyDocument"]["Statement"]:
            del template["Resources"][name]
            for other in template["Resources"].values():
                waits = other.get("DependsOn", [])
                if name in waits:
                    other["DependsOn"] = [
                        kept for kept in ([waits] if isinstance(waits, str) else waits) if kept != name
                    ]


def _wants_tls(statement: dict[str, Any]) -> bool:
    secure = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement["Effect"] == "Deny" and str(secure).lower() == "false"


def _gateway_responses(template: Template) -> None:
    made = []
    for api, resource in _resources(template, "AWS::ApiGateway::RestApi"):
        body = resource["Properties"].get("Body", {})
        for kind, response in body.get("x-amazon-apigateway-gateway-responses", {}).items():
            name = f"{api}{kind.title().replace('_', '')}"
            properties = {
                "RestApiId": {"Ref": api},
                "ResponseType": kind,
                "ResponseParameters": response.get("responseParameters", {}),
                "ResponseTemplates": response.get("responseTemplates", {}),
            }
            if "statusCode" in response:
                properties["StatusCode"] = str(response["statusCode"])
            template["Resources"][name] = {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": properties}
            made.append(name)
    for _, deployment in _resources(template, "AWS::ApiGateway::Deployment"):
        waits = deployment.get("DependsOn", [])
        # A deployment keeps the responses that stand when it is made.
        deployment["DependsOn"] = [*([waits] if isinstance(waits, str) else waits), *made]


def _secret_refs(template: Template) -> None:
    secrets = {name for name, _ in _resources(template, "AWS::SecretsManager::Secret")}

    def by_arn(node: Any) -> Any:
        if isinstance(node, dict):
            if set(node) == {"Ref"} and node["Ref"] in secrets:
                return {"Fn::GetAtt": [node["Ref"], "Arn"]}
            return {key: by_arn(value) for key, value in node.items()}
        return [by_arn(value) for value in node] if isinstance(node, list) else node

    for part in ("Resources", "Outputs"):
        template[part] = by_arn(template.get(part, {}))


def _any_methods(template: Template) -> None:
    for _, resource in _resources(template, "AWS::ApiGateway::RestApi"):
        for path in resource["Properties"].get("Body", {}).get("paths", {}).values():
            if (operation := path.pop("x-amazon-apigateway-any-method", None)) is not None:
                for method in ("get", "head", "post", "put", "patch", "delete"):
                    path.setdefault(method, operation)


def _steady_api_id(template: Template) -> None:
    for _, resource in _resources(template, "AWS::ApiGateway::RestApi"):
        resource["Properties"].setdefault("Tags", []).append({"Key": "ms-custom-id", "Value": API_ID})


def _open_ports(template: Template) -> None:
    for _, resource in _resources(template, "AWS::Lambda::Function"):
        variables = resource["Properties"].get("Environment", {}).get("Variables", {})
        if "NETWORKS" in variables:
            said = json.loads(variables["NETWORKS"])
            bare = {name: [f"http://{urlsplit(one).hostname}" for one in inside] for name, inside in said.items()}
            variables["NETWORKS"] = json.dumps(bare)


def _authorizer_writes(template: Template) -> None:
    for _, resource in _resources(template, "AWS::Lambda::Function"):
        if str(resource["Properties"].get("Handler", "")).startswith("authorizer."):
            resource["Properties"]["Environment"]["Variables"]["LOG_LEVEL"] = "DEBUG"


def _batches(template: Template) -> None:
    for _, resource in _resources(template, "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            given = [actions] if isinstance(actions, str) else actions
            if "sqs:SendMessage" in given:
                statement["Action"] = [*given, "sqs:SendMessageBatch"]


STAND_INS: tuple[StandIn, ...] = (
    StandIn(
        "WAF association and logging, composite alarms, archives, schema registries, secret policies and rotation, "
        "rules between security groups",
        "refuses a template that has such a resource",
        "left out; the templates that AWS gets keep them, and the template tests look at those",
        _strip_refused,
    ),
    StandIn(
        "TLS",
        "speaks http on loopback and does enforce `aws:SecureTransport` denials",
        "those denials are left out of bucket, queue and topic policies",
        _allow_plain_http,
    ),
    StandIn(
        "Gateway responses in the OpenAPI body",
        "drops them: its own errors would not be problem+json, an unknown route would be 403",
        "made into `AWS::ApiGateway::GatewayResponse` resources, which it honours",
        _gateway_responses,
    ),
    StandIn(
        "`Ref` of a secret",
        "its name; on AWS its ARN, which grants and `..._ARN` variables need",
        "written as `Fn::GetAtt` of `Arn`, which is the ARN on both",
        _secret_refs,
    ),
    StandIn(
        "The grant of `SendMessageBatch`",
        "asks for `sqs:SendMessageBatch`; on AWS it is `sqs:SendMessage`, and there is no other",
        "given beside it in every policy that has that",
        _batches,
    ),
    StandIn(
        "`x-amazon-apigateway-any-method`",
        "drops the method",
        "written out as the six methods",
        _any_methods,
    ),
    StandIn(
        "The API's id",
        "random at every start",
        f"always `{API_ID}`, so that URLs can be kept in notes",
        _steady_api_id,
    ),
    StandIn(
        "Event source mappings of FIFO queues, and those with a maximum concurrency",
        "one invocation at a time for each mapping: a worker that waits for one practice holds up all others",
        "switched off; `drain.py` receives with as many threads as the mapping allows (at most 16) and invokes, with "
        "the same events, partial batch responses and visibility",
    ),
    StandIn(
        "Event source mappings of streams",
        "one invocation at a time, beside none of a queue's, and no grant is asked for; a batch that fails comes again "
        "whole and for ever, with all that is behind it: no halving, no last try, no bucket for what failed",
        "nothing: only a bug fails a batch; template tests hold the mapping's settings and its role's grants",
    ),
    StandIn(
        "Event buses",
        "no key and no archive; a rule's queue gets its events whatever the queue's policy says",
        "nothing: template tests hold the key's policy; on AWS a queue behind a rule has to let "
        "`events.amazonaws.com` send",
    ),
    StandIn(
        "S3 Object Lock",
        "drops what a template says of it, and heeds what its API is told",
        "told by the API once a stack is deployed, as its template says",
    ),
    StandIn(
        "VPCs",
        "runs a network's worker on this machine like every other function: it has no subnets, and no group keeps it "
        "from an address",
        "one network, `clinic`, with a queue and a worker of its own; what is inside it is called `localhost` and "
        "listens at any port, all else is `127.0.0.1`, and the gateway's own rules keep each worker to its side; "
        "template tests hold subnets, groups and endpoints",
        _open_ports,
    ),
    StandIn(
        "Lambda's processor and Python version",
        "runs functions with the Python that started the sandbox, on this machine's processor",
        "the layer is built for that pair instead of 3.13 on arm64",
    ),
    StandIn(
        "Layers",
        "unpacks the layer anew for each execution environment, a second or more of this machine's time",
        "the layer's zip holds only a path line that leads to the folder in `cdk.out`, shared by all; bundles are "
        "imported alone with the real folder by `bundles.py`",
    ),
    StandIn(
        "A function that raises",
        "API Gateway answers 502 with the error's text and no gateway response; the exception's name arrives as "
        "`Runtime.HandlerError`; the next call is a cold start",
        "nothing: functions answer their own problems, and only a bug shows this",
    ),
    StandIn(
        "A function that logs nothing",
        "waits 50 ms for its log lines after every call, and 5 ms behind the last one of others",
        "the authorizer, which every request waits for, writes at `LOG_LEVEL=DEBUG` whom it let in; the 5 ms stay",
        _authorizer_writes,
    ),
    StandIn(
        "What a function sees of its surroundings",
        "request headers arrive in lower case; `sourceIp` is whatever `X-Forwarded-For` says; the emulator's own "
        "variables are in the environment beside the function's",
        "functions read headers without regard to case; the emulator gets a short list of this machine's variables, "
        "so no key or profile of its user reaches a function, and UTC as its zone",
    ),
    StandIn(
        "`timeoutInMillis`, `credentials`, request templates and mock integrations in the OpenAPI body",
        "drops them",
        "nothing: functions keep within 29 s by themselves, and permissions are given to `apigateway.amazonaws.com`",
    ),
    StandIn(
        "WAF rules, alarms' evaluation, access logs, Lambda's recursion guard, KMS grants of the "
        "calling role, `dynamodb:LeadingKeys`",
        "accepted, without effect",
        "nothing: template tests hold what is granted and what is watched",
    ),
)
