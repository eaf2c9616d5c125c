"""An SFTP server of a user's own, as an operator writes it down."""

from __future__ import annotations

from typing import Any

DROP_SAID: dict[str, Any] = {
    "host": "sftp.example.com",
    "username": "open-dental",
    "secret_arn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:odg/sftp-AbCdEf",
    "bucket": "example-odg-drop",
    "prefix": "from-open-dental/",
    "folder": "in",
    "bucket_key_arn": "arn:aws:kms:us-east-1:111122223333:key/0a000000-0000-4000-8000-000000000001",
    "secret_key_arn": "arn:aws:kms:us-east-1:111122223333:key/0a000000-0000-4000-8000-000000000002",
}
