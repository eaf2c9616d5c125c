"""The ways out to patients: text messages by Amazon SNS, e-mail by Amazon SES. Nothing of either is made here."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from infra.parts.function import Function
from infra.stages import MessageSender


def let_send(function: Function, sender: MessageSender) -> None:
    """Tell the function how to send, and let it: to telephones, which are no resource, and as one address."""
    function.tell("SENDER_CLIENT", sender.client_id)
    if sender.hook is not None:
        function.tell("SENDER_HOOK", sender.hook)
        return
    # What has an ARN, topics and devices, stays shut.
    function.permissions.add_statements(iam.PolicyStatement(actions=["sns:Publish"], not_resources=["arn:*:sns:*:*:*"]))
    if sender.email_from is not None:
        function.tell("EMAIL_FROM", sender.email_from)
        identities = f"arn:{cdk.Aws.PARTITION}:ses:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}:identity/*"
        only_as = {"StringEquals": {"ses:FromAddress": sender.email_from}}
        function.allow(["ses:SendEmail"], on=[identities], sealed_with=None, only_if=only_as)
