"""The models against the catalogue: a misspelled alias reads None for ever, and no other test would notice."""

import pytest

from open_dental.catalogue import resource
from open_dental.models.appointment import Appointment
from open_dental.models.base import OpenDentalModel
from open_dental.models.claim import Claim
from open_dental.models.claimpayment import ClaimPayment
from open_dental.models.claimproc import ClaimProc
from open_dental.models.office import Clinic, Definition, Preference, SecurityPerm
from open_dental.models.operatory import Operatory
from open_dental.models.patient import Patient
from open_dental.models.payment import Payment
from open_dental.models.paysplit import PaySplit
from open_dental.models.procedurelog import ProcedureLog
from open_dental.models.provider import Provider
from open_dental.models.schedule import Schedule

ROWS: dict[str, type[OpenDentalModel]] = {
    "appointments": Appointment,
    "claims": Claim,
    "claimpayments": ClaimPayment,
    "claimprocs": ClaimProc,
    "clinics": Clinic,
    "definitions": Definition,
    "operatories": Operatory,
    "patients": Patient,
    "payments": Payment,
    "paysplits": PaySplit,
    "preferences": Preference,
    "procedurelogs": ProcedureLog,
    "providers": Provider,
    "schedules": Schedule,
    "securityperms": SecurityPerm,
}

# A row of each catalogue type in its commonest form.
ON_THE_WIRE: dict[str, object] = {
    "int": 7,
    "int_string": "7",
    "float": 12.5,
    "decimal_string": "12.5",
    "bool": True,
    "bool_string": "True",
    "string": "X",
    "enum": "Yes",
    "date": "2026-03-01",
    "datetime": "2026-03-01 08:30:00",
    "time": "08:30:00",
    "color": "1,2,3",
    "int_array": [7],
}


@pytest.mark.parametrize("name", ROWS)
def test_every_field_of_a_model_is_a_column_of_its_resource(name: str) -> None:
    it = resource(name)
    columns = {field.name for field in it.fields} | {
        field.name for fields in it.action_fields.values() for field in fields
    }

    assert {field.alias for field in ROWS[name].model_fields.values()} <= columns


@pytest.mark.parametrize("name", ROWS)
def test_a_row_of_the_catalogued_types_fills_every_field(name: str) -> None:
    it = resource(name)
    fields = {field.name: field for fields in (*it.action_fields.values(), it.fields) for field in fields}
    special = {"operatories": "7,8"} if name == "schedules" else {}
    row = {field.name: ON_THE_WIRE[field.type] for field in fields.values()} | special
    row = {column: 12 if value == 12.5 else value for column, value in row.items()}

    read = ROWS[name].read(row)

    assert [field for field, value in read if value is None or value == ()] == []


@pytest.mark.parametrize("name", ROWS)
def test_what_stands_for_nothing_is_none(name: str) -> None:
    """An office without the field, an empty one and year 0001 must look the same to whoever reads the row."""
    it = resource(name)
    model = ROWS[name]
    required = {field.alias for field in model.model_fields.values() if field.is_required()}
    nothing: dict[str, object] = {"date": "0001-01-01", "datetime": "0001-01-01 00:00:00", "string": "", "enum": ""}
    fields = {field.name: field for field in it.fields if field.type in nothing or field.ref}
    full = {field.name: ON_THE_WIRE[field.type] for field in it.fields if field.name in required}

    empty = model.read({field.name: nothing.get(field.type, 0) for field in fields.values()} | full)

    assert empty == model.read(full)
