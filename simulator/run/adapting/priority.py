"""Priority of a process that must not starve those that score."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil

IDLE, LOW, NORMAL = "idle", "low", "normal"
NICE = 15


def step_back(priority: str) -> None:
    """Lower the priority of this process, as far as the system can.

    Parameters
    ----------
    priority
        ``low``: a small share of a busy processor. ``idle``: on Linux only what others leave of
        it, and of the disk. ``normal``: unchanged.
    """
    if priority == NORMAL:
        return
    with suppress(OSError, AttributeError):
        os.nice(max(0, NICE - os.nice(0)))
    if priority != IDLE:
        return
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError, AttributeError, psutil.Error):
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
