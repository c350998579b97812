"""Data that has to be downloaded: skipped where there is no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.benchmarks.public_data.datasets import Dataset, fetch
from streamsim.streams.errors import SourceError


def downloaded(dataset: Dataset) -> Path:
    """Return the folder of a data set's files; skip if they are not there and cannot be had."""
    try:
        return fetch(dataset)
    except SourceError as error:
        if "is not what is pinned" in str(error):
            raise
        pytest.skip(str(error))
