"""Give a function what its row in the catalogue says, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from infra.catalogue import ADD
from infra.parts.bodies_bucket import HOOKS
from infra.parts.bucket_access import BucketAccess
from infra.parts.event_bus import BusAccess
from infra.parts.function import Function
from infra.parts.message_sender import let_send
from infra.parts.queue_access import CallsAccess, QueueAccess
from infra.parts.runs import ask_routes, start_machines, stop_machines
from infra.parts.sftp_drop import let_log_in, let_reach
from infra.parts.signing_secret import SigningAccess
from infra.parts.table import TableAccess
from infra.parts.vault import Vault
from infra.stages import REMOTE, SftpDrop, Stage


@dataclass(frozen=True, kw_only=True)
class Grants:
    """Everything that a function of one stack could touch."""

    tables: Mapping[str, TableAccess]
    queues: Mapping[str, QueueAccess | CallsAccess]
    bodies: BucketAccess
    bus: BusAccess
    archive: BucketAccess
    exports: BucketAccess
    signing: SigningAccess
    vault: Vault
    stage: Stage
    network: str = REMOTE
    """From where its functions call offices."""

    def give(self, function: Function) -> None:
        """Let `function` do what its row says.

        Raises:
            KeyError: the row names a table or queue that does not exist.
        """
        row = function.row
        for name, verbs in row.tables.items():
            self.tables[name].let(function, verbs)
        for name, partitions in row.puts.items():
            self.tables[name].let_put(function, partitions)
        for name, verbs in row.queues.items():
            self.queues[name].let(function, verbs)
        if row.bus:
            self.bus.let_put(function)
        for bucket, calls in ((self.bodies, row.bodies), (self.exports, row.exports)):
            if calls:
                bucket.let(function, calls)
        if row.inbox:
            self.bodies.let(function, row.inbox, below=HOOKS)
        if row.archive:
            self.archive.let(function, row.archive)
        if row.hmac:
            self.signing.let_read(function)
        if row.vault:
            self.vault.let(function, row.vault)
        if self.stage.sftp_drop is not None:
            _let_drop(function, self.stage.sftp_drop)
        if row.counts:
            self.tables["callers"].let_count(function, "requests#")
            function.tell("CLIENT_REQUESTS_PER_MINUTE", str(self.stage.client_requests_per_minute))
            self.tables["audit"].let(function, ADD)
        self._let_run(function)
        self._tell_settings(function)

    def _let_run(self, function: Function) -> None:
        if function.row.asks_routes:
            ask_routes(function, self.stage)
        if function.row.machines:
            start_machines(function, function.row.machines, self.stage)
        if function.row.stops:
            stop_machines(function, self.stage)

    def _tell_settings(self, function: Function) -> None:
        row = function.row
        if "NETWORK" in row.settings:
            function.tell("NETWORK", self.network)
        if "OPEN_ENROLMENT" in row.settings:
            function.tell("OPEN_ENROLMENT", str(self.stage.open_enrolment).lower())
        if "HAS_DROP" in row.settings:
            function.tell("HAS_DROP", str(self.stage.sftp_drop is not None).lower())
        if "SENDER" in row.settings:
            function.tell("SENDER", "off" if self.stage.message_sender is None else "on")
            if self.stage.message_sender is not None:
                let_send(function, self.stage.message_sender)
        if "BASE_URL_ALLOW" in row.settings:
            function.tell("BASE_URL_ALLOW", ",".join(self.stage.base_url_allow))
            if self.stage.networks:
                inside = {network.name: network.base_url_allow for network in self.stage.networks}
                function.tell("NETWORKS", json.dumps(inside))


def _let_drop(function: Function, drop: SftpDrop) -> None:
    if function.row.drop:
        let_reach(function, drop, function.row.drop)
    if function.row.drop_login:
        let_log_in(function, drop)
