"""Alerts of feeds: raised for planted anomalies, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from streamsim.simulator.domain_stream import world_slices
from streamsim.simulator.in_process import InProcess
from streamsim.streams.codec import parse_times
from streamsim.streams.spec import DAY, HOUR, DomainSpec
from streamsim.streams.spec.world import Slice
from streamsim.streams.topics import ALERTS, TRUTH, topic
from tests.contract.runs import bodies, drive

SEED = 31_338


def feed_alerts(spec: DomainSpec, slices: list[Slice]) -> Iterator[tuple[str, str, int]]:
    """Yield kind, feed and time (ms) of each alert."""
    for record in drive(spec, slices, 8192, InProcess(spec)):
        if record.topic == topic(spec.name, ALERTS):
            body = orjson.loads(record.value or b"")
            if "feed" in body:
                yield body["rule"], body["feed"], int(parse_times([body["event_time"]])[0])


def test_planted_anomalies_of_feeds_raise_alerts(retail: DomainSpec) -> None:
    slices = list(world_slices(retail, SEED, retail.world.options, 90))
    alerts = list(feed_alerts(retail, slices))
    planted = [
        (b["kind"], b["feed"], *parse_times([b["onset"], b["until"]]).tolist())
        for b in bodies(slices, TRUTH)
        if b.get("feed")
    ]
    learnt = retail.world.epoch + 14 * DAY
    silent = [p for p in planted if p[0] == "feed_silent" and p[2] > learnt]
    noticed = [
        any(
            rule in ("feed_silent", "feed_late") and feed == who and onset < at <= until + 2 * HOUR
            for rule, who, at in alerts
        )
        for _, feed, onset, until in silent
    ]
    assert len(silent) >= 5
    assert sum(noticed) >= 0.7 * len(silent)
    disagree = [p for p in planted if p[0] == "feed_disagrees"]
    told = [
        any(rule == "feed_disagrees" and onset < at <= until + 5 * DAY for rule, _, at in alerts)
        for _, _, onset, until in disagree
    ]
    assert len(disagree) >= 3
    assert sum(told) >= 0.6 * len(told)
    # Each alert is near a planted anomaly.
    for rule, _, at in alerts:
        assert any(onset < at <= until + 5 * DAY for _, _, onset, until in planted), (rule, at)


def test_healthy_feeds_raise_no_alert(retail: DomainSpec) -> None:
    slices = list(world_slices(retail, SEED, {**retail.world.options, "defects": 0.0}, 60))
    assert list(feed_alerts(retail, slices)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_premieres_raise_alerts_of_spikes_and_evenings_do_not(
    technology: DomainSpec, seed: int
) -> None:
    """Evenings and weekends have several times the traffic of other hours, as usual."""
    slices = list(world_slices(technology, seed, technology.world.options, 60))
    alerts = list(feed_alerts(technology, slices))
    assert {rule for rule, *_ in alerts} == {"traffic_spike", "feed_recovered"}
    assert {feed for _, feed, _ in alerts} == {"views"}
    planted = [
        tuple(parse_times([b["onset"], b["until"]]).tolist())
        for b in bodies(slices, TRUTH)
        if b["kind"] == "spike"
    ]
    told = [at for rule, _, at in alerts if rule == "traffic_spike"]
    assert all(any(onset < at <= until for onset, until in planted) for at in told)
    learnt = technology.world.epoch + 7 * DAY
    late = [(onset, until) for onset, until in planted if onset >= learnt]
    found = [any(onset < at <= until for at in told) for onset, until in late]
    assert len(late) >= 3
    assert sum(found) >= 0.6 * len(late)
