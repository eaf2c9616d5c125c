"""What starts the workflow `book`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import StringConstraints, model_validator

from gateway.core.inputs import Day, broken_rule
from gateway.core.reads.slots import NextSlotsQuery
from gateway.core.writes.intake.patients import EmailInput, NewName, PhoneInput
from gateway.core.writes.models import NOTE_LIMIT, Input


class PersonInput(Input):
    """Whom the visit is for, where no `patient_id` is known: looked for by name and birth date, and added if nobody is.

    Without `add` a person whom nobody knows ends the run: `patient-not-found`. Several who fit always do:
    `patient-ambiguous`.
    """

    name: NewName
    birth_date: Day
    phones: tuple[PhoneInput, ...] | None = None
    emails: tuple[EmailInput, ...] | None = None
    add: bool = True


class VisitInput(Input):
    """What of the visit is no time: as in a booking."""

    note: Annotated[str, StringConstraints(max_length=NOTE_LIMIT)] | None = None
    hygienist_id: str | None = None
    is_hygiene: bool = False
    is_new_patient: bool | None = None
    is_asap: bool = False


class ContactInput(Input):
    """What is logged of telling the patient: as in `POST /communications`."""

    note: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    mode: Literal["email", "mail", "phone", "in_person", "text"] | None = None


class BookInput(Input):
    """`POST /workflow_runs` with `workflow: book`.

    Exactly one of `patient_id` and `patient`. `slot` is what `GET /slots/next_available` takes; its first time is
    kept and booked, and if somebody is faster the next one, up to five. `confirmation`: what the visit's confirmation
    becomes. `contact`: what is logged afterwards; it failing leaves the booking as it is.
    """

    workflow: Literal["book"]
    practice_id: str
    patient_id: str | None = None
    patient: PersonInput | None = None
    slot: NextSlotsQuery
    visit: VisitInput = VisitInput()
    confirmation: Literal["sent", "confirmed"] | None = None
    contact: ContactInput | None = None

    @model_validator(mode="after")
    def _one_patient(self) -> Self:
        if (self.patient_id is None) == (self.patient is None):
            raise broken_rule("patient_id", "exactly one of patient_id and patient is needed")
        if self.slot.practice_id not in (None, self.practice_id):
            raise broken_rule("practice_id", "slot names another practice")
        if self.slot.pattern is not None:
            # What is free says how long it is, and not in which parts.
            raise broken_rule("slot.pattern", "say how long the visit is by duration_minutes or appointment_type_id")
        return self


def sealed_booking(wanted: BookInput) -> Mapping[str, Any]:
    """What its steps add to their requests."""
    sealed: dict[str, Any] = {
        "slot": {
            **wanted.slot.model_dump(mode="json", exclude_unset=True),
            "practice_id": wanted.practice_id,
            "limit": 1,
        },
        "visit": {
            **wanted.visit.model_dump(mode="json", exclude_unset=True, exclude_none=True),
            "practice_id": wanted.practice_id,
            **wanted.slot.model_dump(mode="json", include={"appointment_type_id"}, exclude_none=True),
        },
        "has": {
            "patient": wanted.patient_id is not None,
            "add": wanted.patient is not None and wanted.patient.add,
            "confirmation": wanted.confirmation is not None,
            "contact": wanted.contact is not None,
        },
    }
    person = wanted.patient
    if person is not None:
        sealed["search"] = {
            "practice_id": wanted.practice_id,
            "name": f"{person.name.last}, {person.name.first}",
            "name_is": "whole",
            "status": ["active", "prospective", "inactive", "non_patient"],
            "limit": 2,
            "birth_date": person.birth_date.isoformat(),
        }
        sealed["patient"] = {
            "practice_id": wanted.practice_id,
            **person.model_dump(mode="json", exclude={"add"}, exclude_unset=True, exclude_none=True),
        }
    if wanted.confirmation is not None:
        sealed["confirmation"] = {"confirmation": {"status": wanted.confirmation}}
    if wanted.contact is not None:
        sealed["contact"] = {
            "type": "appointment",
            "direction": "sent",
            **wanted.contact.model_dump(mode="json", exclude_none=True),
        }
    return sealed
