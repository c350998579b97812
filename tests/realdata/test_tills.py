"""The real tills of three vendors: every line in its class, every feature as pandas has it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from streamsim.consumers.predict.prepared import Prepared
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.events import Outbound
from streamsim.streams.spec import DAY, DomainSpec
from streamsim.streams.topics import DEAD, topic
from tests.realdata.reference import visits

pytestmark = pytest.mark.slow

_KNOWN = ("visits", "lines", "spent", "basket", "saved", "days_since_last", "overdue")


@pytest.fixture(scope="module")
def whole(retail: DomainSpec, tills: Path) -> tuple[InProcess, pd.DataFrame, list[Outbound]]:
    """The month in process, with the features of every line."""
    rows: list[pd.DataFrame] = []

    def watch(prepared: Prepared) -> None:
        events = prepared.events
        frame = pd.DataFrame(prepared.features, columns=list(retail.features.vector.names))
        frame.index = pd.Index(events.event_id)
        own = {n: events.columns[n] for n in ("amount_cents", "discount_cents", "line_no")}
        rows.append(frame.assign(time=events.event_time, entity=events.entity, **own))

    domain = InProcess(retail, watch=watch)
    batches = list(wire(retail, file_slices(retail, tills)))
    batches.append(finale(retail, batches[-1].latest()))
    out = list(domain.run(as_records(retail, batches)))
    return domain, pd.concat(rows), out


def test_every_line_is_in_its_class(
    whole: tuple[InProcess, pd.DataFrame, list[Outbound]], tills: Path
) -> None:
    """Good lines with a household scored, those without filtered, copies and wrecks told apart."""
    vendors = json.loads((tills / "truth.json").read_text())["vendors"].values()
    truth = {name: sum(vendor[name] for vendor in vendors) for name in next(iter(vendors))}
    found = whole[0].pipeline.account.total("tills")
    assert found["no_entity"] == truth["no_household"]
    assert found["duplicate"] == truth["duplicates"]
    assert found["dead"] == truth["malformed"]
    assert found["late"] == 0
    good = found["no_model"] + found["scored"] + found["no_entity"]
    assert good == truth["good_lines"]


def test_a_dead_line_keeps_the_bytes_that_the_vendor_wrote(
    whole: tuple[InProcess, pd.DataFrame, list[Outbound]], tills: Path, retail: DomainSpec
) -> None:
    written = b"\n".join(path.read_bytes() for path in sorted(tills.glob("pos_vendor_*")))
    dead = [r.value for r in whole[2] if r.topic == topic(retail.name, DEAD)]
    assert len(dead) == 124
    assert all(value in written for value in dead if value is not None)


def test_instants_are_in_march_where_the_stores_are(
    whole: tuple[InProcess, pd.DataFrame, list[Outbound]],
) -> None:
    times = pd.to_datetime(whole[1]["time"], unit="ms", utc=True)
    assert times.min() >= pd.Timestamp("2017-03-01", tz="America/New_York")
    assert times.max() < pd.Timestamp("2017-04-01", tz="America/New_York")


def test_features_equal_pandas_row_for_row(
    whole: tuple[InProcess, pd.DataFrame, list[Outbound]],
) -> None:
    """Of lines that came in order: the others met what had come by then."""
    streamed = whole[1]
    expected = visits(streamed[["time", "entity", "amount_cents", "discount_cents", "line_no"]])
    names = [n for n in expected if n.startswith(_KNOWN)]
    # Late lines count for those that come after them, so that only the first days of households
    # whose lines all came in order can be told from the table alone.
    in_order = streamed.groupby("entity")["time"].transform(lambda t: t.is_monotonic_increasing)
    assert in_order.mean() > 0.2
    for name in names:
        np.testing.assert_allclose(
            streamed.loc[in_order, name], expected.loc[in_order, name], rtol=2e-6, err_msg=name
        )


def test_most_outcomes_of_the_first_half_are_known(
    whole: tuple[InProcess, pd.DataFrame, list[Outbound]],
) -> None:
    streamed = whole[1]
    early = streamed["time"] < streamed["time"].min() + 14 * DAY
    applied = whole[0].pipeline.account.total("outcomes")["applied"]
    assert applied >= early.sum()
