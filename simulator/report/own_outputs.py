"""Outputs of our workers, read from their topics: anything else there is a foreign record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any

from streamsim.simulator.report.effect import identity
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import (
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    first_headers,
)
from streamsim.streams.spec import DomainSpec
from streamsim.streams.stored.foreign_records import (
    MAYBE_NUMBER,
    NUMBER,
    ForeignRecords,
    Kinds,
    check_fields,
    check_list,
    read_fields,
)
from streamsim.streams.topics import ALERTS, LABELLED, METRICS, PROFILES, SCORES, topic

ACCURACY, ESTIMATE = "accuracy", "estimate"
"""Keys of a state of the rolling metric, and of the metric before its labels are there."""
_ALERT = {
    "rule": str,
    "severity": str,
    "seen": str,
    "facts": dict,
    "why": list,
    "event_time": str,
}
_ACCURACY: Mapping[str, Kinds] = {
    "until": str,
    "metric": str,
    "value": MAYBE_NUMBER,
    "samples": int,
    "threshold": NUMBER,
    "is_low": bool,
}
_ESTIMATE: Mapping[str, Kinds] = {
    **dict.fromkeys(("until", "metric", "version", "labelled_until"), str),
    **dict.fromkeys(("value", "labelled"), NUMBER),
    **dict.fromkeys(("mean_error", "bias", "inside", "low", "high"), MAYBE_NUMBER),
    "judged": int,
}
_WORKER: Mapping[str, Kinds] = {
    "worker": int,
    "generation": int,
    **dict.fromkeys(("assigned", "account", "position", "clock", "complete", "saved"), dict),
    "told": (dict, NoneType),
    "queued": int,
    "pending": int,
    "waits_for": (str, NoneType),
    "latency": dict,
    "model": (dict, NoneType),
    "foreign": dict,
}


def read_alert(spec: DomainSpec, value: bytes | None) -> dict[str, Any]:
    """Read the value of a record of ``<domain>.alerts``.

    Raises
    ------
    ForeignRecordError
        If no worker has written it.
    """
    body = read_fields(value, _ALERT)
    for reason in body["why"]:
        check_fields(reason, {"text": str})
    if "score" in body:
        check_fields(body, {"score": NUMBER})
    rule = spec.alerting.rule
    if body["rule"] == rule.name:
        check_fields(body, {"event_id": str, rule.noun: str})
    return body


def read_metrics(spec: DomainSpec, value: bytes | None) -> dict[str, Any]:
    """Read a record of ``<domain>.metrics``: a worker's, the rolling metric's, or an estimate.

    Raises
    ------
    ForeignRecordError
        If no worker has written it.
    """
    body = read_fields(value, {})
    if ESTIMATE in body:
        check_fields(body[ESTIMATE], _ESTIMATE)
        return body
    if ACCURACY in body:
        check_fields(body[ACCURACY], _ACCURACY)
        return body
    check_fields(body, _WORKER)
    sources = [source.name for source in spec.inputs.sources]
    for name, kind in (("assigned", list), ("account", dict), ("position", dict)):
        check_fields(body[name], dict.fromkeys(sources, kind))
    check_fields(body["clock"], dict.fromkeys(sources, (int, NoneType)))
    check_fields(body["complete"], {LABELLED: dict})
    for source in sources:
        check_list(body["assigned"][source], int, "assigned")
        places = {str(p): int for p in body["assigned"][source]}
        check_fields(body["position"][source], places)
        accounts = check_fields(body["account"][source], dict.fromkeys(places, dict))
        for own in accounts.values():
            _check_counts(own, "account")
    for name in ("saved", "latency"):
        _check_counts(body[name], name)
    for ends in body["complete"].values():
        _check_counts(ends, "complete")
    if body["told"] is not None:
        # Of profiles no metrics are told.
        check_fields(body["told"], dict.fromkeys(body["complete"].keys() - {PROFILES}, int))
    if body["model"] is not None:
        check_fields(body["model"], {"name": str, "version": str})
    if not all(bucket.lstrip("-").isdecimal() for bucket in body["latency"]):
        raise ForeignRecordError("latency: of another type")
    for told in body["foreign"].values():
        if type(told) is not list or [type(part) for part in told] != [int, str]:
            raise ForeignRecordError("foreign: of another type")
    return body


def _check_counts(counts: Any, name: str) -> None:
    if type(counts) is not dict:
        raise ForeignRecordError(f"{name}: of another type")
    check_list(list(counts.values()), int, name)


def read_score(spec: DomainSpec, value: bytes | None) -> dict[str, Any]:
    """Read the value of a record of ``<domain>.scores``.

    Raises
    ------
    ForeignRecordError
        If no worker has written it.
    """
    kinds: dict[str, Kinds] = {
        "event_id": str,
        "event_time": str,
        spec.trigger.key: str,
        "score": NUMBER,
    }
    kinds |= {estimate.name: MAYBE_NUMBER for estimate in spec.model.estimates}
    body = read_fields(value, kinds)
    if spec.model.slate is not None:
        check_list(body.get("items"), int, "items")
        if len(body["items"]) != spec.model.slate.size:
            raise ForeignRecordError("items: of another number")
    return body


class OwnOutputs:
    """Tells the records of a domain's workers from foreign ones, which it counts.

    Parameters
    ----------
    say
        Called with what to say of the first foreign record of a topic.
    """

    def __init__(
        self, spec: DomainSpec, foreign: ForeignRecords, say: Callable[[str], None]
    ) -> None:
        self._spec, self.foreign, self._say = spec, foreign, say
        self._readers = {
            topic(spec.name, ALERTS): read_alert,
            topic(spec.name, METRICS): read_metrics,
            topic(spec.name, SCORES): read_score,
        }
        self._identified = {topic(spec.name, ALERTS), topic(spec.name, SCORES)}

    def read(self, record: Any) -> dict[str, Any] | None:
        """Return what an output says; ``None`` for a foreign record."""
        try:
            if record.topic in self._identified and identity(record) is None:
                raise ForeignRecordError("no headers that name its source")
            return self._readers[record.topic](self._spec, record.value)
        except ForeignRecordError as error:
            self._note(record, error)
            return None

    def is_dead_letter(self, record: Any) -> bool:
        """Say whether a worker has written a record of the dead letters."""
        headers = first_headers(record.headers)
        place = (headers.get(SOURCE_PARTITION) or b"", headers.get(SOURCE_OFFSET) or b"")
        if headers.get(SOURCE_TOPIC) and all(own.isdigit() and len(own) < 20 for own in place):
            return True
        self._note(record, ForeignRecordError("no headers that name its source"))
        return False

    def _note(self, record: Any, error: ForeignRecordError) -> None:
        place = record.topic, record.partition, record.offset
        if (said := self.foreign.add(*place, str(error))) is not None:
            self._say(said)
