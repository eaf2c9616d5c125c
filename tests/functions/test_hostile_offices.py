"""What is put together of many answers, where a column of each row of them holds anything: no bug, and as described."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from gateway.core.plans import UpstreamAnswer
from open_dental import catalogue, wire
from open_dental.rows import let_in
from tests.fakes.deployment import ALL_PERMISSIONS, Deployment, deployed

MARK = "Zq7Marker"
JUNK: list[Any] = [
    None, True, -1, 10**25, "", MARK, "9" * 5000, "0001-01-01", "9999-99-99", "1e999999", "\x00", [MARK], {"a": [MARK]},
]  # fmt: skip
VALUES = [wire.loads(json.dumps(one)) for one in JUNK]


class Hostile:
    """Fills `Upstream`: each row of an answer has `value` in every `every`-th column, from the `first` one on."""

    def __init__(self, upstream: Any, value: Any, first: int, every: int) -> None:
        self._upstream, self._value, self._first, self._every = upstream, value, first, every

    def __getattr__(self, name: str) -> Any:
        return getattr(self._upstream, name)

    def send(self, practice: Any, call: Any, gate: Any = None) -> UpstreamAnswer:
        answer: UpstreamAnswer = self._upstream.send(practice, call, gate)
        if not isinstance(answer.data, dict | list):
            return answer
        rows = deepcopy(answer.rows)
        for row in rows:
            for name in list(row)[self._first :: self._every]:
                row[name] = self._value
        # As the client lets them in.
        if not call.operation.startswith("fhir."):
            let_in(rows, catalogue.operation(call.operation).resource, catalogue.operation(call.operation))
        return replace(answer, data=rows[0] if isinstance(answer.data, dict) else rows)


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed("--patients", "8") as d:
        yield d


PATHS = ("/day", "/balances", "/payment_plans", "/coverages", "/patients/{id}/360", "/balances/{id}")


@pytest.mark.parametrize(("path", "queries"), [*((path, True) for path in PATHS), ("/day", False)])
def test_an_office_that_answers_anything_is_shown_as_far_as_it_can_be(
    path: str, queries: bool, office: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    d, upstream, statuses = office, office.on.upstream, set()
    patient = d.id_of("patient", 3)
    query = {"/day": {"practice_id": d.practice_id, "date": str(d.today)}}.get(path, {"patient_id": patient})
    try:
        with caplog.at_level(logging.WARNING):
            for value, (first, every) in product(VALUES, ((0, 3), (1, 3), (2, 3))):
                # What is remembered of the office's set-up is forgotten by then; a look at what the key may do, too.
                d.on.clock.seconds += 2 * 86_400
                d.know(permissions=ALL_PERMISSIONS if queries else ALL_PERMISSIONS - {"Queries"})
                d.on.upstream = Hostile(upstream, value, first, every)
                asked = {} if "{id}" in path else query
                answer = d.send("GET", path.replace("{id}", patient), query=asked, headers={"Prefer": "wait=25"})
                statuses.add(answer.status)
    finally:
        d.on.upstream = upstream
        d.know(permissions=ALL_PERMISSIONS)

    assert 200 in statuses
    assert statuses <= {200, 404, 422, 502}
    assert MARK not in caplog.text
