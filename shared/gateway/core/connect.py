"""Connecting a practice: proving a pair of keys, and what becomes of the practice's record then.

Proving is a turn like any other call (`practices.connect`); the worker runs `settle` or `give_up` before the operation
settles. Both may run more than once and come to the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Literal, Protocol

from gateway.core.errors import AppError, KeyNotUsable, NotFound, PermissionMissing, Unavailable
from gateway.core.events.facts import PRACTICE, Facts
from gateway.core.plans import Outcome, Plan, PlanContext, UpstreamCall
from gateway.core.ports import Clock, Practices, Vault
from gateway.core.practices import Mode, Practice, Tier

KIND = "practices.connect"
_PREFIX = "Api"

CAPABILITIES: Final = "capabilities"
"""The key of the fact that says what may be done at a practice."""


class ConnectServices(Protocol):
    """The ports that settling needs; the worker's services have them all."""

    @property
    def clock(self) -> Clock: ...
    @property
    def practices(self) -> Practices: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def facts(self) -> Facts: ...


class LearnServices(Protocol):
    """The ports that learning needs."""

    @property
    def clock(self) -> Clock: ...
    @property
    def practices(self) -> Practices: ...
    @property
    def facts(self) -> Facts: ...


def plan(_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Prove the pending keys with the cheapest call, and learn what they may do and which version answers.

    A key whose permissions are all for FHIR is refused by REST in the same words as a wrong one, so FHIR is asked
    before a key is called wrong; an office's own server has no FHIR to ask. `by_fhir` says that it was FHIR that
    answered: what the key may do by REST, if anything, is not known then.

    Sources: https://www.opendental.com/site/apisecurityperms.html, https://www.opendental.com/site/apipreferences.html
    """
    by_fhir = False
    try:
        answer = yield UpstreamCall("securityperms.list")
        permissions = permissions_of(answer.rows)
    except (KeyNotUsable, PermissionMissing):
        if context.practice.mode in {Mode.SERVICE, Mode.LOCAL}:
            raise
        yield UpstreamCall("fhir.capability")
        permissions, by_fhir = frozenset(), True
    version = None
    if "ReadAll" in permissions:
        answer = yield UpstreamCall("preferences.list", query={"PrefName": "ProgramVersion"})
        version = next(
            (str(row["ValueString"]) for row in answer.rows if row.get("PrefName") == "ProgramVersion"), None
        )
    tier = tier_of(permissions, context.practice.mode)
    learned = {"permissions": sorted(permissions), "tier": tier.value, "version": version, "by_fhir": by_fhir}
    return Outcome(body=learned, created=True)


def permissions_of(rows: list[dict[str, Any]]) -> frozenset[str]:
    """The permissions a key has, as the catalogue spells them (`ApiReadAll` is `ReadAll`)."""
    return frozenset(
        str(row.get("Permission", "")).removeprefix(_PREFIX)
        for row in rows
        if str(row.get("HasPermission", "")).lower() == "true"
    )


def tier_of(permissions: frozenset[str], mode: Mode) -> Tier:
    """What the pace starts from: ReadAll alone is one call per 5 s, anything more one per second.

    Source: https://www.opendental.com/site/apipermissions.html
    """
    if mode is not Mode.REMOTE:
        return Tier.UNPACED
    if "Enterprise" in permissions:
        return Tier.ENTERPRISE
    return Tier.STANDARD if permissions - {"ReadAll"} else Tier.READ_ONLY


def settle(outcome: Outcome, practice: Practice, on: ConnectServices) -> None:
    """Take up a practice whose keys are proven: first the fingerprint, then the keys, then the record.

    Two clients may connect one practice at the same time; the first fingerprint wins and the other record is closed.
    """
    if on.practices.claim_fingerprint(practice.key_fingerprint, practice.id) != practice.id:
        on.vault.drop_pending(practice.id)
        on.practices.put(replace(practice, state="disabled"))
        return
    try:
        on.vault.promote(practice.id)
    except NotFound:
        # Promoted before; or never, and then there is nothing to take up.
        on.vault.keys(practice.id)
    learned = outcome.body or {}
    connected = replace(
        practice,
        state="active",
        permissions=frozenset(learned["permissions"]),
        tier=Tier(learned["tier"]),
        version=learned["version"],
        upstream=_upstream(practice, by_fhir=learned.get("by_fhir", False)),
        connected_at=on.practices.get(practice.id).connected_at or on.clock.now(),
    )
    # Whoever learns of a change notes what was before as well: a practice is not kept waiting for this.
    with suppress(Unavailable):
        _note(connected, on)
    on.practices.put(connected)


def learn(rows: list[dict[str, Any]], practice: Practice, on: LearnServices) -> Practice:
    """Take up what an answer of `securityperms` says of the practice's key, where that has changed; the practice.

    It is told before it is stored: who dies in between hears the same at the next time.

    Raises: Unavailable: nothing is lost that the next answer does not say.
    """
    permissions = permissions_of(rows)
    if practice.state != "active" or practice.upstream == "fhir" or permissions in {practice.permissions, frozenset()}:
        return practice
    # The record may be another by now: somebody may have said a time zone anew.
    known = on.practices.get(practice.id)
    learned = replace(known, permissions=permissions, tier=tier_of(permissions, known.mode))
    _note(known, on)
    _note(learned, on)
    on.practices.put(learned)
    return learned


def _note(practice: Practice, on: LearnServices) -> None:
    content = {
        "version": practice.version,
        "permissions": sorted(practice.permissions),
        "tier": practice.tier.value,
    }
    on.facts.note(practice.id, PRACTICE, CAPABILITIES, content, at=on.clock.now())


def _upstream(practice: Practice, *, by_fhir: bool) -> Literal["rest", "fhir", "auto"]:
    """How rows are read with these keys: as was said, or by FHIR where only FHIR took them."""
    return "fhir" if by_fhir else practice.upstream


def give_up(_: AppError, practice: Practice, on: ConnectServices) -> None:
    """Forget keys that were not proven, and close the record that was made for them."""
    on.vault.drop_pending(practice.id)
    on.practices.put(replace(practice, state="disabled"))
