"""A spec that could not work is refused when it is made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.domains.finance import SPEC
from streams.errors import UsageError
from streams.spec import HOUR


def test_a_table_with_too_short_a_delay_is_refused() -> None:
    (table,) = SPEC.tables
    least = SPEC.trigger.allowed_lateness + SPEC.trigger.max_ahead
    replace(SPEC, tables=(replace(table, delay=least),))
    with pytest.raises(UsageError, match=f"terminals has a delay of {least - HOUR} ms"):
        replace(SPEC, tables=(replace(table, delay=least - HOUR),))
