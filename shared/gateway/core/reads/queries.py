"""What each list can be asked: the filters as typed models, named like the fields of the objects.

An unknown parameter, a wrong type or an unknown word is refused by the edge, which makes these from query strings and
bodies; what depends on the practice (ids, bounds, cursors) is decided by the use cases.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.core.inputs import Day, Moment

Id = Annotated[str, StringConstraints(min_length=5, max_length=64)]
Ids = Annotated[list[Id], Field(max_length=100)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=15)]
ALL: Final = "all"
"""All practices of the caller."""

Include = Annotated[list[Literal["raw"]], Field(max_length=1)]


class ObjectQuery(BaseModel):
    """What a single object can be asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    include: Include = []
    """`raw` adds the row as Open Dental sent it, without secrets."""


class PracticeQuery(BaseModel):
    """What every question about one practice takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    practice_id: Id | None = None
    """May be left out where an id among the filters says it, and by a client that has exactly one practice."""

    def row_ids(self) -> Iterator[tuple[str, str]]:
        """Each id of a row among the filters, with the filter's name."""
        for name in type(self).model_fields:
            if name.endswith("_id") and name != "practice_id" and (value := getattr(self, name)) is not None:
                for one in [value] if isinstance(value, str) else value:
                    yield name, one


class PagedQuery(PracticeQuery):
    """What every answer of several pages takes."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None = None
    """`next_cursor` of the page before, with the same filters."""


class ListQuery(PagedQuery, ObjectQuery):
    """What every list of objects takes."""

    practice_id: Annotated[str, StringConstraints(min_length=3, max_length=2400)] | None = None
    """May be left out where an id among the filters says it, and by a client that has exactly one practice. `all`, or
    several separated by commas: practice after practice, from their mirrors."""

    ids: Ids | None = None
    """Only these; one upstream call each where nothing else bounds the list."""
    updated_since: Moment | None = None
    """Changed at or after this moment. Reaches back five minutes (two hours more around the change of the clocks in
    autumn), because office stamps have whole seconds and no zone: a row may come again, none is missed."""

    @property
    def is_of_several(self) -> bool:
        """Whether the list goes over several practices."""
        return self.practice_id is not None and (self.practice_id == ALL or "," in self.practice_id)

    def row_ids(self) -> Iterator[tuple[str, str]]:
        """See `PracticeQuery.row_ids`; `ids` first."""
        for one in self.ids or ():
            yield "ids", one
        yield from super().row_ids()


class PatientsQuery(ListQuery):
    """Filters of `GET /patients`; the same in the body of `POST /patients/search`."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)] | None = None
    """A last name, `Last, First` or `First Last`. Each word is the beginning of a word of the name, case and accents
    aside; a single word is looked for in last names."""
    name_is: Literal["begun", "whole"] = "begun"
    """`whole`: `name` is `Last, First`, and both are the whole of it (the first or the preferred one), case and accents
    aside. Ann is not Anna."""
    any_name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)] | None = None
    """Words that each begin some word of the name, first or last. Who is known by another name than the first is found
    by that only together with another filter."""
    birth_date: Day | None = None
    phone: Annotated[str, StringConstraints(min_length=7, max_length=30)] | None = None
    email: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200)] | None = None
    provider_id: Id | None = None
    """The primary provider."""
    location_id: Id | None = None
    status: (
        list[Literal["active", "non_patient", "inactive", "archived", "deceased", "prospective", "deleted"]] | None
    ) = None
    expand: Annotated[list[Literal["details", "extensions"]], Field(max_length=2)] = []
    """`details` reads each patient found by phone or e-mail in full: a call each. `extensions` adds the office's own
    fields: a call for each patient of the page."""
    across: Literal["group"] | None = None
    """`group` finds one person at all practices of a group: `core.reads.across_group`."""


class AppointmentsQuery(ListQuery):
    """Filters of `GET /appointments`."""

    patient_id: Id | None = None
    date_from: Day | None = None
    date_to: Day | None = None
    """The office's calendar days, both included; at most 31 of them where nothing else bounds the list."""
    provider_id: Id | None = None
    """The dentist or the hygienist."""
    operatory_id: Id | None = None
    location_id: Id | None = None
    status: (
        list[
            Literal[
                "scheduled",
                "arrived",
                "in_chair",
                "completed",
                "broken",
                "no_show",
                "cancelled",
                "unscheduled",
                "planned",
                "other",
            ]
        ]
        | None
    ) = None
    expand: Annotated[list[Literal["procedure_ids", "break_evidence", "extensions"]], Field(max_length=3)] = []
    """`extensions` adds the office's own fields: a call for each of them and each visit of the page."""


class ProceduresQuery(ListQuery):
    """Filters of `GET /procedurelogs`. Deleted procedures come only if asked for, by status or by `updated_since`."""

    patient_id: Id | None = None
    appointment_id: Id | None = None
    status: (
        list[
            Literal[
                "planned",
                "planned_inactive",
                "completed",
                "existing_current",
                "existing_other",
                "referred",
                "condition",
                "deleted",
                "other",
            ]
        ]
        | None
    ) = None
    code: (
        Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=15)]], Field(max_length=20)] | None
    ) = None
    date_from: Day | None = None
    date_to: Day | None = None
    """Days of `performed_on`, or of `planned_on` where nothing was performed; both included."""


class ClaimsQuery(ListQuery):
    """Filters of `GET /claims`."""

    patient_id: Id | None = None
    status: list[Literal["unsent", "held", "queued", "sent", "received", "in_process", "other"]] | None = None
    carrier_id: Id | None = None
    date_from: Day | None = None
    date_to: Day | None = None
    """Days of `service_on`, both included."""
    expand: Annotated[list[Literal["lines", "carrier"]], Field(max_length=2)] = []


class ClaimQuery(ObjectQuery):
    """What one claim can be asked for; its lines are always there."""

    expand: Annotated[list[Literal["lines", "carrier"]], Field(max_length=2)] = []
