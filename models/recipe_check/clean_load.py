"""A model in a clean process: stored, loaded and asked there with all checks of a registry."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from streamsim.models.checking.trial import try_model
from streamsim.models.registry import MODEL, TRIED, Registry
from streamsim.models.relevance import Fitted
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Matrix
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec


def load_apart(spec: DomainSpec, fitted: Fitted, rows: Matrix) -> tuple[int, str]:
    """Release a model to an empty registry that is deleted again, and try it in a new process.

    Parameters
    ----------
    rows
        Features from which its usual values are taken.

    Returns
    -------
    The size of its file in bytes, and why it cannot be loaded; empty if it can.
    """
    signature = Signature(
        model=spec.model.recipe.name,
        version="0",
        features=spec.features.vector.names,
        feature_hash=spec.features.fingerprint,
        threshold=1.0,
        reference=tuple(np.round(np.median(rows, axis=0), 6).tolist()),
        ignored=fitted.dropped,
        estimates=tuple(estimate.name for estimate in spec.model.estimates),
    )
    size = 0
    with tempfile.TemporaryDirectory(prefix="streamsim-") as folder:
        registry = Registry(Path(folder))
        try:
            released = registry.add(
                fitted.estimator, signature, metrics={}, data={}, card="", created=""
            )
            size = (registry.root / released.model / released.version / MODEL).stat().st_size
            # What was trained here counts as tried: not so in this check.
            (registry.root / TRIED).unlink(missing_ok=True)
            try_model(registry, released.model, released.version)
        except ModelError as error:
            return size, str(error)
    return size, ""
