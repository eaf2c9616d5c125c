"""The OpenAPI document of all apps: paths from their routes, the rest from their handlers' arguments and models."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from gateway.core.audit.purposes import PURPOSES
from gateway.core.callers import Caller
from gateway.core.fhir.types import TYPES
from gateway.core.objects.envelopes import OperationView
from gateway.core.objects.raw import RawMeta
from gateway.core.requests import Freshness
from gateway.web.app import HttpApp
from gateway.web.description import fhir, problems, raw
from gateway.web.description.schemas import ANSWER, COMPONENTS, REQUEST, Schema, Schemas, in_a_line, not_null, one_line
from gateway.web.description.shown import NOTHING, SHOWN, Route, Shown, may_lack
from gateway.web.fhir import ROOT
from gateway.web.http import Answer, HttpRequest
from gateway.web.idempotency import HEADER, LONGEST, IdempotencyKey
from gateway.web.on_behalf_of import FORM
from gateway.web.on_behalf_of import HEADER as BEHIND
from gateway.web.params import AnyBody, AnyQuery, Form
from gateway.web.prefer import LONGEST_WAIT_S, Prefer
from gateway.web.purpose import HEADER as PURPOSE

TITLE: Final = "Open Dental gateway"
JSON: Final = "application/json"
BEARER: Final = "bearer"

ABOUT: Final = """\
One normalized, paced and idempotent API over dental practices that run on Open Dental.

Every path that takes GET takes HEAD as well, with the same headers and no body. Every answer that refuses is a problem
document (RFC 9457); under `/fhir/R4` it is an OperationOutcome. A read whose wait ends before Open Dental has answered
is answered 202 with its operation: the same request again takes up what it brings. A write is answered with its
operation, 202 while that goes on. Parameters and members that are not described are refused.
"""

_OURS: Final = {Caller, HttpRequest, Freshness, Prefer, IdempotencyKey, AnyQuery, AnyBody, Form}
_BY_CATALOGUE: Final = "/resources/{resource}"

_HEADERS: Final[Mapping[str, tuple[str, Schema]]] = {
    "Location": (
        "A reference relative to this request's URL: of what was made, or of the operation that goes on.",
        {"type": "string"},
    ),
    "Content-Location": ("The operation that goes on.", {"type": "string"}),
    "Retry-After": ("Whole seconds.", {"type": "integer", "minimum": 0}),
    "ETag": ("The validator, for `If-None-Match`.", {"type": "string"}),
    "Age": ("Seconds since the oldest part of the answer was read.", {"type": "integer", "minimum": 0}),
    "RateLimit": ("What is left of the practice's pace, where Open Dental was asked.", {"type": "string"}),
    "RateLimit-Policy": ("The practice's pace.", {"type": "string"}),
    "Idempotent-Replayed": ("An earlier request of this key has done it.", {"type": "string", "enum": ["true"]}),
    "Preference-Applied": ("The preferences that were honoured.", {"type": "string"}),
}

_ASKED: Final[Mapping[str, Schema]] = {
    HEADER: {
        "name": HEADER,
        "in": "header",
        "required": True,
        "description": "The name of this write, chosen by the caller: sent again, it happens once.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"},
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": f"`wait=N`: up to {LONGEST_WAIT_S:.0f} seconds before the answer is 202; `respond-async`: none.",
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "name": "Cache-Control",
        "in": "header",
        "description": "How old the answer may be: `no-cache`, `max-age=N`, `min-fresh=N`, `only-if-cached`.",
        "schema": {"type": "string"},
    },
    PURPOSE: {
        "name": PURPOSE,
        "in": "header",
        "description": "Why this is asked, for the audit trail: one of HL7's general purposes of use.",
        "schema": {"type": "string", "enum": sorted(PURPOSES)},
    },
    BEHIND: {
        "name": BEHIND,
        "in": "header",
        "description": "The person behind the client, for the audit trail: an id of the client's own, and no name.",
        "schema": {"type": "string", "pattern": f"^{FORM}$"},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "An `ETag` that was answered before: 304 where it still stands.",
        "schema": {"type": "string"},
    },
}


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a handler takes, by its arguments' types."""

    types: frozenset[Any]
    query: Any = None
    body: Any = None

    def __contains__(self, type_: Any) -> bool:
        return type_ in self.types

    @property
    def is_public(self) -> bool:
        return Caller not in self.types

    @property
    def is_write(self) -> bool:
        """Whether it is answered with an operation of the ledger."""
        return IdempotencyKey in self.types and Prefer in self.types

    @property
    def has_body(self) -> bool:
        return self.body is not None or AnyBody in self.types or Form in self.types


def describe(apps: Mapping[str, HttpApp], *, server: str | None = None) -> Schema:
    """The document. `apps`: by the name of their function. `server`: the API's address, with its stage.

    Raises:
        LookupError: a route's answer is described nowhere.
    """
    return _Document(apps).made(server)


class _Document:
    def __init__(self, apps: Mapping[str, HttpApp]) -> None:
        self._schemas = Schemas(may_lack())
        self._routes = [
            (name, route, handler, taken_by(handler, route))
            for name, app in sorted(apps.items())
            for *route_, handler in app.routes()
            if (route := (route_[0], route_[1]))
        ]
        for model in (OperationView, RawMeta):
            self._schemas.want(model, ANSWER)
        for _, route, _, taken in self._routes:
            for model in (taken.query, taken.body):
                if model is not None:
                    self._schemas.want(model, REQUEST)
            for model in shown_by(route, taken).bodies.values():
                if model is not NOTHING and model is not OperationView:
                    self._schemas.want(model, ANSWER)
        self._schemas.make()
        self._rows: dict[str, Schema] = {}

    def made(self, server: str | None) -> Schema:
        paths: dict[str, dict[str, Schema]] = {}
        for function, route, handler, taken in self._routes:
            for method, path, described in self._described(function, route, handler, taken):
                paths.setdefault(path, {})[method.lower()] = described
        return {
            "openapi": "3.1.0",
            "info": {"title": TITLE, "version": "1", "summary": ABOUT.splitlines()[0], "description": ABOUT},
            "servers": [{"url": server or "/"}],
            "security": [{BEARER: []}],
            "paths": dict(sorted(paths.items())),
            "components": {
                "schemas": self._schemas.components
                | fhir.components()
                | dict(sorted(self._rows.items()))
                | {"Problem": problems.PROBLEM},
                "responses": problems.responses(),
                "headers": {name: {"description": said, "schema": schema} for name, (said, schema) in _HEADERS.items()},
                "securitySchemes": {
                    BEARER: {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "An API key, or the token that `POST /authenticate` answers.",
                    }
                },
            },
        }

    def _described(
        self, function: str, route: Route, handler: Callable[..., Answer], taken: _Taken
    ) -> Iterator[tuple[str, str, Schema]]:
        method, path = route
        if path.startswith(_BY_CATALOGUE):
            for it, one in raw.operations():
                if raw.place(one)[0] == method and raw.place(one)[1].count("/") == path.count("/"):
                    yield *raw.place(one), self._raw(it, one, taken)
        elif fhir.is_by_type(method, path):
            for type_, own in fhir.paths_of(path).items():
                yield method, own, self._fhir(type_, method, own, handler, taken)
        else:
            yield method, path, self._own(function, route, handler, taken)

    def _own(self, function: str, route: Route, handler: Callable[..., Answer], taken: _Taken) -> Schema:
        method, path = route
        is_fhir = path.startswith(ROOT)
        found: Schema = {
            "operationId": _name(method, path),
            "summary": one_line(handler.__doc__).rstrip("."),
            "tags": ["fhir" if is_fhir else function],
            "parameters": [*self._in_path(path), *self._in_query(route, taken), *_headers(method, taken)],
        }
        if taken.body is not None:
            schema = self._schemas.of(taken.body, REQUEST)
            found["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
        if taken.is_public:
            found["security"] = []
        bodies = {
            status: None if model is NOTHING else self._schemas.of(model, ANSWER)
            for status, model in shown_by(route, taken).bodies.items()
        }
        if is_fhir:
            return {**found, "responses": self._fhir_answers(fhir.resource("CapabilityStatement"), method, taken)}
        said = shown_by(route, taken)
        return {**found, "responses": self._answers(bodies, method, taken, said.headers, said.media)}

    def _raw(self, it: Any, one: Any, taken: _Taken) -> Schema:
        method, _ = raw.place(one)
        found = {**raw.says(it, one), "parameters": [*raw.parameters(one), *_headers(method, taken)]}
        if method == "GET":
            self._rows[raw.rows_name(it, one)] = raw.row(it, one)
            bodies = {200: raw.answer(it, one)}
        else:
            bodies = dict.fromkeys((200, 201, 202), self._schemas.of(OperationView, ANSWER))
            if one.body:
                body = raw.body(one)
                found["requestBody"] = {"required": "required" in body, "content": {JSON: {"schema": body}}}
        return {**found, "responses": self._answers(bodies, method, taken)}

    def _fhir(self, type_: str, method: str, path: str, handler: Callable[..., Answer], taken: _Taken) -> Schema:
        found: Schema = {
            "operationId": _name(method, path),
            "summary": f"{type_}: {one_line(handler.__doc__).rstrip('.')}",
            "description": TYPES[type_].says,
            "tags": ["fhir"],
            "parameters": [*(fhir.parameters(type_, path) if method == "GET" else ()), *_headers(method, taken)],
        }
        if method == "POST":
            found["requestBody"] = {"required": False, "content": fhir.form(type_)}
        return {**found, "responses": self._fhir_answers(fhir.answers(type_, path), method, taken)}

    def _in_path(self, path: str) -> list[Schema]:
        return [
            {"name": name, "in": "path", "required": True, "schema": self._id_in(path)}
            for name in re.findall(r"{(\w+)\+?}", path)
        ]

    def _id_in(self, path: str) -> Schema:
        """The form of the id in a path: that of the object which the path up to it shows."""
        up_to = path.partition("}")[0] + "}"
        for route in (("GET", up_to), ("POST", up_to.rpartition("/")[0])):
            for model in SHOWN[route].bodies.values() if route in SHOWN else ():
                members = self._schemas.of(model, ANSWER)
                if "$ref" in members:
                    members = self._schemas.components[members["$ref"].removeprefix(COMPONENTS)]
                if "id" in members.get("properties", {}):
                    return dict(members["properties"]["id"])
        return {"type": "string"}

    def _in_query(self, route: Route, taken: _Taken) -> list[Schema]:
        if taken.query is None:
            if AnyQuery not in taken:
                return []
            names = ("_format",) if route[1].startswith(ROOT) else ("practice_id", "resource")
            return [{"name": name, "in": "query", "schema": in_a_line({"type": "string"})} for name in names]
        members = self._schemas.members(taken.query)
        found = []
        for name, schema in members.get("properties", {}).items():
            plain = in_a_line(not_null(schema))
            one: Schema = {"name": name, "in": "query", "schema": plain}
            if name in members.get("required", ()):
                one["required"] = True
            if "description" in plain:
                one["description"] = plain["description"]
                one["schema"] = {key: value for key, value in plain.items() if key != "description"}
            if plain.get("type") == "array":
                one |= {"style": "form", "explode": False}
            found.append(one)
        return found

    def _answers(
        self,
        bodies: Mapping[int, Schema | None],
        method: str,
        taken: _Taken,
        headers: Iterable[str] = (),
        media: str = JSON,
    ) -> Schema:
        needed = frozenset(headers)
        found: Schema = {}
        for status, schema in bodies.items():
            also = {"Location", "Retry-After"} if taken.is_write and status == 202 else frozenset()
            content = {media: {"schema": schema}} if schema else None
            found[str(status)] = _success(status, content, needed | also, taken)
        if Freshness in taken:
            operation = {JSON: {"schema": self._schemas.of(OperationView, ANSWER)}}
            found["202"] = _success(202, operation, {"Location", "Retry-After"}, taken)
        if taken.body is not None and taken.is_public:
            # Keys that are still being verified.
            operation = {JSON: {"schema": self._schemas.of(OperationView, ANSWER)}}
            found["202"] = _success(202, operation, {"Location", "Retry-After"}, taken)
        if method == "GET":
            found["304"] = _success(304, None, {"ETag"}, taken)
        # What is under way may be past its end already.
        for status in {*_refusals(taken), *((409,) if method in {"DELETE", "POST"} else ())}:
            found[str(status)] = {"$ref": f"#/components/responses/{problems.name_of(status)}"}
        return dict(sorted(found.items()))

    def _fhir_answers(self, schema: Schema, method: str, taken: _Taken) -> Schema:
        outcome = fhir.content({"$ref": f"{COMPONENTS}{fhir.OUTCOME}"})
        found: Schema = {"200": _success(200, fhir.content(schema), frozenset(), taken)}
        if Freshness in taken:
            found["202"] = _success(202, outcome, {"Content-Location", "Retry-After"}, taken)
        if method == "GET":
            found["304"] = _success(304, None, {"ETag"}, taken)
        for status in _refusals(taken):
            said = problems.responses()[problems.name_of(status)]
            # What refuses before the function does so with a problem, for it knows no FHIR.
            found[str(status)] = {**said, "content": {**outcome, **said["content"]}}
        return dict(sorted(found.items()))


def taken_by(handler: Callable[..., Answer], route: Route) -> _Taken:
    """What a handler takes: as `HttpApp` binds its arguments."""
    method, path = route
    kinds = {
        name: parameter.annotation for name, parameter in inspect.signature(handler, eval_str=True).parameters.items()
    }
    models = [kind for name, kind in kinds.items() if kind not in _OURS and not (kind is str and f"{{{name}}}" in path)]
    assert len(models) <= 1
    model = models[0] if models else None
    is_body = method in {"POST", "PATCH"}
    return _Taken(
        frozenset(kind for kind in kinds.values() if kind in _OURS),
        query=None if is_body else model,
        body=model if is_body else None,
    )


def shown_by(route: Route, taken: _Taken) -> Shown:
    """What a route answers when all goes well.

    Raises:
        LookupError: that is described nowhere.
    """
    if route in SHOWN:
        return SHOWN[route]
    if taken.is_write:
        return Shown(dict.fromkeys((200, 201, 202), OperationView))
    if route[1].startswith((ROOT, _BY_CATALOGUE)):
        return Shown({})
    raise LookupError(f"{' '.join(route)} has no row in gateway.web.description.shown")


def _refusals(taken: _Taken) -> list[int]:
    found = {*problems.ALWAYS}
    if not taken.is_public or taken.body is not None:
        found.update(problems.BEHIND_TOKEN)
    if taken.has_body:
        found.update(problems.WITH_BODY)
    if Freshness in taken or Prefer in taken or taken.has_body:
        found.update(problems.OF_OFFICE)
    return sorted(found)


def _success(status: int, content: Schema | None, needed: Iterable[str], taken: _Taken) -> Schema:
    """`needed`: headers that stand there in any case."""
    headers = {*needed}
    if status == 200 and Freshness in taken:
        headers |= {"ETag", "Age", "RateLimit", "RateLimit-Policy"}
    if IdempotencyKey in taken:
        headers |= {"Idempotent-Replayed"}
    if status == 201:
        headers |= {"Location"}
    if Freshness in taken or Prefer in taken:
        headers |= {"Preference-Applied"}
    found: Schema = {"description": HTTPStatus(status).phrase}
    if headers:
        found["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"}
            if name not in needed
            else {"description": _HEADERS[name][0], "schema": _HEADERS[name][1], "required": True}
            for name in sorted(headers)
        }
    return {**found, "content": content} if content is not None else found


def _headers(method: str, taken: _Taken) -> list[Schema]:
    """The headers that a request may have."""
    wanted = {
        HEADER: IdempotencyKey in taken,
        "Prefer": Prefer in taken or Freshness in taken,
        PURPOSE: not taken.is_public,
        BEHIND: not taken.is_public,
        "Cache-Control": Freshness in taken,
        "If-None-Match": method == "GET",
    }
    return [_ASKED[name] for name, is_wanted in wanted.items() if is_wanted]


def _name(method: str, path: str) -> str:
    """`getPatientsId`, as the API's own definition in AWS has it."""
    return method.lower() + "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", path))
