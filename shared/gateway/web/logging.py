"""What is logged: one JSON line per record, made of ids, words of ours and code locations.

A record's own arguments never reach a line unless they are in `FIELDS`; an exception leaves its type and place, never
its message. Open Dental's keys and health data travel in queries, bodies and headers, so none of those is logged.
The functions that nobody waits for write the same lines by Powertools' Logger (`gateway.wiring.background`); README.md
says why the HTTP functions do not.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

FIELDS = (
    "request_id",
    "correlation_id",
    "method",
    "route",
    "status",
    "code",
    "client_id",
    "practice_id",
    "operation_id",
    "duration_ms",
    "error",
    "at",
    "object",
    "field",
    "operation",
    "attempt",
    "state",
    "event_id",
    "endpoint_id",
)
"""What a record may carry in `extra`."""

# At DEBUG they write URLs, headers and bodies.
TALKATIVE = ("httpx", "httpcore", "botocore", "boto3", "urllib3", "s3transfer", "asyncio", "aws_lambda_powertools")

logger = logging.getLogger("gateway")


class JsonFormatter(logging.Formatter):
    """One line of JSON per record."""

    def format(self, record: logging.LogRecord) -> str:
        """Render `line_of`."""
        return json.dumps(line_of(record), default=lambda _: "?")


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    """The record's time, level, logger, fixed words and permitted fields."""
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        # The words only: values that were meant to be put into them may be anything.
        "message": str(record.msg) if not record.args else str(record.msg).split("%", 1)[0],
    }
    line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
    if record.exc_info and record.exc_info[1] is not None:
        line |= location_of(record.exc_info[1])
    return line


def configure() -> None:
    """Make every logger of the process write such lines. May be called again."""
    root = logging.getLogger()
    level = logging.getLevelName(os.environ.get("LOG_LEVEL", "INFO").upper())
    root.setLevel(level if isinstance(level, int) else logging.INFO)
    # Lambda's runtime puts a handler of its own there.
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stdout))
    for handler in root.handlers:
        handler.setFormatter(JsonFormatter())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def location_of(error: BaseException) -> dict[str, str]:
    """The type of `error` and where it was raised: code, no values."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return {"error": type(error).__name__, "at": at}
