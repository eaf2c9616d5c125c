"""Clients, practices, keys, signatures and time, in memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock

from gateway.core.baa.records import BaaEntry, Superseded
from gateway.core.callers import Client
from gateway.core.clients import Key
from gateway.core.errors import NotFound
from gateway.core.ports import Clock, Keys, Pair, Session
from gateway.core.practices import Baa, Practice

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class FakeClock:
    """Stands still unless somebody sleeps or moves it."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class FakeCallers:
    clients: dict[str, Client] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    attempts: dict[tuple[str, str], datetime] = field(default_factory=dict)
    requests: dict[tuple[str, datetime], int] = field(default_factory=dict)
    uses: dict[str, datetime] = field(default_factory=dict)
    _counting: Lock = field(default_factory=Lock)

    def client(self, client_id: str) -> Client:
        if client_id not in self.clients:
            raise NotFound("no such client")
        return self.clients[client_id]

    def put_client(self, client: Client) -> None:
        self.clients[client.id] = client

    def add_practice(self, client_id: str, practice_id: str) -> None:
        client = self.client(client_id)
        self.clients[client_id] = replace(client, practices=client.practices | {practice_id})

    def session(self, token_hash: str) -> Session | None:
        return self.sessions.get(token_hash)

    def put_session(self, token_hash: str, session: Session) -> None:
        self.sessions[token_hash] = session

    def revoke(self, token_hash: str, at: datetime) -> None:
        session = self.sessions.get(token_hash)
        if session is not None and session.revoked_at is None:
            self.sessions[token_hash] = replace(session, revoked_at=at)

    def note_use(self, token_hash: str, at: datetime) -> None:
        self.uses[token_hash] = at.replace(minute=0, second=0, microsecond=0)

    def all_clients(self) -> list[Client]:
        return sorted(self.clients.values(), key=lambda one: one.id)

    def keys(self, client_id: str) -> list[Key]:
        return [one for one in self.all_keys() if one.client_id == client_id]

    def all_keys(self) -> list[Key]:
        found = [
            Key(hashed, one.client_id, one.created_at, one.expires_at, one.revoked_at, self.uses.get(hashed))
            for hashed, one in self.sessions.items()
            if one.is_key
        ]
        return sorted(found, key=lambda one: (one.created_at or LONG_AGO, one.token_hash), reverse=True)

    def give(self, client_id: str, *, scopes: Iterable[str] = (), practices: Iterable[str] = ()) -> None:
        was = self.client(client_id)
        self.put_client(replace(was, scopes=was.scopes | {*scopes}, practices=was.practices | {*practices}))

    def take(self, client_id: str, *, scopes: Iterable[str] = (), practices: Iterable[str] = ()) -> None:
        was = self.client(client_id)
        self.put_client(replace(was, scopes=was.scopes - {*scopes}, practices=was.practices - {*practices}))

    def revoke_client(self, client_id: str, at: datetime) -> None:
        was = self.client(client_id)
        self.put_client(replace(was, revoked_at=was.revoked_at or at))

    def end_client(self, client_id: str, at: datetime | None) -> None:
        self.put_client(replace(self.client(client_id), expires_at=at))

    def end_key(self, token_hash: str, at: datetime | None) -> None:
        if token_hash not in self.sessions:
            raise NotFound("no such key")
        self.sessions[token_hash] = replace(self.sessions[token_hash], expires_at=at)

    def count_request(self, client_id: str, *, at: datetime) -> int:
        minute = (client_id, at.replace(second=0, microsecond=0))
        with self._counting:
            self.requests[minute] = self.requests.get(minute, 0) + 1
            return self.requests[minute]

    def count_attempts(self, source: str, at: datetime) -> tuple[int, int]:
        since = at - timedelta(minutes=15)
        recent = [who for (who, _), noted in self.attempts.items() if noted > since]
        return recent.count(source), len(recent)

    def note_attempt(self, source: str, at: datetime, *, attempt: str) -> None:
        self.attempts[source, attempt] = at

    def forget_attempt(self, source: str, *, attempt: str) -> None:
        self.attempts.pop((source, attempt), None)


@dataclass
class FakePractices:
    records: dict[str, Practice] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    agreed: dict[str, Baa] = field(default_factory=dict)
    """What was recorded; whatever is put says of it counts only before."""
    may_lack_baa: Callable[[], bool] = lambda: False

    def get(self, practice_id: str) -> Practice:
        if practice_id not in self.records:
            raise NotFound("no such practice")
        practice = self.records[practice_id]
        return replace(practice, baa=self.agreed.get(practice_id, practice.baa), may_lack_baa=self.may_lack_baa())

    def put(self, practice: Practice) -> None:
        self.records[practice.id] = practice

    def change(self, practice_id: str, rule: Callable[[Practice], Practice]) -> Practice:
        while True:
            known, was = self.get(practice_id), self.records[practice_id]
            changed = rule(known)
            if self.records[practice_id] == was:
                self.records[practice_id] = changed
                return self.get(practice_id)

    def by_fingerprint(self, fingerprint: str) -> str | None:
        return self.fingerprints.get(fingerprint)

    def claim_fingerprint(self, fingerprint: str, practice_id: str) -> str:
        return self.fingerprints.setdefault(fingerprint, practice_id)

    def release_fingerprint(self, fingerprint: str, practice_id: str) -> None:
        if self.fingerprints.get(fingerprint) == practice_id:
            del self.fingerprints[fingerprint]


@dataclass
class FakeAgreements:
    practices: FakePractices
    entries: dict[str, list[BaaEntry]] = field(default_factory=dict)

    def history(self, practice_id: str) -> tuple[BaaEntry, ...]:
        return tuple(self.entries.get(practice_id, ()))

    def add(self, practice_id: str, entry: BaaEntry) -> None:
        self.practices.get(practice_id)
        kept = self.entries.setdefault(practice_id, [])
        if any(one.number == entry.number for one in kept):
            raise Superseded
        kept.append(entry)
        self.practices.agreed[practice_id] = entry.baa


@dataclass
class FakeVault:
    clock: Clock = field(default_factory=FakeClock)
    current: dict[str, Keys] = field(default_factory=dict)
    waiting: dict[str, tuple[Keys, datetime]] = field(default_factory=dict)
    coming: dict[str, Keys] = field(default_factory=dict)
    former: dict[str, Keys] = field(default_factory=dict)
    portal_key: str | None = None

    def keys(self, practice_id: str, pair: Pair = Pair.CURRENT) -> Keys:
        kept = {Pair.CURRENT: self.current, Pair.NEXT: self.coming, Pair.FORMER: self.former}[pair]
        if practice_id not in kept:
            raise NotFound("no keys are kept for this practice")
        return kept[practice_id]

    def pending(self, practice_id: str) -> Keys:
        keys, at = self.waiting.get(practice_id, (None, self.clock.now()))
        if keys is None or self.clock.now() - at >= timedelta(minutes=10):
            raise NotFound("no keys are kept for this practice")
        return keys

    def put_pending(self, practice_id: str, keys: Keys) -> None:
        self.waiting[practice_id] = (keys, self.clock.now())

    def promote(self, practice_id: str) -> None:
        self._follow(practice_id, self.pending(practice_id))
        del self.waiting[practice_id]

    def drop_pending(self, practice_id: str) -> None:
        self.waiting.pop(practice_id, None)

    def put_next(self, practice_id: str, customer: str) -> None:
        self.coming[practice_id] = Keys(self.keys(practice_id).developer, customer)

    def promote_next(self, practice_id: str) -> None:
        self._follow(practice_id, self.keys(practice_id, Pair.NEXT))
        del self.coming[practice_id]

    def drop_next(self, practice_id: str) -> None:
        self.coming.pop(practice_id, None)

    def portal(self) -> str:
        if self.portal_key is None:
            raise NotFound("no portal key is kept")
        return self.portal_key

    def put_portal(self, key: str) -> None:
        self.portal_key = key

    def _follow(self, practice_id: str, keys: Keys) -> None:
        if practice_id in self.current:
            self.former[practice_id] = self.current[practice_id]
        self.current[practice_id] = keys


class FakeSigner:
    _key = b"a test's own key"

    def fingerprint(self, value: str) -> str:
        return hmac.new(self._key, b"f" + value.encode(), hashlib.sha256).hexdigest()[:32]

    def sign(self, payload: bytes) -> str:
        mac = hmac.new(self._key, b"s" + payload, hashlib.sha256).digest()[:16]
        return base64.urlsafe_b64encode(mac + payload).decode().rstrip("=")

    def verify(self, text: str) -> bytes | None:
        try:
            payload = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[16:]
        except ValueError:
            return None
        return payload if self.sign(payload) == text else None

    def secret(self, purpose: str, value: str) -> bytes:
        return hmac.new(self._key, f"secret {purpose}\0{value}".encode(), hashlib.sha256).digest()
