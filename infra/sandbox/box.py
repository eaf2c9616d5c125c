"""`Sandbox`: the deployed stack, its practices and a session, started together and stopped together.

with Sandbox.start(Options(patients=50)) as box:
    httpx.get(f"{box.api_url}/patients", headers=box.authorization())
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shlex
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from infra.bundling import PARQUET, LayerError, cached_layer
from infra.sandbox import enrol, network, stand_ins
from infra.sandbox.deploy import bootstrap, deploy, lock_buckets, upload
from infra.sandbox.drain import Drain, serial_mappings, switch_off
from infra.sandbox.drop import Drop
from infra.sandbox.emulator import ACCOUNT, REGION, ROOT_KEY, Emulator, python_version, uv_platform
from infra.sandbox.practices import Practice, Simulated
from infra.sandbox.processes import Kept, SandboxError
from infra.sandbox.receiver import Receiver
from infra.sandbox.synth import Stack, read_assembly, synthesize

REPOSITORY = Path(__file__).parents[2]
HOME = REPOSITORY / ".sandbox"
STAGE = "v1"

Say = Callable[[str], None]
Enrol = Callable[[Mapping[str, str]], str]


@dataclass(frozen=True)
class Options:
    """What to run.

    `app` is the CDK app as arguments to Python, `layer` whether it takes the gateway's layer. `home` holds logs and
    state and belongs to one sandbox at a time. `connect` False leaves the API without client and session; `practices` 0
    starts none. `context` goes to the CDK app as the CLI's `-c` would. `sftp`: whether there is an SFTP server for
    files; a real practice would not find it, so it has none. `network`: whether the stage has a network of an office's
    own (`network.py`). `record_calls`: functions note what they call of AWS; see `Sandbox.aws_calls`.
    """

    app: Sequence[str] = ("-m", "infra.app")
    layer: bool = True
    home: Path = HOME
    port: int | None = None
    patients: int = 200
    seed: int = 1
    practices: int = 2
    practice_command: Sequence[str] = ("-m", "infra.sandbox.practice")
    open_dental: Practice | None = None
    connect: bool = True
    context: Mapping[str, str] = field(default_factory=dict)
    make_client: Enrol | None = None
    sftp: bool = True
    network: bool = True
    record_calls: bool = False


@dataclass(frozen=True)
class Connected:
    """A practice that the gateway has accepted, and a session for it."""

    practice: Practice
    practice_id: str
    access_token: str

    def __repr__(self) -> str:
        return f"Connected(practice_id={self.practice_id!r})"


def _silent(_line: str) -> None:
    """Say nothing."""


class Sandbox:
    """A running sandbox. Make one with `Sandbox.start`; leave it with `stop`, or by a `with` block."""

    def __init__(self, options: Options, say: Say) -> None:
        self._options = options
        self._say = say
        self._closing = ExitStack()
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()
        self._processes: list[Kept] = []
        self._more: list[Simulated] = []
        # Of one day, however late one more practice is started: people's ages follow from it.
        self._today = datetime.now(ZoneInfo(Practice.time_zone)).date()
        self.home = options.home
        self.offices: list[Practice] = []
        """Every practice that was started, connected or not."""
        self.practices: list[Connected] = []
        self.client_key = ""
        self.receiver = Receiver()
        """Where webhooks of this sandbox may lead."""

    @classmethod
    def start(cls, options: Options | None = None, *, say: Say = _silent) -> Self:
        """Return a sandbox that answers.

        Raises:
            SandboxError: something did not start; everything that did has been stopped again.
        """
        box = cls(options or Options(), say)
        try:
            box._start()
        except BaseException:
            box.stop()
            raise
        return box

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop everything, the last thing started first. A second call does nothing."""
        self._closing.close()

    # -- what is running ---------------------------------------------------------------------------------------------

    @property
    def api_url(self) -> str:
        """The API's base URL, without a slash at the end."""
        return f"{self.emulator.url}/_aws/execute-api/{stand_ins.API_ID}/{STAGE}"

    def aws(self, service: str) -> Any:
        """Return a boto3 client of `service` with root credentials of the emulator; the same one for every thread."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = self.emulator.client(service)
            return self._clients[service]

    def authorization(self, practice: int = 0) -> dict[str, str]:
        """Return the headers of a caller with a session for practice number `practice`."""
        return {"Authorization": f"Bearer {self.practices[practice].access_token}"}

    def function(self, folder: str) -> dict[str, Any]:
        """Return the configuration of the function made from `functions/{folder}`; of a worker, the one in no network.

        Raises:
            SandboxError: no function, or more than one, comes from that folder.
        """
        found = [config for config, is_inside in self._functions(folder) if not is_inside]
        if len(found) != 1:
            raise SandboxError(f"{len(found)} functions come from functions/{folder}")
        return found[0]

    def _functions(self, folder: str) -> list[tuple[dict[str, Any], bool]]:
        """The configuration of each function made from `functions/{folder}`, and whether it is inside a network."""
        found = []
        for stack in self.stacks:
            for logical, resource in stack.template["Resources"].items():
                properties = resource.get("Properties", {})
                if resource["Type"] != "AWS::Lambda::Function" or not _comes_from(folder, logical, properties):
                    continue
                described = self.aws("cloudformation").describe_stack_resource(
                    StackName=stack.name, LogicalResourceId=logical
                )
                physical = described["StackResourceDetail"]["PhysicalResourceId"]
                config: dict[str, Any] = self.aws("lambda").get_function_configuration(FunctionName=physical)
                found.append((config, "VpcConfig" in properties))
        return found

    def logs(self, folder: str) -> list[str]:
        """Return what the functions made from `functions/{folder}` have logged, oldest first."""
        client = self.aws("logs")
        lines: list[tuple[int, int, str]] = []
        for config, _ in self._functions(folder):
            group = config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
            try:
                for page in client.get_paginator("filter_log_events").paginate(logGroupName=group):
                    lines.extend((event["timestamp"], len(lines), event["message"]) for event in page["events"])
            except client.exceptions.ResourceNotFoundException:
                continue
        return [message for _, _, message in sorted(lines)]

    def errors(self) -> list[str]:
        """Return what functions have logged as errors, each line after its folder's name."""
        folders = {
            resource["Properties"]["Handler"].split(".")[0]: None
            for stack in self.stacks
            for resource in stack.template["Resources"].values()
            if resource["Type"] == "AWS::Lambda::Function"
        }
        return [f"{folder}: {line}" for folder in folders for line in self.logs(folder) if '"level": "ERROR"' in line]

    def aws_calls(self, folder: str) -> set[tuple[str, str, str]]:
        """Return the kinds of calls that the function made from `functions/{folder}` has made of AWS so far.

        (action such as `dynamodb:PutItem`, resource as it was named, how the key begins where that matters)
        """
        return {(action, resource, within) for action, resource, within, _ in self._calls_of(self.function(folder))}

    def marked_calls(self, folder: str) -> set[tuple[str, str]]:
        """Return (action, resource) of those calls that held something of the tour's marked data."""
        made = [call for config, _ in self._functions(folder) for call in self._calls_of(config)]
        return {(action, resource) for action, resource, _, is_marked in made if is_marked}

    def _calls_of(self, config: Mapping[str, Any]) -> list[tuple[str, str, str, bool]]:
        name = config["FunctionName"]
        files = (self.home / "aws-calls").glob(f"{name}.*")
        return [tuple(json.loads(line)) for file in files for line in file.read_text().splitlines()]

    def ended(self) -> str | None:
        """Return what has ended by itself, and the end of its log; None while everything runs."""
        for process in self._processes:
            if not process.running:
                return f"{process.name} has stopped:\n{process.tail()}"
        return None

    # -- how it starts -----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        options, say = self._options, self._say
        self._closing.enter_context(_only_one(self.home))
        for leftover in ("emulator", "cdk.out"):
            shutil.rmtree(self.home / leftover, ignore_errors=True)
        self._closing.callback(self._tidy)
        self.state_file.unlink(missing_ok=True)
        self._closing.callback(self.receiver.start().stop)
        simulated = [] if options.open_dental else list(range(1, options.practices + 1))
        with ThreadPoolExecutor() as pool:
            say("starting the AWS emulator" + (f" and {len(simulated)} practices" if simulated else ""))
            emulator = pool.submit(self._start_emulator)
            offices = [self._start_practice(number) for number in simulated]
            stacks = pool.submit(self._synthesize, emulator)
            self.emulator = emulator.result()
            self.stacks = stacks.result()
        self._deploy()
        self.offices = [options.open_dental] if options.open_dental else [office.wait() for office in offices]
        if options.connect:
            say("making an API client")
            self.client_key = self._make_client()
            say(f"connecting {len(self.offices)} practice(s) through POST /authenticate")
            with ThreadPoolExecutor() as pool:
                self.practices = list(pool.map(self.connect, self.offices))
        self._write_state()

    @property
    def state_file(self) -> Path:
        """Where whoever wants to use the sandbox finds it."""
        return self.home / "state.json"

    @property
    def env_file(self) -> Path:
        """The same for a shell: `. .sandbox/env` sets API (ODG_API for `odg`), TOKEN, PRACTICE, CLIENT_KEY,
        RECEIVER, and FROM and TO, the coming 30 days; its functions `enrol`, `clients` and `operate` run the commands
        of operators."""
        return self.home / "env"

    def _tidy(self) -> None:
        for said in (self.state_file, self.env_file, self.home / "networks.json", *self.home.glob("practice-*.json")):
            said.unlink(missing_ok=True)
        shutil.rmtree(self.home / "emulator", ignore_errors=True)

    def _calls_folder(self) -> Path | None:
        if not self._options.record_calls:
            return None
        folder = self.home / "aws-calls"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _start_emulator(self) -> Emulator:
        emulator = Emulator(self.home, port=self._options.port, tools=HOME)
        self._closing.callback(emulator.stop)
        self._processes.append(emulator.process)
        return emulator

    def _start_practice(self, number: int, *, command: Sequence[str] = ()) -> Simulated:
        options = self._options
        office = Simulated(
            number,
            self.home,
            patients=options.patients,
            seed=options.seed,
            seeded_on=self._today,
            command=command or options.practice_command,
            repository=REPOSITORY,
        )
        self._closing.callback(office.stop)
        self._processes.append(office.process)
        return office

    def _start_drop(self, emulator: Emulator) -> Path:
        drop = Drop(self.home)
        self._closing.callback(drop.stop)
        drop.start(s3=emulator.client("s3"), secrets_manager=emulator.client("secretsmanager"))
        return drop.file

    def _synthesize(self, emulator: Future[Emulator]) -> list[Stack]:
        options = self._options
        out = self.home / "cdk.out"
        context = {"stage": "sandbox"}
        if options.layer:
            self._say(f"building the layer for Python {python_version()} on this machine (kept in build/)")
            try:
                here = {"platform": uv_platform(), "python_version": python_version()}
                context["layer"] = str(cached_layer(**here))
                context["parquet_layer"] = str(cached_layer(**here, group=PARQUET))
            except LayerError as error:
                raise SandboxError(str(error)) from error
        if options.sftp and not options.open_dental:
            context["sftp_drop"] = str(self._start_drop(emulator.result()))
        if options.network and not options.open_dental:
            context["networks"] = str(network.written(self.home))
        self._say("synthesizing the CDK app")
        synthesize(
            out,
            command=options.app,
            context=context | dict(options.context),
            env={"CDK_DEFAULT_ACCOUNT": ACCOUNT, "CDK_DEFAULT_REGION": REGION},
            cwd=REPOSITORY,
        )
        return read_assembly(out, account=ACCOUNT, region=REGION)

    def _deploy(self) -> None:
        assets = [asset for stack in self.stacks for asset in stack.assets]
        bootstrap(self.aws, assets)
        self._say(f"uploaded {upload(self.aws, self.stacks, calls=self._calls_folder())} bundles")
        self.outputs: dict[str, str] = {}
        for stack in self.stacks:
            self._say(f"deploying {stack.name} ({len(stack.template['Resources'])} resources)")
            template = stand_ins.adapt(stack.template)
            if self._options.open_dental:
                _allow(template, self._options.open_dental.base_url)
            adapted = replace(stack, template=template)
            self.outputs |= deploy(self.aws, adapted, bucket=f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}")
            lock_buckets(self.aws, adapted)
        for mapping in serial_mappings(self.aws):
            switch_off(self.aws, mapping)
            self._closing.callback(Drain(self.aws, mapping).stop)

    def new_client(
        self,
        name: str,
        *,
        scopes: Sequence[str] = enrol.SCOPES,
        requests_per_minute: int | None = None,
        kind: str = "app",
    ) -> str:
        """Make one more API client, with the scopes of the first and no practice, and return its key."""
        return enrol.enrol_client(
            self._environment(),
            name=name,
            scopes=scopes,
            repository=REPOSITORY,
            requests_per_minute=requests_per_minute,
            kind=kind,
        )

    def run_command(self, module: str, *, said: str, as_function: str) -> None:
        """Run `python -m {module}` as an operator would: with the variables of the function made from
        `functions/{as_function}`, and what is `said` on its standard input.

        Raises:
            SandboxError: it failed.
        """
        enrol.run(("-m", module), self._environment(as_function), repository=REPOSITORY, said=said)

    def _make_client(self) -> str:
        if self._options.make_client is not None:
            return self._options.make_client(self._environment())
        return self.new_client("sandbox")

    def _environment(self, folder: str = "authenticate") -> dict[str, str]:
        return {
            **self.function(folder).get("Environment", {}).get("Variables", {}),
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def one_more_practice(self, *flags: str) -> Connected:
        """Start a practice with the people of the others and its own `flags`, and connect it; it is in no list.

        One with `--beside Service` is connected by its own server, inside the network.
        """
        command = (*self._options.practice_command, *flags)
        with self._making:
            office = self._start_practice(self._options.practices + len(self._more) + 1, command=command)
            self._more.append(office)
        return self.connect(office.wait())

    def connect(self, office: Practice, client_key: str | None = None) -> Connected:
        """Sign in to `office` as the first client or another, and connect it if it is new.

        Raises:
            SandboxError: it was refused, or took more than a minute.
        """
        wanted = {
            "customer_key": office.customer_key,
            "developer_key": office.developer_key,
            "time_zone": office.time_zone,
            "mode": "remote" if office.inside is None else "service",
            "base_url": office.inside.base_url if office.inside is not None else office.base_url,
            "name": office.name,
        }
        headers = {"Authorization": f"Bearer {client_key or self.client_key}", "Prefer": "wait=25"}
        deadline = time.monotonic() + 60
        while True:
            status, answer = self.call("POST", "/authenticate", wanted, headers)
            if status in (200, 201):
                return Connected(office, answer["practice"]["id"], answer["access_token"])
            # 202: the keys are still being tried; the same request again leads to the same answer.
            if status not in (202, 429, 503) or time.monotonic() > deadline:
                raise SandboxError(
                    "\n".join([f"POST /authenticate answered {status}: {json.dumps(answer)}", *self.errors()])
                )
            time.sleep(1)

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send one request to the API and return its status and its JSON, or None for an empty body."""
        request = urllib.request.Request(  # noqa: S310 (our own URL)
            self.api_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        return status, json.loads(content) if content else None

    def _write_state(self) -> None:
        first = self.practices[0] if self.practices else None
        state = {
            "api_url": self.api_url,
            "aws_endpoint_url": self.emulator.url,
            "practice_url": self.offices[0].base_url if self.offices else None,
            "access_token": first.access_token if first else None,
            "practice_id": first.practice_id if first else None,
            "client_key": self.client_key or None,
            "receiver_url": self.receiver.url,
            "practices": [
                {
                    "practice_id": connected.practice_id,
                    "access_token": connected.access_token,
                    "practice_url": connected.practice.base_url,
                    "control_url": connected.practice.control_url,
                }
                for connected in self.practices
            ],
        }
        if first is not None:
            # A stand-in of a few functions has none of these.
            there = [one for one in _COMMANDED if self._functions(one)]
            told = {name: value for one in there for name, value in self._environment(one).items()}
            _put(self.env_file, _env(self.api_url, self.receiver.url, first, self.client_key, told))
        _put(self.state_file, json.dumps(state, indent=2) + "\n")


def _put(file: Path, text: str) -> None:
    """Write a file that holds a token. Whoever waits for it must never read half of it."""
    draft = file.with_name(f"{file.name}.draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(file)


_FOR_COMMANDS = frozenset({"BODIES_BUCKET", "STAGE", "VAULT_KEY_ARN", "VAULT_PREFIX"})
_COMMANDED = ("authenticate", "rotations", "upstream_worker")
"""Functions that together have what the gateway's commands take."""


def _env(api_url: str, receiver_url: str, connected: Connected, client_key: str, environment: Mapping[str, str]) -> str:
    today = datetime.now(ZoneInfo(connected.practice.time_zone)).date()
    values = {"API": api_url, "ODG_API": api_url, "TOKEN": connected.access_token, "PRACTICE": connected.practice_id}
    values |= {"FROM": f"{today + timedelta(days=1)}", "TO": f"{today + timedelta(days=30)}", "RECEIVER": receiver_url}
    if client_key:
        values["CLIENT_KEY"] = client_key
    said = "".join(f"export {name}={value}\n" for name, value in values.items())
    # A function, not exports: credentials of the emulator must not stay in a shell that may deploy for real next.
    told = {name: environment[name] for name in sorted(environment) if _is_for_commands(name)}
    told |= {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'shared'}"}
    command = shlex.join([*(f"{name}={value}" for name, value in told.items()), sys.executable])
    # Of the user's own session nothing may reach the emulator, and a profile would be looked for in an empty file.
    alone = f"env -u AWS_PROFILE -u AWS_SESSION_TOKEN {command}"
    operate = f'operate() {{ ODG_COMMAND=$1; shift; {alone} -m "gateway.wiring.$ODG_COMMAND" "$@"; }}\n'
    return f'{said}{operate}clients() {{ operate clients "$@"; }}\nenrol() {{ clients enrol "$@"; }}\n'


def _is_for_commands(name: str) -> bool:
    return name in _FOR_COMMANDS or name.endswith("_TABLE") or name.startswith("AWS_")


def _allow(template: dict[str, Any], base_url: str) -> None:
    """Add the address that the user has named to those that keys may be sent to; the stage allows loopback only."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            if "BASE_URL_ALLOW" in variables:
                variables["BASE_URL_ALLOW"] = f"{variables['BASE_URL_ALLOW']},{base_url}"


def _comes_from(folder: str, logical_id: str, properties: Mapping[str, Any]) -> bool:
    """Whether a template's function is made from `folder`: by its handler, or by the construct's own id.

    A logical id is the construct's path without separators and 8 hexadecimal digits.
    """
    if folder in re.split(r"[./]", properties["Handler"]):
        return True
    return logical_id[:-8].lower().removesuffix("function") == folder.replace("_", "").replace("-", "").lower()


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Hold `home` for one sandbox; the lock goes with the process, however that ends.

    A folder with anything else in it is refused: a sandbox clears what it finds under its own names.
    """
    home.mkdir(parents=True, exist_ok=True)
    if any(home.iterdir()) and not ((home / "lock").exists() or (home / "install.lock").exists()):
        raise SandboxError(f"{home} holds other things; a sandbox needs a folder of its own")
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SandboxError(f"a sandbox is already running with {home}; stop it first") from None
        yield
