"""Run one command for as long as the pipe on standard input stays open.

Started as `python -I keeper.py COMMAND...`, by `processes.Kept` only. Whoever holds the other end of the pipe may end
in any way, even by SIGKILL: the pipe closes with it, and the keeper ends the command with all its children. So no
emulator, practice or warm function outlives the sandbox. Standard library only, and nothing of ours: it starts in the
emulator's environment too.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_S = 3.0
"""Between the polite signal and the other one."""


def main() -> int:
    """Return the command's exit status once it has ended, by itself or with us."""
    # Ctrl-C reaches the whole foreground group at once; the sandbox decides the order in which things stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

    def end(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(GRACE_S)
                break
        # The leader may be gone while its children (warm functions) are not.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)

    def watch() -> None:
        while os.read(0, 1024):
            pass
        end()

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
