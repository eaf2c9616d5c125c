"""What the functions that nobody waits for share: Powertools' Logger, held to the fields that may be logged."""

from __future__ import annotations

import logging as standard
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from gateway.web import logging

if TYPE_CHECKING:
    from logging import LogRecord

OF_THE_INVOCATION = ("service", "cold_start", "function_request_id")
"""Keys of Powertools' own that a line has beside the permitted fields."""


class Lines(LambdaPowertoolsFormatter):
    """The edge's lines, with what Powertools knows of the invocation; whatever else it was handed stays out."""

    def format(self, record: LogRecord) -> str:
        """See `logging.Formatter.format`."""
        known = self.get_current_keys()
        own = {name: value for name in OF_THE_INVOCATION if (value := known.get(name)) is not None}
        return str(self.json_serializer(logging.line_of(record) | own))


def background_logger() -> Logger:
    """The function's logger, named by POWERTOOLS_SERVICE_NAME; the process's other loggers write such lines too."""
    logging.configure()
    lines = Lines(json_default=lambda _: "?")
    logger = Logger(logger_formatter=lines)
    for handler in standard.getLogger().handlers:
        handler.setFormatter(lines)
    return logger
