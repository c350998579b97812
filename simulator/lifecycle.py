"""The life of models, as ``ops.models`` tells it: which version answers, and from when on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from kafka import KafkaProducer
from kafka.errors import KafkaError

from streams.errors import BrokerError
from streams.signature import Signature
from streams.topics import OPS_MODELS


def announce(address: str, champions: Sequence[Signature]) -> None:
    """Say which versions answer from the beginning of a run.

    Raises
    ------
    BrokerError
        If the broker does not take it.
    """
    now = int(time.time() * 1000)
    try:
        producer = KafkaProducer(bootstrap_servers=address, acks="all", linger_ms=0)
        try:
            sent = [
                producer.send(
                    OPS_MODELS,
                    key=champion.model.encode(),
                    value=orjson.dumps(
                        {
                            "event": "champion",
                            "model": champion.model,
                            "version": champion.version,
                            "threshold": champion.threshold,
                            "effective_from": None,
                        }
                    ),
                    partition=0,
                    timestamp_ms=now,
                )
                for champion in champions
            ]
            for outcome in sent:
                outcome.get(timeout=20)
        finally:
            producer.close(timeout=5)
    except KafkaError as error:
        raise BrokerError(f"{address} does not take {OPS_MODELS}: {error!r}") from error


def lifecycle_line(body: Mapping[str, Any], wall_ms: int) -> str:
    """Write a record of ``ops.models`` for a person.

    >>> lifecycle_line({"event": "champion", "model": "finance-fraud", "version": "3",
    ...                 "effective_from": None, "threshold": 0.9}, 0)
    '1970-01-01 00:00:00  finance-fraud 3 is champion from the beginning; alerts from 0.9'
    """
    at = datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    since = f"event time {body['effective_from']}" if body["effective_from"] else "the beginning"
    return (
        f"{at}  {body['model']} {body['version']} is {body['event']} from {since}; "
        f"alerts from {body['threshold']:g}"
    )
