"""The HTTP app: finds the handler of a request, binds its arguments by their types, and lets every error out as a
problem.

It is ours because it is small: API Gateway has matched the route already, and Powertools' resolver would spend
135 ms of each cold start on matching it again (measured, 2 cores; with its validation 245 ms).
"""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote

from gateway.core.access import caller_of, count_request
from gateway.core.audit import answers as trail
from gateway.core.callers import Caller
from gateway.core.errors import AppError, AuditUnavailable, StillRunning, Unauthenticated
from gateway.core.json_text import to_json
from gateway.core.notes import fhir_without_notes, may_see_notes, without_notes
from gateway.core.ports import Services
from gateway.core.requests import Freshness
from gateway.web import logging, problems, snapshot
from gateway.web.answers import operation_answer, tag_of
from gateway.web.conditional import matched
from gateway.web.correlation import HEADER
from gateway.web.freshness import freshness_of
from gateway.web.http import Answer, HttpRequest, request_of
from gateway.web.idempotency import IdempotencyKey, idempotency_key_of
from gateway.web.on_behalf_of import known_on_behalf_of, on_behalf_of
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
from gateway.web.purpose import known_purpose_of, purpose_of

Handler: TypeAlias = Callable[..., Answer]
AnyHandler = TypeVar("AnyHandler", bound=Handler)
Binder: TypeAlias = Callable[[HttpRequest], Any]
ErrorForm: TypeAlias = Callable[[Answer], Answer]
LambdaHandler: TypeAlias = Callable[[Mapping[str, Any], object], dict[str, Any]]


@dataclass(slots=True)
class _Route:
    handler: Handler
    is_read: bool
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
        return partial(self._add, "GET", path, is_read=True)

    def post(self, path: str, *, is_read: bool = False) -> Callable[[AnyHandler], AnyHandler]:
        """Answer POST of `path` with the decorated function. `is_read`: it changes nothing, its body is a question."""
        return partial(self._add, "POST", path, is_read=is_read)

    def patch(self, path: str) -> Callable[[AnyHandler], AnyHandler]:
        """Answer PATCH of `path` with the decorated function."""
        return partial(self._add, "PATCH", path)

    def delete(self, path: str) -> Callable[[AnyHandler], AnyHandler]:
        """Answer DELETE of `path` with the decorated function."""
        return partial(self._add, "DELETE", path)

    def routes(self) -> Iterator[tuple[str, str, Handler]]:
        """Method, path and handler of each route."""
        for path, methods in self._routes.items():
            for method, route in methods.items():
                yield method, path, route.handler

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
        answer, text = self._audited(_told_to_caches(answer), request, route)
        answer = matched(answer, request)
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
        return _event_of(answer, request, text)

    def _add(self, method: str, path: str, handler: AnyHandler, *, is_read: bool = False) -> AnyHandler:
        self._routes.setdefault(path, {})[method] = _Route(handler, is_read)
        return handler

    def _audited(self, answer: Answer, request: HttpRequest, route: str) -> tuple[Answer, str]:
        """The answer with its body as text, when the trail has it; else that there is no trail, and nothing of it.

        What confirms what a caller holds (304, HEAD) counts as what it confirms.
        """
        text = _written(answer)
        if request.client_id is None or answer.status == HTTPStatus.UNAUTHORIZED:
            return answer, text
        shown = trail.Shown(
            status=answer.status,
            text=text,
            code=answer.code,
            served_from=answer.served_from,
            operation_id=answer.operation_id,
            practices=answer.practices or ((answer.practice_id,) if answer.practice_id else ()),
            patient_ids=answer.patient_ids,
            asked=trail.patients_named(_text_of(request)),
        )
        try:
            on = self.services()
            on.audit.note(*trail.entries(shown, _about(request, request.client_id, route, on)))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing leaves that is not in the trail
            if not isinstance(error, AppError):
                logging.logger.error("a bug kept an answer from the trail", extra=logging.location_of(error))
            gone = _told_to_caches(self.errors(problems.answer(_unaudited(error))))
            return gone, to_json(gone.body)
        return answer, text

    def _note_intent(self, request: HttpRequest, client_id: str) -> None:
        """Have it in the trail that somebody is about to change something. Raises: AuditUnavailable: nothing may be."""
        on = self.services()
        try:
            on.audit.note(*trail.intents(_about(request, client_id, request.route, on)))
        except AppError as error:
            raise _unaudited(error) from error

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
        if not route.is_read and request.callers:
            self._note_intent(request, request.callers[0].id)
        answer = route.handler(**arguments)
        caller = next((one for one in arguments.values() if isinstance(one, Caller)), None)
        return answer if caller is None or may_see_notes(caller) else _without_notes(answer, request)

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
        caller = caller_of(request.client_id, on=on, of_run=request.of_run)
        request.callers.append(caller)
        if not count_request(caller, on=on):
            logging.logger.warning("a request could not be counted", extra={"client_id": caller.id})
        purpose_of(request)
        on_behalf_of(request)
        return replace(caller, correlation_id=request.correlation_id)

    def _running(self, error: StillRunning) -> Answer:
        on = self.services()
        try:
            answer = operation_answer(on.operations.get(error.operation_id), now=on.clock.now())
        except AppError as gone:
            return problems.answer(gone)
        # It may be over by now, and what it brought gone from the cache: who asks again gets it.
        headers = {"Retry-After": "1", **answer.headers, "Location": f"/operations/{error.operation_id}"}
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


def _without_notes(answer: Answer, request: HttpRequest) -> Answer:
    """The answer as clients see it that have no scope for notes; it has a tag of its own."""
    if not isinstance(answer.body, Mapping):
        return answer
    is_fhir = "resourceType" in answer.body
    is_raw = request.route.startswith("/resources/")
    resource = request.path_params.get("resource") if is_raw else None
    body = fhir_without_notes(answer.body) if is_fhir else without_notes(answer.body, resource=resource)
    # The tag is of what is left: by one of the whole a guess at a note could be proven.
    return replace(answer, body=body, etag=None if answer.etag is None else f"{tag_of(body)}-n")


def _told_to_caches(answer: Answer) -> Answer:
    """The answer with what a cache must know (RFC 9111): nobody else's, and another one for another token.

    Nothing of a practice is for a shared cache; what says nothing of itself is shown again only after asking.
    """
    headers = {"Cache-Control": "private, no-cache", **answer.headers}
    if "no-store" not in headers["Cache-Control"]:
        headers["Vary"] = "Authorization"
    return replace(answer, headers=headers)


def _written(answer: Answer) -> str:
    """The body as it leaves: JSON, but for what is a text of another kind."""
    if isinstance(answer.body, str) and answer.content_type.startswith("text/"):
        return answer.body
    return "" if answer.body is None else to_json(answer.body)


def _about(request: HttpRequest, client_id: str, route: str, on: Services) -> trail.Asked:
    """What every entry of a request has."""
    method = request.method if request.method in _METHODS else "?"
    return trail.Asked(
        client_id=client_id,
        own=request.callers[0].client.practices if request.callers else frozenset(),
        named=trail.practices_in(_text_of(request)),
        action=f"{method} {route}",
        request_id=request.request_id,
        purpose=known_purpose_of(request),
        at=on.clock.now(),
        correlation_id=request.correlation_id or None,
        source_ip=request.source_ip or None,
        on_behalf_of=known_on_behalf_of(request),
    )


_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def _text_of(request: HttpRequest) -> str:
    """Where a request may name practices, themselves or by something of theirs."""
    body = (request.body or b"").decode(errors="replace")
    values = (value for given in request.query.values() for value in given)
    # However a body spells an id: JSON can escape each letter, and a form.
    spelled = unquote(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), body))
    return "\n".join([*request.path_params.values(), *values, body, *([spelled] if spelled != body else [])])


def _unaudited(error: Exception) -> AuditUnavailable:
    if isinstance(error, AuditUnavailable):
        return error
    return AuditUnavailable("the audit log did not answer", retry_after=2.0)


def _event_of(answer: Answer, request: HttpRequest, text: str) -> dict[str, Any]:
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
        "body": "" if silent else text,
        "isBase64Encoded": False,
    }
