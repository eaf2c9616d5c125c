"""Rows of `core.patient_360` -> the data of each section. Objects are those of their own endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, TypeAlias

from gateway.core.normalize import appointment, claim, patient, procedure
from gateway.core.normalize.by_fhir import only_known
from gateway.core.normalize.claims import NEEDS_LINES, RELATIONSHIP
from gateway.core.normalize.clinical import allergy, condition, is_current, medication
from gateway.core.normalize.desk import communication, recall
from gateway.core.normalize.office import Office, office
from gateway.core.normalize.procedures import GROUP_NOTE
from gateway.core.normalize.values import Words, day, flag, key, money, text
from gateway.core.office_words import OfficeWords, Table
from gateway.core.practices import Practice
from gateway.core.walltime import to_wall

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Mapping[str, Sequence[Row]]

MOST: Final = 100
"""Entries that a list of a section shows, the newest; the family's own endpoints have the rest."""

GUARANTORS: Final = "guarantors"
"""Under this name lies the row of the family's head, where balances are those of the mirrored rows of patients."""

ONLY_LIVE: Final = (
    "balances.estimated",
    "balances.family.aging",
    "balances.family.estimated",
    "balances.family.insurance_estimate",
    "balances.family.unearned",
)
"""What the account module computes of balances, and no row of a patient has."""

PLAN_TYPE: Final = Words({"": "percentage", "p": "ppo", "f": "flat_copay", "c": "capitation"})
LEVEL: Final = Words({"Patient": "patient", "Family": "family", "SuperFamily": "super_family"})

# The vendor's pages spell them in two ways.
_SPELT: Final = {"Dependant": "Dependent", "InjuredPlantiff": "InjuredPlaintiff"}
# Their normalizers know what FHIR does not say of them.
_KNOW_THEMSELVES: Final = frozenset({"patient", "appointment", "procedure"})
_AHEAD: Final = frozenset({"scheduled", "arrived", "in_chair"})
_OPEN: Final = frozenset({"unscheduled", "planned"})


class Shower:
    """Shows one patient's sections. `rows` are those that came; a question that was refused has none."""

    def __init__(
        self,
        rows: Rows,
        *,
        practice: Practice,
        words: OfficeWords,
        synced_at: datetime,
        now: str,
        show_ssn: bool = False,
        raw: bool = False,
    ) -> None:
        """`now`: as `instant_text` writes it."""
        self._rows, self._practice, self._words = rows, practice, words
        self._synced_at, self._now, self._show_ssn, self._raw = synced_at, now, show_ssn, raw
        self._here: Office = office(practice)
        self._patient = rows["patients"][0]

    def show(self, section: str) -> dict[str, Any]:
        """The data of a section."""
        made: dict[str, Any] = getattr(self, section)()
        return made

    def omitted(self, section: str) -> list[str]:
        """The fields of its objects that would cost more calls."""
        if section == "appointments":
            knows = self._words.knows
            return [
                "appointments.coverage_ids",
                "appointments.extensions",
                *([] if knows(Table.DEFINITIONS, Table.PREFERENCES) else ["appointments.confirmation.status"]),
                *([] if knows(Table.APPOINTMENT_TYPES) else ["appointments.type.name"]),
                *([] if "procedurelogs" in self._rows else ["appointments.procedure_ids"]),
            ]
        if section == "claims":
            return [f"claims.{name}" for name in (*NEEDS_LINES, "carrier")]
        if section == "recalls":
            return [] if self._words.knows(Table.RECALL_TYPES) else ["recalls.type.label"]
        if section in {"demographics", "family"}:
            return [f"{section}.extensions"]
        if section == "balances" and GUARANTORS in self._rows:
            return list(ONLY_LIVE)
        return []

    def demographics(self) -> dict[str, Any]:
        """The patient."""
        return self._person(self._patient)

    def family(self) -> dict[str, Any]:
        """Everybody with the same guarantor, the patient included; deleted ones are hidden from that list."""
        head = key(self._patient.get("Guarantor"))
        members = sorted(self._rows.get("family", ()), key=lambda row: (key(row.get("PatNum")) != head, _key(row)))
        return {
            "guarantor_id": self._here.patient(head) if head else None,
            "members": [self._person(row) for row in members[:MOST]],
            "has_more": len(members) > MOST,
        }

    def alerts(self) -> dict[str, Any]:
        """What whoever treats the patient must know. A list that was refused is None, which is not "none"."""
        notes = next(iter(self._rows.get("patientnotes", ())), None)
        today = to_wall(self._synced_at, self._practice.zone()).date().isoformat()
        return {
            "is_premedicated": flag(self._patient.get("Premed")),
            "urgent_financial_note": text(self._patient.get("FamFinUrgNote")),
            "medical_note": None if notes is None else text(notes.get("Medical")),
            "service_note": None if notes is None else text(notes.get("Service")),
            "allergies": self._each(
                "allergies", "allergy", allergy, lambda row: flag(row.get("StatusIsActive")) is not False
            ),
            "conditions": self._each("diseases", "condition", condition, lambda row: row.get("ProbStatus") == "Active"),
            "medications": self._each("medicationpats", "medication", medication, lambda row: is_current(row, today)),
            "popups": self._popups(),
        }

    def appointments(self) -> dict[str, Any]:
        """Visits ahead, the soonest first; those behind, the newest first; and what waits for a time."""
        procedures = self._rows.get("procedurelogs")
        shown = [
            self._object("appointment", appointment, row, procedures=procedures, words=self._words)
            for row in self._rows.get("appointments", ())
        ]
        waiting, ahead, behind = list[Any](), list[Any](), list[Any]()
        for one in shown:
            is_ahead = one["status"] in _AHEAD and (one["end_at"] or "") >= self._now
            (waiting if one["status"] in _OPEN else ahead if is_ahead else behind).append(one)
        ahead.sort(key=lambda one: one["start_at"])
        behind.sort(key=lambda one: one["start_at"] or "", reverse=True)
        return {
            "upcoming": ahead[:MOST],
            "past": behind[:MOST],
            "waiting": waiting[:MOST],
            "has_more": max(len(ahead), len(behind), len(waiting)) > MOST,
        }

    def treatment(self) -> dict[str, Any]:
        """Procedures that are planned, and those that were completed here, the newest first."""
        rows = [row for row in self._rows.get("procedurelogs", ()) if row.get("procCode") != GROUP_NOTE]
        planned = [row for row in rows if row.get("ProcStatus") == "TP"]
        completed = [row for row in rows if row.get("ProcStatus") == "C"]
        planned.sort(key=lambda row: (day(row.get("DateTP")) or "", _key(row, "ProcNum")), reverse=True)
        completed.sort(key=lambda row: (day(row.get("ProcDate")) or "", _key(row, "ProcNum")), reverse=True)

        def show(row: Row) -> dict[str, Any]:
            return self._object("procedure", procedure, row, areas=self._words.areas)

        return {
            "planned": [show(row) for row in planned[:MOST]],
            "completed": [show(row) for row in completed[:MOST]],
            "has_more": max(len(planned), len(completed)) > MOST,
        }

    def coverage(self) -> dict[str, Any]:
        """The patient's insurances, the primary first, as the family module joins them."""
        rows = sorted(self._rows.get("insurance", ()), key=lambda row: (key(row.get("Ordinal")), _key(row)))
        return {"insurances": [insurance(row, self._here) for row in rows]}

    def balances(self) -> dict[str, Any]:
        """What is owed, signed: below zero is a credit. As old as the office's last aging."""
        portion = money(self._patient.get("EstBalance"))
        if GUARANTORS in self._rows:
            family = next(iter(self._rows[GUARANTORS]), {})
            unknown = dict.fromkeys(("insurance_estimate", "estimated", "unearned", "aging"))
            total = money(family.get("BalTotal"))
            return {"portion": portion, "estimated": None, "family": {"total": total, **unknown}}
        aging = next(iter(self._rows.get("aging", ())), {})
        return {
            "portion": portion,
            "estimated": money(aging.get("PatEstBal")),
            "family": {
                "total": money(aging.get("Total")),
                "insurance_estimate": money(aging.get("InsEst")),
                "estimated": money(aging.get("EstBal")),
                "unearned": money(aging.get("Unearned")),
                "aging": {
                    "days_0_30": money(aging.get("Bal_0_30")),
                    "days_31_60": money(aging.get("Bal_31_60")),
                    "days_61_90": money(aging.get("Bal_61_90")),
                    "days_over_90": money(aging.get("BalOver90")),
                },
            },
        }

    def claims(self) -> dict[str, Any]:
        """Claims, the newest first, without their lines."""
        rows = sorted(
            self._rows.get("claims", ()),
            key=lambda row: (day(row.get("DateService")) or "", _key(row, "ClaimNum")),
            reverse=True,
        )
        shown = [self._object("claim", claim, row) for row in rows[:MOST]]
        return {"claims": shown, "has_more": len(rows) > MOST}

    def recalls(self) -> dict[str, Any]:
        """Recalls that are not disabled for good, the next due first."""
        types = None
        if self._words.knows(Table.RECALL_TYPES):
            types = {key(row.get("RecallTypeNum")): row for row in self._words.recall_types}
        rows = [row for row in self._rows.get("recalls", ()) if not flag(row.get("IsDisabled"))]
        rows.sort(key=lambda row: (day(row.get("DateDue")) or str(date.max), _key(row, "RecallNum")))
        return {"recalls": [self._object("recall", recall, row, types=types) for row in rows[:MOST]]}

    def communications(self) -> dict[str, Any]:
        """What was said and sent, the newest first."""
        rows = sorted(
            self._rows.get("commlogs", ()),
            key=lambda row: (str(row.get("CommDateTime") or ""), _key(row, "CommlogNum")),
            reverse=True,
        )
        shown = [self._object("communication", communication, row) for row in rows[:MOST]]
        return {"communications": shown, "has_more": len(rows) > MOST}

    def _person(self, row: Row) -> dict[str, Any]:
        return self._object("patient", patient, row, words=self._words, show_ssn=self._show_ssn)

    def _object(self, kind: str, show: Callable[..., dict[str, Any]], row: Row, **more: Any) -> dict[str, Any]:
        """The object of a row as its own endpoint shows it."""
        shown = show(row, practice=self._practice, synced_at=self._synced_at, raw=self._raw, **more)
        return shown if kind in _KNOW_THEMSELVES else only_known(kind, shown, row)

    def _each(
        self, name: str, kind: str, show: Callable[..., dict[str, Any]], wanted: Callable[[Row], bool]
    ) -> list[dict[str, Any]] | None:
        if name not in self._rows:
            return None
        return [self._object(kind, show, row) for row in self._rows[name] if wanted(row)]

    def _popups(self) -> list[dict[str, Any]] | None:
        """Popups that are on: copies that a change of the text left behind are not."""
        if "popups" not in self._rows:
            return None
        return [
            {
                "text": text(row.get("Description")),
                "level": LEVEL[text(row.get("PopupLevel"))],
                "created_at": self._here.clock.instant(row.get("DateTimeEntry")),
            }
            for row in self._rows["popups"]
            if flag(row.get("IsArchived")) is not True and self._is_on(row)
        ]

    def _is_on(self, row: Row) -> bool:
        off = self._here.clock.instant(row.get("DateTimeDisabled"))
        return off is None or off > self._now


def insurance(row: Row, here: Office) -> dict[str, Any]:
    """One of a patient's insurances, of a row as the family module joins it."""
    get = row.get
    word = text(get("Relationship")) or ""
    ordinal, subscriber, carrier = key(get("Ordinal")), key(get("Subscriber")), key(get("CarrierNum"))
    return {
        "coverage_id": here.coverage(key(get("InsSubNum"))),
        "ordinal": ordinal,
        "relationship": RELATIONSHIP[_SPELT.get(word, word)],
        "is_pending": flag(get("IsPending")),
        "is_medical": flag(get("IsMedical")),
        "subscriber_id": here.patient(subscriber) if subscriber else None,
        "member_id": text(get("PatID")) or text(get("SubscriberID")),
        "carrier": {"id": here.carrier(carrier), "name": text(get("CarrierName"))} if carrier else None,
        "plan": {
            "type": PLAN_TYPE[str(get("PlanType") or "")],
            "group_name": text(get("GroupName")),
            "group_number": text(get("GroupNum")),
        },
    }


def _key(row: Row, column: str = "PatNum") -> int:
    return key(row.get(column))
