"""ShortQuery: any SELECT of MySQL's dialect, run read-only on the practice's tables.

https://www.opendental.com/site/apiqueries.html: raw column names, date-times with a T, enumerations as numbers, 100
rows a call.
"""

from __future__ import annotations

import re
import sqlite3
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import errors, exp

from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.mysql import name_columns, rewritten
from infra.sandbox.practice.office import Office

ROWS = 100

_DATETIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?: (\d{2}:\d{2}:\d{2}))?\Z")
_WRITES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Drop,
    exp.Create,
    exp.Alter,
    exp.Command,
    exp.Merge,
    exp.Set,
    exp.Into,
    exp.Lock,
)
# SQLite's own tables hold no rows of the practice, and some of its functions reach outside.
_FORBIDDEN_FUNCTIONS = {"load_extension", "writefile", "readfile", "edit", "sleep", "benchmark", "load_file"}


@handles("queries.ShortQuery")
def short_query(office: Office, request: Request) -> Reply:
    """Answer one page of a query's rows. 401 for anything but a SELECT, 400 for one that cannot be read or run."""
    offset = request.query.get("Offset", "0")
    if not offset.isdigit() or len(offset) > 15:
        raise Rejected(400, "Offset is invalid.")
    command = str(request.body.get("SqlCommand", ""))
    text = _at(_as_sqlite(command), office.now())
    try:
        names, rows = office.store.read_only(text, skip=int(offset), take=ROWS)
    except sqlite3.OperationalError as error:
        # Past the time limit the real gateway answers 504 as well.
        raise Rejected(504 if "interrupted" in str(error) else 400, "The query could not be run.") from None
    except (sqlite3.Error, sqlite3.Warning):
        raise Rejected(400, "The query could not be run.") from None
    office.log("UserQuery", 0, command)
    names = _told_apart(names)
    return Reply(200, [{name: _shown(value) for name, value in zip(names, row, strict=True)} for row in rows])


# Of the same length as a moment, and in no text of a query.
_NOW = "@@@@-@@-@@ !!:!!:!!"


@lru_cache(maxsize=200)
def _as_sqlite(command: str) -> str:
    """A query as SQLite reads it, with `_NOW` for the present: who follows an office asks the same again and again."""
    return rewritten(name_columns(_readable(command)), _NOW).sql(dialect="sqlite")


def _at(text: str, now: str) -> str:
    return text.replace(_NOW, now).replace(_NOW[:10], now[:10]).replace(_NOW[11:], now[11:])


def _told_apart(names: list[str]) -> list[str]:
    """Columns of one name get a number, as in the vendor's data tables."""
    seen: dict[str, int] = {}
    for at, name in enumerate(names):
        count = seen.get(name, 0)
        seen[name] = count + 1
        if count:
            names[at] = f"{name}{count}"
    return names


def _readable(text: str) -> exp.Query:
    try:
        parsed = [statement for statement in sqlglot.parse(text, dialect="mysql") if statement is not None]
    except errors.SqlglotError:
        raise Rejected(400, "The query has a syntax error.") from None
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query) or parsed[0].find(*_WRITES):
        raise Rejected(401, "Only read-only queries are allowed.")
    for function in parsed[0].find_all(exp.Anonymous):
        if function.name.lower() in _FORBIDDEN_FUNCTIONS:
            raise Rejected(401, "Only read-only queries are allowed.")
    for table in parsed[0].find_all(exp.Table):
        if table.name.lower().startswith(("sqlite_", "pragma_")):
            raise Rejected(400, "The query could not be run.")
    return parsed[0]


def _shown(value: Any) -> Any:
    """A column's value in query form. Texts that look like a date get a T as well: SQLite keeps no column type."""
    if isinstance(value, str) and (match := _DATETIME.match(value)):
        return f"{match[1]}T{match[2] or '00:00:00'}"
    return value
