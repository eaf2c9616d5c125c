"""The command that keeps the portal key."""

from __future__ import annotations

import io

import pytest

from gateway.wiring import portal_key
from gateway.wiring.services import using
from tests.fakes.services import FakeServices

KEY = "FakePortalKey000"


def run(on: FakeServices, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setenv("VAULT_PREFIX", "gateway/practices")
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with using(on):
        portal_key.main([])


def test_the_key_is_read_from_the_standard_input_and_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on = FakeServices()
    run(on, monkeypatch, f"{KEY}\n")

    assert on.vault.portal() == KEY
    assert KEY not in "".join(capsys.readouterr())


def test_a_key_on_the_command_line_is_refused() -> None:
    with pytest.raises(SystemExit):
        portal_key.main([KEY])


@pytest.mark.parametrize("typed", ["", "\n", "two words\n"])
def test_what_is_no_key_changes_nothing(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    on = FakeServices()
    with pytest.raises(SystemExit):
        run(on, monkeypatch, typed)

    assert on.vault.portal_key is None
