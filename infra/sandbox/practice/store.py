"""Rows in database form over SQLite: booleans 0/1, enumerations and colours as numbers, dates as text."""

# ruff: noqa: S608  (names come from the schema, checked before; values are always bound)
from __future__ import annotations

import itertools
import random
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from infra.sandbox.practice import mysql, schema
from infra.sandbox.practice.clock import Clock

# Told of every write: table, the row before (None: new) and after (None: gone).
Watcher = Callable[[str, Mapping[str, Any] | None, Mapping[str, Any] | None], None]


_EMPTY_LOCK = threading.Lock()


@cache
def _empty() -> sqlite3.Connection:
    """An empty practice to copy: three hundred tables and indexes are slow to make and quick to copy."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    for statement in schema.create_statements():
        connection.execute(statement)
    connection.commit()
    return connection


class Store:
    """The practice's database.

    Any thread may call; one works at a time, and a transaction keeps the others out until it ends. Names of tables
    and columns are the database's (`schema.tables()`); an unknown one raises KeyError.
    """

    def __init__(self, path: str | Path = ":memory:", *, clock: Clock, random_keys: bool = False) -> None:
        self.clock = clock
        self._random = random.Random(20260101) if random_keys else None
        self._lock = threading.RLock()
        self._depth = 0
        self._watchers: list[Watcher] = []
        self._db = sqlite3.connect(str(path), check_same_thread=False, isolation_level=None, cached_statements=512)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        # The practice is a stand-in: losing the last second in a power cut is fine, waiting for disks is not.
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("PRAGMA cache_size=-65536")
        self._db.execute("PRAGMA temp_store=MEMORY")
        mysql.register(self._db)
        if str(path) == ":memory:":
            with _EMPTY_LOCK:
                _empty().backup(self._db)
        else:
            for statement in schema.create_statements():
                self._db.execute(statement)

    @property
    def random_keys(self) -> bool:
        """Whether new rows get 19-digit keys."""
        return self._random is not None

    def close(self) -> None:
        """Free the database; the store is of no use afterwards."""
        with self._lock:
            self._db.close()

    def watch(self, watcher: Watcher) -> None:
        """Have `watcher` told of every write, inside its transaction."""
        self._watchers.append(watcher)

    def insert(self, table: str, row: Mapping[str, object]) -> int:
        """Add a row and return its key. Missing columns get the database's defaults, stamps the office's time."""
        shape = schema.tables()[table]
        self._check(shape, row)
        values = dict(row)
        now = str(self.clock.now())
        for name in (schema.ENTRY_STAMPS | schema.CHANGE_STAMPS) & shape.columns.keys():
            # On a claim line, DateEntry is the day it was paid.
            if name not in values and not (table == "claimproc" and name == "DateEntry"):
                values[name] = now[:10] if shape.columns[name].kind == "date" else now
        with self._writing():
            if not values.get(shape.key):
                values.pop(shape.key, None)
                if self._random is not None:
                    values[shape.key] = self._random.randrange(10**18, 2**63 - 1)
            names = ", ".join(f'"{name}"' for name in values)
            marks = ", ".join("?" * len(values))
            statement = (
                f'INSERT INTO "{table}" ({names}) VALUES ({marks})'
                if values
                else f'INSERT INTO "{table}" DEFAULT VALUES'
            )
            cursor = self._db.execute(statement, tuple(values.values()))
            key = int(cursor.lastrowid or 0)
            if self._watchers:
                self._tell(table, None, self.get(table, key))
        return key

    def insert_many(self, table: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Add rows of equal columns, fast, and return how many; nobody watches, so only before anything is read."""
        shape = schema.tables()[table]
        iterator = iter(rows)
        first = next(iterator, None)
        if first is None:
            return 0
        self._check(shape, first)
        now = str(self.clock.now())
        stamps = {name: now for name in schema.CHANGE_STAMPS & shape.columns.keys() if name not in first}
        names = ", ".join(f'"{name}"' for name in [*first, *stamps])
        statement = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * (len(first) + len(stamps)))})'
        with self._writing():
            cursor = self._db.executemany(
                statement, ((*row.values(), *stamps.values()) for row in itertools.chain([first], iterator))
            )
        return cursor.rowcount

    def update(self, table: str, key: int, changes: Mapping[str, object]) -> bool:
        """Change a row; False if it does not exist or holds these values already.

        The change stamp moves only if a stored value really changed, as MySQL's automatic timestamps do.
        """
        shape = schema.tables()[table]
        self._check(shape, changes)
        with self._writing():
            before = self.get(table, key)
            if before is None:
                return False
            moved = {name: value for name, value in changes.items() if not _same(before[name], value)}
            if not moved:
                return False
            now = str(self.clock.now())
            for name in schema.CHANGE_STAMPS & shape.columns.keys():
                if name not in changes:
                    moved[name] = now[:10] if shape.columns[name].kind == "date" else now
            terms = ", ".join(f'"{name}" = ?' for name in moved)
            self._db.execute(f'UPDATE "{table}" SET {terms} WHERE "{shape.key}" = ?', (*moved.values(), key))
            if self._watchers:
                self._tell(table, before, self.get(table, key))
        return True

    def delete(self, table: str, key: int) -> bool:
        """Remove a row; False if there was none."""
        shape = schema.tables()[table]
        with self._writing():
            before = self.get(table, key)
            if before is None:
                return False
            self._db.execute(f'DELETE FROM "{table}" WHERE "{shape.key}" = ?', (key,))
            self._tell(table, before, None)
        return True

    def get(self, table: str, key: int) -> dict[str, Any] | None:
        """One row, or None."""
        shape = schema.tables()[table]
        with self._lock:
            row = self._db.execute(f'SELECT * FROM "{table}" WHERE "{shape.key}" = ?', (key,)).fetchone()
        return dict(row) if row else None

    def find(
        self,
        table: str,
        /,
        where: Mapping[str, object] | None = None,
        *,
        sql: str = "",
        args: Sequence[object] = (),
        order: str = "",
    ) -> list[dict[str, Any]]:
        """Rows whose columns equal `where` (a list or tuple means any of them) and meet the SQL condition `sql`.

        `order` is an SQL order; without one, by key.
        """
        shape = schema.tables()[table]
        terms: list[str] = []
        values: list[object] = []
        for name, value in (where or {}).items():
            self._check(shape, {name: value})
            if isinstance(value, list | tuple | set | frozenset):
                terms.append(f'"{name}" IN ({", ".join("?" * len(value))})')
                values.extend(value)
            else:
                terms.append(f'"{name}" = ?')
                values.append(value)
        if sql:
            terms.append(f"({sql})")
            values.extend(args)
        condition = f" WHERE {' AND '.join(terms)}" if terms else ""
        direction = order or f'"{shape.key}"'
        return self.rows(f'SELECT * FROM "{table}"{condition} ORDER BY {direction}', values)

    def rows(self, statement: str, args: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Rows of any SELECT."""
        with self._lock:
            return [dict(row) for row in self._db.execute(statement, tuple(args))]

    def tuples(self, statement: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Rows of any SELECT, as tuples."""
        with self._lock:
            return [tuple(row) for row in self._db.execute(statement, tuple(args))]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.tuples(f'SELECT count(*) FROM "{schema.tables()[table].name}"')[0][0])

    def read_only(
        self, statement: str, *, skip: int, take: int, limit_s: float = 60.0
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and `take` rows, after the first `skip`, of a statement that cannot write.

        Raises sqlite3.Error for a statement SQLite refuses, and OperationalError ("interrupted") past `limit_s`.
        """
        deadline = threading.Event()
        timer = threading.Timer(limit_s, deadline.set)
        timer.daemon = True
        with self._lock:
            self._db.execute("PRAGMA query_only=ON")
            self._db.set_progress_handler(lambda: int(deadline.is_set()), 10_000)
            timer.start()
            try:
                cursor = self._db.execute(statement)
                names = [column[0] for column in cursor.description or ()]
                return names, [tuple(row) for row in itertools.islice(cursor, skip, skip + take)]
            finally:
                timer.cancel()
                self._db.set_progress_handler(None, 0)
                self._db.execute("PRAGMA query_only=OFF")

    def locked(self) -> AbstractContextManager[object]:
        """Keep other threads out, for reads that belong together."""
        return self._lock

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside happens or nothing does; one writer at a time. They nest: an inner one can fail alone."""
        return self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            depth = self._depth
            self._db.execute("BEGIN IMMEDIATE" if depth == 0 else f"SAVEPOINT level{depth}")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK" if depth == 0 else f"ROLLBACK TO level{depth}")
                raise
            else:
                self._db.execute("COMMIT" if depth == 0 else f"RELEASE level{depth}")
            finally:
                self._depth = depth

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One row's write: a transaction of its own unless one is open, which then takes it back with the rest."""
        with self._lock, nullcontext() if self._depth else self._transaction():
            yield

    def preference(self, name: str, default: str = "") -> str:
        """An office preference's text."""
        found = self.tuples('SELECT "ValueString" FROM "preference" WHERE "PrefName" = ?', (name,))
        return str(found[0][0]) if found else default

    def set_preference(self, name: str, value: str) -> None:
        """Set an office preference, making it where it is missing."""
        with self.transaction():
            found = self.find("preference", {"PrefName": name})
            if found:
                self.update("preference", found[0]["PrefNum"], {"ValueString": value})
            else:
                self.insert("preference", {"PrefName": name, "ValueString": value})

    def _tell(self, table: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        for watcher in self._watchers:
            watcher(table, before, after)

    @staticmethod
    def _check(shape: schema.Table, names: Mapping[str, object]) -> None:
        unknown = names.keys() - shape.columns.keys()
        if unknown:
            raise KeyError(f"{shape.name} has no column {', '.join(sorted(unknown))}")


def _same(stored: object, given: object) -> bool:
    if isinstance(stored, str) or isinstance(given, str):
        return str(stored) == str(given)
    return stored == given
