"""`bench`: measure what this project promises to be measured, and say whether it holds."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, cast

from tests.bench.figures import Figure, Report, Say

Section: TypeAlias = Callable[..., Iterable[Figure]]

SECTIONS: Mapping[str, str] = {
    "pacing": "32 callers on one practice at real time through the deployed sandbox, and a day of the pure rule",
    "interactive": "an interactive read during a background run",
    "faults": "lost answers, lost requests and kills: duplicates and wrong failures",
    "robustness": "requests that schemathesis makes of the API's description: what breaks, what is not as described",
    "load": "everything at once through the deployed sandbox: what is lost, twice, too fast or not in the trail",
    "cold": "fresh process to first answer, per HTTP function",
    "normalize": "rows per second of the normalizers beside json.loads alone",
    "requests": "upstream requests per answer, by what the key may do",
    "mirror": "a first load, how soon changes are seen, what is wrong after a bad week, and what an answer costs",
    "events": "changes told once by a publisher that dies and stays away, and how fast",
    "deliveries": "webhooks a worker delivers in a second, and whom an endpoint that never answers delays",
    "webhooks": "change at the office to webhook received through the deployed sandbox, by cause and tier",
    "sql": "every statement that offices are sent, on a real MariaDB beside the simulated practice",
    "warm": "how long an answer of the mirror takes through the deployed sandbox",
    "answers": "what one answer of the mirror asks of AWS",
    "storage": "DynamoDB units and bytes of a practice's rows in the mirror",
    "filters": "DynamoDB units of each filter of the mirror at 5,000 and at 500,000 rows",
    "export": "rows of a practice as files for a warehouse: how fast, how large, and what a run that dies loses",
    "scale": "ten thousand practices through a day, beside the quotas of an AWS account",
    "paging": "a far page of the simulated practice beside its first",
}
"""Name -> what it shows. The module of the same name has `measure(*, quick: bool, say: Say)`."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    told = "\n".join(f"  {name:12} {what}" for name, what in SECTIONS.items())
    line = argparse.ArgumentParser(
        prog="bench",
        description=f"Measure, compare with the goals, exit 1 if one is missed.\n\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    line.add_argument("names", nargs="*", metavar="NAME", help="sections to run (default: all)")
    line.add_argument("--quick", action="store_true", help="a small size of everything: a smoke test, not a figure")
    line.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return line


def section(name: str) -> Section:
    """The section's function; its module is imported only when it runs."""
    return cast("Section", importlib.import_module(f"tests.bench.{name}").measure)


def run(names: Sequence[str], *, quick: bool, say: Say, find: Callable[[str], Section] = section) -> Report:
    """Run the sections; one that fails does not stop the others."""
    report = Report(quick=quick)
    for name in names:
        started = time.perf_counter()
        say(f"{name}: {SECTIONS.get(name, '')}")
        try:
            for figure in find(name)(quick=quick, say=say):
                report.figures.append(figure)
        except Exception as error:  # noqa: BLE001 - one section's failure is a result like any other
            traceback.print_exc()
            report.failures[name] = f"{type(error).__name__}: {error}"
        say(f"{name}: {time.perf_counter() - started:.0f} s")
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if all goals were met, 1 if one was missed or a section failed, 2 for a name nobody knows."""
    line = parser()
    options = line.parse_args(arguments)
    if unknown := [name for name in options.names if name not in SECTIONS]:
        line.error(f"no such section: {', '.join(unknown)}")
    report = run(
        options.names or list(SECTIONS), quick=options.quick, say=lambda text: print(text, file=sys.stderr, flush=True)
    )
    print(report.text())
    if options.json:
        options.json.write_text(report.json(), encoding="utf-8")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
