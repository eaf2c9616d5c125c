"""What AWS asks of a role beyond the calls that its function makes.

The permissions of a role are the calls of its row in `catalogue.py` and what this file adds to them, nothing else;
a test compares the sum with the template.
"""

from __future__ import annotations

from collections.abc import Iterable

SERVICES = {"dynamodb", "sqs", "s3", "secretsmanager", "sns"}
"""The services whose encrypted resources a function touches; its use of the key is tied to them (kms:ViaService)."""

_UNSEAL = ("kms:Decrypt",)
_SEAL = ("kms:Decrypt", "kms:GenerateDataKey")
# DynamoDB asks for these in the caller's name when the table is encrypted with a key of our own.
_TABLE = ("kms:Decrypt", "kms:DescribeKey")
_TABLE_WRITE = (*_TABLE, "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")

KEY_USE: dict[str, tuple[str, ...]] = {
    "dynamodb:GetItem": _TABLE,
    "dynamodb:Query": _TABLE,
    "dynamodb:BatchGetItem": _TABLE,
    "dynamodb:ConditionCheckItem": _TABLE,
    "dynamodb:PutItem": _TABLE_WRITE,
    "dynamodb:UpdateItem": _TABLE_WRITE,
    "dynamodb:DeleteItem": _TABLE_WRITE,
    "dynamodb:BatchWriteItem": _TABLE_WRITE,
    "sqs:SendMessage": _SEAL,
    "sqs:ReceiveMessage": _UNSEAL,
    "sqs:DeleteMessage": (),
    "sqs:GetQueueAttributes": (),
    "sqs:ChangeMessageVisibility": (),
    "s3:GetObject": _UNSEAL,
    "s3:PutObject": _SEAL,
    "s3:ListBucket": (),
    "s3:DeleteObject": (),
    "secretsmanager:GetSecretValue": _UNSEAL,
    "secretsmanager:CreateSecret": _SEAL,
    "secretsmanager:PutSecretValue": _SEAL,
    "secretsmanager:UpdateSecretVersionStage": (),
    "secretsmanager:DeleteSecret": (),
    "sns:Publish": _SEAL,
    "dynamodb:DescribeStream": _UNSEAL,
    "dynamodb:GetRecords": _UNSEAL,
    "dynamodb:GetShardIterator": _UNSEAL,
    # Machines keep ids, words and times, under a key of AWS's own.
    "states:StartExecution": (),
    "states:StopExecution": (),
    "lambda:InvokeFunction": (),
    # EventBridge seals an event under its own name, by the key's policy.
    "events:PutEvents": (),
}
"""For each call on an encrypted resource, what its caller must be allowed to do with the key."""

POLLING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""Lambda reads a queue under the role of the function it feeds."""

FOLLOWING = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
"""Lambda reads a table's stream under the role of the function it feeds."""

FINDING_STREAMS = ("dynamodb:ListStreams",)
"""And looks for the stream, which IAM ties to no resource."""

SETTING_ASIDE = ("s3:PutObject", "s3:ListBucket")
"""Lambda puts records of a stream that failed for good into a bucket, under the function's role."""

LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")
"""Every function writes its own log group, and no other."""

DEAD_LETTERING = ("sns:Publish",)
"""Lambda hands an event that failed for good to the failed-events topic under the function's role."""

LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
"""Step Functions has its log written by a delivery that it makes under the machine's role, on no resource of its own.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

ATTACHING = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
"""Lambda puts a function into a VPC under the function's role; the function's own code is denied them again."""


def key_use(actions: Iterable[str]) -> tuple[str, ...]:
    """Return what a caller of `actions` must be allowed to do with the key that encrypts their resource.

    Raises:
        KeyError: an action is not in `KEY_USE`; add it there, with nothing if it needs no key.
    """
    return tuple(sorted({needed for action in actions for needed in KEY_USE[action]}))
