"""Every statement that an office is ever sent, run on a real database beside the simulated practice.

The tables have MySQL's types, as an office's have (MyISAM, utf8mb3, timestamps that move by themselves), and the
simulated practice's rows; both are asked the same at the same moment, and their rows are compared.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from gateway.core.mirror.checksums import STRETCH_ROWS
from gateway.core.plans import UpstreamCall
from gateway.core.queries.buckets import BUCKETS, CHECKED, HIGHEST_KEY
from gateway.core.queries.changes import STAMPED, probe
from gateway.core.queries.listing import STATEMENTS
from gateway.core.queries.statement import OPERATION, ROWS, Statement, Value
from infra.sandbox.practice import schema
from open_dental import catalogue
from tests.bench.figures import NONE, Figure, Say
from tests.bench.mariadb import Database, NotHere, mariadb
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

TYPES: Final[Mapping[str, str]] = {
    "int": "bigint", "money": "double", "text": "text", "bool": "tinyint unsigned", "enum": "tinyint unsigned",
    "word": "varchar(255)", "date": "date", "datetime": "datetime", "time": "time", "color": "int", "interval": "int",
}  # fmt: skip

SAMPLES: Final[tuple[tuple[str, Value], ...]] = (
    ("since", datetime.fromisoformat("2026-06-01 00:00:00")),
    ("highest", 5),
    ("after", 0),
    ("upto", HIGHEST_KEY),
    ("buckets", tuple(range(0, BUCKETS, 2))),
    ("patients", tuple(range(1, 60))),
    ("today", date(2026, 11, 24)),
)
"""What places get, by how their names begin; a statement with another place is not run, and counted."""

ALSO: Final[tuple[tuple[str, Value], ...]] = (
    ("since", datetime.fromisoformat("1880-01-01 00:00:00")),
    ("highest", 0),
    ("after", -1),
    ("upto", 20),
    ("buckets", tuple(range(BUCKETS))),
    ("patients", (1,)),
    ("today", date(1880, 1, 1)),
)
"""The same at the edge: a moment before every timestamp, and all keys."""

_PLACE: Final = re.compile(r":([a-z_]+)")
_MANY: Final = 200_000


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Each statement with ordinary values and with those at the edge; then what a probe takes at many rows."""
    try:
        with mariadb() as database, mirrored_office("--patients", "40" if quick else "150", queries=True) as office:
            say(f"  {database.version}")
            _complete(office)
            _copy(office, database)
            yield from _compared(office, database, say)
            yield from _timed(database, 20_000 if quick else _MANY, say)
    except NotHere as reason:
        yield Figure("sql", "statements run on a real database", 0, beside=f"not run: {reason}")


def _compared(office: MirroredOffice, database: Database, say: Say) -> Iterator[Figure]:
    different, unknown, empty, count = [], [], [], 0
    for statement in STATEMENTS:
        met = 0
        for samples in (SAMPLES, ALSO):
            values = _values(statement, samples)
            if values is None:
                unknown.append(statement.name)
                break
            sql = statement.sql(**values)
            count += 1
            simulated = [[_text(value) for value in row.values()] for row in _asked(office, sql)]
            real = [[_text(value) for value in row] for row in _on(database, office, sql)]
            met += len(real)
            if simulated != real:
                different.append(statement.name)
                pairs = (pair for rows in zip(simulated, real, strict=False) for pair in zip(*rows, strict=False))
                first = next((pair for pair in pairs if pair[0] != pair[1]), None)
                say(f"  {statement.name}: {len(simulated)} and {len(real)} rows; first {first}")
        if not met:
            empty.append(statement.name)
    beside = f"{count} runs of {len(STATEMENTS)} statements on MariaDB {database.version}"
    yield Figure("sql", "statements that answer otherwise on a real database", len(set(different)), "", NONE, beside)
    yield Figure("sql", "statements without values to run them with", len(unknown), "", NONE, ", ".join(unknown))
    yield Figure("sql", "statements that met no row with either values", len(empty), "", NONE, ", ".join(empty))


def _values(statement: Statement, samples: Iterable[tuple[str, Value]]) -> dict[str, Value] | None:
    values: dict[str, Value] = {}
    for name in _PLACE.findall(re.sub(r"'[^']*'", "", statement.text)):
        found = [value for begins, value in samples if name.startswith(begins)]
        if not found:
            return None
        values[name] = found[0]
    return values


def _asked(office: MirroredOffice, sql: str) -> list[Mapping[str, Any]]:
    """All rows of the simulated practice's ShortQuery."""
    practice, rows = office.on.practices.get(office.id), list[Mapping[str, Any]]()
    while True:
        query = {"Offset": len(rows)} if rows else {}
        page = office.on.upstream.send(practice, UpstreamCall(OPERATION, query=query, body={"SqlCommand": sql})).rows
        rows += page
        if len(page) < ROWS:
            return rows


def _on(database: Database, office: MirroredOffice, sql: str) -> list[list[str]]:
    """The real database's rows at the same moment."""
    now = f"{office.clock.now()}"[:19]
    return database.run(f"USE office; SET timestamp = UNIX_TIMESTAMP('{now}'); {sql};")


def _text(value: object) -> str:
    """A value as both databases' rows have it: a day is its midnight, a number is a number."""
    if value is None or value == "NULL":
        return ""
    text = str(value).replace("T", " ", 1) if re.match(r"\d{4}-\d\d-\d\dT", str(value)) else str(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return f"{text} 00:00:00"
    return f"{float(text):.6f}".rstrip("0").rstrip(".") if re.fullmatch(r"-?\d+\.\d+", text) else text


def _complete(office: MirroredOffice) -> None:
    """Rows of kinds of which a simulated office may begin with none."""
    for number in (1, 2, 3):
        office.store.insert("adjustment", {"PatNum": number, "AdjAmt": -number, "AdjDate": "2026-11-02"})
        office.store.insert("patfield", {"PatNum": number, "FieldName": "Shoe size", "FieldValue": f"{number}"})


def _copy(office: MirroredOffice, database: Database) -> None:
    """Make the tables with MySQL's types and put the simulated practice's rows into them."""
    database.run("CREATE DATABASE office CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci")
    for table in schema.tables().values():
        columns = ", ".join(_column(table, column) for column in table.columns.values())
        indexes = "".join(f", KEY `{name}` (`{name}`{_prefix(table, name)})" for name in sorted(table.indexed))
        script = [f"USE office; CREATE TABLE `{table.name}` ({columns}{indexes}) ENGINE=MyISAM;"]
        rows = office.store.rows(f'SELECT * FROM "{table.name}"')
        names = ", ".join(f"`{name}`" for name in table.columns)
        for start in range(0, len(rows), 500):
            values = ", ".join(
                "(" + ", ".join(_literal(row[name]) for name in table.columns) + ")"
                for row in rows[start : start + 500]
            )
            script.append(f"INSERT INTO `{table.name}` ({names}) VALUES {values};")
        database.run("\n".join(script))


def _column(table: schema.Table, column: schema.Column) -> str:
    if column.name == table.key:
        return f"`{column.name}` bigint NOT NULL AUTO_INCREMENT PRIMARY KEY"
    if column.name in schema.CHANGE_STAMPS and column.kind == "datetime":
        return f"`{column.name}` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()"
    return f"`{column.name}` {TYPES[column.kind]} NOT NULL"


def _prefix(table: schema.Table, name: str) -> str:
    return "(50)" if table.columns[name].kind == "text" else ""


def _literal(value: object) -> str:
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (date, datetime)):
        return f"'{value}'"
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def _timed(database: Database, rows: int, say: Say) -> Iterator[Figure]:
    """A probe of everything where the two longest tables are long."""
    for table in ("claimproc", "procedurelog"):
        key, others = schema.tables()[table].key, list(schema.tables()[table].columns)
        others.remove(key)
        names = ", ".join(f"`{name}`" for name in others)
        while int(database.run(f"USE office; SELECT COUNT(*) FROM {table}")[0][0]) < rows:
            database.run(f"USE office; INSERT INTO {table} ({names}) SELECT {names} FROM {table}")
    say(f"  {rows:,} rows in two tables")
    for label, drop in (("with indexes on the stamps", False), ("without", True)):
        if drop:
            database.run("USE office; DROP INDEX SecDateTEdit ON claimproc; DROP INDEX DateTStamp ON procedurelog")
        values: dict[str, Value] = {}
        for name in STAMPED:
            values |= {f"since_{name}": datetime.fromisoformat("2026-11-23 00:00:00"), f"highest_{name}": 2**40}
        sql = probe(STAMPED).sql(**values)
        took = []
        for _ in range(5):
            database.run("USE office; FLUSH TABLES")
            began = time.perf_counter()
            database.run(f"USE office; {sql}")
            took.append((time.perf_counter() - began) * 1000)
        yield Figure(
            "sql", f"a probe of all tables, {label}", sorted(took)[2], "ms",
            beside=f"two tables of {rows:,} rows, MyISAM, the client's start included",
        )  # fmt: skip
    since = datetime.fromisoformat("2026-11-23 00:00:00")
    for name in ("procedurelogs", "claimprocs"):
        checked = CHECKED[name]
        key, table = schema.tables()[_table(name)].key, _table(name)
        asked = f"SELECT MAX({key}) FROM (SELECT {key} FROM {table} ORDER BY {key} LIMIT {STRETCH_ROWS}) AS t"
        upto = int(database.run(f"USE office; {asked}")[0][0])
        began = time.perf_counter()
        database.run(f"USE office; {checked.sums.sql(after=0, upto=upto, since=since)}")
        took_ms = (time.perf_counter() - began) * 1000
        yield Figure(
            "sql", f"sums of {STRETCH_ROWS:,} {name}", took_ms, "ms", beside=f"of {rows:,}, the client's start included"
        )


def _table(name: str) -> str:
    return str(catalogue.resource(name).table)
