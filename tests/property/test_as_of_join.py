"""As-of joins: events meet what was known at their time, in any order of arrival."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsim.consumers.featurize.as_of_join import VersionJoin, as_columns
from streamsim.consumers.featurize.field_join import FieldJoin, new_join
from streamsim.consumers.state.store import Columns, Parts
from streamsim.streams.errors import StateError
from streamsim.streams.events import NO_TIME, Events, as_objects
from streamsim.streams.spec.features import AsOfJoin

LOOKUP = AsOfJoin("profiles", ("age", "income"), delay=5)
CARRIED = AsOfJoin("profiles", ("age", "income"), delay=5, name="said", carry=True)
VERSIONS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from("abc"),
        st.integers(0, 60),
        st.one_of(st.none(), st.sampled_from(["young", "old"])),
        st.one_of(st.just(float("nan")), st.floats(0, 9)),
    ),
    max_size=25,
)
ASKED = st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abcd"), st.integers(30, 80)))


def events(rows: list[tuple[int, str, int, str | None, float]]) -> Events:
    partition, entity, time, age, income = zip(*rows, strict=True) if rows else ((),) * 5
    n = len(rows)
    return Events(
        "profiles",
        np.array(partition, np.int64),
        np.arange(n),
        np.array(time, np.int64),
        np.array(time, np.int64),
        np.full(n, NO_TIME),
        as_objects(map(str, range(n))),
        as_objects(entity),
        {"age": as_objects(age), "income": np.array(income, np.float64)},
    )


def known(
    rows: list[tuple[int, str, int, str | None, float]], partition: int, entity: str, time: int
) -> tuple[int, str | None, float | None]:
    """Return the newest version by a linear search; of equal times, the last to arrive."""
    own = [r for r in rows if r[:2] == (partition, entity) and r[2] + LOOKUP.delay <= time]
    if not own:
        return NO_TIME, None, None
    newest = max(r[2] for r in own)
    *_, age, income = [r for r in own if r[2] == newest][-1]
    return newest, age, None if income != income else income


@given(VERSIONS, ASKED, st.integers(0, 25), st.integers(0, 30))
def test_an_event_meets_the_newest_version_that_was_known(
    rows: list[tuple[int, str, int, str | None, float]],
    asked: list[tuple[int, str, int]],
    cut: int,
    asks_from: int,
) -> None:
    """Deleting versions that can no longer be looked up changes nothing, nor does a checkpoint."""
    state = VersionJoin(LOOKUP, 2)
    limit = np.full(2, asks_from)
    state.add(events(rows[:cut]), limit)
    kept = [state.snapshot(p) for p in range(2)]
    state = VersionJoin(LOOKUP, 2)
    for p, columns in enumerate(kept):
        state.restore(p, Parts([columns]))
    state.add(events(rows[cut:]), limit)
    partition, entity, time = zip(*asked, strict=True) if asked else ((), (), ())
    joined = state.as_of(
        np.array(partition, np.int64), as_objects(entity), np.array(time, np.int64)
    )
    found = zip(joined.time.tolist(), joined.columns["age"], joined.columns["income"], strict=True)
    assert list(found) == [known(rows, *one) for one in asked]


def test_what_is_written_down_of_a_version_is_its_fields() -> None:
    rows = [(0, "a", 1, None, float("nan")), (0, "a", 2, "old", 1.5)]
    written = as_columns(events(rows), LOOKUP)["row"]
    assert written.tolist() == ["[null,null]", '["old",1.5]']


def carried(
    rows: list[tuple[int, str, int, str | None, float]], partition: int, entity: str, time: int
) -> tuple[int, str | None, float | None]:
    """Return the newest value of each field by a linear search, and the newest time."""
    own = [r for r in rows if r[:2] == (partition, entity) and r[2] + CARRIED.delay <= time]
    ages = sorted((r for r in own if r[3] is not None), key=lambda r: r[2])
    incomes = sorted((r for r in own if r[4] == r[4]), key=lambda r: r[2])
    newest = max([NO_TIME, *(said[-1][2] for said in (ages, incomes) if said)])
    return newest, ages[-1][3] if ages else None, incomes[-1][4] if incomes else None


@given(VERSIONS, ASKED, st.integers(0, 25), st.integers(0, 30))
def test_a_field_keeps_what_was_last_said_of_it(
    rows: list[tuple[int, str, int, str | None, float]],
    asked: list[tuple[int, str, int]],
    cut: int,
    asks_from: int,
) -> None:
    """The same per field: any order of arrival, deletion of old versions, and a checkpoint."""
    state = new_join(CARRIED, 2)
    assert isinstance(state, FieldJoin)
    limit = np.full(2, asks_from)
    state.add(events(rows[:cut]), limit)
    kept = [state.snapshot(p) for p in range(2)]
    state = new_join(CARRIED, 2)
    for p, columns in enumerate(kept):
        state.restore(p, Parts([columns]))
    state.add(events(rows[cut:]), limit)
    partition, entity, time = zip(*asked, strict=True) if asked else ((), (), ())
    joined = state.as_of(
        np.array(partition, np.int64), as_objects(entity), np.array(time, np.int64)
    )
    found = zip(joined.time.tolist(), joined.columns["age"], joined.columns["income"], strict=True)
    assert list(found) == [carried(rows, *one) for one in asked]


@given(st.lists(VERSIONS, max_size=4), ASKED, st.integers(0, 4))
def test_a_snapshot_and_what_changed_since_restore_each_field(
    batches: list[list[tuple[int, str, int, str | None, float]]],
    asked: list[tuple[int, str, int]],
    cut: int,
) -> None:
    state, always = new_join(CARRIED, 2, journal=True), np.full(2, NO_TIME)
    parts: list[list[Columns]] = [[], []]
    for number, batch in enumerate(batches):
        state.add(events(batch), always)
        for p, columns in enumerate(parts):
            if number == cut:
                columns[:] = [state.snapshot(p)]
        for p, changed in state.delta().items():
            parts[p].append(changed)
    restored = new_join(CARRIED, 2)
    for p, columns in enumerate(parts):
        restored.restore(p, Parts(columns))
    rows = [row for batch in batches for row in batch]
    partition, entity, time = zip(*asked, strict=True) if asked else ((), (), ())
    joined = restored.as_of(
        np.array(partition, np.int64), as_objects(entity), np.array(time, np.int64)
    )
    found = zip(joined.time.tolist(), joined.columns["age"], joined.columns["income"], strict=True)
    assert list(found) == [carried(rows, *one) for one in asked]


def test_of_old_values_the_newest_of_each_field_is_kept() -> None:
    nothing = float("nan")
    rows = [(0, "a", 1, "young", nothing), (0, "a", 2, "old", nothing)]
    rows += [(0, "a", time, None, float(time)) for time in range(3, 40)]
    state = new_join(CARRIED, 1)
    for row in rows:
        state.add(events([row]), np.full(1, 30))
    kept = Parts([state.snapshot(0)])
    times = kept.of("number").ints("time").tolist()
    assert kept.texts("row") == ['["old",null]']
    assert 25 - 11 <= times[0] <= 25
    assert times[-15:] == list(range(25, 40))


def test_a_field_that_the_join_does_not_have_is_refused() -> None:
    one = np.array([1])
    rows = {"number:key": ["a"], "number:time": one, "number:field": 2 * one, "number:value": one}
    with pytest.raises(StateError, match="a field is not one of its 2"):
        new_join(CARRIED, 1).restore(0, Parts([rows]))


def test_a_state_of_another_width_is_refused() -> None:
    rows = {"key": ["a"], "time": np.array([1]), "row": ["[1,2,3]"]}
    with pytest.raises(StateError, match="a version has 3 fields"):
        new_join(CARRIED, 1).restore(0, Parts([rows]))


def test_what_a_plain_lookup_is_called_changes_no_fingerprint() -> None:
    assert AsOfJoin("profiles", ("age",)).apart == ()
    assert AsOfJoin("profiles", ("age",), name="then").apart == ("then", False)
    assert CARRIED.apart == ("said", True)
