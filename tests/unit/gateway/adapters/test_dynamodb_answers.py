"""DynamoDB's answers as botocore reads them, whatever is in them."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.parsers import JSONParser
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.dynamodb_answers import READ, AnswersFactory, ItemAnswers
from gateway.adapters.service_data import ServiceData

MODEL = ServiceModel(ServiceData().load_service_model("dynamodb", "service-2"), "dynamodb")
# Attributes may have the names of kinds.
names = st.sampled_from(["pk", "body", "B", "BS", "S", "M"])
blobs = st.binary(max_size=9).map(lambda raw: b64encode(raw).decode())
values = st.recursive(
    st.one_of(
        st.builds(lambda one: {"S": one}, st.text(max_size=9)),
        st.builds(lambda one: {"N": str(one)}, st.integers()),
        st.builds(lambda one: {"B": one}, blobs),
        st.builds(lambda one: {"BS": one}, st.lists(blobs, min_size=1, max_size=3)),
        st.builds(lambda one: {"SS": one}, st.lists(st.text(max_size=3), min_size=1, max_size=3)),
        st.builds(lambda one: {"NS": one}, st.lists(st.integers().map(str), min_size=1, max_size=3)),
        st.builds(lambda one: {"BOOL": one}, st.booleans()),
        st.just({"NULL": True}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda one: {"L": one}, st.lists(inner, max_size=3)),
        st.builds(lambda one: {"M": one}, st.dictionaries(names, inner, max_size=3)),
    ),
    max_leaves=6,
)
items = st.dictionaries(names, values, max_size=3)
ANSWERS = {
    "GetItem": st.fixed_dictionaries({}, optional={"Item": items}),
    "Query": st.fixed_dictionaries(
        {"Items": st.lists(items, max_size=3), "Count": st.integers(0, 9), "ScannedCount": st.integers(0, 9)},
        optional={"LastEvaluatedKey": items},
    ),
    "BatchGetItem": st.fixed_dictionaries(
        {
            "Responses": st.dictionaries(names, st.lists(items, max_size=3), max_size=2),
            "UnprocessedKeys": st.dictionaries(
                names,
                st.fixed_dictionaries(
                    {"Keys": st.lists(items, min_size=1, max_size=2), "ConsistentRead": st.just(True)}
                ),
                max_size=1,
            ),
        }
    ),
    "UpdateItem": st.fixed_dictionaries({}, optional={"Attributes": items}),
}


def response(body: bytes, status: int = 200) -> dict[str, Any]:
    headers = {"x-amzn-RequestId": "r1", "Content-Type": "application/x-amz-json-1.0"}
    # As the SDK has them: looked up without regard to case.
    return {"body": body, "status_code": status, "headers": {name.lower(): value for name, value in headers.items()}}


@given(st.data())
def test_an_answer_with_items_is_read_as_botocore_reads_it(data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(sorted(ANSWERS)))
    shape: Any = MODEL.operation_model(operation).output_shape
    assert shape.name in READ
    told = response(json.dumps(data.draw(ANSWERS[operation])).encode())

    assert ItemAnswers().parse(told, shape) == JSONParser().parse(told, shape)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no"}'),
        (503, b"<html>busy</html>"),
        (500, b""),
        (200, b"<html>a proxy's</html>"),
    ],
)
def test_what_is_no_answer_with_items_is_left_to_botocore(status: int, body: bytes) -> None:
    shape: Any = MODEL.operation_model("GetItem").output_shape
    told = response(body, status)

    assert ItemAnswers().parse(told, shape) == JSONParser().parse(told, shape)


def test_only_answers_in_json_are_read_otherwise() -> None:
    factory = AnswersFactory()

    assert type(factory.create_parser("json")) is ItemAnswers
    assert "RestXML" in type(factory.create_parser("rest-xml")).__name__
    # A table's description has moments in it, which JSON has as numbers.
    assert "DescribeTableOutput" not in READ
