"""SnapStart: what is imported before the snapshot is taken, so that no restored environment imports it again."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

FIRST_REQUEST = (
    "botocore.config",
    "botocore.credentials",
    "botocore.endpoint",
    "botocore.httpsession",
    "botocore.parsers",
    "botocore.session",
    "concurrent.futures.thread",
    "gateway.adapters.agreements",
    "gateway.adapters.audit",
    "gateway.adapters.bodies",
    "gateway.adapters.cache",
    "gateway.adapters.callers",
    "gateway.adapters.calls",
    "gateway.adapters.clock",
    "gateway.adapters.drifts",
    "gateway.adapters.events.log",
    "gateway.adapters.fleet",
    "gateway.adapters.groups",
    "gateway.adapters.holds",
    "gateway.adapters.ledger",
    "gateway.adapters.machines",
    "gateway.adapters.mirror.records",
    "gateway.adapters.mirror.syncs",
    "gateway.adapters.pace",
    "gateway.adapters.practices",
    "gateway.adapters.reconciliations",
    "gateway.adapters.rotations",
    "gateway.adapters.runs",
    "gateway.adapters.service_data",
    "gateway.adapters.signer",
    "gateway.adapters.vault",
    "gateway.core.baa.records",
    "gateway.core.mirror.answers",
)
"""What the ports of the HTTP functions are made of. boto3 is not there: only its lower half is used."""


def prepare(modules: Iterable[str] = FIRST_REQUEST) -> None:
    """Have `modules` imported when Lambda takes its snapshot; without SnapStart nothing happens.

    Modules only: a client, a key or a random seed made before would be the same in every restored environment.
    """
    try:
        hooks = import_module("snapshot_restore_py")
    except ImportError:
        # Only Lambda's runtime has it.
        return
    hooks.register_before_snapshot(import_all, tuple(modules))


def import_all(modules: Iterable[str]) -> None:
    """Import each of `modules`."""
    for name in modules:
        import_module(name)
