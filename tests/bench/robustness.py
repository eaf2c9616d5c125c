"""Requests that nobody thought of, of every operation that the API's description has, against the handlers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

from tests.bench.figures import NONE, Figure, Say, at_least
from tests.fakes.deployment import deployed
from tests.fakes.strangers import SCOPES, Walked, walk

EXAMPLES = 60
"""Right requests of each operation, and as many wrong ones."""

GROUPS = ("/resources/", "/fhir/", "/")
"""Each in a deployment of its own, the rest in the last."""


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Send them all, and say which were answered otherwise than described."""
    logging.disable(logging.CRITICAL)
    total = Walked()
    try:
        for group in GROUPS:
            with deployed() as office:
                office.grant(*SCOPES)
                total.add(walk(office, examples=2 if quick else EXAMPLES, chosen=partial(_is_in, group)))
            say(f"  {group}: {sum(total.statuses.values()):,} requests")
    finally:
        logging.disable(logging.NOTSET)
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
        beside=f"{len(total.succeeded)} operations succeeded at least once",
    )


def _is_in(group: str, name: str) -> bool:
    path = name.partition(" ")[2]
    return next(one for one in GROUPS if path.startswith(one)) == group
