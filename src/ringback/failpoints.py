"""Named points at which a crash test lets the process die: one comparison each when it is off.

``RINGBACK_FAILPOINT=name`` or ``name:3`` kills this process with SIGKILL (no clean-up whatever, as a power cut would) when
the point is reached for the first or third time. The promise is tested at exactly these points (contracts: delivery).
"""

import os
import signal

NAMES = (
    "before-commit",  # the transaction's statements have run, nothing is committed
    "after-commit",  # committed, and neither answered nor handed over
    "after-send",  # the request is written to the endpoint, its answer not read
    "after-answer",  # the endpoint has answered, the settlement is not committed
    "in-sweeper",  # the sweeper has read and not yet handed over
    "in-migration",  # some of a migration's statements have run
)


def _armed() -> tuple[str, int]:
    name, _, times = os.environ.get("RINGBACK_FAILPOINT", "").partition(":")
    if name and name not in NAMES:
        raise SystemExit(f"RINGBACK_FAILPOINT={name}: there are only {', '.join(NAMES)}")
    return name, int(times or 1)


_name, _left = _armed()


def reach(name: str) -> None:
    """Die here, if this is the armed point and its time has come."""
    global _left  # noqa: PLW0603 -- the count is this process's own, as its death is
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
