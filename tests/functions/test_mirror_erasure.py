"""Erasure over the deployed adapters, cut off at any write: nothing of the practice is left, nobody else's is touched.

Two practices have equal rows, with ways, a list under a parent, what was just stored, long content in pieces, a
tombstone, states and marks. Each death begins from those items.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.adapters.mirror.records import DynamoRecords
from gateway.adapters.mirror.syncs import DynamoSyncStates
from gateway.core.background_turn import BackgroundTurn, CouldNotLook
from gateway.core.mirror.load import FirstLoad
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.schedule import FORGOTTEN
from gateway.core.mirror.syncing import Phase, PracticeSync, ResourceSync, Wanted
from gateway.core.practices import Practice
from tests.contract.conftest import aws, fingerprint, make_records_table
from tests.fakes.office import Killed
from tests.fakes.services import ELM_STREET, FakeCache, FakeClock

__all__ = ["aws"]

ELM, OAK = "prac_aaaaaaaaaaaaaaaa", "prac_bbbbbbbbbbbbbbbb"
KINDS = ("patients", "appointments", "commlogs", "allergies")
"""What is mirrored here: each look at forty kinds would take this test minutes."""
WRITES = frozenset({"put_item", "update_item", "delete_item", "batch_write_item"})


class Dying:
    """A client of DynamoDB whose process ends before or after one of its writes, and to whom things happen there."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.left: int | None = None
        self.after = False
        self.halves = False
        """Whether a batch is carried out in half: the rest is never sent again."""
        self.writes = 0

    def __getattr__(self, operation: str) -> Any:
        def call(**asked: Any) -> Any:
            if operation not in WRITES:
                return getattr(self.client, operation)(**asked)
            self.writes += 1
            if self.left is None:
                return getattr(self.client, operation)(**asked)
            self.left -= 1
            if self.left == 0:
                if operation == "batch_write_item" and self.halves:
                    ((table, requests),) = asked["RequestItems"].items()
                    self.client.batch_write_item(RequestItems={table: requests[: (len(requests) + 1) // 2]})
                elif self.after:
                    getattr(self.client, operation)(**asked)
            if self.left <= 0:
                raise Killed
            return getattr(self.client, operation)(**asked)

        return call


class Turn:
    """A background turn in which nobody waits and the office cannot be asked."""

    def __init__(self, on: Any, practice: Practice) -> None:
        self.on, self.practice, self.turn_no = on, practice, 7
        self.session: object | None = None
        self.rhythm_s: float | None = None

    def interval_s(self) -> float:
        return 1.0

    def may_call(self, _: int) -> None: ...

    def pause(self) -> None: ...

    def call(self, *_: Any, **__: Any) -> Any:
        raise CouldNotLook


@dataclass
class Mirrors:
    """Two practices' mirrors in one table; what happens to the first is seen in both."""

    clock: FakeClock
    way: Dying

    def __post_init__(self) -> None:
        self.on = SimpleNamespace(clock=self.clock, cache=FakeCache(), **self.ports(self.way))
        self.rival = SimpleNamespace(**self.ports(self.way.client))
        for practice_id in (ELM, OAK):
            self.fill(practice_id)
        self.filled = self.items()

    def ports(self, client: Any) -> dict[str, Any]:
        return {
            "records": DynamoRecords(
                client, table="records", fingerprint=fingerprint, now=self.clock.now, sleep=lambda _: None
            ),
            "syncs": DynamoSyncStates(client, table="records", sleep=lambda _: None),
        }

    def fill(self, practice_id: str) -> None:
        """A little of everything that a mirror keeps."""
        self.store(practice_id)
        now = self.clock.now()
        letters = "".join(f"{number * number * 2654435761 % 2**64:016x}" for number in range(100))
        read = ReadAt(Order(1, 1), now)
        self.on.records.store(
            practice_id, "commlogs", [{"CommlogNum": 1, "PatNum": 1, "Note": letters}], read=read, cause="load"
        )
        self.on.records.bury(practice_id, "appointments", [6], read=read, cause="sweep", at=now)
        wanted = PracticeSync(practice_id, wanted=Wanted.OFF, started_at=now, changed_at=now)
        self.on.syncs.save_practice(wanted)
        for name in KINDS:
            self.on.syncs.save(practice_id, ResourceSync(name, phase=Phase.LOADED, as_of=now, rows=6))
        self.clock.seconds += FORGOTTEN.total_seconds()

    def store(self, practice_id: str, on: Any = None) -> None:
        """What a worker brings: rows, ways to them, pointers, a list under a parent, a mark."""
        on, now = on or self.on, self.clock.now()
        people = [
            {
                "PatNum": number, "LName": "Miller", "FName": f"Ann{number}", "Birthdate": "1980-05-05",
                "Email": "a@example.com", "WirelessPhone": "555-555-0197", "PatStatus": "Archived", "PriProv": 1,
            }
            for number in range(1, 7)
        ]  # fmt: skip
        visits = [
            {"AptNum": number, "PatNum": 1, "AptDateTime": "2026-11-18 09:00:00", "Note": ""} for number in range(1, 7)
        ]
        read = ReadAt(Order(1, 1), now)
        on.records.store(practice_id, "patients", people, read=read, cause="poll")
        on.records.store(practice_id, "appointments", visits, read=read, cause="own_write")
        on.records.note_whole(practice_id, "allergies", "PatNum", 1, [], read=read)
        on.syncs.touch(practice_id, ["appointments:1", "recalls:1"], now)

    def items(self) -> dict[tuple[str, str], dict[str, Any]]:
        pages = self.way.client.get_paginator("scan").paginate(TableName="records")
        return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}

    def of(self, practice_id: str) -> dict[tuple[str, str], dict[str, Any]]:
        return {key: item for key, item in self.items().items() if practice_id in key[0]}

    def left(self) -> list[tuple[str, str]]:
        """What there is of the first practice, but the operator's own wish."""
        return [key for key in self.of(ELM) if key != (f"sync#{ELM}", "practice")]

    def restore(self) -> None:
        self.way.left = None
        kept = self.items()
        for pk, sk in kept.keys() - self.filled.keys():
            self.way.client.delete_item(TableName="records", Key={"pk": {"S": pk}, "sk": {"S": sk}})
        for key, item in self.filled.items():
            if kept.get(key) != item:
                self.way.client.put_item(TableName="records", Item=item)

    def turn(self) -> None:
        """One turn of the first practice's background."""
        FirstLoad().run(cast("BackgroundTurn", Turn(self.on, replace(ELM_STREET, id=ELM))))

    def is_due(self) -> bool:
        return FirstLoad().next_due(cast("BackgroundTurn", Turn(self.on, replace(ELM_STREET, id=ELM)))) is not None


@pytest.fixture
def mirrors(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    few = {name: MIRRORED[name] for name in KINDS}
    monkeypatch.setattr("gateway.adapters.mirror.records.MIRRORED", few)
    monkeypatch.setattr("gateway.core.mirror.session.MIRRORED", few)
    # Content in pieces, and many steps of few items.
    monkeypatch.setattr("gateway.adapters.mirror.items.IN_ITEM_BYTES", 500)
    monkeypatch.setattr("gateway.core.mirror.load.ERASED_AT_ONCE", 15)
    yield Mirrors(FakeClock(), Dying(make_records_table()))


def test_wherever_an_erasure_is_cut_off_nothing_is_left_at_its_end_and_nothing_else_is_touched(
    mirrors: Mirrors,
) -> None:
    other = mirrors.of(OAK)
    kinds = {pk.partition("#")[0] for pk, _ in mirrors.of(ELM)}
    assert kinds == {"row", "part", "way", "kept", "whole", "fresh", "sync"}
    mirrors.way.writes = 0
    mirrors.turn()
    steps = mirrors.way.writes
    assert mirrors.left() == []
    died = unfinished = met = 0
    for step in range(1, steps + 1):
        mirrors.restore()
        fate = ("before", "after", "half")[step % 3]
        mirrors.way.left, mirrors.way.after, mirrors.way.halves = step, fate == "after", fate == "half"
        with suppress(Killed):
            mirrors.turn()
        died += mirrors.way.left == 0
        mirrors.way.left = None
        unfinished += bool(mirrors.left())
        if mirrors.is_due() and step // 3 % 2:
            # A worker that stood still since it was on.
            mirrors.store(ELM, mirrors.rival)
            met += 1
        mirrors.turn()

        assert mirrors.left() == [], step
        assert not mirrors.is_due(), step
    assert died == steps > 20
    assert unfinished > 15
    assert met > 8
    assert mirrors.of(OAK) == other


def test_what_came_behind_an_erasure_is_gone_before_anything_of_a_new_mirror_is_there(mirrors: Mirrors) -> None:
    mirrors.turn()
    mirrors.store(ELM, mirrors.rival)
    wanted = mirrors.on.syncs.load(ELM)
    mirrors.on.syncs.save_practice(replace(wanted, wanted=Wanted.ON, started_at=mirrors.clock.now()))

    with suppress(CouldNotLook):
        mirrors.turn()

    assert {pk.partition("#")[0] for pk, _ in mirrors.left()} == {"sync"}
    assert set(mirrors.on.syncs.load(ELM).resources) == set(KINDS)
    assert mirrors.of(OAK) == {key: item for key, item in mirrors.filled.items() if OAK in key[0]}
