"""Runs of the export, in DynamoDB.

run#{run}         run                       the run
run#{run}         at#{practice}#{object}    how far an object of a practice is, with `rev`; packed
runs              {requested at}#{run}      the same runs in the order of their times
running           run                       the one that runs; another takes its place once it has ended, or died
kept_up           {practice}                practices that scheduled runs have
marks#{practice}  {object}                  up to when it is published

Items that are about a practice say so in `practice_id`: they go when it leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, is_condition, is_conflict, unavailable
from gateway.adapters.codec import pack, unpack
from gateway.core.errors import NotFound, Unavailable
from gateway.core.export.runs import (
    LOST_AFTER,
    AnotherRuns,
    ExportRun,
    File,
    Mark,
    Mode,
    Progress,
    State,
    Superseded,
    place_of,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RUNNING = {"pk": {"S": "running"}, "sk": {"S": "run"}}


class DynamoExports:
    """Fills `core.export.runs.Exports`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def make(self, run: ExportRun) -> ExportRun:
        """See `Exports.make`."""
        first = self._find(run.id)
        if first is not None:
            return first
        at = run.requested_at.timestamp()
        new = {"ConditionExpression": "attribute_not_exists(pk)"}
        writes: list[Any] = [
            {"Put": {"TableName": self._table, "Item": _item_of(run), **new}},
            {
                "Put": {
                    "TableName": self._table,
                    "Item": {"pk": {"S": "runs"}, "sk": {"S": place_of(run)}, "run_id": {"S": run.id}},
                }
            },
            {
                "Put": {
                    "TableName": self._table,
                    "Item": {**_RUNNING, "run_id": {"S": run.id}, "since": {"N": str(at)}},
                    "ConditionExpression": "attribute_not_exists(pk) OR since < :lost",
                    "ExpressionAttributeValues": {":lost": {"N": str(at - LOST_AFTER.total_seconds())}},
                }
            },
        ]
        try:
            self._client.transact_write_items(TransactItems=writes)
        except AwsError as error:
            if not (is_condition(error) or is_conflict(error)):
                raise _unavailable() from error
            first = self._find(run.id)
            if first is not None:
                return first
            running = self._item(_RUNNING)
            if running is None:
                raise _unavailable() from error
            raise AnotherRuns(running["run_id"]["S"]) from error
        return run

    def get(self, run_id: str) -> ExportRun:
        """See `Exports.get`."""
        found = self._find(run_id)
        if found is None:
            raise NotFound("no such export")
        return found

    def end(self, run_id: str, state: State, *, at: datetime) -> ExportRun:
        """See `Exports.end`."""
        run = self.get(run_id)
        if run.state is State.RUNNING:
            ended = replace(run, state=state, ended_at=at)
            if self._put(_item_of(ended), "#state = :running", {":running": {"S": "running"}}, {"#state": "state"}):
                run = ended
            else:
                run = self.get(run_id)
        # Behind the run's own end: whoever dies here comes by again.
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_RUNNING,
                ConditionExpression="run_id = :ours",
                ExpressionAttributeValues={":ours": {"S": run_id}},
            )
        except AwsError as error:
            if not is_condition(error):
                raise _unavailable() from error
        return run

    def page(self, *, before: str | None, limit: int) -> list[ExportRun]:
        """See `Exports.page`."""
        found = [one["run_id"]["S"] for one in self._query("runs", before=before, limit=limit)]
        return [self.get(one) for one in found]

    def keep_up(self, practice_ids: Iterable[str]) -> None:
        """See `Exports.keep_up`."""
        for one in practice_ids:
            self._put({"pk": {"S": "kept_up"}, "sk": {"S": one}, "practice_id": {"S": one}})

    def kept_up(self) -> list[str]:
        """See `Exports.kept_up`."""
        return [one["sk"]["S"] for one in self._query("kept_up")]

    def progress(self, run_id: str, practice_id: str | None = None) -> list[Progress]:
        """See `Exports.progress`."""
        begins = "at#" if practice_id is None else f"at#{practice_id}#"
        return [_progress_from(one) for one in self._query(f"run#{run_id}", begins=begins)]

    def save(self, run_id: str, progress: Progress) -> Progress:
        """See `Exports.save`."""
        new = replace(progress, rev=progress.rev + 1)
        item = {
            "pk": {"S": f"run#{run_id}"},
            "sk": {"S": f"at#{progress.practice_id}#{progress.name}"},
            "practice_id": {"S": progress.practice_id},
            "body": {"B": pack(_plain(new))},
            "rev": {"N": str(new.rev)},
        }
        condition, values = "attribute_not_exists(pk)", dict[str, Any]()
        if progress.rev:
            condition, values = "rev = :was", {":was": {"N": str(progress.rev)}}
        if not self._put(item, condition, values):
            raise Superseded
        return new

    def marks(self, practice_id: str) -> dict[str, Mark]:
        """See `Exports.marks`."""
        return {
            one["sk"]["S"]: Mark(
                datetime.fromisoformat(one["until"]["S"]),
                one["base"]["S"],
                one["run_id"]["S"],
                datetime.fromisoformat(one["whole_at"]["S"]),
            )
            for one in self._query(f"marks#{practice_id}")
        }

    def advance(self, practice_id: str, name: str, mark: Mark) -> None:
        """See `Exports.advance`."""
        item = {
            "pk": {"S": f"marks#{practice_id}"},
            "sk": {"S": name},
            "practice_id": {"S": practice_id},
            # All are of UTC and have the same digits, so that they sort as their times do.
            "until": {"S": mark.until.isoformat(timespec="microseconds")},
            "base": {"S": mark.base},
            "run_id": {"S": mark.run_id},
            "whole_at": {"S": mark.whole_at.isoformat()},
        }
        self._put(item, "attribute_not_exists(pk) OR #until < :until", {":until": item["until"]}, {"#until": "until"})

    # -- items ------------------------------------------------------------------------------------------------------

    def _put(
        self,
        item: Mapping[str, Any],
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """False if the condition does not hold."""
        more: dict[str, Any] = {} if condition is None else {"ConditionExpression": condition}
        more |= {"ExpressionAttributeValues": dict(values)} if values else {}
        more |= {"ExpressionAttributeNames": dict(names)} if names else {}
        try:
            self._client.put_item(TableName=self._table, Item=item, **more)
        except AwsError as error:
            if is_condition(error):
                return False
            raise _unavailable() from error
        return True

    def _find(self, run_id: str) -> ExportRun | None:
        item = self._item({"pk": {"S": f"run#{run_id}"}, "sk": {"S": "run"}})
        return None if item is None else _run_from(item)

    def _item(self, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
        try:
            return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        except AwsError as error:
            raise _unavailable() from error

    def _query(
        self, pk: str, *, begins: str | None = None, before: str | None = None, limit: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Items of a partition: in order, or with `limit` backwards."""
        values: dict[str, Any] = {":pk": {"S": pk}}
        condition = "pk = :pk"
        if begins is not None:
            condition += " AND begins_with(sk, :sk)"
            values[":sk"] = {"S": begins}
        elif before is not None:
            condition += " AND sk < :sk"
            values[":sk"] = {"S": before}
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
            "ScanIndexForward": limit is None,
        }
        left = limit
        while left is None or left > 0:
            try:
                answer = self._client.query(**asked | ({} if left is None else {"Limit": left}))
            except AwsError as error:
                raise _unavailable() from error
            yield from answer["Items"]
            left = None if left is None else left - len(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _item_of(run: ExportRun) -> dict[str, Any]:
    record = {
        "mode": run.mode.value,
        "practices": run.practices,
        "objects": run.objects,
        "made_by": run.made_by,
        "requested_at": run.requested_at.isoformat(),
        "body_hash": run.body_hash,
        "ended_at": run.ended_at and run.ended_at.isoformat(),
    }
    return {
        "pk": {"S": f"run#{run.id}"},
        "sk": {"S": "run"},
        "run_id": {"S": run.id},
        "state": {"S": run.state.value},
        "record": {"S": json.dumps(record)},
    }


def _run_from(item: Mapping[str, Any]) -> ExportRun:
    record = json.loads(item["record"]["S"])
    return ExportRun(
        id=item["run_id"]["S"],
        mode=Mode(record["mode"]),
        practices=tuple(record["practices"]),
        objects=tuple(record["objects"]),
        made_by=record["made_by"],
        requested_at=datetime.fromisoformat(record["requested_at"]),
        body_hash=record["body_hash"],
        state=State(item["state"]["S"]),
        ended_at=record["ended_at"] and datetime.fromisoformat(record["ended_at"]),
    )


def _plain(one: Progress) -> dict[str, Any]:
    return {
        "practice_id": one.practice_id,
        "name": one.name,
        "mode": one.mode.value,
        "since": one.since and one.since.isoformat(),
        "until": one.until and one.until.isoformat(),
        "whole_at": one.whole_at and one.whole_at.isoformat(),
        "base": one.base,
        "source": one.source,
        "after": one.after,
        "files": [[file.key, file.rows, file.size_bytes, file.sha256] for file in one.files],
        "rows": one.rows,
        "tombstones": one.tombstones,
        "is_done": one.is_done,
        "reason": one.reason,
    }


def _progress_from(item: Mapping[str, Any]) -> Progress:
    said = unpack(bytes(item["body"]["B"]))
    times = {name: said[name] and datetime.fromisoformat(said[name]) for name in ("since", "until", "whole_at")}
    files = tuple(File(*one) for one in said["files"])
    return Progress(**(said | times | {"mode": Mode(said["mode"]), "files": files, "rev": int(item["rev"]["N"])}))


def _unavailable() -> Unavailable:
    return unavailable("the table of exports")
