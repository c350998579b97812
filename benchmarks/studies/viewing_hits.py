"""Hit rates of recommendations in order of time: a hit if the next title is among the ten.

Intervals are by bootstrap over users, as the events of one user are not independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.model_training import training_data
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.technology.co_views import CoViews
from streamsim.streams.domains.technology.model import slate_hits
from streamsim.streams.domains.technology.recommender import SlateClassifier
from streamsim.streams.domains.technology.recommending import ItemWeights
from streamsim.streams.domains.technology.viewings import Viewings
from streamsim.streams.events import Floats, Ints
from streamsim.streams.seeds import stream

K = 10
BATCH = 1_000
"""Events that are learnt at once before the weights are solved again."""
TUNED = 20_000
"""Number of first events, which choose the half-life and are not in the figures."""
HALF_LIVES = (None, 20.0, 5.0)
DRAWS = 2_000


def streamed(path: Path) -> dict[str, Any]:
    """Stream a file of viewings, learn from its first half, and recommend in the second.

    The rows, and what is known of a user at each, are those of the domain's pipeline. The weights
    stay as they are after the first half.
    """
    spec = load_domain("technology")
    data = training_data(spec, file_slices(spec, path))
    order: Ints = np.argsort(data.times, kind="stable")
    data, half = data.take(order), len(order) // 2
    model = spec.model.recipe.build(0)
    model.fit(data.features[:half], data.labels[:half])
    assert isinstance(model, SlateClassifier)
    rest, played = data.features[half:], data.labels[half:]
    _, user = np.unique(data.entities[half:].astype(str), return_inverse=True)
    ours = slate_hits(model.recommend(rest)[1], played).astype(np.float64)
    popular = slate_hits(model.popular(rest), played).astype(np.float64)
    return {
        "events": len(user),
        "ours": _share(ours, user),
        "popular": _share(popular, user),
        "gain": _share(ours - popular, user),
    }


def in_time(seen: Viewings) -> dict[str, Any]:
    """Recommend before every event and learn it after; the first events choose the half-life."""
    order = np.lexsort((seen.item, seen.user, seen.time))
    events = Viewings(
        seen.user[order], seen.item[order], seen.time[order], seen.users, seen.item_ids
    )
    early = {h: _hits(events, h, TUNED)[0].mean() for h in HALF_LIVES}
    half_life = max(HALF_LIVES, key=lambda h: early[h])
    ours, popular = _hits(events, half_life, len(order))
    user = events.user[TUNED:]
    return {
        "half_life": half_life,
        "events": len(user),
        "ours": _share(ours[TUNED:], user),
        "popular": _share(popular[TUNED:], user),
    }


def _hits(events: Viewings, half_life: float | None, until: int) -> tuple[Floats, Floats]:
    """Return for each event whether its title was recommended: by the model, and by popularity."""
    known = CoViews.empty(events.items)
    ours, popular = np.zeros(until), np.zeros(until)
    for batch, before, histories, learnt in _batches(events, until):
        title = events.item[batch, None]
        weights = known.solve()
        for hits, model in ((ours, weights), (popular, ItemWeights.none(weights.popularity))):
            items, _ = model.recommend(before, K, half_life=half_life)
            hits[batch] = (items == title).any(axis=1)
        known.update(histories, learnt)
    return ours, popular


def _batches(
    events: Viewings, until: int
) -> Iterator[tuple[slice, list[Ints], list[Ints], list[Ints]]]:
    """Yield batches of events, with their users' titles.

    With each slice of events come, per event, its user's earlier titles (those of the same second
    do not count), and, per user, the titles learnt so far and the titles to learn.
    """
    seen = events.histories()
    time = np.split(
        events.time[np.argsort(events.user, kind="stable")],
        np.cumsum(np.bincount(events.user, minlength=events.users))[:-1],
    )
    learnt = np.zeros(events.users, np.int64)
    for start in range(0, until, BATCH):
        batch = slice(start, min(start + BATCH, until))
        users, count = np.unique(events.user[batch], return_counts=True)
        before = [
            seen[user][: np.searchsorted(time[user], at)]
            for user, at in zip(events.user[batch], events.time[batch], strict=True)
        ]
        old = [seen[user][: learnt[user]] for user in users]
        learnt[users] += count
        new = [seen[user][len(h) : learnt[user]] for user, h in zip(users, old, strict=True)]
        yield batch, before, old, new


def _share(hits: Floats, user: Ints) -> dict[str, float]:
    """Return the share of hits with its 95 % interval, by bootstrap over users.

    The events of one user are not independent.
    """
    per_user = np.bincount(user, hits), np.bincount(user).astype(np.float64)
    users = len(per_user[0])
    drawn = stream(0, "bootstrap").multinomial(users, np.full(users, 1 / users), size=DRAWS)
    shares = (drawn @ per_user[0]) / (drawn @ per_user[1])
    low, high = np.quantile(shares, (0.025, 0.975))
    return {"rate": float(hits.mean()), "low": float(low), "high": float(high)}
