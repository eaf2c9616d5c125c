"""Two clients of different scopes and two practices of equal rows: what one was shown says nothing to the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.callers import Client
from tests.fakes.deployment import IDS, Answered, Deployment, deployed
from tests.fakes.mirroring import mirror

ELM, OAK = IDS[:2]
FEW = "cli_few"
FORBIDDEN = {403, 404}


@pytest.fixture(scope="module", params=["mirrors", "caches"])
def two(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """Copies of everything, in mirrors or in the short-lived cache and the memory of a warm process."""
    everything = ("*:read", "patients.ssn", "patients.match", "groups:write", "resources:read", "sync:read")
    with deployed("--patients", "8", practices=2, scopes=everything) as d:
        for practice_id in (ELM, OAK):
            store = d.servers[practice_id].practice.office.store
            store.update("patient", 3, {"SSN": "123456789", "LName": f"Of{practice_id[5:8]}"})
            store.update("provider", 1, {"Abbr": practice_id[5:8]})
        d.read_up()
        if request.param == "mirrors":
            for practice_id in (ELM, OAK):
                mirror(d, practice_id=practice_id)
        yield d


def paths(d: Deployment, practice_id: str = ELM) -> dict[str, dict[str, Any]]:
    patient = d.id_of("patient", 3).replace(ELM[5:], practice_id[5:])
    return {
        f"/patients/{patient}": {},
        f"/patients/{patient}/360": {},
        "/patients": {"practice_id": practice_id, "birth_date": _born(d)},
        "/appointments": {"patient_id": patient},
        "/claims": {"patient_id": patient},
        "/payments": {"patient_id": patient},
        "/allergies": {"patient_id": patient},
        "/balances": {"patient_id": patient},
        "/providers": {"practice_id": practice_id},
        "/definitions": {"practice_id": practice_id, "category": "billing_type"},
        "/day": {"practice_id": practice_id, "date": str(d.today), "sections": "patients,balance,alerts"},
        f"/fhir/R4/Patient/{patient}": {},
        f"/practices/{practice_id}/sync": {},
    }


def _born(d: Deployment) -> str:
    return str(d.rows("patient", "PatNum = 3")[0]["Birthdate"])[:10]


def ask(d: Deployment, path: str, query: dict[str, Any], who: str, **headers: str) -> Answered:
    sent = {"Prefer": "wait=100", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return d.send("GET", path, query=query, client_id=who, headers=sent)


def held(answered: Answered) -> Any:
    """What an answer says, its ages and its own road aside."""
    return _ageless(answered.body)


def _ageless(value: Any) -> Any:
    if isinstance(value, list):
        return [_ageless(one) for one in value]
    if not isinstance(value, dict):
        return value
    moving = {"as_of", "age_seconds", "served_from", "upstream_calls", "synced_at", "lastUpdated"}
    return {name: _ageless(one) for name, one in value.items() if name not in moving}


@pytest.mark.parametrize(
    "scopes",
    [
        {"patients:read"},
        {"*:read"},
        {"appointments:read", "patients:read", "balances:read"},
        {"practices:read"},
    ],
    ids=lambda scopes: ",".join(sorted(scopes)),
)
def test_a_tag_of_somebody_who_sees_more_confirms_nothing(scopes: set[str], two: Deployment) -> None:
    two.on.callers.put_client(Client(FEW, "Few", frozenset({ELM}), frozenset(scopes)))
    different = refused = same = 0
    for path, query in paths(two).items():
        full = ask(two, path, query, "cli_ada")
        assert full.status == 200, (path, full.body)
        tag = full.headers.get("ETag", '"none"')
        own = ask(two, path, query, FEW)
        conditional = ask(two, path, query, FEW, If_None_Match=tag)
        if own.status in FORBIDDEN:
            refused += 1
            assert conditional.status == own.status, path
            kept = ask(two, path, query, FEW, Cache_Control="only-if-cached", If_None_Match="*")
            assert kept.status == own.status, path
            continue
        assert own.status == 200, (path, own.body)
        if held(own) == held(full):
            same += 1
            continue
        different += 1
        assert conditional.status == 200, path
        assert own.headers.get("ETag") != tag or tag == '"none"', path
    assert different + refused > 0 or scopes == {"*:read"}


def test_only_who_may_sees_a_social_security_number_that_is_at_hand(two: Deployment) -> None:
    two.on.callers.put_client(Client(FEW, "Few", frozenset({ELM}), frozenset({"*:read"})))
    path = f"/patients/{two.id_of('patient', 3)}"
    assert "123456789" in str(ask(two, path, {}, "cli_ada").body).replace("-", "")

    for headers in ({}, {"Cache_Control": "only-if-cached, max-age=3600"}, {"Cache_Control": "no-cache"}):
        got = ask(two, path, {}, FEW, **headers)
        assert got.status == 200, got.body
        assert "123456789" not in str(got.body).replace("-", "")


def test_of_two_practices_with_equal_rows_each_answer_is_of_its_own(two: Deployment) -> None:
    """Each is asked right behind the other, by the same process, from copies and by names that it remembers."""
    two.on.callers.put_client(Client(FEW, "Few", frozenset({OAK}), frozenset({"*:read"})))
    for (path, query), (of_oak, asked_of_oak) in zip(paths(two).items(), paths(two, OAK).items(), strict=True):
        first, second = ask(two, path, query, "cli_ada"), ask(two, of_oak, asked_of_oak, "cli_ada")
        alone = ask(two, of_oak, asked_of_oak, "cli_ada", Cache_Control="only-if-cached, max-age=3600")
        assert (first.status, second.status) == (200, 200)
        assert OAK[5:] not in str(first.body), path
        assert ELM[5:] not in str(second.body), path
        assert ELM[5:] not in str(alone.body), path
        for mine, other in (("Ofaaa", "Ofbbb"),):
            assert other not in str(first.body), path
            assert mine not in str(second.body), path
        # Who has only the second gets nothing of the first, copies or none.
        for headers in ({}, {"Cache_Control": "only-if-cached, max-age=3600"}, {"If_None_Match": "*"}):
            assert ask(two, path, query, FEW, **headers).status in FORBIDDEN, path
