"""Making claims and moving them on. Sources: https://www.opendental.com/site/apiclaims.html, apiclaimprocs.html there.

Making one costs five calls: the patient's claims and lines, the POST, the claim and its lines; one more for each of up
to three procedures without a line (for more, the patient's list), and one for the coverages where no line tells of
them. Changing one costs five as well: the claim and its lines before and after.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core import fetches, normalize
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.fetches import Steps
from gateway.core.ids import row_id
from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, Row, UpstreamCall
from gateway.core.writes.common import blames, day_of, listed
from gateway.core.writes.intake.claims import FIELDS
from open_dental import wire

MOST_ASKED_SINGLY = 3
"""Procedures without a line that are read one by one; the patient's list is cheaper for more."""


@blames(**FIELDS)
def create(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `POST /claims`. `input_`: `body`, as Open Dental spells it.

    Raises:
        NotFound: no such procedure.
        Conflict: `reason`: `already-claimed`, with `claim_ids`: a procedure is on a claim of this type;
            `no-coverage`: the patient has none to bill; `other-patient`: a procedure is somebody else's.
    """
    body = input_["body"]
    before = yield from listed("claims.list", {"PatNum": body["PatNum"]}, context)
    alike = {wire.key(row.get("ClaimNum")) for row in before if row.get("ClaimType") == body["ClaimType"]}
    lines = yield from listed("claimprocs.list", {"PatNum": body["PatNum"]}, context)
    wanted = set(body["procNums"])
    taken = sorted(
        {
            number
            for line in lines
            if wire.key(line.get("ProcNum")) in wanted
            and (number := wire.key(line.get("ClaimNum")))
            and number in alike
        }
    )
    if taken:
        raise Conflict(
            "a procedure is on a claim of this type already",
            param="procedure_ids",
            reason="already-claimed",
            claim_ids=[row_id("claim", context.practice.id, number) for number in taken],
        )
    known = {wire.key(line.get("ProcNum")) for line in lines if wire.key(line.get("PatNum")) == body["PatNum"]}
    yield from _check_procedures(wanted - known, body["PatNum"], context)
    if body["ClaimType"] != "P" or "InsSubNum" in body or not wanted & known:
        # Else a line says so already: there is one for each coverage of the patient.
        yield from _check_coverage(body, context)
    evidence = Evidence(
        # Patient and type are those of any claim that the desk makes meanwhile; the lines say what is billed.
        look=UpstreamCall("claimprocs.list", query={"PatNum": body["PatNum"]}),
        key_field="ClaimNum",
        natural={name: body[name] for name in ("PatNum", "InsSubNum") if name in body},
        known_keys=frozenset({0} | {wire.key(row.get("ClaimNum")) or 0 for row in (*before, *lines)}),
        lines=tuple({"ProcNum": number} for number in sorted(wanted)),
    )
    made = (yield UpstreamCall("claims.create", body=body, step="create", evidence=evidence)).row
    return Outcome(body=(yield from _read_back(wire.key(made.get("ClaimNum")) or 0, context)), created=True)


def _check_procedures(numbers: set[int], patient: int, context: PlanContext) -> Steps[None]:
    """Refuse procedures of other patients, which Open Dental calls invalid without saying what is.

    Raises: NotFound, Conflict.
    """
    if len(numbers) > MOST_ASKED_SINGLY or (numbers and not fetches.knows(context.practice, "procedurelogs.get")):
        rows = yield from listed("procedurelogs.list", {"PatNum": patient}, context)
        numbers = numbers - {wire.key(row.get("ProcNum")) for row in rows if wire.key(row.get("PatNum")) == patient}
        if numbers:
            raise Conflict("a procedure is not this patient's", param="procedure_ids", reason="other-patient")
    for number in sorted(numbers):
        try:
            row = (yield UpstreamCall("procedurelogs.get", path={"ProcNum": number})).row
        except NotFound as error:
            raise NotFound("no such procedure", param="procedure_ids") from error
        if wire.key(row.get("PatNum")) != patient:
            raise Conflict("a procedure is another patient's", param="procedure_ids", reason="other-patient")


def _check_coverage(body: Mapping[str, Any], context: PlanContext) -> Steps[None]:
    """Refuse a claim that there is nobody to send to. Raises: Conflict."""
    rows = yield from listed("patplans.list", {"PatNum": body["PatNum"]}, context)
    coverages = [wire.key(row.get("InsSubNum")) for row in rows if wire.key(row.get("PatNum")) == body["PatNum"]]
    if "InsSubNum" in body and body["InsSubNum"] not in coverages:
        raise Conflict("the patient does not have this coverage", param="coverage_id", reason="no-coverage")
    if not coverages:
        raise Conflict("the patient has no coverage", param="type", reason="no-coverage")
    if body["ClaimType"] == "S" and "InsSubNum" not in body and len(coverages) == 1:
        raise Conflict("the patient has no secondary coverage", param="type", reason="no-coverage")


@blames(**FIELDS)
def update(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `PATCH /claims/{id}`. `input_`: `claim` (key), `body` (what changes, as Open Dental spells it).

    Raises:
        NotFound: no such claim.
        Conflict: `reason`: `line-open`, not every line is answered; `paid`, a payment holds a line.
        Invalid: a day of receipt for a claim that is not received.
    """
    number, body = input_["claim"], dict(input_["body"])
    row, lines = yield from _claim(number, context)
    stands, becomes = row.get("ClaimStatus"), body.get("ClaimStatus", row.get("ClaimStatus"))
    if becomes == "R" and stands != "R":
        if any(line.get("Status") == "NotReceived" for line in lines):
            raise Conflict(
                "a line of the claim is not answered yet; POST /payments answers it", param="status", reason="line-open"
            )
        body.setdefault("DateReceived", day_of(None, context).isoformat())
    if stands == "R" and becomes != "R" and any(wire.key(line.get("ClaimPaymentNum")) for line in lines):
        raise Conflict("a payment holds a line of the claim", param="status", reason="paid")
    if "DateReceived" in body and becomes != "R":
        raise Invalid("only a received claim has received_on", param="received_on")
    send = None
    if "DateSent" in body:
        if stands == "R":
            raise Conflict("the claim has been received already", param="sent_on", reason="received")
        send = _send(row, body.pop("DateSent"))
        del body["ClaimStatus"]
    if body:
        yield UpstreamCall("claims.update", path={"ClaimNum": number}, body=body, step="change")
    if send is not None:
        yield send
    return Outcome(body=(yield from _read_back(number, context)))


def _send(row: Row, day: str) -> UpstreamCall:
    number, patient = wire.key(row.get("ClaimNum")) or 0, wire.key(row.get("PatNum")) or 0
    return UpstreamCall(
        "claims.Status",
        path={"ClaimNum": number},
        body={"DateSent": day},
        step="send",
        evidence=Evidence(
            look=UpstreamCall("claims.list", query={"PatNum": patient}),
            # The claim itself tells: it was not sent on that day before.
            key_field="ClaimNum",
            natural={"ClaimNum": number, "ClaimStatus": "S", "DateSent": day},
            known_keys=frozenset(),
            reference_field="ClaimStatus",
        ),
    )


def _claim(number: int, context: PlanContext) -> Steps[tuple[Row, list[Row]]]:
    """The claim and its lines, by the calls of `GET /claims/{id}`."""
    rows = (yield from fetches.claim({"key": number}, context)).rows or {}
    return rows["claims"][0], [line for line in rows["claimprocs"] if wire.key(line.get("ClaimNum")) == number]


def _read_back(number: int, context: PlanContext) -> Steps[dict[str, Any]]:
    row, lines = yield from _claim(number, context)
    return normalize.claim(row, practice=context.practice, synced_at=context.accepted_at, lines=lines)
