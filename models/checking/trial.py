"""Trial of a model: it is loaded and asked once in a process of its own, before it serves.

A model's file may come from elsewhere. What its structure does not show, this shows: a crash or an
endless loop ends the trial, and not the service. A version that was trained here, or has passed, is
not tried again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streamsim.models.loaded import answer
from streamsim.models.registry import Registry
from streamsim.streams.domain_registry import domain_folders
from streamsim.streams.errors import ModelError, StreamsimError

SECONDS = 60.0
_EXTREME = (0.0, 1.0, -1.0, 1e6, -1e6)


def try_model(registry: Registry, model: str, version: str, seconds: float = SECONDS) -> None:
    """Try a version, unless it is known to work, or is only the arrays of one that is.

    Parameters
    ----------
    seconds
        How long it may take: longer in a process that steps back behind others.

    Raises
    ------
    ModelError
        If it does not load, crashes, does not answer in time, or its answers are no chances.
    """
    release = registry.release(model, version)
    if registry.is_tried(release.sha256) or not registry.is_whole(model, version):
        return
    what = f"{model} {version}"
    command = [sys.executable, "-P", "-m", __name__, str(registry.root.absolute()), model, version]
    domains = os.pathsep.join(domain_folders())  # of relative paths, only this process knows which
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "OMP_NUM_THREADS": "1", "STREAMSIM_DOMAINS": domains},
            cwd=registry.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"{what} did not answer within {seconds:g} s in its trial") from None
    if done.returncode < 0:
        raise ModelError(f"{what} crashed in its trial (signal {-done.returncode})")
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ModelError(said[-1] if said else f"{what} failed in its trial")
    registry.mark_tried(release.sha256)


def main(argv: Sequence[str]) -> int:
    """Load a version and ask it; return the exit code."""
    root, model, version = argv
    try:
        _ask(Registry(Path(root)), model, version)
    except StreamsimError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _ask(registry: Registry, model: str, version: str) -> None:
    estimator, signature = registry.load(model, version)
    width = len(signature.features)
    usual = np.array(signature.reference, np.float32)[None]
    rows = np.concatenate([usual, *(np.full((1, width), own, np.float32) for own in _EXTREME)])
    try:
        chances = answer(estimator, rows)
        chances = chances if chances.ndim == 1 else chances[:, 0]
    except Exception as error:  # of any kind: the file is not ours
        raise ModelError(f"{model} {version} fails in its trial: {error!r}"[:500]) from None
    if len(chances) != len(rows) or not ((chances >= 0) & (chances <= 1)).all():
        raise ModelError(f"{model} {version}: its answers are no chances")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
