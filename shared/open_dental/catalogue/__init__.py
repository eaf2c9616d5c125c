"""What Open Dental's REST API offers: 108 resources, 365 operations, read one file at a time.

Facts, not code: each `data/<resource>.json` lists the operations, parameters and row fields of one resource, with two
marks of our own on every operation.

* `effect`: `read` changes nothing in the office (`documents.DownloadSftp` leaves a file elsewhere, and the same one
  again when it is asked again); `set` may be sent again after a lost answer, because sending it twice ends where
  sending it once does; `add` may not, because each sending leaves something more behind.
* `exposure`: `open` may be offered to callers as it is, `guarded` only through a use case that checks it first,
  `closed` never (keys, free SQL, users, and whatever makes the office call out).

Importing this costs neither httpx nor pydantic, and reads no file.
"""

from open_dental.catalogue.model import (
    Effect,
    Exposure,
    Field,
    Kind,
    Operation,
    Param,
    Resource,
    Sync,
    UnknownOperation,
    UnknownResource,
    operation,
    resource,
    resources,
)

__all__ = [
    "Effect",
    "Exposure",
    "Field",
    "Kind",
    "Operation",
    "Param",
    "Resource",
    "Sync",
    "UnknownOperation",
    "UnknownResource",
    "operation",
    "resource",
    "resources",
]
