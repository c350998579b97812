"""Topic declarations, made from the specs: name, key, partitions, help."""

from __future__ import annotations

from dataclasses import dataclass

from streamsim.streams.spec import DomainSpec, Role

SCORES, CORRECTIONS, SHADOW, ALERTS, METRICS, LATE, DEAD, TRUTH = (
    "scores",
    "corrections",
    "shadow",
    "alerts",
    "metrics",
    "late",
    "dead",
    "truth",
)
CHANGELOG = "changelog"
LABELLED = "labelled"
FEEDS = "feeds"
PROFILES = "profiles"
SHARED = "shared"
TABLE_PARTITIONS = 1
"""Every worker reads the whole topic of a table in order: partitions would gain nothing."""
OPS_MODELS = "ops.models"
OPS_ALERTS = "ops.alerts"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """The declaration of one topic.

    ``role`` is the role of the source whose events it carries, or ``None`` for a topic that
    the pipeline writes; ``key`` and ``fields`` document it.
    """

    name: str
    partitions: int
    key: str
    help: str
    fields: tuple[str, ...] = ()
    role: Role | None = None
    internal: bool = False
    """Whether it is the engine's own, in a binary format: it is neither recorded nor shown."""
    is_compacted: bool = False
    """Whether the broker keeps only the latest record of each key."""


def topic(domain: str, name: str) -> str:
    """Return the topic of a source or an output of a domain.

    >>> topic("water", "scores")
    'water.scores'
    """
    return f"{domain}.{name}"


def topics_of(spec: DomainSpec) -> tuple[TopicSpec, ...]:
    """Declare all topics of one domain, sources first."""
    name, n = spec.name, spec.partitions
    entity = spec.trigger.key
    own = [
        TopicSpec(
            topic(name, s.name),
            n,
            s.key,
            s.help,
            ("event_id", "event_time", *(f.name for f in s.fields)),
            s.role,
        )
        for s in spec.inputs.sources
    ]
    tables = [
        TopicSpec(
            topic(name, t.name),
            TABLE_PARTITIONS,
            "source:partition",
            f"closed buckets of counts per {t.key}, read whole by every worker",
            ("from", "until", "source", "partition", "rows"),
        )
        for t in spec.features.tables
    ]
    watched = TopicSpec(
        topic(name, FEEDS),
        TABLE_PARTITIONS,
        "partition",
        "events per feed, by buckets of the clock at arrival",
        internal=True,
    )
    corrections = TopicSpec(
        topic(name, CORRECTIONS),
        n,
        entity,
        "new scores of events that were scored before a third party answered",
        ("event_id", "event_time", entity, "score"),
    )
    return (
        *own,
        *tables,
        *((watched,) if spec.alerting.feeds else ()),
        *((corrections,) if spec.model.rescoring else ()),
        TopicSpec(
            topic(name, SCORES),
            n,
            entity,
            "one score per scored event, with model, version and features",
            ("event_id", "event_time", entity, "score"),
        ),
        TopicSpec(
            topic(name, SHADOW),
            n,
            entity,
            "scores of a version in shadow, beside those that count",
            ("event_id", "event_time", entity, "score"),
        ),
        TopicSpec(topic(name, ALERTS), n, entity, "alerts as CloudEvents 1.0, binary mode"),
        TopicSpec(topic(name, METRICS), 1, "kind:worker", "the workers' counts and metrics"),
        TopicSpec(topic(name, LATE), n, entity, "late records unchanged, with their lateness"),
        TopicSpec(topic(name, DEAD), n, entity, "dead letters: original bytes and the reason"),
        TopicSpec(topic(name, TRUTH), n, entity, "what the world planted; no model reads it"),
        TopicSpec(
            topic(name, CHANGELOG),
            n,
            "partition",
            "changelog of the workers' state",
            internal=True,
        ),
        TopicSpec(
            topic(name, LABELLED),
            TABLE_PARTITIONS,
            "partition",
            "scores with their final labels, by buckets of event time",
            internal=True,
        ),
        TopicSpec(
            topic(name, PROFILES),
            TABLE_PARTITIONS,
            "partition",
            "scored rows per bin of each feature, by buckets of event time",
            internal=True,
        ),
        TopicSpec(
            topic(name, SHARED),
            TABLE_PARTITIONS,
            "worker",
            "snapshots of the state that all workers share",
            internal=True,
        ),
    )


def ops_topics() -> tuple[TopicSpec, ...]:
    """Declare the topics that belong to no domain."""
    return (
        TopicSpec(
            OPS_MODELS,
            1,
            "model:decision",
            "which model version answers from which event time on",
            is_compacted=True,
        ),
        TopicSpec(
            OPS_ALERTS,
            1,
            "subject",
            "incidents as CloudEvents 1.0: opened, told again, resolved",
            ("id", "change", "domain", "rule", "subject", "text"),
        ),
    )
