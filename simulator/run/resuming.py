"""Resuming: the plan of a run that was cut short, read again from its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from streamsim.models.registry import Registry
from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import Run, all_runs, find_run
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ModelError, UsageError
from streamsim.streams.settings import read_settings
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec


def plan_again(name: str) -> tuple[Run, Plan]:
    """Return a run that was cut short, and its plan.

    Settings that are secret or belong to the machine are not stored with a run. They are read from
    the environment.

    Raises
    ------
    UsageError
        If there is no such run, it still runs, or it has nothing to go on with.
    """
    run = find_run(read_settings(), name)
    if run.alive:
        raise UsageError(f"run {name} is still running")
    if not run.cut_short:
        others = ", ".join(r.name for r in all_runs(read_settings()) if r.cut_short)
        hint = f"; those that were: {others}" if others else ""
        raise UsageError(f"run {name} was not cut short{hint}")
    stored = run.info["configuration"]
    settings = read_settings({key: stored[key] for key in ("workers", "broker", "seed")})
    sources = {domain: Path(path) for domain, path in run.info["files"].items()}
    for domain, path in sources.items():
        if not path.exists():
            raise UsageError(f"the source of {domain} is gone: {path}")
    plan = Plan(
        domains=tuple(load_domain(domain) for domain in run.domains),
        settings=settings,
        sources=sources,
        paces={domain: tuple(options) for domain, options in stored["paces"].items()},
        days=stored["days"],
        hold=stored["hold"],
        columns={name: Path(path) for name, path in stored.get("columns", {}).items()},
        score_from=stored.get("score_from", {}),
        worlds=stored.get("worlds", {}),
    )
    return run, plan


def champions_again(
    run: Run, specs: Sequence[DomainSpec], registry: Registry, say: Callable[[str], None]
) -> list[Signature]:
    """Return the versions that a run began with, and say which are no champions any more.

    What was decided since stands in the run's own topic. A version that was promoted while the run
    was stopped is the champion of new runs alone.

    Raises
    ------
    UsageError
        If a version is gone, or does not fit the domain any more.
    """
    found: list[Signature] = []
    for spec in specs:
        name = spec.model.recipe.name
        now = registry.champion(name)
        version = run.info.get("champions", {}).get(name) or now or "1"
        try:
            signature = registry.release(name, version).signature
            signature.check(spec)
        except ModelError as error:
            raise UsageError(
                f"run {run.name} cannot go on without {name} {version}: {error}"
            ) from None
        found.append(signature)
        if now not in (version, None):
            say(
                f"{name}: the run goes on with {version}, as it began, and with what was decided "
                f"in it; {now}, the champion of new runs, answers here, too, after: "
                f"streamsim models promote {name} {now}"
            )
    return found
