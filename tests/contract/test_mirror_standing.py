"""What an answer is told of a mirror, in random histories of its states: never more than what stands.

The adapter writes it beside the states and reads it alone; the fake makes it of them. After every step both say the
same as the states do that are loaded, whoever saved them, and whatever was refused, turned off or forgotten in between.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gateway.adapters.codec import pack
from gateway.adapters.mirror.syncs import DynamoSyncStates
from gateway.core.mirror.syncing import (
    Phase,
    PracticeSync,
    Probing,
    ResourceSync,
    Superseded,
    Wanted,
    standing_of,
)
from tests.contract.conftest import make_records_table
from tests.fakes.mirror import FakeSyncStates

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
RESOURCES = ("appointments", "claims", "patients")

moments = st.sampled_from([NOON + timedelta(seconds=seconds) for seconds in (-3600, 0, 0.5, 20)])
names = st.sampled_from(RESOURCES)
states = st.builds(
    ResourceSync,
    resource=names,
    phase=st.sampled_from(Phase),
    as_of=st.none() | moments,
    rows=st.integers(0, 2**40),
    suspects=st.lists(st.integers(1, 9), max_size=2).map(tuple),
)
practices = st.builds(
    PracticeSync,
    practice_id=st.sampled_from(["prac_a", "prac_b"]),
    wanted=st.sampled_from(Wanted),
    epoch=st.integers(1, 3),
    server_offset_s=st.none() | st.floats(-7200, 7200),
    probing=st.builds(Probing, settled=st.dictionaries(names, moments)),
)
marks = st.lists(st.builds("{}:{}".format, names, st.integers(0, 3)), max_size=4)


class Told(RuleBasedStateMachine):
    """The adapter and the fake, of which the same is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.client = make_records_table()
        self.kept: Any = DynamoSyncStates(self.client, table="records")
        self.fake: Any = FakeSyncStates()

    def teardown(self) -> None:
        self.client.delete_table(TableName="records")

    def both(self, name: str, *asked: Any) -> None:
        for port in (self.kept, self.fake):
            with suppress(Superseded):
                getattr(port, name)(*asked)

    @rule(state=practices, is_late=st.booleans())
    def save_practice(self, state: PracticeSync, is_late: bool) -> None:
        rev = self.fake.load(state.practice_id).rev - is_late
        self.both("save_practice", replace(state, rev=max(0, rev)))

    @rule(practice=st.sampled_from(["prac_a", "prac_b"]), state=states, is_late=st.booleans())
    def save(self, practice: str, state: ResourceSync, is_late: bool) -> None:
        was = self.fake.load(practice).resources.get(state.resource)
        self.both("save", practice, replace(state, rev=max(0, (was.rev if was else 0) - is_late)))

    @rule(touched=marks, at=moments)
    def touch(self, touched: list[str], at: datetime) -> None:
        self.both("touch", "prac_a", touched, at)

    @rule()
    def forget(self) -> None:
        self.both("forget", "prac_a")

    @rule(kind=st.sampled_from(["practice", *(f"resource#{one}" for one in RESOURCES)]))
    def restore(self, kind: str) -> None:
        """An item is as a release before this one wrote it, which said nothing beside the state."""
        item = self.client.get_item(
            TableName="records", Key={"pk": {"S": "sync#prac_a"}, "sk": {"S": kind}}, ConsistentRead=True
        ).get("Item")
        if item is not None:
            item.pop("said", None)
            self.client.put_item(TableName="records", Item=item)

    @invariant()
    def nobody_is_told_more_than_what_stands(self) -> None:
        for practice in ("prac_a", "prac_b"):
            loaded = self.kept.load(practice)
            assert loaded == self.fake.load(practice)
            assert self.kept.standing(practice) == standing_of(loaded)
            assert self.fake.standing(practice) == standing_of(loaded)


def test_what_an_answer_is_told_is_what_the_states_say_in_random_histories(aws: None) -> None:
    run_state_machine_as_test(
        Told,
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_marks_that_a_release_before_this_one_kept_are_heeded(aws: None) -> None:
    client = make_records_table()
    syncs = DynamoSyncStates(client, table="records")
    body = {"marks": {"claims:7": NOON}, "floor": NOON - timedelta(1)}
    client.put_item(
        TableName="records",
        Item={
            "pk": {"S": "sync#prac_a"},
            "sk": {"S": "touched"},
            "rev": {"N": "1"},
            "saved_by": {"S": "x"},
            "body": {"B": pack(body)},
        },
    )
    assert syncs.standing("prac_a").touched == {"claims:7": NOON}

    syncs.touch("prac_a", ["patients:1"], NOON)
    told = syncs.standing("prac_a")
    assert (told.touched, told.touched_floor) == ({"claims:7": NOON, "patients:1": NOON}, NOON - timedelta(1))
