"""Hypothesis profiles: ``HYPOTHESIS_PROFILE=nightly`` tries sixty times as many examples."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from streamsim.consumers.monitor.drift.profile_counts import ProfileCounts

BY_DAY, BY_NIGHT = 30, 2_000

# A first example pays for imports, and machines differ: slowness is the whole suite's affair. By
# default the same examples are tried on every machine; the nightly ones are new each time.
settings.register_profile(
    "default", max_examples=BY_DAY, deadline=None, print_blob=True, derandomize=True
)
settings.register_profile(
    "nightly", settings.get_profile("default"), max_examples=BY_NIGHT, derandomize=False
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="module")
def profile_of_every_row() -> Iterator[None]:
    """Let pipelines count all rows that they score by their model's profile, not one in ten."""
    defaults = ProfileCounts.__init__.__kwdefaults__
    assert defaults is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(defaults, "every", 1)
        yield
