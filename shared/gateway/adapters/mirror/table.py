"""The calls of DynamoDB that the mirror makes, page after page and batch after batch."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gateway.adapters.aws_errors import AwsError, code_of, is_condition, unavailable
from gateway.adapters.mirror.items import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE: Final = 8
"""Requests that one call of the mirror has under way; the SDK's pool has ten connections."""

THROTTLES: Final = frozenset({"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"})
"""DynamoDB's words for "not now", which the SDK gives up on after three."""

_READ_BATCH: Final = 100
_WRITE_BATCH: Final = 25
_TRIES: Final = 8


class Table:
    """One table. Whatever DynamoDB does not do is `Unavailable`."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        name: str,
        what: str = "the mirror",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`what` did not answer, where it does not."""
        self._client: Any = client
        self._name = name
        self._what = what
        self._sleep = sleep

    def get(self, pk: str, sk: str) -> Mapping[str, Any] | None:
        """One item, strongly consistent."""
        answer = self._ask("get_item", TableName=self._name, Key=key_of(pk, sk), ConsistentRead=True)
        found: Mapping[str, Any] | None = answer.get("Item")
        return found

    def get_all(self, pk: str, sks: Iterable[str], *, only: Sequence[str] = ()) -> dict[str, Mapping[str, Any]]:
        """These items of a partition by their sort keys, strongly consistent; `only` these attributes of them."""
        wanted = sorted(set(sks))
        batches = [wanted[start : start + _READ_BATCH] for start in range(0, len(wanted), _READ_BATCH)]
        found: dict[str, Mapping[str, Any]] = {}
        for answered in self.each(lambda batch: self._batch_get(pk, batch, only), batches):
            found.update(answered)
        return found

    def query(
        self,
        pk: str,
        *,
        index: tuple[str, str, str] | None = None,
        above: str | None = None,
        between: tuple[str, str] | None = None,
        starts: str | None = None,
        only: Sequence[str] = (),
        limit: int | None = None,
        backwards: bool = False,
    ) -> Iterator[Mapping[str, Any]]:
        """Items of a partition in the order of their sort keys, or `backwards`, read as they are asked for.

        Of the table strongly consistent; of an `index` (its name, partition and sort attribute) as far as that is.
        Sort keys lie `above` one, `between` two of them, both included, or start with a text. `limit` is how many
        DynamoDB is to read at a time.
        """
        if between is not None and between[0] > between[1]:
            # Nothing lies there, and DynamoDB refuses to look.
            return
        name, partition, sort = index or (None, "pk", "sk")
        asked: dict[str, Any] = {"TableName": self._name, "ExpressionAttributeValues": {":pk": {"S": pk}}}
        asked |= {"ConsistentRead": True} if name is None else {"IndexName": name}
        condition = f"{partition} = :pk"
        if above is not None:
            condition += f" AND {sort} > :above"
            asked["ExpressionAttributeValues"][":above"] = {"S": above}
        if between is not None:
            condition += f" AND {sort} BETWEEN :first AND :last"
            asked["ExpressionAttributeValues"] |= {":first": {"S": between[0]}, ":last": {"S": between[1]}}
        if starts is not None:
            condition += f" AND begins_with({sort}, :starts)"
            asked["ExpressionAttributeValues"][":starts"] = {"S": starts}
        asked["KeyConditionExpression"] = condition
        if backwards:
            asked["ScanIndexForward"] = False
        if only:
            asked["ProjectionExpression"] = ", ".join(only)
        if limit is not None:
            asked["Limit"] = limit
        while True:
            answer = self._ask("query", **asked)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(self, item: Item, *, condition: str | None = None, values: Mapping[str, Any] | None = None) -> bool:
        """Store an item; False if the condition does not hold."""
        asked: dict[str, Any] = {"TableName": self._name, "Item": item}
        return self._write("put_item", asked, condition, values)

    def update(
        self, pk: str, sk: str, expression: str, *, values: Mapping[str, Any], condition: str | None = None
    ) -> bool:
        """Change an item; False if the condition does not hold."""
        asked = {"TableName": self._name, "Key": key_of(pk, sk), "UpdateExpression": expression}
        return self._write("update_item", asked, condition, values)

    def delete(self, pk: str, sk: str, *, condition: str, values: Mapping[str, Any]) -> bool:
        """Delete an item; False if the condition does not hold."""
        return self._write("delete_item", {"TableName": self._name, "Key": key_of(pk, sk)}, condition, values)

    def put_all(self, these: Sequence[Item]) -> None:
        """Store these items, whatever is there."""
        self._batches([{"PutRequest": {"Item": item}} for item in these])

    def delete_all(self, keys: Sequence[Item]) -> None:
        """Delete these items; those that are gone already are no matter."""
        self._batches([{"DeleteRequest": {"Key": key}} for key in keys])

    def _batches(self, requests: Sequence[Mapping[str, Any]]) -> None:
        batches = [requests[start : start + _WRITE_BATCH] for start in range(0, len(requests), _WRITE_BATCH)]
        self.each(self._batch_write, batches)

    def each(self, do: Callable[[T], R], these: Sequence[T]) -> list[R]:
        """What `do` returns for each of `these`, some of them at a time.

        What one raises is raised once all that have begun are over, so no thread outlives the call.
        """
        if len(these) <= 1:
            return [do(one) for one in these]
        with ThreadPoolExecutor(min(AT_ONCE, len(these))) as pool:
            begun = [pool.submit(do, one) for one in these]
            try:
                return [one.result() for one in begun]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def pause(self, tried: int) -> None:
        """Let rivals that came together part, and a busy table recover."""
        self._sleep(random.uniform(0.005, 0.02) * 2 ** min(tried, 5))  # noqa: S311 - no secret hangs on it

    def _write(
        self, operation: str, asked: dict[str, Any], condition: str | None, values: Mapping[str, Any] | None
    ) -> bool:
        if condition is not None:
            asked["ConditionExpression"] = condition
        if values:
            asked["ExpressionAttributeValues"] = dict(values)
        return self._ask(operation, **asked) is not None

    def _ask(self, operation: str, **asked: Any) -> Any:
        """DynamoDB's answer; None where a condition did not hold."""
        for tried in range(_TRIES):
            try:
                return getattr(self._client, operation)(**asked)
            except AwsError as error:
                if is_condition(error):
                    return None
                # A page of a first load may be more than a partition takes in a second. Given up, it is read anew.
                if code_of(error) not in THROTTLES or tried == _TRIES - 1:
                    raise unavailable(self._what) from error
            self.pause(tried)
        raise AssertionError

    def _batch_get(self, pk: str, sks: Sequence[str], only: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        asked: dict[str, Any] = {"Keys": [key_of(pk, sk) for sk in sks], "ConsistentRead": True}
        if only:
            asked["ProjectionExpression"] = ", ".join(only)
        found: dict[str, Mapping[str, Any]] = {}
        tried = 0
        while asked["Keys"]:
            answer = self._ask("batch_get_item", RequestItems={self._name: asked})
            answered = answer.get("Responses", {}).get(self._name, [])
            found.update((item["sk"]["S"], item) for item in answered)
            left = (answer.get("UnprocessedKeys") or {}).get(self._name, {}).get("Keys", [])
            # A batch that stops at its 16 MB goes on at once; one that brought nothing was throttled, or there is
            # nothing under the keys that it got to.
            if left and not answered:
                tried = 0 if len(left) < len(asked["Keys"]) else tried + 1
                if tried == _TRIES:
                    raise unavailable(self._what)
                self.pause(tried)
            asked = {**asked, "Keys": left}
        return found

    def _batch_write(self, requests: Sequence[Mapping[str, Any]]) -> None:
        left, tried = list(requests), 0
        while left:
            answer = self._ask("batch_write_item", RequestItems={self._name: left})
            before, left = len(left), (answer.get("UnprocessedItems") or {}).get(self._name, [])
            # A busy table takes some of them at a time; one that takes none is waited for a few times.
            tried = 0 if len(left) < before else tried + 1
            if tried == _TRIES:
                raise unavailable(self._what)
            if left:
                self.pause(tried)


def key_of(pk: str, sk: str) -> Item:
    """An item's key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}
