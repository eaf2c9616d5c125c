"""Which operation a request is, and that every operation is one request and no other."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.core.errors import NotFound
from gateway.core.resources.routes import called, our_method, our_path
from open_dental.catalogue import resource, resources

ALL = [one for name in resources() for one in resource(name).operations]


def test_no_two_operations_are_the_same_request() -> None:
    counted = Counter((our_method(one), our_path(one).replace("{", "").replace("}", "")) for one in ALL)

    assert [request for request, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("one", ALL, ids=[one.id for one in ALL])
def test_its_own_path_leads_to_the_operation(one) -> None:  # type: ignore[no-untyped-def]
    path = our_path(one)
    for number, name in enumerate(one.path_params):
        path = path.replace(f"{{{name}}}", str(number - 2**63))
    found = called(our_method(one), *path.split("/")[2:])

    assert found.operation is one
    assert list(found.path.items()) == [(name, number - 2**63) for number, name in enumerate(one.path_params)]


def test_a_word_is_an_action_and_a_number_is_a_key() -> None:
    assert called("GET", "appointments", "ASAP").operation.id == "appointments.ASAP"
    assert called("GET", "appointments", "34").operation.id == "appointments.get"
    assert called("PATCH", "appointments", "34", "Confirm").operation.id == "appointments.Confirm"


@pytest.mark.parametrize(
    ("method", "segments", "param", "says"),
    [
        ("GET", ("recall",), "resource", 'did you mean "recalls"'),
        ("GET", ("../versions",), "resource", "no such resource"),
        ("GET", ("appointments", "asap"), "key", 'did you mean "ASAP"'),
        ("GET", ("appointments", "34th"), "key", "known are ASAP"),
        ("GET", ("appointments", str(2**63)), None, "no such path"),
        ("GET", ("appointments", "٣"), "key", "no such action"),
        ("PATCH", ("appointments", "34", "Brake"), "action", 'did you mean "Break"'),
        ("DELETE", ("appointments", "34"), None, "it has GET, PATCH"),
        ("PUT", ("appointments", "34"), None, "it has GET, PATCH"),
        ("GET", ("preferences", "1"), None, "no such path"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(
    method: str, segments: tuple[str, ...], param: str | None, says: str
) -> None:
    with pytest.raises(NotFound) as caught:
        called(method, *segments)

    assert caught.value.param == param
    assert says in caught.value.detail
