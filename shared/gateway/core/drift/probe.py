"""Background work: looks once a day what may be done at a practice, and tells what has changed.

Version, key, clinics and the office's definitions are asked for (four calls and a page or two, fewer where a mirror has
them); what rows look like, pauses that Open Dental asks for and its clock are learned from what comes anyway. It looks
sooner after an outage, and where an answer is not explained by what is known. What it learns acts at once: the record
has the tier, and so the pace, the page limits and by which road each resource is read.

Sources: https://www.opendental.com/site/apisecurityperms.html, https://www.opendental.com/site/apipreferences.html,
https://www.opendental.com/site/apiclinics.html, https://www.opendental.com/site/apidefinitions.html.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from gateway.core import pacing
from gateway.core.background_turn import BackgroundTurn, CouldNotLook, GiveWay
from gateway.core.drift.changes import AGREES, DISAGREES, KEPT, SLOWED, lost_since
from gateway.core.drift.known import Known, Oddity, Seen
from gateway.core.drift.learning import PROGRAM_VERSION, permissions_of, tell, version_of, with_heard
from gateway.core.errors import NotFound
from gateway.core.hashing import canonical_hash
from gateway.core.mirror import told
from gateway.core.mirror.session import UNAUTHORIZED, Failed, Refused, Session
from gateway.core.mirror.syncing import Phase, Wanted
from gateway.core.normalize.values import content_version
from gateway.core.practices import Practice
from gateway.core.seat import FHIR_CAPABILITY
from open_dental import catalogue
from open_dental.versions import Version

EVERY: Final = timedelta(days=1)
FIRST: Final = timedelta(hours=6)
"""A practice that was just connected is known well enough for so long."""

RETRY_FIRST: Final = timedelta(minutes=10)
RETRY_LONGEST: Final = timedelta(hours=6)

LEFT_OFF_FOR: Final = timedelta(hours=1)
"""How long what a look had found when somebody else's turn came is good for the next one."""

MOST_TRIES: Final = 3
"""An office that is called all day long lets a look make one call at a time: what takes several is then left out."""

SLOWED_FOR_S: Final = 3600.0
"""Pauses for longer than this are told."""

_LOOK: Final = timedelta(minutes=5)
"""A look itself may ask for more than a practice with a new tier allows."""

_MOST_ROWS: Final = 5000
_LONGEST_WORD: Final = 40


class Probe:
    """What a look was cut off from is done by the next one, within the hour."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        due = _due(turn)
        if due is None or due > turn.on.clock.now():
            return
        m = Session.of_turn(turn)
        known = turn.on.drifts.load(turn.practice.id)
        found = _left_off(known, m.now())
        try:
            _ask(m, found)
        except GiveWay:
            turn.on.drifts.save(turn.practice.id, replace(known, so_far=found, so_far_at=known.so_far_at or m.now()))
            raise
        except CouldNotLook:
            _again(m, known)
            raise
        _take_up(m, known, found)

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        return _due(turn)


def _due(turn: BackgroundTurn) -> datetime | None:
    """When it is looked next; a practice that has never been thought of is given a time."""
    if turn.practice.state != "active":
        return None
    if turn.probe_at is None:
        turn.probe_in(FIRST)
    return turn.probe_at


def _again(m: Session, known: Known) -> None:
    """Look anew after a look that came to nothing, later and later."""
    m.on.drifts.save(m.practice.id, replace(known, failures=known.failures + 1, tried_at=m.now()))
    m.turn.probed(min(RETRY_LONGEST, RETRY_FIRST * 2 ** min(known.failures, 10)))


# What is asked


def _left_off(known: Known, now: datetime) -> dict[str, Any]:
    is_young = known.so_far_at is not None and now - known.so_far_at < LEFT_OFF_FOR
    return dict(known.so_far) if is_young else {}


def _ask(m: Session, found: dict[str, Any]) -> None:
    """Bring what is not in `found` yet; what cannot be had is None there, and named in `failed`.

    Raises: GiveWay, CouldNotLook; what was found until then is there.
    """
    for name, step in _STEPS.items():
        if name in found:
            continue
        tries = found["tries"] = {**found.get("tries", {})}
        tries[name] = tries.get(name, 0) + 1
        try:
            found[name] = step(m, found) if tries[name] <= MOST_TRIES else None
        except (Failed, Refused) as error:
            found[name] = None
            found["failed"] = [*found.get("failed", ()), name]
            if isinstance(error, Failed) and error.code == UNAUTHORIZED:
                # It may concern the whole key, and each of these counts as refused.
                return


def _permissions(m: Session, _: Mapping[str, Any]) -> list[str] | None:
    if m.practice.upstream == "fhir":
        return None
    return sorted(permissions_of(m.ask("securityperms.list")[0].rows))


def _version(m: Session, found: Mapping[str, Any]) -> str | None:
    if m.practice.upstream == "fhir":
        said = m.ask(FHIR_CAPABILITY)[0].row.get("server_version")
        try:
            return str(Version.parse(str(said)))
        except ValueError:
            return None
    if not _may(m.practice, "preferences.list", found):
        return None
    return version_of(m.ask("preferences.list", {"PrefName": PROGRAM_VERSION})[0].rows)


def _clinics(m: Session, found: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = _rows(m, "clinics", {}, found)
    return None if rows is None else {"clinics": _digest(of for _, of in rows), "clinics_count": len(rows)}


def _definitions(m: Session, found: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = _rows(m, "definitions", {"includeHidden": True}, found)
    if rows is None:
        return None
    by_category = defaultdict[str, list[str]](list)
    for row, version in rows:
        by_category[_category(row)].append(version)
    return {"definitions": {category: _digest(them) for category, them in sorted(by_category.items())}}


_STEPS: Final[Mapping[str, Callable[[Session, Mapping[str, Any]], Any]]] = {
    "permissions": _permissions,
    "version": _version,
    "clinics": _clinics,
    "definitions": _definitions,
}


def _rows(
    m: Session, name: str, query: Mapping[str, object], found: Mapping[str, Any]
) -> list[tuple[Mapping[str, Any], str]] | None:
    """All rows of a small table with a hash of each, out of the mirror where all of it is there; None: not offered."""
    of = m.state.resources.get(name)
    if m.is_on and of is not None and of.phase is Phase.LOADED:
        kept = m.on.records.page(m.practice.id, name, after=None, limit=_MOST_ROWS)
        return [(one.row, one.version) for one in kept]
    if not _may(m.practice, f"{name}.list", found):
        return None
    return [(row, content_version(row)) for row in m.ask_all(f"{name}.list", query)[0]]


def _may(practice: Practice, operation_id: str, found: Mapping[str, Any]) -> bool:
    """Whether REST may be asked this, by what was just found; what is not known is tried."""
    if practice.upstream == "fhir":
        return False
    operation = catalogue.operation(operation_id)
    permissions = found.get("permissions") or practice.permissions
    if permissions and operation.permission not in permissions:
        return False
    version = found.get("version") or practice.version
    return version is None or Version.parse(version).has(operation.since)


def _category(row: Mapping[str, Any]) -> str:
    """The vendor's word for a kind of definition; what looks like none has no place in a sentence."""
    word = str(row.get("category") or "")
    return word if word.isascii() and word.isalnum() and len(word) <= _LONGEST_WORD else "other"


def _digest(versions: Iterable[str]) -> str:
    return canonical_hash(sorted(versions))[:16]


# What becomes of it


def _take_up(m: Session, known: Known, found: Mapping[str, Any]) -> None:
    """Tell, then store: who dies in between finds the same the next time, and tells nothing twice."""
    on, now = m.on, m.now()
    try:
        was = on.practices.get(m.practice.id)
    except NotFound:
        return
    permissions, version = frozenset(found.get("permissions") or ()), found.get("version")
    heard = with_heard(was, permissions=permissions, version=version)
    odd = on.drifts.odd(was.id, now=now)
    parts = {
        **known.parts,
        **(found.get("clinics") or {}),
        **(found.get("definitions") or {}),
        **_of_the_way(m),
        "page_limit": _page_limit(heard, odd, known.looked_at),
        "shapes": _shapes(odd),
        "lost": lost_since(known.parts.get("lost", {}), was, heard),
    }
    if known.begun_at is None:
        # Whoever has never been told anything hears of no change without what was before.
        tell(was, known.parts, on)
    tell(heard, parts, on)
    if heard != was:
        # Before the record forgets what it had: who dies in between could not tell it any more.
        on.drifts.save(was.id, replace(known, parts={**known.parts, "lost": parts["lost"]}))
        changed = on.practices.change(was.id, partial(with_heard, permissions=permissions, version=version))
        m.take_up(changed)
    failed = bool(found.get("failed"))
    looked_at = known.looked_at if failed else now
    kept = Known(begun_at=known.begun_at or now, looked_at=looked_at, tried_at=now, parts=parts)
    if failed:
        _again(m, replace(kept, failures=known.failures))
    else:
        on.drifts.save(was.id, kept)
        m.turn.probed(EVERY)


def _page_limit(practice: Practice, odd: Iterable[Seen], looked_at: datetime | None) -> int:
    """Rows of a page: as documented, or as few as were seen to be all since the last look was over."""
    seen = [one for one in odd if one.odd.kind is Oddity.SHORT_PAGE]
    new = [int(one.odd.field) for one in seen if looked_at is None or one.last_at > looked_at + _LOOK]
    return min([practice.page_limit, *new])


def _shapes(odd: Iterable[Seen]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for one in odd:
        if one.odd.kind is not Oddity.SHORT_PAGE:
            found.setdefault(one.odd.operation, {}).setdefault(one.odd.kind.value, []).append(one.odd.field)
    return found


def _of_the_way(m: Session) -> dict[str, Any]:
    """What the pace and the mirror have noticed on their way."""
    since = pacing.slow_since(m.turn.pace, m.practice.key_fingerprint)
    is_slowed = since is not None and m.now().timestamp() - since > SLOWED_FOR_S
    heard: dict[str, Any] = {"throttle": SLOWED if is_slowed else KEPT}
    agrees = told.clock(m.state, m.practice)["agrees"] if m.state.wanted is not Wanted.OFF else None
    return heard if agrees is None else heard | {"clock": AGREES if agrees else DISAGREES}
