"""The shape of the catalogue, and its reading: one file at the first use of a resource, kept from then on.

Every object is made once, so they are compared by identity; what the dataclasses need not do, the import need not pay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from open_dental.versions import Version

Effect = Literal["read", "set", "add"]
Exposure = Literal["open", "guarded", "closed"]
Kind = Literal["list", "get", "create", "update", "delete", "action"]
Method = Literal["GET", "POST", "PUT", "DELETE"]
Shape = Literal["object", "array", "none", "scalar"]

_IN_BRACES = re.compile(r"{(\w+)}")


class UnknownResource(KeyError):
    """No resource of that name is catalogued."""

    def __str__(self) -> str:
        return f"no resource named {self.args[0]!r} is catalogued"


class UnknownOperation(KeyError):
    """No operation of that id is catalogued."""

    def __str__(self) -> str:
        return f"no operation named {self.args[0]!r} is catalogued"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Param:
    """One query parameter or body field, spelled exactly as the vendor reads it (case counts)."""

    name: str
    type: str
    required: bool = False
    default: Any = None
    """As the vendor's text prints it; in words where it describes a rule."""
    since: Version | None = None
    ref: str | None = None
    """`table.Column` the value points to; 0 then stands for "none"."""
    enum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Field:
    """One field of a row. A derived one is no column: its name starts in lower case."""

    name: str
    type: str
    enum: tuple[str, ...] = ()
    ref: str | None = None
    derived: bool = False
    since: Version | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sync:
    """How a list is read since a moment: the filter, the column it compares, and the row field with the clock."""

    cursor_param: str
    cursor_field: str
    server_clock: str | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Operation:
    """One call of the API, named `<resource>.<verb>` or `<resource>.<Action>`."""

    id: str
    resource: str
    method: Method
    path: str
    kind: Kind
    permission: str
    """The key permission that the vendor asks for, without the prefix `Api` it has in `securityperms`."""
    effect: Effect
    exposure: Exposure
    since: Version | None
    deprecated: Version | None
    paginated: bool
    status: int
    """What the vendor's text promises on success; judge by 2xx."""
    shape: Shape
    errors: tuple[int, ...]
    location_header: bool
    query: tuple[Param, ...]
    body: tuple[Param, ...]

    def __repr__(self) -> str:
        return f"Operation({self.id!r})"

    @property
    def path_params(self) -> tuple[str, ...]:
        """Names of the keys in the path, in their order there."""
        return tuple(_IN_BRACES.findall(self.path))

    def url(self, path_values: Mapping[str, object] | None = None) -> str:
        """Fill the path, e.g. `/appointments/12/Note`, with every value percent-encoded.

        Raises:
            ValueError: a value is missing, empty, unknown to the path, or would lead to another path.
        """
        values = path_values or {}
        names = self.path_params
        if set(values) != set(names):
            raise ValueError(f"{self.id} takes {', '.join(names) or 'nothing'} in its path")
        from urllib.parse import quote  # noqa: PLC0415 - costs a tenth of this import; not every user makes URLs.

        filled = self.path
        for name in names:
            text = str(values[name])
            if text in {"", ".", ".."}:
                raise ValueError(f"{self.id}: {name} cannot stand in a path")
            filled = filled.replace(f"{{{name}}}", quote(text, safe=""))
        return filled

    def param(self, name: str) -> Param | None:
        """Return the query parameter or body field of that exact name; a body field where both have it."""
        return next((one for one in (*self.body, *self.query) if one.name == name), None)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Resource:
    """One resource: what can be called, and what its rows hold."""

    resource: str
    title: str
    table: str | None
    key: str | None
    """The row field with the primary key."""
    phi: bool
    group: str
    order: tuple[tuple[str, Literal["asc", "desc"]], ...]
    """Columns by which the list is sorted; empty where unknown: then assume `key` ascending."""
    sync: Sync | None
    operations: tuple[Operation, ...]
    fields: tuple[Field, ...]
    action_fields: Mapping[str, tuple[Field, ...]]
    """Row fields by operation id, where an answer differs from `fields`."""

    def fields_of(self, operation: Operation | str) -> tuple[Field, ...]:
        """Return the row fields that the answer of `operation` has."""
        return self.action_fields.get(operation if isinstance(operation, str) else operation.id, self.fields)

    def operation(self, id_: str) -> Operation:
        """Return the operation of that id.

        Raises:
            UnknownOperation: this resource has none of that id.
        """
        for one in self.operations:
            if one.id == id_:
                return one
        raise UnknownOperation(id_)


@cache
def resources() -> tuple[str, ...]:
    """Name every catalogued resource, in alphabetical order, without reading any of them."""
    names = (entry.name for entry in _data().iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


@cache
def resource(name: str) -> Resource:
    """Return the resource with that URL segment, e.g. `appointments`.

    Raises:
        UnknownResource: there is none.
    """
    # The name may come from a caller: nothing but a known one reaches the file system.
    if name not in resources():
        raise UnknownResource(name)
    return _resource(json.loads(_data().joinpath(f"{name}.json").read_bytes()))


@cache
def operation(id_: str) -> Operation:
    """Return the operation with that id, e.g. `appointments.create`.

    Raises:
        UnknownOperation: there is none.
    """
    try:
        home = resource(id_.partition(".")[0])
    except UnknownResource:
        raise UnknownOperation(id_) from None
    return home.operation(id_)


def _data() -> Any:
    # Imported here because whoever imports only the types should not pay for it.
    from importlib.resources import files  # noqa: PLC0415

    return files("open_dental.catalogue").joinpath("data")


def _version(text: str | None) -> Version | None:
    return Version.parse(text) if text else None


def _param(raw: Mapping[str, Any]) -> Param:
    return Param(
        name=raw["name"],
        type=raw["type"],
        required=raw.get("required", False),
        default=raw.get("default"),
        since=_version(raw.get("since")),
        ref=raw.get("ref"),
        enum=tuple(raw.get("enum", ())),
    )


def _field(raw: Mapping[str, Any]) -> Field:
    return Field(
        name=raw["name"],
        type=raw["type"],
        enum=tuple(raw.get("enum", ())),
        ref=raw.get("ref"),
        derived=raw.get("derived", False),
        since=_version(raw.get("since")),
    )


def _operation(home: str, raw: Mapping[str, Any]) -> Operation:
    return Operation(
        id=raw["id"],
        resource=home,
        method=raw["method"],
        path=raw["path"],
        kind=raw["kind"],
        permission=raw["permission"],
        effect=raw["effect"],
        exposure=raw["exposure"],
        since=_version(raw.get("since")),
        deprecated=_version(raw.get("deprecated")),
        paginated=raw["paginated"],
        status=raw["status"],
        shape=raw["shape"],
        errors=tuple(raw["errors"]),
        location_header=raw["location_header"],
        query=tuple(map(_param, raw["query"])),
        body=tuple(map(_param, raw["body"])),
    )


def _resource(raw: Mapping[str, Any]) -> Resource:
    home = raw["resource"]
    return Resource(
        resource=home,
        title=raw["title"],
        table=raw["table"],
        key=raw["key"],
        phi=raw["phi"],
        group=raw["group"],
        order=tuple((column, direction) for column, direction in raw["order"] or ()),
        sync=Sync(**raw["sync"]) if raw["sync"] else None,
        operations=tuple(_operation(home, one) for one in raw["operations"]),
        fields=tuple(map(_field, raw["fields"])),
        action_fields={id_: tuple(map(_field, fields)) for id_, fields in (raw["action_fields"] or {}).items()},
    )
