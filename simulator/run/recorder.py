"""Record the topics of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streamsim.producers.recording import make_recording, write_recording
from streamsim.simulator.reading import deleted, read_whole
from streamsim.simulator.run.runs import Run
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import TopicSpec


def record_to(
    file: Path, address: str, specs: Sequence[DomainSpec], topics: Sequence[TopicSpec], run: Run
) -> str:
    """Write the topics to a recording; return what it has, and what had been deleted."""
    gone = deleted(address, topics)
    whole = read_whole(address, topics)
    recording = make_recording(
        (record for records in whole.values() for record in records),
        run=run.name,
        seed=run.info.get("seed"),
        domains=[spec.name for spec in specs],
        configuration=run.info.get("configuration", {}),
    )
    write_recording(file, recording)
    counted = f"{len(recording.records):,} records of {len(topics)} topics in {file}"
    lost = [f"{name}: the first {count:,} records are deleted" for name, count in gone.items()]
    return "\n".join([counted, *lost])
