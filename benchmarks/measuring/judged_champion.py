"""The champion that is judged on simulated worlds: which it is, and what it learnt from."""

from __future__ import annotations

from streamsim.models.loaded import Loaded
from streamsim.models.registry import Registry
from streamsim.models.releasing.release import Release
from streamsim.simulator.model_training import WORLD, ensure_champion
from streamsim.streams.errors import UsageError
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DomainSpec


def judged_champion(spec: DomainSpec, trained_on_files: bool = False) -> tuple[Loaded, Release]:
    """Load the domain's champion, for a judgement on simulated worlds; train it if there is none.

    Parameters
    ----------
    trained_on_files
        Take a champion that was trained on files, too.

    Raises
    ------
    UsageError
        If the champion was trained on files, unless that is asked for.
    """
    registry = Registry(read_settings().home_path / "registry")
    signature = ensure_champion(spec, registry, lambda what, share: None)
    release = registry.release(signature.model, signature.version)
    if not (trained_on_files or learnt_from_a_world(release)):
        worlds = [
            version
            for version in registry.versions(signature.model)
            if learnt_from_a_world(registry.release(signature.model, version))
        ]
        other = (
            f"streamsim models promote {signature.model} {worlds[-1]}"
            if worlds
            else f"streamsim train {spec.name}"
        )
        raise UsageError(
            f"the champion {about(release)}; simulated worlds are no judge of it: {other} makes "
            "another champion, --trained-on-files judges this one all the same"
        )
    return Loaded(*registry.load(signature.model, signature.version)), release


def learnt_from_a_world(release: Release) -> bool:
    """Say whether a version learnt from a simulated world."""
    return str(release.data.get("source")).startswith(WORLD)


def about(release: Release) -> str:
    """Describe a version in one line: name, number, and what it was trained on."""
    data = release.data
    period = f", {str(data['from'])[:10]} to {str(data['to'])[:10]}" if "from" in data else ""
    rows = f", {data['rows']:,} events" if "rows" in data else ""
    return (
        f"{release.signature.model} {release.signature.version} was trained on "
        f"{data.get('source')}{period}{rows}"
    )
