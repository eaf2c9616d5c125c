"""Writes that move money, claims and charts, on bad days: the office's rows are the judge of what an operation says.

A write is played once undisturbed, and what each of its steps leaves in the practice's database is kept. On a bad day
the database must then be as after one of these steps, and the operation must say after which one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from gateway.core.ids import row_id
from infra.sandbox.practice import schema
from open_dental import catalogue
from tests.fakes.deployment import CLIENT, Answered, Deployment, deployed
from tests.fakes.services import Life, Moment
from tests.functions.test_every_operation import EVERY_SCOPE
from tests.functions.writes import STAMPS, timeless

SCOPES = EVERY_SCOPE | {"procedures:write", "communications:write", "recalls:write", "claims:write"}
LOGS = frozenset({"securitylog", "signalod"})
_OF_THE_MOMENT = re.compile(r"OG[0-9A-Z]{10}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|'version': '\w+'")


# What a write leaves


class Book:
    """What has changed in a practice's database since the book was opened."""

    def __init__(self, deployment: Deployment) -> None:
        self._store = deployment.simulated.office.store
        self._before: dict[tuple[str, int], Mapping[str, Any] | None] = {}
        self._store.watch(self._note)

    def _note(self, table: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        row = after or before or {}
        self._before.setdefault((table, int(row[schema.tables()[table].key])), before)

    def differences(self) -> list[str]:
        """New rows without their keys, changed columns with what they hold now, and rows that are gone."""
        found = []
        for (table, key), before in self._before.items():
            after = self._store.get(table, key)
            if table in LOGS or (before is None and after is None):
                continue
            if after is None:
                found.append(f"{table} {key} is gone")
                continue
            own = schema.tables()[table].key
            kept = {
                name: value
                for name, value in after.items()
                if name not in STAMPS and name != own and (before is None or before[name] != value)
            }
            if kept:
                found.append(f"{table} {'new' if before is None else key}: {masked(kept)}")
        return sorted(found)


def masked(value: Any) -> str:
    """As text, without references, clock times and hashes."""
    return _OF_THE_MOMENT.sub("", repr(value))


def assert_the_books_agree(office: Deployment) -> None:
    """No payment differs from its splits, no carrier's payment from its lines."""
    for payment in office.rows("payment"):
        splits = office.rows("paysplit", f"PayNum={payment['PayNum']}")
        assert round(sum(one["SplitAmt"] for one in splits), 2) == round(payment["PayAmt"], 2)
    for check in office.rows("claimpayment"):
        lines = office.rows("claimproc", f"ClaimPaymentNum={check['ClaimPaymentNum']}")
        assert round(sum(one["InsPayAmt"] for one in lines), 2) == round(check["CheckAmt"], 2)
        assert not check["IsPartial"]


# The writes


@dataclass(frozen=True)
class Asked:
    """A request, and another one that must not pass for it."""

    method: str
    path: str
    body: Any
    other: Any


@dataclass(frozen=True)
class Write:
    """A write by its name; `ask` sets the office up for it."""

    name: str
    ask: Callable[[Deployment], Asked]
    is_blind: bool = False
    """Nothing tells whether it was done when its answer is lost."""

    def __str__(self) -> str:
        return self.name


def of(office: Deployment, kind: str, number: int) -> str:
    return office.id_of(kind, number)


def store(office: Deployment) -> Any:
    return office.simulated.office.store


def crowns(office: Deployment, count: int = 2, status: int = 2) -> list[str]:
    """Crowns of patient 1, who is insured."""
    code = store(office).find("procedurecode", {"ProcCode": "D2740"})[0]["CodeNum"]
    row = {
        "PatNum": 1, "ProcStatus": status, "ProcFee": 100.0, "UnitQty": 1, "CodeNum": code, "ProvNum": 1,
        "ProcDate": "2026-01-05", "ClinicNum": 1, "ToothNum": "14",
    }  # fmt: skip
    return [of(office, "procedure", store(office).insert("procedurelog", row)) for _ in range(count)]


def made(answer: Answered) -> dict[str, Any]:
    assert answer.status in {200, 201}, answer.body
    result: dict[str, Any] = answer.body["result"]
    return result


def changed_body(body: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {**body, **changes}


def new_claim(office: Deployment) -> Asked:
    body = {"patient_id": of(office, "patient", 1), "type": "primary", "procedure_ids": crowns(office)}
    return Asked("POST", "/claims", body, changed_body(body, procedure_ids=body["procedure_ids"][:1]))


def a_claim(office: Deployment) -> dict[str, Any]:
    return made(office.post("/claims", new_claim(office).body))


def sent_claim(office: Deployment) -> Asked:
    body = {"status": "sent", "sent_on": "2026-03-02", "note": "second attempt"}
    return Asked("PATCH", f"/claims/{a_claim(office)['id']}", body, changed_body(body, note="third attempt"))


def received_claim(office: Deployment) -> Asked:
    claim = a_claim(office)
    for line in store(office).find("claimproc", {"ClaimNum": int(claim["source"]["key"])}):
        store(office).update("claimproc", line["ClaimProcNum"], {"Status": 1})
    return Asked("PATCH", f"/claims/{claim['id']}", {"status": "received"}, {"status": "held"})


def carriers_payment(office: Deployment) -> Asked:
    claim = a_claim(office)
    store(office).update("claim", int(claim["source"]["key"]), {"ClaimStatus": "S"})
    lines = [
        {"claim_line_id": line["id"], "paid": {"amount": f"{40 + at}.00"}, "write_off": {"amount": "10.00"}}
        for at, line in enumerate(claim["lines"])
    ]
    body = {
        "kind": "insurance", "claim_id": claim["id"], "amount": {"amount": "81.00"}, "lines": lines,
        "check_number": "4711",
    }  # fmt: skip
    return Asked("POST", "/payments", body, changed_body(body, check_number="4712"))


def batch_payment(office: Deployment) -> Asked:
    store(office).set_preference("ClaimPaymentBatchOnly", "1")
    return carriers_payment(office)


def patients_payment(office: Deployment) -> Asked:
    body = {"kind": "patient", "patient_id": of(office, "patient", 1), "amount": {"amount": "80.00"}}
    return Asked("POST", "/payments", body, changed_body(body, amount={"amount": "81.00"}))


def unmarked(ask: Callable[[Deployment], Asked]) -> Callable[[Deployment], Asked]:
    """The same in a practice that keeps our references out of its texts."""

    def asked(office: Deployment) -> Asked:
        office.know(writes_reference=False)
        return ask(office)

    return asked


def allocated_payment(office: Deployment) -> Asked:
    first, second = crowns(office)
    allocations = [{"procedure_id": one, "amount": {"amount": paid}} for one, paid in ((first, "30"), (second, "50"))]
    body = {**patients_payment(office).body, "allocations": allocations}
    return Asked("POST", "/payments", body, changed_body(body, check_number="9"))


def refund(office: Deployment) -> Asked:
    paid = made(office.post("/payments", patients_payment(office).body))
    body = {"kind": "refund", "payment_id": paid["id"]}
    return Asked("POST", "/payments", body, changed_body(body, allow_duplicate=True))


def new_patient(office: Deployment) -> Asked:
    body = {"name": {"first": "Zoe", "last": "Marker"}, "birth_date": "1980-02-29"}
    return Asked("POST", "/patients", body, changed_body(body, sex="female"))


def patient_change(office: Deployment) -> Asked:
    body = {"address": {"line1": "1 Elm Street"}, "phones": [{"type": "mobile", "number": "(212)555-0123"}]}
    return Asked("PATCH", f"/patients/{of(office, 'patient', 1)}", body, changed_body(body, sex="female"))


def new_procedure(office: Deployment) -> Asked:
    body = {
        "patient_id": of(office, "patient", 1), "code": "D2740", "status": "planned",
        "area": {"kind": "tooth", "teeth": ["3"]}, "fee": {"amount": "900.00"},
    }  # fmt: skip
    return Asked("POST", "/procedures", body, changed_body(body, fee={"amount": "901.00"}))


def procedure_change(office: Deployment) -> Asked:
    (crown,) = crowns(office, 1, status=1)
    body = {"status": "completed", "performed_on": "2026-03-02", "fee": {"amount": "950.00"}}
    return Asked("PATCH", f"/procedures/{crown}", body, changed_body(body, fee={"amount": "951.00"}))


def recall_change(office: Deployment) -> Asked:
    number = office.rows("recall")[0]["RecallNum"]
    status = office.simulated.office.definitions("RecallUnschedStatus")[0]["DefNum"]
    body = {"due_on": "2026-09-09", "note": "called twice", "status_id": of(office, "definition", status)}
    return Asked("PATCH", f"/recalls/{of(office, 'recall', number)}", body, changed_body(body, note="called once"))


def contact(office: Deployment) -> Asked:
    body = {"patient_id": of(office, "patient", 1), "note": "asked about the bridge", "type": "recall"}
    return Asked("POST", "/communications", body, changed_body(body, note="asked about the crown"))


def raw_creation(office: Deployment) -> Asked:
    body = {"pat_num": 1, "description": "Allergic to latex"}
    return Asked("POST", "/resources/popups", body, changed_body(body, description="Allergic to nuts"))


def raw_change(office: Deployment) -> Asked:
    key = made(office.post("/resources/employers", {"emp_name": "Acme"}))["key"]
    return Asked("PATCH", f"/resources/employers/{key}", {"emp_name": "Bcme"}, {"emp_name": "Ccme"})


def raw_money(office: Deployment) -> Asked:
    kind = next(one for one in office.simulated.office.definitions("AdjTypes") if one["ItemValue"] == "+")
    body = {"pat_num": 1, "adj_type": kind["DefNum"], "adj_amt": "12.50", "adj_date": "2026-03-02"}
    return Asked("POST", "/resources/adjustments", body, changed_body(body, adj_amt="12.51"))


def raw_deletion(office: Deployment) -> Asked:
    key = made(office.post("/resources/laboratories", {"description": "Elm Lab"}))["key"]
    turn = {"laboratory_num": int(key), "description": "Crown", "days_published": 5, "days_actual": 7}
    made(office.post("/resources/labturnarounds", turn))
    return Asked("DELETE", f"/resources/labturnarounds/{key}", None, None)


def raw_blind(office: Deployment) -> Asked:
    body = {"emp_name": "Acme"}
    return Asked("POST", "/resources/employers", body, {"emp_name": "Bcme"})


WRITES = (
    Write("claim", new_claim),
    Write("claim-sent", sent_claim),
    Write("claim-received", received_claim),
    Write("carriers-payment", carriers_payment),
    Write("carriers-payment-in-a-batch", batch_payment),
    Write("patients-payment", unmarked(patients_payment)),
    Write("allocated-payment", allocated_payment),
    Write("refund", refund),
    Write("patient", new_patient),
    Write("patient-change", patient_change),
    Write("procedure", new_procedure),
    Write("procedure-change", procedure_change),
    Write("recall-change", recall_change),
    Write("contact", contact),
    Write("unmarked-contact", unmarked(contact)),
    Write("raw-creation", raw_creation),
    Write("raw-change", raw_change),
    Write("raw-money", raw_money),
    Write("raw-blind", raw_blind, is_blind=True),
)


BY_NAME = {write.name: write for write in WRITES}


def operation_of(answer: Answered) -> str:
    """The id of the operation that an answer to a write tells of, whatever has become of it."""
    return str(answer.body.get("operation_id") or answer.body["id"])


# A day


@dataclass
class Day:
    """A deployment in which a write is about to be made, and the book of its first practice."""

    office: Deployment
    asked: Asked
    book: Book
    first: Answered | None = None
    repeats: int = 0

    def send(self, *, key: str = "the-key-of-the-day", body: Any = None) -> Answered:
        asked = self.asked
        wanted = asked.body if body is None else body
        return self.office.send(asked.method, asked.path, body=wanted, key=key, headers={"Prefer": "respond-async"})

    def repeat(self) -> None:
        """The same key again: with the same request it is the same operation, with another one it is refused."""
        if self.first is None:
            return
        self.repeats += 1
        again, other = self.send(), self.send(body=self.asked.other)
        assert operation_of(again) == operation_of(self.first), again.body
        assert (other.status, other.body["code"]) == (422, "key-reused")

    def run(self, seconds: float = 7200.0) -> dict[str, Any]:
        """Send it, repeat it at each of its writes and at the end, and say what became of it."""
        before_call = self.office.before_call

        def repeated(operation: str) -> None:
            before_call(operation)
            if effect(operation) != "read":
                self.repeat()

        self.office.before_call = repeated
        self.first = self.send()
        assert self.first.status == 202, self.first.body
        shown = self.office.settled(self.first, seconds=seconds)
        self.repeat()
        return shown


@contextmanager
def day(write: Write) -> Iterator[Day]:
    with deployed("--patients", "8", scopes=SCOPES) as office:
        to_noon(office)
        asked = write.ask(office)
        office.upstream_calls.clear()
        yield Day(office, asked, Book(office))


def to_noon(office: Deployment) -> None:
    """Hours of trouble must not end on another day."""
    clock = store(office).clock
    aside = timedelta(hours=12) - timedelta(hours=clock.now().hour, minutes=clock.now().minute)
    clock.change(offset_s=aside.total_seconds())
    office.on.clock.start += aside


def effect(operation: str) -> str:
    return str(catalogue.operation(operation).effect)


@dataclass(frozen=True)
class Undisturbed:
    """What a write does when nothing is amiss: its calls, and the book before each of its writes and at the end."""

    calls: tuple[str, ...]
    pages: tuple[list[str], ...]
    result: str
    saves: int

    def at(self, *, writes: bool) -> list[tuple[str, int]]:
        """Its writes, or its reads, each with how often the same was called before."""
        return [
            (call, self.calls[:at].count(call))
            for at, call in enumerate(self.calls)
            if (effect(call) != "read") is writes
        ]


_UNDISTURBED: dict[str, Undisturbed] = {}


def undisturbed(write: Write) -> Undisturbed:
    if write.name not in _UNDISTURBED:
        with day(write) as one:
            pages: list[list[str]] = []

            def note(operation: str) -> None:
                if effect(operation) != "read":
                    pages.append(one.book.differences())

            one.office.before_call = note
            life = Life()
            one.office.on.world.next_life = lambda: life
            shown = one.run(10.0)
            assert shown["state"] == "succeeded", shown
            assert_the_books_agree(one.office)
            calls, result = tuple(one.office.upstream_calls), masked(timeless(shown["result"]))
            pages.append(one.book.differences())
            assert pages[0] == [] and all(pages[1:]) and one.repeats == len(pages)
            _UNDISTURBED[write.name] = Undisturbed(calls, tuple(pages), result, life.uses["ledger.save"])
    return _UNDISTURBED[write.name]


def assert_tells_the_truth(write: Write, one: Day, shown: dict[str, Any], *, row_told: bool = True) -> None:
    """The office is as the operation says it is, whatever happened; and nobody is left in the dark."""
    normal, stands = undisturbed(write), one.book.differences()
    if shown["state"] == "succeeded":
        assert stands == normal.pages[-1]
        assert not row_told or masked(timeless(shown["result"])) == normal.result
    elif write.is_blind and shown["state"] == "unknown":
        assert stands in normal.pages
    else:
        assert shown["state"] == "failed", shown
        error = shown["error"]
        done = error["done"] if error["code"] == "partly-done" else []
        assert stands == normal.pages[len(done)], error
        assert [step["operation"] for step in done] == [call for call, _ in normal.at(writes=True)][: len(done)]
    assert_the_books_agree(one.office)


# Faults of the office

DONE: dict[str, dict[str, Any]] = {
    "drop_answer": {"kind": "drop_answer"},
    "html": {"kind": "html"},
    "empty": {"kind": "empty"},
    "504-done": {"kind": "status", "status": 504, "work": True},
}
"""The call is carried out, and the answer lost or spoiled."""
LOST: dict[str, dict[str, Any]] = {
    "lose_request": {"kind": "lose_request"},
    "500": {"kind": "status", "status": 500},
}
"""Nothing is done, and nobody knows."""
FATES = ("lose_request", "drop_answer")
REFUSED: dict[str, dict[str, Any]] = {"offline": {"kind": "offline"}, "429": {"kind": "429"}}
"""Nothing is done, and that is said."""


@pytest.mark.parametrize("fault", [*DONE, *LOST, *REFUSED])
@pytest.mark.parametrize("write", WRITES, ids=str)
def test_a_write_that_meets_a_fault_is_made_once_or_said_not_to_be(write: Write, fault: str) -> None:
    for operation, before in undisturbed(write).at(writes=True):
        with day(write) as one:
            one.office.faulty(match=operation, after=before, **(DONE | LOST | REFUSED)[fault])
            shown = one.run()

            assert_tells_the_truth(write, one, shown, row_told=not write.is_blind)
            may_fail = fault in LOST and effect(operation) == "add"
            assert shown["state"] == "succeeded" or may_fail or write.is_blind, shown
            if shown["state"] == "failed" and shown["error"]["code"] == "not-written":
                again = one.office.settled(one.send(key="a-new-key-for-it"))
                assert (again["state"], one.book.differences()) == ("succeeded", undisturbed(write).pages[-1])


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_a_read_that_fails_once_changes_nothing(write: Write) -> None:
    for at, (operation, before) in enumerate(undisturbed(write).at(writes=False)):
        kind = ("html", "lose_request", "offline")[at % 3]
        with day(write) as one:
            one.office.faulty(kind, operation, after=before)
            shown = one.run()

            assert shown["state"] == "succeeded", (operation, kind, shown)
            assert_tells_the_truth(write, one, shown)


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_an_office_that_closes_between_two_steps_finds_the_rest_done_when_it_opens(write: Write) -> None:
    for operation, before in undisturbed(write).at(writes=True):
        with day(write) as one:
            seen: list[str] = []

            def close(called: str, *, at: str = operation, after: int = before, seen: list[str] = seen) -> None:
                if seen.count(at) == after and called == at:
                    one.office.simulated.settings.offline = True
                seen.append(called)

            one.office.before_call = close
            waiting = one.run(5000.0)
            assert waiting["state"] == "queued"
            one.office.simulated.settings.offline = False
            shown = one.office.settled(one.send())

            assert shown["state"] == "succeeded", shown
            assert_tells_the_truth(write, one, shown)


# Workers that die


def _taken(lives: list[Life]) -> Life | None:
    return lives.pop() if lives else None


def deaths(write: Write) -> Iterator[tuple[str, int, Moment]]:
    """Around each call that writes, and around each time that something is stored."""
    normal = undisturbed(write)
    for number, call in enumerate(normal.calls, 1):
        if effect(call) != "read":
            yield "upstream.send", number, "before"
            yield "upstream.send", number, "after"
    for number in range(1, normal.saves + 1):
        yield "ledger.save", number, "before"
        yield "ledger.save", number, "after"


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_a_worker_that_dies_leaves_nothing_twice_and_nothing_untold(write: Write) -> None:
    for dies_at in deaths(write):
        with day(write) as one:
            lives: list[Life] = [Life(dies_at=dies_at)]
            one.office.on.world.next_life = partial(_taken, lives)
            shown = one.run()

            assert one.office.on.world.crashes == 1
            assert_tells_the_truth(write, one, shown)
            adds = sum(effect(call) == "add" for call in undisturbed(write).calls)
            assert shown["state"] == "succeeded" or adds, (dies_at, shown)


@pytest.mark.parametrize("write", WRITES, ids=str)
def test_a_worker_that_stands_still_in_a_call_while_others_take_over_writes_nothing_twice(write: Write) -> None:
    """Its lease runs out, another one settles what it can; then the first one's call comes through after all."""
    for operation, before in undisturbed(write).at(writes=True):
        with day(write) as one:
            seen: list[str] = []

            def stand_still(called: str, *, at: str = operation, after: int = before, seen: list[str] = seen) -> None:
                seen.append(called)
                if called == at and seen.count(at) == after + 1:
                    one.office.on.world.run(400.0)

            one.office.before_call = stand_still
            shown = one.run()

            assert shown["state"] == "succeeded", shown
            assert_tells_the_truth(write, one, shown)


def test_a_change_that_may_stand_is_not_called_failed_when_sending_it_again_is_turned_away() -> None:
    """The first answer was lost, so the second refusal says nothing of what the first sending did."""
    for turned_away in ("429", "offline"):
        with day(BY_NAME["procedure-change"]) as one:
            one.office.faulty("drop_answer", "procedurelogs.update")
            one.office.faulty(turned_away, "procedurelogs.update")
            one.office.faulty("offline", "procedurelogs.update")
            one.office.faulty("html", "procedurelogs.get", after=1, count=7)
            shown = one.run()

            assert_tells_the_truth(BY_NAME["procedure-change"], one, shown)
            assert shown["state"] == "succeeded"


@pytest.mark.parametrize("fault", FATES)
def test_a_repeat_that_is_refused_says_that_the_first_sending_may_stand(fault: str) -> None:
    """Whoever reads "refused" would else take the row for what it was."""
    with day(BY_NAME["procedure-change"]) as one:
        one.office.faulty(fault, "procedurelogs.update")
        one.office.faulty("status", "procedurelogs.update", status=400, text="Not now.")
        shown = one.run()

        assert (shown["state"], shown["error"]["may_stand"]) == ("failed", True)

    with day(BY_NAME["procedure-change"]) as one:
        one.office.faulty("status", "procedurelogs.update", status=400, text="Not now.")
        assert "may_stand" not in one.run()["error"]


# Others who write at the same time


def meanwhile(office: Deployment, operation: str, happens: Callable[[], Any]) -> None:
    """Have something happen at the office right before the first such call goes out."""
    seen: list[str] = []

    def told(called: str) -> None:
        seen.append(called)
        if called == operation and seen.count(operation) == 1:
            happens()

    office.before_call = told


def at_the_desk(office: Deployment, method: str, path: str, body: Mapping[str, Any]) -> None:
    """What somebody at the front desk does, by the office's own rules and none of our roads."""
    practice = office.simulated
    headers = {
        "authorization": f"ODFHIR {practice.key.developer}/{practice.key.customer}",
        "content-type": "application/json",
    }
    got = practice.handle(method, f"/api/v1/{path}", headers, json.dumps(body).encode(), "127.0.0.1")
    assert got.status < 300, got


def newest(office: Deployment, table: str, where: str = "1=1") -> dict[str, Any]:
    return office.rows(table, where)[-1]


@pytest.mark.parametrize("fault", FATES)
def test_a_claim_of_other_work_that_the_desk_makes_meanwhile_is_not_taken_for_ours(fault: str) -> None:
    with day(BY_NAME["claim"]) as one:
        office = one.office
        crowns(office, 1)
        others = {"PatNum": 1, "ClaimType": "P", "procNums": [newest(office, "procedurelog")["ProcNum"]]}
        meanwhile(office, "claims.create", lambda: at_the_desk(office, "POST", "claims", others))
        # The desk's own call is the first that the fault would meet.
        office.faulty(fault, "claims.create", after=1)
        shown = one.run()

        if fault == "lose_request":
            assert shown["error"]["code"] == "not-written"
        else:
            assert sorted(line["procedure_id"] for line in shown["result"]["lines"]) == one.asked.body["procedure_ids"]


def test_a_claim_of_a_part_of_the_work_decides_nothing_and_people_are_asked() -> None:
    with day(BY_NAME["claim"]) as one:
        office = one.office
        part = {"PatNum": 1, "ClaimType": "P", "procNums": [newest(office, "procedurelog")["ProcNum"]]}
        meanwhile(office, "claims.create", lambda: at_the_desk(office, "POST", "claims", part))
        office.faulty("lose_request", "claims.create", after=1)

        assert one.run()["state"] == "unknown"
        assert (office.practice_id, "ambiguous-write") in office.on.notices.notes


@pytest.mark.parametrize("fault", FATES)
def test_a_refund_that_the_desk_makes_as_well_is_never_answered_by_a_third(fault: str) -> None:
    with day(BY_NAME["refund"]) as one:
        office, before = one.office, len(one.office.rows("payment"))
        paid = {"PayNum": newest(office, "payment")["PayNum"]}
        meanwhile(office, "payments.Refund", lambda: at_the_desk(office, "POST", "payments/Refund", paid))
        office.faulty(fault, "payments.Refund", after=1)
        shown = one.run()

        # Of two equal ones nobody can say which is whose; one alone is the refund, whoever made it.
        assert shown["state"] == ("succeeded" if fault == "lose_request" else "unknown")
        assert len(office.rows("payment")) == before + (1 if fault == "lose_request" else 2)
        assert_the_books_agree(office)


@pytest.mark.parametrize("fault", [None, *FATES])
@pytest.mark.parametrize("name", ["carriers-payment", "carriers-payment-in-a-batch"])
def test_a_check_that_the_desk_enters_first_is_posted_once_and_said_to_be_the_desks(
    name: str, fault: str | None
) -> None:
    with day(BY_NAME[name]) as one:
        office, batch = one.office, "batch" in name
        claim = newest(office, "claim")["ClaimNum"]
        body = {"CheckAmt": "81.00", "CheckNum": "DESK", **({"claimNums": [claim]} if batch else {"claimNum": claim})}
        operation, path = ("Batch", "claimpayments/Batch") if batch else ("create", "claimpayments")
        meanwhile(office, f"claimpayments.{operation}", lambda: at_the_desk(office, "POST", path, body))
        if fault is not None:
            office.faulty(fault, f"claimpayments.{operation}", after=1)
        shown = one.run()

        assert [check["CheckNum"] for check in office.rows("claimpayment")] == ["DESK"]
        if fault is None:
            assert (shown["error"]["code"], shown["error"]["remaining"]) == ("partly-done", "finalize")
        else:
            assert (shown["state"], shown["result"]["check_number"]) == ("succeeded", "DESK")
            assert [one_["code"] for one_ in shown["warnings"]] == ["entered-by-the-office"]
        assert_the_books_agree(office)


@pytest.mark.parametrize("moment", ["claims.update", "finalize"])
@pytest.mark.parametrize("name", ["carriers-payment", "carriers-payment-in-a-batch"])
def test_a_line_that_the_desk_changes_meanwhile_is_paid_by_no_check_of_another_amount(name: str, moment: str) -> None:
    with day(BY_NAME[name]) as one:
        office, batch = one.office, "batch" in name
        finalize = "claimpayments.Batch" if batch else "claimpayments.create"
        line = newest(office, "claimproc", "ClaimNum <> 0")["ClaimProcNum"]
        change = partial(at_the_desk, office, "PUT", f"claimprocs/{line}", {"Status": "Received", "InsPayAmt": "50.00"})
        meanwhile(office, finalize if moment == "finalize" else moment, change)
        shown = one.run()

        if batch and moment == "finalize":
            # Between the last look and the post lies one call, and a batch takes any amount.
            assert (shown["result"]["is_partial"], shown["warnings"][0]["code"]) == (True, "partial-payment")
            return
        assert (shown["error"]["code"], shown["error"]["remaining"]) == ("partly-done", "finalize")
        assert [step["operation"] for step in shown["error"]["done"]] == [
            "claimprocs.update", "claimprocs.update", "claims.update",
        ]  # fmt: skip
        assert office.rows("claimpayment") == []


@pytest.mark.parametrize("fault", FATES)
def test_a_check_of_another_amount_that_the_desk_enters_is_not_taken_for_ours(fault: str) -> None:
    with day(BY_NAME["carriers-payment"]) as one:
        office, claim = one.office, newest(one.office, "claim")["ClaimNum"]
        lines = [line["ClaimProcNum"] for line in office.rows("claimproc", f"ClaimNum = {claim}")]

        def desk() -> None:
            for line in lines:
                at_the_desk(office, "PUT", f"claimprocs/{line}", {"InsPayAmt": "50.00"})
            at_the_desk(office, "POST", "claimpayments", {"claimNum": claim, "CheckAmt": "100.00"})

        meanwhile(office, "claimpayments.create", desk)
        office.faulty(fault, "claimpayments.create", after=1)
        shown = one.run()

        assert (shown["error"]["code"], shown["error"]["remaining"]) == ("partly-done", "finalize")
        assert len(office.rows("claimpayment")) == 1


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("fault", FATES)
def test_a_payment_that_the_desk_enters_as_well_is_told_apart_by_our_reference_alone(fault: str, marked: bool) -> None:
    ask = patients_payment if marked else unmarked(patients_payment)
    with day(Write("", ask)) as one:
        office, before = one.office, len(one.office.rows("payment"))
        equal = {"PatNum": 1, "PayAmt": "80.00"}
        meanwhile(office, "payments.create", lambda: at_the_desk(office, "POST", "payments", equal))
        office.faulty(fault, "payments.create", after=1)
        shown = one.run()
        warned = [one_["code"] for one_ in shown["warnings"]]

        if fault == "lose_request":
            # An equal one stands: calling ours not written would ask for a second one.
            assert (shown["state"], len(office.rows("payment"))) == ("succeeded", before + 1)
            assert warned == (["entered-by-the-office"] if marked else [])
        else:
            assert (shown["state"], warned) == ("succeeded" if marked else "unknown", [])
        assert_the_books_agree(office)


def test_an_allocation_that_the_desk_took_first_leaves_a_payment_that_says_what_stands() -> None:
    with day(BY_NAME["allocated-payment"]) as one:
        office = one.office
        first = int(newest(office, "procedurelog")["ProcNum"])
        paid = {"PatNum": 1, "PayAmt": "150.00", "procNums": [first, first - 1]}
        meanwhile(office, "payments.Partial", lambda: at_the_desk(office, "POST", "payments", paid))
        shown = one.run()

        assert (shown["error"]["code"], shown["error"]["remaining"]) == ("partly-done", "allocate")
        assert shown["error"]["done"] == [
            {"step": "create", "operation": "payments.create", "key": f"{newest(office, 'payment')['PayNum'] - 1}"}
        ]
        assert_the_books_agree(office)


def test_one_key_text_of_two_clients_or_at_two_practices_is_two_operations() -> None:
    with deployed("--patients", "8", practices=2, scopes=SCOPES) as office:
        here, there = office.servers
        bob = replace(office.on.callers.client(CLIENT), id="cli_bob")
        office.on.callers.put_client(bob)
        stores = {id_: server.practice.office.store for id_, server in office.servers.items()}
        before = {id_: store_.count("payment") for id_, store_ in stores.items()}
        # Equal rows in both, and both answers lost: each is found in its own practice.
        for server in office.servers.values():
            server.practice.faults.add({"kind": "drop_answer", "match": "payments.create"})
        answers = []
        for id_, client in ((here, CLIENT), (there, CLIENT), (here, bob.id)):
            body = {"kind": "patient", "patient_id": row_id("patient", id_, 1), "amount": {"amount": "80.00"}}
            answers.append(office.send("POST", "/payments", body=body, key="the-same-key", client_id=client))
        office.on.world.run(7200.0)
        shown = [
            office.send("GET", f"/operations/{operation_of(answer)}", client_id=client).body
            for answer, client in zip(answers, (CLIENT, CLIENT, bob.id), strict=True)
        ]

        assert [one["state"] for one in shown] == ["succeeded"] * 3
        assert len({one["id"] for one in shown}) == len({one["result"]["id"] for one in shown}) == 3
        assert [one["practice_id"] for one in shown] == [here, there, here]
        assert {id_: store_.count("payment") - before[id_] for id_, store_ in stores.items()} == {here: 2, there: 1}


@pytest.mark.parametrize("fault", [*FATES, "html", "500", None])
@pytest.mark.parametrize("name", ["claim", "carriers-payment", "refund", "patient"])
def test_two_who_ask_for_the_same_at_once_get_it_once(name: str, fault: str | None) -> None:
    """Whatever becomes of the first, the second sees it or makes it; and neither is given the other's."""
    write = BY_NAME[name]
    with day(write) as one:
        (add,) = [call for call, _ in undisturbed(write).at(writes=True) if effect(call) == "add"]
        if fault is not None:
            one.office.faulty(match=add, **(DONE | LOST)[fault])
        answers = [one.send(key=key) for key in ("of-the-first-client", "of-the-second-client")]
        one.office.on.world.run(7200.0)
        first, second = (one.office.get(f"/operations/{operation_of(answer)}").body for answer in answers)

        lost = fault in LOST
        assert [first["state"], second["state"]] == (["failed", "succeeded"] if lost else ["succeeded", "failed"])
        error = (first if lost else second)["error"]
        if lost:
            assert (error.get("cause") or error)["code"] == "not-written"
        else:
            assert error["code"] in {"conflict", "possible-duplicate"}
        assert one.book.differences() == undisturbed(write).pages[-1]
        assert_the_books_agree(one.office)


@pytest.mark.parametrize("fault", [*FATES, None])
def test_equal_payments_of_two_who_pay_at_once_are_told_apart_without_references(fault: str | None) -> None:
    """One may pay the same amount twice: each operation has a payment of its own, or none."""
    with day(BY_NAME["patients-payment"]) as one:
        before = len(one.office.rows("payment"))
        if fault is not None:
            one.office.faulty(fault, "payments.create", count=2)
        answers = [one.send(key=key) for key in ("of-the-first-client", "of-the-second-client")]
        one.office.on.world.run(7200.0)
        shown = [one.office.get(f"/operations/{operation_of(answer)}").body for answer in answers]

        made_ = {one_["result"]["id"] for one_ in shown if one_["state"] == "succeeded"}
        assert [one_["state"] for one_ in shown] == ["failed" if fault == "lose_request" else "succeeded"] * 2
        assert len(made_) == len(one.office.rows("payment")) - before
        assert_the_books_agree(one.office)


@pytest.mark.parametrize("fault", [*FATES, None])
def test_what_is_done_to_a_row_again_is_found_again(fault: str | None) -> None:
    """A claim is sent a second time, a visit broken a second time: the row is not the first operation's for good."""
    with day(BY_NAME["claim-sent"]) as one:
        assert one.run()["state"] == "succeeded"
        if fault is not None:
            one.office.faulty(fault, "claims.Status")
        again = one.send(key="a-second-sending", body={"status": "sent", "sent_on": "2026-03-09"})
        shown = one.office.settled(again)

        sent_on = newest(one.office, "claim")["DateSent"]
        if fault == "lose_request":
            assert (shown["error"]["code"], sent_on) == ("not-written", "2026-03-02")
        else:
            assert (shown["state"], sent_on) == ("succeeded", "2026-03-09")
