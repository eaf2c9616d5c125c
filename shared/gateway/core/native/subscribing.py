"""What is to be done about a practice's subscriptions so that they are as they should be: a pure comparison.

Ours are those whose address begins with the API's own, `/hooks/` and the practice's id; nothing else is ever touched.
Of a table that should be watched one of them stays, put right where it differs, or one is made; every other is ended
by a DateTimeStop, because DELETE takes a permission that costs money. What is listed is all there is to know: after
any crash and any lost answer the next comparison does the rest.

Source: https://www.opendental.com/site/apisubscriptions.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from gateway.core.native.hooks import PREFIX
from gateway.core.native.wanting import CREATE, UPDATE
from gateway.core.native.watched import ALL_WORKSTATIONS, NAMED_WORKSTATION_SINCE, WATCHED
from gateway.core.plans import Row, UpstreamCall
from open_dental import wire
from open_dental.versions import Version

POLLING_S: Final = 1
"""How often the practice's machines look for changes: a statement of theirs that finds nothing costs them nothing."""

AHEAD: Final = timedelta(hours=3)
"""A DateTimeStart that is later than the server's clock by more lies in the future, and nothing is told until then.
Less may be a clock that was changed with the season, or measured badly."""

_BACK: Final = timedelta(minutes=1)
"""How long ago an end is said to have been, so that it has come by a clock that is a little behind."""

_TABLES: Final = {name.casefold(): name for name in WATCHED}


@dataclass(frozen=True, slots=True)
class Wish:
    """A subscription as it should be."""

    table: str
    url: str
    workstation: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """What matters of a row of the list. The row holds the customer key in clear, which goes no further.

    Times are the office's wall clock; `stop` is None for never.
    """

    number: int
    url: str
    table: str
    is_of_the_screen: bool
    workstation: str
    polling_s: int
    start: datetime | None
    stop: datetime | None
    failures: int
    failed_at: datetime | None
    retry_at: datetime | None
    words: str

    def runs(self, wall: datetime) -> bool:
        """Whether it is not over when the server's clock shows `wall`."""
        return self.stop is None or self.stop > wall


class Step(NamedTuple):
    """One call, and which table it is for. `is_end`: it ends what is not wished."""

    table: str
    is_end: bool
    call: UpstreamCall


@dataclass(frozen=True, slots=True)
class Plan:
    """`kept`: by table, what stands already or will once its step is done. `steps`: what to do; ends come first,
    because two that are equal are refused."""

    kept: Mapping[str, Subscription]
    steps: tuple[Step, ...]


def read(row: Row) -> Subscription | None:
    """A row of the list; None where it has no number."""
    number = _number(row, "SubscriptionNum")
    if not number:
        return None
    return Subscription(
        number=number,
        url=_text(row, "EndPointUrl"),
        table=_TABLES.get(_text(row, "WatchTable").casefold(), _text(row, "WatchTable")),
        is_of_the_screen=bool(_text(row, "UiEventType")),
        workstation=_text(row, "Workstation"),
        polling_s=_number(row, "PollingSeconds"),
        start=_moment(row, "DateTimeStart"),
        stop=_moment(row, "DateTimeStop"),
        failures=_number(row, "SubsequentFailures"),
        failed_at=_moment(row, "DateTimeLastFailure"),
        retry_at=_moment(row, "DateTimeNextRetry"),
        words=_text(row, "FailureReason"),
    )


def workstation_at(version: str | None, named: str | None) -> str:
    """What Workstation says, by the office's version: the machine that was named, or else every one of them."""
    if named:
        return named
    is_named = version is not None and Version.parse(version).has(Version.parse(NAMED_WORKSTATION_SINCE))
    return ALL_WORKSTATIONS if is_named else ""


def is_ours(one: Subscription, practice_id: str, addresses: Iterable[str]) -> bool:
    """Whether it leads to this practice's path under an address that the API has, or had."""
    return any(one.url.startswith(f"{address}{PREFIX}/{practice_id}/") for address in addresses)


def compared(wished: Sequence[Wish], ours: Sequence[Subscription], wall: datetime) -> Plan:
    """What to do so that of `ours` exactly what is wished runs. `wall`: what the server's clock shows, at least."""
    listed = {one.number: one for one in ours}
    running = [listed[number] for number in sorted(listed) if listed[number].runs(wall)]
    kept = dict[str, Subscription]()
    for wish in wished:
        fitting = [one for one in running if _is_for(one, wish)]
        if fitting:
            # The one that is most as it should be; of equal ones the oldest.
            _, _, kept[wish.table] = min((len(_differences(one, wish, wall)), one.number, one) for one in fitting)
    stays = {one.number for one in kept.values()}
    steps = [Step(one.table, is_end=True, call=_end(one, wall)) for one in running if one.number not in stays]
    for wish in wished:
        one = kept.get(wish.table)
        if one is None:
            steps.append(Step(wish.table, is_end=False, call=UpstreamCall(CREATE, body=_new(wish))))
        elif changes := _differences(one, wish, wall):
            steps.append(Step(wish.table, is_end=False, call=_update(one, changes)))
    return Plan(kept, tuple(steps))


def _is_for(one: Subscription, wish: Wish) -> bool:
    """Whether it may become what is wished: WatchTable cannot be changed, and another key's path is another's."""
    return one.table == wish.table and not one.is_of_the_screen and _path(one.url) == _path(wish.url)


def _differences(one: Subscription, wish: Wish, wall: datetime) -> dict[str, Any]:
    changes = dict[str, Any]()
    # Some versions want a slash at the end, and may put it there.
    if one.url.rstrip("/") != wish.url:
        changes["EndPointUrl"] = wish.url
    if one.workstation.strip().casefold() != wish.workstation.casefold():
        changes["Workstation"] = wish.workstation
    if one.polling_s != POLLING_S:
        changes["PollingSeconds"] = POLLING_S
    if one.start is not None and one.start > wall + AHEAD:
        changes["DateTimeStart"] = wall
    if one.stop is not None:
        changes["DateTimeStop"] = None
    return changes


def _new(wish: Wish) -> dict[str, Any]:
    """It starts now by the server's own clock: what was before is polled, and a start in the past would send it all."""
    body = {"EndPointUrl": wish.url, "WatchTable": wish.table, "PollingSeconds": POLLING_S}
    return {**body, "Workstation": wish.workstation} if wish.workstation else body


def _end(one: Subscription, wall: datetime) -> UpstreamCall:
    return _update(one, {"DateTimeStop": wall - _BACK})


def _update(one: Subscription, changes: Mapping[str, Any]) -> UpstreamCall:
    return UpstreamCall(UPDATE, path={"SubscriptionNum": one.number}, body=changes)


def _path(url: str) -> str:
    """What is behind the API's address."""
    return url[url.rfind(f"{PREFIX}/") :].rstrip("/")


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _number(row: Row, name: str) -> int:
    try:
        return wire.integer(row.get(name)) or 0
    except wire.Malformed:
        return 0


def _moment(row: Row, name: str) -> datetime | None:
    try:
        return wire.moment(row.get(name))
    except wire.Malformed:
        return None
