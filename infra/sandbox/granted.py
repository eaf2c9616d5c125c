"""What a function was given, as its row in the catalogue says, and what it used of that, as it called AWS.

Both in one form: (action, what it is done to, how keys begin where a row ties it to that), such as
`("dynamodb:PutItem", "records", "sync#")`. That roles hold what rows say and AWS needs besides, and nothing else, is
for the template tests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from typing import Final

from infra.catalogue import FUNCTIONS, SHARED, FunctionRow

Kind = tuple[str, str, str]

_ONE_OF_A_KIND: Final = {"events": "bus", "lambda": "routes", "stepfunctions": "machines"}

NEVER_IN_A_TOUR: Final[Mapping[tuple[str, Kind], str]] = {
    ("sweeper", ("s3:DeleteObject", "drop", "")): "files are deleted that lie there for half an hour",
    **{
        (name, ("s3:ListBucket", bucket, within)): (
            "no call at all: S3 says that an object is not there to those only who may list, and to others that it is "
            "forbidden"
        )
        for name, bucket, within in (
            ("take_hooks", "bodies", "hooks/"),
            ("exports", "exports", ""),
            ("export_practice", "exports", ""),
            ("publish_export", "exports", ""),
        )
    },
    ("upstream_worker", ("dynamodb:BatchGetItem", "events", "")): (
        "looks once a day, and at what is older than 25 hours, for changes that were never told"
    ),
    ("upstream_worker", ("dynamodb:UpdateItem", "ledger", "")): (
        "an operation settles that has more beside it than one transaction takes: 98 stretches of answers, or 3.5 MB"
    ),
}
"""(function, what it may do) that no tour brings about, and when it is done. Each is granted, and nobody calls it."""

BY_CHANCE: Final[Mapping[tuple[str, Kind], str]] = {
    ("authenticate", ("secretsmanager:DeleteSecret", "vault", "")): (
        "a repeat keeps a wrong pair just after its turn was refused, and takes it back"
    ),
    ("authenticate", ("secretsmanager:UpdateSecretVersionStage", "vault", "")): (
        "a repeat keeps a pair just after its turn proved it, and takes the label back"
    ),
    ("publish_events", ("dynamodb:GetItem", "records", "")): (
        "a row that is too long for an item is replaced while its pieces are read"
    ),
    ("rotations", ("dynamodb:DeleteItem", "practices", "")): (
        "two exchanges are begun in one moment, and the second lets go of its key"
    ),
    ("sweeper", ("dynamodb:GetItem", "ledger", "")): (
        "an entry changes while it is put again, and whose put it was has to be told"
    ),
    ("upstream_worker", ("dynamodb:GetItem", "callers", "")): "a write begins more than 10 s after it was taken",
    ("task", ("dynamodb:GetItem", "callers", "")): (
        "an event or a clock starts a machine, whose client has to be one of a workflow"
    ),
    ("take_hooks", ("dynamodb:UpdateItem", "pace", "")): (
        "a machine tells of what has to be looked for, and the background is not due at once anyhow"
    ),
}
"""The same of what a tour meets by luck: where two meet in one moment. Each is granted, and may be called."""


def given(row: FunctionRow) -> set[Kind]:
    """What the function of `row` may do."""
    found: set[Kind] = set()
    for table, verbs in row.tables.items():
        found |= {(f"dynamodb:{verb}", table, "") for verb in verbs}
    # Of a key only its first word is noted.
    found |= {("dynamodb:PutItem", table, _begins(pattern)) for table, pattern in row.puts.items()}
    if row.counts:
        found |= {("dynamodb:UpdateItem", "callers", "requests#"), ("dynamodb:PutItem", "audit", "")}
    for queue, verbs in row.queues.items():
        found |= {(f"sqs:{verb}", queue, "") for verb in verbs}
    found |= {(f"s3:{verb}", "bodies", "") for verb in row.bodies}
    found |= {(f"s3:{verb}", "bodies", "hooks/") for verb in row.inbox}
    found |= {(f"s3:{verb}", "drop", "") for verb in row.drop}
    found |= {(f"s3:{verb}", "audit_archive", "") for verb in row.archive}
    found |= {(f"secretsmanager:{verb}", "vault", "") for verb in row.vault}
    if row.asks_routes:
        found.add(("lambda:InvokeFunction", "routes", ""))
    found |= {("stepfunctions:StartExecution", "machines", "")} if row.machines else set()
    found |= {("stepfunctions:StopExecution", "machines", "")} if row.stops else set()
    found |= {(f"s3:{verb}", "exports", "") for verb in row.exports}
    if row.bus:
        found.add(("events:PutEvents", "bus", ""))
    if row.hmac:
        found.add(("secretsmanager:GetSecretValue", "hmac", ""))
    if row.drop_login:
        found.add(("secretsmanager:GetSecretValue", "drop", ""))
    return found


def _begins(pattern: str) -> str:
    word, mark, _ = pattern.partition("#")
    # What a pattern leaves open is open.
    return "" if "*" in word else word + mark


def used(calls: Set[Kind], row: FunctionRow, environment: Mapping[str, str]) -> set[Kind]:
    """`calls`, of a function of `row` with that environment, in the same form.

    Raises: LookupError: a call was made of something that no variable of the function names.
    """
    may = given(row)
    return {_as_given(call, may, environment) for call in calls}


def _as_given(call: Kind, may: Set[Kind], environment: Mapping[str, str]) -> Kind:
    action, resource, within = call
    name = _name_of(action.partition(":")[0], resource, environment)
    # A key counts where the row says something of it.
    return (action, name, within) if (action, name, within) in may else (action, name, "")


def _name_of(service: str, resource: str, environment: Mapping[str, str]) -> str:
    if service in _ONE_OF_A_KIND:
        return _ONE_OF_A_KIND[service]
    if service == "secretsmanager" and resource.startswith(environment.get("VAULT_PREFIX", "\n")):
        return "vault"
    for variable, value in environment.items():
        if value and (value == resource or resource in value.split(",")):
            for ending in ("_TABLE", "_QUEUE_URL", "_BUCKET", "_SECRET_ARN"):
                if variable.endswith(ending):
                    return variable.removesuffix(ending).lower()
    # The queues of turns of all networks are one row: which is sent to depends on the practice.
    for variable, value in environment.items():
        if variable.endswith("_QUEUE_URLS") and resource in json.loads(value).values():
            return variable.removesuffix("_QUEUE_URLS").lower()
    raise LookupError(f"a {service} call is of nothing that the function was told of")


def complaints(calls: Mapping[str, Set[Kind]]) -> Iterator[str]:
    """What is wrong between the rows and `calls`: what each function used, by its name, in the form of `given`.

    Nothing is called beside the rows. What they give is called by the function itself or, of a shape that it shares
    (`catalogue.SHARED`), by another that shares it: the code behind a shape is one, and which function meets a rare
    cause is chance. So is who meets a body that is too long for an item: one adapter keeps these for every store, and
    what anybody calls of it counts for all. What is not called stands in one of the two tables above, and they name
    nothing else.
    """
    of_long_bodies = {kind for own in calls.values() for kind in own if kind[1:] == ("bodies", "")}
    by_shape = {
        shape: {kind for row in FUNCTIONS if shape in row.shares for kind in calls[row.name] & given(common)}
        for shape, common in SHARED.items()
    }
    for row in FUNCTIONS:
        may, own = given(row), calls[row.name]
        left = may - own - of_long_bodies - {kind for shape in row.shares for kind in by_shape[shape]}
        never, chance = ({kind for name, kind in table if name == row.name} for table in (NEVER_IN_A_TOUR, BY_CHANCE))
        for kinds, what in (
            (own - may, "is called and in no row"),
            (left - never - chance, "is granted and never called"),
            (never & may - left, "is called, and named as what never is"),
            ((never | chance) - may, "is named and not granted"),
        ):
            yield from (f"{row.name}: {' '.join(kind).rstrip()} {what}" for kind in sorted(kinds))
        if may and not own:
            yield f"{row.name}: never ran"
    known = {row.name for row in FUNCTIONS}
    yield from (f"{name} is no function" for name, _ in (*NEVER_IN_A_TOUR, *BY_CHANCE) if name not in known)
