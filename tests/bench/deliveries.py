"""How many webhooks one worker delivers, what endpoints cost the publisher, and whom one that never answers delays.

The stores are the fakes that the adapters are held to. Whom it delays is simulated: workers whose time passes without
waiting, and the queue's own rule, which hands out of each message group one message at a time, in order. The sandbox's
queue is no part of it, as the emulator hands out less beside each other than AWS does.
"""

from __future__ import annotations

import gc
import heapq
import http.client
import itertools
import math
import random
import statistics
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final

from gateway.adapters.webhooks.queue import group_of
from gateway.adapters.webhooks.sender import TIME_LIMIT_S, HttpSender
from gateway.core.callers import Client
from gateway.core.errors import Unavailable
from gateway.core.events.changes import Row, RowChange, Was
from gateway.core.events.deriving import Around
from gateway.core.events.event import Cause, Event
from gateway.core.events.publishing import publish
from gateway.core.ids import new_id
from gateway.core.practices import Baa, Practice, Tier
from gateway.core.webhooks.deliveries import DeliveryState, Message, Outcome
from gateway.core.webhooks.delivering import Beginning, deliver, send_due
from gateway.core.webhooks.endpoints import Endpoint, secret_of
from gateway.core.webhooks.signing import body_of, headers_of
from tests.bench.figures import NONE, Figure, Say, at_least, at_most, median_of_rounds, median_ratio
from tests.bench.normalize import simulated_practice
from tests.bench.storage import pages
from tests.fakes.event_log import FakeEventLog, FakeFacts
from tests.fakes.events import FakePublisher
from tests.fakes.identity import FakeCallers, FakePractices, FakeSigner
from tests.fakes.office import Killed
from tests.fakes.services import Life, Mortal
from tests.fakes.webhooks import FakeDeliveryQueue, FakeSender, FakeWebhooks

OURS: Final = Practice(
    id=new_id("practice"),
    name="Elm Street Dental",
    time_zone="America/Chicago",
    tier=Tier.STANDARD,
    version="25.3.36.0",
    baa=Baa("bench", "A. Test", date(2026, 1, 1)),
)
BEGINS: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENDPOINTS: Final = 50
FIRST: Final = "https://first.test/"
DEAD: Final = "https://dead.test/"
OK: Final = Outcome(status=200)
NO_ANSWER: Final = Outcome(error="timeout")

SPEED: Final = 0.35
"""What a delivery is beside its post: six questions to stores, which here take no time, and a checked address."""

MOVED: Final = 1.05


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """The worker, the publisher, workers that die, and one endpoint of 50 that never answers."""
    say("  one worker over loopback, beside a loop that signs and posts")
    yield _worker(100 if quick else 1_000, rounds=3 if quick else 7)
    say("  the publisher with and without endpoints")
    yield _publisher(200 if quick else 5_000, rounds=3 if quick else 7)
    yield from _deaths(2_000 if quick else 100_000, say)
    yield from _isolation(60 if quick else 900, say)


# -- a deployment in memory ------------------------------------------------------------------------------------------


@dataclass
class Clock:
    """Seconds since `BEGINS`."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return BEGINS + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Deployment:
    """Fills the ports of whoever begins deliveries, makes them and sends what is due."""

    stage = "prod"

    def __init__(self, *, sender: Any, clock: Any = None, queue: Any = None) -> None:
        self.clock, self.sender = clock or Clock(), sender
        self.signer, self.webhooks, self.facts = FakeSigner(), FakeWebhooks(), FakeFacts()
        self.delivery_queue = queue or FakeDeliveryQueue()
        self.event_log, self.callers = FakeEventLog(), FakeCallers()
        self.practices: Any = FakePractices({OURS.id: OURS})
        # No endpoint here wants full bodies.
        self.records: Any = None
        self.syncs: Any = None
        self.cache: Any = None
        self.messages: Any = None
        self.audit: Any = None
        self.callers.put_client(Client("cli_a", "A", frozenset({OURS.id}), frozenset({"*:read"})))
        self._dice = random.Random(3)

    def chance(self) -> float:
        return self._dice.random()

    def endpoint(self, url: str) -> Endpoint:
        """One more, which wants everything; its deliveries begin after those of the ones before."""
        now, number = self.clock.now(), len(self.webhooks.endpoints)
        return self.webhooks.make(Endpoint(f"whk_{number:03}", "cli_a", url, ("*",), now, now))

    def mortal(self, life: Life) -> Any:
        """The same for a process that dies."""
        other = object.__new__(Deployment)
        other.__dict__.update(self.__dict__)
        for name in _PORTS:
            setattr(other, name, Mortal(getattr(self, name), life, name))
        return other

    def happen(self, numbers: Sequence[int], objects: int) -> None:
        """Events as the publisher leaves them: logged, and begun."""
        Beginning(self).begin(self.log(numbers, objects))

    def log(self, numbers: Sequence[int], objects: int) -> list[Event]:
        """Events that are logged."""
        now = self.clock.now()
        events = [
            Event(
                f"evt_{number}",
                "appointment.rescheduled",
                now,
                now,
                OURS.id,
                "appointment",
                f"appt_{number * 7919 % objects}",
                number,
                Cause.POLL,
                changed=("local_start", "start_at"),
                before={"status": "scheduled", "start_at": "2026-03-10T15:00:00Z"},
                after={"status": "scheduled", "start_at": "2026-03-17T15:00:00Z"},
            )
            for number in numbers
        ]
        self.event_log.add(events, at=now)
        return events


# -- one worker ------------------------------------------------------------------------------------------------------

_ANSWERS: Final = """
import socket
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        head = b""
        while b"\\r\\n\\r\\n" not in head:
            head += connection.recv(65536) or exit()
        head, _, read = head.partition(b"\\r\\n\\r\\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0])
        while len(read) < length:
            read += connection.recv(65536) or exit()
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
"""
"""A process of its own: what answers must not share the interpreter that is measured."""


@contextmanager
def _endpoint() -> Iterator[int]:
    """The port of something on loopback that answers 200, until it is left."""
    child = subprocess.Popen([sys.executable, "-I", "-c", _ANSWERS], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.communicate()


def _worker(count: int, *, rounds: int) -> Figure:
    times = []
    with _endpoint() as port:
        for number in range(rounds + 1):
            on = Deployment(sender=HttpSender(plain=True))
            endpoint = on.endpoint(f"http://127.0.0.1:{port}/hooks/bench")
            on.happen(range(count), objects=count)
            events = [one.event for one in on.event_log.logged.values()]
            gc.collect()
            started = time.perf_counter()
            _post_all(events, port, secret_of(endpoint.id, 1, signer=on.signer))
            bare = time.perf_counter() - started
            started = time.perf_counter()
            made = [deliver(one, on) for one in on.delivery_queue.messages]
            spent = time.perf_counter() - started
            if not all(one is not None and one.state is DeliveryState.SUCCEEDED for one in made):
                raise RuntimeError("a delivery did not succeed")
            # The first round loads what a process loads once.
            if number:
                times.append({"bare": bare, "deliver": spent})
    median = median_of_rounds(times)
    return Figure(
        "deliveries",
        "one worker, of a loop that signs and posts to the same address",
        median_ratio(times, "bare", "deliver"),
        "%",
        at_least(SPEED),
        f"{count / median['deliver']:,.0f} deliveries/s beside {count / median['bare']:,.0f}/s, a connection each",
    )


def _post_all(events: Sequence[Event], port: int, secret: bytes) -> None:
    """The least that a delivery is."""
    for event in events:
        body = body_of(event)
        headers = headers_of(event.id, body, secrets=[secret], at=datetime.now(UTC))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/hooks/bench", body, {"Content-Type": "application/json", **headers})
        if connection.getresponse().status != 200:
            raise RuntimeError("it was not taken")
        connection.close()


# -- deaths ----------------------------------------------------------------------------------------------------------

DIES: Final = 0.2
"""Share of the processes that die, each at a random step: before or after any use of a store, the queue or the way out.
The longest has some twenty."""

LOSES: Final = 0.02
"""Share of the messages that the queue loses, which SQS does not: a process that died before it sent one is alike."""

_PORTS: Final = ("webhooks", "delivery_queue", "event_log", "callers", "practices", "facts", "sender")


def _deaths(count: int, say: Say) -> Iterator[Figure]:
    """Events to an endpoint that mostly answers 200; whoever begins, makes or repeats deliveries may die anywhere."""
    dice, deaths = random.Random(5), Counter[str]()
    answers = random.Random(6)
    sender = FakeSender(lambda _: OK if answers.random() < 0.97 else answers.choice((Outcome(status=500), NO_ANSWER)))
    on = Deployment(sender=sender)
    on.delivery_queue.loses = lambda: dice.random() < LOSES
    endpoint = on.endpoint(FIRST)

    def tries(do: Callable[[Any], object], step: str) -> bool:
        """Whether a process came to its end."""
        life = Life(left=dice.randrange(20) if dice.random() < DIES else None)
        try:
            do(on.mortal(life))
        except (Killed, Unavailable):
            deaths[step] += life.dead
            return not life.dead
        return True

    def work() -> None:
        for message in on.delivery_queue.heads():
            if tries(lambda one, message=message: deliver(message, one), "in a delivery"):  # type: ignore[misc]
                on.delivery_queue.messages.remove(message)

    for first in range(0, count, BATCH):
        events = on.log(range(first, min(first + BATCH, count)), objects=count)
        # The publisher's batch comes again until it has been told.
        while not tries(lambda one, events=events: Beginning(one).begin(events), "in the beginning of a batch"):  # type: ignore[misc]
            pass
        while on.delivery_queue.messages:
            work()
        on.clock.sleep(3)
        if first // BATCH % 20 == 0:
            tries(send_due, "in the minute's job")
    on.delivery_queue.loses = lambda: False
    while due := [one.due_at for one in on.webhooks.deliveries.values() if one.due_at is not None]:
        on.clock.seconds = max(on.clock.seconds, (min(due) - BEGINS).total_seconds())
        send_due(on)
        while on.delivery_queue.messages:
            work()
    say(f"  {count:,} events, {deaths.total():,} deaths")
    came = Counter(headers["webhook-id"] for _, headers, _ in sender.posted)
    told = {one.event.id for one in on.event_log.logged.values()}
    arrived = {one.event_id for one in on.webhooks.deliveries.values() if one.state is DeliveryState.SUCCEEDED}
    beside = f"{count:,} events to {endpoint.url}; died {deaths.total():,} times: " + ", ".join(
        f"{number:,} {step}" for step, number in sorted(deaths.items())
    )
    yield Figure(
        "deliveries",
        "events that did not arrive",
        len(told - (arrived & came.keys())),
        goal=NONE,
        beside=beside,
    )
    again = sum(number - 1 for number in came.values())
    yield Figure(
        "deliveries",
        "messages that are of no event",
        len(came.keys() - told),
        goal=NONE,
        beside=f"{again:,} came again, with one id: retries, and where nobody lived to note the answer",
    )


# -- the publisher ---------------------------------------------------------------------------------------------------


class Nowhere:
    """A queue that keeps nothing: to look through all that waits for a message's twin is SQS's work."""

    def put(self, message: Message) -> None:
        """See `DeliveryQueue.put`."""


BATCH: Final = 100
WANTED_BY: Final = 5
PUBLISHING: Final = 0.2


def _publisher(count: int, *, rounds: int) -> Figure:
    rows = [row for name, page in pages(simulated_practice(20)) if name == "appointments" for row in page]
    changes = [_moved(rows[number % len(rows)], number) for number in range(count)]
    batches = [changes[start : start + BATCH] for start in range(0, count, BATCH)]
    times, begun = [], 0
    for _ in range(rounds):
        spent = {}
        for name, endpoints in (("without", 0), ("with", ENDPOINTS)):
            on, to = FakePublisher(Around(OURS)), Deployment(sender=None, queue=Nowhere())
            for number in range(endpoints):
                url = f"https://endpoint-{number}.test/"
                kinds = ("appointment.*",) if number < WANTED_BY else ("claim.*",)
                to.webhooks.make(Endpoint(f"whk_{number}", "cli_a", url, kinds, BEGINS, BEGINS))
            on.deliveries = Beginning(to)  # type: ignore[assignment]
            gc.collect()
            started = time.perf_counter()
            for batch in batches:
                publish(batch, on)
            spent[name] = time.perf_counter() - started
            begun = len(to.webhooks.deliveries)
        times.append(spent)
    median = median_of_rounds(times)
    return Figure(
        "deliveries",
        f"the publisher with {ENDPOINTS} endpoints, {WANTED_BY} of which want what it tells, of one without any",
        median_ratio(times, "without", "with"),
        "%",
        at_least(PUBLISHING),
        f"{count / median['with']:,.0f} changes/s beside {count / median['without']:,.0f}/s; {begun:,} deliveries",
    )


def _moved(row: Row, number: int) -> RowChange:
    after = {**row, "AptDateTime": "2026-03-17 09:00:00"}
    return RowChange(
        OURS.id,
        "appointments",
        number,
        number + 2,
        after,
        Was.LIVING,
        is_dead=False,
        cause="poll",
        stored_at=BEGINS,
        before={**row, "AptDateTime": "2026-03-10 09:00:00"},
        before_seq=number + 1,
        before_cause="poll",
        before_at=BEGINS,
    )


# -- one that never answers ------------------------------------------------------------------------------------------

A_LANE_EACH: Final = 5 * ENDPOINTS
FEW: Final = 20
"""Far fewer workers than lanes: what is left while an account's functions are busy with something else."""
EACH_MINUTE: Final = 60.0
OBJECTS: Final = 200


@dataclass(order=True)
class _Due:
    at: float
    number: int
    resume: Callable[[], object] = field(compare=False)


class Simulation:
    """Events, a queue and workers in time that passes without waiting; one thread runs at any moment."""

    def __init__(self, *, workers: int, group: Callable[[Message], str] = group_of) -> None:
        self.clock = Clock()
        self.on = Deployment(sender=self, clock=self.clock, queue=self)
        self._workers, self._group = workers, group
        self._free = workers
        self._due: list[_Due] = []
        self._count = itertools.count()
        self._waiting: dict[str, deque[tuple[int, Message]]] = {}
        self._queued: set[Message] = set()
        self._busy: set[str] = set()
        # By the place of its first message: whoever has waited longest is next.
        self._ready: list[tuple[int, str]] = []
        self._handed_over = threading.Semaphore(0)
        self.answered_at: dict[tuple[str, str], float] = {}

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Have something happen."""
        heapq.heappush(self._due, _Due(when, next(self._count), what))

    def run(self) -> None:
        """Let it all happen."""
        with ThreadPoolExecutor(max_workers=self._workers) as self._pool:
            while self._due:
                due = heapq.heappop(self._due)
                self.clock.seconds = due.at
                due.resume()
                self._hand_out()

    # The queue, as SQS's FIFO queues are.

    def put(self, message: Message) -> None:
        """See `DeliveryQueue.put`."""
        if message in self._queued:
            return
        self._queued.add(message)
        group, place = self._group(message), next(self._count)
        lane = self._waiting.setdefault(group, deque())
        lane.append((place, message))
        if len(lane) == 1 and group not in self._busy:
            heapq.heappush(self._ready, (place, group))

    def _hand_out(self) -> None:
        while self._free and self._ready:
            _, group = heapq.heappop(self._ready)
            _, message = self._waiting[group].popleft()
            self._busy.add(group)
            self._free -= 1
            self._go_on(partial(self._pool.submit, self._work, group, message))

    # A worker.

    def _work(self, group: str, message: Message) -> None:
        try:
            deliver(message, self.on)
        finally:
            self._busy.discard(group)
            self._free += 1
            if lane := self._waiting[group]:
                heapq.heappush(self._ready, (lane[0][0], group))
            self._handed_over.release()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """See `Sender.post`: the endpoint takes its time."""
        event_id = headers["webhook-id"]
        is_dead = url == DEAD
        # The same of each event to each endpoint, whoever else is slow.
        took = TIME_LIMIT_S if is_dead else 0.05 + zlib.crc32(f"{url} {event_id}".encode()) % 400 / 1000
        woken = threading.Event()

        self.at(self.clock.seconds + took, partial(self._go_on, woken.set))
        self._handed_over.release()
        woken.wait()
        if not is_dead:
            self.answered_at[url, event_id] = self.clock.seconds
        return NO_ANSWER if is_dead else OK

    def _go_on(self, how: Callable[[], object]) -> None:
        """Have a worker go on, and wait until it waits for an endpoint or has ended."""
        how()
        self._handed_over.acquire()


def latencies(
    seconds: int, *, workers: int, dead: bool, group: Callable[[Message], str] = group_of, endpoints: int = ENDPOINTS
) -> list[float]:
    """From an event to its answer by each endpoint but one, which never answers if `dead`."""
    simulation = Simulation(workers=workers, group=group)
    # The first, so that its calls begin before those of the others.
    simulation.on.endpoint(DEAD if dead else FIRST)
    for number in range(endpoints - 1):
        simulation.on.endpoint(f"https://endpoint-{number}.test/")
    dice = random.Random(5)
    happened: dict[str, float] = {}
    number, at = 0, 0.0
    # What a poll finds comes together.
    while (at := at + dice.expovariate(0.1)) < seconds:
        numbers = range(number, number := number + dice.randint(1, 8))
        happened |= {f"evt_{one}": at for one in numbers}
        simulation.at(at, partial(simulation.on.happen, numbers, OBJECTS))
    for minute in range(1, seconds // 60 + 6):
        simulation.at(minute * EACH_MINUTE, lambda: send_due(simulation.on))
    simulation.run()
    waits = [
        answered - happened[event_id] for (url, event_id), answered in simulation.answered_at.items() if url != FIRST
    ]
    if len(waits) != len(happened) * (endpoints - 1):
        raise RuntimeError(f"{len(happened) * (endpoints - 1) - len(waits)} deliveries did not end")
    return waits


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def _isolation(seconds: int, say: Say) -> Iterator[Figure]:
    for workers, how in ((A_LANE_EACH, "a worker for each lane"), (FEW, f"{FEW} workers for {A_LANE_EACH} lanes")):
        say(f"  {seconds} s of {ENDPOINTS} endpoints, {how}")
        without, beside = (latencies(seconds, workers=workers, dead=dead) for dead in (False, True))
        yield Figure(
            "deliveries",
            f"one endpoint of {ENDPOINTS} never answers: p95 of the others, of that without it; {how}",
            p95(beside) / p95(without),
            "x",
            at_most(MOVED),
            f"{p95(beside):.2f} s beside {p95(without):.2f} s, medians {statistics.median(beside):.2f} "
            f"and {statistics.median(without):.2f} s; {len(beside):,} deliveries, simulated",
        )
