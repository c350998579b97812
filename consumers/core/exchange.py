"""Exchange: topics through which the workers of a domain share global tables, metrics and feeds.

Every worker reads these topics and computes the same states. Only the worker that owns the
trigger's first partition publishes the results. It also publishes snapshots of the states, from
which a worker that starts later goes on: the records before a snapshot may then be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import chain
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from streamsim.consumers.core.pipeline import new_tables
from streamsim.consumers.featurize.contributions import read_closed
from streamsim.consumers.featurize.global_table import GlobalTable
from streamsim.consumers.monitor.feed_alerts import FeedStates, feed_alerts
from streamsim.consumers.monitor.rolling_metric import RollingMetric, metric_records
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.events import NO_TIME, Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import FEEDS, LABELLED, topic

State = TypeVar("State")


class States(Protocol[State]):
    """States that are computed from all partitions' records of one topic."""

    @property
    def complete(self) -> int:
        """Up to when all partitions have published (ms)."""
        ...

    def apply(self, value: bytes | None) -> list[State]:
        """Apply a record; return the states that it completes.

        Raises
        ------
        ForeignRecordError
            If no worker has written it; it has no effect then.
        """
        ...

    def snapshot(self) -> Columns:
        """Return the whole state."""
        ...

    def restore(self, parts: Parts) -> None:
        """Restore an empty state from a snapshot."""
        ...


class Fold(Generic[State]):
    """Folds all partitions' records of one topic into states, and writes those as records.

    Parameters
    ----------
    latest
        The latest states: a worker that takes over publishes them again.
    as_records
        Writes a state as records.
    """

    def __init__(
        self,
        states: States[State],
        latest: Collection[State],
        as_records: Callable[[State], list[Outbound]],
    ) -> None:
        self._states, self._latest, self._as_records = states, latest, as_records

    @property
    def complete(self) -> int:
        """Up to when all partitions have published (ms)."""
        return self._states.complete

    def apply(self, value: bytes | None) -> list[Outbound]:
        """Apply a record; return the records of the states that it completes."""
        return [record for state in self._states.apply(value) for record in self._as_records(state)]

    def snapshot(self) -> Columns:
        """Return the whole state."""
        return self._states.snapshot()

    def restore(self, parts: Parts) -> None:
        """Restore an empty state from a snapshot."""
        self._states.restore(parts)

    def latest(self) -> list[Outbound]:
        """Return the records of the latest states."""
        return [record for state in self._latest for record in self._as_records(state)]


class Applied(NamedTuple):
    """The effect of a record of the exchange."""

    outputs: list[Outbound]
    """Records for one worker to publish."""
    frees: bool
    """Whether more events may be ready now."""


class Exchange:
    """One domain's global tables, rolling metric and feeds.

    Parameters
    ----------
    score_from
        Event time before which feeds raise no alert (ms).

    Attributes
    ----------
    tables
        By name.
    folds
        What is published, by kind; see :meth:`streamsim.consumers.core.pipeline.Pipeline.complete`.
    positions
        Topic to the offset of the next record to apply.
    """

    def __init__(self, spec: DomainSpec, score_from: int = NO_TIME) -> None:
        self.tables: dict[str, GlobalTable] = new_tables(spec)
        rolling, model = RollingMetric(spec), spec.model.recipe.name
        self.folds: dict[str, Fold[Any]] = {
            LABELLED: Fold(
                rolling, rolling.states, lambda state: metric_records(spec, state, model)
            )
        }
        if spec.alerting.feeds is not None:
            feeds = FeedStates(spec.alerting.feeds, spec.partitions)
            self.folds[FEEDS] = Fold(
                feeds,
                feeds.alerts,
                lambda alert: feed_alerts(spec.name, alert) if alert.at > score_from else [],
            )
        self._tables: Mapping[str, GlobalTable] = {
            topic(spec.name, name): table for name, table in self.tables.items()
        }
        self._kinds = {topic(spec.name, kind): kind for kind in self.folds}
        self.positions = dict.fromkeys(self.topics, 0)

    @property
    def topics(self) -> list[str]:
        """The topics to read, each of one partition."""
        return [*self._tables, *self._kinds]

    def kind_of(self, topic_name: str) -> str | None:
        """Return the key in ``folds`` of a topic's records, ``None`` for a global table's topic."""
        return self._kinds.get(topic_name)

    def is_news(self, topic_name: str, key: bytes | None, time: int) -> bool:
        """Say whether a record may be new, by its key and time (ms) alone.

        A worker has already applied its own buckets and need not parse them.
        """
        table = self._tables.get(topic_name)
        return table is None or not table.has(key, time)

    def apply(self, topic_name: str, value: bytes | None) -> Applied:
        """Apply a record; a record of any other topic is ignored.

        Raises
        ------
        ForeignRecordError
            If no worker has written it; it has no effect then.
        """
        if topic_name in self._tables:
            return Applied([], self._tables[topic_name].apply(read_closed(value)))
        kind = self._kinds.get(topic_name)
        return Applied([] if kind is None else self.folds[kind].apply(value), False)

    def snapshot(self) -> Columns:
        """Return the whole state with its positions."""
        return {
            "topic": list(self.positions),
            "next": np.array(list(self.positions.values())),
            **{
                f"{name}:{column}": rows
                for name, part in self._parts()
                for column, rows in part.snapshot().items()
            },
        }

    def restore(self, columns: Columns) -> None:
        """Restore an empty exchange from a snapshot.

        Raises
        ------
        KeyError, ValueError, IndexError, TypeError
            If it is no snapshot of this exchange.
        """
        whole = Parts([columns])
        found = dict(zip(whole.texts("topic"), whole.ints("next").tolist(), strict=True))
        self.positions = {name: found[name] for name in self.topics}
        for name, part in self._parts():
            part.restore(whole.of(name))

    def _parts(self) -> Iterable[tuple[str, GlobalTable | Fold[Any]]]:
        return chain(self.tables.items(), self.folds.items())
