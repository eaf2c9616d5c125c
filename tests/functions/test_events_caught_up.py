"""The loop of `events/README.md` that keeps up without a bus, through the handler."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.events.event import Cause, Event, event_id
from tests.fakes.deployment import IDS, Deployment, deployed

README = (Path(__file__).parents[2] / "events" / "README.md").read_text()
PAGE: dict[str, Any] = {}
exec(re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[1], PAGE)


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=("*:read",)) as d:
        yield d


def happen(d: Deployment, count: int) -> list[str]:
    made = []
    for _ in range(count):
        d.on.clock.seconds += 1
        at, number = d.on.clock.now(), len(d.on.event_log.logged) + 1
        id_ = event_id(IDS[0], f"appointments#{number}", "appointment.updated", number)
        made.append(id_)
        event = Event(id_, "appointment.updated", at, at, IDS[0], "appointment", f"appt_{number}", number, Cause.POLL)
        d.on.event_log.add([event], at=at)
    d.on.clock.seconds += 60
    return made


def caught_up(d: Deployment, cursor: str | None, *, dies_after: int | None = None) -> tuple[list[str], str | None]:
    """What came, and the cursor that was kept last."""
    came: list[str] = []
    kept = [cursor]

    def get(query: dict[str, Any]) -> Any:
        answer = d.get("/events", **query)
        assert answer.status == 200, answer.body
        return answer.body

    def take(event: dict[str, Any]) -> None:
        if len(came) == dies_after:
            raise InterruptedError
        came.append(event["id"])

    try:
        assert PAGE["catch_up"](get, IDS[0], cursor, take, kept.append) == kept[-1]
    except InterruptedError:
        assert dies_after is not None
    return came, kept[-1]


def test_whoever_keeps_up_gets_each_event_once_and_later_what_came_since(office: Deployment) -> None:
    first = happen(office, 230)
    came, cursor = caught_up(office, None)
    assert came == first

    assert caught_up(office, cursor)[0] == []
    second = happen(office, 3)
    assert caught_up(office, cursor)[0] == second


def test_whoever_dies_on_the_way_misses_nothing(office: Deployment) -> None:
    made = happen(office, 230)
    came, cursor = caught_up(office, None, dies_after=150)
    again, _ = caught_up(office, cursor)

    assert came == made[:150]
    assert again == made[100:]
