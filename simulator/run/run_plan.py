"""Plan of a run: domains, sources, paces and settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamsim.models.registry import Registry
from streamsim.producers.recording import read_manifest
from streamsim.simulator.model_training import WORLD
from streamsim.streams.settings import Settings
from streamsim.streams.signature import Signature
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

    def simulated_judges(self, champions: Iterable[Signature], registry: Registry) -> list[str]:
        """Say of each file whose model learnt from a simulated world how to train one on the file.

        A recording is a stream of its own: its model is the one that it was recorded with.
        """
        said = []
        for spec, champion in zip(self.domains, champions, strict=True):
            path = self.sources.get(spec.name)
            if path is None or (path.is_file() and read_manifest(path) is not None):
                continue
            learnt_from = str(registry.release(champion.model, champion.version).data.get("source"))
            if learnt_from.startswith(WORLD):
                columns = self.columns.get(spec.name)
                told = f" --columns {columns}" if columns else ""
                said.append(
                    f"{spec.name}: the model learnt from a simulated world, which is no judge of "
                    f"{path.name}; train one on it: streamsim train {spec.name} --source {path}"
                    f"{told} --from DAY --to DAY"
                )
        return said

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
        }
