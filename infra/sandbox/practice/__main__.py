"""`practice`: run a simulated dental practice."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.sandbox.practice import data, seed
from infra.sandbox.practice.clock import Clock
from infra.sandbox.practice.keys import CUSTOMER_KEY, DEVELOPER_KEY, FHIR_PERMISSIONS, PERMISSIONS, ApiKey
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.practice import Practice, Settings
from infra.sandbox.practice.server import PracticeServer
from infra.sandbox.practice.store import Store

_STORY = """\
A dental practice that answers like Open Dental's API, on 127.0.0.1. Point any client at base_url and send
"Authorization: ODFHIR {developer key}/{customer key}" and "Content-Type: application/json" with every call.

  practice --port 8181 --patients 200          a seeded practice
  practice --patients 0 --data rows.jsonl      only your own rows: {"resource": "patients", "row": {"LName": ...}}
  practice --state practice.json --port 0      any free port; the file tells which, once it listens

The control endpoint (control_url in the state file) takes and gives JSON:
  POST   faults    {"kind": "drop_answer", "match": "payments.create", "count": 1}
                   kinds: drop_answer (work done, no answer), lose_request (no work, no answer), offline, unexpected,
                   slow (seconds), html, half_json, empty, status (status, text), 429 (retry_after);
                   match: operation id, "resource.*" or "*"; count, probability, after, work
  GET    faults    DELETE faults
                   event.Patient, event.* spoil calls to subscribers: drop_answer (they got it), lose_request, slow;
                   after: 1 leaves the first block alone
  GET    events    calls to subscribers: time, subscription, machine, rows, outcome; never a body  DELETE events
  POST   select    {"PatNum": 3, "machine": "FRONTDESK"}: somebody opens a patient, which fires PatientSelected
  GET    log       each arrival: times, operation, status, key fingerprint; never a body     DELETE log
  GET    pace      {"arrivals", "violations", "rates"} as the practice itself counts them
  PUT    settings  mode, version, interval_s, throttle_from, queue_depth, latency_ms, offline, key_state, ...
                   who fires subscriptions: programs (tables and screen), services (tables): a machine each, named twice
                   to send twice, [] while all are off; event_limit_s, event_retry_s (assumed; 26.1 and newer)
  GET    keys      the customer keys that this office or none has
  PUT    keys      {"customer_key": ..., "state": "enabled"}: the office adds it; disabled-by-customer: removes it;
                   one that is not known is made first, as in the developer's portal
  PUT    door      {"open": false}: its port refuses connections, as one of a server that is switched off, until true
  POST   clock     {"scale": 60, "offset": 3600}
  POST   rows      [{"resource", "row"}] in wire form; the new keys
  POST   shutdown

What people at the office do, behind the back of whoever calls the API, is done to rows in database form (table and
columns as the database names them; yes and no are 1 and 0, enumerations numbers, dates "2026-03-02"):
  GET    rows/{table}?Column=value     the rows           POST   rows/{table}  {Column: value}, or a list of such
  PATCH  rows/{table}?Column=value     {Column: value}    DELETE rows/{table}?Column=value
Change stamps move as the database's own do, no rule of the program is applied, and the keys of the rows that changed
are answered. So an edit and a deletion are made that a mirror has to find:
  curl -X PATCH  "$CONTROL/rows/patient?PatNum=3" -d '{"LName": "Changed"}'
  curl -X DELETE "$CONTROL/rows/commlog?CommlogNum=5"
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    line = argparse.ArgumentParser(
        prog="practice", description=_STORY, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    line.add_argument("--port", type=int, default=0, help="port of the API; 0 takes a free one (default)")
    line.add_argument("--patients", type=int, default=100, help="how many invented patients to seed (default 100)")
    line.add_argument("--seed", type=int, default=1, help="same seed, same rows (default 1)")
    line.add_argument("--seeded-on", type=date.fromisoformat, help="the day they are invented on (default: its today)")
    line.add_argument("--data", type=Path, action="append", default=[], help="JSON Lines of own rows; repeatable")
    line.add_argument("--database", default=":memory:", help="SQLite file to keep the rows in (default: memory)")
    line.add_argument("--state", type=Path, help="file to write base_url, keys and control_url to, once it listens")
    line.add_argument("--mode", choices=["Remote", "Service", "Local", "Cloud"], default="Remote")
    line.add_argument(
        "--beside", choices=["Remote", "Service"], help="a second door of the same office, at a port of its own"
    )
    line.add_argument("--version", default="25.3.36", help="the office's version (default 25.3.36)")
    line.add_argument("--tier", choices=["standard", "enterprise"], default="standard", help="throttle and page size")
    line.add_argument(
        "--permissions",
        default=",".join(PERMISSIONS),
        help="comma list of what the key may do (default all); ReadAll alone is throttled to 5 s",
    )
    line.add_argument(
        "--fhir-permissions",
        default=",".join(FHIR_PERMISSIONS),
        help="comma list of what it may read by FHIR (default all)",
    )
    line.add_argument("--interval", type=float, help="seconds between calls, instead of the tier's")
    line.add_argument("--throttle-from", choices=["start", "end"], default="start", help="where the interval begins")
    line.add_argument("--queue-depth", type=int, default=10, help="waiting calls before a 429 (default 10)")
    line.add_argument("--latency-ms", type=float, default=50.0, help="execution time of each call (default 50)")
    line.add_argument("--time-scale", type=float, default=1.0, help="practice seconds per real second (default 1)")
    line.add_argument("--now", type=_instant, help="instant that its clock begins at, with its zone (default: now)")
    line.add_argument("--zone", default="America/Chicago", help="the office's zone, or an offset such as -06:00")
    line.add_argument("--random-keys", action="store_true", help="19-digit keys, as replicated offices have")
    line.add_argument("--developer-key", default=DEVELOPER_KEY, help="key a client must send (an invented one)")
    line.add_argument("--customer-key", default=CUSTOMER_KEY, help="key a client must send (an invented one)")
    return line


def _instant(text: str) -> datetime:
    """An instant with its zone. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("an instant names its zone")
    return found


def zone(text: str) -> tzinfo:
    """A zone by name or by offset. Raises ValueError."""
    if text[:1] in "+-" and text[1:3].isdigit():
        minutes = int(text[1:3]) * 60 + int(text[4:6] or 0)
        return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError("no such zone") from None


def build(options: argparse.Namespace) -> PracticeServer:
    """A practice as the options say, seeded, not yet listening. Raises ValueError for options that do not fit."""
    permissions = frozenset(part.strip() for part in options.permissions.split(",") if part.strip())
    if unknown := permissions - set(PERMISSIONS):
        raise ValueError(f"no such permission: {', '.join(sorted(unknown))}")
    by_fhir = frozenset(part.strip() for part in options.fhir_permissions.split(",") if part.strip())
    if unknown := by_fhir - set(FHIR_PERMISSIONS):
        raise ValueError(f"no such FHIR permission: {', '.join(sorted(unknown))}")
    ahead = 0.0 if options.now is None else (options.now - datetime.now(UTC)).total_seconds()
    clock = Clock(scale=options.time_scale, offset_s=ahead, zone=zone(options.zone))
    store = Store(options.database, clock=clock, random_keys=options.random_keys)
    office = Office(store, version=options.version)
    # A database file that has been used before keeps what it has.
    if options.patients > 0 and store.count("patient") == 0:
        seed.seed(office, patients=options.patients, seed=options.seed, today=options.seeded_on)
    for path in options.data:
        data.load(office, path)
    store.set_preference("ProgramVersion", options.version)
    key = ApiKey(
        developer=options.developer_key,
        customer=options.customer_key,
        permissions=permissions,
        tier=options.tier,
        fhir_permissions=by_fhir,
    )
    settings = Settings(
        mode=options.mode,
        interval_s=options.interval,
        throttle_from=options.throttle_from,
        queue_depth=options.queue_depth,
        latency_ms=options.latency_ms,
    )
    return PracticeServer(Practice(office, key=key, settings=settings), port=options.port, fires=True)


def write_state(path: Path, state: dict[str, str]) -> None:
    """Put `state` at `path` in one step, so that a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(state, file, indent=2)
    Path(name).replace(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM, SIGINT or the control endpoint's shutdown; 0 on a clean end, 2 for bad options."""
    line = parser()
    options = line.parse_args(arguments)
    try:
        server = build(options)
    except (ValueError, OSError) as problem:
        print(f"practice: {problem}", file=sys.stderr)
        return 2
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: server.stopping.set())
    server.start()
    state = server.state()
    beside = None if options.beside is None else server.beside(options.beside)
    if beside is not None:
        beside.start()
        state |= {f"beside_{name}": url for name, url in beside.state().items() if name.endswith("_url")}
    if options.state:
        write_state(options.state, state)
    print(f"practice: {state['base_url']}  (control: {state['control_url']})", flush=True)
    server.stopping.wait()
    for one in (server, beside):
        if one is not None:
            one.stop()
    server.practice.office.store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
