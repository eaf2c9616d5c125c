import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.sandbox.practice.__main__ import build, parser

from .conftest import Running

ANN = {"LName": "Sample", "FName": "Ann"}


def fault(practice: Running, **told: object) -> None:
    practice.control.post("/faults", json=told).raise_for_status()


def test_a_dropped_answer_leaves_the_work_done(practice: Running) -> None:
    fault(practice, kind="drop_answer", match="patients.create")
    with pytest.raises(httpx.RemoteProtocolError):
        practice.api.post("patients", json=ANN)
    assert practice.store.count("patient") == 1
    assert practice.api.post("patients", json=ANN).status_code == 201


def test_a_lost_request_leaves_nothing(practice: Running) -> None:
    fault(practice, kind="lose_request", match="*")
    with pytest.raises(httpx.RemoteProtocolError):
        practice.api.post("patients", json=ANN)
    assert practice.store.count("patient") == 0
    assert practice.control.get("/log").json()[0]["status"] == 0


@pytest.mark.parametrize(
    ("told", "status", "made"),
    [
        ({"kind": "offline"}, 400, 0),
        ({"kind": "unexpected"}, 400, 0),
        ({"kind": "html", "status": 502}, 502, 1),
        ({"kind": "html", "status": 502, "work": False}, 502, 0),
        ({"kind": "status", "status": 503, "text": "Failed"}, 503, 0),
        ({"kind": "429", "retry_after": 7}, 429, 0),
        ({"kind": "half_json"}, 201, 1),
        ({"kind": "empty"}, 201, 1),
    ],
)
def test_each_bad_day_does_what_it_says(practice: Running, told: dict[str, object], status: int, made: int) -> None:
    fault(practice, match="patients.create", **told)
    answer = practice.api.post("patients", json=ANN)
    assert (answer.status_code, practice.store.count("patient")) == (status, made)
    if told["kind"] == "half_json":
        with pytest.raises(json.JSONDecodeError):
            answer.json()
    if told["kind"] == "429":
        assert answer.headers["retry-after"] == "7"


def test_a_fault_waits_counts_and_ends(practice: Running) -> None:
    fault(practice, kind="status", status=500, match="providers.list", after=1, count=2)
    assert [practice.api.get("providers").status_code for _ in range(4)] == [200, 500, 500, 200]
    fault(practice, kind="status", status=500, match="*", count=None)
    practice.control.delete("/faults")
    assert practice.api.get("providers").status_code == 200


def test_the_log_names_operations_and_never_what_they_carried(practice: Running) -> None:
    practice.api.post("patients", json={"LName": "Uniquename", "FName": "Ann"})
    practice.api.get("patients/Simple", params={"LName": "Uniquename"})
    text = practice.control.get("/log").text
    assert [entry["operation"] for entry in json.loads(text)] == ["patients.create", "patients.Simple"]
    assert "Uniquename" not in text
    assert "DEMO" not in text


def test_the_control_endpoint_is_closed_without_its_token(practice: Running) -> None:
    url = practice.server.control_url.rpartition("/")[0]
    assert httpx.get(f"{url}/log").status_code == 404
    assert httpx.get(f"{url}/wrong/log").status_code == 404


def test_rows_go_in_in_wire_form_and_come_out_as_the_database_has_them(practice: Running) -> None:
    row = {"AptNum": 77, "PatNum": 1, "AptStatus": "Broken", "IsHygiene": "true", "serverDateTime": "x"}
    assert practice.control.post("/rows", json={"resource": "appointments", "row": row}).json() == [77]
    stored = practice.control.get("/rows/appointment", params={"AptNum": "77"}).json()[0]
    assert (stored["AptStatus"], stored["IsHygiene"]) == (5, 1)


def test_a_bad_row_is_refused_and_none_of_its_batch_stays(practice: Running) -> None:
    rows = [{"resource": "patients", "row": ANN}, {"resource": "patients", "row": {"Bogus": 1}}]
    assert practice.control.post("/rows", json=rows).status_code == 400
    assert practice.store.count("patient") == 0


def test_rows_are_added_edited_and_deleted_as_an_office_does_it_and_the_api_shows_it(practice: Running) -> None:
    control, path = practice.control, "/rows/patient"
    (ann, ben) = control.post(path, json=[{"LName": "Ann", "PatStatus": 0}, {"LName": "Ben", "PatStatus": 0}]).json()
    assert practice.get(f"/patients/{ann}")["PatStatus"] == "Patient"
    was = practice.get(f"/patients/{ann}")["DateTStamp"]

    practice.clock.sleep(60)
    assert control.patch(path, params={"PatNum": ann}, json={"LName": "Anna", "EstBalance": 12.5}).json() == [ann]
    shown = practice.get(f"/patients/{ann}")
    assert (shown["LName"], shown["EstBalance"]) == ("Anna", 12.5)
    assert shown["DateTStamp"] > was
    # What it is already moves no stamp, as in the office's database.
    assert control.patch(path, params={"PatNum": ann}, json={"LName": "Anna"}).json() == []
    assert control.patch(path, params={"PatStatus": 0}, json={"PriProv": 7}).json() == [ann, ben]

    assert control.delete(path, params={"PatNum": ann}).json() == [ann]
    assert practice.api.get(f"/patients/{ann}").status_code == 404
    assert [row["PatNum"] for row in control.get(path).json()] == [ben]
    assert control.delete(path, params={"PatNum": ann}).json() == []


@pytest.mark.parametrize(
    ("method", "path", "told", "word"),
    [
        ("PATCH", "/rows/patient", {"LName": "X"}, "say which rows"),
        ("DELETE", "/rows/patient", None, "say which rows"),
        ("PATCH", "/rows/patient?PatNum=1", {"PatNum": 9}, "is the key"),
        ("PATCH", "/rows/patient?PatNum=1", {"lname": "X"}, "no column lname"),
        ("PATCH", "/rows/patient?lname=X", {"LName": "X"}, "no column lname"),
        ("PATCH", "/rows/patient?PatNum=1", {"PatStatus": "Deleted"}, "a whole number"),
        ("PATCH", "/rows/patient?PatNum=1", {"Premed": True}, "a whole number"),
        ("PATCH", "/rows/patient?PatNum=1", {"LName": None}, "a text"),
        ("PATCH", "/rows/patient?PatNum=1", {}, "an object"),
        ("PATCH", "/rows/patient?PatNum=1", ["LName"], "an object"),
        ("POST", "/rows/patient", [{"LName": "X"}, {"EstBalance": "much"}], "a number"),
        ("POST", "/rows/patient", {"PatNum": 1, "LName": "X"}, "already"),
        ("POST", "/rows/nothing", {"LName": "X"}, "no table"),
        ("DELETE", "/rows/patient?PatNum=one", None, "ValueError"),
        ("POST", "/rows/patient", None, "an object"),
    ],
)
def test_what_is_no_row_or_no_condition_is_refused_in_words_and_changes_nothing(
    practice: Running, method: str, path: str, told: Any, word: str
) -> None:
    practice.control.post("/rows/patient", json={"PatNum": 1, "LName": "Ann"})
    before = practice.control.get("/rows/patient").json()
    refused = practice.control.request(method, path, json=told)

    assert refused.status_code == 400
    assert word in refused.json()["error"]
    assert practice.control.get("/rows/patient").json() == before


def test_settings_that_do_not_fit_change_nothing(practice: Running) -> None:
    answer = practice.control.put("/settings", json={"mode": "Local", "throttle_from": "middle"})
    assert answer.status_code == 400
    assert practice.practice.settings.mode == "Remote"


def test_own_rows_load_and_a_bad_line_is_named_without_its_value(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(json.dumps({"resource": "patients", "row": {**ANN, "PatNum": 42, "Gender": "Female"}}) + "\n")
    bad.write_text(good.read_text() + json.dumps({"resource": "patients", "row": {"Gender": "Secretword"}}))
    server = build(parser().parse_args(["--patients", "0", "--data", str(good)]))
    assert (server.practice.office.store.get("patient", 42) or {})["Gender"] == 1
    server.stop()
    with pytest.raises(ValueError, match=r"^line 2: Gender is invalid\.$"):
        build(parser().parse_args(["--patients", "0", "--data", str(bad)]))


def test_the_program_tells_where_it_listens_and_ends_cleanly_on_a_signal(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    command = [sys.executable, "-m", "infra.sandbox.practice", "--patients", "3", "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("practice: http://127.0.0.1:")
        told = json.loads(state.read_text())
        headers = {
            "Authorization": f"ODFHIR {told['developer_key']}/{told['customer_key']}",
            "Content-Type": "application/json",
        }
        assert httpx.get(f"{told['base_url']}patients/1", headers=headers).status_code == 200
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_shutdown_can_be_asked_for(start: Callable[..., Running]) -> None:
    practice = start()
    practice.control.post("/shutdown")
    assert practice.server.stopping.is_set()
