"""Learn a challenger from a run's topics, hold it against the champion, and write the outcome.

It is a process of its own. It may be killed at any moment: begun again with the same request, it
does the same again, or finds that it is done. A refused challenger is an outcome, too.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from streamsim.models.adapting.challenger import (
    Challenger,
    Parts,
    described,
    figures_of,
    judged,
    learn,
    refit,
    seconds_of_calls,
    split,
    too_few,
)
from streamsim.models.adapting.challenger_card import write_challenger_card
from streamsim.models.adapting.gate_verdict import Gate, judge
from streamsim.models.adapting.gates import (
    Judged,
    has_signature,
    is_as_fast,
    is_as_small,
    loads,
    metric_of,
)
from streamsim.models.adapting.quality_gates import quality_gates
from streamsim.models.adapting.requests import Ended
from streamsim.models.checking.trial import try_model
from streamsim.models.checking.trusted_types import packed
from streamsim.models.labelled import Labelled
from streamsim.models.registry import TRIED, Registry
from streamsim.models.thresholds import AlertBudget
from streamsim.simulator.run.adapting.logged_rows import LoggedRows, read_logged
from streamsim.simulator.run.adapting.orders import Order, order_of
from streamsim.simulator.run.adapting.outcomes import (
    OUTCOME,
    REQUEST,
    outcome_of,
    released,
    write,
    written,
)
from streamsim.simulator.run.adapting.priority import step_back
from streamsim.simulator.training_period import spelled
from streamsim.streams.errors import ModelError, StreamsimError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Estimator
from streamsim.streams.spec.renewals import champion_of, renewed_version

log = logging.getLogger(__name__)

TRIAL_S = 600.0
"""How long the trial of a challenger may take: the process gets what others leave."""


def retrain(order: Order) -> dict[str, Any]:
    """Return the outcome of a request, and write it; do no work that is done.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    ModelError
        If the champion cannot be loaded.
    """
    outcome = written(order) or released(order) or _attempt(order)
    write(order.out, outcome)
    shutil.rmtree(_trial_folder(order), ignore_errors=True)
    return outcome


def _attempt(order: Order) -> dict[str, Any]:
    """Learn a challenger, hold it against the champion, and release it."""
    spec, adaptation = order.spec, order.adaptation
    champion, signature = _load(order)
    signature.check(spec)
    logged = read_logged(spec, signature, order.broker, order.wanted)
    rows = logged.data
    parts = split(rows.times, adaptation.holdout, adaptation.gap_of(spec.labels))
    if why := too_few(spec, rows, parts, adaptation):
        return outcome_of(order, Ended.FAILED, why, rows=logged.counts)
    if taken := _made_by_another(order, parts.learnt_until):
        return outcome_of(order, Ended.FAILED, taken, rows=logged.counts)
    budget = AlertBudget(spec.model.recipe.max_false_alerts)
    try:
        challenger = learn(
            spec, signature, rows.take(parts.learnt), parts.learnt_until, seed=order.seed,
            budget=budget,
        )  # fmt: skip
        held = rows.take(parts.held)
        own, other = (judged(spec, model, held) for model in (challenger.estimator, champion))
        gates = _gates(order, (challenger, own), (champion, signature, other), logged, parts)
    except ModelError as error:
        return outcome_of(order, Ended.FAILED, str(error), rows=logged.counts)
    verdict = judge(gates)
    figures = figures_of(metric_of(spec), own, other, held.entities)
    more = {
        REQUEST: order.request,
        "source": "features and labels of the stream",
        "champion": order.champion,
        "from": spelled(int(rows.times.min())),
        "to": spelled(int(rows.times.max()) + 1),
        "known_until": spelled(order.wanted.known_until),
        "ordinary_rows": challenger.ordinary,
        "budget": str(budget),
        "versions": sorted(set(logged.versions.tolist())),
    }
    data = described(spec, rows, parts, order.seed, more)
    if verdict.better and adaptation.refit:
        whole = _refitted(order, signature, rows, budget)
        if whole is not None:
            challenger, data["refit_rows"] = whole, len(rows.labels)
    version = challenger.signature.version
    counts = {**logged.counts, **{name: data[name] for name in _COUNTS}}
    outcome = outcome_of(
        order,
        Ended.BETTER if verdict.better else Ended.REFUSED,
        verdict.why,
        rows=counts,
        verdict=verdict.as_dict(),
        figures=figures,
        version=version,
        threshold=challenger.signature.threshold,
    )
    if not next(gate for gate in gates if gate.name == "loads").passed:
        return {**outcome, "version": None}
    order.run.put(
        challenger.estimator,
        challenger.signature,
        data={**data, OUTCOME: outcome},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        metrics=figures,
        card=write_challenger_card(
            spec, challenger.signature, order.champion, verdict, figures, data
        ),
        is_whole=True,
    )
    return outcome


def _refitted(
    order: Order, champion: Signature, rows: Labelled, budget: AlertBudget
) -> Challenger | None:
    """Fit a challenger that has passed to all events; ``None`` if that does not work."""
    try:
        whole = refit(order.spec, champion, rows, seed=order.seed, budget=budget)
    except ModelError as error:
        log.warning("it is not fitted to all events: %s", error)
        return None
    version = whole.signature.version
    if version in order.run.versions(champion.model) or _fault(order, whole):
        log.warning("version %s of all events is there already, or does not load", version)
        return None
    return whole


_COUNTS = ("rows", "positives", "holdout_rows", "holdout_positives", "left_out")


def _gates(
    order: Order,
    own: tuple[Challenger, Judged],
    other: tuple[Estimator, Signature, Judged],
    logged: LoggedRows,
    parts: Parts,
) -> list[Gate]:
    """Measure the challenger and the champion on the later rows."""
    spec, margins = order.spec, order.adaptation.margins
    (challenger, said), (champion, signature, before) = own, other
    held = logged.data.take(parts.held)
    segments = logged.segments[parts.held]
    fast = seconds_of_calls(challenger.estimator, champion, held.features)
    name = signature.model
    sizes = [len(packed(name, model)) for model in (challenger.estimator, champion)]
    return [
        *quality_gates(spec, margins, said, before, held, segments, order.seed),
        is_as_fast(*fast, margins.latency),
        is_as_small(sizes[0], sizes[1], margins.size),
        loads(_fault(order, challenger)),
        has_signature(challenger.signature, signature, order.adaptation.changes),
    ]


def _fault(order: Order, challenger: Challenger) -> str:
    """Return why a challenger does not load and answer in a clean process; empty if it does."""
    folder = _trial_folder(order)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    trial, signature = Registry(folder), challenger.signature
    try:
        trial.put(challenger.estimator, signature, data={}, created="", is_whole=True)
        (folder / TRIED).unlink(missing_ok=True)  # what was made here counts as tried
        try_model(trial, signature.model, signature.version, TRIAL_S)
    except ModelError as error:
        return str(error)
    return ""


def _load(order: Order) -> tuple[Estimator, Signature]:
    """Load the champion, also one that the run has made."""
    model, version = order.spec.model.recipe.name, order.champion
    first = champion_of(version)
    registry = order.home if first == version else order.run
    return registry.load(model, version, lambda: order.home.load(model, first)[0])


def _made_by_another(order: Order, learnt_until: int) -> str:
    """Return what to say if the version's name is taken; empty if it is free."""
    version = renewed_version(champion_of(order.champion), learnt_until)
    if version not in order.run.versions(order.spec.model.recipe.name):
        return ""
    return f"version {version} is there already, of another learning up to the same minute"


def _trial_folder(order: Order) -> Path:
    return order.out.absolute().with_name(f".{order.out.name}.trial")


def main(argv: Sequence[str] | None = None) -> int:
    """Answer a request; return the exit code: 0 also if the challenger was refused."""
    os.environ["OMP_NUM_THREADS"] = "1"  # before scikit-learn is imported
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    try:
        order, priority = order_of(argv)
        step_back(priority)
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1), np.errstate(invalid="ignore", divide="ignore"):
            outcome = retrain(order)
    except StreamsimError as error:
        print(f"streamsim.simulator.run.adapting.retraining: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{outcome['request']}: {outcome['ended']}: {outcome['why']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
