"""Health records in MEDS form as a stream: counts and features as pandas finds them by itself."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest

from streamsim.consumers.predict.prepared import Prepared
from streamsim.producers.batches import finale
from streamsim.producers.files import FileSource
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.domains.healthcare.clinical.items import ITEMS
from streamsim.streams.domains.healthcare.clinical.units import analyte
from streamsim.streams.domains.healthcare.files import FILES
from streamsim.streams.domains.healthcare.results import ANALYTES
from streamsim.streams.domains.healthcare.schema import LABEL_DELAY
from streamsim.streams.labels import label_of, read_labels
from streamsim.streams.privacy.keys import INVENTED
from streamsim.streams.privacy.pseudonyms import pseudonym
from streamsim.streams.spec import DAY, HOUR, DomainSpec
from tests.conftest import DATA

pytestmark = pytest.mark.slow
FILE = DATA / "healthcare" / "ehr_events.parquet"
Streamed = tuple[InProcess, pd.DataFrame, dict[str, list[dict[str, object]]], bytes]


@pytest.fixture(scope="module")
def healthcare() -> DomainSpec:
    return load_domain("healthcare")


@pytest.fixture(scope="module")
def record() -> Path:
    if not FILE.is_file():
        pytest.skip(f"no real data at {FILE}")
    return FILE


@pytest.fixture(scope="module")
def rows(record: Path) -> pd.DataFrame:
    table = pd.read_parquet(record)
    table["kind"] = table["code"].str.partition("//")[0]
    table["item"] = table["code"].str.split("//").str[1]
    table["ms"] = table["time"].dt.as_unit("ms").astype("int64")
    return table.sort_values("time", kind="stable")


@pytest.fixture(scope="module")
def stays(rows: pd.DataFrame) -> pd.DataFrame:
    """Every stay by pandas: who, when in and out, how; the first to come is the first to leave."""
    came = rows[rows["kind"] == "HOSPITAL_ADMISSION"].copy()
    left = rows[rows["kind"] == "HOSPITAL_DISCHARGE"].copy()
    for table in (came, left):
        table["place"] = table.groupby("subject_id").cumcount()
    both = left.merge(came, on=["subject_id", "place"], suffixes=("", "_in"))
    both["planned"] = both["item_in"].isin(["ELECTIVE", "SURGICAL SAME DAY ADMISSION"])
    return both.sort_values("ms", kind="stable").reset_index(drop=True)


@pytest.fixture(scope="module")
def streamed(healthcare: DomainSpec, record: Path) -> Streamed:
    frames: list[pd.DataFrame] = []
    sent: dict[str, list[bytes]] = {}
    keys: list[bytes] = []

    def watch(prepared: Prepared) -> None:
        frame = pd.DataFrame(prepared.features, columns=list(healthcare.features.vector.names))
        frame.index = pd.Index(prepared.events.event_id)
        frames.append(frame.assign(time=prepared.events.event_time, entity=prepared.events.entity))

    slices = list(file_slices(healthcare, record))
    for emission in (e for piece in slices for e in piece.emissions):
        sent.setdefault(emission.source, []).extend(emission.values)
        keys.extend(key for key in emission.keys if key)
    domain = InProcess(healthcare, watch=watch)
    batches = list(wire(healthcare, slices))
    batches.append(finale(healthcare, batches[-1].latest()))
    for _ in domain.run(as_records(healthcare, batches)):
        pass
    bodies = {source: [orjson.loads(v) for v in values] for source, values in sent.items()}
    text = b"\n".join([*(v for values in sent.values() for v in values), *keys])
    return domain, pd.concat(frames), bodies, text


def test_every_discharge_and_result_is_accounted_for(
    streamed: Streamed, rows: pd.DataFrame, stays: pd.DataFrame
) -> None:
    domain, found, bodies, _ = streamed
    alive = ~stays["item"].isin(["DIED", "HOSPICE"])
    account = domain.pipeline.account.total("discharges")
    assert len(bodies["discharges"]) == account["no_model"] == len(found) == alive.sum() == 255
    results = (rows["kind"] == "LAB") & rows["item"].isin(ITEMS) & rows["value"].notna()
    expected = {
        "admissions": int((rows["kind"] == "HOSPITAL_ADMISSION").sum()),
        "labs": int(results.sum()),
        "visits": int((rows["kind"] == "ED_REGISTRATION").sum()),
    }
    for source, count in expected.items():
        total = domain.pipeline.account.total(source)
        assert len(bodies[source]) == total["applied"] == count, source
        assert total["late"] == total["dead"] == total["duplicate"] == 0, source
    assert account["late"] == account["dead"] == account["duplicate"] == 0
    analytes = pd.Series([body["analyte"] for body in bodies["labs"]]).value_counts()
    by_item = rows["item"][results].map(ITEMS).value_counts()
    pd.testing.assert_series_equal(
        analytes.sort_index(), by_item.sort_index(), check_names=False, check_index_type=False
    )


def test_what_is_no_event_is_counted_by_its_kind(
    healthcare: DomainSpec, record: Path, rows: pd.DataFrame, stays: pd.DataFrame,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    kind = next(k for k in FILES if k.kinds)
    source = FileSource(healthcare.inputs, record, kind, healthcare.longest_delay)
    sent = sum(len(e) for piece in source.slices() for e in piece.emissions)
    assert source.unused.total() + sent == len(rows) == 916_166
    used = {"LAB": 0, "HOSPITAL_DISCHARGE": 255, "HOSPITAL_ADMISSION": 275, "ED_REGISTRATION": 181}
    for name, count in rows["kind"].value_counts().items():
        if name != "LAB":
            assert source.unused[str(name)] == count - used.get(str(name), 0), name
    assert "rows are no event of any source: LAB" in caplog.text
    assert not any(str(who) in caplog.text for who in rows["subject_id"].unique())


def test_readmissions_are_those_that_pandas_finds(
    healthcare: DomainSpec, streamed: Streamed, stays: pd.DataFrame
) -> None:
    """The label is an unplanned return within 30 days; the last stay has none: the file ends."""
    domain, found, bodies, _ = streamed
    back = {}
    for row in stays[~stays["item"].isin(["DIED", "HOSPICE"])].itertuples():
        own = stays[(stays["subject_id"] == row.subject_id) & ~stays["planned"]]
        came = (own["ms_in"] > row.ms) & (own["ms_in"] <= row.ms + 30 * DAY)
        back[pseudonym(str(row.subject_id), INVENTED, "patient"), row.ms] = int(came.any())
    said = [orjson.dumps(body) for body in bodies["readmissions"]]
    label, known = label_of(
        healthcare.labels, read_labels(healthcare.labels, said), found.index.tolist()
    )
    whose = list(zip(found["entity"], found["time"].tolist(), strict=True))
    assert set(whose) == set(back)
    last = max(time for _, time in whose)
    for one, value, is_known in zip(whose, label.tolist(), known.tolist(), strict=True):
        assert is_known or one[1] + LABEL_DELAY >= last, one
        assert not is_known or value == back[one], one
    print(f"{known.sum()} labels, {label[known].sum()} readmitted of {sum(back.values())}")
    assert domain.pipeline.account.total("readmissions")["applied"] == known.sum() >= 250


def test_features_equal_the_batch(
    streamed: Streamed, rows: pd.DataFrame, stays: pd.DataFrame
) -> None:
    """Stay, earlier stays, arrivals, diagnoses known by then, and the newest result of each kind.

    Results count from four hours after they were taken, for a year.
    """
    _, found, _, _ = streamed
    by_stay = found.set_index(["entity", "time"])
    labs = rows[(rows["kind"] == "LAB") & rows["item"].isin(ITEMS) & rows["value"].notna()]
    labs = labs.assign(analyte=labs["item"].map(ITEMS))
    of = dict(list(labs.groupby("subject_id")))
    for row in stays[~stays["item"].isin(["DIED", "HOSPICE"])].itertuples():
        here = by_stay.loc[(pseudonym(str(row.subject_id), INVENTED, "patient"), row.ms)]
        own = rows[(rows["subject_id"] == row.subject_id) & (rows["ms"] <= row.ms)]
        assert here["days"] == max(1, round((row.ms - row.ms_in) / DAY))
        arrived = own["ms"][own["kind"] == "ED_REGISTRATION"]
        assert here["emergency_year"] == (arrived >= row.ms - 365 * DAY).sum()
        left = own["ms"][(own["kind"] == "HOSPITAL_DISCHARGE") & (own["ms"] < row.ms)]
        assert here["inpatient_year"] == (left >= row.ms - 365 * DAY).sum()
        coded = own[(own["kind"] == "DIAGNOSIS") & (own["ms"] < row.ms)]
        assert here["diagnoses"] == coded["code"].nunique()
        taken = of[row.subject_id]
        taken = taken[taken["ms"].between(row.ms - 4 * HOUR - 365 * DAY, row.ms - 4 * HOUR)]
        for name in ANALYTES:
            values = taken["value"][taken["analyte"] == name]
            low, high = analyte(name).possible
            values = values[values.between(low, high)]
            at = taken.loc[values.index, "ms"]
            if not len(values):
                assert here[name] == -1, name
            else:  # of several at the same instant any is the newest
                newest = values[at == at.max()].astype(np.float64)
                assert np.isclose(newest, here[name], rtol=1e-5).any(), name


def test_no_number_of_a_patient_is_sent(streamed: Streamed, rows: pd.DataFrame) -> None:
    text = streamed[3]
    for who in rows["subject_id"].unique():
        assert str(who).encode() not in text
