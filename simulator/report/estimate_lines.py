"""The metric before its labels are there, in the report of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamsim.consumers.monitor.estimation.estimated_window import why_no_estimate
from streamsim.simulator.report.ledger import Ledger
from streamsim.streams.spec import DomainSpec


def estimated(spec: DomainSpec, ledger: Ledger) -> Mapping[str, Any]:
    """Return the latest estimate of the metric, or why there is none."""
    why = why_no_estimate(spec)
    if why is not None or ledger.estimate is None:
        return {"value": None, "why": why or "no labels are known yet that it could rest on"}
    return ledger.estimate


def before_labels(own: Mapping[str, Any]) -> list[str]:
    """Say what the metric is estimated at before its labels are there.

    >>> before_labels({"value": 0.4212, "metric": "roc_auc", "until": "2025-02-08T00:00:00.000Z",
    ...     "labelled": 0.8, "labelled_until": "2025-02-01T00:00:00.000Z", "mean_error": 0.031,
    ...     "judged": 20})  # doctest: +NORMALIZE_WHITESPACE
    ['  estimated  roc_auc 0.421 up to 2025-02-08, 0.800 by labels up to 2025-02-01; the last 20
     estimates were off by 0.031 on average']
    >>> before_labels({"value": None, "why": "its model is renewed by the clock"})
    ['  estimated  none: its model is renewed by the clock']
    """
    if own["value"] is None:
        return [f"  estimated  none: {own['why']}"]
    off = "none is judged yet"
    if own["mean_error"] is not None:
        off = f"the last {own['judged']} estimates were off by {own['mean_error']:.3f} on average"
    return [
        f"  estimated  {own['metric']} {own['value']:.3f} up to {own['until'][:10]}, "
        f"{own['labelled']:.3f} by labels up to {own['labelled_until'][:10]}; {off}"
    ]
