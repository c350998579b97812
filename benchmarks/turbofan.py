"""Benchmark of remaining life and failure of turbofans, by cross-validation over engines.

NASA's C-MAPSS: engines that are each simulated from the first cycle to failure, at one operating
condition (FD001, FD003) or six (FD002, FD004), with one kind of fault (FD001, FD002) or two. Every
engine is predicted by models fitted on other engines, at every cycle; and again truncated at a
random cycle, with features of the cycles before it alone.

The published figures are of the official test sets: other engines, truncated once each. That is
another protocol with other engines; the figures are shown for orientation only. The project's
targets are for FD001.

References
----------
Saxena, Goebel, Simon and Eklund (2008), Damage propagation modeling for aircraft engine
run-to-failure simulation, *PHM 2008*.
Babu, Zhao and Li (2016), Deep convolutional neural network based regression approach for
estimation of remaining useful life, *DASFAA* (SVR, CNN).
Zheng, Ristovski, Farahat and Gupta (2017), Long short-term memory network for remaining useful
life estimation, *ICPHM* (deep LSTM).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from streamsim.benchmarks.public_data.engines import (
    CAP,
    CUTS,
    FILE,
    FOLDS,
    HORIZON,
    Engines,
    Judged,
    define,
    features,
    judge,
    part_of,
    read_engines,
    take,
)
from streamsim.benchmarks.studies.prognosis import Prognosis
from streamsim.streams.domains.logistics.sensors import SensorState
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.events import Floats, Ints
from streamsim.streams.statistics.intervals import (
    Interval,
    Weighted,
    auc,
    average_precision,
    calibration_error,
    interval,
    mean_of,
    per_draw,
)

PUBLISHED = {
    "FD001": {"SVR": 20.96, "CNN": 18.45, "deep LSTM": 16.14},
    "FD002": {"SVR": 42.00, "CNN": 30.29, "deep LSTM": 24.49},
    "FD003": {"SVR": 21.05, "CNN": 19.82, "deep LSTM": 16.18},
    "FD004": {"SVR": 45.35, "CNN": 29.16, "deep LSTM": 28.17},
}
TARGETED = "FD001"
NEEDED = {"rmse": 10.5, "us_per_row": 20.0}
ROWS = 1024


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line. The seeds shuffle the engines into folds."""

    data: Path | None = None
    seeds: str = "1,2,3"


def run(options: Options) -> dict[str, Any]:
    """Run the cross-validation; print the figures and return them.

    Raises
    ------
    UsageError
        If no data is given, or a seed is not a number.
    ExpectationError
        If a figure misses the project's target.
    """
    if options.data is None:
        raise UsageError(f"bench turbofan needs --data: NASA's {FILE}, or another of its parts")
    try:
        seeds = [int(text) for text in options.seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes numbers with commas, not {options.seeds!r}") from None
    engines, part = read_engines(options.data), part_of(options.data)
    began = time.process_time()
    judged = [judge(engines, seed) for seed in seeds]
    figures = measure(engines, judged)
    figures["minutes"] = (time.process_time() - began) / 60
    figures |= costs(engines)
    _print(engines, part, seeds, figures)
    needed = NEEDED if part == TARGETED else {}
    reached = {"rmse": figures["rmse"].value, "us_per_row": figures["us_per_row"]}
    short = [f"{name} {reached[name]:.4g}" for name, most in needed.items() if reached[name] > most]
    if short:
        raise ExpectationError(f"targets missed: {', '.join(short)}")
    plain = {k: asdict(v) if isinstance(v, Interval) else v for k, v in figures.items()}
    return {
        "part": part,
        "figures": plain,
        "needed": needed,
        "published_on_the_test_set": PUBLISHED.get(part, {}),
    }


def measure(engines: Engines, judged: list[Judged]) -> dict[str, Any]:
    """Compute the figures: each the mean over the seeds, with an interval over the engines.

    Errors of the remaining life come twice: against the life capped at :data:`CAP` cycles, which
    the model is fitted to, and against the true life (``..._uncapped``). The model never says more
    than the cap, so every long life is an error of the second kind.
    """
    remaining, group = engines.remaining, engines.engine
    fails = (remaining <= HORIZON).astype(np.float64)
    wearing = (remaining <= CAP).astype(np.float64)
    figures: dict[str, Any] = {}
    for how, target in (("", np.minimum(remaining, CAP)), ("_uncapped", remaining)):
        rmse = partial(_rmse, target, group)
        figures |= {
            f"rmse{how}": rmse([j.life for j in judged]),
            f"rmse_by_seed{how}": [
                _root((j.life - target) ** 2, np.ones(len(target))) for j in judged
            ],
            f"rmse_while_wearing{how}": rmse([j.life for j in judged], wearing),
            f"rmse_cut_off{how}": interval(
                per_draw(partial(_cut, judged, target)), group, draws=400
            ),
            f"rmse_age{how}": rmse([j.age_life for j in judged]),
            f"rmse_mean{how}": rmse([np.full(len(target), target.mean())]),
        }
    return figures | {
        "failure": _ranked([j.chance for j in judged], fails, group),
        "failure_age": _ranked([j.age_chance for j in judged], fails, group),
        "prevalence": float(fails.mean()),
    }


def _rmse(target: Floats, group: Ints, said: list[Floats], where: Floats | float = 1.0) -> Interval:
    errors = [(s - target) ** 2 for s in said]
    return interval(
        mean_of([per_draw(partial(_weighed, e, where)) for e in errors]), group, draws=400
    )


def _cut(judged: list[Judged], target: Floats, w: Floats) -> float:
    """Return the error at the truncations, the mean over rounds and seeds."""
    return float(np.mean([_root((s - target[r]) ** 2, w[r]) for j in judged for r, s in j.cut]))


def _root(squares: Floats, weight: Floats) -> float:
    return float(np.sqrt(np.average(squares, weights=weight)))


def _weighed(squares: Floats, where: Floats | float, weight: Floats) -> float:
    return _root(squares, weight * where)


def _ranked(chances: list[Floats], fails: Floats, group: Ints) -> dict[str, Interval]:
    """Compute the figures of probabilities: sharpness, calibration and ranking."""
    labels = fails.astype(np.int64)
    figures: dict[str, Callable[[Floats], Weighted]] = {
        "brier": lambda c: per_draw(lambda w: float(np.average((c - fails) ** 2, weights=w))),
        "ece": lambda c: calibration_error(labels, c),
        "auc": lambda c: auc(labels, c),
        "average_precision": lambda c: average_precision(labels, c),
    }
    return {
        name: interval(mean_of([figure(c) for c in chances]), group, draws=400)
        for name, figure in figures.items()
    }


def costs(engines: Engines) -> dict[str, float]:
    """Time the models at 1,024 rows a call, and the features of as many readings of all engines.

    One thread; the best of several rounds.
    """
    from threadpoolctl import threadpool_limits

    measure = define(engines)
    X = features(measure, engines)
    prognosis = Prognosis.fit(X, engines.remaining, engines.engine, cap=CAP, horizon=HORIZON)
    rows = X[:: len(X) // ROWS][:ROWS]
    order = np.lexsort((engines.engine, engines.cycle))[-4 * ROWS :]
    state = SensorState(measure.definition)
    batches = [take(engines, order[at : at + ROWS]) for at in range(0, len(order), ROWS)]
    with threadpool_limits(1):
        return {
            "us_per_row": _best(lambda: (prognosis.remaining(rows), prognosis.fails(rows))),
            "us_per_row_life": _best(lambda: prognosis.remaining(rows)),
            "us_per_reading": _best(
                lambda: [state.update(b.engine, measure.deviations(b)) for b in batches]
            )
            / len(batches),
        }


def _best(work: Callable[[], object]) -> float:
    """Return microseconds of processor time per row, which other work disturbs little."""
    found = []
    for _ in range(20):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found) / ROWS * 1e6


def _print(engines: Engines, part: str, seeds: list[int], f: dict[str, Any]) -> None:
    conditions = len(np.unique(engines.condition))
    click.echo(
        f"{part or 'unnamed part'}: {len(np.unique(engines.engine))} engines, "
        f"{len(engines.engine):,} cycles, operating conditions: {conditions}; "
        f"{FOLDS} folds over engines, shuffled by {len(seeds)} seeds; 95 % over engines\n\n"
        f"{'remaining life, cycles (RMSE)':46}{f'capped at {CAP:.0f}':>26}{'not capped':>26}"
    )
    lines = {
        "this model, every cycle": "rmse",
        f"  of the last {CAP:.0f} cycles alone": "rmse_while_wearing",
        f"this model, engines cut off ({CUTS} times each)": "rmse_cut_off",
        "the engine's age alone": "rmse_age",
        "always the mean": "rmse_mean",
    }
    for line, name in lines.items():
        click.echo(f"{line:46}{f[name]!s:>26}{f[f'{name}_uncapped']!s:>26}")
    seeds_of = (", ".join(f"{r:.2f}" for r in f[f"rmse_by_seed{how}"]) for how in ("", "_uncapped"))
    click.echo(f"{'by seed':46}" + "".join(f"{text:>26}" for text in seeds_of))
    told = ", ".join(f"{name} {value}" for name, value in PUBLISHED.get(part, {}).items())
    if told:
        click.echo(
            f"published: {told}. Of another protocol: they are of the official test set, other "
            "engines, each cut off once."
        )
    click.echo(f"\nfailure within {HORIZON:.0f} cycles ({f['prevalence']:.1%} of cycles)")
    share = f["prevalence"]
    constant = {"brier": share * (1 - share), "ece": 0.0, "auc": 0.5, "average_precision": share}
    click.echo(f"{'':20}{'this model':>28}{'age alone':>28}{'prevalence':>14}")
    for name, value in constant.items():
        own, age = f["failure"][name], f["failure_age"][name]
        click.echo(f"{name:20}{own!s:>28}{age!s:>28}{value:>14.4f}")
    click.echo(
        "(a resampled calibration error is too large: its interval is a bound from above)"
        f"\n\n{f['us_per_row']:.1f} microseconds a row for both models at {ROWS:,} rows, "
        f"{f['us_per_row_life']:.1f} of them for the life; {f['us_per_reading']:.1f} for the "
        f"features of a reading; {f['minutes']:.1f} minutes of processor to fit and judge"
    )
