# ruff: noqa: DTZ001 - the office's wall clock has no zone.
"""The wire is faked in one place: under httpx."""

import json
import logging
import socket
import ssl
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import ClassVar

import httpx
import pytest

from open_dental.catalogue import UnknownOperation
from open_dental.client import REMOTE, Answer, Client, Keys, Timeouts
from open_dental.errors import (
    Garbage,
    Interrupted,
    Invalid,
    KeyRefused,
    LostAnswer,
    NotFound,
    NotSent,
    OpenDentalError,
    PermissionMissing,
    Throttled,
)

KEYS = Keys(developer="FakeDeveloperKey", customer="FakeCustomerKey1")


class Wire:
    """Answers every request alike and keeps what came."""

    def __init__(self, status: int = 200, body: object = (), **headers: str) -> None:
        self.requests: list[httpx.Request] = []
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(
            status, content=raw, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)


def client_on(wire: Callable[[httpx.Request], httpx.Response], base_url: str = REMOTE) -> Client:
    return Client(KEYS, base_url, transport=httpx.MockTransport(wire))


def test_every_call_carries_both_keys_and_the_content_type_even_without_a_body() -> None:
    wire = Wire()
    client = client_on(wire)
    client.call("patients.Simple")
    client.call("appointments.create", body={"PatNum": 1})
    client.call("procedurelogs.delete", path={"ProcNum": 1})

    assert {request.headers["authorization"] for request in wire.requests} == {
        "ODFHIR FakeDeveloperKey/FakeCustomerKey1"
    }
    assert {request.headers["content-type"] for request in wire.requests} == {"application/json"}
    assert [request.method for request in wire.requests] == ["GET", "POST", "DELETE"]


def test_a_query_is_percent_encoded_with_its_case_kept() -> None:
    wire = Wire()
    client_on(wire).call(
        "patients.Simple",
        query={"LName": "O'Neil & Söhne+1 /?", "Birthdate": date(2001, 2, 3), "Limit": 100, "Offset": 0},
    )

    assert wire.requests[0].url.raw_path == (
        b"/api/v1/patients/Simple"
        b"?LName=O%27Neil%20%26%20S%C3%B6hne%2B1%20%2F%3F&Birthdate=2001-02-03&Limit=100&Offset=0"
    )


def test_a_path_value_cannot_leave_its_place_in_the_path() -> None:
    wire = Wire(body={})
    client = client_on(wire)
    client.call("patients.get", path={"PatNum": "1/../../apikeys?x"})

    assert wire.requests[0].url.raw_path == b"/api/v1/patients/1%2F..%2F..%2Fapikeys%3Fx"
    for values in ({}, {"PatNum": ".."}, {"PatNum": ""}, {"PatNum": 1, "AptNum": 2}, None):
        with pytest.raises(ValueError, match=r"patients\.get"):
            client.call("patients.get", path=values)


def test_a_body_is_written_as_the_catalogue_types_it() -> None:
    wire = Wire(201, {"PayNum": 5})
    client_on(wire).call(
        "payments.create",
        body={"PatNum": 2**63 - 1, "PayAmt": Decimal("62.10"), "PayDate": date(2026, 3, 9), "isPrepayment": True},
    )

    assert wire.requests[0].content == (
        b'{"PatNum": 9223372036854775807, "PayAmt": "62.10", "PayDate": "2026-03-09", "isPrepayment": "true"}'
    )


def test_an_amount_that_the_catalogue_types_as_a_number_is_sent_bare() -> None:
    wire = Wire(201, {})
    client_on(wire).call("claimprocs.Supplemental", body={"ClaimProcNum": 1, "InsPayAmt": Decimal("20.50")})

    assert wire.requests[0].content == b'{"ClaimProcNum": 1, "InsPayAmt": 20.50}'


def test_names_that_the_operation_does_not_take_are_not_sent() -> None:
    """The vendor ignores an unknown filter and answers the whole list: of all patients, to whoever asked for one."""
    wire = Wire()
    client = client_on(wire)

    with pytest.raises(ValueError, match=r"patients\.Simple takes no parameter lname"):
        client.call("patients.Simple", query={"lname": "X"})
    with pytest.raises(ValueError, match=r"patients\.get takes no parameter Limit"):
        client.call("patients.get", path={"PatNum": 1}, query={"Limit": 1})
    with pytest.raises(ValueError, match=r"appointments\.Note takes no field note"):
        client.call("appointments.Note", path={"AptNum": 1}, body={"note": "X"})
    with pytest.raises(ValueError, match=r"appointments\.create: PatNum is not a whole number"):
        client.call("appointments.create", body={"PatNum": "one"})
    with pytest.raises(ValueError, match=r"payments\.create: PayAmt is not a number"):
        client.call("payments.create", body={"PayAmt": 0.1})
    with pytest.raises(UnknownOperation):
        client.call("patients.explode")
    assert wire.requests == []


def test_an_answer_holds_typed_rows_and_the_office_clock_of_the_first() -> None:
    first = b'{"serverDateTime": "2026-03-09 14:05:06", "PatNum": 9223372036854775807, "EstBalance": 250.0}'
    raw = b"[" + first + b', {"PatNum": 2}]'
    answer = client_on(Wire(body=raw)).call("patients.Simple")

    assert answer.rows()[0]["PatNum"] == 2**63 - 1
    assert str(answer.rows()[0]["EstBalance"]) == "250.0"
    assert answer.server_date_time == datetime(2026, 3, 9, 14, 5, 6)


@pytest.mark.parametrize("body", [[], {}, [{"serverDateTime": "0001-01-01 00:00:00"}], [{"serverDateTime": "soon"}]])
def test_an_answer_without_a_clock_has_none(body: object) -> None:
    assert client_on(Wire(body=body)).call("patients.Simple").server_date_time is None


def test_a_write_answered_with_nothing_or_a_sentence_ended_well() -> None:
    empty = client_on(Wire(200, b"")).call("appointments.Note", path={"AptNum": 1}, body={"Note": "x"})
    sentence = client_on(Wire(201, b"Added.")).call("etrans.create", body={})
    located = client_on(Wire(201, {}, location="https://x/api/v1/appointments/5")).call("appointments.create", body={})

    assert (empty.status, empty.data, empty.rows()) == (200, None, [])
    assert sentence.data == "Added."
    assert located.location == "https://x/api/v1/appointments/5"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'"PatNum is required"', Invalid),
        (404, b'"Patient not found"', NotFound),
        (429, b"", Throttled),
        (502, b"<html>", Interrupted),
        (302, b"", Garbage),
        (200, b"<html>", Garbage),
        (200, b"[{", Garbage),
        (200, b"", Garbage),
        (200, b'"words"', Garbage),
    ],
)
def test_a_bad_answer_is_raised_by_its_class(status: int, body: bytes, kind: type[OpenDentalError]) -> None:
    with pytest.raises(OpenDentalError) as caught:
        client_on(Wire(status, body)).call("patients.Simple", query={"PatStatus": "Patient"})

    assert type(caught.value) is kind
    assert caught.value.status == status


@pytest.mark.parametrize(("header", "pause"), [("17", 17.0), ("0.5", 0.5), ("soon", 5.0), ("-1", 5.0), ("1e99", 5.0)])
def test_a_pause_is_read_from_its_header(header: str, pause: float) -> None:
    with pytest.raises(Throttled) as caught:
        client_on(Wire(429, b"", retry_after=header)).call("patients.Simple")

    assert caught.value.retry_after == pause


NOT_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]
LOST = [
    httpx.ReadTimeout,
    httpx.ReadError,
    httpx.WriteTimeout,
    httpx.WriteError,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    httpx.LocalProtocolError,
    httpx.ProxyError,
]


@pytest.mark.parametrize("broken", [*NOT_SENT, *LOST])
def test_only_a_call_that_found_no_connection_was_not_sent(broken: type[httpx.TransportError]) -> None:
    """A write taken for not sent is sent again, and takes a second chair."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise broken("illegal line: Ann Invented", request=request)

    with pytest.raises(NotSent if broken in NOT_SENT else LostAnswer) as caught:
        client_on(fail).call("appointments.create", body={"Note": "x"})

    assert caught.value.reason == broken.__name__
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_every_transport_error_of_httpx_is_judged_here() -> None:
    def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
        below = kind.__subclasses__()
        for one in below:
            yield from leaves(one)
        if not below:
            yield kind

    assert set(leaves(httpx.TransportError)) == {*NOT_SENT, *LOST, httpx.UnsupportedProtocol}


class Broken(httpx.SyncByteStream):
    """An answer that breaks off after its first piece."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'[{"PatNum": 1}, '
        raise httpx.ReadError("broken off")


class Endless(httpx.SyncByteStream):
    """An answer that never ends."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b" "


def test_an_answer_that_breaks_off_is_lost() -> None:
    with pytest.raises(LostAnswer):
        client_on(lambda _: httpx.Response(200, stream=Broken())).call("patients.Simple")


def test_an_answer_that_trickles_is_lost_when_its_time_is_over() -> None:
    """A worker holds the practice for exactly as long as `Timeouts.limit_s` says."""
    ticks = iter(range(0, 1000, 30))

    def trickle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Endless())

    client = Client(KEYS, transport=httpx.MockTransport(trickle), monotonic=lambda: next(ticks))
    with pytest.raises(LostAnswer):
        client.call("patients.Simple")

    assert next(ticks) == 30 * (Timeouts().limit_s // 30 + 2)


def test_what_is_too_long_for_the_vendor_is_not_sent() -> None:
    wire = Wire()
    client = client_on(wire)

    with pytest.raises(ValueError, match="too long"):
        client.call("patients.Simple", query={"LName": "x" * 70_000})
    with pytest.raises(ValueError, match="above"):
        client.call("documents.Upload", body={"rawBase64": "x" * 16_800_000})
    assert wire.requests == []


def test_an_answer_above_the_limit_is_dropped() -> None:
    client = Client(KEYS, transport=httpx.MockTransport(Wire(body=b"[" + b" " * 2000 + b"]")), answer_limit=1000)

    with pytest.raises(Garbage, match="too long"):
        client.call("patients.Simple")


def test_an_answer_that_says_it_is_packed_and_is_not_is_garbage() -> None:
    with pytest.raises(Garbage):
        client_on(Wire(body=b"[]", content_encoding="gzip")).call("patients.Simple")


def test_no_redirect_is_followed_and_no_cookie_is_kept() -> None:
    """The keys must reach nobody else, and no machine on the way may tie two calls together."""
    wire = Wire(307, b"", location="https://elsewhere.example/", set_cookie="a=b; Path=/")
    client = client_on(wire)
    for _ in range(2):
        with pytest.raises(Garbage):
            client.call("patients.Simple")

    assert [request.url.host for request in wire.requests] == ["api.opendental.com"] * 2
    assert not any("cookie" in request.headers for request in wire.requests)


def test_neither_netrc_nor_proxy_variables_change_who_gets_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    client = Client(KEYS)

    assert not client._reader.trust_env
    assert not client._writer.trust_env
    assert client._reader._mounts == {}


def test_an_address_without_tls_trusts_no_certificate() -> None:
    client = Client(KEYS, "http://127.0.0.1:1/api/v1")

    with pytest.raises(NotSent):
        client.call("patients.Simple")
    transport = client._reader._transport
    assert isinstance(transport, httpx.HTTPTransport)
    context = transport._pool._ssl_context
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.get_ca_certs() == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/api/v1",
        "https://",
        "https://user:pw@x/api/v1",
        "https://x/api/v1?a=b",
        "https://x/#f",
        "x",
        "https://x:99999",
    ],
)
def test_a_base_url_is_a_plain_address(url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        Client(KEYS, url)


def test_a_time_limit_stands_above_the_vendors_own() -> None:
    times = Timeouts()

    assert times.connect_s == 10
    assert times.answer_s > 60
    assert times.limit_s - times.connect_s > 60


def test_keys_and_answers_do_not_show_what_they_hold() -> None:
    answer = Answer(status=200, data=[{"LName": "Invented"}], location="/Invented, Ann/x.pdf")

    assert "Fake" not in f"{KEYS!r} {KEYS} {Client(KEYS, transport=httpx.MockTransport(Wire()))!r}"
    assert "Invented" not in repr(answer)
    for bad in ("", "a b", "a\r\nX-Evil: 1", "clé", "a/b"):
        with pytest.raises(ValueError, match="key") as caught:
            Keys(developer="Fake", customer=bad)
        assert not bad or bad not in str(caught.value)


class _Office(BaseHTTPRequestHandler):
    """A real server, because httpcore logs, and keeps, only what goes over a real connection."""

    protocol_version = "HTTP/1.1"
    connections: ClassVar[list[tuple[str, int]]] = []

    def do_GET(self) -> None:
        self.connections.append((self.command, self.client_address[1]))
        body = b'"Ann Invented is required"'
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/Invented")
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """The server's own log is not what is looked at."""


@pytest.fixture
def office_url() -> Iterator[str]:
    _Office.connections.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Office) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api/v1"
        server.shutdown()
        thread.join()


def test_nothing_of_a_call_is_logged_even_when_everything_is_logged(
    caplog: pytest.LogCaptureFixture, office_url: str
) -> None:
    """A log line with a query string in it is a disclosure of health data."""
    caplog.set_level(logging.DEBUG)
    with Client(KEYS, office_url) as client:
        for name in [None, "open_dental", *logging.Logger.manager.loggerDict]:
            caplog.set_level(logging.DEBUG, logger=name)
        said = []
        with pytest.raises(Invalid) as caught:
            client.call("patients.Simple", query={"LName": "Invented", "Birthdate": date(1980, 1, 2)})
        said.append(caught.value)
        with pytest.raises(Invalid) as caught:
            client.call("appointments.Note", path={"AptNum": 77123}, body={"Note": "Invented"})
        said.append(caught.value)

    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    errors = "".join(line for error in said for line in traceback.format_exception_only(error))
    for secret in ("Fake", "Invented", "1980", "77123", "ODFHIR", "authorization"):
        assert secret not in logged
        assert secret not in errors


def test_an_answer_that_stalls_halfway_is_lost_at_the_shorter_limit() -> None:
    """Were the longer limit used, this test would hang for as long as it says."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"
        held = []

        def answer_half() -> None:
            connection, _ = server.accept()
            held.append(connection)
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")

        thread = threading.Thread(target=answer_half)
        thread.start()
        with Client(KEYS, url, timeouts=Timeouts(answer_s=600, stall_s=0.02)) as client, pytest.raises(LostAnswer):
            client.call("patients.Simple")
        thread.join()
        for connection in held:
            connection.close()


def test_slow_connecting_shortens_the_wait_for_the_answer() -> None:
    """Were the wait its own length, this test would hang for as long as it says."""
    ticks = chain([0.0], repeat(71.99))
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"
        times = Timeouts(answer_s=600, limit_s=72)
        with Client(KEYS, url, timeouts=times, monotonic=lambda: next(ticks)) as client, pytest.raises(LostAnswer):
            client.call("patients.Simple")


def test_a_server_that_hangs_up_without_an_answer_may_have_done_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with Client(KEYS, url) as client, pytest.raises(LostAnswer):
            client.call("appointments.create", body={"Note": "x"})
        thread.join()


def test_reads_share_a_connection_and_each_write_has_its_own(office_url: str) -> None:
    """A resting connection may have died unseen, and a write on it would be a write to be looked for."""
    with Client(KEYS, office_url) as client:
        for _ in range(2):
            with pytest.raises(Invalid):
                client.call("appointments.list")
            with pytest.raises(Invalid):
                client.call("appointments.Note", path={"AptNum": 1}, body={"Note": "x"})
    ports = {method: [port for one, port in _Office.connections if one == method] for method in ("GET", "PUT")}

    assert len(set(ports["GET"])) == 1
    assert len(set(ports["PUT"]) - set(ports["GET"])) == 2


STATEMENT = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.0",
    "software": {"name": "Open Dental", "version": "25.4.11.0"},
}


@pytest.mark.parametrize(
    "body", [STATEMENT, {"resourceType": "Bundle", "total": 1, "entry": [{"resource": STATEMENT}]}]
)
def test_the_capability_statement_is_found_bare_or_in_a_bundle(body: object) -> None:
    wire = Wire(body=body)
    capability = client_on(wire).capability()

    assert wire.requests[0].url == "https://api.opendental.com/fhir/v2/capabilitystatement"
    assert wire.requests[0].headers["authorization"] == KEYS.authorization()
    assert str(capability.server_version) == "25.4.11.0"
    assert capability.fhir_version == "4.0.0"


@pytest.mark.parametrize("body", [{}, [], {"entry": []}, {"entry": [1]}, {"entry": [{"resource": 1}]}, "words", b"{"])
def test_an_answer_without_a_capability_statement_is_garbage(body: object) -> None:
    with pytest.raises(Garbage):
        client_on(Wire(body=body)).capability()


def test_a_key_refused_on_the_fhir_side_too_is_a_wrong_key() -> None:
    with pytest.raises(KeyRefused):
        client_on(Wire(401, b"")).capability()
    with pytest.raises(PermissionMissing):
        client_on(Wire(401, b'"no permission"')).capability()


def test_the_catalogue_and_the_wire_cost_neither_httpx_nor_pydantic() -> None:
    """Every function's cold start pays for what these import."""
    code = (
        "import sys; import open_dental.catalogue, open_dental.wire, open_dental.errors, open_dental.paging; "
        "dear = ('httpx', 'pydantic', 'pydantic_core', 'importlib.resources'); "
        "print([name for name in dear if name in sys.modules]); "
        "from open_dental.catalogue import model; print(model.resource.cache_info().currsize)"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["[]", "0"]


def test_a_call_departs_once_it_is_connected_and_right_before_its_first_byte() -> None:
    """What connecting takes must not move a call out of its slot."""
    said: list[str] = []
    connected = threading.Event()

    class Office(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.append("arrived")
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Listener(ThreadingHTTPServer):
        def get_request(self) -> tuple[socket.socket, object]:
            connected.set()
            return super().get_request()

    def gate() -> None:
        said.append("departs" if connected.wait(5) else "departs without a connection")

    with Listener(("127.0.0.1", 0), Office) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with Client(KEYS, f"http://127.0.0.1:{server.server_port}/api/v1") as client:
                client.call("appointments.list", gate=gate)
        finally:
            server.shutdown()
            thread.join()

    assert said == ["departs", "arrived"]
