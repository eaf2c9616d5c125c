"""What a behaviour of the practice is written against: the request, the office, and how to refuse.

A behaviour module does

    @handles("appointments.Break")
    def break_appointment(office: Office, request: Request) -> Reply: ...

    @before("fees.delete")
    def keep_group_fees(office: Office, request: Request) -> None: ...

    @after("payments.create")
    def split_payment(office: Office, request: Request, key: int) -> None: ...

All run inside one database transaction; an exception rolls everything back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.sandbox.practice.facts import Operation
from infra.sandbox.practice.keys import ApiKey
from infra.sandbox.practice.office import Office

__all__ = [
    "GUARDS",
    "HANDLERS",
    "HOOKS",
    "Guard",
    "Handler",
    "Hook",
    "Office",
    "Rejected",
    "Reply",
    "Request",
    "after",
    "before",
    "handles",
]


@dataclass(frozen=True, slots=True)
class Request:
    """One call that passed every check before the business rules.

    `path` holds the URL ids as text, `query` and `body` what the client sent in wire form, without the names that the
    office's version does not know yet.
    """

    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    key: ApiKey

    def id(self) -> int:
        """The first id of the URL as a number. Raises Rejected 400 if it is not one."""
        text = next(iter(self.path.values()), "")
        if not text.removeprefix("-").isdigit() or abs(int(text)) >= 2**63:
            raise Rejected(400, f"{next(iter(self.path), 'Id')} is invalid.")
        return int(text)


class Rejected(Exception):
    """The practice refuses; `text` becomes the answer's body, a bare JSON string."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in wire form; None is an empty body. `location` is sent in Remote mode only."""

    status: int
    body: Any = None
    location: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Office, Request], Reply]
Hook = Callable[[Office, Request, int], None]
Guard = Callable[[Office, Request], None]

HANDLERS: dict[str, Handler] = {}
HOOKS: dict[str, list[Hook]] = {}
GUARDS: dict[str, list[Guard]] = {}


def handles(operation_id: str) -> Callable[[Handler], Handler]:
    """Answer `operation_id` by the decorated function instead of the generic behaviour."""

    def register(handler: Handler) -> Handler:
        if operation_id in HANDLERS:
            raise ValueError(f"{operation_id} has a handler already")
        HANDLERS[operation_id] = handler
        return handler

    return register


def before(*operation_ids: str) -> Callable[[Guard], Guard]:
    """Run the decorated function before these operations' own work; it refuses by raising Rejected."""

    def register(guard: Guard) -> Guard:
        for operation_id in operation_ids:
            GUARDS.setdefault(operation_id, []).append(guard)
        return guard

    return register


def after(operation_id: str) -> Callable[[Hook], Hook]:
    """Run the decorated function after the generic write of `operation_id`, before its row is rendered."""

    def register(hook: Hook) -> Hook:
        HOOKS.setdefault(operation_id, []).append(hook)
        return hook

    return register
