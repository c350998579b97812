"""A guard process that ends a supervisor's children when the supervisor has died.

It reads ``+PID`` and ``-PID`` from its standard input, which only the supervisor holds open. When
that closes, for any reason, the remaining process groups get SIGTERM, a grace period and SIGKILL.
It imports nothing heavy and survives Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

GRACE_S = 3.0


def end_groups(groups: set[int], grace_s: float) -> None:
    """Stop process groups: SIGTERM, then SIGKILL for those still alive after ``grace_s``."""
    for group in groups:
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    left = set(groups)
    while left and time.monotonic() < deadline:
        left = {group for group in left if _signal(group, 0)}
        time.sleep(0.02)
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Wait for the end of standard input, then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    with suppress(OSError):
        for line in sys.stdin:
            sign, pid = line[:1], line[1:].strip()
            if pid.isdigit() and sign == "+":
                groups.add(int(pid))
            elif pid.isdigit():
                groups.discard(int(pid))
    end_groups(groups, GRACE_S)


if __name__ == "__main__":
    main()
