"""Read the scores of a domain from its output, by column where it is so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress, repeat
from typing import Any, NamedTuple

from streamsim.consumers.predict.score_headers import ScoreHeaders
from streamsim.simulator.testing.outcome import Score
from streamsim.streams.codec import decode_objects, parse_times
from streamsim.streams.events import OutboundBatch
from streamsim.streams.spec import DomainSpec


class _Columns(NamedTuple):
    """Values and headers of scores."""

    value: list[bytes | None]
    features: list[bytes]
    source: list[tuple[int, int]]
    version: list[str]


def read_scores(
    spec: DomainSpec, records: Iterable[Any], batches: Sequence[OutboundBatch] = ()
) -> list[Score]:
    """Parse scores, in the order of output; of repeated ones, the first counts.

    Parameters
    ----------
    records
        Records of the scores' topic, with value and headers.
    batches
        The same by column.
    """
    columns = _Columns([], [], [], [])
    for batch in batches:
        _add(columns, batch.value, batch.headers)
    single = list(records)
    _add(columns, [r.value for r in single], [r.headers for r in single])
    first = _first(columns.source)
    if first is not None:
        columns = _Columns(*(list(compress(column, first)) for column in columns))  # type: ignore[arg-type]
    bodies, bad = decode_objects(columns.value)
    if bad:
        raise ValueError(f"a score of {spec.name}: {next(iter(bad.values()))}")
    ids, texts, entities, scores = (
        [body[name] for body in bodies if body is not None]
        for name in ("event_id", "event_time", spec.trigger.key, "score")
    )
    rest = (scores, columns.features, columns.source, columns.version)
    times = parse_times(texts).tolist()
    return list(map(Score._make, zip(ids, entities, times, *rest, strict=True)))


def in_order(scores: Sequence[Score]) -> list[Score]:
    """Return scores in order of event time, id and source."""
    keys = [(score.time_ms, score.event_id, score.source) for score in scores]
    return [scores[row] for row in sorted(range(len(keys)), key=keys.__getitem__)]


def _add(columns: _Columns, values: Sequence[bytes | None], headers: Sequence[Any]) -> None:
    """Add records to the columns."""
    columns.value.extend(values)
    if isinstance(headers, ScoreHeaders):
        columns.features.extend(headers.features or ())
        columns.source.extend(zip(repeat(headers.partition), headers.offset.tolist()))
        columns.version.extend(headers.versions)
        return
    named = list(map(dict, headers))
    columns.features.extend(own["features"] for own in named)
    columns.source.extend(
        (int(own["source_partition"]), int(own["source_offset"])) for own in named
    )
    columns.version.extend(own["model_version"].decode() for own in named)


def _first(source: Sequence[tuple[int, int]]) -> list[bool] | None:
    """Say which scores are the first of their event; ``None`` if all are."""
    if len(set(source)) == len(source):
        return None
    first: dict[tuple[int, int], int] = {}
    return [first.setdefault(own, row) == row for row, own in enumerate(source)]
