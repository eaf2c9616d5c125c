"""What has changed between two looks, in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.drift.changes import CODES, changes_between
from gateway.core.drift.known import Oddity
from gateway.core.practices import Tier
from infra.sandbox.practice.keys import PERMISSIONS

FACTS = st.fixed_dictionaries(
    {},
    optional={
        "version": st.sampled_from(["25.3.12", "25.4.1", "24.2", "odd"]),
        "permissions": st.lists(st.sampled_from(PERMISSIONS), unique=True).map(sorted),
        "tier": st.sampled_from([one.value for one in Tier]),
        "page_limit": st.sampled_from([100, 1000]),
        "clinics": st.text("ab", min_size=1, max_size=2),
        "clinics_count": st.integers(0, 3),
        "definitions": st.dictionaries(st.sampled_from(["ApptConfirmed", "BillingTypes"]), st.text("ab", max_size=2)),
        "shapes": st.dictionaries(
            st.sampled_from(["patients.Simple", "claims.list"]),
            st.dictionaries(st.sampled_from([str(one) for one in Oddity]), st.lists(st.sampled_from("ABC"))),
        ),
        "throttle": st.sampled_from(["kept", "slowed"]),
        "clock": st.sampled_from(["agrees", "disagrees"]),
    },
)


@given(was=FACTS, now=FACTS)
def test_every_change_has_a_known_code_and_a_sentence_and_what_is_the_same_or_newly_known_is_none(
    was: dict[str, Any], now: dict[str, Any]
) -> None:
    assert changes_between(was, was) == []
    assert changes_between({}, now) == []
    for one in changes_between(was, now):
        assert one.code in CODES
        assert one.explanation[0].isupper()
        assert one.explanation.endswith(".")
        assert len(one.explanation) < 1000
        assert was[one.part] != now[one.part]


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_lost_permission_says_what_it_breaks_and_what_would_bring_it_back(permission: str) -> None:
    (change,) = changes_between(
        {"permissions": sorted(PERMISSIONS)}, {"permissions": sorted({*PERMISSIONS} - {permission})}
    )

    assert f"lost the permission {permission}:" in change.explanation
    assert "To bring it back, ask Open Dental for" in change.explanation


def test_names_that_an_office_made_up_are_counted_and_not_repeated() -> None:
    was: dict[str, Any] = {"shapes": {}}
    now = {"shapes": {"patients.Simple": {"new": ["Anna_Smith", "Other"], "missing": ["LName"]}}}
    new, missing = changes_between(was, now)

    assert (new.code, missing.code) == ("fields-new", "fields-missing")
    assert "2 fields" in new.explanation
    assert "Anna" not in new.explanation
    assert "LName" in missing.explanation


def test_an_office_that_goes_back_to_an_older_version_is_not_called_updated() -> None:
    (change,) = changes_between({"version": "25.4.1"}, {"version": "25.3.9"})
    assert "taken back" in change.explanation
