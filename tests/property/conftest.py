"""Hypothesis profiles: ``HYPOTHESIS_PROFILE=nightly`` tries sixty times as many examples."""

from __future__ import annotations

import os

from hypothesis import settings

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
