"""Writing down a contact with a patient. Source: https://www.opendental.com/site/apicommlogs.html.

Costs two calls; one more where its kind is said, and one where the practice keeps our reference out of its texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.errors import Conflict
from gateway.core.fetches import Steps, knows
from gateway.core.normalize import desk
from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, Row, UpstreamCall
from gateway.core.writes.common import blames, listed, with_reference
from gateway.core.writes.words import definitions, require_definition
from open_dental import wire

TYPES: Final = 27
"""The category of definitions that types of communication are."""

USAGE: Final = {
    "appointment": "APPT",
    "recall": "RECALL",
    "reactivation": "REACT",
    "text": "TEXT",
    "miscellaneous": "MISC",
}
"""What the value of such a definition says when the program uses it for something.

Source: https://www.opendental.com/manual/definitionscommlogtypes.html.
"""


PLAIN: Final = "plain"
"""A type that the program uses for nothing; where the office has none, its miscellaneous one."""


@blames(
    PatNum="patient_id", Note="note", CommType="type_id", CommDateTime="at", Mode_="mode", SentOrReceived="direction"
)
def create(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `POST /communications`.

    `input_`: `patient` (key), `note`, `type` (our word, or `PLAIN`) or `definition` (DefNum, 0 for none), `mode`,
    `direction` (as Open Dental spells them), `at` (wall time or None).

    Raises: NotFound: no such type of communication. Conflict: the office has none for that use.
    """
    body: dict[str, Any] = {
        "PatNum": input_["patient"],
        "Note": with_reference(input_["note"], context),
        "Mode_": input_["mode"],
        "SentOrReceived": input_["direction"],
    }
    if input_["at"]:
        body["CommDateTime"] = input_["at"]
    if kind := (yield from _type(input_, context)):
        body["CommType"] = kind
    look = UpstreamCall("commlogs.list", query={"PatNum": input_["patient"]})
    # With our reference in it, no other row has the note.
    refers = context.practice.writes_reference
    before = [] if refers else (yield from listed(look.operation, look.query, context))
    evidence = Evidence(
        look=look,
        key_field="CommlogNum",
        natural={name: body[name] for name in ("PatNum", "Note")},
        known_keys=frozenset(wire.key(row.get("CommlogNum")) or 0 for row in before),
        reference=context.reference if refers else None,
        reference_field="Note",
    )
    made = (yield UpstreamCall("commlogs.create", body=body, step="create", evidence=evidence)).row
    row = yield from _read_back(made, look, context)
    shown = desk.communication(row, practice=context.practice, synced_at=context.accepted_at)
    return Outcome(body=shown, created=True)


def _type(input_: Mapping[str, Any], context: PlanContext) -> Steps[int]:
    """DefNum of the type; 0 leaves it to the office."""
    if input_["definition"]:
        yield from require_definition(input_["definition"], TYPES, context, param="type_id")
        return int(input_["definition"])
    if input_["type"] is None:
        return 0
    if input_["type"] == PLAIN:
        return (yield from _plain_type(context))
    usage = USAGE[input_["type"]]
    for row in (yield from definitions(TYPES, context)):
        if usage in str(row.get("ItemValue") or "").upper().split(",") and not wire.flag(row.get("isHidden")):
            return wire.key(row.get("DefNum")) or 0
    raise Conflict("the office has no type of communication for this", param="type", reason="not-set-up")


def _plain_type(context: PlanContext) -> Steps[int]:
    """DefNum of the first type without a usage, else of the miscellaneous one; 0 leaves it to the office."""
    miscellaneous = 0
    for row in (yield from definitions(TYPES, context)):
        if wire.flag(row.get("isHidden")):
            continue
        usages = str(row.get("ItemValue") or "").upper().strip()
        number = wire.key(row.get("DefNum")) or 0
        if not usages:
            return number
        if usages == USAGE["miscellaneous"]:
            miscellaneous = miscellaneous or number
    return miscellaneous


def _read_back(made: Row, look: UpstreamCall, context: PlanContext) -> Steps[Row]:
    key = wire.key(made.get("CommlogNum")) or 0
    if knows(context.practice, "commlogs.get"):
        return (yield UpstreamCall("commlogs.get", path={"CommlogNum": key})).row
    rows = yield from listed(look.operation, look.query, context)
    return next((row for row in rows if wire.key(row.get("CommlogNum")) == key), made)
