"""How far a practice's mirror is, for people: a bar for each resource that is being read, a line for each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

BAR_WIDTH: Final = 24
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def shown(told: Mapping[str, Any]) -> RenderableType:
    """`GET /practices/{id}/sync` as a screen."""
    return Group(_headline(told), _left(told) if told["erasing"] else _table(told), *_words(told))


def _headline(told: Mapping[str, Any]) -> Text:
    parts = [f"{told['practice_id']}: {told['state']}"]
    if told["erasing"]:
        parts += ["erasing", f"{told['erasing']['rows_left']:,} rows left"]
    elif told["phase"] != "off":
        percent = told["percent"] if told["percent_of_rows"] is None else told["percent_of_rows"]
        parts += [
            told["phase"],
            f"{percent} %" if percent is not None and told["phase"] != "complete" else "",
            f"{told['rows']:,} rows, {told['upstream_calls']:,} calls",
        ]
    if told["eta_seconds"] is not None:
        parts.append(f"about {length(told['eta_seconds'])} left")
    elif told["not_before"] is not None:
        parts.append(f"not before {told['not_before']}")
    return Text(", ".join(part for part in parts if part), style="bold")


def _left(told: Mapping[str, Any]) -> Table:
    """What is still to be erased."""
    table = Table(box=None, pad_edge=False)
    table.add_column("resource", no_wrap=True)
    table.add_column("rows left", justify="right", no_wrap=True)
    for one in told["resources"]:
        if one["phase"] == "erasing":
            table.add_row(one["resource"], f"{one['rows']:,}")
    return table


def _table(told: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    if told["phase"] == "off":
        return table
    for name in ("resource", "loaded", "rows", "as of", ""):
        table.add_column(name, justify="right" if name == "rows" else "left", no_wrap=name != "")
    waiting = 0
    for one in told["resources"]:
        if one["phase"] == "not_offered":
            continue
        if one["why"] == "waiting":
            waiting += 1
            continue
        # What holds for all of it is said once, below.
        why = "" if one["explanation"] == told["explanation"] else one["explanation"] or ""
        table.add_row(one["resource"], _bar(one), f"{one['rows']:,}", _age(one), Text(why, style="yellow"))
    if waiting:
        table.add_row(f"{waiting} more", "", "", "", "wait for their turn")
    return table


def _bar(one: Mapping[str, Any]) -> RenderableType:
    """Full where all of it is here, moving where nobody knows how much is left."""
    progress = one["progress"]
    if one["phase"] == "loaded":
        return ProgressBar(total=100, completed=100, width=BAR_WIDTH)
    if progress is None:
        return ProgressBar(total=100, completed=0, width=BAR_WIDTH)
    if progress["percent"] is None:
        return ProgressBar(total=None, pulse=True, width=BAR_WIDTH)
    return ProgressBar(total=100, completed=progress["percent"], width=BAR_WIDTH)


def _age(one: Mapping[str, Any]) -> str:
    return "" if one["age_seconds"] is None else f"{length(one['age_seconds'])} ago"


def _words(told: Mapping[str, Any]) -> Iterator[Text]:
    """What keeps the whole practice back, and what is wrong beside that."""
    if told["explanation"]:
        since = f", since {told['since']}" if told["since"] else ""
        until = f", until {told['fresh_at']}" if told["fresh_at"] else ""
        yield Text(f"{told['explanation']} ({told['why']}{since}{until})", style="bold yellow")
    if told["not_offered"]:
        yield Text(f"not copied: {', '.join(told['not_offered'])}")
    if told["queries"]["state"] == "off":
        yield Text("queries are off: changes are asked for by lists")
    if told["native_events"]["phase"] == "working":
        yield Text("the practice's machines tell what changes")
    explained = [told[part]["explanation"] for part in ("clock", "queries", "native_events")]
    for said in explained:
        if said:
            yield Text(said, style="yellow")
    for one in told["incidents"]:
        if one["healed_at"] is None and one["code"] != told["why"]:
            yield Text(f"since {one['since'] or one['noticed_at']}: {one['explanation']}", style="yellow")


def length(seconds: float) -> str:
    """A length of time in its largest unit that fits: `45 s`, `12 min`, `3 h`, `2 d`."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
