"""The finance domain with a renewed model, whose answers depend on all that it has learnt.

It has no second key: waiting for one would hide whether events wait for their model's version.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from streamsim.streams.events import Events, Floats
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.spec.feature_vector import Aggregates
from streamsim.streams.spec.recipes import Estimator
from streamsim.streams.spec.renewals import Renewal
from tests.property.driving import checksum
from tests.property.logs import AHEAD, LATENESS


class ChecksumModel:
    """A model that scores each row by its bits and by what it has learnt from."""

    def __init__(self, learnt: int = 0) -> None:
        self.learnt = learnt

    def fit(self, X: Any, y: Any) -> Any:
        raise AssertionError("this model is never fitted")

    def predict_proba(self, X: Any) -> Floats:
        scores = (checksum(X) + self.learnt / 2**32) % 1.0
        return np.column_stack([1 - scores, scores])


class Learnt:
    """A checksum of every event, in the order in which they come."""

    def __init__(self, champion: Estimator) -> None:
        assert isinstance(champion, ChecksumModel)
        self.learnt, self.cuts = champion.learnt, 0

    def learn(self, events: Events) -> None:
        self.cuts += 1
        order = list(zip(events.event_time.tolist(), events.event_id.tolist(), strict=True))
        assert order == sorted(order)
        assert set(events.columns) == {"amount_cents"}
        cents = events.integers("amount_cents").tolist()
        for row in zip(order, events.entity.tolist(), cents, strict=True):
            self.learnt = zlib.crc32(repr(row).encode(), self.learnt)

    def renewed(self) -> ChecksumModel:
        return ChecksumModel(self.learnt)

    def snapshot(self) -> dict[str, Any]:
        return {"learnt": np.array([self.learnt, self.cuts])}

    def restore(self, columns: Mapping[str, Any]) -> None:
        self.learnt, self.cuts = columns["learnt"].tolist()


RENEWAL = Renewal(2 * DAY, LATENESS + AHEAD, ("amount_cents",), Learnt)


def renewed(spec: DomainSpec) -> DomainSpec:
    """Return the domain with a model that is renewed."""

    def assemble(events: Events, aggregates: Aggregates) -> Floats:
        past = aggregates.windows[spec.features.windows[0].name]
        return np.column_stack([events.integers("amount_cents"), past.count[:, 0]])

    own = {"amount": "paid (cents)", "before": "payments before"}
    vector = replace(
        spec.features.vector,
        names=tuple(own),
        help=own,
        assemble=assemble,
        groups={"the payment": ("amount",), "the past": ("before",)},
        phrases={},
        unknown={},
    )
    features = replace(spec.features, vector=vector, tables=())
    return replace(spec, model=replace(spec.model, renewal=RENEWAL), features=features)
