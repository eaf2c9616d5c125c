"""Runs of the export over a mirrored office: nothing is lost, nothing repeated, nothing half is seen."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.errors import Unavailable
from gateway.core.export import layout
from gateway.core.export.exported import EXPORTED
from gateway.core.export.runs import ExportRun, Mode, State
from gateway.core.export.stepping import export_practice, prepare, publish
from gateway.core.ids import new_id
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.syncing import Wanted
from gateway.core.practices import Baa
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office import Killed
from tests.fakes.services import FakeServices, Life

FEW = ("patients", "claims", "payments", "balances")


@pytest.fixture(scope="module")
def loaded() -> Iterator[MirroredOffice]:
    """A practice whose mirror is loaded; tests work on copies of what they change."""
    with mirrored_office(queries=True) as office:
        office.load()
        office.run(180)
        yield office


@pytest.fixture
def office(loaded: MirroredOffice) -> MirroredOffice:
    on = loaded.on
    fresh = FakeServices()
    on.exports, on.warehouse, on.audit = fresh.exports, fresh.warehouse, fresh.audit
    on.clock.seconds += 3600
    return loaded


def asked(
    office: MirroredOffice,
    mode: Mode = Mode.INCREMENTAL,
    objects: tuple[str, ...] = FEW,
    practices: tuple[str, ...] = (),
) -> ExportRun:
    """A run that is asked for now."""
    on = office.on
    on.clock.seconds += 300
    run = ExportRun(new_id("export"), mode, practices or (office.id,), objects, "gateway", on.clock.now())
    made: ExportRun = on.exports.make(run)
    return made


def worked(run: ExportRun, on: Any, *, part_rows: int = 7) -> None:
    """The run's steps, as its machine calls them."""
    for one in prepare(run.id, scheduled=None, on=on)["practices"]:
        while not export_practice(run.id, one, time_left_s=lambda: 900.0, on=on, part_rows=part_rows)["done"]:
            pass


def done(office: MirroredOffice, mode: Mode = Mode.INCREMENTAL, objects: tuple[str, ...] = FEW) -> ExportRun:
    """A run that is published."""
    run = asked(office, mode, objects)
    worked(run, office.on)
    assert publish(run.id, on=office.on)["state"] == "published"
    return run


def rows_of(run_id: str, office: MirroredOffice) -> list[tuple[str, dict[str, Any]]]:
    """(object, row) of all lines that the manifest of a run leads to."""
    manifest = office.on.warehouse.get(layout.published_key(run_id))
    lines = [json.loads(line) for line in manifest.body.splitlines()] if manifest is not None else []
    return [
        (line["object"], json.loads(row))
        for line in lines
        for file in line["files"]
        if file["key"].endswith(".jsonl.gz")
        for row in gzip.decompress(office.on.warehouse.get(file["key"]).body).splitlines()
    ]


def current(runs: list[ExportRun], office: MirroredOffice) -> dict[tuple[str, str], dict[str, Any]]:
    """What a reader of these runs, the first of which is a snapshot, has in the end."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs:
        for name, row in rows_of(run.id, office):
            found[name, row["id"]] = {one: value for one, value in row.items() if one != "run_id"}
    return {place: row for place, row in found.items() if row["deleted_at"] is None}


def change(office: MirroredOffice, resource: str, number: int, **columns: Any) -> None:
    """Have a row read anew with other columns."""
    (was,) = office.on.records.get(office.id, resource, [number], dead=True)
    read = ReadAt(Order(was.read.order.epoch, was.read.order.turn_no + 1), office.on.clock.now())
    office.on.records.store(office.id, resource, [{**was.row, **columns}], read=read, cause="poll")


def bury(office: MirroredOffice, resource: str, number: int) -> None:
    """Have a row gone."""
    (was,) = office.on.records.get(office.id, resource, [number], dead=True)
    now = office.on.clock.now()
    read = ReadAt(Order(was.read.order.epoch, was.read.order.turn_no + 1), now)
    office.on.records.bury(office.id, resource, [number], read=read, cause="sweep", at=now)


def keys(office: MirroredOffice, resource: str) -> list[int]:
    return [one.key for one in office.on.records.page(office.id, resource, after=None, limit=10_000)]


def test_a_snapshot_has_every_living_object_once(office: MirroredOffice) -> None:
    run = done(office, Mode.SNAPSHOT, tuple(EXPORTED))

    counted = Counter(name for name, _ in rows_of(run.id, office))
    assert counted["patients"] == counted["balances"] == len(keys(office, "patients"))
    assert counted["payments"] == len(keys(office, "payments")) + len(keys(office, "claimpayments"))
    assert all(
        counted[name] == len(keys(office, one.sources[0].resource))
        for name, one in EXPORTED.items()
        if len(one.sources) == 1
    )
    ids = Counter((name, row["id"]) for name, row in rows_of(run.id, office))
    assert set(ids.values()) == {1}


def test_the_second_run_has_what_has_changed_and_what_has_gone_and_nothing_else(office: MirroredOffice) -> None:
    first = done(office)
    assert {line["mode"] for line in manifest(first, office)} == {"snapshot"}
    one, other = keys(office, "claims")[:2]
    change(office, "claims", one, ClaimNote="called the carrier")
    bury(office, "claims", other)

    second = done(office)

    told = {row["source"]["key"]: row["deleted_at"] is None for _, row in rows_of(second.id, office)}
    assert told == {str(one): True, str(other): False}
    assert len(current([first, second], office)) == len(current([first], office)) - 1


def manifest(run: ExportRun, office: MirroredOffice) -> list[dict[str, Any]]:
    lines = office.on.warehouse.get(layout.published_key(run.id)).body.splitlines()
    return [json.loads(line) for line in lines]


def test_a_changed_part_brings_its_whole_object(office: MirroredOffice) -> None:
    done(office)
    line = next(one for one in office.on.records.page(office.id, "claimprocs", after=None, limit=500) if _is_paid(one))
    change(office, "claimprocs", line.key, Remarks="recoded")

    second = done(office)

    rows = rows_of(second.id, office)
    claims = [row for name, row in rows if name == "claims" and row["source"]["key"] == str(line.row["ClaimNum"])]
    assert [part["remarks"] for row in claims for part in row["lines"]].count("recoded") == 1
    paid = [row["source"]["key"] for name, row in rows if name == "payments"]
    assert paid == [str(line.row["ClaimPaymentNum"])]


def _is_paid(one: Any) -> bool:
    return int(one.row["ClaimNum"]) > 0 and int(one.row["ClaimPaymentNum"]) > 0


def test_a_line_that_moves_to_another_claim_leaves_the_first(office: MirroredOffice) -> None:
    first = done(office)
    lines = [one for one in office.on.records.page(office.id, "claimprocs", after=None, limit=500) if _is_paid(one)]
    of_two = Counter(int(one.row["PatNum"]) for one in lines)
    patient = next(number for number, count in of_two.items() if count > 1 and _claims_of(lines, number) > 1)
    line = next(one for one in lines if int(one.row["PatNum"]) == patient)
    target = next(
        int(one.row["ClaimNum"])
        for one in lines
        if int(one.row["PatNum"]) == patient and one.row["ClaimNum"] != line.row["ClaimNum"]
    )
    change(office, "claimprocs", line.key, ClaimNum=target)

    incremental = current([first, done(office)], office)

    assert incremental == current([done(office, Mode.SNAPSHOT)], office)


def _claims_of(lines: list[Any], patient: int) -> int:
    return len({one.row["ClaimNum"] for one in lines if int(one.row["PatNum"]) == patient})


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                ("patients", "Preferred"),
                ("claims", "ClaimNote"),
                ("claimprocs", "Remarks"),
                ("payments", "CheckNum"),
                ("paysplits", "SecDateTEdit"),
                ("claimpayments", "CheckNum"),
                ("patients", "BalTotal"),
            ]
        ),
        st.integers(0, 30),
        st.booleans(),
    ),
    max_size=8,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(CHANGES, min_size=1, max_size=3))
def test_runs_since_a_snapshot_say_what_a_new_snapshot_says(
    rounds: list[list[tuple[tuple[str, str], int, bool]]], loaded: MirroredOffice
) -> None:
    on = loaded.on
    fresh, kept = FakeServices(), {place: dict(rows) for place, rows in on.records.kept.items()}
    on.exports, on.warehouse, on.audit = fresh.exports, fresh.warehouse, fresh.audit
    try:
        runs = [done(loaded)]
        for changes in rounds:
            for (resource, column), place, is_gone in changes:
                numbers = keys(loaded, resource)
                number = numbers[place % len(numbers)]
                if is_gone:
                    bury(loaded, resource, number)
                else:
                    value = f"{on.clock.seconds % 1000:.2f}" if column == "BalTotal" else f"{on.clock.seconds}"
                    change(loaded, resource, number, **{column: value})
                on.clock.seconds += 1
            runs.append(done(loaded))

        assert current(runs, loaded) == current([done(loaded, Mode.SNAPSHOT)], loaded)
    finally:
        on.records.kept.clear()
        on.records.kept.update(kept)


def test_a_run_that_dies_anywhere_and_goes_on_loses_nothing_and_repeats_nothing(office: MirroredOffice) -> None:
    """A death at every third use of a port, before it counted and after."""
    objects = ("recall_types", "locations", "claims")
    whole = asked(office, objects=objects)
    life = Life()
    worked(whole, office.on.mortal(life), part_rows=20)
    publish(whole.id, on=office.on.mortal(life))
    wanted = {(name, row["id"]): row["version"] for name, row in rows_of(whole.id, office)}
    steps = life.used

    for step in range(0, steps, 3):
        fresh = FakeServices()
        office.on.exports, office.on.warehouse, office.on.audit = fresh.exports, fresh.warehouse, fresh.audit
        run = asked(office, objects=objects)
        with pytest.raises(Killed):
            dying = office.on.mortal(Life(left=step))
            worked(run, dying, part_rows=20)
            publish(run.id, on=dying)
        worked(run, office.on, part_rows=20)
        assert publish(run.id, on=office.on)["state"] in {"published", State.PUBLISHED}

        rows = rows_of(run.id, office)
        assert len(rows) == len(wanted), step
        assert {(name, row["id"]): row["version"] for name, row in rows} == wanted
        assert set(office.on.exports.marks(office.id)) == set(objects)
        assert len(office.on.audit.entries) == 1


def test_two_hands_at_one_practice_write_it_once(office: MirroredOffice) -> None:
    """A step that Lambda repeats beside itself: the other one is done just before each save."""
    run = asked(office, objects=("payments",))
    on = office.on
    real, calls = on.exports.save, []

    def save(run_id: str, progress: Any) -> Any:
        calls.append(progress)
        if len(calls) == 3:
            on.exports.save = real
            worked(run, on)
        return real(run_id, progress)

    on.exports.save = save
    worked(run, on)
    publish(run.id, on=on)

    ids = [row["id"] for _, row in rows_of(run.id, office)]
    assert len(ids) == len(set(ids)) == len(keys(office, "payments")) + len(keys(office, "claimpayments"))


def test_a_row_that_changes_between_death_and_return_is_in_one_of_two_runs_as_it_is_now(
    office: MirroredOffice,
) -> None:
    run = asked(office, objects=("payments",))
    with pytest.raises(Killed):
        worked(run, office.on.mortal(Life(dies_at=("exports.save", 3, "before"))))
    number = keys(office, "payments")[0]
    change(office, "payments", number, CheckNum="1234")
    worked(run, office.on)
    publish(run.id, on=office.on)

    second = done(office, objects=("payments",))

    assert current([run, second], office) == current([done(office, Mode.SNAPSHOT, ("payments",))], office)


def test_where_the_time_ends_a_practice_goes_on_in_the_next_step(office: MirroredOffice) -> None:
    run = asked(office)
    left = iter([900.0] * 9)

    def time_left_s() -> float:
        return next(left, 5.0)

    answer = export_practice(run.id, office.id, time_left_s=time_left_s, on=office.on, part_rows=7)
    assert answer == {"practice_id": office.id, "done": False, "state": "running"}
    assert publish_is_nothing(run, office)

    worked(run, office.on)
    publish(run.id, on=office.on)
    assert len(rows_of(run.id, office)) == len({row["id"] + name for name, row in rows_of(run.id, office)}) > 50


def publish_is_nothing(run: ExportRun, office: MirroredOffice) -> bool:
    return office.on.warehouse.get(layout.published_key(run.id)) is None


def test_nothing_is_visible_before_the_one_file_is(office: MirroredOffice) -> None:
    run = asked(office)
    worked(run, office.on)

    assert publish_is_nothing(run, office)
    assert office.on.exports.marks(office.id) == {}


def test_a_practice_without_an_agreement_or_a_mirror_fails_by_itself(office: MirroredOffice) -> None:
    on = office.on
    practice = on.practices.get(office.id)
    ended = replace(practice, id=new_id("practice"), baa=Baa("b", "A", date(2020, 1, 1), date(2020, 12, 31)))
    off = replace(practice, id=new_id("practice"))
    for one in (ended, off):
        on.practices.put(one)
    run = asked(office, practices=(ended.id, office.id, off.id))
    worked(run, on)

    told = publish(run.id, on=on)

    assert (told["state"], told["practices"], told["failed"]) == ("published", 1, 2)
    reasons = {
        one: json.loads(on.warehouse.get(layout.staged_key(run.id, one)).body)["reason"] for one in (ended.id, off.id)
    }
    assert reasons == {ended.id: "baa-missing", off.id: "mirror-off"}
    assert not any(one in key and "staged" not in key for key in on.warehouse.files for one in reasons)


def test_a_run_of_which_nothing_could_be_exported_fails_and_lets_the_next_one_run(office: MirroredOffice) -> None:
    state = office.on.syncs.load(office.id)
    office.on.syncs.save_practice(replace(state, wanted=Wanted.OFF))
    try:
        run = asked(office)
        worked(run, office.on)
        assert publish(run.id, on=office.on)["state"] == "failed"
        assert publish_is_nothing(run, office)
        asked(office)
    finally:
        state = office.on.syncs.load(office.id)
        office.on.syncs.save_practice(replace(state, wanted=Wanted.ON))


def test_an_old_snapshot_is_taken_anew(office: MirroredOffice) -> None:
    """Files end after a while, and the first of them would end with the snapshot in it."""
    done(office)
    assert {line["mode"] for line in manifest(done(office), office)} == {"incremental"}
    office.on.clock.seconds += timedelta(days=7).total_seconds()

    assert {line["mode"] for line in manifest(done(office), office)} == {"snapshot"}


def test_that_its_data_leave_is_in_the_practices_trail_before_they_do(office: MirroredOffice) -> None:
    run = asked(office)

    def refuse(*_: Any, **__: Any) -> None:
        raise Unavailable("no")

    note, office.on.audit.note = office.on.audit.note, refuse
    with pytest.raises(Unavailable):
        worked(run, office.on)
    assert not [key for key in office.on.warehouse.files if run.id in key]

    office.on.audit.note = note
    worked(run, office.on)
    (entry,) = office.on.audit.entries
    assert (entry.practice_id, entry.request_id, entry.served_from) == (office.id, run.id, "mirror")


def test_no_file_has_a_note_or_a_social_security_number(office: MirroredOffice) -> None:
    number = keys(office, "patients")[0]
    (was,) = office.on.records.get(office.id, "patients", [number])
    change(office, "patients", number, SSN="900-12-3456", AddrNote="MARKED", MedUrgNote="MARKED", Language="en")
    change(office, "commlogs", keys(office, "commlogs")[0], Note="MARKED")
    try:
        done(office, Mode.SNAPSHOT, tuple(EXPORTED))
        plain = b"".join(
            gzip.decompress(one.body) if key.endswith(".gz") else one.body
            for key, one in office.on.warehouse.files.items()
        )
        assert b"MARKED" not in plain
        assert b"900-12-3456" not in plain
        assert b"900123456" not in plain
    finally:
        change(office, "patients", number, **{name: was.row[name] for name in was.row})


def test_the_clock_runs_what_somebody_asked_for_once(office: MirroredOffice) -> None:
    on = office.on
    assert prepare(None, scheduled="one", on=on) == {"run_id": None, "practices": []}
    on.exports.keep_up([office.id])

    made = prepare(None, scheduled="two", on=on)

    assert made["practices"] == [office.id]
    assert prepare(None, scheduled="two", on=on) == made
    assert prepare(None, scheduled="three", on=on) == {"run_id": None, "practices": []}
