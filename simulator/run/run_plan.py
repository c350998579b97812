"""Plan of a run: domains, sources, paces and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamsim.streams.settings import Settings
from streamsim.streams.spec import DomainSpec


@dataclass(frozen=True, slots=True)
class Plan:
    """Domains, sources, paces and settings of a run.

    Parameters
    ----------
    sources
        Domain to the file or folder that it replays. Other domains run their worlds.
    paces
        Domain to its pace, as options of ``streamsim send``. Other domains have their default pace.
    columns
        Domain to the column map of its files.
    score_from
        Domain to the event time of its first scored event (ms); earlier ones fill the state.
    worlds
        Domain to the options of its world that differ from its own.
    days
        Event days after which a world ends, ``None`` for never.
    """

    domains: tuple[DomainSpec, ...]
    settings: Settings
    sources: Mapping[str, Path]
    paces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    days: float | None = None
    hold: bool = False
    columns: Mapping[str, Path] = field(default_factory=dict)
    score_from: Mapping[str, int] = field(default_factory=dict)
    worlds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the configuration of the run as JSON types."""
        settings = self.settings
        return {
            "broker": settings.broker,
            "workers": settings.workers,
            "seed": settings.seed,
            "sources": {name: path.name for name, path in self.sources.items()},
            "paces": {name: list(options) for name, options in self.paces.items()},
            "days": self.days,
            "hold": self.hold,
            "columns": {name: str(path.absolute()) for name, path in self.columns.items()},
            "score_from": dict(self.score_from),
            "worlds": {name: dict(options) for name, options in self.worlds.items()},
        }
