"""One model's life without a broker: scores and labels by the day, and a learning that is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from streamsim.consumers.monitor.incidents.incident_records import read_incident
from streamsim.consumers.monitor.segment_names import name_code
from streamsim.consumers.predict.model_schedule import Entry, read_entry
from streamsim.consumers.predict.plans import Plan
from streamsim.models.adapting.requests import Request
from streamsim.simulator.run.life.adaptive import Adaptive
from streamsim.simulator.run.life.announcing import News
from streamsim.simulator.run.life.domain_life import DomainLife
from streamsim.simulator.run.life.watching.model_watch import ModelWatch
from streamsim.streams.domains.finance import SPEC as FINANCE
from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DAY, Accuracy, DomainSpec
from streamsim.streams.spec.adapting import Adaptation, Margins, Policy, Trial, Trigger, Window
from streamsim.streams.stored.packing import pack
from tests.property.chained import signature

FIRST = 20_000
"""Number of the first day."""
ROWS = 40
GOOD, BAD = 0.1, 0.5
"""How far a score is from its label."""
ADAPTATION = Adaptation(
    policy=Policy(
        triggers=(Trigger.METRIC,), window=Window.CHANGE, span=20 * DAY, settle=DAY,
        cooldown=2 * DAY, least_rows=40, least_positives=5, follow_up=False,
    ),
    margins=Margins(better=0.02),
    trial=Trial(shadow_for=DAY, canary_for=DAY, share=0.25, least_rows=20),
    gap=0,
)  # fmt: skip
SPEC: DomainSpec = replace(
    FINANCE,
    partitions=2,
    alerting=replace(
        FINANCE.alerting,
        accuracy=Accuracy("brier", 0.2, 0.05, 10, 2 * DAY, DAY, segment="terminal_id"),
    ),
    labels=replace(FINANCE.labels, delay=DAY),
    model=replace(FINANCE.model, adaptation=ADAPTATION),
)


class Learner:
    """In place of the process that learns: its outcome is set by the test."""

    def __init__(self) -> None:
        self.begun: list[Request] = []
        self.outcome: Mapping[str, Any] | None = None
        self.is_running = False

    def begin(self, request: Request, champion: str) -> None:
        self.begun.append(request)
        self.is_running = True

    def ended(self) -> Mapping[str, Any] | None:
        if not self.is_running or self.outcome is None:
            return None
        self.is_running = False
        return self.outcome


def better(version: str = "1-7") -> dict[str, Any]:
    return {"ended": "better", "version": version, "why": "it is better", "verdict": None}


def record(
    p: int, since: int, until: int, rows: Sequence[Sequence[int]], names: Sequence[str] = ()
) -> bytes:
    """Write labelled scores: time, score, label, version, shadow's score and segment of each."""
    columns = zip(*rows, strict=True) if rows else [[]] * 6
    named = ("time", "score", "label", "version", "shadow", "segment")
    body: dict[str, Any] = {"span": np.array([p, since, until, 0]), "names": list(names)}
    return pack(body | {n: np.array(c, np.int64) for n, c in zip(named, columns, strict=True)})


class World:
    """The stream of one model, day by day, and what its life makes of it.

    Attributes
    ----------
    off
        How far the scores of each version are from the labels; of others :data:`GOOD`.
    alerts
        Topics and values of what was announced beside the schedule.
    is_announced
        Whether what is in the news has reached the broker.
    """

    def __init__(self, folder: Path, spec: DomainSpec = SPEC) -> None:
        self.spec, self.file = spec, folder / "life.snapshot"
        self.champion = replace(signature(spec), model=spec.model.recipe.name, profile=None)
        self.news: list[News] = []
        self.told: list[bytes] = []
        self.off: dict[str, float] = {}
        self.day = FIRST
        self.learner = Learner()
        self.is_announced = True
        self.start()

    def start(self) -> None:
        """Begin as after a restart of the process: with what was announced, and the file."""
        outcome, self.learner = self.learner.outcome, Learner()
        self.learner.outcome = outcome
        entries = [read_entry(orjson.dumps(b), "run", self.champion.model) for b in self.bodies]
        known: list[Entry] = [entry for entry in entries if entry is not None]
        life = DomainLife(self.spec, self.champion, "run", known, self.find, self.news.append)
        watch = ModelWatch(self.spec, partial(_champion_at, life), None)
        self.own = Adaptive(
            life, watch, self.learner, self.news.append, tuple, self.file,  # type: ignore[arg-type]
            lambda: self.is_announced,
        )  # fmt: skip
        labelled, _ = self.own.topics
        for offset in range(self.own.starts.get((labelled, 0), 0), len(self.told)):
            self.own.take(labelled, offset, self.told[offset])

    def find(self, version: str) -> Signature:
        if version == "missing":
            raise ModelError("no model missing")
        return replace(self.champion, version=version)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The records for ``ops.models``."""
        return [dict(news.body) for news in self.news if news.body is not None]

    def bodies_of(self, *events: str) -> list[dict[str, Any]]:
        """Return the records with these events."""
        return [body for body in self.bodies if body["event"] in events]

    @property
    def incidents(self) -> list[dict[str, Any]]:
        return [read_incident(n.alert.value) for n in self.news if n.alert is not None]

    @property
    def events(self) -> list[tuple[str, str]]:
        """Event and version of what was announced, without mere extensions of the schedule."""
        bodies = self.bodies
        return [(b["event"], b["version"]) for b in bodies if b["event"] != "unchanged"]

    @property
    def plan(self) -> Plan:
        return self.own.life.plan

    def play(self, days: int = 1, each: Callable[[], None] | None = None) -> None:
        """Play some days: events, their labels, and a look at what has ended."""
        for _ in range(days):
            since, until = self.day * DAY, (self.day + 1) * DAY
            self.own.life.observe(until, 86_400.0 * self.day)
            self.own.life.extend()
            for p in range(self.spec.partitions):
                rows = [self._row(p, n, since) for n in range(ROWS)]
                self.told.append(record(p, since, until, rows, ["a", "b"]))
                self.own.take(self.own.topics[0], len(self.told) - 1, self.told[-1])
            self.own.tick()
            self.day += 1
            if each is not None:
                each()

    def play_until(self, event: str, each: Callable[[], None] | None = None) -> dict[str, Any]:
        """Play until something is announced, and return its record."""
        before = len(self.news)
        for _ in range(60):
            self.play(each=each)
            for news in self.news[before:]:
                if news.body is not None and news.body["event"] == event:
                    return dict(news.body)
        raise AssertionError(f"no {event}: {self.events}")

    def _row(self, p: int, n: int, since: int) -> tuple[int, ...]:
        time = since + n * DAY // ROWS + p
        plan = self.own.life.schedule.at(time)
        answers = plan.champion
        if plan.canary is not None and n % 4 == 0:
            answers = plan.canary
        label = n % 2
        shadow = -1 if plan.shadow is None else self._score(plan.shadow.version, label)
        score = self._score(answers.version, label)
        segment = name_code("ab"[n // 2 % 2])
        return time, score, label, name_code(answers.version), shadow, segment

    def _score(self, version: str, label: int) -> int:
        off = self.off.get(version, GOOD)
        return round(1_000_000 * (off if label == 0 else 1 - off))


def _champion_at(life: DomainLife, at: int) -> str:
    return life.schedule.at(at).champion.version
