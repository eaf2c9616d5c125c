"""How it is known that an execution is over: Step Functions says so on the account's own bus.

Asking instead is bounded at 15 questions a second for the whole account.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from gateway.core.hashing import canonical_hash
from gateway.core.ids import id_from, is_id
from gateway.core.workflows.records import Runs, RunState
from gateway.core.workflows.thin import thin

_STATES: Final = {
    "SUCCEEDED": RunState.SUCCEEDED,
    "FAILED": RunState.FAILED,
    "TIMED_OUT": RunState.FAILED,
    "ABORTED": RunState.STOPPED,
}
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}")


def note_end(detail: Mapping[str, Any], *, runs: Runs) -> None:
    """Note what became of an execution, by the `detail` of its status event. A repeat, or one that is late, changes
    nothing; an execution that never made a step is no run."""
    state = _STATES.get(str(detail.get("status")))
    if state is None:
        return
    name = str(detail["name"])
    workflow = str(detail["stateMachineArn"]).rpartition(":")[2].rpartition("-")[2]
    run_id, _, attempt = name.rpartition("-")
    if not is_id(run_id, "workflow_run") or not attempt.isdigit():
        run_id, attempt = id_from("workflow_run", canonical_hash([workflow, name])), "1"
    error = str(detail.get("error") or ("States.Timeout" if detail.get("status") == "TIMED_OUT" else ""))
    runs.end(
        run_id,
        attempt=int(attempt),
        state=state,
        at=datetime.fromtimestamp(int(detail.get("stopDate") or 0) / 1000, UTC),
        result=_result(detail.get("output")) if state is RunState.SUCCEEDED else {},
        code=error if _CODE.fullmatch(error) else ("failed" if state is RunState.FAILED else None),
    )


def _result(output: Any) -> Mapping[str, Any]:
    """The member `result` of the last state's output; who wants more looks at the steps."""
    try:
        said = json.loads(output) if isinstance(output, str) else output
    except ValueError:
        return {}
    told = thin(said.get("result")) if isinstance(said, Mapping) else None
    return told if isinstance(told, Mapping) else {}
