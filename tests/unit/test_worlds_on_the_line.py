"""Options of worlds on the command line: read by domain, and refused in one line."""

from __future__ import annotations

import pytest

from streamsim.simulator.commands.worlds import demos, options_of, worlds_of
from streamsim.streams.domains.finance import SPEC as FINANCE
from streamsim.streams.domains.logistics import SPEC as LOGISTICS
from streamsim.streams.errors import UsageError

OPTION, OTHER = list(FINANCE.world.options)[:2]


def test_options_are_collected_by_domain() -> None:
    texts = [f"finance.{OPTION}=3", f"finance.{OTHER}=0.5", f"finance.{OPTION}=4"]
    assert worlds_of(texts, [FINANCE, LOGISTICS]) == {"finance": {OPTION: 4.0, OTHER: 0.5}}
    assert worlds_of([], [FINANCE]) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("retail.x=1", "of a domain that is run"),
        (f"{OPTION}=1", "of a domain that is run"),
        ("finance", "has no ''"),
        ("finance.speed_of_light=1", f"has no 'speed_of_light'; it has: {OPTION}"),
        (f"finance.{OPTION}", "is a number, not ''"),
        (f"finance.{OPTION}=many", "is a number, not 'many'"),
        (f"finance.{OPTION}=nan", "is a finite number"),
        (f"finance.{OPTION}=-inf", "is a finite number"),
    ],
)
def test_a_mistake_is_named(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        worlds_of([text], [FINANCE])


def test_the_options_of_demonstrations_are_options_of_the_worlds() -> None:
    found = demos([FINANCE, LOGISTICS])
    assert found["finance"] == FINANCE.world.demo
    texts = [f"{name}={value}" for name, value in found["finance"].items()]
    assert options_of(texts, FINANCE) == found["finance"]
