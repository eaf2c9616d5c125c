"""Adding and changing patients. Source: https://www.opendental.com/site/apipatients.html.

Adding costs three calls: who is alike, the POST, the patient. Changing costs two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core import normalize
from gateway.core.errors import PossibleDuplicate
from gateway.core.fetches import Steps
from gateway.core.ids import row_id
from gateway.core.office_words import Table
from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, Row, UpstreamCall
from gateway.core.writes.common import blames, listed
from gateway.core.writes.intake.patients import FIELDS
from gateway.core.writes.words import at_hand, own_fields
from open_dental import wire


@blames(**FIELDS)
def create(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `POST /patients`. `input_`: `body` (as Open Dental spells it), `allow_duplicate`.

    Raises: PossibleDuplicate: with the ids of those who are alike.
    """
    body = input_["body"]
    natural = {name: body[name] for name in ("LName", "FName", "Birthdate") if name in body}
    look = UpstreamCall("patients.Simple", query=natural)
    before = yield from listed(look.operation, look.query, context)
    alike = [row for row in before if _is_alike(row, body)]
    if alike and not input_["allow_duplicate"]:
        keys = sorted(wire.key(row.get("PatNum")) or 0 for row in alike)
        raise PossibleDuplicate(
            "somebody of this name and birth date is there already; allow_duplicate adds another one",
            param="name",
            patient_ids=[row_id("patient", context.practice.id, key) for key in keys],
        )
    evidence = Evidence(
        look=look,
        key_field="PatNum",
        natural=natural,
        known_keys=frozenset(wire.key(row.get("PatNum")) or 0 for row in before),
    )
    made = (yield UpstreamCall("patients.create", body=body, step="create", evidence=evidence)).row
    return Outcome(body=(yield from read_back(wire.key(made.get("PatNum")) or 0, context)), created=True)


@blames(**FIELDS)
def update(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `PATCH /patients/{id}`. `input_`: `patient` (key), `body` (what changes)."""
    number = input_["patient"]
    yield UpstreamCall("patients.update", path={"PatNum": number}, body=input_["body"], step="change")
    return Outcome(body=(yield from read_back(number, context)))


def _is_alike(row: Row, body: Mapping[str, Any]) -> bool:
    """Same name and birth date. Without a birth date the name is all there is; filters match parts of names."""
    same_name = all(
        str(row.get(name) or "").strip().casefold() == str(body[name]).casefold() for name in ("LName", "FName")
    )
    return same_name and ("Birthdate" not in body or str(row.get("Birthdate")) == body["Birthdate"])


def read_back(number: int, context: PlanContext) -> Steps[dict[str, Any]]:
    """The patient as it stands after a write."""
    row = (yield UpstreamCall("patients.get", path={"PatNum": number})).row
    words = yield from at_hand(Table.DEFINITIONS, Table.PATIENT_FIELDS)
    return normalize.patient(
        row,
        practice=context.practice,
        synced_at=context.accepted_at,
        words=words,
        fields=own_fields(words, Table.PATIENT_FIELDS),
    )
