"""Which of AWS's errors means that somebody was faster, and which that a service did not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gateway.adapters.aws_errors import is_condition, is_conflict
from gateway.adapters.ledger import DynamoLedger
from gateway.core.errors import Unavailable
from gateway.core.worker import Superseded


def cancelled(*reasons: str) -> ClientError:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": code} for code in reasons],
    }
    return ClientError(response, "TransactWriteItems")


def failed(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PutItem")


@pytest.mark.parametrize(
    ("error", "condition", "conflict"),
    [
        (failed("ConditionalCheckFailedException"), True, False),
        (cancelled("None", "ConditionalCheckFailed"), True, False),
        (cancelled("TransactionConflict", "ConditionalCheckFailed"), True, False),
        (cancelled("None", "TransactionConflict"), False, True),
        (failed("TransactionConflictException"), False, True),
        (failed("TransactionInProgressException"), False, True),
        (cancelled("ThrottlingError", "None"), False, False),
        (cancelled("ProvisionedThroughputExceeded"), False, False),
        (cancelled("ItemCollectionSizeLimitExceeded"), False, False),
        (failed("ThrottlingException"), False, False),
        (failed("ValidationException"), False, False),
        (EndpointConnectionError(endpoint_url="http://x"), False, False),
    ],
)
def test_only_a_failed_condition_says_that_somebody_was_faster(error: Any, *, condition: bool, conflict: bool) -> None:
    assert (is_condition(error), is_conflict(error)) == (condition, conflict)


class _Client:
    def __init__(self, errors: list[ClientError]) -> None:
        self.errors = errors
        self.tokens: list[str] = []

    def transact_write_items(self, **request: Any) -> None:
        self.tokens.append(request["ClientRequestToken"])
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def ledger_over(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[DynamoLedger, _Client]]:
    monkeypatch.setattr("gateway.adapters.ledger.time.sleep", lambda seconds: None)

    def over(*errors: ClientError) -> tuple[DynamoLedger, _Client]:
        client: Any = _Client(list(errors))
        bodies: Any = None
        return DynamoLedger(client, table="ledger", bodies=bodies), client

    return over


def test_a_conflict_is_tried_again_as_the_same_request(ledger_over: Any) -> None:
    """One token: DynamoDB does it once, however often it is sent."""
    ledger, client = ledger_over(cancelled("TransactionConflict"), failed("TransactionInProgressException"))
    ledger._write([{}, {}])

    assert len(client.tokens) == 3
    assert len(set(client.tokens)) == 1


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_throttled_save_has_not_been_superseded(ledger_over: Any, reason: str) -> None:
    """Taken for a lost race, an answer would be thrown away."""
    ledger, _ = ledger_over(cancelled("None", reason))
    with pytest.raises(Unavailable):
        ledger._write([{}, {}])


def test_a_failed_condition_is_not_tried_again(ledger_over: Any) -> None:
    ledger, client = ledger_over(cancelled("ConditionalCheckFailed", "None"))
    with pytest.raises(Superseded):
        ledger._write([{}, {}])
    assert len(client.tokens) == 1
