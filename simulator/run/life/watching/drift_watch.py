"""Watch over the features and scores of one model: whether they are distributed as in training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from streamsim.consumers.monitor.drift.drift_report import ColumnDrift, report_drift
from streamsim.consumers.monitor.drift.profile_window import ProfileWindow
from streamsim.consumers.monitor.incidents.incident import Cause, Change, Hysteresis, Signal
from streamsim.consumers.monitor.incidents.incidents import Incidents
from streamsim.streams.spec import DomainSpec
from streamsim.streams.statistics.reference_profile import SCORE, Reference

LOST = 0.2
"""Share of values that became unknown, from which on a drift counts as a fault of the data."""
DRIFT, DATA_QUALITY = "feature_drift", "data_quality"


class DriftWatch:
    """Watches over the features of one domain's model.

    Parameters
    ----------
    reference
        Profile of what the champion was trained on.
    profile_at
        Returns the profile of the version that answers at an event time.
    warm_up
        Drift does not count in this time after the first event (ms).
    words
        Returns what else is to be said at an event time (ms), after what has drifted.
    """

    def __init__(
        self,
        spec: DomainSpec,
        reference: Reference,
        profile_at: Callable[[int], Reference | None],
        warm_up: int,
        words: Callable[[int], str],
    ) -> None:
        own = spec.alerting.accuracy
        self._spec, self._reference, self._profile_at = spec, reference, profile_at
        self._warm_up, self._first, self._words = warm_up, -1, words
        self._profiles = ProfileWindow(reference, spec.partitions, span=own.span, step=own.step)
        usual = Hysteresis(renotify=7 * own.step)
        self._incidents = Incidents({DRIFT: usual, DATA_QUALITY: usual}, usual)

    def take_profiles(self, value: bytes | None) -> list[tuple[int, tuple[Change, ...]]]:
        """Take a record of profiles; return the end of each window with what becomes of incidents.

        Raises
        ------
        ForeignRecordError
            If it is no such record.
        """
        found = []
        for window in self._profiles.apply(value):
            if self._first < 0:
                self._first = window.end
            if window.end < self._first + self._warm_up:
                continue
            report = report_drift(self._profile(window.end), window.counts)
            signals = list(self._signals(window.end, report.drifted, report.rows))
            found.append((window.end, self._incidents.step(window.end, signals)))
        return found

    def _profile(self, at: int) -> Reference:
        """Return the profile that features are compared with at an event time."""
        own = self._profile_at(at)
        is_usable = own is not None and own.fingerprint() == self._reference.fingerprint()
        return own if own is not None and is_usable else self._reference

    def _signals(self, at: int, drifted: Sequence[ColumnDrift], rows: int) -> Iterable[Signal]:
        """Say of the features together whether they have drifted, and of missing values apart."""
        lost = [column for column in drifted if _is_lost(column)]
        changed = [column for column in drifted if not _is_lost(column)]
        for rule, columns in ((DATA_QUALITY, lost), (DRIFT, changed)):
            features = [column for column in columns if column.name != SCORE]
            most = next(iter(features or columns), None)
            more = f", and {len(columns) - 1} more" if len(columns) > 1 else ""
            yield Signal(
                Cause(self._spec.name, rule, f"features of {self._spec.model.recipe.name}"),
                at,
                most is not None,
                most is None,
                0.0 if most is None else most.size,
                1.0,
                "as in training" if most is None else f"{most.text}{more}{self._words(at)}",
                rows,
            )

    def snapshot(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the whole state: columns, and JSON types."""
        return self._profiles.snapshot(), {
            "incidents": self._incidents.snapshot(), "first": self._first
        }  # fmt: skip

    def restore(self, parts: Any, state: dict[str, Any]) -> None:
        """Restore an empty state from a snapshot.

        Raises
        ------
        KeyError, ValueError, IndexError, TypeError
            If it is none.
        """
        self._profiles.restore(parts)
        self._incidents.restore(state["incidents"])
        self._first = int(state["first"])


def _is_lost(column: ColumnDrift) -> bool:
    """Say whether a feature has drifted by values that are missing now: an upstream fault."""
    before, now = column.distances.missing
    return now - before >= LOST
