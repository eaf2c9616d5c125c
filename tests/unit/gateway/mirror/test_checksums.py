"""Sweeps by the office's checksums: what differs is found in a few calls, and nobody who lives is buried."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Phases
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.core.mirror import checksums, schedule
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.syncing import Phase, Probing, ResourceSync
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.queries.buckets import BUCKETS, CHECKED, HIGHEST_KEY, bucket_of
from gateway.core.queries.statement import PERMISSION
from open_dental import catalogue
from tests.fakes.deployment import ALL_PERMISSIONS, IDS
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office_history import OfficeHistory
from tests.fakes.services import Life

pytestmark = pytest.mark.usefixtures("small_pages")

PATIENTS = ("--patients", "40")
QUERY = "queries.ShortQuery"
_LATE = datetime.fromisoformat("2100-01-01 00:00:00")
BY_PARENT = tuple(name for name, one in MIRRORED.items() if one.list_operation is None)


@contextmanager
def checked_office(*options: str, practices: int = 1) -> Iterator[MirroredOffice]:
    """A loaded office whose key may query."""
    with mirrored_office(*(options or PATIENTS), queries=True, practices=practices) as office:
        state = office.on.syncs.load(office.id)
        # What changes with a stamp is told by probes: here nothing is told, and every statement is one of the sums.
        silent = Probing(refused_until=office.on.clock.now() + timedelta(days=400))
        office.on.syncs.save_practice(replace(state, probing=silent))
        office.load(4 * 3600)
        office.d.upstream_calls.clear()
        yield office


def calls(office: MirroredOffice, name: str) -> Counter[str]:
    """What was called of a resource, but for polls, and how often the office was queried."""
    polled = MIRRORED[name].list_operation if schedule.is_fed(MIRRORED[name]) else None
    made = {one for one in office.d.upstream_calls if one == QUERY or one.partition(".")[0] == name}
    of = made - {polled}
    return Counter({one: office.d.upstream_calls.count(one) for one in of})


def sweep(office: MirroredOffice, name: str) -> Counter[str]:
    """Sweep one resource and nothing else; what that called."""
    now = office.on.clock.now()
    for other, of in office.states().items():
        if other != name and of.phase is Phase.LOADED:
            office.on.syncs.save(office.id, replace(of, sweep_due_at=now + timedelta(days=30)))
    office.d.upstream_calls.clear()
    office.sweep(name, seconds=7200)
    return calls(office, name)


def table_of(name: str) -> str:
    return str(catalogue.resource(name).table)


def silently(office: MirroredOffice, name: str, key: int, **changes: object) -> None:
    """Change columns of a row without its stamps."""
    row = office.store.get(table_of(name), key)
    assert row is not None
    stamps: dict[str, object] = {column: row[column] for column in ("DateTStamp", "SecDateTEdit") if column in row}
    assert office.store.update(table_of(name), key, {**changes, **stamps})


# The text of a row


def test_a_row_is_the_text_of_its_columns_by_mysqls_definition() -> None:
    row = {
        "ProcNum": 7, "PatNum": 12, "AptNum": 0, "ProvNum": 3, "CodeNum": 501, "ProcDate": "2026-03-02",
        "ProcFee": "45.50", "ProcStatus": "EC", "DateTStamp": "2026-03-02 09:08:07",
    }  # fmt: skip
    text = b"7|12|0|3|501|2026-03-02|4550|3|2026-03-02 09:08:07"

    assert CHECKED["procedurelogs"].sum_of(row) == zlib.crc32(text)


@pytest.mark.parametrize("unset", [None, "", "0001-01-01", "0001-01-01 00:00:00"])
def test_an_unset_day_is_the_empty_text_however_it_is_written(unset: str | None) -> None:
    row = {"PerioExamNum": 1, "PatNum": 2, "ProvNum": 3, "ExamDate": unset, "DateTMeasureEdit": unset}

    assert CHECKED["perioexams"].sum_of(row) == zlib.crc32(b"1|2|3||")


def test_a_word_whose_number_nobody_knows_equals_no_sum() -> None:
    row = {"DiseaseNum": 1, "PatNum": 2, "DiseaseDefNum": 3, "ProbStatus": "Dormant"}

    assert CHECKED["diseases"].sum_of(row) == -1


@pytest.mark.parametrize("amount", ["0.1", "-12.34", "66.665", "1234567.89", "0.005", "-0.005", "1e2"])
def test_an_amount_is_the_same_whole_number_for_the_database_and_for_us(amount: str) -> None:
    with mirrored_office("--patients", "1", queries=True) as office:
        row = {"AdjNum": 5, "PatNum": 1, "AdjAmt": float(amount), "SecDateTEdit": "2026-01-02 03:04:05"}
        office.store.insert("adjustment", row)
        told = _query(office, CHECKED["adjustments"].rows.sql(after=4, upto=5, buckets=[bucket_of(5)], since=_LATE))

        assert told[0]["summed"] == CHECKED["adjustments"].sum_of({**row, "AdjAmt": Decimal(amount)})


@pytest.mark.parametrize("keys", [(), ("--random-keys",)])
def test_every_row_of_an_office_has_the_sum_here_that_its_database_tells(keys: tuple[str, ...]) -> None:
    with mirrored_office("--patients", "25", *keys, queries=True) as office:
        for name, checked in CHECKED.items():
            number = str(MIRRORED[name].key)
            rows = [
                row for row in _listed(office, name) if checked.resource != "patients" or row["PatStatus"] != "Deleted"
            ]
            ours = {row[number]: checked.sum_of(row) for row in rows}
            told: list[dict[str, Any]] = []
            while True:
                after = told[-1]["number"] if told else 0
                text = checked.rows.sql(after=after, upto=HIGHEST_KEY, buckets=list(range(BUCKETS)), since=_LATE)
                told += (page := _query(office, text))
                if len(page) < 100:
                    break

            assert {row["number"]: row["summed"] for row in told} == ours, name
            assert name == "adjustments" or name == "patfields" or ours, name


# What a sweep finds


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("appointments", {"AptStatus": 5}),
        ("appointments", {"AptDateTime": "2026-07-08 09:10:00"}),
        ("procedurelogs", {"ProcFee": 1234.56}),
        ("procedurelogs", {"ProcStatus": 6}),
        ("claimprocs", {"InsPayAmt": 71.25}),
        ("paysplits", {"SplitAmt": 3.33}),
        ("allergies", {"StatusIsActive": 0}),
        ("documents", {"DocCategory": 99}),
    ],
)
def test_an_edit_that_moved_no_stamp_is_found_by_its_sum(name: str, changes: dict[str, object]) -> None:
    with checked_office() as office:
        key = sorted(office.mirror(name))[3]
        silently(office, name, key, **changes)
        assert office.differences() == {name: [key]}
        made = sweep(office, name)

        assert office.differences() == {}
        assert made[QUERY] == 2, "the sums, and one closer look"
        assert made.total() == 3, "and the row"


def test_the_text_of_an_allergy_is_found_by_a_stamp_that_open_dental_does_not_show() -> None:
    with checked_office() as office:
        office.run(4 * 3600)
        key = min(office.mirror("allergies"))
        office.store.update("allergy", key, {"Reaction": "Anaphylaxis"})
        sweep(office, "allergies")

        assert office.on.records.get(office.id, "allergies", [key])[0].row["Reaction"] == "Anaphylaxis"


@pytest.mark.parametrize("name", ["appointments", "procedurelogs", "patplans", "claimprocs", "documents", "allergies"])
def test_a_row_that_was_deleted_is_a_tombstone_and_a_new_one_is_here(name: str) -> None:
    with checked_office() as office:
        keys = sorted(office.mirror(name))
        row = dict(office.store.get(table_of(name), keys[2]) or {})
        office.store.delete(table_of(name), keys[1])
        row.pop(str(MIRRORED[name].key))
        new = office.store.insert(table_of(name), row)
        sweep(office, name)

        assert office.differences() == {}
        dead = office.on.records.get(office.id, name, [keys[1]], dead=True)[0]
        assert dead.deleted_at is not None
        assert office.on.records.get(office.id, name, [new])
        assert office.buried_alive() == {}


def test_a_list_by_parent_only_loses_the_rows_of_a_parent_who_has_none_any_more() -> None:
    with checked_office() as office:
        key = min(office.mirror("allergies"))
        patient = office.on.records.get(office.id, "allergies", [key])[0].row["PatNum"]
        for row in office.store.find("allergy", {"PatNum": patient}):
            office.store.delete("allergy", row["AllergyNum"])
        sweep(office, "allergies")

        assert office.on.records.under(office.id, "allergies", "PatNum", patient) == []
        assert office.differences() == {}


def test_with_random_keys_of_nineteen_digits_as_well() -> None:
    with checked_office(*PATIENTS, "--random-keys") as office:
        keys = sorted(office.mirror("procedurelogs"))
        assert keys[-1] > 10**17
        silently(office, "procedurelogs", keys[5], ProcFee=9.99)
        office.store.delete("procedurelog", keys[9])
        made = sweep(office, "procedurelogs")

        assert office.differences() == {}
        assert made.total() <= 5


def test_rows_that_go_come_and_change_during_the_look_do_no_harm() -> None:
    with checked_office() as office:
        history = OfficeHistory(office, 3)
        keys = sorted(office.mirror("commlogs"))
        silently(office, "commlogs", keys[0], CommType=77)

        def meddle(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation in {QUERY, "commlogs.get", "commlogs.list"}:
                history.delete("commlogs")
                history.insert("commlogs")
                history.edit("commlogs")
            return answer

        with office.meddled(meddle):
            sweep(office, "commlogs")
        assert office.buried_alive() == {}
        sweep(office, "commlogs")

        assert office.differences() == {}


def test_patients_who_are_marked_as_deleted_are_no_difference() -> None:
    with checked_office("--patients", "60") as office:
        keys = sorted(office.mirror("patients"))
        silently(office, "patients", keys[0], PatStatus=4)
        first = sweep(office, "patients")

        assert office.on.records.get(office.id, "patients", [keys[0]])[0].row["PatStatus"] == "Deleted"
        assert first["patients.get"] == 1
        assert sweep(office, "patients") == {QUERY: 1}, "nothing differs any more"


def test_a_sweep_in_which_nothing_differs_is_one_call() -> None:
    with checked_office() as office:
        assert sweep(office, "procedurelogs") == {QUERY: 1}
        of = office.state("procedurelogs")
        assert of.swept_at is not None
        assert of.sweep_due_at == of.swept_at + timedelta(hours=1)


def test_swept_at_is_the_time_of_the_first_statement() -> None:
    with checked_office() as office:
        seen = []

        def note(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation == QUERY:
                seen.append(answer.started_at)
            return answer

        silently(office, "procedurelogs", min(office.mirror("procedurelogs")), ProcFee=1.0)
        with office.meddled(note):
            sweep(office, "procedurelogs")

        assert len(seen) == 2
        assert office.state("procedurelogs").swept_at == seen[0]


def test_many_missing_rows_are_believed_only_of_a_second_look() -> None:
    with checked_office() as office:
        keys = sorted(office.mirror("procedurelogs"))
        for key in keys[::4]:
            office.store.delete("procedurelog", key)
        made = sweep(office, "procedurelogs")

        assert made[QUERY] >= 4
        assert office.differences() == {}
        assert office.buried_alive() == {}


# What may go wrong


def test_a_statement_that_takes_too_long_is_asked_of_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "STRETCH_ROWS", 160)
    monkeypatch.setattr(checksums, "FEWEST_STRETCH_ROWS", 30)
    with checked_office() as office:
        silently(office, "procedurelogs", sorted(office.mirror("procedurelogs"))[-2], ProcFee=1.0)
        office.d.faulty("status", QUERY, status=504, count=1)
        made = sweep(office, "procedurelogs")

        rows = office.state("procedurelogs").rows
        assert made[QUERY] == 1 + rows // 40 + 1 + 1, "once in vain, stretches of forty rows, one closer look"
        assert office.state("procedurelogs").strikes == 0
        assert office.differences() == {}


def test_statements_that_never_end_leave_the_sweep_to_whole_readings() -> None:
    with checked_office() as office:
        office.d.faulty("status", QUERY, status=504, count=None)
        silently(office, "procedurelogs", min(office.mirror("procedurelogs")), ProcFee=1.0)
        office.sweep("procedurelogs", seconds=4 * 3600)

        assert office.state("procedurelogs").strikes == 1
        assert office.mirror("procedurelogs") == office.office("procedurelogs")


def test_an_office_that_refuses_queries_is_swept_by_whole_readings() -> None:
    with checked_office() as office:
        office.d.faulty("status", QUERY, status=401, count=None)
        silently(office, "procedurelogs", min(office.mirror("procedurelogs")), ProcFee=1.0)
        office.sweep("procedurelogs", seconds=4 * 3600)

        assert office.mirror("procedurelogs") == office.office("procedurelogs")
        assert office.state("procedurelogs").phase is Phase.LOADED


def test_sums_that_never_agree_are_given_up_after_the_second_time_and_said_so() -> None:
    with checked_office() as office:

        def other_sums(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation != QUERY:
                return answer
            return replace(answer, data=[{**row, "summed": 1} if "summed" in row else row for row in answer.rows])

        with office.meddled(other_sums):
            sweep(office, "procedurelogs")
            assert office.state("procedurelogs").trouble is None
            sweep(office, "procedurelogs")

        assert office.state("procedurelogs").trouble == "sums-differ"
        assert office.state("procedurelogs").phase is Phase.LOADED
        assert sweep(office, "procedurelogs")[QUERY] == 0
        assert office.buried_alive() == {}


def test_a_few_rows_whose_sums_never_agree_are_read_again_and_nothing_more() -> None:
    with checked_office() as office:
        odd = sorted(office.mirror("procedurelogs"))[7]

        def another_sum(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation != QUERY:
                return answer
            told = [
                {**row, "summed": row["summed"] + 1}
                if odd == row.get("number") or bucket_of(odd) == row.get("bucket")
                else row
                for row in answer.rows
            ]
            return replace(answer, data=told)

        with office.meddled(another_sum):
            for _ in range(3):
                made = sweep(office, "procedurelogs")
                assert made == {QUERY: 2, "procedurelogs.get": 1}

        assert office.state("procedurelogs").trouble is None


def test_a_row_is_read_again_once_however_often_it_is_interrupted() -> None:
    with checked_office() as office:
        odd = {row["ProcNum"] for row in {row["PatNum"]: row for row in office.d.rows("procedurelog")}.values()}
        odd = set(sorted(odd)[:12])
        buckets = {bucket_of(key) for key in odd}

        def other_sums(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation != QUERY:
                return answer
            told = [
                {**row, "summed": row["summed"] + (row.get("number") in odd or row.get("bucket") in buckets)}
                for row in answer.rows
            ]
            return replace(answer, data=told)

        for after in (3, 8):
            office.d.faulty("drop_answer", "procedurelogs.get", after=after, count=1)
        with office.meddled(other_sums):
            made = sweep(office, "procedurelogs")

        assert made["procedurelogs.get"] == 12 + 2, "each row once, and two calls without an answer"


def test_a_parent_without_rows_is_found_by_asking_each_parent_as_well() -> None:
    """Where sums cannot be compared."""
    with checked_office() as office:
        now = office.on.clock.now()
        of = replace(office.state("allergies"), strikes=2, trouble="sums-differ", trouble_since=now)
        office.on.syncs.save(office.id, of)
        key = min(office.mirror("allergies"))
        patient = office.on.records.get(office.id, "allergies", [key])[0].row["PatNum"]
        for row in office.store.find("allergy", {"PatNum": patient}):
            office.store.delete("allergy", row["AllergyNum"])
        made = sweep(office, "allergies")

        assert made["allergies.list"] >= len({row["PatNum"] for row in office.d.rows("allergy")})
        assert office.differences() == {}
        assert office.state("allergies").trouble == "sums-differ"


def test_an_office_whose_whole_table_seems_empty_buries_nobody() -> None:
    with checked_office() as office:

        def nothing(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            return replace(answer, data=[]) if call.operation == QUERY else answer

        of = office.state("procedurelogs")
        office.on.syncs.save(office.id, replace(of, sweep_due_at=office.on.clock.now()))
        with office.meddled(nothing):
            office.run(1200)

        assert all(one.is_living for one in office.on.records.kept[office.id, "procedurelogs"].values())


def test_a_process_may_die_between_any_two_steps() -> None:
    with checked_office() as office:
        history = OfficeHistory(office, 9)
        steps = 3
        for name in ("procedurelogs", "claimprocs", "allergies") * 2:
            for _ in range(3):
                history.delete(name)
                history.insert(name)
            key = sorted(office.mirror(name))[4]
            if office.store.get(table_of(name), key):
                silently(office, name, key, ProvNum=5000 + steps) if name != "allergies" else None
            began = office.on.clock.now()
            office.on.syncs.save(office.id, replace(office.state(name), sweep_due_at=began))
            while (office.state(name).swept_at or began) <= began and steps < 400:
                steps += 7
                office.on.world.next_life = lambda steps=steps: Life(left=steps)  # type: ignore[misc]
                office.run(60)
                assert office.buried_alive() == {}
        office.on.world.next_life = lambda: None
        for name in ("procedurelogs", "claimprocs", "allergies"):
            sweep(office, name)

        assert office.differences() == {}


def test_two_practices_with_equal_keys_are_swept_each_by_its_own_office() -> None:
    with checked_office(practices=2) as office:
        key = min(office.mirror("procedurelogs"))
        other = office.d.servers[IDS[1]].practice.office.store
        other.update("procedurelog", key, {"ProcFee": 4321.0})
        silently(office, "procedurelogs", key, ProcFee=1234.0)
        sweep(office, "procedurelogs")

        assert office.on.records.get(IDS[0], "procedurelogs", [key])[0].row["ProcFee"] == "1234.00"
        assert office.on.records.get(IDS[1], "procedurelogs", [key]) == []


# When it is done so


def test_whole_readings_go_on_once_a_week_for_what_no_sum_has() -> None:
    with checked_office() as office:
        key = min(office.mirror("commlogs"))
        silently(office, "commlogs", key, Note="behind the program's back")
        sweep(office, "commlogs")
        assert office.differences() == {"commlogs": [key]}
        office.on.clock.seconds += checksums.WHOLE_LATEST.total_seconds()
        sweep(office, "commlogs")

        assert office.differences() == {}


def test_without_the_permission_nothing_is_ever_queried() -> None:
    with mirrored_office(*PATIENTS) as office:
        office.load(4 * 3600)
        office.sweep(seconds=4 * 3600)

        assert QUERY not in office.d.upstream_calls
        assert all(office.state(name).trouble == "only-by-parent" for name in BY_PARENT)


def test_a_key_that_loses_the_permission_goes_back_to_what_it_may() -> None:
    with checked_office() as office:
        office.d.know(permissions=ALL_PERMISSIONS - {PERMISSION})
        office.run(1200)
        silently(office, "procedurelogs", min(office.mirror("procedurelogs")), ProcFee=1.0)
        made = sweep(office, "procedurelogs")

        assert made[QUERY] == 0
        assert office.differences() == {}
        assert office.state("allergies").phase is Phase.NOT_OFFERED


def test_a_version_that_does_not_show_a_column_is_not_swept_by_it() -> None:
    practice = Practice(IDS[0], "Elm Street Dental", "America/Chicago", permissions=ALL_PERMISSIONS)
    assert CHECKED["claims"].is_known_by(replace(practice, version="25.4.1"))


def test_what_is_listed_by_parent_only_is_loaded_and_its_progress_is_known() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        office.turn_on()
        shares = []

        def look(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            of = office.states().get("allergies")
            if call.operation == "allergies.list" and of is not None and of.running is not None:
                shares.append((of.running.offset, of.running.of_all))
            return answer

        with office.meddled(look):
            office.load(4 * 3600)
        parents = len({row["PatNum"] for row in office.d.rows("allergy")})

        assert shares == [(done, parents) for done in range(parents)]
        assert all(office.state(name).phase is Phase.LOADED for name in BY_PARENT)
        assert office.differences() == {}


@pytest.mark.parametrize(("rows", "hours"), [(19_000, 1), (200_000, 6)])
def test_sweeps_by_sums_come_more_often_than_whole_readings(rows: int, hours: int) -> None:
    practice = Practice(IDS[0], "Elm Street Dental", "America/Chicago", permissions=ALL_PERMISSIONS, version="25.4.1")
    with mirrored_office("--patients", "1", queries=True) as office:
        of = ResourceSync("procedurelogs", rows=rows)
        now = office.on.clock.now()

        assert checksums.period(practice, MIRRORED["procedurelogs"], of, now) == timedelta(hours=hours)
        assert schedule.sweep_period(of, page_limit=20) == schedule.SWEEP_LONG


# Any history


class ChecksumMachine(RuleBasedStateMachine):
    """Random histories of an office whose key may query; what sums and stamps tell of is found by the closing sweep."""

    @initialize(seed=st.integers(0, 10_000))
    def open_office(self, seed: int) -> None:
        self.stack = ExitStack()
        pages = Practice.page_limit
        Practice.page_limit = property(lambda _: 20)  # type: ignore[assignment, method-assign]
        self.stack.callback(setattr, Practice, "page_limit", pages)
        options = ("--patients", "10", "--seed", str(seed % 3 + 1), *(("--random-keys",) if seed % 2 else ()))
        self.office = self.stack.enter_context(mirrored_office(*options, queries=True))
        self.history = OfficeHistory(self.office, seed)
        self.office.turn_on()

    @rule(name=st.sampled_from(sorted(CHECKED)), kind=st.sampled_from(("insert", "edit", "delete")))
    def office_works(self, name: str, kind: str) -> None:
        if name in MIRRORED:
            getattr(self.history, kind)(name)

    @rule(name=st.sampled_from(["procedurelogs", "claimprocs", "appointments"]), number=st.integers(0, 50))
    def office_edits_silently(self, name: str, number: int) -> None:
        rows = self.office.store.find(table_of(name), {})
        if rows:
            key = rows[number % len(rows)][MIRRORED[name].key]
            changed = {"ProvNum": 1000 + number}
            if self.office.store.get(table_of(name), key)["ProvNum"] != changed["ProvNum"]:  # type: ignore[index]
                silently(self.office, name, key, **changed)

    @rule(kind=st.sampled_from(("drop_answer", "html", "empty", "429", "half_json")), after=st.integers(0, 8))
    def calls_go_wrong(self, kind: str, after: int) -> None:
        self.office.d.faulty(kind, "*", count=2, after=after)

    @rule(steps=st.integers(3, 300))
    def processes_die(self, steps: int) -> None:
        self.office.on.world.next_life = lambda: Life(left=steps)
        self.office.run(60)
        self.office.on.world.next_life = lambda: None

    @rule(seconds=st.sampled_from([20, 400, 3700]))
    def time_passes(self, seconds: int) -> None:
        self.office.run(seconds)

    @rule(name=st.sampled_from(sorted(CHECKED)))
    def office_works_while_it_is_swept(self, name: str) -> None:
        def meddle(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation == QUERY:
                self.history.delete(name)
                self.history.insert(name)
            return answer

        of = self.office.states().get(name)
        if of is not None and of.phase is Phase.LOADED:
            self.office.on.syncs.save(self.office.id, replace(of, sweep_due_at=self.office.on.clock.now()))
            with self.office.meddled(meddle):
                self.office.run(60)

    @invariant()
    def nobody_who_lives_is_buried(self) -> None:
        if hasattr(self, "office"):
            assert self.office.buried_alive() == {}

    def teardown(self) -> None:
        if not hasattr(self, "office"):
            return
        with self.stack:
            self.office.d.simulated.faults.clear()
            self.office.load(seconds=4 * 3600)
            self.office.run(400)
            self.office.sweep(seconds=4 * 3600)

            assert self.office.differences() == {}, self.history.happened
            assert self.office.buried_alive() == {}


TestChecksumMachine = ChecksumMachine.TestCase
TestChecksumMachine.settings = settings(
    max_examples=8,
    stateful_step_count=8,
    suppress_health_check=list(HealthCheck),
    phases=(Phases.explicit, Phases.reuse, Phases.generate),
)


# Help


def _query(office: MirroredOffice, text: str) -> list[dict[str, Any]]:
    practice = office.on.practices.get(office.id)
    return list(office.on.upstream.send(practice, UpstreamCall(QUERY, body={"SqlCommand": text})).rows)


def _listed(office: MirroredOffice, name: str) -> list[dict[str, Any]]:
    one = MIRRORED[name]
    if one.list_operation is not None:
        return office._list(one.list_operation, dict(one.fixed))
    parents = office.store.rows(f'SELECT DISTINCT "{one.parents[0]}" AS parent FROM "{table_of(name)}"')
    return [row for of in parents for row in office._list(one.lists, {one.parents[0]: of["parent"]})]
