"""Practices in Service mode: a queue and a worker inside each network, and no way out of it but AWS's endpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.alarms import ALARMS, OF_EACH_NETWORK
from infra.app import app
from infra.catalogue import SEND, Consumes, function
from infra.implied import ATTACHING, DEAD_LETTERING, LOGGING, POLLING, key_use
from infra.stages import STAGES, Network, Stage, stage_for
from tests.infra.networks import CLINIC, CLINIC_SAID, OTHER, OTHER_SAID
from tests.infra.templates import Assembly, listed, mentioned, variables_of
from tests.infra.test_functions import calls_of


def queue_of(assembly: Assembly, network: str | None) -> str:
    """The logical id of the queue that the network's worker is told of."""
    _, _, worker = assembly.function("upstream_worker", network=network)
    (name,) = mentioned(variables_of(worker)["CALLS_QUEUE_URL"])
    return name


def group_of(assembly: Assembly, network: str) -> str:
    """The logical id of the worker's security group."""
    (name,) = mentioned(
        assembly.function("upstream_worker", network=network)[2]["Properties"]["VpcConfig"]["SecurityGroupIds"]
    )
    return name


def test_each_network_has_a_queue_of_its_own_that_feeds_its_own_worker(networked: Assembly) -> None:
    queues = {queue_of(networked, network) for network in (None, CLINIC, OTHER)}
    resources = {logical_id: queue["Properties"] for _, logical_id, queue in networked.resources("AWS::SQS::Queue")}
    mappings = {
        mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]: mapping["Properties"]
        for _, _, mapping in networked.resources("AWS::Lambda::EventSourceMapping")
        # Queues of other stacks are named otherwise, and feed no worker.
        if "StartingPosition" not in mapping["Properties"] and "Fn::GetAtt" in mapping["Properties"]["EventSourceArn"]
    }
    aliases = {
        logical_id: mentioned(alias["Properties"]["FunctionName"])
        for _, logical_id, alias in networked.resources("AWS::Lambda::Alias")
    }

    assert len(queues) == 3
    for network in (None, CLINIC, OTHER):
        name = queue_of(networked, network)
        _, worker, _ = networked.function("upstream_worker", network=network)
        (alias,) = mentioned(mappings[name]["FunctionName"])
        assert aliases[alias] == {worker}
        assert mappings[name]["BatchSize"] == 1
        assert mappings[name]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mappings[name]["ScalingConfig"] == {"MaximumConcurrency": STAGES["prod"].worker_concurrency}
        queue = resources[name]
        assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
        assert (queue["VisibilityTimeout"], queue["RedrivePolicy"]["maxReceiveCount"]) == (150, 1000)
        dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        assert resources[dead]["FifoQueue"] is queue["FifoQueue"] is True


@pytest.mark.parametrize("network", [CLINIC, OTHER])
def test_a_networks_worker_may_do_what_the_remote_one_may_and_let_lambda_attach_it(
    networked: Assembly, network: str
) -> None:
    row = function("upstream_worker")
    assert isinstance(row.trigger, Consumes)
    calls = calls_of(row) | set(DEAD_LETTERING) | set(POLLING)

    assert networked.actions("upstream_worker", network=network) == calls | set(key_use(calls)) | set(LOGGING) | set(
        ATTACHING
    )
    assert set(variables_of(networked.function("upstream_worker", network=network)[2])) == set(
        variables_of(networked.function("upstream_worker")[2])
    )


@pytest.mark.parametrize("network", [None, CLINIC, OTHER])
def test_a_worker_touches_no_queue_but_its_own(networked: Assembly, network: str | None) -> None:
    touched = {
        name
        for statement in networked.statements("upstream_worker", network=network)
        if any(action.startswith("sqs:") for action in listed(statement["Action"]))
        for name in mentioned(statement["Resource"])
    }

    assert touched == {queue_of(networked, network)}


@pytest.mark.parametrize("network", [None, CLINIC, OTHER])
def test_a_worker_is_told_its_own_network_so_that_it_sends_keys_to_no_other(
    networked: Assembly, network: str | None
) -> None:
    """A practice with two ways has turns in both queues; who calls it by which is decided by where he is."""
    worker = networked.function("upstream_worker", network=network)[2]

    assert variables_of(worker)["NETWORK"] == (network or "remote")


@pytest.mark.parametrize("network", [CLINIC, OTHER])
def test_the_code_of_a_worker_may_not_do_what_lambda_does_under_its_role(networked: Assembly, network: str) -> None:
    _, worker, properties = networked.function("upstream_worker", network=network)
    role = properties["Properties"]["Role"]["Fn::GetAtt"][0]
    (denied,) = (
        statement
        for _, _, policy in networked.resources("AWS::IAM::ManagedPolicy")
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
    )

    assert set(denied["Action"]) == set(ATTACHING)
    assert mentioned(denied["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]) == {worker}


def egress(assembly: Assembly, network: str) -> set[tuple[str, int]]:
    """What the worker of `network` may call: (CIDR, prefix list or group, port)."""
    group = group_of(assembly, network)
    rules: list[dict[str, Any]] = [
        rule
        for _, logical_id, resource in assembly.resources("AWS::EC2::SecurityGroup")
        if logical_id == group
        for rule in resource["Properties"]["SecurityGroupEgress"]
    ]
    rules += [
        rule["Properties"]
        for _, _, rule in assembly.resources("AWS::EC2::SecurityGroupEgress")
        if mentioned(rule["Properties"]["GroupId"]) == {group}
    ]
    assert all((rule["IpProtocol"], rule["FromPort"]) == ("tcp", rule["ToPort"]) for rule in rules)
    return {
        (
            rule.get("CidrIp")
            or rule.get("DestinationPrefixListId")
            or "".join(mentioned(rule["DestinationSecurityGroupId"]))
            or rule["DestinationSecurityGroupId"],
            rule["ToPort"],
        )
        for rule in rules
    }


def test_a_worker_in_a_network_reaches_its_practices_and_the_endpoints_only(networked: Assembly) -> None:
    (made,) = (
        logical_id
        for _, logical_id, group in networked.resources("AWS::EC2::SecurityGroup")
        if "Endpoints" in group["Properties"]["GroupDescription"]
    )
    gateways = {("pl-0d000000", 443), ("pl-05000000", 443)}

    assert egress(networked, CLINIC) == {("10.20.0.15/32", 30222), ("10.20.0.16/32", 30222), (made, 443)} | gateways
    assert egress(networked, OTHER) == {("10.30.8.0/24", 30223), ("sg-0e00000000000000e", 443)} | gateways


def test_endpoints_stand_in_the_place_of_nat_and_are_made_where_there_are_none(networked: Assembly) -> None:
    endpoints = [entry["Properties"] for _, _, entry in networked.resources("AWS::EC2::VPCEndpoint")]
    services = {
        (endpoint["VpcEndpointType"], json.dumps(endpoint["ServiceName"]).rstrip('"]}').rpartition(".")[2])
        for endpoint in endpoints
    }

    assert {endpoint["VpcId"] for endpoint in endpoints} == {"vpc-0c110000000000001"}
    assert services == {
        ("Interface", "sqs"),
        ("Interface", "secretsmanager"),
        ("Gateway", "dynamodb"),
        ("Gateway", "s3"),
    }
    assert not list(networked.resources("AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::VPC"))


def test_a_worker_calls_no_service_that_has_no_endpoint() -> None:
    """Lambda itself writes the log, hands on failed events and attaches the function; keys are used by services."""
    row = function("upstream_worker")
    services = {call.partition(":")[0] for call in calls_of(row)}

    assert services == {"dynamodb", "s3", "secretsmanager", "sqs"}


def test_whoever_puts_turns_is_told_and_given_all_queues_and_nobody_else_is(networked: Assembly) -> None:
    for _, _, resource in networked.resources("AWS::Lambda::Function"):
        name = resource["Properties"]["Handler"].partition(".")[0]
        sends = SEND & frozenset(function(name).queues.get("calls", ()))
        assert ("CALLS_QUEUE_URLS" in variables_of(resource)) is bool(sends), name
        if sends:
            targets = {
                one if isinstance(one, str) else json.dumps(one)
                for statement in networked.statements(name)
                if "sqs:SendMessage" in listed(statement["Action"])
                for one in listed(statement["Resource"])
            }
            assert len(targets) == 3, name
            urls = json.dumps(variables_of(resource)["CALLS_QUEUE_URLS"])
            assert CLINIC in urls and OTHER in urls


def test_connecting_knows_what_lies_in_which_network(networked: Assembly, assembly: Assembly) -> None:
    for name in ("authenticate", "change_practice"):
        told = variables_of(networked.function(name)[2])["NETWORKS"]

        assert json.loads(told) == {one["name"]: one["base_url_allow"] for one in (CLINIC_SAID, OTHER_SAID)}
        assert "NETWORKS" not in variables_of(assembly.function(name)[2])


def test_each_network_has_the_alarms_of_a_queue_and_of_a_worker(networked: Assembly) -> None:
    alarms = [alarm["Properties"] for _, _, alarm in networked.resources("AWS::CloudWatch::Alarm")]
    own = [row for row in ALARMS if row.of in OF_EACH_NETWORK]

    assert {row.of for row in own} == OF_EACH_NETWORK
    for network in (CLINIC, OTHER):
        _, worker, _ = networked.function("upstream_worker", network=network)
        watched = {
            name
            for alarm in alarms
            if alarm["AlarmDescription"].startswith(f"In {network}: ")
            for dimension in alarm["Dimensions"]
            for name in mentioned(dimension["Value"])
        }
        assert {worker, queue_of(networked, network)} < watched
        assert len(watched) == len({row.of for row in own})


def test_a_stage_without_networks_has_nothing_of_them(assembly: Assembly) -> None:
    types = {one["Type"] for template in assembly.templates.values() for one in template["Resources"].values()}

    assert not any(stage.networks for stage in STAGES.values())
    assert not [type_ for type_ in types if type_.startswith("AWS::EC2::")]
    for _, _, resource in assembly.resources("AWS::Lambda::Function"):
        assert "VpcConfig" not in resource["Properties"]
        assert not {"CALLS_QUEUE_URLS", "NETWORKS"} & variables_of(resource).keys()


def test_what_a_network_adds_changes_nothing_that_was_there(assembly: Assembly, networked: Assembly) -> None:
    """An operator adds one to a stage that works: queues, tables and the remote worker stay as they are."""
    for part in ("data", "core", "flows"):
        before, after = (one.templates[part]["Resources"] for one in (assembly, networked))
        changed = {name for name, resource in before.items() if after.get(name) != resource}
        # The senders get a permission and a variable, hence a version and an alias that points to it; the dashboard
        # shows its queue and worker, too.
        assert {before[name]["Type"].rpartition("::")[2] for name in changed} <= {
            "ManagedPolicy",
            "Function",
            "Version",
            "Alias",
            "Dashboard",
        }
        assert not [name for name in changed if "UpstreamWorker" in name]


def test_a_network_may_be_a_row_or_a_file(tmp_path: Path, layer: Path) -> None:
    (tmp_path / "networks.json").write_text(json.dumps([CLINIC_SAID]))
    stage = stage_for({"stage": "prod", "networks": str(tmp_path / "networks.json")})
    fields: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in CLINIC_SAID.items()}
    row = Network(**fields)

    assert stage.networks == (row,)
    assert stage.networks[0].practice_addresses() == (("10.20.0.15/32", 30222), ("10.20.0.16/32", 30222))
    with pytest.raises(FileNotFoundError):
        app(
            {"networks": str(tmp_path / "none.json"), "layer": str(layer), "parquet_layer": str(layer)},
            outdir=tmp_path / "out",
        )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "remote"}, "a meaning of its own"),
        ({"name": "Clinic A"}, "lower case"),
        ({"availability_zones": ["us-east-1a"]}, "availability_zones"),
        ({"route_table_ids": ["a", "b", "c"]}, "route_table_ids"),
        ({"gateway_prefix_lists": []}, "gateway_prefix_lists"),
        ({"base_url_allow": ["http://10.20.0.15"]}, "host and port"),
        ({"base_url_allow": ["http://od.clinic.example:30222"]}, "addresses"),
        ({"base_url_allow": ["http://127.0.0.1:30222"]}, "addresses of their own"),
        ({"base_url_allow": ["http://od.clinic.example:30222"], "addresses": ["0.0.0.0/0"]}, "addresses of their own"),
        ({"cidr": "10.20.0.0/99"}, "99"),
    ],
)
def test_a_network_that_cannot_be_is_refused_with_the_field(tmp_path: Path, wrong: dict[str, Any], says: str) -> None:
    (tmp_path / "networks.json").write_text(json.dumps([{**CLINIC_SAID, **wrong}]))
    with pytest.raises(ValueError, match=says):
        stage_for({"networks": str(tmp_path / "networks.json")})


def test_two_networks_of_a_stage_have_two_names(tmp_path: Path) -> None:
    (tmp_path / "networks.json").write_text(json.dumps([CLINIC_SAID, CLINIC_SAID]))
    with pytest.raises(ValueError, match="one name"):
        stage_for({"networks": str(tmp_path / "networks.json")})


def test_keys_go_over_plain_http_inside_a_network_only() -> None:
    with pytest.raises(ValueError, match="plain http"):
        Stage(name="x", region="us-east-1", base_url_allow=("http://10.20.0.15:30222",))
