"""The gates about what a challenger says stand in one order, and judge the later events."""

from __future__ import annotations

import numpy as np

from streamsim.models.adapting.gates import Judged
from streamsim.models.adapting.quality_gates import quality_gates
from streamsim.models.labelled import Labelled
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.events import as_objects
from streamsim.streams.spec.adapting import Margins

N = 600


def test_a_better_model_passes_each_gate_and_a_worse_one_does_not() -> None:
    spec = load_domain("finance")
    random = np.random.default_rng(1)
    truth = (random.random(N) < 0.2).astype(np.int64)
    right = Judged(np.where(truth == 1, 0.9, 0.05), truth, np.empty((N, 0)))
    wrong = Judged(random.random(N), truth, np.empty((N, 0)))
    entities = as_objects(f"e{n % 80}" for n in range(N))
    times = np.arange(N)
    held = Labelled(np.zeros((N, 2), np.float32), truth, times, entities, np.empty((N, 0)))
    none = as_objects([""] * N)
    gates = quality_gates(spec, Margins(), right, wrong, held, none)
    assert [gate.name for gate in gates] == ["better", "calibration", "brier", "segment"]
    assert all(gate.passed for gate in gates)
    turned = quality_gates(spec, Margins(), wrong, right, held, none)
    assert [gate.name for gate in turned if not gate.passed] == ["better", "calibration", "brier"]
