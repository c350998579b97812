"""Errors of the remaining life by both conventions: against the capped life, and the true one."""

from __future__ import annotations

import numpy as np
import pytest

from streamsim.benchmarks.public_data.engines import CAP, Engines, Judged
from streamsim.benchmarks.turbofan import measure


def test_a_model_that_is_right_up_to_the_cap_errs_by_what_is_above_it() -> None:
    lives = (100, 200, 150)
    engine = np.repeat(np.arange(1, 4), lives)
    cycle = np.concatenate([np.arange(1, n + 1) for n in lives])
    engines = Engines(engine, cycle, np.zeros((len(engine), 21)), np.zeros(len(engine), np.int64))
    capped = np.minimum(engines.remaining, CAP)
    random = np.random.default_rng(0)
    chance, noise = random.random(len(engine)), random.normal(0, 1, len(engine))
    first = np.flatnonzero(cycle == 1)
    perfect = Judged(capped, chance, capped + 2, chance, [(first, capped[first])])
    figures = measure(engines, [perfect])
    above = engines.remaining - capped
    assert figures["rmse"].value == 0
    assert figures["rmse_uncapped"].value == pytest.approx(np.sqrt(np.mean(above**2)))
    assert figures["rmse_uncapped"].low < figures["rmse_uncapped"].high
    assert figures["rmse_age"].value == pytest.approx(2)
    # Engines of 100, 200 and 150 cycles, cut off after their first.
    assert figures["rmse_cut_off"].value == 0
    assert figures["rmse_cut_off_uncapped"].value == pytest.approx(np.sqrt((74**2 + 24**2) / 3))
    # Of the last 125 cycles alone the two conventions are one.
    noisy = Judged(capped + noise, chance, capped, chance, perfect.cut)
    figures = measure(engines, [noisy, noisy])
    assert figures["rmse_while_wearing"] == figures["rmse_while_wearing_uncapped"]
