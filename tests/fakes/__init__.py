"""In-memory ports and a small office, for tests of anything above them.

`FakeServices` fills both `core.ports.Services` and `core.worker.WorkerServices`; `FakePractice` is the Open Dental
behind it; `World` runs the queue, the worker, the sweeper and the lane over both, on a clock that only moves when
somebody waits. `Killed` is how a process dies at a chosen line.
"""

from tests.fakes.office import FakePractice, Fault, Killed
from tests.fakes.services import (
    ELM_STREET,
    NOON,
    FakeCalls,
    FakeClock,
    FakeLedger,
    FakePace,
    FakeServices,
    a_caller,
)
from tests.fakes.world import World

__all__ = [
    "ELM_STREET",
    "NOON",
    "FakeCalls",
    "FakeClock",
    "FakeLedger",
    "FakePace",
    "FakePractice",
    "FakeServices",
    "Fault",
    "Killed",
    "World",
    "a_caller",
]
