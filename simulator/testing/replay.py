"""Replay a recording through a domain in process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from streamsim.consumers.predict.model_schedule import Schedule
from streamsim.consumers.predict.prepared import Prepared
from streamsim.models.loaded import Loaded
from streamsim.models.registry import Registry
from streamsim.producers.batches import Batch
from streamsim.producers.recording import Recorded, Recording, make_recording
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import ROWS, InProcess, as_records
from streamsim.simulator.model_training import ensure_champion
from streamsim.simulator.report.ledger import close_account
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.reading_outcome import make_outcome
from streamsim.simulator.testing.recorded_records import recorded_records
from streamsim.streams.collecting import rare_collections
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import Floats, Outbound, OutboundBatch
from streamsim.streams.privacy.keys import privacy_key
from streamsim.streams.settings import read_settings
from streamsim.streams.spec import DomainSpec, Estimator
from streamsim.streams.topics import SCORES, topic

Batches: TypeAlias = list[Batch]


def champion(spec: DomainSpec) -> Loaded:
    """Load the domain's champion from the registry; train it first if there is none."""
    registry = Registry(read_settings().home_path / "registry")
    signature = ensure_champion(spec, registry, lambda what, share: None)
    return Loaded(*registry.load(signature.model, signature.version))


def replay(
    spec: DomainSpec,
    recording: Recording,
    model: Loaded | None = None,
    *,
    hold: bool = False,
    rows: int = ROWS,
    renews: bool = True,
    decided: tuple[Schedule, Mapping[str, Estimator]] | None = None,
) -> Outcome:
    """Run a recording through the domain's steps, state and model, without broker or clock.

    Parameters
    ----------
    model
        The model that scores; by default the domain's champion.
    hold
        Score in order of event time, as ``streamsim up --hold`` does.
    rows
        Size of the batches, which does not change the outcome.
    renews
        Renew the model if the domain declares it, as a stack with its own model service does.
    decided
        The plans by which versions answered, and the estimator of each version; then nothing is
        renewed.
    """
    model = model or champion(spec)
    renewed = model.estimator if renews and decided is None else None
    domain = InProcess(
        spec, model.answer, model.signature, hold=hold, key=_key(spec), renewed=renewed,
        schedule=None if decided is None else decided[0],
        versions=None if decided is None else decided[1],
    )  # fmt: skip
    return _run(domain, spec, recording, rows)


def replay_steps(
    spec: DomainSpec, recording: Recording, *, hold: bool = False
) -> tuple[Outcome, dict[str, Floats]]:
    """Run a recording through the domain's steps and state, without a model.

    Returns
    -------
    outcome
        With alerts of event rules and feeds; every valid event is filtered as ``no_model``.
    features
        Per event id, its features in the order of the domain's names.
    """
    found: dict[str, Floats] = {}

    def keep(prepared: Prepared) -> None:
        found.update(zip(prepared.events.event_id, prepared.features, strict=True))

    domain = InProcess(spec, hold=hold, key=_key(spec), watch=keep)
    return _run(domain, spec, recording, ROWS), found


def _key(spec: DomainSpec) -> bytes | None:
    return privacy_key(read_settings()) if any(s.sensitive for s in spec.inputs.sources) else None


def _run(domain: InProcess, spec: DomainSpec, recording: Recording, rows: int) -> Outcome:
    outputs: list[Outbound] = []
    batches: list[OutboundBatch] = []
    written = {source.name: 0 for source in spec.inputs.sources}
    with rare_collections():
        for records in recorded_records(spec, recording, rows):
            written[records.source] += len(records)
            for made in domain.steps(records):
                batches += made.batches
                outputs += made.records
        written[SCORES] = sum(len(b) for b in batches if b.topic == topic(spec.name, SCORES))
        counts = {s.name: domain.pipeline.account.total(s.name) for s in spec.inputs.sources}
        account = close_account(spec.inputs, counts, written)
        return make_outcome(spec, outputs, account, batches)


def record_world(
    domain: str | DomainSpec, *, seed: int = 0, days: float = 3, **options: float
) -> Recording:
    """Record the first days of a seeded world, without a broker.

    Parameters
    ----------
    domain
        Name of a domain, or its spec.
    days
        Days of event time.
    options
        Options of the world, over its defaults (``fraud=0``).
    """
    spec = load_domain(domain) if isinstance(domain, str) else domain
    slices = world_slices(spec, seed, {**spec.world.options, **options}, days)
    return record_batches(spec, list(wire(spec, slices)), seed=seed)


def record_batches(spec: DomainSpec, batches: Batches, **manifest: object) -> Recording:
    """Make a recording of batches, as a broker would store them."""
    records = []
    for part in as_records(spec, batches):
        name = topic(spec.name, part.source)
        rows = zip(
            part.partition.tolist(), part.offset.tolist(), part.timestamp, part.key,
            part.value, map(tuple, part.headers), strict=True,
        )  # fmt: skip
        records += [Recorded(name, *row) for row in rows]
    return make_recording(records, domains=[spec.name], **manifest)
