"""Tables out of a backup: `python -m gateway.wiring.after_restore --stage prod tables|complete|check|use|settle ...`.

    tables --at 2026-11-18T12:00:00Z   have AWS restore each table to that second, as NAME-restored
    complete                           once that is done: TTL, stream, backups, protection
    check --suffix restored            make the restored tables safe to work with, before any worker does
    use                                have the next deployment take them
    unknown                            which writes somebody has to look for at the office
    settle OPERATION --was-done | --was-not-done

Tables are those that the stage's stacks name, or the environment in their place (`LEDGER_TABLE` ..., `BODIES_BUCKET`).
`check` and `use` only say what they would do, unless told `--yes`. The audit trail is never restored: it is the only
record of what has been done since, and nothing that was restored can contradict it. `infra/README.md` has the whole
way. What is shown are counts and ids.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import NoRegionError
from botocore.session import get_session

from gateway.adapters import restoring as tables
from gateway.adapters import stage_names
from gateway.core import restoring
from gateway.core.errors import NotFound, Unavailable
from gateway.core.ledger import WrongTransition
from gateway.core.worker import Superseded
from gateway.wiring.stage import NO_REGION, add_stage, look_up
from gateway.wiring.worker import worker_services

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT: Final = frozenset({"AUDIT_TABLE", "AUDIT_INDEX_TABLE"})
_RESTORED: Final = "restored"


class NoTables(Exception):
    """Nothing says which tables are meant."""


class NotThere(Exception):
    """A table that should be there by now is not; the message names it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser, options = _asked(arguments)
    look_up(options, parser)
    if getattr(options, "suffix", None) and options.todo in {"check", "unknown", "settle"}:
        for name in _named():
            os.environ[name] += f"-{options.suffix}"
    try:
        print(_done(options))  # noqa: T201
    except KeyError as error:
        parser.exit(1, f"{error.args[0]}: not set; say --stage, and it is looked up\n")
    except NoRegionError:
        parser.exit(1, NO_REGION)
    except NoTables:
        parser.exit(1, "no table is named: say --stage, or set LEDGER_TABLE and the others\n")
    except (NotThere, Unavailable, NotFound, WrongTransition) as error:
        parser.exit(1, f"{error}\n")
    except Superseded:
        parser.exit(1, "it was settled meanwhile\n")


def _asked(arguments: Sequence[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.after_restore",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    todo = parser.add_subparsers(dest="todo", required=True)
    begun = todo.add_parser("tables", help="begin the restore of all tables but the audit trail's")
    begun.add_argument("--at", type=_moment, required=True, help="with its zone: 2026-11-18T12:00:00Z")
    completed = todo.add_parser("complete", help="what a backup does not keep")
    used = todo.add_parser("use", help="name the restored tables to the next deployment")
    for one in (begun, completed, used):
        one.add_argument("--suffix", default=_RESTORED, help="restored tables are called NAME-SUFFIX")
    checked = todo.add_parser("check", help="before any worker; says what it would do, without --yes")
    for one in (checked, used):
        one.add_argument("--yes", action="store_true", help="do it")
    listed = todo.add_parser("unknown", help="writes of which somebody has to say what became; changes nothing")
    settled = todo.add_parser("settle", help="after somebody has looked at the office")
    settled.add_argument("operation", help="opn_...")
    how = settled.add_mutually_exclusive_group(required=True)
    how.add_argument("--was-done", action="store_true", help="it is there: settle it")
    how.add_argument("--was-not-done", action="store_true", help="it is not there: have it sent")
    for one in (checked, listed, settled):
        one.add_argument("--suffix", help="tables NAME-SUFFIX instead of those that are in use")
    add_stage(parser, begun, completed, used, checked, listed, settled)
    return parser, parser.parse_args(arguments)


def _done(options: argparse.Namespace) -> str:
    todo = {"check": _check, "use": _use, "unknown": _unknown, "settle": _settle}
    return todo.get(options.todo, _restore)(options)


def _settle(options: argparse.Namespace) -> str:
    restoring.settle(options.operation, was_done=options.was_done, on=worker_services())
    return "settled" if options.was_done else "it is sent within a minute"


def _unknown(_: argparse.Namespace) -> str:
    return _to_look_for(restoring.left_to_people(on=worker_services()))


def _check(options: argparse.Namespace) -> str:
    on = worker_services()
    ids = list(tables.practice_ids(_client(on), table=os.environ["PRACTICES_TABLE"]))
    if not options.yes:
        return (
            f"in {os.environ['LEDGER_TABLE']} and the tables beside it:\n"
            f"{len(on.ledger.list_open(limit=restoring.AT_ONCE))} open operations would be ended, looked for or yours "
            f"to settle; paces of {len(ids)} practices would begin anew and their mirrors be read again\n"
            "if workers run on these tables, stop them first; then say --yes"
        )
    done = restoring.after_restore(ids, on=on)
    return (
        f"{done.practices} practices, {done.mirrors} mirrors to be read again\n"
        f"{done.reads_ended} reads ended, {done.looked_for} writes are looked for\n"
        f"{len(done.left_to_people)} writes are yours to settle\n{_to_look_for(done.left_to_people)}"
    ).rstrip()


def _to_look_for(unknown: Sequence[restoring.Unknown]) -> str:
    return "\n".join(f"{one.operation_id}  {one.practice_id}  {one.kind}" for one in unknown)


def _restore(options: argparse.Namespace) -> str:
    client = _client(worker_services())
    names = [os.environ[name] for name in _named()]
    if options.todo == "tables":
        for name in names:
            tables.begin_restore(client, table=name, to=f"{name}-{options.suffix}", at=options.at)
    else:
        _all_there(client, [f"{name}-{options.suffix}" for name in names])
        for name in names:
            tables.complete(client, table=f"{name}-{options.suffix}", like=name)
    return f"{len(names)} tables; the audit trail stays as it is"


def _use(options: argparse.Namespace) -> str:
    """Name the restored tables where the next deployment looks."""
    stage, client = os.environ["STAGE"], _client(worker_services())
    said = {
        f"data/tables/{name.removesuffix('_TABLE').lower()}": f"{os.environ[name]}-{options.suffix}"
        for name in _named()
    }
    # All are looked up before the first is named: half of them would be two moments in one deployment.
    _all_there(client, said.values())
    values: dict[str, str] = {}
    for path, table in said.items():
        values |= tables.arns(client, table=table, path=path)
    if options.yes:
        ssm: Any = get_session().create_client("ssm")
        for path, value in values.items():
            stage_names.say(ssm, stage=stage, path=path, value=value)
    would = "are" if options.yes else "would be"
    return f"{len(said)} tables {would} named to {stage}; " + ("deploy with --force" if options.yes else "say --yes")


def _all_there(client: DynamoDBClient, names: Iterable[str]) -> None:
    if missing := [name for name in names if not tables.is_there(client, name)]:
        raise NotThere(f"not restored yet: {', '.join(missing)}")


def _named() -> list[str]:
    names = [name for name, value in sorted(os.environ.items()) if name.endswith("_TABLE") and value]
    if not names:
        raise NoTables
    return [name for name in names if name not in _KEPT]


def _client(on: Any) -> DynamoDBClient:
    client: DynamoDBClient = on._dynamodb
    return client


def _moment(text: str) -> datetime:
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    raise argparse.ArgumentTypeError("a moment with its zone, such as 2026-11-18T12:00:00Z")


if __name__ == "__main__":
    main()
