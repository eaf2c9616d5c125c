from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from infra.sandbox.practice import behaviours, facts, generic, schema, short_query
from infra.sandbox.practice.clock import FrozenClock
from infra.sandbox.practice.handlers import Rejected, Request
from infra.sandbox.practice.keys import ApiKey
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.seed import seed
from infra.sandbox.practice.store import Store

_REGISTERED = (behaviours, short_query)
NOW = datetime(2026, 11, 24, 10, 0)  # noqa: DTZ001  (an office's wall clock; a Tuesday)
TODAY = "2026-11-24"


@dataclass
class Desk:
    """An office without patients, and a hand that calls it."""

    office: Office

    @property
    def store(self) -> Store:
        return self.office.store

    @property
    def clock(self) -> FrozenClock:
        assert isinstance(self.office.clock, FrozenClock)
        return self.office.clock

    def ask(self, operation: str, *ids: int, body: Any = None, **query: object) -> Any:
        """The body of the answer, which must be a success."""
        told = facts.operations()[operation]
        names = [part[1:-1] for part in told.path.split("/") if part.startswith("{")]
        path = {name: str(key) for name, key in zip(names, ids, strict=True)}
        texts = {name: str(value) for name, value in query.items()}
        reply = generic.answer(self.office, Request(told, path, texts, body, ApiKey()))
        assert reply.status == told.status
        return reply.body

    def refused(self, operation: str, *ids: int, body: Any = None, **query: object) -> Rejected:
        """The refusal, which must have left every table as it was."""
        before = self.counts()
        with pytest.raises(Rejected) as refusal:
            self.ask(operation, *ids, body=body, **query)
        assert self.counts() == before
        return refusal.value

    def counts(self) -> dict[str, int]:
        return {table: self.store.count(table) for table in schema.tables()}

    def prefer(self, name: str, value: object) -> None:
        self.store.set_preference(name, str(value))

    def code(self, text: str) -> int:
        return int(self.store.find("procedurecode", {"ProcCode": text})[0]["CodeNum"])

    def definition(self, category: int, place: int = 0) -> int:
        return int(self.store.find("definition", {"Category": category}, order='"ItemOrder"')[place]["DefNum"])

    def patient(self, *, guarantor: int = 0, **more: object) -> int:
        row = {"LName": "Ravenscombe", "FName": "Yorick", "PriProv": 1, "ClinicNum": 1, "Guarantor": guarantor}
        key = self.store.insert("patient", row | more)
        if not guarantor:
            self.store.update("patient", key, {"Guarantor": key})
        return key

    def work(
        self, patient: int, fee: float = 100.0, day: str = "2026-10-01", *, code: str = "D1110", **more: object
    ) -> int:
        row = {"PatNum": patient, "ProcFee": fee, "ProcDate": day, "ProcStatus": 2, "CodeNum": self.code(code)}
        return self.store.insert("procedurelog", row | {"ProvNum": 3, "ClinicNum": 1, "UnitQty": 1} | more)

    def insure(self, patient: int, *, ordinal: int = 1, percent: int = 80, kind: str = "") -> int:
        """Cover `patient` by a new plan that pays `percent` of everything; returns the InsSubNum."""
        carrier = self.store.insert("carrier", {"CarrierName": "Plan of the Test"})
        plan = self.store.insert("insplan", {"CarrierNum": carrier, "PlanType": kind, "ClaimFormNum": 1})
        self.store.insert("benefit", {"PlanNum": plan, "BenefitType": 1, "CovCatNum": 1, "Percent": percent})
        subscription = self.store.insert("inssub", {"PlanNum": plan, "Subscriber": patient, "SubscriberID": "T1"})
        self.store.insert("patplan", {"PatNum": patient, "Ordinal": ordinal, "InsSubNum": subscription})
        return subscription

    def rows(self, table: str, **where: object) -> list[dict[str, Any]]:
        return self.store.find(table, where)

    def row(self, table: str, key: int) -> dict[str, Any]:
        found = self.store.get(table, key)
        assert found is not None
        return found


@pytest.fixture
def desk() -> Iterator[Desk]:
    office = Office(Store(clock=FrozenClock(NOW)))
    seed(office, patients=0, seed=1)
    yield Desk(office)
    office.store.close()
