"""What an operator knows of clients and their keys. A key itself is stored nowhere, so nobody can show it again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from gateway.core.callers import Client
from gateway.core.ports import Callers

_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, as far as it is known. `last_used_at` is to the hour; None: not since uses are noted."""

    token_hash: str
    client_id: str
    created_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def seen_at(self) -> datetime | None:
        """When it was used last. The hour of that may have begun before the key was made, and it cannot."""
        if self.last_used_at is None or self.created_at is None:
            return self.last_used_at
        return max(self.last_used_at, self.created_at)

    @property
    def name(self) -> str:
        """What people call it by: the front of its hash, from which no key is found."""
        return f"key_{self.token_hash[:_SHOWN]}"


class ClientBook(Callers, Protocol):
    """Clients and keys as an operator's command sees them. No function has it: it looks through the whole table."""

    def all_clients(self) -> list[Client]:
        """All of them, by id."""
        ...

    def keys(self, client_id: str) -> list[Key]:
        """The client's keys, also those that are over, the newest first. Sessions are none."""
        ...

    def all_keys(self) -> list[Key]:
        """The same of all clients."""
        ...

    def give(self, client_id: str, *, scopes: Iterable[str] = (), practices: Iterable[str] = ()) -> None:
        """Add to what the client has; what it has already changes nothing. Raises NotFound."""
        ...

    def take(self, client_id: str, *, scopes: Iterable[str] = (), practices: Iterable[str] = ()) -> None:
        """Take away from what the client has; what it does not have changes nothing. Raises NotFound."""
        ...

    def revoke_client(self, client_id: str, at: datetime) -> None:
        """End the client with all its keys and sessions; the first time stands. Raises NotFound."""
        ...

    def end_client(self, client_id: str, at: datetime | None) -> None:
        """Have the client end at a time, or at none. Raises NotFound."""
        ...

    def end_key(self, token_hash: str, at: datetime | None) -> None:
        """Have a key end at a time, or at none. Raises NotFound."""
        ...
