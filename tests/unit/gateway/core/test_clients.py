"""The operators' command for API clients and their keys."""

from __future__ import annotations

import re

import pytest

from gateway.core.access import caller_of
from gateway.core.authenticate import CONNECT_SCOPE
from gateway.core.callers import OPERATOR_SCOPES, Client, ClientKind
from gateway.core.errors import Unauthenticated
from gateway.core.scopes import RAW_WRITE, SCOPES
from gateway.core.sessions import session_of, token_hash
from gateway.wiring.clients import main
from gateway.wiring.services import using
from tests.fakes.services import ELM_STREET, FakeServices

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
        main(["enrol", "--name", "Scheduling", "--scopes", "*:read", *switch])
    said = capsys.readouterr().out
    key = next(line.split()[1] for line in said.splitlines() if line.startswith("key "))
    session = on.callers.session(token_hash(key))

    assert session is not None
    assert on.callers.client(session.client_id).scopes == {"*:read", *((CONNECT_SCOPE,) if connects else ())}
    assert ("cannot connect practices" in said, "--connects" in said) == (not connects, not connects)


@pytest.mark.parametrize(("said", "limit"), [((), None), (("--requests-per-minute", "12"), 12)])
def test_a_client_has_the_limit_that_is_said_and_else_the_stages(
    deployed: None, said: tuple[str, ...], limit: int | None
) -> None:
    on = FakeServices()
    with using(on):
        main(["enrol", "--name", "Scheduling", "--scopes", "*:read", *said])

    assert [client.requests_per_minute for client in on.callers.clients.values()] == [limit]


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "many", ""])
def test_a_limit_that_lets_nothing_through_or_is_no_number_is_refused(limit: str) -> None:
    on = FakeServices()
    with using(on), pytest.raises(SystemExit):
        main(["enrol", "--name", "Scheduling", "--scopes", "*:read", f"--requests-per-minute={limit}"])

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
        main(["enrol", "--name", "Scheduling", "--scopes", "*:read"])
    said = capsys.readouterr().err

    assert ended.value.code == 1
    assert named in said and len(said.splitlines()) == 1


class Operated:
    """A deployment's clients, as an operator's commands leave them."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.on = FakeServices()
        self._capsys = capsys

    def run(self, *arguments: str) -> str:
        """What the command says."""
        with using(self.on):
            main(arguments)
        return self._capsys.readouterr().out

    def refused(self, *arguments: str) -> str:
        """What it says when it refuses."""
        with using(self.on), pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        return self._capsys.readouterr().err

    def enrol(self, *more: str) -> tuple[str, str]:
        """A new client's id and key."""
        scopes = () if "--scopes" in more else ("--scopes", "*:read")
        said = self.run("enrol", "--name", "Scheduling", *scopes, *more)
        return tuple(re.findall(r"^(?:client|key) +(\S+)$", said, re.MULTILINE))

    def knows(self, key: str) -> bool:
        """Whether a request with this key is let in."""
        try:
            now = self.on.clock.now()
            caller_of(session_of(key, callers=self.on.callers, now=now).client_id, on=self.on)
        except Unauthenticated:
            return False
        return True


@pytest.fixture
def operated(deployed: None, capsys: pytest.CaptureFixture[str]) -> Operated:
    return Operated(capsys)


def test_a_key_ends_on_its_day_and_works_on_when_it_is_prolonged(operated: Operated) -> None:
    client, key = operated.enrol("--expires-in-days", "30")
    (name,) = re.findall(r"key_\w+", operated.run("show", client))
    operated.on.clock.seconds += 30 * 86400 - 1
    assert operated.knows(key)
    operated.on.clock.seconds += 1
    assert not operated.knows(key)
    assert f"{name}  expired" in operated.run("show", client)

    operated.run("expire", client, "--key", name, "--in-days", "1")
    assert operated.knows(key)
    operated.run("expire", client, "--key", name, "--never")
    operated.on.clock.seconds += 1000 * 86400
    assert operated.knows(key)


def test_a_revoked_key_ends_at_once_and_the_clients_others_go_on(operated: Operated) -> None:
    client, key = operated.enrol()
    said = operated.run("key", client)
    second = re.findall(r"^key +(\S+)$", said, re.MULTILINE)[0]
    name = f"key_{token_hash(key)[:12]}"
    operated.run("revoke", client, "--key", name)

    assert (operated.knows(key), operated.knows(second)) == (False, True)
    operated.run("revoke", client)
    assert not operated.knows(second)
    assert "revoked" in operated.run("list")


def test_a_client_that_ends_ends_with_all_its_keys(operated: Operated) -> None:
    client, key = operated.enrol()
    operated.run("expire", client, "--in-days", "1")
    operated.on.clock.seconds += 86400

    assert not operated.knows(key)


def test_what_is_shown_of_a_client_tells_when_a_key_was_used_and_is_no_key(operated: Operated) -> None:
    client, key = operated.enrol()
    assert "last used -" in operated.run("show", client)
    operated.knows(key)
    said = operated.run("show", client) + operated.run("list") + operated.run("grant", client, "--scopes", "slots:read")

    assert f"last used {operated.on.clock.now():%Y-%m-%dT%H:00}" in said
    assert key not in said and token_hash(key) not in said


def test_scopes_and_practices_are_granted_and_withdrawn(operated: Operated) -> None:
    client, _ = operated.enrol("--scopes", "patients:read", "--practices", ELM_STREET.id)
    operated.run("grant", client, "--scopes", "claims:read,claims:write", "--practices", "prac_b", "--even-if-unknown")
    operated.run("withdraw", client, "--scopes", "patients:read", "--practices", ELM_STREET.id)

    has = operated.on.callers.client(client)
    assert (has.scopes, has.practices) == ({"claims:read", "claims:write"}, {"prac_b"})


@pytest.mark.parametrize(
    ("scopes", "kind", "told"),
    [
        ({"*:read"}, ClientKind.APP, ["grant cli_old --scopes notes"]),
        ({"claims:read"}, ClientKind.APP, ["grant cli_old --scopes notes"]),
        ({"providers:read", "practices:read", "audit:read"}, ClientKind.OPERATOR, []),
        ({"*:read", "notes", "sync:write"}, ClientKind.APP, ["withdraw cli_old --scopes sync:write"]),
        ({"*:read", "notes", "sync:write"}, ClientKind.OPERATOR, []),
        ({"notes", "visits:read"}, ClientKind.APP, ["withdraw cli_old --scopes visits:read"]),
    ],
)
def test_a_client_of_an_earlier_release_is_named_with_what_brings_back_what_it_had(
    scopes: set[str], kind: ClientKind, told: list[str], operated: Operated
) -> None:
    """Nobody should find out by a refusal, or by notes that are null, that a scope means less than it did."""
    operated.on.callers.put_client(Client("cli_old", "Old", frozenset(), frozenset(scopes), kind, scopes_as_of=1))
    said = operated.run("check")

    named = [line for line in said.splitlines() if line.startswith("cli_old")]
    assert [command in line for line, command in zip(named, told, strict=True)] == [True] * len(told)
    assert ("Every client" in said) == (told == [])


def test_a_client_that_was_made_narrow_is_nobodys_to_mend(operated: Operated) -> None:
    """Among those that an operator meant so, nobody finds the one that lost something."""
    operated.enrol("--scopes", "claims:read")

    assert "Every client" in operated.run("check")


@pytest.mark.parametrize(
    ("has", "taken", "told"),
    [
        ("*:read,notes", "claims:read", "*:read covers claims:read"),
        ("*:read,claims:read", "claims:read", "*:read covers claims:read"),
        ("claims:read", "claims:write", "the client has no claims:write"),
        ("claims:read", "clams:read", "the client has no clams:read"),
        ("claims:read", "", "say --scopes or --practices"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_is_taken(has: str, taken: str, told: str, operated: Operated) -> None:
    """Else an operator goes home believing that the client reads claims no more."""
    client, _ = operated.enrol("--scopes", has)

    assert told in operated.refused("withdraw", client, "--scopes", taken)
    assert operated.on.callers.client(client).scopes == set(has.split(","))


def test_a_read_goes_with_the_scope_that_covers_it(operated: Operated) -> None:
    client, _ = operated.enrol("--scopes", "*:read,claims:read")
    operated.run("withdraw", client, "--scopes", "*:read,claims:read")

    assert operated.on.callers.client(client).scopes == frozenset()


def test_a_practice_that_the_client_has_not_cannot_be_taken(operated: Operated) -> None:
    client, _ = operated.enrol()

    assert "the client has no prac_b" in operated.refused("withdraw", client, "--practices", "prac_b")


def test_a_practice_that_there_is_not_is_refused_unless_it_is_meant(operated: Operated) -> None:
    asked = ("enrol", "--name", "App", "--scopes", "*:read", "--practices", f"{ELM_STREET.id},prac_nonexistent")
    assert "there is no prac_nonexistent" in operated.refused(*asked)
    assert not operated.on.callers.clients
    client, _ = operated.enrol()
    operated.refused("grant", client, "--practices", "prac_nonexistent")
    operated.run("grant", client, "--practices", "prac_nonexistent", "--even-if-unknown")

    assert operated.on.callers.client(client).practices == {"prac_nonexistent"}


@pytest.mark.parametrize(
    "said",
    [
        ("--name", "", "--scopes", "*:read"),
        ("--name", "  ", "--scopes", "*:read"),
        ("--name", "two\nlines", "--scopes", "*:read"),
        ("--name", "App"),
        ("--name", "App", "--scopes", ""),
        ("--name", "App", "--scopes", "*:read", "--expires-in-days", "3651"),
        ("--name", "App", "--scopes", "*:read", "--expires-in-days", "99999999999999999999"),
    ],
)
def test_a_client_without_name_or_scopes_or_with_an_absurd_end_is_not_made(
    said: tuple[str, ...], operated: Operated
) -> None:
    operated.refused("enrol", *said)

    assert not operated.on.callers.clients


def test_a_client_that_is_over_gets_no_more_keys(operated: Operated) -> None:
    client, _ = operated.enrol()
    operated.run("revoke", client)

    assert "the client is revoked" in operated.refused("key", client)
    assert len(operated.on.callers.sessions) == 1


def test_the_list_tells_who_is_used_no_more(operated: Operated) -> None:
    used, key = operated.enrol("--scopes", "*:read,notes")
    unused, _ = operated.enrol()
    ended, _ = operated.enrol()
    operated.run("revoke", ended)
    operated.run("enrol", "--name", "Recalls", "--scopes", "*:read", "--kind", "workflow")
    operated.on.clock.seconds += 40 * 86400
    assert operated.knows(key)
    heads, *lines = operated.run("list").splitlines()
    (line,) = [re.split(r"  +", one) for one in lines if used in one]
    hour = f"{operated.on.clock.now():%Y-%m-%dT%H:00+00:00}"
    assert dict(zip(re.split(r"  +", heads), line, strict=True)) == {
        "client": used, "kind": "app", "state": "active", "practices": "0", "scopes": "2",
        "last used": hour, "ends": "-", "name": "Scheduling",
    }  # fmt: skip

    assert [line.split()[0] for line in operated.run("list", "--unused-for", "30").splitlines()[1:]] == [unused]
    assert len(operated.run("list", "--unused-for", "41").splitlines()) == 1


def test_a_key_is_not_used_before_it_is_made(operated: Operated) -> None:
    """Uses are known by the hour, and the hour may have begun before."""
    operated.on.clock.seconds += 1799
    client, key = operated.enrol()
    operated.knows(key)
    made, used = re.findall(r"(?:made|last used) (\S+)", operated.run("show", client))

    assert made == used


@pytest.mark.parametrize("scope", sorted(OPERATOR_SCOPES & set(SCOPES)))
def test_an_operators_scope_is_given_to_operators_only(scope: str, operated: Operated) -> None:
    app, _ = operated.enrol()
    operator, _ = operated.enrol("--kind", "operator")

    assert "--kind operator" in operated.refused("enrol", "--name", "App", "--scopes", scope)
    assert "--kind operator" in operated.refused("grant", app, "--scopes", scope)
    operated.run("grant", operator, "--scopes", scope)
    assert len(operated.on.callers.clients) == 2


def test_a_workflow_has_no_key_and_gets_none(operated: Operated) -> None:
    said = operated.run("enrol", "--name", "Recalls", "--scopes", "*:read", "--kind", "workflow")
    (client,) = operated.on.callers.clients

    assert "no key" in said and not operated.on.callers.sessions
    assert "no key" in operated.refused("key", client)
    assert not operated.on.callers.sessions


def test_a_key_of_another_client_is_not_this_ones_to_end(operated: Operated) -> None:
    client, _ = operated.enrol()
    _, other = operated.enrol()

    operated.refused("revoke", client, "--key", f"key_{token_hash(other)[:12]}")
    assert operated.knows(other)
