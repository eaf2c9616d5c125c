"""Which plan an operation's kind stands for.

Names of functions as text: the worker imports a plan, and the models behind it, when a turn needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from gateway.core.plans import Outcome, PlanFunction
from gateway.core.practices import Practice

if TYPE_CHECKING:
    from gateway.core.errors import AppError
    from gateway.core.worker import WorkerServices


@dataclass(frozen=True, slots=True)
class Kind:
    """How operations of one kind are run.

    `plan`: `module:function`. `pending_keys`: it proves a pair of keys that the practice does not use yet; what Open
    Dental says to them trips no breaker. `other_way` is `(practice, on) -> Practice | None`: how it goes on where
    nobody answers at the first address. `settle` and `give_up` are `module:function` as well: what the worker does
    with the outcome, or with the error, before the operation settles; `(outcome or error, practice, on) -> None`.
    They may run more than once and must come to the same. `recheck` is `(call, request, on) -> None` and runs right
    before each write is marked and sent; what it raises is told to the plan, and nothing is sent. `afterwards` is
    `(request, on) -> None` and runs once the operation has succeeded, as a rule; nothing may hang on it. `elsewhere` is
    `(input) -> Way` and says by which way those calls go that the plan marks so; what is said there trips no breaker.
    """

    plan: str
    pending_keys: bool = False
    other_way: str | None = None
    settle: str | None = None
    give_up: str | None = None
    recheck: str | None = None
    afterwards: str | None = None
    elsewhere: str | None = None


_FETCHES = (
    "patients",
    "patient",
    "appointments",
    "appointment",
    "apptfields",
    "histappointments",
    "procedurelogs",
    "procedurelog",
    "claims",
    "claim",
    "claimprocs",
    "carriers_of_plans",
    "preferences",
)

_ROWS = (
    "adjustments",
    "allergies",
    "allergydefs",
    "appointmenttypes",
    "apptfielddefs",
    "benefits",
    "carriers",
    "claimpayments",
    "clinics",
    "codegroups",
    "commlogs",
    "covcats",
    "definitions",
    "diseasedefs",
    "diseases",
    "documents",
    "insplans",
    "inssubs",
    "insverifies",
    "medicationpats",
    "medications",
    "operatories",
    "patfielddefs",
    "patfields",
    "patplans",
    "payments",
    "payplancharges",
    "payplanlinks",
    "payplans",
    "paysplits",
    "perioexams",
    "periomeasures",
    "procedurecodes",
    "proctps",
    "providers",
    "recalls",
    "recalltypes",
    "schedules",
    "sheetfields",
    "sheets",
    "tasklists",
    "tasknotes",
    "tasks",
    "treatplanattaches",
    "treatplans",
)
"""Resources whose rows are read as they are listed, for families and what belongs to their objects."""

_MONEY = (
    "allocations",
    "balances",
    "family_splits",
    "payment",
    "payments_by_key",
    "payments_of_patient",
    "plan_parts",
)

KINDS: dict[str, Kind] = {
    **{f"fetch.{name}": Kind(f"gateway.core.fetches:{name}") for name in _FETCHES},
    **{f"fetch.{name}": Kind("gateway.core.fetches:rows") for name in _ROWS},
    **{f"fetch.{name}": Kind(f"gateway.core.money_fetches:{name}") for name in _MONEY},
    "fetch.slots": Kind("gateway.core.slots.plan:days"),
    "appointments.create": Kind(
        "gateway.core.writes.appointment:create",
        recheck="gateway.core.slots.heeding:recheck",
        afterwards="gateway.core.slots.heeding:let_go",
    ),
    "fetch.treatment_items": Kind("gateway.core.treatment_fetches:items"),
    "fetch.document_content": Kind("gateway.core.document_fetches:content"),
    "fetch.resource": Kind("gateway.core.resources.plans:fetch"),
    "resources.write": Kind("gateway.core.resources.plans:write"),
    "fetch.patient_360": Kind("gateway.core.patient_360:patient_360"),
    "fetch.day": Kind("gateway.core.day_fetches:day"),
    "appointments.update": Kind("gateway.core.writes.appointment_change:update"),
    "patients.create": Kind("gateway.core.writes.patient:create"),
    "patients.update": Kind("gateway.core.writes.patient:update"),
    "intakes.approve": Kind("gateway.core.intake.plan:approve"),
    "communications.create": Kind("gateway.core.writes.communication:create"),
    "recalls.update": Kind("gateway.core.writes.recall:update"),
    "claims.create": Kind("gateway.core.writes.claim:create"),
    "claims.update": Kind("gateway.core.writes.claim:update"),
    "procedures.create": Kind("gateway.core.writes.procedure:create"),
    "procedures.update": Kind("gateway.core.writes.procedure:update"),
    "payments.refund": Kind("gateway.core.writes.refund:refund"),
    "payments.create_for_patient": Kind("gateway.core.writes.payment:create_for_patient"),
    "payments.create_for_claim": Kind("gateway.core.writes.insurance:create_for_claim"),
    "practices.fallback": Kind(
        "gateway.core.fallback:plan",
        settle="gateway.core.fallback:settle",
        elsewhere="gateway.core.fallback:way_said",
    ),
    "practices.connect": Kind(
        "gateway.core.connect:plan",
        pending_keys=True,
        other_way="gateway.core.connect:by_the_other_way",
        settle="gateway.core.connect:settle",
        give_up="gateway.core.connect:give_up",
    ),
}

Settle = Callable[["Outcome", Practice, "WorkerServices"], None]
GiveUp = Callable[["AppError", Practice, "WorkerServices"], None]


NOBODYS = Kind("")
"""Stands for a kind that this release does not know."""


def plan_function(kind: Kind) -> PlanFunction:
    """The plan, imported now."""
    return cast("PlanFunction", imported(kind.plan))


def imported(path: str) -> Any:
    """What `module:name` stands for."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def as_pending(practice: Practice) -> Practice:
    """The practice as the upstream port takes it when the pending pair of keys is meant."""
    return replace(practice, state="pending")
