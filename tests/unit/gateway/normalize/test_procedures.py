"""What a procedure looks like."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core import objects
from gateway.core.normalize import procedure
from tests.fakes import ELM_STREET
from tests.fakes.rows import procedure_row

READ_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def shown(areas: dict[int, str] | None = None, **columns: Any) -> dict[str, Any]:
    made = procedure(procedure_row(**columns), practice=ELM_STREET, synced_at=READ_AT, areas=areas)
    objects.Procedure.model_validate(made, strict=True)
    return made


@pytest.mark.parametrize(
    ("columns", "area"),
    [
        ({}, ("mouth", [], [], None)),
        ({"ToothNum": "3"}, ("tooth", ["3"], [], None)),
        ({"ToothNum": "14", "Surf": "MOD"}, ("surface", ["14"], ["M", "O", "D"], None)),
        ({"ToothNum": "B", "Surf": "L"}, ("surface", ["B"], ["L"], None)),
        ({"Surf": "UR"}, ("quadrant", [], [], "upper_right")),
        ({"Surf": "L"}, ("arch", [], [], "lower")),
        ({"Surf": "5"}, ("sextant", [], [], "lower_front")),
        ({"ToothRange": "2,3,4"}, ("range", ["2", "3", "4"], [], None)),
        ({"Surf": "LL", "ToothRange": "18, 19"}, ("quadrant", ["18", "19"], [], "lower_left")),
        ({"ToothNum": "99"}, ("tooth", [], [], None)),
    ],
)
def test_one_column_carries_surface_quadrant_sextant_and_arch(columns: dict[str, Any], area: tuple[Any, ...]) -> None:
    assert tuple(shown(**columns)["area"].values()) == area


def test_the_codes_treatment_area_decides_where_it_is_known() -> None:
    assert shown({1: "Arch"}, Surf="L", ToothNum="3")["area"]["kind"] == "arch"
    assert shown({1: "Surf"}, Surf="L", ToothNum="3")["area"]["kind"] == "surface"


def test_the_charge_is_the_fee_times_units() -> None:
    made = shown(ProcFee="62.00", UnitQty=2, BaseUnits=1)

    assert (made["fee"]["amount"], made["quantity"], made["total_fee"]["amount"]) == ("62.00", 3, "186.00")


@pytest.mark.parametrize(
    ("status", "performed"), [("C", "2026-03-03"), ("EO", "2026-03-03"), ("TP", None), ("R", None), ("D", None)]
)
def test_only_what_was_done_has_a_day_on_which_it_was_done(status: str, performed: str | None) -> None:
    assert shown(ProcStatus=status)["performed_on"] == performed


@pytest.mark.parametrize(("code", "system"), [("D0120", "CDT"), ("D0120.1", "office"), ("N4117", "office")])
def test_codes_of_the_office_are_told_from_cdt(code: str, system: str) -> None:
    assert shown(procCode=code)["code"]["system"] == system
