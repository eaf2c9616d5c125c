"""How long far pages take beside near ones, over HTTP: `python -m infra.sandbox.practice.measure`."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from typing import Literal

from infra.sandbox.practice.clock import Clock
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.practice import Practice, Settings
from infra.sandbox.practice.server import PracticeServer
from infra.sandbox.practice.store import Store


def paging_ratio(
    *,
    rows: int = 500_000,
    offset: int = 400_000,
    limit: int = 100,
    order: Literal["key", "time"] = "key",
    tries: int = 9,
) -> dict[str, float]:
    """Seconds that a page takes at Offset 0 and at `offset` of `rows` rows, and far through near.

    `order` "key" reads patients/Simple, "time" reads appointments (AptDateTime, AptNum). `cold_s` is the first far
    page ever asked; the others are medians of `tries`.
    """
    store = Store(clock=Clock())
    if order == "key":
        path = "patients/Simple"
        store.insert_many("patient", ({"LName": f"Sample{number}", "PriProv": 1} for number in range(rows)))
    else:
        path = "appointments"
        store.insert_many("appointment", (_visit(number) for number in range(rows)))
    practice = Practice(Office(store), settings=Settings(mode="Service"))
    with PracticeServer(practice) as server:
        state = server.state()
        connection = http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=60)
        headers = {
            "Authorization": f"ODFHIR {state['developer_key']}/{state['customer_key']}",
            "Content-Type": "application/json",
        }

        def measure(at: int) -> float:
            start = time.perf_counter()
            connection.request("GET", f"/api/v1/{path}?Limit={limit}&Offset={at}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            spent = time.perf_counter() - start
            if answer.status != 200 or len(json.loads(body)) != min(limit, max(rows - at, 0)):
                raise RuntimeError(f"{path} at {at} answered {answer.status}")
            return spent

        measure(0)
        cold = measure(offset)
        near = statistics.median(measure(0) for _ in range(tries))
        far = statistics.median(measure(offset) for _ in range(tries))
        connection.close()
    store.close()
    return {"near_s": near, "far_s": far, "cold_s": cold, "ratio": far / near}


def _visit(number: int) -> dict[str, object]:
    # Not in the order of the keys, and with many at the same minute.
    day = number * 7919 % 3650
    moment = f"{2016 + day // 365}-{day % 12 + 1:02}-{day % 28 + 1:02} {8 + number % 9:02}:00:00"
    return {"PatNum": number % 2000 + 1, "AptDateTime": moment, "AptStatus": 2}


if __name__ == "__main__":
    for name in ("key", "time"):
        figures = paging_ratio(order="key" if name == "key" else "time")
        print(name, {label: round(value, 4) for label, value in figures.items()})
