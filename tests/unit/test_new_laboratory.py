"""A laboratory with other methods and units gets a share of the samples from a known time on."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import orjson

from streamsim.streams.calendar import EPOCH
from streamsim.streams.codec import parse_times
from streamsim.streams.domains.healthcare.charts import Results
from streamsim.streams.domains.healthcare.clinical.units import analyte, harmonise
from streamsim.streams.domains.healthcare.new_laboratory import OPTIONS, NewLaboratory
from streamsim.streams.domains.healthcare.results import ANALYTES
from streamsim.streams.domains.healthcare.simulate import world
from streamsim.streams.spec import DAY

AT = 4.5


def _results() -> Results:
    """Return a thousand samples of eight results each, before and after the change."""
    n, k = 1000, len(ANALYTES)
    at = np.repeat(np.linspace(0.0, 9.0, n), k)
    return Results(
        np.repeat(np.arange(n) // 4, k), at, np.tile(np.arange(k), n), np.full(n * k, 100.0)
    )


def test_it_gets_whole_samples_from_its_day_on() -> None:
    results = _results()
    laboratory = NewLaboratory(1, {**OPTIONS, "change_day": AT, "change_size": 0.5})
    written = laboratory.measured(results, 0).reshape(-1, len(ANALYTES))
    changed = written != 100.0
    assert (changed.any(axis=1) == changed.all(axis=1)).all()
    after = results.at.reshape(changed.shape)[:, 0] >= AT
    assert not changed[~after].any()
    assert 0.42 < changed[after].all(axis=1).mean() < 0.58
    methods = np.unique(written[changed[:, 0]], axis=0)
    assert len(methods) == 1  # the same methods for all


def test_without_a_day_or_a_share_it_gets_nothing() -> None:
    results = _results()
    for options in (OPTIONS, {**OPTIONS, "change_day": AT, "change_size": 0.0}):
        assert (NewLaboratory(1, options).measured(results, 0) == results.value).all()


def test_its_results_have_the_old_names_units_and_ranges_and_are_possible() -> None:
    """So that nothing but the values tells them from those of the old laboratory."""
    size = {"patients": 8000.0, "defects": 0.0}
    still, changed = (_labs({**size, "change_day": day, "change_size": 1.0}) for day in (0.0, AT))
    assert [_but_value(body) for body in still] == [_but_value(body) for body in changed]
    late = parse_times([body["event_time"] for body in still]) >= EPOCH + AT * DAY
    pairs = list(zip(still, changed, late.tolist(), strict=True))
    assert all(a["value"] == b["value"] for a, b, is_late in pairs if not is_late)
    hemoglobin = [(a, b) for a, b, is_late in pairs if is_late and a["analyte"] == "Hemoglobin"]
    ratio = [float(b["value"]) / float(a["value"]) for a, b in hemoglobin]
    assert len(ratio) > 50
    assert 0.61 < np.mean(ratio) < 0.63
    found = harmonise(
        analyte("hemoglobin"),
        [b["value"] for _, b in hemoglobin],
        [b["unit"] for _, b in hemoglobin],
    )
    assert not found.impossible.any()
    assert not found.unread.any()


def _labs(options: dict[str, float]) -> list[dict[str, Any]]:
    found = [
        orjson.loads(value)
        for piece in islice(world(2, options).slices(), 9 * 24)
        for emission in piece.emissions
        if emission.source == "labs"
        for value in emission.values
    ]
    return sorted(found, key=lambda body: str(body["event_id"]))


def _but_value(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "value"}
