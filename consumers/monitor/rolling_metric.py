"""Rolling metric of a domain: accuracy over a window of all partitions' labelled scores.

There is one state per step of event time. Every worker reads the whole of ``<domain>.labelled`` and
computes the same states; the worker that owns the first partition publishes them. A worker that
takes over publishes the latest states again. A repeat is recognised by its step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import orjson

from streamsim.consumers.monitor.accuracy_threshold import (
    AccuracyState,
    AccuracyThreshold,
    Change,
    accuracy_state,
)
from streamsim.consumers.monitor.cloud_event import cloud_event
from streamsim.consumers.monitor.labelled_scores import MICRO, read_labelled
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.codec import format_times
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import NO_TIME, Ints, Mask, Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.statistics.quality import find_metric
from streamsim.streams.topics import METRICS, topic

KEPT = 200
"""How many of the latest states a worker publishes again when it takes over."""
LOW, RECOVERED = "accuracy_low", "accuracy_recovered"


class RollingMetric:
    """The window over labelled scores, and the states so far."""

    def __init__(self, spec: DomainSpec) -> None:
        self._spec, own = spec, spec.alerting.accuracy
        self._metric, is_error = find_metric(own.metric)
        self._limit = AccuracyThreshold(own.threshold, own.margin, own.min_samples, is_error)
        self._covered = np.full(spec.partitions, NO_TIME)
        self._window: tuple[Ints, Ints, Ints] = _NONE
        self._waiting: list[tuple[Ints, Ints, Ints]] = []
        self._next = NO_TIME
        self._is_low = False
        self._samples = 0
        self.states: deque[AccuracyState] = deque(maxlen=KEPT)

    @property
    def complete(self) -> int:
        """The event time up to which all partitions have published (ms)."""
        return int(self._covered.min())

    def apply(self, value: bytes | None) -> list[AccuracyState]:
        """Apply a record of labelled scores; return the states that it completes.

        Raises
        ------
        ForeignRecordError
            If it is none.
        """
        told = read_labelled(value)
        p, until = told.partition, told.until
        time, score, label = told.time, told.score, told.label
        if not 0 <= p < len(self._covered):
            raise ForeignRecordError(f"no partition {p}")
        covered = int(self._covered[p])
        if until <= covered:
            return []
        new = time >= covered
        if new.any():
            self._waiting.append((time[new], score[new], label[new]))
        self._covered[p] = until
        complete = int(self._covered.min())
        if complete == NO_TIME or (self._next != NO_TIME and complete < self._next):
            return []
        return self._advance(complete)

    def _advance(self, complete: int) -> list[AccuracyState]:
        """Advance step by step to the time that all partitions have completed (ms)."""
        own = self._spec.alerting.accuracy
        parts = [_NONE, *self._waiting]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        due = columns[0] < complete
        self._waiting = [_rows(columns, ~due)]
        # Rows of the same instant are ordered by score: the order of partitions must not matter.
        new = _rows(columns, due)
        order = np.lexsort((new[2], new[1], new[0]))
        # The window's rows are older than all new rows.
        time, score, label = (
            np.concatenate([old, column[order]])
            for old, column in zip(self._window, new, strict=True)
        )
        if self._next == NO_TIME and len(time):
            self._next = int(time[0]) // own.step * own.step + own.step
        found = []
        while NO_TIME < self._next <= complete:
            state = self._state(self._next, time, score, label)
            # A long silence has one state.
            if state.samples or self._samples:
                found.append(state)
                self._next += own.step
            else:
                self._next = self._after_silence(time, complete)
            self._samples = state.samples
        begin = self._begin(time, complete)
        self._window = time[begin:], score[begin:], label[begin:]
        self.states.extend(found)
        return found

    def _after_silence(self, time: Ints, complete: int) -> int:
        """Return the next step with events in its window: a clock may leap by centuries."""
        step = self._spec.alerting.accuracy.step
        later = int(np.searchsorted(time, self._next))
        first = int(time[later]) if later < len(time) else complete
        return min(first, complete) // step * step + step

    def snapshot(self) -> Columns:
        """Return the whole state: an empty metric that restores it is equal to this one."""
        waiting = [np.concatenate(column) for column in zip(_NONE, *self._waiting, strict=True)]
        return {
            "covered": self._covered,
            **dict(zip(("time", "score", "label"), self._window, strict=True)),
            **dict(zip(("new_time", "new_score", "new_label"), waiting, strict=True)),
            "step": np.array([self._next, int(self._is_low), self._samples]),
            "state": [orjson.dumps(astuple(state)).decode() for state in self.states],
        }

    def restore(self, parts: Parts) -> None:
        """Restore an empty metric from a snapshot.

        Raises
        ------
        KeyError, ValueError, IndexError, TypeError
            If it is no snapshot of this metric.
        """
        self._covered[:] = parts.ints("covered")
        self._window = parts.ints("time"), parts.ints("score"), parts.ints("label")
        self._waiting = [(parts.ints("new_time"), parts.ints("new_score"), parts.ints("new_label"))]
        self._next, is_low, self._samples = parts.ints("step").tolist()
        self._is_low = bool(is_low)
        for text in parts.texts("state"):
            at, value, samples, low, change = orjson.loads(text)
            self.states.append(
                AccuracyState(
                    at,
                    np.nan if value is None else value,
                    samples,
                    low,
                    None if change is None else Change(change),
                )
            )

    def _begin(self, time: Ints, end: int) -> int:
        """Return the first row of the window that ends at ``end`` (ms): it has two limits.

        They are the window's span of time and its number of events.
        """
        own = self._spec.alerting.accuracy
        done = int(np.searchsorted(time, end))
        return max(int(np.searchsorted(time, end - own.span)), done - own.count, 0)

    def _state(self, end: int, time: Ints, score: Ints, label: Ints) -> AccuracyState:
        begin, done = self._begin(time, end), int(np.searchsorted(time, end))
        state = accuracy_state(
            self._limit,
            self._metric,
            end,
            score[begin:done] / MICRO,
            label[begin:done].astype(np.float64),
            self._is_low,
        )
        self._is_low = state.is_low
        return state


_NOTHING = np.empty(0, np.int64)
_NONE = _NOTHING, _NOTHING, _NOTHING


def _rows(columns: Sequence[Ints], which: Mask) -> tuple[Ints, Ints, Ints]:
    time, score, label = columns
    return time[which], score[which], label[which]


def metric_records(spec: DomainSpec, state: AccuracyState, model: str) -> list[Outbound]:
    """Write a state for ``<domain>.metrics``, and the alert that it raises or resolves."""
    own, at = spec.alerting.accuracy, format_times(np.array([state.at]))[0]
    value = None if np.isnan(state.value) else round(state.value, 6)
    body: dict[str, Any] = {
        "accuracy": {
            "until": at,
            "metric": own.metric,
            "value": value,
            "samples": state.samples,
            "threshold": own.threshold,
            "is_low": state.is_low,
            "change": state.change,
        }
    }
    records = [
        Outbound(
            topic(spec.name, METRICS), 0, b"accuracy", orjson.dumps(body), max(state.at, 0),
            [("accuracy_id", str(state.at).encode())],
        )
    ]  # fmt: skip
    if state.change is not None and value is not None:
        records.append(_alert(spec, state, value, at, model))
    return records


def _alert(spec: DomainSpec, state: AccuracyState, value: float, at: str, model: str) -> Outbound:
    """Write that accuracy is low, or has recovered, as a CloudEvent."""
    own, raised = spec.alerting.accuracy, state.change is Change.RAISED
    rule = LOW if raised else RECOVERED
    side = "below" if raised else "above"
    body = {
        "rule": rule,
        "severity": "critical" if raised else "resolved",
        "monitored": model,
        "seen": f"{own.metric} {value:.3f} over {state.samples:,} events with final labels",
        "facts": {"value": value, "samples": state.samples, "threshold": own.threshold},
        "why": [
            {
                "what": "accuracy",
                "feature": own.metric,
                "value": value,
                "usual": own.threshold,
                "effect": round(abs(value - own.threshold), 4),
                "text": f"{side} {own.threshold:g}",
            }
        ],
        "event_time": at,
    }
    return cloud_event(spec.name, rule, f"{spec.name}:{state.at}", model, max(state.at, 0), body)
