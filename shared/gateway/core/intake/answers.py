"""What a patient answered on a form: the fields of a sheet that are answers, each as text, tick, choice or signature.

Sources: https://www.opendental.com/site/apisheetfields.html, and the published database schema of sheetfield
(https://www.opendental.com/OpenDentalDocumentation26-1.xml). Printed text is no answer. A signature's data and what
is labelled as a social security number leave nothing here but that they are there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from gateway.core.normalize.values import flag, key, text
from gateway.core.resources.secrets import labels_secret

Row = Mapping[str, Any]
Kind = Literal["text", "check_box", "choice", "signature"]

KINDS: Final[Mapping[str, Kind]] = {
    "InputField": "text",
    "CheckBox": "check_box",
    "ComboBox": "choice",
    "SigBox": "signature",
    "SigBoxPractice": "signature",
}
FORMS: Final[Mapping[str, str]] = {
    "PatientForm": "patient_form",
    "MedicalHistory": "medical_history",
    "Consent": "consent",
}
"""Types of sheets that patients fill in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One field. `value`: what was written or chosen; of a box or a signature None. `is_on`: a box that is ticked, a
    signature that is there. `among`: how many fields have this name: Open Dental does not say which of several boxes
    is the yes and which the no.
    """

    name: str
    kind: Kind
    value: str | None
    is_on: bool | None
    is_required: bool
    among: int = 1

    def shown(self) -> dict[str, Any]:
        """As it is answered."""
        return {
            "name": self.name,
            "kind": self.kind,
            "value": self.value,
            "is_on": self.is_on,
            "is_required": self.is_required,
        }


def is_form(sheet: Row) -> bool:
    """Whether a sheet is one that a patient fills in."""
    return bool(flag(sheet.get("IsWebForm"))) or str(sheet.get("SheetType")) in FORMS


def answers_of(fields: Iterable[Row]) -> list[Answer]:
    """The answers among the fields of a sheet, in the order of the fields."""
    rows = sorted(
        (row for row in fields if str(row.get("FieldType")) in KINDS), key=lambda row: key(row.get("SheetFieldNum"))
    )
    rows = [row for row in rows if not labels_secret(_name(row))]
    names = Counter(_name(row) for row in rows)
    return [_answer(row, names[_name(row)]) for row in rows]


def _name(row: Row) -> str:
    return text(row.get("FieldName")) or text(row.get("ReportableName")) or ""


def _answer(row: Row, among: int) -> Answer:
    kind, said = KINDS[str(row.get("FieldType"))], text(row.get("FieldValue"))
    value = is_on = None
    if kind == "check_box":
        is_on = said is not None and said.upper() == "X"
    elif kind == "signature":
        # The kind of pad stands before the signature: that alone is none.
        is_on = said is not None and len(said) > 1
    elif kind == "choice":
        # The choice, a semicolon, and what there was to choose from.
        value = text((said or "").partition(";")[0])
    else:
        value = said
    return Answer(_name(row), kind, value, is_on, bool(flag(row.get("IsRequired"))), among)
