"""An invalid spec is refused when it is created."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.finance import SPEC
from streamsim.streams.errors import UsageError
from streamsim.streams.events import NO_TIME, Events, as_objects
from streamsim.streams.spec import HOUR, DomainSpec, GlobalTableSpec
from streamsim.streams.spec.feature_vector import Joined
from streamsim.streams.spec.features import Tracked, Tracker

VECTOR = SPEC.features.vector


def with_table(table: GlobalTableSpec) -> DomainSpec:
    return replace(SPEC, features=replace(SPEC.features, tables=(table,)))


def test_a_table_with_too_short_a_delay_is_refused() -> None:
    (table,) = SPEC.features.tables
    least = SPEC.trigger.allowed_lateness + SPEC.trigger.max_ahead
    with_table(replace(table, delay=least))
    with pytest.raises(UsageError, match=f"terminals has a delay of {least - HOUR} ms"):
        with_table(replace(table, delay=least - HOUR))


def test_a_tracker_can_only_know_of_what_is_joined() -> None:
    features = load_domain("logistics").features
    (tracker,) = features.trackers
    with pytest.raises(UsageError, match="condition needs tides, which no as-of join has"):
        replace(features, trackers=(replace(tracker, joined=("tides",)),))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"names": (*VECTOR.names, "amount")}, "a name occurs twice"),
        ({"names": (*VECTOR.names, "mood")}, "help lacks 'mood'"),
        ({"groups": {**VECTOR.groups, "mood": ("mood",)}}, "groups has 'mood', which is no"),
        ({"phrases": {"amonut": ""}}, "phrases has 'amonut', which is no feature"),
        ({"unknown": {"amonut": ""}}, "unknown has 'amonut', which is no feature"),
        ({"phrases": {"amount": "{valeu}"}}, "'amount' is no format of value and usual: 'valeu'"),
        ({"phrases": {"amount": "{value.x}"}}, "'amount' is no format of value and usual"),
        ({"phrases": {"amount": "{value:d}"}}, "'amount' is no format of value and usual"),
    ],
)
def test_features_that_do_not_fit_together_are_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        replace(VECTOR, **change)


@pytest.mark.parametrize(
    ("group", "change", "match"),
    [
        (
            "inputs",
            lambda inputs: {"sources": inputs.sources[1:]},
            "has one trigger; here are none",
        ),
        (
            "inputs",
            lambda inputs: {"sources": inputs.sources * 2},
            "two sources have the same name",
        ),
        ("inputs", lambda inputs: {"heartbeat": 0}, "heartbeat must be positive"),
        (
            "inputs",
            lambda inputs: {"databases": (replace(inputs.databases[0], source="tills"),)},
            "tills is no context source",
        ),
        (
            "features",
            lambda features: {"joins": features.joins * 2},
            "two as-of joins have the same",
        ),
        (
            "features",
            lambda features: {"windows": features.windows * 2},
            "two windows have the same",
        ),
        ("labels", lambda labels: {"field": None}, "labels without a field are all 1"),
        ("labels", lambda labels: {"delay": -1}, "cannot be negative"),
        ("world", lambda world: {"days_per_minute": 0.0}, "days_per_minute must be positive"),
    ],
)
def test_a_group_refuses_what_cannot_be(
    group: str, change: Callable[[Any], dict[str, Any]], match: str
) -> None:
    own: Any = getattr(load_domain("retail"), group)
    with pytest.raises(UsageError, match=match):
        replace(own, **change(own))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"join": "weather"}, "retail: there is no as-of join weather to score again by"),
        ({"field": "weather"}, "retail: loyalty has no field weather"),
    ],
)
def test_what_is_scored_again_needs_a_join_that_brings_it(
    change: dict[str, str], match: str
) -> None:
    retail = load_domain("retail")
    assert retail.model.rescoring is not None
    model = replace(retail.model, rescoring=replace(retail.model.rescoring, **change))
    with pytest.raises(UsageError, match=match):
        replace(retail, model=model)


def test_an_estimate_is_told_by_a_label_source_that_says_of_which_event() -> None:
    logistics = load_domain("logistics")
    (estimate,) = logistics.model.estimates
    assert [source.name for source in logistics.label_sources] == ["failures"]
    for change, match in (
        (
            {"source": "work_orders"},
            "cannot have its truth from work_orders: it must be a label source",
        ),
        ({"field": "days"}, "lives has no field days"),
    ):
        model = replace(logistics.model, estimates=(replace(estimate, **change),))
        with pytest.raises(UsageError, match=match):
            replace(logistics, model=model)
    fewer = tuple(source for source in logistics.inputs.sources if source.name != "lives")
    own = replace(estimate, source="failures", field="failed")
    with pytest.raises(UsageError, match="no label source labels the scores"):
        replace(
            logistics,
            inputs=replace(logistics.inputs, sources=fewer),
            model=replace(logistics.model, estimates=(own,)),
        )


def test_a_tracker_is_told_what_was_joined_and_no_more() -> None:
    def start() -> Tracked:
        raise AssertionError("nothing begins here")

    events = Events(
        "s", *(np.zeros(2, np.int64) for _ in range(5)), *(as_objects("ab") for _ in range(2)), {}
    )
    joined = Joined(np.array([5, NO_TIME]), {"kind": as_objects(["repair", None])})
    joins = {"work": joined, "weather": joined}
    assert Tracker("t", start).with_joins(events, joins) is events
    told = Tracker("t", start, joined=("work",)).with_joins(events, joins)
    assert sorted(told.columns) == ["work.kind", "work.time"]
    assert told.integers("work.time").tolist() == [5, NO_TIME]
    assert told.strings("work.kind").tolist() == ["repair", None]
    assert not events.columns


def test_phrases_can_only_name_fields_of_the_trigger() -> None:
    retail = load_domain("retail")
    vector = replace(retail.features.vector, facts={"currency": "USD", "colour": "red"})
    with pytest.raises(UsageError, match=r"retail: .* has no field colour"):
        replace(retail, features=replace(retail.features, vector=vector))
    with pytest.raises(UsageError, match="is no format of value and usual: 'currency'"):
        replace(retail.features.vector, facts={})
    with pytest.raises(UsageError, match=r"is no format of value and usual: .*multiple values"):
        replace(retail.features.vector, facts={"currency": "USD", "value": "1"})
