"""Replay a scenario, a recording, or a recording's file, in one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from streamsim.models.loaded import Loaded
from streamsim.producers.recording import Recording, read_recording
from streamsim.simulator.testing import replay as in_process
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.scenario import Scenario
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError
from streamsim.streams.spec import DomainSpec

if TYPE_CHECKING:
    import pandas as pd

Replayable: TypeAlias = Scenario | Recording | Path | str


def recording_of(what: Replayable, domain: str | None = None) -> tuple[DomainSpec, Recording]:
    """Return a recording and the domain to replay it through.

    Raises
    ------
    UsageError
        If the recording has several domains and none is named.
    """
    if isinstance(what, Scenario):
        return what.spec, what.recording()
    recording = what if isinstance(what, Recording) else read_recording(Path(what))
    domains = recording.manifest.get("domains", [])
    if domain is None and len(domains) != 1:
        raise UsageError(f"say which domain to replay: {', '.join(domains)}")
    return load_domain(domain or domains[0]), recording


def replay(
    what: Replayable,
    domain: str | None = None,
    *,
    model: Loaded | None = None,
    hold: bool = False,
) -> Outcome:
    """Replay events through a domain's steps, state and model, without a broker or a clock.

    The pytest fixture ``replay`` is this function with a model that is loaded once per session.

    Parameters
    ----------
    what
        A scenario, a recording, or the path of a recording's file.
    domain
        The domain to replay, if a recording has several.
    model
        The model that scores; by default the domain's champion, trained first if there is none.
    hold
        Score in order of event time, as ``streamsim up --hold`` does.

    Raises
    ------
    UsageError
        If a recording has several domains and none is named.
    """
    spec, recording = recording_of(what, domain)
    return in_process.replay(spec, recording, model, hold=hold)


def replay_without_model(
    what: Replayable, domain: str | None = None, *, hold: bool = False
) -> Outcome:
    """Replay events as :func:`replay` does, without scoring them.

    Returns
    -------
    An outcome with the dead letters, the late events and the alerts that need no score: those of
    event rules and of feeds. The account counts every valid event as filtered.
    """
    spec, recording = recording_of(what, domain)
    return in_process.replay_steps(spec, recording, hold=hold)[0]


def replay_features(
    what: Replayable, domain: str | None = None, *, hold: bool = False
) -> pd.DataFrame:
    """Replay events and return the features that a model would be given.

    Returns
    -------
    A row per valid event, in the order of processing, with the event id as index and a column per
    feature; -1 where a feature is not known.
    """
    import pandas as pd

    spec, recording = recording_of(what, domain)
    _, rows = in_process.replay_steps(spec, recording, hold=hold)
    names = list(spec.features.vector.names)
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)
