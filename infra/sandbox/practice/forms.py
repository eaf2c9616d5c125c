"""What a patient does at home or in the waiting room: fills in a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.sandbox.practice.office import Office
from infra.sandbox.practice.seeding.forms import FORMS, filled


def fill_in(office: Office, told: Mapping[str, Any]) -> dict[str, int]:
    """Have a patient fill in a form: `{PatNum, form?, answers?, is_web_form?}`; a new sheet, or with `SheetNum` the one
    that waits on a tablet. Without answers, and with `waits`, it is put on the tablet.

    Raises: ValueError: there is no such patient, form or sheet.
    """
    patient, form = int(told["PatNum"]), str(told.get("form", "Patient Information"))
    if form not in FORMS or office.store.get("patient", patient) is None:
        raise ValueError(f"form is one of {', '.join(FORMS)}, of a patient who is there")
    now, waits = office.now(), bool(told.get("waits", False))
    with office.store.transaction():
        number = int(told.get("SheetNum") or 0)
        if not number:
            kind, _ = FORMS[form]
            row = {"SheetType": kind, "PatNum": patient, "Description": form, "DateTimeSheet": now}
            number = office.store.insert("sheet", row | {"IsWebForm": int(bool(told.get("is_web_form", not waits)))})
        elif not office.store.find("sheet", {"SheetNum": number, "PatNum": patient}):
            raise ValueError("SheetNum is no sheet of this patient's")
        office.store.update("sheet", number, {"ShowInTerminal": int(waits), "DateTSheetEdited": now})
        for field in office.store.find("sheetfield", {"SheetNum": number}):
            office.store.delete("sheetfield", field["SheetFieldNum"])
        for field in filled(form, dict(told.get("answers", {})), at_time=now):
            office.store.insert("sheetfield", {"SheetNum": number, **field})
    return {"SheetNum": number}
