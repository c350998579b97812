"""Headers of scores by column are those of each score."""

from __future__ import annotations

import dataclasses

import numpy as np

from streamsim.consumers.predict.plans import Answering
from streamsim.consumers.predict.score_headers import ScoreHeaders
from streamsim.streams.signature import Signature
from streamsim.streams.spec import DomainSpec
from tests.property.chained import signature


def test_each_score_has_its_features_and_its_source(finance: DomainSpec) -> None:
    own: Signature = signature(finance)
    headers = ScoreHeaders(
        Answering((own,)), "finance.transactions", 3, np.array([7, 9]), [b"a", b"b"]
    )
    assert len(headers) == len(list(headers)) == 2
    assert headers[1] == list(headers)[1]
    assert dict(headers[1]) == {
        "model": own.model.encode(),
        "model_version": own.version.encode(),
        "feature_hash": own.feature_hash.encode(),
        "features": b"b",
        "source_topic": b"finance.transactions",
        "source_partition": b"3",
        "source_offset": b"9",
    }


def test_a_correction_names_its_event(finance: DomainSpec) -> None:
    headers = ScoreHeaders(Answering((signature(finance),)), "t", 0, np.array([7]), [b"a"])
    correcting = dataclasses.replace(headers, corrects=["tx-1"])
    assert headers[0][:4] == correcting[0][:4]
    assert correcting[0][4:] == [("corrects", b"tx-1")]


def test_each_score_names_its_own_version_and_a_shadow_has_no_features(
    finance: DomainSpec,
) -> None:
    own = signature(finance)
    both = Answering((own, dataclasses.replace(own, version="2")), np.array([1, 0, 1]))
    headers = ScoreHeaders(both, "t", 0, np.array([7, 8, 9]), [b"a", b"b", b"c"])
    assert [dict(one)["model_version"] for one in headers] == [b"2", b"1", b"2"]
    assert headers.versions == ["2", "1", "2"]
    beside = dataclasses.replace(headers, features=None)
    assert len(beside) == 3
    assert [
        {**dict(one), "features": own} for one, own in zip(beside, (b"a", b"b", b"c"), strict=True)
    ] == [dict(one) for one in headers]
