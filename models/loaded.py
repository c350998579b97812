"""Model versions that the service holds in memory, and scoring with them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from streamsim.models.registry import Registry
from streamsim.streams.answers import Answers, Estimating, Recommender, answers, scores_of
from streamsim.streams.errors import BadRequest, ModelError
from streamsim.streams.events import Floats, Matrix
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Estimator
from streamsim.streams.spec.renewals import champion_of, version_order


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version, ready to score."""

    estimator: Estimator
    signature: Signature

    def score(self, rows: Matrix) -> Floats:
        """Return the probability of the positive class, shape ``(n_rows,)``."""
        return scores_of(self.answer(rows))

    def answer(self, rows: Matrix) -> Answers:
        """Return the scores, with the model's estimates and slate items if it has any."""
        return answer(self.estimator, rows)


def answer(estimator: Estimator, rows: Matrix) -> Answers:
    """Ask an estimator for its answers to rows of features."""
    numbers = estimator.estimate(rows) if isinstance(estimator, Estimating) else None
    if isinstance(estimator, Recommender):
        return answers(*estimator.recommend(rows), numbers)
    return answers(np.ascontiguousarray(estimator.predict_proba(rows)[:, 1]), None, numbers)


KEPT = 8
"""Most renewed versions of a model in memory; others are read again on request."""


class Shelf:
    """Loaded versions by model; safe for several threads.

    A version stays until it is unloaded, even if another one becomes champion: events of an earlier
    time may still need it.

    Parameters
    ----------
    renewed
        Registry of the versions that a run makes of the champions. They are loaded on request, so a
        restarted service has all of them.
    try_first
        Called before a released version is loaded; raises :class:`ModelError` if it must not be.
    """

    def __init__(
        self,
        registry: Registry,
        renewed: Registry | None = None,
        try_first: Callable[[Registry, str, str], None] = lambda registry, model, version: None,
    ) -> None:
        self.registry, self._renewed, self._try = registry, renewed, try_first
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._loaded: dict[str, dict[str, Loaded]] = {}
        self._default: dict[str, str] = {}

    def load(self, model: str, version: str | None = None) -> Signature:
        """Load a version, by default the champion, and make it the default version.

        Raises
        ------
        ModelError
            If there is no such version, or it is not safe to load.
        """
        version = version or self.registry.champion(model)
        if version is None:
            raise ModelError(f"{model} has no champion in {self.registry.root}")
        with self._loading:
            # An event may have asked for a renewed version before.
            found = None if champion_of(version) == version else self._find(model, version)
            loaded = found or self._load(model, version)
        with self._lock:
            self._default[model] = version
        return loaded.signature

    def _load(self, model: str, version: str) -> Loaded:
        """Load a version; drop the least recently used of the renewed ones."""
        is_renewed = champion_of(version) != version
        registry = self._renewed if is_renewed and self._renewed is not None else self.registry
        if not is_renewed:
            self._try(registry, model, version)
        loaded = Loaded(*registry.load(model, version, lambda: self._champion(model, version)))
        with self._lock:
            versions = self._loaded.setdefault(model, {})
            versions[version] = loaded
            renewed = [name for name in versions if champion_of(name) != name]
            for name in renewed[:-KEPT]:
                if name != self._default.get(model):
                    del versions[name]
        return loaded

    def _champion(self, model: str, version: str) -> Estimator:
        """Return the champion that a renewed version was made from, which is mostly loaded."""
        champion = champion_of(version)
        found = self._find(model, champion)
        return self.registry.load(model, champion)[0] if found is None else found.estimator

    def unload(self, model: str) -> None:
        """Drop all versions of a model."""
        with self._lock:
            if self._loaded.pop(model, None) is None:
                raise BadRequest(f"model {model[:100]!r} is not loaded", 404)
            self._default.pop(model)

    def get(self, model: str, version: str | None = None) -> Loaded:
        """Return a loaded version, by default the one that was loaded last.

        Raises
        ------
        BadRequest
            With status 404, if it is not loaded.
        """
        found = self._find(model, version)
        if found is None and version is not None and self._renewed is not None:
            with self._loading:  # another thread may have loaded it meanwhile
                found = self._find(model, version)
                if found is None and model in self._loaded and champion_of(version) != version:
                    with suppress(ModelError):
                        found = self._load(model, version)
        if found is None:
            what = f"model {model[:100]!r}"
            what += f" version {version[:100]!r}" if version else ""
            raise BadRequest(f"{what} is not loaded", 404)
        return found

    def _find(self, model: str, version: str | None) -> Loaded | None:
        with self._lock:
            versions = self._loaded.get(model, {})
            chosen = self._default.get(model, "") if version is None else version
            found = versions.pop(chosen, None)
            if found is not None:
                versions[chosen] = found  # moved to the end: the most recently used
            return found

    def only(self) -> Loaded:
        """Return the default version of the only model; :class:`BadRequest` if there are more."""
        with self._lock:
            names = list(self._default)
        if len(names) != 1:
            raise BadRequest(f"say which 'model': {', '.join(names) or 'none is loaded'}")
        return self.get(names[0])

    def versions(self, model: str) -> list[str]:
        """Return the loaded versions of a model."""
        with self._lock:
            return sorted(self._loaded.get(model, {}), key=version_order)
