"""What is asked of a running stack, and which of its processes are killed meanwhile: by seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ACTIONS = ("shadow", "canary", "promote", "rollback", "withdraw", "set")
KILLED = ("worker", "controller", "service")
EVERY = 4
"""Of so many steps, one has a kill."""
AFTER_S = (1.0, 4.5)
"""Shortest and longest pause before a request."""
KILL_AFTER_S = (0.2, 1.5)
"""When a process is killed, counted from the start of the command that makes the request: the
command takes about a second."""


@dataclass(frozen=True, slots=True)
class Step:
    """A request, and the process that is killed while it is made.

    Parameters
    ----------
    action
        One of :data:`ACTIONS`.
    version
        The version that is asked for, empty where none is.
    number
        Share of a canary, or threshold of alerts; 0 otherwise.
    after_s
        Pause before the request.
    kill
        One of :data:`KILLED`, or empty.
    kill_after_s
        How long after the start of the request.
    """

    action: str
    version: str
    number: float
    after_s: float
    kill: str = ""
    kill_after_s: float = 0.0


def make_steps(versions: Sequence[str], count: int, seed: int, *, kills: bool = True) -> list[Step]:
    """Draw steps, each of which a stack can carry out after those before it.

    Parameters
    ----------
    versions
        All versions of the model, the first champion first.

    Examples
    --------
    >>> steps = make_steps(("1", "2", "3"), 20, seed=0)
    >>> {step.action for step in steps} == set(ACTIONS), sum(bool(s.kill) for s in steps)
    (True, 5)
    """
    draw = random.Random(seed)
    parts = _kills(draw, count) if kills else {}
    steps = []
    for place, (action, version, number) in enumerate(_requests(draw, versions, count)):
        step = Step(action, version, number, round(draw.uniform(*AFTER_S), 2))
        if place in parts:
            after = round(draw.uniform(*KILL_AFTER_S), 2)
            step = Step(action, version, number, step.after_s, parts[place], after)
        steps.append(step)
    return steps


def _kills(draw: random.Random, count: int) -> dict[int, str]:
    """Return the steps with a kill: one of each part in turn, in random order."""
    wanted = max(1, count // EVERY)
    parts = [KILLED[n % len(KILLED)] for n in range(wanted)]
    draw.shuffle(parts)
    return dict(zip(sorted(draw.sample(range(count), wanted)), parts, strict=True))


def _requests(
    draw: random.Random, versions: Sequence[str], count: int
) -> Iterator[tuple[str, str, float]]:
    """Yield requests; every action comes once before one comes again, where it is possible."""
    champions, beside = [versions[0]], False
    rest: list[str] = []
    for _ in range(count):
        champion = champions[-1]
        possible = set(ACTIONS)
        if all(earlier == champion for earlier in champions):
            possible.discard("rollback")
        if not beside:
            possible.discard("withdraw")
        if not possible & set(rest):
            rest = list(ACTIONS)
        action = draw.choice([own for own in rest if own in possible])
        rest.remove(action)
        other = draw.choice([own for own in versions if own != champion])
        if action == "promote":
            champions.append(other)
        elif action == "rollback":
            earlier = next(own for own in reversed(champions) if own != champion)
            champions.append(earlier)
        beside = action in ("shadow", "canary") or (beside and action == "set")
        number = {"canary": draw.uniform(0.05, 0.6), "set": draw.uniform(0.3, 0.95)}
        named = other if action in ("shadow", "canary", "promote") else ""
        yield action, named, round(number.get(action, 0.0), 3)
