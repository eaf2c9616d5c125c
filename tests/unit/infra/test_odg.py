"""`odg` against the handlers of a deployment in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from infra.odg import sync
from infra.odg.__main__ import app
from infra.odg.gateway import Gateway
from tests.fakes.deployment import Deployment, deployed

RUN = CliRunner()


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed("--patients", "12", scopes=("practices:read", "sync:read", "sync:write")) as deployment:
        yield deployment


def gateway(office: Deployment, *, key: str = "test_key") -> Gateway:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == f"Bearer {key}"
        if request.method == "PATCH":
            answered = office.patch(request.url.path, json.loads(request.content))
        else:
            answered = office.get(request.url.path)
        return httpx.Response(answered.status, json=answered.body)

    return Gateway("https://gateway.example", key, httpx.MockTransport(answer))


def run(office: Deployment, *words: str) -> Any:
    return RUN.invoke(app, ["sync", *words], obj=gateway(office))


def test_a_mirror_is_turned_on_paused_and_erased(office: Deployment) -> None:
    for words, state in ((("on",), "on"), (("pause",), "paused"), (("off", "--yes"), "off")):
        told = run(office, words[0], office.practice_id, "--json", *words[1:])
        assert told.exit_code == 0, told.output
        assert json.loads(told.stdout)["state"] == state
        assert office.get(f"/practices/{office.practice_id}/sync").body["state"] == state


def screen_of(told: Any) -> str:
    screen = io.StringIO()
    Console(width=250, file=screen).print(sync.shown(told))
    return screen.getvalue()


def test_a_mirror_that_is_off_cannot_be_paused_and_the_command_says_so(office: Deployment) -> None:
    refused = run(office, "pause", office.practice_id)

    assert refused.exit_code == 1
    assert refused.stderr.strip() == "409: this mirror is off: there is nothing to pause"


def test_while_a_mirror_is_erased_the_rows_that_are_left_are_shown_and_no_bars(
    office: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(office, "on", office.practice_id)
    office.on.world.run(600)
    rows = office.get(f"/practices/{office.practice_id}/sync").body["rows"]
    told = run(office, "off", office.practice_id, "--yes")

    lines = told.stdout.splitlines()
    assert lines[0] == f"{office.practice_id}: off, erasing, {rows:,} rows left"
    assert "%" not in told.stdout and "━" not in told.stdout
    patients = len(office.rows("patient", "PatStatus <> 4"))
    assert ["patients", str(patients)] in [line.split() for line in lines]

    monkeypatch.setattr("infra.odg.__main__.time.sleep", lambda _: office.on.world.run(30))
    watched = run(office, "watch", office.practice_id)
    assert watched.stdout.count("erasing,") >= 1
    assert f"{office.practice_id}: off\n" in watched.stdout


def test_what_keeps_all_of_it_back_is_said_once_and_in_words(office: Deployment) -> None:
    run(office, "on", office.practice_id)
    office.on.world.run(600)
    office.faulty("offline", "*", count=None)
    office.on.world.run(1200)
    shown = screen_of(office.get(f"/practices/{office.practice_id}/sync").body)

    assert shown.count("the practice does not answer") == 1
    assert "(practice-offline, since 20" in shown


def test_machines_are_asked_to_tell_and_no_more(office: Deployment) -> None:
    refused = run(office, "native", "on", office.practice_id)
    assert (refused.exit_code, "not on" in refused.output) == (1, True)
    run(office, "on", office.practice_id)
    for state, machine in (("on", ["--workstation", "SERVER"]), ("off", [])):
        told = run(office, "native", state, office.practice_id, *machine, "--json")
        assert told.exit_code == 0, told.output
        shown = office.get(f"/practices/{office.practice_id}/sync").body["native_events"]
        assert (shown["state"], shown["workstation"]) == (state, "SERVER")


def test_queries_are_turned_off_and_on(office: Deployment) -> None:
    for state in ("off", "on"):
        told = run(office, "queries", state, office.practice_id, "--json")
        assert told.exit_code == 0, told.output
        assert office.get(f"/practices/{office.practice_id}/sync").body["queries"]["state"] == state


def test_where_there_is_no_terminal_each_look_is_printed(office: Deployment) -> None:
    told = run(office, "watch", office.practice_id)

    assert told.exit_code == 0
    assert told.stdout.startswith(f"{office.practice_id}: off")


def test_nothing_is_erased_before_somebody_says_yes(office: Deployment) -> None:
    run(office, "on", office.practice_id)
    refused = RUN.invoke(app, ["sync", "off", office.practice_id], obj=gateway(office), input="n\n")

    assert refused.exit_code != 0
    assert office.get(f"/practices/{office.practice_id}/sync").body["state"] == "on"


def test_a_refusal_is_said_in_the_gateways_words_and_ends_with_1(office: Deployment) -> None:
    refused = run(office, "status", "prac_cccccccccccccccc")

    assert refused.exit_code == 1
    assert "404: no such practice" in refused.stderr


def test_without_an_address_or_a_key_it_says_what_to_set() -> None:
    refused = RUN.invoke(app, ["sync", "status", "prac_aaaaaaaaaaaaaaaa"], env={"ODG_API": "", "ODG_KEY": ""})

    assert refused.exit_code == 1
    assert "ODG_API" in refused.stderr and "ODG_KEY" in refused.stderr


def test_each_resource_has_a_line_with_its_rows_and_why_it_is_stale(office: Deployment) -> None:
    run(office, "on", office.practice_id)
    told = office.get(f"/practices/{office.practice_id}/sync").body
    told["resources"][0] |= {
        "rows": 4321,
        "phase": "loading",
        "why": "loading",
        "explanation": "the reason of this one",
    }
    screen = io.StringIO()
    Console(width=200, file=screen).print(sync.shown(told))
    lines = screen.getvalue().splitlines()

    first = next(line for line in lines if line.startswith(told["resources"][0]["resource"]))
    assert "4,321" in first and "the reason of this one" in first
    shown = {one["resource"] for one in told["resources"] if one["phase"] != "not_offered" and one["why"] != "waiting"}
    waiting = sum(one["why"] == "waiting" for one in told["resources"])
    said = shown | ({str(waiting)} if waiting else set())
    assert {line.split()[0] for line in lines[2 : 2 + len(said)]} == said


def test_watching_ends_when_all_of_it_is_loaded(office: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    run(office, "on", office.practice_id)
    loading = office.get(f"/practices/{office.practice_id}/sync").body
    answers = iter([loading, loading, loading | {"phase": "complete", "percent": 100}])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=next(answers)))
    slept: list[float] = []
    monkeypatch.setattr("infra.odg.__main__.time.sleep", slept.append)

    watched = RUN.invoke(
        app, ["sync", "watch", office.practice_id, "--json", "--every", "2"], obj=Gateway("http://a", "k", transport)
    )

    assert [json.loads(line)["phase"] for line in watched.stdout.splitlines()] == ["loading", "loading", "complete"]
    assert slept == [2.0, 2.0]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_a_length_of_time_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert sync.length(seconds) == said
