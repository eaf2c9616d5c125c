"""Rows of a day -> what a visit shows of its patient. Made by the objects' own normalizers, and less of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, TypeAlias

from gateway.core.day_fetches import GUARANTORS, INSURANCE, UNREAD
from gateway.core.normalize import patient
from gateway.core.normalize.clinical import allergy, condition, is_current, medication
from gateway.core.normalize.desk import recall
from gateway.core.normalize.office import Office, office
from gateway.core.normalize.patient_360 import insurance
from gateway.core.normalize.values import day, flag, key, money, text
from gateway.core.practices import Practice

Row: TypeAlias = Mapping[str, Any]
ByPatient: TypeAlias = dict[int, list[Row]]

_SHOWN: Final = (  # noqa: SIM905
    "id name birth_date sex status phones emails language language_source guarantor_id primary_provider_id location_id "
    "contact_preferences"
).split()
_RECALL: Final = ("id", "type", "due_on", "scheduled_on", "status", "disabled_until")
_NOT_TAKEN: Final = frozenset({"broken", "no_show", "cancelled"})


class DayShower:
    """Shows what the rows of `core.day_fetches`, read at `synced_at`, say of each patient on the day `on`."""

    def __init__(
        self, rows: Mapping[str, Sequence[Row]], *, practice: Practice, on: date, today: str, synced_at: datetime
    ) -> None:
        self._rows, self._practice, self._on, self._today = rows, practice, on, today
        self._synced_at = synced_at
        self._here: Office = office(practice)
        self._people = {key(row.get("PatNum")): row for row in rows.get("patients", ())}
        self._heads = {key(row.get("PatNum")): row for row in rows.get(GUARANTORS, ())}
        self._by: dict[str, ByPatient] = {}
        self._types = {key(row.get("RecallTypeNum")): row for row in rows.get("recalltypes", ())}

    def patient(self, number: int) -> dict[str, Any] | None:
        """The patient; None where Open Dental has none of that key."""
        row = self._people.get(number)
        if row is None:
            return None
        shown = patient(row, practice=self._practice, synced_at=self._synced_at)
        found = {name: shown[name] for name in _SHOWN if name in shown}
        return found | {"age": _age(shown["birth_date"], self._on)}

    def balance(self, number: int) -> dict[str, Any] | None:
        """What the patient and the family owe; None where the patient is not there."""
        row = self._people.get(number)
        if row is None:
            return None
        head = key(row.get("Guarantor"))
        family = self._heads.get(head, {})
        return {
            "portion": money(row.get("EstBalance")),
            "family_total": money(family.get("BalTotal")),
            "guarantor_id": self._here.patient(head) if head else None,
            "urgent_note": text(family.get("FamFinUrgNote")),
        }

    def coverage(self, number: int) -> list[dict[str, Any]] | None:
        """The patient's insurances, the primary first; None where Open Dental does not tell them."""
        if number in self._of(UNREAD):
            return None
        rows = sorted(
            self._of(INSURANCE).get(number, ()),
            key=lambda row: (key(row.get("Ordinal")), key(row.get("PatPlanNum")), key(row.get("InsSubNum"))),
        )
        return [insurance(row, self._here) for row in rows]

    def recalls(self, number: int) -> list[dict[str, Any]]:
        """The next recall of each type."""
        rows = [row for row in self._of("recalls").get(number, ()) if not flag(row.get("IsDisabled"))]
        due = sorted((day(row.get("DateDue")) or "", key(row.get("RecallNum"))) for row in rows)
        by_number = {key(row.get("RecallNum")): row for row in rows}
        found: dict[int, dict[str, Any]] = {}
        for due_on, recall_number in due:
            row = by_number[recall_number]
            kind = key(row.get("RecallTypeNum"))
            if due_on and kind not in found:
                shown = recall(row, practice=self._practice, synced_at=self._synced_at, types=self._types)
                found[kind] = {name: shown[name] for name in _RECALL} | {"is_overdue": due_on < self._on.isoformat()}
        return list(found.values())

    def alerts(self, number: int) -> dict[str, Any]:
        """What is active now."""
        person = self._people.get(number, {})
        allergies = [row for row in self._each("allergies", number) if flag(row.get("StatusIsActive")) is not False]
        conditions = [row for row in self._each("diseases", number) if row.get("ProbStatus") == "Active"]
        taken = [row for row in self._each("medicationpats", number) if is_current(row, self._today)]
        return {
            "is_premedicated": flag(person.get("Premed")),
            "allergies": [self._part(allergy, row, "id", "label", "reaction") for row in allergies],
            "conditions": [self._part(condition, row, "id", "label", "note", "started_on") for row in conditions],
            "medications": [
                self._part(medication, row, "id", "name", "note", "started_on", "stopped_on") for row in taken
            ],
        }

    def _part(self, show: Any, row: Row, *names: str) -> dict[str, Any]:
        shown = show(row, practice=self._practice, synced_at=self._synced_at)
        return {name: shown[name] for name in names}

    def _each(self, name: str, number: int) -> Iterable[Row]:
        column = {"allergies": "AllergyNum", "diseases": "DiseaseNum", "medicationpats": "MedicationPatNum"}[name]
        return sorted(self._of(name).get(number, ()), key=lambda row: key(row.get(column)))

    def _of(self, name: str) -> ByPatient:
        if name not in self._by:
            found: ByPatient = defaultdict(list)
            for row in self._rows.get(name, ()):
                found[key(row.get("PatNum"))].append(row)
            self._by[name] = dict(found)
        return self._by[name]


def totals(visits: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts of a day's appointments."""
    every = list(visits)
    shown = [one for one in every if one["kind"] == "appointment"]
    by_status: dict[str, int] = defaultdict(int)
    by_confirmation: dict[str | None, dict[str, Any]] = {}
    for one in shown:
        by_status[one["status"] or "other"] += 1
        # FHIR tells neither this nor who is new.
        if (confirmation := one.get("confirmation")) is not None:
            told = by_confirmation.setdefault(confirmation["definition_id"], {**confirmation, "visits": 0})
            told["visits"] += 1
    return {
        "visits": len(shown),
        "notes": len(every) - len(shown),
        "patients": len({one["patient_id"] for one in shown} - {None}),
        "new_patients": (
            len({one["patient_id"] for one in shown if one["is_new_patient"]})
            if all("is_new_patient" in one for one in shown)
            else None
        ),
        "minutes": sum(one["duration_minutes"] for one in shown if one["status"] not in _NOT_TAKEN),
        "by_status": dict(sorted(by_status.items())),
        "by_confirmation": sorted(by_confirmation.values(), key=lambda one: (-one["visits"], one["label"] or "")),
    }


def working(shown: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Who works, of the day's schedules as their own endpoint shows them."""
    hours: dict[str | None, list[dict[str, Any]]] = {}
    every = list(shown)
    for one in every:
        if one["kind"] == "provider_hours":
            names = ("start_at", "end_at", "local_start", "local_end", "operatory_ids", "note")
            hours.setdefault(one["provider_id"], []).append({name: one[name] for name in names})
    return {
        "is_open": bool(hours),
        "providers": [{"provider_id": who, "hours": stretches} for who, stretches in hours.items()],
        "practice_days": [one for one in every if one["kind"] == "practice_day"],
        "blockouts": [one for one in every if one["kind"] == "blockout"],
    }


def _age(born: str | None, on: date) -> int | None:
    """Years on that day; None for a birth date that is not known, or not yet."""
    if born is None:
        return None
    birth = date.fromisoformat(born)
    years = on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
    return years if years >= 0 else None
