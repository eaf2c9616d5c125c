"""Tables, views and marts over a real export of a simulated practice, held against the API's objects."""

from __future__ import annotations

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot

from gateway.adapters.parquet import DuckColumnar
from gateway.core.export import layout
from gateway.core.export.exported import EXPORTED
from gateway.core.export.runs import ExportRun, Mode
from gateway.core.export.stepping import export_practice, prepare, publish
from gateway.core.ids import new_id
from gateway.wiring.warehouse import text
from infra import warehouse
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

OBJECTS = (
    "patients", "procedures", "adjustments", "payments", "claims", "coverages", "recalls", "appointments", "balances"
)  # fmt: skip
BROKEN = {"D9986", "D9987"}


class Exported:
    """One practice, its export in a folder, and DuckDB over it."""

    def __init__(self, office: MirroredOffice, folder: Path) -> None:
        self.office, self.folder = office, folder
        office.on.columnar = DuckColumnar()
        self.database = duckdb.connect(":memory:", config={"threads": "1"})
        self.database.execute("SET TimeZone = 'UTC'")

    def export(self, mode: Mode, *, published: bool = True) -> ExportRun:
        on = self.office.on
        on.clock.seconds += 300
        run = on.exports.make(ExportRun(new_id("export"), mode, (self.office.id,), OBJECTS, "gateway", on.clock.now()))
        for one in prepare(run.id, scheduled=None, on=on)["practices"]:
            export_practice(run.id, one, time_left_s=lambda: 900.0, on=on)
        if published:
            publish(run.id, on=on)
        for key, file in on.warehouse.files.items():
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.body)
        return run

    def rows(self, select: str) -> list[dict[str, Any]]:
        found = self.database.execute(select)
        names = [one[0] for one in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def objects(self, name: str) -> list[dict[str, Any]]:
        """What the API shows of an object, as its export has it."""
        one = EXPORTED[name]
        from gateway.core.export.exported import Shelf  # noqa: PLC0415

        shelf = Shelf(self.office.on.practices.get(self.office.id), self.office.on)
        return [row for source in one.sources for row in one.rows(source, shelf.all(source.resource), shelf, "exp_x")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    with mirrored_office(queries=True) as office:
        office.load()
        _add_adjustments(office)
        office.run(600)
        made = Exported(office, tmp_path_factory.mktemp("warehouse"))
        made.export(Mode.SNAPSHOT)
        for one in warehouse.duckdb_script(str(made.folder)).split(";\n"):
            if one.strip():
                made.database.execute(one)
        yield made


def _add_adjustments(office: MirroredOffice) -> None:
    """The simulated practice has none by itself."""
    on = office.on
    done = on.records.page(office.id, "procedurelogs", after=None, limit=500)
    completed = [one.row for one in done if one.row["ProcStatus"] == "C"][:6]
    from gateway.core.mirror.records import Order, ReadAt  # noqa: PLC0415

    rows = [
        {
            "AdjNum": number + 1, "AdjDate": row["ProcDate"], "AdjAmt": Decimal("-5") if number % 2 else Decimal("12.5"), "AdjType": 0,
            "PatNum": row["PatNum"], "ProvNum": row["ProvNum"], "ProcNum": row["ProcNum"], "ClinicNum": 0,
            "ProcDate": row["ProcDate"], "DateEntry": row["ProcDate"], "AdjNote": "", "SecDateTEdit": row["DateTStamp"],
        }
        for number, row in enumerate(completed)
    ]  # fmt: skip
    read = ReadAt(Order(office.on.syncs.load(office.id).epoch, 10_000_000), on.clock.now())
    on.records.store(office.id, "adjustments", rows, read=read, cause="poll")


def test_the_columns_are_those_of_the_models() -> None:
    """`python -m gateway.wiring.warehouse > infra/warehouse/schemas.json`."""
    assert warehouse.SCHEMAS.read_text() == text()


@pytest.mark.parametrize("dialect", ["athena", "trino"])
def test_each_view_is_athenas_sql_as_it_stands(dialect: str) -> None:
    for name, select in warehouse.views().items():
        made = sqlglot.parse_one(warehouse.statement(name, select), read=dialect)
        assert made.find(sqlglot.exp.Command) is None, name


def test_what_is_current_is_each_object_as_the_api_shows_it(exported: Exported) -> None:
    for name in OBJECTS:
        shown = {(row["id"], row["version"]) for row in exported.objects(name)}
        assert {(row["id"], row["version"]) for row in exported.rows(f"SELECT * FROM current_{name}")} == shown, name


def test_types_are_those_of_the_schema_and_not_of_the_data(exported: Exported) -> None:
    for name in OBJECTS:
        types = {row["column_name"]: row["column_type"] for row in exported.rows(f"DESCRIBE SELECT * FROM {name}")}
        wanted = {one["name"]: one["parquet"] for one in warehouse.objects()[name]}
        listed = {one: types[one] for one in wanted}
        assert {one: re.sub(r'"', "", of) for one, of in listed.items()} == {
            one: re.sub(r'"', "", of) for one, of in wanted.items()
        }


def _money(value: dict[str, Any] | None) -> Decimal:
    return Decimal(value["amount"]) if value else Decimal(0)


def _month(day: str) -> date:
    return date.fromisoformat(day).replace(day=1)


def _completed(exported: Exported) -> list[dict[str, Any]]:
    return [row for row in exported.objects("procedures") if row["status"] == "completed" and row["performed_on"]]


def test_production_is_completed_work_without_missed_visits(exported: Exported) -> None:
    gross, net = defaultdict[Any, Decimal](Decimal), defaultdict[Any, Decimal](Decimal)
    for row in _completed(exported):
        if row["code"]["value"] not in BROKEN:
            gross[row["provider_id"], _month(row["performed_on"])] += _money(row["total_fee"])
    for row in exported.objects("adjustments"):
        net[row["provider_id"], _month(row["adjusted_on"])] += _money(row["signed_amount"])

    found = exported.rows("SELECT * FROM production_by_provider")
    made, changed = defaultdict[Any, Decimal](Decimal), defaultdict[Any, Decimal](Decimal)
    for row in found:
        made[row["provider_id"], row["production_month"]] += row["gross_production"]
        changed[row["provider_id"], row["production_month"]] += row["adjustments"]
    assert {place: one for place, one in made.items() if one} == {place: one for place, one in gross.items() if one}
    assert {place: one for place, one in changed.items() if one} == {place: one for place, one in net.items() if one}
    assert sum(net.values())


def test_a_patient_is_new_in_the_month_of_the_first_work(exported: Exported) -> None:
    first: dict[str, str] = {}
    for row in _completed(exported):
        if row["code"]["value"] not in BROKEN:
            first[row["patient_id"]] = min(first.get(row["patient_id"], "9999"), row["performed_on"])

    found = Counter[date]()
    for row in exported.rows("SELECT * FROM new_patients"):
        found[row["first_month"]] += row["new_patients"]
    known = {row["id"] for row in exported.objects("patients")}
    assert found == Counter(_month(day) for patient, day in first.items() if patient in known)


def test_recalls_are_due_for_active_patients_without_a_visit_for_them(exported: Exported) -> None:
    today = exported.rows("SELECT current_date AS today")[0]["today"]
    active = {row["id"] for row in exported.objects("patients") if row["status"] == "active"}
    due = {
        row["id"]: (today - date.fromisoformat(row["due_on"])).days
        for row in exported.objects("recalls")
        if row["patient_id"] in active
        and row["due_on"]
        and not (row["is_disabled"] or row["scheduled_on"] or (row["disabled_until"] or "") > today.isoformat())
    }

    found = {row["recall_id"]: row["days_overdue"] for row in exported.rows("SELECT * FROM recall_due")}
    assert found == {one: days for one, days in due.items() if days >= -30}
    assert found


def test_aging_takes_what_was_paid_off_the_oldest_first(exported: Exported) -> None:
    today = exported.rows("SELECT current_date AS today")[0]["today"]
    heads = {row["id"]: row["guarantor_id"] or row["id"] for row in exported.objects("patients")}
    owed, paid = defaultdict[str, list[tuple[int, Decimal]]](list), defaultdict[str, Decimal](Decimal)

    def charge(patient: str, day: str, amount: Decimal) -> None:
        owed[heads[patient]].append(((today - date.fromisoformat(day)).days, amount))

    for row in exported.objects("procedures"):
        if row["status"] == "completed" and row["patient_id"] in heads:
            charge(row["patient_id"], row["performed_on"], _money(row["total_fee"]))
    for row in exported.objects("adjustments"):
        if row["effect"] == "charge":
            charge(row["patient_id"], row["adjusted_on"], _money(row["signed_amount"]))
        else:
            paid[heads[row["patient_id"]]] -= _money(row["signed_amount"])
    for row in exported.objects("payments"):
        if row["payer"]["kind"] == "patient" and row["payer"]["patient_id"] in heads:
            paid[heads[row["payer"]["patient_id"]]] += _money(row["signed_amount"])
    for row in exported.objects("claims"):
        if row["status"] == "received" and row["type"] != "preauthorization":
            paid[heads[row["patient_id"]]] += _money(row["totals"]["paid"]) + _money(row["totals"]["write_off"])

    expected = {}
    for head in owed.keys() | paid.keys():
        left, ages = paid[head], [Decimal(0)] * 4
        for age, amount in sorted(owed[head], reverse=True):
            covered = min(max(left, Decimal(0)), amount)
            left -= covered
            ages[min(max(age - 1, 0) // 30, 3)] += amount - covered
        expected[head] = (*ages, max(left, Decimal(0)))
    names = ("days_0_30", "days_31_60", "days_61_90", "days_over_90", "credit")
    found = {row["guarantor_id"]: tuple(row[one] for one in names) for row in exported.rows("SELECT * FROM ar_aging")}
    assert found == expected
    assert all(
        row["balance"] == sum(found[row["guarantor_id"]][:4]) - found[row["guarantor_id"]][4]
        for row in exported.rows("SELECT * FROM ar_aging")
    )


def _answered(exported: Exported) -> list[dict[str, Any]]:
    return [
        row for row in exported.objects("claims") if row["status"] == "received" and row["type"] != "preauthorization"
    ]


def test_turnaround_is_the_days_from_sent_to_received(exported: Exported) -> None:
    days = [
        (date.fromisoformat(row["received_on"]) - date.fromisoformat(row["sent_on"])).days
        for row in _answered(exported)
        if row["sent_on"] and row["received_on"]
    ]

    found = exported.rows("SELECT * FROM claim_turnaround WHERE answered > 0")
    assert sum(row["answered"] for row in found) == len(days)
    assert round(sum(row["average_days"] * row["answered"] for row in found)) == sum(days)
    assert max(row["longest_days"] for row in found) == max(days)


def test_a_claim_is_denied_with_evidence_only(exported: Exported) -> None:
    answered = [row for row in _answered(exported) if row["type"] != "capitation" and row["received_on"]]
    carriers = {row["id"]: row["carrier"]["id"] for row in exported.objects("coverages") if row["carrier"]}

    found = exported.rows("SELECT * FROM denial_rate")
    assert sum(row["received"] for row in found) == len(answered)
    assert sum(row["denied"] for row in found) == sum(row["is_denied"] is True for row in answered)
    assert sum(row["unexplained"] for row in found) == sum(row["is_denied"] is None for row in answered)
    assert Counter(carriers.get(row["coverage_id"]) for row in answered) == Counter(
        row["carrier_id"] for row in found for _ in range(row["received"])
    )


def test_the_one_line_of_the_readme_counts_what_is_there(exported: Exported) -> None:
    readme = (warehouse.SCHEMAS.parent / "README.md").read_text()
    (line,) = re.findall(r"^duckdb -c .*$", readme, re.MULTILINE)

    said = shlex.split(line.replace("s3://BUCKET", str(exported.folder)))[2]

    assert exported.database.execute(said).fetchall() == [(len(exported.objects("patients")),)]


def test_half_a_run_is_seen_by_nobody_and_a_tombstone_takes_its_object_away(exported: Exported) -> None:
    from tests.unit.gateway.export.test_stepping import bury, keys  # noqa: PLC0415

    office = exported.office
    patients, gone = len(exported.objects("patients")), keys(office, "patients")[0]
    bury(office, "patients", gone)
    run = exported.export(Mode.INCREMENTAL, published=False)
    assert any(run.id in str(one) for one in exported.folder.rglob("*.parquet"))
    assert exported.rows("SELECT count(*) AS n FROM current_patients") == [{"n": patients}]

    publish(run.id, on=office.on)
    published = layout.published_key(run.id)
    (exported.folder / published).write_bytes(office.on.warehouse.get(published).body)

    assert exported.rows("SELECT count(*) AS n FROM current_patients") == [{"n": patients - 1}]
