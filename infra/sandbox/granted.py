"""What a function was given, as its row in the catalogue says, and what it used of that, as it called AWS.

Both in one form: (action, what it is done to, how keys begin where a row ties it to that), such as
`("dynamodb:PutItem", "records", "sync#")`. That roles hold what rows say and AWS needs besides, and nothing else, is
for the template tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set

from infra.catalogue import FunctionRow

Kind = tuple[str, str, str]


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
    if row.bus:
        found.add(("events:PutEvents", "bus", ""))
    if row.hmac:
        found.add(("secretsmanager:GetSecretValue", "hmac", ""))
    if row.drop_login:
        found.add(("secretsmanager:GetSecretValue", "login", ""))
    return found


def _begins(pattern: str) -> str:
    word, mark, _ = pattern.partition("#")
    return word + mark


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
    if service == "events":
        return "bus"
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
