"""Invented scores and labels in the topics of a broker, and a champion to go with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from streamsim.models.adapting.challenger import learn
from streamsim.models.labelled import Labelled
from streamsim.models.registry import Registry
from streamsim.simulator.brokers.broker import create_topics
from streamsim.simulator.brokers.writer import Message, Writer
from streamsim.streams.codec import format_times
from streamsim.streams.events import (
    CORRECTS,
    FEATURE_HASH,
    FEATURES,
    MODEL,
    MODEL_VERSION,
    SOURCE_TIME,
    Floats,
    Headers,
    Ints,
    Matrix,
    as_objects,
    source_headers,
)
from streamsim.streams.signature import Signature
from streamsim.streams.spec import HOUR, DomainSpec
from streamsim.streams.topics import SCORES, topic, topics_of
from tests.brokers import BROKERS

BEGIN = 1_700_000_000_000 - 1_700_000_000_000 % HOUR


@dataclass(frozen=True)
class Rows:
    """Events with their features and labels; ids count from 0."""

    features: Matrix
    labels: Ints
    times: Ints
    entities: Sequence[str]

    def labelled(self) -> Labelled:
        return Labelled(
            self.features, self.labels, self.times, as_objects(self.entities),
            np.empty((len(self.labels), 0)),
        )  # fmt: skip


def invented(spec: DomainSpec, n: int, telling: int, seed: int = 0, begin: int = BEGIN) -> Rows:
    """Invent events, one a minute, whose label depends on one of their features."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n, len(spec.features.vector.names))).astype(np.float32)
    chance = 1 / (1 + np.exp(2.0 - 2.0 * features[:, telling]))
    labels = (random.random(n) < chance).astype(np.int64)
    entities = [f"e{own}" for own in random.integers(n // 5, size=n)]
    return Rows(features, labels, begin + 60_000 * np.arange(n), entities)


def signature_of(spec: DomainSpec) -> Signature:
    """A signature for a domain's model before it is fitted."""
    names = spec.features.vector.names
    return Signature(
        spec.model.recipe.name, "1", names, spec.features.fingerprint, 0.5, (0.0,) * len(names)
    )


def release_champion(spec: DomainSpec, registry: Registry, rows: Rows) -> Signature:
    """Fit and release a champion that has learnt from events."""
    found = learn(spec, signature_of(spec), rows.labelled(), BEGIN)
    return registry.add(
        found.estimator, found.signature, metrics={}, data={}, card="# {version}\n", created=""
    )


def scores(
    spec: DomainSpec,
    rows: Rows,
    signature: Signature,
    name: str = SCORES,
    said: Floats | None = None,
) -> Iterator[Message]:
    """The records of scores, or of corrections."""
    texts = format_times(rows.times)
    source = topic(spec.name, spec.trigger.name)
    for row, entity in enumerate(rows.entities):
        p = partition(spec, entity)
        body = {
            "event_id": str(row), "event_time": texts[row], spec.trigger.key: entity,
            "score": 0.5 if said is None else float(said[row]),
            **{estimate.name: 1.0 for estimate in spec.model.estimates},
        }  # fmt: skip
        last = (
            source_headers(source, p, row)
            if name == SCORES
            else [(CORRECTS, str(row).encode())]
        )  # fmt: skip
        headers: Headers = [
            (MODEL, signature.model.encode()),
            (MODEL_VERSION, signature.version.encode()),
            (FEATURE_HASH, signature.feature_hash.encode()),
            (FEATURES, rows.features[row].astype("<f4").tobytes()),
            *last,
        ]
        yield Message(
            topic(spec.name, name), p, entity.encode(), orjson.dumps(body), int(rows.times[row]),
            headers,
        )  # fmt: skip


def record(
    spec: DomainSpec, source: str, entity: str, time: int, body: dict[str, object], clock: int
) -> Message:
    """A record of a source, stamped with the source's clock."""
    text = format_times(np.array([time]))[0]
    whole = {"event_time": text, spec.trigger.key: entity, **body}
    stamp = [(SOURCE_TIME, b"%d" % clock)]
    p = partition(spec, entity)
    return Message(
        topic(spec.name, source), p, entity.encode(), orjson.dumps(whole), time, stamp
    )  # fmt: skip


def partition(spec: DomainSpec, entity: str) -> int:
    return int(entity.lstrip("e")) % spec.partitions


def fill(broker: str, spec: DomainSpec, messages: Iterator[Message] | Sequence[Message]) -> None:
    """Create a domain's topics, and write records to them."""
    create_topics(broker, topics_of(spec), BROKERS.topic_config)
    with Writer(broker) as writer:
        writer.write(list(messages))
