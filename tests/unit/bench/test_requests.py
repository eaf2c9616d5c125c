"""What the section `requests` counts."""

from __future__ import annotations

from tests.bench import requests


def test_an_answer_costs_no_more_upstream_requests_than_is_promised() -> None:
    figures = list(requests.measure(quick=True, say=lambda _: None))

    assert {figure.verdict for figure in figures if figure.goal} == {"ok"}
    # The cheapest key may not query.
    by_query = [name for name, permission in requests.NEEDS.items() if permission == "Queries"]
    assert len(figures) == 2 * len(requests.QUESTIONS) - len(by_query)
