"""A warm-up: what comes before the first scored event fills the state, and nothing else."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
import orjson

from streamsim.consumers.state.account import SCORED, WARM_UP
from streamsim.models.loaded import Loaded
from streamsim.simulator.in_process import InProcess
from streamsim.streams.codec import parse_times
from streamsim.streams.events import NO_TIME, Outbound
from streamsim.streams.spec import DomainSpec
from streamsim.streams.spec.world import Slice
from streamsim.streams.topics import ALERTS, CORRECTIONS, SCORES, topic
from tests.contract.runs import drive

KEY = secrets.token_bytes(32)


def run(
    spec: DomainSpec, world: Sequence[Slice], model: Loaded, since: int = NO_TIME
) -> tuple[InProcess, dict[str, list[Outbound]]]:
    renewed = model.estimator if spec.model.renewal is not None else None
    domain = InProcess(
        spec, model.answer, model.signature, key=KEY, renewed=renewed, score_from=since
    )
    outputs: dict[str, list[Outbound]] = {}
    for record in drive(spec, world, 2048, domain):
        outputs.setdefault(record.topic, []).append(record)
    return domain, outputs


def test_what_is_scored_is_scored_as_without_a_warm_up(
    domain: DomainSpec, world: Sequence[Slice], model: Loaded
) -> None:
    whole, outputs = run(domain, world, model)
    names = topic(domain.name, SCORES), topic(domain.name, CORRECTIONS)
    scores = {name: [orjson.loads(r.value or b"") for r in outputs.get(name, ())] for name in names}
    times = parse_times([body["event_time"] for body in scores[names[0]]])
    since = int(np.median(times))
    later = {
        name: [b for b in bodies if parse_times([b["event_time"]])[0] >= since]
        for name, bodies in scores.items()
    }
    warmed, found = run(domain, world, model, since)
    for name in names:
        own = [orjson.loads(record.value or b"") for record in found.get(name, ())]
        assert sorted(own, key=_id) == sorted(later[name], key=_id)
    counts = warmed.pipeline.account.total(domain.trigger.name)
    before = whole.pipeline.account.total(domain.trigger.name)
    assert counts[WARM_UP] == int((times < since).sum()) > 0
    assert counts[SCORED] + counts[WARM_UP] == before[SCORED]
    alerts = [orjson.loads(r.value or b"") for r in found.get(topic(domain.name, ALERTS), ())]
    assert all(parse_times([body["event_time"]])[0] >= since for body in alerts)


def _id(body: dict[str, object]) -> str:
    return str(body["event_id"])
