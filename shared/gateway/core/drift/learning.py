"""What an answer says of a practice's key and version becomes the practice's record, and what has changed is told.

The one place where either happens: whoever connects a practice, finds it again after an outage or looks once a day
comes here. It is told before it is stored, so that who dies in between hears the same the next time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from gateway.core.events.facts import PRACTICE, Facts
from gateway.core.ports import Clock
from gateway.core.practices import Mode, Practice, Tier
from open_dental.versions import Version

CAPABILITIES: Final = "capabilities"
"""The key of the fact that says what may be done at a practice."""

PROGRAM_VERSION: Final = "ProgramVersion"

_PREFIX: Final = "Api"


class TellServices(Protocol):
    """The ports that telling needs."""

    @property
    def clock(self) -> Clock: ...
    @property
    def facts(self) -> Facts: ...


def permissions_of(rows: list[dict[str, Any]]) -> frozenset[str]:
    """The permissions a key has, as the catalogue spells them (`ApiReadAll` is `ReadAll`).

    Source: https://www.opendental.com/site/apisecurityperms.html
    """
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


def version_of(rows: list[dict[str, Any]]) -> str | None:
    """The office's version out of its preferences; None where it is not said, or is none.

    Source: https://www.opendental.com/site/apipreferences.html
    """
    said = next((str(row.get("ValueString")) for row in rows if row.get("PrefName") == PROGRAM_VERSION), "")
    try:
        return str(Version.parse(said))
    except ValueError:
        return None


def with_heard(
    practice: Practice, *, permissions: frozenset[str] = frozenset(), version: str | None = None
) -> Practice:
    """The practice with what was just heard of it, and the tier that its permissions have; nothing heard, no change."""
    if version is not None:
        practice = replace(practice, version=version)
    # By REST a key that is read by FHIR may do nothing, or what it may was not asked for.
    if permissions and practice.upstream != "fhir":
        practice = replace(practice, permissions=permissions, tier=tier_of(permissions, practice.mode))
    return practice


def tell(practice: Practice, parts: Mapping[str, Any], on: TellServices) -> None:
    """Have it known what may be done at the practice, by its record and `parts` of other knowledge (`Known.parts`).

    The first is what later changes are measured by. Raises: Unavailable.
    """
    content = {
        **parts,
        "version": practice.version,
        "permissions": sorted(practice.permissions),
        "tier": practice.tier.value,
    }
    on.facts.note(practice.id, PRACTICE, CAPABILITIES, content, at=on.clock.now())
