"""The HTTP app: finds the handler of a request, binds its arguments by their types, and lets every error out as a
problem.

It is ours because it is small: API Gateway has matched the route already, and Powertools' resolver would spend
135 ms of each cold start on matching it again (measured, 2 cores; with its validation 245 ms).
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

from gateway.core.access import caller_of, count_request
from gateway.core.callers import Caller
from gateway.core.errors import AppError, StillRunning, Unauthenticated
from gateway.core.json_text import to_json
from gateway.core.ports import Services
from gateway.core.requests import Freshness
from gateway.web import logging, problems, snapshot
from gateway.web.answers import operation_answer
from gateway.web.conditional import matched
from gateway.web.correlation import HEADER
from gateway.web.freshness import freshness_of
from gateway.web.http import Answer, HttpRequest, request_of
from gateway.web.idempotency import IdempotencyKey, idempotency_key_of
from gateway.web.params import (
    AnyBody,
    AnyQuery,
    Form,
    any_body,
    any_query,
    body_model,
    form_of,
    no_query,
    query_model,
)
from gateway.web.prefer import WRITE_WAIT_S, Prefer, prefer_of

Handler: TypeAlias = Callable[..., Answer]
AnyHandler = TypeVar("AnyHandler", bound=Handler)
Binder: TypeAlias = Callable[[HttpRequest], Any]
ErrorForm: TypeAlias = Callable[[Answer], Answer]
LambdaHandler: TypeAlias = Callable[[Mapping[str, Any], object], dict[str, Any]]


@dataclass(slots=True)
class _Route:
    handler: Handler
    binders: dict[str, Binder] | None = None
    takes_query: bool = False


@dataclass(slots=True)
class HttpApp:
    """Routes of one function. Calling it with an event and a context answers the event.

    `errors` gives another form to the answers that this makes of errors, problems and 202 alike.
    """

    services: Callable[[], Services]
    errors: ErrorForm = lambda answer: answer
    _routes: dict[str, dict[str, _Route]] = field(default_factory=dict)

    def get(self, path: str) -> Callable[[AnyHandler], AnyHandler]:
        """Answer GET and HEAD of `path` with the decorated function."""
        return partial(self._add, "GET", path)

    def post(self, path: str) -> Callable[[AnyHandler], AnyHandler]:
        """Answer POST of `path` with the decorated function."""
        return partial(self._add, "POST", path)

    def patch(self, path: str) -> Callable[[AnyHandler], AnyHandler]:
        """Answer PATCH of `path` with the decorated function."""
        return partial(self._add, "PATCH", path)

    def delete(self, path: str) -> Callable[[AnyHandler], AnyHandler]:
        """Answer DELETE of `path` with the decorated function."""
        return partial(self._add, "DELETE", path)

    def __call__(self, event: Mapping[str, Any], context: object) -> dict[str, Any]:
        """Answer one API Gateway event; never raises."""
        started = time.perf_counter()
        request = request_of(event, context)
        route = "?"
        try:
            route, methods = self._find(request)
            answer = self._answer(methods, request)
        except StillRunning as error:
            answer = self.errors(self._running(error))
        except AppError as error:
            answer = self.errors(problems.answer(error))
        except Exception as error:  # noqa: BLE001 - the last way out: a bug is answered as a problem, too
            logging.logger.error("a bug ended the request", extra=logging.location_of(error))
            answer = self.errors(problems.answer_of(problems.internal_document()))
        if request.applied and answer.status < 400:
            answer = replace(answer, headers={**answer.headers, "Preference-Applied": ", ".join(request.applied)})
        answer = matched(_told_to_caches(answer), request)
        logging.logger.info(
            "answered",
            extra={
                "request_id": request.request_id,
                "correlation_id": request.correlation_id,
                "method": request.method if request.method in _METHODS else "?",
                "route": route,
                "status": answer.status,
                "code": answer.code,
                "client_id": request.client_id,
                "practice_id": answer.practice_id,
                "operation_id": answer.operation_id,
                "duration_ms": round((time.perf_counter() - started) * 1000),
            },
        )
        return _event_of(answer, request)

    def _add(self, method: str, path: str, handler: AnyHandler) -> AnyHandler:
        self._routes.setdefault(path, {})[method] = _Route(handler)
        return handler

    def _find(self, request: HttpRequest) -> tuple[str, dict[str, _Route]]:
        # Only what the gateway matched counts: a path may carry a base path of the user's own domain.
        methods = self._routes.get(request.route)
        if methods is None:
            raise problems.RouteUnknown("there is no such path")
        return request.route, methods

    def _answer(self, methods: dict[str, _Route], request: HttpRequest) -> Answer:
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            raise problems.MethodNotAllowed({*methods, "HEAD"} if "GET" in methods else methods)
        if route.binders is None:
            self._bind(route, request)
        assert route.binders is not None
        arguments = {name: bind(request) for name, bind in route.binders.items()}
        if not route.takes_query:
            no_query(request)
        return route.handler(**arguments)

    def _bind(self, route: _Route, request: HttpRequest) -> None:
        """Find out how each argument is made. Who asks comes first: a stranger learns nothing from a 400."""
        parameters = inspect.signature(route.handler, eval_str=True).parameters
        made = {name: self._binder(name, parameter.annotation, request) for name, parameter in parameters.items()}
        route.takes_query = any(
            bind in (any_query, form_of) or (isinstance(bind, partial) and bind.func is query_model)
            for bind in made.values()
        )
        route.binders = dict(sorted(made.items(), key=lambda item: item[1] != self._caller))

    def _binder(self, name: str, kind: Any, request: HttpRequest) -> Binder:
        by_type: dict[Any, Binder] = {
            Caller: self._caller,
            HttpRequest: lambda request: request,
            Form: form_of,
            Freshness: freshness_of,
            Prefer: partial(prefer_of, default_s=WRITE_WAIT_S),
            IdempotencyKey: idempotency_key_of,
            AnyQuery: any_query,
            AnyBody: any_body,
        }
        if kind in by_type:
            return by_type[kind]
        if kind is str and f"{{{name}}}" in request.route:
            return partial(_path_param, name=name)
        if request.method in {"POST", "PATCH"} and kind is not str:
            return partial(body_model, model=kind)
        if hasattr(kind, "model_fields"):
            return partial(query_model, model=kind)
        raise TypeError(f"nothing binds the argument {name}")

    def _caller(self, request: HttpRequest) -> Caller:
        if request.client_id is None:
            raise Unauthenticated("the request carries no access token")
        on = self.services()
        caller = caller_of(request.client_id, on=on)
        if not count_request(caller, on=on):
            logging.logger.warning("a request could not be counted", extra={"client_id": caller.id})
        return replace(caller, correlation_id=request.correlation_id)

    def _running(self, error: StillRunning) -> Answer:
        on = self.services()
        try:
            answer = operation_answer(on.operations.get(error.operation_id), now=on.clock.now())
        except AppError as gone:
            return problems.answer(gone)
        headers = {**answer.headers, "Location": f"/operations/{error.operation_id}"}
        return replace(answer, status=202, headers=headers, etag=None)


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def http_app(services: Callable[[], Services], *, errors: ErrorForm = lambda answer: answer) -> HttpApp:
    """An app without routes. `services` is asked at each request, never at import. `errors`: see `HttpApp`."""
    return HttpApp(services, errors)


def entrypoint(app: HttpApp) -> LambdaHandler:
    """What Lambda calls. Where the function has SnapStart, its first request's modules go into the snapshot."""
    logging.configure()
    snapshot.prepare()
    return app.__call__


def _path_param(request: HttpRequest, *, name: str) -> str:
    return request.path_params.get(name, "")


def _told_to_caches(answer: Answer) -> Answer:
    """The answer with what a cache must know (RFC 9111): nobody else's, and another one for another token.

    Nothing of a practice is for a shared cache; what says nothing of itself is shown again only after asking.
    """
    headers = {"Cache-Control": "private, no-cache", **answer.headers}
    if "no-store" not in headers["Cache-Control"]:
        headers["Vary"] = "Authorization"
    return replace(answer, headers=headers)


def _event_of(answer: Answer, request: HttpRequest) -> dict[str, Any]:
    headers = {"Content-Type": answer.content_type, "X-Content-Type-Options": "nosniff", **answer.headers}
    headers[HEADER] = request.correlation_id
    if answer.status in {204, 304}:
        # There is nothing that it would be the type of.
        del headers["Content-Type"]
    for name in ("Location", "Content-Location"):
        if name in headers:
            headers[name] = request.reference_to(headers[name])
    silent = answer.body is None or request.method == "HEAD"
    return {
        "statusCode": answer.status,
        "headers": headers,
        "body": "" if silent else to_json(answer.body),
        "isBase64Encoded": False,
    }
