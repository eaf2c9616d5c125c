"""One fetch at each of several practices: begun together, each at its practice's own pace, and waited for together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gateway.core.callers import Caller
from gateway.core.errors import AppError, StillRunning
from gateway.core.operations import OperationState
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.problems import error_of
from gateway.core.requests import Fetched, Freshness, fetch, key_of_fetch, wait_for


@dataclass(slots=True)
class Errand:
    """A fetch of the plan `kind` for `bound`. In the end it has `fetched` rows or an `error`."""

    practice: Practice
    kind: str
    bound: Mapping[str, Any]
    caller: Caller
    freshness: Freshness
    on: Services
    fetched: Fetched | None = None
    error: AppError | None = None
    _operation_id: str | None = None
    _asked_at: datetime = field(init=False)

    def begin(self) -> None:
        """Take the rows from where they are at hand, else put the fetch on the practice's queue."""
        self._asked_at = self.on.clock.now()
        try:
            self.fetched = fetch(
                self.kind,
                self.bound,
                practice=self.practice,
                caller=self.caller,
                freshness=replace(self.freshness, wait_s=0.0),
                on=self.on,
            )
        except StillRunning as running:
            self._operation_id, self.error = running.operation_id, running
        except AppError as error:
            self.error = error

    def finish(self, until: float) -> None:
        """Wait for what is on the queue, up to this moment of the clock's `monotonic`."""
        if self._operation_id is None:
            return
        try:
            operation = wait_for(
                self.on.operations.get(self._operation_id),
                wait_s=max(0.0, until - self.on.clock.monotonic()),
                on=self.on,
            )
        except AppError as error:
            self.error = error
            return
        if operation.state is OperationState.FAILED:
            self.error = error_of(operation.error or {})
        if operation.state is not OperationState.SUCCEEDED:
            return
        key = key_of_fetch(self.kind, self.bound, practice=self.practice, reference=False)
        rows = self.on.cache.get(self.practice.id, key)
        if rows is not None:
            # Else somebody wrote to the practice meanwhile, and the next request reads it again.
            age_s = max(0.0, (self.on.clock.now() - rows.as_of).total_seconds())
            shared = operation.submitted_at < self._asked_at
            self.fetched, self.error = Fetched(rows, age_s, "live", 0 if shared else rows.upstream_calls), None
