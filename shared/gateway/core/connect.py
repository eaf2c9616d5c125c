"""Connecting a practice: proving a pair of keys, and what becomes of the practice's record then.

Proving is a turn like any other call (`practices.connect`); the worker runs `settle` or `give_up` before the operation
settles. Both may run more than once and come to the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal, Protocol

from gateway.core.drift.known import Drifts
from gateway.core.drift.learning import PROGRAM_VERSION, permissions_of, tell, tier_of, version_of
from gateway.core.errors import AppError, KeyNotUsable, NotFound, PermissionMissing, Unavailable
from gateway.core.events.facts import Facts
from gateway.core.plans import Outcome, Plan, PlanContext, UpstreamCall
from gateway.core.ports import Clock, Practices, Vault
from gateway.core.practices import Mode, Practice, Tier

KIND = "practices.connect"


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
    @property
    def drifts(self) -> Drifts: ...


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
        answer = yield UpstreamCall("preferences.list", query={"PrefName": PROGRAM_VERSION})
        version = version_of(answer.rows)
    tier = tier_of(permissions, context.practice.mode)
    learned = {"permissions": sorted(permissions), "tier": tier.value, "version": version, "by_fhir": by_fhir}
    return Outcome(body=learned, created=True)


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
        # Whether the other way that was said leads to the same office nobody has seen.
        fallback=None,
        connected_at=on.practices.get(practice.id).connected_at or on.clock.now(),
    )
    # The measure of later changes; whoever finds none makes one, so that a practice is not kept waiting for this.
    with suppress(Unavailable):
        tell(connected, on.drifts.load(practice.id).parts, on)
    on.practices.put(connected)


def _upstream(practice: Practice, *, by_fhir: bool) -> Literal["rest", "fhir", "auto"]:
    """How rows are read with these keys: as was said, or by FHIR where only FHIR took them."""
    return "fhir" if by_fhir else practice.upstream


def by_the_other_way(practice: Practice, on: ConnectServices) -> Practice | None:
    """The practice as it is asked now that nobody answered by its first way; None where no other was said."""
    way = practice.fallback
    if way is None:
        return None
    other = replace(
        practice,
        mode=way.mode,
        base_url=way.base_url,
        network=way.network,
        tier=tier_of(frozenset(), way.mode),
        fallback=None,
    )
    on.practices.put(other)
    return other


def give_up(_: AppError, practice: Practice, on: ConnectServices) -> None:
    """Forget keys that were not proven, and close the record that was made for them."""
    on.vault.drop_pending(practice.id)
    on.practices.put(replace(practice, state="disabled"))
