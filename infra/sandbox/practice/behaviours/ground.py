"""What all behaviours need: rows or a refusal, the body in database form, the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from infra.sandbox.practice import facts, schema
from infra.sandbox.practice.enums import PatStatus
from infra.sandbox.practice.generic import columns_from
from infra.sandbox.practice.handlers import Rejected, Reply, Request
from infra.sandbox.practice.office import Office

Row = dict[str, Any]

PAGE = 100

TITLES = {
    "allergydef": "AllergyDef",
    "asapcomm": "AsapComm",
    "claimtracking": "ClaimTracking",
    "diseasedef": "DiseaseDef",
    "document": "Document",
    "inssub": "InsSub",
    "insplan": "InsPlan",
    "patplan": "PatPlan",
    "perioexam": "PerioExam",
    "periomeasure": "PerioMeasure",
    "popup": "Popup",
    "proctp": "ProcTP",
    "referral": "Referral",
    "sheetdef": "SheetDef",
    "sheetfield": "SheetField",
    "task": "Task",
    "treatplan": "TreatPlan",
    "appointment": "Appointment",
    "claim": "Claim",
    "claimpayment": "ClaimPayment",
    "claimproc": "ClaimProc",
    "patient": "Patient",
    "payment": "Payment",
    "paysplit": "PaySplit",
    "payplan": "PayPlan",
    "payplancharge": "PayPlanCharge",
    "procedurelog": "Procedure",
    "operatory": "Operatory",
    "provider": "Provider",
    "recall": "Recall",
}


def row_of(office: Office, table: str, key: int) -> Row:
    """The row, or Rejected 404 in the vendor's manner."""
    row = office.store.get(table, key)
    if row is None:
        raise Rejected(404, f"{TITLES.get(table, table)} not found")
    return row


def living_patient(office: Office, key: int) -> Row:
    """The patient's row; a deleted patient takes no changes (https://www.opendental.com/site/apipatients.html)."""
    patient = row_of(office, "patient", key)
    if patient["PatStatus"] == PatStatus.DELETED:
        raise Rejected(400, "PatNum is invalid. The patient is deleted.")
    return patient


def body_of(request: Request) -> Mapping[str, Any]:
    """The body, an empty one where none was sent."""
    return request.body if isinstance(request.body, dict) else {}


def columns(office: Office, request: Request, **instead: object) -> Row:
    """The body's documented fields in database form, some of them replaced by `instead` (None leaves one out).

    Raises Rejected for what does not fit.
    """
    body = {**body_of(request), **instead}
    return columns_from(office, request.operation, body)


def named_definition(office: Office, name: str, category: str, text: object, *, status: int = 400) -> int:
    """DefNum of the definition that a category calls `text`; another category may use the same word."""
    for row in office.definitions(category):
        if row["ItemName"] == text:
            return int(row["DefNum"])
    raise Rejected(status, f"{name} is invalid.")


def flag(request: Request, name: str) -> bool:
    """A "true" or "false" that is no column. Raises Rejected 400 for anything else."""
    value = str(body_of(request).get(name) or "false").lower()
    if value not in ("true", "false"):
        raise Rejected(400, f"{name} is invalid.")
    return value == "true"


def number(request: Request, name: str) -> int:
    """A whole number out of the body, 0 where it is missing. Raises Rejected 400."""
    value = body_of(request).get(name)
    if value in (None, ""):
        return 0
    if isinstance(value, bool) or not str(value).lstrip("-").isdigit():
        raise Rejected(400, f"{name} is invalid.")
    return int(value)


def asked(request: Request, name: str) -> int:
    """A whole number out of the query, 0 where it is missing. Raises Rejected 400."""
    text = request.query.get(name) or "0"
    if not text.isdigit() or len(text) > 19:
        raise Rejected(400, f"{name} is invalid.")
    return int(text)


def numbers(request: Request, name: str) -> list[int]:
    """An array of whole numbers out of the body, each once. Raises Rejected 400."""
    value = body_of(request).get(name) or []
    if not isinstance(value, list):
        raise Rejected(400, f"{name} is invalid.")
    for entry in value:
        if isinstance(entry, bool) or not str(entry).lstrip("-").isdigit():
            raise Rejected(400, f"{name} is invalid.")
    return list(dict.fromkeys(int(entry) for entry in value))


def cents(value: object, name: str = "Amount") -> int:
    """Money in cents; Rejected 400 if it is none, or finer than a cent."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise Rejected(400, f"{name} is invalid.") from None
    if not amount.is_finite() or amount != amount.quantize(Decimal("0.01")):
        raise Rejected(400, f"{name} is invalid.")
    return int(amount * 100)


def money(amount: int) -> float:
    """Cents as the database keeps money."""
    return amount / 100


def stored_cents(value: float) -> int:
    """Stored money in cents."""
    return round(value * 100)


def definition(office: Office, category: str, place: int = 0) -> int:
    """DefNum of a category's `place`-th definition that is not hidden, 0 if there is none."""
    shown = [row for row in office.definitions(category) if not row["IsHidden"]]
    return int(shown[place]["DefNum"]) if place < len(shown) else 0


def of_category(office: Office, def_num: int, category: str, name: str) -> None:
    """Refuse a definition that belongs to another category."""
    row = office.store.get("definition", def_num)
    if row is None or row["Category"] != office.code("definition", "Category", category):
        raise Rejected(400, f"{name} is invalid.")


def preferred(office: Office, name: str) -> bool:
    """Whether a yes-or-no preference is on."""
    return office.store.preference(name, "0") == "1"


def preference_number(office: Office, name: str) -> int:
    """A preference that holds a key or a number, 0 where it is empty."""
    text = office.store.preference(name, "0")
    return int(text) if text.lstrip("-").isdigit() else 0


def family(office: Office, patient: Row) -> list[int]:
    """PatNums of everybody with the same guarantor."""
    return [row["PatNum"] for row in office.store.find("patient", {"Guarantor": patient["Guarantor"]})]


def shown(office: Office, request: Request, key: int) -> Reply:
    """The written row as the operation's answer, with its address where the page promises one."""
    operation = request.operation
    resource = facts.resources()[operation.resource]
    row = office.store.get(str(resource.table), key) or {}
    location = f"/{operation.resource}/{key}" if operation.location_header else None
    return Reply(operation.status, office.render(operation.resource, row, operation.id), location)


def only(table: str, row: Mapping[str, Any]) -> Row:
    """The entries of `row` that `table` has columns for."""
    known = schema.tables()[table].columns
    return {name: value for name, value in row.items() if name in known}


def page(request: Request, rows: list[Row]) -> Reply:
    """The part of an answer without a table that Limit and Offset ask for."""
    offset, limit = asked(request, "Offset"), min(asked(request, "Limit") or PAGE, PAGE)
    return Reply(request.operation.status, rows[offset : offset + limit])


def one_of(request: Request, *names: str) -> str:
    """The one of these fields that was sent. Raises Rejected 400 where none was, or more than one."""
    sent = [name for name in names if body_of(request).get(name) not in (None, "", [])]
    if len(sent) != 1:
        raise Rejected(400, f"Either {' or '.join(names)} is required.")
    return sent[0]


def american(text: str) -> str:
    """A stored date as screens show it, M/d/yyyy; "" for none."""
    if text[:4] in ("", "0001"):
        return ""
    year, month, day = (int(part) for part in text[:10].split("-"))
    return f"{month}/{day}/{year}"


def full_name(patient: Row) -> str:
    """Last, First: as lists show it."""
    return f"{patient['LName']}, {patient['FName']}"


def total(values: Iterable[float]) -> float:
    """Sum of stored amounts, to the cent."""
    return money(sum(stored_cents(value) for value in values))
