"""Input of a benchmark: made once, then written to the broker of every round.

The records are those of the real producer, in its order, with its headers. They are written as
prepared record batches, which fill a broker within seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from itertools import islice

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AioKafkaError

from streamsim.benchmarks.measuring.subject import usual_world
from streamsim.consumers.worker.output import BATCH_BYTES, Output
from streamsim.producers.batches import Batch, finale
from streamsim.producers.wire import wire
from streamsim.simulator.reach import Reach
from streamsim.streams.errors import BrokerError
from streamsim.streams.events import HEARTBEAT, INGEST_TIME, Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.topics import topic

CHUNK = 8_192
"""Records in one batch per topic and partition."""


class Input:
    """A stretch of a domain's world, as batches of records.

    Parameters
    ----------
    events
        Number of events of the trigger; the last slice may add a few.
    options
        Options of the world, in place of the benchmark's usual ones.
    """

    def __init__(
        self,
        spec: DomainSpec,
        events: int,
        seed: int,
        options: Mapping[str, float] | None = None,
    ) -> None:
        self.spec = spec
        world = Reach().with_context(
            spec, spec.world.make(seed, options or usual_world(spec)).slices()
        )
        self._batches = list(_until(events, spec, wire(spec, world)))

    def batches(self, events: int) -> Iterator[Batch]:
        """Yield the batches of the first ``events`` events, then a heartbeat that closes them."""
        latest = 0
        for batch in _until(events, self.spec, iter(self._batches)):
            latest = max(latest, batch.latest())
            yield batch
        yield finale(self.spec, latest)

    def fill(self, address: str, events: int) -> None:
        """Write the first ``events`` events to a broker, and wait until all are acknowledged.

        Raises
        ------
        BrokerError
            If a record could not be delivered.
        """
        try:
            asyncio.run(self._fill(address, events))
        except AioKafkaError as error:
            raise BrokerError(f"the broker at {address} takes no input: {error!r}") from error

    async def _fill(self, address: str, events: int) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=address, max_batch_size=BATCH_BYTES)
        await producer.start()
        try:
            output = Output(producer, BATCH_BYTES)
            records = _outbound(self.spec, self.batches(events))
            while chunk := list(islice(records, CHUNK)):
                output.send(chunk)
                await output.room()
            await output.flush()
        finally:
            await producer.stop()


def _until(events: int, spec: DomainSpec, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield batches until they have this many events of the trigger."""
    counted = 0
    for batch in batches:
        if counted >= events:
            return
        counted += sum(
            source == spec.trigger.name and not beat
            for source, beat in zip(batch.source, batch.heartbeat, strict=True)
        )
        yield batch


def _outbound(spec: DomainSpec, batches: Iterator[Batch]) -> Iterator[Outbound]:
    """Turn batches into records, as ``streamsim.producers.sender`` does."""
    topics = {s.name: topic(spec.name, s.name) for s in spec.inputs.sources}
    for batch in batches:
        ingest = (INGEST_TIME, b"%d" % int(time.time() * 1000))
        for row, source in enumerate(batch.source):
            if source not in topics:
                continue  # the planted truth: no worker reads it
            beat = batch.heartbeat[row]
            headers = [(name, value or b"") for name, value in batch.headers(row)]
            yield Outbound(
                topics[source],
                batch.partition[row],
                HEARTBEAT.encode() if beat else batch.key[row],
                batch.value[row],
                batch.timestamp[row],
                headers if beat else [*headers, ingest],
            )
