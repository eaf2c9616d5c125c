"""A deployment whose mirror is on, beside a simulated practice that goes by the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from gateway.core import pacing
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.passes import parts
from gateway.core.mirror.syncing import Phase, ResourceSync, Wanted
from gateway.core.normalize.values import content_version
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.ports import Upstream
from gateway.core.practices import Practice, Tier
from gateway.core.queries.statement import PERMISSION
from infra.sandbox.practice.clock import Clock
from open_dental import catalogue
from tests.fakes.deployment import ALL_PERMISSIONS, ZONE, Deployment, deployed
from tests.fakes.services import FakeClock


class OfficeClock(Clock):
    """The practice's clock: the deployment's, `skew_s` ahead, in a zone of its own."""

    def __init__(self, clock: FakeClock, *, zone: tzinfo) -> None:
        super().__init__(zone=zone)
        self._clock = clock
        self.skew_s = 0.0

    def monotonic(self) -> float:
        return self._clock.seconds

    def utc(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self.skew_s)

    def sleep(self, practice_s: float) -> None:
        self._clock.sleep(practice_s)


LONG_AGO = timedelta(days=30)

Meddle = Callable[[UpstreamCall, UpstreamAnswer], UpstreamAnswer]
"""What happens at the office right after a call was answered; it may change the answer on its way."""


class _Gated:
    """An upstream whose calls leave in their slot: the deployment's own has no connection to wait on for it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        if gate is not None:
            gate()
        return self._upstream.send(practice, call)


class _Meddled:
    """An upstream with somebody behind it."""

    def __init__(self, upstream: Upstream, meddle: Meddle) -> None:
        self._upstream, self._meddle = upstream, meddle

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        return self._meddle(call, self._upstream.send(practice, call, gate))


class MirroredOffice:
    """One practice and its mirror."""

    def __init__(self, deployment: Deployment, clock: OfficeClock) -> None:
        self.d = deployment
        self.on = deployment.on
        self.clock = clock
        self.store = deployment.simulated.office.store

    @property
    def id(self) -> str:
        return self.d.practice_id

    def turn_on(self, wanted: Wanted = Wanted.ON) -> None:
        """What `PATCH /practices/{id}/sync` does."""
        state = self.on.syncs.load(self.id)
        self.on.syncs.save_practice(replace(state, wanted=wanted))
        now = self.on.clock.now().timestamp()
        self.on.pace.update(self.id, lambda item: (pacing.work_due(item, now), None))

    def run(self, seconds: float) -> None:
        self.on.world.run(seconds)

    def load(self, seconds: float = 600.0) -> None:
        """Turn it on and let the first load come to its end."""
        self.turn_on()
        for _ in range(int(seconds // 60)):
            self.run(60)
            if self.is_loaded():
                return
        late = {name: of for name, of in self.states().items() if of.phase in {Phase.NONE, Phase.LOADING}}
        raise AssertionError(f"not loaded: {late}")

    @contextmanager
    def meddled(self, meddle: Meddle) -> Iterator[None]:
        """Have this happen after each call."""
        was = self.on.upstream
        self.on.upstream = _Meddled(was, meddle)
        try:
            yield
        finally:
            self.on.upstream = was

    def is_loaded(self) -> bool:
        states = self.states()
        return len(states) == len(MIRRORED) and all(
            of.phase in {Phase.LOADED, Phase.NOT_OFFERED} for of in states.values()
        )

    def states(self) -> dict[str, ResourceSync]:
        states: dict[str, ResourceSync] = self.on.syncs.load(self.id).resources
        return states

    def state(self, name: str) -> ResourceSync:
        return self.states()[name]

    def sweep(self, *names: str, seconds: float = 600.0, whole: bool = False) -> None:
        """Have these (or all) swept now, and wait for the end of it; `whole`: as whole readings, by no sums."""
        wanted = names or tuple(MIRRORED)
        began = self.on.clock.now()
        for name in wanted:
            of = self.state(name)
            if of.phase is Phase.LOADED:
                read_at = began - LONG_AGO if whole else of.whole_at
                self.on.syncs.save(self.id, replace(of, sweep_due_at=began, whole_at=read_at))
        for _ in range(int(seconds // 60)):
            self.run(60)
            swept = [self.state(name) for name in wanted]
            if all(of.phase is Phase.NOT_OFFERED or (of.swept_at is not None and of.swept_at >= began) for of in swept):
                return
        late = [of for of in swept if of.phase is not Phase.NOT_OFFERED and (of.swept_at or began) <= began]
        raise AssertionError(f"not swept: {late}")

    def mirror(self, name: str) -> dict[int, str]:
        """Keys and content of the living rows of the mirror."""
        return dict(self.on.records.versions(self.id, name, after=None, limit=10_000_000))

    def office(self, name: str) -> dict[int, str]:
        """Keys and content of what the office lists, asked past the gateway."""
        one = MIRRORED[name]
        today = self.clock.utc().astimezone(self.clock.zone).date()
        found: dict[int, str] = {}
        if one.list_operation is None:
            table, column = str(catalogue.resource(name).table), one.parents[0]
            for of in self.store.rows(f'SELECT DISTINCT "{column}" AS parent FROM "{table}"'):
                for row in self._list(one.lists, {column: of["parent"]}):
                    found[one.key_of(row)] = content_version(row)
            return found
        for part in parts(one, today, purpose="sweep"):
            for row in self._list(one.list_operation or "", {**dict(one.fixed), **dict(part.query)}):
                found[one.key_of(row)] = content_version(row)
        return found

    def differences(self) -> dict[str, Any]:
        """By resource, the keys that differ between mirror and office; nothing where they are one."""
        different = {}
        for name, of in self.states().items():
            if of.phase is Phase.NOT_OFFERED:
                continue
            mirror, office = self.mirror(name), self.office(name)
            if name == "patients":
                hidden = {
                    row["PatNum"] for row in self.store.rows('SELECT "PatNum" FROM patient WHERE "PatStatus" = 4')
                }
                mirror = {key: version for key, version in mirror.items() if key not in hidden}
            keys = {key for key in mirror.keys() | office.keys() if mirror.get(key) != office.get(key)}
            if keys:
                different[name] = sorted(keys)
        return different

    def buried_alive(self) -> dict[str, list[int]]:
        """Tombstones of rows that live at the office."""
        found = {}
        for (practice_id, name), kept in self.on.records.kept.items():
            dead = {key for key, record in kept.items() if not record.is_living}
            if practice_id == self.id and dead and (alive := dead & self.office(name).keys()):
                found[name] = sorted(alive)
        return found

    def _list(self, operation: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        # What goes wrong goes wrong for the gateway.
        faults = self.d.simulated.faults
        waiting, faults._rules = faults._rules, []
        try:
            return self._all_of(operation, query)
        finally:
            faults._rules = waiting

    def _all_of(self, operation: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        practice = self.on.practices.get(self.id)
        while True:
            page = {**query, "Limit": 1000, "Offset": len(rows)}
            seconds, calls = self.on.clock.seconds, len(self.d.upstream_calls)
            answer = self.on.upstream.send(practice, UpstreamCall(operation, query=page))
            self.on.clock.seconds = seconds
            del self.d.upstream_calls[calls:]
            rows += answer.rows
            if len(answer.rows) < 1000:
                return rows


@contextmanager
def mirrored_office(
    *options: str, tier: Tier = Tier.ENTERPRISE, zone: str = ZONE, practices: int = 1, queries: bool = False
) -> Iterator[MirroredOffice]:
    """A deployment with one practice (40 patients unless told otherwise), its mirror off, one time for both.

    `queries`: whether the key may query.
    """
    with deployed("--tier", "enterprise", *options, tier=tier, practices=practices) as d:
        clock = OfficeClock(d.on.clock, zone=ZoneInfo(zone))
        office = d.simulated.office
        office.store.clock = office.clock = clock
        d.on.upstream = _Gated(d.on.upstream)
        if not queries:
            d.know(permissions=ALL_PERMISSIONS - {PERMISSION})
            d.simulated.change({"permissions": sorted(ALL_PERMISSIONS - {PERMISSION})})
        yield MirroredOffice(d, clock)
