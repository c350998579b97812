"""The records of a domain's report that its broker still has."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from streamsim.simulator.reading import deleted, read_each
from streamsim.simulator.report.effect import RecentIdentities, identity
from streamsim.simulator.report.own_outputs import OwnOutputs
from streamsim.streams.spec import DomainSpec, Role
from streamsim.streams.topics import ALERTS, SCORES, TRUTH, TopicSpec, topic, topics_of


class Kept(NamedTuple):
    """What the report needs of a record: its value, and its timestamp (ms)."""

    value: bytes | None
    timestamp: int


@dataclass(slots=True)
class KeptRecords:
    """The records of a report's topics, without repeats.

    Attributes
    ----------
    topics
        Topic to its records, each partition's in order.
    deleted
        Topic to how many of its records the broker has deleted, if any.
    since
        From this event time on all scores are there (ms); ``None`` if none was deleted.
    """

    topics: dict[str, list[Kept]]
    deleted: dict[str, int] = field(default_factory=dict)
    since: int | None = None

    def values(self, name: str) -> list[bytes | None]:
        """Return the values of a topic."""
        return [record.value for record in self.topics[name]]

    def outputs(self, name: str) -> list[bytes]:
        """Return the values of a topic of outputs from ``since`` on."""
        since = self.since
        return [
            record.value
            for record in self.topics[name]
            if record.value is not None and (since is None or record.timestamp >= since)
        ]


def report_topics(spec: DomainSpec) -> list[TopicSpec]:
    """Return the topics of a domain's report."""
    wanted = {topic(spec.name, name) for name in (SCORES, ALERTS, TRUTH)}
    wanted |= {topic(spec.name, s.name) for s in spec.inputs.sources if s.role is Role.LABEL}
    return [t for t in topics_of(spec) if t.name in wanted]


def kept_records(address: str, spec: DomainSpec, own: OwnOutputs) -> KeptRecords:
    """Read the topics of a domain's report, without the foreign records among the outputs.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    wanted = report_topics(spec)
    scores, outputs = topic(spec.name, SCORES), (topic(spec.name, SCORES), topic(spec.name, ALERTS))
    kept = KeptRecords({t.name: [] for t in wanted}, deleted(address, wanted))
    recent: defaultdict[tuple[str, int], RecentIdentities] = defaultdict(RecentIdentities)
    begun: set[int] = set()
    for record in read_each(address, wanted):
        if record.topic in outputs:
            if own.read(record) is None:
                continue
            if not recent[record.topic, record.partition].is_new(identity(record)):
                continue
        if record.topic == scores and scores in kept.deleted and record.partition not in begun:
            begun.add(record.partition)
            if record.offset:
                kept.since = max(record.timestamp, kept.since or 0)
        kept.topics[record.topic].append(Kept(record.value, record.timestamp))
    return kept
