"""An error as JSON values and back: what the ledger keeps of a failed operation, and the journal of a failed call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.core.errors import AppError, Refused, StillRunning, Unavailable


def problem_of(error: AppError) -> dict[str, Any]:
    """The members of a problem document, without its HTTP side: `{code, detail, retryable, param?, upstream?, ...}`."""
    problem: dict[str, Any] = {"code": error.code, "detail": error.detail, "retryable": error.retryable}
    if error.param is not None:
        problem["param"] = error.param
    if error.upstream is not None:
        problem["upstream"] = error.upstream
    if isinstance(error, Unavailable):
        problem["retry_after"] = error.retry_after
    return {**problem, **error.more}


def error_of(problem: Mapping[str, Any]) -> AppError:
    """The error that `problem` came from; a code that nobody knows any more comes back as its nearest kind."""
    more = {name: value for name, value in problem.items() if name not in _OWN}
    cls = _by_code().get(str(problem.get("code")))
    if cls is None:
        cls = Unavailable if problem.get("retryable") else Refused
    if issubclass(cls, StillRunning):
        return StillRunning(str(problem.get("operation_id", "")))
    if issubclass(cls, Unavailable) and problem.get("retry_after") is not None:
        more["retry_after"] = float(problem["retry_after"])
    return cls(str(problem.get("detail", "")), param=problem.get("param"), upstream=problem.get("upstream"), **more)


_OWN = frozenset({"code", "detail", "retryable", "param", "upstream", "retry_after"})


def _by_code() -> dict[str, type[AppError]]:
    found: dict[str, type[AppError]] = {}
    for cls in _all(AppError):
        # A subclass without a code of its own shares its parent's word; the parent, found first, stands for it.
        found.setdefault(cls.code, cls)
    return found


def _all(cls: type[AppError]) -> Iterator[type[AppError]]:
    yield cls
    for sub in cls.__subclasses__():
        yield from _all(sub)
