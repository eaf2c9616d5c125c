"""Enrol an API client: `python -m gateway.wiring.enrol --name "Elm Street scheduling" --scopes patients:read,...`.

Prints the client's id and its key, once: only the key's hash is kept. Without `--connects` the client may not connect
practices. Reads the table's name from CALLERS_TABLE, the stage's from STAGE, and the region as AWS's own command does.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from datetime import datetime

from botocore.exceptions import NoRegionError

from gateway.core.authenticate import CONNECT_SCOPE
from gateway.core.callers import Client, ClientKind
from gateway.core.ids import new_id
from gateway.core.ports import Callers, Session
from gateway.core.scopes import listed, unknown
from gateway.core.sessions import new_token, token_hash
from gateway.wiring.services import services

DEFAULT_SCOPES = ("*:read", "appointments:write", "payments:write")


def enrol(
    callers: Callers,
    *,
    name: str,
    scopes: Iterable[str] = DEFAULT_SCOPES,
    practices: Iterable[str] = (),
    kind: ClientKind = ClientKind.APP,
    live: bool = False,
    expires_at: datetime | None = None,
    client_id: str | None = None,
    requests_per_minute: int | None = None,
) -> str:
    """Create a client and its first key, and return the key.

    `scopes` are those of `core.scopes`, which the command below checks. Each call makes a new client
    unless `client_id` names it. A key works until `expires_at`, or until its client is revoked. `requests_per_minute`
    is the client's own limit, in place of the stage's.
    """
    client_id = client_id or new_id("client")
    key = new_token(live=live)
    callers.put_client(
        Client(
            id=client_id,
            name=name,
            practices=frozenset(practices),
            scopes=frozenset(scopes),
            kind=kind,
            expires_at=expires_at,
            requests_per_minute=requests_per_minute,
        )
    )
    callers.put_session(token_hash(key), Session(client_id=client_id, expires_at=expires_at, is_key=True))
    return key


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.enrol",
        description="Enrol an API client and show its key, once. Say --connects for the one that connects practices.",
        epilog=f"scopes:\n{listed()}\n\nenvironment:\n  CALLERS_TABLE names the table of callers, STAGE the stage,\n  "
        "AWS_DEFAULT_REGION the region; AWS credentials as for any AWS command",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="what operators will see")
    parser.add_argument(
        "--scopes", default=",".join(DEFAULT_SCOPES), help="comma-separated, of those below; default: %(default)s"
    )
    parser.add_argument("--connects", action="store_true", help=f"may connect practices, too: adds {CONNECT_SCOPE}")
    parser.add_argument(
        "--practices",
        default="",
        help="comma-separated ids of practices it may touch; those it connects are added by themselves",
    )
    parser.add_argument("--kind", choices=[kind.value for kind in ClientKind], default=ClientKind.APP.value)
    parser.add_argument(
        "--requests-per-minute",
        type=_at_least_one,
        metavar="N",
        help="how often it may ask before it is answered 429; default: the stage's client_requests_per_minute",
    )
    options = parser.parse_args(arguments)
    scopes = [*_words(options.scopes), *([CONNECT_SCOPE] if options.connects else ())]
    if nothing := unknown(scopes):
        parser.exit(2, f"--scopes: there is no {', '.join(nothing)}; there are\n{listed()}\n")
    missing = [name for name in ("CALLERS_TABLE", "STAGE") if not os.environ.get(name)]
    if missing:
        parser.exit(1, f"{' and '.join(missing)}: not set; the function behind POST /authenticate has what it takes\n")
    try:
        callers = services().callers
    except NoRegionError:
        parser.exit(1, "no AWS region: set AWS_DEFAULT_REGION to the one of the deployment\n")
    client_id = new_id("client")
    key = enrol(
        callers,
        name=options.name,
        scopes=scopes,
        practices=_words(options.practices),
        kind=ClientKind(options.kind),
        live=os.environ["STAGE"] == "prod",
        client_id=client_id,
        requests_per_minute=options.requests_per_minute,
    )
    print(f"client {client_id}\nkey    {key}\nThe key is shown this once.")  # noqa: T201
    can = "can connect practices" if CONNECT_SCOPE in scopes else "cannot connect practices; with --connects it could"
    print(f"The client {can}.")  # noqa: T201


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return int(text)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


if __name__ == "__main__":
    main()
