"""The baseline of retail on the CDNOW customers: the published fit is found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from streamsim.benchmarks import cdnow as cdnow_bench
from streamsim.benchmarks.public_data.datasets import CDNOW_SAMPLE
from streamsim.benchmarks.studies.buying import BgNbd, purchases_by
from tests.realdata.downloads import downloaded

pytestmark = pytest.mark.slow

WEEK = pd.Timedelta(weeks=1)
BEGIN, END = pd.Timestamp("1997-01-01"), pd.Timestamp("1997-09-30")


@pytest.fixture(scope="module")
def sample() -> set[int]:
    """Who is in the published sample of a tenth: the package lifetimes (MIT) carries the list."""
    lines = (downloaded(CDNOW_SAMPLE) / "CDNOW_sample.txt").read_text().splitlines()
    return {int(line.split()[0]) for line in lines if line.strip()}


@pytest.fixture(scope="module")
def bought(cdnow: Path) -> pd.DataFrame:
    rows = pd.read_csv(cdnow, sep=r"\s+", header=0, names=["customer", "date", "discs", "dollars"])
    rows["week"] = (pd.to_datetime(rows["date"].astype(str), format="%Y%m%d") - BEGIN) / WEEK
    return rows


def test_the_published_parameters_are_found_again(bought: pd.DataFrame, sample: set[int]) -> None:
    """Fader, Hardie and Lee (2005), table 1: 2,357 customers, 39 weeks."""
    rows = bought[bought["customer"].isin(sample)]
    purchases = purchases_by(
        rows["customer"].to_numpy(), rows["week"].to_numpy(), (END - BEGIN) / WEEK
    )
    found = BgNbd.fit(purchases)
    assert len(purchases) == 2_357
    assert np.round([found.r, found.alpha, found.a, found.b], 3).tolist() == pytest.approx(
        [0.243, 4.414, 0.793, 2.426], abs=0.0011
    )
    assert found.log_likelihood == pytest.approx(-9582.4, abs=0.1)


def test_customers_of_all_of_it_return_as_often_as_is_said(bought: pd.DataFrame) -> None:
    end, fortnight = (END - BEGIN) / WEEK, 2.0
    customer, week = bought["customer"].to_numpy(), bought["week"].to_numpy()
    purchases = purchases_by(customer, week, end)
    chance = BgNbd.fit(purchases).buys_within(purchases, fortnight)
    later = customer[(week > end) & (week <= end + fortnight)]
    returned = np.isin(np.unique(customer[week <= end]), later)
    assert chance.mean() == pytest.approx(returned.mean(), rel=0.25)
    order = np.argsort(chance)
    lowest, highest = returned[order[:2_000]].mean(), returned[order[-2_000:]].mean()
    assert highest > 10 * max(lowest, 0.001)


def test_retail_s_features_beat_it(cdnow: Path) -> None:
    """With the lower end of the interval, on purchases after the fit."""
    figures = cdnow_bench.run(cdnow_bench.Options(data=cdnow))
    assert figures["bg_nbd"]["value"] > 0.74
    assert figures["gain"]["low"] > 0
