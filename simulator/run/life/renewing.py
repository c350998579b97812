"""Renewal of a model from the run's stream: a new version at every cut of event time.

It reads the trigger's topic itself. It never waits for a worker, since workers wait for its
versions. The versions are a function of the topic: after a restart it goes on with what it had
learnt, reads the records since again, and continues after the last version that was announced.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamsim.consumers.predict.learner import Learner
from streamsim.consumers.worker.inbox import to_records
from streamsim.simulator.run.life.domain_life import DomainLife
from streamsim.streams.errors import StackError, StateError, UsageError
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec, Estimator
from streamsim.streams.stored.snapshot_files import (
    Positions,
    learner_file,
    load_snapshot,
    save_snapshot,
)
from streamsim.streams.topics import topic

log = logging.getLogger(__name__)

SAVE_S = 30.0
"""Time between two snapshots of what was learnt."""


class Renewer:
    """Renews the model of one domain.

    Parameters
    ----------
    champion
        The version that renewal starts from, with its estimator.
    snapshots
        Folder of what has been learnt.
    flush
        Waits until all is announced.
    """

    def __init__(
        self,
        spec: DomainSpec,
        life: DomainLife,
        champion: tuple[Estimator, Signature],
        snapshots: Path,
        flush: Callable[[], None],
    ) -> None:
        if spec.model.renewal is None:
            raise UsageError(f"the model of {spec.name} is not renewed")
        self.spec, self._life, self._flush = spec, life, flush
        until = life.schedule.until
        self._learner = Learner(spec, spec.model.renewal, *champion, until)
        self._file = learner_file(snapshots, spec)
        self.starts: Positions = {}
        """Where reading begins, by topic and partition; elsewhere at the beginning."""
        self._restore()
        self._saved_until, self._saved_at = self._learner.learnt_until, time.monotonic()

    @property
    def topic(self) -> str:
        """The topic that the model learns from."""
        return topic(self.spec.name, self.spec.trigger.name)

    def take(self, partition: int, records: Sequence[Any]) -> None:
        """Learn from the fetched records of a partition."""
        fetched = to_records(self.spec.trigger.name, [(partition, list(records))])
        for entry, estimator in self._learner.push(fetched):
            self._life.renewed(entry, estimator)
        has_learnt = self._learner.learnt_until > self._saved_until
        if has_learnt and time.monotonic() - self._saved_at >= SAVE_S:
            self._save()

    def _restore(self) -> None:
        """Go on with what was learnt before."""
        try:
            found = load_snapshot(self._file)
            if found is not None:
                columns, self.starts = found
                positions = [self.starts[self.topic, p] for p in range(self.spec.partitions)]
                self._learner.restore(columns, np.array(positions))
        except (StateError, KeyError, ValueError, IndexError, TypeError, OSError) as error:
            raise StackError(f"{self._file} cannot be read: {error!r}") from error

    def _save(self) -> None:
        """Keep what was learnt: the records before may be deleted then.

        A restarted process announces only what it learns from then on.
        """
        self._flush()
        positions = self._learner.positions().tolist()
        places = {(self.topic, p): offset for p, offset in enumerate(positions)}
        try:
            save_snapshot(self._file, self._learner.snapshot(), places)
        except OSError as error:
            log.warning("%s is not written: %s", self._file, error.strerror)
        self._saved_until, self._saved_at = self._learner.learnt_until, time.monotonic()
