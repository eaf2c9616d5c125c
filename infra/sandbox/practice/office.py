"""One practice at work: its rows, its clock, its version, and how a row looks on the wire."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from infra.sandbox.practice import facts, schema
from infra.sandbox.practice.clock import Clock
from infra.sandbox.practice.keys import ApiKey
from infra.sandbox.practice.paging import Pager
from infra.sandbox.practice.store import Store
from infra.sandbox.practice.wire import Formats, Renderer

API_LOG_SOURCE = "API"


class Office:
    """What behaviours and the generic handlers work on."""

    def __init__(self, store: Store, *, version: str = "25.3.36") -> None:
        self.store = store
        self.clock: Clock = store.clock
        self.version = version
        self._key = ApiKey()
        self._asking = threading.local()
        self.pager = Pager(store)
        self._renderer = Renderer(store)

    @property
    def key(self) -> ApiKey:
        """The key of the call that this thread answers; else the office's first."""
        asking: ApiKey = getattr(self._asking, "key", self._key)
        return asking

    @key.setter
    def key(self, key: ApiKey) -> None:
        self._key = key

    @contextmanager
    def asked_by(self, key: ApiKey) -> Iterator[None]:
        """Let this thread answer a call of `key`."""
        self._asking.key = key
        try:
            yield
        finally:
            del self._asking.key

    def at_least(self, version: str) -> bool:
        """Whether the office's version is `version` or newer."""
        return facts.version(self.version) >= facts.version(version)

    def now(self) -> str:
        """The database's NOW(), as text."""
        return str(self.clock.now())

    def today(self) -> str:
        """The office's date, yyyy-MM-dd."""
        return self.now()[:10]

    def zone_offset(self) -> timedelta:
        """How far the office's wall clock is ahead of UTC now."""
        return self.clock.utc().astimezone(self.clock.zone).utcoffset() or timedelta()

    def render(self, resource: str, row: Mapping[str, Any], operation: str | None = None) -> dict[str, Any]:
        """A row in wire form, with the fields and types `operation` documents (the resource's own without one)."""
        return self._renderer.render(resource, row, operation, version=self.version)

    def render_many(
        self,
        resource: str,
        rows: Iterable[Mapping[str, Any]],
        operation: str | None = None,
        *,
        formats: Formats | None = None,
    ) -> list[dict[str, Any]]:
        """Rows in wire form; rows that point to the same provider or definition look it up once."""
        return self._renderer.render_many(resource, rows, operation, version=self.version, formats=formats)

    def code(self, table: str, column: str, word: str) -> int:
        """The database's number of an enumeration's word. Raises KeyError for a word that is not documented."""
        return dict(schema.tables()[table].columns[column].words)[word]

    def word(self, table: str, column: str, number: int) -> str:
        """The word the API shows for a number of an enumeration; "" where it has none."""
        return {value: name for name, value in schema.tables()[table].columns[column].words}.get(number, "")

    def definitions(self, category: str) -> list[dict[str, Any]]:
        """Definitions of a category (the API's word), in the office's order."""
        number = self.code("definition", "Category", category)
        return self.store.find("definition", {"Category": number}, order='"ItemOrder", "DefNum"')

    def log(self, perm_type: str, patient: int, text: str, fkey: int = 0) -> None:
        """Write a security log entry, as each action of the API does."""
        self.store.insert(
            "securitylog",
            {
                "PermType": self.code("securitylog", "PermType", perm_type),
                "LogDateTime": self.now(),
                "LogText": f"{text} (API: {self.key.developer_name})",
                "PatNum": patient,
                "CompName": "API",
                "LogSource": self.code("securitylog", "LogSource", API_LOG_SOURCE),
                "FKey": fkey,
            },
        )
