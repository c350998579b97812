"""``streamsim models`` on a running stack: shadow, canary, promote, rollback, withdraw, at."""

from __future__ import annotations

import getpass
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
import numpy as np
import orjson

from streamsim.consumers.predict.model_schedule import CHANGES, RENEWED, read_lifecycle
from streamsim.simulator.brokers.writer import Message, Writer
from streamsim.simulator.reading import Tail, read_whole
from streamsim.simulator.run.life.life_lines import lifecycle_line
from streamsim.simulator.run.life.life_requests import (
    ALREADY,
    REFUSED,
    TOKEN,
    Request,
    new_request,
)
from streamsim.simulator.run.life.ops_models import key_of
from streamsim.simulator.run.life.requirements import refuse_fixed
from streamsim.simulator.run.runs import Run, all_runs, find_run, group_of
from streamsim.streams.codec import parse_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ForeignRecordError, StackError, UsageError
from streamsim.streams.events import NO_TIME
from streamsim.streams.settings import read_settings
from streamsim.streams.topics import OPS_MODELS, TopicSpec, ops_topics

ANSWER_S = 30.0
"""Time for the stack to carry a request out, or to refuse it."""


def change(
    action: str,
    model: str,
    *,
    version: str = "",
    share: float = 0.0,
    why: str | None = None,
    run: str | None = None,
    values: Mapping[str, float] | None = None,
) -> None:
    """Ask a running stack for a change, and print what it does.

    Raises
    ------
    UsageError
        If no stack runs that serves the model, or it refuses.
    StackError
        If it does not answer in time.
    """
    found = running(model, run)
    request = new_request(
        group_of(found), model, action, version=version, share=share, who=getpass.getuser(),
        why=why or "asked by hand", values=values,
    )  # fmt: skip
    body, told_at = _ask(found, request)
    if body["event"] == REFUSED and str(body["why"]).endswith(ALREADY):
        click.echo(f"in run {found.name} {body['why']}")
        return
    if body["event"] == REFUSED:
        raise UsageError(f"the stack refuses: {body['why']}")
    click.echo(lifecycle_line(body, told_at))


def run_set(domain: str, values: Sequence[str], why: str | None, run: str | None) -> None:
    """Ask a running stack for other settings of a domain's model."""
    named: dict[str, float] = {}
    for text in values:
        key, _, value = text.partition("=")
        refuse_fixed(domain, key)
        try:
            named[key] = float(value)
        except ValueError:
            raise UsageError(f"{text!r} is no KEY=VALUE with a number") from None
        if not math.isfinite(named[key]):
            raise UsageError(f"{key} is a finite number, not {value}")
    change("set", load_domain(domain).model.recipe.name, why=why, run=run, values=named)


def running(model: str, name: str | None) -> Run:
    """Return the running stack that serves a model.

    Raises
    ------
    UsageError
        If there is none, or it uses a model service of the user's own.
    """
    run = find_run(read_settings(), name)
    if not run.alive or not run.info.get("address"):
        raise UsageError("no stack is running; start one: streamsim up")
    served = {load_domain(domain).model.recipe.name for domain in run.domains}
    if model not in served:
        raise UsageError(f"run {run.name} serves {', '.join(sorted(served))}, not {model}")
    if not (run.path / TOKEN).exists():
        raise UsageError(
            f"run {run.name} asks a model service of your own: which version answers is decided "
            "there, and streamsim has no shadow or canary of it"
        )
    return run


def is_served(model: str) -> bool:
    """Say whether a running stack of this home serves a model."""
    runs = (run for run in all_runs(read_settings()) if run.alive)
    return any(
        (run.path / TOKEN).exists()
        and model in {load_domain(domain).model.recipe.name for domain in run.domains}
        for run in runs
    )


def _ops_models() -> TopicSpec:
    return next(t for t in ops_topics() if t.name == OPS_MODELS)


def _ask(run: Run, request: Request) -> tuple[dict[str, Any], int]:
    """Write a request, and wait for what becomes of it."""
    address, token = str(run.info["address"]), (run.path / TOKEN).read_text()
    record = request.as_record(token)
    deadline = time.monotonic() + ANSWER_S
    with Tail(address, [_ops_models()], from_beginning=False) as tail:
        with Writer(address) as writer:
            now = int(time.time() * 1000)
            writer.write([Message(OPS_MODELS, 0, key_of(record), orjson.dumps(record), now)])
        while time.monotonic() < deadline:
            for answer in tail.poll(0.2):
                try:
                    told = read_lifecycle(answer.value)
                except ForeignRecordError:
                    continue
                evidence = told.get("evidence") or {}
                if request.id in (told.get("asked"), evidence.get("asked")):
                    return told, answer.timestamp
    raise StackError(
        f"the stack has not answered within {ANSWER_S:g} s; see: streamsim watch models"
    )


def run_at(when: str, model: str | None, run: str | None) -> None:
    """Print which versions answered at an event time, and who decided it."""
    at = _time_of(when)
    found = find_run(read_settings(), run)
    plans: dict[str, dict[str, Any]] = {}
    for body, told_at in _decisions(found):
        since = parse_times([body["effective_from"]])[0]
        if body["event"] == "champion" and "run" in plans.get(body["model"], {}):
            continue  # told again, as the run went on
        if model in (None, body["model"]) and (since == NO_TIME or since <= at):
            if body["event"] == RENEWED and (before := plans.get(body["model"])):
                kept = {**before.get("plan", {}), "champion": body["version"]}
                body = {**body, "plan": kept, "who": "renewal", "why": "a cut", "evidence": {}}
            plans[body["model"]] = {**body, "told_at": told_at}
    if not plans:
        raise UsageError(f"run {found.name} has decided nothing about {model or 'any model'} then")
    for name, body in sorted(plans.items()):
        click.echo(f"{name} at {when}: {_answering(body)}")
        click.echo(f"  {lifecycle_line(body, body['told_at'])}")


def _answering(body: Mapping[str, Any]) -> str:
    plan = body.get("plan") or {"champion": body["version"]}
    parts = [f"{plan['champion']} answers"]
    if plan.get("canary"):
        parts.append(f"{plan['canary']} answers {plan['share']:.0%} of the entities as canary")
    if plan.get("shadow"):
        parts.append(f"{plan['shadow']} scores in shadow")
    return ", ".join(parts)


def _decisions(run: Run) -> Iterator[tuple[dict[str, Any], int | None]]:
    """Yield what was decided in a run, in order, with the wall time (ms) where it is known."""
    group = group_of(run)
    for value, told_at in _told(run):
        try:
            body = read_lifecycle(value)
        except ForeignRecordError:
            continue
        if body["event"] == "champion" or (
            body.get("run") == group and body["event"] in (RENEWED, *CHANGES)
        ):
            yield body, told_at


def _told(run: Run) -> Iterator[tuple[bytes | None, int | None]]:
    if run.alive:
        topics = [_ops_models()]
        for record in read_whole(str(run.info["address"]), topics)[OPS_MODELS]:
            yield record.value, record.timestamp
        return
    for kept in (run.kept_before(OPS_MODELS), run.kept(OPS_MODELS)):
        if kept.exists():
            for line in kept.read_bytes().splitlines():
                yield line, None


def _time_of(text: str) -> int:
    try:
        at = int(np.datetime64(text.removesuffix("Z"), "ms").astype(np.int64))
    except ValueError:
        at = NO_TIME
    if at == NO_TIME:  # numpy's own "not a time", too
        raise UsageError(f"{text!r} is no time like 2025-01-14T12:00")
    return at
