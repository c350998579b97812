"""Benchmark of repeat purchases within 14 days: retail's features against BG/NBD, on CDNOW.

CDNOW's customers go through retail's own pipeline, purchase by purchase. The recipe is trained on
data up to the end of September 1997, like the published fit of BG/NBD, and tested on later
purchases. BG/NBD is fitted to the same months. At each later purchase it gets its inputs: the
number of the customer's purchases, and the times of the first and the last.

References
----------
Fader, Hardie and Lee (2005), "Counting your customers" the easy way, *Marketing Science* 24.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from streamsim.benchmarks.studies.buying import BgNbd, Purchases, purchases_by
from streamsim.consumers.predict.prepared import Prepared
from streamsim.producers.batches import finale
from streamsim.producers.encode import Written, encode_rows
from streamsim.producers.wire import wire
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.reach import Reach
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import ExpectationError, UsageError
from streamsim.streams.events import Floats, Ints
from streamsim.streams.labels import label_of, read_labels
from streamsim.streams.spec import DAY, HOUR, DomainSpec
from streamsim.streams.spec.world import Slice
from streamsim.streams.statistics.intervals import auc, difference, interval

SPLIT = pd.Timestamp("1997-10-01", tz="UTC")
HORIZON = 14
"""Days within which a repeat purchase counts."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    data: Path | None = None


def run(options: Options) -> dict[str, Any]:
    """Compare both models; print the figures and return them.

    Raises
    ------
    ExpectationError
        If the model is not better than BG/NBD by the lower end of the interval.
    """
    if options.data is None:
        raise UsageError("bench cdnow needs --data: the file transactions.txt of CDNOW")
    spec = load_domain("retail")
    bought = _read(options.data)
    features, entity, time, label = _featurized(spec, bought)
    split = int(SPLIT.timestamp() * 1000)
    learn = time + spec.labels.delay <= split
    judge = time >= split
    model = spec.model.recipe.build(0)
    model.fit(features[learn], label[learn])
    ours = model.predict_proba(features[judge])[:, 1]
    theirs = _bg_nbd(bought, entity[judge], time[judge], split)
    truth, who = label[judge], entity[judge]
    own, baseline = auc(truth, ours), auc(truth, theirs)
    figures = {
        "retail": interval(own, who),
        "bg_nbd": interval(baseline, who),
        "gain": interval(difference(own, baseline), who),
    }
    customers = len(np.unique(who))
    click.echo(
        f"{int(judge.sum()):,} purchases of {customers:,} customers from {SPLIT:%Y-%m-%d} "
        f"on, {truth.mean():.1%} followed by another within {HORIZON} days\n"
        f"ROC AUC (95 % over customers)\n"
        f"  retail's features and recipe  {figures['retail']}\n"
        f"  BG/NBD                        {figures['bg_nbd']}\n"
        f"  difference                    {figures['gain']}"
    )
    if figures["gain"].low <= 0:
        raise ExpectationError("the model is not better than BG/NBD")
    return {name: figure.as_dict() for name, figure in figures.items()}


def _read(path: Path) -> pd.DataFrame:
    names = ["customer", "date", "discs", "dollars"]
    rows = pd.read_csv(path, sep=r"\s+", header=0, names=names)
    day = pd.to_datetime(rows["date"].astype(str), format="%Y%m%d", utc=True)
    rows["time"] = day.dt.as_unit("ms").astype("int64") + 12 * HOUR
    # Orders of one day are one visit: their order is unknown.
    kept = rows.groupby(["customer", "time"], as_index=False).agg({"dollars": "sum"})
    return kept.sort_values(["time", "customer"], ignore_index=True)


def _slices(spec: DomainSpec, bought: pd.DataFrame) -> Iterator[Slice]:
    tills = spec.trigger
    for time, rows in bought.groupby("time", sort=True):
        customer = rows["customer"].astype(str)
        frame = pd.DataFrame(
            {
                "event_id": customer + f"-{time}",
                "event_time": rows["time"],
                "household_id": customer,
                "vendor": "cdnow",
                "store_id": "cdnow",
                "basket_id": customer + f"-{time}",
                "line_no": 1,
                "product_id": "discs",
                "amount_cents": (rows["dollars"] * 100).round().astype("int64"),
                "discount_cents": 0,
            }
        )
        emission = encode_rows(tills, frame, Written(lambda row: b""))
        yield Slice(int(str(time)) + 12 * HOUR, (emission,))


def _featurized(
    spec: DomainSpec, bought: pd.DataFrame
) -> tuple[np.ndarray[Any, np.dtype[np.float32]], Ints, Ints, Ints]:
    """Return features, customers, times and labels of the purchases whose label is known."""
    made: list[Prepared] = []
    said: list[bytes] = []

    def noted(slices: Iterator[Slice]) -> Iterator[Slice]:
        for piece in slices:
            for emission in piece.emissions:
                if emission.source == "outcomes":
                    said.extend(emission.values)
            yield piece

    slices = noted(Reach().with_context(spec, _slices(spec, bought)))
    domain = InProcess(spec, watch=made.append)
    batches = list(wire(spec, slices))
    batches.append(finale(spec, batches[-1].latest()))
    for _ in domain.run(as_records(spec, batches)):
        pass
    ids = [i for p in made for i in p.events.event_id]
    label, known = label_of(spec.labels, read_labels(spec.labels, said), ids)
    entity = np.array([int(who) for p in made for who in p.events.entity])
    time = np.concatenate([p.events.event_time for p in made])
    features = np.concatenate([p.features for p in made])
    return features[known], entity[known], time[known], label[known]


def _bg_nbd(bought: pd.DataFrame, who: Ints, when: Ints, split: int) -> Floats:
    """Return BG/NBD's probability of another purchase after each of these."""
    customer, time = bought["customer"].to_numpy(), bought["time"].to_numpy() / DAY
    fitted = BgNbd.fit(purchases_by(customer, time, split / DAY))
    order = np.lexsort((time, customer))
    customer, time = customer[order], time[order]
    first = np.searchsorted(customer, customer)
    rows = zip(customer.tolist(), time.tolist(), strict=True)
    place = {row: i for i, row in enumerate(rows)}
    at = np.array([place[c, t / DAY] for c, t in zip(who.tolist(), when.tolist(), strict=True)])
    repeats = (at - first[at]).astype(np.float64)
    recency = time[at] - time[first[at]]
    return fitted.buys_within(Purchases(repeats, recency, recency), float(HORIZON))
