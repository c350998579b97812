"""Features are the same in a batch and in a stream, and what is fitted keeps no patient's words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from streamsim.consumers.featurize import extract_features
from streamsim.consumers.featurize.extraction import Extractor
from streamsim.streams.domains.healthcare.clinical.notes import LONGEST_NOTE
from streamsim.streams.domains.healthcare.clinical.trends import LastValues
from streamsim.streams.errors import ModelError, UsageError

WORDS = [
    "Denies chest pain.", "Cough and fever.", "CHF, takes Lasix.", "FAMILY HISTORY: stroke.",
    "Assessment: pneumonia.", "No edema but has dyspnea.",
]  # fmt: skip


def ward(rows: int = 200, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Make up what a hospital sends: units by laboratory, mistakes, notes that are not there."""
    random = np.random.default_rng(seed)
    in_mmol = random.random(rows) < 0.4
    glucose = random.normal(130, 30, rows)
    frame = pd.DataFrame(
        {
            "patient_id": random.integers(0, 30, rows).astype(str),
            "at": pd.Timestamp("2025-01-01", tz="UTC")
            + pd.to_timedelta(np.sort(random.integers(0, 60_000, rows)), unit="min"),
            "glucose": np.where(in_mmol, glucose / 18.0156, glucose).round(3),
            "glucose_unit": np.where(in_mmol, "mmol/L", "mg/dL"),
            "glucose_low": np.where(in_mmol, 3.9, 70.0),
            "glucose_high": np.where(in_mmol, 7.8, 140.0),
            "heart_rate": np.where(random.random(rows) < 0.1, 900.0, random.normal(80, 9, rows)),
            "stay": random.integers(1, 15, rows),
            "ward": random.choice(["a", "b", "c"], rows),
            "bed": [f"bed {i}" for i in range(rows)],
        },
        index=pd.Index([f"r{i}" for i in range(rows)]),
    )
    frame.loc[frame.index[::17], "glucose"] = np.nan
    notes = [" ".join(random.choice(WORDS, 3)) for _ in range(rows)]
    return frame, pd.Series(notes, index=frame.index).drop(frame.index[5::13])


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("cuts", [(), (1,), (50, 51, 120), tuple(range(1, 200))])
def test_a_stream_s_rows_are_the_batch_s(cuts: tuple[int, ...], hashed: bool) -> None:
    frame, notes = ward()
    fitted = extract_features(
        frame, notes, patient="patient_id", time="at", max_terms=64, hashed=hashed
    )
    last = LastValues()
    parts = [
        fitted.extractor.transform(frame.iloc[a:b], notes.reindex(frame.index[a:b]), last=last)
        for a, b in zip((0, *cuts), (*cuts, len(frame)), strict=True)
    ]
    assert np.array_equal(np.vstack([part.matrix for part in parts]), fitted.matrix)
    assert fitted.matrix.dtype == np.float32
    assert np.isfinite(fitted.matrix).all()
    assert len(set(fitted.names)) == len(fitted.names) == fitted.matrix.shape[1]


def test_units_make_no_difference() -> None:
    frame, _ = ward()
    one_unit = frame.copy()
    is_mmol = frame["glucose_unit"] == "mmol/L"
    for name in ("glucose", "glucose_low", "glucose_high"):
        one_unit[name] = frame[name].where(~is_mmol, frame[name] * 18.0156)
    one_unit["glucose_unit"] = "MG/DL"
    one, other = extract_features(frame), extract_features(one_unit)
    assert one.names == other.names
    np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-5)


def column(frame: pd.DataFrame, name: str, **options: object) -> list[float]:
    found = extract_features(frame, **options)  # type: ignore[arg-type]
    return found.matrix[:, found.names.index(name)].round(4).tolist()


def test_what_is_impossible_is_the_median_and_marked() -> None:
    frame = pd.DataFrame({"heart_rate": [60.0, 80.0, 100.0, 900.0, np.nan]})
    assert column(frame, "heart_rate") == [-1.0, 0.0, 1.0, 0.0, 0.0]
    assert column(frame, "heart_rate_impossible") == [0, 0, 0, 1, 0]
    assert column(frame, "heart_rate_missing") == [0, 0, 0, 1, 1]


def test_a_laboratory_s_own_range_goes_before_the_table_s() -> None:
    frame = pd.DataFrame({"sodium": [134.0, 134.0], "sodium_low": [133.0, np.nan],
                          "sodium_high": [146.0, np.nan]})  # fmt: skip
    assert column(frame, "sodium_below") == [0, 1]


def test_a_trend_is_since_the_patient_s_last_value() -> None:
    days = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-03", "2025-01-07"])
    frame = pd.DataFrame(
        {"who": ["a", "b", "a", "a", "a"], "when": days, "weight": [70.0, 90.0, 71.0, 72.0, 68.0]}
    )
    how = {"patient": "who", "time": "when"}
    # The quartiles are 70 and 72. Of the same instant none sees the other; the later one stays.
    assert column(frame, "weight_change", **how) == [0, 0, 0.5, 1.0, -2.0]
    assert column(frame, "weight_days_since", **how) == [-1, -1, 2, 2, 4]


def test_words_weigh_what_scikit_learn_says() -> None:
    notes = pd.Series(["pain pain here", "pain there", "ache here there", "ache"])
    found = extract_features(pd.DataFrame(index=notes.index), notes, min_df=1)
    first = next(i for i, name in enumerate(found.names) if name.startswith("note_term:"))
    words = [name.removeprefix("note_term:") for name in found.names[first:]]
    theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, vocabulary=words)
    np.testing.assert_allclose(
        found.matrix[:, first:], theirs.fit_transform(notes).toarray(), atol=1e-6
    )


def test_nothing_that_few_patients_have_is_kept(tmp_path: Path) -> None:
    frame, notes = ward()
    notes.iloc[:4] = "Mrs. Featherstonehaugh, call 555-0199. Cough."
    frame["ward"] = ["Featherstonehaugh wing", *frame["ward"].iloc[1:]]
    fitted = extract_features(frame, notes, patient="patient_id", time="at")
    path = tmp_path / "extractor.json"
    fitted.extractor.save(path)
    kept = path.read_text()
    for secret in ("eatherstone", "0199", "bed 1", "bed_1", "r17"):
        assert secret not in kept
    assert "note_term:cough" in fitted.names
    assert Extractor.load(path) == fitted.extractor


def test_a_term_of_one_patient_s_many_notes_is_not_kept() -> None:
    notes = pd.Series(["zebra", *["horse"] * 9, *["zebra"] * 20])
    frame = pd.DataFrame({"who": [*range(10), *[0] * 20]}, index=notes.index)
    names = extract_features(frame, notes, patient="who").names
    assert "note_term:horse" in names
    assert "note_term:zebra" not in names


def test_a_note_without_end_is_cut_and_marked() -> None:
    notes = pd.Series(["cough " * 1_000_000, "fever"])
    found = extract_features(pd.DataFrame(index=notes.index), notes, min_df=1)
    assert found.matrix[:, found.names.index("note_cut")].tolist() == [1, 0]
    assert found.matrix[0, found.names.index("note_words")] <= np.log1p(LONGEST_NOTE // 6 + 2)


def test_a_later_batch_may_lack_columns_and_have_others() -> None:
    frame, notes = ward()
    fitted = extract_features(frame, notes, patient="patient_id", time="at")
    later = frame.drop(columns=["glucose", "ward", "at"]).assign(new=1)
    again = fitted.extractor.transform(later)
    assert again.names == fitted.names
    assert (again.matrix[:, again.names.index("glucose_missing")] == 1).all()
    assert (again.matrix[:, again.names.index("ward=(missing)")] == 1).all()
    assert (again.matrix[:, again.names.index("note_missing")] == 1).all()
    assert len(fitted.extractor.transform(frame.iloc[:0], notes.iloc[:0]).matrix) == 0


def test_values_of_patients_that_are_long_gone_are_forgotten() -> None:
    last = LastValues(most=2)
    at = np.array([1, 2, 3, 4], np.int64) * 86_400_000
    last.observe("x", ["a", "b", "c", "b"], at, np.array([1.0, 2.0, 3.0, 4.0]))
    change, _ = last.observe("x", ["a", "b"], at[3:].repeat(2) + 1, np.array([5.0, 6.0]))
    assert len(last) == 2
    assert np.isnan(change[0])
    assert change[1] == 2.0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(schema=2),
        lambda d: d.pop("columns"),
        lambda d: d["columns"][0].update(scale=0.0),
        lambda d: d["columns"][0].update(analyte="mood"),
        lambda d: d["notes"]["weights"].pop(),
        lambda d: d["notes"]["settings"].update(max_terms=10**9),
        lambda d: d["notes"]["mentioned"].append(["__class__", "has"]),
    ],
)
def test_a_file_that_is_no_extractor_is_refused(spoil: object, tmp_path: Path) -> None:
    frame, notes = ward(60)
    path = tmp_path / "extractor.json"
    extract_features(frame[["glucose"]], notes, min_df=2).extractor.save(path)
    document = orjson.loads(path.read_bytes())
    spoil(document)  # type: ignore[operator]
    path.write_bytes(orjson.dumps(document))
    with pytest.raises((ModelError, UsageError)):
        Extractor.load(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"[]", b"null", b'{"schema": 1}'])
def test_a_file_of_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        Extractor.load(path)


def test_notes_that_do_not_align_are_refused() -> None:
    frame = pd.DataFrame({"stay": [1, 2]}, index=["a", "a"])
    with pytest.raises(UsageError, match="names some rows twice"):
        extract_features(frame, pd.Series(["x"], index=["a"]))
    with pytest.raises(UsageError, match="no note has the index"):
        extract_features(frame.reset_index(drop=True), pd.Series(["x"], index=["a"]))
    with pytest.raises(UsageError, match="no column who"):
        extract_features(frame, patient="who")
    with pytest.raises(UsageError, match="no rows"):
        extract_features(frame.iloc[:0])
