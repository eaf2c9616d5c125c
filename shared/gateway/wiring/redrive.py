"""Dead letters: `python -m gateway.wiring.redrive [NAME] [--yes | --purge --yes]`.

Without a name it counts what lies in each queue of dead letters. With one it puts that queue's messages back where they
came from, each group in its order, or throws them away; only with `--yes`, else it says what it would do. It shows
counts and no message. Takes the stage from `--stage` or STAGE, and the region as AWS's own command does.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import NoRegionError

from gateway.adapters import dead_letters
from gateway.adapters.dead_letters import MIXED
from gateway.core.errors import Unavailable
from gateway.wiring.aws import AwsServices
from gateway.wiring.stage import NO_REGION, add_stage, only_stage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def main(arguments: Sequence[str] | None = None, *, client: SQSClient | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.redrive",
        description="Count what lies in the queues of dead letters; with a name, put that back where it came from.",
        epilog="environment:\n  STAGE names the stage if --stage does not, AWS_DEFAULT_REGION the region; AWS "
        "credentials as for any AWS command",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help="of those that it shows without one")
    parser.add_argument("--purge", action="store_true", help="throw away instead of putting back")
    parser.add_argument("--yes", action="store_true", help="do it; else only say what would be done")
    add_stage(parser)
    options = parser.parse_args(arguments)
    stage = only_stage(options, parser)
    try:
        sqs = client or AwsServices()._sqs
        found = {one.name: one for one in dead_letters.find(sqs, stage=stage)}
        if not found:
            parser.exit(1, f"no queues of stage {stage} in {sqs.meta.region_name}\n")
        if options.name is None:
            for one in found.values():
                print(f"{one.name:24} {one.waiting}")  # noqa: T201
            return
        if options.name not in found:
            parser.exit(2, f"there is no {options.name}; there are {', '.join(found)}\n")
        queue = found[options.name]
        if options.name in MIXED and not options.purge:
            parser.exit(
                2, f"{queue.name} holds what came from several places: nothing of it can go back, see --purge\n"
            )
        done = "thrown away" if options.purge else "put back"
        if not options.yes:
            print(f"{queue.waiting} would be {done}; say --yes")  # noqa: T201
            return
        if options.purge:
            dead_letters.purge(sqs, queue)
            print(f"{queue.waiting} {done}")  # noqa: T201
        else:
            print(f"{dead_letters.redrive(sqs, queue)} {done}")  # noqa: T201
    except NoRegionError:
        parser.exit(1, NO_REGION)
    except Unavailable as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
