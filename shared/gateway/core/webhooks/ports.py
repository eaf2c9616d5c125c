"""What webhooks need from outside, as contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.core.audit import Audit
from gateway.core.engagement.ports import Messages
from gateway.core.events.facts import Facts
from gateway.core.events.ports import EventLog
from gateway.core.mirror.records import Records
from gateway.core.mirror.syncing import SyncStates
from gateway.core.ports import Cache, Callers, Clock, Practices, Signer
from gateway.core.webhooks.deliveries import Delivery, Due, Health, Message, Outcome
from gateway.core.webhooks.endpoints import Endpoint


class Superseded(Exception):
    """Somebody changed it meanwhile; read it again."""


class Webhooks(Protocol):
    """Endpoints, their deliveries and their health."""

    def make(self, endpoint: Endpoint) -> Endpoint:
        """Store `endpoint`, whose `rev` is 0. If there is one of its id, deleted or not, that one is returned."""
        ...

    def change(self, endpoint: Endpoint) -> Endpoint:
        """Store `endpoint` over the one of its `rev`; returned with the new one. Raises: Superseded."""
        ...

    def get(self, endpoint_id: str) -> Endpoint:
        """The endpoint, strongly consistent; also a deleted one as long as it is kept. Raises: NotFound."""
        ...

    def all(self) -> list[Endpoint]:
        """All endpoints of the deployment in the order of their ids, deleted ones among them."""
        ...

    def begin(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Store those deliveries that are not there yet, each by its own conditional put; returned are those.

        Raises: Unavailable: some may have been stored; begin all of them again.
        """
        ...

    def delivery(self, endpoint_id: str, event_id: str) -> Delivery | None:
        """A delivery, strongly consistent."""
        ...

    def save(self, delivery: Delivery, *, was: Delivery) -> None:
        """Store `delivery` if the stored one still has the turn of `was`. Raises: Superseded."""
        ...

    def due(self, now: datetime, *, limit: int, latest: bool = False) -> list[Due]:
        """Turns of pending deliveries that are due, those longest due first, or the `latest`, `limit` at most. What was
        stored within the last seconds may be missing, and what has been made since may be among them.
        """
        ...

    def page(self, endpoint_id: str, *, after: tuple[datetime, str] | None, limit: int) -> list[Delivery]:
        """Deliveries of an endpoint, the youngest first, behind `after` (when made, event id); may lag by seconds."""
        ...

    def health(self, endpoint_id: str) -> Health:
        """An endpoint's health, strongly consistent; a clean one where nothing is known."""
        ...

    def save_health(self, health: Health) -> Health:
        """Store `health` over the one of its `rev`; returned with the new one. Raises: Superseded."""
        ...


class DeliveryQueue(Protocol):
    """Where turns of deliveries wait: those of one endpoint and object in order, at most five of an endpoint's at a
    time.
    """

    def put(self, message: Message) -> None:
        """Queue a turn. The same turn put again within five minutes is one message.

        Raises: Unavailable: the queue did not take it; it is put again once it is due.
        """
        ...


class Sender(Protocol):
    """The way out to endpoints."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Post once: within ten seconds in all, following nothing, and only to an address of the public internet.

        Never raises: whatever happens is an outcome.
        """
        ...


class CallServices(Protocol):
    """Ports of whoever calls an endpoint."""

    @property
    def clock(self) -> Clock: ...
    @property
    def signer(self) -> Signer: ...
    @property
    def sender(self) -> Sender: ...


class BeginServices(Protocol):
    """Ports of whoever begins deliveries."""

    @property
    def clock(self) -> Clock: ...
    @property
    def callers(self) -> Callers: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def delivery_queue(self) -> DeliveryQueue: ...


class ReadServices(Protocol):
    """Ports of whoever reads an object from the mirror and has that in the audit trail, and of nothing else."""

    @property
    def clock(self) -> Clock: ...
    @property
    def practices(self) -> Practices: ...
    @property
    def records(self) -> Records: ...
    @property
    def syncs(self) -> SyncStates: ...
    @property
    def cache(self) -> Cache: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def stage(self) -> str: ...


class DeliveryServices(BeginServices, CallServices, ReadServices, Protocol):
    """Ports of the worker that delivers."""

    @property
    def event_log(self) -> EventLog: ...
    @property
    def facts(self) -> Facts: ...
    def chance(self) -> float:
        """A number in [0, 1)."""
        ...


class RetryServices(Protocol):
    """Ports of the job that sends what is due."""

    @property
    def clock(self) -> Clock: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def delivery_queue(self) -> DeliveryQueue: ...
