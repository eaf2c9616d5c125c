"""The practice on the loopback interface: one port for the API, one for the tests' control."""

from __future__ import annotations

import contextlib
import http.server
import json
import secrets
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any

from infra.sandbox.practice.control import Control
from infra.sandbox.practice.firing import Loop
from infra.sandbox.practice.practice import MAX_BODY, Answer, Mode, Practice

_HOST = "127.0.0.1"
_IDLE_S = 600.0
# A character takes up to four bytes.
_MAX_BYTES = MAX_BODY * 4

Respond = Callable[[str, str, dict[str, str], bytes, str], Answer]


class _Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, port: int, respond: Respond) -> None:
        self.respond = respond
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self._serving: threading.Thread | None = None
        super().__init__((_HOST, port), _Connection)

    def begin(self) -> None:
        """Take connections, in a thread of its own."""
        self._serving = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._serving.start()

    def end(self) -> None:
        """Take none any more, close those that are open, and let go of the port. A second call does nothing more."""
        serving, self._serving = self._serving, None
        if serving is not None:
            # `shutdown` waits for the listener to look up; a connection makes it look at once.
            waking = threading.Thread(target=self.shutdown)
            waking.start()
            with contextlib.suppress(OSError):
                socket.create_connection((_HOST, self.server_port), timeout=1).close()
            waking.join()
            serving.join()
        self.close_connections()
        self.server_close()

    def server_bind(self) -> None:
        # HTTPServer asks the resolver for the host's name here, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def opened(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.discard(connection)

    def close_connections(self) -> None:
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers come and go; a broken connection is theirs to report."""


class _Connection(http.server.BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    server_version = "OpenDentalPractice"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = _IDLE_S

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        if body is None:
            self.close_connection = True
            self._send(Answer(400))
            return
        self._send(self.server.respond(self.command, self.path, headers, body, self.client_address[0]))

    def _body(self, headers: dict[str, str]) -> bytes | None:
        """The request's body; None if its length is not told, too large, or not what was told."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _MAX_BYTES:
            return None
        body = self.rfile.read(int(length)) if int(length) else b""
        return body if len(body) == int(length) else None

    def _chunks(self) -> bytes | None:
        parts: list[bytes] = []
        total = 0
        while True:
            told = self.rfile.readline(64).partition(b";")[0].strip()
            try:
                size = int(told, 16)
            except ValueError:
                return None
            total += size
            if size < 0 or total > _MAX_BYTES:
                return None
            if size == 0:
                break
            parts.append(self.rfile.read(size))
            self.rfile.readline(8)
        # Trailers, then the empty line.
        while self.rfile.readline(1024).strip():
            pass
        return b"".join(parts)

    def _send(self, answer: Answer) -> None:
        if answer.drop:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        if answer.body or answer.status not in (204, 304):
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815  (the base class looks these names up)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: request lines carry names and birth dates."""


class PracticeServer:
    """A practice that listens. `start` returns once both ports accept; `stop` closes every connection.

    With `fires` its subscriptions are polled meanwhile; without, only as `Practice.firing` is told to.
    """

    def __init__(self, practice: Practice, *, port: int = 0, fires: bool = False) -> None:
        self.practice = practice
        self._loop = Loop(practice.office, practice.firing) if fires else None
        self._token = secrets.token_urlsafe(16)
        self.stopping = threading.Event()
        self._control = Control(practice, stop=self.stopping.set, door=self._turn_door)
        self._api = _Listener(port, practice.handle)
        self._port = self._api.server_port
        self._side = _Listener(0, self._steer)
        self._turning = threading.Lock()
        self._is_open = True
        practice.base_url = self.base_url

    @property
    def base_url(self) -> str:
        """Where the API answers, without /api/v1."""
        return f"http://{_HOST}:{self._port}"

    @property
    def control_url(self) -> str:
        """Where the control endpoint answers; its last part is a secret of this run."""
        return f"http://{_HOST}:{self._side.server_port}/{self._token}"

    def state(self) -> dict[str, str]:
        """What a client needs to know."""
        key = self.practice.key
        return {
            "base_url": f"{self.base_url}/api/v1/",
            "developer_key": key.developer,
            "customer_key": key.customer,
            "portal_key": self.practice.portal_key,
            "control_url": self.control_url,
            "time_zone": str(self.practice.office.clock.zone),
        }

    def beside(self, mode: Mode) -> PracticeServer:
        """A second door of the same office, not yet listening; its subscriptions are polled by the first."""
        return PracticeServer(self.practice.beside(mode))

    def start(self) -> None:
        """Listen."""
        for listener in (self._api, self._side):
            listener.begin()
        if self._loop:
            self._loop.start()

    def stop(self) -> None:
        """Stop listening and let go of the ports; also of a practice that never started."""
        if self._loop:
            self._loop.stop()
        with self._turning:
            ending = [threading.Thread(target=listener.end) for listener in (self._api, self._side)]
            for thread in ending:
                thread.start()
            for thread in ending:
                thread.join()

    def _turn_door(self, *, is_open: bool) -> None:
        """Have the API's port refuse connections, as the port of a server that is switched off does, or take them
        again. Raises: OSError: somebody else has the port by now."""
        with self._turning:
            if is_open is self._is_open:
                return
            if is_open:
                self._api = _Listener(self._port, self.practice.handle)
                self._api.begin()
            else:
                self._api.end()
            self._is_open = is_open

    def __enter__(self) -> PracticeServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _steer(self, method: str, target: str, _headers: dict[str, str], body: bytes, _source: str) -> Answer:
        prefix = f"/{self._token}"
        if not target.startswith(f"{prefix}/"):
            return Answer(404)
        status, answer = self._control.handle(method, target[len(prefix) :], body)
        return Answer(status, json.dumps(answer).encode())
