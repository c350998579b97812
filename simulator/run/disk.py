"""Room on the disk of a run: the embedded broker's data need it."""

from __future__ import annotations

import shutil
from pathlib import Path

RESERVE_MB = 64
"""A run on the embedded broker ends by itself when less is left, to finish what was sent."""


def room_mb(folder: Path) -> int:
    """Return the free space of a folder's disk (MiB).

    >>> room_mb(Path.home()) > 0
    True
    """
    return shutil.disk_usage(folder).free >> 20
