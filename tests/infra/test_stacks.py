"""What holds for all stacks, and for what they keep."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from cfnlint import ManualArgs
from cfnlint.api import lint_by_config
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.export.exported import EXPORTED
from gateway.core.export.runs import SNAPSHOT_AFTER
from gateway.wiring.stage import variables
from infra.catalogue import FUNCTIONS, TABLES, FunctionRow, Http, Route, function, stack_of
from infra.stages import STAGES, stage_for
from tests.infra.templates import (
    HTTP_PARTS,
    MOST_BYTES,
    MOST_PARAMETERS,
    MOST_RESOURCES,
    PARTS,
    Assembly,
    mentioned,
    variables_of,
)

OPERATION_KEPT_DAYS = 30


@pytest.mark.parametrize("part", PARTS)
def test_a_stack_stays_far_from_what_cloudformation_takes(assembly: Assembly, part: str) -> None:
    """That is 500 resources, 200 parameters and 1 MB."""
    template = assembly.templates[part]

    assert 0 < len(template["Resources"]) < MOST_RESOURCES
    assert len(template["Parameters"]) < MOST_PARAMETERS
    assert assembly.path(part).stat().st_size < MOST_BYTES


@pytest.mark.parametrize("part", PARTS)
def test_stacks_learn_names_through_ssm_and_export_nothing(assembly: Assembly, part: str) -> None:
    """An export freezes a resource for as long as another stack imports it."""
    text = json.dumps(assembly.templates[part])

    assert "Fn::ImportValue" not in text
    assert '"Export"' not in text


def test_an_operators_command_finds_by_the_stages_name_what_functions_are_told(assembly: Assembly) -> None:
    root = f"/open-dental-gateway/{assembly.stage}/"
    published = {
        resource["Properties"]["Name"].removeprefix(root): "arn:x/y"
        for template in assembly.templates.values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::SSM::Parameter"
    }
    tables = {f"{row.name.upper()}_TABLE" for row in TABLES}
    also = {"STAGE", "BODIES_BUCKET", "EXPORTS_BUCKET", "HMAC_SECRET_ARN", "VAULT_KEY_ARN", "VAULT_PREFIX"}
    found = variables(assembly.stage, published)

    assert found.keys() == tables | also
    assert variables_of(assembly.function("rotations")[2])["VAULT_PREFIX"] == found["VAULT_PREFIX"]


def test_every_name_that_a_stack_learns_is_published_by_one_before_it(assembly: Assembly) -> None:
    published: set[str] = set()
    for template in assembly.templates.values():
        learnt = {
            parameter["Default"]
            for parameter in template["Parameters"].values()
            if parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
            # CDK's own, about the account it deploys to.
            and not parameter["Default"].startswith("/cdk-bootstrap/")
        }
        assert learnt <= published
        published |= {
            resource["Properties"]["Name"]
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::SSM::Parameter"
        }


def test_stacks_are_deployed_in_the_order_in_which_they_learn(assembly: Assembly) -> None:
    manifest = json.loads((assembly.folder / "manifest.json").read_text())["artifacts"]
    before = {
        name: {needed for needed in artifact.get("dependencies", ()) if not needed.endswith(".assets")}
        for name, artifact in manifest.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    named = {
        name: {part.removeprefix(f"open-dental-gateway-{assembly.stage}-") for part in needed}
        for name, needed in before.items()
    }
    expected = {"data": set(), "core": {"data"}, "api": set(HTTP_PARTS), "flows": {"api"}}
    expected |= {part: {"core"} for part in HTTP_PARTS} | {"warehouse": {"data"}}

    assert named == {f"open-dental-gateway-{assembly.stage}-{part}": needed for part, needed in expected.items()}


def test_what_one_stack_calls_by_name_lies_in_a_stack_before_it(assembly: Assembly) -> None:
    """A name is no reference: CloudFormation would permit, and route to, what is not there yet."""
    made: set[str] = set()
    for part in PARTS:
        called = set(re.findall(r":function:([\w-]+):live\b", json.dumps(assembly.templates[part])))
        assert called <= made
        made |= {
            resource["Properties"].get("FunctionName")
            for resource in assembly.templates[part]["Resources"].values()
            if resource["Type"] == "AWS::Lambda::Function"
        }


@given(row=st.sampled_from(FUNCTIONS), flag=st.booleans(), seconds=st.integers(1, 28))
def test_a_functions_stack_follows_from_its_name_alone(row: FunctionRow, flag: bool, seconds: int) -> None:
    """It may change in every other way, and so may its neighbours, without being deleted and made anew elsewhere."""
    assert stack_of(
        replace(row, does="", snapstart=flag, timeout_s=seconds, tables={}, bodies=frozenset())
    ) == stack_of(row)
    if isinstance(row.trigger, Http):
        assert stack_of(replace(row, trigger=Http((Route("GET", "/other"),), public=flag))) == stack_of(row)


def test_no_function_has_moved_since_it_was_first_deployed() -> None:
    """Another rule would take most functions away before it makes them again, with callers waiting."""
    some = ("patients", "fhir", "resources", "authorizer", "upstream_worker")

    assert [stack_of(function(name)) for name in some] == [*HTTP_PARTS, "core"]


@pytest.mark.parametrize("part", PARTS)
def test_a_stack_holds_the_functions_that_the_rule_gives_it(assembly: Assembly, part: str) -> None:
    held = {
        resource["Properties"]["Handler"].partition(".")[0]
        for resource in assembly.templates[part]["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    }

    assert held == {row.name for row in FUNCTIONS if stack_of(row) == part}


def test_a_stack_with_real_data_is_not_deleted_by_mistake(assembly: Assembly) -> None:
    manifest = json.loads((assembly.folder / "manifest.json").read_text())["artifacts"]

    assert manifest[f"open-dental-gateway-{assembly.stage}-data"]["properties"]["terminationProtection"] is True


def test_no_resource_is_made_by_a_function_of_somebody_elses(assembly: Assembly) -> None:
    types = {
        resource["Type"] for template in assembly.templates.values() for resource in template["Resources"].values()
    }

    assert not [type_ for type_ in types if type_.startswith(("Custom::", "AWS::CloudFormation::"))]


@pytest.mark.parametrize("part", PARTS)
def test_cfn_lint_finds_nothing(assembly: Assembly, part: str) -> None:
    # W3005: CDK says DependsOn where a reference already says it.
    found = lint_by_config(ManualArgs(templates=[str(assembly.path(part))], ignore_checks=["W3005"]))

    assert [f"{match.rule.id} {match.message}" for match in found] == []


def tables(assembly: Assembly) -> list[dict[str, Any]]:
    return [resource for _, _, resource in assembly.resources("AWS::DynamoDB::GlobalTable")]


def test_every_table_is_sealed_restorable_forgetful_and_survives_its_stack(assembly: Assembly) -> None:
    assert len(tables(assembly)) == len(TABLES)
    for table in tables(assembly):
        properties = table["Properties"]
        (replica,) = properties["Replicas"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        assert replica["SSESpecification"]["KMSMasterKeyId"]
        assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert replica["DeletionProtectionEnabled"] is True
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert [key["AttributeName"] for key in properties["KeySchema"]] == ["pk", "sk"]
        assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"


def test_what_is_due_is_found_by_shard_and_time(assembly: Assembly) -> None:
    every = [index for table in tables(assembly) for index in table["Properties"].get("GlobalSecondaryIndexes", ())]
    indexes = [index for index in every if index["IndexName"] == "due"]

    assert len(indexes) == 3
    for index in indexes:
        assert [key["AttributeName"] for key in index["KeySchema"]] == ["due_shard", "due_at"]
    assert [sorted(index["Projection"]["NonKeyAttributes"]) for index in indexes] == [
        ["practice_id"],
        ["attempt", "practice_id", "state"],
        ["object_id", "turn"],
    ]
    for table in tables(assembly):
        types = {item["AttributeName"]: item["AttributeType"] for item in table["Properties"]["AttributeDefinitions"]}
        assert types.get("due_at", "N") == "N"
        assert types.get("due_shard", "S") == "S"


def test_rows_of_the_mirror_are_found_by_indexes_that_hold_no_content(assembly: Assembly) -> None:
    """What lies in an index is paid for with every change, and read by whoever may query it."""
    (records,) = (
        table["Properties"]
        for table in tables(assembly)
        if any(index["IndexName"] == "parent_1" for index in table["Properties"].get("GlobalSecondaryIndexes", ()))
    )
    types = {item["AttributeName"]: item["AttributeType"] for item in records["AttributeDefinitions"]}
    indexes = {
        index["IndexName"]: (
            [key["AttributeName"] for key in index["KeySchema"]],
            index["Projection"].get("NonKeyAttributes", []),
        )
        for index in records["GlobalSecondaryIndexes"]
    }

    assert set(types.values()) == {"S"}
    assert indexes == {
        "parent_1": (["parent_1", "sk"], []),
        "parent_2": (["parent_2", "sk"], []),
        "day": (["day_month", "day_place"], []),
        "change": (["change_month", "change_place"], []),
    }


def test_a_change_of_a_row_can_be_read_with_what_was_there_before(assembly: Assembly) -> None:
    """A burial is a change of the item and an erasure its removal: only who sees both images can tell them apart."""
    streams = [table["Properties"].get("StreamSpecification") for table in tables(assembly)]

    assert [one for one in streams if one is not None] == [{"StreamViewType": "NEW_AND_OLD_IMAGES"}] * 2


def test_turns_of_a_practice_keep_their_order_and_its_neighbours_do_not_wait(assembly: Assembly) -> None:
    queues = {logical_id: queue["Properties"] for _, logical_id, queue in assembly.resources("AWS::SQS::Queue")}
    ((name, calls),) = (
        (name, queue) for name, queue in queues.items() if queue.get("RedrivePolicy", {}).get("maxReceiveCount") == 1000
    )
    dead = queues[calls["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
    (mapping,) = (
        resource["Properties"]
        for _, _, resource in assembly.resources("AWS::Lambda::EventSourceMapping")
        if name in mentioned(resource["Properties"]["EventSourceArn"])
    )
    _, _, worker = assembly.function("upstream_worker")

    assert calls["FifoQueue"] is dead["FifoQueue"] is True
    assert (calls["DeduplicationScope"], calls["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    assert calls["VisibilityTimeout"] == worker["Properties"]["Timeout"] == 150
    assert calls["RedrivePolicy"]["maxReceiveCount"] == 1000
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": STAGES[assembly.stage].worker_concurrency}


def test_deliveries_of_an_object_keep_their_order_and_other_endpoints_do_not_wait(assembly: Assembly) -> None:
    queues = {logical_id: queue["Properties"] for _, logical_id, queue in assembly.resources("AWS::SQS::Queue")}
    ((name, deliveries),) = (
        (name, queue)
        for name, queue in queues.items()
        if queue.get("RedrivePolicy", {}).get("maxReceiveCount") == 5 and "FifoQueue" in queue
    )
    (mapping,) = (
        resource["Properties"]
        for _, _, resource in assembly.resources("AWS::Lambda::EventSourceMapping")
        if name in mentioned(resource["Properties"]["EventSourceArn"])
    )
    _, _, worker = assembly.function("deliver_webhooks")

    assert deliveries["FifoQueue"] is True
    assert (deliveries["DeduplicationScope"], deliveries["FifoThroughputLimit"]) == (
        "messageGroup",
        "perMessageGroupId",
    )
    assert deliveries["VisibilityTimeout"] == worker["Properties"]["Timeout"]
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])


def test_the_bodies_bucket_tells_a_queue_of_calls_that_were_received_and_of_nothing_else(assembly: Assembly) -> None:
    """Large requests and answers lie in the same bucket. S3 tries the queue when it is told of it, so both have to
    be there before."""
    ((_, queue_id, queue),) = (
        entry
        for entry in assembly.resources("AWS::SQS::Queue")
        if entry[0] == "data" and "RedrivePolicy" in entry[2]["Properties"]
    )
    ((_, policy_id, policy),) = (
        entry
        for entry in assembly.resources("AWS::SQS::QueuePolicy")
        if entry[0] == "data" and {"Ref": queue_id} in entry[2]["Properties"]["Queues"]
    )
    (bucket,) = (
        entry[2]
        for entry in assembly.resources("AWS::S3::Bucket")
        if "NotificationConfiguration" in entry[2]["Properties"]
    )
    (told,) = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    allowed = [one for one in policy["Properties"]["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    keys = [
        statement
        for _, _, key in assembly.resources("AWS::KMS::Key")
        for statement in key["Properties"]["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "s3.amazonaws.com"}
    ]

    assert told["Event"] == "s3:ObjectCreated:*"
    assert told["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "hooks/"}]
    assert mentioned(told["Queue"]) == {queue_id}
    assert {queue_id, policy_id} <= set(bucket["DependsOn"])
    assert [one["Action"] for one in allowed] == ["sqs:SendMessage"]
    assert [sorted(one["Action"]) for one in keys] == [["kms:Decrypt", "kms:GenerateDataKey"]]
    for statement in (*allowed, *keys):
        assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert "aws:SourceArn" in statement["Condition"]["ArnLike"]
    assert queue["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 5
    assert queue["Properties"]["VisibilityTimeout"] >= function("take_hooks").timeout_s


def test_every_queue_is_sealed_and_refuses_plain_http(assembly: Assembly) -> None:
    queues = list(assembly.resources("AWS::SQS::Queue"))
    guarded = {
        reference["Ref"]
        for _, _, policy in assembly.resources("AWS::SQS::QueuePolicy")
        for reference in policy["Properties"]["Queues"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }

    assert {logical_id for _, logical_id, _ in queues} == guarded
    assert all(queue["Properties"]["KmsMasterKeyId"] for _, _, queue in queues)


def test_bodies_outlive_their_operations_by_little_and_are_nobody_elses(assembly: Assembly) -> None:
    buckets = {logical_id: bucket["Properties"] for _, logical_id, bucket in assembly.resources("AWS::S3::Bucket")}
    (bodies,) = (bucket for name, bucket in buckets.items() if re.match(r"Bodies[0-9A-F]{8}$", name))
    rule, of_calls = bodies["LifecycleConfiguration"]["Rules"]

    assert OPERATION_KEPT_DAYS < rule["ExpirationInDays"] <= 35
    queues = {name: queue["Properties"] for _, name, queue in assembly.resources("AWS::SQS::Queue")}
    (told_of_s,) = {
        queue["MessageRetentionPeriod"] for name, queue in queues.items() if name.startswith("HooksDeadLetters")
    }
    assert (of_calls["Prefix"], of_calls["ExpirationInDays"]) == ("hooks/", told_of_s / 86_400 + 1)
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    (encryption,) = bodies["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["BucketKeyEnabled"] is True
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    for bucket in buckets.values():
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4


def test_exports_are_sealed_and_end_no_sooner_than_two_snapshots_came(assembly: Assembly) -> None:
    buckets = {logical_id: bucket["Properties"] for _, logical_id, bucket in assembly.resources("AWS::S3::Bucket")}
    (exports,) = (bucket for name, bucket in buckets.items() if name.startswith("ExportFilesExports"))
    (rule,) = exports["LifecycleConfiguration"]["Rules"]

    assert rule["ExpirationInDays"] > 2 * SNAPSHOT_AFTER.days
    (encryption,) = exports["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_athena_reckons_days_and_keeps_results_sealed(assembly: Assembly) -> None:
    tables = {
        table["Properties"]["TableInput"]["Name"]: table["Properties"]["TableInput"]
        for _, _, table in assembly.resources("AWS::Glue::Table")
    }
    assert tables.keys() == {"published", *EXPORTED}
    for name in EXPORTED:
        said = tables[name]["Parameters"]
        assert (said["projection.enabled"], said["projection.date.format"]) == ("true", "yyyy-MM-dd")
        assert json.dumps(said["storage.location.template"]).endswith(f'/data/object={name}/date=${{date}}/"]]}}')
    workgroup = assembly.one("AWS::Athena::WorkGroup")["Properties"]["WorkGroupConfiguration"]
    assert workgroup["EnforceWorkGroupConfiguration"] is True
    assert workgroup["ResultConfiguration"]["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"


def test_one_function_alone_has_what_makes_parquet(assembly: Assembly) -> None:
    layered = {row.name for row in FUNCTIONS if len(assembly.function(row.name)[2]["Properties"]["Layers"]) > 1}

    assert layered == {row.name for row in FUNCTIONS if row.makes_parquet} == {"export_practice"}


def test_every_log_group_is_sealed_and_kept_for_a_named_time(assembly: Assembly) -> None:
    groups = [group["Properties"] for _, _, group in assembly.resources("AWS::Logs::LogGroup")]

    assert groups
    assert all(group["KmsKeyId"] and group["RetentionInDays"] == 365 for group in groups)


def test_the_signing_secret_is_made_by_aws_and_in_no_template(assembly: Assembly) -> None:
    secret = assembly.one("AWS::SecretsManager::Secret")["Properties"]

    assert "SecretString" not in secret
    assert secret["GenerateSecretString"]["PasswordLength"] >= 32
    assert secret["KmsKeyId"]


def test_keys_rotate(assembly: Assembly) -> None:
    keys = [key["Properties"] for _, _, key in assembly.resources("AWS::KMS::Key")]

    assert len(keys) == 2
    assert all(key["EnableKeyRotation"] for key in keys)


def test_only_the_sandbox_may_call_this_machine() -> None:
    assert [name for name, stage in STAGES.items() if any("127.0.0.1" in url for url in stage.base_url_allow)] == [
        "sandbox"
    ]


def test_no_stage_lets_practices_connect_themselves_unless_it_says_so(assembly: Assembly) -> None:
    assert not any(stage.open_enrolment for stage in STAGES.values())
    assert variables_of(assembly.function("authenticate")[2])["OPEN_ENROLMENT"] == "false"


def test_an_unknown_stage_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="there are sandbox, dev, prod"):
        stage_for({"stage": "production"})


def test_an_operator_may_say_region_and_mail_without_touching_the_rows() -> None:
    stage = stage_for({"stage": "prod", "region": "eu-central-1", "alarm_email": "ops@example.com"})

    assert (stage.region, stage.alarm_email, stage.keep_data) == ("eu-central-1", "ops@example.com", True)
