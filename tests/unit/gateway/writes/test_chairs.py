from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis.strategies import DrawFn, builds, composite, integers, lists, sampled_from, text

from gateway.core import chairs

DAY = datetime(2026, 3, 9)  # noqa: DTZ001  (an office's wall clock)
patterns = text(alphabet="X/", min_size=1, max_size=chairs.LONGEST_UNITS)


@composite
def visits(draw: DrawFn) -> chairs.Visit:
    return chairs.visit(
        key=draw(integers(1, 10_000)),
        op=draw(integers(1, 3)),
        start=DAY + timedelta(minutes=draw(integers(0, 23 * 60))),
        pattern=draw(patterns),
        provider=draw(integers(1, 3)),
        hygienist=draw(sampled_from([0, 4])),
        is_hygiene=draw(sampled_from([True, False])),
    )


def minutes(span: chairs.Span) -> set[datetime]:
    return {span[0] + timedelta(minutes=one) for one in range(int((span[1] - span[0]).total_seconds() // 60))}


@given(patterns)
def test_the_spans_of_a_pattern_are_its_x_minutes(pattern: str) -> None:
    needed = set().union(*(minutes(span) for span in chairs.spans_of(pattern, DAY)))

    assert needed == {
        DAY + timedelta(minutes=5 * index + one)
        for index, sign in enumerate(pattern)
        if sign == "X"
        for one in range(5)
    }


@given(visits(), visits())
def test_a_clash_is_a_shared_minute_of_a_chair_or_of_a_provider(one: chairs.Visit, other: chairs.Visit) -> None:
    chair = one.op == other.op and minutes((one.start, one.end)) & minutes((other.start, other.end))
    provider = any(
        set().union(*map(minutes, one.provider_spans[who]), set())
        & set().union(*map(minutes, other.provider_spans[who]), set())
        for who in one.provider_spans.keys() & other.provider_spans.keys()
    )

    assert bool(chairs.clashes(one, [other])) == (one.key != other.key and bool(chair or provider))


spans = builds(
    lambda start, length: (DAY + timedelta(minutes=start), DAY + timedelta(minutes=start + length)),
    integers(0, 100),
    integers(1, 30),
)


@given(spans, lists(spans, max_size=6))
def test_merged_spans_have_the_same_minutes_and_one_is_over_another_by_a_minute(
    one: chairs.Span, others: list[chairs.Span]
) -> None:
    merged = chairs.merged(others)
    covered = set().union(*map(minutes, others))

    assert set().union(*map(minutes, merged)) == covered
    assert all(before[1] < after[0] for before, after in pairwise(merged))
    assert chairs.any_over(one, merged) == bool(minutes(one) & covered)


def appointment(**changes: object) -> dict[str, object]:
    return {
        "AptNum": 7, "AptStatus": "Scheduled", "Pattern": "//XX//", "Op": 2, "ProvNum": 1, "ProvHyg": 3,
        "AptDateTime": "2026-03-09 09:00:00", "IsHygiene": "false", "PatternSecondary": "",
    } | changes  # fmt: skip


def test_a_broken_visit_a_note_and_an_unscheduled_one_take_no_chair() -> None:
    states = ["Broken", "UnschedList", "Planned", "PtNote", "PtNoteCompleted", "Scheduled", "Complete"]

    taken = [state for state in states if chairs.visits_of([appointment(AptStatus=state)])]

    assert taken == ["Scheduled", "Complete"]


def test_an_assistants_time_leaves_the_provider_free_but_not_the_chair() -> None:
    (first,) = chairs.visits_of([appointment()])
    same_provider = chairs.visit(key=0, op=5, start=first.start, pattern="XX", provider=1)
    same_chair = chairs.visit(key=0, op=2, start=first.start, pattern="XX", provider=9)

    assert chairs.clashes(same_provider, [first]) == []
    assert chairs.clashes(same_chair, [first]) == [first]


def test_hygiene_time_is_the_hygienists_and_the_dentists_only_where_the_second_pattern_says_so() -> None:
    (hygiene,) = chairs.visits_of([appointment(IsHygiene="true", PatternSecondary="////X/")])

    assert hygiene.provider_spans == {
        3: ((DAY + timedelta(hours=9, minutes=10), DAY + timedelta(hours=9, minutes=20)),),
        1: ((DAY + timedelta(hours=9, minutes=20), DAY + timedelta(hours=9, minutes=25)),),
    }


def test_a_block_without_operatories_counts_only_where_the_provider_is_the_operatorys_own() -> None:
    rows = [
        {"SchedType": "Provider", "ProvNum": "1", "SchedDate": "2026-03-09", "StartTime": "08:00:00",
         "StopTime": "12:00:00", "operatories": ""},
        {"SchedType": "Provider", "ProvNum": "1", "SchedDate": "2026-03-09", "StartTime": "13:00:00",
         "StopTime": "17:00:00", "operatories": "2,3"},
    ]  # fmt: skip
    blocks = chairs.blocks_of(rows)

    assert len(chairs.working_hours(blocks, 1, 2, is_default=True)) == 2
    assert len(chairs.working_hours(blocks, 1, 2, is_default=False)) == 1
    assert len(chairs.working_hours(blocks, 1, 9, is_default=True)) == 1
