"""How far each practice's mirror is, in the table of its rows.

sync#{practice}   practice              what is the practice's own, conditional on `rev`
sync#{practice}   resource#{resource}   one resource, conditional on `rev`
sync#{practice}   touched               when own writes last changed what they did not read back, conditional on `rev`

What an answer has to know of an item is its `said`, written by the same put as the state in its `body`, so that neither
can be there without the other; of `touched` that is all there is. An answer reads `said` alone: the states are some 40
items with places, cursors and lists of keys in them, which take ten times as long to read.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.adapters.codec import pack, unpack
from gateway.adapters.mirror import items
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.errors import Unavailable
from gateway.core.mirror.syncing import (
    Followed,
    Here,
    Incident,
    Native,
    Pass,
    Phase,
    PracticeSync,
    Probed,
    Probing,
    ResourceSync,
    ServerZone,
    Shown,
    Standing,
    Superseded,
    Telling,
    Told,
    Unlisted,
    Wanted,
    is_lifted,
    lifted,
    standing_of,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_OWN = "practice"
_RESOURCE = "resource#"
_TOUCHED = "touched"
_BESIDE = frozenset({"rev", "resources", "touched", "touched_floor"})

MOST_MARKS: Final = 500
"""Marks that are kept, whatever their age: a paused mirror is answered from for days. Each answer reads them all."""

_TRIES = 20


class DynamoSyncStates:
    """Fills `core.mirror.syncing.SyncStates`."""

    def __init__(self, client: DynamoDBClient, *, table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = Table(client, name=table, sleep=sleep)

    def load(self, practice_id: str) -> PracticeSync:
        """See `SyncStates.load`."""
        own, resources, touched = PracticeSync(practice_id), dict[str, ResourceSync](), _NOTHING_TOUCHED
        for item in self._table.query(_pk(practice_id)):
            if item["sk"]["S"] == _OWN:
                own = _practice_from(item)
            elif item["sk"]["S"] == _TOUCHED:
                touched = _touched_from(item)
            else:
                state = _resource_from(item)
                resources[state.resource] = state
        return lifted(replace(own, resources=resources, touched=touched.marks, touched_floor=touched.floor))

    def standing(self, practice_id: str) -> Standing:
        """See `SyncStates.standing`."""
        own, resources, touched = _FIRST, dict[str, Here](), _NOTHING_TOUCHED
        for item in self._table.query(_pk(practice_id), only=("sk", "said")):
            if "said" not in item:
                # Saved by a release before there was such a thing.
                return standing_of(self.load(practice_id))
            name, said = item["sk"]["S"], item["said"]
            if name == _OWN:
                own = _own_said(said)
            elif name == _TOUCHED:
                touched = _touched_from(item)
            else:
                resources[name.removeprefix(_RESOURCE)] = _here_said(said)
        for name, at in own.settled.items():
            if (of := resources.get(name)) is not None and is_lifted(of.phase, of.as_of, at):
                resources[name] = of._replace(as_of=at)
        return Standing(own.wanted, own.epoch, own.server_offset_s, resources, touched.marks, touched.floor)

    def save_practice(self, state: PracticeSync) -> PracticeSync:
        """See `SyncStates.save_practice`."""
        self._put(state.practice_id, _OWN, _saying_own(state), rev=state.rev, body=_value(state))
        return replace(state, rev=state.rev + 1)

    def save(self, practice_id: str, state: ResourceSync) -> ResourceSync:
        """See `SyncStates.save`."""
        said = _saying_here(Here(state.phase, state.as_of, state.rows))
        self._put(practice_id, _RESOURCE + state.resource, said, rev=state.rev, body=_value(state))
        return replace(state, rev=state.rev + 1)

    def touch(self, practice_id: str, marks: Iterable[str], at: datetime) -> None:
        """See `SyncStates.touch`."""
        new = tuple(marks)
        for tried in range(_TRIES if new else 0):
            item = self._table.get(_pk(practice_id), _TOUCHED)
            was, rev = (_NOTHING_TOUCHED, 0) if item is None else (_touched_from(item), int(item["rev"]["N"]))
            kept = {**was.marks, **{one: max(at, was.marks.get(one, at)) for one in new}}
            old = sorted(kept, key=lambda mark: kept[mark])[:-MOST_MARKS]
            floor = max([when for when in (was.floor, *map(kept.get, old)) if when is not None], default=None)
            touched = _Touched({one: when for one, when in kept.items() if one not in old}, floor)
            try:
                self._put(practice_id, _TOUCHED, _saying_touched(touched), rev=rev)
            except Superseded:
                self._table.pause(tried)
                continue
            return
        if new:
            raise Unavailable("too many writes of one practice at once", retry_after=1.0)

    def forget(self, practice_id: str) -> None:
        """See `SyncStates.forget`."""
        found = [*self._table.query(_pk(practice_id), only=("pk", "sk"))]
        gone = [{"pk": item["pk"], "sk": item["sk"]} for item in found if item["sk"]["S"] != _OWN]
        # The marks last: as long as there is a state, somebody may come back and need them.
        self._table.delete_all([key for key in gone if key["sk"]["S"] != _TOUCHED])
        self._table.delete_all([key for key in gone if key["sk"]["S"] == _TOUCHED])

    def _put(
        self, practice_id: str, sk: str, said: Mapping[str, Any], *, rev: int, body: Mapping[str, Any] | None = None
    ) -> None:
        token = {"S": items.new_token()}
        item = {
            **key_of(_pk(practice_id), sk),
            "rev": {"N": str(rev + 1)},
            "saved_by": token,
            "said": said,
            **({} if body is None else {"body": {"B": pack(body)}}),
        }
        condition, values = "attribute_not_exists(pk)", dict[str, Any]()
        if rev:
            condition, values = "rev = :was", {":was": {"N": str(rev)}}
        if self._table.put(item, condition=condition, values=values):
            return
        # The SDK repeats a put whose answer was lost, and then meets its own item.
        stored = self._table.get(_pk(practice_id), sk)
        if stored is None or stored["saved_by"] != token:
            raise Superseded


def _pk(practice_id: str) -> str:
    return f"sync#{practice_id}"


_KINDS: Mapping[str, type[Any]] = {"followed": Followed, "shown": Shown}
"""What the objects of these fields are."""


class _Own(NamedTuple):
    """What an answer has to know of what is the practice's own."""

    wanted: Wanted
    epoch: int
    server_offset_s: float | None
    settled: Mapping[str, datetime]


class _Touched(NamedTuple):
    marks: Mapping[str, datetime]
    floor: datetime | None


_FIRST: Final = _Own(Wanted.OFF, PracticeSync("").epoch, None, {})
_NOTHING_TOUCHED: Final = _Touched({}, None)


def _saying_own(state: PracticeSync) -> Mapping[str, Any]:
    settled = {name: at.isoformat() for name, at in state.probing.settled.items()}
    return _deflated([state.wanted, state.epoch, state.server_offset_s, settled])


def _own_said(said: Mapping[str, Any]) -> _Own:
    wanted, epoch, offset, settled = _inflated(said)
    moments = {name: datetime.fromisoformat(at) for name, at in settled.items()}
    return _Own(Wanted(wanted), epoch, None if offset is None else float(offset), moments)


def _saying_here(here: Here) -> Mapping[str, Any]:
    return {"S": f"{here.phase} {here.rows} {'' if here.as_of is None else here.as_of.isoformat()}"}


def _here_said(said: Mapping[str, Any]) -> Here:
    phase, rows, as_of = said["S"].split(" ")
    return Here(Phase(phase), datetime.fromisoformat(as_of) if as_of else None, int(rows))


def _saying_touched(touched: _Touched) -> Mapping[str, Any]:
    # One write marks many at once.
    at_once = dict[str, list[str]]()
    for one, at in touched.marks.items():
        at_once.setdefault(at.isoformat(), []).append(one)
    return _deflated([None if touched.floor is None else touched.floor.isoformat(), at_once])


def _touched_from(item: Mapping[str, Any]) -> _Touched:
    if "said" not in item:
        # Saved by a release before there was such a thing.
        value = _value_of(item)
        return _Touched(value["marks"], value["floor"])
    floor, at_once = _inflated(item["said"])
    marks = dict[str, datetime]()
    for at, several in at_once.items():
        marks |= dict.fromkeys(several, datetime.fromisoformat(at))
    return _Touched(marks, None if floor is None else datetime.fromisoformat(floor))


def _deflated(value: Any) -> Mapping[str, Any]:
    return {"B": zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 6)}


def _inflated(said: Mapping[str, Any]) -> Any:
    return json.loads(zlib.decompress(bytes(said["B"])))


def _value(state: PracticeSync | ResourceSync) -> dict[str, Any]:
    return {one.name: _plain(getattr(state, one.name)) for one in fields(state) if one.name not in _BESIDE}


def _plain(value: Any) -> Any:
    """The parts that states are made of, as objects of JSON."""
    if isinstance(value, Pass | Shown | Probed | Followed | Probing | Native | Told):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _practice_from(item: Mapping[str, Any]) -> PracticeSync:
    value = _known(PracticeSync, item)
    value["wanted"] = Wanted(value["wanted"])
    offset = value.get("server_offset_s")
    value["server_offset_s"] = None if offset is None else float(offset)
    probing = _only(Probing, value.get("probing") or {})
    probing["changed"] = {name: _as_kept(one, Probed) for name, one in probing.get("changed", {}).items()}
    value["probing"] = Probing(**probing)
    native = _only(Native, value.get("native") or {})
    native["tables"] = {name: _as_kept(one, Told) for name, one in native.get("tables", {}).items()}
    value["native"] = Native(**{**native, "former": tuple(native.get("former", ()))})
    if value.get("zone") is not None:
        value["zone"] = ServerZone(*value["zone"])
    value["unlisted"] = Unlisted(*map(_as_kept, value.get("unlisted") or ()))
    if value.get("telling") is not None:
        value["telling"] = Telling(*value["telling"])
    value["incidents"] = tuple(_incident_from(*one) for one in value.get("incidents", ()))
    return PracticeSync(**value)


def _incident_from(code: str, since: Any, noticed_at: Any, resources: list[str], healed_at: Any) -> Incident:
    return Incident(code, since, noticed_at, tuple(resources), healed_at)


def _resource_from(item: Mapping[str, Any]) -> ResourceSync:
    value = _known(ResourceSync, item)
    value["phase"] = Phase(value["phase"])
    return ResourceSync(**{name: _as_kept(one, _KINDS.get(name, Pass)) for name, one in value.items()})


def _as_kept(value: Any, kind: type[Any] = Pass) -> Any:
    """What JSON made a list of was a tuple, and its objects were passes, but for those of `followed`."""
    if isinstance(value, list):
        return tuple(_as_kept(one) for one in value)
    if isinstance(value, dict):
        kept = _only(kind, value)
        return kind(**{name: _as_kept(one, _KINDS.get(name, Pass)) for name, one in kept.items()})
    return value


def _known(kind: type[PracticeSync | ResourceSync], item: Mapping[str, Any]) -> dict[str, Any]:
    return {**_only(kind, _value_of(item)), "rev": int(item["rev"]["N"])}


def _value_of(item: Mapping[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = unpack(bytes(item["body"]["B"]))
    return value


def _only(kind: type[Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """What this release knows of a stored value; what a newer one added falls away."""
    known = {one.name for one in fields(kind)}
    return {name: one for name, one in value.items() if name in known}
