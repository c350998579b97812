"""Slates on request: recommendations for an entity, by its newest row of features."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from streamsim.models.loaded import Loaded
from streamsim.models.newest_rows import Row
from streamsim.streams.answers import Chooser, Recommender
from streamsim.streams.codec import format_times
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.errors import BadRequest, ModelError
from streamsim.streams.events import Matrix
from streamsim.streams.settings import EMBEDDED, check_address
from streamsim.streams.spec import DomainSpec, Slate
from streamsim.streams.stored.snapshot_files import rows_file

if TYPE_CHECKING:
    from streamsim.models.score_follower import ScoreFollower

MOST_ITEMS = 100
LONGEST = 200
"""Most characters of an entity's name."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Options of a request; ``None`` for the model's default."""

    size: int | None = None
    diversity: float | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Wish:
        """Read ``k`` and ``diversity``; :class:`BadRequest` if one is out of bounds.

        >>> Wish.read({"k": "3", "diversity": "0.2"})
        Wish(size=3, diversity=0.2)
        """
        if unknown := query.keys() - {"model", "k", "diversity"}:
            raise BadRequest(f"no {sorted(unknown)[0][:100]!r} here, only model, k and diversity")
        size = query.get("k")
        if size is not None and not (size.isascii() and size.isdecimal() and len(size) < 6
                                     and 1 <= int(size) <= MOST_ITEMS):  # fmt: skip
            raise BadRequest(f"'k' is a whole number from 1 to {MOST_ITEMS}")
        return cls(None if size is None else int(size), _share(query.get("diversity")))


def _share(text: str | None) -> float | None:
    try:
        value = None if text is None else float(text)
    except ValueError:
        value = math.nan
    if value is not None and not 0 <= value <= 1:
        raise BadRequest("'diversity' is a number from 0 to 1")
    return value


def slates_of(
    models: Collection[str], broker: str, snapshots: Path | None = None
) -> dict[str, Slates]:
    """Start to follow the scores of the models that have slates on request.

    Parameters
    ----------
    broker
        ``HOST:PORT``, or ``embedded`` if there is no broker to follow.
    snapshots
        Folder in which the newest rows are kept; without one they are read from all scores.

    Raises
    ------
    UsageError
        If ``broker`` is not an address.
    """
    check_address(broker)
    found = {}
    for spec in map(load_domain, domain_names()):
        if spec.model.recipe.name in models and spec.model.slate is not None and spec.recommends:
            kept = None if snapshots is None else rows_file(snapshots, spec)
            follower = None if broker == EMBEDDED else _follow(spec, broker, kept)
            found[spec.model.recipe.name] = Slates(spec, spec.model.slate, follower)
    return found


def _follow(spec: DomainSpec, broker: str, kept: Path | None) -> ScoreFollower:
    from streamsim.models.score_follower import ScoreFollower  # the Kafka client loads slowly

    follower = ScoreFollower(spec, broker, kept)
    follower.start()
    return follower


class Slates:
    """The slates of one model.

    Parameters
    ----------
    follower
        Has the newest row of each entity; ``None`` if the broker's address is not given.
    """

    def __init__(self, spec: DomainSpec, slate: Slate, follower: ScoreFollower | None) -> None:
        self._spec, self._slate, self._follower = spec, slate, follower

    def answer(self, entity: str, wish: Wish, loaded: Loaded) -> dict[str, Any]:
        """Return the slate of an entity.

        Returns
        -------
        The entity, whether it is ``known``, and the ``items``, the best first; the time of the
        entity's newest event (``event_time``) and of the newest event of all (``as_of``); and the
        ``score`` of the model's default slate, null for a slate with other options.

        Raises
        ------
        BadRequest
            With status 503 while the follower has not reached the end of the scores, if the
            broker's address is not given, or if the model has other features than the scores; with
            404 for an unknown entity, if the domain has no features for strangers; with 400 for
            options that the model does not support.
        """
        noun = self._spec.alerting.rule.noun
        if not entity or len(entity) > LONGEST:
            raise BadRequest(f"a {noun}'s name has 1 to {LONGEST} characters")
        if self._follower is None:
            raise BadRequest(
                f"nothing is known of any {noun}: start the service with --broker HOST:PORT, the "
                "broker of the scores",
                503,
            )
        if not self._follower.is_current():
            raise BadRequest("the service is still reading the scores so far, try again", 503)
        try:
            loaded.signature.check(self._spec)
        except ModelError as error:
            raise BadRequest(str(error), 503) from error
        rows = self._follower.rows
        row, newest = rows.get(entity), rows.newest
        features = self._cold_start(loaded, newest) if row is None else row.features()
        items, score = self._chosen(loaded, features, wish)
        return {
            "model": loaded.signature.model,
            "version": loaded.signature.version,
            self._spec.trigger.key: entity,
            "known": row is not None,
            "event_time": _when(row),
            "as_of": _when(newest),
            "score": score,
            "items": [item for item in items if item > 0],
        }

    def _cold_start(self, loaded: Loaded, newest: Row | None) -> Matrix:
        """Return the features of an unknown entity, at the time of the newest row."""
        if self._slate.cold_start is None:
            raise BadRequest(f"nothing is known of this {self._spec.alerting.rule.noun}", 404)
        usual = np.array([loaded.signature.reference], np.float32)
        return self._slate.cold_start(usual if newest is None else newest.features())

    def _chosen(
        self, loaded: Loaded, features: Matrix, wish: Wish
    ) -> tuple[list[int], float | None]:
        """Return the items, and their score if they are the model's default slate."""
        estimator = loaded.estimator
        assert isinstance(estimator, Recommender)  # the domain has a slate
        if wish.diversity is None and wish.size in (None, self._slate.size):
            scores, items = estimator.recommend(features)
            return items[0].tolist(), round(float(scores[0]), 6)
        if not isinstance(estimator, Chooser):
            raise BadRequest("this model has no other slates: leave out 'k' and 'diversity'")
        return estimator.slates(features, wish.size, wish.diversity)[0].tolist(), None


def _when(row: Row | None) -> str | None:
    return None if row is None else format_times(np.array([row.time]))[0]
