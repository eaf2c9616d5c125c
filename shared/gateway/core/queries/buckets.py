"""Checksums of an office's tables, bucket by bucket, and the same sums of mirrored rows.

A row becomes a text: its key, its stamp, and columns whose form on the wire gives back exactly what the database holds
(keys, days, moments, yes and no, amounts in cents, a few enumerations by their published numbers). Texts of people and
everything else is left out: an edit in the program moves the stamp anyhow. MySQL and Python make the same text of the
same row, so their CRC-32 sums agree.

Rows fall into buckets by the CRC-32 of their key, because keys may be numbers in sequence, 19 random digits, or first
one and later the other: each bucket of a stretch has its share of the rows whatever its keys are. A stretch lies
between two keys, so that MySQL reads each row once and through the primary key.

Unset days are NULL, year 0 or year 1, so whatever is before 1880 is the empty text. Amounts are DOUBLE columns, and
FLOOR(x * 100 + 0.5) is the same number by every machine, unlike the text of a double or how ROUND treats halves.
Sources: https://www.opendental.com/site/apiqueries.html and https://opendental.com/OpenDentalDocumentation25-4.xml.
"""

# ruff: noqa: S608  (tables and columns come from this module and the catalogue, values from `Statement`)
from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from gateway.core.practices import Practice
from gateway.core.queries.statement import Statement
from open_dental import catalogue, wire
from open_dental.versions import Version

BUCKETS: Final = 99
"""Buckets of one answer: one fewer than the rows that it may have, so that it is always the last."""

HIGHEST_KEY: Final = 2**63 - 1

_FIRST_YEAR: Final = 1880


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the text: `sql` makes it of the database, `text` of a wire value (ValueError: not to be read)."""

    name: str
    sql: str
    text: Callable[[Any], str]


def _int(name: str) -> Column:
    return Column(name, f"IFNULL({name}, 0)", lambda value: str(wire.integer(value) or 0))


def _flag(name: str) -> Column:
    return Column(name, f"IFNULL({name}, 0)", lambda value: str(int(bool(wire.flag(value)))))


def _day(name: str) -> Column:
    return Column(name, f"IF(YEAR({name}) >= {_FIRST_YEAR}, DATE_FORMAT({name}, '%Y-%m-%d'), '')", _day_text)


def _moment(name: str) -> Column:
    form = "%Y-%m-%d %H:%i:%s"
    return Column(name, f"IF(YEAR({name}) >= {_FIRST_YEAR}, DATE_FORMAT({name}, '{form}'), '')", _moment_text)


def _cents(name: str) -> Column:
    return Column(name, f"CAST(FLOOR(IFNULL({name}, 0) * 100 + 0.5) AS SIGNED)", _cents_text)


def _code(name: str) -> Column:
    """A column of one ASCII letter, shown as it is."""
    return Column(name, f"IFNULL({name}, '')", lambda value: str(value or ""))


def _number(name: str, *words: str, first: int = 0) -> Column:
    """An enumeration: the words of the wire in the order of the database's numbers."""
    numbers = {word: str(number) for number, word in enumerate(words, start=first)}

    def text(value: Any) -> str:
        if value not in numbers:
            raise ValueError("a word without a known number")
        return numbers[value]

    return Column(name, f"IFNULL({name}, 0)", text)


def _day_text(value: Any) -> str:
    text = str(value or "")[:10]
    return text if text >= str(_FIRST_YEAR) else ""


def _moment_text(value: Any) -> str:
    text = str(value or "")[:19].replace("T", " ")
    return text if text >= str(_FIRST_YEAR) else ""


def _cents_text(value: Any) -> str:
    # As the server reckons: in doubles.
    return str(math.floor(float(wire.number(value) or 0) * 100 + 0.5))


@dataclass(frozen=True)
class Checked:
    """How one resource's rows are summed. `parent`: the column by which rows that differ may be listed. `moved`: a
    stamp that the table has and the wire does not show. `where`: what the list leaves out, as far as that is a fact.
    """

    resource: str
    parent: str
    columns: tuple[Column, ...]
    moved: str | None = None
    where: str = ""

    @cached_property
    def sums(self) -> Statement:
        """Per bucket of the keys above `after`, up to and with `upto`: rows, sum, rows changed `since` (or 0)."""
        return Statement(
            f"sums of {self.resource}",
            f"SELECT {self._bucket} AS bucket, COUNT(*) AS counted, SUM({self._crc}) AS summed,"
            f" SUM({self._moved}) AS moved FROM {self._table}"
            f" WHERE {self._key} > :after AND {self._key} <= :upto{self._where}"
            f" GROUP BY {self._bucket} ORDER BY bucket",
        )

    @cached_property
    def rows(self) -> Statement:
        """The rows of some `buckets` of such a stretch, in the order of their keys: key, parent, sum, moved."""
        return Statement(
            f"rows of {self.resource} in some buckets",
            f"SELECT {self._key} AS number, {self.parent} AS parent, {self._crc} AS summed, {self._moved} AS moved"
            f" FROM {self._table} WHERE {self._key} > :after AND {self._key} <= :upto{self._where}"
            f" AND {self._bucket} IN :buckets ORDER BY {self._key}",
        )

    @cached_property
    def parents(self) -> Statement:
        """The parents above `after` that have any rows, in order."""
        return Statement(
            f"parents of {self.resource}",
            f"SELECT DISTINCT {self.parent} AS parent FROM {self._table} WHERE {self.parent} > :after{self._where}"
            f" ORDER BY {self.parent}",
        )

    @cached_property
    def count_of_parents(self) -> Statement:
        """How many parents have any rows."""
        return Statement(
            f"number of parents of {self.resource}",
            f"SELECT COUNT(DISTINCT {self.parent}) AS counted FROM {self._table} WHERE {self.parent} > :after"
            f"{self._where} ORDER BY counted",
        )

    def is_known_by(self, practice: Practice) -> bool:
        """Whether the practice's version shows all these columns."""
        shown = {one.name: one for one in catalogue.resource(self.resource).fields}
        since = [shown[column.name].since for column in self.columns]
        version = Version.parse(practice.version) if practice.version is not None else None
        return all(one is None or (version is not None and version.has(one)) for one in since)

    def sum_of(self, row: Mapping[str, Any]) -> int:
        """What the database adds for this row: -1 where its text cannot be told, which nothing equals."""
        try:
            texts = [str(wire.integer(row.get(self._key)) or 0)]
            texts += [column.text(row.get(column.name)) for column in self.columns]
            return zlib.crc32("|".join(texts).encode())
        except (ValueError, ArithmeticError):
            return -1

    @property
    def _table(self) -> str:
        return str(catalogue.resource(self.resource).table)

    @property
    def _key(self) -> str:
        return str(catalogue.resource(self.resource).key)

    @property
    def _bucket(self) -> str:
        return f"MOD(CRC32({self._key}), {BUCKETS})"

    @property
    def _crc(self) -> str:
        return f"CRC32(CONCAT_WS('|', {', '.join((self._key, *(column.sql for column in self.columns)))}))"

    @property
    def _moved(self) -> str:
        return "0" if self.moved is None else f"IF({self.moved} >= :since, 1, 0)"

    @property
    def _where(self) -> str:
        return f" AND {self.where}" if self.where else ""


def bucket_of(key: int) -> int:
    """The bucket of a row."""
    return zlib.crc32(str(key).encode()) % BUCKETS


_PAT: Final = _int("PatNum")

CHECKED: Final[dict[str, Checked]] = {
    one.resource: one
    for one in (
        Checked(
            "patients", "PatNum",
            (_int("Guarantor"), _int("PriProv"), _int("ClinicNum"), _day("Birthdate"),
             _number("PatStatus", "Patient", "NonPatient", "Inactive", "Archived", "Deleted", "Deceased",
                     "Prospective"),
             _moment("DateTStamp")),
            where="PatStatus <> 4",
        ),
        Checked(
            "appointments", "PatNum",
            (_PAT, _int("ProvNum"), _int("Op"), _int("ClinicNum"), _int("Confirmed"), _moment("AptDateTime"),
             _number("AptStatus", "Scheduled", "Complete", "UnschedList", "ASAP", "Broken", "Planned", "PtNote",
                     "PtNoteCompleted", first=1),
             _moment("DateTStamp")),
        ),
        Checked(
            "procedurelogs", "PatNum",
            (_PAT, _int("AptNum"), _int("ProvNum"), _int("CodeNum"), _day("ProcDate"), _cents("ProcFee"),
             _number("ProcStatus", "TP", "C", "EC", "EO", "R", "D", "Cn", "TPi", first=1), _moment("DateTStamp")),
        ),
        Checked("diseases", "PatNum", (
            _PAT, _int("DiseaseDefNum"), _day("DateStart"), _day("DateStop"),
            _number("ProbStatus", "Active", "Resolved", "Inactive"),
        ), moved="DateTStamp"),
        Checked("allergies", "PatNum", (
            _PAT, _int("AllergyDefNum"), _flag("StatusIsActive"), _day("DateAdverseReaction"),
        ), moved="DateTStamp"),
        Checked("medicationpats", "PatNum", (
            _PAT, _int("MedicationNum"), _int("ProvNum"), _day("DateStart"), _day("DateStop"),
        ), moved="DateTStamp"),
        Checked("recalls", "PatNum", (
            _PAT, _int("RecallTypeNum"), _int("RecallStatus"), _day("DateDue"), _day("DatePrevious"),
            _moment("DateTStamp"),
        )),
        Checked("perioexams", "PatNum", (_PAT, _int("ProvNum"), _day("ExamDate"), _moment("DateTMeasureEdit"))),
        Checked("periomeasures", "PerioExamNum", (
            _int("PerioExamNum"), _int("IntTooth"), _int("ToothValue"), _int("MBvalue"), _int("Bvalue"),
            _int("DBvalue"), _int("MLvalue"), _int("Lvalue"), _int("DLvalue"), _moment("SecDateTEdit"),
        )),
        Checked("treatplans", "PatNum", (_PAT, _day("DateTP"), _moment("SecDateTEdit"))),
        Checked("claims", "PatNum", (
            _PAT, _int("PlanNum"), _day("DateService"), _day("DateSent"), _day("DateReceived"), _code("ClaimStatus"),
            _cents("ClaimFee"), _cents("InsPayAmt"), _cents("WriteOff"), _moment("SecDateTEdit"),
        )),
        Checked("claimprocs", "PatNum", (
            _PAT, _int("ProvNum"), _int("ProcNum"), _int("ClaimNum"), _int("ClaimPaymentNum"), _day("DateCP"),
            _cents("FeeBilled"), _cents("InsPayAmt"), _cents("WriteOff"), _moment("SecDateTEdit"),
            _number("Status", "NotReceived", "Received", "Preauth", "Adjustment", "Supplemental", "CapClaim",
                    "Estimate", "CapComplete", "CapEstimate", "InsHist"),
        )),
        Checked("claimpayments", "ClaimPaymentNum", (
            _day("CheckDate"), _cents("CheckAmt"), _int("PayType"), _moment("SecDateTEdit"),
        )),
        Checked("payments", "PatNum", (
            _PAT, _int("PayType"), _day("PayDate"), _cents("PayAmt"), _moment("SecDateTEdit"),
        )),
        Checked("paysplits", "PatNum", (
            _PAT, _int("PayNum"), _int("ProvNum"), _int("ProcNum"), _day("DatePay"), _cents("SplitAmt"),
            _day("SecDateTEdit"),
        )),
        Checked("adjustments", "PatNum", (
            _PAT, _int("AdjType"), _int("ProvNum"), _int("ProcNum"), _day("AdjDate"), _cents("AdjAmt"),
            _moment("SecDateTEdit"),
        )),
        Checked("payplancharges", "PayPlanNum", (
            _int("PayPlanNum"), _PAT, _day("ChargeDate"), _cents("Principal"), _cents("Interest"),
            _moment("SecDateTEdit"),
        )),
        Checked("insplans", "CarrierNum", (_int("CarrierNum"), _int("FeeSched"), _moment("SecDateTEdit"))),
        Checked("inssubs", "Subscriber", (
            _int("Subscriber"), _int("PlanNum"), _day("DateEffective"), _day("DateTerm"), _moment("SecDateTEdit"),
        )),
        Checked("patplans", "PatNum", (_PAT, _int("InsSubNum"), _int("Ordinal"), _moment("SecDateTEdit"))),
        Checked("commlogs", "PatNum", (_PAT, _moment("CommDateTime"), _int("CommType"), _moment("DateTStamp"))),
        Checked("patfields", "PatNum", (_PAT, _moment("SecDateTEdit"))),
        Checked("documents", "PatNum", (
            _PAT, _int("DocCategory"), _moment("DateCreated"), _moment("DateTStamp"),
        )),
    )
}  # fmt: skip
"""What is swept by sums. The others are short lists, or their rows show what no column of their table tells (a
schedule's operatories), or have no stamp, so that an edit might be in what the sums leave out."""

ALL: Final[tuple[Statement, ...]] = tuple(
    statement for one in CHECKED.values() for statement in (one.sums, one.rows, one.parents, one.count_of_parents)
)
