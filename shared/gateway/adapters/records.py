"""Ledger entries as plain values and back. Fields that a newer release adds fall back to their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from gateway.core.ledger import Effect, Note, Record, Step
from gateway.core.operations import Lane, OperationState, Request, RowSet, StepState
from gateway.core.plans import Evidence, UpstreamAnswer, UpstreamCall
from gateway.core.practices import WayName

_STORED_BESIDE = {"rev", "request"}


def record_value(record: Record) -> dict[str, Any]:
    """A record without its revision, which is an attribute of its own."""
    value = {one.name: getattr(record, one.name) for one in fields(record) if one.name not in _STORED_BESIDE}
    request = record.request
    value["request"] = {one.name: getattr(request, one.name) for one in fields(request)}
    return value


def record_from(value: Mapping[str, Any], rev: int) -> Record:
    """See `record_value`."""
    known = {one.name for one in fields(Record)}
    given = {name: one for name, one in value.items() if name in known}
    request = dict(value["request"])
    request["lane"] = Lane(request["lane"])
    given["request"] = Request(**request)
    given["state"] = OperationState(value["state"])
    given["read_by"] = WayName(value.get("read_by", WayName.FIRST))
    given["warnings"] = tuple(value.get("warnings") or ())
    return Record(**given, rev=rev)


def step_value(step: Step) -> dict[str, Any]:
    """A step with its call, its evidence and its answer."""
    value = {one.name: getattr(step, one.name) for one in fields(step) if one.name not in {"call", "answer"}}
    value["call"] = _call_value(step.call)
    value["answer"] = answer_value(step.answer)
    return value


def step_from(value: Mapping[str, Any]) -> Step:
    """See `step_value`."""
    known = {one.name for one in fields(Step)}
    given = {name: one for name, one in value.items() if name in known}
    given["call"] = _call_from(value["call"])
    given["answer"] = answer_from(value["answer"])
    given["effect"] = Effect(value["effect"])
    given["state"] = StepState(value["state"])
    return Step(**given)


def note_value(note: Note) -> dict[str, Any]:
    """One answer of the journal."""
    return {"asked": note.asked, "answer": answer_value(note.answer), "problem": note.problem}


def note_from(value: Mapping[str, Any]) -> Note:
    """See `note_value`."""
    return Note(value["asked"], answer_from(value["answer"]), value["problem"])


def answer_value(answer: UpstreamAnswer | None) -> dict[str, Any] | None:
    """An answer of Open Dental, numbers as they were."""
    if answer is None:
        return None
    return {"status": answer.status, "data": answer.data, "started_at": answer.started_at}


def answer_from(value: Mapping[str, Any] | None) -> UpstreamAnswer | None:
    """See `answer_value`."""
    return None if value is None else UpstreamAnswer(value["status"], value["data"], value["started_at"])


def rows_value(rows: RowSet) -> dict[str, Any]:
    """A fetch's rows."""
    return {"rows": rows.rows, "as_of": rows.as_of, "upstream_calls": rows.upstream_calls}


def rows_from(value: Mapping[str, Any]) -> RowSet:
    """See `rows_value`."""
    as_of: datetime = value["as_of"]
    return RowSet(value["rows"], as_of, value["upstream_calls"])


def _call_value(call: UpstreamCall) -> dict[str, Any]:
    # What goes elsewhere is a read of its turn, and never kept.
    value = {one.name: getattr(call, one.name) for one in fields(call) if one.name not in {"evidence", "elsewhere"}}
    value["evidence"] = None if call.evidence is None else _evidence_value(call.evidence)
    return value


def _call_from(value: Mapping[str, Any]) -> UpstreamCall:
    evidence = value.get("evidence")
    given = {**value, "evidence": None if evidence is None else _evidence_from(evidence)}
    return UpstreamCall(**given)


def _evidence_value(evidence: Evidence) -> dict[str, Any]:
    value = {one.name: getattr(evidence, one.name) for one in fields(evidence) if one.name != "look"}
    return {**value, "look": _call_value(evidence.look)}


def _evidence_from(value: Mapping[str, Any]) -> Evidence:
    known, lines = frozenset(value["known_keys"]), tuple(value.get("lines", ()))
    return Evidence(**{**value, "look": _call_from(value["look"]), "known_keys": known, "lines": lines})
