"""Rows of Open Dental that a calendar is made of."""

from __future__ import annotations

from typing import Any


def hours(provider: int, day: str, start: str, stop: str, operatories: str = "") -> dict[str, Any]:
    return _schedule("Provider", day, start, stop, operatories) | {"ProvNum": str(provider)}


def blockout(kind: int, day: str, start: str, stop: str, operatories: str = "") -> dict[str, Any]:
    return _schedule("Blockout", day, start, stop, operatories) | {"BlockoutType": str(kind)}


def _schedule(kind: str, day: str, start: str, stop: str, operatories: str) -> dict[str, Any]:
    return {
        "SchedType": kind, "SchedDate": day, "StartTime": start, "StopTime": stop, "operatories": operatories,
        "ProvNum": "0", "BlockoutType": "0", "EmployeeNum": "0",
    }  # fmt: skip


def appointment(key: int, start: str, **changes: Any) -> dict[str, Any]:
    return {
        "AptNum": key, "AptStatus": "Scheduled", "AptDateTime": start, "Pattern": "XX", "PatternSecondary": "",
        "Op": 1, "ProvNum": 1, "ProvHyg": 0, "IsHygiene": "false",
    } | changes  # fmt: skip


def definition(key: int, name: str, value: str = "") -> dict[str, Any]:
    return {"DefNum": key, "ItemName": name, "ItemValue": value, "Category": 25}


def kind_of_visit(key: int, blockouts: str) -> dict[str, Any]:
    return {"AppointmentTypeNum": key, "BlockoutTypes": blockouts, "Pattern": "XX", "IsHidden": "false"}


def operatory(key: int, *, dentist: int = 0, hygienist: int = 0) -> dict[str, Any]:
    return {
        "OperatoryNum": key, "ItemOrder": key, "IsHidden": "false", "ProvDentist": dentist, "ProvHygienist": hygienist,
        "ClinicNum": 0,
    }  # fmt: skip
