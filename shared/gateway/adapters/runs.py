"""Runs of workflows and their steps, in DynamoDB.

run#{run}              run                       the run, its input compressed
run#{run}              step#{begun}#{name}       a step of it; `begun` in microseconds, so that they lie in their order
run#{run}              name#{name}               where the step of this name lies
key#{client}#{hash}    key                       which run an idempotency key has started, and of which body

Index `made`: `made_for` is the practice, `made_place` the moment and the run's id. All of it ends by TTL
(`expires_at`, epoch seconds) 90 days after the run was started last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, is_condition, unavailable
from gateway.adapters.codec import pack, unpack
from gateway.core.errors import Conflict, KeyReused, NotFound
from gateway.core.workflows.records import KEPT_DAYS, Run, RunState, Step, StepState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WHAT: Final = "the table of runs"
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class DynamoRuns:
    """Fills `core.workflows.records.Runs`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def open(self, run: Run, *, key: str, body_hash: str) -> tuple[Run, bool]:
        """See `Runs.open`."""
        name = {"pk": {"S": f"key#{run.client_id}#{hashlib.sha256(key.encode()).hexdigest()}"}, "sk": {"S": "key"}}
        claim = {
            **name,
            "run_id": {"S": run.id},
            "body_hash": {"S": body_hash},
            "expires_at": {"N": str(_ends(run.started_at))},
        }
        puts = [_put(self._table, claim), _put(self._table, _item_of(run))]
        try:
            self._client.transact_write_items(TransactItems=puts)  # type: ignore[arg-type]
        except AwsError as error:
            if not is_condition(error):
                raise unavailable(_WHAT) from error
        else:
            return run, True
        kept = self._item(name)
        if kept is None:
            raise unavailable(_WHAT)
        if kept["body_hash"]["S"] != body_hash:
            raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
        return self.get(kept["run_id"]["S"]), False

    def adopt(self, run: Run) -> Run:
        """See `Runs.adopt`."""
        item = self._item(_key_of(run.id))
        if item is not None:
            return _run_from(item)
        try:
            self._client.put_item(**_put(self._table, _item_of(run))["Put"])
        except AwsError as error:
            if not is_condition(error):
                raise unavailable(_WHAT) from error
            return self.get(run.id)
        return run

    def get(self, run_id: str) -> Run:
        """See `Runs.get`."""
        item = self._item(_key_of(run_id))
        if item is None:
            raise NotFound("no such run")
        return _run_from(item)

    def steps(self, run_id: str) -> list[Step]:
        """See `Runs.steps`."""
        return [_step_from(item) for item in self._under(run_id, "step#")]

    def step(self, run_id: str, name: str) -> Step | None:
        """See `Runs.step`."""
        place = self._item({"pk": {"S": f"run#{run_id}"}, "sk": {"S": f"name#{name}"}})
        item = None if place is None else self._item({"pk": {"S": f"run#{run_id}"}, "sk": place["place"]})
        return None if item is None else _step_from(item)

    def note(self, run_id: str, step: Step) -> None:
        """See `Runs.note`."""
        ends = {"N": str(_ends(step.at))}
        partition = {"S": f"run#{run_id}"}
        begun = int((step.at - _FIRST) / timedelta(microseconds=1))
        place = {"S": f"step#{begun:017d}#{step.name}"}
        try:
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={"pk": partition, "sk": {"S": f"name#{step.name}"}, "place": place, "expires_at": ends},
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except AwsError as error:
                if not is_condition(error):
                    raise
                known = self._item({"pk": partition, "sk": {"S": f"name#{step.name}"}})
                place = place if known is None else known["place"]
            self._client.put_item(
                TableName=self._table,
                Item={"pk": partition, "sk": place, "body": {"B": pack(_plain_step(step))}, "expires_at": ends},
            )
        except AwsError as error:
            raise unavailable(_WHAT) from error

    def again(self, run: Run, *, now: datetime) -> Run:
        """See `Runs.again`."""
        begun = replace(
            run, attempt=run.attempt + 1, state=RunState.RUNNING, started_at=now, ended_at=None, result={}, code=None
        )
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item_of(begun),
                ConditionExpression="attempt = :was AND #state = :state",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":was": {"N": str(run.attempt)}, ":state": {"S": run.state.value}},
            )
        except AwsError as error:
            if is_condition(error):
                raise Conflict("the run was started again meanwhile", reason="run-running") from error
            raise unavailable(_WHAT) from error
        return begun

    def end(
        self, run_id: str, *, attempt: int, state: RunState, at: datetime, result: Mapping[str, Any], code: str | None
    ) -> None:
        """See `Runs.end`."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key_of(run_id),
                UpdateExpression="SET #state = :state, ended_at = :at, #result = :result, code = :code",
                ConditionExpression="attempt = :attempt AND #state = :running",
                ExpressionAttributeNames={"#state": "state", "#result": "result"},
                ExpressionAttributeValues={
                    ":state": {"S": state.value},
                    ":running": {"S": RunState.RUNNING.value},
                    ":attempt": {"N": str(attempt)},
                    ":at": {"S": at.isoformat()},
                    ":result": {"S": json.dumps(dict(result))},
                    ":code": {"NULL": True} if code is None else {"S": code},
                },
            )
        except AwsError as error:
            if not is_condition(error):
                raise unavailable(_WHAT) from error

    def of_practice(
        self, practice_id: str, *, workflow: str | None, after: tuple[datetime, str] | None, limit: int
    ) -> list[Run]:
        """See `Runs.of_practice`."""
        asked: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "made",
            "KeyConditionExpression": "made_for = :practice" + ("" if after is None else " AND made_place < :after"),
            "ExpressionAttributeValues": {":practice": {"S": practice_id}},
            "ScanIndexForward": False,
        }
        if after is not None:
            asked["ExpressionAttributeValues"][":after"] = {"S": _place(*after)}
        if workflow is not None:
            asked["FilterExpression"] = "workflow = :workflow"
            asked["ExpressionAttributeValues"][":workflow"] = {"S": workflow}
        found: list[Run] = []
        while True:
            try:
                answer = self._client.query(**asked)
            except AwsError as error:
                raise unavailable(_WHAT) from error
            found += [_run_from(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer or len(found) >= limit:
                return found[:limit]
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def forget(self, practice_id: str, *, limit: int = 100) -> bool:
        """See `Runs.forget`."""
        runs = self.of_practice(practice_id, workflow=None, after=None, limit=limit)
        for run in runs:
            # The run last: what is cut off before it is found again by it.
            keys = [{"pk": item["pk"], "sk": item["sk"]} for item in self._under(run.id, "")]
            for key in sorted(keys, key=lambda one: one["sk"]["S"] == "run"):
                try:
                    self._client.delete_item(TableName=self._table, Key=key)
                except AwsError as error:
                    raise unavailable(_WHAT) from error
        return len(runs) < limit

    # -- items ------------------------------------------------------------------------------------------------------

    def _item(self, key: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        except AwsError as error:
            raise unavailable(_WHAT) from error

    def _under(self, run_id: str, begins: str) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :run" + (" AND begins_with(sk, :begins)" if begins else ""),
            "ExpressionAttributeValues": {":run": {"S": f"run#{run_id}"}}
            | ({":begins": {"S": begins}} if begins else {}),
            "ConsistentRead": True,
        }
        found: list[dict[str, Any]] = []
        while True:
            try:
                answer = self._client.query(**asked)
            except AwsError as error:
                raise unavailable(_WHAT) from error
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return found
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _put(table: str, item: dict[str, Any]) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}


def _key_of(run_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"run#{run_id}"}, "sk": {"S": "run"}}


def _place(at: datetime, run_id: str) -> str:
    return f"{int((at - _FIRST) / timedelta(microseconds=1)):017d}#{run_id}"


def _ends(at: datetime) -> int:
    return int((at + timedelta(days=KEPT_DAYS)).timestamp())


def _item_of(run: Run) -> dict[str, Any]:
    return {
        **_key_of(run.id),
        "made_for": {"S": run.practice_id},
        "made_place": {"S": _place(run.started_at, run.id)},
        "run_id": {"S": run.id},
        "workflow": {"S": run.workflow},
        "client_id": {"S": run.client_id},
        "attempt": {"N": str(run.attempt)},
        "state": {"S": run.state.value},
        "started_at": {"S": run.started_at.isoformat()},
        "by_client": {"BOOL": run.began_by_client},
        "body": {"B": pack({"input": dict(run.input), "about": dict(run.about)})},
        "expires_at": {"N": str(_ends(run.started_at))},
    }


def _run_from(item: Mapping[str, Any]) -> Run:
    # The index has no body.
    body = unpack(bytes(item["body"]["B"])) if "body" in item else {}
    return Run(
        id=item["run_id"]["S"],
        workflow=item["workflow"]["S"],
        practice_id=item["made_for"]["S"],
        client_id=item["client_id"]["S"],
        attempt=int(item["attempt"]["N"]),
        state=RunState(item["state"]["S"]),
        started_at=datetime.fromisoformat(item["started_at"]["S"]),
        began_by_client=item["by_client"]["BOOL"],
        ended_at=datetime.fromisoformat(item["ended_at"]["S"]) if "ended_at" in item else None,
        input=body.get("input", {}),
        result=json.loads(item["result"]["S"]) if "result" in item else {},
        code=item.get("code", {}).get("S"),
        about=body.get("about", {}),
    )


def _plain_step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "do": step.do,
        "state": step.state.value,
        "at": step.at,
        "tries": step.tries,
        "failures": step.failures,
        "attempt": step.attempt,
        "result": dict(step.result),
    }


def _step_from(item: Mapping[str, Any]) -> Step:
    kept = unpack(bytes(item["body"]["B"]))
    return Step(**{**kept, "state": StepState(kept["state"])})
