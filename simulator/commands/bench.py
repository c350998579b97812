"""``streamsim bench``: run a benchmark by its name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamsim.streams.errors import UsageError

BENCHMARKS: Mapping[str, str] = {
    "handbook": "real card transactions through the stack, by the handbook's protocol",
    "model": "a model on unseen worlds: its scores, probabilities and estimates",
    "alerts": "precision and recall of alerts on unseen worlds, and false alerts without fraud",
    "readmission": "readmission within 30 days on real encounters, and the notes alone",
    "cdnow": "real customers who buy again: retail's features against BG/NBD",
    "faults": "faults of every kind under load: lost and doubled events, time to recover",
    "movielens": "recommendations on MovieLens: nDCG by the published protocol, and in time order",
    "drift": "detectors of drift on worlds and real series with known changes, beside chance",
    "policies": "when to learn anew: never, always, on alarm, and the best time in hindsight",
    "compare": "the same job in this driver, in stock Faust and in a plain consumer loop",
    "renewal": "gain of a model that is renewed from the stream, on unseen worlds",
    "latency": "time from a live event to its score, at given rates",
    "recovery": "time to restore the state of many keys in a worker, and its memory",
    "durability": "cost of checkpoints: events per second with and without them",
    "turbofan": "remaining life and failure of NASA's engines, by cross-validation over engines",
    "soak": "endurance: memory, files, disk, latency and processor time, minute by minute",
    "slates": "cost of variety in recommendations: hits, dissimilarity, coverage, rows per second",
    "swaps": "versions changed under load while processes are killed: each score by a live version",
    "loop": "the closed loop: a world changes, the model learns anew, and a control does not",
    "throughput": "events per second of a worker, in each domain, and a profile of its time",
    "users": "recommendations to many users: users per second with one process and with two",
}
"""What each module of ``streamsim.benchmarks`` that has a ``run`` measures.

The list is here so that the command line can name them without importing them."""


def run_bench(*, name: str, report: Path | None, **options: Any) -> None:
    """Run a benchmark; write its report to a file if one is given.

    Raises
    ------
    UsageError
        If an option does not belong to the benchmark.
    """
    module = importlib.import_module(f"streamsim.benchmarks.{name}")
    given = {key: value for key, value in options.items() if value is not None}
    try:
        chosen = module.Options(**given)
    except TypeError:
        known = ", ".join(f"--{field}" for field in module.Options.__dataclass_fields__)
        raise UsageError(f"bench {name} takes {known or 'no options'}") from None
    result = module.run(chosen)
    if report is not None:
        import orjson  # other commands need only the names above

        report.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
