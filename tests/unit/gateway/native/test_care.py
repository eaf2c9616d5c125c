"""A practice's machines are asked to tell, watched whether they do, and asked again: at a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core import pacing
from gateway.core.background_turn import OWN_WRITES, BackgroundTurn
from gateway.core.health.fleet import Trouble
from gateway.core.mirror.syncing import Native, Told, Wanted
from gateway.core.native import care
from gateway.core.native.hooks import hook_path
from gateway.core.native.subscribing import read
from gateway.core.native.wanting import is_told
from gateway.core.native.watched import ALL_WORKSTATIONS, WATCHED, watched_at
from gateway.core.plans import UpstreamAnswer, UpstreamCall
from infra.sandbox.practice.firing import Call
from open_dental import catalogue
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office
from tests.fakes.services import Life, Moment

PATIENTS = ("--patients", "8")
HERE = "https://api.test/v1"
CALLS = ("subscriptions.list", "subscriptions.create", "subscriptions.update")
DAY_S = 86_400


WRITES = [
    one.id for name in catalogue.resources() for one in catalogue.resource(name).operations if one.effect != "read"
]


class Machines:
    """The office's machines, and what they got for an answer."""

    def __init__(self, office: MirroredOffice) -> None:
        self.office = office
        self.firing = office.d.simulated.firing
        self.firing.post = self._post
        self.status = 200
        self.are_on = True
        self.told: list[str] = []

    def _post(self, call: Call) -> int:
        self.told.append(call.url)
        return self.status

    def run(self, seconds: float, step: float = 60) -> None:
        for _ in range(int(seconds // step)):
            self.office.run(step)
            if self.are_on:
                self.firing.tick(self.office.clock.now())

    def skip(self, seconds: float, step: float = 1680) -> None:
        """As `run`, but of each `step` only two minutes are lived through."""
        for _ in range(int(seconds // step)):
            self.office.on.clock.seconds += step - 120
            self.run(120)


@contextmanager
def told_by(version: str, *, load: bool = True) -> Iterator[Machines]:
    """A mirrored office of this version whose machines are at work."""
    with mirrored_office(*PATIENTS, "--version", version) as office:
        if load:
            office.load(3600)
        yield Machines(office)


def ask(office: MirroredOffice, *, wanted: bool = True, **changes: Any) -> None:
    """What `PATCH /practices/{id}/sync` does."""
    state = office.on.syncs.load(office.id)
    native = replace(state.native, wanted=wanted, due_at=None, **changes)
    if wanted:
        native = replace(native, base_url=changes.get("base_url", HERE))
    office.on.syncs.save_practice(replace(state, native=native))
    now = office.on.clock.now().timestamp()
    office.on.pace.update(office.id, lambda item: (pacing.work_due(item, now), None))


def native(office: MirroredOffice) -> Native:
    found: Native = office.on.syncs.load(office.id).native
    return found


def rows(office: MirroredOffice) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = office.store.rows('SELECT * FROM "apisubscription" ORDER BY "SubscriptionNum"')
    return found


def running(office: MirroredOffice) -> dict[str, dict[str, Any]]:
    """What runs at the office, by table."""
    now = str(office.clock.now())
    live = [row for row in rows(office) if row["DateTimeStop"].startswith("0001") or row["DateTimeStop"] > now]
    by_table = {office.d.simulated.office.render("subscriptions", row)["WatchTable"]: row for row in live}
    assert len(by_table) == len(live), "a table is subscribed twice"
    return by_table


def calls(office: MirroredOffice) -> list[str]:
    return [one for one in office.d.upstream_calls if one.startswith("subscriptions.")]


def address(office: MirroredOffice) -> str:
    return HERE + hook_path(office.on.practices.get(office.id), office.on.signer)


def notices(office: MirroredOffice) -> list[str]:
    return [what for _, what in office.on.notices.notes]


def incident(office: MirroredOffice) -> list[tuple[str, bool]]:
    return [(one.code, one.healed_at is not None) for one in office.on.syncs.load(office.id).incidents]


def hookable(version: str) -> set[str]:
    """What is told at an office whose key may not query: patients' drugs are not mirrored there."""
    return {one.table for one in watched_at(version) if one.resource != "medicationpats"}


def is_now(office: MirroredOffice, version: str) -> None:
    """Have the office updated."""
    office.d.simulated.office.version = version
    office.store.set_preference("ProgramVersion", version)


@pytest.mark.parametrize(
    ("version", "workstation"),
    [("22.1", ""), ("24.2", ""), ("26.1", ""), ("26.2.1", ALL_WORKSTATIONS), ("26.3", ALL_WORKSTATIONS)],
)
def test_what_the_version_offers_is_subscribed_once_and_is_seen_to_work(version: str, workstation: str) -> None:
    with told_by(version) as machines:
        office = machines.office
        ask(office)
        machines.run(900)

        found = running(office)
        assert set(found) == set(native(office).tables) == hookable(version)
        assert {(row["EndPointUrl"], row["Workstation"], row["PollingSeconds"]) for row in found.values()} == {
            (address(office), workstation, 1)
        }
        assert {(one.has_moved, one.trouble) for one in native(office).tables.values()} == {(True, None)}
        assert calls(office).count("subscriptions.create") == len(found)
        assert set(calls(office)) <= set(CALLS)

        edited = office.store.rows("SELECT * FROM patient")[0]["PatNum"]
        office.store.update("patient", edited, {"Email": "new@example.test"})
        machines.run(120)
        assert set(machines.told) == {address(office)}


def test_nothing_is_asked_to_be_told_before_the_mirror_can_take_it() -> None:
    with told_by("26.3", load=False) as machines:
        office = machines.office
        ask(office)
        office.turn_on()
        office.d.before_call = lambda operation: seen_phase(office, operation)
        machines.run(1800)
        assert set(running(office)) == hookable("26.3")


def seen_phase(office: MirroredOffice, operation: str) -> None:
    if operation == "subscriptions.create":
        loaded = {name for name, of in office.states().items() if of.phase == "loaded"}
        assert loaded & {one.resource for one in WATCHED.values()}


def test_a_day_costs_one_listing_a_quarter_of_an_hour_and_fewer_at_night() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(900)
        before = len(calls(office))
        for _ in range(24 * 12):
            office.on.clock.seconds += 240
            machines.run(60)

        new = calls(office)[before:]
        assert set(new) == {"subscriptions.list"}
        assert 60 <= len(new) <= 75


@pytest.mark.parametrize("code", ["permission-missing", "version-too-old", "by-fhir"])
def test_a_practice_that_cannot_be_asked_is_not_called(code: str) -> None:
    with told_by("26.3") as machines:
        office = machines.office
        known: dict[str, dict[str, Any]] = {
            "permission-missing": {"permissions": frozenset({"Setup"})},
            "version-too-old": {"version": "21.4"},
            "by-fhir": {"upstream": "fhir"},
        }
        office.d.know(**known[code])
        ask(office)
        machines.run(600)

        assert calls(office) == []
        assert native(office).trouble == code


def test_what_others_subscribed_is_left_alone_and_what_was_ours_is_ended() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        practice = office.on.practices.get(office.id)
        other = hook_path(replace(practice, key_fingerprint="another"), office.on.signer)
        theirs = {"CustomerKey": "theirs", "DateTimeStart": "2026-01-01 00:00:00", "PollingSeconds": 5}
        key = office.on.vault.current[office.id].customer
        for url in ("https://stranger.test/hooks/", f"{HERE}{other}", f"{HERE}/hooks/prac_zzzzzzzzzzzzzzzz/x"):
            office.store.insert(
                "apisubscription", {**theirs, "CustomerKey": key, "EndPointUrl": url, "WatchTable": "Patient"}
            )
        before = rows(office)
        ask(office)
        machines.run(600)

        after = {row["SubscriptionNum"]: row for row in rows(office)}
        stopped = [was["EndPointUrl"] for was in before if after[was["SubscriptionNum"]]["DateTimeStop"][:4] != "0001"]
        assert stopped == [f"{HERE}{other}"]


def test_what_somebody_changed_or_deleted_at_the_office_is_put_right() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(900)
        found = running(office)
        update, store = office.store.update, office.store
        update("apisubscription", found["Patient"]["SubscriptionNum"], {"Workstation": "GONE"})
        update("apisubscription", found["Provider"]["SubscriptionNum"], {"PollingSeconds": 900})
        update("apisubscription", found["Appointment"]["SubscriptionNum"], {"DateTimeStop": "2020-01-01 00:00:00"})
        update("apisubscription", found["Schedule"]["SubscriptionNum"], {"DateTimeStop": "2030-01-01 00:00:00"})
        update("apisubscription", found["ProcedureLog"]["SubscriptionNum"], {"EndPointUrl": "https://x.test/"})
        store.delete("apisubscription", found["Operatory"]["SubscriptionNum"])
        machines.run(1800)

        ours = running_at(office, HERE)
        assert set(ours) == hookable("26.3")
        assert {(row["Workstation"], row["PollingSeconds"], row["DateTimeStop"][:4]) for row in ours.values()} == {
            (ALL_WORKSTATIONS, 1, "0001")
        }
        assert ours["Patient"]["SubscriptionNum"] == found["Patient"]["SubscriptionNum"]
        assert {one.trouble for one in native(office).tables.values()} == {None}


def running_at(office: MirroredOffice, where: str) -> dict[str, dict[str, Any]]:
    now = str(office.clock.now())
    render = office.d.simulated.office.render
    return {
        render("subscriptions", row)["WatchTable"]: row
        for row in rows(office)
        if row["EndPointUrl"].startswith(where) and (row["DateTimeStop"][:4] == "0001" or row["DateTimeStop"] > now)
    }


def test_another_address_or_machine_is_said_of_what_there_is() -> None:
    with told_by("26.1") as machines:
        office = machines.office
        ask(office)
        machines.run(600)
        numbers = {name: row["SubscriptionNum"] for name, row in running(office).items()}
        ask(office, base_url="https://own.test", former=(HERE,), workstation="SERVER")
        machines.run(600)

        found = running(office)
        assert {name: row["SubscriptionNum"] for name, row in found.items()} == numbers
        assert {row["Workstation"] for row in found.values()} == {"SERVER"}
        assert all(row["EndPointUrl"].startswith("https://own.test/hooks/") for row in found.values())
        assert native(office).former == ()


def test_an_office_that_is_updated_is_asked_as_its_new_version_wants_it() -> None:
    with told_by("26.1") as machines:
        office = machines.office
        ask(office)
        machines.run(600)
        is_now(office, "26.3")
        machines.skip(DAY_S + 3600)

        assert set(running(office)) == hookable("26.3")
        assert {row["Workstation"] for row in running(office).values()} == {ALL_WORKSTATIONS}


def test_a_new_customer_key_has_its_own_address() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(600)
        old = address(office)
        office.d.know(key_fingerprint="c" * 32)
        machines.run(1800)

        assert address(office) != old
        assert {row["EndPointUrl"] for row in running(office).values()} == {address(office)}


@pytest.mark.parametrize("kind", ["drop_answer", "lose_request", "half_json", "html", "slow"])
@pytest.mark.parametrize("operation", ["subscriptions.create", "subscriptions.list"])
def test_a_lost_answer_makes_no_second_subscription(kind: str, operation: str) -> None:
    with told_by("26.3") as machines:
        office = machines.office
        for after in (0, 3):
            office.d.faulty(kind, operation, after=after, seconds=90)
        ask(office)
        machines.run(3600)

        assert set(running(office)) == hookable("26.3")
        assert native(office).trouble is None


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("use", "times"), [("upstream.send", 20), ("syncs.save_practice", 1), ("pace.update", 16)])
def test_a_worker_that_dies_anywhere_leaves_nothing_twice_and_nothing_out(use: str, times: int, moment: Moment) -> None:
    with told_by("26.3") as machines:
        office = machines.office
        world, done = office.on.world, 0
        for nth in range(1, times + 1):
            for row in rows(office):
                office.store.delete("apisubscription", row["SubscriptionNum"])
            life = Life(dies_at=(use, nth, moment))
            world.next_life = lambda life=life: None if life.dead else life  # type: ignore[misc]
            ask(office, tables={})
            machines.run(120)
            done += life.dead and calls(office).count("subscriptions.create") > 0
            world.next_life = lambda: None
            machines.run(240)
            assert set(running(office)) == hookable("26.3"), nth
        assert done > times // 2


def test_off_ends_all_that_is_ours_and_then_says_so() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(900)
        ask(office, wanted=False)
        machines.run(120)

        assert running(office) == {}
        assert (native(office).base_url, native(office).tables) == (None, {})
        assert native(office).ended_at is not None
        before = len(calls(office))
        machines.skip(7200)
        assert len(calls(office)) == before
        assert "subscriptions.delete" not in calls(office)


def test_a_mirror_that_is_turned_off_has_nothing_told_and_is_erased_though_the_office_is_away() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(900)
        office.d.simulated.settings.offline = True
        ask(office, wanted=False)
        office.turn_on(Wanted.OFF)
        machines.run(600)
        assert office.states() == {}
        assert running(office) != {}

        office.d.simulated.settings.offline = False
        machines.run(1800)
        assert (running(office), native(office).base_url) == ({}, None)


def test_a_paused_mirror_calls_nobody_about_what_is_told() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(900)
        office.turn_on(Wanted.PAUSED)
        machines.run(60)
        before = len(calls(office))
        machines.skip(7200)
        assert len(calls(office)) == before


def test_machines_that_poll_no_more_are_noticed_within_half_an_hour_and_told_once_a_day_has_passed() -> None:
    """After three days what changed meanwhile is told by nobody; the polls that go on have it."""
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(1200)
        off_at = office.on.clock.now()
        machines.are_on = False
        machines.run(2100)
        assert {one.trouble for one in native(office).tables.values()} == {"machine-silent"}
        assert all(abs(one.trouble_since - off_at) < timedelta(minutes=16) for one in _told(office))
        assert (notices(office), incident(office)) == ([], [])

        machines.skip(DAY_S + 3600)
        assert notices(office) == ["machines-silent"]
        assert office.on.fleet.troubled(Trouble.MACHINES_SILENT).practices == 1
        assert incident(office) == [("machines-silent", False)]
        patient = office.store.rows("SELECT * FROM patient")[0]["PatNum"]
        office.store.update("patient", patient, {"Email": "new@example.test"})
        machines.skip(3 * DAY_S)
        assert office.differences() == {}
        assert notices(office) == ["machines-silent"]

        machines.are_on = True
        machines.skip(7200)
        assert {one.trouble for one in _told(office)} == {None}
        assert incident(office) == [("machines-silent", True)]
        assert office.on.fleet.troubled(Trouble.MACHINES_SILENT).practices == 0
        machines.are_on = False
        machines.skip(DAY_S + 7200)
        assert notices(office) == ["machines-silent"] * 2


def _told(office: MirroredOffice) -> list[Any]:
    return list(native(office).tables.values())


def test_what_is_told_is_polled_less_often_and_as_before_once_it_is_not() -> None:
    with told_by("26.3") as machines:
        office = machines.office

        def polls(name: str = "patients.Simple") -> int:
            before = office.d.upstream_calls.count(name)
            machines.run(600, step=20)
            return office.d.upstream_calls.count(name) - before

        machines.run(300)
        alone = polls()
        ask(office)
        machines.run(900)
        told = polls()
        visits = polls("appointments.list")
        machines.are_on = False
        machines.run(1200)
        silent = polls()

        assert alone >= 25
        assert 4 <= told <= 6
        assert visits >= 25
        assert silent >= 25


def test_a_machine_that_is_seen_to_be_silent_has_its_tables_polled_at_once() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(1800)
        machines.are_on = False
        cared_at = native(office).cared_at
        while native(office).cared_at == cared_at:
            machines.run(60)
        due = native(office).due_at
        assert due is not None
        machines.run((due - office.on.clock.now()).total_seconds() - 20, step=10)
        late = office.on.clock.now() + timedelta(seconds=220)
        office.on.syncs.save(office.id, replace(office.state("patients"), due_at=late))
        machines.run(90, step=10)

        assert native(office).tables["Patient"].trouble == "machine-silent"
        polled_at = office.state("patients").polled_at
        assert polled_at is not None
        assert polled_at > due


def test_what_a_machine_says_of_its_failures_is_told_without_its_words() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(900)
        machines.status = 503
        patient = office.store.rows("SELECT * FROM patient")[0]["PatNum"]
        office.store.update("patient", patient, {"Email": "new@example.test"})
        machines.run(1800)

        told = native(office).tables
        assert (told["Patient"].trouble, told["Patient"].status) == ("failing", 503)
        assert told["Patient"].failures > 1
        assert told["Appointment"].trouble is None
        machines.status = 200
        machines.run(1800)
        assert native(office).tables["Patient"] == replace(
            native(office).tables["Patient"], trouble=None, failures=0, status=None
        )


def test_a_table_that_the_office_does_not_take_is_left_out_for_a_day_and_keeps_nothing_else() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        office.d.simulated.office.version = "26.1"
        ask(office)
        machines.run(600)
        machines.skip(7200)

        assert set(running(office)) == hookable("26.1")
        assert set(native(office).refused) == {"ProcedureLog"}
        assert calls(office).count("subscriptions.create") == len(hookable("26.3"))
        office.d.simulated.office.version = "26.3"
        machines.skip(DAY_S + 3600)
        assert (set(running(office)), dict(native(office).refused)) == (hookable("26.3"), {})


def test_an_office_that_loses_what_was_made_is_not_filled_with_it() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        machines.are_on = False

        def cleared(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation == "subscriptions.create":
                for row in rows(office):
                    office.store.delete("apisubscription", row["SubscriptionNum"])
            return answer

        with office.meddled(cleared):
            ask(office)
            machines.run(600)
            machines.skip(6 * 3600)
        assert calls(office).count("subscriptions.create") <= 7 * len(hookable("26.3"))
        machines.are_on = True
        machines.skip(2 * 3600)
        assert set(running(office)) == hookable("26.3")


@pytest.mark.parametrize("ignored", [{"PollingSeconds": 5}, {"Workstation": "FRONT"}])
def test_an_office_that_ignores_what_is_changed_is_not_asked_for_it_again_all_day(ignored: dict[str, Any]) -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(900)

        def ignore(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation == "subscriptions.update":
                office.store.update("apisubscription", call.path["SubscriptionNum"], ignored)
            return answer

        with office.meddled(ignore):
            number = running(office)["Patient"]["SubscriptionNum"]
            office.store.update("apisubscription", number, {"PollingSeconds": 5, "Workstation": "FRONT"})
            machines.run(1800)
            machines.skip(6 * 3600)
        assert calls(office).count("subscriptions.update") <= 2
        machines.skip(DAY_S)
        assert running(office)["Patient"]["PollingSeconds"] == 1


def test_a_start_that_we_moved_ourselves_is_no_sign_of_life() -> None:
    """The office's clock was set back by hours, and no machine looks for changes."""
    with told_by("26.3") as machines:
        office = machines.office
        machines.are_on = False
        ask(office)
        machines.run(600)
        number = running(office)["Patient"]["SubscriptionNum"]
        ahead = str((office.clock.now() + timedelta(hours=9)).replace(microsecond=0))
        office.store.update("apisubscription", number, {"DateTimeStart": ahead})
        ask(office, tables={})
        machines.run(900)

        assert running(office)["Patient"]["DateTimeStart"] < ahead
        assert not native(office).tables["Patient"].has_moved
        assert not is_told(office.on.syncs.load(office.id), "patients", office.on.clock.now())


def test_an_office_that_ends_nothing_is_not_asked_more_often_than_it_is_listed() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        ask(office)
        machines.run(900)
        twin = {**running(office)["Patient"], "Workstation": "FRONT"}
        office.store.insert("apisubscription", {name: one for name, one in twin.items() if name != "SubscriptionNum"})
        number = rows(office)[-1]["SubscriptionNum"]

        def ignore(call: UpstreamCall, answer: UpstreamAnswer) -> UpstreamAnswer:
            if call.operation == "subscriptions.update":
                office.store.update("apisubscription", number, {"DateTimeStop": "0001-01-01 00:00:00"})
            return answer

        with office.meddled(ignore):
            machines.run(3600)
        assert 1 <= calls(office).count("subscriptions.update") <= 5


def test_a_refused_listing_is_tried_again_more_and_more_seldom() -> None:
    with told_by("26.3") as machines:
        office = machines.office
        office.d.faulty("status", "subscriptions.list", status=400, text="no", count=None)
        ask(office)
        machines.skip(3 * 3600, step=300)

        assert native(office).trouble == "invalid"
        assert 5 <= len(calls(office)) <= 12


@pytest.mark.parametrize("name", WRITES)
def test_background_work_writes_subscriptions_and_nothing_else(name: str) -> None:
    turn = object.__new__(BackgroundTurn)
    with pytest.raises(ValueError, match="own"):
        turn.call(UpstreamCall(name))
    if name not in OWN_WRITES:
        with pytest.raises(ValueError, match="own"):
            turn.write(UpstreamCall(name))


def test_care_waits_for_whoever_calls() -> None:
    with told_by("26.3") as machines:
        office = machines.office

        def somebody_comes(operation: str) -> None:
            if operation == "subscriptions.list":
                office.on.pace.count(office.id, waiting=1)
                office.d.before_call = lambda _: None

        office.d.before_call = somebody_comes
        ask(office)
        machines.run(60, step=10)
        assert "subscriptions.create" not in calls(office)
        office.on.pace.count(office.id, waiting=-1)
        machines.run(240)
        assert set(running(office)) == hookable("26.3")


def test_only_what_a_subscription_itself_shows_counts_as_a_sign_of_life() -> None:
    with mirrored_office(*PATIENTS) as office:
        now = office.on.clock.now()
    one = read({"SubscriptionNum": 7, "DateTimeStart": "2026-03-02 09:00:00"})
    assert one is not None
    made = care.seen(None, one, now)
    assert (made.has_moved, made.trouble, made.moved_at) == (False, None, now)
    still = care.seen(made, one, now + timedelta(minutes=6))
    assert (still.trouble, still.trouble_since) == ("machine-silent", now)
    later = read({"SubscriptionNum": 7, "DateTimeStart": "2026-03-02 09:06:00"})
    assert later is not None
    moved = care.seen(still, later, now + timedelta(minutes=12))
    assert (moved.has_moved, moved.trouble) == (True, None)
    another = read({"SubscriptionNum": 8, "DateTimeStart": "2026-03-02 09:06:00"})
    assert another is not None
    assert care.seen(moved, another, now + timedelta(days=1)) == Told(8, "2026-03-02 09:06:00", now + timedelta(days=1))
