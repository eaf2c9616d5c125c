"""Findings of cdk-nag that stand, each with its reason and what would end it.

Never for dead-letter queues, keys of log groups, TLS, public access or wildcard actions: those are repaired. At most
15 different rules. Tests hold the table to all of this and to being used.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

import aws_cdk as cdk
from constructs import IConstruct


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """`rule` (the pack's prefix included) is acknowledged for the constructs whose path matches `where`.

    `where` is a shell pattern over the construct path without the stack's name (`*/Role/Resource`). `finding` is the
    part in brackets that rules with several findings a construct add; a shell pattern too.
    """

    rule: str
    where: str
    reason: str
    ends: str
    finding: str | None = None


ACKNOWLEDGED: tuple[Acknowledged, ...] = ()


def acknowledge(app: cdk.App, rows: Iterable[Acknowledged] = ACKNOWLEDGED) -> None:
    """Write the rows that fit into every construct they fit."""
    raise NotImplementedError
