"""What goes out to endpoints, over real sockets of this machine; and to which addresses nothing ever goes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import httpcore
import pytest

from gateway.adapters.webhooks.network import GuardedNetwork, is_public
from gateway.adapters.webhooks.sender import EXCERPT, READ_AT_MOST, HttpSender

Answer = Callable[[socket.socket], None]

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.8.9.10",
    "169.254.169.254",  # metadata of instances
    "169.254.170.2",  # credentials of containers
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::a00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata again
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%1",
    "fec0::1",
    "ff02::1",
    "no-address",
    "0x7f.1",
    "2130706433",
    "127.1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_nothing_goes_to_an_address_that_is_not_of_the_public_internet(address: str) -> None:
    sender = HttpSender(resolver=lambda host, port: [address])

    assert not is_public(address)
    assert sender.post("https://hooks.example.com/", {}, b"{}").error == "address-not-allowed"


@pytest.mark.parametrize("address", ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700:4700::1111", "192.0.1.1"])
def test_the_public_internet_is_open(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("others", [["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "169.254.169.254"]])
def test_one_forbidden_address_among_several_is_enough(others: list[str]) -> None:
    assert HttpSender(resolver=lambda host, port: others).post("https://a.example/", {}, b"").error == (
        "address-not-allowed"
    )


class Recorder(httpcore.NetworkBackend):
    """Notes what is connected to, and connects to nothing."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    def connect_tcp(self, host: str, *args: object, **more: object) -> httpcore.NetworkStream:
        self.connected.append(host)
        raise httpcore.ConnectError("nobody")


def test_a_name_that_means_another_address_at_each_question_is_asked_once() -> None:
    """A name that was public when it was checked and is the metadata service when it is connected to."""
    answers = iter([["8.8.8.8"], ["169.254.169.254"], ["169.254.169.254"]])
    asked, below = [], Recorder()

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    network = GuardedNetwork(until=10, loopback=False, resolver=rebinding, backend=below, monotonic=lambda: 0)
    with pytest.raises(httpcore.ConnectError):
        network.connect_tcp("rebinding.example", 443)

    assert (asked, below.connected) == (["rebinding.example"], ["8.8.8.8"])


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
    ],
)
def test_an_address_in_the_url_itself_is_checked_like_any_other(url: str) -> None:
    # The real resolver: it knows addresses without asking anybody.
    assert HttpSender().post(url, {}, b"").error in {"address-not-allowed", "no-connection"}


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd", "", "x"]
)
def test_nothing_goes_out_but_by_https(url: str) -> None:
    sender = HttpSender(resolver=lambda host, port: pytest.fail("it was looked up"))

    assert sender.post(url, {}, b"").error in {"not-https", "url"}


# -- over sockets --------------------------------------------------------------------------------------------------


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """A server of this machine that reads one request and answers by `answer`; its address and what it was sent."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    got.append(_request(connection))
                    answer(connection)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", got
        listening.close()
        thread.join(5)
    assert not thread.is_alive()


def _request(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    (length,) = (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def saying(text: bytes) -> Answer:
    return lambda connection: connection.sendall(text)


def test_a_message_arrives_as_it_was_signed_and_the_answer_is_noted() -> None:
    with serving(saying(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok")) as (url, got):
        outcome = HttpSender(plain=True).post(f"{url}/hooks?a=b%20c", {"webhook-id": "evt_a"}, b'{"type":"x"}')

    assert (outcome.status, outcome.error, outcome.excerpt, outcome.is_success) == (202, None, "ok", True)
    head, _, body = got[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hooks?a=b%20c HTTP/1.1\r\n")
    assert b"webhook-id: evt_a" in head and b"Content-Type: application/json" in head
    assert body == b'{"type":"x"}'


def test_a_redirect_is_a_failure_and_is_not_followed() -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    said = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://other.example/\r\nContent-Length: 0\r\n\r\n"
    with serving(saying(said)) as (url, _):
        outcome = HttpSender(plain=True, resolver=resolver).post(url, {}, b"{}")

    assert (outcome.status, outcome.is_success, len(asked)) == (307, False, 1)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as (url, _):
        assert HttpSender(plain=True).post(url, {}, b"{}").status == 204


class Hurried:
    """A clock that passes a second each time somebody looks."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_an_endless_answer_is_read_up_to_a_bound_and_a_little_of_it_is_kept() -> None:
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\n\r\n")
        with suppress(OSError):
            while sent < 100 * READ_AT_MOST:
                connection.sendall(b"x" * 4096)
                sent += 4096

    with serving(endless) as (url, _):
        outcome = HttpSender(plain=True).post(url, {}, b"{}")

    assert (outcome.status, outcome.excerpt) == (500, "x" * EXCERPT)
    assert sent < 100 * READ_AT_MOST


def test_an_answer_that_comes_in_drops_is_cut_off_when_the_call_has_had_its_time() -> None:
    """Each drop would begin a time limit of its own, and the worker would sit there for ever."""

    def drops(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.sendall(b"HTTP/1.1 ")
            while True:
                connection.sendall(b"2")

    with serving(drops) as (url, _):
        outcome = HttpSender(plain=True, limit_s=20, monotonic=Hurried()).post(url, {}, b"{}")

    assert (outcome.status, outcome.error) in {(None, "timeout"), (None, "connection-broken")}


def test_nobody_who_answers_at_all_is_a_timeout() -> None:
    def silent(connection: socket.socket) -> None:
        with suppress(OSError):
            connection.recv(1)

    with serving(silent) as (url, _):
        outcome = HttpSender(plain=True, limit_s=0.2).post(url, {}, b"{}")

    assert (outcome.status, outcome.error, outcome.is_success) == (None, "timeout", False)


def test_who_hangs_up_or_talks_nonsense_is_a_failure() -> None:
    for answer in (lambda connection: None, saying(b"SSH-2.0-OpenSSH\r\n\r\n")):
        with serving(answer) as (url, _):
            outcome = HttpSender(plain=True).post(url, {}, b"{}")

        assert (outcome.status, outcome.error) == (None, "connection-broken")


def test_a_port_where_nobody_listens_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    assert HttpSender(plain=True).post(f"http://127.0.0.1:{port}/", {}, b"{}").error == "no-connection"


def test_what_does_not_speak_tls_gets_nothing() -> None:
    got: list[bytes] = []

    def plain(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            got.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=lambda: plain(listening.accept()[0]))
        thread.start()
        outcome = HttpSender(plain=True).post(
            f"https://127.0.0.1:{listening.getsockname()[1]}/", {}, b'{"secret":"not-for-the-wire"}'
        )
        thread.join(5)

    assert outcome.status is None and not outcome.is_success
    assert b"not-for-the-wire" not in got[0]
