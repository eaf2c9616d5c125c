"""The gateway's own stacks in the emulator: they deploy, and what they ship is enough to run."""

from infra.sandbox.box import Sandbox
from infra.sandbox.bundles import check_bundles
from infra.sandbox.network import NAME
from tests.infra.templates import PARTS


def test_the_stacks_that_aws_would_get_deploy_here(unconnected: Sandbox) -> None:
    """The emulator refuses a reference that leads nowhere and a name that no parameter has, as CloudFormation does."""
    listed = unconnected.aws("cloudformation").describe_stacks()["Stacks"]

    assert {stack["StackName"] for stack in listed} == {f"open-dental-gateway-sandbox-{part}" for part in PARTS}
    assert {stack["StackStatus"] for stack in listed} == {"CREATE_COMPLETE"}


def test_a_route_that_does_not_exist_is_a_problem_of_ours(unconnected: Sandbox) -> None:
    status, problem = unconnected.call("GET", "/no-such-thing", headers={"Authorization": "Bearer x"})

    assert (status, problem["status"], problem["code"]) == (404, 404, "not-found")


def test_every_function_of_the_gateway_imports_with_nothing_but_what_is_shipped(unconnected: Sandbox) -> None:
    assert check_bundles(unconnected.home / "cdk.out") == {}


def test_secrets_and_queues_reach_functions_as_aws_would_name_them(unconnected: Sandbox) -> None:
    variables = unconnected.function("authenticate")["Environment"]["Variables"]

    assert variables["HMAC_SECRET_ARN"].startswith("arn:aws:secretsmanager:")
    assert variables["CALLS_QUEUE_URL"].endswith(".fifo")
    assert variables["STAGE"] == "sandbox"


def test_turns_are_drained_side_by_side_and_by_nobody_else(unconnected: Sandbox) -> None:
    """Two pollers of one queue would give a practice's turns to both."""
    mappings = unconnected.aws("lambda").list_event_source_mappings()["EventSourceMappings"]

    assert {entry["State"] for entry in mappings if entry["EventSourceArn"].endswith(".fifo")} == {"Disabled"}
    assert {entry["State"] for entry in mappings if not entry["EventSourceArn"].endswith(".fifo")} == {"Enabled"}


def test_the_archive_of_the_trail_is_locked_as_its_template_says(unconnected: Sandbox) -> None:
    s3 = unconnected.aws("s3")
    # Beside it lies the bucket of its access logs, whose name is cut.
    buckets = [
        one["Name"] for one in s3.list_buckets()["Buckets"] if "audit" in one["Name"] and "acces" not in one["Name"]
    ]
    rules = [s3.get_object_lock_configuration(Bucket=one)["ObjectLockConfiguration"]["Rule"] for one in buckets]

    assert [one["DefaultRetention"] for one in rules] == [{"Mode": "GOVERNANCE", "Days": 2192}]


def test_a_network_has_a_worker_of_its_own_that_lets_it_be_told_from_the_other(unconnected: Sandbox) -> None:
    functions = unconnected.aws("lambda").get_paginator("list_functions").paginate()
    told = [
        function["Environment"]["Variables"]
        for page in functions
        for function in page["Functions"]
        if function["Handler"].startswith("upstream_worker.")
    ]

    assert {one["NETWORK"] for one in told} == {"remote", NAME}
    assert len({one["CALLS_QUEUE_URL"] for one in told}) == len(told) == 2
    assert unconnected.function("upstream_worker")["Environment"]["Variables"]["NETWORK"] == "remote"
