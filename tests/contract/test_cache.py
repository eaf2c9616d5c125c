"""What the short-lived cache promises, whoever keeps it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway.core.operations import RowSet
from gateway.core.ports import REFERENCE
from tests.fakes.services import FakeClock

NOW = datetime.now(UTC)


def rows(value: Any = 1, *, as_of: datetime = NOW) -> RowSet:
    return RowSet({"appointments": [{"AptNum": value}]}, as_of, 2)


def test_rows_come_back_as_they_were(cache: Any) -> None:
    kept = RowSet({"claims": [{"ClaimNum": 2**62 + 1, "ClaimFee": Decimal("1.10"), "Note": ""}]}, NOW, 3)
    cache.put("prac_a", "c", kept)

    assert cache.get("prac_a", "c") == kept
    assert cache.get("prac_b", "c") is None


def test_older_rows_do_not_replace_newer_ones(cache: Any) -> None:
    cache.put("prac_a", "c", rows(1))
    cache.put("prac_a", "c", rows(2, as_of=NOW - timedelta(seconds=1)))

    assert cache.get("prac_a", "c") == rows(1)


def test_rows_from_before_an_own_write_are_not_served(cache: Any) -> None:
    cache.put("prac_a", "c", rows())
    cache.wrote("prac_a", NOW + timedelta(seconds=1))
    cache.wrote("prac_a", NOW - timedelta(seconds=9))

    assert cache.get("prac_a", "c") is None
    cache.put("prac_a", "c", rows(as_of=NOW + timedelta(seconds=2)))
    assert cache.get("prac_a", "c") is not None


def test_rows_that_are_too_large_for_an_item_are_kept_all_the_same(cache: Any) -> None:
    large = RowSet({"documents": [{"Note": secrets.token_hex(1000)} for _ in range(600)]}, NOW, 6)
    cache.put("prac_a", "c", large)

    assert cache.get("prac_a", "c") == large


def test_an_own_write_leaves_what_the_office_has_set_up(cache: Any) -> None:
    cache.put("prac_a", REFERENCE + "c", rows())
    cache.wrote("prac_a", NOW + timedelta(seconds=1))

    assert cache.get("prac_a", REFERENCE + "c") == rows()
    assert cache.get("prac_b", REFERENCE + "c") is None


@pytest.mark.parametrize(("cache_key", "kept"), [("c", timedelta(minutes=10)), (REFERENCE + "c", timedelta(days=1))])
def test_rows_are_kept_for_minutes_and_the_office_s_set_up_for_a_day(
    cache_key: str, kept: timedelta, cache: Any, clock: FakeClock
) -> None:
    """Health data must not lie about; an office's words cost calls, and hardly ever change."""
    cache.put("prac_a", cache_key, rows())
    clock.sleep(kept.total_seconds() - 60)
    held = cache.get("prac_a", cache_key)
    clock.sleep(61)

    assert (held, cache.get("prac_a", cache_key)) == (rows(), None)


def test_a_write_that_is_still_to_come_leaves_what_was_just_read(cache: Any) -> None:
    """It was noted by a clock that is wrong, and nobody could be answered until then."""
    now = datetime.now(UTC)
    cache.wrote("prac_a", now + timedelta(hours=1))
    cache.put("prac_a", "old", rows(as_of=now - timedelta(minutes=5)))
    cache.put("prac_a", "new", rows(as_of=now - timedelta(seconds=9)))

    assert cache.get("prac_a", "old") is None
    assert cache.get("prac_a", "new") is not None
    cache.wrote("prac_a", now - timedelta(seconds=1))
    assert cache.get("prac_a", "new") is None


def test_rows_that_are_still_to_come_are_not_served_and_give_way(cache: Any) -> None:
    now = datetime.now(UTC)
    cache.put("prac_a", "c", rows(1, as_of=now + timedelta(hours=1)))

    assert cache.get("prac_a", "c") is None
    cache.put("prac_a", "c", rows(2, as_of=now))
    assert cache.get("prac_a", "c") == rows(2, as_of=now)
