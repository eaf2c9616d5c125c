"""32 callers who want distinct reads of one practice: through the gateway, and straight at the practice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

import httpx

CALLERS = 32
_POLL_S = 1.0
_GIVE_UP_S = 300.0


@dataclass
class Load:
    """What the callers saw. `answers` counts how each call ended, in a word or a status."""

    answers: Counter[str] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)
    attempts: int = 0


def callers(calls: int, one_call: Callable[[httpx.Client, int], str], *, many: int = CALLERS) -> Load:
    """Let `many` threads make `calls` calls in all, each as soon as its last one has ended."""
    load, numbers, lock = Load(), count(1), threading.Lock()

    def work() -> None:
        with httpx.Client(timeout=60, trust_env=False) as client:
            while True:
                with lock:
                    number = next(numbers)
                if number > calls:
                    return
                started = time.monotonic()
                try:
                    ended = one_call(client, number)
                except httpx.HTTPError as error:
                    ended = type(error).__name__
                with lock:
                    load.answers[ended] += 1
                    load.waits_s.append(time.monotonic() - started)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load


def through_gateway(
    calls: int, *, api_url: str, authorization: Mapping[str, str], patient: Callable[[int], str], first: int
) -> Load:
    """Reads that no cache answers and that have no twin: each asks for another patient's procedures, once.

    A caller waits as long as it may, and follows the operation if that was not enough.
    """
    headers = {**authorization, "Cache-Control": "no-cache", "Prefer": "wait=25"}

    def one_call(client: httpx.Client, number: int) -> str:
        url = f"{api_url}/procedurelogs"
        answer = client.get(url, params={"patient_id": patient(first + number)}, headers=headers)
        if answer.status_code != 202:
            return str(answer.status_code)
        until = time.monotonic() + _GIVE_UP_S
        while time.monotonic() < until:
            time.sleep(_POLL_S)
            operation = client.get(answer.url.join(answer.headers["Location"]), headers=authorization)
            state = operation.json().get("state") or operation.json().get("status")
            if state in {"succeeded", "failed", "unknown"}:
                return f"202 {state}"
        return "202 never settled"

    return callers(calls, one_call)


def start_followers(*, api_url: str, authorization: Mapping[str, str]) -> None:
    """Start as many functions behind `GET /operations/{id}` as there are callers: they all begin to follow at once
    when their longest wait is over, and that many cold starts would stand still what is measured."""

    def one_call(client: httpx.Client, number: int) -> str:
        return str(client.get(f"{api_url}/operations/opn_aaaaaaaaaaaaaaaa", headers=authorization).status_code)

    callers(2 * CALLERS, one_call)


def straight(calls: int, *, base_url: str, authorization: str) -> Load:
    """The same reads by a plain client that does what Retry-After says."""
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    attempts = Counter[str]()

    def one_call(client: httpx.Client, number: int) -> str:
        while True:
            attempts["all"] += 1
            answer = client.get(f"{base_url}/procedurelogs", params={"PatNum": number}, headers=headers)
            if answer.status_code != 429:
                return str(answer.status_code)
            time.sleep(float(answer.headers.get("Retry-After", "1")))

    load = callers(calls, one_call)
    load.attempts = attempts["all"]
    return load
