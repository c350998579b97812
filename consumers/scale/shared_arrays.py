"""Shared arrays: files that several processes memory-map, so that memory holds them once.

These are files, not shared memory segments: containers often have only 64 MB of those, and a
segment outlives a killed process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def share(arrays: Mapping[str, npt.NDArray[Any]], folder: Path) -> None:
    """Write arrays to a folder, one file each."""
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def shared(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a folder, read-only.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     share({"squares": np.arange(4) ** 2}, Path(name))
    ...     found = shared(Path(name))
    >>> found["squares"].tolist(), found["squares"].flags.writeable
    ([0, 1, 4, 9], False)
    """
    return {
        path.stem: np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        for path in sorted(folder.glob("*.npy"))
    }
