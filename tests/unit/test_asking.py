"""Answers of a third party become events that have the same fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from streamsim.streams.asking import PartyAnswer, ask_third_party
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import UsageError


class Oracle:
    """Answers every question at once."""

    def __init__(self) -> None:
        self.open: list[PartyAnswer] = []

    def learn(self, facts: Sequence[Any]) -> None:
        """Need no facts."""

    def ask(self, entity: str, at_ms: int) -> None:
        self.open.append(PartyAnswer(entity, at_ms, None))

    def answers(self) -> Sequence[PartyAnswer]:
        answers, self.open = self.open, []
        return answers


def test_an_event_without_a_field_of_the_others_is_named() -> None:
    spec = load_domain("retail")
    (party,) = spec.inputs.third_parties
    told: set[str] = set()

    def event(entity: str, content: Any, asked_at: int) -> dict[str, Any]:
        told.add(entity)
        return {"household_id": entity, **({"tier": "gold"} if len(told) % 2 else {})}

    slices = spec.world.make(1, dict(spec.world.options)).slices()
    with pytest.raises(UsageError, match=r"same fields.*'tier' is not in every answer"):
        list(ask_third_party(spec, replace(party, event=event), islice(slices, 400), Oracle()))
