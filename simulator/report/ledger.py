"""Sum of the workers' accounts, read from the metrics topic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamsim.consumers.monitor.latency_histogram import Latencies
from streamsim.consumers.state.account import APPLIED, DEAD, DUPLICATE, FILTERED, HEARTBEAT, LATE
from streamsim.streams.spec import DomainSpec, Inputs, Role
from streamsim.streams.topics import FEEDS, LABELLED, PROFILES, SCORES, topic

REJECTED = (LATE, DUPLICATE, DEAD)


class Ledger:
    """The totals of one domain, from the latest account of every worker."""

    def __init__(self, spec: DomainSpec) -> None:
        self.spec = spec
        self._latest: dict[int, Mapping[str, Any]] = {}
        self._owner: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._ends: dict[tuple[str, int], int] = {}
        self.saved: dict[str, int] = {}
        """Per topic of the workers' shared state, the offset before which no worker needs it."""
        self.shared = {t.name for t in spec.features.tables} | {LABELLED, FEEDS}
        """Names of these topics, without the domain."""
        self.foreign: dict[str, tuple[int, str]] = {}
        """Per topic of that state, the number of foreign records, and what is to be said."""
        self.accuracy: Mapping[str, Any] | None = None
        """The latest state of the rolling metric."""
        self.estimate: Mapping[str, Any] | None = None
        """The latest estimate of the metric before its labels are there."""

    def take(self, body: Mapping[str, Any]) -> None:
        """Take what one record of the domain's metrics topic says."""
        if "accuracy" in body:
            if self.accuracy is None or body["accuracy"]["until"] >= self.accuracy["until"]:
                self.accuracy = body["accuracy"]
            return
        if "estimate" in body:
            if self.estimate is None or body["estimate"]["until"] >= self.estimate["until"]:
                self.estimate = body["estimate"]
            return
        self._latest[body["worker"]] = body
        for name, (count, told) in body["foreign"].items():
            self.foreign[name] = max(count, self.foreign.get(name, (0, told))[0]), told
        for name, offset in body["saved"].items():
            self.saved[name] = max(offset, self.saved.get(name, 0))
        for source, partitions in body["assigned"].items():
            for p in partitions:
                known = self._owner.get((source, p))
                if known is None or known["generation"] <= body["generation"]:
                    self._owner[source, p] = body

    def _current(self) -> list[Mapping[str, Any]]:
        """Return the latest accounts of the workers in the newest assignment."""
        newest = max((body["generation"] for body in self._latest.values()), default=0)
        return [body for body in self._latest.values() if body["generation"] == newest]

    def settled(self, workers: int) -> bool:
        """Return whether this many workers own all partitions, each partition once."""
        current = self._current()
        owned = [
            (source, p)
            for body in current
            for source, partitions in body["assigned"].items()
            for p in partitions
        ]
        wanted = len(self.spec.inputs.sources) * self.spec.partitions
        return (
            len(current) == workers
            and all(any(body["assigned"].values()) for body in current)
            and len(owned) == len(set(owned)) == wanted
        )

    def counts(self, source: str) -> dict[str, int]:
        """Return the records of a source per class, over all workers and partitions."""
        total: dict[str, int] = {}
        for (name, p), body in self._owner.items():
            if name == source:
                for kind, count in body["account"][source][str(p)].items():
                    total[kind] = total.get(kind, 0) + count
        return total

    def position(self, source: str, partition: int) -> int:
        """Return the offset up to which a partition is finished, 0 if no worker has reported it."""
        body = self._owner.get((source, partition))
        return 0 if body is None else max(body["position"][source][str(partition)], 0)

    def finished(self, ends: Mapping[tuple[str, int], int]) -> bool:
        """Return whether all sources are finished up to end offsets, by topic and partition."""
        places = range(self.spec.partitions)
        return self._all_published() and all(
            self.position(source.name, p) >= ends[topic(self.spec.name, source.name), p]
            for source in self.spec.inputs.sources
            for p in places
        )

    def _all_published(self) -> bool:
        """Return whether accuracy and feed metrics are published up to the slowest worker."""
        current = self._current()
        published = [body["told"] for body in current if body["told"] is not None]
        # No worker makes metrics of profiles: their counts are for the controller.
        for kind in {kind for body in current for kind in body["complete"]} - {PROFILES}:
            ends = [end for body in current for end in body["complete"].get(kind, {}).values()]
            if ends and (not published or max(p[kind] for p in published) < min(ends)):
                return False
        return True

    def latencies(self) -> Latencies:
        """Return the latencies over all workers, from the beginning."""
        merged = Latencies()
        for body in self._latest.values():
            merged.merge(body["latency"])
        return merged

    def pending(self) -> int:
        """Return the number of records in the workers' queues and in-flight buffers."""
        return sum(body["queued"] + body["pending"] for body in self._current())

    def note_ends(self, ends: Mapping[tuple[str, int], int]) -> None:
        """Store the current end offsets of the topics, from which :meth:`lag` is computed."""
        self._ends = dict(ends)

    def lag(self) -> int:
        """Return the number of records of the sources that are not finished."""
        return sum(
            max(self._ends.get((topic(self.spec.name, source.name), p), 0)
                - self.position(source.name, p), 0)
            for source in self.spec.inputs.sources
            for p in range(self.spec.partitions)
        )  # fmt: skip

    def waits_for(self) -> str | None:
        """Return what a worker waits for, ``None`` if none waits."""
        waits = [body["waits_for"] for body in self._current() if body["waits_for"]]
        return waits[0] if waits else None

    def clock(self) -> int | None:
        """Return the latest event time of the triggers (ms)."""
        clocks = [body["clock"][self.spec.trigger.name] for body in self._latest.values()]
        return max((c for c in clocks if c is not None), default=None)

    def judged_until(self) -> int | None:
        """Return the event time before which all is scored and judged (ms), ``None`` if unknown."""
        ends = [end for body in self._current() for end in body["complete"][LABELLED].values()]
        least = min(ends, default=0)
        return least if least > 0 else None

    def model(self) -> Mapping[str, str] | None:
        """Return name and version of the model that scores."""
        models = [body["model"] for body in self._latest.values() if body["model"]]
        return models[0] if models else None

    def account(self, ends: Mapping[tuple[str, int], int], scored: int) -> dict[str, Any]:
        """Close the account against the topics' end offsets.

        Parameters
        ----------
        scored
            Number of events with a score in the scores topic.

        Returns
        -------
        The classes of the triggers, and under ``context`` and ``labels`` those of the others.
        """
        spec = self.spec
        written = {
            s.name: sum(ends[topic(spec.name, s.name), p] for p in range(spec.partitions))
            for s in spec.inputs.sources
        }
        written[SCORES] = scored
        return close_account(
            spec.inputs, {s.name: self.counts(s.name) for s in spec.inputs.sources}, written
        )


def close_account(
    inputs: Inputs, counts: Mapping[str, Mapping[str, int]], written: Mapping[str, int]
) -> dict[str, Any]:
    """Close a domain's account.

    Parameters
    ----------
    counts
        Per source, the number of records in each class.
    written
        Per source the number of records in its topic, heartbeats included; and the number of
        scores in the scores topic, which counts instead of what the workers report.

    Returns
    -------
    The classes of the triggers, and under ``context`` and ``labels`` those of the others.
    ``unaccounted`` is the number of records in no class (negative: in two).
    """
    trigger = inputs.trigger.name
    own = counts[trigger]
    by = {name: own.get(name, 0) for name in FILTERED}
    common = {name: own.get(name, 0) for name in REJECTED}
    come_in = written[trigger] - own.get(HEARTBEAT, 0)
    scored = written[SCORES]
    account: dict[str, Any] = {
        "in": come_in,
        "scored": scored,
        **common,
        "filtered": sum(by.values()),
        "unaccounted": come_in - scored - sum(common.values()) - sum(by.values()),
        "filtered_by": by,
    }
    for part, role in (("context", Role.CONTEXT), ("labels", Role.LABEL)):
        names = [s.name for s in inputs.sources if s.role is role]
        classes = {
            name: sum(counts[source].get(name, 0) for source in names)
            for name in (APPLIED, *REJECTED)
        }
        total = sum(written[s] - counts[s].get(HEARTBEAT, 0) for s in names)
        account[part] = {"in": total, **classes, "unaccounted": total - sum(classes.values())}
    return account
