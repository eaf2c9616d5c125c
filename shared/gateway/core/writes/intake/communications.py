"""`POST /communications`."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import StringConstraints, model_validator

from gateway.core.callers import Caller
from gateway.core.capability import require
from gateway.core.inputs import Moment, WallTime, broken_rule
from gateway.core.operations import Operation
from gateway.core.ports import Services
from gateway.core.requests import submit
from gateway.core.writes.models import Input
from gateway.core.writes.naming import allowed, key_in, named, start_of

_MODES: Final = {
    None: "None",
    "email": "Email",
    "mail": "Mail",
    "phone": "Phone",
    "in_person": "In Person",
    "text": "Text",
    "email_and_text": "Email and Text",
    "phone_and_text": "Phone and Text",
}
"""As they are sent: with spaces, though the schema has none. Source: https://www.opendental.com/site/apicommlogs.html."""
_DIRECTIONS: Final = {None: "Neither", "sent": "Sent", "received": "Received"}


class NewCommunication(Input):
    """`POST /communications`: writes down a contact with a patient; it sends nothing.

    What kind it is: `type_id`, a definition of the category `communication_type`, or `type`, what the program uses it
    for; neither is the office's miscellaneous one. Every contact of type `recall` counts as a reminder that was sent.
    When: `at` or `local_at`, now unless said otherwise. Null modes and directions are none.
    """

    patient_id: str
    note: Annotated[str, StringConstraints(min_length=1, max_length=4000)]
    practice_id: str | None = None
    type_id: str | None = None
    type: Literal["appointment", "recall", "reactivation", "text", "miscellaneous"] | None = None
    mode: Literal["email", "mail", "phone", "in_person", "text", "email_and_text", "phone_and_text"] | None = None
    direction: Literal["sent", "received"] | None = None
    at: Moment | None = None
    local_at: WallTime | None = None

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if self.type_id is not None and self.type is not None:
            raise broken_rule("type", "only one of type_id and type may be sent")
        if self.at is not None and self.local_at is not None:
            raise broken_rule("local_at", "only one of at and local_at may be sent")
        return self


def create_communication(contact: NewCommunication, *, caller: Caller, key: str, on: Services) -> Operation:
    """Queue the entry. The result is the communication; the plan is `gateway.core.writes.communication`.

    Raises: NotFound, Invalid, PermissionMissing, VersionTooOld, KeyReused, QueueFull.
    """
    patient = named(contact.patient_id, "patient", "patient_id")
    practice = allowed(caller, patient, "communications", on, practice_id=contact.practice_id, param="patient_id")
    require(practice, "commlogs.create", "commlogs.list")
    at = start_of(contact.local_at, contact.at, practice, params=("local_at", "at"))
    input_ = {
        "patient": patient.key,
        "note": contact.note,
        "type": contact.type,
        "definition": key_in(contact.type_id, "definition", practice, "type_id"),
        "mode": _MODES[contact.mode],
        "direction": _DIRECTIONS[contact.direction],
        "at": at and at.isoformat(sep=" ", timespec="seconds"),
    }
    return submit("communications.create", input_, practice=practice, caller=caller, idempotency_key=key, on=on)
