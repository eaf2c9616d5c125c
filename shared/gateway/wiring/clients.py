"""The operators' command for API clients and their keys: `python -m gateway.wiring.clients --stage prod list`.

`enrol` makes a client and shows its key, once: only the key's hash is kept, and nothing shows a key again. The others
look, change and end; all of it acts on the next request. Without `--connects` a client may not connect practices.
What it may do is said with every client: any set that came by itself would be too much for most, and be kept.
Without `--stage` it reads the tables' names from CALLERS_TABLE and PRACTICES_TABLE, and the stage's from STAGE.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from botocore.exceptions import NoRegionError

from gateway.core.access import AUDIT, READ_ALL, in_read_all
from gateway.core.authenticate import CONNECT_SCOPE
from gateway.core.baa.protected import is_protected
from gateway.core.callers import OPERATOR_SCOPES, SCOPES_AS_OF, Client, ClientKind, Verb
from gateway.core.clients import ClientBook, Key
from gateway.core.errors import AppError, NotFound
from gateway.core.ids import new_id
from gateway.core.notes import SCOPE as NOTES
from gateway.core.ports import Callers, Practices, Session
from gateway.core.scopes import listed, unknown
from gateway.core.sessions import new_token, token_hash
from gateway.wiring.services import services
from gateway.wiring.stage import NO_REGION, add_stage, look_up

MOST_DAYS = 3650
_NAME_LONGEST = 100

Say = Callable[[str], object]


class WrongUse(Exception):
    """The command cannot do this; the message says why, for people."""


def enrol(
    callers: Callers,
    *,
    name: str,
    scopes: Iterable[str],
    practices: Iterable[str] = (),
    kind: ClientKind = ClientKind.APP,
    live: bool = False,
    expires_at: datetime | None = None,
    client_id: str | None = None,
    requests_per_minute: int | None = None,
    now: datetime | None = None,
) -> str:
    """Create a client and its first key, and return the key; a workflow has none, and the text is empty.

    `scopes` are those of `core.scopes`, which the command below checks. Each call makes a new client
    unless `client_id` names it. A key works until `expires_at`, or until it or its client is revoked.
    `requests_per_minute` is the client's own limit, in place of the stage's.
    """
    client_id = client_id or new_id("client")
    callers.put_client(
        Client(
            id=client_id,
            name=name,
            practices=frozenset(practices),
            scopes=frozenset(scopes),
            kind=kind,
            requests_per_minute=requests_per_minute,
        )
    )
    if kind is ClientKind.WORKFLOW:
        return ""
    return new_key(callers, client_id, live=live, expires_at=expires_at, now=now)


def new_key(
    callers: Callers, client_id: str, *, live: bool = False, expires_at: datetime | None = None, now: datetime | None
) -> str:
    """Give the client one more key, and return it."""
    key = new_token(live=live)
    callers.put_session(token_hash(key), Session(client_id, expires_at, is_key=True, created_at=now))
    return key


class Command:
    """What the command does, each verb a method of `options`."""

    def __init__(
        self, book: ClientBook, *, practices: Callable[[], Practices], live: bool, now: datetime, say: Say
    ) -> None:
        self._book, self._practices, self._live, self._now, self._say = book, practices, live, now, say

    def enrol(self, options: argparse.Namespace) -> None:
        """Make a client."""
        scopes = [*_words(options.scopes), *([CONNECT_SCOPE] if options.connects else ())]
        if not scopes:
            raise WrongUse("--scopes: say at least one")
        kind = ClientKind(options.kind)
        _known(scopes, kind)
        self._there(options)
        if kind is ClientKind.WORKFLOW and options.expires_in_days is not None:
            raise WrongUse("a workflow has no key that could expire")
        client_id = new_id("client")
        key = enrol(
            self._book,
            name=options.name,
            scopes=scopes,
            practices=_words(options.practices),
            kind=kind,
            live=self._live,
            expires_at=self._in(options.expires_in_days),
            client_id=client_id,
            requests_per_minute=options.requests_per_minute,
            now=self._now,
        )
        self._say(f"client {client_id}")
        if not key:
            self._say("A workflow has no key.")
            return
        self._shown(key)
        can = (
            "can connect practices" if CONNECT_SCOPE in scopes else "cannot connect practices; with --connects it could"
        )
        self._say(f"The client {can}.")

    def list(self, options: argparse.Namespace) -> None:
        """All clients, a line each, or those whose keys nobody uses."""
        keys: dict[str, list[Key]] = {}
        for key in self._book.all_keys():
            keys.setdefault(key.client_id, []).append(key)
        rows = [("client", "kind", "state", "practices", "scopes", "last used", "ends", "name")]
        for client in self._book.all_clients():
            its = keys.get(client.id, [])
            if options.unused_for is not None and not self._is_unused(client, its, timedelta(days=options.unused_for)):
                continue
            rows.append(
                (
                    client.id,
                    client.kind.value,
                    self._state(client),
                    f"{len(client.practices)}",
                    f"{len(client.scopes)}",
                    _at(max((key.seen_at for key in its if key.seen_at is not None), default=None)),
                    _at(client.expires_at),
                    client.name,
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self._say("  ".join(f"{word:{width}}" for word, width in zip(row, widths, strict=True)).rstrip())

    def check(self, _: argparse.Namespace) -> None:
        """Clients that have less than they were given: what a release gives a scope or kind is not what one before it
        gave them. Nothing is changed."""
        found = [
            f"{client.id}  {why}"
            for client in self._book.all_clients()
            if self._state(client) == "active"
            for why in _less_than_given(client)
        ]
        for line in found or ["Every client has what its scopes say."]:
            self._say(line)

    def show(self, options: argparse.Namespace) -> None:
        """One client with its keys."""
        client = self._book.client(options.client)
        said = {
            "client": client.id,
            "name": client.name,
            "kind": client.kind.value,
            "state": self._state(client),
            "ends": _at(client.expires_at),
            "revoked": _at(client.revoked_at),
            "requests a minute": client.requests_per_minute or "as the stage has it",
            "practices": ", ".join(sorted(client.practices)) or "-",
            "scopes": ", ".join(sorted(client.scopes)) or "-",
        }
        for name, value in said.items():
            self._say(f"{name:18}{value}")
        for key in self._book.keys(client.id):
            self._say(
                f"{key.name}  {self._state(key):8}  made {_at(key.created_at)}  ends {_at(key.expires_at)}  "
                f"last used {_at(key.seen_at)}"
            )

    def key(self, options: argparse.Namespace) -> None:
        """One more key for a client; those it has go on."""
        client = self._book.client(options.client)
        if client.kind is ClientKind.WORKFLOW:
            raise WrongUse("a workflow has no key")
        if (state := self._state(client)) != "active":
            raise WrongUse(f"the client is {state}: no key of it would open anything")
        expires_at = self._in(options.expires_in_days)
        self._shown(new_key(self._book, client.id, live=self._live, expires_at=expires_at, now=self._now))

    def grant(self, options: argparse.Namespace) -> None:
        """More scopes or practices."""
        scopes, client = _words(options.scopes), self._book.client(options.client)
        _something(options)
        _known(scopes, client.kind)
        self._there(options)
        self._book.give(options.client, scopes=scopes, practices=_words(options.practices))
        self.show(options)

    def withdraw(self, options: argparse.Namespace) -> None:
        """Fewer of them."""
        scopes, practices = _words(options.scopes), _words(options.practices)
        client = self._book.client(options.client)
        _something(options)
        _has(client, scopes, practices)
        self._book.take(options.client, scopes=scopes, practices=practices)
        self.show(options)

    def expire(self, options: argparse.Namespace) -> None:
        """Another end, sooner or later, of a client or of one of its keys."""
        at = None if options.never else self._in(options.in_days)
        if options.key is None:
            self._book.end_client(options.client, at)
        else:
            self._book.end_key(self._named(options).token_hash, at)
        self.show(options)

    def revoke(self, options: argparse.Namespace) -> None:
        """The end, now and for good, of a client or of one of its keys."""
        if options.key is None:
            self._book.revoke_client(options.client, self._now)
        else:
            self._book.revoke(self._named(options).token_hash, self._now)
        self.show(options)

    def _named(self, options: argparse.Namespace) -> Key:
        found = [one for one in self._book.keys(options.client) if one.name == options.key]
        if len(found) != 1:
            raise WrongUse(f"the client has no key of that name; show {options.client} lists them")
        return found[0]

    def _there(self, options: argparse.Namespace) -> None:
        """Refuse practices that there are not: a letter that is wrong is seen by nobody until a call is refused."""
        if options.even_if_unknown:
            return
        for practice_id in _words(options.practices):
            try:
                self._practices().get(practice_id)
            except NotFound as error:
                raise WrongUse(f"--practices: there is no {practice_id}; --even-if-unknown if it is to come") from error

    def _is_unused(self, client: Client, keys: Sequence[Key], for_: timedelta) -> bool:
        """Of those that could be used: without a key nothing is noted, and who is over is no risk."""
        active = [key for key in keys if self._state(key) == "active"]
        if self._state(client) != "active" or not active:
            return False
        seen = [at for key in active if (at := key.seen_at or key.created_at) is not None]
        return not seen or max(seen) <= self._now - for_

    def _in(self, days: int | None) -> datetime | None:
        return None if days is None else self._now + timedelta(days=days)

    def _state(self, of: Client | Key) -> str:
        if of.revoked_at is not None:
            return "revoked"
        return "expired" if of.expires_at is not None and of.expires_at <= self._now else "active"

    def _shown(self, key: str) -> None:
        self._say(f"key    {key}\nThe key is shown this once.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = _parser()
    options = parser.parse_args(arguments)
    look_up(options, parser)
    missing = [name for name in ("CALLERS_TABLE", "STAGE") if not os.environ.get(name)]
    if missing:
        parser.exit(1, f"{' and '.join(missing)}: not set; say --stage, and it is looked up\n")
    try:
        on = services()
        book = cast("ClientBook", on.callers)
    except NoRegionError:
        parser.exit(1, NO_REGION)
    live, now = os.environ["STAGE"] == "prod", on.clock.now()
    command = Command(book, practices=lambda: on.practices, live=live, now=now, say=_print)
    try:
        getattr(command, options.verb)(options)
    except WrongUse as error:
        parser.exit(2, f"{error}\n")
    except KeyError as error:
        parser.exit(1, f"{error.args[0]}: not set; say --stage, and it is looked up\n")
    except AppError as error:
        parser.exit(1, f"{error.detail}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.clients",
        description="API clients and their keys. What is changed acts on the next request, also of sessions that a key "
        "opened.",
        epilog=f"scopes:\n{listed()}\n\nenvironment:\n  AWS_DEFAULT_REGION names the region; without --stage, "
        "CALLERS_TABLE and PRACTICES_TABLE\n  the tables and STAGE the stage; AWS credentials as for any AWS command",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    days: dict[str, Any] = {"type": _days, "metavar": "N"}

    unknown_: dict[str, Any] = {"action": "store_true", "help": "practices may be ids of which nothing is known yet"}

    made = verbs.add_parser(
        "enrol",
        help="make a client and show its key, once",
        epilog=f"scopes:\n{listed()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--name", type=_name, required=True, help="what operators will see")
    made.add_argument("--scopes", required=True, help="comma-separated, of those below: what it may do")
    made.add_argument("--connects", action="store_true", help=f"may connect practices, too: adds {CONNECT_SCOPE}")
    made.add_argument(
        "--practices",
        default="",
        help="comma-separated ids of practices it may touch; those it connects are added by themselves",
    )
    made.add_argument("--even-if-unknown", **unknown_)
    made.add_argument(
        "--kind",
        choices=[kind.value for kind in ClientKind],
        default=ClientKind.APP.value,
        help="for good; scopes that decide about practices are for operators only, and a workflow has no key",
    )
    made.add_argument("--expires-in-days", **days, help="when its key ends by itself; default: never")
    made.add_argument(
        "--requests-per-minute",
        type=_at_least_one,
        metavar="N",
        help="how often it may ask before it is answered 429; default: the stage's client_requests_per_minute",
    )
    all_ = verbs.add_parser("list", help="all clients, with kind, state, last use and end")
    all_.add_argument("--unused-for", **days, help="only those with keys that work and that nobody has used for N days")
    verbs.add_parser("check", help="after an update: clients that have less than their scopes say, and what to do")

    def of_a_client(verb: str, help_: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(verb, help=help_)
        one.add_argument("client", help="its id, cli_...")
        return one

    of_a_client("show", "one client: its scopes, its practices, and each key's end and last use")
    more = of_a_client("key", "give a client one more key and show it, once")
    more.add_argument("--expires-in-days", **days, help="when the key ends by itself; default: never")
    for verb, help_ in (("grant", "give a client scopes or practices"), ("withdraw", "take scopes or practices away")):
        change = of_a_client(verb, help_)
        change.add_argument("--scopes", default="", help="comma-separated")
        change.add_argument("--practices", default="", help="comma-separated ids")
        if verb == "grant":
            change.add_argument("--even-if-unknown", **unknown_)
    end = of_a_client("expire", "set when a client, or one of its keys, ends by itself")
    end.add_argument("--key", help="key_..., as show has it; without it the client ends, with all its keys")
    until = end.add_mutually_exclusive_group(required=True)
    until.add_argument("--in-days", **days, help="from now")
    until.add_argument("--never", action="store_true")
    gone = of_a_client("revoke", "end a client, or one of its keys, now and for good")
    gone.add_argument("--key", help="key_..., as show has it; without it the client ends, with all its keys")
    add_stage(parser, *verbs.choices.values())
    return parser


def _less_than_given(client: Client) -> Iterator[str]:
    if nothing := unknown(sorted(client.scopes)):
        listed_ = ",".join(nothing)
        yield f"{listed_} opens nothing: withdraw {client.id} --scopes {listed_}"
    if client.kind is not ClientKind.OPERATOR and (theirs := ",".join(sorted(OPERATOR_SCOPES & client.scopes))):
        yield (
            f"{theirs} counts for clients of --kind operator only: enrol one for whoever needs it, and "
            f"withdraw {client.id} --scopes {theirs}"
        )
    # One of now that lacks it was given no more.
    if (
        client.scopes_as_of < SCOPES_AS_OF
        and NOTES not in client.scopes
        and any(map(_reads_of_patients, client.scopes))
    ):
        yield f"sees no notes; if it should: grant {client.id} --scopes {NOTES}"


def _reads_of_patients(scope: str) -> bool:
    obj, _, verb = scope.partition(":")
    return verb == Verb.READ and (obj == "*" or (obj != AUDIT and is_protected(obj)))


def _known(scopes: Sequence[str], kind: ClientKind) -> None:
    """Refuse scopes that would open nothing: a client that has one is refused without a reason."""
    if nothing := unknown(scopes):
        raise WrongUse(f"--scopes: there is no {', '.join(nothing)}; there are\n{listed()}")
    if kind is not ClientKind.OPERATOR and (theirs := sorted(OPERATOR_SCOPES.intersection(scopes))):
        raise WrongUse(f"--scopes: {', '.join(theirs)} counts for clients of --kind operator only")


def _something(options: argparse.Namespace) -> None:
    if not _words(options.scopes) and not _words(options.practices):
        raise WrongUse("say --scopes or --practices")


def _has(client: Client, scopes: Sequence[str], practices: Sequence[str]) -> None:
    """Refuse to take what the client has not, or has in another way: it would go on as before."""
    left = client.scopes.difference(scopes)
    if covered := [scope for scope in scopes if READ_ALL in left and in_read_all(scope) and not unknown([scope])]:
        raise WrongUse(
            f"--scopes: {READ_ALL} covers {', '.join(covered)}, and the client has that: withdraw {READ_ALL}, and "
            "grant the scopes that it is to keep"
        )
    # What an earlier release gave may open nothing any more, and can be taken.
    if missing := [scope for scope in scopes if scope not in client.scopes]:
        raise WrongUse(f"--scopes: the client has no {', '.join(missing)}; show {client.id} says what it has")
    if missing := [one for one in practices if one not in client.practices]:
        raise WrongUse(f"--practices: the client has no {', '.join(missing)}; show {client.id} says what it has")


def _at(moment: datetime | None) -> str:
    return "-" if moment is None else moment.isoformat(timespec="minutes")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return int(text)


def _days(text: str) -> int:
    days = _at_least_one(text)
    if days > MOST_DAYS:
        raise argparse.ArgumentTypeError(f"at most {MOST_DAYS} days")
    return days


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > _NAME_LONGEST or not name.isprintable():
        raise argparse.ArgumentTypeError(f"1 to {_NAME_LONGEST} characters in one line")
    return name


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


if __name__ == "__main__":
    main()
