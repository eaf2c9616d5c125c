"""Where the gateway may run: one row a stage. A stage is chosen with `-c stage=NAME`; `dev` if nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that differs between two deployments."""

    name: str
    region: str
    """Concrete, because a table with a key of our own cannot be synthesized for "any region"."""
    open_enrolment: bool = False
    """Whether a practice may connect itself with its two keys; off wherever real practices are."""
    base_url_allow: tuple[str, ...] = ("https://api.opendental.com",)
    """Prefixes that a practice's `base_url` may start with; everything else is refused."""
    keep_data: bool = True
    """Tables, bucket, secrets and keys survive the deletion of their stack, and tables refuse deletion."""
    worker_concurrency: int = 50
    """Practices that are called at the same time; 2 to 1,000 (what SQS allows)."""
    requests_per_second: int = 200
    request_burst: int = 400
    requests_per_source: int = 30_000
    """Requests that one source address may send in 5 minutes before WAF answers 429; half of what the stage takes,
    because a product's whole traffic may come from one address."""
    client_requests_per_minute: int = 6_000
    """Requests that a client may make in a minute before it is answered 429, unless its record says otherwise; half of
    what the stage takes, so that no client can use up the others' share."""
    log_days: int = 365
    log_level: str = "INFO"
    alarm_email: str | None = None
    owns_api_logging: bool = True
    """API Gateway logs through one role an account and region. False where another stack has set it."""


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="sandbox",
            region="us-east-1",
            base_url_allow=("http://127.0.0.1",),
            keep_data=False,
            worker_concurrency=10,
            log_days=7,
        ),
        Stage(name="dev", region="us-east-1", keep_data=False, worker_concurrency=10, log_days=30),
        Stage(name="prod", region="us-east-1"),
    )
}


def stage_for(context: Mapping[str, str]) -> Stage:
    """Return the stage that `context` names.

    An operator may say `region` and `alarm_email` at deployment (`-c alarm_email=...`) without touching the rows.

    Raises:
        ValueError: there is no such stage; the message lists those that exist.
    """
    name = context.get("stage", "dev")
    if name not in STAGES:
        raise ValueError(f"no stage {name!r} in infra/stages.py; there are {', '.join(STAGES)}")
    row = STAGES[name]
    return replace(
        row, region=context.get("region") or row.region, alarm_email=context.get("alarm_email") or row.alarm_email
    )
