"""Use case: work off a call of an office's machine that was received.

What it tells is stored where stamps leave no doubt. Everything else is a hint: the background looks at the table soon,
by its own means, and believes what it reads. A call may be worked off twice, in any order; it comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from gateway.core.errors import NotFound, Unavailable
from gateway.core.mirror import schedule
from gateway.core.mirror.mirrored import MIRRORED, is_whole
from gateway.core.mirror.syncing import Phase, PracticeSync, ResourceSync, Superseded, Wanted
from gateway.core.native.sorting import Kind, Told, told_by

if TYPE_CHECKING:
    from gateway.core.mirror.records import StoredNative
    from gateway.core.native.ports import Post, TakingServices
    from gateway.core.native.watched import Watched
    from gateway.core.practices import Practice

MOST_SUSPECTS: Final = 1_000
"""So many rows are looked for one by one; for more the list is read as a whole."""

MOST_AT_ONCE: Final = 1_000
"""So many rows are stored before it is asked again whether they are wanted: an erasure begins some 15 s after the word
for it, and nothing may be stored behind it."""

SOON: Final = timedelta(seconds=15)
"""A call that waits for longer brings no row that nobody has: its deletion may have been told since."""

LOOKED_AT: Final = timedelta(minutes=1)
"""After which time a machine that tells, and was not seen to, is looked for once more."""

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a call, in numbers. `outcome`: `taken`, `gone` (worked off before), `unwanted` (nothing is kept of
    the practice, or of this table), `screen` (somebody opened a patient), `unknown` (no table of ours)."""

    outcome: str
    changed: int = 0
    same: int = 0
    stale: int = 0
    unsure: int = 0
    gone: int = 0
    """Rows that are said to be deleted, and were not known to be."""
    odd: int = 0


def take(name: str, on: TakingServices) -> Taken:
    """Work off the call that lies in the inbox as `name`, and drop it.

    Raises:
        Unreadable: it is none of Open Dental's; it stays where it is.
        Unavailable: do it again.
    """
    post = on.inbox.get(name)
    if post is None:
        return Taken("gone")
    taken = _take(post, on)
    on.inbox.drop(name)
    return taken


def _take(post: Post, on: TakingServices) -> Taken:
    practice = _practice(post, on)
    state = on.syncs.load(post.practice_id)
    if practice is None or not _is_wanted(state):
        return Taken("unwanted")
    told = told_by(post.event, post.body)
    if told.watched is None:
        return Taken(told.kind.value)
    _heard(told.watched.table, state, on)
    of = state.resources.get(told.watched.resource)
    if of is None or of.phase is not Phase.LOADED:
        # A load on its way reads it anyhow.
        return Taken("unwanted")
    if told.kind is Kind.DELETIONS:
        return Taken("taken", gone=_look_for(told.keys, told.watched.resource, practice, at=post.received_at, on=on))
    if of.whole_at is not None and of.whole_at >= post.received_at:
        # Every row was read since: what differs is from before, or from before a backup was restored.
        return Taken("taken", stale=len(told.rows))
    # What is not here though the mirror is younger than the call has been deleted since.
    takes_new = (of.as_of is None or of.as_of < post.received_at) and on.clock.now() - post.received_at <= SOON
    return _store(told, told.watched, practice, state, at=post.received_at, takes_new=takes_new, on=on)


def _heard(table: str, state: PracticeSync, on: TakingServices) -> None:
    """Have what is subscribed looked at now, where nobody knew yet that a machine tells of this table: one does."""
    native, now = state.native, on.clock.now()
    known = native.tables.get(table)
    is_told_of = known is None or (known.has_moved and known.trouble is None)
    was_just_looked_at = native.cared_at is not None and now - native.cared_at < LOOKED_AT
    if is_told_of or was_just_looked_at or _is_due(native.due_at, now):
        return
    try:
        on.syncs.save_practice(replace(state, native=replace(native, due_at=now)))
    except Superseded:
        # The next call says the same.
        return
    on.paces.background_due(state.practice_id, now)


def _practice(post: Post, on: TakingServices) -> Practice | None:
    """The practice, if anything may be kept of it that came with this key: another one may be another database's."""
    try:
        practice = on.practices.get(post.practice_id)
    except NotFound:
        return None
    is_open = practice.is_open(on.clock.now().date())
    is_of_its_key = post.key_fingerprint in {practice.key_fingerprint, *practice.other_fingerprints}
    return practice if practice.state == "active" and is_open and is_of_its_key else None


def _is_wanted(state: PracticeSync) -> bool:
    return state.wanted is Wanted.ON and state.native.wanted


def _store(
    told: Told,
    watched: Watched,
    practice: Practice,
    state: PracticeSync,
    *,
    at: datetime,
    takes_new: bool,
    on: TakingServices,
) -> Taken:
    mirrored = MIRRORED[watched.resource]
    whole = [row for row in told.rows if is_whole(mirrored, row, practice.version)]
    taken = Taken("taken", unsure=len(told.rows) - len(whole), odd=told.odd)
    for first in range(0, len(whole), MOST_AT_ONCE):
        if first and not _is_wanted(on.syncs.load(practice.id)):
            return replace(taken, outcome="unwanted")
        stored: StoredNative = on.records.store_native(
            practice.id,
            watched.resource,
            whole[first : first + MOST_AT_ONCE],
            column=watched.stamp,
            at=at,
            epoch=state.epoch,
            takes_new=takes_new,
        )
        taken = replace(
            taken,
            changed=taken.changed + stored.changed,
            same=taken.same + stored.same,
            stale=taken.stale + stored.stale,
            unsure=taken.unsure + len(stored.unsure),
        )
    if taken.unsure or taken.odd:
        _look_soon(watched.resource, practice, on)
    return taken


# What is looked at in the background


def _look_soon(resource: str, practice: Practice, on: TakingServices) -> None:
    """Have the background look at once for what has changed of this resource, in the way that it does."""
    now = on.clock.now()

    def sooner(state: PracticeSync, of: ResourceSync) -> PracticeSync | ResourceSync | None:
        if resource in schedule.by_query(practice, state, now):
            probing = replace(state.probing, due_at=now, all_due_at=now)
            return None if _is_due(state.probing.due_at, now) else replace(state, probing=probing)
        if schedule.is_fed(MIRRORED[resource]):
            return None if _is_due(of.due_at, now) else replace(of, due_at=now)
        due = schedule.after_deletion(of, now, page_limit=practice.page_limit)
        return None if _is_due(of.sweep_due_at, due) else replace(of, sweep_due_at=due)

    # Where others are faster five times, they look at it all the time.
    _change(resource, practice, sooner, on)
    on.paces.background_due(practice.id, now)


def _look_for(keys: Iterable[int], resource: str, practice: Practice, *, at: datetime, on: TakingServices) -> int:
    """Have these rows looked for that are not known to be gone and were not read since; returns how many they are.

    Nobody is buried by hearsay: a read has to say that the row is gone. One that nobody has is looked for as well: the
    call that brings it may have been overtaken.
    """
    wanted = frozenset(keys)
    kept = on.records.get(practice.id, resource, wanted, dead=True)
    gone = wanted - {one.key for one in kept if not one.is_living or one.read.at >= at}
    if not gone:
        return 0
    now = on.clock.now()

    def suspected(_: PracticeSync, of: ResourceSync) -> ResourceSync | None:
        suspects = tuple(sorted({*of.suspects, *gone}))
        if len(suspects) > MOST_SUSPECTS:
            return None if _is_due(of.sweep_due_at, now) else replace(of, sweep_due_at=now)
        return None if suspects == of.suspects else replace(of, suspects=suspects)

    if not _change(resource, practice, suspected, on):
        raise Unavailable("the mirror's state is being changed by others")
    on.paces.background_due(practice.id, now)
    return len(gone)


def _change(
    resource: str,
    practice: Practice,
    change: Callable[[PracticeSync, ResourceSync], PracticeSync | ResourceSync | None],
    on: TakingServices,
) -> bool:
    """Save what `change` makes of the state (None: nothing is to be saved); False if others were faster each time."""
    for _ in range(_TRIES):
        state = on.syncs.load(practice.id)
        of = state.resources.get(resource)
        changed = None if of is None or of.phase is not Phase.LOADED else change(state, of)
        try:
            if isinstance(changed, PracticeSync):
                on.syncs.save_practice(changed)
            elif changed is not None:
                on.syncs.save(practice.id, changed)
        except Superseded:
            continue
        return True
    return False


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
