"""Quality of the text features alone: the section that a piece of a real note is from.

Ben Abacha, Yim, Fan and Lin (2023), An Empirical Study of Clinical Note Generation from
Doctor-Patient Encounters (MTS-Dialog), *EACL*: 20 sections. Their own task starts from the
dialogue, so their figures are not comparable.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from streamsim.consumers.featurize import extract_features
from streamsim.streams.errors import SourceError
from streamsim.streams.statistics.intervals import Interval

TRAIN, TEST = "notes_train.csv", "notes_valid.csv"
MIN_DF, MAX_TERMS, STRENGTH = 3, 6_000, 1.0
"""Chosen by cross-validation within the training notes."""
_DRAWS = 2_000


def run(folder: Path) -> dict[str, Any]:
    """Fit on the training notes, test on the others; return accuracy and the baseline's.

    Raises
    ------
    SourceError
        If a file is missing or lacks columns.
    """
    from sklearn.svm import LinearSVC

    train, test = (_read(folder / name) for name in (TRAIN, TEST))
    nothing = pd.DataFrame(index=train.index)
    fitted = extract_features(nothing, train["section_text"], min_df=MIN_DF, max_terms=MAX_TERMS)
    model = LinearSVC(C=STRENGTH, random_state=0).fit(fitted.matrix, train["section_header"])
    unseen = fitted.extractor.transform(pd.DataFrame(index=test.index), test["section_text"])
    right = (model.predict(unseen.matrix) == test["section_header"].to_numpy()).astype(np.float64)
    most_common = train["section_header"].mode()[0]
    random = np.random.default_rng(0)
    drawn = right[random.integers(len(right), size=(_DRAWS, len(right)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        "trained": len(train),
        "tested": len(test),
        "sections": int(train["section_header"].nunique()),
        "features": len(fitted.names),
        "accuracy": Interval(float(right.mean()), float(low), float(high)).as_dict(),
        "majority": float((test["section_header"] == most_common).mean()),
    }


def _read(path: Path) -> pd.DataFrame:
    try:
        rows = pd.read_csv(path, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: {error}") from None
    if lacking := {"section_header", "section_text"} - set(rows):
        raise SourceError(f"{path.name}: no column {', '.join(sorted(lacking))}")
    return rows
