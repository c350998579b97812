"""The watch over one model: what it says, from when on, and of which champion."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import orjson
import pytest

from streamsim.consumers.monitor.drift.profile_counts import ProfileCounts
from streamsim.consumers.monitor.incidents.incident import Change, Turn
from streamsim.consumers.monitor.incidents.incident_records import incident_record
from streamsim.consumers.monitor.segment_names import name_code
from streamsim.consumers.state.store import Parts
from streamsim.simulator.run.life.watching.drift_watch import DATA_QUALITY, DRIFT
from streamsim.simulator.run.life.watching.error_watch import ERROR_DRIFT
from streamsim.simulator.run.life.watching.model_watch import (
    LOW_METRIC,
    ModelWatch,
    Observed,
)
from streamsim.streams.errors import ForeignRecordError
from streamsim.streams.events import Events, as_objects
from streamsim.streams.spec import DAY
from streamsim.streams.statistics.reference_profile import Reference
from streamsim.streams.stored.packing import pack, unpack
from tests.lives import BAD, FIRST, GOOD, SPEC, record

DELAY, STEP = SPEC.labels.delay, SPEC.alerting.accuracy.step
TRAINED = np.random.default_rng(3).normal(size=(20_000, 3)).astype(np.float32)
REFERENCE = Reference.fit(["heat", "load"], TRAINED[:, :2], TRAINED[:, 2])
WARM_UP = 3 * DAY
WARM_STEPS = 31


class Watched:
    """A watch, and the days that it is told."""

    def __init__(self, reference: Reference | None = None, warm_up: int = 0) -> None:
        self.champion = "1"
        self.reference = reference
        self.watch = ModelWatch(SPEC, lambda at: self.champion, reference, warm_up)
        self.day = FIRST
        self.counts = ProfileCounts("finance", REFERENCE, SPEC.partitions, step=STEP, every=1)

    def labelled(self, off: float, *, n: int = 40, north: float | None = None) -> list[Observed]:
        """Tell a day whose scores are so far from the labels, in one segment otherwise."""
        found, since = [], self.day * DAY
        self.day += 1
        for p in range(SPEC.partitions):
            rows = []
            for row in range(n // SPEC.partitions):
                label, is_north = row % 2, row % 4 < 2
                own = north if is_north and north is not None else off
                score = round(1e6 * (own if label == 0 else 1 - own))
                segment = name_code("north" if is_north else "south")
                rows.append((since + row, score, label, name_code(self.champion), -1, segment))
            value = record(p, since, since + DAY, rows, ["north", "south"])
            found += self.watch.take_labelled(value)
        return found

    def profiles(self, shift: float = 0.0, *, lost: bool = False) -> list[Observed]:
        """Tell a day of features: as in training, shifted, or with one that is missing."""
        n, since = 2_000, self.day * DAY
        drawn = np.random.default_rng(self.day).normal(size=(n, 3)).astype(np.float32)
        features, scores = drawn[:, :2], drawn[:, 2].astype(np.float64)
        self.day += 1
        features[:, 0] += shift
        if lost:
            features[:, 1] = np.nan
        partition, time = np.arange(n) % SPEC.partitions, np.full(n, since)
        ids = as_objects(str(i) for i in range(n))
        events = Events("s", partition, np.arange(n), time, time, time, ids, ids, {})
        self.counts.add(events, features, scores)
        records = self.counts.close(np.full(SPEC.partitions, since + DAY))
        return [own for told in records for own in self.watch.take_profiles(told.value)]


def changes(found: Sequence[Observed], but: str = ERROR_DRIFT) -> list[Change]:
    """Return what becomes of incidents; errors have a test of their own."""
    told = [change for own in found for change in own.changes]
    return [change for change in told if change.incident.cause.rule != but]


def warm(own: Watched) -> None:
    for _ in range(WARM_STEPS):
        assert changes(own.labelled(GOOD)) == []


def test_the_level_rests_on_good_steps_from_the_first_full_window_on() -> None:
    own = Watched()
    for _ in range(2):
        own.labelled(BAD)
    assert math.isnan(own.watch.level)
    warm(own)
    assert own.watch.level == pytest.approx(GOOD**2)
    own.labelled(BAD)
    assert own.watch.level == pytest.approx(GOOD**2)


def test_a_falling_metric_opens_one_incident_that_began_before_it_was_known() -> None:
    own = Watched()
    warm(own)
    assert own.watch.level == pytest.approx(GOOD**2)
    first = own.day
    found = [observed for _ in range(6) for observed in own.labelled(BAD)]
    (opened,) = changes(found)
    assert opened.turn is Turn.OPENED
    assert opened.incident.cause.rule == LOW_METRIC
    assert opened.incident.since == first * DAY
    assert opened.at == opened.incident.opened_at == first * DAY + 2 * STEP + DELAY
    assert [own.known_at for own in found] == [(first + n) * DAY + STEP + DELAY for n in range(6)]


def test_it_is_told_again_while_it_lasts_and_resolved_once_it_is_well() -> None:
    own = Watched()
    warm(own)
    told = changes([seen for _ in range(12) for seen in own.labelled(BAD)])
    assert [change.turn for change in told] == [Turn.OPENED, Turn.RENOTIFIED]
    told = changes([seen for _ in range(8) for seen in own.labelled(GOOD)])
    assert [change.turn for change in told] == [Turn.RESOLVED]


def test_a_loss_within_the_margin_is_none() -> None:
    own = Watched()
    warm(own)
    margin = SPEC.alerting.accuracy.margin
    within = math.sqrt(GOOD**2 + 0.9 * margin)
    assert changes([seen for _ in range(6) for seen in own.labelled(within)]) == []


def test_the_incident_of_a_champion_ends_with_it() -> None:
    own = Watched()
    warm(own)
    assert [c.turn for c in changes([s for _ in range(4) for s in own.labelled(BAD)])] == [
        Turn.OPENED
    ]
    own.champion = "2"
    (ended,) = changes([seen for _ in range(WARM_STEPS) for seen in own.labelled(BAD)])
    assert ended.turn is Turn.RESOLVED
    assert ended.by is not None
    assert ended.by.text == "2 answers now"
    assert incident_record(ended).value.count(b"2 answers now; bad since") == 1


def test_a_champion_that_returns_is_compared_with_what_it_used_to_reach() -> None:
    own = Watched()
    warm(own)
    own.champion = "2"
    for _ in range(3):
        own.labelled(BAD)
    own.champion = "1"
    told = changes([seen for _ in range(6) for seen in own.labelled(BAD)])
    assert [change.turn for change in told] == [Turn.OPENED]
    assert own.watch.level == pytest.approx(GOOD**2)


def test_each_champion_has_a_level_of_its_own() -> None:
    own = Watched()
    warm(own)
    own.champion = "2"
    own.labelled(0.3)
    assert math.isnan(own.watch.level)
    assert changes([seen for _ in range(WARM_STEPS) for seen in own.labelled(0.3)]) == []
    assert own.watch.level == pytest.approx(0.3**2)


def test_scores_of_another_version_do_not_count() -> None:
    own = Watched()
    warm(own)
    own.champion = "2"
    (seen,) = own.labelled(BAD)
    assert seen.health is not None
    assert seen.health.samples == 40 < len(own.watch.steps.rows)


def test_too_few_labels_say_nothing() -> None:
    own = Watched()
    warm(own)
    few = [seen for _ in range(6) for seen in own.labelled(BAD, n=4)]
    assert changes(few) == []
    assert few[-1].health is not None
    assert not few[-1].health.is_known


def test_the_worst_segment_is_named() -> None:
    own = Watched()
    warm(own)
    (opened,) = changes([seen for _ in range(3) for seen in own.labelled(GOOD, north=0.9)])
    assert "; worst in terminal_id north (" in opened.incident.latest.text


def test_drift_counts_after_the_windows_have_filled() -> None:
    own = Watched(REFERENCE, WARM_UP)
    seen = [found for _ in range(8) for found in own.profiles(shift=2.0)]
    (opened,) = changes(seen)
    assert opened.incident.cause.rule == DRIFT
    assert opened.incident.latest.text.startswith("heat: ")
    assert min(found.known_at for found in seen) >= (FIRST + 1) * DAY + WARM_UP
    assert all(found.health is None for found in seen)


def test_the_features_of_training_have_not_drifted() -> None:
    own = Watched(REFERENCE)
    assert changes([found for _ in range(10) for found in own.profiles()]) == []


def test_missing_values_are_a_fault_of_the_data_and_no_drift() -> None:
    own = Watched(REFERENCE)
    for _ in range(3):
        own.profiles()
    told = changes([found for _ in range(4) for found in own.profiles(lost=True)])
    assert {change.incident.cause.rule for change in told} == {DATA_QUALITY}
    assert told[0].incident.latest.text.startswith("load: unknown")
    told = changes([found for _ in range(8) for found in own.profiles()])
    assert [change.turn for change in told] == [Turn.RESOLVED]


def test_without_a_profile_drift_is_not_watched() -> None:
    assert Watched(None).watch.take_profiles(b"anything") == []


def test_what_no_worker_has_written_is_foreign() -> None:
    own = Watched(REFERENCE).watch
    for read in (own.take_labelled, own.take_profiles):
        with pytest.raises(ForeignRecordError):
            read(b"{}")


@pytest.mark.parametrize("at", range(0, 14, 3))
def test_restored_it_says_the_same(at: int) -> None:
    whole, own = Watched(REFERENCE, WARM_UP), Watched(REFERENCE, WARM_UP)
    said: list[list[tuple[str, str, int]]] = [[], []]
    for day in range(14):
        for place, part in enumerate((whole, own)):
            found = part.labelled(GOOD if day < 6 else BAD)
            part.day -= 1
            found += part.profiles(shift=2.0 if day > 7 else 0.0)
            said[place] += [
                (change.turn, change.incident.id, change.at) for change in changes(found, but="")
            ]
        if day == at:
            columns, state = own.watch.snapshot()
            again = ModelWatch(SPEC, lambda at: "1", REFERENCE, WARM_UP)
            again.restore(Parts([unpack(pack(columns))]), orjson.loads(orjson.dumps(state)))
            own.watch = again
    assert said[0] == said[1]
    assert {turn for turn, _, _ in said[0]} >= {Turn.OPENED}
    assert own.watch.level == whole.watch.level
