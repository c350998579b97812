"""Adapters of river's drift detectors. Only the controller and benchmarks import them.

ADWIN and KSWIN see any change: here they alarm only when errors have risen.
"""

from __future__ import annotations

import base64
import random
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from river import drift
from river.drift import binary

from streamsim.streams.events import Floats, Ints

# Some of their constructors have no types.
_DRIFT: Any = drift
_BINARY: Any = binary


class RiverDetector:
    """A detector of river.

    Parameters
    ----------
    detector
        As river makes it; it is empty.
    """

    binary = True

    def __init__(self, detector: Any) -> None:
        self._detector = detector

    def update(self, errors: Floats) -> Ints:
        """See :class:`~.error_detector.ErrorDetector`."""
        found = []
        for place, error in enumerate(errors.tolist()):
            self._detector.update(error)
            if self._detector.drift_detected and self._rose(error):
                found.append(place)
        return np.array(found, np.int64)

    def snapshot(self) -> dict[str, Any]:
        """See :class:`~.error_detector.ErrorDetector`."""
        return {name: _written(value) for name, value in vars(self._detector).items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`~.error_detector.ErrorDetector`."""
        _restore(self._detector, state)

    def _rose(self, error: float) -> bool:
        """Say whether it is a rise that has been detected."""
        return True


class Adwin(RiverDetector):
    """ADWIN (Bifet and Gavalda 2007)."""

    binary = False

    def __init__(self, delta: float = 0.002) -> None:
        super().__init__(_DRIFT.ADWIN(delta=delta))
        self._n, self._total = 0, 0.0

    def update(self, errors: Floats) -> Ints:
        """See :class:`~.error_detector.ErrorDetector`."""
        found = []
        for place, error in enumerate(errors.tolist()):
            self._n, self._total = self._n + 1, self._total + error
            self._detector.update(error)
            if self._detector.drift_detected:
                # What remains is newer than all that there was since the last change.
                if self._detector.estimation > self._total / self._n:
                    found.append(place)
                self._n, self._total = 0, 0.0
        return np.array(found, np.int64)

    def snapshot(self) -> dict[str, Any]:
        """See :class:`~.error_detector.ErrorDetector`."""
        return {**super().snapshot(), "n": self._n, "total": self._total}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`~.error_detector.ErrorDetector`."""
        own = dict(state)
        self._n, self._total = int(own.pop("n")), float(own.pop("total"))
        super().restore(own)


class Kswin(RiverDetector):
    """KSWIN (Raab, Heusinger and Schleif 2020). It takes a third of a millisecond per error."""

    binary = False

    def __init__(self, alpha: float = 0.005, window: int = 100, newest: int = 30) -> None:
        super().__init__(_DRIFT.KSWIN(alpha, int(window), int(newest), seed=0))
        self._last: deque[float] = deque(maxlen=int(window))

    def update(self, errors: Floats) -> Ints:
        """See :class:`~.error_detector.ErrorDetector`."""
        found = []
        for place, error in enumerate(errors.tolist()):
            self._last.append(error)
            self._detector.update(error)
            if self._detector.drift_detected:
                if np.mean(self._detector.window) > np.mean(self._last):
                    found.append(place)
                self._last.clear()
                self._last.extend(self._detector.window)
        return np.array(found, np.int64)

    def snapshot(self) -> dict[str, Any]:
        """See :class:`~.error_detector.ErrorDetector`."""
        return {**super().snapshot(), "last": list(self._last)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`~.error_detector.ErrorDetector`."""
        own = dict(state)
        self._last = deque(own.pop("last"), self._last.maxlen)
        super().restore(own)


class PageHinkley(RiverDetector):
    """The Page-Hinkley test (Page 1954)."""

    binary = False

    def __init__(
        self, least: int = 30, delta: float = 0.005, threshold: float = 50.0, alpha: float = 0.9999
    ) -> None:
        super().__init__(_DRIFT.PageHinkley(int(least), delta, threshold, alpha, mode="up"))


class Ddm(RiverDetector):
    """DDM (Gama, Medas, Castillo and Rodrigues 2004)."""

    def __init__(self, least: int = 30, level: float = 3.0) -> None:
        super().__init__(_BINARY.DDM(int(least), drift_threshold=level))


class Eddm(RiverDetector):
    """EDDM (Baena-Garcia and others 2006)."""

    def __init__(self, least: int = 30, beta: float = 0.9) -> None:
        super().__init__(_BINARY.EDDM(int(least), beta=beta))


class HddmA(RiverDetector):
    """HDDM with averages (Frias-Blanco and others 2015)."""

    binary = False

    def __init__(self, confidence: float = 0.001) -> None:
        super().__init__(_BINARY.HDDMA(confidence))


class HddmW(RiverDetector):
    """HDDM with weighted averages (Frias-Blanco and others 2015)."""

    binary = False

    def __init__(self, confidence: float = 0.001, weight: float = 0.05) -> None:
        super().__init__(_BINARY.HDDMW(confidence, lambda_val=weight))


def _written(value: Any) -> Any:
    """Return a part of a detector's state as JSON types; river's objects by their attributes."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if np.isfinite(value) else str(value)
    if isinstance(value, deque):
        return list(value)
    if isinstance(value, random.Random):
        version, state, gauss = value.getstate()
        return [version, list(state), gauss]
    if callable(getattr(value, "__setstate__", None)):
        return base64.b64encode(value.__getstate__()).decode()
    if hasattr(value, "__dict__"):
        return {name: _written(own) for name, own in vars(value).items()}
    return None  # a method


def _restore(into: Any, state: Mapping[str, Any]) -> None:
    """Give an object that is as it was made the attributes that were written."""
    for name, value in state.items():
        own = getattr(into, name)
        if isinstance(own, deque):
            own.extend(value)
        elif isinstance(own, random.Random):
            own.setstate((value[0], tuple(value[1]), value[2]))
        elif callable(getattr(own, "__setstate__", None)):
            own.__setstate__(base64.b64decode(value))
        elif isinstance(value, dict):
            _restore(own, value)
        elif callable(own):
            continue
        elif isinstance(value, str) and isinstance(own, float):
            setattr(into, name, float(value))
        else:
            setattr(into, name, value)
