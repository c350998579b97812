"""Alerts as CloudEvents 1.0 in Kafka's binary mode: attributes in headers, the data as JSON.

References
----------
https://github.com/cloudevents/spec (v1.0.2), Kafka protocol binding, binary content mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from streamsim.streams.events import Events, Outbound
from streamsim.streams.spec.alert_schema import TYPE
from streamsim.streams.topics import ALERTS, topic


def cloud_event(
    domain: str,
    rule: str,
    place: str,
    subject: str,
    time: int,
    body: Mapping[str, Any],
    partition: int = 0,
    to: str | None = None,
) -> Outbound:
    """Write an alert for ``<domain>.alerts``, or for another topic.

    Parameters
    ----------
    place
        Makes the alert's id together with the rule. It is made of positions in the input, not of a
        score or version, so that a repeat is recognised.
    subject
        Entity that the alert is about; the record's key.
    time
        Event time of the alert (ms); ``body["event_time"]`` is the same as text.
    to
        The topic, by default that of the domain's alerts.
    """
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": f"{rule}:{place}",
        "ce_source": f"/streamsim/{domain}",
        "ce_type": f"{TYPE}.{domain}.{rule}",
        "ce_time": body["event_time"],
        "ce_subject": subject,
    }
    encoded = [(name, text.encode()) for name, text in headers.items()]
    return Outbound(
        to or topic(domain, ALERTS),
        partition,
        subject.encode(),
        orjson.dumps(body),
        time,
        encoded,
    )


def facts_of(events: Events, row: int, names: Sequence[str]) -> dict[str, Any]:
    """Return columns of an event as JSON types, by name."""
    values = {name: events.columns[name][row] for name in names}
    return {n: v.item() if isinstance(v, np.generic) else v for n, v in values.items()}


def position_of(domain: str, events: Events, row: int) -> tuple[str, dict[str, Any]]:
    """Return the source position of an event, for an alert's id and for its body."""
    source = topic(domain, events.source)
    partition, offset = int(events.partition[row]), int(events.offset[row])
    position = {"topic": source, "partition": partition, "offset": offset}
    return f"{source}:{partition}:{offset}", position
