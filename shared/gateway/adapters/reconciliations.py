"""Findings and reports of reconciliation in the mirror's table, beside the rows that they are made of:

    row#{practice}#findings    {finding id}          body (JSON, deflated), `seq`, `cause`, its moment, its places in
                                                     the indexes of parents; a resolved one ends by itself
    part#{practice}#findings   report                the last report, with its `rev`
    part#{practice}#findings   {name}#{hash}#{n}     its parts: balances by age, entries by month

They are erased with the practice's mirror, and findings come out of the table's stream like any row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.codec import pack, unpack
from gateway.adapters.events.facts import CAUSE
from gateway.adapters.mirror.items import Item, micros, parts_pk, rows_pk, time_text
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.reconciliation.finding import Kept
from gateway.core.reconciliation.ports import FINDINGS, RESOLVED_KEPT_DAYS, Report, cut

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_INDEXES: Final = {"patient_id": "parent_1", "claim_id": "parent_2"}
_REPORT: Final = "report"


class DynamoReconciliations:
    """Fills `core.reconciliation.ports.Reconciliations`."""

    def __init__(self, client: DynamoDBClient, *, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = Table(client, name=table, sleep=sleep)

    def page(self, practice_id: str, *, after: str | None, limit: int) -> list[Kept]:
        """See `Reconciliations.page`."""
        items = self._table.query(rows_pk(practice_id, FINDINGS), above=after, limit=limit)
        return [_kept_from(item) for item in islice(items, limit)]

    def get(self, practice_id: str, finding_id: str) -> Kept | None:
        """See `Reconciliations.get`."""
        item = self._table.get(rows_pk(practice_id, FINDINGS), finding_id)
        return None if item is None else _kept_from(item)

    def of(self, practice_id: str, name: str, object_id: str) -> list[Kept]:
        """See `Reconciliations.of`."""
        index = _INDEXES[name]
        named = self._table.query(_place(practice_id, name, object_id), index=(index, index, "sk"), only=("pk", "sk"))
        found = self._table.get_all(rows_pk(practice_id, FINDINGS), [one["sk"]["S"] for one in named])
        kept = (_kept_from(item) for _, item in sorted(found.items()))
        return [one for one in kept if one.places.get(name) == object_id]

    def keep(self, practice_id: str, finding: Kept, *, was: Kept | None, at: datetime) -> bool:
        """See `Reconciliations.keep`."""
        seq = micros(at) if was is None else max(micros(at), was.seq + 1)
        item: Item = {
            **key_of(rows_pk(practice_id, FINDINGS), finding.id),
            "body": {"B": pack(dict(finding.body))},
            "v": {"S": str(finding.body["version"])},
            "seq": {"N": str(seq)},
            "cause": {"S": CAUSE},
            "change_place": {"S": f"{time_text(at)}#{finding.id}"},
        }
        for name, index in _INDEXES.items():
            if name in finding.places:
                item[index] = {"S": _place(practice_id, name, finding.places[name])}
        if not finding.is_open:
            item["expires_at"] = {"N": str(int((at + timedelta(days=RESOLVED_KEPT_DAYS)).timestamp()))}
        if was is None:
            return self._table.put(item, condition="attribute_not_exists(pk)")
        return self._table.put(item, condition="seq = :was", values={":was": {"N": str(was.seq)}})

    def report(self, practice_id: str) -> Report | None:
        """See `Reconciliations.report`."""
        item = self._table.get(parts_pk(practice_id, FINDINGS), _REPORT)
        return None if item is None else _report_from(item)

    def part(self, practice_id: str, name: str, version: str, number: int) -> Sequence[Any] | None:
        """See `Reconciliations.part`."""
        item = self._table.get(parts_pk(practice_id, FINDINGS), _part_sk(name, version, number))
        # What was replaced is put without its content, and ends by itself.
        return None if item is None or "body" not in item else list(unpack(bytes(item["body"]["B"])))

    def publish(
        self, practice_id: str, report: Report, parts: Mapping[str, Iterable[Any]], *, was: Report | None
    ) -> bool:
        """See `Reconciliations.publish`."""
        pk = parts_pk(practice_id, FINDINGS)
        before = {} if was is None else was.parts
        for name, (version, _) in report.parts.items():
            if before.get(name) != report.parts[name]:
                self._put(
                    {**key_of(pk, _part_sk(name, version, number)), "body": {"B": pack(some)}}
                    for number, some in enumerate(cut(parts[name]))
                )
        rev = 1 if was is None else was.rev + 1
        item = {**key_of(pk, _REPORT), "body": {"B": pack(_said(report))}, "rev": {"N": str(rev)}}
        if was is None:
            stored = self._table.put(item, condition="attribute_not_exists(pk)")
        else:
            stored = self._table.put(item, condition="rev = :was", values={":was": {"N": str(was.rev)}})
        if stored and was is not None:
            self._put(
                {
                    **key_of(pk, _part_sk(name, version, number)),
                    "expires_at": {"N": str(int(report.ran_at.timestamp()))},
                }
                for name, (version, count) in was.parts.items()
                if report.parts.get(name) != (version, count)
                for number in range(count)
            )
        return stored

    def _put(self, these: Iterable[Item]) -> None:
        """Each by itself: whoever reconciles may put into these partitions, and delete nothing."""
        self._table.each(self._table.put, list(these))


def _place(practice_id: str, name: str, object_id: str) -> str:
    return f"{practice_id}#{FINDINGS}#{name}#{object_id}"


def _part_sk(name: str, version: str, number: int) -> str:
    return f"{name}#{version}#{number:05}"


def _kept_from(item: Mapping[str, Any]) -> Kept:
    body = unpack(bytes(item["body"]["B"]))
    places = {name: body[name] for name in _INDEXES if body.get(name)}
    return Kept(body["id"], body["state"], body, int(item["seq"]["N"]), places)


def _said(report: Report) -> dict[str, Any]:
    return {
        "as_of": report.as_of.isoformat(),
        "ran_at": report.ran_at,
        "plan_rule": report.plan_rule,
        "rows": report.rows,
        "counts": dict(report.counts),
        "practice": dict(report.practice),
        "parts": {name: list(of) for name, of in report.parts.items()},
    }


def _report_from(item: Mapping[str, Any]) -> Report:
    said = unpack(bytes(item["body"]["B"]))
    return Report(
        as_of=date.fromisoformat(said["as_of"]),
        ran_at=said["ran_at"],
        plan_rule=said["plan_rule"],
        rows=said["rows"],
        counts=said["counts"],
        practice=said["practice"],
        parts={name: (version, count) for name, (version, count) in said["parts"].items()},
        rev=int(item["rev"]["N"]),
    )
