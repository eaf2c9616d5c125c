"""Whether two records are of one person: what must never be taken for one, and the properties of the rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import DrawFn, composite, frozensets, none, one_of, sampled_from

from gateway.core.matching import Kind, Level, Match, Person, best, compare, person_of, readings

HOME, MOBILE = "+12125550123", "+12125550188"
ADA = Person(
    last="O'Neill-Brown",
    first="Zoë",
    birth_date="1980-02-29",
    sex="female",
    phones=frozenset({MOBILE, HOME}),
    emails=frozenset({"zoe@example.com"}),
)
RANK = [None, Level.POSSIBLE, Level.LIKELY, Level.CERTAIN]


def kind(match: Match, field: str) -> Kind:
    return next(one.kind for one in match.reasons if one.field == field)


def test_one_person_written_in_two_ways_is_certain() -> None:
    other = replace(ADA, last="ONEILL BROWN", first="Zoe", phones=frozenset({HOME}), emails=frozenset())
    match = compare(ADA, other)

    assert (match.level, kind(match, "last_name"), kind(match, "first_name")) == (
        Level.CERTAIN, Kind.FOLDED, Kind.FOLDED,
    )  # fmt: skip


def test_name_and_birth_date_alone_are_likely_because_two_people_can_share_them() -> None:
    match = compare(replace(ADA, phones=frozenset(), emails=frozenset()), ADA)

    assert (match.level, match.score) == (Level.LIKELY, 0.76)


def test_twins_are_never_more_than_possible() -> None:
    twin = replace(ADA, first="Lea")

    assert compare(ADA, twin).level is Level.POSSIBLE
    assert compare(ADA, replace(twin, phones=frozenset(), emails=frozenset())).level is None


def test_twins_one_of_whom_is_written_by_an_initial_are_never_more_than_possible() -> None:
    assert compare(ADA, replace(ADA, first="Z.")).level is Level.POSSIBLE


@pytest.mark.parametrize("born", ["1956-02-29", "2004-07-01"])
def test_a_father_and_a_son_of_one_name_telephone_and_address_are_two_people(born: str) -> None:
    match = compare(ADA, replace(ADA, birth_date=born))

    assert (match.level, kind(match, "birth_date")) == (None, Kind.CONFLICT)


def test_a_man_is_no_woman_of_the_same_name_and_birth_date() -> None:
    assert compare(ADA, replace(ADA, sex="male")).level is None


def test_who_shares_no_more_than_telephone_and_address_is_nobody() -> None:
    mother = replace(ADA, first="Ida", birth_date=None)

    assert compare(ADA, mother).level is None
    assert compare(ADA, Person(phones=ADA.phones, emails=ADA.emails)).level is None


def test_nobody_without_a_birth_date_is_more_than_possible() -> None:
    assert compare(ADA, replace(ADA, birth_date=None)).level is Level.POSSIBLE


@pytest.mark.parametrize("half", [replace(ADA, first=""), replace(ADA, last="")], ids=["last", "first"])
def test_who_has_half_a_name_is_never_more_than_possible(half: Person) -> None:
    """A household of one birth date is a pair of twins."""
    match = compare(ADA, half)

    assert (match.score, match.level) == (0.82, Level.POSSIBLE)


def test_somebody_who_has_married_is_likely_with_one_of_her_names_and_possible_with_another() -> None:
    assert compare(ADA, replace(ADA, last="Brown")).level is Level.LIKELY
    assert compare(ADA, replace(ADA, last="Marsh")).level is Level.POSSIBLE
    assert compare(ADA, replace(ADA, last="Marsh", phones=frozenset(), emails=frozenset())).level is None


def test_a_name_that_somebody_goes_by_counts_as_far_as_the_row_gives_it() -> None:
    robert, bob = replace(ADA, first="Robert", preferred="Bob"), replace(ADA, first="Bob")

    assert compare(robert, bob).level is Level.LIKELY
    assert compare(replace(robert, preferred=""), bob).level is Level.POSSIBLE


def test_a_middle_name_may_stand_with_the_first_one() -> None:
    one, other = replace(ADA, first="Mary Ann"), replace(ADA, first="Mary", middle="Ann")

    assert kind(compare(one, other), "first_name") is Kind.FOLDED
    assert kind(compare(replace(one, first="MaryAnn"), other), "first_name") is Kind.FOLDED
    assert kind(compare(one, replace(other, middle="")), "first_name") is Kind.PARTIAL


def test_junior_and_senior_are_never_more_than_possible_and_junior_is_the_second() -> None:
    names = [replace(ADA, last=f"Brown{suffix}") for suffix in ("", " Jr.", ", II", " Sr")]
    plain, junior, second, senior = names

    assert [compare(junior, one).level for one in (plain, second, senior)] == [
        Level.CERTAIN, Level.CERTAIN, Level.POSSIBLE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [("Strauß", "STRAUSS"), ("Łukasz", "lukasz"), ("Søren", "Soren"), ("St. John", "St John"), ("D’Arcy", "Darcy")],
)
def test_names_are_one_whatever_the_keyboard_had(one: str, other: str) -> None:
    assert kind(compare(Person(last=one), Person(last=other)), "last_name") is Kind.FOLDED


def test_a_row_says_what_can_be_compared_and_no_placeholder() -> None:
    row = {
        "LName": " Marker ", "FName": "Zoe", "Birthdate": "1900-01-01", "Gender": "Other",
        "HmPhone": "(212)555-0123", "WkPhone": "none", "WirelessPhone": "+1 212 555 0123",
        "Email": "Zoe@Example.com; z@b.c",
    }  # fmt: skip

    assert person_of(row) == Person(
        last="Marker", first="Zoe", phones=frozenset({HOME}), emails=frozenset({"zoe@example.com", "z@b.c"})
    )


def test_a_typed_name_is_read_in_every_way_it_can_be_meant() -> None:
    assert readings("van Dyke, Jan") == [("van Dyke", "Jan")]
    assert readings("Jan van Dyke") == [("Dyke", "Jan van"), ("van Dyke", "Jan")]
    assert readings("Dyke") == [("Dyke", "")]
    jan = Person(last="van Dyke", first="Jan", birth_date="1980-02-29")
    asked = [replace(jan, last=last, first=first) for last, first in readings("Jan van Dyke")]
    assert best(asked, jan).level is Level.LIKELY


def test_a_person_shows_nothing_of_itself_in_a_log() -> None:
    assert "Zoë" not in f"{ADA!r} {ADA}"


FIRST = ["", "Zoë", "Zoe", "ZOE", "Z", "Zo", "Lea", "Mary Ann", "Mary", "Ann", "Jon", "Jonathan", "Jr"]
LAST = ["", "Brown", "brown", "Brown Jr", "Brown Sr.", "O'Neill-Brown", "ONeill Brown", "Neill", "III"]
DAYS = [None, "1980-02-29", "1980-02-28"]


@composite
def people(draw: DrawFn) -> Person:
    return Person(
        last=draw(sampled_from(LAST)),
        first=draw(sampled_from(FIRST)),
        middle=draw(sampled_from(["", "Ann", "A", "Jr"])),
        preferred=draw(sampled_from(FIRST)),
        birth_date=draw(sampled_from(DAYS)),
        sex=draw(one_of(none(), sampled_from(["male", "female"]))),
        phones=draw(frozensets(sampled_from([HOME, MOBILE]))),
        emails=draw(frozensets(sampled_from(["a@b.c", "d@e.f"]))),
    )


def strength(match: Match) -> tuple[int, int]:
    return RANK.index(match.level), match.points


@given(people(), people())
def test_it_does_not_matter_who_is_compared_with_whom(one: Person, other: Person) -> None:
    assert compare(one, other) == compare(other, one)


@given(people(), people())
def test_a_score_is_the_sum_of_its_reasons_and_no_level_comes_without_its_score(one: Person, other: Person) -> None:
    match = compare(one, other)

    assert match.points == sum(reason.weight for reason in match.reasons)
    assert 0 <= match.score <= 1
    least = {None: 0, Level.POSSIBLE: 45, Level.LIKELY: 70, Level.CERTAIN: 85}
    assert match.points >= least[match.level]


@given(people(), people(), sampled_from(["birth_date", "sex", "phones", "emails"]))
def test_more_that_agrees_never_makes_a_match_weaker(one: Person, other: Person, field: str) -> None:
    known: Any = getattr(one, field)
    agreeing = replace(other, **{field: known})
    if not known:
        return

    assert strength(compare(one, agreeing)) >= strength(compare(one, other))


@given(people(), people())
def test_the_same_name_never_makes_a_match_weaker(one: Person, other: Person) -> None:
    if not one.first or not one.last:
        return
    agreeing = replace(other, last=one.last, first=one.first, middle=one.middle, preferred=one.preferred)

    assert strength(compare(one, agreeing)) >= strength(compare(one, other))


@given(people(), people())
def test_another_birth_date_or_sex_is_no_match_and_other_names_are_never_likely(one: Person, other: Person) -> None:
    match = compare(one, other)
    kinds = {reason.field: reason.kind for reason in match.reasons}

    if Kind.CONFLICT in {kinds["birth_date"], kinds["sex"]}:
        assert match.level is None
    if Kind.CONFLICT in {kinds["first_name"], kinds["last_name"]}:
        assert match.level in {None, Level.POSSIBLE}
    if match.level in {Level.LIKELY, Level.CERTAIN}:
        assert kinds["birth_date"] is Kind.EXACT


@given(people(), people())
def test_telephone_and_address_alone_never_suffice(one: Person, other: Person) -> None:
    bare = replace(other, birth_date=None, first="", last="", preferred="", middle="")

    assert compare(one, bare).level is None
