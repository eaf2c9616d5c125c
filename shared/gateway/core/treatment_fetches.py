"""The fetch plan of what treatment plans propose: several lists that belong together, in one turn.

As `core.fetches` says; nothing is normalized here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.fetches import collect, collect_each, knows, none_if_not_found
from gateway.core.plans import Outcome, Plan, PlanContext

ESTIMATES_SINCE = ("claimprocs.list", "ProcNum")
"""From that version on (23.2.16) claim lines can be asked for by patient alone."""


def items(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """What plans propose: `live` and `saved` are keys of plans, `patients` the patients of the live ones.

    Saved plans hold copies: a call each. Live ones point to procedures: a call each, and for each patient one or more
    for the procedures and, in offices that can be asked so, for the estimates.

    Sources: https://www.opendental.com/site/apitreatplanattaches.html, apiproctps.html, apiprocedurelogs.html and
    apiclaimprocs.html there.
    """
    practice = context.practice
    rows: dict[str, list[Mapping[str, Any]]] = {"treatplanattaches": [], "proctps": [], "procedurelogs": []}
    for number in input_["saved"]:
        rows["proctps"] += yield from none_if_not_found(collect("proctps.list", {"TreatPlanNum": number}, practice))
    for number in input_["live"]:
        steps = collect("treatplanattaches.list", {"TreatPlanNum": number}, practice)
        rows["treatplanattaches"] += yield from none_if_not_found(steps)
    queries = [{"PatNum": number} for number in input_["patients"]]
    if not rows["treatplanattaches"]:
        return Outcome(rows=rows)
    for query in queries:
        steps = collect_each("procedurelogs.list", [query], "ProcNum", practice)
        rows["procedurelogs"] += yield from none_if_not_found(steps)
    if knows(practice, *ESTIMATES_SINCE):
        rows["claimprocs"] = []
        for query in queries:
            steps = collect_each("claimprocs.list", [query], "ClaimProcNum", practice)
            rows["claimprocs"] += yield from none_if_not_found(steps)
    return Outcome(rows=rows)
