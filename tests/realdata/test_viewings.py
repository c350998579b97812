"""MovieLens through the stream: every rating a view, and slates that beat the most popular."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamsim.benchmarks.public_data.datasets import MOVIELENS
from streamsim.producers.wire import finale, wire
from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.simulator.model_training import training_data
from streamsim.streams.domains.technology import SPEC
from streamsim.streams.domains.technology.model import build, slate_hits
from streamsim.streams.domains.technology.recommender import SlateClassifier
from streamsim.streams.statistics.intervals import difference, interval, per_draw
from streamsim.streams.topics import DEAD, topic
from tests.contract.runs import bodies
from tests.realdata.downloads import downloaded

HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"


def test_ratings_become_views_in_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "ratings.inter"
    rows = ["7\t31\t4\t880000500", "9\t12\t3\t880000100", "7\tx\t5\t880000300", "\t5\t2\t880000400"]
    path.write_text(HEAD + "\n".join([*rows, "7\t8\t9\t880000600"]) + "\n")
    slices = list(file_slices(SPEC, path))
    sent = bodies(slices, "views")
    known = [(b["user_id"], b["title_no"]) for b in sent if "user_id" in b and "title_no" in b]
    assert known[0] == ("u9", 12)  # the oldest
    assert ("u7", 31) in known
    domain = InProcess(SPEC)
    batches = list(wire(SPEC, slices))
    batches.append(finale(SPEC, max(batch.latest() for batch in batches)))
    out = list(domain.run(as_records(SPEC, batches)))
    dead = [r for r in out if r.topic == topic(SPEC.name, DEAD)]
    # No number for a title, no user, and a rating of nine stars.
    assert len(dead) == 3


@pytest.mark.slow
def test_slates_of_real_viewings_hit_more_than_the_most_popular() -> None:
    """Learnt from the first half of the time, asked for the second, with what was known by then."""
    data = training_data(SPEC, file_slices(SPEC, downloaded(MOVIELENS) / "ml-100k.inter"))
    assert len(data.labels) > 99_000
    data = data.take(np.argsort(data.times, kind="stable"))  # type: ignore[arg-type]
    half = len(data.labels) // 2
    model = build(0)
    model.fit(data.features[:half], data.labels[:half])
    assert isinstance(model, SlateClassifier)
    rest, played = data.features[half:], data.labels[half:]
    ours = slate_hits(model.recommend(rest)[1], played)
    popular = slate_hits(model.popular(rest), played)
    print(f"hit rate at 10: {ours.mean():.4f}, most popular {popular.mean():.4f}")
    gain = difference(
        *(per_draw(lambda w, v=v: float(np.average(v, weights=w))) for v in (ours, popular))
    )
    found = interval(gain, data.entities[half:].astype(str), draws=200)
    assert found.low > 0.05, found
