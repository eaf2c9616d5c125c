"""Every error's way out: RFC 9457 problem details, from one table of class -> status, slug, title."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from math import ceil
from typing import Any, NamedTuple

from gateway.core import errors
from gateway.core.errors import AppError
from gateway.web.http import Answer

TYPE_PREFIX = "urn:open-dental-gateway:problem:"
"""Problem types are names, not addresses: each deployment lives under a host of its own."""

PROBLEM_JSON = "application/problem+json"


class RouteUnknown(errors.NotFound):
    """No such path here."""


class MethodNotAllowed(errors.Refused):
    """The path exists and does not take this method; `allow` lists those it takes."""

    code = "method-not-allowed"

    def __init__(self, allow: Iterable[str]) -> None:
        super().__init__("the path does not take this method")
        self.allow = ", ".join(sorted(allow))


class BodyNotJson(errors.Invalid):
    """The body cannot be read as one JSON object."""

    code = "body-not-json"


class BodyTooLarge(errors.Refused):
    """The body is longer than `limit_bytes`."""

    code = "too-large"


class MediaTypeUnsupported(errors.Refused):
    """The body is something else than JSON."""

    code = "unsupported-media-type"


class IdempotencyKeyMissing(errors.Invalid):
    """A write came without the key that makes it safe to repeat."""

    code = "idempotency-key-missing"


class Problem(NamedTuple):
    """How a class of errors is answered."""

    status: HTTPStatus
    slug: str
    title: str


PROBLEMS: dict[type[AppError], Problem] = {
    AppError: Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something went wrong here"),
    errors.Refused: Problem(HTTPStatus.BAD_REQUEST, "refused", "This cannot succeed as sent"),
    errors.Unauthenticated: Problem(HTTPStatus.UNAUTHORIZED, "unauthenticated", "Who is asking is not known"),
    errors.NotFound: Problem(HTTPStatus.NOT_FOUND, "not-found", "No such record"),
    RouteUnknown: Problem(HTTPStatus.NOT_FOUND, "not-found", "No such path"),
    MethodNotAllowed: Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", "The path takes other methods"),
    errors.Invalid: Problem(HTTPStatus.BAD_REQUEST, "invalid", "A field cannot be used as sent"),
    BodyNotJson: Problem(HTTPStatus.BAD_REQUEST, "body-not-json", "The body is not one JSON object"),
    BodyTooLarge: Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The body is too long"),
    MediaTypeUnsupported: Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Bodies are JSON"),
    IdempotencyKeyMissing: Problem(HTTPStatus.BAD_REQUEST, "idempotency-key-missing", "Writes need a key"),
    errors.FilterTooWide: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "filter-too-wide", "The request is too wide to answer"
    ),
    errors.UseNormalized: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "use-normalized", "This has a path of its own, with its checks"
    ),
    errors.KeyReused: Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", "This key belongs to another request"),
    errors.NotAllowed: Problem(HTTPStatus.FORBIDDEN, "not-allowed", "This is not allowed"),
    errors.ScopeMissing: Problem(HTTPStatus.FORBIDDEN, "scope-missing", "The client lacks a scope"),
    errors.PermissionMissing: Problem(
        HTTPStatus.FORBIDDEN, "permission-missing", "The practice's key lacks a permission"
    ),
    errors.OperationClosed: Problem(HTTPStatus.FORBIDDEN, "operation-closed", "This operation is open to nobody"),
    errors.BaaMissing: Problem(HTTPStatus.FORBIDDEN, "baa-missing", "No current agreement covers this practice"),
    errors.PracticeNotEnrolled: Problem(
        HTTPStatus.FORBIDDEN, "practice-not-enrolled", "The practice is not connected here"
    ),
    errors.NoGroup: Problem(HTTPStatus.FORBIDDEN, "no-group", "The practice shares patients with no other of yours"),
    errors.AgreementNotCurrent: Problem(
        HTTPStatus.FORBIDDEN, "agreement-not-current", "The group's agreement does not cover today"
    ),
    errors.Conflict: Problem(HTTPStatus.CONFLICT, "conflict", "The practice's data do not allow this now"),
    errors.PossibleDuplicate: Problem(HTTPStatus.CONFLICT, "possible-duplicate", "Somebody alike is there already"),
    errors.Clash: Problem(HTTPStatus.CONFLICT, "clash", "The time is taken"),
    errors.OutsideSchedule: Problem(HTTPStatus.CONFLICT, "outside-schedule", "Nobody is scheduled there then"),
    errors.VersionTooOld: Problem(HTTPStatus.CONFLICT, "version-too-old", "The practice runs an older Open Dental"),
    errors.KeyNotUsable: Problem(HTTPStatus.CONFLICT, "key-refused", "Open Dental refuses the practice's key"),
    errors.NoPracticeAnswers: Problem(
        HTTPStatus.CONFLICT, "no-practice-answers", "None of these practices can answer this"
    ),
    errors.UpstreamRefused: Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "upstream-invalid", "Open Dental says no"),
    errors.PartlyDone: Problem(HTTPStatus.CONFLICT, "partly-done", "Some steps stand, one does not"),
    errors.Unavailable: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Try again later"),
    # A caller does the same about it.
    errors.VaultUnavailable: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Try again later"),
    errors.Throttled: Problem(HTTPStatus.TOO_MANY_REQUESTS, "throttled", "Too many requests for now"),
    # `throttled` is a pause that Open Dental or the whole deployment asks for, whoever is to blame; this one the caller
    # has brought about alone, and asking less keeps it away.
    errors.RateLimited: Problem(
        HTTPStatus.TOO_MANY_REQUESTS, "rate-limited", "This client asks more often than it may"
    ),
    errors.PracticeOffline: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "practice-offline", "The practice does not answer"),
    errors.CallsStopped: Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "calls-stopped", "An operator has stopped all calls of the practice"
    ),
    errors.QueueFull: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "queue-full", "Too many requests wait already"),
    errors.NotWritten: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-written", "The write did not reach the practice"),
    errors.AuditUnavailable: Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "audit-unavailable", "The audit log does not answer"
    ),
    errors.NoPracticeAnswersYet: Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "no-practice-answers-yet", "None of these practices can answer this yet"
    ),
    # RFC 9111, section 5.2.1.7.
    errors.NotKept: Problem(HTTPStatus.GATEWAY_TIMEOUT, "not-cached", "No copy of this is at hand"),
    errors.UpstreamBroken: Problem(HTTPStatus.BAD_GATEWAY, "upstream-broken", "Open Dental's answer is unusable"),
    errors.UpstreamTimedOut: Problem(HTTPStatus.GATEWAY_TIMEOUT, "upstream-timeout", "Open Dental did not finish"),
    errors.Unreachable: Problem(HTTPStatus.BAD_GATEWAY, "unreachable", "Nobody answers at this address"),
    errors.StillRunning: Problem(HTTPStatus.ACCEPTED, "still-running", "The operation goes on"),
}

_BY_SLUG = {problem.slug: problem for cls, problem in PROBLEMS.items() if cls is not RouteUnknown}
_INTERNAL = PROBLEMS[AppError]


def problem_for(cls: type[AppError]) -> Problem:
    """The row of `cls`, or of its nearest listed ancestor."""
    return next(PROBLEMS[ancestor] for ancestor in cls.__mro__ if ancestor in PROBLEMS)


def document(error: AppError) -> dict[str, Any]:
    """`error` as a problem document."""
    problem = problem_for(type(error))
    return _document(
        problem,
        # The class's own word where it has one: a subclass without a row keeps its code under its parent's status.
        code=error.code if problem is not _INTERNAL else problem.slug,
        detail=error.detail,
        retryable=error.retryable,
        param=error.param,
        upstream=error.upstream,
        more=error.more,
    )


def stored_document(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A problem as the ledger keeps it (`{code, detail, retryable, ...}`) as a problem document."""
    known = {"code", "detail", "retryable", "param", "upstream", "type", "title", "status"}
    code = str(stored.get("code", ""))
    return _document(
        _BY_SLUG.get(code, _INTERNAL),
        code=code or _INTERNAL.slug,
        detail=str(stored.get("detail", "")),
        retryable=bool(stored.get("retryable", False)),
        param=stored.get("param"),
        upstream=stored.get("upstream"),
        more={name: value for name, value in stored.items() if name not in known},
    )


def internal_document() -> dict[str, Any]:
    """What a bug answers: nothing of it."""
    return _document(_INTERNAL, code=_INTERNAL.slug, detail="the cause is in the log", retryable=True)


def answer(error: AppError) -> Answer:
    """The answer to a request that ended with `error`."""
    headers = {}
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(max(1, ceil(error.retry_after)))
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.allow
    return answer_of(document(error), headers)


def answer_of(body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """The answer that carries a problem document."""
    return Answer(
        status=body["status"],
        body=body,
        headers={"Cache-Control": "no-store", **(headers or {})},
        content_type=PROBLEM_JSON,
        code=body["code"],
    )


def _document(
    problem: Problem,
    *,
    code: str,
    detail: str,
    retryable: bool,
    param: str | None = None,
    upstream: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": problem.title,
        "status": int(problem.status),
        "code": code,
        "detail": detail,
    }
    if param is not None:
        body["param"] = param
    body["retryable"] = retryable
    if upstream is not None:
        body["upstream"] = dict(upstream)
    # What every problem has comes first, and is never overwritten by what one adds.
    return body | {name: value for name, value in (more or {}).items() if name not in body}
