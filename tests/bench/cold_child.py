"""What one fresh process does for `cold`: run by path with `-I -S`, so it finds nothing but what it is given.

Arguments: one JSON object {"path": [...], "mode": "answer" | "snapshot" | "eager" | "empty", "handler": "a.b.c",
"event": {...}}. It prints a line as soon as it has done what its mode says; the parent holds the clock.
"""

import sys

if sys.argv[1] == "empty":
    sys.stdout.write("bench: done\n")
    sys.stdout.flush()
    sys.exit()

import json
from importlib import import_module
from typing import Any

SERVICES = ("dynamodb", "sqs", "s3", "secretsmanager", "events", "lambda")
POWERTOOLS = (
    "logging",
    "metrics",
    "event_handler",
    "utilities.batch",
    "utilities.data_classes",
    "utilities.idempotency",
    "utilities.parameters",
    "utilities.parser",
    "utilities.typing",
)
"""Everything that Powertools offers an HTTP or queue function but its Tracer, whose SDK the layer does not carry."""


class Context:
    """Lambda's context, as far as handlers look at it."""

    aws_request_id = "00000000-0000-4000-8000-000000000001"
    function_name = "bench"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"

    def get_remaining_time_in_millis(self) -> int:
        """The whole time-out."""
        return 28_000


class Hooks:
    """Stands for the runtime's `snapshot_restore_py`: keeps what is to run before the snapshot."""

    def __init__(self) -> None:
        self.before: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []

    def register_before_snapshot(self, function: Any, *args: Any, **kwargs: Any) -> None:
        """See the runtime's."""
        self.before.append((function, args, kwargs))

    def register_after_restore(self, function: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing is restored here."""


def tell(line: str) -> None:
    """Let the parent stop its clock. The mark tells the line from the function's own log."""
    sys.stdout.write(f"bench: {line}\n")
    sys.stdout.flush()


def handler_of(name: str) -> Any:
    """Import a handler as Lambda's runtime does."""
    module, _, function = name.rpartition(".")
    return getattr(import_module(module), function)


def answer(told: dict[str, Any]) -> None:
    """Import the handler and answer the event."""
    handler = handler_of(told["handler"])
    tell(json.dumps(handler(told["event"], Context())))


def snapshot(told: dict[str, Any]) -> None:
    """Import the handler, run its hooks, stand still as a snapshot does; then answer."""
    hooks: Any = Hooks()
    sys.modules["snapshot_restore_py"] = hooks
    handler = handler_of(told["handler"])
    for function, args, kwargs in reversed(hooks.before):
        function(*args, **kwargs)
    tell("ready")
    sys.stdin.readline()
    tell(json.dumps(handler(told["event"], Context())))


def eager(_: dict[str, Any]) -> None:
    """Import everything the layer has, and make what a habitual handler makes at import."""
    from pkgutil import walk_packages  # noqa: PLC0415

    for package in ("open_dental", "gateway"):
        top = import_module(package)
        for module in walk_packages(top.__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    for module_name in POWERTOOLS:
        import_module(f"aws_lambda_powertools.{module_name}")
    import httpx  # noqa: PLC0415

    httpx.Client(timeout=5)
    client = import_module("boto3").client
    for service in SERVICES:
        client(service)
    tell("done")


if __name__ == "__main__":
    asked = json.loads(sys.argv[2])
    sys.path[:0] = asked["path"]
    {"answer": answer, "snapshot": snapshot, "eager": eager}[sys.argv[1]](asked)
