"""Runs inside the sandbox's functions: notes each kind of call that a function makes of AWS, once a process.

A kind is a service, an IAM action, a resource and, where rows of the catalogue tell partitions apart, how the key
begins: `dynamodb:PutItem`, a table's name, `sync#`; and whether something of the tour's marked data is in what is
sent (`infra/sandbox/marks.py`). Nothing of an item, a message or an object's content is noted.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

MARKS = re.compile(
    r"zqmark|\b913-?02-?0\d{3}\b|1913-02-03|(?<!\d)1?55531987\d\d(?!\d)|\(555\) ?319-87\d\d|7319\.37",
    re.IGNORECASE,
)
"""Names, notes and addresses; social security numbers; birth dates; telephones; amounts: as `marks.mark` writes them,
in whatever form they may be passed on."""

_WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_ACTIONS = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "DeleteObjects": "DeleteObject",
    "SendMessageBatch": "SendMessage",
}


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def record(folder: str) -> None:
    """From now on, write what this process calls to a file of its own in `folder`."""
    sys.meta_path.insert(0, _Finder(Notes(Path(folder)).take))


class Notes:
    """What this process has called, in a file of its own; each kind once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()

    def take(self, service: str, operation: str, params: Mapping[str, Any]) -> None:
        """Note a call."""
        is_marked = MARKS.search(json.dumps(params, default=_text)) is not None
        for action, resource, within in kinds_of(service, operation, params):
            line = json.dumps([f"{service}:{action}", resource, within, is_marked])
            if line in self._seen:
                continue
            self._seen.add(line)
            name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
            with (self._folder / f"{name}.{os.getpid()}").open("a") as file:
                file.write(line + "\n")


def kinds_of(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(IAM action, resource as it was named, how the key begins) of everything that one call asks of AWS."""
    if service == "dynamodb":
        yield from _of_tables(operation, params)
    elif service == "s3":
        key = str(params.get("Key") or params.get("Prefix") or "")
        within = "hooks/" if key.startswith("hooks/") else ""
        if operation == "CopyObject":
            yield "GetObject", params["Bucket"], within
            yield "PutObject", params["Bucket"], within
        else:
            yield _ACTIONS.get(operation, operation), params["Bucket"], within
    elif service in {"lambda", "stepfunctions"}:
        # Which one is said by what was asked of the API.
        yield {"Invoke": "InvokeFunction"}.get(operation, operation), "", ""
    else:
        named = params.get("QueueUrl") or params.get("SecretId") or params.get("Name") or ""
        yield _ACTIONS.get(operation, operation), str(named), ""


def _of_tables(operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if operation == "TransactWriteItems":
        for item in params["TransactItems"]:
            ((kind, what),) = item.items()
            yield _WRITES[kind], what["TableName"], _begins(what)
    elif operation == "TransactGetItems":
        for item in params["TransactItems"]:
            yield "GetItem", item["Get"]["TableName"], ""
    elif "RequestItems" in params:
        for table in params["RequestItems"]:
            yield operation, table, ""
    else:
        yield operation, params["TableName"], _begins(params)


def _begins(what: Mapping[str, Any]) -> str:
    """The word of the partition, as far as its first `#`, of what is written; behind it comes somebody's id."""
    key = (what.get("Item") or what.get("Key") or {}).get("pk")
    text = str(key.get("S", "")) if isinstance(key, Mapping) else str(key or "")
    word, mark, _ = text.partition("#")
    # A key of one word is nobody's id.
    return word + mark if mark or text.isalpha() else ""


class _Finder(MetaPathFinder):
    """Looks at botocore as soon as it is there: importing it here would cost functions that never need it."""

    def __init__(self, take: Callable[[str, str, Mapping[str, Any]], None]) -> None:
        self._take = take

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 (a finder is asked so)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if name != "botocore.client":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_and_listen(module: ModuleType) -> None:
            run(module)
            _listen(module, self._take)

        spec.loader.exec_module = run_and_listen  # type: ignore[method-assign]
        return spec


def _listen(client: Any, take: Callable[[str, str, Mapping[str, Any]], None]) -> None:
    call = client.BaseClient._make_api_call
    signers = sys.modules["botocore.signers"]
    sign: Callable[..., str] = signers.generate_presigned_url

    def noted_call(self: Any, operation: str, params: Mapping[str, Any]) -> Any:
        take(self.meta.service_model.service_name, operation, params)
        return call(self, operation, params)

    def noted_sign(self: Any, ClientMethod: str, Params: Mapping[str, Any], **how: Any) -> str:  # noqa: N803 (botocore's)
        # A link is good for what its maker may do when it is followed.
        take(self.meta.service_model.service_name, self.meta.method_to_api_mapping[ClientMethod], Params)
        return sign(self, ClientMethod, Params, **how)

    client.BaseClient._make_api_call = noted_call
    signers.generate_presigned_url = noted_sign  # type: ignore[attr-defined]
