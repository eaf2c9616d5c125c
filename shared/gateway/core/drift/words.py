"""Why something cannot be done at a practice, and what would make it work: sentences for people who know the practice
and not this program. No health data, nobody's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.core.capability import price_tier, require
from gateway.core.drift.abilities import ABILITIES, QUERIES, Ability
from gateway.core.errors import PermissionMissing, VersionTooOld
from gateway.core.practices import Mode, Practice, Tier
from open_dental import catalogue


@dataclass(frozen=True, slots=True)
class Reason:
    """`code`: for programs. `remedy`: what would make it work; None where nothing is wrong that somebody could mend."""

    code: str
    explanation: str
    remedy: str | None = None


PACES: Final = {
    Tier.READ_ONLY: "once in 5 seconds",
    Tier.STANDARD: "once a second",
    Tier.ENTERPRISE: "twice a second",
    Tier.UNPACED: "without a pause",
}

REACHED: Final = {
    Mode.REMOTE: "through Open Dental's own service on the internet, which sets a pace, and the eConnector",
    Mode.SERVICE: "at the API service on the office's own server, from inside its network: no pace, and no FHIR",
    Mode.CLOUD: "as Remote, through Open Dental's own service on the internet, as all of Open Dental Cloud is",
    Mode.LOCAL: "not at all: Open Dental's Local mode answers only on the workstation that it runs on",
}
"""Source: https://www.opendental.com/site/apimodes.html."""


def lacking(practice: Practice, operation_id: str) -> Reason | None:
    """Why the practice's key or version does not have an operation; None: it has, or nothing is known against it."""
    try:
        require(practice, operation_id)
    except PermissionMissing:
        return without_permission(catalogue.operation(operation_id).permission)
    except VersionTooOld:
        since = catalogue.operation(operation_id).since
        return Reason(
            "version-too-old",
            f"the office runs Open Dental {practice.version}, and this came with {since}",
            f"update Open Dental at the office to {since} or later",
        )
    return None


def without_permission(permission: str) -> Reason:
    """What is said where the key lacks a permission."""
    price = price_tier(permission)
    offered = {
        "unknown": "ask Open Dental for a key with it",
        "special permission": "ask Open Dental for it: it is given to developers one by one",
        "0 USD": "ask Open Dental for a key with it: it is in the free tier",
    }.get(price, f"ask Open Dental for a key with it: {price} a location and month, at least")
    return Reason("permission-missing", f"the practice's API key lacks the permission {permission}", offered)


def hangs_on(permission: str) -> tuple[list[str], list[str]]:
    """What the API cannot do without a permission, and what it does less of: activities, in the table's order."""
    stops = [one.does for one in ABILITIES if permission in _permissions(one.needs)]
    shrinks = [one.does for one in ABILITIES if one.does not in stops and permission in _permissions(_helpful(one))]
    return stops, shrinks


def _permissions(operations: Iterable[str]) -> set[str]:
    return {catalogue.operation(one).permission for one in operations}


def _helpful(one: Ability) -> tuple[str, ...]:
    return (*one.helps, QUERIES) if one.queries is not None else tuple(one.helps)


MOST_NAMED: Final = 4


def several(names: Iterable[str]) -> str:
    """A list for a sentence; of many the first few, and how many more there are."""
    listed = list(dict.fromkeys(names))
    if len(listed) > MOST_NAMED + 1:
        listed = [*listed[:MOST_NAMED], f"{len(listed) - MOST_NAMED} more"]
    return " and ".join(filter(None, [", ".join(listed[:-1]), *listed[-1:]]))
