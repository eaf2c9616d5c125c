"""Whether somebody fits, and by what: pure rules over the rows of one patient.

A filter that holds gives its evidence: ids, a day, an amount. One that does not hold gives None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from gateway.core.audiences.consent import Row, age_on, language_of
from gateway.core.audiences.filters import OF_ROW, Criteria, Filter
from gateway.core.ids import parse_row_id, row_id
from gateway.core.normalize.patients import STATUS
from gateway.core.normalize.procedures import GROUP_NOTE
from gateway.core.normalize.values import day, exact, flag, key, money_of, text, whole

MOST_IDS: Final = 20
"""Ids that the evidence of one filter names."""

_BROKEN: Final = frozenset({"D9986", "D9987"})
"""Missed and cancelled visits are charted as completed procedures: nobody was there."""

_MIDNIGHT: Final = "00:00:00"


@dataclass(frozen=True, slots=True)
class About:
    """The rows of one patient, as far as some filter looks at them. `family`: the completed procedures and the
    adjustments of all members, for a guarantor. `carriers`: CarrierNum of each coverage."""

    row: Row
    recalls: Sequence[Row] = ()
    visits: Sequence[Row] = ()
    procedures: Sequence[Row] = ()
    coverages: Sequence[Row] = ()
    carriers: frozenset[int] = frozenset()
    family_procedures: Sequence[Row] = ()
    family_adjustments: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class When:
    """The moment that filters go by, as the office's wall has it."""

    practice_id: str
    wall: datetime

    @property
    def today(self) -> date:
        """The office's day."""
        return self.wall.date()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a filter goes by. `on`: a due day, a last visit, a birthday; `amount`: a balance, what work comes to."""

    filter: str
    on: date | None = None
    amount: Decimal | None = None
    ids: tuple[str, ...] = field(default=())

    def shown(self) -> dict[str, Any]:
        """As it is answered."""
        return {
            "filter": self.filter,
            "on": self.on and self.on.isoformat(),
            "amount": None if self.amount is None else money_of(self.amount),
            "ids": list(self.ids[:MOST_IDS]),
        }


def of_row(wanted: Filter, row: Row, when: When) -> bool:
    """Whether a patient may fit, by what the row alone says: nothing else has to be read of whoever does not."""
    about = About(row)
    named = wanted.named() & OF_ROW
    if any(_RULES[name](wanted, about, when) is None for name in named):
        return False
    none_of = wanted.none_of
    return none_of is None or all(_RULES[name](none_of, about, when) is None for name in none_of.named() & OF_ROW)


def reasons(wanted: Filter, about: About, when: When) -> list[Evidence] | None:
    """The evidence of each filter, in the order of the filters; None for somebody who does not fit."""
    found: list[Evidence] = []
    for name, rule in _RULES.items():
        if getattr(wanted, name) is not None:
            evidence = rule(wanted, about, when)
            if evidence is None:
                return None
            found.append(evidence)
    none_of = wanted.none_of
    if none_of is not None and any(_RULES[name](none_of, about, when) is not None for name in none_of.named()):
        return None
    return found


# Each filter


def _overdue_recall(wanted: Criteria, about: About, when: When) -> Evidence | None:
    asked = wanted.overdue_recall
    assert asked is not None
    if about.row.get("PatStatus") != "Patient":
        # Nobody else is recalled, whatever their rows say.
        return None
    kinds = None if asked.type_ids is None else _keys(asked.type_ids, "recall_type", when)
    latest = when.today - timedelta(days=asked.by_days)
    due = sorted(
        (on, key(row.get("RecallNum")))
        for row in about.recalls
        if (on := _day(row, "DateDue")) is not None
        and on < latest
        and _is_open(row, when)
        and (kinds is None or key(row.get("RecallTypeNum")) in kinds)
    )
    if not due:
        return None
    ids = tuple(row_id("recall", when.practice_id, number) for _, number in due)
    return Evidence("overdue_recall", on=due[0][0], ids=ids)


def _is_open(recall: Row, when: When) -> bool:
    scheduled, until = _day(recall, "DateScheduled"), _day(recall, "DisableUntilDate")
    if flag(recall.get("IsDisabled")) or (until is not None and until > when.today):
        return False
    # Off while the family owes more; what it owes by then is the office's to look at.
    return (scheduled is None or scheduled < when.today) and not exact(recall.get("DisableUntilBalance"))


def _unscheduled_treatment(wanted: Criteria, about: About, when: When) -> Evidence | None:
    asked = wanted.unscheduled_treatment
    assert asked is not None
    booked = {key(visit.get("AptNum")) for visit in about.visits if _is_to_come(visit, when)}
    open_ = [
        row
        for row in about.procedures
        if row.get("ProcStatus") == "TP"
        and key(row.get("AptNum")) not in booked
        and row.get("procCode") != GROUP_NOTE
        and (asked.since is None or ((on := _day(row, "DateTP")) is not None and on >= asked.since))
    ]
    total = sum((_fee(row) for row in open_), Decimal(0))
    if not open_ or (asked.min_total is not None and total < asked.min_total.value):
        return None
    first = min((on for row in open_ if (on := _day(row, "DateTP")) is not None), default=None)
    numbers = sorted(key(row.get("ProcNum")) for row in open_)
    ids = tuple(row_id("procedure", when.practice_id, number) for number in numbers)
    return Evidence("unscheduled_treatment", on=first, amount=total, ids=ids)


def _open_balance(wanted: Criteria, about: About, when: When) -> Evidence | None:
    asked = wanted.open_balance
    assert asked is not None
    if key(about.row.get("Guarantor")) != key(about.row.get("PatNum")):
        # A family's balance sits on the row of whoever pays.
        return None
    owed = exact(about.row.get("BalTotal"))
    if asked.older_than_days is not None:
        owed -= _charged(about, when.today - timedelta(days=asked.older_than_days))
    if owed <= 0 or owed < asked.min_amount.value:
        return None
    return Evidence("open_balance", amount=owed)


def _charged(about: About, since: date) -> Decimal:
    """What the family was charged from that day on."""
    work = (
        _fee(row)
        for row in about.family_procedures
        if row.get("ProcStatus") == "C" and (on := _day(row, "ProcDate")) is not None and on >= since
    )
    more = (
        amount
        for row in about.family_adjustments
        if (on := _day(row, "AdjDate")) is not None and on >= since and (amount := exact(row.get("AdjAmt"))) > 0
    )
    return sum(work, Decimal(0)) + sum(more, Decimal(0))


def _birthday(wanted: Criteria, about: About, when: When) -> Evidence | None:
    asked = wanted.birthday
    assert asked is not None
    born = _day(about.row, "Birthdate")
    if born is None:
        return None
    following = next(
        on for year in (when.today.year, when.today.year + 1) if (on := _in_year(born, year)) >= when.today
    )
    if asked.month is not None:
        fits = born.month == asked.month
    else:
        assert asked.within_days is not None
        fits = following <= when.today + timedelta(days=asked.within_days)
    return Evidence("birthday", on=following) if fits else None


def _in_year(born: date, year: int) -> date:
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def _no_visit_since(wanted: Criteria, about: About, when: When) -> Evidence | None:
    since = wanted.no_visit_since
    assert since is not None
    last = last_visit(about, when)
    return Evidence("no_visit_since", on=last) if last is not None and last < since else None


def _last_visit_between(wanted: Criteria, about: About, when: When) -> Evidence | None:
    asked = wanted.last_visit_between
    assert asked is not None
    last = last_visit(about, when)
    fits = last is not None and asked.date_from <= last <= asked.date_to
    return Evidence("last_visit_between", on=last) if fits else None


def last_visit(about: About, when: When) -> date | None:
    """The last day on which somebody was seen: by a completed visit, or by completed work that is none of a visit
    that was missed or cancelled."""
    visits = (_day(row, "AptDateTime") for row in about.visits if row.get("AptStatus") == "Complete")
    work = (
        _day(row, "ProcDate")
        for row in about.procedures
        if row.get("ProcStatus") == "C" and str(row.get("procCode"))[:5] not in _BROKEN
    )
    return max((on for on in (*visits, *work) if on is not None and on <= when.today), default=None)


def _has_future_appointment(wanted: Criteria, about: About, when: When) -> Evidence | None:
    coming = sorted(
        (str(visit.get("AptDateTime")), key(visit.get("AptNum"))) for visit in about.visits if _is_to_come(visit, when)
    )
    if bool(coming) != wanted.has_future_appointment:
        return None
    on = _day({"at": coming[0][0]}, "at") if coming else None
    ids = tuple(row_id("appointment", when.practice_id, number) for _, number in coming)
    return Evidence("has_future_appointment", on=on, ids=ids)


def _is_to_come(visit: Row, when: When) -> bool:
    if visit.get("AptStatus") != "Scheduled":
        return False
    at = str(visit.get("AptDateTime") or "").replace("T", " ")
    return at >= when.wall.isoformat(sep=" ", timespec="seconds")


def _age(wanted: Criteria, about: About, when: When) -> Evidence | None:
    asked = wanted.age
    assert asked is not None
    age = age_on(about.row, when.today)
    if age is None:
        return None
    fits = (asked.at_least is None or age >= asked.at_least) and (asked.at_most is None or age <= asked.at_most)
    return Evidence("age") if fits else None


def _provider_ids(wanted: Criteria, about: About, when: When) -> Evidence | None:
    assert wanted.provider_ids is not None
    own = {key(about.row.get("PriProv")), key(about.row.get("SecProv"))} - {0}
    found = own & _keys(wanted.provider_ids, "provider", when)
    ids = tuple(row_id("provider", when.practice_id, one) for one in sorted(found))
    return Evidence("provider_ids", ids=ids) if found else None


def _location_ids(wanted: Criteria, about: About, when: When) -> Evidence | None:
    assert wanted.location_ids is not None
    clinic = key(about.row.get("ClinicNum"))
    fits = clinic in _keys(wanted.location_ids, "location", when)
    return Evidence("location_ids", ids=(row_id("location", when.practice_id, clinic),)) if fits else None


def _status(wanted: Criteria, about: About, when: When) -> Evidence | None:  # noqa: ARG001 - one shape for all filters
    assert wanted.status is not None
    return Evidence("status") if STATUS[about.row.get("PatStatus")] in wanted.status else None


def _insurance(wanted: Criteria, about: About, when: When) -> Evidence | None:
    asked = wanted.insurance
    assert asked is not None
    if asked.carrier_id is not None:
        fits = bool(about.carriers & _keys((asked.carrier_id,), "carrier", when))
    else:
        fits = bool(about.coverages) == asked.has
    numbers = sorted({key(row.get("InsSubNum")) for row in about.coverages} - {0})
    ids = tuple(row_id("coverage", when.practice_id, number) for number in numbers)
    return Evidence("insurance", ids=ids) if fits else None


def _language(wanted: Criteria, about: About, when: When) -> Evidence | None:  # noqa: ARG001 - as above
    assert wanted.language is not None
    return Evidence("language") if language_of(about.row) in wanted.language else None


_RULES: Final[Mapping[str, Callable[[Criteria, About, When], Evidence | None]]] = {
    "overdue_recall": _overdue_recall,
    "unscheduled_treatment": _unscheduled_treatment,
    "open_balance": _open_balance,
    "birthday": _birthday,
    "no_visit_since": _no_visit_since,
    "last_visit_between": _last_visit_between,
    "has_future_appointment": _has_future_appointment,
    "age": _age,
    "provider_ids": _provider_ids,
    "location_ids": _location_ids,
    "status": _status,
    "insurance": _insurance,
    "language": _language,
}


def _keys(ids: Iterable[str], kind: str, when: When) -> frozenset[int]:
    """Keys behind ids, which are this practice's: who asked was told otherwise."""
    found = (parse_row_id(one, kind) for one in ids)
    return frozenset(one.key for one in found if one.practice_id == when.practice_id)


def _day(row: Mapping[str, Any], column: str) -> date | None:
    found = day(text(row.get(column)))
    return None if found is None else date.fromisoformat(found)


def _fee(row: Row) -> Decimal:
    quantity = max(1, (whole(row.get("UnitQty")) or 0) + (whole(row.get("BaseUnits")) or 0))
    return exact(row.get("ProcFee")) * quantity
