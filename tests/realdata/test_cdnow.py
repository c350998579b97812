"""The baseline of retail on the CDNOW customers: the published fit is found again."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.buying import BgNbd, purchases_by

pytestmark = pytest.mark.slow

WEEK = pd.Timedelta(weeks=1)
BEGIN, END = pd.Timestamp("1997-01-01"), pd.Timestamp("1997-09-30")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> set[int]:
    """Who is in the published sample of a tenth: the package lifetimes (MIT) carries the list."""
    folder = tmp_path_factory.mktemp("lifetimes")
    wanted = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "lifetimes==0.11.3"]
    done = subprocess.run(
        [*wanted, "--dest", str(folder)], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode != 0:
        pytest.skip(f"the list of the sample cannot be downloaded: {done.stderr.strip()[-200:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read("lifetimes/datasets/CDNOW_sample.txt").decode().splitlines()
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
