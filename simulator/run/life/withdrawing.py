"""Withdrawing of versions that fail or are slow, as soon as workers say so.

Labels are not needed, and event time need not advance. The decision takes effect from the end of
the known schedule on; until then a stand-in answers.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from streamsim.consumers.monitor.version_counts import CANARY, CHAMPION, SHADOW, Count, Part
from streamsim.consumers.predict.plans import Plan
from streamsim.simulator.run.life.domain_life import SELF, DomainLife
from streamsim.simulator.run.life.version_bounds import Breach, LatestCounts, breach
from streamsim.streams.errors import ModelError
from streamsim.streams.signature import Signature
from streamsim.streams.spec.adapting import Trial

log = logging.getLogger(__name__)


class Withdrawing:
    """Ends the trials of one domain's versions that exceed a bound."""

    def __init__(self, life: DomainLife, trial: Trial) -> None:
        self._life, self._trial = life, trial
        self._latest = LatestCounts()
        self._stays = ""

    def take(self, worker: int, began: int, counts: Mapping[Part, Count]) -> None:
        """Take what a worker has counted since it began, and act on it."""
        self._latest.take(worker, began, counts)
        plan = self._life.plan
        if self._is_ended(SHADOW, plan.shadow) or self._is_ended(CANARY, plan.canary):
            return
        if plan.stand_in is not None:
            self._is_ended(CHAMPION, plan.champion)

    def _is_ended(self, role: str, version: Signature | None) -> bool:
        """End a version's part in the plan if it exceeds a bound; say whether it does."""
        if version is None:
            return False
        plan, latest = self._life.plan, self._latest
        since = self._life.schedule.begun(lambda one: _part(one, role))
        usual = plan.stand_in if role == CHAMPION and plan.stand_in is not None else plan.champion
        found = breach(
            self._trial, role, version.version, latest.of(role, version.version, since),
            latest.of(CHAMPION, usual.version),
        )  # fmt: skip
        if found is None:
            return False
        if role == SHADOW:
            self._decide("withdrawn", replace(plan, shadow=None), found)
        elif role == CANARY:
            self._decide("withdrawn", replace(plan, canary=None, share=0.0), found)
        else:
            self._roll_back(plan, usual, found)
        return True

    def _roll_back(self, plan: Plan, earlier: Signature, found: Breach) -> None:
        """Make the champion before the champion again, if it is still there."""
        try:
            self._life.find(earlier.version)
        except ModelError as error:
            if self._stays != plan.champion.version:
                self._stays = plan.champion.version
                log.warning("%s stays: %s", found.why, error)
            return
        self._decide("rolled back", Plan(earlier), found)

    def _decide(self, event: str, plan: Plan, found: Breach) -> None:
        log.warning("%s: %s", event, found.why)
        self._life.change(event, plan, who=SELF, why=found.why, evidence=found.evidence)


def _part(plan: Plan, role: str) -> Signature | None:
    return {SHADOW: plan.shadow, CANARY: plan.canary}.get(role, plan.champion)
