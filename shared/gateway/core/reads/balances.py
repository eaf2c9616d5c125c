"""Reading balances: what the account module says of a family. There are no rows, so no engine of families either."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import FilterTooWide
from gateway.core.ids import parse_row_id
from gateway.core.money_fetches import FAMILY
from gateway.core.normalize.accounts import aged_on, balance
from gateway.core.normalize.values import key
from gateway.core.ports import Services
from gateway.core.reads.lists import Pager, Reading, Row, key_of, keys_of, practice_of
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery
from gateway.core.requests import Freshness

_NEEDED = ("accountmodules.PatientBalances", "accountmodules.Aging", "preferences.list")


class BalanceQuery(ObjectQuery):
    """What one balance can be asked for."""


class BalancesQuery(ListQuery):
    """Filters of `GET /balances`. `updated_since` bounds nothing: a balance has no stamp."""

    patient_id: Id | None = None
    """Whose family is meant."""
    expand: list[Literal["estimated"]] = Field(default=[], max_length=1)
    """`estimated` costs a call a member."""


def list_balances(query: BalancesQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """The balances of a patient's family, one a member: three calls. With `estimated` one more for each other member.

    Raises:
        FilterTooWide: no patient is named. NotFound, Invalid, PermissionMissing, VersionTooOld, and what `allow` and
        `requests.fetch` raise.
    """
    practice = practice_of(query, "balances", caller=caller, on=on)
    pager = Pager(query, "balances", practice, on=on)
    patient = key_of(query.patient_id, "patient", practice, param="patient_id")
    keys = keys_of(query, "patient", practice)
    if patient is None:
        raise FilterTooWide("send patient_id: a balance is a family's", bounds=["patient_id"])
    require(practice, *_NEEDED)
    reading = Reading(practice, caller, freshness, on)
    found = reading.rows("fetch.balances", {"keys": [patient]}, of="patient_id")
    members = found["accountmodules.PatientBalances"]
    aged = {patient: found["accountmodules.Aging"][0]}
    own = {key(row.get("PatNum")): row for row in members if row.get("Name") != FAMILY}
    among = None if keys is None else frozenset(keys)
    page = pager.cut(
        (row for number, row in own.items() if among is None or number in among), lambda row: (key(row.get("PatNum")),)
    )
    expanded = "estimated" in query.expand
    others = [number for row in page.rows if (number := key(row.get("PatNum"))) != patient]
    if expanded and others:
        more = reading.rows("fetch.balances", {"keys": others, "aging_only": True})
        aged |= {key(row.get("PatNum")): row for row in more["accountmodules.Aging"]}
    raw, shown = "raw" in query.include, aged if expanded else {}
    data = [_shown(key(row.get("PatNum")), found, shown, reading, aging=aged[patient], raw=raw) for row in page.rows]
    return page.envelope(data, reading.meta(() if expanded else ("estimated",)))


def get_balance(
    patient_id: str, query: BalanceQuery | None = None, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """One patient's balance, and the family's: three calls.

    Raises:
        NotFound: no such patient, or another's. PermissionMissing, VersionTooOld, and what `allow` and
        `requests.fetch` raise.
    """
    query = query or BalanceQuery()
    named = parse_row_id(patient_id, "patient")
    practice = allow(caller, named.practice_id, "balances", Verb.READ, on=on)
    require(practice, *_NEEDED)
    reading = Reading(practice, caller, freshness, on)
    found = reading.rows("fetch.balances", {"keys": [named.key]})
    aging = found["accountmodules.Aging"][0]
    shown = _shown(named.key, found, {named.key: aging}, reading, aging=aging, raw="raw" in query.include)
    return {**shown, "meta": reading.meta(())}


def _shown(
    patient: int, found: Any, aged: dict[int, Row], reading: Reading, *, aging: Row, raw: bool
) -> dict[str, Any]:
    return balance(
        patient,
        practice=reading.practice,
        synced_at=reading.as_of,
        members=found["accountmodules.PatientBalances"],
        aging=aging,
        own_aging=aged.get(patient),
        aged_on=aged_on(found["preferences"]),
        family=FAMILY,
        raw=raw,
    )
