"""The sandbox's rules that need nothing running."""

import io
import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.addresses import Enrolment, address_of
from gateway.core.errors import Invalid
from gateway.core.practices import Mode
from infra.sandbox import stand_ins, tour
from infra.sandbox.__main__ import _now, arguments, main
from infra.sandbox.box import REPOSITORY, Connected, Options, Sandbox, _env
from infra.sandbox.drain import Drain, Mapping, failed_items, sqs_event
from infra.sandbox.practices import KEYS_FROM, Practice, open_zone, real_practice
from infra.sandbox.processes import SandboxError
from infra.sandbox.synth import read_assembly

PATH = os.environ["PATH"]
NO_BOX: Any = None
"""For steps that look at none."""
README = Path(stand_ins.__file__).with_name("README.md")


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def test_the_readme_shows_every_stand_in_and_no_other() -> None:
    table = README.read_text().partition("| about | the emulator | the sandbox |\n|---|---|---|\n")[2]
    rows = table.split("\n\n")[0].splitlines()
    shown = [tuple(cell.strip() for cell in row.strip("|").split(" | ")) for row in rows]

    assert shown == [(row.about, row.emulator, row.instead) for row in stand_ins.STAND_INS]


def test_refused_resources_go_with_the_outputs_and_waits_that_name_them() -> None:
    adapted = stand_ins.adapt(
        template(
            Acl={"Type": "AWS::WAFv2::WebACL", "DependsOn": ["Link", "Log"], "Properties": {}},
            Link={"Type": "AWS::WAFv2::WebACLAssociation", "Properties": {}},
            Log={"Type": "AWS::Logs::LogGroup"},
        )
        | {"Outputs": {"Gone": {"Value": {"Ref": "Link"}}, "Kept": {"Value": {"Ref": "Acl"}}}}
    )

    assert set(adapted["Resources"]) == {"Acl", "Log"}
    assert adapted["Resources"]["Acl"]["DependsOn"] == ["Log"]
    assert set(adapted["Outputs"]) == {"Kept"}


def test_a_resource_that_needs_a_refused_one_is_named_not_deployed_half() -> None:
    with pytest.raises(SandboxError, match="Alarm"):
        stand_ins.adapt(
            template(
                All={"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {}},
                Alarm={"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmActions": [{"Ref": "All"}]}},
            )
        )


def test_only_the_denial_of_plain_http_is_dropped_from_a_policy() -> None:
    tls = {"Effect": "Deny", "Action": "sqs:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    other = {"Effect": "Allow", "Action": "sqs:SendMessage"}
    adapted = stand_ins.adapt(
        template(
            Mixed={"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": {"Statement": [tls, other]}}},
            Only={"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": {"Statement": [tls]}}},
            Waits={"Type": "AWS::S3::Bucket", "DependsOn": "Only"},
        )
    )

    assert set(adapted["Resources"]) == {"Mixed", "Waits"}
    assert adapted["Resources"]["Mixed"]["Properties"]["PolicyDocument"]["Statement"] == [other]
    assert not adapted["Resources"]["Waits"]["DependsOn"]


def test_a_secret_is_named_by_its_arn_as_on_aws() -> None:
    adapted = stand_ins.adapt(
        template(
            Keys={"Type": "AWS::SecretsManager::Secret", "Properties": {}},
            Name={"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": "Keys"}, "Tier": {"Ref": "Name"}}},
        )
    )

    assert adapted["Resources"]["Name"]["Properties"] == {
        "Value": {"Fn::GetAtt": ["Keys", "Arn"]},
        "Tier": {"Ref": "Name"},
    }


def test_whoever_may_send_messages_may_send_ten_at_once_as_on_aws() -> None:
    def policy(*actions: str) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {"Statement": [statement]}}}

    resources = template(Sends=policy("sqs:SendMessage"), Takes=policy("sqs:ReceiveMessage"))
    adapted = stand_ins.adapt(resources)["Resources"]

    given = {name: of["Properties"]["PolicyDocument"]["Statement"][0]["Action"] for name, of in adapted.items()}
    assert given == {"Sends": ["sqs:SendMessage", "sqs:SendMessageBatch"], "Takes": ["sqs:ReceiveMessage"]}


def test_the_authorizer_alone_writes_a_line_for_each_call() -> None:
    """The emulator waits ten times as long for the line of a function that writes none."""

    def function(name: str) -> dict[str, Any]:
        properties = {"Handler": f"{name}.handler.lambda_handler", "Environment": {"Variables": {"LOG_LEVEL": "INFO"}}}
        return {"Type": "AWS::Lambda::Function", "Properties": properties}

    adapted = stand_ins.adapt(template(A=function("authorizer"), P=function("patients")))["Resources"]

    levels = {name: one["Properties"]["Environment"]["Variables"]["LOG_LEVEL"] for name, one in adapted.items()}
    assert levels == {"A": "DEBUG", "P": "INFO"}


def test_an_offices_own_server_may_listen_at_any_port_of_what_is_inside_and_nowhere_else() -> None:
    """Simulated practices take the ports that are free; what the internet leads to stays outside."""
    inside = Enrolment(
        base_urls=("http://127.0.0.1",), networks={"clinic": tuple(said_inside("http://localhost:30223"))}
    )

    assert address_of("http://localhost:4321/api/v1", Mode.SERVICE, inside)[1] == "clinic"
    assert address_of("http://127.0.0.1:4321/api/v1", Mode.SERVICE, inside)[1] == "remote"
    with pytest.raises(Invalid):
        address_of("http://10.20.0.15:30223/api/v1", Mode.SERVICE, inside)


def said_inside(*prefixes: str) -> list[str]:
    """What a function of the sandbox is told of a network with these addresses."""
    variables = {"NETWORKS": json.dumps({"clinic": prefixes})}
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": variables}}}
    adapted = stand_ins.adapt(template(F=function))["Resources"]["F"]["Properties"]["Environment"]["Variables"]
    told: list[str] = json.loads(adapted["NETWORKS"])["clinic"]
    return told


def test_adapting_leaves_the_template_for_aws_as_it_is() -> None:
    original = template(Link={"Type": "AWS::WAFv2::WebACLAssociation"})
    before = json.dumps(original)

    stand_ins.adapt(original)

    assert json.dumps(original) == before


ids = st.lists(st.text("abc123", min_size=1), min_size=1, unique=True)


@given(ids=ids, data=st.data())
def test_exactly_the_items_that_a_worker_names_stay_on_the_queue(ids: list[str], data: st.DataObject) -> None:
    named = data.draw(st.lists(st.sampled_from(ids), unique=True))
    payload = json.dumps({"batchItemFailures": [{"itemIdentifier": name} for name in named]}).encode()

    assert failed_items(payload, errored=False, message_ids=ids, partial_batches=True) == set(named)


@pytest.mark.parametrize(
    ("payload", "errored", "partial", "failed"),
    [
        (b"null", False, True, set()),
        (b"{}", False, True, set()),
        (b"", False, True, set()),
        (b'{"batchItemFailures": null}', False, True, set()),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', False, True, {"a", "b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', False, True, {"a", "b"}),
        (b'{"batchItemFailures": [{"wrong": "a"}]}', False, True, {"a", "b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": "z"}]}', False, True, {"a", "b"}),
        (b'{"errorMessage": "x"}', True, True, {"a", "b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}]}', False, False, set()),
    ],
)
def test_odd_answers_of_a_worker_are_read_as_lambda_reads_them(
    payload: bytes, errored: bool, partial: bool, failed: set[str]
) -> None:
    assert failed_items(payload, errored=errored, message_ids=["a", "b"], partial_batches=partial) == failed


def test_turns_that_take_long_are_worked_off_beside_each_other_though_few_ask_for_them() -> None:
    """On AWS a practice that is slow holds up no other one."""
    waiting, deleted, together = queue.Queue[str](), set[str](), threading.Barrier(6)
    for number in range(5):
        waiting.put(f"m{number}")

    class Sqs:
        def get_queue_url(self, **_: str) -> dict[str, str]:
            return {"QueueUrl": "https://q/calls.fifo"}

        def receive_message(self, **_: Any) -> dict[str, Any]:
            try:
                name = waiting.get(timeout=0.05)
            except queue.Empty:
                return {}
            return {"Messages": [{"MessageId": name, "ReceiptHandle": name, "Body": "{}"}]}

        def delete_message(self, *, ReceiptHandle: str, **_: str) -> None:  # noqa: N803
            deleted.add(ReceiptHandle)

    class Lambda:
        def invoke(self, **_: Any) -> dict[str, Any]:
            together.wait(10)
            return {"Payload": io.BytesIO(b"null")}

    clients: dict[str, Any] = {"sqs": Sqs(), "lambda": Lambda()}
    mapping = Mapping("1", "arn:aws:sqs:us-east-1:000000000000:calls.fifo", "worker", 1, True, 5)
    drain = Drain(clients.__getitem__, mapping)
    together.wait(10)
    drain.stop()

    assert deleted == {f"m{number}" for number in range(5)}


def test_a_record_has_what_lambda_gives() -> None:
    message = {
        "MessageId": "m1",
        "ReceiptHandle": "r1",
        "Body": "{}",
        "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "Attributes": {"MessageGroupId": "prac_1", "ApproximateReceiveCount": "1"},
        "MessageAttributes": {"trace": {"DataType": "String", "StringValue": "t"}},
    }

    (record,) = sqs_event([message], queue_arn="arn:aws:sqs:eu-west-1:1:calls.fifo")["Records"]

    assert record["messageAttributes"]["trace"]["stringValue"] == "t"
    assert (record["eventSource"], record["awsRegion"]) == ("aws:sqs", "eu-west-1")
    assert (record["messageId"], record["receiptHandle"], record["body"]) == ("m1", "r1", "{}")
    assert record["attributes"]["MessageGroupId"] == "prac_1"


def test_stacks_come_after_those_they_depend_on(tmp_path: Path) -> None:
    def stack(name: str, *needs: str) -> dict[str, Any]:
        (tmp_path / f"{name}.json").write_text('{"Resources": {}}')
        return {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": f"{name}.json"},
            "dependencies": list(needs),
        }

    artifacts = {"api": stack("api", "core"), "core": stack("core", "data"), "data": stack("data")}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))

    assert [one.name for one in read_assembly(tmp_path, account="1", region="r")] == ["data", "core", "api"]


def test_a_real_practice_needs_its_keys_in_the_environment_and_never_shows_them() -> None:
    environment = dict.fromkeys(KEYS_FROM, "secret-value")

    assert "secret" not in repr(real_practice("https://example.test/api/v1", environment))
    with pytest.raises(SandboxError, match="OPEN_DENTAL_CUSTOMER_KEY"):
        real_practice("https://example.test/api/v1", {KEYS_FROM[0]: "x"})
    assert isinstance(real_practice("https://example.test/api/v1", environment), Practice)


def test_the_shells_variables_have_the_clients_key_if_there_is_one() -> None:
    environment = {**dict.fromkeys(KEYS_FROM, "x"), "OPEN_DENTAL_TIME_ZONE": "America/Chicago"}
    connected = Connected(real_practice("https://example.test/api/v1", environment), "prac_1", "odg_1")

    said = _env("http://127.0.0.1/v1", "http://127.0.0.1:9", connected, "odg_2", {})

    assert "export CLIENT_KEY=odg_2\n" in said
    assert "export RECEIVER=http://127.0.0.1:9\n" in said
    assert "CLIENT_KEY" not in _env("http://127.0.0.1/v1", "http://127.0.0.1:9", connected, "", {})


def test_the_shell_makes_clients_of_the_emulator_and_keeps_none_of_its_credentials(tmp_path: Path) -> None:
    environment = {**dict.fromkeys(KEYS_FROM, "x"), "OPEN_DENTAL_TIME_ZONE": "America/Chicago"}
    connected = Connected(real_practice("https://example.test/api/v1", environment), "prac_1", "odg_1")
    told = {"CALLERS_TABLE": "callers", "STAGE": "sandbox", "OTHER": "x"}
    told |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    (tmp_path / "env").write_text(_env("http://127.0.0.1/v1", "http://127.0.0.1:9", connected, "odg_2", told))

    def said(command: str, **inherited: str) -> subprocess.CompletedProcess[str]:
        script = f". {tmp_path}/env; {command}"
        return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False, env=inherited)

    assert said('echo "$API $CALLERS_TABLE$STAGE$AWS_ACCESS_KEY_ID"', PATH=PATH).stdout == "http://127.0.0.1/v1 \n"
    # The command itself runs, in the environment that it needs: nothing but the region is missing.
    ended = said("enrol --name desk --scopes '*:read'", PATH=PATH, AWS_PROFILE="my-own", AWS_CONFIG_FILE="/dev/null")
    assert "no AWS region" in ended.stderr, ended.stderr


def test_the_shell_runs_every_command_of_operators_with_what_it_needs(tmp_path: Path) -> None:
    environment = {**dict.fromkeys(KEYS_FROM, "x"), "OPEN_DENTAL_TIME_ZONE": "America/Chicago"}
    connected = Connected(real_practice("https://example.test/api/v1", environment), "prac_1", "odg_1")
    told = {name: f"its-{name}" for name in ("LEDGER_TABLE", "PACE_TABLE", "BODIES_BUCKET", "VAULT_PREFIX", "STAGE")}
    (tmp_path / "env").write_text(
        _env("http://127.0.0.1/v1", "http://127.0.0.1:9", connected, "", told | {"OTHER": "x"})
    )
    script = f". {tmp_path}/env; operate redrive"
    ran = subprocess.run(["/bin/sh", "-xc", script], capture_output=True, text=True, check=False, env={"PATH": PATH})

    assert "no AWS region" in ran.stderr, ran.stderr
    for name, value in told.items():
        assert f" {name}={value} " in ran.stderr
    assert "OTHER" not in ran.stderr


def test_the_tour_writes_to_no_real_practice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tour", "--open-dental", "https://example.test/api/v1"]) == 1
    assert "simulated practices only" in capsys.readouterr().err


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "cdk.out" / "precious"
    precious.parent.mkdir()
    precious.touch()

    with pytest.raises(SandboxError, match="a folder of its own"):
        Sandbox.start(Options(home=tmp_path))

    assert precious.exists()


def test_a_promise_is_a_list_item_with_an_id() -> None:
    text = "- [P01] Known.\n* [P02] not a promise\n- [P10] Also known.\n  - [P11] nested, no\n- [Q01] no\n"

    assert tour.read_promises(text) == {"P01": "Known.", "P10": "Also known."}


@pytest.mark.parametrize(
    ("promises", "steps", "complaint"),
    [
        ({"P01": "a", "P02": "b"}, {"P01"}, "P02 is promised"),
        ({"P01": "a"}, {"P01", "P03"}, "P03 has a step"),
        ({}, set(), "promises nothing"),
    ],
)
def test_promises_and_steps_must_match(promises: dict[str, str], steps: set[str], complaint: str) -> None:
    with pytest.raises(tour.TourError, match=complaint):
        tour.match(promises, {name: tour.Step(lambda box: None) for name in steps})


def test_whoever_reads_the_tour_through_a_pipe_has_each_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BufferedWriter(cast("Any", read))))
    _now("  ✓ [P01] Holds.")

    assert read.getvalue().decode() == "  ✓ [P01] Holds.\n"


def test_the_readme_says_how_long_the_tour_takes() -> None:
    top = (REPOSITORY / "README.md").read_text()

    assert f"It takes about {tour.USUAL_MINUTES} minutes" in top
    assert f"about {tour.USUAL_MINUTES} minutes" in " ".join(arguments().format_help().split())


def test_a_tour_tries_every_promise_and_fails_if_one_did_not_hold(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("- [P01] Breaks.\n- [P02] Holds.\n")
    said: list[str] = []

    def breaks(box: Any) -> None:
        raise AssertionError("answered 500")

    steps = {"P01": tour.Step(breaks), "P02": tour.Step(lambda box: None)}

    assert tour.run_tour(NO_BOX, readme, say=said.append, steps=steps) == 1
    assert said[-1] == "1 of 2 promises behaved"
    assert said[0] == f"2 promises: about {tour.USUAL_MINUTES} minutes"
    assert any("answered 500" in line for line in said)

    steps["P01"] = tour.Step(lambda box: None)
    assert tour.run_tour(NO_BOX, readme, say=said.append, steps=steps) == 0


def promising(folder: Path, *names: str) -> Path:
    readme = folder / "README.md"
    readme.write_text("".join(f"- [{name}] Holds.\n" for name in names))
    return readme


def test_steps_on_different_practices_are_tried_beside_each_other_and_told_in_order(tmp_path: Path) -> None:
    second_is_tried = threading.Event()
    said: list[str] = []

    def waits(box: Any) -> None:
        assert second_is_tried.wait(10), "the second step is not tried while the first waits"

    steps = {
        "P01": tour.Step(waits, frozenset({tour.FIRST})),
        "P02": tour.Step(lambda box: second_is_tried.set(), frozenset({tour.SECOND})),
    }

    assert tour.run_tour(NO_BOX, promising(tmp_path, *steps), say=said.append, steps=steps) == 0
    assert [line[4:9] for line in said[1:3]] == ["[P01]", "[P02]"]


@pytest.mark.parametrize(
    ("one", "other"),
    [({"a"}, {"a"}), ({"a", "b"}, {"b", "c"}), ({"a"}, set()), (set(), {"a"}), (set(), set())],
)
def test_steps_that_share_a_practice_or_want_to_be_alone_are_tried_one_after_the_other(
    tmp_path: Path, one: set[str], other: set[str]
) -> None:
    tried: list[str] = []

    def tries(name: str) -> Callable[[Any], None]:
        def notes(box: Any) -> None:
            tried.append(f"{name} begins")
            # Whoever does not wait is there before this thread goes on.
            threading.Event().wait(0.05)
            tried.append(f"{name} ends")

        return notes

    steps = {"P01": tour.Step(tries("P01"), frozenset(one)), "P02": tour.Step(tries("P02"), frozenset(other))}

    assert tour.run_tour(NO_BOX, promising(tmp_path, *steps), say=lambda line: None, steps=steps) == 0
    assert tried == ["P01 begins", "P01 ends", "P02 begins", "P02 ends"]


def test_who_interrupts_the_tour_does_not_wait_for_its_steps(tmp_path: Path) -> None:
    interrupted = threading.Event()
    outlasted: list[bool] = []

    def hangs(box: Any) -> None:
        outlasted.append(not interrupted.wait(2))

    def ctrl_c(line: str) -> None:
        if "P01" in line:
            raise KeyboardInterrupt

    steps = {"P01": tour.Step(lambda box: None, frozenset({"a"})), "P02": tour.Step(hangs, frozenset({"b"}))}
    with pytest.raises(KeyboardInterrupt):
        tour.run_tour(NO_BOX, promising(tmp_path, *steps), say=ctrl_c, steps=steps)
    interrupted.set()
    assert True not in outlasted


@pytest.mark.parametrize("name", ["P18", "P19", "P20"])
def test_what_measures_pace_or_reads_all_logs_is_tried_alone(name: str) -> None:
    assert tour.STEPS[name].on == frozenset()


@pytest.mark.parametrize("hour", range(24))
def test_a_practice_may_be_where_it_is_day_at_any_hour_but_on_sundays(hour: int) -> None:
    now = datetime(2026, 11, 24, hour, 30, tzinfo=UTC)
    there = now.astimezone(ZoneInfo(open_zone(now)))

    assert 7 <= there.hour < 19
    assert open_zone(datetime(2026, 11, 22, 12, tzinfo=UTC)) == Practice.time_zone
