"""What the gateway itself has to tell of a practice: kept among the mirror's rows, so that there is one outbox.

They are there whether the practice has a mirror or not, hold no health data (findings aside), and are told like any
change of a row: once for each state.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

DUE_RECALLS: Final = "due_recalls"
"""By recall: `{RecallNum, PatNum, due_on}` once that day has come."""

FINDINGS: Final = "findings"
"""By finding, as `core.reconciliation` keeps it (`Reconciliations`, not `Facts`): the whole object. It has amounts and
ids of patients, and no name; what is told of it has ids and words alone."""

INTAKE: Final = "intake"
"""By sheet that was saved lately: `{SheetNum, PatNum, state, is_web_form}`, state `waiting` on a tablet, or `here`."""

MERGES: Final = "merges"
"""By patient who was merged into another: `{PatNumFrom, PatNumTo}`."""

MESSAGES: Final = "messages"
"""By message to a patient: `{id, state: due | withdrawn, kind, round, rule_id, subject_id, PatNum, expire_at, reason}`,
until it is forgotten."""

MIRROR: Final = "mirror"
"""Under `mirror`: `{state: loaded, epoch}` once all of the practice is in it."""

OPERATIONS: Final = "operations"
"""By operation, writes only: `{id, kind, state, client_id, correlation_id?}`, state succeeded, failed or unknown, of
whose request."""

PRACTICE: Final = "practice"
"""Under `connection`: `{state: offline | online}`. Under `capabilities`: what may be done there, and how fast.
Under `baa`: `{expires_on, days_left}` once the agreement's end is near. Under `key`: `{state: rotated | waiting |
failed, rotation_id}`, of the last exchange of keys. Under `way`, where there are two: `{way: first | fallback, mode}`,
by which one the office is called."""

WAY: Final = "way"

BAA: Final = "baa"
"""The key, of `PRACTICE`, of the fact that warns of an agreement's end."""

WEB_SCHED: Final = "web_sched"
"""By visit that was booked on line: `{AptNum, way}`, the way in Open Dental's word."""

WEBHOOKS: Final = "webhooks"
"""By endpoint, at each practice that it had events of: `{state: disabled, reason, since, client_id}`, whose it is."""

KINDS: Final = frozenset(
    {DUE_RECALLS, FINDINGS, INTAKE, MERGES, MESSAGES, MIRROR, OPERATIONS, PRACTICE, WEB_SCHED, WEBHOOKS}
)

OF_PATIENTS: Final = frozenset({DUE_RECALLS, FINDINGS, INTAKE, MERGES, MESSAGES, WEB_SCHED})
"""Those that name patients or their visits: they are forgotten with the practice's mirror."""


class Facts(Protocol):
    """Where they are kept."""

    def note(
        self,
        practice_id: str,
        kind: str,
        key: str,
        content: Mapping[str, Any],
        *,
        at: datetime,
        until: datetime | None = None,
    ) -> bool:
        """Keep what is so since `at`; False where that is known already. From `until` on it may be forgotten, which
        tells nobody anything.

        Raises: Unavailable: note it again.
        """
        ...
