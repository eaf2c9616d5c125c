"""The statements: what they are made of, and that nothing but keys and times gets into one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.queries.changes import STAMPED, WITHOUT_STAMP, probe
from gateway.core.queries.listing import STATEMENTS
from gateway.core.queries.statement import Statement
from infra.sandbox.practice import schema
from open_dental import catalogue

LATEST = datetime.fromisoformat("9999-12-31 23:59:59")


def test_every_mirrored_resource_has_a_stamp_or_is_said_to_have_none() -> None:
    assert STAMPED.keys() | WITHOUT_STAMP == MIRRORED.keys()
    assert not STAMPED.keys() & WITHOUT_STAMP


@pytest.mark.parametrize("name", STAMPED)
def test_a_stamped_table_is_that_of_its_resource_and_has_its_columns(name: str) -> None:
    one, of = STAMPED[name], catalogue.resource(name)
    columns = schema.tables()[one.table].columns

    assert (one.table, one.key) == (of.table, MIRRORED[name].key)
    assert {one.key, one.stamp, *one.under} <= columns.keys()
    assert set(one.under) <= set(MIRRORED[name].parents), "rows are looked for in the mirror by the same column"
    if of.sync is not None and of.sync.cursor_field in schema.CHANGE_STAMPS:
        assert one.stamp == of.sync.cursor_field


def test_names_of_statements_are_told_apart() -> None:
    assert len({one.name for one in STATEMENTS}) == len(STATEMENTS)


def test_a_probe_of_everything_is_of_a_length_that_an_office_can_keep() -> None:
    """Its text goes into the audit trail, again and again."""
    values = {f"{what}_{name}": at for name in STAMPED for what, at in (("since", LATEST), ("highest", 2**63))}

    assert len(probe(STAMPED).sql(**values)) < 12_000


@pytest.mark.parametrize("value", ["1", True, datetime(2026, 1, 1, tzinfo=UTC), [], [1, "2"], [True], None, 1.5])
def test_what_is_no_key_and_no_time_of_the_server_gets_into_no_statement(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        STAMPED["claims"].changed.sql(since=LATEST, highest=value, after=0)  # type: ignore[arg-type]


def test_values_are_written_as_mysql_reads_them() -> None:
    statement = Statement("one", "SELECT :key, :day, :at, :keys ORDER BY 1")

    assert statement.sql(
        key=-5, day=date(2026, 3, 2), at=datetime.fromisoformat("2026-03-02 04:05:06"), keys=[1, 2]
    ) == ("SELECT -5, '2026-03-02', '2026-03-02 04:05:06', (1, 2) ORDER BY 1")


@pytest.mark.parametrize("text", ["SELECT 1", "SELECT GROUP_CONCAT(a) ORDER BY 1", "SELECT 1; DROP TABLE a ORDER BY 1"])
def test_a_statement_that_cannot_be_paged_or_is_two_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="paged"):
        Statement("one", text)
