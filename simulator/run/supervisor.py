"""Run a stack from start to report: start in order, watch, drain, report, stop in order."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import orjson

from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import end_offsets
from streamsim.simulator.brokers.embedded.building import find_program
from streamsim.simulator.file_models import doubts
from streamsim.simulator.model_training import ensure_champion
from streamsim.simulator.reading import Tail
from streamsim.simulator.report import run_report as reports
from streamsim.simulator.report.kept_records import kept_records
from streamsim.simulator.run.following import Following
from streamsim.simulator.run.kept_run import Keeper, keep
from streamsim.simulator.run.life.ops_models import announce
from streamsim.simulator.run.pressure import Pressure
from streamsim.simulator.run.resuming import champions_again
from streamsim.simulator.run.room.disk import Disk
from streamsim.simulator.run.room.needed import StillNeeded
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import Run, hold, new_run
from streamsim.simulator.run.stack import Stack
from streamsim.simulator.run.stop_signals import Stop, StopSignals
from streamsim.simulator.run.view import View
from streamsim.streams.errors import BrokerError, StackError
from streamsim.streams.settings import EMBEDDED
from streamsim.streams.signature import Signature
from streamsim.streams.topics import topics_of

POLL_S = 0.2
LOOK_S = 2.0
"""Interval between two checks of lag."""
STATUS_S = 10.0
"""Interval between two status lines of a headless run."""


class Supervisor:
    """One run of a stack.

    Parameters
    ----------
    duration_s
        Wall time after which the producers are stopped (s); ``None`` runs until the sources end or
        the user stops the run.
    at_end
        Called when all records are finished and the broker still runs.
    resumed
        The run to go on with, if it is not a new one.
    keep_data
        Whether the embedded broker's data stay in the run's folder.
    """

    def __init__(
        self,
        plan: Plan,
        view: View,
        duration_s: float | None,
        at_end: Callable[[Stack, Run], None] | None = None,
        *,
        resumed: Run | None = None,
        keep_data: bool = False,
    ) -> None:
        self._plan, self._view, self._duration, self._at_end = plan, view, duration_s, at_end
        self._signals = StopSignals()
        self._disk_is_full = False
        self._over = False  # nothing more is to be done with the records
        self._following = Following(plan.domains, view)
        self._ledgers = self._following.ledgers
        self._stack: Stack | None = None
        self._run: Run | None = None
        self._resumed, self._keep_data = resumed, keep_data
        self._pressure = Pressure((spec.name for spec in plan.domains), view.warn_once)

    def run(self) -> dict[str, Any]:
        """Run the stack and return the report.

        Raises
        ------
        StackError
            If the stack could not start, or a process died and could not be restarted.
        """
        settings = self._plan.settings
        if settings.broker == EMBEDDED:
            find_program(self._view.say)  # before minutes of training
        registry = Registry(settings.home_path / "registry")
        resumed = self._resumed
        if settings.model_url:
            champions: list[Signature] = []
        elif resumed is not None:
            champions = champions_again(resumed, self._plan.domains, registry, self._view.say)
        else:
            champions = [
                ensure_champion(spec, registry, self._view.progress) for spec in self._plan.domains
            ]
        if champions:
            plan = self._plan
            for text in doubts(
                plan.domains, champions, registry, plan.sources, plan.columns, plan.score_from
            ):
                self._view.say(f"warning: {text}")
        names = [spec.name for spec in self._plan.domains]
        versions = {champion.model: champion.version for champion in champions}
        self._run = resumed or new_run(
            settings,
            domains=names,
            seed=settings.seed,
            address=None,
            configuration=self._plan.as_dict(),
            champions=versions,
            files={name: str(path.absolute()) for name, path in self._plan.sources.items()},
        )
        self._disk = Disk(settings, self._run.path, self._view)
        with hold(self._run) as self._run, self._signals:
            self._stack = stack = Stack(
                self._plan, self._run, self._view.say, resumed=resumed is not None
            )
            try:
                return self._go(stack, champions)
            except (BrokerError, StackError) as error:
                if self._disk.lacks_room:
                    raise StackError(f"no room on the disk of {settings.home}: {error}") from error
                raise
            except Stop:
                self._over = True
                raise StackError("stopped at once, without a report") from None
            finally:
                self._signals.interruptible = False
                stack.stop(settings.stop_s if self._signals.count < 2 else 0.5)
                self._run = stack.run
                over = self._over or not self._run.unfinished
                if over:
                    stack.drop_renewals()  # a replay renews them again
                if over and not self._keep_data:
                    shutil.rmtree(self._run.data, ignore_errors=True)
                with suppress(OSError):  # full disk: other commands see that the process has ended
                    self._run = self._run.write(ended=time.time())
                if not over:
                    self._view.say(f"to go on with it: streamsim up --resume {self._run.name}")

    def _go(self, stack: Stack, champions: Sequence[Signature]) -> dict[str, Any]:
        assert self._run is not None
        run, settings = self._run, self._plan.settings
        stack.start_broker()
        stack.start_service(champions)
        stack.start_standins()
        stack.start_controller(champions)
        stack.start_workers()
        stack.run = run = run.write(address=stack.address, model_url=stack.model_url)
        self._view.say(f"run {run.name}")
        stack.wait_for_service()
        announce(stack.address, champions)
        following = self._following
        following.group = stack.group
        self._disk.limit(stack, StillNeeded(self._ledgers, following.read, stack.snapshot_files()))
        with (
            Tail(stack.address, following.topics) as tail,
            Keeper(run, following.kept, self._view.warn_once) as following.keeper,
        ):
            self._await(tail, self._settled, settings.ready_s, "the workers are")
            self._view.say(f"{settings.workers} worker{'s' * (settings.workers > 1)} ready")
            before_s = stack.start_producers()
            began = time.monotonic()
            self._flow(tail, stack, began, before_s)
            stack.producers.stop()
            ends = self._ends(stack)
            self._view.say("sources ended; finishing what was sent")
            self._drain(tail, ends)
            seconds = before_s + time.monotonic() - began
            ends = self._ends(stack)
            following.take_dead(tail, ends, settings.drain_s)
        document = self._report(stack, ends, seconds)
        if self._at_end is not None:
            self._at_end(stack, run)
        written = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        keep(run.path / "report.json", written, self._view.warn_once)
        self._over = True
        return document

    def _ends(self, stack: Stack) -> dict[tuple[str, int], int]:
        """Return the end offsets of all topics; a broker that has just died is started again."""
        topics = [t for spec in self._plan.domains for t in topics_of(spec)]
        deadline = time.monotonic() + self._plan.settings.ready_s
        while True:
            try:
                return end_offsets(stack.address, topics)
            except BrokerError:
                if time.monotonic() > deadline:
                    raise
                stack.restart_dead()
                time.sleep(POLL_S)

    def _flow(self, tail: Tail, stack: Stack, began: float, before_s: float) -> None:
        """Let events flow until the duration is over, the sources end, or the user stops it."""
        shown = looked = began
        while not (self._signals.count or self._disk_is_full):
            now = time.monotonic()
            if self._duration is not None and now - began >= self._duration:
                return
            if stack.producers.exhausted():
                return
            if not stack.children.is_guarded():
                self._view.say(
                    "the guard has ended, which would end the processes if this one died; stopping"
                )
                return
            stack.restart_dead()
            self._following.take(tail)
            if now - looked >= LOOK_S:
                looked = now
                self._look(stack)
            self._view.show(self._ledgers, before_s + now - began)
            if now - shown >= STATUS_S:
                shown = now
                self._view.status(self._ledgers, before_s + now - began)

    def _drain(self, tail: Tail, ends: dict[tuple[str, int], int]) -> None:
        """Wait until the workers have finished all records, or make no more progress."""
        assert self._stack is not None
        last, moved = -1, time.monotonic()
        looked = moved
        while not all(ledger.finished(ends) for ledger in self._ledgers.values()):
            self._following.take(tail)
            self._stack.restart_dead()
            self._view.show(self._ledgers, None)
            done = sum(
                ledger.position(source.name, p)
                for ledger in self._ledgers.values()
                for source in ledger.spec.inputs.sources
                for p in range(ledger.spec.partitions)
            )
            if done != last:
                last, moved = done, time.monotonic()
            if time.monotonic() - looked >= LOOK_S:
                looked = time.monotonic()
                self._look(self._stack)
            if time.monotonic() - moved > self._plan.settings.drain_s:
                for ledger in self._ledgers.values():
                    waits = ledger.waits_for()
                    if waits:
                        self._view.say(f"{ledger.spec.name} still waits for {waits}")
                return

    def _report(
        self, stack: Stack, ends: dict[tuple[str, int], int], seconds: float
    ) -> dict[str, Any]:
        settings = self._plan.settings
        return reports.whole_report(
            broker=settings.broker if settings.broker == EMBEDDED else stack.address,
            seed=settings.seed,
            workers=settings.workers,
            seconds=seconds,
            domains={
                spec.name: reports.domain_report(
                    spec,
                    self._ledgers[spec.name],
                    ends,
                    kept_records(stack.address, spec, self._following.own[spec.name]),
                    seconds,
                    self._view.dead.as_dict(spec.name),
                    self._following.foreign(spec.name),
                )
                for spec in self._plan.domains
            },
        )

    def _settled(self) -> bool:
        workers = self._plan.settings.workers
        return all(ledger.settled(workers) for ledger in self._ledgers.values())

    def _await(self, tail: Tail, condition: Callable[[], bool], seconds: float, what: str) -> None:
        assert self._stack is not None
        deadline = time.monotonic() + seconds
        while not condition():
            self._following.take(tail)
            self._stack.children.check()
            if self._signals.count:
                raise Stop
            if time.monotonic() > deadline:
                raise StackError(f"{what} not ready after {seconds:g} s")

    def _look(self, stack: Stack) -> None:
        """Update the workers' lag, and look after the disk."""
        running, progress = stack.children.running(), stack.producers.progress
        self._view.held = self._pressure.look(running, progress)
        self._disk.drop_versions(self._ledgers.values())
        sources = [t for spec in self._plan.domains for t in topics_of(spec) if t.role is not None]
        try:
            self._disk_is_full = not self._disk.look()
            ends = end_offsets(stack.address, sources)
        except BrokerError:
            self._view.warn_once("the broker does not answer; the stack waits for it")
            return
        for ledger in self._ledgers.values():
            ledger.note_ends(ends)
