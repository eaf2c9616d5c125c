"""Requests that nobody thought of, of every operation that the API's description has, against the handlers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

from tests.bench.figures import NONE, Figure, Say, at_least
from tests.fakes.deployment import deployed
from tests.fakes.mirroring import mirror
from tests.fakes.seeds import UNREACHED, furnish
from tests.fakes.strangers import SCOPES, Walked, walk

GROUPS = {"/resources/": (12, 6), "/fhir/": (24, 12), "/": (48, 24)}
"""How many right and how many wrong requests of each operation; each group in a deployment of its own, the rest in the
last, which has a mirror and a second practice. Most of the first are one code over another row of a table."""


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Send them all, and say which were answered otherwise than described."""
    logging.disable(logging.CRITICAL)
    total = Walked()
    try:
        for group, (right, wrong) in GROUPS.items():
            # Of its age hangs what an office can be asked by its own names.
            newest = ["--version", "26.3.1.0"] if group == "/resources/" else []
            with deployed(*newest, practices=2 if group == "/" else 1) as office:
                office.grant(*SCOPES)
                furnish(office)
                if group == "/":
                    mirror(office)
                sizes = {"examples": 4, "wrong": 2} if quick else {"examples": right, "wrong": wrong}
                walked = walk(office, **sizes, chosen=partial(_is_in, group))
            say(f"  {group}: {sum(walked.statuses.values()):,} requests of {len(walked.answers)} operations")
            total.add(walked)
    finally:
        logging.disable(logging.NOTSET)
    for line in total.lines():
        say(f"  {line}")
    for name in total.never:
        say(f"  never answered 2xx: {name}: {UNREACHED.get(name) or total.refusals.get(name)}")
    for name, what in total.faults.items():
        say(f"{name}\n{what}")
    sent = sum(total.statuses.values())
    yield Figure("robustness", "requests made of the description", sent, goal=at_least(1))
    broken = sum(count for status, count in total.statuses.items() if status >= 500)
    yield Figure("robustness", "answered 500 or above", broken, goal=NONE)
    yield Figure(
        "robustness",
        "operations with an answer that is not as described, or a wrong request that is taken",
        len(total.faults),
        goal=NONE,
    )
    never = set(total.never)
    ours = {name for name in never if not _is_in("/resources/", name)}
    yield Figure(
        "robustness",
        "operations of our own and of FHIR that never succeeded, without a known reason",
        len(ours - UNREACHED.keys()),
        goal=None if quick else NONE,
        beside=f"of all {len(total.answers)} operations {len(total.answers) - len(never)} did; told above why not",
    )
    yield Figure(
        "robustness",
        "of the answers: 2xx",
        sum(count for status, count in total.statuses.items() if status < 300) / sent,
        "%",
        beside=", ".join(f"{status} {count:,}" for status, count in sorted(total.statuses.items())),
    )


def _is_in(group: str, name: str) -> bool:
    path = name.partition(" ")[2]
    return next(one for one in GROUPS if path.startswith(one)) == group
