"""Alerts as CloudEvents 1.0 in Kafka's binary mode: attributes in headers, the data as JSON.

References
----------
https://github.com/cloudevents/spec (v1.0.2), Kafka protocol binding, binary content mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from streamsim.streams.events import Outbound
from streamsim.streams.topics import ALERTS, topic


def cloud_event(
    domain: str,
    rule: str,
    place: str,
    subject: str,
    time: int,
    body: Mapping[str, Any],
    partition: int = 0,
) -> Outbound:
    """Write an alert for ``<domain>.alerts``.

    Parameters
    ----------
    place
        Makes the alert's id together with the rule. It is made of positions in the input, not of a
        score or version, so that a repeat is recognised.
    subject
        Entity that the alert is about; the record's key.
    time
        Event time of the alert (ms); ``body["event_time"]`` is the same as text.
    """
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": f"{rule}:{place}",
        "ce_source": f"/streamsim/{domain}",
        "ce_type": f"streamsim.{domain}.{rule}",
        "ce_time": body["event_time"],
        "ce_subject": subject,
    }
    encoded = [(name, text.encode()) for name, text in headers.items()]
    return Outbound(
        topic(domain, ALERTS), partition, subject.encode(), orjson.dumps(body), time, encoded
    )
