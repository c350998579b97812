"""Alerts are CloudEvents that the SDK parses, with data as the schema says."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

from streamsim.consumers.monitor.cloud_event import cloud_event
from streamsim.models.loaded import Shelf, answer
from streamsim.models.registry import Registry
from streamsim.models.service import create_service
from streamsim.producers.recording import Recording
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.testing.replay import record_world
from streamsim.streams.domain_registry import domain_names, load_domain
from streamsim.streams.events import Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.alert_schema import alert_schema, schema_path
from streamsim.streams.topics import ALERTS, topic

KINDS = {"string": str, "number": (int, float), "object": dict, "array": list, "integer": int}


def check(value: Any, schema: dict[str, Any]) -> None:
    """Check data by the parts of JSON Schema that ours uses."""
    if "type" in schema:
        assert isinstance(value, KINDS[schema["type"]]), (value, schema)
    if "enum" in schema:
        assert value in schema["enum"]
    if isinstance(value, list):
        for item in value:
            check(item, schema.get("items", {}))
    if isinstance(value, dict):
        assert set(schema.get("required", ())) <= value.keys()
        for name, part in schema.get("properties", {}).items():
            if name in value:
                check(value[name], part)
        for name, part in schema.get("if", {}).get("properties", {}).items():
            if value.get(name) == part["const"]:
                check(value, schema["then"])


def alerts_of(spec: DomainSpec, registry: Registry, recording: Recording) -> list[Outbound]:
    estimator, signature = registry.load(spec.model.recipe.name, "1")
    domain = InProcess(spec, lambda rows: answer(estimator, rows), signature)
    records = domain.run(as_records(spec, recording.batches(spec)))
    return [record for record in records if record.topic == topic(spec.name, ALERTS)]


def test_the_alerts_of_a_run_are_parsed(finance: DomainSpec, registry: Registry) -> None:
    found = alerts_of(finance, registry, record_world(finance, seed=4, days=20, fraud=5))
    assert len(found) > 100
    schema = alert_schema(finance)
    for record in found:
        headers = {name: value or b"" for name, value in record.headers}
        assert len(headers) == len(record.headers)
        event = from_kafka_event(KafkaMessage(headers, record.key, record.value or b""))
        body = orjson.loads(record.value or b"")
        assert event.get_type() == f"io.github.streamsim.finance.{body['rule']}"
        assert event.get_source() == "/streamsim/finance"
        assert event.get_subject() == (record.key or b"").decode()
        assert event.get_time().astimezone(UTC).timestamp() * 1000 == record.timestamp
        assert event.get_data() == body
        check(body, schema)


@pytest.mark.parametrize("name", domain_names())
def test_the_schema_resolves_at_the_service(name: str, registry: Registry) -> None:
    client = create_service(Shelf(registry), max_rows=1, max_body=1000).test_client()
    reply = client.get(schema_path(name))
    assert reply.status_code == 200
    assert reply.mimetype == "application/schema+json"
    assert orjson.loads(reply.data) == alert_schema(load_domain(name))
    assert client.get("/schemas/nothing.alerts.json").status_code == 404


def test_an_id_and_a_type_are_of_the_rule_and_the_place() -> None:
    body = {"event_time": "2025-01-01T00:00:00.000Z"}
    record = cloud_event("finance", "rule", "t:0:7", "c1", 5, body)
    headers = dict(record.headers)
    assert headers["ce_id"] == b"rule:t:0:7"
    assert headers["ce_type"] == b"io.github.streamsim.finance.rule"
