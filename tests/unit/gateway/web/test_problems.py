"""Every error has a way out, and one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core import errors
from gateway.core.errors import AppError, StillRunning, Unavailable
from gateway.web import app as _app  # noqa: F401 - every module of the edge is loaded, so every class is there
from gateway.web import problems
from gateway.web.problems import PROBLEMS, MethodNotAllowed, document, stored_document


def classes(base: type[AppError] = AppError) -> Iterator[type[AppError]]:
    yield base
    for child in base.__subclasses__():
        if child.__module__.startswith("gateway."):
            yield from classes(child)


def made(cls: type[AppError]) -> AppError:
    if cls is MethodNotAllowed:
        return MethodNotAllowed({"GET"})
    if cls is StillRunning:
        return StillRunning("opn_1")
    return cls("what happened", param="note", upstream={"status": 400, "message": "no"}, tier="30 USD")


@pytest.mark.parametrize("cls", list(classes()))
def test_every_class_of_error_has_a_row_of_its_own(cls: type[AppError]) -> None:
    assert cls in PROBLEMS


@pytest.mark.parametrize("cls", [cls for cls in classes() if cls is not AppError])
def test_the_word_of_a_class_is_the_word_of_its_problem(cls: type[AppError]) -> None:
    assert PROBLEMS[cls].slug == cls.code


@pytest.mark.parametrize("cls", list(classes()))
def test_every_error_makes_a_whole_document(cls: type[AppError]) -> None:
    answer = problems.answer(made(cls))

    assert {"type", "title", "status", "code", "detail", "retryable"} <= set(answer.body)
    assert answer.body["type"] == f"urn:open-dental-gateway:problem:{answer.body['code']}"
    assert answer.content_type == "application/problem+json"
    assert ("Retry-After" in answer.headers) == issubclass(cls, Unavailable)
    assert answer.code == answer.body["code"]


def test_a_problem_says_first_what_every_problem_says() -> None:
    error = errors.Clash("taken", param="start_at", upstream={"status": 400}, alternatives=[1])

    assert list(document(error)) == [
        "type", "title", "status", "code", "detail", "param", "retryable", "upstream", "alternatives",
    ]  # fmt: skip
    assert list(stored_document(dict(reversed(document(error).items())))) == list(document(error))


def test_what_an_error_adds_never_hides_what_every_problem_has() -> None:
    error = errors.Clash("taken", alternatives=[1], status="seated", code="mine")

    assert document(error) | {"title": ""} == {
        "type": "urn:open-dental-gateway:problem:clash",
        "title": "",
        "status": 409,
        "code": "clash",
        "detail": "taken",
        "retryable": False,
        "alternatives": [1],
    }


@pytest.mark.parametrize("cls", [cls for cls in classes(errors.AppError) if cls.__module__ == errors.__name__])
def test_a_stored_problem_is_the_same_document(cls: type[AppError]) -> None:
    error = made(cls)
    stored: dict[str, Any] = {
        "code": error.code,
        "detail": error.detail,
        "retryable": error.retryable,
        "param": error.param,
        "upstream": error.upstream,
        **error.more,
    }
    if cls is AppError:
        stored["code"] = "internal"

    assert stored_document(stored) == document(error)
