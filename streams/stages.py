"""The seven stages that every domain goes through, in order."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """A stage of the pipeline; its value is the verb that names its file.

    >>> [stage.value for stage in Stage]
    ['collect', 'clean', 'featurize', 'predict', 'deploy', 'monitor', 'scale']
    >>> Stage.CLEAN.summary
    'decode, normalise, validate, de-duplicate; dead-letter with the reason'
    """

    COLLECT = "collect"
    CLEAN = "clean"
    FEATURIZE = "featurize"
    PREDICT = "predict"
    DEPLOY = "deploy"
    MONITOR = "monitor"
    SCALE = "scale"

    @property
    def summary(self) -> str:
        """What the stage does, in half a line."""
        return _SUMMARY[self]


_SUMMARY = {
    Stage.COLLECT: "read heterogeneous sources, merge them by key and event time",
    Stage.CLEAN: "decode, normalise, validate, de-duplicate; dead-letter with the reason",
    Stage.FEATURIZE: "event-time features per key, from state that survives",
    Stage.PREDICT: "score micro-batches over HTTP",
    Stage.DEPLOY: "serve models, swap them, shadow, canary, roll back",
    Stage.MONITOR: "accuracy with late labels, drift, alerts, retraining",
    Stage.SCALE: "re-key and fan out over partitions and processes",
}
