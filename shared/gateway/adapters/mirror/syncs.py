"""How far each practice's mirror is, in the table of its rows.

sync#{practice}   practice              what is the practice's own, conditional on `rev`
sync#{practice}   resource#{resource}   one resource, conditional on `rev`
sync#{practice}   touched               what own writes may have changed, conditional on `rev`
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import unavailable
from gateway.adapters.codec import pack, unpack
from gateway.adapters.mirror import items
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.mirror.syncing import Pass, Phase, PracticeSync, ResourceSync, Superseded, Wanted

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_OWN = "practice"
_RESOURCE = "resource#"
_TOUCHED = "touched"
_BESIDE = frozenset({"rev", "resources", "touched", "touched_floor"})

MOST_MARKS: Final = 500
"""Marks that are kept. Each answer from the mirror reads them all: 500 are some 5 kB."""

_TRIES: Final = 8


class DynamoSyncStates:
    """Fills `core.mirror.syncing.SyncStates`."""

    def __init__(self, client: DynamoDBClient, *, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = Table(client, name=table, sleep=sleep)

    def load(self, practice_id: str) -> PracticeSync:
        """See `SyncStates.load`."""
        own, resources, touched = PracticeSync(practice_id), {}, dict[str, Any]()
        for item in self._table.query(_pk(practice_id)):
            if item["sk"]["S"] == _OWN:
                own = _practice_from(item)
            elif item["sk"]["S"] == _TOUCHED:
                touched = unpack(bytes(item["body"]["B"]))
            elif item["sk"]["S"].startswith(_RESOURCE):
                state = _resource_from(item)
                resources[state.resource] = state
        return replace(own, resources=resources, touched=touched.get("marks", {}), touched_floor=touched.get("floor"))

    def save_practice(self, state: PracticeSync) -> PracticeSync:
        """See `SyncStates.save_practice`."""
        self._put(state.practice_id, _OWN, state)
        return replace(state, rev=state.rev + 1)

    def save(self, practice_id: str, state: ResourceSync) -> ResourceSync:
        """See `SyncStates.save`."""
        self._put(practice_id, _RESOURCE + state.resource, state)
        return replace(state, rev=state.rev + 1)

    def touch(self, practice_id: str, marks: Iterable[str], at: datetime) -> None:
        """See `SyncStates.touch`."""
        new = list(marks)
        for tried in range(_TRIES):
            stored = self._table.get(_pk(practice_id), _TOUCHED)
            kept = {} if stored is None else unpack(bytes(stored["body"]["B"]))
            times: dict[str, datetime] = {**kept.get("marks", {})}
            times.update({mark: max(at, times.get(mark, at)) for mark in new})
            latest = sorted(times, key=lambda mark: times[mark])
            dropped, latest = latest[:-MOST_MARKS], latest[-MOST_MARKS:]
            floors = [one for one in (kept.get("floor"), *(times[mark] for mark in dropped)) if one is not None]
            body = {"marks": {mark: times[mark] for mark in latest}, "floor": max(floors, default=None)}
            rev = 0 if stored is None else int(stored["rev"]["N"])
            item = {
                **key_of(_pk(practice_id), _TOUCHED),
                "rev": {"N": str(rev + 1)},
                "body": {"B": pack(body)},
            }
            condition, values = "attribute_not_exists(pk)", dict[str, Any]()
            if rev:
                condition, values = "rev = :was", {":was": {"N": str(rev)}}
            # A put whose lost answer the SDK repeats meets its own item, and is done again: the marks stay the same.
            if self._table.put(item, condition=condition, values=values):
                return
            self._table.pause(tried)
        raise unavailable("the mirror")

    def forget(self, practice_id: str) -> None:
        """See `SyncStates.forget`."""
        found = self._table.query(_pk(practice_id), starts=_RESOURCE, only=("pk", "sk"))
        self._table.delete_all([{"pk": item["pk"], "sk": item["sk"]} for item in found])

    def _put(self, practice_id: str, sk: str, state: PracticeSync | ResourceSync) -> None:
        token = {"S": items.new_token()}
        item = {
            **key_of(_pk(practice_id), sk),
            "rev": {"N": str(state.rev + 1)},
            "saved_by": token,
            "body": {"B": pack(_value(state))},
        }
        condition, values = "attribute_not_exists(pk)", dict[str, Any]()
        if state.rev:
            condition, values = "rev = :was", {":was": {"N": str(state.rev)}}
        if self._table.put(item, condition=condition, values=values):
            return
        # The SDK repeats a put whose answer was lost, and then meets its own item.
        stored = self._table.get(_pk(practice_id), sk)
        if stored is None or stored["saved_by"] != token:
            raise Superseded


def _pk(practice_id: str) -> str:
    return f"sync#{practice_id}"


def _value(state: PracticeSync | ResourceSync) -> dict[str, Any]:
    value = {one.name: getattr(state, one.name) for one in fields(state) if one.name not in _BESIDE}
    running = value.get("running")
    if running is not None:
        value["running"] = {one.name: getattr(running, one.name) for one in fields(running)}
    return value


def _practice_from(item: Mapping[str, Any]) -> PracticeSync:
    value = _known(PracticeSync, item)
    value["wanted"] = Wanted(value["wanted"])
    return PracticeSync(**value)


def _resource_from(item: Mapping[str, Any]) -> ResourceSync:
    value = _known(ResourceSync, item)
    value["phase"] = Phase(value["phase"])
    value["suspects"] = tuple(value.get("suspects") or ())
    running = value.get("running")
    if running is not None:
        given = _only(Pass, running)
        value["running"] = Pass(**{**given, "edge": tuple(given.get("edge") or ())})
    return ResourceSync(**value)


def _known(kind: type[PracticeSync | ResourceSync], item: Mapping[str, Any]) -> dict[str, Any]:
    return {**_only(kind, unpack(bytes(item["body"]["B"]))), "rev": int(item["rev"]["N"])}


def _only(kind: type[Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """What this release knows of a stored value; what a newer one added falls away."""
    known = {one.name for one in fields(kind)}
    return {name: one for name, one in value.items() if name in known}
