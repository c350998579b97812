"""Error detectors: watch a model's errors, and say when there are more of them than before."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol

from streamsim.consumers.monitor.drift.defaults import DETECTOR, DETECTOR_OPTIONS
from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats, Ints

_PACKAGE = "streamsim.consumers.monitor.drift"
DETECTORS: Mapping[str, tuple[str, str]] = {
    "stepd": (f"{_PACKAGE}.stepd", "Stepd"),
    "seed": (f"{_PACKAGE}.seed", "Seed"),
    "adwin": (f"{_PACKAGE}.river_detectors", "Adwin"),
    "page_hinkley": (f"{_PACKAGE}.river_detectors", "PageHinkley"),
    "ddm": (f"{_PACKAGE}.river_detectors", "Ddm"),
    "eddm": (f"{_PACKAGE}.river_detectors", "Eddm"),
    "hddm_a": (f"{_PACKAGE}.river_detectors", "HddmA"),
    "hddm_w": (f"{_PACKAGE}.river_detectors", "HddmW"),
    "kswin": (f"{_PACKAGE}.river_detectors", "Kswin"),
}
"""Module and class of each detector. They are imported on use: river takes a second."""


class ErrorDetector(Protocol):
    """A detector of a rise of the mean error; after an alarm it begins anew."""

    @property
    def binary(self) -> bool:
        """Whether errors are to be 0 or 1; otherwise they are numbers from 0 to 1."""
        ...

    def update(self, errors: Floats) -> Ints:
        """Take errors in order of time, and return the positions in them at which it alarms.

        How errors are cut into batches does not matter.
        """
        ...

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON types."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a state that a detector with the same options returned.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is no such state.
        """
        ...


def make_detector(name: str = DETECTOR, **options: Any) -> ErrorDetector:
    """Make a detector by its name.

    Parameters
    ----------
    options
        Of the detector. Without a name and options it is the default with its own.

    Raises
    ------
    UsageError
        If there is no such detector or option.

    Examples
    --------
    >>> import numpy as np
    >>> errors = (np.arange(2_000) % 20 == 0).astype(float)
    >>> errors[1_500:] = np.arange(500) % 3 == 0
    >>> first, *_ = make_detector().update(errors).tolist()
    >>> 1_500 < first < 1_700
    True
    """
    if name not in DETECTORS:
        raise UsageError(f"no drift detector {name!r}; there are {', '.join(DETECTORS)}")
    if name == DETECTOR and not options:
        options = dict(DETECTOR_OPTIONS)
    module, kind = DETECTORS[name]
    try:
        made: ErrorDetector = getattr(importlib.import_module(module), kind)(**options)
    except TypeError as error:
        raise UsageError(f"drift detector {name}: {error}") from None
    return made
