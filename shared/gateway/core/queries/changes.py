"""What has changed at an office, by its tables' stamps: one statement over many of them, and one for a table's keys.

The probe counts, and names no row. Its sum of seconds tells of an edit of a row that was within its window already, and
its counts of rows and of new keys tell of a deletion. Stamps are moved by the database itself, also by writes that go
past the program, and not by edits that change no value; `perioexam` alone has one that the program sets.

Source: columns of https://www.opendental.com/site/apiclaimprocs.html and the other resources' pages, and
https://www.opendental.com/OpenDentalDocumentation26-1.xml for those that no page shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from gateway.core.queries.statement import Statement

ROW_KEY: Final = "RowKey"
STAMP: Final = "Stamp"


@dataclass(frozen=True)
class Stamped:
    """A table whose rows tell when they last changed.

    `under`: columns by whose value the resource's list can be asked, the widest first. `listed`: which rows the list
    shows, where it hides some: a row that it shows no more counts as gone, or its list would never tell of that change.
    """

    resource: str
    table: str
    key: str
    stamp: str
    under: tuple[str, ...] = ()
    listed: str | None = None

    @property
    def counted(self) -> str:
        """The table's part of the probe. Values: `highest_<resource>`, a key, and `since_<resource>`, a moment.

        Each number is asked for by itself, because most databases have it at hand: how many rows, the highest key, and
        where the stamp has an index, what lies behind a moment.
        """
        since, highest = f":since_{self.resource}", f":highest_{self.resource}"
        listed = "" if self.listed is None else f" WHERE {self.listed}"
        return (
            f"SELECT '{self.resource}' AS Resource,"  # noqa: S608  (names of the fixed list below)
            f"(SELECT COUNT(*) FROM {self.table}{listed}) AS Total,"
            f"(SELECT MAX({self.key}) FROM {self.table}) AS Highest,"
            f"(SELECT COUNT(*) FROM {self.table} WHERE {self.key}>{highest}) AS Newer,"
            f"COUNT(*) AS Changed,"
            f"SUM(TIMESTAMPDIFF(SECOND,{since},{self.stamp})) AS Seconds,"
            f"COALESCE(MAX({self.stamp}),(SELECT MAX({self.stamp}) FROM {self.table})) AS Latest"
            f" FROM {self.table} WHERE {self.stamp}>={since}"
        )

    @cached_property
    def changed(self) -> Statement:
        """The keys, stamps and parents of rows that changed `since` a moment or are above the key `highest`, behind the
        key `after`: pages by key, because rows move among stamps while they are read."""
        columns = "".join(f", {one}" for one in self.under)
        return Statement(
            f"changed-{self.resource}",
            f"SELECT {self.key} AS {ROW_KEY}, {self.stamp} AS {STAMP}{columns} FROM {self.table} "  # noqa: S608
            f"WHERE ({self.stamp} >= :since OR {self.key} > :highest) AND {self.key} > :after ORDER BY {self.key}",
        )


_PATIENT: Final = ("PatNum",)

STAMPED: Final[dict[str, Stamped]] = {
    one.resource: one
    for one in (
        Stamped("providers", "provider", "ProvNum", "DateTStamp"),
        Stamped("operatories", "operatory", "OperatoryNum", "DateTStamp"),
        Stamped("procedurecodes", "procedurecode", "CodeNum", "DateTStamp"),
        Stamped("allergydefs", "allergydef", "AllergyDefNum", "DateTStamp"),
        Stamped("diseasedefs", "diseasedef", "DiseaseDefNum", "DateTStamp"),
        Stamped("medications", "medication", "MedicationNum", "DateTStamp"),
        Stamped("carriers", "carrier", "CarrierNum", "SecDateTEdit"),
        Stamped("patients", "patient", "PatNum", "DateTStamp", listed="PatStatus<>4"),
        Stamped("appointments", "appointment", "AptNum", "DateTStamp", _PATIENT),
        Stamped("schedules", "schedule", "ScheduleNum", "DateTStamp"),
        Stamped("recalls", "recall", "RecallNum", "DateTStamp", _PATIENT),
        Stamped("procedurelogs", "procedurelog", "ProcNum", "DateTStamp", ("PatNum", "AptNum")),
        Stamped("diseases", "disease", "DiseaseNum", "DateTStamp", _PATIENT),
        Stamped("allergies", "allergy", "AllergyNum", "DateTStamp", _PATIENT),
        Stamped("medicationpats", "medicationpat", "MedicationPatNum", "DateTStamp", _PATIENT),
        Stamped("perioexams", "perioexam", "PerioExamNum", "DateTMeasureEdit", _PATIENT),
        Stamped("periomeasures", "periomeasure", "PerioMeasureNum", "SecDateTEdit", ("PerioExamNum",)),
        Stamped("treatplans", "treatplan", "TreatPlanNum", "SecDateTEdit", _PATIENT),
        Stamped("claims", "claim", "ClaimNum", "SecDateTEdit", _PATIENT),
        Stamped("claimprocs", "claimproc", "ClaimProcNum", "SecDateTEdit", ("PatNum", "ClaimNum")),
        Stamped("claimpayments", "claimpayment", "ClaimPaymentNum", "SecDateTEdit"),
        Stamped("payments", "payment", "PayNum", "SecDateTEdit", _PATIENT),
        Stamped("paysplits", "paysplit", "SplitNum", "SecDateTEdit", ("PatNum", "PayNum")),
        Stamped("adjustments", "adjustment", "AdjNum", "SecDateTEdit", _PATIENT),
        Stamped("payplancharges", "payplancharge", "PayPlanChargeNum", "SecDateTEdit", ("PayPlanNum",)),
        Stamped("insplans", "insplan", "PlanNum", "SecDateTEdit", ("CarrierNum",)),
        Stamped("inssubs", "inssub", "InsSubNum", "SecDateTEdit", ("Subscriber", "PlanNum")),
        Stamped("patplans", "patplan", "PatPlanNum", "SecDateTEdit", ("PatNum", "InsSubNum")),
        Stamped("commlogs", "commlog", "CommlogNum", "DateTStamp", _PATIENT),
        Stamped("patfields", "patfield", "PatFieldNum", "SecDateTEdit", _PATIENT),
        Stamped("documents", "document", "DocNum", "DateTStamp", _PATIENT),
        Stamped("tasks", "task", "TaskNum", "SecDateTEdit", ("TaskListNum",)),
    )
}
"""By the catalogue's name of the resource."""

WITHOUT_STAMP: Final = frozenset(
    {
        "definitions",
        "clinics",
        "appointmenttypes",
        "apptfielddefs",
        "patfielddefs",
        "recalltypes",
        "covcats",
        "codegroups",
        "payplans",
        "tasklists",
    }
)
"""Mirrored tables that no known version gives a stamp that every change moves: whole readings find their changes."""


_ALIAS: Final = re.compile(r" AS [A-Z][a-z]+")


def probe(resources: Iterable[str]) -> Statement:
    """The probe of these resources, at least one: a row for each, in the order of their names.

    It is short, because an office keeps the text of every statement: only the first part names its columns.
    """
    first, *others = (STAMPED[name].counted for name in sorted(set(resources)))
    parts = " UNION ALL ".join((first, *(_ALIAS.sub("", one) for one in others)))
    return Statement("changes", f"SELECT t.*,NOW() AS Clock FROM ({parts}) AS t ORDER BY Resource")  # noqa: S608


ALL: Final[tuple[Statement, ...]] = (probe(STAMPED), *(one.changed for one in STAMPED.values()))
