"""What has changed at a practice between two looks, as its event tells it: a code and a sentence each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from gateway.core.drift.known import Oddity
from gateway.core.drift.words import PACES, hangs_on, several, without_permission
from gateway.core.practices import Practice, Tier
from open_dental.versions import Version


class Change(NamedTuple):
    """`part`: which member of the fact it is of. `explanation` has no health data, no name of a person and no value."""

    part: str
    code: str
    explanation: str


CODES: Final = (
    "version-changed",
    "permission-lost",
    "permission-gained",
    "tier-changed",
    "page-limit-changed",
    "clinics-changed",
    "definitions-changed",
    "fields-new",
    "fields-missing",
    "fields-retyped",
    "held-back",
    "pace-recovered",
    "clock-wrong",
    "clock-right",
    "way-changed",
)
"""All that a change may be called."""

SLOWED: Final = "slowed"
KEPT: Final = "kept"
AGREES: Final = "agrees"
DISAGREES: Final = "disagrees"

_MOST: Final = 20
"""Changes that one event tells: whoever needs more asks for the practice's capabilities."""


def changes_between(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """What is another than it was, of the fact `capabilities`. What was not known before is no news."""
    return [
        one
        for part, tells in _PARTS.items()
        if was.get(part) is not None and now.get(part) is not None and was[part] != now[part]
        for one in tells(was, now)
    ][:_MOST]


def _version(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    old, new = was["version"], now["version"]
    try:
        newer = Version.parse(new) > Version.parse(old)
        older = Version.parse(new) < Version.parse(old)
    except ValueError:
        newer = older = False
    how = "was updated" if newer else "was taken back" if older else "changed"
    told = f"Open Dental {how} at the office from {old} to {new}"
    more = "; what came with versions between them works from now on" if newer else ""
    yield Change("version", "version-changed", f"{told}{more if not older else ': what came since may not work'}.")


def _permissions(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    old, new = set(was["permissions"]), set(now["permissions"])
    for name in sorted(old - new):
        stops, shrinks = hangs_on(name)
        broken = [
            f"{several(stops)} no longer work" if stops else "",
            f"less comes of {several(shrinks)}" if shrinks else "",
        ]
        means = "; ".join(filter(None, broken)) or "nothing that the gateway offers depends on it"
        remedy = without_permission(name).remedy
        yield Change(
            "permissions",
            "permission-lost",
            f"The practice's API key lost the permission {name}: {means}. To bring it back, {remedy}.",
        )
    for name in sorted(new - old):
        stops, shrinks = hangs_on(name)
        means = f"it is needed for {several([*stops, *shrinks])}" if stops or shrinks else "nothing depends on it"
        yield Change(
            "permissions", "permission-gained", f"The practice's API key has the permission {name} now: {means}."
        )


def _tier(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    old, new = PACES[Tier(was["tier"])], PACES[Tier(now["tier"])]
    yield Change("tier", "tier-changed", f"The practice may be called {new} from now on; before, it was {old}.")


def _page_limit(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    told = (
        f"Open Dental sends lists of this practice in pages of {now['page_limit']} rows, before of {was['page_limit']}"
    )
    yield Change("page_limit", "page-limit-changed", f"{told}: long lists take another number of calls.")


def _clinics(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    old, new = was.get("clinics_count"), now.get("clinics_count")
    count = f": there are {new} now, and were {old}" if old != new else ""
    yield Change("clinics", "clinics-changed", f"The office changed its list of clinics (locations){count}.")


def _definitions(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    old, new = was["definitions"], now["definitions"]
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    yield Change("definitions", "definitions-changed", f"The office changed its own definitions: {several(changed)}.")


_SHAPES: Final = {
    Oddity.NEW: ("fields-new", "have {} that the gateway does not know; nothing of them is shown but raw"),
    Oddity.MISSING: ("fields-missing", "lack {} that they should have; what is made of them is left out"),
    Oddity.RETYPED: (
        "fields-retyped",
        "have {} that cannot be read as what they were; what is made of them is left out",
    ),
}


def _shapes(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for operation, differs in sorted(now["shapes"].items()):
        before = was["shapes"].get(operation, {})
        for kind, (code, said) in _SHAPES.items():
            news = set(differs.get(kind, ())) - set(before.get(kind, ()))
            if news:
                # Names that the catalogue has are ours to tell; others are whatever the office sent.
                named = several(sorted(news)) if kind is not Oddity.NEW else ""
                count = f"{len(news)} field{'s' if len(news) > 1 else ''}"
                what = f"{count} ({named})" if named else count
                yield Change("shapes", code, f"Rows of {operation} {said.format(what)}.")


def _throttle(_: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    if now["throttle"] == SLOWED:
        told = "Open Dental has asked for pauses for more than an hour, though the practice's pace was kept"
        yield Change("throttle", "held-back", f"{told}: it is called less often, and somebody else may use its key.")
    else:
        yield Change("throttle", "pace-recovered", "Open Dental takes calls of this practice at its full pace again.")


def _clock(_: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    if now["clock"] == DISAGREES:
        told = "The clock of the office's server does not go by the time zone that the practice was connected with"
        yield Change("clock", "clock-wrong", f"{told}, or is wrong; GET /practices/{{id}}/sync says by how much.")
    else:
        yield Change("clock", "clock-right", "The clock of the office's server goes by the practice's time zone again.")


def _way(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    told = f"The office answers by its {now['way']} way now ({now['mode']}), and no more by its {was['way']} one"
    yield Change("way", "way-changed", f"{told}: pages, pace and what is told by itself are that way's.")
    if was.get("mode") != now.get("mode"):
        yield Change("mode", "way-changed", f"It is called in another mode: {now['mode']}, before {was['mode']}.")


def lost_since(before: Mapping[str, Any], was: Practice, now: Practice) -> dict[str, Any]:
    """What the practice could once do and cannot now: `permissions`, and the newest `version` where it is older now.

    `before`: the same at the look before. What is back is not in it.
    """
    permissions = (set(before.get("permissions", ())) | was.permissions) - now.permissions
    versions = [one for one in (before.get("version"), was.version) if one is not None and _is_newer(one, now.version)]
    return {"permissions": sorted(permissions), "version": max(versions, key=Version.parse, default=None)}


def _is_newer(one: str, than: str | None) -> bool:
    try:
        return than is not None and Version.parse(one) > Version.parse(than)
    except ValueError:
        return False


def standing(now: Mapping[str, Any], practice: Practice) -> dict[str, int]:
    """What stands at the last look and should not: code -> how many fields or permissions it is of, 1 where it is of
    none. The words are those of changes."""
    lost = lost_since(now.get("lost", {}), practice, practice)
    found = {
        code: sum(len(differs.get(kind, ())) for differs in now.get("shapes", {}).values())
        for kind, (code, _) in _SHAPES.items()
    }
    found["permission-lost"] = len(lost["permissions"])
    found["version-changed"] = int(lost["version"] is not None)
    found["held-back"] = int(now.get("throttle") == SLOWED)
    found["clock-wrong"] = int(now.get("clock") == DISAGREES)
    return {code: count for code, count in found.items() if count}


_PARTS: Final = {
    "way": _way,
    "version": _version,
    "permissions": _permissions,
    "tier": _tier,
    "page_limit": _page_limit,
    "clinics": _clinics,
    "definitions": _definitions,
    "shapes": _shapes,
    "throttle": _throttle,
    "clock": _clock,
}

PARTS: Final = frozenset(_PARTS)
