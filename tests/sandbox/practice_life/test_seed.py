"""Whatever the size and the seed, the invented practice holds together as a real one does."""

import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.sandbox.practice import facts, schema
from infra.sandbox.practice.clock import FrozenClock
from infra.sandbox.practice.enums import AptStatus, ClaimProcStatus, PatStatus, ProcStatus, SchedType
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.seed import invent, seed
from infra.sandbox.practice.seeding.keys import references
from infra.sandbox.practice.seeding.rows import KEYS
from infra.sandbox.practice.store import Store

from .conftest import NOW

TODAY = NOW.date()
Tables = dict[str, list[dict[str, Any]]]
practices = st.tuples(st.sampled_from([1, 7, 40, 120]), st.integers(0, 10_000))
few = settings(max_examples=12)


def invented(size_and_seed: tuple[int, int], today: date = TODAY) -> Tables:
    size, number = size_and_seed
    return dict(invent(today, patients=size, seed=number))


@cache
def stored() -> Office:
    """A practice of 300 people, aged; for reading only."""
    office = Office(Store(clock=FrozenClock(NOW)))
    seed(office, patients=300, seed=1)
    return office


def test_every_table_and_column_of_the_seed_exists() -> None:
    for table, rows in invented((60, 3)).items():
        assert schema.tables()[table].key == KEYS[table]
        assert {name for row in rows for name in row} <= schema.tables()[table].columns.keys(), table


def test_the_same_seed_on_the_same_day_gives_the_same_practice() -> None:
    """A failing run that cannot be repeated teaches nothing."""
    assert invented((80, 5)) == invented((80, 5))
    assert invented((80, 5)) != invented((80, 6))


def test_practices_seeded_on_one_day_have_the_same_people_whatever_their_clocks_say() -> None:
    """A sandbox starts some practices with itself and others when they are wanted, past midnight perhaps."""
    before, after = (Office(Store(clock=FrozenClock(NOW + timedelta(days=days)))) for days in (0, 1))
    for office in (before, after):
        seed(office, patients=20, seed=1, today=TODAY)

    born = [[row["Birthdate"] for row in office.store.find("patient")] for office in (before, after)]
    assert born[0] == born[1]


@few
@given(practices)
def test_there_are_exactly_as_many_patients_as_asked(practice: tuple[int, int]) -> None:
    assert len(invented(practice)["patient"]) == practice[0]


@few
@given(practices)
def test_every_foreign_key_resolves(practice: tuple[int, int]) -> None:
    tables = invented(practice)
    keys = {table: {row[KEYS[table]] for row in rows} for table, rows in tables.items()}
    for resource in facts.resources().values():
        for field in resource.fields:
            table, _, column = (field.ref or "").partition(".")
            if resource.table not in keys or KEYS.get(table) != column or field.name == KEYS[resource.table]:
                continue
            if resource.table == "histappointment" and field.name == "AptNum":
                # History outlives the visits that were deleted.
                continue
            for row in tables[resource.table]:
                value = row.get(field.name, 0)
                assert not value or value in keys[table], (resource.table, field.name)


def test_random_keys_are_beyond_floats_and_every_reference_follows() -> None:
    """A key that passed a float would point to another person."""
    counted, random = (dict(invent(TODAY, patients=60, seed=2, random_keys=choice)) for choice in (False, True))
    for table, columns in references().items():
        keys = {row[KEYS[table]] for row in random[table]}
        assert len(keys) == len(random[table])
        assert all(key > 2**53 for key in keys), table
        places = {
            target: (
                {row[KEYS[target]]: n for n, row in enumerate(counted[target])},
                {row[KEYS[target]]: n for n, row in enumerate(random[target])},
            )
            for target in set(columns.values())
        }
        for before, after in zip(counted[table], random[table], strict=True):
            for column, target in columns.items():
                old, new = places[target]
                if before.get(column):
                    assert old.get(before[column]) == new.get(after[column]), (table, column)
    names = {row["PrefName"]: row["ValueString"] for row in random["preference"]}
    assert int(names["ApiPaymentType"]) in {row["DefNum"] for row in random["definition"]}


@few
@given(practices)
def test_the_splits_of_a_payment_sum_to_it(practice: tuple[int, int]) -> None:
    tables = invented(practice)
    sums: dict[int, int] = defaultdict(int)
    for split in tables["paysplit"]:
        sums[split["PayNum"]] += round(split["SplitAmt"] * 100)
    for payment in tables["payment"]:
        assert sums[payment["PayNum"]] == round(payment["PayAmt"] * 100)


@few
@given(practices)
def test_a_claims_amounts_are_the_sums_of_its_lines(practice: tuple[int, int]) -> None:
    tables = invented(practice)
    for claim in tables["claim"]:
        lines = [line for line in tables["claimproc"] if line["ClaimNum"] == claim["ClaimNum"]]
        assert lines
        for amount, source in (("ClaimFee", "FeeBilled"), ("InsPayAmt", "InsPayAmt"), ("WriteOff", "WriteOff")):
            assert claim[amount] == pytest.approx(sum(line[source] for line in lines))
        assert {line["PatNum"] for line in lines} == {claim["PatNum"]}


@few
@given(practices)
def test_a_check_is_the_sum_of_the_lines_it_pays(practice: tuple[int, int]) -> None:
    tables = invented(practice)
    for check in tables["claimpayment"]:
        lines = [line for line in tables["claimproc"] if line["ClaimPaymentNum"] == check["ClaimPaymentNum"]]
        assert check["CheckAmt"] == pytest.approx(sum(line["InsPayAmt"] for line in lines))
        assert all(line["DateCP"] == check["CheckDate"] for line in lines)
        assert all(line["Status"] in (ClaimProcStatus.RECEIVED, ClaimProcStatus.SUPPLEMENTAL) for line in lines)


@few
@given(practices)
def test_a_claims_lines_are_as_far_as_the_claim(practice: tuple[int, int]) -> None:
    tables = invented(practice)
    claims = {claim["ClaimNum"]: claim for claim in tables["claim"]}
    for line in tables["claimproc"]:
        if not line["ClaimNum"]:
            assert line["Status"] in (ClaimProcStatus.ESTIMATE, ClaimProcStatus.CAP_COMPLETE)
            continue
        claim = claims[line["ClaimNum"]]
        if claim["ClaimType"] == "PreAuth":
            assert line["Status"] == ClaimProcStatus.PREAUTH
        elif claim["ClaimStatus"] == "R":
            assert line["Status"] in (ClaimProcStatus.RECEIVED, ClaimProcStatus.SUPPLEMENTAL)
        else:
            assert line["Status"] == ClaimProcStatus.NOT_RECEIVED
            assert line["InsPayAmt"] == 0


@few
@given(practices)
def test_no_insurer_pays_more_than_was_billed(practice: tuple[int, int]) -> None:
    for line in invented(practice)["claimproc"]:
        if line["Status"] == ClaimProcStatus.RECEIVED:
            assert 0 <= line["InsPayAmt"] + line["WriteOff"] <= line["FeeBilled"] + 0.005


@few
@given(practices)
def test_every_family_has_one_guarantor_who_leads_it(practice: tuple[int, int]) -> None:
    patients = {row["PatNum"]: row for row in invented(practice)["patient"]}
    for row in patients.values():
        assert patients[row["Guarantor"]]["Guarantor"] == row["Guarantor"]
        if row["PatStatus"] == PatStatus.DELETED and row["Guarantor"] == row["PatNum"]:
            assert not [
                other for other in patients.values() if other["Guarantor"] == row["PatNum"] and other is not row
            ]


@few
@given(practices)
def test_the_dead_shells_and_the_deleted_have_no_life(practice: tuple[int, int]) -> None:
    tables = invented(practice)
    gone = {row["PatNum"] for row in tables["patient"] if row["PatStatus"] == PatStatus.DELETED}
    gone |= {link["PatNumFrom"] for link in tables["patientlink"] if link["LinkType"] == 1}
    for table in ("appointment", "procedurelog", "claim", "paysplit", "commlog"):
        assert not [row for row in tables[table] if row["PatNum"] in gone], table


@few
@given(practices)
def test_visits_are_made_of_five_minutes_and_end_after_they_start(practice: tuple[int, int]) -> None:
    for row in invented(practice)["appointment"]:
        assert re.fullmatch(r"[X/]{4,108}", row["Pattern"])
        start = datetime.fromisoformat(row["AptDateTime"])
        assert start + timedelta(minutes=5 * len(row["Pattern"])) > start
        assert AptStatus(row["AptStatus"])
        assert (row["Op"] == 0) == (row["AptStatus"] in (AptStatus.UNSCHED_LIST, AptStatus.PLANNED))


@few
@given(practices)
def test_completed_visits_lie_in_the_past_and_have_completed_work(practice: tuple[int, int]) -> None:
    tables = invented(practice)
    visits = {row["AptNum"]: row for row in tables["appointment"]}
    for proc in tables["procedurelog"]:
        visit = visits.get(proc["AptNum"])
        if proc["ProcStatus"] == ProcStatus.C:
            assert proc["ProcDate"] <= TODAY.isoformat()
        if visit is not None:
            assert proc["PatNum"] == visit["PatNum"]
            assert (proc["ProcStatus"] == ProcStatus.C) == (visit["AptStatus"] == AptStatus.COMPLETE)
    assert all(
        row["AptDateTime"][:10] <= TODAY.isoformat()
        for row in visits.values()
        if row["AptStatus"] == AptStatus.COMPLETE
    )


@few
@given(practices)
def test_no_stamp_is_later_than_last_midnight(practice: tuple[int, int]) -> None:
    """A reader who starts now must not miss a row because its stamp lies ahead."""
    for table, rows in invented(practice).items():
        for row in rows:
            for name in schema.CHANGE_STAMPS | {"SecDateTEntry", "DateTEntry", "DateTimeEntry"}:
                assert row.get(name, "") <= f"{TODAY} 00:00:00", (table, name)


@few
@given(practices, st.dates(date(2024, 1, 1), date(2030, 12, 31)))
def test_any_day_can_be_today(practice: tuple[int, int], today: date) -> None:
    tables = invented(practice, today)
    assert [row for row in tables["schedule"] if row["SchedDate"] == today.isoformat()]


def test_people_cannot_be_found_anywhere() -> None:
    """Rows end up in logs, screenshots and bug reports: nobody real may be in them."""
    for row in invented((400, 2))["patient"]:
        assert "@" not in row["Email"] or set(re.findall(r"@([\w.]+)", row["Email"])) == {"example.com"}
        for name in ("HmPhone", "WkPhone", "WirelessPhone"):
            digits = re.sub(r"\D", "", row[name])
            assert len(digits) < 7 or digits[-7:-2] == "55501"
        assert row["SSN"] == "" or row["SSN"].startswith("000")


def test_the_balances_of_a_family_stand_on_its_guarantor_alone() -> None:
    office = stored()
    family: dict[int, float] = defaultdict(float)
    for row in office.store.find("patient"):
        family[row["Guarantor"]] += row["EstBalance"]
    for row in office.store.find("patient"):
        if row["Guarantor"] != row["PatNum"]:
            assert not any(row[name] for name in ("BalTotal", "InsEst", "Bal_0_30", "BalOver90", "PayPlanDue"))
        else:
            assert row["BalTotal"] == pytest.approx(family[row["PatNum"]], abs=0.01)
    assert any(family.values())


def test_the_buckets_hold_what_is_owed_and_are_never_negative() -> None:
    names = ("Bal_0_30", "Bal_31_60", "Bal_61_90", "BalOver90")
    for row in stored().store.find("patient"):
        assert min(row[name] for name in names) >= 0
        if row["Guarantor"] == row["PatNum"] and row["BalTotal"] > 0:
            assert sum(row[name] for name in names) == pytest.approx(row["BalTotal"], abs=0.01)


@settings(max_examples=4)
@given(st.integers(0, 10_000))
def test_three_hundred_people_show_every_state_a_reader_must_know(number: int) -> None:
    tables = invented((300, number))

    def states(table: str, column: str) -> set[Any]:
        return {row[column] for row in tables[table]}

    assert states("claim", "ClaimStatus") == {"U", "H", "W", "S", "R", "I"}
    assert states("claim", "ClaimType") == {"P", "S", "PreAuth"}
    assert states("procedurelog", "ProcStatus") == {int(status) for status in ProcStatus}
    assert states("patient", "PatStatus") == {int(status) for status in PatStatus}
    assert states("appointment", "AptStatus") == {int(status) for status in AptStatus} - {int(AptStatus.ASAP)}
    assert states("schedule", "SchedType") == {int(kind) for kind in SchedType}
    wanted = {ClaimProcStatus.RECEIVED, ClaimProcStatus.NOT_RECEIVED, ClaimProcStatus.ESTIMATE, ClaimProcStatus.PREAUTH}
    assert states("claimproc", "Status") >= {int(status) for status in wanted}
    assert states("payplan", "IsDynamic") == {0, 1}
    lines, claims, payments = tables["claimproc"], tables["claim"], tables["payment"]
    assert any(line["Status"] == 1 and line["InsPayAmt"] and not line["ClaimPaymentNum"] for line in lines), (
        "not finalized"
    )
    assert any(claim["ClaimStatus"] == "R" and not claim["InsPayAmt"] for claim in claims), "denied or zeroed"
    assert any(payment["PayAmt"] < 0 for payment in payments), "refund"
    assert any(payment["PayAmt"] == payment["PayType"] == 0 for payment in payments), "income transfer"
    assert "0001-01-01" in states("patient", "Birthdate")
    assert "02:30:00" in {text[11:] for text in states("appointment", "AptDateTime")}, "an hour that does not exist"
    assert tables["perioexam"]


def test_the_shares_are_those_of_a_general_practice() -> None:
    store = stored().store
    status = Counter(row["PatStatus"] for row in store.find("patient"))
    assert 0.4 < status[PatStatus.PATIENT] / 300 < 0.62
    past = Counter(row["AptStatus"] for row in store.find("appointment", sql=f"\"AptDateTime\" < '{TODAY}'"))
    assert 0.78 < past[AptStatus.COMPLETE] / past.total() < 0.93
    claims = store.find("claim", {"ClaimStatus": "R", "ClaimType": "P"})
    zero = sum(claim["InsPayAmt"] == 0 for claim in claims)
    assert 0.02 < zero / len(claims) < 0.2


def test_today_has_visits_and_the_calendar_reaches_four_months_ahead() -> None:
    store = stored().store
    today = store.find("appointment", sql=f"\"AptDateTime\" LIKE '{TODAY}%'")
    assert len(today) >= 4
    days = {row["SchedDate"] for row in store.find("schedule", {"SchedType": 1})}
    assert min(days) <= (TODAY - timedelta(days=55)).isoformat()
    assert max(days) >= (TODAY + timedelta(days=115)).isoformat()
