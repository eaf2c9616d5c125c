"""A key that may query: one statement tells what has changed, in lists without any filter too, and edits included."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from gateway.core.mirror import schedule, session
from gateway.core.mirror.feeds import BACKUP_RESTORED, SERVER_CLOCK_BACK
from gateway.core.mirror.health import sync_view
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.syncing import Phase
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from gateway.core.practices import Tier
from gateway.core.queries.changes import STAMPED
from infra.sandbox.practice import schema
from open_dental.errors import Invalid, PermissionMissing
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.office_history import OfficeHistory

PATIENTS = ("--patients", "15")
TUESDAY_TEN = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
FOLLOWED = tuple(
    name
    for name, one in STAMPED.items()
    if MIRRORED[name].list_operation is not None and one.stamp in schema.CHANGE_STAMPS
)


def at(office: MirroredOffice, moment: datetime) -> None:
    """Let it be `moment`."""
    office.on.clock.start += moment - office.on.clock.now()


def opened(office: MirroredOffice, *, run: float = 400.0) -> MirroredOffice:
    """An office on a Tuesday morning whose mirror is loaded and has been followed for a while."""
    at(office, TUESDAY_TEN)
    office.load(seconds=1800)
    office.run(run)
    return office


def shown(office: MirroredOffice) -> dict[str, object]:
    """What an operator sees."""
    practice = office.on.practices.get(office.id)
    state = office.on.syncs.load(office.id)
    return sync_view(state, practice, office.on.paces.view(office.id), office.on.clock.now())


def roads(office: MirroredOffice) -> dict[str, str]:
    """By resource, how changes are said to be noticed."""
    resources = shown(office)["resources"]
    assert isinstance(resources, list)
    return {one["resource"]: one["followed_by"] for one in resources if one["phase"] == "loaded"}


def edited_everywhere(office: MirroredOffice, seed: int = 1) -> dict[str, int]:
    """One edit in every table that has rows; the keys by resource."""
    history = OfficeHistory(office, seed)
    return {name: key for name in FOLLOWED if (key := history.edit(name)) is not None}


def test_edits_in_every_table_are_in_the_mirror_within_two_minutes_and_as_of_says_so() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        swept = {name: office.state(name).swept_at for name in FOLLOWED}
        keys = edited_everywhere(office)
        began = office.on.clock.now()
        office.run(125)

        assert len(keys) > 18
        assert office.differences() == {}
        late = [name for name in FOLLOWED if (of := office.state(name).as_of) is None or of < began]
        assert late == []
        whole = {name for name in FOLLOWED if office.state(name).swept_at != swept[name]}
        assert whole <= {"allergydefs", "medications"}, "others are read by their parents or keys"


@pytest.mark.parametrize("name", ["claimprocs", "payments", "paysplits", "recalls", "diseases"])
def test_what_no_filter_follows_is_edited_and_the_mirror_knows_within_a_cycle(name: str) -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        key = OfficeHistory(office, 1).edit(name)
        began = office.on.clock.now()
        office.run(26)

        assert office.mirror(name)[key or 0] == office.office(name)[key or 0]
        as_of = office.state(name).as_of
        assert as_of is not None
        assert as_of > began
        assert roads(office)[name] == "query"


@pytest.mark.parametrize(("tier", "most"), [(Tier.ENTERPRISE, 260), (Tier.STANDARD, 240), (Tier.READ_ONLY, 110)])
def test_an_hour_in_which_nothing_happens_costs_little_more_than_a_statement_a_cycle(tier: Tier, most: int) -> None:
    with mirrored_office(*PATIENTS, tier=tier, queries=True) as office:
        opened(office, run=1200)
        office.d.upstream_calls.clear()
        office.run(3600)
        asked = Counter(office.d.upstream_calls)

        assert sum(asked.values()) <= most
        assert asked["queries.ShortQuery"] <= 3600 / schedule.cycle_s({"read_only": 5.0}.get(tier, 1.0)) + 8 + 12, (
            "sums included, and twelve for merges and forms"
        )
        ages = {name: office.on.clock.now() - of for name in FOLLOWED if (of := office.state(name).as_of) is not None}
        assert max(ages.values()) < timedelta(seconds=250)
        assert {name for name in FOLLOWED if office.state(name).as_of is None} == set()


def test_new_and_deleted_rows_are_told_by_their_count_and_looked_for_at_once() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        history = OfficeHistory(office, 2)
        gone = {name: history.delete(name) for name in ("claimprocs", "recalls", "patplans", "commlogs")}
        history.insert("claimprocs")
        office.run(300)

        assert all(gone.values())
        assert office.differences() == {}
        assert office.buried_alive() == {}


def test_a_row_that_is_edited_twice_within_one_second_is_read_twice() -> None:
    """Neither the count, nor the latest stamp, nor the sum of them says that there was a second edit."""
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        key = OfficeHistory(office, 2).edit("claimprocs")
        assert key is not None
        asked_at = office.on.syncs.load(office.id).probing.due_at
        assert asked_at is not None
        office.run((asked_at - office.on.clock.now()).total_seconds() - 0.5)
        stamp = str(office.clock.now())
        office.store.update("claimproc", key, {"Remarks": "first", "SecDateTEdit": stamp})
        office.run(2)
        assert "claimprocs" not in office.differences()
        office.store.update("claimproc", key, {"Remarks": "second", "SecDateTEdit": stamp})
        office.run(45)

        assert office.differences() == {}


def test_what_has_been_read_is_not_read_again_while_it_is_still_counted(small_pages: None) -> None:
    del small_pages
    with mirrored_office("--patients", "60", queries=True) as office:
        opened(office)
        patients = {row["PatNum"]: row["ClaimProcNum"] for row in office.store.find("claimproc")}
        office.d.upstream_calls.clear()
        for key in list(patients.values())[:7]:
            office.store.update("claimproc", key, {"Remarks": "called"})
            office.run(30)
        asked = Counter(office.d.upstream_calls)

        assert len(patients) >= 7
        reads = asked["claimprocs.list"] + asked["claimprocs.get"]
        assert reads <= 14, "each once, and once more where its second was not over"
        assert office.differences() == {}


def test_as_of_waits_for_the_last_row_that_changed() -> None:
    """A reader who asks for what is younger than the edit must not get what is older."""
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        key = OfficeHistory(office, 2).edit("recalls")
        began = office.on.clock.now()
        office.d.faulty("status", "recalls.list", status=500, count=None)
        office.run(60)
        before = office.state("recalls").as_of
        assert before is not None
        assert before <= began
        assert office.state("claimprocs").as_of > began  # type: ignore[operator]
        office.d.simulated.faults.clear()
        office.run(200)

        assert office.mirror("recalls")[key or 0] == office.office("recalls")[key or 0]
        assert office.state("recalls").as_of > began  # type: ignore[operator]


def test_a_change_whose_transaction_ended_late_is_found_by_its_older_stamp() -> None:
    """Where the row has changed lately anyhow, count and latest stamp are as they were: the sum of stamps tells."""
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        recalls, claims = sorted(office.mirror("recalls")), sorted(office.mirror("claims"))
        office.store.update("recall", recalls[0], {"Note": "edited"})
        office.store.update("claim", claims[0], {"ClaimNote": "edited"})
        office.run(60)
        late = str(office.clock.now())
        office.run(60)
        office.store.update("recall", recalls[1], {"Note": "edited"})
        office.store.update("claim", claims[1], {"ClaimNote": "edited"})
        office.run(60)
        assert office.differences() == {}
        office.store.update("recall", recalls[0], {"Note": "committed late", "DateTStamp": late})
        office.store.update("claim", claims[0], {"ClaimNote": "committed late", "SecDateTEdit": late})
        office.run(60)

        assert office.differences() == {}


def test_a_job_that_changes_thousands_of_rows_has_the_whole_list_read_once(small_pages: None) -> None:
    del small_pages
    with mirrored_office("--patients", "60", queries=True) as office:
        opened(office)
        office.run(1000)
        for key in office.mirror("claimprocs"):
            office.store.update("claimproc", key, {"Remarks": "checked"})
        office.d.upstream_calls.clear()
        office.run(900)
        asked = Counter(office.d.upstream_calls)
        pages = len(office.mirror("claimprocs")) / 19

        assert pages > 5
        assert office.differences() == {}
        assert pages <= asked["claimprocs.list"] <= 2 * pages + 3
        assert office.on.clock.now() - (office.state("claimprocs").as_of or TUESDAY_TEN) < timedelta(minutes=1)


def test_a_key_that_is_refused_queries_is_followed_by_filters_and_health_says_so() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        as_of = office.state("recalls").as_of
        office.d.faulty("status", "queries.ShortQuery", status=401, count=None)
        office.run(60)
        history = OfficeHistory(office, 3)
        for name in sorted(schedule.HOT):
            history.edit(name)
        office.d.upstream_calls.clear()
        office.run(60)

        assert not office.differences().keys() & schedule.HOT
        assert office.d.upstream_calls.count("queries.ShortQuery") == 0
        assert set(roads(office).values()) == {"stamp", "parent", "sweep"}
        queries = shown(office)["queries"]
        assert isinstance(queries, dict)
        assert (queries["allowed"], queries["in_use"], queries["trouble"]) == (True, False, "queries-refused")
        assert queries["explanation"]
        of = office.state("recalls").as_of
        assert of is not None
        assert as_of is not None
        assert of - as_of < timedelta(seconds=30), "nothing says that it grew younger"


def test_a_refused_key_is_asked_again_a_day_later() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        office.d.faulty("status", "queries.ShortQuery", status=401, count=None)
        office.run(60)
        office.d.simulated.faults.clear()
        office.on.clock.seconds += 86400
        office.run(300)

        assert roads(office)["claimprocs"] == "query"
        assert office.differences() == {}


def test_tables_that_cannot_be_asked_are_left_out_and_the_others_are_followed() -> None:
    """An office whose version is older than a stamp, or whose database user may not see a table."""
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        office.store._db.execute('DROP INDEX "disease_DateTStamp"')
        office.store._db.execute('ALTER TABLE disease RENAME COLUMN "DateTStamp" TO "Other"')

        def forbid(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.body and " FROM claim " in call.body["SqlCommand"]:
                raise Invalid(operation=call.operation, status=400, message="SELECT command denied to user")
            return answer

        with office.meddled(forbid):
            office.run(200)
            office.d.upstream_calls.clear()
            office.run(600)
            asked = Counter(office.d.upstream_calls)
            OfficeHistory(office, 1).edit("claims")
            office.run(60)
            said, queries = roads(office), shown(office)["queries"]

        assert set(office.on.syncs.load(office.id).probing.not_askable) == {"diseases", "claims"}
        assert (said["diseases"], said["claims"], said["claimprocs"]) == ("sweep", "stamp", "query")
        assert isinstance(queries, dict)
        assert (queries["not_askable"], queries["trouble"]) == (["claims", "diseases"], "tables-not-askable")
        assert asked["queries.ShortQuery"] <= 600 / 20 + 1 + 600 / 300, "they are not tried again all the time"
        assert asked["claims.list"] >= 25, "its own filter follows it"
        assert "claims" not in office.differences()


def test_a_table_whose_keys_alone_cannot_be_asked_for_is_left_out_too() -> None:
    """And no resource counts as not offered because a query of it was refused."""
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)

        def forbid(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            command = str((call.body or {}).get("SqlCommand"))
            if "RowKey" in command and "claimproc" in command:
                raise Invalid(operation=call.operation, status=400, message="Unknown column")
            if "RowKey" in command and "recall" in command:
                raise PermissionMissing(operation=call.operation, status=401)
            return answer

        history = OfficeHistory(office, 1)
        with office.meddled(forbid):
            history.edit("claimprocs")
            office.run(60)
            assert set(office.on.syncs.load(office.id).probing.not_askable) == {"claimprocs"}
            assert roads(office)["claimprocs"] == "parent"
            history.edit("recalls")
            office.run(60)

        assert set(roads(office).values()) == {"stamp", "parent", "sweep"}
        assert {of.phase for name, of in office.states().items() if name in {"claimprocs", "recalls"}} == {Phase.LOADED}


def test_a_statement_that_takes_a_minute_is_made_of_fewer_tables() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        office.d.faulty("status", "queries.ShortQuery", status=504, count=2)
        office.run(200)
        most = office.on.syncs.load(office.id).probing.most
        edited_everywhere(office)
        office.run(300)

        assert 0 < most < len(FOLLOWED) / 2
        assert office.differences() == {}
        assert roads(office)["claimprocs"] == "query"


def test_queries_that_go_wrong_again_and_again_are_given_up_for_an_hour() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        office.d.faulty("html", "queries.ShortQuery", count=None)
        office.run(1800)
        OfficeHistory(office, 3).edit("claims")
        office.run(60)

        assert "claims" not in office.differences()
        queries = shown(office)["queries"]
        assert isinstance(queries, dict)
        assert queries["trouble"] == "queries-failing"


def test_an_operator_turns_queries_off_and_on() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        office.d.grant("sync:read", "sync:write")
        path = f"/practices/{office.id}/sync"
        off = office.d.patch(path, {"queries": "off"})
        office.run(60)
        office.d.upstream_calls.clear()
        OfficeHistory(office, 3).edit("claims")
        office.run(120)

        assert (off.status, off.body["state"], off.body["queries"]["state"]) == (200, "on", "off")
        assert off.body["queries"]["in_use"] is False
        assert office.d.upstream_calls.count("queries.ShortQuery") == 0
        assert "claims" not in office.differences()
        on = office.d.patch(path, {"queries": "on"})
        edited_everywhere(office)
        office.run(300)
        assert on.body["queries"]["in_use"] is True
        assert office.differences() == {}
        assert office.d.patch(path, {}).status == 400


def test_the_repeated_hour_of_autumn_hides_no_edit() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        at(office, datetime(2026, 11, 1, 6, 30, tzinfo=UTC))  # 01:30, the first
        office.load()
        for seed in range(5):
            edited_everywhere(office, seed)
            office.run(120)
            office.on.clock.seconds += 1380
        office.run(200)

        assert office.differences() == {}


@pytest.mark.parametrize("back_s", [120.0, 1800.0, 7000.0])
def test_a_server_clock_that_is_set_back_by_some_minutes_loses_no_edit(back_s: float) -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        at(office, TUESDAY_TEN)
        office.clock.skew_s = back_s
        office.load()
        office.run(300)
        edited_everywhere(office, 1)
        office.run(30)
        office.clock.skew_s = 0.0
        edited_everywhere(office, 2)
        office.run(900)

        assert office.on.syncs.load(office.id).epoch == 1
        assert office.differences() == {}


def test_a_database_on_another_server_whose_clock_is_hours_behind_is_read_again() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        at(office, TUESDAY_TEN)
        office.clock.skew_s = 26 * 3600.0
        office.load()
        office.run(300)
        office.clock.skew_s = 0.0
        edited_everywhere(office, 2)
        office.run(700)
        state = office.on.syncs.load(office.id)

        assert state.epoch == 2
        assert office.is_loaded()
        assert office.differences() == {}
        assert {of.trouble for of in state.resources.values()} & {SERVER_CLOCK_BACK} == set()


@pytest.mark.parametrize(
    ("edited", "added"),
    [(("appointments", "claims"), ("procedurelogs",)), (("claims",), ()), (("appointments", "claims"), ("recalls",))],
)
def test_a_restored_backup_is_known_by_the_next_probe(edited: tuple[str, ...], added: tuple[str, ...]) -> None:
    """By the highest key, by a latest change that is gone though no row is, or by several that are gone."""
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        backup = {name: office.store.rows(f'SELECT * FROM "{name}"') for name in schema.tables()}
        office.on.clock.seconds += 5 * 3600
        office.run(120)
        history = OfficeHistory(office, 2)
        for name in edited:
            history.edit(name)
        for name in added:
            history.insert(name)
        office.run(60)
        restore(office, backup)
        office.run(25)
        state = office.on.syncs.load(office.id)
        assert state.epoch == 2
        assert {of.trouble for of in state.resources.values() if of.phase is Phase.LOADING} <= {BACKUP_RESTORED}
        office.run(900)

        assert office.on.syncs.load(office.id).epoch == 2
        assert office.is_loaded()
        assert office.differences() == {}
        assert office.buried_alive() == {}


def restore(office: MirroredOffice, backup: dict[str, list[dict[str, object]]]) -> None:
    """Put an old state of the whole database back."""
    for name, rows in backup.items():
        key = schema.tables()[name].key
        old = {row[key]: row for row in rows}
        for row in office.store.rows(f'SELECT * FROM "{name}"'):
            if row[key] not in old:
                office.store.delete(name, row[key])
            elif row != old[row[key]]:
                office.store.update(name, row[key], old[row[key]])


def test_a_deletion_of_what_changed_last_is_no_restored_backup() -> None:
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        office.on.clock.seconds += 5 * 3600
        office.run(120)
        key = OfficeHistory(office, 2).insert("appointments")
        office.run(300)
        office.store.delete("appointment", key or 0)
        office.run(300)

        assert office.on.syncs.load(office.id).epoch == 1
        assert office.differences() == {}


def test_a_probe_that_takes_long_is_asked_seldom() -> None:
    """An office's database has other work than to count for us."""
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)

        def slow(call: object, answer: object) -> object:
            if getattr(call, "operation", "") == "queries.ShortQuery":
                office.on.clock.seconds += 6.0
            return answer

        office.d.upstream_calls.clear()
        with office.meddled(slow):  # type: ignore[arg-type]
            office.run(1200)

        merges_and_forms = 1200 / 300
        assert office.d.upstream_calls.count("queries.ShortQuery") <= 1200 / (20 * 6.0) + 2 + merges_and_forms


def test_a_practice_that_is_called_all_day_long_is_followed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where people leave a turn one call, it must not be another probe each time."""
    with mirrored_office(*PATIENTS, queries=True) as office:
        opened(office)
        monkeypatch.setattr(session, "CALLS_A_TURN", 1)
        history, names = OfficeHistory(office, 1), ("claims", "claimprocs", "recalls", "patients", "payments")
        for name in names:
            history.edit(name)
        office.run(1800)

        assert not office.differences().keys() & set(names)


def test_two_practices_with_equal_keys_do_not_see_each_other() -> None:
    with mirrored_office(*PATIENTS, practices=2, queries=True) as office:
        opened(office)
        edited_everywhere(office)
        office.run(120)
        other = [where for where, kept in office.on.records.kept.items() if where[0] != office.id and kept]

        assert other == []
