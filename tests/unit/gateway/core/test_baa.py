"""Which data takes an agreement, and when one that ends says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pkgutil import walk_packages

import pytest
from hypothesis import given
from hypothesis.strategies import dates, integers

from gateway.core import reads
from gateway.core.baa.protected import UNPROTECTED, is_protected, is_protected_request
from gateway.core.baa.warning import WARN_DAYS, due_warning, next_warning
from gateway.core.operations import Request
from gateway.core.practices import Baa, Practice
from gateway.core.reads.families import Family
from gateway.core.registry import KINDS
from gateway.core.scopes import SCOPES
from open_dental import catalogue

FAMILIES = {
    value.obj: value
    for module in walk_packages(reads.__path__, f"{reads.__name__}.")
    for value in vars(import_module(module.name)).values()
    if isinstance(value, Family)
}
_OWN = {"groups", "practices", "practices.baa", "practices.calls", "practices.keys", "sync", "workflows"}
"""Records of the gateway's own, which name no patient."""


def baa(recorded: date, lasts: int) -> Baa:
    return Baa("r", "A. Test", recorded, recorded + timedelta(days=lasts))


@pytest.mark.parametrize("obj", sorted(UNPROTECTED))
def test_what_takes_no_agreement_is_of_the_office_by_the_catalogues_word(obj: str) -> None:
    behind = UNPROTECTED[obj]

    assert {name for name in behind if catalogue.resource(name).phi} == set()
    assert bool(behind) == (obj not in _OWN)


def test_each_family_is_protected_as_the_catalogue_says_of_its_rows() -> None:
    assert len(FAMILIES) >= 20
    for obj, family in FAMILIES.items():
        assert is_protected(obj) == catalogue.resource(family.resource).phi, obj
        assert is_protected(obj) or family.resource in UNPROTECTED[obj]


def test_whatever_nobody_has_thought_of_is_protected() -> None:
    assert is_protected("something new")
    assert is_protected_request(Request("something.new", "prac_a", "cli_a", {}))
    assert is_protected_request(Request("fetch.something_new", "prac_a", "cli_a", {}))
    assert is_protected_request(Request("fetch.resource", "prac_a", "cli_a", {}))


def test_of_all_scopes_only_those_of_the_office_and_of_the_gateway_itself_take_no_agreement() -> None:
    free = {scope for scope in SCOPES if not is_protected(scope.partition(":")[0])}

    assert {scope for scope in free if not scope.endswith(":read")} <= {
        f"{obj}:{verb}" for obj in _OWN for verb in ("write", "connect")
    }


@pytest.mark.parametrize("name", catalogue.resources())
def test_raw_rows_and_the_work_behind_reads_follow_the_mark(name: str) -> None:
    phi = catalogue.resource(name).phi

    for kind, input_ in (("fetch.resource", f"{name}.list"), ("resources.write", f"{name}.create")):
        assert is_protected_request(Request(kind, "prac_a", "cli_a", {"operation": input_})) is phi
    if f"fetch.{name}" in KINDS:
        assert is_protected_request(Request(f"fetch.{name}", "prac_a", "cli_a", {"resource": name})) is phi


def test_writes_take_an_agreement_and_connecting_does_not() -> None:
    taking = {kind for kind in KINDS if is_protected_request(Request(kind, "prac_a", "cli_a", {}))}

    assert {kind for kind in KINDS if not kind.startswith(("fetch.", "practices."))} - taking == set()
    assert "practices.connect" not in taking and {"fetch.slots", "fetch.day", "fetch.patient_360"} <= taking


@given(recorded=dates(date(2020, 1, 1), date(2030, 1, 1)), lasts=integers(0, 800))
def test_an_agreement_is_told_of_at_most_three_times_and_for_the_last_time_in_its_last_week(
    recorded: date, lasts: int
) -> None:
    """The lane looks when a warning is due and on any day besides; it notes what is due, and what is noted is told
    once."""
    it = baa(recorded, lasts)
    days = [recorded + timedelta(days=one) for one in range(lasts + 1)]
    due = [due_warning(it, day) for day in days]
    told = [one for one in due if one is not None]
    anew = [day for day, now, before in zip(days[1:], due[1:], due, strict=False) if now != before]

    assert set(told) == {min(one, lasts) for one in WARN_DAYS}
    assert told == sorted(told, reverse=True)
    for day in anew:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        assert next_warning(it, midnight - timedelta(seconds=1)) == midnight
    assert due_warning(it, days[-1] + timedelta(days=1)) is None


def test_one_that_never_ends_or_is_closed_is_not_warned_of() -> None:
    today = date(2026, 3, 2)
    closed = Baa("r", "A. Test", today, today, closed_at=datetime(2026, 3, 2, tzinfo=UTC))

    assert due_warning(Baa("r", "A. Test", today), today) is None
    assert (due_warning(closed, today), next_warning(closed, datetime(2026, 1, 1, tzinfo=UTC))) == (None, None)


@pytest.mark.parametrize("may_lack", [True, False])
def test_a_practice_that_never_had_one_is_open_only_where_it_may_be(may_lack: bool) -> None:
    today = date(2026, 3, 2)
    practice = Practice(id="prac_a", name="Elm", time_zone="UTC", may_lack_baa=may_lack)
    closed = Baa("r", "A. Test", today, closed_at=datetime(2026, 3, 2, tzinfo=UTC))

    assert practice.is_open(today) is may_lack
    assert not Practice(id="prac_a", name="Elm", time_zone="UTC", may_lack_baa=may_lack, baa=closed).is_open(today)
