"""Reading by Open Dental's FHIR side what the REST side holds too: the same rows, so the same objects.

A practice says `upstream`: `rest`, `fhir` (wherever FHIR has it), or `auto`: FHIR only for what the key has no REST
permission for. FHIR has no pages and few filters, so it costs one call for what REST needs many for, and every filter
is applied here as always; it lacks much of what the rows hold, which the objects then leave out.

Source: https://www.opendental.com/site/fhirspecification.html.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeAlias

from gateway.core.errors import NotFound
from gateway.core.plans import Row, UpstreamAnswer, UpstreamCall
from gateway.core.practices import Mode, Practice
from open_dental import catalogue, fhir

OPERATION = "fhir."
"""Begins the operation of a call that goes to the FHIR side: `fhir.patient`."""

Steps: TypeAlias = Generator[UpstreamCall, UpstreamAnswer, list[Row]]


def reads_by_fhir(practice: Practice, resource: str) -> bool:
    """Whether rows of `resource` are read by FHIR at this practice. Only the vendor's hosts speak it."""
    if practice.upstream == "rest" or practice.mode is not Mode.REMOTE or resource not in fhir.TYPES:
        return False
    if practice.upstream == "fhir":
        return True
    # What is not known about a key is not held against it.
    return bool(practice.permissions) and _permission(resource) not in practice.permissions


def collect(resource: str, query: Mapping[str, Any]) -> Steps:
    """Every row that FHIR has for the list `query`, by the filters that it knows: one call a resource type."""
    of_type = fhir.TYPES[resource]
    found: list[Row] = []
    for name in of_type.names:
        answer = yield UpstreamCall(f"{OPERATION}{name}", query=of_type.query(query))
        found.extend(fhir.rows(resource, answer.rows))
    return found


def get(resource: str, number: int) -> Steps:
    """The one row of a key.

    Raises:
        NotFound: no resource type of these has it.
    """
    for name in fhir.TYPES[resource].names:
        try:
            answer = yield UpstreamCall(f"{OPERATION}{name}", path={"id": number})
        except NotFound:
            continue
        if found := fhir.rows(resource, answer.rows):
            return [*found]
    raise NotFound("no such record")


def _permission(resource: str) -> str:
    lists = (one for one in catalogue.resource(resource).operations if one.effect == "read")
    return next(lists).permission
