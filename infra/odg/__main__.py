"""`odg`: what operators do with a deployed gateway.

The gateway's address and a client's key come from the environment (ODG_API, ODG_KEY), so that no key stands in a
shell's history.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from infra.odg import sync
from infra.odg.gateway import Gateway, Refused

EVERY_S = 5.0


class Wanted(StrEnum):
    """Of two states, the one that is wanted."""

    ON = "on"
    OFF = "off"


app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
mirrors = typer.Typer(
    no_args_is_help=True, help="How far practices' mirrors are; turn them on, pause them, erase them."
)
app.add_typer(mirrors, name="sync")

Practice = Annotated[str, typer.Argument(help="the practice's id: prac_...")]
AsJson = Annotated[bool, typer.Option("--json", help="the gateway's answer as it is, a line each time")]


@app.callback()
def _begin(
    context: typer.Context,
    api: Annotated[str, typer.Option(envvar="ODG_API", help="the address of the deployed API")] = "",
    key: Annotated[str, typer.Option(envvar="ODG_KEY", help="a client's key", show_default=False)] = "",
) -> None:
    # A test brings its own.
    context.obj = context.obj or Gateway(api, key)


@mirrors.command()
def status(context: typer.Context, practice: Practice, *, as_json: AsJson = False) -> None:
    """What is here, as of when, what is stale, why, and when it will not be."""
    _say(_told(context, "GET", practice), as_json=as_json)


@mirrors.command()
def watch(
    context: typer.Context,
    practice: Practice,
    *,
    as_json: AsJson = False,
    every: Annotated[float, typer.Option(min=1.0, help="seconds between two looks")] = EVERY_S,
) -> None:
    """The same, again and again, until all of it is loaded, or erased. Ctrl-C ends it sooner and stops nothing."""
    told, console = _told(context, "GET", practice), Console()
    if as_json or not console.is_terminal:
        while True:
            _say(told, as_json=as_json)
            if _is_over(told):
                return
            time.sleep(every)
            told = _told(context, "GET", practice)
    # What does not fit is cut off above: what is under way stands at the end.
    with Live(sync.shown(told), console=console, auto_refresh=False, vertical_overflow="visible") as live:
        while not _is_over(told):
            time.sleep(every)
            told = _told(context, "GET", practice)
            live.update(sync.shown(told), refresh=True)


@mirrors.command()
def on(context: typer.Context, practice: Practice, *, as_json: AsJson = False) -> None:
    """Begin the first load, or go on after a pause. One that was turned off keeps what it
    has as long as no erasure has begun, which is 15 s at least; else everything is read anew."""
    _say(_told(context, "PATCH", practice, {"state": "on"}), as_json=as_json)


@mirrors.command()
def pause(context: typer.Context, practice: Practice, *, as_json: AsJson = False) -> None:
    """Stop reading; what is here stays and grows old. A mirror that is off has nothing to pause."""
    _say(_told(context, "PATCH", practice, {"state": "paused"}), as_json=as_json)


@mirrors.command()
def off(
    context: typer.Context,
    practice: Practice,
    *,
    as_json: AsJson = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Erase what is here, in the background (`watch` shows what is left); every read goes to Open Dental."""
    if not yes:
        typer.confirm(
            "Everything that was read of this practice is erased here, and nothing at the office. Go on?", abort=True
        )
    _say(_told(context, "PATCH", practice, {"state": "off"}), as_json=as_json)


@mirrors.command()
def queries(
    context: typer.Context,
    state: Annotated[Wanted, typer.Argument(help="whether changes may be asked for by SQL")],
    practice: Practice,
    *,
    as_json: AsJson = False,
) -> None:
    """Whether the mirror may ask by SQL, which the office's own audit trail keeps; holds also for one that is off."""
    _say(_told(context, "PATCH", practice, {"queries": state.value}), as_json=as_json)


@mirrors.command()
def native(
    context: typer.Context,
    state: Annotated[Wanted, typer.Argument(help="whether the practice's machines are to tell what changes")],
    practice: Practice,
    *,
    as_json: AsJson = False,
    workstation: Annotated[
        str | None,
        typer.Option(
            help="the machine that tells, best the one with the API service; kept until another is named, '' for all"
        ),
    ] = None,
) -> None:
    """Whether the practice's own machines tell by themselves what changes; what they do not tell is polled."""
    said = {} if workstation is None else {"workstation": workstation}
    _say(_told(context, "PATCH", practice, {"native_events": state.value, **said}), as_json=as_json)


def _told(context: typer.Context, method: str, practice: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    gateway: Gateway = context.obj
    try:
        return gateway.ask(method, f"/practices/{practice}/sync", body)
    except Refused as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _say(told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told))
    else:
        Console().print(sync.shown(told))


def _is_over(told: Mapping[str, Any]) -> bool:
    return told["phase"] in {"off", "incomplete", "complete"}


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
