"""``streamsim bench``: measure, and say so."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamsim.streams.errors import UsageError

BENCHMARKS: Mapping[str, str] = {
    "handbook": "real card transactions through the stack, by the handbook's protocol",
    "model": "a model on unseen worlds: its scores, its chances, and what it estimates",
    "alerts": "precision and recall of alerts on unseen worlds, and false alerts without fraud",
    "readmission": "readmission within 30 days on real encounters, and the notes' path by itself",
    "cdnow": "who buys again, on real customers: retail's features against BG/NBD",
    "faults": "faults of every kind under load: lost, doubled, time to recover",
    "movielens": "recommendations on MovieLens: nDCG as published, and hits in order of time",
    "compare": "the same job by this driver, by stock Faust and by a loop without a framework",
    "renewal": "what a model gains that is renewed from the stream, on unseen worlds",
    "latency": "how long a live event takes to its score, at a rate",
    "recovery": "how long a worker takes to take over the state of many keys, and its memory",
    "durability": "what it costs to write the state down: events per second with and without",
    "turbofan": "remaining life and failure of NASA's engines, by cross-validation over engines",
    "slates": "what variety costs recommendations: hits, unlikeness, titles shown, rows per second",
    "throughput": "events per second of one worker, and where its time goes",
    "users": "recommendations to many users over processes: users per second, and what two gain",
}
"""What each module of ``streamsim.benchmarks`` that has a ``run`` measures.

They are listed here so that the command line need not import them to name them."""


def run_bench(*, name: str, report: Path | None, **options: Any) -> None:
    """Run a benchmark and keep its report.

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
        import orjson  # only the names above are needed by most commands

        report.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
