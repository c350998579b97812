"""Records of the topic ``ops.models``: which version of a model answers, and from when on."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import orjson

from streamsim.consumers.predict.model_schedule import UNCHANGED
from streamsim.simulator.brokers.writer import Message, Writer
from streamsim.streams.events import Outbound
from streamsim.streams.signature import Signature
from streamsim.streams.topics import OPS_MODELS


class LifecycleWriter:
    """A producer for ``ops.models``; a context manager.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """

    def __init__(self, address: str) -> None:
        self._writer = Writer(address)

    def __enter__(self) -> LifecycleWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._writer.close()

    def publish(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Write records; return when the broker has acknowledged them.

        Raises
        ------
        BrokerError
            If the broker does not accept them.
        """
        now = int(time.time() * 1000)
        self._writer.write(
            [Message(OPS_MODELS, 0, key_of(body), orjson.dumps(body), now) for body in bodies]
        )

    def send(self, records: Sequence[Outbound]) -> None:
        """Write records of other topics; return when the broker has acknowledged them.

        Raises
        ------
        BrokerError
            If the broker does not accept them.
        """
        self._writer.write(
            [Message(r.topic, r.partition, r.key, r.value, r.timestamp, r.headers) for r in records]
        )


def key_of(body: Mapping[str, Any]) -> bytes:
    """Return the key of a record: the topic is compacted, so it keeps the latest record of each.

    That a schedule is known further replaces what was said of it before. Everything else has a key
    of its own and stays.

    >>> key_of({"event": "unchanged", "model": "water-leak", "run": "r"})
    b'water-leak:r'
    >>> decision = {"event": "promoted", "model": "water-leak", "run": "r"}
    >>> key_of(decision) == key_of(decision)
    False
    """
    own = body["run"] if body["event"] == UNCHANGED else secrets.token_hex(8)
    return f"{body['model']}:{own}".encode()


def announce(address: str, champions: Sequence[Signature]) -> None:
    """Publish the versions that are valid from the beginning of a run.

    Raises
    ------
    BrokerError
        If the broker does not accept a record.
    """
    with LifecycleWriter(address) as writer:
        writer.publish(
            [
                {
                    "event": "champion",
                    "model": champion.model,
                    "version": champion.version,
                    "threshold": champion.threshold,
                    "effective_from": None,
                }
                for champion in champions
            ]
        )
