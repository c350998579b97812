"""Exchange: what workers tell each other by topics, and what each makes of the whole.

Every worker reads these topics from the beginning and comes to the same: global tables, rolling
metrics, the states of feeds. What follows from it is told once, by the worker that has the first
partition.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from streamsim.consumers.core.pipeline import new_tables
from streamsim.consumers.featurize.contributions import read_closed
from streamsim.consumers.featurize.global_table import GlobalTable
from streamsim.consumers.monitor.feed_alerts import FeedStates, feed_alerts
from streamsim.consumers.monitor.rolling_metric import RollingMetric, told
from streamsim.streams.events import Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import FEEDS, LABELLED, topic

State = TypeVar("State")


class States(Protocol[State]):
    """What all partitions' records of one topic are folded into, state by state."""

    @property
    def complete(self) -> int:
        """Up to when all partitions have published (ms)."""
        ...

    def apply(self, value: bytes) -> list[State]:
        """Take in a record; return the states that it completes."""
        ...


class Fold(Generic[State]):
    """Folds all partitions' records of one topic, and tells of the states that they complete.

    Parameters
    ----------
    latest
        The latest states: a worker that takes over tells of them again.
    tell
        Writes a state as records.
    """

    def __init__(
        self,
        states: States[State],
        latest: Collection[State],
        tell: Callable[[State], list[Outbound]],
    ) -> None:
        self._states, self._latest, self._tell = states, latest, tell

    @property
    def complete(self) -> int:
        """Up to when all partitions have published (ms)."""
        return self._states.complete

    def apply(self, value: bytes) -> list[Outbound]:
        """Take in a record; return what tells of the states that it completes."""
        return [record for state in self._states.apply(value) for record in self._tell(state)]

    def latest(self) -> list[Outbound]:
        """Return what tells of the latest states."""
        return [record for state in self._latest for record in self._tell(state)]


class Applied(NamedTuple):
    """What a record of the exchange leads to."""

    outputs: list[Outbound]
    """To be told, by one worker."""
    frees: bool
    """Whether more events may be ready by it."""


class Exchange:
    """One domain's global tables, rolling metric and feeds.

    Attributes
    ----------
    tables
        By name.
    folds
        What is told of, by kind; see :meth:`streamsim.consumers.core.pipeline.Pipeline.complete`.
    """

    def __init__(self, spec: DomainSpec) -> None:
        self.tables: dict[str, GlobalTable] = new_tables(spec)
        rolling, model = RollingMetric(spec), spec.model.recipe.name
        self.folds: dict[str, Fold[Any]] = {
            LABELLED: Fold(rolling, rolling.states, lambda state: told(spec, state, model))
        }
        if spec.alerting.feeds is not None:
            feeds = FeedStates(spec.alerting.feeds, spec.partitions)
            tell = partial(feed_alerts, spec.name)
            self.folds[FEEDS] = Fold(feeds, feeds.alerts, tell)
        self._tables: Mapping[str, GlobalTable] = {
            topic(spec.name, name): table for name, table in self.tables.items()
        }
        self._kinds = {topic(spec.name, kind): kind for kind in self.folds}

    @property
    def topics(self) -> list[str]:
        """The topics to be read, whole."""
        return [*self._tables, *self._kinds]

    def kind_of(self, topic_name: str) -> str | None:
        """Return which kind of thing a topic's records are told of as, ``None`` of tables'."""
        return self._kinds.get(topic_name)

    def is_news(self, topic_name: str, key: bytes | None, time: int) -> bool:
        """Say whether a record may tell anything new, by its key and time (ms) alone.

        What comes back of a worker's own buckets need not be read.
        """
        table = self._tables.get(topic_name)
        return table is None or not table.has(key, time)

    def apply(self, topic_name: str, value: bytes) -> Applied:
        """Take in a record; one of any other topic leads to nothing."""
        if topic_name in self._tables:
            return Applied([], self._tables[topic_name].apply(read_closed(value)))
        kind = self._kinds.get(topic_name)
        return Applied([] if kind is None else self.folds[kind].apply(value), False)
