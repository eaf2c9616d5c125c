"""What each function is and may do."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters import callers
from gateway.adapters.fleet import FIGURES
from gateway.adapters.mirror import items, syncs
from gateway.adapters.webhooks import store
from gateway.core.events.deriving import TOLD_OF
from gateway.core.events.facts import FINDINGS, KINDS, MESSAGES, WEBHOOKS
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import LOAD
from infra.app import app
from infra.catalogue import FUNCTIONS, READ_MANY, WRITE, Consumes, Every, Follows, FollowsNew, FunctionRow, Hears, Http
from infra.implied import DEAD_LETTERING, FINDING_STREAMS, FOLLOWING, LOGGING, POLLING, SETTING_ASIDE, key_use
from infra.openapi import API_TIMEOUT_MS
from infra.parts.names import camel
from infra.stages import STAGES
from tests.infra.networks import CLINIC, OTHER
from tests.infra.templates import Assembly, called_name, joined, listed, mentioned, variables_of

EVENTS = Path(__file__).parents[2] / "events" / "functions"
IDENTITY_POLICIES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")


def calls_of(row: FunctionRow) -> set[str]:
    """The AWS calls that the row lets the function make."""
    calls = {f"dynamodb:{verb}" for verbs in row.tables.values() for verb in verbs}
    calls |= {f"sqs:{verb}" for verbs in row.queues.values() for verb in verbs}
    calls |= {f"s3:{verb}" for verb in row.bodies | row.inbox}
    calls |= {f"secretsmanager:{verb}" for verb in row.vault}
    calls |= {"dynamodb:PutItem"} if row.puts else set()
    calls |= {"dynamodb:UpdateItem", "dynamodb:PutItem"} if row.counts else set()
    calls |= {f"s3:{verb}" for verb in row.archive | row.exports}
    calls |= {"events:PutEvents"} if row.bus else set()
    calls |= {"lambda:InvokeFunction"} if row.asks_routes else set()
    calls |= {"states:StartExecution"} if row.machines else set()
    calls |= {"states:StopExecution"} if row.stops else set()
    return calls | ({"secretsmanager:GetSecretValue"} if row.hmac else set())


def writes_to(statement: dict[str, Any], table: str) -> set[str]:
    """The resources of `statement` that are this table, if it lets items be written."""
    writes = {f"dynamodb:{verb}" for verb in WRITE} & set(listed(statement["Action"]))
    named = {name for name in mentioned(statement["Resource"]) if f"tables{table}" in name}
    return named if writes else set()


def test_every_folder_of_functions_is_deployed_and_every_row_has_a_folder(handlers: list[str]) -> None:
    assert handlers == sorted(row.name for row in FUNCTIONS)


def test_a_role_may_do_what_its_row_says_and_what_aws_implies_and_nothing_else(
    assembly: Assembly, row: FunctionRow
) -> None:
    calls = calls_of(row) | set(DEAD_LETTERING)
    if isinstance(row.trigger, Consumes):
        calls |= set(POLLING)
    if isinstance(row.trigger, Follows | FollowsNew):
        calls |= {*FOLLOWING, *SETTING_ASIDE}

    found = set(FINDING_STREAMS) if isinstance(row.trigger, Follows | FollowsNew) else set()
    assert assembly.actions(row.name) == calls | set(key_use(calls)) | set(LOGGING) | found


def test_a_function_is_told_the_names_of_what_it_may_touch_and_of_nothing_else(
    assembly: Assembly, row: FunctionRow
) -> None:
    _, _, function = assembly.function(row.name)
    told = {f"{name.upper()}_TABLE" for name in (*row.tables, *row.puts)} | {
        f"{name.upper()}_QUEUE_URL" for name in row.queues
    }
    told |= {"BODIES_BUCKET"} if row.bodies or row.inbox else set()
    told |= {"HMAC_SECRET_ARN"} if row.hmac else set()
    told |= {"VAULT_PREFIX", "VAULT_KEY_ARN"} if row.vault else set()
    told |= {"CLIENT_REQUESTS_PER_MINUTE", "AUDIT_TABLE"} if row.counts else set()
    told |= {"AUDIT_ARCHIVE_BUCKET"} if row.archive else set()
    told |= {"EXPORTS_BUCKET"} if row.exports else set()
    told |= {"EVENT_BUS"} if row.bus else set()
    told |= {"ROUTES_PREFIX", "ROUTES_STACKS"} if row.asks_routes else set()
    told |= {"MACHINES_PREFIX"} if row.machines else set()
    by_powertools = Consumes | Follows | FollowsNew | Every | Hears
    always = {"STAGE", "LOG_LEVEL", "PYDANTIC_DISABLE_PLUGINS"}
    always |= {"POWERTOOLS_SERVICE_NAME"} if isinstance(row.trigger, by_powertools) else set()

    assert set(variables_of(function)) == told | set(row.settings) | always


def test_every_function_behind_the_authorizer_counts_and_no_other_does() -> None:
    for row in FUNCTIONS:
        assert row.counts is (isinstance(row.trigger, Http) and not row.trigger.public), row.name


def test_who_counts_requests_writes_no_client_and_no_session(assembly: Assembly, row: FunctionRow) -> None:
    """They lie in the same table: a function that could write them could let anybody in."""
    callers = {resource for statement in assembly.statements(row.name) for resource in writes_to(statement, "callers")}
    if not row.counts:
        writes = {"PutItem", "UpdateItem"} & row.tables.get("callers", frozenset())
        assert bool(callers) is (bool(writes) or "callers" in row.puts)
        return
    conditions = [
        statement.get("Condition") for statement in assembly.statements(row.name) if writes_to(statement, "callers")
    ]

    counts = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["requests#*"]}}
    # A practice that is connected becomes its client's, as by `authenticate`, which nobody counts.
    assert conditions == ([None, counts] if row.name == "onboard_practice" else [counts])


def test_a_function_is_told_the_stages_limit_of_a_client(assembly: Assembly) -> None:
    _, _, function = assembly.function("patients")

    assert variables_of(function)["CLIENT_REQUESTS_PER_MINUTE"] == str(
        STAGES[assembly.stage].client_requests_per_minute
    )


def test_no_client_may_take_more_than_half_of_what_a_stage_takes() -> None:
    for stage in STAGES.values():
        assert stage.client_requests_per_minute * 2 <= stage.requests_per_second * 60


HOLDS = {
    "slots": {"Query"},
    "fhir": {"Query"},
    "hold_slot": {"GetItem", "Query", "PutItem"},
    "create_appointment": {"GetItem"},
    "upstream_worker": {"GetItem", "Query", "PutItem"},
}
"""Who shows, takes, names and heeds the times that callers keep."""


def test_holds_are_touched_by_whoever_needs_them_and_by_nobody_else() -> None:
    assert {row.name: set(row.tables["holds"]) for row in FUNCTIONS if "holds" in row.tables} == HOLDS


def test_an_audit_trail_is_added_to_and_changed_or_taken_from_by_nobody(assembly: Assembly) -> None:
    """A put of ours demands that nothing is there; who could update or delete could tell another story."""
    given: dict[str, set[str]] = {}
    for _, logical_id, policy in assembly.resources(*IDENTITY_POLICIES):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if [name for name in mentioned(statement["Resource"]) if re.search(r"datatablesaudit[A-F0-9]", name)]:
                given.setdefault(logical_id, set()).update(listed(statement["Action"]))
    adders = {row.name for row in FUNCTIONS if row.counts or "audit" in row.tables}

    assert set.union(*given.values()) == {"dynamodb:PutItem", "dynamodb:Query"}
    assert len([1 for verbs in given.values() if "dynamodb:PutItem" in verbs]) == len(adders)
    assert len([1 for verbs in given.values() if "dynamodb:Query" in verbs]) == 1
    others = {"upstream_worker", "authenticate", "session", "deliver_webhooks", "export_practice"}
    assert adders == {row.name for row in FUNCTIONS if row.counts} | others


def test_audit_trails_are_restorable_and_where_data_are_kept_nobody_deletes_them(assembly: Assembly) -> None:
    (table,) = (
        resource
        for _, logical_id, resource in assembly.resources("AWS::DynamoDB::GlobalTable")
        if re.match(r"AuditTable[A-F0-9]", logical_id)
    )
    (replica,) = table["Properties"]["Replicas"]

    assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert replica.get("DeletionProtectionEnabled", False) is STAGES[assembly.stage].keep_data
    assert table["DeletionPolicy"] == ("Retain" if STAGES[assembly.stage].keep_data else "Delete")


def archive_of(assembly: Assembly) -> dict[str, Any]:
    """The bucket with Object Lock."""
    (bucket,) = (
        resource
        for _, _, resource in assembly.resources("AWS::S3::Bucket")
        if "ObjectLockEnabled" in resource["Properties"]
    )
    return bucket


def test_the_archive_is_locked_for_six_years_and_outlives_its_stack(assembly: Assembly) -> None:
    bucket = archive_of(assembly)
    retention = bucket["Properties"]["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]

    assert retention["Days"] >= 6 * 365 + 1
    assert retention["Mode"] == ("COMPLIANCE" if STAGES[assembly.stage].keep_data else "GOVERNANCE")
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "LifecycleConfiguration" not in bucket["Properties"], "a rule would end what may have to stay"
    assert bucket["DeletionPolicy"] == "Retain", "CloudFormation cannot delete what is locked"


def test_only_one_function_touches_the_archive_and_puts_is_all_it_does(assembly: Assembly) -> None:
    given = {
        action
        for _, _, policy in assembly.resources(*IDENTITY_POLICIES)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if any("auditarchivearn" in name for name in mentioned(statement["Resource"]))
        for action in listed(statement["Action"])
    }

    assert given == {"s3:PutObject"}
    assert [row.name for row in FUNCTIONS if row.archive] == ["archive_audit"]


def test_the_archive_is_told_of_new_entries_and_of_nothing_else(assembly: Assembly) -> None:
    (mapping,) = (
        resource["Properties"]
        for _, _, resource in assembly.resources("AWS::Lambda::EventSourceMapping")
        if "tablesauditstream" in str(resource["Properties"]["EventSourceArn"])
    )
    (pattern,) = mapping["FilterCriteria"]["Filters"]

    assert json.loads(pattern["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "audit#"}]}}},
    }
    assert (mapping["StartingPosition"], mapping["BisectBatchOnFunctionError"]) == ("TRIM_HORIZON", True)
    assert "databodiesarn" in str(mapping["DestinationConfig"]["OnFailure"]["Destination"])


def test_groups_are_made_by_their_own_function_and_read_by_those_that_look_across_them() -> None:
    verbs = {row.name: set(row.tables["groups"]) for row in FUNCTIONS if "groups" in row.tables}
    (groups,) = (row for row in FUNCTIONS if row.name == "groups")

    assert verbs.pop("groups") == {"GetItem", "Query", "PutItem", "DeleteItem"}
    # Patients are also searched for in the one group that a caller has.
    assert verbs == {"patients": {"GetItem", "Query"}, "patient_360": {"GetItem"}}
    assert set(groups.tables["practices"]) == {"GetItem"}, "whoever makes groups writes no practice"


def test_only_who_reads_or_is_told_changes_rows_of_the_mirror_and_no_function_scans_it() -> None:
    """Whatever a row says came from a turn, in the order of its practice's turns, or with a later stamp from the
    office itself. An operator's wish is a state, put as a whole."""
    verbs = {row.name: set(row.tables["records"]) for row in FUNCTIONS if "records" in row.tables}

    # What erases a practice deletes, and stores nothing.
    assert verbs.pop("erase_practice") == {"Query", "BatchWriteItem"}
    assert {name: of - READ_MANY for name, of in verbs.items() if of - READ_MANY} == {
        name: {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"} for name in ("upstream_worker", "take_hooks")
    }
    assert verbs["upstream_worker"] >= {"BatchGetItem", "GetItem", "Query"}
    assert not [name for name, of in verbs.items() if "Scan" in of]


ENDPOINTS = "endpoints"
PUTS: dict[tuple[str, str], tuple[str, str, list[str]]] = {
    # How far a mirror is, which is also whether it is wanted.
    ("practices", "records"): ("sync#*", syncs._pk("prac_a"), [items.rows_pk("prac_a", one) for one in MIRRORED]),
    # When a key was used last, and nothing of the key itself.
    ("authorizer", "callers"): (
        "used#*",
        callers._used_key("a" * 64)["pk"]["S"],
        [f"token#{'a' * 64}", callers._client_key("cli_a")["pk"]["S"]],
    ),
    # That an endpoint was disabled.
    ("deliver_webhooks", "records"): (
        "row#*#webhooks",
        items.rows_pk("prac_a", WEBHOOKS),
        [items.rows_pk("prac_a", one) for one in MIRRORED],
    ),
    # Findings, and no row that they are made of.
    ("reconcile_practice", "records"): (
        "*#findings",
        items.parts_pk("prac_a", FINDINGS),
        [of("prac_a", one) for one in MIRRORED for of in (items.rows_pk, items.parts_pk, items.ways_pk)],
    ),
    # That a message may be sent, or must not be any more.
    **{
        (name, "records"): (
            "row#*#messages",
            items.rows_pk("prac_a", MESSAGES),
            [items.rows_pk("prac_a", one) for one in MIRRORED],
        )
        for name in ("messages", "plan_messages", "messages_due", "send_messages")
    },
    # Deliveries, and no approval to send whole objects.
    ("publish_events", "webhooks"): ("delivery#*", store._deliveries_pk("whk_a"), [ENDPOINTS]),
    # Figures of the deployment, and nothing that says how fast a practice is called.
    ("publish_events", "pace"): ("fleet", FIGURES, ["pace#prac_a", "governor", "trouble#offline"]),
    ("webhook_retries", "pace"): ("fleet", FIGURES, ["pace#prac_a", "governor", "trouble#offline"]),
}
"""Who puts items into some partitions of a table only: which, one of those that the code puts into, others beside."""


INBOX = {"hooks": {"PutObject"}, "take_hooks": {"GetObject", "DeleteObject", "ListBucket"}}


def test_calls_of_offices_are_kept_by_one_function_and_worked_off_by_another_and_by_nobody_else(
    assembly: Assembly,
) -> None:
    """Who answers the internet reads no body, not even its own, and reaches no request or answer of anybody's."""
    assert {row.name: set(row.inbox) for row in FUNCTIONS if row.inbox} == INBOX
    for name, verbs in INBOX.items():
        found = {
            (verb, joined(resource).rpartition("$")[2])
            for statement in assembly.statements(name)
            for verb in listed(statement["Action"])
            for resource in listed(statement["Resource"])
            if verb.startswith("s3:")
        }
        assert found == {(f"s3:{verb}", "" if verb == "ListBucket" else "/hooks/*") for verb in verbs}


def test_who_takes_calls_from_the_internet_reads_practices_and_nothing_else(assembly: Assembly) -> None:
    (row,) = (row for row in FUNCTIONS if row.name == "hooks")

    assert {name: set(verbs) for name, verbs in row.tables.items()} == {"practices": {"GetItem"}}
    assert not row.queues and not row.bodies and not row.vault


def test_who_puts_into_some_partitions_can_put_into_no_other(assembly: Assembly, row: FunctionRow) -> None:
    """A row that nobody read would be told and shown as if it were the office's."""
    assert row.puts == {table: pattern for (name, table), (pattern, _, _) in PUTS.items() if name == row.name}
    for table, pattern in row.puts.items():
        found = [
            (listed(statement["Action"]), statement.get("Condition"))
            for statement in assembly.statements(row.name)
            if writes_to(statement, table)
        ]
        assert found == [(["dynamodb:PutItem"], {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [pattern]}})]


@pytest.mark.parametrize(("pattern", "own", "others"), PUTS.values())
def test_the_partitions_that_a_function_may_put_into_are_those_it_does(
    pattern: str, own: str, others: list[str]
) -> None:
    assert fnmatchcase(own, pattern)
    assert others and not [one for one in others if fnmatchcase(one, pattern)]


@pytest.mark.parametrize("action", ["sqs:SendMessage", "sqs:SendMessageBatch"])
def test_no_worker_may_send_to_the_queue_that_feeds_it_nor_to_any_other(
    assembly: Assembly, networked: Assembly, action: str
) -> None:
    """Lambda stops such a loop after about 16 rounds, in silence, and no emulator shows it."""
    assert action not in assembly.actions("upstream_worker")
    for network in (None, CLINIC, OTHER):
        assert action not in networked.actions("upstream_worker", network=network)


def test_changes_of_rows_are_followed_from_the_oldest_and_what_cannot_be_told_is_kept_whole(assembly: Assembly) -> None:
    """One bad record must not stop its shard for a day, nor be lost: a queue would get a pointer into what is gone."""
    (mapping,) = (
        resource["Properties"]
        for _, _, resource in assembly.resources("AWS::Lambda::EventSourceMapping")
        if "tablesrecordsstream" in str(resource["Properties"]["EventSourceArn"])
    )

    assert (mapping["StartingPosition"], mapping["BisectBatchOnFunctionError"]) == ("TRIM_HORIZON", True)
    assert 0 < mapping["MaximumRetryAttempts"] < 100
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "databodiesarn" in str(mapping["DestinationConfig"]["OnFailure"]["Destination"])


def is_let_through(record: Any, pattern: Any) -> bool:
    """As Lambda matches a pattern, as far as the stream's goes."""
    if isinstance(pattern, dict):
        return all(isinstance(record, dict) and is_let_through(record.get(name), one) for name, one in pattern.items())
    rules = [rule for rule in pattern if isinstance(record, str)]
    return any(
        record.endswith(rule["suffix"]) if "suffix" in rule else record not in rule["anything-but"] for rule in rules
    )


@pytest.fixture(scope="module")
def followed(assembly: Assembly) -> dict[str, Any]:
    """The one pattern of the stream's mapping."""
    (filters,) = (
        resource["Properties"]["FilterCriteria"]["Filters"]
        for _, _, resource in assembly.resources("AWS::Lambda::EventSourceMapping")
        if "tablesrecordsstream" in str(resource["Properties"]["EventSourceArn"])
    )
    (only,) = filters
    assert len(only["Pattern"]) <= 4096
    pattern: dict[str, Any] = json.loads(only["Pattern"])
    return pattern


def test_all_that_events_are_of_starts_the_publisher_and_nothing_else_does(followed: dict[str, Any]) -> None:
    """A kind that is missing here would never be told; one too many starts it for nothing, a hundred times an hour."""
    (record,) = json.loads((EVENTS / "publish_events" / "moved_visit.json").read_text())["Records"]

    def starts(pk: str, **image: Any) -> bool:
        changed = {"Keys": {"pk": {"S": pk}}, "NewImage": record["dynamodb"]["NewImage"] | image}
        return is_let_through({"dynamodb": changed}, followed)

    assert is_let_through(record, followed)
    told = {*TOLD_OF, *KINDS}
    assert {kind for kind in {*MIRRORED, *told} if starts(items.rows_pk("prac_a", kind))} == told
    assert not starts(items.rows_pk("prac_a", "appointments"), cause={"S": LOAD})
    beside = {"Keys": {"pk": {"S": items.parts_pk("prac_a", "appointments")}}, "NewImage": {"body": {"B": "AA=="}}}
    erased = {"Keys": {"pk": {"S": items.rows_pk("prac_a", "appointments")}}, "OldImage": {"cause": {"S": "poll"}}}
    assert not any(is_let_through({"dynamodb": one}, followed) for one in (beside, erased))


def test_whoever_puts_events_on_the_bus_hears_nothing_from_it(assembly: Assembly) -> None:
    putters = {row.name for row in FUNCTIONS if row.bus}
    listening = {
        called_name(target["Arn"])
        for _, _, rule in assembly.resources("AWS::Events::Rule")
        if "EventBusName" in rule["Properties"]
        for target in rule["Properties"]["Targets"]
    }

    assert putters == {"publish_events"}
    assert not putters & listening


def test_no_function_sends_to_a_queue_that_leads_back_to_it() -> None:
    feeds = {row.trigger.queue: row.name for row in FUNCTIONS if isinstance(row.trigger, Consumes)}
    sends = {row.name: {feeds[q] for q, verbs in row.queues.items() if "SendMessage" in verbs} for row in FUNCTIONS}

    for name, first in sends.items():
        reached, frontier = set[str](), first
        while frontier:
            reached |= frontier
            frontier = {further for step in frontier for further in sends[step]} - reached
        assert name not in reached


def test_no_policy_allows_a_wildcard_action(assembly: Assembly) -> None:
    for _, logical_id, policy in assembly.resources(*IDENTITY_POLICIES):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert not [action for action in listed(statement["Action"]) if "*" in action], logical_id


def test_a_policy_stays_under_the_6144_characters_that_iam_takes(assembly: Assembly) -> None:
    for _, logical_id, policy in assembly.resources("AWS::IAM::ManagedPolicy"):
        document = json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":"))
        # A reference is written longer here than the shortest ARN and shorter than the longest: count it as 120.
        references = re.findall(r'{"(?:Ref|Fn::GetAtt)":(?:"[^"]*"|\[[^]]*\])}', document)
        assert len(document) + sum(120 - len(reference) for reference in references) < 6144, logical_id


def test_permissions_lie_in_policies_of_their_own_never_in_a_role(assembly: Assembly) -> None:
    assert not list(assembly.resources("AWS::IAM::Policy"))
    for _, _, role in assembly.resources("AWS::IAM::Role"):
        assert not role["Properties"].keys() & {"Policies", "ManagedPolicyArns"}


def test_no_two_functions_share_a_role(assembly: Assembly) -> None:
    roles = [
        (part, function["Properties"]["Role"]["Fn::GetAtt"][0])
        for part, _, function in assembly.resources("AWS::Lambda::Function")
    ]

    assert len(set(roles)) == len(FUNCTIONS)


def test_keys_are_used_only_through_the_service_that_holds_the_record(assembly: Assembly, row: FunctionRow) -> None:
    for statement in assembly.statements(row.name):
        if any(action.startswith("kms:") for action in listed(statement["Action"])):
            assert "kms:ViaService" in statement["Condition"]["StringEquals"]


def test_everything_that_starts_a_function_starts_its_alias(assembly: Assembly) -> None:
    """A snapshot, and a rollback, exist only behind the alias."""
    aliases = {logical_id for _, logical_id, _ in assembly.resources("AWS::Lambda::Alias")}
    for _, _, mapping in assembly.resources("AWS::Lambda::EventSourceMapping"):
        assert mentioned(mapping["Properties"]["FunctionName"]) <= aliases
    body = assembly.body()
    scheme = body["components"]["securitySchemes"]["bearer"]["x-amazon-apigateway-authorizer"]
    calls = [
        scheme["authorizerUri"],
        *(
            operation["x-amazon-apigateway-integration"]["uri"]
            for operations in body["paths"].values()
            for operation in operations.values()
        ),
        *(
            arn
            for _, _, machine in assembly.resources("AWS::StepFunctions::StateMachine")
            for arn in machine["Properties"]["DefinitionSubstitutions"].values()
        ),
        *(
            permission["Properties"]["FunctionName"]
            for _, _, permission in assembly.resources("AWS::Lambda::Permission")
        ),
        *(
            target["Arn"]
            for _, _, rule in assembly.resources("AWS::Events::Rule")
            for target in rule["Properties"]["Targets"]
            # Machines have no aliases.
            if ":stateMachine:" not in joined(target["Arn"])
        ),
    ]
    live = {
        alias["Properties"]["FunctionName"]["Ref"]
        for _, _, alias in assembly.resources("AWS::Lambda::Alias")
        if alias["Properties"]["Name"] == "live"
    }
    named = {
        function["Properties"]["FunctionName"]
        for _, logical_id, function in assembly.resources("AWS::Lambda::Function")
        if "FunctionName" in function["Properties"] and logical_id in live
    }

    assert {called_name(call) for call in calls} == named


def test_functions_run_on_arm_with_python_313_and_without_a_tracer(assembly: Assembly, row: FunctionRow) -> None:
    _, _, function = assembly.function(row.name)
    properties = function["Properties"]

    assert (properties["Architectures"], properties["Runtime"]) == (["arm64"], "python3.13")
    assert properties.get("TracingConfig", {}).get("Mode", "PassThrough") == "PassThrough"
    assert properties["Handler"] == f"{row.name}.handler.lambda_handler"
    assert (properties["Timeout"], properties["MemorySize"]) == (row.timeout_s, row.memory_mb)
    assert ("SnapStart" in properties) is row.snapstart


def test_a_bundle_holds_its_own_folder_and_no_other(assembly: Assembly, row: FunctionRow) -> None:
    _, _, function = assembly.function(row.name)
    bundle = assembly.folder / f"asset.{function['Properties']['Code']['S3Key'].removesuffix('.zip')}"

    assert [path.name for path in bundle.iterdir()] == [row.name]
    assert not list(bundle.rglob("*.pyc"))


def test_an_http_function_ends_before_the_gateway_gives_up() -> None:
    """Else the gateway answers 504 while the function still works, and its own words are lost."""
    for row in FUNCTIONS:
        if isinstance(row.trigger, Http):
            assert row.timeout_s * 1000 < API_TIMEOUT_MS


def test_a_minute_job_ends_before_the_next_minute_starts_it_again() -> None:
    for row in FUNCTIONS:
        if isinstance(row.trigger, Every):
            assert row.timeout_s < row.trigger.minutes * 60


def test_the_clock_starts_each_job_and_may(assembly: Assembly) -> None:
    jobs = [row for row in FUNCTIONS if isinstance(row.trigger, Every)]
    rules = {logical: rule for _, logical, rule in assembly.resources("AWS::Events::Rule")}
    clocks = {one for one, rule in rules.items() if rule["Properties"].get("ScheduleExpression") == "rate(1 minute)"}
    permissions = [entry for part, _, entry in assembly.resources("AWS::Lambda::Permission") if part == "flows"]
    permitted = {name for entry in permissions for name in mentioned(entry["Properties"]["SourceArn"])}

    assert len(clocks) == len(jobs) == 3
    assert clocks <= permitted


def test_the_parts_of_a_job_are_all_started_and_each_knows_which_it_is(assembly: Assembly) -> None:
    """A part that nobody starts is practices whose mirrors stand still."""
    rules = {logical: rule["Properties"]["Targets"] for _, logical, rule in assembly.resources("AWS::Events::Rule")}
    for row in FUNCTIONS:
        if isinstance(row.trigger, Every):
            (targets,) = [of for logical, of in rules.items() if logical.startswith(camel(row.name))]
            told = [json.loads(target["Input"]) for target in targets if "Input" in target]
            parts = row.trigger.parts

            assert len(targets) == parts <= 5, "a rule has five targets at most"
            assert told == ([{"part": part, "of": parts} for part in range(parts)] if parts > 1 else [])


def test_a_failed_minute_is_not_repeated_beside_the_next_one(assembly: Assembly) -> None:
    configured = [config["Properties"] for _, _, config in assembly.resources("AWS::Lambda::EventInvokeConfig")]

    assert len(configured) == len([row for row in FUNCTIONS if isinstance(row.trigger, Every)])
    for config in configured:
        assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)


def test_an_event_that_no_retry_saves_is_kept(assembly: Assembly, row: FunctionRow) -> None:
    _, _, function = assembly.function(row.name)

    assert function["Properties"]["DeadLetterConfig"]["TargetArn"]


def test_a_row_without_a_folder_says_so_at_synthesis(tmp_path: Path, layer: Path) -> None:
    with pytest.raises(FileNotFoundError, match="'upstream_worker', but there is no"):
        app(
            {"layer": str(layer), "parquet_layer": str(layer), "functions": str(tmp_path), "nag": "off"},
            outdir=tmp_path / "out",
        )
