"""What a run says, and when it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.figures import NONE, Figure, Report, at_least, at_most, median_ratio, shown, table


def good(*, quick: bool, say: object) -> Iterator[Figure]:
    yield Figure("paging", "far page", 1.2, "ms", at_most(20.0), "1.1 x")


def bad(*, quick: bool, say: object) -> Iterator[Figure]:
    yield Figure("faults", "duplicates", 1, goal=NONE)


def broken(*, quick: bool, say: object) -> Iterator[Figure]:
    yield Figure("cold", "patients", 0.5, "%", at_most(0.6))
    raise RuntimeError("the emulator did not start")


def run(*names: str) -> Report:
    sections = {"paging": good, "faults": bad, "cold": broken}
    return bench.run(names, quick=True, say=lambda _: None, find=sections.__getitem__)


def test_a_bound_itself_is_kept_and_what_is_no_number_keeps_nothing() -> None:
    assert at_most(0.6).met_by(0.6) and at_least(0.98).met_by(0.98)
    assert not at_most(0.6).met_by(float("nan")) and not at_least(0.98).met_by(float("nan"))


def test_a_run_is_good_only_if_every_goal_is_met() -> None:
    assert run("paging").good
    assert not run("paging", "faults").good


def test_a_section_that_breaks_is_a_failure_and_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    report = run("cold", "paging")

    assert not report.good
    assert report.failures == {"cold": "RuntimeError: the emulator did not start"}
    assert [figure.section for figure in report.figures] == ["cold", "paging"]


def test_the_table_shows_value_goal_and_verdict() -> None:
    lines = table(run("paging", "faults").figures)

    assert lines[1].split() == ["far", "page", "1.2", "ms", "[≤", "20", "ms]", "ok", "1.1", "x"]
    assert lines[3].split() == ["duplicates", "1", "[0]", "missed"]


def test_shares_are_shown_in_percent() -> None:
    assert shown(0.9934, "%") == "99.3 %"
    assert shown(10154, "") == "10,154"


def test_the_json_holds_every_figure_with_its_goal() -> None:
    told = json.loads(run("paging").json())

    assert told["good"] is True
    assert told["figures"][0]["goal"] == {"kind": "at most", "bound": 20.0}


@pytest.mark.parametrize(("name", "code"), [("paging", 0), ("faults", 1), ("cold", 1)])
def test_the_exit_code_says_whether_a_goal_was_missed(
    name: str, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = run(name)
    monkeypatch.setattr(bench, "run", lambda *_, **__: report)

    assert bench.main([name, "--json", str(tmp_path / "figures.json")]) == code
    assert json.loads((tmp_path / "figures.json").read_text())["good"] is (code == 0)


def test_an_unknown_section_is_an_error_in_the_call() -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["pagination"])
    assert ended.value.code == 2


def test_every_section_has_its_module() -> None:
    for name in bench.SECTIONS:
        assert callable(bench.section(name))


def test_a_ratio_is_taken_within_its_round() -> None:
    """A minute in which the machine is slow slows both sides."""
    rounds = [{"a": 1.0, "b": 2.0}, {"a": 10.0, "b": 20.0}, {"a": 1.1, "b": 2.0}]

    assert median_ratio(rounds, "a", "b") == 0.5
