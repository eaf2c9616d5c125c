"""Where the gateway may run: one row a stage. A stage is chosen with `-c stage=NAME`; `dev` if nothing is said."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

REMOTE = "remote"
"""The network of all practices that are reached over the internet; every stage has it."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A VPC with practices in Service mode in it, or behind it: they get a queue and a worker of their own there.

    The VPC must resolve names by AWS's DNS (`enableDnsSupport`, `enableDnsHostnames`). Where others in it use SQS,
    Secrets Manager, DynamoDB or S3 through endpoints already, name their group: a VPC has each private name once.

    Raises:
        ValueError: a field cannot be, or does not go with another; the message names it.
    """

    name: str
    """Lower case letters, digits and dashes; practices keep it in their record, so it does not change."""
    vpc_id: str
    cidr: str
    """The VPC's own addresses."""
    subnet_ids: tuple[str, ...]
    """Where the worker runs; they need no way to the internet."""
    availability_zones: tuple[str, ...]
    """Of the subnets, in their order."""
    route_table_ids: tuple[str, ...]
    """Of the subnets, in their order, or one for all; gateway endpoints become routes in them."""
    gateway_prefix_lists: tuple[str, ...]
    """The region's lists of DynamoDB's and S3's addresses (`aws ec2 describe-managed-prefix-lists`): what the worker
    may call by way of gateway endpoints."""
    base_url_allow: tuple[str, ...]
    """What a practice's `base_url` may start with, host and port said: `http://10.20.0.15:30222`."""
    addresses: tuple[str, ...] = ()
    """CIDRs of the hosts that `base_url_allow` calls by a name; an address speaks for itself."""
    endpoints_group: str | None = None
    """The security group of interface endpoints that exist; None: the stage makes them, and gateway endpoints too."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", self.name) or len(self.name) > _NAME_LONGEST:
            raise ValueError(f"network {self.name!r}: lower case letters, digits and single dashes, at most 20")
        if self.name in {REMOTE, "dead"}:
            raise ValueError(f"network {self.name!r}: the name has a meaning of its own")
        if not self.subnet_ids or len(self.availability_zones) != len(self.subnet_ids):
            raise ValueError(f"network {self.name!r}: availability_zones names the zone of each subnet")
        if len(self.route_table_ids) not in {1, len(self.subnet_ids)}:
            raise ValueError(f"network {self.name!r}: route_table_ids names the table of each subnet, or one for all")
        if not self.gateway_prefix_lists or not self.base_url_allow:
            raise ValueError(f"network {self.name!r}: gateway_prefix_lists and base_url_allow are needed")
        ipaddress.IPv4Network(self.cidr)
        self.practice_addresses()

    @property
    def queue(self) -> str:
        """The name of its queue of turns."""
        return f"calls-{self.name}"

    def practice_addresses(self) -> tuple[tuple[str, int], ...]:
        """What the worker may call besides AWS: (CIDR, port), each once."""
        found: dict[tuple[str, int], None] = {}
        for prefix in self.base_url_allow:
            url = urlsplit(prefix)
            if url.scheme not in {"http", "https"} or not url.hostname or not url.port:
                raise ValueError(f"network {self.name!r}: base_url_allow says scheme, host and port of each prefix")
            try:
                cidrs: tuple[str, ...] = (f"{ipaddress.IPv4Address(url.hostname)}/32",)
            except ValueError:
                cidrs = tuple(str(ipaddress.IPv4Network(one)) for one in self.addresses)
            if not cidrs:
                raise ValueError(f"network {self.name!r}: addresses says where {url.hostname!r} is")
            if any(ipaddress.IPv4Network(cidr).is_loopback for cidr in cidrs) or "0.0.0.0/0" in cidrs:
                raise ValueError(f"network {self.name!r}: practices have addresses of their own")
            found.update(dict.fromkeys((cidr, url.port) for cidr in cidrs))
        return tuple(found)


_NAME_LONGEST = 20


@dataclass(frozen=True, kw_only=True)
class SftpDrop:
    """An SFTP server of the user's own, and the bucket behind it (AWS Transfer Family has both): where offices leave
    the files of documents. The gateway makes neither, and stores nothing there itself but one file under another name.

    What lies under `prefix` in folders of 32 hexadecimal digits is the gateway's, and is deleted after 30 minutes. See
    `infra/README.md` for what the bucket should refuse.

    Raises:
        ValueError: a field cannot be; the message names it.
    """

    host: str
    """As offices reach it: `sftp.example.com`."""
    username: str
    """May make folders and write below `folder`; nothing else is asked of it."""
    secret_arn: str
    """The whole ARN of a secret in Secrets Manager: the password, or a JSON object with a member `password`."""
    bucket: str
    """In the stage's own region. Without versions, or with a rule that ends old ones: a deleted file shall be gone."""
    prefix: str
    """What the bucket's keys begin with for files left in `folder`; ends with a slash."""
    folder: str = ""
    """Where on the server, without slashes at either end."""
    port: int = 22
    """Some versions of Open Dental use 22 whatever is said."""
    bucket_key_arn: str | None = None
    """The KMS key that seals the bucket's objects, where it is one of the user's own."""
    secret_key_arn: str | None = None
    """The KMS key that seals the secret, where it is one of the user's own."""

    def __post_init__(self) -> None:
        checks: Mapping[str, str] = {
            "host": r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?",
            "username": r"[A-Za-z0-9_][A-Za-z0-9_.@-]{2,99}",
            # An ARN without the six characters at its end is one that no policy can name.
            "secret_arn": r"arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}",
            "bucket": r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "prefix": r"([A-Za-z0-9_.-]+/)+",
            "folder": r"([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?",
            "bucket_key_arn": r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+",
            "secret_key_arn": r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+",
        }
        for name, form in checks.items():
            value = getattr(self, name)
            if value is not None and not re.fullmatch(form, value):
                raise ValueError(f"sftp_drop: {name} has to look like {form}")
        if not 0 < self.port < 65536:
            raise ValueError("sftp_drop: port is a number from 1 to 65535")

    @property
    def address(self) -> str:
        """The server and the folder, as Open Dental takes them, with a slash at the end."""
        host = self.host if self.port == 22 else f"{self.host}:{self.port}"
        return f"{host}/{self.folder}/" if self.folder else f"{host}/"


@dataclass(frozen=True, kw_only=True)
class MessageSender:
    """Who sends messages to patients where nobody else does: Amazon SNS and SES, or a webhook.

    Raises:
        ValueError: a field cannot be; the message names it.
    """

    client_id: str
    """As which client: with `messages:read` and `messages:write`, and the practices that it sends for."""
    email_from: str | None = None
    """The address that e-mails come from, which SES has verified in the stage's own region; without one none is
    sent."""
    hook: str | None = None
    """The webhook that messages are posted to instead; an operator has to have approved it for whole objects."""

    def __post_init__(self) -> None:
        checks = {
            "client_id": r"cli_[a-z0-9_]+",
            "email_from": r"[^\s,;@<>]+@[A-Za-z0-9.-]+",
            "hook": r"whk_[a-z2-7]{16}",
        }
        for name, form in checks.items():
            value = getattr(self, name)
            if value is not None and not re.fullmatch(form, value):
                raise ValueError(f"message_sender: {name} has to look like {form}")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that differs between two deployments."""

    name: str
    region: str
    """Concrete, because a table with a key of our own cannot be synthesized for "any region"."""
    open_enrolment: bool = False
    """Whether a practice may connect itself with its two keys; off wherever real practices are."""
    base_url_allow: tuple[str, ...] = ("https://api.opendental.com",)
    """Prefixes that a practice's `base_url` may start with; everything else is refused."""
    keep_data: bool = True
    """Tables, bucket, secrets and keys survive the deletion of their stack, and tables refuse deletion."""
    worker_concurrency: int = 800
    """Practices that are called at the same time; 2 to 1,000 (what SQS allows). Costs nothing where there are fewer.

    A fifth of the 1,000 executions that an account has is left to the functions that callers wait for, which need some
    50 at 10,000 practices. Set it to four fifths of the account's own quota where that is lower."""
    requests_per_second: int = 200
    request_burst: int = 400
    requests_per_source: int = 30_000
    """Requests that one source address may send in 5 minutes before WAF answers 429; half of what the stage takes,
    because a product's whole traffic may come from one address."""
    client_requests_per_minute: int = 6_000
    """Requests that a client may make in a minute before it is answered 429, unless its record says otherwise; half of
    what the stage takes, so that no client can use up the others' share."""
    export_days: int = 400
    """How long files of exports are kept; more than two weeks, because every object comes whole once in one."""
    athena: bool = True
    """Whether there are tables over the exports, for Athena; anybody may read them by other means."""
    clocks: Mapping[str, str | None] = field(default_factory=dict)
    """When state machines start by themselves, by name, where not as `catalogue.MACHINES` says; None: never."""
    log_days: int = 365
    log_level: str = "INFO"
    alarm_email: str | None = None
    owns_api_logging: bool = True
    """API Gateway logs through one role an account and region. False where another stack has set it."""
    networks: tuple[Network, ...] = ()
    """VPCs with practices in Service mode; without any, every practice is reached over the internet."""
    sftp_drop: SftpDrop | None = None
    """Where offices leave the files of documents; without it the API shows what documents are, and no files."""
    message_sender: MessageSender | None = None
    """Who sends messages to patients; without it clients claim and send them."""

    def __post_init__(self) -> None:
        if self.export_days <= 14:
            raise ValueError(f"stage {self.name!r}: export_days has to be more than 14")
        names = [network.name for network in self.networks]
        if len(set(names)) != len(names):
            raise ValueError(f"two networks of stage {self.name!r} have one name")
        for prefix in self.base_url_allow:
            url = urlsplit(prefix)
            if url.scheme != "https" and url.hostname not in {"127.0.0.1", "localhost"}:
                raise ValueError(f"stage {self.name!r}: keys go over plain http inside a network only")


STAGES: Mapping[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            name="sandbox",
            region="us-east-1",
            base_url_allow=("http://127.0.0.1",),
            keep_data=False,
            worker_concurrency=10,
            export_days=30,
            clocks={"export": None},
            # DuckDB reads them there: `infra/warehouse/README.md`.
            athena=False,
            log_days=7,
        ),
        Stage(name="dev", region="us-east-1", keep_data=False, worker_concurrency=10, export_days=30, log_days=30),
        Stage(name="prod", region="us-east-1"),
    )
}


def stage_for(context: Mapping[str, str]) -> Stage:
    """Return the stage that `context` names.

    An operator may say `region`, `alarm_email`, `networks`, `sftp_drop` and `message_sender` at deployment (`-c
    alarm_email=...`) without touching the rows. `networks` is a JSON file: a list of objects with the fields of
    `Network`, which join the row's own; `sftp_drop` and `message_sender` are one each, with the fields of `SftpDrop`
    and `MessageSender`, in the place of the row's.

    Raises:
        ValueError: there is no such stage (the message lists those that exist), or a network or the drop cannot be.
        TypeError: one of them lacks a field or has one that is none.
        OSError: there is no such file.
    """
    name = context.get("stage", "dev")
    if name not in STAGES:
        raise ValueError(f"no stage {name!r} in infra/stages.py; there are {', '.join(STAGES)}")
    row = STAGES[name]
    said = json.loads(Path(file).read_text()) if (file := context.get("networks")) else []
    drop = SftpDrop(**json.loads(Path(file).read_text())) if (file := context.get("sftp_drop")) else row.sftp_drop
    sender = row.message_sender
    if file := context.get("message_sender"):
        sender = MessageSender(**json.loads(Path(file).read_text()))
    return replace(
        row,
        sftp_drop=drop,
        message_sender=sender,
        region=context.get("region") or row.region,
        alarm_email=context.get("alarm_email") or row.alarm_email,
        networks=row.networks + tuple(_network(one) for one in said),
    )


def _network(said: Mapping[str, str | list[str] | None]) -> Network:
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return Network(**given)  # type: ignore[arg-type]
