"""botocore's descriptions of AWS's services, found without a look into each of its 400 folders."""

from __future__ import annotations

from botocore.loaders import Loader

SERVICES = ("dynamodb", "events", "lambda", "s3", "secretsmanager", "sesv2", "sns", "sqs", "stepfunctions")
"""What the gateway talks to."""


class ServiceData(Loader):
    """Knows beforehand which services there are.

    The loader otherwise lists every service's folders, twice, only to word an error: 4,000 looks at the file system,
    a twentieth of a cold start.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - the same for every type
        """See `Loader.list_available_services`."""
        return list(SERVICES)
