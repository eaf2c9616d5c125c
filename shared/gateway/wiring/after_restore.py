"""Tables out of a backup: `python -m gateway.wiring.after_restore tables|check|settle ...`.

    tables --at 2026-11-18T12:00:00Z --suffix restored   have AWS restore each table that the environment names
    complete --suffix restored                           once that is done: TTL, stream, backups, protection
    check                                                make the tables that the environment names safe to work with
    settle OPERATION --was-done | --was-not-done         say what became of a write that nobody can look for

The environment names the tables (`LEDGER_TABLE` ...), and BODIES_BUCKET: for `check` and `settle` those that were
restored. It shows counts. `infra/README.md` has the whole way; `check` comes before any worker, or writes are sent
twice.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters import restoring as tables
from gateway.core import restoring
from gateway.core.errors import NotFound, Unavailable
from gateway.core.ledger import WrongTransition
from gateway.core.worker import Superseded
from gateway.wiring.worker import worker_services

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.after_restore",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    todo = parser.add_subparsers(dest="todo", required=True)
    begun = todo.add_parser("tables", help="begin the restore of all tables")
    begun.add_argument("--at", type=_moment, required=True, help="with its zone")
    completed = todo.add_parser("complete", help="what a backup does not keep")
    for one in (begun, completed):
        one.add_argument("--suffix", default="restored", help="restored tables are called NAME-SUFFIX")
    todo.add_parser("check", help="before any worker")
    settled = todo.add_parser("settle", help="after somebody has looked at the office")
    settled.add_argument("operation")
    how = settled.add_mutually_exclusive_group(required=True)
    how.add_argument("--was-done", action="store_true", help="it is there: settle it")
    how.add_argument("--was-not-done", action="store_true", help="it is not there: have it sent")
    options = parser.parse_args(arguments)
    try:
        print(_done(options))  # noqa: T201
    except KeyError as error:
        parser.exit(1, f"{error.args[0]}: not set\n")
    except (Unavailable, NotFound, WrongTransition) as error:
        parser.exit(1, f"{error}\n")
    except Superseded:
        parser.exit(1, "it was settled meanwhile\n")


def _done(options: argparse.Namespace) -> str:
    on = worker_services()
    if options.todo == "settle":
        restoring.settle(options.operation, was_done=options.was_done, on=on)
        return "settled" if options.was_done else "it is sent within a minute"
    client: DynamoDBClient = _client(on)
    if options.todo == "check":
        ids = tables.practice_ids(client, table=os.environ["PRACTICES_TABLE"])
        done = restoring.after_restore(ids, on=on)
        return (
            f"{done.practices} practices, {done.mirrors} mirrors to be read again\n"
            f"{done.reads_ended} reads ended, {done.looked_for} writes are looked for\n"
            f"{done.left_to_people} writes are yours to settle: GET /operations/{{id}} says which they are"
        )
    names = [value for name, value in sorted(os.environ.items()) if name.endswith("_TABLE")]
    for name in names:
        if options.todo == "tables":
            tables.begin_restore(client, table=name, to=f"{name}-{options.suffix}", at=options.at)
        else:
            tables.complete(client, table=f"{name}-{options.suffix}", like=name)
    return f"{len(names)} tables"


def _client(on: Any) -> DynamoDBClient:
    client: DynamoDBClient = on._dynamodb
    return client


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("say the zone as well: 2026-11-18T12:00:00Z")
    return moment


if __name__ == "__main__":
    main()
