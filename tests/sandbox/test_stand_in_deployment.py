"""What a deployed app can count on in the sandbox, shown with an app that has one of everything."""

import json
import stat
import time
from itertools import pairwise
from typing import Any

import pytest

from infra.sandbox.box import Sandbox

TOKEN = {"Authorization": "Bearer open-sesame"}


def put_turn(box: Sandbox, **turn: Any) -> None:
    status, _ = box.call("POST", "/turns", turn, TOKEN)
    assert status == 202


def worked_off(box: Sandbox, *ids: str, within_s: float = 15) -> dict[str, dict[str, Any]]:
    """Return the ledger rows of the turns `ids` once all are there."""
    table = box.function("worker")["Environment"]["Variables"]["LEDGER_TABLE"]
    deadline = time.monotonic() + within_s
    while True:
        rows = {row["sk"]["S"]: row for row in box.aws("dynamodb").scan(TableName=table)["Items"]}
        if set(ids) <= set(rows):
            return {name: rows[name] for name in ids}
        assert time.monotonic() < deadline, f"only {sorted(rows)} were worked off"
        time.sleep(0.05)


def test_a_function_runs_with_its_layer_its_variables_and_what_the_authorizer_said(stand_in: Sandbox) -> None:
    status, answer = stand_in.call("GET", "/hello", headers=TOKEN)

    assert status == 200
    assert (answer["layer"], answer["stage"], answer["client"]) == ("1", "sandbox", "cli_1")


def test_what_a_role_may_not_do_is_refused(stand_in: Sandbox) -> None:
    """A grant that is forgotten in the CDK app must show here, not on AWS."""
    _, answer = stand_in.call("GET", "/hello", headers=TOKEN)

    assert answer["list_bucket"] == "AccessDenied"


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/hello", {}, 401, "unauthorized"),
        ("/hello", {"Authorization": "Bearer wrong"}, 403, "access_denied"),
        ("/no-such-route", TOKEN, 404, "missing_authentication_token"),
    ],
)
def test_the_gateways_own_errors_are_those_of_the_openapi_body(
    stand_in: Sandbox, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    assert stand_in.call("GET", path, headers=headers) == (status, {"status": status, "code": code})


def test_a_turn_reported_as_failed_comes_back_and_one_that_crashed_too(stand_in: Sandbox) -> None:
    put_turn(stand_in, id="good", group="a")
    put_turn(stand_in, id="failed", group="b", fail="item")
    put_turn(stand_in, id="crashed", group="c", fail="crash")

    rows = worked_off(stand_in, "good", "failed", "crashed")

    assert {name: row["received"]["N"] for name, row in rows.items()} == {"good": "1", "failed": "2", "crashed": "2"}


def test_turns_of_one_practice_keep_their_order_and_other_practices_do_not_wait(stand_in: Sandbox) -> None:
    for number in range(3):
        put_turn(stand_in, id=f"slow-{number}", group="slow", seconds=0.5)
    for number in range(3):
        put_turn(stand_in, id=f"quick-{number}", group=f"quick-{number}")

    slow = [f"slow-{number}" for number in range(3)]
    rows = worked_off(stand_in, *slow, *(f"quick-{number}" for number in range(3)))
    ended = {name: int(row["ended_ms"]["N"]) for name, row in rows.items()}

    assert all(ended[later] - ended[earlier] >= 500 for earlier, later in pairwise(slow))
    assert min(ended[f"quick-{number}"] for number in range(3)) < ended["slow-2"]


def test_logs_are_found_by_the_functions_folder(stand_in: Sandbox) -> None:
    stand_in.call("GET", "/crash")

    assert any("as asked" in line for line in stand_in.logs("hello"))


def test_the_state_file_says_all_that_a_newcomer_needs_and_nobody_else_may_read_it(stand_in: Sandbox) -> None:
    state = json.loads(stand_in.state_file.read_text())

    assert state["api_url"] == stand_in.api_url
    assert state["aws_endpoint_url"] == stand_in.emulator.url
    assert [practice["practice_id"] for practice in state["practices"]] == ["prac_1", "prac_2"]
    assert (state["practice_id"], state["access_token"]) == ("prac_1", "open-sesame")
    assert state["practice_url"] == stand_in.offices[0].base_url
    assert stat.S_IMODE(stand_in.state_file.stat().st_mode) == 0o600
