"""Believable rows for an empty practice."""

from __future__ import annotations

from infra.sandbox.practice.office import Office


def seed(office: Office, *, patients: int, seed: int) -> None:
    """Fill the empty practice with `patients` invented people; the same `seed` gives the same rows."""
    _ = seed
    with office.store.transaction():
        for number in range(1, patients + 1):
            key = office.store.insert("patient", {"LName": f"Sample{number}", "FName": "Pat", "PriProv": 1})
            office.store.update("patient", key, {"Guarantor": key})
