"""A row, and for an endpoint a folder, is all that growing needs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from infra.alarms import ALARMS, AlarmRow
from infra.app import app
from infra.bundling import ROOT
from infra.catalogue import FUNCTIONS, READ, TABLES, WRITE, FunctionRow, Http, Index, Route, TableRow, stack_of
from tests.infra.templates import MOST_BYTES, MOST_RESOURCES, PARTS, Assembly, Resource, variables_of

RECALLS = FunctionRow(
    name="parking_spaces",
    does="Lists who is due for a recall.",
    trigger=Http((Route("GET", "/parking_spaces"), Route("GET", "/parking_spaces/{id}"))),
    timeout_s=28,
    snapstart=True,
    tables={"mirror": READ | WRITE},
)
MIRROR = TableRow(name="mirror", holds="Rows.", indexes=(Index("by_date", "practice_id", "on"),))
SLOW = AlarmRow(
    name="ParkingErrors", means="Look at parking_spaces.", namespace="AWS/Lambda", metric="Errors", of="lane", above=1
)


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory, layer: Path) -> Assembly:
    """The sandbox's stage as it is."""
    out = tmp_path_factory.mktemp("before")
    app({"stage": "sandbox", "layer": str(layer), "parquet_layer": str(layer), "nag": "off"}, outdir=out).synth()
    return Assembly(out, "sandbox")


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory, layer: Path) -> Assembly:
    """The sandbox's stage with one endpoint, one table and one alarm more, and with another layer."""
    out = tmp_path_factory.mktemp("grown")
    code = copytree(ROOT / "functions", out / "functions")
    (code / "parking_spaces").mkdir()
    (code / "parking_spaces" / "handler.py").write_text("def lambda_handler(event, context): ...\n")
    app(
        {
            "stage": "sandbox",
            "parquet_layer": str(layer),
            "layer": str(copytree(layer, out / "newer")),
            "functions": str(code),
            "nag": "off",
        },
        functions=[*FUNCTIONS, RECALLS],
        tables=[*TABLES, MIRROR],
        alarms=[*ALARMS, SLOW],
        outdir=out / "cdk.out",
    ).synth()
    return Assembly(out / "cdk.out", "sandbox")


def test_a_row_and_a_folder_are_an_endpoint(grown: Assembly) -> None:
    body = grown.body()

    assert set(body["paths"]) >= {"/parking_spaces", "/parking_spaces/{id}"}
    assert body["paths"]["/parking_spaces"]["get"]["security"] == [{"bearer": []}]
    assert "dynamodb:PutItem" in grown.actions("parking_spaces")


def test_a_new_route_is_deployed_and_not_only_declared(before: Assembly, grown: Assembly) -> None:
    """API Gateway serves a deployment, which stays as it was made until there is another one."""
    first, second = (
        {logical_id for _, logical_id, _ in assembly.resources("AWS::ApiGateway::Deployment")}
        for assembly in (before, grown)
    )

    assert first.isdisjoint(second)


def test_a_new_layer_reaches_every_alias(before: Assembly, grown: Assembly) -> None:
    """An alias serves a published version, which keeps the layer that it was published with."""
    first, second = (
        {logical_id for _, logical_id, _ in assembly.resources("AWS::Lambda::Version")} for assembly in (before, grown)
    )

    assert len(first) == len(FUNCTIONS)
    assert first.isdisjoint(second)


def test_what_nothing_changed_keeps_its_version(before: Assembly, layer: Path, tmp_path: Path) -> None:
    """Versions with a snapshot cost money, and each new one starts cold."""
    app({"stage": "sandbox", "layer": str(layer), "parquet_layer": str(layer), "nag": "off"}, outdir=tmp_path).synth()

    for part in PARTS:
        assert json.loads(before.path(part).read_text()) == json.loads(
            Assembly(tmp_path, "sandbox").path(part).read_text()
        )


@pytest.fixture(scope="session")
def doubled(tmp_path_factory: pytest.TempPathFactory, layer: Path) -> Assembly:
    """The sandbox's stage with as many endpoints again, each like one that there is."""
    out = tmp_path_factory.mktemp("doubled")
    twins = [
        replace(
            row,
            name=f"other_{row.name}",
            trigger=replace(row.trigger, routes=tuple(map(elsewhere, row.trigger.routes))),
        )
        for row in FUNCTIONS
        if isinstance(row.trigger, Http)
    ]
    code = copytree(ROOT / "functions", out / "functions")
    for twin in twins:
        copytree(code / twin.name.removeprefix("other_"), code / twin.name)
    app(
        {"stage": "sandbox", "layer": str(layer), "parquet_layer": str(layer), "functions": str(code), "nag": "off"},
        functions=[*FUNCTIONS, *twins],
        outdir=out / "cdk.out",
    ).synth()
    return Assembly(out / "cdk.out", "sandbox")


def elsewhere(route: Route) -> Route:
    return replace(route, path=f"/other{route.path}")


@pytest.mark.parametrize("part", PARTS)
def test_there_is_room_for_as_many_endpoints_again(doubled: Assembly, part: str) -> None:
    assert len(doubled.templates[part]["Resources"]) < MOST_RESOURCES
    assert doubled.path(part).stat().st_size < MOST_BYTES


def test_no_endpoint_moves_however_many_come(before: Assembly, doubled: Assembly) -> None:
    for part in PARTS:
        ids, others = (set(assembly.templates[part]["Resources"]) for assembly in (before, doubled))
        gone = {before.templates[part]["Resources"][name]["Type"] for name in ids - others}
        # There is one deployment for each body of the API.
        assert gone <= {"AWS::ApiGateway::Deployment"}, part


def test_an_endpoint_more_touches_its_own_stack_and_the_api_and_nothing_that_was_there(
    before: Assembly, layer: Path, tmp_path: Path
) -> None:
    one_more = replace(RECALLS, tables={"pace": READ | WRITE})
    code = copytree(ROOT / "functions", tmp_path / "functions")
    (code / one_more.name).mkdir()
    (code / one_more.name / "handler.py").write_text("def lambda_handler(event, context): ...\n")
    app(
        {"stage": "sandbox", "layer": str(layer), "parquet_layer": str(layer), "functions": str(code), "nag": "off"},
        functions=[one_more, *FUNCTIONS],
        outdir=tmp_path / "cdk.out",
    ).synth()
    after = Assembly(tmp_path / "cdk.out", "sandbox")
    home = stack_of(one_more)

    assert {part for part in PARTS if before.templates[part] != after.templates[part]} == {home, "api"}
    assert changed(before, after, home) == set()
    assert added(before, after, home) == {
        "AWS::IAM::Role",
        "AWS::IAM::ManagedPolicy",
        "AWS::Logs::LogGroup",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
    }
    # A deployment is of one body, so a new body is a new deployment, which the stage then serves.
    assert changed(before, after, "api") == {
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Deployment",
        "AWS::ApiGateway::Stage",
    }
    assert added(before, after, "api") == {"AWS::ApiGateway::Deployment", "AWS::Lambda::Permission"}


def changed(before: Assembly, after: Assembly, part: str) -> set[str]:
    """The types of resources that are no longer what they were, or no longer there."""
    first, second = resources_of(before, part), resources_of(after, part)
    return {resource["Type"] for name, resource in first.items() if second.get(name) != resource}


def added(before: Assembly, after: Assembly, part: str) -> set[str]:
    first, second = resources_of(before, part), resources_of(after, part)
    return {resource["Type"] for name, resource in second.items() if name not in first}


def resources_of(assembly: Assembly, part: str) -> dict[str, Resource]:
    found: dict[str, Resource] = assembly.templates[part]["Resources"]
    return found


def test_a_flag_is_a_snapshot(grown: Assembly) -> None:
    assert grown.function("parking_spaces")[2]["Properties"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}


def test_a_row_is_a_table_that_functions_can_be_given(grown: Assembly) -> None:
    assert len(list(grown.resources("AWS::DynamoDB::GlobalTable"))) == len(TABLES) + 1
    assert "MIRROR_TABLE" in variables_of(grown.function("parking_spaces")[2])
    assert "/index/by_date" in json.dumps(grown.statements("parking_spaces"))


def test_a_row_is_an_alarm(grown: Assembly) -> None:
    assert len(list(grown.resources("AWS::CloudWatch::Alarm"))) == len(ALARMS) + 1


def test_an_alarm_on_nothing_that_exists_says_what_exists(layer: Path, tmp_path: Path) -> None:
    lost = AlarmRow(name="Lost", means="", namespace="AWS/SQS", metric="Errors", of="cals")
    with pytest.raises(KeyError, match="'cals'; there are api, archive_audit, calls, calls-dead"):
        app({"layer": str(layer), "parquet_layer": str(layer), "nag": "off"}, alarms=[lost], outdir=tmp_path)


def test_the_sandbox_leaves_nothing_behind(grown: Assembly) -> None:
    for template in grown.templates.values():
        for resource in template["Resources"].values():
            if resource["Type"] not in {"AWS::Lambda::Version", "AWS::Lambda::LayerVersion"}:
                assert resource.get("DeletionPolicy", "Delete") == "Delete", resource["Type"]
