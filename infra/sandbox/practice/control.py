"""The tests' side door: faults, clock, settings, rows and counts of a running practice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol
from urllib.parse import parse_qsl

from infra.sandbox.practice.data import insert_wire_row
from infra.sandbox.practice.forms import fill_in
from infra.sandbox.practice.handlers import Rejected
from infra.sandbox.practice.practice import Practice
from infra.sandbox.practice.schema import Column, Table, tables


class Door(Protocol):
    """Opens and shuts the port of a practice that listens."""

    def __call__(self, *, is_open: bool) -> None:
        """Raises: OSError: somebody else has the port by now."""


_WHOLE = frozenset({"int", "bool", "enum", "color", "interval"})
"""Kinds of columns that hold whole numbers."""


class Control:
    """Routes and answers of the control endpoint, JSON in and out; problems are {"error": text}."""

    def __init__(self, practice: Practice, *, stop: Callable[[], None], door: Door | None = None) -> None:
        self._practice = practice
        self._stop = stop
        self._door = door
        self._routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "faults"): lambda _: [asdict(rule) for rule in practice.faults.rules()],
            ("POST", "faults"): lambda told: asdict(practice.faults.add(told)),
            ("DELETE", "faults"): lambda _: practice.faults.clear(),
            ("GET", "events"): lambda _: practice.firing.log(),
            ("DELETE", "events"): lambda _: practice.firing.clear_log(),
            ("POST", "select"): self._select,
            ("GET", "log"): lambda _: [arrival.json() for arrival in practice.log()],
            ("DELETE", "log"): lambda _: practice.clear_log(),
            ("GET", "pace"): lambda _: self._pace(),
            ("GET", "settings"): lambda _: self._settings(),
            ("PUT", "settings"): self._change,
            ("GET", "keys"): lambda _: practice.keys(),
            ("PUT", "keys"): practice.put_key,
            ("GET", "clock"): lambda _: self._clock(),
            ("POST", "clock"): self._set_clock,
            ("POST", "rows"): self._insert,
            ("POST", "forms"): lambda told: fill_in(practice.office, told),
            ("PUT", "door"): self._turn_door,
            ("POST", "shutdown"): lambda _: stop(),
        }

    def handle(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON answer of one control call; `target` is below the token."""
        path, _, query = target.partition("?")
        head, _, rest = path.strip("/").partition("/")
        try:
            if head == "rows" and (rest or method == "GET"):
                return self._of_table(method, rest, dict(parse_qsl(query, keep_blank_values=True)), body)
            route = self._routes.get((method, head))
            if route is None or rest:
                return 404, {"error": "no such control"}
            return 200, route(json.loads(body) if body.strip() else {})
        except Rejected as refusal:
            return 400, {"error": refusal.text}
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            return 400, {"error": f"{type(problem).__name__}: {problem}"}

    def _pace(self) -> dict[str, Any]:
        throttle = self._practice.throttle
        pace = throttle.pace
        starts = list(pace.starts)
        span = starts[-1] - starts[0] if len(starts) > 1 else 0.0
        return {
            "arrivals": pace.arrivals,
            "violations": pace.violations,
            "refusals": pace.refusals,
            "early": pace.early,
            "early_by_s": pace.early_by_s,
            "rates": {
                "interval_s": throttle.interval_s,
                "counted_from": throttle.counted_from,
                "started": len(starts),
                "span_s": span,
                "per_second": (len(starts) - 1) / span if span else 0.0,
            },
        }

    def _settings(self) -> dict[str, Any]:
        practice = self._practice
        return asdict(practice.settings) | {
            "version": practice.office.version,
            "key_state": practice.key.state,
            "tier": practice.key.tier,
            "permissions": sorted(practice.key.permissions),
        }

    def _change(self, told: dict[str, Any]) -> dict[str, Any]:
        self._practice.change(told)
        return self._settings()

    def _turn_door(self, told: dict[str, Any]) -> dict[str, Any]:
        is_open = told["open"]
        if self._door is None or not isinstance(is_open, bool):
            raise ValueError("open is true or false, of a practice that listens")
        try:
            self._door(is_open=is_open)
        except OSError as error:
            raise ValueError("the port was taken meanwhile") from error
        return {"open": is_open}

    def _select(self, told: dict[str, Any]) -> int:
        programs = self._practice.settings.programs
        return self._practice.firing.select(
            int(told["PatNum"]), machine=str(told.get("machine") or (programs[0] if programs else ""))
        )

    def _clock(self) -> dict[str, Any]:
        clock = self._practice.office.clock
        return {"now": str(clock.now()), "utc": clock.utc().isoformat(), "scale": clock.scale}

    def _set_clock(self, told: dict[str, Any]) -> dict[str, Any]:
        scale, offset = told.get("scale"), told.get("offset")
        self._practice.office.clock.change(
            scale=None if scale is None else float(scale), offset_s=None if offset is None else float(offset)
        )
        return self._clock()

    def _of_table(self, method: str, name: str, where: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Rows in database form: looked at behind the answers, or changed as an office changes them behind our back.

        What is new, changed or gone is answered with its keys: all of it is, or nothing.
        """
        shape = tables().get(name)
        if shape is None:
            raise Rejected(400, f"there is no table {name}")
        store, wanted = self._practice.office.store, _condition(shape, where)
        if method == "GET":
            return 200, store.find(name, wanted)
        told = json.loads(body) if body.strip() else None
        with store.transaction():
            if method == "POST" and not where:
                return 200, [
                    self._add(shape, _values(shape, row)) for row in (told if isinstance(told, list) else [told])
                ]
            if method not in {"PATCH", "DELETE"}:
                return 404, {"error": "no such control"}
            if not where:
                raise Rejected(400, f"say which rows, as in rows/{name}?{shape.key}=1")
            keys = [int(row[shape.key]) for row in store.find(name, wanted)]
            if method == "DELETE":
                return 200, [key for key in keys if store.delete(name, key)]
            changes = _values(shape, told)
            if shape.key in changes:
                raise Rejected(400, f"{shape.key} is the key: delete the row and insert another")
            return 200, [key for key in keys if store.update(name, key, changes)]

    def _add(self, shape: Table, row: dict[str, Any]) -> int:
        key = row.get(shape.key)
        if key and self._practice.office.store.get(shape.name, key) is not None:
            raise Rejected(400, f"there is a row with this {shape.key} already")
        return self._practice.office.store.insert(shape.name, row)

    def _insert(self, told: Any) -> list[int]:
        rows = told if isinstance(told, list) else [told]
        office = self._practice.office
        with office.store.transaction():
            return [insert_wire_row(office, row["resource"], row["row"]) for row in rows]


def _condition(shape: Table, where: dict[str, str]) -> dict[str, Any]:
    """Columns and what they must equal, from a query string."""
    return {name: int(text) if _column(shape, name).kind in _WHOLE else text for name, text in where.items()}


def _values(shape: Table, told: Any) -> dict[str, Any]:
    """Columns and values in database form; no row is half in another form. Raises: Rejected, naming the column."""
    if not isinstance(told, dict) or not told:
        raise Rejected(400, "a row is an object: {column: value}")
    for name, value in told.items():
        kind = _column(shape, name).kind
        wanted: tuple[type, ...] = (int,) if kind in _WHOLE else (int, float) if kind == "money" else (str,)
        if not isinstance(value, wanted) or isinstance(value, bool):
            form = "a whole number" if kind in _WHOLE else "a number" if kind == "money" else "a text"
            raise Rejected(400, f"{name} holds {form} in the database")
    return told


def _column(shape: Table, name: str) -> Column:
    column = shape.columns.get(name)
    if column is None:
        raise Rejected(400, f"{shape.name} has no column {name}")
    return column
