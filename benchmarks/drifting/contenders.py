"""The detectors that are compared, each a function from a stream to its alarms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from streamsim.benchmarks.drifting.known_changes import KnownStream
from streamsim.consumers.monitor.drift.defaults import FeatureBounds
from streamsim.consumers.monitor.drift.distances import Distances
from streamsim.consumers.monitor.drift.drift_report import judge_columns, measure_columns
from streamsim.consumers.monitor.drift.error_detector import make_detector
from streamsim.streams.events import Ints
from streamsim.streams.statistics.reference_profile import tally

Contender = Callable[[KnownStream], Ints]
WINDOWS = 6
"""Comparisons of features in the time of a season, each of all rows of the last season."""


def on_errors(name: str, **options: Any) -> Contender:
    """Return a detector on errors."""

    def alarms(stream: KnownStream) -> Ints:
        detector = make_detector(name, **options)
        return detector.update(stream.errors if detector.binary else stream.sizes)

    return alarms


def on_features(bounds: FeatureBounds, *, short: bool = False) -> Contender:
    """Return a comparison of windows with the reference.

    It alarms when a window has drifted and the one before it had not.

    Parameters
    ----------
    short
        Take windows of a sixth of a season instead of a whole one.
    """

    def alarms(stream: KnownStream) -> Ints:
        assert stream.reference is not None
        found, was = [], False
        for end, counts, measured in _windows(stream, short):
            now = bool(judge_columns(stream.reference, counts, measured, bounds).drifted)
            if now and not was:
                found.append(end - 1)
            was = now
        return np.array(found, np.int64)

    return alarms


@lru_cache(maxsize=2)
def _windows(stream: KnownStream, short: bool) -> list[tuple[int, Ints, list[Distances]]]:
    """Return the windows of a stream: end, counts, and distances from the reference."""
    assert stream.reference is not None
    assert stream.features is not None
    assert stream.scores is not None
    cells = stream.reference.cells(stream.features, stream.scores)
    step = stream.season // WINDOWS
    span = step if short else stream.season
    ends = range(span, len(cells) + 1, step)
    counts = [tally(cells[end - span : end]) for end in ends]
    measured = [measure_columns(stream.reference, own) for own in counts]
    return list(zip(ends, counts, measured, strict=True))


def always(stream: KnownStream) -> Ints:
    """Alarm at each row."""
    return np.arange(len(stream.errors))


def never(stream: KnownStream) -> Ints:
    """Never alarm."""
    return np.empty(0, np.int64)


BASELINES: Mapping[str, Contender] = {"always": always, "never": never}
ON_ERRORS: Mapping[str, Contender] = {
    "stepd 30, 0.003": on_errors("stepd", window=30, alpha=0.003),
    "stepd 100, 0.001": on_errors("stepd", window=100, alpha=0.001),
    "stepd 200, 0.001": on_errors("stepd", window=200, alpha=0.001),
    "stepd 200, 0.00001": on_errors("stepd", window=200, alpha=0.00001),
    "stepd 500, 0.00001": on_errors("stepd", window=500, alpha=0.00001),
    "stepd 200, 1e-7": on_errors("stepd", window=200, alpha=1e-7),
    "seed 0.05": on_errors("seed", delta=0.05),
    "seed 0.001": on_errors("seed", delta=0.001),
    "seed 0.00001": on_errors("seed", delta=0.00001),
    "adwin 0.01": on_errors("adwin", delta=0.01),
    "adwin 0.002": on_errors("adwin", delta=0.002),
    "adwin 0.00002": on_errors("adwin", delta=0.00002),
    "page_hinkley 50": on_errors("page_hinkley", threshold=50),
    "page_hinkley 20": on_errors("page_hinkley", threshold=20),
    "ddm 3": on_errors("ddm", level=3.0),
    "ddm 3, 500": on_errors("ddm", level=3.0, least=500),
    "eddm 0.9": on_errors("eddm", beta=0.9),
    "hddm_a 0.001": on_errors("hddm_a", confidence=0.001),
    "hddm_a 0.00001": on_errors("hddm_a", confidence=0.00001),
    "hddm_w 0.001": on_errors("hddm_w", confidence=0.001),
    "hddm_w 0.001, 0.01": on_errors("hddm_w", confidence=0.001, weight=0.01),
    "kswin 0.005": on_errors("kswin", alpha=0.005),
}
"""By name and options: river's and the papers' own options, and some that alarm less."""
ON_FEATURES: Mapping[str, Contender] = {
    "p 0.01 alone": on_features(FeatureBounds(bound=1e-9, missing=1e-9, outside=1e-9)),
    "psi 0.1": on_features(FeatureBounds(distance="psi", bound=0.1)),
    "psi 0.2": on_features(FeatureBounds(distance="psi", bound=0.2)),
    "psi 0.2, short": on_features(FeatureBounds(distance="psi", bound=0.2), short=True),
    "psi 0.25": on_features(FeatureBounds(distance="psi", bound=0.25)),
    "js 0.1": on_features(FeatureBounds(distance="js", bound=0.1)),
    "js 0.15": on_features(FeatureBounds(distance="js", bound=0.15)),
    "js 0.2": on_features(FeatureBounds(distance="js", bound=0.2)),
    "ks 0.1": on_features(FeatureBounds(distance="ks", bound=0.1)),
    "ks 0.2": on_features(FeatureBounds(distance="ks", bound=0.2)),
}
"""By distance and bound; ``p 0.01 alone`` takes each significant change."""
