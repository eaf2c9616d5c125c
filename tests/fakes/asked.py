"""Right requests of the catalogue's operations, made from it: words from its enums, keys from the practice's rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.core.resources.names import request_names
from infra.sandbox.practice import schema
from open_dental.catalogue import Operation, Param, resource, resources
from tests.fakes.deployment import Deployment

_GOOD: dict[str, Any] = {
    "int": 1,
    "int_string": 1,
    "float": "12.5",
    "decimal_string": "12.50",
    "bool_string": True,
    "bool": True,
    "date": "2026-03-02",
    "datetime": "2026-03-02T09:00:00",
    "time": "09:00:00",
    "color": "1,2,3",
    "string": "walk",
    "array": [],
    "object": {},
}


# One of several that the office wants, where no single one is required.
_ONE_OF = {
    "allergies.create": "AllergyDefNum",
    "benefits.create": "PatPlanNum",
    "diseases.create": "DiseaseDefNum",
    "refattaches.create": "ReferralNum",
    "procedurecodes.create": "ProcCat",
}

_TABLE_OF = {it.key: it.table for it in map(resource, resources()) if it.key and it.table}
_TABLES = {name.lower(): name for name in schema.tables()}


@dataclass(frozen=True)
class Rightly:
    """Requests of operations, with what they need at least. `pick` chooses among words and rows: 0 is each enum's
    first word and each table's last row."""

    office: Deployment
    pick: int = 0

    def path(self, one: Operation) -> dict[str, str]:
        """Its path's parameters."""
        return {name: str(self.key(name, one)) for name in one.path_params}

    def query(self, one: Operation) -> dict[str, Any]:
        """What a query has to say."""
        names = request_names(one)
        return {names[param.name]: self._value(param, one) for param in one.query if param.required}

    def body(self, one: Operation) -> dict[str, Any]:
        """What a body has to say; a change says something, if nothing in particular."""
        names = request_names(one)
        body = {names[param.name]: self._value(param, one) for param in one.body if self._is_sent(param, one)}
        if one.kind == "update" and not body and one.body:
            param = one.body[self.pick % len(one.body)]
            body = {names[param.name]: self._value(param, one)}
        return body

    def _is_sent(self, param: Param, one: Operation) -> bool:
        return param.required or param.name == _ONE_OF.get(one.id)

    def _value(self, param: Param, one: Operation) -> Any:
        if param.enum:
            return param.enum[self.pick % len(param.enum)]
        if param.type == "int_array":
            return [self.key(param.name, one)]
        if param.ref is not None:
            key = self.key(param.ref, one)
            return str(key) if param.type == "string" else key
        return _GOOD[param.type]

    def key(self, name: str, one: Operation) -> Any:
        """The key of some row, mostly a number: of the table that `table.Column` names, or whose key the column is."""
        table, _, column = name.rpartition(".")
        if not table:
            it = resource(one.resource)
            table = it.table if it.key == column and it.table else _TABLE_OF.get(column, "")
        if table.lower() not in _TABLES:
            return 1
        found = self._keys(_TABLES[table.lower()], column)
        return found[self.pick % len(found)] if found else 1

    def _keys(self, table: str, column: str) -> list[Any]:
        last = f'SELECT "{column}" AS k FROM {table} WHERE "{column}" ORDER BY rowid DESC LIMIT 12'
        return [row["k"] for row in self.office.simulated.office.store.rows(last)]
