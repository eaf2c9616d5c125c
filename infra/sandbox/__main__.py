"""`uv run sandbox`: the whole gateway on this machine, with two simulated practices behind it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from infra.sandbox import flows, rare  # noqa: F401 (register its steps, and those of promises)
from infra.sandbox.box import HOME, REPOSITORY, Options, Sandbox
from infra.sandbox.practices import KEYS_FROM, real_practice
from infra.sandbox.processes import SandboxError, port_is_free
from infra.sandbox.tour import USUAL_MINUTES, TourError, check, run_tour

USUAL_PORT = 4566
INTERRUPTED = 130
"""What shells say of a command that Ctrl-C ended."""
README = REPOSITORY / "README.md"

EPILOG = f"""
A real practice: set {", ".join(KEYS_FROM)} and give its API's address,
  uv run sandbox --open-dental https://api.opendental.com/api/v1
Reads and writes then reach that practice. Use one without real patients.

Logs and state are in .sandbox/: state.json while the sandbox is ready, emulator.log, practice-1.log, practice-2.log.
"""


def arguments() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description="Deploy the gateway's own CDK stack into an AWS emulator on this machine, with two simulated "
        "Open Dental practices, and keep it running until Ctrl-C.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, help=f"port of the API on 127.0.0.1 (default: {USUAL_PORT}, or a free one)")
    parser.add_argument("--patients", type=int, default=200, help="patients in each practice (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same people (default: %(default)s)")
    parser.add_argument("--open-dental", metavar="URL", help="use a real practice instead; see below")
    parser.add_argument(
        "--tour",
        action="store_true",
        help=f"run every promise of the README for real, about {USUAL_MINUTES} minutes, then stop",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, only what is ready and what went wrong")
    parser.add_argument("--home", type=Path, default=HOME, help="folder for logs and state (default: .sandbox)")
    return parser


def main(argv: Sequence[str] | None = None, *, base: Options | None = None) -> int:
    """Run the command; 0 after Ctrl-C or a tour in which all behaved, 1 if something failed, 130 if stopped too early.

    `base` is what the command line does not say: another app, other practices.
    """
    options = arguments().parse_args(argv)
    started = time.monotonic()

    def say(line: str) -> None:
        if not options.quiet:
            print(f"{time.monotonic() - started:5.1f} s  {line}", flush=True)

    try:
        chosen = _options(options, base or Options())
        if options.tour:
            check(README)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _as_ctrl_c)
        # A Python started in the background of a script ignores Ctrl-C unless told otherwise.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with Sandbox.start(chosen, say=say) as box:
            # From here on only our own order: a second Ctrl-C must not leave half of it running.
            try:
                if options.tour:
                    return run_tour(box, README, say=_now)
                print(ready(box, seconds=time.monotonic() - started), flush=True)
                if not options.quiet:
                    box.receiver.say = _now
                _until_something_ends(box)
            except KeyboardInterrupt:
                say("stopping")
                if options.tour:
                    return INTERRUPTED
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except KeyboardInterrupt:
        say("stopped before it was ready")
        return INTERRUPTED
    except (SandboxError, TourError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


def _options(parsed: argparse.Namespace, base: Options) -> Options:
    if parsed.tour and parsed.open_dental:
        raise SandboxError("the tour writes, so it runs against simulated practices only")
    port = parsed.port
    if port is None and port_is_free(USUAL_PORT):
        port = USUAL_PORT
    elif port is not None and not port_is_free(port):
        raise SandboxError(f"port {port} is taken")
    office = real_practice(parsed.open_dental, os.environ) if parsed.open_dental else None
    return replace(
        base,
        home=parsed.home.resolve(),
        port=port,
        patients=parsed.patients,
        seed=parsed.seed,
        open_dental=office,
        record_calls=parsed.tour,
    )


def ready(box: Sandbox, *, seconds: float) -> str:
    """Return what a newcomer sees: that it is ready, where everything is, and a call to paste."""
    lines = [
        "",
        f"Ready after {seconds:.0f} s. Ctrl-C stops it.",
        "",
        f"  API            {box.api_url}",
        *(f"  practice {number}     {office.base_url}" for number, office in enumerate(box.offices, 1)),
        f"  webhooks       {box.receiver.url}  (verifies and shows what comes)",
        f"  AWS endpoint   {box.emulator.url}  (access key and secret key: test)",
        f"  state          {box.state_file}",
    ]
    if box.practices:
        first = box.practices[0]
        query = f"practice_id={first.practice_id}&status=active&limit=2"
        curl = f"curl -s -H 'Authorization: Bearer {first.access_token}' '{box.api_url}/patients?{query}'"
        lines += ["", "Try:", "", f"  {curl}", "", *_A_WEBHOOK.format(env=box.env_file).splitlines()]
    return "\n".join([*lines, ""])


_A_WEBHOOK = """\
A webhook that leads here, and its secret for whoever verifies it; what comes is told here and at that address:

  . {env}
  curl -s -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: mine' -H 'Content-Type: application/json' \\
    "$API/webhooks" -d '{{"url": "'$RECEIVER'/hooks/mine"}}' | curl -X PUT "$RECEIVER/hooks/mine" -d @-
"""


def _until_something_ends(box: Sandbox) -> None:
    pause = threading.Event()
    while (ended := box.ended()) is None:
        pause.wait(0.5)
    raise SandboxError(ended)


def _now(line: str) -> None:
    """Print a line at once: a tour takes minutes, and whoever reads it through a pipe waits for a full buffer."""
    print(line, flush=True)


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
