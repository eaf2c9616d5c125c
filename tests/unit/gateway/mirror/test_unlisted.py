"""What no mirrored row tells is asked for besides: merges, forms of patients, visits that were booked on line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.events.facts import INTAKE, MERGES, WEB_SCHED
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.queries.statement import OPERATION
from gateway.core.queries.unlisted import LATELY
from open_dental import errors as upstream
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

ON_LINE = "appointments.WebSchedList"
FIVE_MINUTES_S = 330


@contextmanager
def loaded(*, queries: bool) -> Iterator[MirroredOffice]:
    with mirrored_office("--patients", "10", queries=queries) as office:
        office.load()
        office.run(FIVE_MINUTES_S)
        office.d.upstream_calls.clear()
        yield office


def told(office: MirroredOffice, kind: str) -> list[dict[str, Any]]:
    return [dict(one[3]) for one in office.on.facts.changes if one[1] == kind]


def patients(office: MirroredOffice) -> list[int]:
    return [row["PatNum"] for row in office.store.rows('SELECT "PatNum" FROM patient')]


def merge(office: MirroredOffice, was: int, now: int, *, type_: int = 1) -> None:
    office.store.update("patient", was, {"PatStatus": 3})
    office.store.insert(
        "patientlink", {"PatNumFrom": was, "PatNumTo": now, "LinkType": type_, "DateTimeLink": wall(office)}
    )


def wall(office: MirroredOffice) -> str:
    return str(office.clock.now())


def book(office: MirroredOffice, way: int, **more: Any) -> int:
    row = office.store.rows("SELECT * FROM appointment WHERE AptStatus = 1 ORDER BY AptDateTime DESC")[0]
    at = office.clock.now() + timedelta(days=40)
    new = {**row, "AptDateTime": str(at), "eServiceLogType": way, "SecDateTEntry": wall(office), **more}
    return office.store.insert("appointment", {name: new[name] for name in new.keys() - {"AptNum", "DateTStamp"}})


def test_a_merge_is_told_where_the_key_may_query_and_a_clone_is_none() -> None:
    with loaded(queries=True) as office:
        first, second, third, *_ = patients(office)
        merge(office, first, second)
        merge(office, second, third, type_=2)
        office.run(FIVE_MINUTES_S)

        assert told(office, MERGES) == [{"PatNumFrom": first, "PatNumTo": second}]
        office.run(3 * FIVE_MINUTES_S)
        assert len(told(office, MERGES)) == 1


def test_without_queries_no_merge_and_no_form_is_told_of() -> None:
    """Nobody says it there, and nobody guesses."""
    with loaded(queries=False) as office:
        first, second, *_ = patients(office)
        merge(office, first, second)
        office.store.insert("sheet", {"PatNum": first, "IsWebForm": 1, "DateTSheetEdited": wall(office)})
        office.run(FIVE_MINUTES_S)

        assert (told(office, MERGES), told(office, INTAKE)) == ([], [])
        assert OPERATION not in office.d.upstream_calls


def test_forms_are_noted_as_they_wait_and_as_they_come_back() -> None:
    with loaded(queries=True) as office:
        patient, *_ = patients(office)
        web = office.store.insert("sheet", {"PatNum": patient, "IsWebForm": 1, "DateTSheetEdited": wall(office)})
        tablet = office.store.insert(
            "sheet", {"PatNum": patient, "ShowInTerminal": 1, "DateTSheetEdited": wall(office)}
        )
        office.run(FIVE_MINUTES_S)
        office.store.update("sheet", tablet, {"ShowInTerminal": 0, "DateTSheetEdited": wall(office)})
        office.run(FIVE_MINUTES_S)

        assert [(one["SheetNum"], one["state"], one["is_web_form"]) for one in told(office, INTAKE)] == [
            (web, "here", True),
            (tablet, "waiting", False),
            (tablet, "here", False),
        ]
        assert {one["PatNum"] for one in told(office, INTAKE)} == {patient}


def test_more_forms_than_an_answer_holds_are_all_noted() -> None:
    with loaded(queries=True) as office:
        first, second, *_ = patients(office)
        for _ in range(205):
            office.store.insert("sheet", {"PatNum": first, "IsWebForm": 1, "DateTSheetEdited": wall(office)})
        merge(office, first, second)
        office.run(FIVE_MINUTES_S)

        assert len(told(office, INTAKE)) == 205
        assert len(told(office, MERGES)) == 1


def test_what_was_there_before_the_mirror_is_not_told() -> None:
    with mirrored_office("--patients", "10", queries=True) as office:
        before = str(office.clock.now() - timedelta(days=2))
        first, second, *_ = patients(office)
        office.store.insert("sheet", {"PatNum": first, "IsWebForm": 1, "DateTSheetEdited": before})
        office.store.insert(
            "patientlink", {"PatNumFrom": first, "PatNumTo": second, "LinkType": 1, "DateTimeLink": before}
        )
        book(office, 2, SecDateTEntry=before)
        office.load()
        office.run(FIVE_MINUTES_S)

        assert [told(office, kind) for kind in (MERGES, INTAKE, WEB_SCHED)] == [[], [], []]


def test_an_office_whose_database_refuses_the_statement_is_left_alone_for_a_while() -> None:
    refused = 0

    def refuse(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
        nonlocal refused
        if call.operation == OPERATION and "patientlink" in str(call.body):
            refused += 1
            raise upstream.Invalid(operation=OPERATION, status=400)
        return answer

    with loaded(queries=True) as office, office.meddled(refuse):
        office.run(50 * 60)

        assert refused == 1
        assert office.state("patients").trouble is None


@pytest.mark.parametrize("queries", [False, True])
def test_a_visit_that_was_booked_on_line_is_told_as_that(*, queries: bool) -> None:
    with loaded(queries=queries) as office:
        on_line, by_staff = book(office, 2), book(office, 0)
        office.run(150)

        assert told(office, WEB_SCHED) == [{"AptNum": on_line, "way": "NewPat"}]
        assert by_staff in office.mirror("appointments")
        assert office.d.upstream_calls.count(ON_LINE) == 1


def test_nobody_is_asked_who_booked_where_no_visit_is_new() -> None:
    with loaded(queries=False) as office:
        old = office.store.rows("SELECT * FROM appointment WHERE AptStatus = 1")[0]
        entered = str(office.clock.now() - timedelta(days=3))
        office.store.update("appointment", old["AptNum"], {"SecDateTEntry": entered, "eServiceLogType": 1})
        office.run(150)
        office.d.upstream_calls.clear()
        office.store.update("appointment", old["AptNum"], {"Note": "Window seat"})
        office.run(1300)

        assert ON_LINE not in office.d.upstream_calls
        assert told(office, WEB_SCHED) == []


def test_what_this_gateway_wrote_is_not_asked_about() -> None:
    with loaded(queries=False) as office:
        d, number = office.d, book(office, 0, SecDateTEntry=str(office.clock.now()))
        office.run(150)
        d.upstream_calls.clear()
        d.grant("*:read", "appointments:write")
        answer = d.send(
            "PATCH", f"/appointments/{d.id_of('appointment', number)}", body={"note": "Window seat"}, key="k" * 16
        )
        office.run(700)

        assert answer.status in {200, 202}, answer.body
        assert "appointments.update" in d.upstream_calls
        assert ON_LINE not in d.upstream_calls


def test_the_statement_tells_no_text_that_anybody_wrote() -> None:
    shown = LATELY.text.split("FROM")[0]
    assert not any(word in LATELY.text for word in ("Description", "InternalNote", "LName", "*"))
    assert "AS Kind" in shown
