"""What `events/README.md` tells a consumer to do, done with the samples beside it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cfnlint import ManualArgs
from cfnlint.api import lint
from hypothesis import given
from hypothesis import strategies as st
from moto.events.models import EventPattern

from gateway.core.events.event import Cause
from gateway.core.events.event_types import SUBJECTS, TYPES
from gateway.core.events.schemas import event_schema
from tests.unit.gateway.events.record import FOLDER, PRACTICE_ID

ROOT = FOLDER.parents[1]
README = (FOLDER.parent / "README.md").read_text()
SAMPLES: list[dict[str, Any]] = [json.loads((FOLDER / f"{type_}.json").read_text()) for type_ in TYPES]
EVENTS = [one["detail"] for one in SAMPLES]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table behind a heading."""
    text = README.split(f"\n{heading}\n", 1)[1].lstrip().split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


CONSUMER: dict[str, Any] = {}
exec(blocks("python")[0], CONSUMER)


class Consumer:
    """The page's consumer, with a store of its own."""

    def __init__(self) -> None:
        self.store = sqlite3.connect(":memory:")
        self.store.executescript(CONSUMER["TABLES"])
        self.acted: list[str] = []

    def take(self, event: dict[str, Any], act: Callable[[dict[str, Any]], None] | None = None) -> None:
        CONSUMER["take"](event, self.store, act or (lambda one: self.acted.append(one["id"])))

    def now_is(self) -> set[tuple[Any, ...]]:
        return set(self.store.execute("select object, object_id, field, value from now_is"))


def in_order() -> set[tuple[Any, ...]]:
    consumer = Consumer()
    for event in EVENTS:
        consumer.take(event)
    return consumer.now_is()


EXPECTED = in_order()


@given(came=st.permutations([*range(len(EVENTS)), *range(0, len(EVENTS), 3)]))
def test_every_sample_is_acted_on_once_and_the_latest_counts_in_whatever_order_they_come(came: list[int]) -> None:
    consumer = Consumer()
    for number in came:
        consumer.take(EVENTS[number])

    assert Counter(consumer.acted) == Counter({one["id"]: 1 for one in EVENTS})
    assert consumer.now_is() == EXPECTED


def test_what_failed_was_not_taken_and_comes_again() -> None:
    consumer = Consumer()

    def fail(_: dict[str, Any]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consumer.take(EVENTS[0], fail)
    assert consumer.now_is() == set()

    consumer.take(EVENTS[0])
    assert consumer.acted == [EVENTS[0]["id"]]


def test_what_came_late_changes_nothing_and_what_is_gone_stays_gone() -> None:
    by_type = {one["type"]: one for one in EVENTS}
    moved, deleted = by_type["appointment.rescheduled"], by_type["appointment.deleted"]
    consumer = Consumer()
    consumer.take(deleted)
    consumer.take(moved)

    told = {field: value for _, _, field, value in consumer.now_is()}
    assert told["start_at"] == deleted["after"]["start_at"] != moved["after"]["start_at"]
    assert told["is_gone"] == 1


PATTERNS: dict[str, Callable[[str], bool]] = {
    "everything of one practice": lambda _: True,
    "some types": lambda type_: type_ in {"appointment.completed", "procedure.completed"},
    "all of an object": lambda type_: type_.startswith("claim."),
    "visits that were moved, at two practices": lambda type_: type_ == "appointment.rescheduled",
    "changes of one field, by any type that tells of it": lambda type_: type_ == "appointment.updated",
    "money that came or went, but not what was written through this gateway": lambda type_: (
        type_.partition(".")[0] in {"payment", "insurance_payment"}
    ),
    "what an operator wants to know": lambda type_: (
        type_.startswith("practice.") or type_ in {"operation.failed", "operation.unknown", "webhook.disabled"}
    ),
    "everything but replays": lambda _: True,
}


def patterns() -> dict[str, str]:
    return dict(re.findall(r"\n\n([^\n]+)\n\n```json\n(.*?)```", README, re.DOTALL))


def matching(pattern: str, **more: Any) -> set[str]:
    rule: Any = EventPattern.load(pattern)
    return {one["detail-type"] for one in SAMPLES if rule.matches_event(one | more)}


def test_every_pattern_is_tried_here() -> None:
    assert patterns().keys() == PATTERNS.keys()
    assert len(patterns()) == len(blocks("json"))


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_takes_what_it_says_and_nothing_else(name: str) -> None:
    assert matching(patterns()[name]) == {type_ for type_ in TYPES if PATTERNS[name](type_)}


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_takes_what_is_not_ours(name: str) -> None:
    assert matching(patterns()[name], source="somebody.else") == set()
    assert len(patterns()[name]) < 2048


def test_patterns_hold_by_practice_by_cause_and_for_replays() -> None:
    def of(name: str, **more: Any) -> set[str]:
        rule: Any = EventPattern.load(patterns()[name])
        told = [one | {"detail": one["detail"] | more} for one in SAMPLES]
        return {one["detail-type"] for one in told if rule.matches_event(one)}

    assert of("everything of one practice", practice_id="prac_bbbbbbbbbbbbbbbb") == set()
    assert of("visits that were moved, at two practices", practice_id="prac_bbbbbbbbbbbbbbbb") != set()
    assert of("visits that were moved, at two practices", practice_id="prac_cccccccccccccccc") == set()
    assert of("money that came or went, but not what was written through this gateway", cause="own_write") == set()
    assert matching(patterns()["everything but replays"], **{"replay-name": "rebuild-1"}) == set()


def test_the_target_with_dead_letters_is_a_stack() -> None:
    (template,) = blocks("yaml")

    assert [f"{one.rule.id} {one.message}" for one in lint(template, config=ManualArgs(regions=["us-east-1"]))] == []


def test_the_page_shows_the_sample() -> None:
    (shown,) = (json.loads(block) for block in blocks("") if block.startswith("{"))

    assert shown in SAMPLES
    assert shown["detail"]["practice_id"] == PRACTICE_ID


def test_the_page_explains_every_field_and_every_cause() -> None:
    table = README.split("| field | |\n|---|---|\n", 1)[1].split("\n\n", 1)[0]
    explained = {name for line in table.splitlines() for name in words(line.split("|")[1])}

    assert explained == set(EVENTS[0]) | {"correlation_id"}
    assert {f"`{cause}`" for cause in Cause} <= set(re.findall("`[a-z_]+`", table))


def test_the_page_has_every_type_and_says_which_never_come_yet() -> None:
    said = {words(name)[0]: what for name, what in rows("## Types")}

    assert said == TYPES


def test_the_page_says_of_every_object_what_is_told_and_who_may_read_it() -> None:
    told = {words(cells[0])[0]: cells[1:] for cells in rows("### What each tells")}

    assert told.keys() == {type_.partition(".")[0] for type_ in TYPES}
    for type_ in TYPES:
        properties = event_schema(type_)["properties"]
        id_, values, related, scope = told[properties["object"]["enum"][0]]
        subject = SUBJECTS.get(properties["object"]["enum"][0])
        assert properties["object_id"]["pattern"].startswith(f"^{words(id_)[0]}")
        assert words(values) == list(properties["after"]["properties"])
        assert words(related) == list(properties["related"]["properties"])
        assert words(scope) == ([] if subject is None or subject.scope is None else [f"{subject.scope}:read"])


def test_the_pages_figures_are_those_that_were_measured() -> None:
    """In the table of the gateway's README: median and 95 of 100, at a call per 0.5 s; 1 s; 5 s."""
    (line,) = (
        one for one in (ROOT / "README.md").read_text().splitlines() if "change at the office to the mirror" in one
    )
    (figures,) = re.findall(r"(\d+) and (\d+) s; (\d+) and (\d+) s; (\d+) and (\d+) s \|", line)[:1]
    medians, most = figures[::2], figures[1::2]
    late = " ".join(README.split("\n## How late\n", 1)[1].split())

    assert most[0] == most[1]
    assert f"95 of 100 edits within {most[0]} s at a call per 0.5 s or per 1 s" in late
    assert f"within {most[2]} s at a call per 5 s ({medians[0]}, {medians[1]} and {medians[2]} s at the median" in late


def test_paths_that_the_page_names_are_there() -> None:
    links = re.findall(r"\]\((\.\./[^)#]+)", README)

    assert links
    assert all((Path(FOLDER.parent) / link).exists() for link in links)
