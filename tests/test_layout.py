from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_top_level_holds_what_it_says_and_nothing_else() -> None:
    kept = {
        ".ci", ".git", ".gitignore", "LICENSE", "README.md", "cdk.json", "events", "functions", "infra",
        "pyproject.toml", "shared", "tests", "uv.lock",
    }  # fmt: skip
    made = {
        ".venv", ".sandbox", "build", "cdk.out", ".hypothesis", ".mypy_cache", ".ruff_cache",
        ".import_linter_cache", ".pytest_cache", "dist", "__pycache__",
    }  # fmt: skip

    assert {path.name for path in ROOT.iterdir()} - made == kept
