"""Which adapter fills which port, in Lambda and in tests.

`services()` is what handlers hand to use cases as `on`. Nothing is built at import: a port's adapter is made, and its
SDK imported, when it is first used.
"""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from gateway.wiring.aws import AwsServices
from gateway.wiring.held import Held

if TYPE_CHECKING:
    from gateway.core import ports
    from gateway.core.audiences.records import Audiences
    from gateway.core.groups.records import Groups
    from gateway.core.intake.records import Intakes


class Services(AwsServices):
    """Fills `core.ports.Services`."""

    @cached_property
    def stage(self) -> str:
        """The deployment's stage."""
        return os.environ["STAGE"]

    @cached_property
    def client_requests_per_minute(self) -> int:
        """The stage's limit of a client."""
        return int(os.environ["CLIENT_REQUESTS_PER_MINUTE"])

    @cached_property
    def groups(self) -> Groups:
        """Groups of practices."""
        from gateway.adapters.groups import DynamoGroups

        return DynamoGroups(self._dynamodb, table=os.environ["GROUPS_TABLE"])

    @cached_property
    def audiences(self) -> Audiences:
        """People found by filters."""
        from gateway.adapters.audiences import DynamoAudiences

        return DynamoAudiences(self._dynamodb, table=os.environ["AUDIENCES_TABLE"])

    @cached_property
    def intakes(self) -> Intakes:
        """What was decided of patients' forms."""
        from gateway.adapters.intakes import DynamoIntakes

        return DynamoIntakes(self._dynamodb, table=os.environ["INTAKES_TABLE"])

    @cached_property
    def operations(self) -> ports.Operations:
        """The ledger."""
        return self._ledger

    @cached_property
    def paces(self) -> ports.Paces:
        """The practices' pace."""
        return self._pace


_held: Held[ports.Services] = Held(Services)


def services() -> ports.Services:
    """All ports of this process."""
    return _held()


@contextmanager
def using(other: ports.Services) -> Iterator[None]:
    """Let `services()` hand out `other` while this lasts; for tests and for the replay of events."""
    before = _held.use(other)
    try:
        yield
    finally:
        _held.use(before)
