"""Which resources are mirrored, and how each is listed, followed and found again: data, no behaviour.

A resource whose list asks for a parent (allergies of a patient, charges of a plan) is loaded parent by parent where the
key may query, which tells who has any. Elsewhere it is mirrored row by row as it is read, and never counts as complete;
only a parent whose list has just been read does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import cached_property
from typing import Final

from gateway.core.mirror.records import Row
from gateway.core.normalize.values import key
from open_dental import catalogue, wire
from open_dental.versions import Version


class Rank(IntEnum):
    """The order of a first load: what the others are named by, people, what is to come, then the past."""

    SETUP = 1
    PEOPLE = 2
    SCHEDULE = 3
    CLINICAL = 4
    MONEY = 5
    DESK = 6


@dataclass(frozen=True)
class Mirrored:
    """How one resource is mirrored.

    `list_operation`: what lists all of it, None where only parents can be asked. `fixed`: sent with every list, so
    that hidden rows come too. `parents`: columns that rows are found under, the patient's first. `day`: the column
    whose calendar day orders lists. `future_first`: loaded from today onwards before the past. `followed_by`: a
    mirrored resource whose changed rows say that rows of this one may have changed as well, and by which parent to
    ask (`("claims", "ClaimNum")`), for resources that no filter of their own follows. `entered`: the list's filter by
    the day (or time) of entry, where there is none by change: it finds new rows and no edits.
    """

    resource: str
    rank: Rank
    list_operation: str | None
    parents: tuple[str, ...] = ()
    day: str | None = None
    fixed: tuple[tuple[str, object], ...] = ()
    future_first: bool = False
    followed_by: tuple[str, str] | None = None
    entered: str | None = None

    @cached_property
    def key(self) -> str:
        """The column of the primary key."""
        key = catalogue.resource(self.resource).key
        assert key is not None
        return key

    @cached_property
    def lists(self) -> str:
        """The operation that lists rows of it, under a parent at least."""
        return self.list_operation or f"{self.resource}.list"

    @cached_property
    def stamp(self) -> str | None:
        """The list's filter by time of change, None where there is none."""
        sync = catalogue.resource(self.resource).sync
        return None if sync is None or self.list_operation is None else sync.cursor_param

    @cached_property
    def clock(self) -> str | None:
        """The column of a row in which Open Dental sends its server's time."""
        sync = catalogue.resource(self.resource).sync
        return None if sync is None else sync.server_clock

    def key_of(self, row: Row) -> int:
        """The primary key of a row.

        Raises:
            Malformed: it has none that can be read.
        """
        key = wire.key(row.get(self.key))
        if key is None:
            raise wire.Malformed("a row without its key")
        return key

    def parents_of(self, row: Row) -> dict[str, int]:
        """The parents that a row has, by column; 0 is none.

        Raises:
            Malformed: one of them cannot be read.
        """
        found = ((column, wire.key(row.get(column))) for column in self.parents)
        return {column: value for column, value in found if value is not None}

    def day_of(self, row: Row) -> date | None:
        """The calendar day of a row, by the office's wall; None where it has none that can be read."""
        try:
            return None if self.day is None else wire.day(row.get(self.day))
        except wire.Malformed:
            return None


_S, _P, _H, _C, _M, _D = Rank.SETUP, Rank.PEOPLE, Rank.SCHEDULE, Rank.CLINICAL, Rank.MONEY, Rank.DESK
_PATIENT = ("PatNum",)

MIRRORED: Final[dict[str, Mirrored]] = {
    one.resource: one
    for one in (
        Mirrored("definitions", _S, "definitions.list", fixed=(("includeHidden", True),)),
        Mirrored("providers", _S, "providers.list"),
        Mirrored("operatories", _S, "operatories.list"),
        Mirrored("clinics", _S, "clinics.list"),
        Mirrored("appointmenttypes", _S, "appointmenttypes.list"),
        Mirrored("apptfielddefs", _S, "apptfielddefs.list"),
        Mirrored("patfielddefs", _S, "patfielddefs.list"),
        Mirrored("recalltypes", _S, "recalltypes.list"),
        Mirrored("covcats", _S, "covcats.list"),
        Mirrored("codegroups", _S, "codegroups.list"),
        Mirrored("procedurecodes", _S, "procedurecodes.list"),
        Mirrored("allergydefs", _S, "allergydefs.list"),
        Mirrored("diseasedefs", _S, "diseasedefs.list"),
        Mirrored("medications", _S, "medications.list"),
        Mirrored("carriers", _S, "carriers.list"),
        Mirrored("patients", _P, "patients.Simple", parents=("Guarantor",)),
        Mirrored(
            "appointments", _H, "appointments.list", parents=_PATIENT, day="AptDateTime", future_first=True
        ),
        Mirrored("schedules", _H, "schedules.list", day="SchedDate", future_first=True),
        Mirrored("recalls", _H, "recalls.list", parents=_PATIENT),
        Mirrored("procedurelogs", _C, "procedurelogs.list", parents=("PatNum", "AptNum"), day="ProcDate"),
        Mirrored("diseases", _C, "diseases.list", parents=_PATIENT),
        Mirrored("allergies", _C, None, parents=_PATIENT),
        Mirrored("medicationpats", _C, None, parents=_PATIENT),
        Mirrored("perioexams", _C, "perioexams.list", parents=_PATIENT, entered="ExamDate"),
        Mirrored(
            "periomeasures", _C, "periomeasures.list", parents=("PerioExamNum",),
            followed_by=("perioexams", "PerioExamNum"),
        ),
        Mirrored("treatplans", _C, "treatplans.list", parents=_PATIENT),
        Mirrored("claims", _M, "claims.list", parents=_PATIENT, day="DateService"),
        Mirrored(
            "claimprocs", _M, "claimprocs.list", parents=("PatNum", "ClaimNum"), followed_by=("claims", "ClaimNum")
        ),
        Mirrored("claimpayments", _M, "claimpayments.list", day="CheckDate"),
        Mirrored("payments", _M, "payments.list", parents=_PATIENT, day="PayDate", entered="DateEntry"),
        Mirrored("paysplits", _M, "paysplits.list", parents=("PatNum", "PayNum"), followed_by=("payments", "PayNum")),
        Mirrored("adjustments", _M, None, parents=_PATIENT),
        Mirrored("payplans", _M, "payplans.list", parents=_PATIENT),
        Mirrored("payplancharges", _M, None, parents=("PayPlanNum",)),
        Mirrored("insplans", _M, "insplans.list", parents=("CarrierNum",)),
        Mirrored("inssubs", _M, "inssubs.list", parents=("Subscriber", "PlanNum")),
        Mirrored("patplans", _M, "patplans.list", parents=("PatNum", "InsSubNum")),
        Mirrored("commlogs", _D, "commlogs.list", parents=_PATIENT, day="CommDateTime"),
        Mirrored("patfields", _D, "patfields.list", parents=_PATIENT),
        Mirrored("documents", _D, None, parents=_PATIENT),
        Mirrored(
            # Without a time the list is that of the last 14 days.
            "tasks", _D, "tasks.list", parents=("TaskListNum",), entered="DateTimeOriginal",
            fixed=(("DateTimeOriginal", "1880-01-01 00:00:00"),),
        ),
        Mirrored("tasklists", _D, "tasklists.list"),
    )
}  # fmt: skip
"""By the catalogue's name of the resource. At most two parents: each has an index of its own."""

NOTED: Final = frozenset({one.resource for one in MIRRORED.values() if one.list_operation is None} | {"diseases"})
"""Whose lists under a parent are noted when they are read: what has no list of its own, and what may harm a patient if
it is missing, so that the parent is complete as of then whatever the resource is."""

WHOLE_ROWS: Final = frozenset(
    {
        operation
        for one in MIRRORED.values()
        for operation in (one.list_operation, f"{one.resource}.list", f"{one.resource}.get")
        if operation is not None
    }
    - {"patients.list", "documents.get"}
)
"""Operations whose rows are whole ones of a mirrored resource. `patients.list` mirrors a window of the program, and a
document got by itself lacks columns that its list has."""


def mirrored_by(operation: str) -> Mirrored | None:
    """What rows of `operation` are copies of; None where they are not mirrored."""
    return MIRRORED.get(operation.partition(".")[0]) if operation in WHOLE_ROWS else None


def is_whole(mirrored: Mirrored, row: Row, version: str | None) -> bool:
    """Whether a row that no read brought (the answer to a write, an event) has exactly the columns that a read of it
    has, at an office of this version.

    A row that lacks one has another hash: it would be stored as a change, and as another one when it is read.
    """
    if not row or version is None or not key(row.get(mirrored.key)):
        return False
    at = Version.parse(version)
    columns = {
        one.name
        for one in catalogue.resource(mirrored.resource).fields
        if not one.derived and (one.since is None or at.has(one.since))
    }
    # Joined names are in lower case, and so is one column of visits.
    return {name for name in row if name in columns or not name[:1].islower()} == columns
