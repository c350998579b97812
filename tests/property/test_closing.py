"""The account of a replay is complete: at the end of a recording no event waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamsim.models.loaded import Loaded
from streamsim.producers.recording import Recorded, Recording, make_recording
from streamsim.simulator.testing.outcome import Outcome
from streamsim.simulator.testing.replay import replay
from streamsim.streams.spec import HOUR, Role
from streamsim.streams.topics import topic
from tests.property.driving import SIGNATURE, checksum
from tests.property.examples import examples
from tests.property.logs import AHEAD, SPEC, Item, Step, Story, logs_of, steps, tell, wild_steps


class Checksum:
    """An estimator whose probabilities are checksums."""

    def fit(self, X: Any, y: Any) -> Any:
        raise NotImplementedError

    def predict_proba(self, X: Any) -> Any:
        return np.column_stack([1 - checksum(X), checksum(X)])


MODEL = Loaded(Checksum(), SIGNATURE)


def recorded(items: Iterable[Item]) -> Recording:
    return make_recording(
        Recorded(topic(SPEC.name, source), p, offset, max(i.time, 0), i.key, i.value, i.headers)
        for (source, p), log in logs_of(items).items()
        for offset, i in enumerate(log)
    )


def check(outcome: Outcome, items: Iterable[Item]) -> None:
    sent = Counter(SPEC.source(i.source).role for i in items if i.kind != "heartbeat")
    account: Any = outcome.account
    assert (account["in"], account["unaccounted"]) == (sent[Role.TRIGGER], 0)
    assert (account["labels"]["in"], account["labels"]["unaccounted"]) == (sent[Role.LABEL], 0)
    assert len(outcome.scores) == account["scored"]


@pytest.mark.parametrize("hold", [False, True])
@examples(0.4)
@given(story=st.lists(steps(), max_size=8), rows=st.sampled_from([1, 7, 50]))
@example(story=[Step(0, "transactions", 0, 0, 0, 1, None, AHEAD, "own")], rows=1)
def test_a_replay_closes_and_the_size_of_its_batches_makes_no_difference(
    story: Story, rows: int, hold: bool
) -> None:
    items = tell(story)
    whole = replay(SPEC, recorded(items), MODEL, hold=hold)
    check(whole, items)
    assert replay(SPEC, recorded(items), MODEL, hold=hold, rows=rows) == whole


@pytest.mark.parametrize("hold", [False, True])
@examples(0.4)
@given(story=st.lists(wild_steps(), max_size=8))
@example(story=[Step(HOUR, "transactions", 0, 0, 0, 1, None, 0, "far")])
def test_a_replay_closes_whatever_the_clocks_say(story: Story, hold: bool) -> None:
    items = tell(story)
    check(replay(SPEC, recorded(items), MODEL, hold=hold), items)
