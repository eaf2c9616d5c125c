"""What the stacks of a stage say of themselves in SSM parameters, for an operator's command."""

from __future__ import annotations

from typing import Any

from gateway.adapters.aws_errors import AwsError, unavailable


def published(client: Any, *, stage: str) -> dict[str, str]:
    """All that `stage` has published, by path: `data/tables/pace`; empty where there is no such stage.

    Raises: Unavailable.
    """
    root = f"/open-dental-gateway/{stage}/"
    try:
        pages = client.get_paginator("get_parameters_by_path").paginate(Path=root, Recursive=True)
        return {one["Name"].removeprefix(root): one["Value"] for page in pages for one in page["Parameters"]}
    except AwsError as error:
        raise unavailable("SSM") from error


def say(client: Any, *, stage: str, path: str, value: str) -> None:
    """Have `path` say another value from the next deployment on. Raises: Unavailable."""
    try:
        client.put_parameter(Name=f"/open-dental-gateway/{stage}/{path}", Value=value, Type="String", Overwrite=True)
    except AwsError as error:
        raise unavailable("SSM") from error
