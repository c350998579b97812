"""Benchmark of drift detectors: seeded worlds and real series with known changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from streamsim.benchmarks.drifting.alarm_figures import AlarmFigures, at_random, judge
from streamsim.benchmarks.drifting.contenders import BASELINES, ON_ERRORS, ON_FEATURES, Contender
from streamsim.benchmarks.drifting.known_changes import KnownStream, worlds
from streamsim.streams.errors import SourceError, UsageError

SLOW = "kswin"
Figures = dict[tuple[str, str], tuple[AlarmFigures, AlarmFigures]]
"""Per kind and detector: its figures, and those of as many alarms at random."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line.

    ``detectors`` are words that names contain, with commas; ``real`` takes the real series, too.
    KSWIN takes a third of a millisecond per row, and runs only if it is named.
    """

    seeds: str = "1,2,3,4,5"
    detectors: str = ""
    real: bool = True


def run(options: Options) -> dict[str, Any]:
    """Judge all detectors on all streams; print the tables and return the figures."""
    try:
        seeds = [int(text) for text in options.seeds.split(",")]
    except ValueError:
        raise UsageError(f"--seeds takes numbers with commas, not {options.seeds!r}") from None
    for word in filter(None, options.detectors.split(",")):
        if not any(word.strip() in name for name in (*ON_ERRORS, *ON_FEATURES)):
            raise UsageError(f"no detector has {word!r} in its name")
    streams = [stream for seed in seeds for stream in worlds(seed)]
    skipped = ""
    if options.real:
        from streamsim.benchmarks.drifting.real_series import annotated, planted

        streams += annotated()
        try:
            streams += planted(seeds, click.echo)
        except SourceError as error:
            skipped = str(error)
            click.echo(f"without the real sets: {error}")
    result: dict[str, Any] = {"seeds": seeds, "skipped": skipped}
    for title, contenders in (("errors", ON_ERRORS), ("features", ON_FEATURES)):
        chosen = {**BASELINES, **_chosen(contenders, options.detectors)}
        own = [s for s in streams if title == "errors" or s.reference is not None]
        figures = _judged(chosen, own)
        _print(f"Detectors on {title}", chosen, figures)
        result[title] = {
            kind: {
                name: {**figures[kind, name][0].as_dict(),
                       "at_random": figures[kind, name][1].as_dict()}
                for name in chosen
            }
            for kind in dict.fromkeys(kind for kind, _ in figures)
        }  # fmt: skip
    return result


def _chosen(contenders: Mapping[str, Contender], words: str) -> dict[str, Contender]:
    if not words:
        return {name: own for name, own in contenders.items() if SLOW not in name}
    named = [word.strip() for word in words.split(",")]
    return {n: own for n, own in contenders.items() if any(word in n for word in named)}


def _judged(contenders: Mapping[str, Contender], streams: Iterable[KnownStream]) -> Figures:
    nothing = (AlarmFigures(), AlarmFigures())
    found: Figures = defaultdict(lambda: nothing)
    for seed, stream in enumerate(streams):
        rows = len(stream.errors)
        for name, contender in contenders.items():
            alarms = contender(stream)
            own = judge(alarms, stream.changes, rows, stream.longest)
            chance = at_random(len(alarms), stream.changes, rows, stream.longest, seed)
            # Series of values are no model's errors: they stand apart.
            totals = ("all",) if stream.kind != "annotated" else ()
            for kind in (stream.kind, *totals):
                before = found[kind, name]
                found[kind, name] = before[0] + own, before[1] + chance
    return found


def _print(title: str, contenders: Iterable[str], figures: Figures) -> None:
    kinds = [kind for kind in dict.fromkeys(kind for kind, _ in figures) if kind != "all"]
    click.echo(
        f"\n{title}\n{'':<20}{'changes':>8}{'missed':>8}{'delay':>8}{'false/1,000':>13}"
        f"{'F1':>7}{'random':>8}{'F1 once':>9}{'random':>8}"
    )
    for name in contenders:
        own, chance = figures["all", name]
        click.echo(
            f"{name:<20}{own.changes:>8}{own.missed:>8}{own.delay:>8,.0f}"
            f"{own.false_per_1000:>13.3f}{own.f1:>7.2f}{chance.f1:>8.2f}"
            f"{own.f1_once:>9.2f}{chance.f1_once:>8.2f}"
        )
    click.echo(f"\n{'missed, false':<20}" + "".join(f"{kind:>19}" for kind in kinds))
    for name in contenders:
        parts = (figures[kind, name][0] for kind in kinds)
        shown = (f"{f'{f.missed} of {f.changes}, {f.wrong}':>19}" for f in parts)
        click.echo(f"{name:<20}" + "".join(shown))
