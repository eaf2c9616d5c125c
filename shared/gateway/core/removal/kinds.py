"""Every kind of data that there is of a practice: what is erased, what stays, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """What is erased. `name` is the port's word for it, `tables` are where it lies."""

    name: str
    says: str
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stays:
    """What is not. `until` in words: of most of it the day depends on the deployment."""

    what: str
    why: str
    until: str
    tables: tuple[str, ...] = ()


ERASED: Final = (
    Kind(
        "clients", "the practice in the lists of clients that are no operators', and sessions by its keys", ("callers",)
    ),
    Kind("operations", "requests and writes with what they answered, and the keys that stand for them", ("ledger",)),
    Kind("mirror", "copies of the practice's rows, and how far they were", ("records",)),
    Kind("events", "what happened, and what was told of each row last", ("events",)),
    Kind("deliveries", "deliveries of webhooks", ("webhooks",)),
    Kind("copies", "rows that were kept for minutes", ("cache",)),
    Kind("holds", "times that callers keep", ("holds",)),
    Kind("runs", "runs of workflows with what they were started with, but the one that removes", ("runs",)),
    Kind("bodies", "requests, answers and calls of machines that are too long for a table"),
    Kind("groups", "the practice's place in a group", ("groups",)),
    Kind(
        "knowledge", "what was learned of the practice, exchanges of keys, fingerprints, its onboarding", ("practices",)
    ),
    Kind("pace", "how fast it may be called, and whether", ("pace",)),
)
"""In the order in which they go: what others are found by goes last."""

STAYS: Final = (
    Stays(
        "the audit trail and its archive: ids, never what was seen",
        "45 CFR 164.316(b)(2)(i)",
        "six years",
        ("audit", "audit_index"),
    ),
    Stays(
        "that the practice was connected and removed, its agreements, this certificate",
        "they are the evidence that access ended",
        "the deployment goes",
        ("practices",),
    ),
    Stays(
        "the practice's id in the lists of operators' clients, and in clients' own lists of what their webhooks want",
        "whoever asks for the trail needs the one; the other is the client's",
        "somebody changes them",
        ("callers", "webhooks"),
    ),
    Stays("the run that removed it", "how it went can be looked at", "90 days", ("runs",)),
    Stays("backups of the tables", "nobody can take something out of one", "35 days"),
    Stays("the bus's archive and what failed to be told, ids alone", "they end by themselves", "30 days; 35 days"),
    Stays("files of exports in your bucket", "they are yours", "you delete them"),
    Stays("the developer key", "other practices use it", "the last of them goes"),
)
