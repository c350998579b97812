"""Records of the topic ``ops.models``: which version of a model is valid, and from when on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import orjson

from streamsim.simulator.brokers.writer import Message, Writer
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
            [
                Message(OPS_MODELS, 0, str(body["model"]).encode(), orjson.dumps(body), now)
                for body in bodies
            ]
        )


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


def lifecycle_line(body: Mapping[str, Any], wall_ms: int) -> str:
    """Format a record of ``ops.models`` as text.

    >>> lifecycle_line({"event": "champion", "model": "water-leak", "version": "3",
    ...                 "effective_from": None, "threshold": 0.9}, 0)
    '1970-01-01 00:00:00  water-leak 3 is champion from the beginning; alerts from 0.9'
    >>> lifecycle_line({"event": "unchanged", "model": "power-load", "version": "3",
    ...                 "effective_from": None, "known_until": "2025-01-11T00:00:00.000Z",
    ...                 "threshold": 0.9}, 0)
    '1970-01-01 00:00:00  power-load 3 answers until event time 2025-01-11T00:00:00.000Z'
    """
    at = datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    named = f"{at}  {body['model']} {body['version']}"
    if body["event"] == "unchanged":
        return f"{named} answers until event time {body['known_until']}"
    since = f"event time {body['effective_from']}" if body["effective_from"] else "the beginning"
    return f"{named} is {body['event']} from {since}; alerts from {body['threshold']:g}"
