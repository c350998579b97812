"""``streamsim controller``: the process that decides, for a stack whose parts are started by hand.

``streamsim up`` starts it by itself. Under another supervisor, Docker Compose say, it has a command
of its own. In its run's folder ``streamsim models`` and the model service find what they need.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import click

from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import wait_for_broker
from streamsim.simulator.run.life.announcing import serves
from streamsim.simulator.run.life.controller import Config
from streamsim.simulator.run.life.controlling import run as control
from streamsim.simulator.run.life.life_requests import TOKEN, write_token
from streamsim.simulator.run.life.ops_models import announce
from streamsim.simulator.run.runs import Run, group_of, hold, named_run
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import StackError, UsageError
from streamsim.streams.settings import Settings, check_address, read_settings
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.secret_files import shared_secret

PAUSE_S = 0.5
"""Pause between two questions to the model service."""


def run_controller(*, domain: Sequence[str], broker: str, run: str) -> None:
    """Run the lives of the domains' models until stopped.

    Raises
    ------
    UsageError
        If the model service does not let this process decide.
    StackError
        If the model service does not answer.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    settings = read_settings()
    if not settings.model_url:
        raise UsageError("set STREAMSIM_MODEL_URL, the stack's model service")
    address = check_address(broker)
    specs = [load_domain(name) for name in domain]
    registry = Registry(settings.home_path / "registry")
    found = named_run(settings, run, domains=list(domain), champions=_champions(registry, specs))
    if found.domains != tuple(domain):
        raise UsageError(f"run {run} has begun with {', '.join(found.domains)}")
    versions: Mapping[str, str] = found.info["champions"]
    champions = [registry.release(m, version).signature for m, version in versions.items()]
    if settings.token:
        write_token(found.path, settings.token)
    settings = replace(settings, token=shared_secret(found.path / TOKEN))
    wait_for_broker(address, settings.ready_s, None)
    _await_service(settings, champions)
    with hold(found) as held:
        held.write(address=address, model_url=settings.model_url)
        announce(address, champions)
        click.echo(f"run {run}: deciding for {', '.join(versions)}")
        control(_config(held, specs, versions, address, settings))


def _champions(registry: Registry, specs: Sequence[DomainSpec]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in (spec.model.recipe.name for spec in specs):
        version = registry.champion(name)
        if version is None:
            raise UsageError(
                f"no champion of {name} in {registry.root}; train one: streamsim train"
            )
        found[name] = version
    return found


def _await_service(settings: Settings, champions: Sequence[Signature]) -> None:
    """Wait for the model service, and see that it lets this process decide."""
    deadline = time.monotonic() + settings.ready_s
    for champion in champions:
        while (takes := serves(settings, champion)) is None:
            if time.monotonic() > deadline:
                raise StackError(f"no model service answers at {settings.model_url}")
            time.sleep(PAUSE_S)
        if not takes:
            raise UsageError(
                f"the model service at {settings.model_url} does not load {champion.model} "
                f"{champion.version} for this process: which version answers is decided there. "
                f"Start it by python -m streamsim.models.serve, with the same STREAMSIM_TOKEN"
            )


def _config(
    run: Run,
    specs: Sequence[DomainSpec],
    versions: Mapping[str, str],
    address: str,
    settings: Settings,
) -> Config:
    os.environ["STREAMSIM_TOKEN"] = settings.token  # a process that learns inherits it
    return Config(
        {spec.name: versions[spec.model.recipe.name] for spec in specs},
        address,
        group_of(run),
        run.path / "models",
        run.path / "snapshots",
        settings,
    )
