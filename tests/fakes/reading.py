"""An office whose lists filter, page and order like Open Dental's, behind services that work a turn off at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.core.office_words import Table, input_of
from gateway.core.operations import RowSet, Turn
from gateway.core.plans import UpstreamCall
from gateway.core.practices import Practice, Tier
from gateway.core.registry import KINDS
from gateway.core.requests import key_of_fetch
from open_dental import errors
from tests.fakes.office import FakePractice
from tests.fakes.rows import WINDOW_COLUMNS
from tests.fakes.services import ELM_STREET, FakeCalls, FakeServices
from tests.fakes.world import World

_KEYS = {
    "patients": "PatNum",
    "appointments": "AptNum",
    "procedurelogs": "ProcNum",
    "claims": "ClaimNum",
    "claimprocs": "ClaimProcNum",
    "insplans": "PlanNum",
    "carriers": "CarrierNum",
    "histappointments": "HistApptNum",
    "definitions": "DefNum",
    "preferences": "PrefNum",
    "appointmenttypes": "AppointmentTypeNum",
    "procedurecodes": "CodeNum",
}
_ANYWHERE = {"LName", "FName", "Email"}
_LATER = {"DateTStamp", "SecDateTEdit"}
_NO_FILTER = {"showArchived", "hideInactive", "includeHidden", "Limit", "Offset"}


class ReadingOffice(FakePractice):
    """Rows by resource. `ignores` are parameters that this office's version does not know, and says nothing of."""

    ignores: frozenset[str] = frozenset()
    ignores_offset = False
    page_limit = 100

    def _do(self, call: UpstreamCall) -> Any:
        resource, _, verb = call.operation.partition(".")
        rows = self.rows[resource]
        if verb == "get":
            found = [row for row in rows if row[_KEYS[resource]] == call.path[_KEYS[resource]]]
            if not found:
                raise errors.NotFound(operation=call.operation, status=404)
            return {name: value for name, value in found[0].items() if name != "serverDateTime"}
        if call.operation == "patients.list":
            rows = [{column: row[column] for column in WINDOW_COLUMNS} for row in rows if row["PatStatus"] != "Deleted"]
        if call.operation == "patients.Simple":
            rows = [row for row in rows if row["PatStatus"] != "Deleted"]
        for name, value in call.query.items():
            if name not in self.ignores:
                rows = [row for row in rows if _fits(row, name, value)]
        own_key = _KEYS[resource]
        rows = sorted(rows, key=lambda row: int(row[own_key]), reverse=resource == "procedurelogs")
        if resource == "appointments":
            rows = sorted(rows, key=lambda row: (row["AptDateTime"], row["AptNum"]))
        offset = 0 if self.ignores_offset else int(call.query.get("Offset", 0))
        limit = min(int(call.query.get("Limit", 100)), self.page_limit)
        return [dict(row) for row in rows[offset : offset + limit]]


def _fits(row: dict[str, Any], name: str, value: Any) -> bool:
    if name in _NO_FILTER:
        return True
    if name == "Phone":
        texts = (row["HmPhone"], row["WkPhone"], row["WirelessPhone"])
        return any(value in "".join(letter for letter in text if letter.isdigit()) for text in texts)
    if name == "dateStart":
        return bool(row["AptDateTime"][:10] >= value)
    if name == "dateEnd":
        return bool(row["AptDateTime"][:10] <= value)
    if name in _ANYWHERE:
        return str(value).casefold() in str(row[name]).casefold()
    if name in _LATER:
        return bool(row[name] >= value)
    return str(row[name]) == str(value)


class PromptCalls(FakeCalls):
    """A queue that is worked off before `put` returns."""

    world: World | None = None

    def put(self, turn: Turn, *, network: str) -> None:
        """See `Calls.put`."""
        super().put(turn, network=network)
        while self.world is not None and self.world.work():
            pass


NORTH: Practice = replace(ELM_STREET, tier=Tier.ENTERPRISE, version="25.3.12.0", time_zone="America/New_York")


class ReadingServices(FakeServices):
    """Services over `ReadingOffice`s."""

    @property
    def office(self) -> ReadingOffice:
        """The first practice's Open Dental."""
        office = self.offices[self.practices_[0].id]
        assert isinstance(office, ReadingOffice)
        return office


def reading_services(*practices: Practice, knows_words: bool = True) -> ReadingServices:
    """Services in which every turn is worked off as soon as it is queued.

    `knows_words`: the (empty) lists of what the offices call things have been read before.
    """
    on = ReadingServices(practices or (NORTH,))
    on.calls = PromptCalls(on.clock)
    for practice in on.practices_:
        office = ReadingOffice(on.clock, execution_s=0.01)
        office.page_limit = practice.page_limit
        on.offices[practice.id] = office
        for table in Table if knows_words else ():
            cache_key = key_of_fetch(f"fetch.{table}", input_of(table), practice=practice, reference=True)
            on.cache.put(practice.id, cache_key, RowSet({table.value: []}, on.clock.now(), 1))
    on.calls.world = World(on, KINDS)
    return on
