"""The stand-ins of one run: a process for each third party without an address in the settings."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streamsim.simulator.brokers.broker import free_port
from streamsim.simulator.processes.children import Child, Children
from streamsim.simulator.run.run_plan import Plan
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.third_parties import ThirdPartySpec


@dataclass(frozen=True, slots=True)
class StandInProcess:
    """A process that stands in for a third party.

    Attributes
    ----------
    environment
        The third party's settings for the producer, as environment variables.
    """

    domain: str
    child: Child
    url: str
    environment: Mapping[str, str]


class StandIns:
    """Starts stand-ins and knows them by ``DOMAIN/NAME``."""

    def __init__(self, plan: Plan, children: Children) -> None:
        self._plan, self._children = plan, children
        self._running: dict[str, StandInProcess] = {}

    def start(self, environment: Mapping[str, str]) -> None:
        """Start a stand-in for each third party of the domains whose address is not given."""
        for spec in self._plan.domains:
            for party in spec.inputs.third_parties:
                if not self._plan.settings.of(party.url):
                    name = f"{spec.name}/{party.name}"
                    self._running[name] = self._start(name, spec, party, environment)

    def _start(
        self, name: str, spec: DomainSpec, party: ThirdPartySpec, environment: Mapping[str, str]
    ) -> StandInProcess:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [
            sys.executable, "-m", "streamsim.simulator.standins", name,
            "--host", "127.0.0.1", "--port", str(port),
        ]  # fmt: skip
        if (file := self._file(spec, party)) is not None:
            command += ["--facts", str(file)]
        own = {
            party.url.variable: url,
            party.key.variable: secrets.token_urlsafe(24),
            party.token.variable: secrets.token_urlsafe(24),
        }
        child = self._children.start(f"{spec.name}-{party.name}", command, {**environment, **own})
        return StandInProcess(spec.name, child, url, own)

    def _file(self, spec: DomainSpec, party: ThirdPartySpec) -> Path | None:
        folder = self._plan.sources.get(spec.name)
        file = None if folder is None else folder / party.standin.file
        return file if file is not None and file.is_file() else None

    @property
    def urls(self) -> list[str]:
        """The addresses of the stand-ins."""
        return [one.url for one in self._running.values()]

    def environment(self, domain: str) -> dict[str, str]:
        """Return the third parties' settings for a domain's producer, as environment variables."""
        own = [one.environment for one in self._running.values() if one.domain == domain]
        return {name: value for environment in own for name, value in environment.items()}

    def domain_of(self, child: Child) -> str | None:
        """Return the domain of a stand-in, ``None`` if the process is none."""
        found = (one.domain for one in self._running.values() if one.child is child)
        return next(found, None)
