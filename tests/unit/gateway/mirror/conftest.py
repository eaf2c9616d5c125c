"""Pages of twenty rows, so that a small office takes several."""

from __future__ import annotations

import pytest

from gateway.core.practices import Practice


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Practice, "page_limit", property(lambda _: 20))
