"""Plans that are small and shaped like the real ones: read, add, read back; an add, then a set, then a second add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, UpstreamCall
from gateway.core.registry import Kind


def fetch(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """All appointments of a patient."""
    rows: list[Any] = []
    limit = context.practice.page_limit
    while True:
        query = {**input_, "Limit": limit, "Offset": len(rows)}
        page = (yield UpstreamCall("appointments.list", query=query)).rows
        rows += page
        if len(page) < limit:
            return Outcome(rows={"appointments": rows})


def book(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Book an appointment: look, add, read back."""
    look = UpstreamCall("appointments.list", query={"PatNum": input_["patient"]})
    before = (yield look).rows
    reference = context.reference if context.practice.writes_reference else None
    body = {"PatNum": input_["patient"], "Op": 1, "AptDateTime": input_["at"], "Note": f"ref {reference or 'none'}"}
    natural = {name: body[name] for name in ("PatNum", "Op", "AptDateTime")}
    keys = frozenset(int(row["AptNum"]) for row in before)
    evidence = Evidence(look, "AptNum", natural, keys, reference, "Note")
    created = (yield UpstreamCall("appointments.create", body=body, step="create", evidence=evidence)).row
    row = (yield UpstreamCall("appointments.get", path={"AptNum": created["AptNum"]})).row
    return Outcome(body={"key": str(row["AptNum"]), "note": row["Note"]}, created=True)


def pay(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Add a payment, set its date, add a commlog: steps that depend on each other."""
    look = UpstreamCall("payments.list", query={"PatNum": input_["patient"]})
    before = (yield look).rows
    note = f"ref {context.reference}"
    body = {"PatNum": input_["patient"], "PayAmt": 62, "PayNote": note}
    evidence = Evidence(
        look,
        "PayNum",
        {"PatNum": body["PatNum"], "PayAmt": 62},
        frozenset(int(row["PayNum"]) for row in before),
        context.reference,
        "PayNote",
    )
    paid = (yield UpstreamCall("payments.create", body=body, step="pay", evidence=evidence)).row
    path = {"PayNum": int(paid["PayNum"])}
    yield UpstreamCall("payments.update", path=path, body={"PayDate": "2026-03-02"}, step="date")
    talk = UpstreamCall("commlogs.list", query={"PatNum": input_["patient"]})
    known = frozenset(int(row["CommlogNum"]) for row in (yield talk).rows)
    body = {"PatNum": input_["patient"], "Note": note}
    evidence = Evidence(talk, "CommlogNum", {"PatNum": input_["patient"]}, known, context.reference, "Note")
    yield UpstreamCall("commlogs.create", body=body, step="tell", evidence=evidence)
    return Outcome(body={"key": str(path["PayNum"])}, created=True)


def read_once(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """One read."""
    rows = (yield UpstreamCall("appointments.list", query={"PatNum": input_["patient"]})).rows
    return Outcome(body={"count": len(rows)})


KINDS = {
    "test.fetch": Kind("tests.fakes.plans:fetch"),
    "test.book": Kind("tests.fakes.plans:book"),
    "test.pay": Kind("tests.fakes.plans:pay"),
    "test.read": Kind("tests.fakes.plans:read_once"),
}
