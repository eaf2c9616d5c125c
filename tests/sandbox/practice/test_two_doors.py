"""One office behind two doors: the relay of the vendor, and its own server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from infra.sandbox.practice.server import PracticeServer

Start = Callable[..., Any]


@pytest.fixture
def doors(start: Start) -> Iterator[tuple[httpx.Client, httpx.Client, PracticeServer]]:
    """The relay and the server as clients, and the server itself; 120 patients are behind both."""
    relay = start()
    for number in range(1, 121):
        relay.store.insert("patient", {"PatNum": number, "LName": f"Sample{number}", "FName": "Ada"})
    with relay.server.beside("Service") as server:
        headers = dict(relay.api.headers)
        with httpx.Client(base_url=server.state()["base_url"], headers=headers, timeout=10, verify=False) as own:
            yield relay.api, own, server


def test_each_door_has_the_pages_of_its_mode(doors: tuple[httpx.Client, httpx.Client, PracticeServer]) -> None:
    relay, own, _ = doors

    assert [len(one.get("patients/Simple").json()) for one in (relay, own)] == [100, 120]


def test_what_is_written_at_one_door_is_read_at_the_other_and_only_the_relay_says_where(
    doors: tuple[httpx.Client, httpx.Client, PracticeServer],
) -> None:
    for here, there, says_where in ((doors[0], doors[1], True), (doors[1], doors[0], False)):
        made = here.post("patients", json={"LName": "Marsh", "FName": "Bo", "Birthdate": "1990-01-02"})

        assert made.status_code == 201, made.text
        assert ("Location" in made.headers) is says_where
        assert there.get(f"patients/{made.json()['PatNum']}").json()["LName"] == "Marsh"


def test_each_door_keeps_its_own_log(doors: tuple[httpx.Client, httpx.Client, PracticeServer]) -> None:
    doors[1].get("patients/Simple")

    assert [arrival.operation for arrival in doors[2].practice.log()] == ["patients.Simple"]


def test_a_door_that_is_shut_refuses_connections_until_it_is_opened_and_the_other_one_answers(
    doors: tuple[httpx.Client, httpx.Client, PracticeServer],
) -> None:
    relay, own, server = doors

    def turn(*, is_open: object) -> int:
        with httpx.Client(base_url=server.control_url, trust_env=False) as side:
            return side.put("door", json={"open": is_open}).status_code

    assert own.get("patients/Simple").status_code == 200
    assert [turn(is_open=False), turn(is_open=False)] == [200, 200]
    with pytest.raises(httpx.ConnectError):
        own.get("patients/Simple")
    assert relay.get("patients/Simple").status_code == 200
    assert turn(is_open="yes") == 400
    assert turn(is_open=True) == 200
    assert own.get("patients/Simple").status_code == 200
