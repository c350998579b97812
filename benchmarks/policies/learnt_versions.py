"""Versions of a domain's model, each fitted on demand to what was known at a time of the grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streamsim.benchmarks.policies.grid_steps import Grid
from streamsim.benchmarks.policies.stream_rows import StreamRows
from streamsim.models import fitting
from streamsim.models.adapting.challenger import fit_again, judged, split, too_few
from streamsim.models.adapting.gate_verdict import judge
from streamsim.models.adapting.gates import (
    Judged,
    has_brier,
    is_better,
    is_calibrated,
    metric_of,
)
from streamsim.models.labelled import Labelled
from streamsim.streams.errors import ModelError
from streamsim.streams.events import Floats, Ints, Mask
from streamsim.streams.spec import Adaptation, DomainSpec, Estimator
from streamsim.streams.statistics.reference_profile import Reference

EVER = np.iinfo(np.int64).min
PROFILED = 5_000
"""Most rows of a reference."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a version learnt.

    Attributes
    ----------
    step
        The time of the grid at which it learnt.
    since
        It learnt no earlier event (ms).
    held
        Whether it left out the latest events, on which the gates judge it.
    """

    step: int
    since: int = int(EVER)
    held: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """Answers of a version to the judged rows, and what was true of them.

    Rows before the version's own period have NaN and -1.
    """

    scores: Floats
    truth: Ints


class Versions(Protocol):
    """Learns versions, and remembers them."""

    def said(self, version: Version) -> Said:
        """Return a version's answers to the judged rows."""
        ...

    def is_better(self, version: Version, champion: Version) -> bool:
        """Say whether a version that held out the latest events passes the gates on them."""
        ...

    def reference(self, version: Version) -> Reference:
        """Return how the features were distributed that a version learnt."""
        ...


class LearntVersions:
    """Versions by the domain's recipe, the first one by all of it, later ones as challengers.

    Parameters
    ----------
    say
        Called with a line for each version that is fitted.
    """

    def __init__(
        self,
        spec: DomainSpec,
        rows: StreamRows,
        grid: Grid,
        adaptation: Adaptation,
        seed: int = 0,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._spec, self._rows, self._grid = spec, rows, grid
        self._adaptation, self._seed, self._say = adaptation, seed, say
        self._segment = grid.segment(rows.data.times)
        self._models: dict[Version, Estimator] = {}
        self._said: dict[Version, Said] = {}
        self._better: dict[tuple[Version, Version], bool] = {}
        self._dropped: tuple[str, ...] | None = None

    def said(self, version: Version) -> Said:
        """See :class:`Versions`.

        Raises
        ------
        ModelError
            If there is too little to learn from.
        """
        if version not in self._said:
            segment = self._segment[self._segment >= 0]
            scores, truth = np.full(len(segment), np.nan), np.full(len(segment), -1, np.int64)
            later = segment >= version.step
            own = self._answers(version, self._segment >= max(version.step, 0))
            scores[later], truth[later] = own.scores, own.truth
            self._said[version] = Said(scores, truth)
        return self._said[version]

    def is_better(self, version: Version, champion: Version) -> bool:
        """See :class:`Versions`. Of the gates it takes those about answers.

        Events that the champion has learnt are no judge of it, and are left out.
        """
        pair = version, champion
        if pair not in self._better:
            self._better[pair] = self._judged_better(version, champion)
        return self._better[pair]

    def _judged_better(self, version: Version, champion: Version) -> bool:
        rows = self._known(version)
        parts = split(rows.times, self._adaptation.holdout, self._gap)
        if too_few(self._spec, rows, parts, self._adaptation):
            return False
        new = rows.times > self._learnt(champion).times[-1]
        held, margins = rows.take(parts.held & new), self._adaptation.margins
        if not len(held.labels):
            return False
        own, other = (judged(self._spec, self._model(v), held) for v in (version, champion))
        gates = [
            is_better(metric_of(self._spec), own, other, held.entities, margins.better, self._seed),
            is_calibrated(own, other, margins.calibration),
            has_brier(own, other, margins.brier),
        ]
        return judge(gates).better

    def reference(self, version: Version) -> Reference:
        """See :class:`Versions`. The score is left out: it has no reference apart from training."""
        features = self._learnt(version).features
        features = features[:: max(1, len(features) // PROFILED)]
        names = self._spec.features.vector.names
        return Reference.fit(names, features, np.zeros(len(features)))

    @property
    def _gap(self) -> int:
        return self._adaptation.gap_of(self._spec.labels)

    def _known(self, version: Version) -> Labelled:
        """Return the newest rows whose labels were known when a version learnt."""
        places = np.flatnonzero(self._rows.known_before(self._grid.at(version.step), version.since))
        return self._rows.data.take(places[-self._adaptation.most :])

    def _learnt(self, version: Version) -> Labelled:
        rows = self._known(version)
        if not version.held:
            return rows
        return rows.take(split(rows.times, self._adaptation.holdout, self._gap).learnt)

    def _model(self, version: Version) -> Estimator:
        if version not in self._models:
            rows = self._learnt(version)
            if self._spec.model.slate is None and len(np.unique(rows.labels)) < 2:
                raise ModelError(
                    f"{len(rows.labels):,} labelled events of one class: too little to learn from"
                )
            if self._dropped is None:
                picks = self._spec.model.recipe.selection is not None
                self._dropped = fitting.fit(self._spec, rows, self._seed).dropped if picks else ()
            self._models[version] = fit_again(self._spec, rows, self._dropped, self._seed)
            self._say(f"step {version.step}: learnt {len(rows.labels):,} events")
        return self._models[version]

    def _answers(self, version: Version, which: Mask) -> Judged:
        return judged(self._spec, self._model(version), self._rows.data.take(which))
