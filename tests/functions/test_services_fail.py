"""A service of ours that does not answer, at every single call that a request makes of one.

Each recorded event that goes well is played again and again: the first time the first use of a port fails, then the
second, and so on, before it has done anything and after it has, until nothing is left to fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.wiring.services import using
from tests.fakes.gateway_events import Context
from tests.fakes.living import LivingServices
from tests.fakes.services import Life, Mortal
from tests.functions.conftest import furnished
from tests.functions.test_events import EXPECTED, event_of, handler_of

WELL = {
    (name.partition("/")[0], event_of(name)["httpMethod"], one.status): name
    for name, one in reversed(EXPECTED.items())
    if one.status < 300 and not name.startswith("hooks/")
}
"""One recorded event of each function, method and good status."""

BESIDE = ("callers", "agreements", "groups", "audit", "event_log", "webhooks")
"""Ports that only HTTP functions have."""

ENDS_WHAT_WAITS = {"practice_baa/close"}
"""After it nothing begins, so what the office has in the end hangs on when it came."""

MOST = 400


@contextmanager
def failing_at(step: int, on: LivingServices) -> Iterator[Life]:
    life = Life(stumbles=frozenset({step}))
    mortal = on.mortal(life)
    for name in BESIDE:
        setattr(mortal, name, Mortal(getattr(on, name), life, name))
    with using(mortal):
        yield life


def answered(name: str) -> tuple[int, Mapping[str, str], Any]:
    answer = handler_of(name)(event_of(name), Context())
    return answer["statusCode"], answer["headers"], json.loads(answer["body"]) if answer["body"] else None


@pytest.mark.parametrize("name", WELL.values())
def test_a_service_that_does_not_answer_is_said_so_and_nothing_is_a_bug(name: str) -> None:
    with furnished() as on:
        usual, as_usual = asked_again(name, on)
    for step in range(1, MOST):
        with furnished() as on:
            with failing_at(step, on) as life:
                status, headers, body = answered(name)
            found, left = asked_again(name, on)
        if life.used < step:
            assert step > 1, "no port was used: nothing was tried"
            return
        assert status < 300 or status == 503, f"step {step}: {status} {body}"
        if status == 503:
            assert int(headers["Retry-After"]) >= 1
            assert "Marker" not in json.dumps(body)
        # Whoever asks again gets what was asked for: nothing is stuck, and nothing is done twice.
        assert left == as_usual or name in ENDS_WHAT_WAITS, f"step {step}"
        # One that was never tried may have to be sent once more.
        assert set(found) <= {200, 201, 202, 204, 503, *usual} and found[-1] != 503, f"step {step}: {found}"
    raise AssertionError("it goes on for ever")


def asked_again(name: str, on: LivingServices) -> tuple[list[int], dict[str, int]]:
    """The answers to the event, sent again and again, and how many rows of each kind the office has in the end."""
    statuses = []
    for _ in range(3):
        on.clock.seconds += 120
        on.world.run(600)
        statuses.append(answered(name)[0])
    on.world.run(600)
    return statuses, {resource: len(rows) for resource, rows in on.office.rows.items() if rows}
