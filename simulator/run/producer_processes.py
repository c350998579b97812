"""The producers of a stack: one process per domain, which goes on where it was when it dies."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from streamsim.producers.pace import SLOT_MS
from streamsim.producers.resume import Progress, read_progress
from streamsim.simulator.processes.children import Child, Children
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.standin_processes import StandIns
from streamsim.streams.errors import StackError
from streamsim.streams.spec import DomainSpec


class Producers:
    """The producers of one run.

    Parameters
    ----------
    folder
        The run's folder.
    resumed
        Whether the run goes on with the records that it has.
    """

    def __init__(self, plan: Plan, folder: Path, children: Children, *, resumed: bool) -> None:
        self._plan, self._folder, self._children = plan, folder, children
        self._resumed = resumed
        self._running: dict[str, Child] = {}

    def start(
        self,
        plan: Plan,
        address: str,
        anchor_ms: int,
        started_ms: int,
        environment: Mapping[str, str],
        standins: StandIns,
    ) -> None:
        """Start them all with one anchor.

        Parameters
        ----------
        plan
            Has their paces and sources.
        started_ms
            When the run began (ms of wall time): what was sent since is not sent again.
        """
        self._plan = plan
        slot_ms = SLOT_MS * len(plan.domains)  # each domain adds a batch to what a slot costs
        for spec in plan.domains:
            command = [
                sys.executable, "-m", "streamsim.simulator.cli", "send", spec.name,
                "--broker", address, "--wait",
                "--anchor", str(anchor_ms), "--since", str(started_ms), "--slot", str(slot_ms),
                "--seed", str(plan.settings.seed), "--report", str(self._report(spec.name)),
                *plan.paces.get(spec.name, ()),
            ]  # fmt: skip
            if spec.name in plan.score_from:
                command += ["--score-from", str(plan.score_from[spec.name])]
            if self._resumed:
                command += ["--resume"]
                self._database(spec).unlink(missing_ok=True)
            if spec.name in plan.sources:
                command += ["--source", str(plan.sources[spec.name].absolute())]
                if spec.name in plan.columns:
                    command += ["--columns", str(plan.columns[spec.name].absolute())]
            else:
                command += ["--days", str(plan.days)] if plan.days is not None else []
                for name, value in plan.worlds.get(spec.name, {}).items():
                    command += ["--world", f"{name}={value}"]
            own = {**environment, **standins.environment(spec.name)}
            if spec.inputs.databases and not plan.settings.database_url:
                own["STREAMSIM_DATABASE_URL"] = f"sqlite:///{self._database(spec)}"
            self._running[spec.name] = self._children.start(f"producer-{spec.name}", command, own)

    def of(self, domain: str) -> Child | None:
        """Return the producer of a domain, ``None`` if there is none."""
        return self._running.get(domain)

    def has(self, child: Child) -> bool:
        """Say whether a process is a producer."""
        return child in self._running.values()

    def again(self, child: Child) -> tuple[str, ...]:
        """Prepare for a producer to be started again; return the options that it then needs."""
        for spec in self._plan.domains:
            if self._running[spec.name] is child:
                # A world starts from its beginning, so its database has to start empty as well.
                self._database(spec).unlink(missing_ok=True)
        return ("--resume",)

    def exhausted(self) -> bool:
        """Return whether every producer has reached the end of its source."""
        for child in self._running.values():
            if not child.alive and child.process.returncode == 0:
                self._children.release(child)
        return all(child.process.poll() == 0 for child in self._running.values())

    def stop(self) -> None:
        """Stop them: each sends a last heartbeat and waits for the acknowledgements.

        Raises
        ------
        StackError
            If one fails.
        """
        for name, child in self._running.items():
            code = self._children.stop(child, self._plan.settings.drain_s)
            if code != 0:
                raise StackError(f"producer {name} ended with {code}:\n{child.tail()}")

    def sent(self) -> dict[str, Any]:
        """Return each producer's report of the records that it has sent."""
        result = {}
        for name in self._running:
            with suppress(OSError, orjson.JSONDecodeError):
                result[name] = orjson.loads(self._report(name).read_bytes())
        return result

    def progress(self, domain: str) -> Progress:
        """Return how far a domain's producer has come."""
        return read_progress(self._report(domain).with_suffix(".progress"))

    def _database(self, spec: DomainSpec) -> Path:
        return self._folder / f"{spec.name}.sqlite"

    def _report(self, domain: str) -> Path:
        return self._folder / f"producer-{domain}.json"
