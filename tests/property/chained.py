"""The finance domain with a hash chain per card, which depends on the order of all its events.

Its features are those of the domain and the chain, so that any event that is left out, taken twice
or taken in another order changes all scores after it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from streamsim.streams.events import Events, Floats
from streamsim.streams.signature import Signature
from streamsim.streams.spec import HOUR, MINUTE, DomainSpec, EventRule
from streamsim.streams.spec.feature_vector import Aggregates, Arrays
from streamsim.streams.spec.features import Slots, Tracker
from streamsim.streams.spec.feed_watch import FeedWatch
from streamsim.streams.statistics.reference_profile import Reference

FEEDS = FeedWatch(
    "terminal_id",
    "amount_cents",
    bucket=MINUTE,
    same=("card_id",),
    value="amount_cents",
    settle=HOUR,
)
"""Terminals for feeds: what two of them tell of a card within an hour is to be the same."""

LARGE = EventRule(
    name="large_payment",
    formula="alert if a payment is of at least 25 EUR",
    noun="card",
    facts=("amount_cents",),
    condition=lambda events, features: events.integers("amount_cents") >= 2_500,
    sentence=lambda facts: f"{facts['amount_cents'] / 100:.2f} EUR",
    cooldown=HOUR,
)


class Chain:
    """Per card, a checksum of the amounts and times so far, and how many there were."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[int, int]] = {}

    def update(self, slots: Slots, events: Events) -> Arrays:
        found = np.empty((len(slots), 2))
        cents = events.integers("amount_cents").tolist()
        for i, (slot, cent, time) in enumerate(
            zip(slots.tolist(), cents, events.event_time.tolist(), strict=True)
        ):
            chain, count = self._rows.get(slot, (0, 0))
            found[i] = chain % 65_521, count
            self._rows[slot] = zlib.crc32(b"%d %d" % (cent, time), chain), count + 1
        return {"chain": found}

    def snapshot(self, slots: Slots) -> Arrays:
        rows = [self._rows[slot] for slot in slots.tolist()]
        return {
            "chain": np.array([chain for chain, _ in rows], np.uint32),
            "count": np.array([[count, count] for _, count in rows], np.int16).reshape(-1, 2),
        }

    def restore(self, slots: Slots, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        chains, counts = arrays["chain"].tolist(), arrays["count"][:, 0].tolist()
        self._rows.update(zip(slots.tolist(), zip(chains, counts, strict=True), strict=True))


def chained(spec: DomainSpec) -> DomainSpec:
    """Return the domain with a chain."""

    def assemble(events: Events, aggregates: Aggregates) -> Floats:
        chain = aggregates.tracked["chain"]["chain"]
        return np.column_stack([spec.features.vector.assemble(events, aggregates), chain])

    own = {"chain": "checksum of the card's past", "place": "place in the card's chain"}
    vector = replace(
        spec.features.vector,
        names=(*spec.features.vector.names, *own),
        help={**spec.features.vector.help, **own},
        assemble=assemble,
    )
    features = replace(spec.features, vector=vector, trackers=(Tracker("chain", Chain),))
    alerting = replace(spec.alerting, feeds=FEEDS, event_rules=(LARGE,))
    return replace(spec, features=features, alerting=alerting)


def signature(spec: DomainSpec) -> Signature:
    """Return the signature of a model with all features of a domain."""
    names = spec.features.vector.names
    usual = (0.0,) * len(names)
    own = profile(names)
    return Signature("checksum", "1", names, spec.features.fingerprint, 0.7, usual, profile=own)


@cache
def profile(names: tuple[str, ...]) -> Reference:
    """Return the profile of invented training rows."""
    draw = np.random.default_rng(5)
    rows = draw.lognormal(3, 2, (400, len(names))).astype(np.float32)
    return Reference.fit(names, rows, draw.random(400))
