"""Random histories of two practices with equal keys: the adapter and the fake keep the same copies."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, cast

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from gateway.adapters.mirror.records import DynamoRecords
from gateway.core.mirror.lookups import END, way_to
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Order, ReadAt
from tests.contract.conftest import fingerprint, make_records_table
from tests.fakes.mirror import FakeRecords
from tests.fakes.services import FakeClock

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

PRACTICES = ("prac_a", "prac_b")
KEYS = (-(2**63), -4, 1, 9, 10, 2**62 + 1, 2**63 - 1)
DAYS = ("0001-01-01", "2025-12-31", "2026-01-31", "2026-02-01", "2026-02-28", "2030-07-04")
BOUNDS = (None, date(2025, 12, 31), date(2026, 2, 1), date(2026, 2, 28), date(2027, 1, 1))
CAUSES = ("load", "poll", "sweep", "read", "own_write")

appointments = st.fixed_dictionaries(
    {
        "AptNum": st.sampled_from(KEYS),
        "PatNum": st.sampled_from((0, 1, 2)),
        "AptDateTime": st.sampled_from([f"{day} 08:00:00" for day in DAYS]),
        "Note": st.sampled_from(("", "a")),
        "DateTStamp": st.sampled_from(("2026-01-31 11:59:58", "2026-01-31 11:59:59", "2026-01-31 12:00:00", "")),
    }
)
paysplits = st.fixed_dictionaries(
    {
        "SplitNum": st.sampled_from(KEYS),
        "PatNum": st.sampled_from((1, 2)),
        "PayNum": st.sampled_from((1, 2, 2**62 + 1)),
        "SplitAmt": st.sampled_from((Decimal("1.10"), Decimal("1.1"), Decimal(2))),
    }
)
patients = st.fixed_dictionaries(
    {
        "PatNum": st.sampled_from(KEYS),
        "Guarantor": st.sampled_from((1, 2)),
        "LName": st.sampled_from(("Smith", "Smithson", "smith-Jones", "")),
        "FName": st.sampled_from(("Ann", "Mary Ann", "José")),
        "Birthdate": st.sampled_from(("0001-01-01", "1980-05-05")),
        "PatStatus": st.sampled_from(("Patient", "Archived")),
        "PriProv": st.sampled_from((0, 1, 2)),
        "WirelessPhone": st.sampled_from(("", "(555) 555-0197")),
        "Email": st.sampled_from(("", "Ann@example.com,b@example.com")),
    }
)
rows = st.one_of(
    st.tuples(st.just("patients"), st.lists(patients, min_size=1, max_size=4)),
    st.tuples(st.just("appointments"), st.lists(appointments, min_size=1, max_size=4)),
    st.tuples(st.just("paysplits"), st.lists(paysplits, min_size=1, max_size=4)),
)
reads = st.builds(
    lambda epoch, turn: ReadAt(Order(epoch, turn), NOON + timedelta(seconds=turn)), st.integers(1, 2), st.integers(1, 5)
)
practices = st.sampled_from(PRACTICES)
RESOURCES = ("appointments", "paysplits", "patients")
resources = st.sampled_from(RESOURCES)
ASKED = (
    ("born", "1980-05-05", "1980-05-05", ""),
    ("phone", "+15555550197", "+15555550197", ""),
    ("email", "ann@example.com", "ann@example.com", ""),
    ("PatStatus", "archived", "archived", ""),
    ("PriProv", "1", "1", ""),
    ("last", "smith ", f"smith {END}", ""),
    ("last", "smith!", f"smith{END}", "a"),
    ("given", "ann m", f"ann m{END}", ""),
    ("given", "j", f"j{END}", ""),
)
"""A way, a first and a last text, and what follows the space."""


class Crash(Exception):
    """The process is gone."""


class Dying:
    """A client whose process may end after so many writes."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.left: int | None = None

    def __getattr__(self, operation: str) -> Any:
        def call(**asked: Any) -> Any:
            if operation in {"put_item", "update_item", "delete_item", "batch_write_item"} and self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise Crash
            return getattr(self.client, operation)(**asked)

        return call


def machine(client: Any, numbers: Any) -> type[RuleBasedStateMachine]:
    """A machine whose every run has practices of its own, in one table."""

    class Histories(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.run = next(numbers)
            self.clock = FakeClock(NOON)
            self.fake = FakeRecords()
            self.died = False
            self.fake.now = self.clock.now
            self.way = Dying(client)
            self.real: Any = DynamoRecords(
                cast("Any", self.way),
                table="records",
                fingerprint=fingerprint,
                now=self.clock.now,
                sleep=lambda _: None,
            )

        def both(self, method: str, practice: str, *args: Any, **more: Any) -> Any:
            """What both answer to the same."""
            expected = getattr(self.fake, method)(practice, *args, **more)
            assert getattr(self.real, method)(f"{practice}{self.run}", *args, **more) == expected
            return expected

        @rule(practice=practices, of=rows, read=reads, cause=st.sampled_from(CAUSES))
        def store(self, practice: str, of: tuple[str, list[Any]], read: ReadAt, cause: str) -> None:
            self.both("store", practice, of[0], of[1], read=read, cause=cause)

        @rule(practice=practices, of=rows, read=reads, left=st.integers(0, 5))
        def store_die_and_store_again(self, practice: str, of: tuple[str, list[Any]], read: ReadAt, left: int) -> None:
            self.way.left, self.died = left, True
            with suppress(Crash):
                self.real.store(f"{practice}{self.run}", of[0], of[1], read=read, cause="read")
            self.way.left = None
            self.real.store(f"{practice}{self.run}", of[0], of[1], read=read, cause="read")
            self.fake.store(practice, of[0], of[1], read=read, cause="read")

        @rule(
            practice=practices,
            told=st.lists(appointments, min_size=1, max_size=4),
            late_s=st.integers(0, 6),
            epoch=st.integers(1, 2),
            takes_new=st.booleans(),
        )
        def tell(self, practice: str, told: list[Any], late_s: int, epoch: int, takes_new: bool) -> None:
            how = {"at": NOON + timedelta(seconds=late_s), "epoch": epoch, "takes_new": takes_new}
            self.both("store_native", practice, "appointments", told, column="DateTStamp", **how)

        @rule(practice=practices, told=st.lists(appointments, min_size=1, max_size=4), left=st.integers(0, 5))
        def tell_die_and_tell_again(self, practice: str, told: list[Any], left: int) -> None:
            how: dict[str, Any] = {"column": "DateTStamp", "at": NOON + timedelta(seconds=3), "epoch": 1}
            self.way.left, self.died = left, True
            with suppress(Crash):
                self.real.store_native(f"{practice}{self.run}", "appointments", told, **how)
            self.way.left = None
            self.real.store_native(f"{practice}{self.run}", "appointments", told, **how)
            self.fake.store_native(practice, "appointments", told, **how)

        @rule(practice=practices, resource=resources, are=st.booleans())
        def all_here(self, practice: str, resource: str, are: bool) -> None:
            # Said of both, whatever they answer, which is nothing.
            self.both("all_here", practice, resource, are=are)

        @rule(practice=practices, resource=resources, keys=st.lists(st.sampled_from(KEYS), max_size=4), read=reads)
        def bury(self, practice: str, resource: str, keys: list[int], read: ReadAt) -> None:
            at = self.clock.now()
            self.both("bury", practice, resource, keys, read=read, cause="sweep", at=at)

        @rule(
            practice=practices,
            resource=resources,
            value=st.sampled_from((1, 2)),
            keys=st.lists(st.sampled_from(KEYS), max_size=3),
            read=reads,
        )
        def note_whole(self, practice: str, resource: str, value: int, keys: list[int], read: ReadAt) -> None:
            self.both("note_whole", practice, resource, "PatNum", value, keys, read=read)

        @rule(practice=practices, resource=resources)
        def wholes(self, practice: str, resource: str) -> None:
            self.both("wholes", practice, resource, "PatNum", (1, 2, 3))

        @rule(seconds=st.sampled_from((0.0, 0.001, 61.0, 86_400.0 * 20)))
        def time_passes(self, seconds: float) -> None:
            self.clock.sleep(seconds)

        @rule(practice=practices, resource=st.one_of(st.none(), resources))
        def forget(self, practice: str, resource: str | None) -> None:
            self.both("forget", practice, resource)

        @rule(practice=practices, resource=resources, dead=st.booleans())
        def get(self, practice: str, resource: str, dead: bool) -> None:
            self.both("get", practice, resource, KEYS, dead=dead)

        @rule(
            practice=practices,
            resource=resources,
            after=st.one_of(st.none(), st.sampled_from(KEYS)),
            limit=st.integers(1, 4),
        )
        def page(self, practice: str, resource: str, after: int | None, limit: int) -> None:
            self.both("page", practice, resource, after=after, limit=limit)
            self.both("versions", practice, resource, after=after, limit=limit)

        @rule(practice=practices, resource=resources, value=st.sampled_from((0, 1, 2, 2**62 + 1)))
        def under(self, practice: str, resource: str, value: int) -> None:
            for column in MIRRORED[resource].parents:
                self.both("under", practice, resource, column, value)

        @rule(
            practice=practices,
            asked=st.sampled_from(ASKED),
            after=st.one_of(st.none(), st.sampled_from(KEYS)),
            limit=st.integers(1, 7),
        )
        def led(self, practice: str, asked: tuple[str, str, str, str], after: int | None, limit: int) -> None:
            """Of the adapter's keys some may be those of rows that are gone or have changed; none is missing."""
            way, first, last, behind = asked
            of = way_to("patients", way)

            def fits(key: int) -> bool:
                texts = [text for one in self.fake.get(practice, "patients", [key]) for text in of.texts(one.row)]
                return any(first <= text <= last and text.partition(" ")[2].startswith(behind) for text in texts)

            more: dict[str, Any] = {"behind": behind, "after": after, "limit": 99}
            found = self.real.led(f"{practice}{self.run}", "patients", way, first, last, **more)
            expected = self.fake.led(practice, "patients", way, first, last, **more)
            assert found is not None or not self.fake.page(practice, "patients", after=None, limit=1)
            assert [key for key in found or () if fits(key)] == expected
            if not self.died:
                assert [key for key in found or () if not fits(key)] == []
            cut = self.real.led(f"{practice}{self.run}", "patients", way, first, last, **{**more, "limit": limit})
            if cut is not None and found is not None:
                assert cut == found[:limit]

        @rule(practice=practices, first=st.sampled_from(BOUNDS), last=st.sampled_from(BOUNDS), dead=st.booleans())
        def between(self, practice: str, first: date | None, last: date | None, dead: bool) -> None:
            self.both("between", practice, "appointments", first, last, dead=dead)

        @rule(practice=practices, resource=resources, days=st.integers(0, 60), limit=st.integers(1, 3))
        def changed(self, practice: str, resource: str, days: int, limit: int) -> None:
            since, after = self.clock.now() - timedelta(days=days), None
            for _ in range(10):
                found = self.both("changed", practice, resource, since, after=after, limit=limit)
                if len(found) < limit:
                    break
                after = (found[-1].changed_at, found[-1].key)

        def teardown(self) -> None:
            for practice in PRACTICES:
                for asked in ASKED:
                    self.led(practice, asked, None, 3)
                for resource in RESOURCES:
                    self.get(practice, resource, True)
                    self.page(practice, resource, None, 99)
                    for value in (1, 2):
                        self.under(practice, resource, value)
                    self.both("changed", practice, resource, LONG_AGO, after=None, limit=99)
                self.between(practice, None, None, False)
                # Not all resources there are: most of what this takes are queries of those that have no rows.
                for resource in RESOURCES:
                    while not self.real.forget(f"{practice}{self.run}", resource):
                        pass

    return Histories


def test_the_adapter_keeps_what_the_fake_keeps_whatever_happens(aws: None) -> None:
    client, numbers = make_records_table(), count()
    run_state_machine_as_test(
        machine(client, numbers),
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )

    assert client.scan(TableName="records")["Items"] == []
