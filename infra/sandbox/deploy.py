"""Deploy a synthesized CDK app through CloudFormation's own API, so that no CDK CLI and no npm package is needed."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.sandbox.processes import SandboxError
from infra.sandbox.synth import Asset, Stack

BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
"""CDK templates look at this parameter before anything else; 21 is a version they all accept."""

INSIDE = Path(__file__).parent / "inside"
"""What runs in functions' processes beside the gateway, where the sandbox is asked to look."""

Clients = Callable[[str], Any]


def zip_folder(folder: Path) -> bytes:
    """Return `folder` as a zip whose bytes depend on its content only.

    The 1980 stamps are the CLI's own: a layer's bytecode must therefore be of the `unchecked-hash` kind, here as there.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o755 << 16
            entry.compress_type = zipfile.ZIP_STORED
            archive.writestr(entry, file.read_bytes())
    return packed.getvalue()


def zip_pointer(layer: Path, *, calls: Path | None = None) -> bytes:
    """Return a layer that holds nothing but where `layer` lies; see "Layers" in `stand_ins.py`.

    Where `calls` is given, each function notes in that folder which calls of AWS it makes (`inside/aws_calls.py`).

    The emulator runs `.pth` files below `python/lib/*/site-packages`, as Lambda does. An `import` line may do more than
    add a folder at the end: it puts ours where the unpacked layer would be, before the runtime's packages.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("python/lib/sandbox/site-packages/layer.pth", (1980, 1, 1, 0, 0, 0))
        line = f"import sys; sys.path.insert(0, {str(layer.resolve() / 'python')!r})"
        if calls is not None:
            line += f"; sys.path.append({str(INSIDE)!r}); import aws_calls; aws_calls.record({str(calls.resolve())!r})"
        archive.writestr(entry, line + "\n")
    return packed.getvalue()


def bootstrap(clients: Clients, assets: Iterable[Asset]) -> None:
    """Put what `cdk bootstrap` would: the version parameter and the asset buckets."""
    clients("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value="21", Type="String", Overwrite=True)
    for bucket in {asset.bucket for asset in assets}:
        clients("s3").create_bucket(Bucket=bucket)


def upload(clients: Clients, stacks: Iterable[Stack], *, calls: Path | None = None) -> int:
    """Put every asset where its template looks for it, each once, and return how many there are.

    `calls`: see `zip_pointer`.
    """
    s3 = clients("s3")
    stacks = tuple(stacks)
    layers = {key for stack in stacks for key in _layer_keys(stack)}
    assets = {asset.key: asset for stack in stacks for asset in stack.assets}
    for asset in assets.values():
        if asset.key in layers:
            content = zip_pointer(asset.source, calls=calls)
        else:
            content = zip_folder(asset.source) if asset.zipped else asset.source.read_bytes()
        s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=content)
    return len(assets)


def _layer_keys(stack: Stack) -> set[str]:
    resources = stack.template["Resources"].values()
    return {
        resource["Properties"]["Content"]["S3Key"]
        for resource in resources
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    }


def deploy(clients: Clients, stack: Stack, *, bucket: str, within_s: float = 60.0) -> dict[str, str]:
    """Create or update one stack, wait for it, and return its outputs.

    Raises:
        SandboxError: it was refused or rolled back; the message lists each resource that failed, and why.
    """
    cloudformation, s3 = clients("cloudformation"), clients("s3")
    # TemplateBody stops at 51,200 characters, so the template goes through a bucket like everything else.
    key = f"templates/{stack.name}.json"
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(stack.template).encode())
    request = {
        "StackName": stack.name,
        "TemplateURL": f"https://s3.amazonaws.com/{bucket}/{key}",
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in stack.parameters.items()],
    }
    try:
        if _status(cloudformation, stack.name) is None:
            cloudformation.create_stack(**request, OnFailure="DO_NOTHING")
        else:
            cloudformation.update_stack(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "No updates are to be performed" not in message:
            raise SandboxError(f"stack {stack.name} was refused: {message}") from error
    deadline = time.monotonic() + within_s
    while (status := _status(cloudformation, stack.name) or "").endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise SandboxError(f"stack {stack.name} is still {status} after {within_s:.0f} s")
        time.sleep(0.1)
    if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise SandboxError(
            f"stack {stack.name} ended in {status}:\n" + "\n".join(_failures(cloudformation, stack.name))
        )
    described = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}


def lock_buckets(clients: Clients, stack: Stack) -> None:
    """Give the buckets of a deployed stack their Object Lock; see "S3 Object Lock" in `stand_ins.py`."""
    for logical, resource in stack.template["Resources"].items():
        lock = resource.get("Properties", {}).get("ObjectLockConfiguration")
        if resource["Type"] == "AWS::S3::Bucket" and lock:
            told = clients("cloudformation").describe_stack_resource(StackName=stack.name, LogicalResourceId=logical)
            bucket = told["StackResourceDetail"]["PhysicalResourceId"]
            clients("s3").put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)


def _status(cloudformation: Any, name: str) -> str | None:
    try:
        status: str = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError:
        return None
    return status


def _failures(cloudformation: Any, name: str) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '(no reason)')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
    ]
