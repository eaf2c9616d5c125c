"""DynamoDB's answers, read at a tenth of what botocore takes for it.

Its items are what their JSON says but for bytes, while botocore looks each value up among the ten kinds that there are:
half of what a page of rows costs.
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

from botocore.parsers import JSONParser, ResponseParserFactory

if TYPE_CHECKING:
    from botocore.model import Shape

READ: Final = frozenset({"GetItemOutput", "BatchGetItemOutput", "QueryOutput", "UpdateItemOutput"})
"""botocore's names of answers that have items in them and nothing else that JSON cannot say."""

_OK: Final = 200


class AnswersFactory(ResponseParserFactory):
    """A session's `response_parser_factory`, with another parser for JSON."""

    def __init__(self) -> None:
        """One parser for all answers: it keeps nothing of them."""
        super().__init__()
        self._answers = ItemAnswers()

    def create_parser(self, protocol_name: str) -> Any:
        """See `ResponseParserFactory.create_parser`."""
        return self._answers if protocol_name == "json" else super().create_parser(protocol_name)


class ItemAnswers(JSONParser):
    """Reads what is in `READ` by itself, and leaves errors and all others to botocore."""

    def parse(self, response: Any, shape: Shape) -> Any:
        """See `ResponseParser.parse`."""
        if response["status_code"] != _OK or shape is None or shape.name not in READ:
            return super().parse(response, shape)
        try:
            parsed = json.loads(response["body"], object_hook=_with_bytes)
        except ValueError:
            return super().parse(response, shape)
        headers = {name.lower(): value for name, value in response["headers"].items()}
        about = {"RequestId": headers.get("x-amzn-requestid"), "HTTPStatusCode": _OK, "HTTPHeaders": headers}
        return {**parsed, "ResponseMetadata": about}


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    # An attribute or a table may have these names; what lies under those is no text.
    if len(value) == 1:
        if type(raw := value.get("B")) is str:
            return {"B": b64decode(raw)}
        several = value.get("BS")
        if type(several) is list and several and type(several[0]) is str:
            return {"BS": [b64decode(one) for one in several]}
    return value
