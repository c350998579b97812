"""streamsim: rehearse real-time machine learning over event streams, on one machine.

The names below are imported when they are first used, so that ``import streamsim`` is cheap.
``docs/api.md`` describes each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsim.streams.lazy import lazy_names
from streamsim.streams.version import __version__

if TYPE_CHECKING:
    from streamsim.consumers.collect.merged import merge_sources
    from streamsim.consumers.featurize.extraction import Extractor, Features, extract_features
    from streamsim.consumers.monitor.accuracy import track_accuracy
    from streamsim.consumers.monitor.accuracy_threshold import AccuracyState
    from streamsim.consumers.scale.processes import Shares, process_users
    from streamsim.producers.recording import Recording, read_recording, write_recording
    from streamsim.simulator.testing.outcome import Alert, Outcome, Score, UnmetError
    from streamsim.simulator.testing.replay import record_world
    from streamsim.simulator.testing.replayable import (
        replay,
        replay_features,
        replay_without_model,
    )
    from streamsim.simulator.testing.scenario import Scenario
    from streamsim.streams.domain_registry import domain_names, load_domain
    from streamsim.streams.errors import StreamsimError, UsageError
    from streamsim.streams.reading.feeds import Feed
    from streamsim.streams.reading.formats import Instants, Money, Number

__all__ = [
    "__version__",
    "AccuracyState",
    "Alert",
    "Extractor",
    "Features",
    "Feed",
    "Instants",
    "Money",
    "Number",
    "Outcome",
    "Recording",
    "Scenario",
    "Score",
    "Shares",
    "StreamsimError",
    "UnmetError",
    "UsageError",
    "domain_names",
    "extract_features",
    "load_domain",
    "merge_sources",
    "process_users",
    "read_recording",
    "record_world",
    "replay",
    "replay_features",
    "replay_without_model",
    "track_accuracy",
    "write_recording",
]

if not TYPE_CHECKING:  # or type checkers would take every name for one that is offered
    __getattr__ = lazy_names(
        __name__,
        {
            "AccuracyState": "streamsim.consumers.monitor.accuracy_threshold",
            "Alert": "streamsim.simulator.testing.outcome",
            "Extractor": "streamsim.consumers.featurize.extraction",
            "Features": "streamsim.consumers.featurize.extraction",
            "Feed": "streamsim.streams.reading.feeds",
            "Instants": "streamsim.streams.reading.formats",
            "Money": "streamsim.streams.reading.formats",
            "Number": "streamsim.streams.reading.formats",
            "Outcome": "streamsim.simulator.testing.outcome",
            "Recording": "streamsim.producers.recording",
            "Scenario": "streamsim.simulator.testing.scenario",
            "Score": "streamsim.simulator.testing.outcome",
            "Shares": "streamsim.consumers.scale.processes",
            "StreamsimError": "streamsim.streams.errors",
            "UnmetError": "streamsim.simulator.testing.outcome",
            "UsageError": "streamsim.streams.errors",
            "domain_names": "streamsim.streams.domain_registry",
            "extract_features": "streamsim.consumers.featurize.extraction",
            "load_domain": "streamsim.streams.domain_registry",
            "merge_sources": "streamsim.consumers.collect.merged",
            "process_users": "streamsim.consumers.scale.processes",
            "read_recording": "streamsim.producers.recording",
            "record_world": "streamsim.simulator.testing.replay",
            "replay": "streamsim.simulator.testing.replayable",
            "replay_features": "streamsim.simulator.testing.replayable",
            "replay_without_model": "streamsim.simulator.testing.replayable",
            "track_accuracy": "streamsim.consumers.monitor.accuracy",
            "write_recording": "streamsim.producers.recording",
        },
    )


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
