"""How often a client may ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.access import count_request, keep_to_limit
from gateway.core.callers import Caller, Client
from gateway.core.errors import RateLimited, Throttled, Unavailable
from tests.fakes.identity import NOON, FakeCallers
from tests.fakes.services import FakeServices

ADA = Client(id="cli_ada", name="Ada", practices=frozenset(), scopes=frozenset())


class Silent(FakeCallers):
    """A store that does not answer when it is to count."""

    def count_request(self, client_id: str, *, at: datetime) -> int:
        raise Unavailable("the record of clients does not answer")


def outcomes(client: Client, times: int, on: Any) -> list[bool | type[Exception]]:
    said: list[bool | type[Exception]] = []
    for _ in range(times):
        try:
            said.append(count_request(Caller(client), on=on))
        except Unavailable as error:
            said.append(type(error))
    return said


@given(
    count=st.integers(1, 10**6),
    limit=st.integers(1, 10**6),
    since=st.timedeltas(timedelta(0), timedelta(days=400)),
)
def test_what_is_over_the_limit_comes_back_in_the_next_minute_and_what_is_within_passes(
    count: int, limit: int, since: timedelta
) -> None:
    at = NOON + since
    if count <= limit:
        keep_to_limit(count, limit, at=at)
        return
    with pytest.raises(RateLimited) as refused:
        keep_to_limit(count, limit, at=at)

    back = at + timedelta(seconds=ceil(refused.value.retry_after))
    assert 0 < refused.value.retry_after <= 60
    assert timedelta(0) <= back - (at.replace(second=0, microsecond=0) + timedelta(minutes=1)) < timedelta(seconds=1)
    assert refused.value.more == {"requests_per_minute": limit}


def test_a_client_keeps_to_the_stages_limit_until_the_minute_is_over() -> None:
    on = FakeServices(client_requests_per_minute=2)
    assert outcomes(ADA, 4, on) == [True, True, RateLimited, RateLimited]
    on.clock.sleep(60)

    assert outcomes(ADA, 3, on) == [True, True, RateLimited]


@pytest.mark.parametrize("own", [1, 3])
def test_a_limit_of_the_clients_own_stands_before_the_stages(own: int) -> None:
    """Be it lower, for one that misbehaves, or higher, for one that needs it."""
    on = FakeServices(client_requests_per_minute=2)

    assert outcomes(replace(ADA, requests_per_minute=own), own + 1, on) == [*[True] * own, RateLimited]


def test_no_client_feels_anothers_limit() -> None:
    on = FakeServices(client_requests_per_minute=1)
    outcomes(ADA, 3, on)

    assert outcomes(replace(ADA, id="cli_ben"), 1, on) == [True]


def test_what_cannot_be_counted_is_let_through() -> None:
    on = FakeServices(client_requests_per_minute=1)
    on.callers = Silent()

    assert outcomes(ADA, 3, on) == [False] * 3


def test_too_fast_is_a_throttle_that_a_caller_can_tell_from_the_others() -> None:
    assert issubclass(RateLimited, Throttled)
    assert RateLimited.code != Throttled.code
