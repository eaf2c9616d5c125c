"""What an operator does with groups: make, look, change, delete. Records of groups hold no health data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, NamedTuple, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.core.access import allow, allow_client
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, Invalid, KeyReused, NotFound, Unavailable
from gateway.core.groups.records import MOST_PRACTICES, Agreement, Group, InAnotherGroup, Superseded
from gateway.core.hashing import canonical_hash
from gateway.core.ids import id_from, is_id
from gateway.core.inputs import Day, broken_rule
from gateway.core.ports import Services
from gateway.core.walltime import instant_text

TRIES: Final = 5
_LOOKED_AT: Final = 100
"""Groups that are read at once, of which a page may show only some."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Id = Annotated[str, StringConstraints(min_length=5, max_length=64)]
PracticeIds = Annotated[list[Id], Field(min_length=2, max_length=MOST_PRACTICES)]


class AgreementInput(BaseModel):
    """The agreement under which the practices share their patients' data.

    Without `signed_on` it has always been in force, without `expires_on` it stays so. Both days are covered.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    """Where the document is: a contract number, a link to it. No person's name: it stands in audit trails."""
    signed_on: Day | None = None
    expires_on: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.signed_on is not None and self.expires_on is not None and self.expires_on < self.signed_on:
            raise broken_rule("expires_on", "it ends before it is signed")
        return self

    def agreement(self) -> Agreement:
        """As the record has it."""
        return Agreement(self.reference, self.signed_on, self.expires_on)


class GroupInput(BaseModel):
    """The body of `POST /groups`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    practice_ids: PracticeIds
    """The caller's own, in no other group."""
    agreement: AgreementInput


class GroupChange(BaseModel):
    """The body of `PATCH /groups/{id}`. What it names is replaced as a whole: all practices, the whole agreement."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name | None = None
    practice_ids: PracticeIds | None = None
    agreement: AgreementInput | None = None

    @model_validator(mode="after")
    def _nothing_is_emptied(self) -> Self:
        for field in self.model_fields_set:
            if getattr(self, field) is None:
                raise broken_rule(field, "it cannot be emptied")
        return self


class GroupsQuery(BaseModel):
    """What `GET /groups` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """`next_cursor` of the page before."""


class Made(NamedTuple):
    """A group as its maker sees it. `is_replayed`: a request of the same key had made it before."""

    group: Mapping[str, Any]
    is_replayed: bool


def make_group(wanted: GroupInput, *, caller: Caller, key: str, on: Services) -> Made:
    """Make a group: scope `groups:write`, and each practice the caller's own. A repeat with the same key is the same
    group, as it stands now; one that was deleted is shown so for 30 days.

    Raises:
        ScopeMissing. NotFound: a practice is not the caller's. Conflict: one is in another group.
        KeyReused: the key was used for another group.
    """
    allow_client(caller, "groups", Verb.WRITE)
    _own(wanted.practice_ids, caller, on)
    now = on.clock.now()
    made = Group(
        # The same key names the same group, without a second place to look it up in.
        id=id_from("group", on.signer.fingerprint(f"group {caller.id} {key}")),
        name=wanted.name,
        practices=frozenset(wanted.practice_ids),
        agreement=wanted.agreement.agreement(),
        made_by=caller.id,
        made_at=now,
        changed_at=now,
        body_hash=canonical_hash(_sent(wanted)),
    )
    try:
        group = on.groups.make(made)
    except InAnotherGroup:
        _in_another(made, on)
    if group.body_hash != made.body_hash:
        raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
    if not group.practices <= caller.client.practices:
        # Somebody has put a practice into it that this client does not have.
        raise NotFound("no such group")
    return Made(_shown(group), is_replayed=group is not made)


def list_groups(query: GroupsQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """The groups all of whose practices are the caller's, in the order of their ids: scope `groups:read`.

    Raises: ScopeMissing. Invalid: the cursor is none of this list.
    """
    allow_client(caller, "groups", Verb.READ)
    if query.cursor is not None and not is_id(query.cursor, "group"):
        raise Invalid("send next_cursor of the page before, as it came", param="cursor")
    found: list[Group] = []
    after = query.cursor
    while len(found) <= query.limit:
        page = on.groups.page(after=after, limit=_LOOKED_AT)
        found += [one for one in page if one.deleted_at is None and one.practices <= caller.client.practices]
        if len(page) < _LOOKED_AT:
            break
        after = page[-1].id
    shown, has_more = found[: query.limit], len(found) > query.limit
    # The cursor is the last id that was shown: one of the caller's own, and it works wherever it stands.
    return {
        "data": [_shown(one) for one in shown],
        "has_more": has_more,
        "next_cursor": shown[-1].id if has_more else None,
    }


def get_group(group_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """One of them: scope `groups:read`.

    Raises: ScopeMissing. NotFound: there is none, or it has a practice that is not the caller's.
    """
    allow_client(caller, "groups", Verb.READ)
    group = _find(group_id, caller, on)
    if group.deleted_at is not None:
        raise NotFound("no such group")
    return _shown(group)


def change_group(group_id: str, change: GroupChange, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Change what `change` names: scope `groups:write`. Saying again what is so already changes nothing.

    Raises:
        ScopeMissing. NotFound: as `get_group`, or a practice that is to come in is not the caller's.
        Conflict: one is in another group. Unavailable: others changed it all the while.
    """
    allow_client(caller, "groups", Verb.WRITE)
    for _ in range(TRIES):
        was = _find(group_id, caller, on)
        if was.deleted_at is not None:
            raise NotFound("no such group")
        wanted = was
        if change.name is not None:
            wanted = replace(wanted, name=change.name)
        if change.practice_ids is not None:
            _own([one for one in change.practice_ids if one not in was.practices], caller, on)
            wanted = replace(wanted, practices=_several(change.practice_ids))
        if change.agreement is not None:
            wanted = replace(wanted, agreement=change.agreement.agreement())
        if wanted == was:
            return _shown(was)
        wanted = replace(wanted, changed_at=on.clock.now())
        try:
            return _shown(on.groups.change(wanted))
        except Superseded:
            continue
        except InAnotherGroup:
            _in_another(wanted, on)
    raise Unavailable("the group is being changed by others", retry_after=1.0)


def delete_group(group_id: str, *, caller: Caller, on: Services) -> None:
    """Part its practices at once: scope `groups:write`. One that was deleted stays so.

    Raises: ScopeMissing. NotFound: as `get_group`. Unavailable: others changed it all the while.
    """
    allow_client(caller, "groups", Verb.WRITE)
    for _ in range(TRIES):
        was = _find(group_id, caller, on)
        if was.deleted_at is not None:
            return
        now = on.clock.now()
        try:
            on.groups.change(replace(was, deleted_at=now, changed_at=now))
        except Superseded:
            continue
        return
    raise Unavailable("the group is being changed by others", retry_after=1.0)


def _own(practice_ids: list[str], caller: Caller, on: Services) -> None:
    """Refuse practices that are not the caller's, and the same one twice."""
    _several(practice_ids)
    for one in practice_ids:
        try:
            allow(caller, one, "groups", Verb.WRITE, on=on, protected=False)
        except NotFound as error:
            raise NotFound(error.detail, param="practice_ids") from None


def _several(practice_ids: list[str]) -> frozenset[str]:
    practices = frozenset(practice_ids)
    if len(practices) != len(practice_ids):
        raise Invalid("a practice is named twice", param="practice_ids")
    return practices


def _find(group_id: str, caller: Caller, on: Services) -> Group:
    """The group, if all of its practices are the caller's: what it has not cannot be told from what is not there."""
    if not is_id(group_id, "group"):
        raise NotFound("no such group")
    group = on.groups.get(group_id)
    if not group.practices <= caller.client.practices:
        raise NotFound("no such group")
    return group


def _in_another(wanted: Group, on: Services) -> NoReturn:
    """Say which practices stand in the way; they are the caller's own, and nothing is said of the other group."""
    taken = [one for one in sorted(wanted.practices) if (of := on.groups.of(one)) is not None and of.id != wanted.id]
    raise Conflict(
        "a practice is in one group at most, so that it is clear under which agreement its patients are looked for",
        param="practice_ids",
        reason="in-another-group",
        practice_ids=taken,
    )


def _sent(wanted: GroupInput) -> dict[str, Any]:
    # In whatever order practices are named.
    return wanted.model_dump(mode="json") | {"practice_ids": sorted(wanted.practice_ids)}


def _shown(group: Group) -> dict[str, Any]:
    agreed = group.agreement
    return {
        "id": group.id,
        "name": group.name,
        "practice_ids": sorted(group.practices),
        "agreement": {
            "reference": agreed.reference,
            "signed_on": agreed.signed_on and agreed.signed_on.isoformat(),
            "expires_on": agreed.expires_on and agreed.expires_on.isoformat(),
        },
        "created_at": instant_text(group.made_at),
        "updated_at": instant_text(group.changed_at),
        "deleted_at": group.deleted_at and instant_text(group.deleted_at),
    }
