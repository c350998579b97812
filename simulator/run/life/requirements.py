"""Requirements that change on a running stack, as the threshold of alerts that meets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from streamsim.streams.errors import UsageError
from streamsim.streams.events import Floats
from streamsim.streams.spec import DomainSpec

Recent: TypeAlias = Callable[[], tuple[Floats, float]]
"""Returns the risks of the latest judged events, shape ``(n,)``, and in how many days they were."""
THRESHOLD, PER_DAY, COST = "threshold", "alerts_per_day", "false_alarm_cost"
KEYS = {
    THRESHOLD: "alert from this risk on, 0 to 1",
    PER_DAY: "alert as often in a day, by the latest scores",
    COST: "cost of a false alarm, where a missed event costs 1; needs calibrated scores",
}
"""What can be set, with its meaning."""
FIXED = {
    "horizon": "changes what a label means",
    "label_delay": "changes when a label is final",
    "features": "changes what a model is told",
}
"""What a model is trained for, with the reason why it cannot be set."""


def refuse_fixed(domain: str, key: str) -> None:
    """Refuse what makes another model of it.

    Raises
    ------
    UsageError
        With the reason, and what to do instead.

    Examples
    --------
    >>> refuse_fixed("water", "threshold")
    >>> refuse_fixed("water", "horizon")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    streamsim.streams.errors.UsageError: horizon changes what a label means, so it needs a new ...
    """
    if key in FIXED:
        raise UsageError(
            f"{key} {FIXED[key]}, so it needs a new model: change it in the domain's code, then "
            f"streamsim train {domain}, and start the stack anew"
        )


def threshold_of(spec: DomainSpec, values: Mapping[str, float], recent: Recent) -> float:
    """Return the threshold of alerts that meets a requirement.

    Cool-downs are not counted: a budget of alerts is kept or undershot.

    Raises
    ------
    UsageError
        If nothing or more than one thing is required, or it cannot be met.
    """
    for key in values:
        refuse_fixed(spec.name, key)
    known = "; ".join(f"{key}: {told}" for key, told in KEYS.items())
    if unknown := sorted(set(values) - set(KEYS)):
        raise UsageError(f"there is no requirement {unknown[0]!r}; there are {known}")
    if len(values) != 1:
        raise UsageError(f"one thing can be set at a time: {known}")
    ((key, value),) = values.items()
    if key == THRESHOLD:
        if not 0 <= value <= 1:
            raise UsageError(f"a threshold is between 0 and 1, not {value:g}")
        return float(value)
    if key == COST:
        if not spec.model.recipe.calibrated:
            raise UsageError(
                f"the scores of {spec.model.recipe.name} are no probabilities, so a cost says "
                f"nothing of a threshold: set {PER_DAY}"
            )
        if not value > 0:
            raise UsageError(f"a false alarm costs more than 0, not {value:g}")
        return float(value / (1 + value))
    return _by_budget(value, *recent())


def _by_budget(per_day: float, risks: Floats, days: float) -> float:
    """Return the lowest threshold at which no more of the latest events would have alerted."""
    if not per_day > 0:
        raise UsageError(f"a budget is above 0 alerts a day, not {per_day:g}")
    if not len(risks) or not days > 0:
        raise UsageError("no scores have been judged yet: set a threshold, or wait for labels")
    most = int(per_day * days)
    ranked = np.sort(risks)[::-1]
    if most >= len(ranked):
        return float(ranked[-1])
    above = ranked[ranked > ranked[most]]
    found = above[-1] if len(above) else min(1.0, ranked[most] + 1e-6)
    return round(float(found), 6)
