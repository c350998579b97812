"""Encounters have no dates: a file's are spread evenly over ten years."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.simulator.training_period import event_times
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.healthcare.files import BEGINS
from streamsim.streams.spec import DAY


@pytest.mark.parametrize("count", [1, 4, 50])
def test_encounters_without_dates_are_spread_over_ten_years_by_their_number(
    count: int, tmp_path: Path
) -> None:
    """A constant gap would lay half a file into half of the time."""
    spec = load_domain("healthcare")
    (kind,) = (one for one in spec.inputs.files if one.name == "encounters")
    names = [*kind.columns, "readmitted"]
    path = tmp_path / "encounters.csv"
    rows = [["1" if n != "encounter_id" else str(i) for n in names] for i in range(count)]
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")
    times = event_times(spec, path)
    gap = 3_653 * DAY // count
    assert times.tolist() == [BEGINS + i * gap for i in range(count)]
