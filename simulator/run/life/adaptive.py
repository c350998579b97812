"""Adaptation of one domain's model: notice, learn anew, try, promote, and take back.

It decides at the steps of labelled scores, by event time. What it has decided stands in
``ops.models``; what it remembers, in a file, from which a restarted process goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamsim.consumers.monitor.incidents.grouping import EntityAlert
from streamsim.consumers.monitor.incidents.incident import Change, Turn
from streamsim.consumers.monitor.incidents.incident_records import incident_record
from streamsim.consumers.monitor.incidents.silences import Silence, silence_of
from streamsim.consumers.predict.plans import Plan
from streamsim.models.adapting.policies import Decider
from streamsim.models.adapting.requests import Ended, Request, Signal
from streamsim.simulator.run.life.announcing import News
from streamsim.simulator.run.life.domain_life import SELF, DomainLife
from streamsim.simulator.run.life.learning import Learns
from streamsim.simulator.run.life.remembered import remember, remembered
from streamsim.simulator.run.life.rollout import (
    BEFORE,
    LEVEL,
    Rollout,
    Stage,
    next_step,
    rollout_of,
)
from streamsim.simulator.run.life.watching.drift_watch import DATA_QUALITY, DRIFT
from streamsim.simulator.run.life.watching.error_watch import ERROR_DRIFT
from streamsim.simulator.run.life.watching.estimate_watch import estimate_record
from streamsim.simulator.run.life.watching.model_watch import LOW_METRIC, ModelWatch, Observed
from streamsim.streams.errors import ModelError, StackError
from streamsim.streams.spec.adapting import Action, Adaptation, Trigger
from streamsim.streams.stored.snapshot_files import Positions
from streamsim.streams.topics import LABELLED, PROFILES, topic

log = logging.getLogger(__name__)

SAVE_S = 1.0
"""Least time between two snapshots."""
LEARNING, LEARNT, PROPOSED = "learning", "learnt", "proposed"
REQUEST = "request"
"""Of the evidence of a decision."""
_TRIGGERS = {LOW_METRIC: Trigger.METRIC, DRIFT: Trigger.DRIFT, ERROR_DRIFT: Trigger.DRIFT}


class Adaptive:
    """Adapts the model of one domain, if its spec says how; it watches over it in any case.

    Parameters
    ----------
    announce
        Takes what is to be announced, in order.
    silences
        Returns the silences that hold now.
    file
        File of what it remembers.
    is_announced
        Says whether all that is to be announced was.
    """

    def __init__(
        self,
        life: DomainLife,
        watch: ModelWatch,
        learning: Learns,
        announce: Callable[[News], None],
        silences: Callable[[], tuple[Silence, ...]],
        file: Path,
        is_announced: Callable[[], bool] = lambda: True,
    ) -> None:
        self.life, self._watch, self._learning = life, watch, learning
        self._announce, self._silences, self._file = announce, silences, file
        self._is_announced = is_announced
        spec = life.spec
        self.adaptation: Adaptation | None = spec.model.adaptation
        policy = (self.adaptation or Adaptation()).policy
        self._decider = Decider(policy, spec.labels.delay)
        self._rollout: Rollout | None = None
        self._request: Request | None = None
        self._positions: dict[tuple[str, int], int] = {}
        self._saved_at, self._is_new = time.monotonic(), False
        self._alerts: list[EntityAlert] = []
        self._restore()

    @property
    def topics(self) -> tuple[str, str]:
        """The topics that it reads: labelled scores, and profiles."""
        return topic(self.life.spec.name, LABELLED), topic(self.life.spec.name, PROFILES)

    @property
    def starts(self) -> Positions:
        """Where reading begins; elsewhere at the beginning."""
        return self._positions

    def take(self, name: str, offset: int, value: bytes | None) -> None:
        """Take a record of its topics.

        Raises
        ------
        ForeignRecordError
            If no worker has written it.
        """
        self._positions[name, 0] = offset + 1
        self._is_new = True
        labelled, _ = self.topics
        read = self._watch.take_labelled if name == labelled else self._watch.take_profiles
        for observed in read(value):
            self._observe(observed)

    def take_alert(self, alert: EntityAlert) -> None:
        """Take an alert about an entity."""
        self._alerts.append(alert)

    def read_until(self, name: str, partition: int, offset: int) -> None:
        """Remember that all before an offset was taken: a restarted process reads on from there."""
        self._positions[name, partition] = max(offset, self._positions.get((name, partition), 0))
        self._is_new = True

    def tick(self) -> None:
        """Take the outcome of a learning, tell of groups of alerts, and save what is new.

        It saves once all is announced. What was remembered and not announced would be lost with the
        process, for nothing would decide or tell it again.
        """
        if (outcome := self._learning.ended()) is not None:
            self._learnt(outcome)
        if self._alerts:
            alerts, self._alerts = self._alerts, []
            latest = max(alert.at for alert in alerts)
            self._tell(self._watch.take_alerts(latest, alerts))
        is_due = self._is_new and time.monotonic() - self._saved_at >= SAVE_S
        if is_due and self._is_announced():
            self._save()

    def _observe(self, observed: Observed) -> None:
        """Act on what a step has shown."""
        self._tell(observed.changes)
        if observed.estimate is not None:
            self._announce(News(metric=estimate_record(self.life.spec, observed.estimate)))
        if self.adaptation is None:
            return
        for change in observed.changes:
            self._signal(change)
        if observed.health is None:
            return
        if self._rollout is not None:
            self._go_on(self._rollout, self.adaptation)
        if self._rollout is None and not self._learning.is_running:
            request = self._decider.due(observed.known_at, self._to_learn_from)
            for note in self._decider.notes():
                log.info("%s: %s: %s", self.life.model, note.what, note.why)
            if request is not None:
                self._learn(request)

    def _to_learn_from(self, since: int, until: int) -> tuple[int, int]:
        """Count labelled events of a period, and those of the rarer class, beside the holdout."""
        share = 1 - (self.adaptation or Adaptation()).holdout
        rows, rarer = self._watch.count(since, until)
        return int(rows * share), int(rarer * share)

    def _tell(self, changes: Iterable[Change]) -> None:
        """Publish what becomes of incidents."""
        silences = None
        for change in changes:
            silences = self._silences() if silences is None else silences
            wall_ms = int(time.time() * 1000)
            silence = silence_of(silences, change.incident.cause, change.at, wall_ms)
            self._announce(News(alert=incident_record(change, silence)))

    def _signal(self, change: Change) -> None:
        """Hand an incident to the policy: a reason to learn, or data not to learn from."""
        incident = change.incident
        rule, said = incident.cause.rule, incident.latest.text
        if rule == DATA_QUALITY:
            if change.turn is Turn.RESOLVED:
                self._decider.unblock(DATA_QUALITY, change.at)
            else:
                self._decider.block(
                    DATA_QUALITY, incident.since - self.life.spec.alerting.accuracy.step
                )
        elif rule in _TRIGGERS and change.turn is not Turn.RESOLVED:
            self._decider.signal(Signal(_TRIGGERS[rule], change.at, said, incident.since))

    def _learn(self, request: Request) -> None:
        """Have a challenger learnt."""
        if self._taken_up(request.id):
            return
        self._request = request
        causes = "; ".join(request.causes) or "asked by hand"
        self._say(LEARNING, self.life.plan.champion.version, causes, {"request": request.id})
        self._learning.begin(request, self.life.plan.champion.version)

    def _learnt(self, outcome: Mapping[str, Any]) -> None:
        """Take the outcome of a learning: a challenger that is tried, or none."""
        request, self._request = self._request, None
        self._is_new = True
        if request is None or self.adaptation is None:
            return
        if not outcome:
            self._decider.done(request.id, Ended.DIED)
            self._say(LEARNT, "", "the process ended without an outcome", {"request": request.id})
            return
        ended = Ended(outcome["ended"])
        version, why = str(outcome.get("version") or ""), str(outcome["why"])
        evidence = {"request": request.id, "ended": str(ended), "verdict": outcome.get("verdict")}
        self._say(LEARNT, version, why, evidence)
        action, trial = self.adaptation.policy.action, self.life.trial_by_hand
        if ended is not Ended.BETTER or action is Action.PROPOSE or trial:
            if ended is Ended.BETTER:
                but = f"{trial}, so it is not tried; " if trial else ""
                told = f"{but}it is better: {why}"
                self._say(PROPOSED, version, told, {"request": request.id})
            # After the person's trial, what lasts is to be learnt again.
            self._decider.done(request.id, Ended.REFUSED if trial else ended)
            return
        try:
            signature = self.life.find(version)
        except ModelError as error:
            self._say(LEARNT, version, str(error), {"request": request.id})
            self._decider.done(request.id, Ended.FAILED)
            return
        plan = replace(self.life.plan, canary=None, share=0.0, shadow=signature)
        entry = self.life.change("shadow", plan, who=SELF, why=why, evidence=evidence)
        if action is Action.SHADOW:
            self._decider.done(request.id, ended)
            return
        before = self.life.plan.champion.version
        self._rollout = Rollout(request.id, version, before, Stage.SHADOW, entry.since)

    def _taken_up(self, request: str) -> bool:
        """Go on with a request whose challenger stands in the schedule; say whether it does.

        What is remembered is older than the schedule if the process died between the two.
        """
        latest = self.life.latest
        if latest is None or latest.who != SELF or latest.evidence.get(REQUEST) != request:
            return False
        own = rollout_of(latest, request, self.life.schedule.since)
        self._rollout = self._request = None
        if own is None or self.adaptation is None:
            self._decider.done(request, Ended.REFUSED)
        elif self.adaptation.policy.action is not Action.PROMOTE:
            self._decider.done(request, Ended.BETTER)
        else:
            self._rollout = own
            if own.stage is Stage.CHAMPION:
                self._decider.done(request, Ended.BETTER, own.since)
        return True

    def _go_on(self, own: Rollout, adaptation: Adaptation) -> None:
        """Take a challenger to its next stage, or end its trial."""
        plan, spec = self.life.plan, self.life.spec
        here = {Stage.SHADOW: plan.shadow, Stage.CANARY: plan.canary}.get(own.stage, plan.champion)
        if here is None or here.version != own.version:  # a person has decided otherwise
            if plan.champion.version == own.before:
                self._end(own, Ended.REFUSED)
            else:  # what was bad before tells nothing of another champion
                self._end(own, Ended.BETTER, self.life.schedule.since)
            return
        step = next_step(spec, adaptation, own, self._watch.steps, plan)
        if step is None:
            return
        evidence = {"request": own.request, **step.evidence}
        if own.stage is Stage.CHAMPION:
            if not step.passes:
                self._take_back(own, step.why, evidence)
            self._rollout = None
            return
        if not step.passes:
            self.life.change(
                "withdrawn", Plan(plan.champion), who=SELF, why=step.why, evidence=evidence
            )
            self._end(own, Ended.REFUSED)
            return
        challenger = here
        if own.stage is Stage.SHADOW:
            after = Plan(plan.champion, challenger, adaptation.trial.share)
            entry = self.life.change("canary", after, who=SELF, why=step.why, evidence=evidence)
            level = step.evidence.get(BEFORE)
            self._rollout = replace(own.at(Stage.CANARY, entry.since), level=level)
            return
        told = {**evidence, LEVEL: own.level}
        entry = self.life.change(
            "promoted", Plan(challenger), who=SELF, why=step.why, evidence=told
        )
        self._rollout = own.at(Stage.CHAMPION, entry.since)
        self._decider.done(own.request, Ended.BETTER, entry.since)

    def _take_back(self, own: Rollout, why: str, evidence: Mapping[str, Any]) -> None:
        """Make the champion before the champion again, if it can still be loaded."""
        try:
            earlier = self.life.find(own.before)
        except ModelError as error:
            self._say(LEARNT, own.version, f"it stays, though {why}: {error}", evidence)
            return
        self.life.change("rolled back", Plan(earlier), who=SELF, why=why, evidence=evidence)

    def _end(self, own: Rollout, ended: Ended, live_from: int | None = None) -> None:
        self._rollout = None
        self._decider.done(own.request, ended, live_from)

    def _say(self, event: str, version: str, why: str, evidence: Mapping[str, Any]) -> None:
        """Announce something that changes no schedule."""
        champion = self.life.plan.champion
        self._announce(
            News(
                {
                    "event": event, "run": self.life.run, "model": self.life.model,
                    "version": version, "threshold": champion.threshold, "effective_from": None,
                    "who": SELF, "why": why, "evidence": dict(evidence),
                }
            )
        )  # fmt: skip

    def _save(self) -> None:
        columns, watched = self._watch.snapshot()
        state = {
            "watch": watched,
            "decider": self._decider.snapshot(),
            "rollout": None if self._rollout is None else self._rollout.as_dict(),
            "request": None if self._request is None else self._request.as_dict(),
        }
        remember(self._file, columns, state, self._positions)
        self._saved_at, self._is_new = time.monotonic(), False

    def _restore(self) -> None:
        """Go on with what was remembered; a learning that was cut short is begun again."""
        found = remembered(self._file)
        if found is None:
            return
        parts, state, self._positions = found
        try:
            self._watch.restore(parts, state["watch"])
            self._decider.restore(state["decider"])
            own, request = state["rollout"], state["request"]
            self._rollout = None if own is None else Rollout.from_dict(own)
            self._request = None if request is None else Request.from_dict(request)
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise StackError(f"{self._file} cannot be read: {error!r}") from error
        begun = self._rollout or self._request
        if isinstance(begun, Rollout):
            self._taken_up(begun.request)
        elif begun is not None and not self._taken_up(begun.id):
            self._learning.begin(begun, self.life.plan.champion.version)
