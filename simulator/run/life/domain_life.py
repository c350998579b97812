"""The life of one domain's model in a run: its schedule, and all that changes it.

There is one writer of a schedule. A decision takes effect at the end of the schedule that workers
know, where no event has been scored. So each event is scored once, by a version that answers at its
event time, also if a worker dies and scores it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from streamsim.consumers.predict.model_schedule import Change, Entry, Schedule
from streamsim.consumers.predict.plans import Plan
from streamsim.simulator.run.life.announcing import News
from streamsim.simulator.run.life.lease import Lease
from streamsim.simulator.run.life.life_lines import ENDS
from streamsim.simulator.run.life.life_requests import ALREADY, Request, refusal
from streamsim.simulator.run.life.requirements import Recent, threshold_of
from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec, Estimator
from streamsim.streams.spec.renewals import champion_of

SELF = "streamsim"
"""Who decides, where no person does."""
PINNED = "pinned"
"""Evidence of a decision after which renewals are made and do not answer."""


class DomainLife:
    """The schedule of one model.

    Parameters
    ----------
    champion
        The version that the run began with.
    entries
        The entries that were announced before.
    find
        ``version -> signature`` of a version that this run can serve; raises ``ModelError``.
    announce
        Takes what is to be announced, in order.
    """

    def __init__(
        self,
        spec: DomainSpec,
        champion: Signature,
        run: str,
        entries: Iterable[Entry],
        find: Callable[[str], Signature],
        announce: Callable[[News], None],
    ) -> None:
        self.spec, self.run = spec, run
        self.find, self._announce = find, announce
        self.schedule = Schedule(champion)
        self._pinned = False
        self.latest: Change | None = None
        """The latest decision, of a person or not."""
        for entry in entries:
            self.schedule.add(entry)
            if entry.change is not None:
                self.latest = entry.change
                self._pinned = bool(entry.change.evidence.get(PINNED, self._pinned))
        trigger = spec.trigger
        self.recent: Recent = lambda: (np.empty(0), 0.0)
        """Returns the risks of the latest judged events, and the days in which they were."""
        self._lease = Lease(trigger.allowed_lateness + trigger.max_ahead + 1)

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.spec.model.recipe.name

    @property
    def is_renewed(self) -> bool:
        """Whether the model is renewed by event time, which then rules the schedule's end."""
        return self.spec.model.renewal is not None

    @property
    def plan(self) -> Plan:
        """The plan that holds from the latest entry on."""
        return self.schedule.last

    @property
    def trial_by_hand(self) -> str:
        """The shadow or canary that a person has begun, in words; empty if there is none."""
        plan, latest = self.plan, self.latest
        if latest is None or latest.who == SELF:
            return ""
        if plan.canary is not None:
            return f"{plan.canary.version} is {latest.who}'s canary"
        return "" if plan.shadow is None else f"{plan.shadow.version} is {latest.who}'s shadow"

    @property
    def has_begun(self) -> bool:
        """Whether the schedule has an end: before, nothing can change."""
        return self.schedule.until != NO_TIME

    def observe(self, clock: int, now_s: float) -> None:
        """Take the sources' latest clock (ms), seen at a wall time (s)."""
        self._lease.observe(clock, now_s)

    def extend(self) -> bool:
        """Announce a later end of the schedule if it is due; return whether it was."""
        if self.is_renewed:
            return False
        until = self._lease.end(self.schedule.until if self.has_begun else None)
        if until is None:
            return False
        champion, since = self.plan.champion, self.schedule.since
        self._add(
            Entry(self.model, champion.version, champion.threshold, since, until, is_new=False)
        )
        return True

    def renewed(self, entry: Entry, estimator: Estimator | None) -> None:
        """Take an entry of the renewal; with an estimator it is a new version.

        After a decision for another version, renewals are stored and do not answer.
        """
        if estimator is None:
            self._add(replace(entry, version=self.plan.champion.version, is_new=False))
            return
        champion = self.plan.champion
        made = replace(champion, version=entry.version, threshold=entry.threshold)
        if self._pinned:
            entry = replace(entry, version=champion.version, is_new=False)
        self.schedule.add(entry)
        default = None if self._pinned else made
        self._announce(News(entry.as_record(self.run), made=(made, estimator), default=default))

    def change(
        self,
        event: str,
        plan: Plan,
        *,
        who: str,
        why: str,
        evidence: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Decide on another plan, from the end of the schedule on.

        A champion that is promoted has the one before as its stand-in, as long as it is champion.
        One that returns has none.
        """
        before, until = self.plan.champion, self.schedule.until
        told = dict(evidence or {})
        is_other = plan.champion.version != before.version
        stand_in = self.plan.stand_in
        if is_other:
            stand_in = before if event == "promoted" else None
        plan = replace(plan, stand_in=stand_in)
        if ended := _ended(self.plan, plan):
            told[ENDS] = ended
        if is_other:
            told["from"] = before.version
            if self.is_renewed:
                self._pinned = True
                told[PINNED] = True
        decision = Change(event, self.schedule.changes + 1, plan, who, why, told)
        champion = plan.champion
        entry = Entry(
            self.model, champion.version, champion.threshold, until, until, True, decision
        )
        self.schedule.add(entry)
        self.latest = decision
        others = tuple(s for s in plan.signatures if s.version != before.version)
        default = champion if is_other else None
        self._announce(News(entry.as_record(self.run), loaded=others, default=default))
        return entry

    def carry_out(self, request: Request) -> None:
        """Do what a request asks for, or say why not."""
        try:
            event, plan = self._asked(request)
        except (ModelError, UsageError) as error:
            self._announce(News(refusal(request, str(error))))
            return
        self.change(event, plan, who=request.who, why=request.why, evidence={"asked": request.id})

    def _asked(self, request: Request) -> tuple[str, Plan]:
        """Return the event and the plan that a request asks for."""
        plan, action = self.plan, request.action
        if action == "set":
            return "set", self._with_values(request.values)
        if action == "withdraw":
            if plan.canary is None and plan.shadow is None:
                raise UsageError("there is neither a shadow nor a canary")
            return "withdrawn", Plan(plan.champion)
        if action == "rollback":
            earlier = self.schedule.previous()
            if earlier is None:
                raise UsageError(f"{plan.champion.version} is the run's first champion")
            self.find(earlier.version)  # it may be deleted, and events would wait for ever
            return "rolled back", Plan(earlier)
        signature = self.find(request.version)
        signature.check(self.spec)
        if action == "promote":
            if signature.version == plan.champion.version:
                raise UsageError(f"{signature.version} {ALREADY}")
            return "promoted", Plan(signature)
        if signature.version == plan.champion.version:
            raise UsageError(f"{signature.version} is the champion")
        if action == "shadow":
            return "shadow", replace(plan, shadow=signature)
        return "canary", Plan(plan.champion, signature, request.share)

    def _with_values(self, values: Mapping[str, float]) -> Plan:
        """Return the plan with another threshold of alerts."""
        threshold = threshold_of(self.spec, values, self.recent)
        return replace(self.plan, champion=replace(self.plan.champion, threshold=threshold))

    def _add(self, entry: Entry) -> None:
        if self.schedule.add(entry):
            self._announce(News(entry.as_record(self.run)))


def is_of_run(version: str) -> bool:
    """Say whether a version was made in a run, not released.

    >>> is_of_run("3-20250113T0000"), is_of_run("4")
    (True, False)
    """
    return champion_of(version) != version


def _ended(before: Plan, after: Plan) -> list[str]:
    """Name the trials of a plan whose versions another plan does not name."""
    kept = {signature.version for signature in after.signatures}
    trials = (("the shadow of", before.shadow), ("the canary of", before.canary))
    return [
        f"{what} {own.version}"
        for what, own in trials
        if own is not None and own.version not in kept
    ]
