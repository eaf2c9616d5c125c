"""The tests' side door: faults, clock, settings, rows and counts of a running practice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl

from infra.sandbox.practice.data import insert_wire_row
from infra.sandbox.practice.handlers import Rejected
from infra.sandbox.practice.practice import Practice
from infra.sandbox.practice.schema import tables


class Control:
    """Routes and answers of the control endpoint, JSON in and out; problems are {"error": text}."""

    def __init__(self, practice: Practice, *, stop: Callable[[], None]) -> None:
        self._practice = practice
        self._stop = stop
        self._routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "faults"): lambda _: [asdict(rule) for rule in practice.faults.rules()],
            ("POST", "faults"): lambda told: asdict(practice.faults.add(told)),
            ("DELETE", "faults"): lambda _: practice.faults.clear(),
            ("GET", "log"): lambda _: [arrival.json() for arrival in practice.log()],
            ("DELETE", "log"): lambda _: practice.clear_log(),
            ("GET", "pace"): lambda _: self._pace(),
            ("GET", "settings"): lambda _: self._settings(),
            ("PUT", "settings"): self._change,
            ("GET", "clock"): lambda _: self._clock(),
            ("POST", "clock"): self._set_clock,
            ("POST", "rows"): self._insert,
            ("POST", "shutdown"): lambda _: stop(),
        }

    def handle(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON answer of one control call; `target` is below the token."""
        path, _, query = target.partition("?")
        head, _, rest = path.strip("/").partition("/")
        try:
            if (method, head) == ("GET", "rows"):
                return 200, self._rows(rest, dict(parse_qsl(query, keep_blank_values=True)))
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

    def _clock(self) -> dict[str, Any]:
        clock = self._practice.office.clock
        return {"now": str(clock.now()), "utc": clock.utc().isoformat(), "scale": clock.scale}

    def _set_clock(self, told: dict[str, Any]) -> dict[str, Any]:
        scale, offset = told.get("scale"), told.get("offset")
        self._practice.office.clock.change(
            scale=None if scale is None else float(scale), offset_s=None if offset is None else float(offset)
        )
        return self._clock()

    def _rows(self, table: str, where: dict[str, str]) -> list[dict[str, Any]]:
        """Rows in database form, for a test to look behind the answers."""
        shape = tables()[table]
        numbers = {"int", "bool", "enum", "color", "interval"}
        typed = {name: int(text) if shape.columns[name].kind in numbers else text for name, text in where.items()}
        return self._practice.office.store.find(table, typed)

    def _insert(self, told: Any) -> list[int]:
        rows = told if isinstance(told, list) else [told]
        office = self._practice.office
        with office.store.transaction():
            return [insert_wire_row(office, row["resource"], row["row"]) for row in rows]
