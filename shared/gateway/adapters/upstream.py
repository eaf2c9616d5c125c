"""Open Dental through `open_dental.Client`: one connection a practice, for as long as an invocation lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.core.errors import NotFound
from gateway.core.fhir_source import OPERATION
from gateway.core.plans import PUSH, UpstreamAnswer, UpstreamCall
from gateway.core.ports import Pair as Which
from gateway.core.rotation import pairs
from gateway.core.seat import FHIR_CAPABILITY
from open_dental import errors
from open_dental.catalogue import UnknownOperation

if TYPE_CHECKING:
    from gateway.adapters.drop import DropLogin
    from gateway.core.ports import Keys as Pair
    from gateway.core.ports import Vault
    from gateway.core.practices import Practice
    from open_dental.client import Client


class OpenDentalUpstream:
    """Fills `core.ports.Upstream`. A practice in state `pending` is called with the pair that waits to be proven, in
    one of `rotation.pairs` with the pair that is meant, or with the developer's portal key.

    Keys are read once for each practice between `close` and `close`, so a changed key acts on the next invocation.
    `drop`: how the office signs in at the SFTP server, where the stage has one.
    """

    def __init__(self, vault: Vault, drop: DropLogin | None = None) -> None:
        self._vault = vault
        self._drop = drop
        self._clients: dict[tuple[str, ...], Client] = {}

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        """See `Upstream.send`."""
        client = self._client(practice)
        started_at = datetime.now(UTC)
        if call.operation == FHIR_CAPABILITY:
            said = client.capability(gate)
            version = None if said.server_version is None else str(said.server_version)
            return UpstreamAnswer(200, {"server_version": version, "fhir_version": said.fhir_version}, started_at)
        if call.operation.startswith(OPERATION):
            kind = call.operation.removeprefix(OPERATION)
            found = client.fhir(kind, id=call.path.get("id"), query=call.query, gate=gate)
            return UpstreamAnswer(200, found, started_at)
        if call.operation == PUSH:
            return self._push(client, call, gate)
        try:
            answer = client.call(call.operation, path=call.path, query=call.query, body=call.body, gate=gate)
        except (ValueError, UnknownOperation) as error:
            # The call cannot be spelled, so nothing was sent. The cause names fields only, but may quote a value.
            raise errors.Invalid(operation=call.operation, reason="cannot be spelled") from error
        data = answer.data if isinstance(answer.data, dict | list) else None
        return UpstreamAnswer(answer.status, data, started_at)

    def _push(self, client: Client, call: UpstreamCall, gate: Callable[[], None] | None) -> UpstreamAnswer:
        """Have the office put a file on the SFTP server. Where the file lies there it says, too; nobody needs it."""
        if self._drop is None:
            raise errors.Invalid(operation=call.operation, reason="the stage has no SFTP server")
        body = self._drop.completed(call.operation, call.body or {})
        started_at = datetime.now(UTC)
        try:
            answer = client.call(call.operation, body=body, gate=gate)
        except errors.OpenDentalError as error:
            self._drop.cut(error, body)
            raise
        except ValueError as error:
            raise errors.Invalid(operation=call.operation, reason="cannot be spelled") from error
        return UpstreamAnswer(answer.status, None, started_at)

    def close(self) -> None:
        """Close all connections and forget all keys."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _client(self, practice: Practice) -> Client:
        # httpx costs a cold start 150 ms; turns that end in the ledger never need it.
        from open_dental.client import Client, Keys, Timeouts  # noqa: PLC0415

        # A key that was exchanged meanwhile is another connection.
        where = (practice.id, practice.base_url, practice.state, practice.key_fingerprint)
        if where not in self._clients:
            try:
                pair = self._pair(practice)
            except NotFound as error:
                raise errors.KeyRefused(reason="no keys are kept") from error
            # They add up to core.pacing.CALL_LIMIT_S.
            times = Timeouts(connect_s=4, send_s=4, answer_s=62, stall_s=4)
            self._clients[where] = Client(Keys(pair.developer, pair.customer), practice.base_url, timeouts=times)
        return self._clients[where]

    def _pair(self, practice: Practice) -> Pair:
        """The keys that `practice`, in its state, is called with. Raises: NotFound."""
        vault = self._vault
        if practice.state == "pending":
            return vault.pending(practice.id)
        if practice.state == pairs.PORTAL:
            return replace(vault.keys(practice.id), customer=vault.portal())
        return vault.keys(practice.id, pairs.OF_STATE.get(practice.state, Which.CURRENT))
