"""What rows look like can be changed while a practice runs, as an update of Open Dental changes it."""

from __future__ import annotations

import pytest

from gateway.core.plans import UpstreamCall
from tests.fakes.deployment import Deployment, deployed


def rows(d: Deployment, operation: str) -> list[dict[str, object]]:
    return list(d.on.upstream.send(d.on.practices.get(d.practice_id), UpstreamCall(operation)).rows)


def test_fields_appear_and_go_by_resource_and_come_back() -> None:
    with deployed("--patients", "3") as d:
        was, others = rows(d, "providers.list"), rows(d, "carriers.list")
        d.simulated.change({"shapes": {"providers": {"ShinyNew": "x", "Abbr": None}}})
        assert rows(d, "providers.list") == [
            {**{name: value for name, value in row.items() if name != "Abbr"}, "ShinyNew": "x"} for row in was
        ]
        assert rows(d, "carriers.list") == others

        d.simulated.change({"shapes": {}})
        assert [row.keys() for row in rows(d, "providers.list")] == [row.keys() for row in was]


def test_shapes_that_are_none_change_nothing() -> None:
    with deployed("--patients", "3") as d:
        with pytest.raises(ValueError, match="shapes"):
            d.simulated.change({"shapes": ["providers"]})
        assert not d.simulated.settings.shapes
