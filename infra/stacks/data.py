"""What outlives every deployment: tables, bucket, secret, keys."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from constructs import Construct

from infra.catalogue import TableRow
from infra.parts.audit_archive import AuditArchive
from infra.parts.bodies_bucket import BodiesBucket
from infra.parts.event_bus import EventBus
from infra.parts.event_schemas import EventSchemas
from infra.parts.exports_bucket import ExportsBucket
from infra.parts.hooks_queue import HooksQueue
from infra.parts.keys import Keys
from infra.parts.names import camel
from infra.parts.signing_secret import SigningSecret
from infra.parts.table import Table
from infra.stages import Stage


class DataStack(cdk.Stack):
    """Holds state and no code."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        tables: Iterable[TableRow],
        take_timeout: cdk.Duration,
        stage: Stage,
        **props: object,
    ) -> None:
        """`take_timeout`: of the function that works off calls of offices' machines."""
        super().__init__(scope, id_, termination_protection=stage.keep_data, **props)  # type: ignore[arg-type]
        keys = Keys(self, "Keys", stage=stage)
        for row in tables:
            Table(self, camel(row.name), row=row, key=keys.records, stage=stage)
        hooks = HooksQueue(self, "Hooks", key=keys.traces, take_timeout=take_timeout, stage=stage)
        BodiesBucket(self, "Bodies", key=keys.records, hooks=hooks, stage=stage)
        AuditArchive(self, "AuditArchive", key=keys.records, stage=stage)
        ExportsBucket(self, "ExportFiles", key=keys.records, stage=stage)
        EventBus(self, "EventBus", key=keys.records, stage=stage)
        EventSchemas(self, "EventSchemas", stage=stage)
        SigningSecret(self, "Signing", key=keys.records, stage=stage)
