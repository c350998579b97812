"""How hard the suite tries: as always, or with more and new cases (``make nightly``)."""

from __future__ import annotations

import os
import secrets

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
TIMES = 10 if NIGHTLY else 1
SEED = secrets.randbelow(1_000_000) if NIGHTLY else 10
"""New every night; a failure prints it."""
