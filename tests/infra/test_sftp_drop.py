"""What a stage has of an SFTP server of the user's own: three permissions and their names; and without one nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.catalogue import FUNCTIONS, HAND_OUT, TIDY, Follows, FollowsNew
from infra.implied import key_use
from infra.stages import STAGES, SftpDrop, stage_for
from tests.infra.drops import DROP_SAID
from tests.infra.templates import Assembly, listed, variables_of

OBJECTS = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::example-odg-drop/from-open-dental/*"]]}
BUCKET = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::example-odg-drop"]]}
NAMES = {"DROP_BUCKET", "DROP_PREFIX", "DROP_ADDRESS", "DROP_USERNAME", "DROP_SECRET_ARN"}


def on(assembly: Assembly, name: str, resource: Any) -> set[str]:
    """What the function called `name` may do on `resource`."""
    return {
        action
        for statement in assembly.statements(name)
        if resource in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }


def test_a_stage_without_a_drop_names_none_and_grants_nothing(assembly: Assembly) -> None:
    assert not any(stage.sftp_drop for stage in STAGES.values())
    for row in FUNCTIONS:
        lists = "s3:ListBucket" in assembly.actions(row.name)
        # Lambda does, to set aside what could not be told; and who may, is told by S3 that an object is not there.
        assert lists is (isinstance(row.trigger, Follows | FollowsNew) or "ListBucket" in row.inbox | row.exports)
        assert not NAMES & variables_of(assembly.function(row.name)[2]).keys()
    # The key of practices' records is all that these reach beside their tables, queues and bucket.
    assert "s3:DeleteObject" not in assembly.actions("documents")


def test_one_function_may_read_files_one_may_delete_them_and_one_knows_the_password(dropped: Assembly) -> None:
    """The worker, which knows the password, reads no file; who hands files out cannot sign in at the server."""
    reached = {row.name: on(dropped, row.name, OBJECTS) | on(dropped, row.name, BUCKET) for row in FUNCTIONS}
    signed_in = {row.name for row in FUNCTIONS if on(dropped, row.name, DROP_SAID["secret_arn"])}

    assert {name: verbs for name, verbs in reached.items() if verbs} == {
        "documents": {f"s3:{verb}" for verb in HAND_OUT},
        "sweeper": {f"s3:{verb}" for verb in TIDY},
    }
    assert signed_in == {"upstream_worker"}
    assert {row.name for row in FUNCTIONS if row.drop or row.drop_login} == {*signed_in, "documents", "sweeper"}
    assert on(dropped, "upstream_worker", DROP_SAID["secret_arn"]) == {"secretsmanager:GetSecretValue"}


def test_nobody_lists_more_of_the_bucket_than_the_prefix(dropped: Assembly) -> None:
    conditions = [
        statement.get("Condition")
        for row in FUNCTIONS
        for statement in dropped.statements(row.name)
        if "s3:ListBucket" in listed(statement["Action"]) and BUCKET in listed(statement["Resource"])
    ]

    assert conditions == [{"StringLike": {"s3:prefix": ["from-open-dental/*"]}}] * 2


@pytest.mark.parametrize(
    ("function", "key", "calls"),
    [
        ("documents", "bucket_key_arn", {"s3:GetObject", "s3:PutObject"}),
        ("sweeper", "bucket_key_arn", set()),
        ("upstream_worker", "secret_key_arn", {"secretsmanager:GetSecretValue"}),
    ],
)
def test_the_users_keys_are_used_for_what_they_seal_and_through_its_service(
    dropped: Assembly, function: str, key: str, calls: set[str]
) -> None:
    assert on(dropped, function, DROP_SAID[key]) == set(key_use(calls))
    for statement in dropped.statements(function):
        if DROP_SAID[key] in listed(statement["Resource"]):
            (service,) = {call.partition(":")[0] for call in calls}
            assert statement["Condition"]["StringEquals"] == {"kms:ViaService": f"{service}.us-east-1.amazonaws.com"}


def test_functions_are_told_where_the_drop_is_and_no_secret(dropped: Assembly) -> None:
    told = {row.name: variables_of(dropped.function(row.name)[2]) for row in FUNCTIONS}
    named = {name: {one: said[one] for one in NAMES & said.keys()} for name, said in told.items()}
    bucket = {"DROP_BUCKET": "example-odg-drop", "DROP_PREFIX": "from-open-dental/"}

    assert {name: said for name, said in named.items() if said} == {
        "documents": bucket,
        "sweeper": bucket,
        "upstream_worker": {
            "DROP_ADDRESS": "sftp.example.com/in/",
            "DROP_USERNAME": "open-dental",
            "DROP_SECRET_ARN": DROP_SAID["secret_arn"],
        },
    }


def test_a_drop_makes_no_resource_and_changes_four_functions(assembly: Assembly, dropped: Assembly) -> None:
    touched = set[str]()
    for part in assembly.templates:
        before, after = (one.templates[part]["Resources"] for one in (assembly, dropped))
        kinds = ("AWS::Lambda::Version", "AWS::ApiGateway::Deployment")
        kept, now = (
            {name: one for name, one in resources.items() if one["Type"] not in kinds} for resources in (before, after)
        )
        assert kept.keys() == now.keys()
        touched |= {name for name, one in now.items() if one["Type"] == "AWS::Lambda::Function" and kept[name] != one}
    handlers = {
        logical: resource["Properties"]["Handler"].partition(".")[0]
        for _, logical, resource in dropped.resources("AWS::Lambda::Function")
    }

    # `practices` only says whether there is one.
    assert {handlers[name] for name in touched} == {"documents", "practices", "sweeper", "upstream_worker"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "sftp.example.com/x"},
        {"host": ""},
        {"username": "a b"},
        {"secret_arn": "odg/sftp"},
        {"secret_arn": DROP_SAID["secret_arn"].removesuffix("-AbCdEf")},
        {"bucket": "arn:aws:s3:::bucket"},
        {"prefix": ""},
        {"prefix": "from-open-dental"},
        {"prefix": "*/"},
        {"folder": "/in"},
        {"bucket_key_arn": "alias/mine"},
        {"port": 0},
    ],
)
def test_a_drop_that_cannot_be_is_refused_with_the_field(tmp_path: Path, wrong: dict[str, Any]) -> None:
    (tmp_path / "drop.json").write_text(json.dumps({**DROP_SAID, **wrong}))
    (field,) = wrong

    with pytest.raises(ValueError, match=f"sftp_drop: {field}"):
        stage_for({"sftp_drop": str(tmp_path / "drop.json")})


def test_the_port_is_said_where_it_is_not_the_usual_one_and_a_folder_where_there_is_one() -> None:
    fields = {**DROP_SAID, "bucket_key_arn": None, "secret_key_arn": None}

    assert SftpDrop(**fields).address == "sftp.example.com/in/"
    assert SftpDrop(**{**fields, "folder": "", "port": 2222}).address == "sftp.example.com:2222/"
