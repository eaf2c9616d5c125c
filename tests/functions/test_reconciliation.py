"""A practice is reconciled: what is planted at its office is found, told once, shown, and gone once it is mended."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from functions.reconcile_practice import handler
from gateway.core.callers import Client, ClientKind
from gateway.core.events.deriving import events_of
from gateway.core.events.surroundings import around_of
from gateway.core.mirror.syncing import Phase, Wanted
from gateway.core.objects.reconciliation import Aging, Finding, Findings
from gateway.core.reconciliation.books import NEEDED
from gateway.core.reconciliation.running import Reconciled, reconcile
from gateway.wiring.services import using
from tests.fakes.deployment import CLIENT, IDS, Deployment, deployed
from tests.fakes.gateway_events import Context
from tests.fakes.mirroring import load
from tests.fakes.reconciling import mirror_money
from tests.workflows.running import run_with

NIGHT = "cli_workflow_reconcile"


@pytest.fixture
def d() -> Iterator[Deployment]:
    with deployed("--patients", "60", scopes=("*:read",)) as d:
        yield d


def reconciled(d: Deployment) -> Reconciled:
    """A run an hour later, on a mirror that is up to date."""
    d.on.clock.seconds += 3600
    mirror_money(d)
    result = reconcile(d.practice_id, on=d.on)
    assert result.is_done, result
    return result


def findings(d: Deployment, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        behind: dict[str, str] = {} if cursor is None else {"cursor": cursor}
        page = d.get("/reconciliation/findings", practice_id=d.practice_id, limit=7, **query, **behind)
        assert page.status == 200, page.body
        Findings.model_validate(page.body)
        found += page.body["data"]
        cursor = page.body["next_cursor"]
        if not page.body["has_more"]:
            return found


def a_silent_claim(d: Deployment) -> int:
    """Make one of a received claim: never answered."""
    claim = d.rows("claim", "ClaimStatus = 'R' AND ClaimType = 'P'")[0]["ClaimNum"]
    d.simulated.office.store.update("claim", claim, {"ClaimStatus": "S", "DateSent": "2026-09-01"})
    return int(claim)


def told(d: Deployment) -> list[tuple[str, str]]:
    """Type and id of every event of a finding."""
    around = around_of(d.practice_id, d.on)
    assert around is not None
    changes = d.on.reconciliations.changes
    return [(one.type, one.object_id) for change in changes for one in events_of(change, around)]


def test_what_is_planted_is_found_told_once_and_resolved_once_it_is_mended(d: Deployment) -> None:
    reconciled(d)
    claim = a_silent_claim(d)
    id_ = d.id_of("claim", claim)
    before = len(told(d))

    opened = reconciled(d)
    again = reconciled(d)
    (found,) = findings(d, claim_id=id_, kind="claim_silent", state="open")
    d.simulated.office.store.update("claim", claim, {"ClaimStatus": "R"})
    mended = reconciled(d)
    (gone,) = findings(d, claim_id=id_, kind="claim_silent")
    d.simulated.office.store.update("claim", claim, {"ClaimStatus": "S"})
    reconciled(d)
    (back,) = findings(d, claim_id=id_, kind="claim_silent")

    assert opened.opened >= 1
    assert (again.opened, again.resolved, again.changed) == (0, 0, 0)
    assert found["evidence"][0]["why"] == "sent_and_unanswered"
    assert found["evidence"][0]["object_id"] == found["claim_id"] == id_
    assert mended.resolved >= 1
    assert (gone["state"], gone["resolved_at"] is not None, gone["episode"]) == ("resolved", True, 1)
    assert (back["id"], back["state"], back["episode"], back["resolved_at"]) == (found["id"], "open", 2, None)
    of_it = [type_ for type_, object_id in told(d)[before:] if object_id == found["id"]]
    assert of_it == ["finding.opened", "finding.resolved", "finding.opened"]


def test_findings_are_shown_by_their_filters_and_alone_with_their_run(d: Deployment) -> None:
    reconciled(d)
    every = findings(d)
    one = next(one for one in every if one["patient_id"])
    alone = d.get(f"/reconciliation/findings/{one['id']}")

    assert len({each["id"] for each in every}) == len(every) > 7
    Finding.model_validate(alone.body)
    assert {name: value for name, value in alone.body.items() if name != "meta"} == one
    assert alone.body["meta"]["as_of"] == str(d.today)
    for name in ("kind", "severity", "state", "patient_id"):
        assert findings(d, **{name: one[name]}) == [each for each in every if each[name] == one[name]]
    counted = d.get("/reconciliation/findings", practice_id=d.practice_id).body["meta"]["open"]
    assert sum(counted.values()) == len(every)


def test_balances_by_age_are_the_offices_own_and_make_one_sum(d: Deployment) -> None:
    reconciled(d)
    by = {}
    for name in ("patient", "family", "carrier", "practice"):
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            behind: dict[str, str] = {} if cursor is None else {"cursor": cursor}
            page = d.get("/reconciliation/aging", practice_id=d.practice_id, by=name, limit=9, **behind).body
            Aging.model_validate(page)
            rows += page["data"]
            cursor = page["next_cursor"]
            if not page["has_more"]:
                break
        by[name] = rows

    stored = {d.id_of("patient", row["PatNum"]): row for row in d.rows("patient", "Guarantor = PatNum")}
    for row in by["family"]:
        office = stored.pop(row["family_id"])
        for ours, theirs in (
            ("days_0_30", "Bal_0_30"), ("days_31_60", "Bal_31_60"), ("days_61_90", "Bal_61_90"),
            ("days_over_90", "BalOver90"), ("balance", "BalTotal"), ("insurance_pending", "InsEst"),
        ):  # fmt: skip
            assert row[ours]["amount"] == f"{office[theirs]:.2f}", (row["family_id"], ours)
    assert not any(row["BalTotal"] or row["InsEst"] for row in stored.values())
    total = Decimal(by["practice"][0]["balance"]["amount"])
    assert total == sum(Decimal(row["balance"]["amount"]) for row in by["patient"])
    assert total == sum(Decimal(row["balance"]["amount"]) for row in by["family"])
    pending = Decimal(by["practice"][0]["insurance_pending"]["amount"])
    assert pending == sum(Decimal(row["balance"]["amount"]) for row in by["carrier"]) > 0


def test_the_journal_of_some_days_balances_and_has_no_name(d: Deployment) -> None:
    reconciled(d)
    day = d.rows("procedurelog", "ProcStatus = 2 AND ProcFee > 0")[0]["ProcDate"]
    answer = d.get("/reconciliation/journal", practice_id=d.practice_id, date_from=day, date_to=day)

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(answer.body)))
    assert {line["date"] for line in lines} == {day}
    assert "production" in {line["account"] for line in lines}
    assert sum(Decimal(line["debit"] or 0) - Decimal(line["credit"] or 0) for line in lines) == 0
    names = {row["LName"] for row in d.rows("patient")}
    assert not any(name in answer.body for name in names)


@pytest.mark.parametrize("resource", ["adjustments", "claimprocs"])
def test_a_practice_without_all_of_its_money_is_refused_with_what_is_missing(d: Deployment, resource: str) -> None:
    mirror_money(d)
    d.on.syncs.save(d.practice_id, replace(d.on.syncs.load(d.practice_id).resources[resource], phase=Phase.LOADING))

    result = reconcile(d.practice_id, on=d.on)

    assert (result.code, result.missing) == ("mirror-incomplete", (resource,))
    assert d.on.reconciliations.report(d.practice_id) is None


def test_a_mirror_that_is_off_or_moved_meanwhile_is_refused(d: Deployment) -> None:
    assert reconcile(d.practice_id, on=d.on).code == "mirror-off"
    mirror_money(d)
    page = d.on.records.page

    def moved(practice_id: str, resource: str, **more: Any) -> Any:
        state = d.on.syncs.load(practice_id)
        if resource == NEEDED[-1]:
            d.on.syncs.save_practice(replace(state, epoch=state.epoch + 1))
        return page(practice_id, resource, **more)

    d.on.records.page = moved
    result = reconcile(d.practice_id, on=d.on)

    assert (result.code, result.is_retryable) == ("mirror-changed", True)
    assert d.on.reconciliations.findings == {}


def test_a_run_that_dies_anywhere_is_made_up_for_and_tells_nothing_twice(d: Deployment) -> None:
    reconciled(d)
    whole = dict(d.on.reconciliations.findings)
    stops = 0
    for fatal in range(len(whole) + 1):
        d.on.reconciliations.findings.clear()
        d.on.reconciliations.changes.clear()
        left = iter(range(fatal))

        def die(left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Killed

        d.on.reconciliations.at_each = die
        with pytest.raises(Killed):
            reconcile(d.practice_id, on=d.on)
        d.on.reconciliations.at_each = lambda: None
        result = reconcile(d.practice_id, on=d.on)
        assert result.is_done
        assert d.on.reconciliations.findings.keys() == whole.keys()
        assert len(told(d)) == len(set(told(d))) == len(whole)
        stops += 1
    assert stops == len(whole) + 1


class Killed(BaseException):
    """The process is gone."""


def test_of_two_runs_at_once_each_finding_is_opened_by_one(d: Deployment) -> None:
    mirror_money(d)
    page, inner = d.on.reconciliations.page, list[Reconciled]()

    def meanwhile(*asked: Any, **more: Any) -> Any:
        found = page(*asked, **more)
        if not inner:
            inner.append(Reconciled(d.practice_id))
            inner.append(reconcile(d.practice_id, on=d.on))
        return found

    d.on.reconciliations.page = meanwhile
    outer = reconcile(d.practice_id, on=d.on)

    assert inner[1].is_done
    assert (outer.code, outer.opened) == ("superseded", 0)
    assert len(told(d)) == len(d.on.reconciliations.findings)


# By the machine


def enrol(d: Deployment, *scopes: str, practices: tuple[str, ...] = IDS[:2]) -> None:
    client = Client(NIGHT, "Night", frozenset(practices), frozenset(scopes), ClientKind.WORKFLOW)
    d.on.callers.put_client(client)


def step(d: Deployment, event: dict[str, Any]) -> Any:
    with using(d.on):
        return handler.lambda_handler(event, Context())


def test_a_night_reconciles_every_practice_and_one_that_fails_fails_no_other() -> None:
    with deployed("--patients", "30", practices=2) as d:
        enrol(d, "reconciliation:read")
        mirror_money(d)
        load(d, "patients")

        ended = run_with(d, "reconcile", {"as": NIGHT}, step)

    assert ended.status == "SUCCEEDED"
    assert ended.output["practices"] == [
        {"practice_id": IDS[0], "outcome": "done", "code": None},
        {"practice_id": IDS[1], "outcome": "failed", "code": "mirror-off"},
    ]
    assert d.on.reconciliations.report(IDS[0]) is not None


def test_a_practice_that_is_lost_or_keeps_changing_ends_the_night_of_no_other(d: Deployment) -> None:
    enrol(d, "reconciliation:read", practices=("prac_lost", "prac_moves"))
    waited: list[float] = []

    def half(_: Deployment, event: dict[str, Any]) -> Any:
        if "practice_id" not in event:
            return step(d, event)
        if event["practice_id"] == "prac_lost":
            raise RuntimeError("gone")
        again = {"outcome": "again" if event["tried"] < 2 else "done", "code": None, "retry_after_s": 60}
        return again | {"tried": event["tried"] + 1}

    ended = run_with(d, "reconcile", {"as": NIGHT}, half, waits=waited.append)

    assert ended.status == "SUCCEEDED"
    assert ended.output["practices"] == [
        {"practice_id": "prac_lost", "outcome": "failed", "code": "step-lost"},
        {"practice_id": "prac_moves", "outcome": "done", "code": None},
    ]
    assert waited.count(60) >= 2


@pytest.mark.parametrize("scopes", [(), ("claims:read",)])
def test_a_client_that_may_not_reconcile_ends_the_night(d: Deployment, scopes: tuple[str, ...]) -> None:
    enrol(d, *scopes)

    ended = run_with(d, "reconcile", {"as": NIGHT}, step)

    assert (ended.status, ended.error) == ("FAILED", "refused")
    assert step(d, {"as": NIGHT, "practice_id": d.practice_id})["code"] == "scope-missing"


def test_a_client_starts_a_run_of_its_practice(d: Deployment) -> None:
    d.grant("workflows:write", "reconciliation:read")
    mirror_money(d)
    started = d.post("/workflow_runs", {"workflow": "reconcile", "practice_id": d.practice_id})
    (execution,) = d.on.machines.started.values()

    ended = run_with(d, "reconcile", execution, step)

    assert started.status == 202, started.body
    assert execution["as"] == CLIENT
    assert [one["outcome"] for one in ended.output["practices"]] == ["done"]
    assert d.on.syncs.load(d.practice_id).wanted is Wanted.ON


def test_nothing_of_a_practice_is_reconciled_without_its_agreement(d: Deployment) -> None:
    enrol(d, "reconciliation:read")
    mirror_money(d)
    d.on.stage = "prod"
    d.on.practices.put(replace(d.on.practices.get(d.practice_id), baa=None, may_lack_baa=False))

    assert step(d, {"as": NIGHT, "practice_id": d.practice_id})["code"] == "baa-missing"
