"""What an audience is asked for, and what a caller must be able to read for each filter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gateway.core.inputs import Day, broken_rule
from gateway.core.writes.models import Amount, Input

Channel = Literal["sms", "email", "voice", "mail"]
CHANNELS: Final[tuple[Channel, ...]] = ("sms", "email", "voice", "mail")

Status = Literal["active", "non_patient", "inactive", "prospective"]
"""Those that an audience may hold: who has died, was archived or deleted is in none."""

_Id = Annotated[str, StringConstraints(min_length=5, max_length=64)]
_Ids = Annotated[tuple[_Id, ...], Field(min_length=1, max_length=50)]
_Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


class OverdueRecall(Input):
    """A recall that was due more than `by_days` ago, for which no visit is booked and which is not switched off."""

    by_days: Annotated[int, Field(ge=0, le=3650)] = 0
    type_ids: _Ids | None = None
    """Kinds of recall; any where it is left out."""


class UnscheduledTreatment(Input):
    """Proposed work for which no visit is booked."""

    min_total: Amount | None = None
    """The least that it comes to, by the office's fees, before insurance."""
    since: Day | None = None
    """Only what was proposed on that day or later."""


class OpenBalance(Input):
    """A family's balance, on the guarantor, who pays: before insurance estimates, as Open Dental last reckoned it."""

    min_amount: Amount = Amount(amount="0.01")
    older_than_days: Annotated[int, Field(ge=1, le=365)] | None = None
    """`min_amount` of it is of charges that are older: payments go to the oldest charge first, so it is what is left
    of the balance without the charges of these days."""


class Birthday(Input):
    """A birthday from the day on which the audience is asked for, or in a month. That of 29 February is on the 28th
    in other years."""

    within_days: Annotated[int, Field(ge=0, le=365)] | None = None
    month: Annotated[int, Field(ge=1, le=12)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.within_days is None) == (self.month is None):
            raise broken_rule("within_days", "exactly one of within_days and month is needed")
        return self


class Days(Input):
    """Days of the office, both included."""

    date_from: Day
    date_to: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.date_to < self.date_from:
            raise broken_rule("date_to", "it ends before it begins")
        return self


class Age(Input):
    """Whole years on the day on which the audience is asked for, both included. Who has no birth date has no age."""

    at_least: Annotated[int, Field(ge=0, le=150)] | None = None
    at_most: Annotated[int, Field(ge=0, le=150)] | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise broken_rule("at_least", "at_least or at_most is needed")
        return self


class Insurance(Input):
    """Whether somebody is insured, or by which carrier."""

    has: bool | None = None
    carrier_id: _Id | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.has is None) == (self.carrier_id is None):
            raise broken_rule("has", "exactly one of has and carrier_id is needed")
        return self


class Criteria(Input):
    """Filters. All that are named must hold."""

    overdue_recall: OverdueRecall | None = None
    unscheduled_treatment: UnscheduledTreatment | None = None
    open_balance: OpenBalance | None = None
    birthday: Birthday | None = None
    no_visit_since: Day | None = None
    """Who came before that day and not since. Who never came is not among them."""
    last_visit_between: Days | None = None
    has_future_appointment: bool | None = None
    age: Age | None = None
    provider_ids: _Ids | None = None
    """One of them is the patient's primary or secondary provider."""
    location_ids: _Ids | None = None
    status: Annotated[tuple[Status, ...], Field(min_length=1, max_length=4)] | None = None
    insurance: Insurance | None = None
    language: Annotated[tuple[_Language, ...], Field(min_length=1, max_length=20)] | None = None
    """ISO 639-1. Whose language the office has not noted is not among them."""

    def named(self) -> frozenset[str]:
        """The filters in it."""
        return frozenset(name for name in FILTERS if getattr(self, name) is not None)


class Filter(Criteria):
    """Filters. All that are named must hold, and of `none_of` none."""

    none_of: Criteria | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.none_of is not None and not self.none_of.named():
            raise broken_rule("none_of", "name at least one filter in it, or leave it out")
        return self

    def parts(self) -> Iterator[Criteria]:
        """Itself, and what must not hold."""
        yield self
        if self.none_of is not None:
            yield self.none_of


class AudienceInput(Input):
    """The body of `POST /audiences`."""

    practice_id: Annotated[str, StringConstraints(min_length=5, max_length=64)] | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """What the caller calls it. No patient's name."""
    filter: Filter
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=4)] = CHANNELS
    """Those that are of use. Who can be reached by none of them is left out, and counted."""
    include_unreachable: bool = False

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.filter.named():
            raise broken_rule("filter", "name at least one filter beside none_of")
        return self


FILTERS: Final = tuple(Criteria.model_fields)

OF_ROW: Final = frozenset({"birthday", "age", "provider_ids", "location_ids", "status", "language"})
"""Filters that the patient's own row answers."""

_VISITS: Final = ("appointments", "procedurelogs")

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "overdue_recall": ("recalls",),
    "unscheduled_treatment": ("procedurelogs", "appointments"),
    "open_balance": ("procedurelogs",),
    "no_visit_since": _VISITS,
    "last_visit_between": _VISITS,
    "has_future_appointment": ("appointments",),
    "insurance": ("patplans", "inssubs", "insplans"),
}
"""Filter -> mirrored resources, beside the patients, of which all rows must be here."""

_TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "overdue_recall": ("recalls",),
    "unscheduled_treatment": ("procedures", "appointments"),
    "open_balance": ("balances",),
    "no_visit_since": ("appointments", "procedures"),
    "last_visit_between": ("appointments", "procedures"),
    "has_future_appointment": ("appointments",),
    "insurance": ("coverages",),
}


def names_in(wanted: Filter) -> frozenset[str]:
    """All filters that are in it, `none_of` included."""
    return frozenset().union(*(part.named() for part in wanted.parts()))


def resources_of(wanted: Filter) -> tuple[str, ...]:
    """What is looked at beside the patients, in one order."""
    return tuple(sorted({one for name in names_in(wanted) for one in NEEDS.get(name, ())}))


def objects_of(wanted: Filter) -> tuple[str, ...]:
    """The objects that the caller must be able to read: of whoever is found, the filter tells what it looks at."""
    return ("patients", *sorted({one for name in names_in(wanted) for one in _TAKES.get(name, ())}))
