"""Groups of practices: the fake and the table keep one contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest

from gateway.adapters.groups import DynamoGroups
from gateway.core.errors import NotFound, Unavailable
from gateway.core.groups.records import (
    MOST_PRACTICES,
    Agreement,
    Group,
    Groups,
    InAnotherGroup,
    Superseded,
)
from gateway.core.ids import new_id
from tests.contract.conftest import REGION, make_table
from tests.fakes.groups import FakeGroups

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM, OAK, ASH, FIR = (new_id("practice") for _ in range(4))


def a_group(*practices: str, **changes: Any) -> Group:
    made = Group(
        id=new_id("group"),
        name="Elm and Oak",
        practices=frozenset(practices or (ELM, OAK)),
        agreement=Agreement("binder 7", date(2026, 1, 1), date(2026, 12, 31)),
        made_by="cli_ada",
        made_at=NOON,
        changed_at=NOON,
        body_hash="b" * 64,
    )
    return replace(made, **changes)


@pytest.fixture(params=["fake", "dynamodb"])
def groups(request: pytest.FixtureRequest) -> Groups:
    if request.param == "fake":
        return FakeGroups()
    request.getfixturevalue("aws")
    return DynamoGroups(make_table("groups", due=False), table="groups", sleep=lambda _: None)


def test_a_group_comes_back_as_it_was_made_and_leads_from_its_practices(groups: Groups) -> None:
    made = groups.make(a_group())

    assert groups.get(made.id) == made
    assert [groups.of(one) for one in (ELM, OAK, ASH)] == [made, made, None]
    with pytest.raises(NotFound):
        groups.get(new_id("group"))


def test_a_repeat_makes_no_second_group_and_gets_the_first_as_it_stands(groups: Groups) -> None:
    made = groups.make(a_group())
    changed = groups.change(replace(made, name="Elm and Oak and Ash", practices=frozenset({ELM, OAK, ASH})))

    assert groups.make(made) == changed == groups.get(made.id)


def test_a_practice_is_in_one_group_and_whoever_wants_it_gets_nothing_of_theirs(groups: Groups) -> None:
    made = groups.make(a_group())
    rival = a_group(OAK, ASH)
    with pytest.raises(InAnotherGroup):
        groups.make(rival)

    assert groups.of(ASH) is None
    with pytest.raises(NotFound):
        groups.get(rival.id)
    other = groups.make(a_group(ASH, FIR))
    with pytest.raises(InAnotherGroup):
        groups.change(replace(other, practices=frozenset({ASH, FIR, ELM})))
    assert (groups.of(ELM), groups.get(other.id)) == (made, other)


def test_of_rivals_for_one_practice_exactly_one_gets_it(groups: Groups) -> None:
    rivals = [a_group(ELM, new_id("practice")) for _ in range(6)]

    def made(group: Group) -> bool:
        try:
            return groups.make(group) == group
        except InAnotherGroup:
            return False

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(made, rivals)) if isinstance(groups, DynamoGroups) else [made(one) for one in rivals]

    assert won.count(True) == 1
    assert groups.of(ELM) == rivals[won.index(True)]


def test_who_is_let_go_is_free_for_others_at_once(groups: Groups) -> None:
    made = groups.make(a_group(ELM, OAK, ASH))
    changed = groups.change(replace(made, practices=frozenset({ELM, OAK})))

    assert changed.rev == made.rev + 1
    assert groups.of(ASH) is None
    other = groups.make(a_group(ASH, FIR))
    assert groups.of(ASH) == other


def test_a_deleted_group_holds_nobody_and_is_still_known(groups: Groups) -> None:
    made = groups.make(a_group())
    gone = groups.change(replace(made, deleted_at=NOON))

    assert (groups.of(ELM), groups.get(made.id)) == (None, gone)
    assert groups.of(ELM) is None and groups.make(made) == gone
    assert groups.make(a_group()).practices == {ELM, OAK}


def test_a_change_of_what_somebody_else_has_changed_is_refused(groups: Groups) -> None:
    made = groups.make(a_group())
    groups.change(replace(made, name="Changed"))

    with pytest.raises(Superseded):
        groups.change(replace(made, name="Late"))
    with pytest.raises(Superseded):
        groups.change(a_group(ASH, FIR))
    assert groups.get(made.id).name == "Changed"


def test_of_two_changes_at_once_one_counts_and_the_other_is_told(aws: None) -> None:
    """Both have read the same group: whoever is second would take back what the first has said."""
    client = make_table("groups", due=False)
    one, other = (DynamoGroups(client, table="groups", sleep=lambda _: None) for _ in range(2))
    made = one.make(a_group())
    find = one._find

    def late(group_id: str) -> Group | None:
        found = find(group_id)
        if found is not None and found.rev == made.rev:
            other.change(replace(made, practices=frozenset({ELM, ASH})))
        return found

    one._find = late  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        one.change(replace(made, practices=frozenset({OAK, FIR})))

    assert other.get(made.id).practices == {ELM, ASH}
    assert [other.of(practice) is not None for practice in (ELM, OAK, ASH, FIR)] == [True, False, True, False]


def test_all_practices_of_the_largest_group_change_at_once(groups: Groups) -> None:
    first, second = (frozenset(new_id("practice") for _ in range(MOST_PRACTICES)) for _ in range(2))
    made = groups.make(a_group(practices=first))
    groups.change(replace(made, practices=second))

    assert {groups.of(one) is None for one in first} == {True}
    assert {groups.of(one) is None for one in second} == {False}


def test_groups_come_in_the_order_of_their_ids_page_by_page(groups: Groups) -> None:
    ids = sorted(groups.make(a_group(new_id("practice"), new_id("practice"))).id for _ in range(5))

    assert [one.id for one in groups.page(after=None, limit=3)] == ids[:3]
    assert [one.id for one in groups.page(after=ids[2], limit=3)] == ids[3:]


def test_a_deleted_record_leaves_after_its_time_and_a_living_one_never(aws: None) -> None:
    client = make_table("groups", due=False)
    groups = DynamoGroups(client, table="groups")
    made = groups.make(a_group())
    groups.change(replace(groups.make(a_group(ASH, FIR)), deleted_at=NOON))

    items = {item["sk"]["S"]: item for item in client.scan(TableName="groups")["Items"] if item["pk"]["S"] == "groups"}
    assert "expires_at" not in items[made.id]
    (gone,) = (item for id_, item in items.items() if id_ != made.id)
    assert int(gone["expires_at"]["N"]) == (NOON + timedelta(days=30)).timestamp()


def test_a_table_that_does_not_answer_is_unavailable(aws: None) -> None:
    client: Any = boto3.client("dynamodb", region_name=REGION)
    groups = DynamoGroups(client, table="nowhere")
    for use in (lambda: groups.get("grp_1"), lambda: groups.of(ELM), lambda: groups.page(after=None, limit=1)):
        with pytest.raises(Unavailable):
            use()
    with pytest.raises(Unavailable):
        groups.make(a_group())
