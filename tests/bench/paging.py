"""The simulated practice answers a far page nearly as fast as the first one.

Open Dental's lists are read by Offset. A practice whose far pages take longer would make every full pass look slower
than it is, and a paging bug look like a slow office.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from infra.sandbox.practice.measure import paging_ratio
from tests.bench.figures import Figure, Say, at_most

ALLOWED_RATIO, ALLOWED_S = 1.5, 0.020


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Offset 400,000 of 500,000 rows against Offset 0, over HTTP: a list in the order of its keys, and one by time."""
    rows, offset = (50_000, 40_000) if quick else (500_000, 400_000)
    orders: tuple[tuple[Literal["key", "time"], str], ...] = (("key", "patients"), ("time", "appointments"))
    for order, of in orders:
        say(f"  {rows:,} {of}")
        found = paging_ratio(rows=rows, offset=offset, order=order)
        near, far, cold = found["near_s"] * 1000, found["far_s"] * 1000, found["cold_s"] * 1000
        allowed = ALLOWED_RATIO * near + ALLOWED_S * 1000
        beside = f"{far / near:.2f} x the {near:.3g} ms of Offset 0; allowed 1.5 x + 20 ms"
        yield Figure("paging", f"Offset {offset:,} of {rows:,} {of}", far, "ms", at_most(allowed), beside)
        yield Figure("paging", f"the very first page there, {of}", cold, "ms", beside="nothing remembered yet")
