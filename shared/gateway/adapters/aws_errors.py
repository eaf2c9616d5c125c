"""The one way in which AWS's errors become ours."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from gateway.core.errors import Unavailable

AwsError = (ClientError, BotoCoreError)

CONFLICTS = frozenset({"TransactionConflict", "TransactionConflictException", "TransactionInProgressException"})


def code_of(error: ClientError | BotoCoreError) -> str:
    """The service's word for the error; empty where it never got that far."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def reasons_of(error: ClientError | BotoCoreError) -> list[str]:
    """Why each item of a cancelled transaction was refused (`None` for those that were not)."""
    if not isinstance(error, ClientError):
        return []
    return [str(one.get("Code")) for one in error.response.get("CancellationReasons", [])]


def is_condition(error: ClientError | BotoCoreError) -> bool:
    """Whether a condition did not hold."""
    return code_of(error) == "ConditionalCheckFailedException" or "ConditionalCheckFailed" in reasons_of(error)


def is_conflict(error: ClientError | BotoCoreError) -> bool:
    """Whether another transaction was at the same items, so that the same request may be repeated at once."""
    return code_of(error) in CONFLICTS or (not is_condition(error) and bool(CONFLICTS & set(reasons_of(error))))


def unavailable(what: str) -> Unavailable:
    """The error for a service of ours that did not answer."""
    return Unavailable(f"{what} did not answer", retry_after=2.0)
