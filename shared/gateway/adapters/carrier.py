"""Text messages by Amazon SNS, e-mail by Amazon SES. Each call is made once: a second one would be a second message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from gateway.core.engagement.ports import Carried, Letter

_TRANSACTIONAL: Final = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}


class AwsCarrier:
    """Fills `core.engagement.ports.Carrier`. The clients must not try anything again by themselves.

    `email_from`: an address or domain that SES knows as the account's own; without one e-mails fail.
    """

    def __init__(self, *, sns: Callable[[], Any], ses: Callable[[], Any], email_from: str | None) -> None:
        self._sns, self._ses, self._email_from = sns, ses, email_from

    def text(self, letter: Letter) -> Carried:
        """See `Carrier.text`."""
        return _carried(
            lambda: self._sns().publish(PhoneNumber=letter.to, Message=letter.text, MessageAttributes=_TRANSACTIONAL)
        )

    def email(self, letter: Letter) -> Carried:
        """See `Carrier.email`."""
        if self._email_from is None:
            return Carried(is_sent=False)
        content = {
            "Simple": {
                "Subject": {"Data": letter.subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": letter.text, "Charset": "UTF-8"}},
            }
        }
        return _carried(
            lambda: self._ses().send_email(
                FromEmailAddress=self._email_from, Destination={"ToAddresses": [letter.to]}, Content=content
            )
        )


def _carried(call: Callable[[], Any]) -> Carried:
    try:
        return Carried(is_sent=True, provider_message_id=call()["MessageId"])
    except (ConnectTimeoutError, EndpointConnectionError):
        return Carried(is_sent=False)
    except ClientError as error:
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return Carried(is_sent=False, is_certain=400 <= status < 500)
    except BotoCoreError:
        return Carried(is_sent=False, is_certain=False)
