"""What operators' commands leave in the audit trail: who ran which, by the AWS identity, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from gateway.core.audit import Audit, AuditEntry, Phase
from gateway.core.errors import Unavailable
from gateway.core.ids import new_id


def who() -> str:
    """The ARN of whoever runs this, as AWS knows it.

    Raises: Unavailable: AWS does not say.
    """
    try:
        return str(boto3.client("sts").get_caller_identity()["Arn"])
    except (ClientError, BotoCoreError) as error:
        raise Unavailable("AWS does not say whose credentials these are; nothing was changed") from error


@contextmanager
def told(
    action: str,
    *,
    client_id: str,
    practices: Sequence[str] = (),
    about: Sequence[str] = (),
    audit: Audit,
    now: Callable[[], datetime],
    actor: Callable[[], str] = who,
) -> Iterator[None]:
    """Have in the trails of a client and of `practices` that it is about to be changed, and then whether it was.

    `about`: what is given or taken, such as scopes. It lies in the archive beside the entries.

    Raises: AuditUnavailable, Unavailable: before anything was changed; or what ends the change itself.
    """
    arn, run = actor(), new_id("audit_entry")

    def note(phase: Phase) -> None:
        audit.note(
            *(
                AuditEntry(
                    id=new_id("audit_entry"),
                    practice_id=practice_id,
                    at=now(),
                    client_id=client_id,
                    action=action,
                    request_id=run,
                    phase=phase,
                    object_ids=tuple(about),
                    actor=arn,
                )
                for practice_id in (None, *practices)
            )
        )

    note(Phase.INTENT)
    try:
        yield
    except BaseException:
        note(Phase.REFUSED)
        raise
    note(Phase.DONE)
