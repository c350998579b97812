"""The outputs of a run as they arrive: accounts, alerts and dead letters, shown and kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from streamsim.consumers.monitor.incidents.incident import Turn
from streamsim.consumers.monitor.incidents.incident_records import (
    incident_line,
    is_shown,
    read_incident,
)
from streamsim.consumers.predict.model_schedule import RENEWED, read_lifecycle
from streamsim.simulator.reading import Tail
from streamsim.simulator.report.dead_letters import FILE, DeadLetters
from streamsim.simulator.report.effect import RecentIdentities, identity
from streamsim.simulator.report.ledger import Ledger
from streamsim.simulator.report.own_outputs import OwnOutputs
from streamsim.simulator.run.kept_run import Keeper
from streamsim.simulator.run.life.life_lines import CHAMPION, is_told, lifecycle_line
from streamsim.simulator.run.life.life_requests import ASKED
from streamsim.simulator.run.view import View
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.foreign_records import ForeignRecords
from streamsim.streams.topics import (
    ALERTS,
    DEAD,
    METRICS,
    OPS_ALERTS,
    OPS_MODELS,
    TopicSpec,
    ops_topics,
    topic,
    topics_of,
)

POLL_S = 0.2
SAY_AGAIN_S = 60.0
"""Least time between two lines about an incident that stays open: event time often runs faster than
a person reads."""


class Following:
    """Follows the outputs of a run's domains.

    Attributes
    ----------
    ledgers
        The workers' accounts, by domain.
    own
        Per domain, tells its outputs from the records of other programs.
    read
        Topic and partition to the offset of the next record to read.
    group
        The run's consumer group, once it is known: what other runs decide is not told.
    keeper
        Keeps what arrives in the run's folder, if it is set.
    """

    def __init__(self, specs: Sequence[DomainSpec], view: View) -> None:
        self._specs, self._view = specs, view
        foreign = ForeignRecords()
        self.ledgers = {spec.name: Ledger(spec) for spec in specs}
        self.own = {spec.name: OwnOutputs(spec, foreign, view.warn_once) for spec in specs}
        self.read: dict[tuple[str, int], int] = {}
        self.keeper: Keeper | None = None
        self.group: str | None = None
        self._said: dict[str, float] = {}
        self._alerts, self._dead = RecentIdentities(), DeadLetters(view.dead)

    @property
    def topics(self) -> list[TopicSpec]:
        """The topics to follow."""
        wanted = {topic(s.name, kind) for s in self._specs for kind in (ALERTS, METRICS, DEAD)}
        own = [t for spec in self._specs for t in topics_of(spec) if t.name in wanted]
        return [*own, *ops_topics()]

    @property
    def kept(self) -> list[str]:
        """Names of the files that a run keeps of them."""
        return [*(t.name for t in self.topics if not t.name.endswith(f".{DEAD}")), FILE]

    def take(self, tail: Tail) -> None:
        """Read what has arrived, show it, and append it to the files of the run."""
        for record in tail.poll(POLL_S):
            self.read[record.topic, record.partition] = record.offset + 1
            domain, _, kind = record.topic.partition(".")
            if record.topic in (OPS_MODELS, OPS_ALERTS):
                self._take_ops(record)
                continue
            if kind == DEAD:
                if self.own[domain].is_dead_letter(record):
                    self._dead.take(record, self.keeper.line if self.keeper is not None else None)
                continue
            body = self.own[domain].read(record)
            if body is None:
                continue
            if self.keeper is not None:
                self.keeper.line(record.topic, record.value)
            if kind == METRICS:
                self.ledgers[domain].take(body)
                for _, told in self.ledgers[domain].foreign.values():
                    self._view.warn_once(told)
            elif self._alerts.is_new(identity(record)):
                self._view.alert(domain, body)

    def _take_ops(self, record: Any) -> None:
        """Keep and say what becomes of models and incidents."""
        try:
            if record.topic == OPS_MODELS:
                body = read_lifecycle(record.value)
                if body.get("run") not in (None, self.group or body.get("run")):
                    return  # of another run on the same broker
                is_said = is_told(body) and body["event"] not in (ASKED, CHAMPION, RENEWED)
                line = lifecycle_line(body, None) if is_said else ""
                is_kept = is_told(body)
            else:
                body = read_incident(record.value)
                line, is_kept = incident_line(body) if self._is_said(body) else "", True
        except ForeignRecordError:
            return
        if self.keeper is not None and is_kept:
            self.keeper.line(record.topic, record.value)
        if line:
            self._view.say(line)

    def _is_said(self, body: Mapping[str, Any]) -> bool:
        """Say whether an incident is shown now: it is not silenced, and is not told too often."""
        own, now = str(body["id"]), time.monotonic()
        if not is_shown(body):
            return False
        if body["change"] == Turn.RENOTIFIED and now - self._said.get(own, now) < SAY_AGAIN_S:
            self._said.setdefault(own, now)
            return False
        self._said[own] = now
        if body["change"] == Turn.RESOLVED:
            del self._said[own]
        return True

    def take_dead(self, tail: Tail, ends: Mapping[tuple[str, int], int], seconds: float) -> None:
        """Read the dead letters to their end, so that the report has all reasons."""
        deadline = time.monotonic() + seconds
        places = [place for place in ends if place[0].endswith(f".{DEAD}")]
        while any(self.read.get(place, 0) < ends[place] for place in places):
            if time.monotonic() > deadline:
                return
            self.take(tail)

    def foreign(self, domain: str) -> dict[str, int]:
        """Count the records of other programs in a domain's topics, by topic."""
        of_workers = {name: n for name, (n, _) in self.ledgers[domain].foreign.items()}
        of_ours = self.own[domain].foreign.counts
        found = {n: count for n, count in of_ours.items() if n.startswith(f"{domain}.")}
        return found | of_workers
