"""A stand-in for a third party in this process, without HTTP and without delay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamsim.streams.asking import PartyAnswer
from streamsim.streams.errors import AnswerError
from streamsim.streams.spec.third_parties import StandIn, ThirdPartySpec, converse


class InMemory:
    """A :class:`streamsim.streams.asking.Client` that asks a stand-in in this process.

    Parameters
    ----------
    standin
        By default a new one without facts.
    """

    def __init__(self, party: ThirdPartySpec, standin: StandIn | None = None) -> None:
        self._party = party
        self._standin = party.standin.begin() if standin is None else standin
        self._asked: list[tuple[str, int]] = []

    def learn(self, facts: Sequence[Any]) -> None:
        """See :class:`streamsim.streams.asking.Client`."""
        self._standin.learn(list(facts))

    def ask(self, entity: str, at_ms: int) -> None:
        """See :class:`streamsim.streams.asking.Client`."""
        self._asked.append((entity, at_ms))

    def answers(self) -> Sequence[PartyAnswer]:
        """See :class:`streamsim.streams.asking.Client`."""
        asked, self._asked = self._asked, []
        said = []
        for entity, at_ms in asked:
            exchange = self._party.api.ask(entity)
            try:
                said.append(PartyAnswer(entity, at_ms, converse(exchange, self._standin.answer)))
            except AnswerError:
                continue  # as over HTTP: an invalid answer counts as none
        return said
