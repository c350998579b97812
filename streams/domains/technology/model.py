"""Technology: recipe of the recommender, and the alert about users whose engagement drops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamsim.streams.events import Floats, Ints, Mask, Matrix
from streamsim.streams.spec import DAY, AlertRule, Estimator, Grouped, Planted, Recipe, Slate

from .features import FEATURES, OFFERED, cold_start
from .history import TITLES
from .recommender import SlateClassifier

SHOWN = 10
"""Titles on a slate."""
DIVERSITY = 0.3
"""Chosen for half a genre more per slate, at a hit rate within the interval of the best."""
REGULAR = 8
"""Least titles that a regular user has begun in 28 days."""
LEAVES = 0.6
"""Mean share watched of the last few titles at or below which a user is losing interest."""

_COLUMN = {name: i for i, name in enumerate(FEATURES.names)}


def build(seed: int) -> Estimator:
    """Return an unfitted recommender with a gradient-boosted classifier of its slates."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    classifier = HistGradientBoostingClassifier(
        max_iter=120,
        learning_rate=0.05,
        max_leaf_nodes=10,
        min_samples_leaf=150,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=seed,
    )
    return SlateClassifier(
        TITLES, _COLUMN[OFFERED], classifier, size=SHOWN, diversity=DIVERSITY, seed=seed
    )


def slate_hits(items: Ints, labels: Ints) -> Ints:
    """Return 1 where the next watched title is on the slate, else 0, also if there is none."""
    found: Mask = (items == labels[:, None]).any(axis=1) & (labels > 0)
    return found.astype(np.int64)


def missing(scores: Floats) -> Floats:
    """Return the probability that no title of the slate is watched next."""
    return np.round(1.0 - scores, 6)


def is_fading(features: Matrix) -> Mask:
    """Return which regular users no longer finish the titles that they begin."""
    column = {name: features[:, place] for name, place in _COLUMN.items()}
    fading: Mask = (column["plays_28d"] >= REGULAR) & (column["watched_fast"] <= LEAVES)
    return fading


def sentence(facts: Mapping[str, Any]) -> str:
    """Return what was seen: the event after which no recommended title is likely watched."""
    title = f" of title {facts['title_no']}" if facts["title_no"] else ""
    return f"{facts['action']}{title} ({facts['origin'] or 'found somewhere'})"


SLATE = Slate(size=SHOWN, verdict=slate_hits, cold_start=cold_start)

RECIPE = Recipe(
    name="technology-next",
    build=build,
    metric="roc_auc",
    max_false_alerts=2e-3,
    days=50,
    ordinary_days=50,
    # The catalogue of two months ago: later titles are new to the model, as they would be.
    world={"users": 700, "changes": 3.0, "months_ago": 2.0},
    ordinary={"users": 500, "changes": 0.0, "defects": 0.0, "months_ago": 2.0},
    seed=1_000_003,
    trusted=(f"{SlateClassifier.__module__}.SlateClassifier",),
)

ENGAGEMENT = AlertRule(
    name="engagement_drop",
    formula=(
        "alert if a user who began at least eight titles in 28 days, and has watched no more than "
        "60 % of the last few, is as unlikely to watch one that is recommended within a day as "
        "the model was released with"
    ),
    noun="user",
    facts=("title_no", "action", "origin", "device"),
    sentence=sentence,
    critical=0.93,
    about=0,
    risk=missing,
    eligible=is_fading,
    cooldown=7 * DAY,
    planted=Planted.SPANS,
    kinds=("drifting_away",),
    group="title_no",
    grouped=Grouped(within=DAY, least=5),
)
