"""Model versions that the service holds in memory, and scoring with them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from streamsim.models.registry import Registry
from streamsim.models.serving.call_limits import CallLimits
from streamsim.models.serving.error_texts import without_values
from streamsim.streams.answers import Answers, Estimating, Recommender, answers, scores_of
from streamsim.streams.errors import BadRequest, ModelError, VersionFails
from streamsim.streams.events import Floats, Matrix
from streamsim.streams.signature import Signature
from streamsim.streams.spec import Estimator
from streamsim.streams.spec.renewals import champion_of, version_order

WARM_ROWS = (1, 1024)
"""Sizes of the batches that a version scores before it is visible."""
SLACK = 1e-7
"""A score may be so far beyond 0 and 1: what is published has six decimals."""
MOST_SAID = 500
"""Most characters that are told of an error that an estimator raises."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version, ready to score.

    Parameters
    ----------
    of_run
        Whether it lies in the run's registry, and so can be read again on request.
    """

    estimator: Estimator
    signature: Signature
    of_run: bool = False

    def score(self, rows: Matrix) -> Floats:
        """Return the probability of the positive class, shape ``(n_rows,)``."""
        return scores_of(self.answer(rows))

    def answer(self, rows: Matrix) -> Answers:
        """Return the scores, with the model's estimates and slate items if it has any."""
        return answer(self.estimator, rows)

    def sound_answer(self, rows: Matrix) -> Answers:
        """Return the same, if it is one finite answer per row, and its score a chance.

        Raises
        ------
        VersionFails
            If it is not, or the estimator raises an error of any kind: it may be of another's
            making.
        """
        try:
            found = self.answer(rows)
        except Exception as error:
            said = without_values(f"{type(error).__name__}: {error}")
            raise VersionFails(said[:MOST_SAID]) from error
        if len(found) != len(rows) or not np.isfinite(found).all():
            raise VersionFails(f"{len(found)} answers to {len(rows)} rows, or not all finite")
        scores = scores_of(found)
        if len(scores) and not -SLACK <= scores.min() <= scores.max() <= 1 + SLACK:
            raise VersionFails("its scores are no chances")
        return found


def answer(estimator: Estimator, rows: Matrix) -> Answers:
    """Ask an estimator for its answers to rows of features."""
    numbers = estimator.estimate(rows) if isinstance(estimator, Estimating) else None
    if isinstance(estimator, Recommender):
        return answers(*estimator.recommend(rows), numbers)
    return answers(np.ascontiguousarray(estimator.predict_proba(rows)[:, 1]), None, numbers)


def warm(loaded: Loaded) -> None:
    """Let a version score its usual row, alone and in a batch: its first call is slow.

    Raises
    ------
    ModelError
        If it fails, or its scores are no chances.
    """
    what = f"{loaded.signature.model} {loaded.signature.version}"
    usual = np.array([loaded.signature.reference], np.float32)
    for size in WARM_ROWS:
        try:
            scores = loaded.score(np.repeat(usual, size, axis=0))
        except Exception as error:  # of any kind: the model may be of another's making
            said = " ".join(repr(error).split())
            raise ModelError(f"{what} does not score its usual row: {said}"[:MOST_SAID]) from None
        if scores.shape != (size,) or not ((scores >= 0) & (scores <= 1)).all():
            raise ModelError(f"{what}: its scores of its usual row are no chances")


KEPT = 8
"""Most versions of a run in memory, by model; others are read again on request."""


class Shelf:
    """Loaded versions by model; safe for several threads.

    A version stays until it is unloaded, even if another one becomes the default: events of an
    earlier time may still need it. A new one is loaded beside it, and is visible once it is ready.
    What :meth:`get` has returned stays whole.

    Parameters
    ----------
    of_run
        Registry of all versions that a run makes or copies. A version is looked up there first, and
        is loaded when it is asked for, so a restarted service has all of them.
    try_first
        Called before a version is loaded; raises :class:`ModelError` if it must not be.
    """

    def __init__(
        self,
        registry: Registry,
        of_run: Registry | None = None,
        try_first: Callable[[Registry, str, str], None] = lambda registry, model, version: None,
    ) -> None:
        self.registry, self._of_run, self._try = registry, of_run, try_first
        self._lock, self._loading = threading.Lock(), CallLimits(working=1)
        self._loaded: dict[str, dict[str, Loaded]] = {}
        self._default: dict[str, str] = {}

    def load(
        self, model: str, version: str | None = None, *, default: bool = True, warmed: bool = True
    ) -> Signature:
        """Load a version, by default the champion.

        Parameters
        ----------
        default
            Whether it becomes the default version.
        warmed
            Whether it first scores a few rows; see :func:`warm`.

        Raises
        ------
        ModelError
            If there is no such version, it is not safe to load, or it fails to score. What was
            loaded stays as it was.
        BadRequest
            With status 503, if too many wait for a version of the model to be loaded.
        """
        version = version or self.registry.champion(model)
        if version is None:
            raise ModelError(f"{model} has no champion in {self.registry.root}")
        with self._loading.call(f"loading of {model}"):
            # An event may have asked for a version of the run before.
            found = self._find(model, version)
            if found is None or not found.of_run:
                found = self._read(model, version, warmed=warmed)
            self._show(model, version, found, default=default)
        return found.signature

    def has(self, model: str, version: str | None) -> bool:
        """Say whether a registry has a version, or by default a champion."""
        try:
            if version is None:
                return self.registry.champion(model) is not None
            return version in self._lying(model, version).versions(model)
        except ModelError:
            return False

    def _lying(self, model: str, version: str) -> Registry:
        """Return the registry in which a version lies, if any does."""
        run = self._of_run
        return run if run is not None and version in run.versions(model) else self.registry

    def _read(self, model: str, version: str, *, warmed: bool) -> Loaded:
        registry = self._lying(model, version)
        self._try(registry, model, version)
        estimator, signature = registry.load(model, version, lambda: self._champion(model, version))
        loaded = Loaded(estimator, signature, registry is self._of_run)
        if warmed:
            warm(loaded)
        return loaded

    def _show(self, model: str, version: str, loaded: Loaded, *, default: bool) -> None:
        """Make a version visible, in one step; drop the least recently used one of the run."""
        with self._lock:
            versions = self._loaded.setdefault(model, {})
            versions.pop(version, None)
            versions[version] = loaded
            if default:
                self._default[model] = version
            of_run = [name for name, own in versions.items() if own.of_run]
            for name in of_run[:-KEPT]:
                if name != self._default.get(model):
                    del versions[name]

    def _champion(self, model: str, version: str) -> Estimator:
        """Return the champion that a renewed version was made from, which is mostly loaded."""
        champion = champion_of(version)
        found = self._find(model, champion)
        if found is not None:
            return found.estimator
        return self._lying(model, champion).load(model, champion)[0]

    def unload(self, model: str, version: str | None = None) -> None:
        """Drop a version of a model, or all of them.

        Raises
        ------
        BadRequest
            With status 404, if it is not loaded; 409, if it answers by default and others would be
            left without a default.
        """
        with self._lock:
            versions = self._loaded.get(model, {})
            if not versions or (version is not None and version not in versions):
                raise _not_loaded(model, version)
            if version is None or len(versions) == 1:
                del self._loaded[model]
                self._default.pop(model, None)
                return
            if version == self._default.get(model):
                raise BadRequest(
                    f"{version} answers for {model} by default: load another version first", 409
                )
            del versions[version]

    def get(self, model: str, version: str | None = None) -> Loaded:
        """Return a loaded version, by default the one that was last loaded as the default.

        Raises
        ------
        BadRequest
            With status 404, if it is not loaded, and does not lie in the run's registry; 503, if
            too many wait for it.
        """
        found = self._find(model, version)
        if found is not None:
            return found
        reason = ""
        if version is not None and self._can_be_read(model, version):
            with self._loading.call(f"loading of {model}"):
                found = self._find(model, version)  # another thread may have loaded it meanwhile
                if found is not None:
                    return found
                try:
                    found = self._read(model, version, warmed=True)
                    self._show(model, version, found, default=False)
                    return found
                except ModelError as error:
                    reason = f": {error}"
        elif version is None and (others := self.versions(model)):
            reason = f" as the default; say which version: {', '.join(others)}"
        raise _not_loaded(model, version, reason)

    def _can_be_read(self, model: str, version: str) -> bool:
        with self._lock:
            is_served = model in self._loaded
        return is_served and self._of_run is not None and version in self._of_run.versions(model)

    def _find(self, model: str, version: str | None) -> Loaded | None:
        with self._lock:
            versions = self._loaded.get(model, {})
            chosen = self._default.get(model, "") if version is None else version
            found = versions.pop(chosen, None)
            if found is not None:
                versions[chosen] = found  # moved to the end: the most recently used
            return found

    def only(self) -> str:
        """Return the name of the only model; :class:`BadRequest` if there are more, or none."""
        names = self.models()
        if len(names) != 1:
            raise BadRequest(f"say which 'model': {', '.join(names) or 'none is loaded'}")
        return names[0]

    def models(self) -> list[str]:
        """Return the names of the models that have a loaded version, sorted."""
        with self._lock:
            return sorted(self._loaded)

    def versions(self, model: str) -> list[str]:
        """Return the loaded versions of a model, oldest first."""
        with self._lock:
            return sorted(self._loaded.get(model, {}), key=version_order)

    def default(self, model: str) -> str | None:
        """Return the version that answers by default, ``None`` if none does."""
        with self._lock:
            return self._default.get(model)


def _not_loaded(model: str, version: str | None, reason: str = "") -> BadRequest:
    what = f"model {model[:100]!r}" + (f" version {version[:100]!r}" if version else "")
    return BadRequest(f"{what} is not loaded{reason}", 404)
