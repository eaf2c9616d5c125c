"""The command that makes API clients."""

from __future__ import annotations

import pytest

from gateway.core.authenticate import CONNECT_SCOPE
from gateway.core.scopes import RAW_WRITE, SCOPES
from gateway.core.sessions import token_hash
from gateway.wiring.clients import DEFAULT_SCOPES, main
from gateway.wiring.services import using
from tests.fakes.services import FakeServices

MISSING = [
    ({"STAGE": "prod", "AWS_DEFAULT_REGION": "us-east-1"}, "CALLERS_TABLE"),
    ({"CALLERS_TABLE": "callers", "AWS_DEFAULT_REGION": "us-east-1"}, "STAGE"),
    ({"CALLERS_TABLE": "callers", "STAGE": "prod"}, "AWS_DEFAULT_REGION"),
]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CALLERS_TABLE", "STAGE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLERS_TABLE", "callers")
    monkeypatch.setenv("STAGE", "test")


@pytest.mark.parametrize(("switch", "connects"), [((), False), (("--connects",), True)])
def test_a_client_connects_practices_if_it_is_said_and_is_told_either_way(
    deployed: None, capsys: pytest.CaptureFixture[str], switch: tuple[str, ...], connects: bool
) -> None:
    on = FakeServices()
    with using(on):
        main(["enrol", "--name", "Scheduling", *switch])
    said = capsys.readouterr().out
    key = next(line.split()[1] for line in said.splitlines() if line.startswith("key "))
    session = on.callers.session(token_hash(key))

    assert session is not None
    assert on.callers.client(session.client_id).scopes == {*DEFAULT_SCOPES, *((CONNECT_SCOPE,) if connects else ())}
    assert ("cannot connect practices" in said, "--connects" in said) == (not connects, not connects)


@pytest.mark.parametrize(("said", "limit"), [((), None), (("--requests-per-minute", "12"), 12)])
def test_a_client_has_the_limit_that_is_said_and_else_the_stages(
    deployed: None, said: tuple[str, ...], limit: int | None
) -> None:
    on = FakeServices()
    with using(on):
        main(["enrol", "--name", "Scheduling", *said])

    assert [client.requests_per_minute for client in on.callers.clients.values()] == [limit]


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "many", ""])
def test_a_limit_that_lets_nothing_through_or_is_no_number_is_refused(limit: str) -> None:
    on = FakeServices()
    with using(on), pytest.raises(SystemExit):
        main(["enrol", "--name", "Scheduling", f"--requests-per-minute={limit}"])

    assert not on.callers.clients


@pytest.mark.parametrize(
    "scope",
    [
        *("bogus:thing", "*:write", "*", "patients", "patients:delete", "resources:*", "resources:nothing.create"),
        # Done with its checks elsewhere, open to nobody, a read.
        *("resources:appointments.create", "resources:apikeys.create", "resources:fees.list"),
    ],
)
def test_a_scope_that_opens_nothing_is_refused_with_those_that_do(
    deployed: None, capsys: pytest.CaptureFixture[str], scope: str
) -> None:
    on = FakeServices()
    with using(on), pytest.raises(SystemExit) as ended:
        main(["enrol", "--name", "Scheduling", "--scopes", f"patients:read,{scope}"])
    said, *listed = capsys.readouterr().err.splitlines()

    assert ended.value.code == 2
    assert said == f"--scopes: there is no {scope}; there are"
    assert [line.split()[0] for line in listed] == [*SCOPES, RAW_WRITE]
    assert not on.callers.clients


def test_every_scope_can_be_given_to_an_operator(deployed: None) -> None:
    wanted = {*SCOPES, "resources:employers.create"}
    on = FakeServices()
    with using(on):
        main(["enrol", "--name", "All", "--kind", "operator", "--scopes", ",".join(wanted)])

    assert [client.scopes for client in on.callers.clients.values()] == [wanted]


def test_the_help_lists_every_scope(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")}

    assert {*SCOPES, RAW_WRITE} <= said


@pytest.mark.parametrize(("environment", "named"), MISSING)
def test_what_the_command_lacks_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: dict[str, str], named: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["enrol", "--name", "Scheduling"])
    said = capsys.readouterr().err

    assert ended.value.code == 1
    assert named in said and len(said.splitlines()) == 1
