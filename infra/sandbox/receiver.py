"""A webhook receiver on loopback: what comes to a hook is verified, kept in memory, shown, and answered as it was told.

    GET  /                 a page with what came
    GET  /deliveries       the same as JSON, the youngest first; ?hook=mine   DELETE /deliveries forgets them
    POST /hooks/{name}     where an endpoint points to; any name
    PUT  /hooks/{name}     {"secret": "whsec_..."}: what it is verified with, for instance the answer of POST /webhooks
                           as it came; one more is one that is good as well, as while secrets are rotated
                           {"answer": 500, "times": 3}: what it answers, and how often before it is 200 again
                           {"delay_s": 12}: how long it takes to

Bodies and secrets are never written anywhere, and a secret is never shown.
"""

from __future__ import annotations

import contextlib
import html
import http.server
import json
import socketserver
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

KEPT: Final = 2_000
ON_A_PAGE: Final = 200
LONGEST_DELAY_S: Final = 60.0
MOST_BYTES: Final = 1_000_000
_HOST: Final = "127.0.0.1"
_USUAL: Final = 200

Clock = Callable[[], datetime]
Say = Callable[[str], object]


@dataclass(frozen=True)
class Received:
    """One message that came. `signature` is `good`, `bad`, or `unchecked` where the hook knows no secret."""

    hook: str
    id: str
    type: str
    practice_id: str
    received_at: datetime
    latency_s: float | None
    """Since what it tells happened; None if it does not say when."""
    signature: str
    answer: int
    body: Any
    """Its JSON; None if it is none."""

    @property
    def line(self) -> str:
        """What is printed of it: nothing of what it tells."""
        return f"webhook {self.type} {self.id} {self.practice_id} {_seconds(self)}, signature {self.signature}"

    def json(self) -> dict[str, Any]:
        """As `GET /deliveries` shows it."""
        return {
            "hook": self.hook,
            "id": self.id,
            "type": self.type,
            "practice_id": self.practice_id,
            "received_at": self.received_at.isoformat(),
            "latency_s": self.latency_s,
            "signature": self.signature,
            "answer": self.answer,
            "body": self.body,
        }


@dataclass(frozen=True)
class Hook:
    """What a hook verifies with and answers. `times`: how many more are answered so; None for all."""

    secrets: tuple[str, ...] = ()
    answer: int = _USUAL
    times: int | None = None
    delay_s: float = 0.0

    def told(self, wanted: object) -> Hook:
        """The hook as it is told to be; what is not named stays.

        Raises:
            ValueError: it is no object, nothing of it is known, or a value is none.
        """
        if not isinstance(wanted, dict):
            raise ValueError("send an object")  # noqa: TRY004 - it is a caller's JSON that is wrong
        if not wanted.keys() & {"secret", "answer", "times", "delay_s"}:
            # Whoever pipes an answer of the API in here sees why that was none with a secret.
            raise ValueError(str(wanted.get("detail") or "send secret, answer, times or delay_s"))
        hook = self
        if "secret" in wanted:
            secret = _secret(wanted["secret"])
            hook = replace(hook, secrets=(*(one for one in hook.secrets if one != secret), secret))
        if "answer" in wanted:
            hook = replace(hook, answer=_status(wanted["answer"]), times=None)
        if "times" in wanted:
            hook = replace(hook, times=None if wanted["times"] is None else max(0, int(wanted["times"])))
        if "delay_s" in wanted:
            hook = replace(hook, delay_s=min(max(0.0, float(wanted["delay_s"])), LONGEST_DELAY_S))
        return hook

    def next(self) -> tuple[int, Hook]:
        """What the next message is answered, and the hook after it."""
        if self.times is None:
            return self.answer, self
        if self.times == 0:
            return _USUAL, replace(self, answer=_USUAL, times=None)
        return self.answer, replace(self, times=self.times - 1)

    def verdict(self, headers: Mapping[str, str], body: bytes) -> str:
        """`good`, `bad` or `unchecked`, by the rules of Standard Webhooks: age, id, body and one of the signatures."""
        if not self.secrets:
            return "unchecked"
        return "good" if any(_is_good(secret, headers, body) for secret in self.secrets) else "bad"

    def json(self) -> dict[str, Any]:
        """How it is; secrets are counted only."""
        return {"answer": self.answer, "times": self.times, "delay_s": self.delay_s, "secrets": len(self.secrets)}


def _secret(value: object) -> str:
    try:
        Webhook(str(value))
    except (ValueError, EmptyWebhookSecretError) as error:
        raise ValueError("this is no secret") from error
    return str(value)


def _status(value: object) -> int:
    if not isinstance(value, int) or not 200 <= value < 600:
        raise ValueError("send a status of 200 to 599 as answer")
    return value


def _is_good(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        # Of a header that is malformed the library says so in errors of its own parts, all of them ValueErrors.
        return False
    return True


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Receiver:
    """The server, from `start` until `stop`. `say` gets one line for each message that comes."""

    say: Say | None = None
    now: Clock = _utc_now
    kept: int = KEPT
    _hooks: dict[str, Hook] = field(default_factory=dict)
    _server: _Server | None = None

    def __post_init__(self) -> None:
        self._received: deque[Received] = deque(maxlen=self.kept)
        self._lock = threading.Lock()
        self._ending = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        if self._server is None:
            raise RuntimeError("it does not listen")
        return f"http://{_HOST}:{self._server.server_port}"

    def start(self) -> Receiver:
        """Listen on a free port."""
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the server; whoever waits for a slow answer gets none. A second call does nothing."""
        self._ending.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def tell(self, hook: str, **wanted: Any) -> None:
        """As `PUT /hooks/{hook}` does. Raises: ValueError."""
        self.put(hook, wanted)

    def put(self, hook: str, wanted: object) -> Hook:
        """As `PUT /hooks/{hook}` does; the hook as it is then. Raises: ValueError."""
        with self._lock:
            self._hooks[hook] = self._hooks.get(hook, Hook()).told(wanted)
            return self._hooks[hook]

    def deliveries(self, hook: str | None = None) -> list[Received]:
        """What came to `hook`, or to any, the youngest first."""
        with self._lock:
            return [one for one in reversed(self._received) if hook in {None, one.hook}]

    def forget(self) -> None:
        """Forget what came; hooks stay as they are."""
        with self._lock:
            self._received.clear()

    def receive(self, name: str, headers: Mapping[str, str], body: bytes) -> int:
        """Take a message; the status that it is answered, once that is due."""
        at = self.now()
        with self._lock:
            hook = self._hooks.get(name, Hook())
            answer, self._hooks[name] = hook.next()
            came = _read(name, headers, body, at=at, signature=hook.verdict(headers, body), answer=answer)
            self._received.append(came)
        if self.say is not None:
            self.say(came.line)
        self._ending.wait(hook.delay_s)
        return answer

    def page(self) -> str:
        """What came, for people."""
        rows = "".join(_row(one) for one in self.deliveries()[:ON_A_PAGE])
        told = html.escape(f'"$API/webhooks" -d \'{{"url": "{self.url}/hooks/mine"}}\'')
        return _PAGE.format(rows=rows or '<tr><td colspan="8">Nothing has come yet.', told=told, kept=ON_A_PAGE)


def _read(name: str, headers: Mapping[str, str], body: bytes, *, at: datetime, signature: str, answer: int) -> Received:
    try:
        read = json.loads(body)
    except ValueError:
        read = None
    message = read if isinstance(read, dict) else {}
    data = message["data"] if isinstance(message.get("data"), dict) else {}
    latency = None
    with contextlib.suppress(KeyError, TypeError, ValueError):
        latency = (at - datetime.fromisoformat(data["occurred_at"])).total_seconds()
    return Received(
        name,
        _word(headers.get("webhook-id")),
        _word(message.get("type")),
        _word(data.get("practice_id")),
        at,
        latency,
        signature,
        answer,
        read,
    )


def _word(value: object) -> str:
    """An id or a type as it may be printed: whoever can post here must not write lines of his own."""
    text = str(value or "")
    return text if text.isascii() and text.isprintable() and 0 < len(text) <= 80 else "?"


def _seconds(one: Received) -> str:
    return "?" if one.latency_s is None else f"{one.latency_s:.1f} s"


def _row(one: Received) -> str:
    body = json.dumps(one.body, indent=2, ensure_ascii=False)
    cells = (f"{one.received_at:%H:%M:%S}", one.hook, one.type, one.id, one.practice_id, _seconds(one))
    said = "".join(f"<td>{html.escape(cell)}" for cell in cells)
    return (
        f'<tr>{said}<td class="{one.signature}">{one.signature}<td>{one.answer}'
        f"<tr><td><td colspan=7><details><summary>body</summary><pre>{html.escape(body)}</pre></details>\n"
    )


_PAGE: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Webhooks of the sandbox</title>
<style>
body {{ font: 15px system-ui, sans-serif; margin: 2em; color: #222 }} table {{ border-collapse: collapse }}
th, td {{ text-align: left; padding: .2em 1em .2em 0; vertical-align: top }} code, pre {{ font-size: 13px }}
.good {{ color: #060 }} .bad {{ color: #b00; font-weight: bold }} .unchecked {{ color: #860 }} summary {{ color: #666 }}
</style>
<h1>Webhooks of the sandbox</h1>
<p>The last {kept} that came; nothing of it is written anywhere. An endpoint that leads here: <code>POST {told}</code>;
its secret: <code>PUT /hooks/mine</code> with the answer. <a href="/">Again</a>, <a href="/deliveries">as JSON</a></p>
<table><tr><th>at (UTC)<th>hook<th>type<th>id<th>practice<th>after<th>signature<th>answered
{rows}</table></html>
"""


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__((_HOST, 0), _Connection)

    def server_bind(self) -> None:
        # HTTPServer asks the resolver for the host's name here, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever posts may hang up while he waits for a slow answer: that is what it is slow for."""


class _Connection(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "SandboxReceiver"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 2 * LONGEST_DELAY_S

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if not self._is_asked_here():
            return
        if url.path == "/":
            self._send(200, self.server.receiver.page().encode(), "text/html; charset=utf-8")
        elif url.path == "/deliveries":
            hook = parse_qs(url.query).get("hook", [None])[0]
            self._say(200, {"data": [one.json() for one in self.server.receiver.deliveries(hook)]})
        else:
            self._say(404, {"error": "there are /, /deliveries and /hooks/{name}"})

    def do_DELETE(self) -> None:
        if not self._is_asked_here():
            return
        if self.path != "/deliveries":
            self._say(404, {"error": "there is /deliveries"})
            return
        self.server.receiver.forget()
        self._say(200, {"data": []})

    def do_PUT(self) -> None:
        name, body = self._hook(), self._body()
        if name is None or body is None or not self._is_asked_here():
            return
        try:
            hook = self.server.receiver.put(name, json.loads(body))
        except (ValueError, TypeError) as error:
            self._say(400, {"error": str(error)})
            return
        self._say(200, hook.json())

    def do_POST(self) -> None:
        name, body = self._hook(), self._body()
        if name is None or body is None:
            return
        headers = {key.lower(): value for key, value in self.headers.items()}
        answer = self.server.receiver.receive(name, headers, body)
        self._say(answer, {"received": True} if answer == _USUAL else {"error": "as it was told"})

    def _hook(self) -> str | None:
        """The hook that is meant; None if none is, which has been said."""
        name = urlsplit(self.path).path.removeprefix("/hooks/")
        if name.replace("-", "").replace("_", "").isalnum() and name.isascii() and len(name) <= 64:
            return name
        self._say(404, {"error": "there is /hooks/{name}, the name of letters, digits, - and _"})
        return None

    def _body(self) -> bytes | None:
        """The request's body; None if its length is not told or too large, which has been said."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MOST_BYTES:
            self._say(413 if length.isdigit() else 411, {"error": "send a body of a known length, 1 MB at most"})
            return None
        return self.rfile.read(int(length))

    def _is_asked_here(self) -> bool:
        """Whether it is asked by its own address: a page of the web that a name of its own leads here is not shown."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host in {_HOST, "localhost"}:
            return True
        self._say(403, {"error": "ask by 127.0.0.1"})
        return False

    def _say(self, status: int, told: object) -> None:
        self._send(status, json.dumps(told).encode() + b"\n", "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        # What was not read of a request would be taken for the next one.
        self.send_header("Connection", "close")
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing but what the receiver says."""
