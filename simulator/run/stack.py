"""The processes of a stack: start and stop broker, model service, workers and producers."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import (
    check_empty,
    create_topics,
    embedded_command,
    free_port,
    topic_config,
    wait_for_broker,
)
from streamsim.simulator.brokers.segments import segment_bytes
from streamsim.simulator.processes.children import Child, Children
from streamsim.simulator.run.life.life_requests import write_token
from streamsim.simulator.run.probes import answers, listens
from streamsim.simulator.run.producer_processes import Producers
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import Run, group_of
from streamsim.simulator.run.standin_processes import StandIns
from streamsim.streams.domain_registry import all_topics
from streamsim.streams.errors import BrokerError, StackError, StateError, UsageError
from streamsim.streams.settings import EMBEDDED
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.snapshot_files import learner_file, life_file, rows_file
from streamsim.streams.topics import ALERTS, LABELLED, PROFILES, SCORES, topic, topics_of

PYTHON = sys.executable
ARENAS = "2"
"""Memory arenas of a process, a variable of glibc. By default every thread has one of its own, and
keeps what it frees: the model service took three times the memory."""
ATTEMPTS = 5
"""Another program may take a port between its choice and its use."""


class Stack:
    """The processes of one run.

    Parameters
    ----------
    say
        Called with a line of progress.
    resumed
        Whether the run goes on with the records that it has.
    """

    def __init__(
        self, plan: Plan, run: Run, say: Callable[[str], None], *, resumed: bool = False
    ) -> None:
        self.plan, self.run, self._say, self._resumed = plan, run, say, resumed
        self.children = Children(run.path / "logs")
        self.address = ""
        self.model_url = ""
        self.broker: Child | None = None
        self.workers: list[Child] = []
        self.producers = Producers(plan, run.path, self.children, resumed=resumed)
        self._token = secrets.token_urlsafe(24)
        self._standins = StandIns(plan, self.children)
        self._champions: Sequence[Signature] = ()
        self.renewed = run.path / "models"
        """Folder of the versions that this run makes, or that it was told to use."""
        self.snapshots = run.path / "snapshots"
        """Folder of what the readers of topics remember."""

    @property
    def group(self) -> str:
        """The workers' consumer group."""
        return group_of(self.run)

    def start_broker(self) -> None:
        """Start the embedded broker, or connect to the given one; create the topics."""
        settings = self.plan.settings
        if settings.broker == EMBEDDED:
            self._start_embedded()
        else:
            self.address = settings.broker
            self._say(f"broker {self.address}")
            wait_for_broker(self.address, 10, None)
        topics = all_topics(self.plan.domains)
        size = segment_bytes(settings.broker_disk_mb << 20, sum(t.partitions for t in topics))
        create_topics(self.address, topics, topic_config(settings.broker, size))
        if settings.broker != EMBEDDED and not self._resumed:
            check_empty(self.address, [t for spec in self.plan.domains for t in topics_of(spec)])

    def _start_embedded(self) -> None:
        for attempt in range(ATTEMPTS):
            port = free_port()
            child = self.children.start("broker", embedded_command(port, self.run.data), {})
            try:
                wait_for_broker(f"127.0.0.1:{port}", self.plan.settings.ready_s, child.process)
            except BrokerError:
                self.children.stop(child, 1)
                if attempt == ATTEMPTS - 1:
                    raise BrokerError(
                        f"the embedded broker does not start:\n{child.tail()}"
                    ) from None
                continue
            self.address, self.broker = f"127.0.0.1:{port}", child
            self._say(f"broker embedded, on {self.address}")
            return

    def start_service(self, champions: Sequence[Signature] = ()) -> None:
        """Start the model service, without waiting until it is ready.

        It serves the given versions, also if others are released meanwhile; by default the newest.
        """
        settings = self.plan.settings
        if settings.model_url:
            self.model_url = settings.model_url
            return
        port = free_port()
        self.model_url = f"http://127.0.0.1:{port}"
        command = [
            PYTHON,
            "-m",
            "streamsim.models.serve",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        if self.address:
            command += ["--broker", self.address, "--snapshots", str(self.snapshots)]
        given = {champion.model: f"{champion.model}:{champion.version}" for champion in champions}
        for spec in self.plan.domains:
            model = spec.model.recipe.name
            command += ["--model", given.get(model, model)]
        command += ["--renewed", str(self.renewed)]
        env = {**self._environment(), "OMP_NUM_THREADS": "1", "STREAMSIM_TOKEN": self._token}
        self.children.start("service", command, env)

    def start_standins(self) -> None:
        """Start a stand-in for every third party of the domains whose address is not given."""
        self._standins.start(self._environment())

    def start_controller(self, champions: Sequence[Signature]) -> None:
        """Start the process that decides which versions answer, if this stack serves them."""
        if self.plan.settings.model_url:
            return
        write_token(self.run.path, self._token)
        self._champions = champions
        versions = {champion.model: champion.version for champion in champions}
        command = [
            PYTHON, "-m", "streamsim.simulator.run.life.controlling",
            "--broker", self.address, "--group", self.group,
            "--versions", str(self.renewed), "--snapshots", str(self.snapshots),
        ]  # fmt: skip
        for spec in self.plan.domains:
            command += ["--domain", f"{spec.name}:{versions[spec.model.recipe.name]}"]
        env = {**self._environment(), "OMP_NUM_THREADS": "1", "STREAMSIM_TOKEN": self._token}
        self.children.start("controller", command, env)

    def start_workers(self, *prefix: str, module: str = "streamsim.consumers.worker") -> None:
        """Start the Faust workers, each with the command ``prefix python -m module``."""
        for number in range(self.plan.settings.workers):
            command = [
                PYTHON, "-m", module, "--broker", self.address, "--group", self.group,
                "--worker", str(number), "--model-url", self.model_url,
            ]  # fmt: skip
            for spec in self.plan.domains:
                command += ["--domain", spec.name]
            for domain, time_ms in self.plan.score_from.items():
                command += ["--score-from", f"{domain}={time_ms}"]
            for champion in self._champions:
                command += ["--champion", f"{champion.model}={champion.version}"]
            command += ["--hold"] * self.plan.hold + ["--scheduled"] * bool(self._champions)
            name = f"worker-{number}"
            self.workers.append(self.children.start(name, [*prefix, *command], self._environment()))

    def wait_for_service(self) -> None:
        """Wait until every model is ready and every stand-in answers.

        Raises
        ------
        StackError
            If one does not answer in time.
        """
        deadline = time.monotonic() + self.plan.settings.ready_s
        for spec in self.plan.domains:
            url = f"{self.model_url}/v2/models/{spec.model.recipe.name}/ready"
            while not answers(url):
                self.children.check()
                if time.monotonic() > deadline:
                    raise StackError(f"the model service does not answer at {url}")
                time.sleep(0.05)
        self._say(f"model service on {self.model_url}")
        for url in self._standins.urls:
            while not listens(url):
                self.children.check()
                if time.monotonic() > deadline:
                    raise StackError(f"nothing answers at {url}")
                time.sleep(0.05)

    def start_producers(self) -> float:
        """Start one producer per domain, all with the same start time.

        Returns
        -------
        For how long the run has gone on before (s), the interruption included.
        """
        now = int(time.time() * 1000) + 500
        started = int(self.run.info.get("started", now))
        self.run = self.run.write(started=started)
        self.producers.start(
            self.plan, self.address, now, started, self._environment(), self._standins
        )
        return max(0.0, (now - started) / 1000)

    def restart_dead(self) -> None:
        """Restart the processes that have died; state and sources continue where they were.

        Raises
        ------
        StackError
            If a worker cannot restore its state, if a process refuses its settings, or if it dies
            again and again.
        """
        for child in self.children.dead():
            code = child.process.returncode
            if code == UsageError.exit_code:
                raise self.children.ended(child)
            if child in self.workers and code == StateError.exit_code:
                raise StackError(
                    child.tail().rpartition("streamsim.consumers.worker: ")[2] or child.name
                )
            more: tuple[str, ...] = ()
            if self.producers.has(child):
                more = self.producers.again(child)
            self.children.start_again(child, *more)
            self._refill_standin(child)
            self._say(f"{child.name} ended with exit code {code}; it is started again")

    def _refill_standin(self, child: Child) -> None:
        """Have the domain's producer send a restarted stand-in its facts again."""
        producer = self.producers.of(self._standins.domain_of(child) or "")
        if producer is not None and producer.alive:
            self.children.kill(producer)  # it will be restarted, and begins its world again

    def stop(self, grace_s: float) -> None:
        """Stop the remaining processes: producers, workers, service, broker.

        Kafka clients do not end by themselves if the broker is gone: then they are killed soon.
        """
        gone = self.broker is not None and not self.broker.alive
        self.children.stop_all(min(grace_s, 0.5) if gone else grace_s)

    def snapshot_files(self) -> dict[str, Path]:
        """Return the files of what readers remember, by the topic that they read."""
        found = {
            topic(spec.name, spec.trigger.name): learner_file(self.snapshots, spec)
            for spec in self._renewing()
        }
        for spec in self.plan.domains if self._champions else ():
            found |= dict.fromkeys(
                (topic(spec.name, kind) for kind in (LABELLED, PROFILES, ALERTS)),
                life_file(self.snapshots, spec),
            )
        if not self.plan.settings.model_url:
            for spec in (spec for spec in self.plan.domains if spec.recommends):
                found[topic(spec.name, SCORES)] = rows_file(self.snapshots, spec)
        return found

    def drop_renewals(self) -> None:
        """Delete the renewed versions; challengers stay, with what is written of them."""
        made = Registry(self.renewed)
        for model in made.models():
            for version in made.versions(model):
                if not made.is_whole(model, version):
                    made.drop(model, version)

    def _renewing(self) -> list[DomainSpec]:
        """Return the domains whose models are renewed, if this stack serves them."""
        own = not self.plan.settings.model_url
        return [spec for spec in self.plan.domains if own and spec.model.renewal is not None]

    def _environment(self) -> dict[str, str]:
        environment = self.plan.settings.environment()
        environment["STREAMSIM_MODEL_URL"] = self.model_url
        environment.setdefault("MALLOC_ARENA_MAX", ARENAS)
        return environment
