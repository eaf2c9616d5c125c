"""Enrol an API client: `python -m gateway.wiring.enrol --name "Elm Street scheduling" --scopes patients:read,...`.

Prints the client's id and its key, once: only the key's hash is kept. Reads the table's name from CALLERS_TABLE.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from datetime import datetime

from gateway.core.callers import Client, ClientKind
from gateway.core.ids import new_id
from gateway.core.ports import Callers, Session
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
) -> str:
    """Create a client and its first key, and return the key.

    `scopes` are `{object}:{verb}`; `practices:connect` lets it connect new practices. Each call makes a new client
    unless `client_id` names it. A key works until `expires_at`, or until its client is revoked.
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
        )
    )
    callers.put_session(token_hash(key), Session(client_id=client_id, expires_at=expires_at, is_key=True))
    return key


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.enrol",
        description="Enrol an API client and show its key, once. CALLERS_TABLE names the table of callers, STAGE the "
        "stage; AWS credentials and region come from the environment.",
    )
    parser.add_argument("--name", required=True, help="what operators will see")
    parser.add_argument(
        "--scopes",
        default=",".join(DEFAULT_SCOPES),
        help="comma-separated; a client that connects practices needs practices:connect too; default: %(default)s",
    )
    parser.add_argument(
        "--practices",
        default="",
        help="comma-separated ids of practices it may touch; those it connects are added by themselves",
    )
    parser.add_argument("--kind", choices=[kind.value for kind in ClientKind], default=ClientKind.APP.value)
    options = parser.parse_args(arguments)
    client_id = new_id("client")
    key = enrol(
        services().callers,
        name=options.name,
        scopes=_words(options.scopes),
        practices=_words(options.practices),
        kind=ClientKind(options.kind),
        live=os.environ.get("STAGE") == "prod",
        client_id=client_id,
    )
    print(f"client {client_id}\nkey    {key}\nThe key is shown this once.")  # noqa: T201


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


if __name__ == "__main__":
    main()
