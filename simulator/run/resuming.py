"""Resuming: the plan of a run that was cut short, read again from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from streamsim.simulator.run.run_plan import Plan
from streamsim.simulator.run.runs import Run, all_runs, find_run
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.settings import read_settings


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


def check_versions(run: Run, champions: Mapping[str, str]) -> None:
    """Raise :class:`UsageError` if a model's champion is not the one that has scored the run."""
    for model, version in run.info.get("champions", {}).items():
        now = champions.get(model, version)
        if now != version:
            raise UsageError(
                f"run {run.name} was scored by {model} {version}, and its champion is {now} now: "
                f"streamsim models promote {model} {version}"
            )
